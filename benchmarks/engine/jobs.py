"""The job: `torch.no_grad()` becomes `torch.inference_mode()`, as each tool says it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

OLD, NEW = b"torch.no_grad()", b"torch.inference_mode()"

SPEC = """\
patch: {name}
summary: torch.no_grad() becomes torch.inference_mode()
target: chatterbox-tts
equivalence: bitwise
edits:
"""
EDIT = """\
  - file: {file}
    match: torch.no_grad()
    with: torch.inference_mode()
    expect: {count}
"""
RULE = """\
rules:
  - id: no-grad
    languages: [python]
    severity: INFO
    message: inference mode
    pattern: torch.no_grad()
    fix: torch.inference_mode()
"""
CODEMOD = """\
import libcst as cst
import libcst.matchers as m
from libcst.codemod import VisitorBasedCodemodCommand

SITE = m.Call(m.Attribute(m.Name("torch"), m.Name("no_grad")), args=[])


class InferenceMode(VisitorBasedCodemodCommand):
    DESCRIPTION = "torch.no_grad() becomes torch.inference_mode()"

    def leave_Call(self, original_node, updated_node):
        if m.matches(updated_node, SITE):
            return updated_node.with_deep_changes(
                updated_node.func.attr, value="inference_mode"
            )
        return updated_node
"""


@dataclass(frozen=True)
class Tools:
    """Programs to time: patcher's own, and another environment's for the others."""

    patcher: Path
    others: Path

    def other(self, name: str) -> str:
        return str(self.others / name)


def environment() -> dict[str, str]:
    """Bytecode is cached and nobody is asked for updates, for every tool alike."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "SEMGREP_SEND_METRICS": "off", "SEMGREP_ENABLE_VERSION_CHECK": "0"}


def run(command: Sequence[str], folder: Path) -> None:
    """Run a command to its end; what it prints is kept out of the way."""
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}{done.stderr}")


def changed(package: Path) -> dict[str, bytes]:
    """What the job makes of each file that has a site."""
    result = {}
    for path in sorted(package.rglob("*.py")):
        content = path.read_bytes()
        if OLD in content:
            result[path.relative_to(package.parent).as_posix()] = content.replace(OLD, NEW)
    return result


def spec(name: str, package: Path) -> str:
    """The job as a patch."""
    edits = [
        EDIT.format(file=file, count=content.count(NEW))
        for file, content in changed(package).items()
    ]
    return SPEC.format(name=name) + "".join(edits)


def write_rules(folder: Path) -> None:
    """What the other tools read."""
    (folder / "rule.yaml").write_text(RULE)
    (folder / "codemods").mkdir()
    (folder / "codemods" / "__init__.py").write_text("")
    (folder / "codemods" / "no_grad.py").write_text(CODEMOD)
    (folder / ".libcst.codemod.yaml").write_text("modules: ['codemods']\nrepo_root: '.'\n")


def others(tools: Tools, tree: Path) -> dict[str, list[str]]:
    """Commands of the other tools, run in the folder that holds their rules."""
    return {
        "ast-grep": [
            tools.other("ast-grep"), "run", "--pattern", "torch.no_grad()",
            "--rewrite", "torch.inference_mode()", "--lang", "python", "--update-all", str(tree),
        ],
        "semgrep": [
            tools.other("semgrep"), "scan", "--config", "rule.yaml", "--autofix", "--quiet",
            "--metrics=off", "--disable-version-check", "--no-git-ignore", str(tree),
        ],
        "libcst.tool": [
            tools.other("python"), "-m", "libcst.tool", "codemod", "--no-format",
            "no_grad.InferenceMode", str(tree),
        ],
    }  # fmt: skip


def copy_package(source: Path, destination: Path) -> Path:
    """A package's sources without bytecode."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    return Path(shutil.copytree(source, destination / source.name, ignore=ignored))
