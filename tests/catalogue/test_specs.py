"""Every shipped spec is sound by itself and fits the release it is for."""

from __future__ import annotations

import ast
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from patcher.patchfile.model import EditKind, EditStatus, Equivalence
from patcher.rewrite.check import check_names, check_patch
from patcher.store.source import DistributionSource, find_source
from tests.catalogue.support import CATALOGUE, PATCHES, fitting, plan_on, repository, series_of

VERSION = "0.1.7"


@pytest.fixture(scope="module")
def pristine() -> DistributionSource:
    try:
        installed = importlib.metadata.version("chatterbox-tts")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("chatterbox-tts is not installed")
    if installed != VERSION:
        pytest.skip(f"chatterbox-tts {installed} is installed, not {VERSION}")
    return find_source("chatterbox-tts")


@pytest.mark.parametrize("name", PATCHES)
def test_lints_and_its_fixtures_pass(name: str) -> None:
    patch = PATCHES[name]
    assert all(form.tests for form in patch.forms)
    assert check_patch(patch) == []


def test_names_in_requires_conflicts_companions_and_sets_exist() -> None:
    assert check_names(PATCHES, CATALOGUE.sets) == []


@pytest.mark.parametrize("name", PATCHES)
def test_says_nothing_but_declarations(name: str) -> None:
    assert all(edit.kind is not EditKind.TRANSFORM for edit in PATCHES[name].edits)


@pytest.mark.parametrize("name", PATCHES)
def test_applies_to_pristine_or_is_for_another_package(
    name: str, pristine: DistributionSource
) -> None:
    patch = PATCHES[name]
    if patch not in fitting(pristine):
        assert not any(target.startswith("chatterbox-tts") for target in patch.targets)
        return
    planned = plan_on(pristine, series_of(patch))
    assert {edit.status for edit in planned.patches[-1].edits} == {EditStatus.READY}
    assert len(planned.patches[-1].edits) in {len(form.edits) for form in patch.forms}
    for path, content in planned.files.items():
        compile(content, path, "exec")


def test_only_the_two_of_the_report_are_reproductions() -> None:
    actual = {name for name, patch in PATCHES.items() if patch.reproduction}
    assert actual == {"inference_mode", "channels_last"}


@pytest.mark.parametrize("name", CATALOGUE.sets)
def test_a_set_applies_as_a_whole(name: str, pristine: DistributionSource) -> None:
    planned = plan_on(pristine, CATALOGUE.expand([f"@{name}"]))
    assert planned.problems == ()


def test_exact_holds_only_patches_that_claim_the_same_bits() -> None:
    assert {patch.equivalence for patch in CATALOGUE.expand(["@exact"])} == {Equivalence.BITWISE}


def test_fast_cpu_is_exact_with_perceptual_patches_added() -> None:
    exact = {patch.name for patch in CATALOGUE.expand(["@exact"])}
    fast = {patch.name: patch.equivalence for patch in CATALOGUE.expand(["@fast-cpu"])}
    assert exact < fast.keys()
    assert {fast[name] for name in fast.keys() - exact} == {Equivalence.PERCEPTUAL}


def test_the_page_of_the_catalogue_names_every_patch() -> None:
    text = (repository() / "docs" / "catalogue.md").read_text()
    assert [name for name in PATCHES if f"`{name}`" not in text] == []


def imported_by(path: Path) -> set[str]:
    """Top-level names that a file imports, not those of its own package."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(str(node.module).partition(".")[0])
    return names


FILES = sorted((repository() / "patches").glob("*/*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_file_that_travels_imports_what_its_target_requires_anyway(path: Path) -> None:
    required = {"torch", "transformers", "diffusers", "safetensors"}
    assert imported_by(path) <= required | sys.stdlib_module_names


@pytest.mark.slow  # what they import is read above
@pytest.mark.chatterbox
def test_files_that_travel_can_be_imported_without_their_target() -> None:
    names = [f"{path.parent.name}.{path.stem}" for path in FILES]
    code = f"""
import importlib, sys
sys.modules["chatterbox"] = None
for name in {names}:
    importlib.import_module(name)
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=repository() / "patches",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
