import sys

from patcher import CallablePackage

sys.modules[__name__].__class__ = CallablePackage
