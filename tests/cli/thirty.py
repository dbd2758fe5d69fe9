"""Thirty candidates for one small package, of every kind, of which three are good."""

from __future__ import annotations

import difflib
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.cli.sums import MODULE, workload

LOOP = """\
    for number in numbers:
        for _ in range(60):
            total = total + number
    return total // 60
"""
GOOD = ("by_sum.diff", "by_ten", "tries/by_twenty.yaml")  # the largest gain first


@dataclass(frozen=True)
class Change:
    """One candidate: ``old`` becomes ``new``; ``kind`` says in which form it is handed in.

    Attributes:
        passes: whether its gates should pass.
        error: a part of what is said of one that fails.
    """

    name: str
    kind: str
    old: str
    new: str
    passes: bool = False
    error: str = ""


def _loop(times: int) -> str:
    return LOOP.replace("range(60)", f"range({times})").replace("// 60", f"// {times}")


CHANGES = (
    Change("by_sum", "diff", LOOP, "    return sum(numbers)\n", passes=True),
    Change("by_twenty", "spec", LOOP, _loop(20), passes=True),
    Change("by_ten", "ref", LOOP, _loop(10), passes=True),
    # right, and no faster
    Change("same_order", "patch", "total = total + number", "total = number + total", passes=True),
    Change("same_max", "spec", "max(numbers)", "sorted(numbers)[-1]", passes=True),
    Change("same_name", "folder", "for _ in range(60)", "for again in range(60)", passes=True),
    Change("slower", "diff", LOOP, _loop(90), passes=True),
    Change("slower_still", "ref", LOOP, _loop(120), passes=True),
    # another value
    Change("one_more", "patch", "total // 60", "total // 60 + 1", error="the baseline"),
    Change("one_less", "spec", "total // 60", "total // 60 - 1", error="the baseline"),
    Change("start_at_one", "diff", "total = 0", "total = 60", error="the baseline"),
    Change("wrong_divisor", "ref", "// 60", "// 59", error="the baseline"),
    Change("fewer_loops", "folder", "range(60)", "range(30)", error="the baseline"),
    Change("smallest", "patch", "max(numbers)", "min(numbers)", error="the baseline"),
    Change("first", "spec", "max(numbers)", "numbers[0]", error="the baseline"),
    Change("last", "diff", "max(numbers)", "numbers[-1]", error="the baseline"),
    Change("float", "ref", "total // 60", "total / 60", error="the baseline"),
    Change("text", "folder", "max(numbers)", "str(max(numbers))", error="the baseline"),
    Change("skips_first", "diff", "in numbers:", "in numbers[1:]:", error="the baseline"),
    Change("skips_some", "folder", "in numbers:", "in numbers[::2]:", error="the baseline"),
    Change("sorts_in_place", "diff", "total = 0", "total = numbers.sort() or 0", error=""),
    # a crash
    Change("no_such_name", "patch", "max(numbers)", "max(nmbers)", error="nmbers"),
    Change("division", "spec", "total // 60", "total // 0", error="zero"),
    Change("no_such_key", "diff", "max(numbers)", "numbers['max']", error="indices"),
    Change("deep", "ref", "max(numbers)", "largest(numbers)", error="recursion"),
    Change("raises", "folder", "total = 0", "raise ValueError('no')", error="no"),
    # never run, not declared, not a patch at all
    Change("unused", "patch", "len(numbers)", "len(numbers) + 1", error="never ran"),
    Change("keeps_answers", "spec", "max(numbers)", "KEPT.setdefault(0, max(numbers))", error=""),
    Change("no_site", "spec", "median(numbers)", "middle(numbers)", error="no site"),
    Change("unreadable", "text", "", "this is no diff\n", error=""),
)


def make_thirty(folder: Path) -> tuple[Path, list[str]]:
    """A workspace with the package's working copy still to be made; the candidates' words.

    Returns:
        the project's folder (a git checkout), and what to hand to `patcher judge`.
    """
    project, workspace = folder / "project", folder / "workspace"
    for each in (project, workspace / "patches", workspace / "tries"):
        each.mkdir(parents=True)
    (project / "pyproject.toml").write_text('[project]\nname = "sums"\nversion = "1.0"\n')
    (project / "sums.py").write_text(MODULE)
    _git(project, "init", "-q", "-b", "main")
    _commit(project, "one")
    (workspace / "bench.py").write_text(workload(3000))
    settings = 'target = "sums"\n[verify]\ncall = "bench.py:work"\n'
    (workspace / "patcher.toml").write_text(settings)
    return project, [_hand_in(change, project, workspace) for change in CHANGES]


def _hand_in(change: Change, project: Path, workspace: Path) -> str:
    """Write a candidate in its form; the word for it."""
    changed = MODULE.replace(change.old, change.new) if change.old else change.new
    if change.name == "keeps_answers":
        changed = changed.replace('"""Sums."""\n', '"""Sums."""\n\nKEPT = {}\n')
    if change.kind in ("patch", "spec"):
        place = workspace / ("patches" if change.kind == "patch" else "tries")
        (place / f"{change.name}.yaml").write_text(_spec(change))
        return change.name if change.kind == "patch" else f"tries/{change.name}.yaml"
    if change.kind == "diff":
        lines = (MODULE.splitlines(True), changed.splitlines(True), "a/sums.py", "b/sums.py")
        (workspace / f"{change.name}.diff").write_text("".join(difflib.unified_diff(*lines)))
        return f"{change.name}.diff"
    if change.kind == "folder":
        place = workspace / change.name
        place.mkdir()
        (place / "sums.py").write_text(changed)
        (place / "pyproject.toml").write_text((project / "pyproject.toml").read_text())
        return change.name
    if change.kind == "text":
        (workspace / f"{change.name}.diff").write_text(changed)
        return f"{change.name}.diff"
    _git(project, "checkout", "-q", "-b", change.name)
    (project / "sums.py").write_text(changed)
    _commit(project, change.name)
    _git(project, "checkout", "-q", "main")
    return change.name


def _spec(change: Change) -> str:
    edit = {"file": "sums.py", "match": change.old, "with": change.new}
    if change.old == LOOP:  # statements start where the line does
        edit = {**edit, "match": _flush(change.old), "with": _flush(change.new)}
    edits = [edit]
    if change.name == "keeps_answers":
        edits.append({"file": "sums.py", "define": "KEPT = {}"})
    about = {"patch": change.name, "summary": "a try", "target": "sums", "equivalence": "bitwise"}
    return json.dumps({**about, "edits": edits}, indent=1)  # JSON is YAML


def _flush(code: str) -> str:
    return "".join(line.removeprefix("    ") for line in code.splitlines(True))


def _git(project: Path, *arguments: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=e@e")
    subprocess.run(["git", "-C", str(project), *who, *arguments], check=True)


def _commit(project: Path, message: str) -> None:
    _git(project, "add", ".")
    _git(project, "commit", "-qm", message)
