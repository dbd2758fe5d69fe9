"""The second opinion on `transform`: the function is trusted, where its result stands is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.patchfile.python import parse_python
from patcher.rewrite.oracle.reading import Reader

if TYPE_CHECKING:
    from patcher.patchfile.model import Edit
    from patcher.rewrite.oracle.work import Work
    from patcher.rewrite.outcome import Site


def _transform(work: Work, edit: Edit, site: Site, text: str) -> None:
    start, end = work.lines.span(site)
    work.edited.append((start, end))
    run = work.run(((start[0], 0), end))
    values = Reader().items(parse_python(text).body)
    if work.lines.lines[start[0] - 1][:1] in (" ", "\t"):  # it was read under a class
        values = values[0][3]
    work.expected.change(run.block, run.first, run.last, lambda: values)
    for each in run.block[run.first : run.last]:
        work.expected.touch(each)


OPINIONS = {"transform": _transform}
