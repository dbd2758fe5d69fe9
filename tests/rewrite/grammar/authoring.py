"""What helps authors, on random modules: specs started from a line, messages that say what to do.

Each case is a seed; what is wrong with it is a text, empty where nothing is.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from benchmarks.captures import hand_edits
from patcher.commands.capture import capture as captured
from patcher.commands.init import init
from patcher.commands.plan import plan
from patcher.commands.revert import revert_all
from patcher.commands.status import status
from patcher.errors import PatcherError
from patcher.patchfile.model import EditKind, EditStatus
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.capture import File, capture
from patcher.rewrite.authoring.scaffold import scaffold
from patcher.rewrite.check import check_patch
from patcher.rewrite.file import rewrite_file
from patcher.rewrite.outcome import EditOutcome
from patcher.store.workspace import Workspace
from tests.rewrite.grammar.cases import HEAD, UNITS, compiles, parse
from tests.rewrite.grammar.code import Code, Scope
from tests.rewrite.grammar.noise import joined, noisy

_LAST = (
    "class C9:\n    @property\n    def p9(self): ...\n\n    x9: int = 1\n",
    "raise x9 from(b if c else d)\n",  # no blank is needed there
)
"""Code at the end of some modules, its last line often the one that is asked for."""
_REFUSED = ("shares its line", "LibCST does not print")
_HAS_SITES = (EditStatus.READY, EditStatus.AMBIGUOUS)


def scaffolded(seed: int) -> str | None:
    """A spec made of a line: it reads, its fixture is Python and passes, it finds the line."""
    random = Random(seed)
    source = _module(random)
    if source is None:
        return None
    line = random.randint(1, source.count("\n"))
    last = [n for n, text in enumerate(source.split("\n"), 1) if "x9" in text]
    line = last[0] if last and random.random() < 0.5 else line
    try:
        text = scaffold("mine", "pkg", "m.py", line, source.encode())
        return _spec(text, source)
    except PatcherError as error:
        return "" if error.code in ("usage", "unsupported-source") else f"{error.message}"
    except Exception as error:  # the point of a generated case
        return f"crash: {type(error).__name__}: {error}"


def _module(random: Random) -> str | None:
    code = Code(random, False, random.choice(UNITS), placed=True)
    plain = code.module() + (random.choice(_LAST) if random.random() < 0.5 else "")
    if not compiles(plain):
        return None
    source = noisy(joined(plain, random), random)
    return source if compiles(source) else None


def _spec(text: str, source: str) -> str:
    patch = read_spec(text, "patches/mine.yaml")
    (edit,) = patch.edits
    for fixture in patch.tests:
        try:
            parse(fixture.before)
        except SyntaxError as error:
            return f"a fixture that is no Python: {error}"
    new = "other" if edit.kind is EditKind.DECORATOR else "other()"
    if (edit.replacement or "").startswith("elif"):
        new = "elif other9:\n    pass"
    changed = replace(patch, edits=(replace(edit, replacement=new),))
    (outcome,) = rewrite_file("m.py", source.encode(), changed.edits, {}).outcomes
    if outcome.code == "unsupported-source" or any(e in outcome.message for e in _REFUSED):
        return ""
    if outcome.status not in _HAS_SITES:
        return f"its line is not found: {outcome.status.value}: {outcome.message}"
    if not patch.tests and (edit.pattern or "").startswith("x9"):
        return "a fixture that is no Python"
    problems = [each.message for each in check_patch(changed)]
    return "; ".join(problems)


_SETTER = """\
class C9:
    @property
    def p9(self): {one}
    @p9.setter
    def p9(self, v): {one}
"""
_ADDED = """\
  match: |
    def f9($$$P):
        $$$R
  with: |
    def f9($$$P, n=1):
        $$$R
