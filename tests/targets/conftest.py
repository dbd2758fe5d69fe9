"""A workspace with a workload of the small target."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.targets.workloads import BENCH


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    (tmp_path / "bench.py").write_text(BENCH)
    return tmp_path
