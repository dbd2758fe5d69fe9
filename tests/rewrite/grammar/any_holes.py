"""Any pattern with holes, any replacement: written as the second opinion says, or refused in words.

What comes out is not known before, so that these cases count apart: nothing may crash, and nothing
may be left for the second opinion to stop (`rewrite-disagrees` is a defect of one of the two).
"""

from __future__ import annotations

import re
import warnings
from random import Random

from patcher.errors import PatcherError
from patcher.patchfile.model import EditStatus
from patcher.patchfile.reader import read_spec
from patcher.rewrite.file import rewrite_file
from tests.rewrite.grammar.cases import HEAD, compiles

VALUES = (
    "a", "b", "1", "g(a)", "a.b", "(a, b)", "not a", "a if b else c", "lambda: 0", "(x := 1)",
    "*a", "'s'", "a + b", "a < b", "[a]", "{}", "f'{a}'", "-1", "...", "None", "**k", "k=1", "a,",
    "(a)", "a[b,]", "a[1:2]", "a: int",
)  # fmt: skip
LINES = (
    "a", "a()", "pass", "x = 1", "x = 1,", "del a", "if a:\n    b()", "raise a", "a; b", "'doc'",
    "for i in a:\n    b()\nelse:\n    c()", "def g():\n    return a", "x: int", "global a",
    "with a as b:\n    c()", "try:\n    a()\nfinally:\n    b()", "@d\nclass C:\n    pass",
    "import a", "from a import b", "assert a, b", "x += 1", "a = b = c", "while a:\n    break",
)  # fmt: skip
HEADS = (
    "if $A:", "for $A in $B:", "while $A:", "with $A:", "with $A as $B:", "with $$$P:",
    "def f($$$P):", "def f($$$P) -> $A:", "def f($$$P, *, k=$A):", "@$A\ndef f($$$P):",
    "@$$$D\ndef f($$$P):", "class C($$$P):", "class C:", "@$A\nclass C:", "async def f($$$P):",
    "try:\n    $$$S\nexcept $A:", "try:\n    $$$S\nfinally:", "match $A:\n    case $B:",
    "if $A:\n    $$$S\nelif $B:", "if $A:\n    $$$S\nelse:", "for $A in $B:\n    $$$S\nelse:",
    "elif $A:", "elif $A:\n    $$$S\nelse:",
)  # fmt: skip
FORMS = (
    "$A = $B", "$A\n$$$S", "$$$S\nq()", "q()\n$$$S", "q()\n$$$S\nz()", "print($A); $$$S",
    "lambda $$$P: $A", "$A($$$P)", "$A[$$$P]", "[$$$P]", "{$$$P}", "($$$P,)", "$A.$B", "import $A",
    "from m import $$$P", "$A: $B = 1", "del $A", "assert $A", "assert $A, $B", "raise $A from $B",
    "$A if $B else c", "$A and $B", "not $A", "[$A for $B in y]", "$A < $B", "{$A: $B}",
    "{$A: $B, $$$P}", "f($A, *$B)", "f($A, **$B)", "f(k=$A)", "x[$A:$B]", "$A += $B", "-$A",
    "f(*$$$P)", "$A, $$$P", "[$$$P, $A]", "global $$$P", "$$$P and $A", "x = $$$P",
)  # fmt: skip
_HOLE = re.compile(r"\$\$\$[A-Z]|\$[A-Z]")
_GAPS = re.compile(r"(?<=[(\[{])\s*,\s*|,\s*,|, (?=[)\]}])")


def wrong(seed: int) -> str | None:
    """What is wrong with the case of a seed; None where nothing is."""
    made = draw(Random(seed))
    if made is None:
        return None
    source, edit = made
    try:
        patch = read_spec(HEAD + edit, "patches/p.yaml")
    except PatcherError as error:
        return None if error.code == "spec" else f"{error.code}: {error.message}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            result = rewrite_file("m.py", source.encode(), patch.edits, {})
    except PatcherError as error:
        return f"{error.code}: {error.message}" if error.code == "rewrite-disagrees" else None
    except Exception as error:  # the point of a generated case
        return f"{type(error).__name__}: {error}"
    ready = all(each.status is EditStatus.READY for each in result.outcomes)
    return None if ready or any(each.message for each in result.outcomes) else "no message"


def draw(random: Random) -> tuple[str, str] | None:
    """A source and an edit of it; None where what was drawn is not Python."""
    pattern, template = _form(random), _form(random)
    if random.random() < 0.3:
        template += "\n" + _form(random)
    holes = _HOLE.findall(pattern)
    template = _HOLE.sub(lambda each: _other(random, each[0], holes), template)
    pieces: list[str] = []
    for _ in range(3):
        piece = _written(random, pattern)
        if pattern.startswith("elif"):
            piece = f"if z:\n    pass\n{piece}"
        around = random.choice(("{}", "{}", "if w:\n    {}", "def w():\n    a()\n    {}\n    b()"))
        piece = around.format(piece.replace("\n", "\n    ") if "    {}" in around else piece)
        if compiles("\n".join([*pieces, piece]) + "\n"):
            pieces.append(piece)
    if not pieces:
        return None
    kind = random.choice(("match", "match", "match", "before", "after", "delete"))
    edit = f"- file: m.py\n  expect: all\n  {kind}: |\n" + _indented(pattern)
    if kind != "delete":
        edit += "  with: |\n" + _indented(template)
    return "\n".join(pieces) + "\n", edit


def _form(random: Random) -> str:
    if random.random() < 0.5:
        return random.choice(FORMS)
    body = random.choice(("$$$S", "$$$S", "$$$S\n    $$$T", "q()\n    $$$S", "$A\n    $$$S"))
    head = random.choice(HEADS)
    deep = "    " if head.startswith("match") else ""
    return f"{head}\n{deep}    " + body.replace("\n", f"\n{deep}")


def _other(random: Random, hole: str, holes: list[str]) -> str:
    """The hole itself where the pattern has it, or another of its kind, or code."""
    many = hole.startswith("$$$")
    alike = [each for each in holes if each.startswith("$$$") is many]
    if hole in holes:
        return hole
    return random.choice(alike) if alike else "new_()" if many else "new"


def _written(random: Random, pattern: str) -> str:
    """Code that a pattern may match: something in the place of each hole."""
    bound: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in pattern.split("\n"):
        lead = line[: len(line) - len(line.lstrip())]
        if line.strip() in ("$$$S", "$$$T"):
            held = [random.choice(LINES) for _ in range(random.choice((0, 1, 1, 2)))]
            for each in bound.setdefault(line.strip(), held):
                comment = "" if "\n" in each or random.random() < 0.5 else f"  # c{len(lines)}"
                lines.append(lead + each.replace("\n", f"\n{lead}") + comment)
            continue
        lines.append(
            _GAPS.sub(_joined, _HOLE.sub(lambda each: _value(random, each[0], bound), line))
        )
    return "\n".join(lines)


def _value(random: Random, hole: str, bound: dict[str, list[str]]) -> str:
    count = random.choice((0, 1, 2)) if hole.startswith("$$$") else 1
    values = bound.setdefault(hole, [random.choice(VALUES) for _ in range(count)])
    return ", ".join(values)


def _joined(gap: re.Match[str]) -> str:
    return ", " if gap[0].count(",") > 1 else ""


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.split("\n"))
