"""Hums a text."""

from hum.voice import Hum

__version__ = "1.0"
__all__ = ["Hum"]
