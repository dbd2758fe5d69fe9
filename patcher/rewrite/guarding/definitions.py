"""The definitions of a module that can be chosen at run time, and what stands around them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.patchfile.python import parse_python

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
Function = ast.FunctionDef | ast.AsyncFunctionDef

KEPT = "_patcher_original_"
"""How the name of an original definition begins that stands beside the patched one."""


@dataclass(frozen=True)
class Chain:
    """The adjacent definitions of one name in one block: a function, or a property's accessors.

    Attributes:
        name: qualified, ``Class.method``.
        first, last: lines, from 1, decorators included.
        indent: white space before it.
        broken: why it cannot be chosen at run time, or empty.
    """

    name: str
    nodes: tuple[Function, ...]
    first: int
    last: int
    indent: str
    broken: str = ""

    @property
    def dump(self) -> tuple[str, ...]:
        """The definitions as code, without places."""
        return tuple(map(ast.dump, self.nodes))


@dataclass(frozen=True)
class Module:
    """A parsed module.

    Attributes:
        lines: the text's lines, with their ends.
        chains: by qualified name.
        rest: everything that runs when the module is imported, without the chains, by block.
    """

    lines: tuple[str, ...]
    chains: dict[str, Chain]
    rest: dict[str, list[ast.stmt]]

    def text(self, chain: Chain) -> str:
        """The lines of a chain."""
        return "".join(self.lines[chain.first - 1 : chain.last])


def read_module(text: str) -> Module:
    """Parse a module and find its chains: at top level and in classes, also below ``if``."""
    lines = tuple(_LINE.findall(text))  # as Python counts them: a form feed ends none
    chains: dict[str, Chain] = {}
    rest: dict[str, list[ast.stmt]] = {}
    for scope, body in _blocks(parse_python(text).body, ""):
        plain: list[ast.stmt] = []
        for node in body:
            if not isinstance(node, Function):
                plain.append(node)
                continue
            name = f"{scope}.{node.name}" if scope else node.name
            chains[name] = _joined(chains.get(name), node, name, lines, body)
        rest.setdefault(scope, []).extend(plain)
    return Module(lines, chains, rest)


def _blocks(body: Sequence[ast.stmt], scope: str) -> Iterator[tuple[str, Sequence[ast.stmt]]]:
    yield scope, body
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _blocks(node.body, f"{scope}.{node.name}" if scope else node.name)
        elif isinstance(node, ast.If | ast.Try | ast.With):
            for field in ("body", "orelse", "finalbody"):
                if inner := getattr(node, field, None):
                    yield from _blocks(inner, scope)


def _joined(
    before: Chain | None,
    node: Function,
    name: str,
    lines: Sequence[str],
    body: Sequence[ast.stmt],
) -> Chain:
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    last = node.end_lineno or node.lineno
    start = lines[first - 1]
    indent = start[: len(start) - len(start.lstrip())]
    broken = _why_broken(node, start, lines[last - 1])
    if before is None:
        return Chain(name, (node,), first, last, indent, broken)
    at = body.index(node)
    if at == 0 or body[at - 1] is not before.nodes[-1]:
        broken = broken or "it is defined in several places"
    nodes = (*before.nodes, node)
    return Chain(name, nodes, before.first, last, indent, before.broken or broken)


def is_async_generator(node: Function) -> bool:
    """Whether it is ``async def`` with a ``yield``."""
    return isinstance(node, ast.AsyncFunctionDef) and any(
        isinstance(each, ast.Yield) for each in ast.walk(node)
    )


def _why_broken(node: Function, start: str, end: str) -> str:
    if is_async_generator(node):
        return "it is an asynchronous generator"
    opening = ("@", "def ", "async def ")
    if not start.lstrip().startswith(opening) or ";" in end.partition("#")[0]:
        return "it shares its line with other code"
    return ""
