"""What others run in their CI: the action, the hooks, SARIF."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY, Patcher, runner
from tests.contract.adder import MODULE, make_workspace

ACTION = REPOSITORY / ".github" / "actions" / "patcher"

# What the standard asks of the parts that are written: names, types, and what has to be there.
TEXT = {
    "type": "object",
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1}},
}
LOCATION = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "physicalLocation": {
            "type": "object",
            "additionalProperties": False,
            "required": ["artifactLocation", "region"],
            "properties": {
                "artifactLocation": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["uri"],
                    "properties": {
                        "uri": {"type": "string", "pattern": "^[^/ ][^ ]*$"},
                        "uriBaseId": {"type": "string"},
                    },
                },
                "region": {
                    "type": "object",
                    "additionalProperties": False,
                    "properties": {"startLine": {"type": "integer", "minimum": 1}},
                },
            },
        }
    },
}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
RESULT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["message", "ruleId", "locations"],
    "properties": {
        "ruleId": {"type": "string"},
        "ruleIndex": {"type": "integer", "minimum": 0},
        "level": LEVEL,
        "message": TEXT,
        "locations": {"type": "array", "items": LOCATION, "minItems": 1},
        "relatedLocations": {"type": "array", "items": LOCATION},
        "partialFingerprints": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
RULE = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "shortDescription": TEXT,
        "defaultConfiguration": {"type": "object", "properties": {"level": LEVEL}},
    },
}
SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["tool"],
                "properties": {
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {"rules": {"type": "array", "items": RULE}},
                            }
                        },
                    },
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "results": {"type": "array", "items": RESULT},
                },
            },
        },
    },
}


def findings(file: Path) -> list[dict[str, Any]]:
    """The results of a SARIF file, which is one."""
    import jsonschema  # seconds, where tests are only collected

    log = json.loads(file.read_text("utf-8"))
    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    results: list[dict[str, Any]] = run["results"]
    assert all(rules[each["ruleIndex"]]["id"] == each["ruleId"] for each in results)
    return results


def wheel(folder: Path, version: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    info = f"adder-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: adder\nVersion: {version}\n"
    with zipfile.ZipFile(folder / f"adder-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr("adder.py", text)
        archive.writestr(f"{info}/METADATA", metadata)
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two versions of the target where pip looks; `twice` is another function in the newer one."""
    actual = make_workspace(tmp_path)
    wheel(tmp_path / "index", "1.2", MODULE)
    wheel(tmp_path / "index", "1.3", MODULE.replace("number * 2", "number + number"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return actual


def act(workspace: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        str(ACTION / "run.py"),
        "--workspace",
        str(workspace),
        "--out",
        str(out),
    ]
    return subprocess.run([*command, *words], capture_output=True, text=True, check=False)


@pytest.mark.slow  # seven commands
def test_the_action_plans_on_both_versions_and_judges(workspace: Path, tmp_path: Path) -> None:
    patcher = runner(workspace)
    assert patcher("init", str(tmp_path / "project")).status == 0
    out = tmp_path / "out"
    done = act(workspace, out, "--patches", "use_sum use_shift", "--verify=",
               "--on", "adder==1.2 adder@latest")  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = (out / "comment.md").read_text("utf-8")
    assert text.startswith("<!-- patcher -->")
    assert "| patch | `adder==1.2` | `adder@latest` |" in text
    assert "| `use_sum` | ✓ fits | ✓ fits |" in text
    assert "| `use_shift` | ✓ fits | ✗ missing: `adder.py` |" in text
    assert "**pass**: 1 of 1 pass" in text
    assert findings(out / "plan-1.sarif") == []
    (each,) = findings(out / "plan-2.sarif")
    assert (each["ruleId"], each["level"]) == ("site-missing", "error")
    place = each["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "patches/use_shift.yaml"}
    assert patcher("status", "--json").json["series"] == []


@pytest.mark.slow
def test_the_action_fails_where_the_pinned_version_does_not_fit(
    workspace: Path, tmp_path: Path
) -> None:
    done = act(workspace, tmp_path / "out", "--patches", "use_shift", "--on", "adder@latest")
    assert done.returncode == 1
    assert "✗ missing" in (tmp_path / "out" / "comment.md").read_text("utf-8")


def test_a_verdict_is_told_by_its_interval() -> None:
    sys.path.insert(0, str(ACTION))
    try:
        from run import comment  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    speed = {"verdict": "faster", "time_ratio": 0.5, "low": 0.4, "high": 0.625,
             "confidence": 0.95, "pairs": 6, "margin": 0.03}  # fmt: skip
    verdict = {"verdict": "pass", "gate": "bitwise", "cases": [{"status": "pass"}], "speed": speed}
    text = comment(["one"], {"ok": True}, {}, verdict)
    assert "faster: 2.00 times as fast (1.60 to 2.50, 95% confidence, 6 pairs, margin 3%)" in text


def test_the_action_is_in_order() -> None:
    """Its shell parses, its inputs are used, and what it uses is an input."""
    text = (ACTION / "action.yml").read_text("utf-8")
    action = yaml.safe_load(text)
    for step in action["runs"]["steps"]:
        subprocess.run(["bash", "-n"], input=step["run"], text=True, check=True)
        assert "${{" not in step["run"]  # what users write reaches the shell as variables only
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])


HOOKS = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text("utf-8"))


@pytest.mark.parametrize("hook", HOOKS, ids=[hook["id"] for hook in HOOKS])
def test_a_hook_runs_a_command_that_exists(hook: dict[str, Any]) -> None:
    words = hook["entry"].split()
    done = subprocess.run(
        [sys.executable, "-m", *words, "--help"], capture_output=True, check=False
    )
    assert done.returncode == 0


def test_a_scan_says_in_sarif_where_tensors_are_updated(patcher: Patcher, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "sums").mkdir(parents=True)
    code = "import torch\ndef total(x, y):\n    x.add_(y)\n    return x.item()\n"
    (project / "sums" / "__init__.py").write_text(code)
    (project / "pyproject.toml").write_text('[project]\nname = "sums"\nversion = "1.0"\n')
    assert patcher("init", str(project)).status == 0
    assert patcher("scan", "--sarif", str(tmp_path / "scan.sarif")).status == 0
    actual = findings(tmp_path / "scan.sarif")
    places = {each["ruleId"]: each["locations"][0]["physicalLocation"] for each in actual}
    assert places["in-place-update"]["region"] == {"startLine": 3}
    assert places["waits-for-device"]["region"] == {"startLine": 4}
    assert places["in-place-update"]["artifactLocation"]["uriBaseId"] == "TARGETROOT"
