"""The table of which patch fits which source is of today's patches."""

from __future__ import annotations

import pytest

from benchmarks.sources.__main__ import PAGE, column, kept_columns, page, sources
from tests.catalogue.support import CATALOGUE, PATCHES

PATCH_LIST = [PATCHES[name] for name in sorted(PATCHES)]
COLUMNS = kept_columns(PAGE.read_text("utf-8"))


def test_the_page_has_every_patch_and_every_set_as_they_are_now() -> None:
    assert PAGE.read_text("utf-8") == page(COLUMNS, PATCH_LIST, list(CATALOGUE.sets.values()))
    assert all(set(each.cells) == set(PATCHES) and all(each.cells.values()) for each in COLUMNS)


@pytest.mark.parametrize("name", sorted(CATALOGUE.sets))
def test_at_least_eight_patches_of_each_set_fit_on_either_head(name: str) -> None:
    heads = [each for each in COLUMNS if " head (" in each.source]
    assert len(heads) == 2
    for head in heads:
        fitting = [patch for patch in CATALOGUE.sets[name].patches if head.cells[patch] == "fits"]
        assert len(fitting) >= 8, head.source


@pytest.mark.registry
def test_every_source_of_the_registry_is_planned_to_what_the_page_says() -> None:
    written = {each.source: each for each in COLUMNS}
    for name, source in sources(()):
        assert column(name, source, PATCH_LIST) == written[name]
