"""The store's own fixtures: a folder in memory, and the check that no observer is left."""

from __future__ import annotations

from tests.store.conftest import _no_observer_is_left, tmp_path

__all__ = ["_no_observer_is_left", "tmp_path"]
