"""Compiled code that one worker leaves to another."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from patcher.execution.executor import Job, LocalExecutor, Step
from patcher.execution.process import WorkerSite
from patcher.execution.results import Arm
from patcher.execution.runner import Silent, run_job
from patcher.execution.start import compile_caches
from patcher.execution.workplace import (
    COMPILED,
    KEPT,
    UNFINISHED,
    Workplace,
    bytes_in,
    copied,
    drop_old,
    keep,
)
from patcher.targets.adapter import Assets, Matrix, Options
from patcher.verify.setup import prepare
from tests.execution.test_sandbox import HERE, site, tried
from tests.smalltarget.adapter import HumAdapter
from tests.verify.judging import request

LATER = ("import random\n", "import random\n_later = True\n")
if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(bool(HERE.why), reason=HERE.why or "the kernel has guards")


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    with LocalExecutor() as actual:
        yield actual


def test_compiled_code_is_handed_to_later_workers_of_the_same_tree_alone(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    one = site(tmp_path / "one")
    tried(executor, one, "own_folders")  # leaves a note in the compile caches
    for where, there in ((one, True), (site(tmp_path / "two"), False)):
        step = Step("call", {"function": "tests.execution.escapes:noted", "arguments": {}}, 60)
        report = run_job(executor, Job(where, (step,)), Silent())[-1]
        assert report.value["value"] is there


def test_a_tree_without_compiled_code_of_its_own_is_gated_with_that_of_another(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    pristine = site(tmp_path / "one")
    tried(executor, pristine, "own_folders")  # leaves a note in the compile caches
    patched = replace(
        pristine,
        tree=replace(pristine.tree, sha256="f" * 64),
        compiled_by=pristine.tree.sha256,
    )
    step = Step("call", {"function": "tests.execution.escapes:noted", "arguments": {}}, 60)
    for where, there in (
        (replace(patched, compiled_by=""), False),
        (replace(patched, deterministic=False), False),  # timed
        (patched, True),
    ):
        report = run_job(executor, Job(where, (step,)), Silent())[-1]
        assert report.value["value"] is there


def test_a_baselines_compiled_code_serves_every_workspace_and_no_other_trees_does(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    def of(folder: str, **options: object) -> WorkerSite:
        where = site(tmp_path / folder)
        kept = replace(where, compiled_by=where.tree.sha256, compiled_in=tmp_path / "kept" / "of")
        return replace(kept, **options)  # type: ignore[arg-type]

    def there(where: WorkerSite) -> object:
        return tried(executor, where, "noted")

    patched = of("patched")
    changed = replace(patched.tree, sha256="f" * 64)
    tried(executor, replace(patched, tree=changed), "own_folders")
    assert not (tmp_path / "kept").exists()
    free = of("free", policy=None)  # nothing keeps it from leaving whatever it likes
    assert compile_caches(free).parent == free.run_dir
    one, two, three = of("one"), of("two"), of("three", deterministic=False)
    assert there(one) is False
    tried(executor, one, "own_folders")
    assert there(two) is True
    assert there(three) is False  # timed


@pytest.mark.parametrize(("grows", "left"), [(True, 2), (False, 1)], ids=["pristine", "patched"])
def test_what_a_later_worker_adds_is_kept_of_pristine_alone(
    tmp_path: Path, grows: bool, left: int
) -> None:
    for number in range(2):
        place = Workplace(tmp_path, tmp_path / "seed", grows=grows)
        assert len([*place.caches.iterdir()]) == number
        (place.caches / str(number)).write_text("code")
        place.close(share=True)
    assert len([*(tmp_path / "seed").iterdir()]) == left


def test_of_two_workers_compiled_code_the_larger_is_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "compiled-of"
    for name, size, left in (("much", 5, 5), ("little", 2, 5), ("more", 9, 9)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "code").write_bytes(b"." * size)
        keep(tmp_path / name, kept)
        assert bytes_in(kept) == left
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]
    assert (tmp_path / "more" / "code").exists()


def test_of_kept_compiled_code_the_last_used_stays(tmp_path: Path) -> None:
    folders = [tmp_path / f"compiled-{number:02}" for number in range(KEPT + 2)]
    unfinished = [tmp_path / f"{UNFINISHED}{name}" for name in ("new", "old")]
    for at, folder in enumerate([*folders, *unfinished]):
        folder.mkdir()
        os.utime(folder, (at, at) if folder.name != f"{UNFINISHED}new" else None)
    assert copied(folders[0], tmp_path / "copy")
    drop_old(tmp_path)
    assert {*folders} & {*tmp_path.iterdir()} == {folders[0], *folders[3:]}
    assert [each.exists() for each in unfinished] == [True, False]


def test_compiled_code_that_was_dropped_meanwhile_is_made_anew(tmp_path: Path) -> None:
    assert not copied(tmp_path / "dropped", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_verification_keeps_its_baselines_compiled_code_where_assets_are_kept(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    def places(run: str, options: Options) -> dict[Arm, Path]:
        (tmp_path / run).mkdir()
        asked = replace(request(tmp_path / run, LATER), options=options)
        setup = prepare(asked, executor, 1, Silent())
        return {arm: compile_caches(where) for arm, where in setup.sites.items()}

    kept = Options(device="cpu", cache=tmp_path / "cache")
    one, two = places("one", kept), places("two", kept)
    assert one[Arm.BASELINE] == two[Arm.BASELINE]
    assert one[Arm.BASELINE].parent == tmp_path / "cache" / COMPILED
    assert one[Arm.PATCHED].is_relative_to(tmp_path / "one")
    assert not one[Arm.BASELINE].exists()
    nowhere = places("three", Options(device="cpu"))
    assert nowhere[Arm.BASELINE].is_relative_to(tmp_path / "three")


def test_what_was_compiled_to_make_the_weights_serves_the_first_call(
    executor: LocalExecutor, tmp_path: Path
) -> None:
    class Making(HumAdapter):
        def assets(self, matrix: Matrix, options: Options, version: str) -> Assets:
            return replace(super().assets(matrix, options, version), ready=False)

    asked = replace(request(tmp_path, LATER), adapter=Making(making="tests.execution.escapes:make"))
    cached = replace(asked, options=Options(device="cpu", cache=tmp_path / "cache"))
    for each in (asked, cached):
        setup = prepare(each, executor, 1, Silent())
        for where in setup.sites.values():
            assert tried(executor, where, "noted") is True
