"""Pages whose files are written, whose commands run, and whose output is held to what they show.

A page has files (`{code-block}` with a caption) and commands (`console`, each after ``$ ``). What
is printed there is compared with what the command prints on stdout; ``...`` stands for what
differs from machine to machine.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(
    r"^```(?:\{code-block\} \w+\n:caption: (?P<file>\S+)\n|console\n)"
    r"(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class File:
    """A file to write, or to write anew."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line to type, and what it prints."""

    line: str
    shown: str


Step = File | Command


def steps(page: str) -> Iterator[Step]:
    """What a page asks its reader to do, in order."""
    for block in BLOCK.finditer(page):
        if block["file"]:
            yield File(block["file"], block["text"].lstrip("\n"))
            continue
        for part in re.split(r"^\$ ", block["text"], flags=re.MULTILINE)[1:]:
            line, _, shown = part.partition("\n")
            yield Command(line, shown)


def typed_lines(some: Sequence[Step]) -> int:
    """Lines that the reader types: commands, and lines of files that hold something."""
    texts = [step.text if isinstance(step, File) else step.line for step in some]
    return sum(bool(line.strip()) for text in texts for line in text.splitlines())


def follow(some: Sequence[Step], folder: Path) -> int:
    """Do what a page says in a folder; the number of commands that were run.

    Raises:
        AssertionError: a command prints something else than the page shows.
    """
    environment = _environment(folder)
    ran = 0
    for step in some:
        if isinstance(step, File):
            path = folder / step.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, "utf-8")
        else:
            done = subprocess.run(
                ["bash", "-c", step.line], cwd=folder, env=environment, capture_output=True,
                text=True, check=False,
            )  # fmt: skip
            same = doctest.OutputChecker().check_output(step.shown, done.stdout, SAME)
            shown = f"$ {step.line}\n{done.stdout}\n{done.stderr}\nexpected:\n{step.shown}"
            assert same, shown
            ran += 1
    return ran


def _environment(folder: Path) -> dict[str, str]:
    """The reader's: `patcher` on the path, a terminal of 80 columns, a home of the test's own."""
    programs = folder.parent / f"{folder.name}-bin"
    programs.mkdir(exist_ok=True)
    program = programs / "patcher"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m patcher "$@"\n')
    program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATCHER")}
    return {
        **kept,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "COLUMNS": "80",
        "HOME": str(folder.parent),
    }


@dataclass(frozen=True)
class Judged:
    """A patch that a page judges, and what must come of it.

    Attributes:
        verdict: ``pass`` or ``fail``; ``file`` is where a failing one fails.
    """

    name: str
    spec: str
    bench: bool
    verdict: str
    file: str


def judged(page: str, target: str) -> Iterator[File | Judged]:
    """The page for a program: files to write, patches to judge; each patch with its spec."""
    specs: dict[str, str] = {}
    for step in steps(page):
        if isinstance(step, File):
            yield step
            continue
        words = list(map(_plain, shlex.split(step.line.partition("||")[0])))
        if words[1] == "new" and not words[2].startswith("-"):
            specs[words[2]] = _spec(
                target, words[2], dict(zip(words[3::2], words[4::2], strict=True))
            )
        elif words[1] == "verify":
            place = re.search(r"(?:changed|fails) at +(\S+?):", step.shown)
            verdict = "fail" if "Failed:" in step.shown else "pass"
            file = place[1] if place else ""
            yield Judged(words[2], specs[words[2]], "--bench" in words, verdict, file)


def _plain(word: str) -> str:
    """What the shell makes of ``$'...'``, which `shlex` does not know."""
    return word[1:].encode().decode("unicode_escape") if word.startswith("$") else word


def _spec(target: str, name: str, options: dict[str, str]) -> str:
    """What `patcher new` is asked for, as a program would write it: JSON is YAML."""
    edit = {"file": options["--at"], "match": options["--match"], "with": options["--with"]}
    claim = options.get("--claim", "bitwise")
    about = {"patch": name, "summary": "a try", "target": target, "equivalence": claim}
    return json.dumps({**about, "edits": [edit]})
