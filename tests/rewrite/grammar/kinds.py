"""Cases of the other kinds of edits, and how often each kind is drawn."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Sequence
from random import Random
from textwrap import indent

from tests.rewrite.grammar.cases import UNITS, Drawn, compiles, dump, is_tree_of, parse
from tests.rewrite.grammar.code import MARK, Code, Scope
from tests.rewrite.grammar.listed import listed
from tests.rewrite.grammar.matching import enclosing, expression, statement
from tests.rewrite.grammar.nested import nested
from tests.rewrite.grammar.whole import whole_files

_Import = ast.Import | ast.ImportFrom
DOCS = ('"""Doc."""', "'Doc'", '"""Doc.\n\n  # no comment\n"""')
IMPORTS = (
    "import os", "import os.path as o9", "import re, json as j9", "from m9 import a9",
    "from m9 import a9 as b9, c9", "from . import d9", "from .. import e9 as f9",
    "from .m9.n9 import (g9, h9)", "from m9 import *", "import k9.l9",
)  # fmt: skip
FUTURES = ("from __future__ import annotations", "from __future__ import division, generators")
NEEDS = {
    "Base9": ("class Base9: pass", "from q9 import Base9", "if a:\n    class Base9: pass"),
    "deco9": ("def deco9(f): return f", "async def deco9(f):\n    return f", "deco9 = lambda f: f"),
    "DEF9": (
        "DEF9 = 3", "DEF9: int = 3", "x = DEF9 = 3", "for DEF9 in a: pass", "(DEF9 := 3)",
        "with a as DEF9: pass", "import DEF9", "import DEF9.b", "DEF9, x = a", "[DEF9] = a",
        "if a:\n    DEF9 = 1\nelse:\n    DEF9 = 2",
    ),
    "fast9": ("try:\n    import fast9\nexcept E:\n    fast9 = None", "import m9.n9 as fast9"),
}  # fmt: skip
"""Names that a helper needs, and statements that bind them."""
HELPERS = (
    ("def helper9(a, b=1):\n{body}", ()),
    ("def helper9():\n    return later9()", ()),
    ("class Helper9(Base9):\n    x = 1", ("Base9",)),
    ("class Helper9:\n    x = DEF9\n    def f(self): return 1", ("DEF9",)),
    ("class Helper9:\n    def f(self, a=DEF9): return Base9", ("DEF9",)),
    ("@deco9\nasync def helper9(a):\n{body}", ("deco9",)),
    ("def helper9(a: Base9 = DEF9):\n    return a", ("Base9", "DEF9")),
    ("HELPER9 = [DEF9, 1]", ("DEF9",)),
    ("HELPER9: int = DEF9 + 1", ("DEF9",)),
    ("HELPER9 = lambda: DEF9", ()),
    ("def helper9():\n    return fast9.go()", ("fast9",)),
    ("FIRST9 = 1\ndef helper9():\n    return FIRST9", ()),
    ("def helper9(): return '''a\n  b'''", ()),
)
"""Helpers and what must be bound above them."""


def shown(text: str) -> str:
    """A text as the value of a key: a block."""
    return "|\n" + indent(text, "    ", lambda line: True)


def top(code: Code, random: Random) -> list[str]:
    """The top of a module: perhaps a docstring, perhaps imports."""
    lines = [random.choice(DOCS)] if random.random() < 0.4 else []
    if random.random() < 0.2:
        lines.append(random.choice(FUTURES))
    return [*lines, *random.sample(IMPORTS, random.choice((0, 0, 1, 3)))]


def below_imports(tree: ast.Module, future: bool = False) -> int:
    """How many statements stand above what follows the imports at the top."""
    count = 0
    for index, node in enumerate(tree.body):
        doc = index == 0 and isinstance(node, ast.Expr) and is_text(node.value)
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not doc and not (isinstance(node, _Import) and (is_future or not future)):
            break
        count += 1
    return count


