"""Random Python: every kind of statement and expression of the Python that runs this.

One expression, or one run of statements, is a marker that a case puts its site in. Anything with
the methods of `random.Random` decides, so that Hypothesis can too.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from random import Random

MARK = "SITE_MARK"
_BINARY = ["+", "-", "*", "/", "//", "%", "@", "**", "<<", ">>", "|", "^", "&"]
_COMPARE = ["==", "!=", "<", "<=", ">", ">=", "is", "is not", "in", "not in"]
_ATOMS = [
    "a", "b", "c.d", "e[0]", "1", "2.5", "3j", "0x1F", "'s'", '"t"', "b'u'", "None", "True", "...",
    "f'{a}w'", "'''m\nn'''", "'x' 'y'", "r'\\d'", "-1", "()", "[]", "{}", "ñé", "'ü # no'", "'😀'",
    "'''p\n  # q\n'''", "'#'",
]  # fmt: skip


@dataclass
class Scope:
    """What is allowed where code stands."""

    function: bool = False
    asynchronous: bool = False
    loop: bool = False


@dataclass
class Code:
    """Writes one module.

    Args:
        random: decides.
        statements: whether the marker is a statement; an expression otherwise.
        placed: there is no more place for a marker; ``most`` are written.
    """

    random: Random
    statements: bool
    unit: str = "    "
    placed: bool = False
    most: int = 1
    names: int = field(default=0)
    marks: int = field(default=0)

    def module(self) -> str:
        lines: list[str] = []
        for _ in range(self.random.randint(1, 4)):
            lines += self.statement(Scope(), 2)
        if MARK not in "\n".join(lines):
            lines += self.statement_mark() if self.statements else [f"z = {self.mark()}"]
        return "\n".join(lines) + "\n"

    def mark(self) -> str:
        self.marks += 1
        self.placed = self.marks >= self.most
        return MARK

    def statement_mark(self) -> list[str]:
        return [self.mark()]

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"

    # expressions ------------------------------------------------------------------------------

    def expression(self, scope: Scope, depth: int) -> str:
        """An expression that can stand anywhere: in parentheses unless it binds tightly."""
        if not self.statements and not self.placed and self.random.random() < 0.12:
            return self.mark()
        if depth <= 0 or self.random.random() < 0.3:
            return self.random.choice(_ATOMS)
        kinds = [
            self._binary, self._unary, self._bool, self._compare, self._call, self._attribute,
            self._subscript, self._if, self._lambda, self._tuple, self._list, self._set, self._dict,
            self._comprehension, self._walrus, self._f_string,
        ]  # fmt: skip
        if sys.version_info >= (3, 14):
            kinds += [self._t_string]
        if scope.function:
            kinds += [self._yield]
        if scope.asynchronous:
            kinds += [self._await]
        text = self.random.choice(kinds)(scope, depth - 1)
        return f"({text})" if self.random.random() < 0.1 else text

    def _two(self, scope: Scope, depth: int) -> tuple[str, str]:
        return self.expression(scope, depth), self.expression(scope, depth)

    def _binary(self, scope: Scope, depth: int) -> str:
        one, other = self._two(scope, depth)
        return f"({one} {self.random.choice(_BINARY)} {other})"

    def _unary(self, scope: Scope, depth: int) -> str:
        word = self.random.choice(["-", "+", "~", "not "])
        return f"({word}{self.expression(scope, depth)})"

    def _bool(self, scope: Scope, depth: int) -> str:
        several = [self.expression(scope, depth) for _ in range(self.random.randint(2, 3))]
        return "(" + self.random.choice([" and ", " or "]).join(several) + ")"

    def _compare(self, scope: Scope, depth: int) -> str:
        one, other = self._two(scope, depth)
        more = f" < {self.expression(scope, depth)}" if self.random.random() < 0.3 else ""
        return f"({one} {self.random.choice(_COMPARE)} {other}{more})"

    def _call(self, scope: Scope, depth: int) -> str:
        if self.random.random() < 0.15:
            return f"f({self.expression(scope, depth)} for v in {self.expression(scope, depth)})"
        parts = [self.expression(scope, depth) for _ in range(self.random.randint(0, 2))]
        if self.random.random() < 0.3:
            parts.append(f"*{self.expression(scope, 0)}")
        if self.random.random() < 0.4:
            parts.append(f"k={self.expression(scope, depth)}")
        if self.random.random() < 0.2:
            parts.append(f"**{self.expression(scope, 0)}")
        return f"g({', '.join(parts)})"

    def _attribute(self, scope: Scope, depth: int) -> str:
        return f"({self.expression(scope, depth)}).attr"

    def _subscript(self, scope: Scope, depth: int) -> str:
        one, other = self._two(scope, depth)
        inside = self.random.choice([one, f"{one}:{other}", f"{one}, {other}", f"::{one}"])
        return f"a[{inside}]"

    def _if(self, scope: Scope, depth: int) -> str:
        one, other = self._two(scope, depth)
        return f"({one} if {other} else {self.expression(scope, depth)})"

    def _lambda(self, scope: Scope, depth: int) -> str:
        inner = Scope()
        head = self.random.choice(["", " x", " x, *y", " *, x=1", " **x"])
        return f"(lambda{head}: {self.expression(inner, depth)})"

    def _items(self, scope: Scope, depth: int, least: int) -> list[str]:
        items = [self.expression(scope, depth) for _ in range(self.random.randint(least, 3))]
        if items and self.random.random() < 0.2:
            items.append(f"*{self.expression(scope, 0)}")
        return items

    def _tuple(self, scope: Scope, depth: int) -> str:
        items = self._items(scope, depth, 1)
        return f"({', '.join(items)},)"

    def _list(self, scope: Scope, depth: int) -> str:
        return f"[{', '.join(self._items(scope, depth, 0))}]"

    def _set(self, scope: Scope, depth: int) -> str:
        return "{" + ", ".join(self._items(scope, depth, 1)) + "}"

    def _dict(self, scope: Scope, depth: int) -> str:
        pairs = [": ".join(self._two(scope, depth)) for _ in range(self.random.randint(0, 2))]
        if self.random.random() < 0.2:
            pairs.append(f"**{self.expression(scope, 0)}")
        return "{" + ", ".join(pairs) + "}"

    def _comprehension(self, scope: Scope, depth: int) -> str:
        inner = Scope()
        one, other = self.expression(inner, depth), self.expression(inner, depth)
        word = "async for" if scope.asynchronous and self.random.random() < 0.5 else "for"
        tail = f"{word} v in {self.expression(inner, 0)}"
        if self.random.random() < 0.4:
            tail += f" if {self.expression(inner, depth)}"
        if self.random.random() < 0.2:
            tail += f" for w in {self.expression(inner, 0)}"
        return self.random.choice(
            [f"[{one} {tail}]", "{" + f"{one} {tail}" + "}", f"({one} {tail})",
             "{" + f"{one}: {other} {tail}" + "}"]
        )  # fmt: skip

    def _walrus(self, scope: Scope, depth: int) -> str:
        return f"({self.name()} := {self.expression(scope, depth)})"

    def _yield(self, scope: Scope, depth: int) -> str:
        if not scope.asynchronous and self.random.random() < 0.3:
            return f"(yield from {self.expression(scope, depth)})"
        return f"(yield {self.expression(scope, depth)})"

    def _await(self, scope: Scope, depth: int) -> str:
        return f"(await {self.random.choice(['a', 'b(1)', '(c)'])})"

    def _f_string(self, scope: Scope, depth: int) -> str:
        """An f-string: a field with an expression, a conversion, a format, another string."""
        inner = self.expression(scope, depth)
        quotes = [each for each in ("'", '"', "'''", '"""') if each not in inner]
        if set(inner) & set("\\\n#") or not quotes:
            return inner
        quote = self.random.choice(quotes)
        space = " " if inner.startswith("{") or self.random.random() < 0.2 else ""
        shape = self.random.choice(["", "", "!r", ":>10", "!s:{w}.3"])
        beside = self.random.choice(["", "", "'z' ", "'#' "])
        prefix = self.random.choice(["f", "F", "rf"])
        text = self.random.choice(["", "é ", "{{x}} ", "# "])
        whole = f"{prefix}{quote}{text}{{{space}{inner}{space}{shape}}}w{quote}"
        return f"({beside}{whole})" if beside else whole

    def _t_string(self, scope: Scope, depth: int) -> str:
        return f"t'{{{self.random.choice(_ATOMS[:4])}!r:>3}}'"

    # statements -------------------------------------------------------------------------------

    def block(self, scope: Scope, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(self.random.randint(1, 3)):
            lines += self.statement(scope, depth)
        return [self.unit + line if not line.startswith("\0") else line for line in lines]

    def statement(self, scope: Scope, depth: int) -> list[str]:
        if self.statements and not self.placed and self.random.random() < 0.2:
            return self.statement_mark()
        simple = depth <= 0 or self.random.random() < 0.5
        return [self.simple(scope)] if simple else self.compound(scope, depth - 1)

    def simple(self, scope: Scope) -> str:
        e = self.expression(scope, 2)
        kinds = [
            f"x = {e}", f"x = y = {e}", f"x, *y = {e}", f"x += {e}", f"x: int = {e}", "x: int",
            f"h({e})", f"assert {e}", f"assert {e}, {self.expression(scope, 1)}", f"raise {e}",
            f"raise {e} from {self.expression(scope, 1)}", "pass", "del p, q", "del (p)",
            "import os", "import os.path as o, re", "from m import n as k, l", "from . import m",
            f"a[{e}] = 1", f"x.y = {e}", f"{e}",
        ]  # fmt: skip
        if scope.function:
            kinds += [f"return {e}", f"return {e}", "return", f"yield {e}"]
            kinds += [f"global {self.name()}, {self.name()}"]
        if scope.loop:
            kinds += ["break", "continue"]
        if sys.version_info >= (3, 12):
            kinds += [f"type T[U] = {self.random.choice(_ATOMS[:4])}"]
        return self.random.choice(kinds)

    def compound(self, scope: Scope, depth: int) -> list[str]:
        kinds = [
            self._if_chain, self._for, self._while, self._with, self._try, self._function,
            self._class, self._match, self._nonlocal,
        ]  # fmt: skip
        return self.random.choice(kinds)(scope, depth)

    def _if_chain(self, scope: Scope, depth: int) -> list[str]:
        lines = [f"if {self.expression(scope, 1)}:", *self.block(scope, depth)]
        for _ in range(self.random.randint(0, 2)):
            lines += [f"elif {self.expression(scope, 1)}:", *self.block(scope, depth)]
        if self.random.random() < 0.4:
            lines += ["else:", *self.block(scope, depth)]
        return lines

    def _for(self, scope: Scope, depth: int) -> list[str]:
        word = "async for" if scope.asynchronous and self.random.random() < 0.6 else "for"
        inner = Scope(scope.function, scope.asynchronous, True)
        target = self.random.choice(["i", "i, j", "(i)", "i.x"])
        lines = [f"{word} {target} in {self.expression(scope, 1)}:", *self.block(inner, depth)]
        return [*lines, "else:", *self.block(scope, depth)] if self.random.random() < 0.2 else lines

    def _while(self, scope: Scope, depth: int) -> list[str]:
        inner = Scope(scope.function, scope.asynchronous, True)
        return [f"while {self.expression(scope, 1)}:", *self.block(inner, depth)]

    def _with(self, scope: Scope, depth: int) -> list[str]:
        word = "async with" if scope.asynchronous and self.random.random() < 0.6 else "with"
        items = [self.expression(scope, 1) + self.random.choice(["", " as w"])]
        if self.random.random() < 0.3:
            items.append(f"lock({self.expression(scope, 1)}) as u")
        return [f"{word} {', '.join(items)}:", *self.block(scope, depth)]

    def _try(self, scope: Scope, depth: int) -> list[str]:
        star = "*" if sys.version_info >= (3, 11) and self.random.random() < 0.2 else ""
        inner = Scope(scope.function and not star, scope.asynchronous, scope.loop and not star)
        lines = ["try:", *self.block(scope, depth)]
        if self.random.random() < 0.2 and not self.placed:
            return [*lines, "finally:", *self.block(scope, depth)]
        lines += [f"except{star} {self.expression(Scope(), 1)} as err:", *self._safe(inner, depth)]
        if self.random.random() < 0.3:
            lines += ["else:", *self.block(scope, depth)]
        if self.random.random() < 0.3:
            lines += ["finally:", *self.block(Scope(scope.function), depth)]
        return lines

    def _safe(self, scope: Scope, depth: int) -> list[str]:
        return self.block(scope, depth)

    def _function(self, scope: Scope, depth: int) -> list[str]:
        asynchronous = self.random.random() < 0.4
        inner = Scope(True, asynchronous)
        p = self.random.choice(
            ["", "a", "a, b=1", "a, /, b, *, c=2", "*args, k, **kw", "a: int = 3, *, z", "self, /"]
        )
        arrow = f" -> {self.expression(Scope(), 0)}" if self.random.random() < 0.3 else ""
        word = "async def" if asynchronous else "def"
        lines = [f"{word} {self.name()}{self._type_parameters()}({p}){arrow}:"]
        if self.random.random() < 0.3:
            lines = [f"@deco({self.expression(Scope(), 1)})", *lines]
        doc = [self.unit + '"""Doc."""'] if self.random.random() < 0.2 else []
        return [*lines, *doc, *self.block(inner, depth)]

    def _class(self, scope: Scope, depth: int) -> list[str]:
        bases = self.random.choice(
            ["", "(B)", "(B, metaclass=M)", f"({self.expression(Scope(), 1)})"]
        )
        head = f"class {self.name()}{self._type_parameters()}{bases}:"
        lines = [head, *self.block(Scope(), depth)]
        return ["@deco", *lines] if self.random.random() < 0.2 else lines

    def _type_parameters(self) -> str:
        if sys.version_info < (3, 12) or self.random.random() < 0.7:
            return ""
        default = " = int" if sys.version_info >= (3, 13) else ""
        return self.random.choice(["[T]", "[T: int]", "[*Ts]", "[T, **P]", f"[T{default}]"])

    def _nonlocal(self, scope: Scope, depth: int) -> list[str]:
        outer, inner = self.name(), self.name()
        block = [f"nonlocal {outer}", *self.statement(Scope(True), depth)]
        below = [f"def {inner}():", *(self.unit + line for line in block)]
        return [f"def {self.name()}():", *(self.unit + each for each in (f"{outer} = 1", *below))]

    def _match(self, scope: Scope, depth: int) -> list[str]:
        lines = [f"match {self.expression(scope, 1)}:"]
        for _ in range(self.random.randint(1, 2)):
            pattern = self.random.choice(
                ["1", "'s' | None", "[p1, *p2]", "{'k': p3, **p4}", "P(1, x=p5)", "(p6 as p7)",
                 "a.b", "-1", "[1, [2, _]]", "1 | 2 as p8", "p9, *_", "-1 + 2j", "P()"]
            )  # fmt: skip
            guard = f" if {self.expression(scope, 1)}" if self.random.random() < 0.3 else ""
            body = self.block(scope, depth)
            lines += [f"{self.unit}case {pattern}{guard}:", *(self.unit + line for line in body)]
        return lines
