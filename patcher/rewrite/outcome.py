"""What rewriting says of one edit: frozen values without LibCST, so that they can be kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit, EditStatus


@dataclass(frozen=True)
class Site:
    """A place in a source file; lines and columns count from 1, columns in characters.

    ``text`` is the first line of the site; ``within`` the qualified name of the innermost
    definition around it; ``note`` says how a closest miss differs.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str
    within: str = ""
    note: str = ""


@dataclass(frozen=True)
class EditOutcome:
    """One edit on one state of its file.

    Attributes:
        status: what can be done with it.
        sites: those to rewrite, or (``already``) those that are written.
        count: how many sites the edit has, to hold against ``expect``.
        closest: for ``missing``, the place most like the pattern.
        message: one sentence when the status is not ready or already.
        hint: the next step, when it is known better than by the status alone.
        code: the row of the error table, when it is not the status.
        details: lines below the message.
        notes: what a reader should know though the edit can be written: comments that it drops.
        written: for edits whose text is made and not copied, the Python at each of the sites.
    """

    edit: Edit
    status: EditStatus
    sites: tuple[Site, ...] = ()
    count: int = 0
    closest: Site | None = None
    message: str = ""
    hint: str = ""
    code: str = ""
    details: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
