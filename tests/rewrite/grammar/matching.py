"""Cases of `match`, `before`, `after` and `delete`: patterns, what they become, what holes hold."""

from __future__ import annotations

import ast
import re
from random import Random
from textwrap import indent

from tests.rewrite.grammar.cases import UNITS, Drawn, compiles, is_tree_of, parse
from tests.rewrite.grammar.code import MARK, Code, Scope

EXPRESSIONS = [
    ("old_site($X)", "new_site($X, 1)"),
    ("old_site($X)", "new_site('q', \"r's\", $X)"),
    ("old_site($X)", "$X"),
    ("old_site($X)", "$X * 2"),
    ("old_site($X)", "-$X"),
    ("old_site($X)", "$X.new"),
    ("old_site($X)", "lambda: $X"),
    ("old_site($X)", "$X if $X else 0"),
    ("old_site($X, $Y)", "$Y + $X"),
    ("old_site($X, $Y)", "new_site($Y, $X)"),
    ("old_site($X)", "old_site(0, $X)"),
    ("[old_site, $X, $Y]", "[$Y, new_site, $X]"),
    ("{old_site: $X, b: $Y}", "{b: $Y, old_site: $X}"),
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
    ("match", "old_site = $B", "with $B:\n    one()"),
    ("match", "old_site = $B", "for x in $B:\n    one()"),
    ("match", "old_site = $B", "old_site[$B]"),
    ("match", "old_site = $B", "old_site($B)"),
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
    ("match", "def old_site(a: b.c, d=e.f):\n    $$$R", "def old_site(d=e.f, a: b.c=1):\n    $$$R"),
    ("match", "from old_site import a as c, b as d", "from old_site import b as d, a as c"),
    ("match", "class OldSite:\n    $$$R", "class OldSite(Base):\n    $$$R"),
    ("match", "@old_site\ndef f9(a):\n    $$$R",
     "if q:\n    @old_site\n    def f9(a):\n        $$$R"),
    ("match", "@old_site\n@d(1)\nclass C9:\n    $$$R\nb()",
     "b()\n@old_site\n@d(1)\nclass C9:\n    $$$R"),
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


SITES = [
    *((text, 1) for text in ("1", "1..3", "all")),
    *((text, 2) for text in ("2", "2..5", "all")),
    *((text, 3) for text in ("3", "1..9", "all")),
]
"""What `expect` may say of how many sites."""


def expression(random: Random, among: str = "") -> Drawn | None:
    """An expression in the place of one or of several; its pattern has ``among`` in it."""
    code = Code(random, False, random.choice(UNITS), most=random.choice((1, 1, 2, 3)))
    text = code.module()
    pair = random.choice([each for each in EXPRESSIONS if among in each[0]])
    plain, expected, edits = _expression(code, text, random, *pair)
    return Drawn("match", plain, edits + _where(text, random), is_tree_of(expected))


def first_statement(random: Random) -> Drawn | None:
    """As `statement`, where those at the top of a module change places."""
    code = Code(random, True, placed=True)
    text = f"{MARK}\n{code.module().replace(MARK, 'z')}"
    edit = ("match", "old_site()\nb()\nc()", "c()\nb()\nold_site()")
    plain, expected, edits = _statement(code, text, random, edit)
    return Drawn("match", plain, edits, is_tree_of(expected))


def below_backslash(random: Random) -> Drawn | None:
    """A statement is deleted; the comment above it ends in a backslash."""
    code = Code(random, True, random.choice(UNITS))
    text = re.sub(rf"^([ \t]*){MARK}$", r"\1# c9001 \\\n\g<0>", code.module(), flags=re.MULTILINE)
    plain, expected, edits = _statement(code, text, random, ("delete", "old_site($X)", ""))
    return Drawn("delete", plain, edits, is_tree_of(expected))


def in_f_string(random: Random) -> Drawn | None:
    """An expression in an f-string; the replacement has strings of its own."""
    code = Code(random, False, placed=True)
    quote = random.choice(("'", '"'))
    text = f"x = f{quote}a {{{MARK}}} b{quote}\n{code.module().replace(MARK, 'q9')}"
    state, names = random.getstate(), code.names  # the same holes twice
    pair = "old_site($X)", f"new_site({quote}q{quote}, $X)"
    plain, _, edits = _expression(code, text, random, *pair)
    random.setstate(state)
    code.names = names
    other = "new_site('q', $X)" if quote == '"' else 'new_site("q", $X)'
    _, expected, _ = _expression(code, text, random, "old_site($X)", other)
    return Drawn("match", plain, edits, is_tree_of(expected))


def statement(random: Random, among: str = "") -> Drawn | None:
    """Statements replaced, inserted or removed, as often; their pattern has ``among`` in it."""
    code = Code(random, True, random.choice(UNITS), most=random.choice((1, 1, 1, 2)))
    text = code.module()
    edit = random.choice([each for each in STATEMENTS if among in each[1]])
    plain, expected, edits = _statement(code, text, random, edit)
    if edits.count("- file") == 1:
        edits += _where(text, random)
    kind = edits.split("\n")[1].split(":")[0].strip()
    return Drawn(kind, plain, edits, is_tree_of(expected))


def _where(text: str, random: Random) -> str:
    """`expect`, and for one site perhaps `within`."""
    count = text.count(MARK)
    expect = random.choice([said for said, many in SITES if many == count] or ["all"])
    lines = f"  expect: {expect}\n" if count > 1 or random.random() < 0.2 else ""
    if count == 1 and compiles(text) and random.random() < 0.4:
        lines += f'  within: "{random.choice(around(text, MARK))}"\n'
    return lines


def around(text: str, mark: str) -> list[str]:
    """What `within` may say of a marker's place: each definition around it, also with stars."""
    names = enclosing(parse(text), mark)
    if not names:
        return ["<module>"]
    actual = [".".join(names[: n + 1]) for n in range(len(names))]
    return [*actual, *(re.sub(r"n\d(?=\d*$)", "*", each) for each in actual)]


def enclosing(node: ast.AST, mark: str) -> list[str]:
    """The definitions around a name, the outermost first."""
    for child in ast.iter_child_nodes(node):
        if not any(isinstance(each, ast.Name) and each.id == mark for each in ast.walk(child)):
            continue
        own = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        return [*([child.name] if own else []), *enclosing(child, mark)]  # type: ignore[attr-defined]
    return []


def is_in_string(text: str) -> bool:
    """Whether a marker stands in the field of an f-string."""
    if not compiles(text):
        return False
    strings = [node for node in ast.walk(parse(text)) if isinstance(node, ast.JoinedStr)]
    below = [each for node in strings for each in ast.walk(node)]
    return any(isinstance(each, ast.Name) and each.id == MARK for each in below)


def _expression(
    code: Code, text: str, random: Random, pattern: str, template: str
) -> tuple[str, str, str]:
    holes = _holes(code, pattern, random)
    site = _filled(pattern, holes, False)
    tight = re.fullmatch(r"\w+(\(.*\)|\[.*\])?|\[.*\]|\{.*\}|'\w+'", pattern, re.DOTALL)
    if not tight and not pattern.startswith("("):
        site = f"({site})"
    if pattern.startswith("(") and f"with {MARK}" in text:  # these would be two items
        site = f"({site})"
    if site.startswith("{"):  # `{{` would be text in an f-string
        text = text.replace("{" + MARK, "{ " + MARK)
    new = f"({_filled(template, holes, True)})"
    old, expected = indent(pattern, "    "), indent(template, "    ")
    edits = f"- file: m.py\n  match: |\n{old}\n  with: |\n{expected}\n"
    if is_in_string(text) or random.random() < 0.2:
        edits += "  in-f-strings: true\n"
    return text.replace(MARK, site), text.replace(MARK, new), edits


def _statement(
    code: Code, text: str, random: Random, edit: tuple[str, str, str]
) -> tuple[str, str, str]:
    kind, pattern, new = edit
    old, template = pattern, new
    if kind == "empty":
        old, template = f"if q9:\n    {pattern}\n    {new}", "if q9:\n    pass"
        one, other = (f"- file: m.py\n  delete: {each}\n  expect: all\n" for each in (pattern, new))
        edits = one + other
    else:
        edits = f"- file: m.py\n  {kind}: |\n{indent(pattern, '    ')}\n"
        if kind != "delete":
            edits += f"  with: |\n{indent(new, '    ')}\n"
        template = {"before": f"{new}\n{pattern}", "after": f"{pattern}\n{new}"}.get(kind, new)
    if pattern.startswith("elif"):
        old, template = _chained(old, template)
    holes = _holes(code, old, random)
    alone = _alone(text)

    def put(pattern: str, wrapped: bool) -> str:
        body = _filled(pattern, holes, wrapped, code.unit)
        places = iter(alone)
        lines: list[str] = []
        for line in text.split("\n"):
            if line.strip() != MARK:
                lines.append(line)
                continue
            margin = line[: -len(MARK)]
            inside = body if body.strip() else "pass" if next(places) and margin else ""
            lines += [margin + each if each else each for each in inside.split("\n")]
        return "\n".join(lines)

    return put(old, False), put(template, True), edits


def _chained(*branches: str) -> list[str]:
    """Branches between the first of a chain and its last, with an `else`."""
    end = "\nelif z9:\n    z8()\nelse:\n    z7()"
    return ["if a9:\n    a8()" + f"\n{each}".rstrip("\n") + end for each in branches]


def _alone(text: str) -> list[bool]:
    """Of each marker, in order, whether it is the first of a block that holds nothing else."""
    actual: list[tuple[int, bool]] = []
    for node in ast.walk(parse(text)) if compiles(text) else ():
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                marks = [each for each in block if ast.unparse(each) == MARK]
                alone = len(marks) == len(block)
                actual += [(each.lineno, alone and each is block[0]) for each in marks]
    return [alone for _, alone in sorted(actual)] or [False] * text.count(MARK)


def _holes(code: Code, pattern: str, random: Random) -> dict[str, object]:
    """What each hole of a pattern is in the source."""
    actual: dict[str, object] = {}
    code.placed = True
    for dollars, name in re.findall(r"(\$+)([A-Z]+)", pattern):
        if name in actual:
            continue
        if name in ("R", "T"):
            lines: list[str] = []
            for _ in range(random.randint(1, 3)):
                lines += code.statement(Scope(), 1)
            actual[name] = lines
        elif name == "P":
            actual[name] = random.choice([["b"], ["b", "c=1"], ["*", "k"], ["*v", "**w"]])
        elif (dollars, name) == ("$", "B"):
            actual[name] = random.choice(["a, 1", "a,", "(a, b)", code.expression(Scope(), 2)])
        elif name == "V":
            actual[name] = random.choice(["v", "(v, w)"])
        elif name == "E":
            pairs = [f"{code.expression(Scope(), 1)}: {code.expression(Scope(), 1)}" for _ in "ab"]
            actual[name] = pairs[: random.randint(0, 2)]
        elif dollars == "$$$":
            items = [code.expression(Scope(), 1) for _ in range(random.randint(0, 2))]
            keywords = random.random() < 0.3 and "old_site(" in pattern and name != "A"
            only = pattern == "old_site($$$A)" and not items
            if only and random.random() < 0.5:
                items = [f"{code.expression(Scope(), 1)} for v in s"]
            actual[name] = [*items, *(["k=1"] if keywords else [])]
        else:
            actual[name] = code.expression(Scope(), 2)
    return actual


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

        def value(actual: re.Match[str]) -> str:
            held = holes[actual[2]]
            if isinstance(held, list):
                return ", ".join(
                    _argument(each, wrapped and len(template) > 0, template) for each in held
                )
            loose = actual[2] != "V" and (wrapped or str(held).startswith("-"))
            if actual[2] == "B":  # a tuple with or without its own parentheses
                return f"(({held}))" if wrapped else str(held)
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
