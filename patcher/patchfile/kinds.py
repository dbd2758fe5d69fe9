"""The kinds of edit: what a kind is in a spec, and where its definition is found.

A kind is defined once, in a module of `patcher.rewrite.kinds`: its key, what a spec may say with
it, and how it is planned. Specs are read in a layer below that package, so its modules are found by
name, as installed catalogues and targets are. They import no LibCST until they plan.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from patcher.patchfile import nodes
from patcher.patchfile.model import Edit, EditKind, Mark

if TYPE_CHECKING:
    from patcher.patchfile.holes import Parsed

HOME = "patcher.rewrite.kinds"
"""The package whose modules define kinds, each in a tuple ``KINDS``."""


class Level(Enum):
    """What an edit looks at."""

    CODE = "code"  # Python, by its syntax
    LINES = "lines"  # lines of any text file, as they are
    FILE = "file"  # no text: what becomes of a file as a whole


class ProblemList(Protocol):
    """Where everything wrong with a spec is collected."""

    def add(self, mark: Mark, message: str, hint: str = "") -> None: ...


class Reading(Protocol):
    """The reader of a spec, as the check of a kind sees it."""

    @property
    def problems(self) -> ProblemList: ...

    def file(self, entry: nodes.Mapping, key: str, what: str) -> str:
        """A path relative to the import root."""

    def attached(self, entry: nodes.Mapping, key: str, path: str) -> None:
        """Take along a file that lies beside the spec."""

    def code(self, entry: nodes.Mapping, edit: Edit, *, allow_empty: bool = False) -> None:
        """Check the pattern and the replacement: Python, with holes that are bound."""


Check = Callable[[Reading, nodes.Mapping, Edit], None]


def check_code(reader: Reading, entry: nodes.Mapping, edit: Edit) -> None:
    """The usual check: what the edit says is Python, and not empty."""
    reader.code(entry, edit)


def any_shape(key: str, parsed: Parsed) -> str:
    """The usual shape: any statements or expression."""
    return ""


@dataclass(frozen=True, eq=False, repr=False)  # one object a kind; made at every start
class Kind:
    """One kind of edit, as a spec says it. It stands in a spec as ``key: VALUE``.

    Attributes:
        order: its place in the schema and in lists of kinds.
        summary: one sentence for editors and the reference.
        holds: what its key holds, see `patcher.patchfile.keys.Key`.
        pattern: a regular expression its whole value must match, when there is one.
        level: what it looks at.
        needs_with: it needs `with`; other kinds take none.
        takes_within: it may name a definition; ``needs_within``: it must.
        takes_was: it may say which bytes it is meant for; ``needs_was``: it must.
        seeks: its value is what to find; otherwise it is what is written.
        of_definition: its site is a definition; elsewhere it means another definition of the name.
        at_top: it changes the top level of the file alone.
        guardable: whether its change can be chosen at run time.
        check: adds to the reader's problems what is wrong with one edit.
        shape: why a key (``key`` or ``with``) may not hold some Python; empty when it may.
    """

    key: str
    order: int
    summary: str
    holds: str = "python"
    pattern: str = ""
    level: Level = Level.CODE
    needs_with: bool = False
    takes_within: bool = True
    needs_within: bool = False
    takes_was: bool = False
    needs_was: bool = False
    seeks: bool = True
    of_definition: bool = False
    at_top: bool = False
    guardable: bool = True
    check: Check = check_code
    shape: Callable[[str, Parsed], str] = any_shape

    @property
    def name(self) -> EditKind:
        return EditKind(self.key)

    def fits(self, value: str) -> bool:
        """Whether ``pattern`` allows a value."""
        return not self.pattern or re.fullmatch(self.pattern, value) is not None


@cache
def kinds() -> Mapping[EditKind, Kind]:
    """Every kind of edit, in its order."""
    home = import_module(HOME)
    modules = [import_module(each.name) for each in iter_modules(home.__path__, f"{HOME}.")]
    result: list[Kind] = [kind for module in modules for kind in getattr(module, "KINDS", ())]
    return MappingProxyType({k.name: k for k in sorted(result, key=lambda kind: kind.order)})


def kind_of(edit: Edit) -> Kind:
    """What kind an edit is of."""
    return kinds()[edit.kind]
