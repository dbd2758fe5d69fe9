"""A package of ten lines, three patches for it (one is wrong), and a workspace around them."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Patcher, runner

MODULE = '''\
"""Adds up."""


def total(numbers):
    result = 0
    for number in numbers:
        result = result + number
    return result


def twice(number):
    return number * 2
'''
LOOP = """\
patch: use_sum
summary: total() uses the built-in sum
target: adder >=1,<2
equivalence: bitwise
edits:
  - file: adder.py
    within: total
    body: |
      return sum(numbers)
test:
  - before: |
      def total(numbers):
          result = 0
          return result
    after: |
      def total(numbers):
          return sum(numbers)
"""
SHIFT = """\
patch: use_shift
summary: twice() shifts
target: adder
equivalence: bitwise
edits:
  - file: adder.py
    within: twice
    match: $X * 2
    with: $X << 1
"""
WRONG = """\
patch: use_three
summary: twice() is wrong
target: adder
equivalence: bitwise
edits:
  - file: adder.py
    within: twice
    before: return $X
    with: number = number + 1
"""
CHECK = "import adder; assert adder.total([1, 2]) == 3; assert adder.twice(4) == 8"
SETTINGS = f"""\
target = "adder"
[verify]
command = ["python", "-c", "{CHECK}"]
"""


def make_workspace(parent: Path) -> Path:
    """``parent/project`` with the package, ``parent/workspace`` with patches and settings."""
    project = parent / "project"
    project.mkdir()
    (project / "adder.py").write_text(MODULE)
    (project / "pyproject.toml").write_text('[project]\nname = "adder"\nversion = "1.2"\n')
    folder = parent / "workspace"
    (folder / "patches").mkdir(parents=True)
    for name, text in (("use_sum", LOOP), ("use_shift", SHIFT), ("use_three", WRONG)):
        (folder / "patches" / f"{name}.yaml").write_text(text)
    (folder / "patcher.toml").write_text(SETTINGS)
    return folder


def initialised(workspace: Path) -> Patcher:
    """A runner in a workspace whose working copy has been made, of the project beside it."""
    run = runner(workspace)
    made = run("init", str(workspace.parent / "project"), "--json")
    assert made.status == 0, made.stderr
    return run
