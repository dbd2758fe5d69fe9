"""The page of a verification and its pictures: drawn with the run, or when somebody asks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.store.reports import PAGE, Reports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.report.sound import Sounds
    from patcher.store.folders import Folders


def page_of(workspace: Folders, number: int) -> Path:
    """The page of a run. One that was not drawn with it is drawn now, from its result.

    Raises:
        PatcherError: ``unknown-run``, ``state-damaged``.
        OSError: it cannot be written.
    """
    path = Reports(workspace).path(number) / PAGE
    if not path.exists() or not path.stat().st_size:
        from patcher.report.page import render
        from patcher.report.reading import read_record

        text = render(read_record(Reports(workspace).read(number).result))
        handle, partial = tempfile.mkstemp(prefix=".page-", dir=path.parent)
        try:
            with open(handle, "wb") as file:
                file.write(text.encode("utf-8", "replace"))
            os.chmod(partial, 0o644)
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    return path


def draw_with_run(
    result: Mapping[str, Any], sounds: Mapping[tuple[str, str], Sounds], folder: Path
) -> None:
    """The page and the pictures, as SVG and PNG, of a run that has something to hear or to plot.

    Everything on another page comes from the result: it can wait until somebody asks.
    """
    has_sound = any(each.baseline or each.patched for each in sounds.values())
    if not has_sound and not result.get("speed") and not result.get("life"):
        return
    from patcher.report.charts import charts
    from patcher.report.page import render
    from patcher.report.reading import read_record

    record = read_record(result)
    (folder / PAGE).write_bytes(render(record, sounds).encode("utf-8", "replace"))
    for chart in charts(record):
        (folder / f"{chart.name}.svg").write_text(chart.svg() + "\n", encoding="utf-8")
        (folder / f"{chart.name}.png").write_bytes(chart.png())
