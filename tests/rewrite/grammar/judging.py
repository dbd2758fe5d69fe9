"""What became of a case: written as it must be, refused by name, or a defect."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from patcher.patchfile.model import EditStatus
from patcher.rewrite.file import Rewritten, rewrite_file
from patcher.rewrite.outcome import EditOutcome
from patcher.rewrite.replay import replay, replay_modes
from tests.rewrite.grammar.cases import Case, dump
from tests.rewrite.grammar.comments import left_elements, strayed

REFUSED = (
    "LibCST does not print these lines as they are written",
    "LibCST does not read a form feed before a statement",
    "LibCST does not print a form feed as it is written",
    "the statement shares its line",
    "it changes what another edit of this patch changes",
    "cannot be written in",  # the encoding of the file
    "Python would no longer read it as",
    "which a field of an f-string cannot hold before Python 3.12",
)
"""What is refused by name, and rightly: code that LibCST cannot keep, blocks on a line with `;`."""
FINE, REFUSAL, WRONG, LOST, CRASH = "fine", "refused", "wrong", "lost comments", "crash"
MOVED = "comments at something else"
DEFECTS = (WRONG, LOST, MOVED, CRASH)
_ADD = ("before", "after")  # what a hole holds stays, and may be written once more
_KEEP_PLACE = (
    "list", "shorter list", "decorators", "match", "before", "after", "delete", "transform",
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """``what`` is one of the words above; ``why`` says more, for a refusal its code."""

    what: str
    why: str = ""

    @property
    def is_defect(self) -> bool:
        return self.what in DEFECTS


def judge(case: Case, twice: bool = True, named: bool = True) -> Verdict:
    """Rewrite a case and say what came of it.

    Args:
        twice: the result is rewritten again, which may change nothing.
        named: comments that cannot be kept must be named.
    """
    try:
        return _judged(case, twice, named)
    except Exception as error:  # the point of a generated case
        return Verdict(CRASH, f"{type(error).__name__}: {error}")


def _judged(case: Case, twice: bool, named: bool) -> Verdict:
    if case.files:
        return _as_files(case)
    edits = case.patch.edits
    result = rewrite_file("m.py", case.content, edits, case.attachments)
    for outcome in result.outcomes:
        if outcome.status is not EditStatus.READY:
            return _refused(outcome)
    assert result.content is not None
    if not result.content.startswith(case.bom):
        return Verdict(WRONG, "the byte order mark is gone")
    after = result.content.removeprefix(case.bom).decode(case.encoding)
    if case.text is not None:
        return Verdict(FINE) if after == case.text else Verdict(WRONG, "other characters")
    if case.encoding != "utf-8" and "coding:" not in "".join(after.splitlines(True)[:2]):
        return Verdict(WRONG, "the line that says the encoding has moved")
    if dump(after) != case.tree:
        return Verdict(WRONG, "another tree")
    if named and (lost := _gone(case.source, after, result)):
        return Verdict(LOST, ", ".join(lost))
    if case.kind in _KEEP_PLACE and (moved := strayed(case.source, after)):
        return Verdict(MOVED, ", ".join(moved))
    if case.kind == "shorter list" and (lost := left_elements(case.source, after)):
        return Verdict(MOVED, ", ".join(lost))
    if case.kind not in _ADD and (doubled := _doubled(case, after)):
        return Verdict(MOVED, ", ".join(doubled))
    one = all(len(each.sites) == 1 for each in result.outcomes)  # several may make another site
    if twice and one and (why := _again(case, result.content)):
        return Verdict(WRONG, why)
    return Verdict(FINE)


def _as_files(case: Case) -> Verdict:
    """Replay the patch on a tree; bytes and modes of every file must be right."""
    pristine = {path: data for path, (data, _) in case.files.items()}
    bits = {path: mode for path, (_, mode) in case.files.items()}
    files = {**pristine, **replay(pristine.get, [case.patch])}
    modes = {**bits, **replay_modes(pristine.get, bits.get, [case.patch])}
    made = {p: (data, modes.get(p, 0o644)) for p, data in files.items() if data is not None}
    return Verdict(FINE) if made == case.files_after else Verdict(WRONG, "other files")


def _refused(outcome: EditOutcome) -> Verdict:
    known = next((each for each in REFUSED if each in outcome.message), None)
    code = outcome.code or outcome.status.value
    if known is not None:
        return Verdict(REFUSAL, f"{code}: {known}")
    return Verdict(WRONG, f"{code}: {outcome.message} {' | '.join(outcome.details)}")


def _gone(before: str, after: str, result: Rewritten) -> list[str]:
    """Comments of the source that the result does not have and no note names."""
    named = [
        note.rsplit("comment: ", 1)[-1].rstrip(" \\")
        for each in result.outcomes
        for note in each.notes
    ]
    present = {*re.findall(r"# c\d+", after), *named}
    return [each for each in re.findall(r"# c\d+", before) if each not in present]


def _doubled(case: Case, after: str) -> list[str]:
    """Comments that the result has more often, though no hole is written twice."""
    holes = re.findall(r"\$+[A-Z]\w*", case.edits.partition("with:")[2].partition("within:")[0])
    if len(set(holes)) < len(holes):
        return []
    old, new = (Counter(re.findall(r"# c\d+", each)) for each in (case.source, after))
    return [f"{each} is there twice" for each in new if new[each] > old[each]]


def _again(case: Case, content: bytes) -> str:
    """What is wrong with applying the patch to its own result; empty when nothing is."""
    edits = case.patch.edits
    second = rewrite_file("m.py", content, edits, case.attachments)
    if second.content is not None and second.content != content:
        return "applied twice, it changes the text twice"
    return ""
