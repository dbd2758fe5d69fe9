"""What helps authors, on random modules: specs started from a line, messages that say what to do.

Each case is a seed; what is wrong with it is a text, empty where nothing is.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random

from patcher.errors import PatcherError
from patcher.patchfile.model import EditKind, EditStatus
from patcher.patchfile.reader import read_spec
from patcher.rewrite.authoring.scaffold import scaffold
from patcher.rewrite.check import check_patch
from patcher.rewrite.file import rewrite_file
from tests.rewrite.grammar.cases import UNITS, compiles, parse
from tests.rewrite.grammar.code import Code
from tests.rewrite.grammar.noise import joined, noisy

_MEMBERS = "class C9:\n    @property\n    def p9(self): ...\n\n    x9: int = 1\n"
_FOUND = (EditStatus.READY, EditStatus.AMBIGUOUS)


def scaffolded(seed: int) -> str | None:
    """A spec made of a line: it reads, its fixture is Python and passes, it finds the line."""
    random = Random(seed)
    source = _module(random)
    if source is None:
        return None
    line = random.randint(1, source.count("\n"))
    try:
        text = scaffold("mine", "pkg", "m.py", line, source.encode())
        return _spec(text, source)
    except PatcherError as error:
        return "" if error.code in ("usage", "unsupported-source") else f"{error.message}"
    except Exception as error:  # the point of a generated case
        return f"crash: {type(error).__name__}: {error}"


def _module(random: Random) -> str | None:
    code = Code(random, False, random.choice(UNITS), placed=True)
    plain = code.module() + (_MEMBERS if random.random() < 0.3 else "")
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
    if outcome.code == "unsupported-source" or "shares its line" in outcome.message:
        return ""
    if outcome.status not in _FOUND:
        return f"its line is not found: {outcome.status.value}: {outcome.message}"
    problems = [each.message for each in check_patch(changed)]
    return "; ".join(problems)
