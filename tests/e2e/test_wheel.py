"""The built wheel of the real package, in an environment of its own: nine cases, the same bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest

from patcher.execution.process import FrozenTree
from patcher.execution.results import Arm
from patcher.targets import find_adapter
from patcher.targets.adapter import Options
from patcher.verify.judge import judge
from patcher.verify.judgement import Verdict
from patcher.verify.setup import Request
from tests.conftest import Patcher

pytestmark = [
    pytest.mark.slow,  # two arms of nine cases
    pytest.mark.chatterbox,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]


def fresh_environment(folder: Path, wheel: Path) -> Path:
    """An environment with the wheel, and below it what this one has; its interpreter."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    below = [path for path in sys.path if path.endswith("-packages")]
    (site / "below.pth").write_text("\n".join([*below, sysconfig.get_path("purelib")]) + "\n")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(folder), "install", "-q", "--no-deps",
         "--no-index", str(wheel)], check=True,
    )  # fmt: skip
    return site


def test_the_nine_cases_through_the_wheel_equal_the_working_copys(
    patcher: Patcher, tmp_path: Path
) -> None:
    assert patcher("apply", "embed_ref_lens_clone", "t3_lean_step").status == 0
    made = patcher("export", "--wheel", str(tmp_path / "dist"), "--json")
    assert made.status == 0, made.stderr
    site = fresh_environment(tmp_path / "env", Path(made.json["files"][0]))
    python = str(tmp_path / "env" / "bin" / "python")
    installed = subprocess.run(
        [python, "-c", "import importlib.metadata as m, importlib.util as u;"
         "print(m.version('chatterbox-tts'), u.find_spec('chatterbox').origin)"],
        check=True, capture_output=True, text=True, cwd=tmp_path,
    ).stdout.split()  # fmt: skip
    assert installed == [made.json["version"], str(site / "chatterbox" / "__init__.py")]

    working_copy = Path(patcher("status", "--json").json["root"])
    trees = {}
    for arm, root in ((Arm.BASELINE, working_copy), (Arm.PATCHED, site)):
        tree = tmp_path / f"tree-{arm.value}"
        for folder in [root / "chatterbox", *root.glob("chatterbox_tts-*.dist-info")]:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(folder, tree / folder.name, ignore=ignored)
        trees[arm] = FrozenTree.of(tree, arm.value * 8, ("chatterbox",))
    adapter = find_adapter("chatterbox-tts", {}, root=tmp_path, packages=("chatterbox",))
    assert adapter is not None
    judged = judge(
        Request(
            trees=trees, adapter=adapter, version="0.1.7", matrix=adapter.matrix({}),
            run_dir=tmp_path / "runs", python=python, inputs=0, timeout_s=600,
            options=Options(cache=tmp_path / "cache"),
        )
    )  # fmt: skip
    assert judged.verdict is Verdict.PASS, judged.sentence
    assert [str(case.status.value) for case in judged.cases] == ["pass"] * 9
    assert judged.gate == "bitwise"


def test_git_am_of_the_exact_set_on_a_pristine_checkout_is_the_working_copy(
    patcher: Patcher, tmp_path: Path
) -> None:
    """Runs nothing of the target: twelve patches and more, in bytes."""
    pristine = Path(patcher("init", "chatterbox-tts", "--json").json["root"])
    checkout = tmp_path / "checkout"
    shutil.copytree(pristine, checkout, ignore=shutil.ignore_patterns(".git"))
    git = ["git", "-C", str(checkout), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    for words in (["init", "-q"], ["add", "-Af"], ["commit", "-qm", "pristine"]):
        subprocess.run([*git, *words], check=True)
    applied = patcher("apply", "@exact", "--json").json["applied"]
    assert len(applied) >= 10
    assert patcher("export", "--format-patch", str(tmp_path / "out")).status == 0
    patches = sorted(map(str, (tmp_path / "out").iterdir()))
    assert len(patches) == len(applied)
    subprocess.run([*git, "am", "-q", *patches], check=True)
    for file in pristine.rglob("*"):
        relative = file.relative_to(pristine)
        if file.is_file() and relative.parts[0] != ".git":
            assert (checkout / relative).read_bytes() == file.read_bytes(), relative
    message = subprocess.run([*git, "log", "-1", "--format=%B"], capture_output=True, text=True,
                          check=True).stdout  # fmt: skip
    assert "Claim: bitwise" in message
    assert "Measured:" in message
