"""Cases whose sites lie in what the holes of other sites hold."""

from __future__ import annotations

from random import Random
from textwrap import indent

from tests.rewrite.grammar.cases import UNITS, Drawn, is_tree_of
from tests.rewrite.grammar.code import MARK, Code, Scope
from tests.rewrite.grammar.matching import is_in_string

_EXPRESSIONS = (
    ("old_site($X)", "new_site($X, 1)"), ("old_site($X)", "$X"), ("old_site($X)", "$X.new"),
    ("old_site($X)", "$X * 2"), ("old_site($X)", "$X if $X else 0"), ("old_site($X)", "[$X, $X]"),
    ("old_site[$X]", "not $X"), ("old_site - $X", "$X - new_site"), ("old_site($X)", "lambda: $X"),
    ("{old_site: $X}", "old_site($X)"),
)  # fmt: skip
_STATEMENTS = (
    ("if old_site:\n    $$$R", "while new_site:\n    one()\n    $$$R"),
    ("if old_site:\n    $$$R", "$$$R"),
    ("with old_site:\n    $$$R", "if q9:\n    $$$R\nelse:\n    two()"),
    ("for v9 in old_site:\n    $$$R", "try:\n    $$$R\nfinally:\n    two()"),
)
_SHAPES = ("h({})", "[1, {}]", "lambda: {}", "{} + 1", "{}.a", "f'{{{}}}'", "-{}", "({}, b)",
           "[{} for v in b]", "{{'k': {}}}", "(\n    {}  # in\n)")  # fmt: skip


def nested(random: Random) -> Drawn | None:
    """Two or three sites, each in the hole of the one around it."""
    draw = random.choice((_expressions, _expressions, _statements))
    plain, expected, pattern, template, count, strings = draw(random)
    if plain.count("SITE_MARK"):
        return None
    edits = f"- file: m.py\n  match: |\n{indent(pattern, '    ')}\n"
    edits += f"  with: |\n{indent(template, '    ')}\n  expect: {random.choice(('all', count))}\n"
    edits += "  in-f-strings: true\n" if strings else ""
    return Drawn("nested match", plain, edits, is_tree_of(expected))


def _expressions(random: Random) -> tuple[str, str, str, str, int, bool]:
    code = Code(random, False, random.choice(UNITS))
    text = plain = expected = code.module()
    pattern, template = random.choice(_EXPRESSIONS)
    count = random.randint(2, 3)
    strings = is_in_string(text)
    for left in reversed(range(count)):
        held = code.expression(Scope(), 2)
        if left:
            held = random.choice(_SHAPES).format(MARK)
            strings |= "f'" in held
        # The site as it binds least, the replacement as it must be read.
        plain = plain.replace(MARK, f"({pattern.replace('$X', f'({held})')})")
        expected = expected.replace(MARK, f"({template.replace('$X', f'({held})')})")
    return plain, expected, pattern, template, count, strings


def _statements(random: Random) -> tuple[str, str, str, str, int, bool]:
    code = Code(random, True, random.choice(UNITS))
    plain = expected = code.module()
    pattern, template = random.choice(_STATEMENTS)
    count = random.randint(2, 3)
    code.placed = True
    for left in reversed(range(count)):
        lines = code.statement(Scope(), 1)
        if left:
            lines = [MARK, *lines] if random.random() < 0.5 else [*lines, MARK]
        plain, expected = (_put(text, of, lines, code.unit)
                         for text, of in ((plain, pattern), (expected, template)))  # fmt: skip
    return plain, expected, pattern, template, count, False


def _put(text: str, template: str, held: list[str], unit: str) -> str:
    """A template with its hole filled in the place of the marker."""
    actual: list[str] = []
    for line in text.split("\n"):
        if line.strip() != MARK:
            actual.append(line)
            continue
        margin = line[: -len(MARK)]
        for each in template.split("\n"):
            deeper = margin + unit * (len(each) - len(each.lstrip()) > 0)
            inside = held if each.strip() == "$$$R" else [each.strip()]
            actual += [deeper + item for item in inside]
    return "\n".join(actual)