def is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def inserted(source: str, at: int, new: Sequence[ast.stmt], lines: bool = True) -> str:
    """The tree with statements inserted; ``lines``: below the line of the one above."""
    body, rows = parse(source).body, re.split(r"\r\n|\r|\n", source)
    while lines and 0 < at < len(body):
        first, last = _first(body[at]), body[at - 1].end_lineno or 0
        while re.search(r"(?<!# c\d )(?<!# c\d\d )\\$", rows[first - 2]):  # `;` or `@` is above
            first -= 1
        if first > last:  # they share no line
            break
        at += 1
    return ast.dump(ast.Module([*body[:at], *new, *body[at:]], []))


def _first(node: ast.stmt) -> int:
    return min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", ()))])


def imports(random: Random) -> Drawn | None:
    """An `import`: names that are there already are left out."""
    code = Code(random, False, random.choice(UNITS), placed=True)
    plain = "\n".join(top(code, random)) + "\n" + code.module()
    future = random.random() < 0.15
    asked = random.sample(FUTURES if future else IMPORTS, 1 if future else random.choice((1, 1, 2)))

    def expected(source: str) -> str:
        tree = parse(source)
        present = {each for node in tree.body for each in names(node)}
        new: list[ast.stmt] = []
        for node in parse("\n".join(asked)).body:
            assert isinstance(node, _Import)
            pairs = zip(node.names, names(node), strict=True)
            node.names = [each for each, name in pairs if name not in present]
            new += [node] if node.names else []
        at = below_imports(tree, future)
        return inserted(source, at, new, not future) if new else ""

    edits = f"- file: m.py\n  import: {shown(chr(10).join(asked))}\n"
    return Drawn("import", plain, edits, expected)


def names(node: ast.stmt) -> list[tuple[object, ...]]:
    """What a statement imports."""
    if isinstance(node, ast.Import):
        return [("", 0, each.name, each.asname) for each in node.names]
    if isinstance(node, ast.ImportFrom):
        return [(node.module, node.level, each.name, each.asname) for each in node.names]
    return []


def define(random: Random) -> Drawn | None:
    """A `define`: below the imports and below all that the helper needs when it is made."""
    code = Code(random, False, random.choice(UNITS), placed=True)
    helper, needs = random.choice(HELPERS)
    body = "\n".join(code.block(Scope(True, "async" in helper), 1))
    helper = helper.replace("{body}", body)
    parts = [*top(code, random)]
    first = len(parts)
    for _ in range(random.randint(1, 3)):
        parts += ["\n".join(code.statement(Scope(), 2))]
    for name in needs:
        parts.insert(random.randint(first, len(parts)), random.choice(NEEDS[name]))
    if random.random() < 0.2:
        parts.insert(random.randint(first, len(parts)), "def later9(): return helper9")
    plain = "\n".join(parts) + "\n"
    if not compiles(helper):
        return None

    def expected(source: str) -> str:
        tree = parse(source)
        at = below_imports(tree)
        for index, node in enumerate(tree.body):
            if any(re.search(rf"\b{name}\b", ast.unparse(node)) for name in needs):
                at = max(at, index + 1)
        return inserted(source, at, parse(helper).body)

    return Drawn("define", plain, f"- file: m.py\n  define: {shown(helper)}\n", expected)


def defined(random: Random) -> tuple[Code, str, str]:
    """A module with a marker where a definition called `site9` goes, and what `within` says."""
    code = Code(random, True, random.choice(UNITS))
    text = code.module()
    if text.count(MARK) != 1 or not compiles(text):
        return code, "", ""
    within = ".".join([*enclosing(parse(text), MARK), "site9"])
    return code, text, re.sub(r"n\d+\b", "*", within) if random.random() < 0.1 else within


def put(text: str, lines: Sequence[str]) -> str:
    """Lines in the place of the marker, as deep as it."""
    actual: list[str] = []
    for line in text.split("\n"):
        margin = line[: -len(MARK)]
        same = line.strip() == MARK
        actual += [margin + each for each in lines] if same else [line]
    return "\n".join(actual)


def header(code: Code, random: Random) -> tuple[str, bool]:
    asynchronous = random.random() < 0.3
    parameters = random.choice(["", "a", "self, a=(1, 2)", "*a, b: int, **c", "a, /, b"])
    arrow = random.choice(["", "", " -> int", " -> 'a'"])
    return f"{'async ' if asynchronous else ''}def site9({parameters}){arrow}:", asynchronous


