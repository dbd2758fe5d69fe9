"""Pages whose files are written, whose commands run, and whose output is held to what they show.

A page has files (`{code-block}` with a caption) and commands (`console`, each after ``$ ``, or
`sh`, one a line). What a `console` block prints is compared with what the commands print on stdout;
``...`` stands for what differs from machine to machine. A block that prints nothing shows commands
alone, as `sh` does. A command ends with 0 unless its comment says otherwise: ``# exit 3: ...``.

A block that cannot be run has a comment above it that says why: ``<!-- not run: REASON -->``.
``python -m tests.docs.transcript`` lists these.
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

REPOSITORY = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]+) -->\n+)?"
    r"```(?:\{code-block\} \w+\n:caption: (?P<file>\S+)\n|(?P<shell>console|sh)\n)"
    r"(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
EXIT = re.compile(r" # .*\bexit (\d+)\b")
SAME = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@dataclass(frozen=True)
class File:
    """A file to write, or to write anew."""

    name: str
    text: str


@dataclass(frozen=True)
class Command:
    """A line to type, what it prints and how it ends.

    Attributes:
        shown: None where the page shows nothing of it.
        status: the exit status that the page says.
    """

    line: str
    shown: str | None
    status: int = 0


Step = File | Command


def steps(page: str) -> Iterator[Step]:
    """What a page asks its reader to do, in order; without the blocks that are not run."""
    for block in BLOCK.finditer(page):
        if block["reason"]:
            continue
        if block["file"]:
            yield File(block["file"], block["text"].lstrip("\n"))
            continue
        text = block["text"].replace("\\\n", " ")
        if block["shell"] == "sh":
            parts = [f"{line}\n" for line in text.splitlines() if line.strip()]
        else:
            parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
        silent = not any(part.partition("\n")[2] for part in parts)
        for part in parts:
            line, _, shown = part.partition("\n")
            stated = EXIT.search(line)
            yield Command(line, None if silent else shown, int(stated[1]) if stated else 0)


def not_run(page: str) -> Iterator[tuple[str, str]]:
    """The blocks that say that they are not run: the reason and the text of each."""
    for block in BLOCK.finditer(page):
        if block["reason"]:
            yield block["reason"], block["text"]


def typed_lines(some: Sequence[Step]) -> int:
    """Lines that the reader types: commands, and lines of files that hold something."""
    texts = [step.text if isinstance(step, File) else step.line for step in some]
    return sum(bool(line.strip()) for text in texts for line in text.splitlines())


def follow(some: Sequence[Step], folder: Path) -> int:
    """Do what a page says in a folder; the number of commands that were run.

    Raises:
        AssertionError: a command prints something else than the page shows, or ends otherwise.
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
                ["bash", "-c", f"set -o pipefail; {step.line}"], cwd=folder, env=environment,
                capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            session = f"$ {step.line}\n{done.stdout}\n{done.stderr}\n"
            assert done.returncode == step.status, f"{session}exit {done.returncode}"
            if step.shown is not None:
                same = doctest.OutputChecker().check_output(step.shown, done.stdout, SAME)
                assert same, f"{session}expected:\n{step.shown}"
            ran += 1
    return ran


def _environment(folder: Path) -> dict[str, str]:
    """The reader's: `patcher` on the path, a terminal of 80 columns, a home of the test's own."""
    programs = folder.parent / f"{folder.name}-bin"
    programs.mkdir(exist_ok=True)
    for name, words in (("patcher", " -m patcher"), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}"{words} "$@"\n')
        program.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PATCHER")}
    return {
        **kept,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
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
        elif words[1] == "verify" and step.shown is not None:
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


def pages() -> list[Path]:
    """The README and every page of the documentation; not those that others are rendered from."""
    under = (REPOSITORY / "docs").rglob("*.md")
    return sorted(
        path
        for path in [REPOSITORY / "README.md", *under]
        if not {"templates", "reference", "_build"} & set(path.parts)
    )


if __name__ == "__main__":
    for path in pages():
        for reason, text in not_run(path.read_text("utf-8")):
            print(f"{path.relative_to(REPOSITORY)}: {reason}\n    {text.splitlines()[0]} ...")
