"""A kind of edit with what plans it. Each module beside this one defines kinds: ``KINDS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from patcher.patchfile.kinds import Kind, kind_of

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.matching.deciding import Result
    from patcher.rewrite.matching.regions import File

NOTHING: Mapping[str, bytes] = MappingProxyType({})
Planner = Callable[["File", "Edit", Mapping[str, bytes]], "Result"]


@dataclass(frozen=True, eq=False, repr=False)
class PlannedKind(Kind):
    """A kind that looks inside a file.

    Attributes:
        plan: given the file, the edit and what travels with the spec, it returns what becomes of
            the edit, and the splices that do it. It changes nothing itself.
    """

    plan: Planner | None = None


def plan(file: File, edit: Edit, attachments: Mapping[str, bytes] = NOTHING) -> Result:
    """What becomes of one edit of a file.

    Raises:
        TypeError: the kind is about the file as a whole.
    """
    kind = kind_of(edit)
    if not isinstance(kind, PlannedKind) or kind.plan is None:
        raise TypeError(f"`{kind.key}` is not planned inside a file")
    return kind.plan(file, edit, attachments)