def body(random: Random) -> Drawn | None:
    """A `body`: all statements of a function; its docstring stays unless one is given."""
    code, text, within = defined(random)
    if not text:
        return None
    code.placed = True
    head, asynchronous = header(code, random)
    scope = Scope(True, asynchronous)
    above = [f"@deco({code.expression(Scope(), 1)})"] if random.random() < 0.2 else []
    doc = [random.choice(DOCS[:2])] if random.random() < 0.4 else []
    new = [line.removeprefix(code.unit) for line in code.block(scope, 1)]
    new_doc = ['"""New."""'] if random.random() < 0.2 else []
    if not compiles("\n".join(["def f():", *(" " + each for each in new)])) or is_doc(new):
        return None
    expected = [*above, head, *(code.unit + each for each in [*(new_doc or doc), *new])]
    if random.random() < 0.3:
        kept = random.choice(["", "pass", f"h({code.expression(scope, 1)})", "x = 1; y = 2"])
        line = "; ".join([*doc, *([kept] if kept else [])]) or "pass"
        old = [*above, f"{head} {line}"]
    else:
        lines = [code.unit + each for each in doc]
        old = [*above, head, *lines, *(code.block(scope, 1) if not doc or new_doc else [])]
    written = "\n".join([*new_doc, *new])
    edits = f"- file: m.py\n  within: '{within}'\n  body: {shown(written)}\n"
    plain, after = put(text, old), put(text, expected)
    if not compiles(plain) or not compiles(after) or dump(plain) == dump(after):
        return None
    if [has_docstring(plain), has_docstring(after)] != [bool(doc), bool(new_doc or doc)]:
        return None  # a string that was drawn as a statement
    return Drawn("body", plain, edits, is_tree_of(after))


def is_doc(lines: Sequence[str]) -> bool:
    """Whether statements that were drawn start with a string."""
    return bool(re.match(r"[(\s]*[brfBRF]*['\"]", lines[0]))


