"""A job as a host of a cluster runs it, without a cluster: what travels, what comes back."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from patcher.errors import PatcherError
from patcher.execution.executor import Job, Report, Step
from patcher.execution.ray import parcels
from patcher.execution.ray.cluster import Host
from patcher.execution.ray.executor import RayExecutor, lost_report, resources
from patcher.execution.ray.host import Identity, Order, Parts, run_order
from patcher.execution.results import Outcome
from patcher.execution.sandbox import Kernel
from tests.execution.test_process import OPEN, site
from tests.smalltarget.adapter import TESTS

RUN = Step("run", {"test": vars(TESTS[0])}, 20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    actual = tmp_path / "voices"
    (actual / "deep").mkdir(parents=True)
    (actual / "one.wav").write_bytes(b"one")
    (actual / "deep" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (actual / "deep" / "run.sh").chmod(0o755)
    (actual / ".git").mkdir()
    (actual / ".git" / "config").write_text("secret")
    (actual / "__pycache__").mkdir()
    (actual / "__pycache__" / "one.pyc").write_bytes(b"x")
    return actual


def test_a_folder_arrives_as_it_was_without_what_is_hidden(folder: Path, tmp_path: Path) -> None:
    parcel = parcels.parcel_of(str(folder))
    cache = tmp_path / "cache"
    assert not parcels.has(parcel, cache)
    place = parcels.unpack(parcel, parcels.pack(parcel), cache)
    assert parcels.has(parcel, cache)
    assert parcels.content_digest(place) == parcel.digest
    assert sorted(path.name for path in place.rglob("*")) == ["deep", "one.wav", "run.sh"]
    assert os.access(place / "deep" / "run.sh", os.X_OK)
    assert parcels.unpack(parcel, parcels.pack(parcel), cache) == place  # the other one was first


def test_a_file_keeps_its_ending(folder: Path, tmp_path: Path) -> None:
    parcel = parcels.parcel_of(str(folder / "one.wav"))
    place = parcels.unpack(parcel, parcels.pack(parcel), tmp_path / "cache")
    assert (place.name, place.read_bytes()) == ("one.wav", b"one")


def test_what_does_not_arrive_as_it_was_sent_is_not_kept(folder: Path, tmp_path: Path) -> None:
    parcel = parcels.parcel_of(str(folder))
    data = parcels.pack(parcel).replace(b"one" + bytes(509), b"two" + bytes(509))
    with pytest.raises(ValueError, match="voices did not arrive as it was sent"):
        parcels.unpack(parcel, data, tmp_path / "cache")
    assert not parcels.has(parcel, tmp_path / "cache")


def test_a_job_uses_the_hosts_paths_and_its_answer_the_drivers(tmp_path: Path) -> None:
    where = site(tmp_path)
    tree = parcels.parcel_of(str(where.tree.path))
    order = Order("run", Job(where, (OPEN, RUN)), (tree,))
    sent: list[str] = []

    def fetch(parcel: parcels.Parcel) -> bytes:
        sent.append(parcel.digest)
        return parcels.pack(parcel)

    cache = tmp_path / "cache"
    for _ in range(2):
        actual = [*run_order(order, fetch, cache)]
        assert [each.report.outcome for each in actual if each.report] == [Outcome.OK] * 2
        (kept,) = actual[-1].report.value["returned"]  # type: ignore[union-attr]
        assert Path(kept["path"]).is_relative_to(where.stages_dir)
        name = str(Path(kept["path"]).relative_to(where.stages_dir))
        assert kept["sha256"] in name
        assert name in actual[-1].arrays
    assert sent == [tree.digest]  # once for two jobs
    assert not where.stages_dir.exists()  # nothing of it was written where the driver keeps records


def test_a_host_that_is_not_like_the_driver_says_what_differs() -> None:
    each = Identity({}, Kernel(), "3.11", "a", "b")
    assert each.other_than(each) == ""
    assert replace(each, python="3.12").other_than(each) == "another Python"
    assert replace(each, patcher="c").other_than(each) == "another patcher"
    assert "distributions" in replace(each, distributions="c").other_than(each)


def test_a_command_is_refused_because_its_folder_is_here(tmp_path: Path) -> None:
    job = Job(replace(site(tmp_path), cwd=tmp_path), (RUN,))
    with pytest.raises(PatcherError, match="a folder of this machine"):
        RayExecutor(1).submit(job)


@pytest.mark.parametrize(
    ("device", "timed", "gpus", "processors"),
    [("auto", True, 1, 3), ("cuda", False, 1, 3), ("cpu", True, 0, 8), ("cpu", False, 0, 3)],
)
def test_a_job_asks_ray_for_a_gpu_or_for_the_whole_host(
    device: str, timed: bool, gpus: int, processors: int
) -> None:
    place = Host("node", "name", None, processors=8, gpus=1)  # type: ignore[arg-type]
    assert resources(device, 3, place, timed=timed) == (processors, gpus)


def test_a_lost_host_is_named_where_a_pair_was_lost() -> None:
    report = lost_report(3, 2, "node-7", "it went away")
    assert isinstance(report, Report)
    assert (report.job, report.step, report.last) == (3, 2, True)
    assert report.outcome is Outcome.KILLED
    assert report.failure is not None
    assert report.failure.text == "the host node-7 was lost: it went away"
    assert Parts(report).arrays == {}
