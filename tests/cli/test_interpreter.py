"""The target may be installed for another interpreter and version, without patcher in it."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_any_package import BENCH, GOOD, SOURCE, WRONG
from tests.conftest import Patcher, runner


def others() -> list[str]:
    """Interpreters of other versions on this machine, 3.8 and later, the oldest first."""
    actual: dict[tuple[int, int], str] = {}
    places = glob.glob(os.path.expanduser("~/.pyenv/versions/3.*/bin/python3"))
    places += glob.glob("/usr/bin/python3.[0-9]*") + glob.glob("/opt/python/3.*/bin/python3")
    for place in places:
        if place.endswith("-config"):
            continue
        code = "import sys; print(*sys.version_info[:2])"
        done = subprocess.run([place, "-c", code], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            major, minor = map(int, done.stdout.split())
            actual.setdefault((major, minor), place)
    versions = {each for each in actual if each >= (3, 8) and each != sys.version_info[:2]}
    return [actual[version] for version in sorted(versions)]


OTHERS = others()


@pytest.fixture
def environment(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A virtual environment of the other interpreter, with `adder` installed in it alone."""
    folder = tmp_path / "environment"
    command = [request.param, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (library,) = folder.glob("lib/python3*/site-packages")
    (library / "adder.py").write_text(SOURCE)
    info = library / "adder-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adder\nVersion: 1.0\n")
    (info / "RECORD").write_text("adder.py,,\nadder-1.0.dist-info/METADATA,,\n")
    return folder


@pytest.fixture
def patcher(tmp_path: Path, environment: Path) -> Patcher:
    workspace = tmp_path / "workspace"
    (workspace / "patches").mkdir(parents=True)
    (workspace / "patches" / "use_sum.yaml").write_text(GOOD)
    (workspace / "patches" / "off_by_one.yaml").write_text(WRONG)
    (workspace / "bench.py").write_text(BENCH)
    (workspace / "patcher.toml").write_text(
        f'target = "adder"\npython = "{environment}"\n[verify]\ncall = "bench.py:work"\n'
    )
    return runner(workspace)


@pytest.mark.skipif(not OTHERS, reason="there is no other Python on this machine")
@pytest.mark.parametrize("environment", [OTHERS[0], OTHERS[-1]] if OTHERS else [], indirect=True)
def test_init_plan_verify_run_and_doctor_use_the_targets_interpreter(
    patcher: Patcher, environment: Path
) -> None:
    made = patcher("init", "adder", "--json")
    assert made.status == 0, made.stderr
    assert made.json["version"] == "1.0"
    planned = patcher("plan", "use_sum", "--on", "adder", "--json")
    assert planned.json["on"] == "adder 1.0"
    assert patcher("apply", "use_sum").status == 0
    good = patcher("verify", "--json")
    assert good.status == 0, good.stderr + good.stdout
    assert good.json["verdict"] == "pass"
    assert good.json["environment"]["python"] != ".".join(map(str, sys.version_info[:3]))
    ran = patcher("run", "--", "python", "-c", "import sys, adder; print(sys.prefix)")
    assert ran.stdout == f"{environment}\n"
    assert str(environment) in patcher("doctor").stdout
    assert patcher("revert", "--all").status == 0
    wrong = patcher("apply", "off_by_one", "--verify", "--json")
    assert wrong.status == 1
    assert wrong.json["cases"][0]["error"].startswith("returned['total'] is 499501")
    library = next(environment.glob("lib/python3*/site-packages"))
    assert {each.name for each in library.iterdir()} == {"adder.py", "adder-1.0.dist-info"}


@pytest.mark.skipif(not OTHERS, reason="there is no other Python on this machine")
@pytest.mark.parametrize("environment", OTHERS[:1], indirect=True)
def test_syntax_that_the_targets_interpreter_does_not_read_is_refused_before_it_is_written(
    patcher: Patcher, tmp_path: Path
) -> None:
    new = (
        "    body: |\n      match numbers:\n        case []: return 0\n      return sum(numbers)\n"
    )
    head = GOOD.replace("use_sum", "use_match").partition("    match:")[0]
    (tmp_path / "workspace" / "patches" / "use_match.yaml").write_text(head + new)
    for command in ("plan", "apply"):
        ran = patcher(command, "use_match")
        assert ran.status == 3, ran.stderr
        assert "does not read a `match` statement (new in 3.10)" in ran.stderr + ran.stdout
    assert patcher("apply", "use_sum").status == 0


@pytest.mark.parametrize("environment", [sys.executable], indirect=True)
def test_a_scan_where_no_torch_is_installed_says_what_it_can(
    patcher: Patcher, environment: Path
) -> None:
    assert patcher("init", "adder").status == 0
    ran = patcher("scan", "use_sum")
    assert ran.status == 0, ran.stderr
    assert "none of them names torch" in ran.stdout
    assert "no hazard: no tensor to watch" in ran.stdout
    assert patcher("apply", "use_sum", "--scan", "--dry-run").status == 0
    (library,) = environment.glob("lib/python3*/site-packages")
    named = SOURCE + "\n\ndef tensor():\n    import torch\n\n    return torch.zeros(1)\n"
    (library / "adder.py").write_text(named)
    shutil.rmtree(environment.parent / "workspace" / ".patcher")
    shutil.rmtree(environment.parent / "workspace" / "backups", ignore_errors=True)
    assert patcher("init", "adder").status == 0
    refused = patcher("scan", "use_sum", "--json")
    assert (refused.status, refused.json["error"]["code"]) == (6, "environment")
    assert "there is no torch where" in refused.json["error"]["message"]
    assert "`patcher scan` without names" in refused.json["error"]["hint"]
    assert patcher("scan").status == 0


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "patcher.toml").write_text('python = "/nowhere/bin/python"\n')
    ran = runner(tmp_path)("init", "adder", "--json")
    assert ran.status == 2
    assert "/nowhere/bin/python" in ran.json["error"]["message"]
    assert "problem  python" in runner(tmp_path)("doctor").stdout


def test_what_runs_in_the_targets_interpreter_imports_on_every_version_here() -> None:
    names = [
        "patcher.targets.adapter",
        *(f"patcher.worker.{name}" for name in ("main", "values", "commands", "suites")),
        "patcher.worker.workloads",
    ]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    for python in OTHERS:
        done = subprocess.run(
            [python, "-c", code, *names],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).resolve().parents[2],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert done.returncode == 0, f"{python}: {done.stderr}"


def test_a_name_that_is_imported_leads_to_the_distribution_that_holds_it(tmp_path: Path) -> None:
    for imported, installed in (("git", "GitPython"), ("libcts", "libcst")):
        ran = runner(tmp_path)("init", imported)
        assert ran.status == 2
        assert f"`patcher init {installed}`" in " ".join(ran.stderr.split())


def test_an_interpreter_is_named_without_detours(tmp_path: Path) -> None:
    from patcher.store.interpreter import find

    python = tmp_path / "environment" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    workspace = tmp_path / "workspace"
    assert find("../environment", workspace) == str(python)
    assert find("../environment/bin/python", workspace) == str(python)