def has_docstring(text: str) -> bool:
    """Whether the function `site9` has one."""
    for node in ast.walk(parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "site9":
            return ast.get_docstring(node) is not None
    return False


DECORATORS = (
    ("old_site", "new_site(1)"), ("old_site($X)", "new_site($X, k=1)"), ("old_site($X)", "$X.new"),
    ("old_site.a", "new_site"), ("old_site($$$A)", "new_site($$$A)"), ("", "new_site(1)"),
    ("", "new.site"), ("old_site($$$_)", ""), ("old_site", ""), ("old_site($X)", "one or $X"),
)  # fmt: skip
"""One decorator, and what it becomes; either may be empty."""


def decorator(random: Random) -> Drawn | None:
    """A `decorator`: replaced, added or removed."""
    code, text, within = defined(random)
    if not text:
        return None
    code.placed = True
    sought, expected = random.choice(DECORATORS)
    held, several = code.expression(Scope(), 2), code.expression(Scope(), 1)
    several = random.choice(["", several, f"{several}, k=1"])

    def filled(pattern: str, loose: bool) -> list[str]:
        hole = f"({held})" if loose or held.startswith("-") else held
        line = pattern.replace("$X", hole).replace("$$$A", several).replace("$$$_", several)
        return [f"@{line}"] if line else []

    above = ["@first9"] if random.random() < 0.4 else []
    below = [f"@last9({code.expression(Scope(), 1)})"] if sought and random.random() < 0.4 else []
    head, asynchronous = header(code, random)
    scope = Scope(True, asynchronous)
    if random.random() < 0.3:
        head, scope = "class site9(Base):", Scope()
    lines = [head, *code.block(scope, 1)]
    plain = put(text, [*above, *filled(sought, False), *below, *lines])
    after = put(text, [*above, *filled(expected, True), *below, *lines])
    edits = (
        f"- file: m.py\n  within: '{within}'\n  decorator: {json.dumps(sought)}\n"
        f"  with: {json.dumps(expected)}\n"
    )
    return Drawn("decorator", plain, edits, is_tree_of(after))


TRANSFORM = b"""\
import libcst as cst


class Rename(cst.CSTTransformer):
    def leave_Name(self, original_node, updated_node):
        same = updated_node.value == "SITE_MARK"
        return updated_node.with_changes(value="new_site") if same else updated_node


def change(node):
    return node.visit(Rename())
"""


def transform(random: Random) -> Drawn | None:
    """A `transform` that gives one name another."""
    code = Code(random, False, random.choice(UNITS))
    text = code.module()
    if text.count(MARK) != 1 or not compiles(text):
        return None
    around = enclosing(parse(text), MARK)
    edits = "- file: m.py\n  transform: t:change\n"
    if around and random.random() < 0.7:
        edits += f"  within: {'.'.join(around)}\n"
    after = text.replace(MARK, "new_site")
    return Drawn("transform", text, edits, is_tree_of(after), attachments={"t.py": TRANSFORM})


def lines(random: Random) -> Drawn | None:
    """Whole lines as they are: a comment above, at the end, lines that come or go."""
    code = Code(random, False, random.choice(UNITS), placed=True)

    def exact(source: str, random: Random) -> tuple[str, str] | None:
        pieces = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", source)
        plain = [each.rstrip("\r\n") for each in pieces]
        at = random.randrange(len(pieces))
        stop = min(len(pieces), at + random.randint(1, 3))
        old = plain[at:stop]
        if any(plain[i : i + len(old)] == old for i in range(len(plain)) if i != at):
            return None
        space = re.match(r"[ \t]*", old[0])
        margin = space[0] if space else ""
        new = random.choice([
            [margin + "# new", *old], [*old, "", margin + "# ü"], [old[0] + "  # new", *old[1:]],
            [margin + "pass", *old], [*old[:-1], margin + "x = 1"], [],
        ])  # fmt: skip
        newline = _newline(source)
        head = tail = 0
        while head < min(len(old), len(new)) and old[head] == new[head]:
            head += 1
        while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
            tail += 1
        if head == len(old) == len(new):
            return None
        made = [each + newline for each in new[head : len(new) - tail]]
        text = "".join([*pieces[: at + head], *made, *pieces[stop - tail :]])
        if stop == len(pieces) and not source.endswith(("\r", "\n")):
            return None  # what becomes of the last line's end is another test's
        if not compiles(text) or not all("".join(each).strip() for each in (old, new or "x")):
            return None
        sought, expected = _quoted([*old, ""]), _quoted([*new, ""])
        return f"- file: m.py\n  lines: {sought}\n  with: {expected}\n", text

    return Drawn("lines", code.module(), exact=exact)


def final_newline(random: Random) -> Drawn | None:
    """A `final-newline`: there, or not there."""
    code = Code(random, False, random.choice(UNITS), placed=True)

    def exact(source: str, random: Random) -> tuple[str, str] | None:
        ended = source.endswith(("\n", "\r"))
        bare = source.rstrip("\r\n")
        if bare + source[len(bare) :] != source or len(source) - len(bare) > 2:
            return None
        if ended and len(re.findall(r"\r\n|\r|\n", source[len(bare) :])) != 1:
            return None
        text = bare if ended else bare + _newline(source)
        return f"- file: m.py\n  final-newline: {str(not ended).lower()}\n", text

    return Drawn("final-newline", code.module(), exact=exact)


def _newline(source: str) -> str:
    """The line end that is used most."""
    actual = re.findall(r"\r\n|\r|\n", source)
    return max(("\n", "\r\n", "\r"), key=actual.count)


KINDS: dict[Callable[[Random], Drawn | None], int] = {
    expression: 32, statement: 32, nested: 2, listed: 2, imports: 6, define: 6, body: 7,
    decorator: 6, transform: 1, lines: 4, final_newline: 1, whole_files: 1,
}  # fmt: skip
"""Who draws a case, and how often of a hundred."""


def _quoted(lines: Sequence[str]) -> str:
    """Lines as a text in quotes: YAML reads what JSON writes."""
    return json.dumps("\n".join(lines), ensure_ascii=False)
