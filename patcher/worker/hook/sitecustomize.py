"""Follows edited lines in a Python process that a command starts: see `patcher.worker.following`.

Python imports a module of this name when it starts. The environment's own one comes after it.
"""

import importlib
import importlib.util
import os
import sys

FOLDER = os.path.dirname(os.path.abspath(__file__))


def follow() -> None:
    """Load what follows lines by its path: this process may have no patcher."""
    place = os.path.join(os.path.dirname(FOLDER), "lines.py")
    spec = importlib.util.spec_from_file_location("_patcher_lines", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.follow_process(os.environ["PATCHER_FOLLOW"])


def import_next() -> None:
    """Import the ``sitecustomize`` that this file stands before, if there is one."""
    own = sys.modules.pop("sitecustomize")
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != FOLDER]
    try:
        importlib.import_module("sitecustomize")
    except ImportError:
        sys.modules["sitecustomize"] = own


if "PATCHER_FOLLOW" in os.environ:
    follow()
import_next()
