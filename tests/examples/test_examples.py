"""The catalogues under ``examples/`` as distributions: built, installed, found, judged."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "which"),
    [
        ("networkx", "not verdict"),
        pytest.param("networkx", "verdict", marks=pytest.mark.slow),
        pytest.param("transformers", "", marks=pytest.mark.slow),
    ],
)
def test_an_example_passes_its_own_tests_once_it_is_installed(
    name: str, which: str, tmp_path: Path
) -> None:
    pytest.importorskip(name)
    pytest.importorskip("hatchling")
    site = tmp_path / "site"
    install = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([sys.executable, "-m", "pip", *install, str(EXAMPLES / name)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--disable-plugin-autoload",
         "-p", "no:cacheprovider", "-c", os.devnull, "-k", which,
         "--rootdir", str(EXAMPLES / name), str(EXAMPLES / name / "tests")],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
