"""What plans each kind of edit. A kind registers itself where it is defined, in its own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit, EditKind
    from patcher.rewrite.matching.regions import File
    from patcher.rewrite.outcome import Outcome
    from patcher.rewrite.splice import Splice

    Planner = Callable[[File, Edit, Mapping[str, bytes]], tuple[Outcome, list[Splice]]]
    P = TypeVar("P", bound=Planner)

NOTHING: Mapping[str, bytes] = MappingProxyType({})
_PLANNERS: dict[EditKind, Planner] = {}


def plans(*kinds: EditKind) -> Callable[[P], P]:
    """Make a function the planner of some kinds of edits.

    It is given the file, the edit and what travels with the spec, and returns what becomes of the
    edit, and the splices that do it.
    """

    def register(planner: P) -> P:
        _PLANNERS.update(dict.fromkeys(kinds, planner))
        return planner

    return register


def planner(kind: EditKind) -> Planner:
    """What plans a kind of edit inside a file.

    Raises:
        KeyError: nothing does: the kind is about the file as a whole.
    """
    load()
    return _PLANNERS[kind]


@cache
def load() -> None:
    """Import every file of this package, LibCST with them."""
    from patcher.rewrite import kinds

    for module in iter_modules(kinds.__path__, f"{kinds.__name__}."):
        import_module(module.name)