"""
_OLD, _IF = (
    "  match: old9($X)\n  with: new9($X)\n",
    "  match: |\n    if b9:\n        $$$R\n  with: a\n",
)
_MESSAGES = (
    ("if a9:\n    {one}\nelif b9:\n    {one}\n", _IF, "write `elif ...:`"),
    ("x = f'{{old9({atom})}}'\n", _OLD, "in-f-strings: true"),
    (_SETTER, "  within: C9.p9\n  body: return 2\n", "`decorated: p9.setter`"),
    ("def f9(a, **kw): {one}\n", _ADDED, "write what is new before it"),
    ("if a9:\n    {one}\n\f    old9(1)\n", _OLD, "form feed"),
)
"""Code, an edit that does not fit it, and what the message must say."""


def said(seed: int) -> str | None:
    """The message of an edit that does not fit says what to write instead."""
    random = Random(seed)
    code = Code(random, False, "    ", placed=True)
    source, edit, expected = random.choice(_MESSAGES)
    above = "\n".join(code.statement(Scope(), 1)) + "\n" if random.random() < 0.5 else ""
    one, atom = code.simple(Scope()).split("\n")[0], random.choice(("a", "1", "b.c"))
    text = above + source.format(one=one, atom=atom)
    if not compiles(text):
        return None
    outcome = _outcome(text, edit)
    message = f"{outcome.message} | {outcome.hint}"
    return "" if expected in message else f"a message that misleads: {message}"


_NEVER = ("new9[{atom}] = {one}", "del new9[{atom}]", "for new9[{atom}] in b: pass",
          "new9[{atom}] += 1", "with a as new9[{atom}]: pass")  # fmt: skip


def never_patched(seed: int) -> str | None:
    """Code that looks like the replacement, and cannot have been written by the edit."""
    random = Random(seed)
    code = Code(random, False, "    ", placed=True)
    one, atom = code.expression(Scope(), 1), random.choice(("a", "1", "b.c"))
    text = random.choice(_NEVER).format(one=one, atom=atom) + "\n" + code.module()
    if not compiles(text):
        return None
    outcome = _outcome(text, "  match: old9($X)\n  with: new9[$X]\n")
    return "" if outcome.status is EditStatus.MISSING else f"called {outcome.status.value}"


def _outcome(text: str, edit: str) -> EditOutcome:
    patch = read_spec(f"{HEAD}- file: m.py\n{edit}", "patches/p.yaml")
    return rewrite_file("m.py", text.encode(), patch.edits, {}).outcomes[0]


def captured_twice(seed: int) -> str | None:
    """What travels with two captures has names of its own."""
    before = hand_edits.BEFORE
    first, _ = hand_edits.case(seed)
    between = {path: held for path, held in first.items() if held is not None}
    second, _ = hand_edits.case(10_000 + seed, between)
    if first == before or second == between:
        return None
    files = {path: held for path, held in before.items() if held is not None}
    one, two = capture("one", "pkg", files, first), capture("two", "pkg", between, second)
    clash = one.attachments.keys() & two.attachments.keys()
    return f"both write {', '.join(clash)}" if clash else ""


def adopted(seed: int) -> str | None:
    """The command that a capture prints works when it is pasted: the edits are the series' then."""
    after, _ = hand_edits.case(seed)
    if after == hand_edits.BEFORE:
        return None
    with TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "work")
        source = Path(folder) / "source"
        _write(source, hand_edits.BEFORE)
        (source / "pyproject.toml").write_text('[project]\nname = "pkg"\nversion = "1"\n')
        init(workspace, [str(source)], in_place=False, notify=lambda _: None)
        root = workspace.working_copy("pkg").root
        _write(root, after)
        command = captured(workspace, "mine", None).next
        for each in command.split(" && "):
            start = [sys.executable, "-m"] if each.startswith("patcher") else []
            done = subprocess.run([*start, *shlex.split(each)], capture_output=True, check=False)
            if done.returncode:
                return f"a printed command that fails: {done.stderr.decode()}"
        now = status(workspace, None)
        kept = all(_is(root / path, held) for path, held in after.items())
        return "" if kept and (now.series, now.drift) == (["mine"], []) else "edits are not adopted"


def _write(root: Path, files: Mapping[str, File | None]) -> None:
    for path, held in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        if held is None:
            (root / path).unlink(missing_ok=True)
        else:
            (root / path).write_bytes(held[0])
            (root / path).chmod(held[1])


def _is(path: Path, held: File | None) -> bool:
    if held is None or not path.exists():
        return held is None and not path.exists()
    return (path.read_bytes(), path.stat().st_mode & 0o777) == held


def planned(seed: int) -> str | None:
    """A plan for another target makes no working copy, and all of them are reverted together."""
    random = Random(seed)
    with TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "work" / "patches").mkdir(parents=True)
        workspace = Workspace(place / "work")
        for name in random.sample(("one", "two", "three"), random.randint(1, 2)):
            source = place / name
            (source / name).mkdir(parents=True)
            (source / name / "__init__.py").write_text("a = 1\n")
            (source / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1"\n')
            init(workspace, [str(source)], in_place=False, notify=lambda _: None)
        spec = "patch: p\nsummary: s\ntarget: pluggy\nequivalence: bitwise\nedits:\n"
        spec += "- file: pluggy/__init__.py\n  define: NEW9 = 1\n"
        (place / "work" / "patches" / "p.yaml").write_text(spec)
        targets = workspace.targets()
        try:
            plan(workspace, ["p"], target=None, source=None)
            revert_all(workspace, None, dry_run=False)
        except PatcherError as error:
            return f"an error: {error.message}"
        return "" if workspace.targets() == targets else "another working copy"
