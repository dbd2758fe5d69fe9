"""The specs against every release that the registry has."""

from __future__ import annotations

import pytest

from patcher.store.source import find_source
from tests.catalogue.support import PATCHES, REPORT, fitting, plan_on, series_of

VERSIONS = [f"0.1.{patch}" for patch in range(8)]
pytestmark = pytest.mark.registry


@pytest.mark.parametrize("version", VERSIONS)
def test_the_patches_of_the_report_fit_unchanged(version: str) -> None:
    source = find_source(f"chatterbox-tts=={version}")
    for name in REPORT:
        assert plan_on(source, [PATCHES[name]]).problems == (), name


@pytest.mark.parametrize(
    "release", [*(f"chatterbox-tts=={each}" for each in VERSIONS), "chatterbox-streaming==0.1.2"]
)
def test_a_patch_fits_every_release_it_says_it_is_for(release: str) -> None:
    source = find_source(release)
    names = fitting(source)
    assert names
    for patch in names:
        assert plan_on(source, series_of(patch)).problems == (), patch.name
