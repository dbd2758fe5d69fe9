"""`patcher explain`: one error code, or all of them, from the table of errors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from patcher.errors import MEANS, TABLE, Exit, PatcherError, nearest
from patcher.results import ErrorHelp, ExplainResult

if TYPE_CHECKING:
    from patcher.report.console import Line

# What each exit status says of the files.
TOUCHED: Mapping[Exit, str] = {
    Exit.FAILED: "A check failed, or a verification: then every byte was put back, unless --keep.",
    Exit.USAGE: "Nothing was touched.",
    Exit.REFUSED: "Nothing was touched.",
    Exit.NEEDS_PERSON: "Nothing was lost: both copies are kept, and the message names them.",
    Exit.LOCKED: "Nothing was touched: another run holds the workspace.",
    Exit.CANNOT_JUDGE: "The patches were kept: they are not what fails.",
    Exit.INTERRUPTED: "What had begun was put back; what is finished is kept: repeat it to go on.",
}


def explain(code: str | None) -> ExplainResult:
    """The one asked for, or all.

    Raises:
        PatcherError: ``usage`` for a code that does not exist.
    """
    if code is not None:
        code = code.removeprefix("error").strip("[]: ")
        if code not in TABLE:
            hint = nearest(code, TABLE, otherwise="`patcher explain` lists them")
            raise PatcherError("usage", f"there is no error {code!r}", hint=hint)
    names = [code] if code is not None else list(TABLE)
    return ExplainResult([_entry(name) for name in names])


def _entry(code: str) -> ErrorHelp:
    row = TABLE[code]
    return ErrorHelp(
        code,
        row.title,
        MEANS.get(code, f"{row.title}."),
        int(row.exit),
        TOUCHED[row.exit],
        row.help,
    )


def lines(result: ExplainResult, width: int) -> Iterable[Line]:
    """The same for people."""
    from patcher.report.console import Line
    from patcher.report.verdict import columns, labelled
    from patcher.report.wrapping import wrap

    errors = result.errors
    if len(errors) > 1:
        rows = [["code", "exit", "title"], *([e.code, str(e.exit), e.title] for e in errors)]
        head, *rest = columns(rows)
        yield Line(head, "bold")
        yield from map(Line, rest)
        yield Line("`patcher explain CODE` says more of one", "dim")
        return
    (each,) = errors
    yield Line(f"{each.code}: {each.title}", "bold")
    for part in wrap(each.means, width):
        yield Line(part)
    for label, value in (("files", each.touched), ("what to do", each.help),
                         ("exit", str(each.exit))):  # fmt: skip
        for part in labelled(label, value, width, "  "):
            yield Line(part)
