"""Random cases: a source, a spec, and the tree that must come out; and what became of one."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from random import Random
from textwrap import indent

from patcher.patchfile.model import EditStatus
from patcher.rewrite.file import rewrite_file
from tests.rewrite.grammar.code import MARK, Code, Scope
from tests.rewrite.grammar.noise import joined, noisy
from tests.rewrite.making import patch

EXPRESSIONS = [
    ("old_site($X)", "new_site($X, 1)"),
    ("old_site($X)", "$X"),
    ("old_site($X)", "$X * 2"),
    ("old_site($X)", "-$X"),
    ("old_site($X)", "$X.new"),
    ("old_site($X)", "lambda: $X"),
    ("old_site($X)", "$X if $X else 0"),
    ("old_site($X, $Y)", "$Y + $X"),
    ("old_site($X, $Y)", "($Y, $X)"),
    ("old_site($X, $Y)", "{$X: $Y}"),
    ("old_site($X, $Y)", "$X and not $Y"),
    ("old_site($X)", "[$X for q in r]"),
    ("old_site($$$A)", "new_site(1, $$$A)"),
    ("old_site($$$A)", "old_site($$$A, k9=1)"),
    ("old_site($$$A)", "new_site($$$A)"),
    ("old_site($$$A, zz=1, $$$B)", "old_site($$$A, $$$B)"),
    ("old_site($$$A, zz=1)", "old_site($$$A)"),
    ("[old_site, $$$A]", "[$$$A]"),
    ("[$$$A, old_site]", "[$$$A, new_site]"),
    ("{old_site: $X, $$$E}", "{$$$E}"),
    ("(old_site, $X)", "one"),
    ("$X.old_site", "new_site($X)"),
    ("old_site[$X]", "not $X"),
    ("old_site or $X", "$X or new_site"),
    ("old_site - $X", "new_site - $X"),
    ("-old_site", "one"),
    ("'old_site'", "one"),
    ("old_site($X for $V in $I)", "[$X for $V in $I]"),
    ("old_site", "new_site"),
    ("old_site", "(yes)"),
]
_END = "\nend_site()"
STATEMENTS = [
    ("match", "old_site($X)", "if $X:\n    one()\nelse:\n    two($X)"),
    ("match", "old_site($X)", "y = $X"),
    ("match", "old_site($X)\nold_two($Y)", "one($X, $Y)"),
    ("match", "old_site = $X", "old_site = new($X)"),
    ("match", "assert old_site, $X", "if not old_site:\n    raise E($X)"),
    ("match", "assert old_site, $X", "one($X)"),
    ("match", "one_site()\nassert old_site, $X", "one_site()\ntwo($X)"),
    ("match", "with old_site:\n    $$$R", "$$$R"),
    ("match", "if old_site:\n    $$$R\nelse:\n    $$$T",
     "if not new_site:\n    $$$T\nelse:\n    $$$R"),
    ("match", "old_site()\n$$$R" + _END, "with lock:\n    old_site()\n    $$$R\nend_site()"),
    ("match", "old_site()\n$$$R" + _END, "old_site()\ncheck()\n$$$R\nend_site()"),
    ("match", "old_site()\nb()\nc()", "c()\nold_site()\nb()"),
    ("match", "old_site()\nb()", "if q:\n    old_site()\n    b()"),
    ("match", "while old_site:\n    $$$R",
     "while True:\n    $$$R\n    if not old_site:\n        break"),
    ("match", "try:\n    $$$R\nexcept OldSite:\n    $$$T",
     "try:\n    $$$R\nexcept (New, OldSite) as e9:\n    $$$T"),
    ("match", "def old_site(a, b):\n    $$$R", "def old_site(a, b, c=1):\n    one()\n    $$$R"),
    ("match", "def old_site(a, $$$P):\n    $$$R", "def old_site($$$P):\n    $$$R"),
    ("match", "class OldSite:\n    $$$R", "class OldSite(Base):\n    $$$R"),
    ("match", "from old_site import a, b", "from old_site import a, b, c"),
    ("before", "old_site($X)", "pre($X)"),
    ("before", "old_site($X)", "if $X:\n    pre()"),
    ("before", "assert old_site, $X", "pre($X)"),
    ("after", "old_site($X)", "post($X)"),
    ("after", "assert old_site, $X", "post($X)"),
    ("after", "if old_site:\n    $$$R", "post()"),
    ("delete", "old_site($X)", ""),
    ("delete", "assert old_site, $X", ""),
    ("delete", "if old_site:\n    $$$R", ""),
    ("empty", "old_site($X)", "old_two($X)"),
    ("match", "elif old_site:\n    $$$R", "elif new_site:\n    $$$R"),
    ("match", "elif old_site:\n    $$$R", "elif b1:\n    $$$R\nelif old_site:\n    b2()"),
    ("match", "elif old_site:\n    $$$R\nelif $X:\n    $$$T", "elif $X:\n    $$$T\n    $$$R"),
    ("before", "elif old_site:\n    $$$R", "elif b1:\n    b2()"),
    ("after", "elif old_site:\n    $$$R", "elif b1:\n    b2()\nelif b3: b4()"),
    ("delete", "elif old_site:\n    $$$R", ""),
]  # fmt: skip


REFUSED = (
    "LibCST does not print these lines as they are written",
    "LibCST does not print a form feed as it is written",
    "the statement shares its line",
    "it changes what another edit of this patch changes",
)
"""What is refused by name, and rightly: code that LibCST cannot keep, blocks on a line with `;`."""


@dataclass(frozen=True)
class Case:
    """One case; ``expected`` is a text whose tree the result must have."""

    source: str
    edits: str
    expected: str


def make(random: Random) -> Case | None:
    """A case; None when what was drawn is not Python."""
    statements = random.random() < 0.5
    code = Code(random, statements, random.choice(["    ", "  ", "\t"]))
    text = code.module()
    if text.count(MARK) != 1:
        return None
    if statements:
        plain, wanted, edits = _statement(code, text, random)
    else:
        plain, wanted, edits = _expression(code, text, random)
    if not compiles(plain) or not compiles(wanted):
        return None
    source = noisy(joined(plain, random), random)
    if not compiles(source) or dump(source) != dump(plain):
        return None
    if random.random() < 0.1:
        source = source.replace("\n", "\r\n")
    elif random.random() < 0.1:
        source = source.rstrip("\n")
    return Case(source, edits, wanted)


def _expression(code: Code, text: str, random: Random) -> tuple[str, str, str]:
    pattern, template = random.choice(EXPRESSIONS)
    holes = _holes(code, pattern, random)
    site = _filled(pattern, holes, False)
    tight = re.fullmatch(r"\w+(\(.*\)|\[.*\])?|\[.*\]|\{.*\}|'\w+'", pattern, re.DOTALL)
    if not tight and not pattern.startswith("("):
        site = f"({site})"
    if pattern.startswith("(") and f"with {MARK}" in text:  # these would be two items
        site = f"({site})"
    new = f"({_filled(template, holes, True)})"
    old, wanted = indent(pattern, "    "), indent(template, "    ")
    edits = f"- file: m.py\n  match: |\n{old}\n  with: |\n{wanted}\n"
    return text.replace(MARK, site), text.replace(MARK, new), edits


def _statement(code: Code, text: str, random: Random) -> tuple[str, str, str]:
    kind, pattern, new = random.choice(STATEMENTS)
    old, template = pattern, new
    if kind == "empty":
        old, template = f"if q9:\n    {pattern}\n    {new}", "if q9:\n    pass"
        edits = f"- file: m.py\n  delete: {pattern}\n- file: m.py\n  delete: {new}\n"
    else:
        edits = f"- file: m.py\n  {kind}: |\n{indent(pattern, '    ')}\n"
        if kind != "delete":
            edits += f"  with: |\n{indent(new, '    ')}\n"
        template = {"before": f"{new}\n{pattern}", "after": f"{pattern}\n{new}"}.get(kind, new)
    if pattern.startswith("elif"):
        old, template = _chained(old, template)
    holes = _holes(code, old, random)
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if line.strip() == MARK)
    margin = lines[at][: -len(MARK)]
    alone = _is_alone(text)

    def put(pattern: str, wrapped: bool) -> str:
        body = _filled(pattern, holes, wrapped, code.unit)
        if not body.strip():
            body = "pass" if alone and margin else ""
        inside = [margin + line if line else line for line in body.split("\n")]
        return "\n".join([*lines[:at], *inside, *lines[at + 1 :]])

    return put(old, False), put(template, True), edits


def _chained(*branches: str) -> list[str]:
    """Branches between the first of a chain and its last, with an `else`."""
    end = "\nelif z9:\n    z8()\nelse:\n    z7()"
    return ["if a9:\n    a8()" + f"\n{each}".rstrip("\n") + end for each in branches]


def _is_alone(text: str) -> bool:
    """Whether the marker is all there is in its block."""
    for node in ast.walk(ast.parse(text)):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list) and MARK in [ast.unparse(each) for each in block]:
                return len(block) == 1
    return False


def _holes(code: Code, pattern: str, random: Random) -> dict[str, object]:
    """What each hole of a pattern is in the source."""
    found: dict[str, object] = {}
    code.placed = True
    for dollars, name in re.findall(r"(\$+)([A-Z]+)", pattern):
        if name in found:
            continue
        if name in ("R", "T"):
            lines: list[str] = []
            for _ in range(random.randint(1, 3)):
                lines += code.statement(Scope(), 1)
            found[name] = lines
        elif name == "P":
            found[name] = random.choice([["b"], ["b", "c=1"], ["*", "k"], ["*v", "**w"]])
        elif name == "V":
            found[name] = random.choice(["v", "(v, w)"])
        elif name == "E":
            pairs = [f"{code.expression(Scope(), 1)}: {code.expression(Scope(), 1)}" for _ in "ab"]
            found[name] = pairs[: random.randint(0, 2)]
        elif dollars == "$$$":
            items = [code.expression(Scope(), 1) for _ in range(random.randint(0, 2))]
            keywords = random.random() < 0.3 and "old_site(" in pattern and name != "A"
            only = pattern == "old_site($$$A)" and not items
            if only and random.random() < 0.5:
                items = [f"{code.expression(Scope(), 1)} for v in s"]
            found[name] = [*items, *(["k=1"] if keywords else [])]
        else:
            found[name] = code.expression(Scope(), 2)
    return found


def _filled(template: str, holes: dict[str, object], wrapped: bool, unit: str = "    ") -> str:
    """A template with its holes filled; ``wrapped``: each in parentheses, for a reference."""
    out: list[str] = []
    for line in template.split("\n"):
        alone = re.fullmatch(r"( *)\$\$\$([RT])", line)
        spaces = line[: len(line) - len(line.lstrip())]
        space = unit * (len(spaces) // 4)
        if alone:
            held = holes[alone[2]]
            assert isinstance(held, list)
            out += [space + each for each in held]
            continue

        def value(found: re.Match[str]) -> str:
            held = holes[found[2]]
            if isinstance(held, list):
                return ", ".join(
                    _argument(each, wrapped and len(template) > 0, template) for each in held
                )
            loose = found[2] != "V" and (wrapped or str(held).startswith("-"))
            return f"({held})" if loose else str(held)

        text = re.sub(r"(\$+)([A-Z]+)", value, line.lstrip())
        text = re.sub(
            r"(?<=[(\[{]), |, , |, (?=[)\]}])", lambda m: ", " if m[0] == ", , " else "", text
        )
        out.append(space + text if text else text)
    return "\n".join(out)


def _argument(text: str, wrapped: bool, template: str) -> str:
    generator = " for v in " in text and not text.startswith(("(", "[", "{", "f(", "g(", "a["))
    alone = re.fullmatch(r"\w+\(\$\$\$A\)", template)
    return f"({text})" if wrapped and generator and not alone else text


def compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "m.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return True


def dump(text: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.dump(ast.parse(text))


def problem(case: Case) -> str:
    """What is wrong with the rewriting of a case; empty when nothing is."""
    edits = patch("p", case.edits).edits
    result = rewrite_file("m.py", case.source.encode(), edits, {})
    for outcome in result.outcomes:
        if outcome.status is not EditStatus.READY:
            if any(known in outcome.message for known in REFUSED):
                return ""
            return f"refused: {outcome.status.value} {outcome.message} {outcome.details}"
    assert result.content is not None
    after = result.content.decode()
    if dump(after) != dump(case.expected):
        return "wrong: another tree"
    named = [note.rsplit("comment: ", 1)[-1] for each in result.outcomes for note in each.notes]
    present = [*re.findall(r"# c\d+", after), *named]
    gone = [each for each in re.findall(r"# c\d+", case.source) if each not in present]
    return f"lost: {gone}" if gone else ""
