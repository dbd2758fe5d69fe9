"""Tables in the documentation, kept between two markers and written by the benchmarks."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from patcher.execution import machine as host


def write_table(page: Path, name: str, text: str) -> None:
    """Replace what is between ``<!-- name -->`` and ``<!-- /name -->`` in a page.

    Raises:
        ValueError: the page lacks one of the markers.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{page} has no place for {name}")
    page.write_text(f"{before}{begin}\n{text.strip()}\n\n{end}{after}", encoding="utf-8")


def circumstances(day: str) -> str:
    """Date, machine and versions, in one line."""
    facts = host.fingerprint().facts
    versions = []
    for name in ("torch", "chatterbox-tts", "transformers"):
        try:
            versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return (
        f"{day}; {facts['processor'] or platform.machine()}, {facts['processors']} processors, "
        f"{facts['memory_gib']} GiB, no GPU; Python {sys.version.split()[0]}, "
        f"{', '.join(versions)}."
    )


if __name__ == "__main__":  # python -m docs.tables PAGE NAME < table
    write_table(Path(sys.argv[1]), sys.argv[2], sys.stdin.read())
