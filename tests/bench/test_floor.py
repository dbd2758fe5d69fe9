"""No time is below what memory allows, and no honest time is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from patcher.bench import floor

GIB = 1 << 30


def test_weights_are_read_at_half_a_byte_and_twice_the_best_speed() -> None:
    assert floor.floor_s(4e9, bandwidth=1e9, cache_bytes=1 << 20) == 1.0


@pytest.mark.parametrize(
    ("parameters", "bandwidth", "cache_bytes"),
    [(8 << 20, 1e9, 1 << 20), (4e9, 0.0, 1 << 20), (4e9, 1e9, 0)],
    ids=["what fits four caches", "no bandwidth recorded", "no cache known"],
)
def test_what_is_not_known_has_no_floor(
    parameters: float, bandwidth: float, cache_bytes: int
) -> None:
    assert floor.floor_s(parameters, bandwidth, cache_bytes) == 0.0


def test_the_best_ever_recorded_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = iter([2.0 * GIB, 1.0 * GIB, 3.0 * GIB])
    monkeypatch.setattr(floor, "measured_bandwidth", lambda: next(speeds))
    record = tmp_path / "cache" / "bandwidth.json"
    assert [floor.best_bandwidth(record) / GIB for _ in range(3)] == [2.0, 2.0, 3.0]


@pytest.mark.parametrize("text", ["", "[]", '{"a": "fast"}', "\x00"])
def test_a_damaged_record_is_started_anew(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(floor, "measured_bandwidth", lambda: 5.0)
    record = tmp_path / "bandwidth.json"
    record.write_text(text)
    assert floor.best_bandwidth(record) == 5.0
    assert list(json.loads(record.read_text()).values()) == [5.0]


def test_caches_are_counted_once_however_many_processors_share_them(tmp_path: Path) -> None:
    for cpu, shared in ((0, "0-1"), (1, "0-1"), (2, "2-3"), (3, "2-3")):
        for index, (level, size) in enumerate(((1, "32K"), (3, "16M"))):
            folder = tmp_path / f"cpu{cpu}" / "cache" / f"index{index}"
            folder.mkdir(parents=True)
            (folder / "level").write_text(f"{level}\n")
            (folder / "size").write_text(f"{size}\n")
            (folder / "shared_cpu_list").write_text(shared if level == 3 else str(cpu))
    assert floor.last_level_cache_bytes(tmp_path) == 32 << 20


def test_this_machine_copies_faster_than_a_disk_and_slower_than_light() -> None:
    assert 5e8 < floor.measured_bandwidth() < 1e13
