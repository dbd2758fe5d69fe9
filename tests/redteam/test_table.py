"""The published table is the one that the command prints."""

from __future__ import annotations

from pathlib import Path

from tests.redteam.rate import kinds, report

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_published_table_is_what_the_command_prints() -> None:
    assert report() in (REPOSITORY / "SECURITY.md").read_text()


def test_the_readme_says_the_same_numbers() -> None:
    every = list(kinds())
    passing = sum(kind.passing for kind in every)
    total = passing + sum(kind.refused + kind.harmless for kind in every)
    assert f"{total - passing} of {total} hostile patches" in (REPOSITORY / "README.md").read_text()
