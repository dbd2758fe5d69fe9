"""How two versions of a block are laid side by side: what of a statement names it."""

from __future__ import annotations

import ast
import copy as copying
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.patchfile.python import parse_python

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.rewrite.source import Source

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
BLOCKS = ("body", "orelse", "finalbody")
_HOLES = re.compile(r"µµµ(?=(?:BODY|ELSE|FINALLY|PART_\d+|DECORATORS)\b)")


def keys(block: list[ast.stmt]) -> list[str]:
    """What aligns two blocks: definitions by name, compound statements by header.

    Definitions that share a name (overloads, a property and its setter) count by content.
    """
    named = [key(node) for node in block]
    return [
        ast.dump(node) if isinstance(node, Definition) and named.count(name) > 1 else name
        for node, name in zip(block, named, strict=True)
    ]


def is_compound(node: ast.stmt) -> bool:
    """Whether a statement has blocks."""
    return isinstance(getattr(node, "body", None), list) or hasattr(node, "cases")


def key(node: ast.stmt) -> str:
    """A definition's name, a compound statement's header, else all of the statement."""
    if isinstance(node, Definition):
        return f"{type(node).__name__} {node.name}"
    compound = any(getattr(node, key, None) for key in (*BLOCKS, "handlers", "cases"))
    return f"{shape(node)} {header(node)}" if compound else ast.dump(node)


def shape(node: ast.stmt) -> object:
    """Statements that may be compared inside: compound ones of one kind with the same blocks."""
    if isinstance(node, Definition):
        return (type(node), node.name)
    blocks = [bool(getattr(node, key, None)) for key in BLOCKS]
    lists = [len(getattr(node, key, ())) for key in ("handlers", "cases")]
    compound = isinstance(getattr(node, "body", None), list) or any(lists)
    return (type(node), tuple(blocks), tuple(lists)) if compound else node


def _blank(node: ast.stmt) -> ast.stmt:
    """The statement with its blocks emptied and without decorators."""
    copy = parse_python(ast.unparse(node)).body[0]
    for key in BLOCKS:
        if isinstance(getattr(copy, key, None), list):
            setattr(copy, key, [])
    for part in (*getattr(copy, "handlers", ()), *getattr(copy, "cases", ())):
        part.body = []
    if isinstance(copy, Definition):
        copy.decorator_list = []
    return copy


def header(node: ast.stmt) -> str:
    return ast.dump(_blank(node))


def inner(node: ast.stmt) -> list[str]:
    blocks = [getattr(node, key, None) or [] for key in BLOCKS]
    return [ast.dump(each) for block in blocks for each in block]


class _AsWritten(ast.NodeTransformer):
    """Literals as they are written: `'a' 'b'` and `0x1F` are not `'ab'` and `31` in a pattern."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Constant):
            return node  # `1 .real` needs its blank
        if not isinstance(node, ast.Constant | ast.JoinedStr):
            return self.generic_visit(node)
        text = ast.get_source_segment(self.source.text, node) or ast.unparse(node)
        text = text.replace("\r\n", "\n")
        return ast.Name(f"({text})" if "\n" in text else text)


def holed(source: Source, node: ast.stmt, like: ast.stmt | None = None) -> str:
    """The statement with holes for its blocks and decorators (those that ``like`` has)."""
    copy = _shallow(node)
    names = iter(("BODY", "ELSE", "FINALLY"))
    for key in BLOCKS:
        if getattr(copy, key, None):
            setattr(copy, key, [ast.Expr(ast.Name(f"µµµ{next(names)}"))])
    for number, part in enumerate((*getattr(copy, "handlers", ()), *getattr(copy, "cases", ()))):
        part.body = [ast.Expr(ast.Name(f"µµµPART_{number}"))]
    if isinstance(copy, Definition):
        decorated = bool(getattr(like or node, "decorator_list", ()))
        copy.decorator_list = []
        if decorated:
            copy.decorator_list.append(ast.Name("µµµDECORATORS"))
    written = _AsWritten(source).visit(copy)
    return _HOLES.sub("$$$", ast.unparse(ast.fix_missing_locations(written)))


def _shallow(node: ast.stmt) -> ast.stmt:
    """A copy without what is in its blocks, but with a word for each block that there is."""
    result = copying.copy(node)
    for key in BLOCKS:
        if getattr(result, key, None):
            setattr(result, key, [ast.Pass()])
    for key in ("handlers", "cases"):
        if hasattr(result, key):
            setattr(result, key, [copying.copy(each) for each in getattr(result, key)])
            for each in getattr(result, key):
                each.body = [ast.Pass()]
    return copying.deepcopy(result)


@dataclass(frozen=True)
class Branch:
    """One `if` or `elif` on ``line``; ``test`` is its condition as a dump, ``written`` as text."""

    test: str
    written: str
    body: list[ast.stmt]
    line: int

    @property
    def head(self) -> str:
        """What stands between the keyword and the colon: several lines keep their parentheses."""
        return f"({self.written})" if "\n" in self.written else self.written


@dataclass(frozen=True)
class IfChain:
    """An `if` with its `elif`s and its `else`."""

    branches: tuple[Branch, ...]
    otherwise: list[ast.stmt]


def chain(source: Source, node: ast.If) -> IfChain:
    """The chain that starts at an `if`."""
    branches = []
    while True:
        written = ast.get_source_segment(source.text, node.test) or ast.unparse(node.test)
        branches.append(Branch(ast.dump(node.test), written, node.body, node.lineno))
        following = node.orelse[0] if len(node.orelse) == 1 else None
        if not isinstance(following, ast.If) or not is_elif(source, following):
            return IfChain(tuple(branches), node.orelse)
        node = following


def is_elif(source: Source, node: ast.stmt) -> bool:
    """Whether a statement is the `elif` of another: it has no line of its own to be matched."""
    line = source.text[source.starts[node.lineno - 1] :].encode()[: node.col_offset + 4]
    return isinstance(node, ast.If) and line.endswith(b"elif")


def chain_pattern(source: Source, whole: IfChain) -> tuple[str, Mapping[str, str]]:
    """A pattern of a chain with holes for its blocks, and the hole of each block by its dump."""
    lines: list[str] = []
    holes: dict[str, str] = {}
    for number, branch in enumerate(whole.branches):
        hole = "$$$BODY" if number == 0 else f"$$$BODY_{number + 1}"
        holes.setdefault(_dump(branch.body), hole)
        lines += [f"{'elif' if number else 'if'} {branch.head}:", f"    {hole}"]
    if whole.otherwise:
        holes.setdefault(_dump(whole.otherwise), "$$$ELSE")
        lines += ["else:", "    $$$ELSE"]
    return "\n".join(lines), holes


def branch_pattern(branch: Branch, otherwise: bool = False) -> str:
    """A pattern of one `elif` with a hole for its block, and one for the chain's `else`."""
    text = f"elif {branch.head}:\n    $$$BODY"
    return f"{text}\nelse:\n    $$$ELSE" if otherwise else text


def chain_like(
    source: Source,
    whole: IfChain,
    holes: Mapping[str, str],
    text_of: Callable[[Source, list[ast.stmt]], str],
) -> str:
    """A chain as text, with holes for those blocks that another one has too."""
    blocks = [(f"{'elif' if number else 'if'} {branch.head}:", branch.body)
              for number, branch in enumerate(whole.branches)]  # fmt: skip
    blocks += [("else:", whole.otherwise)] if whole.otherwise else []
    left = dict(holes)
    texts = ((head, left.pop(_dump(body), "") or text_of(source, body)) for head, body in blocks)
    return "\n".join(f"{head}\n{indented(text)}" for head, text in texts)


def branches_text(
    source: Source,
    branches: Sequence[Branch],
    text_of: Callable[[Source, list[ast.stmt]], str],
) -> str:
    """Some `elif`s as text."""
    return "\n".join(
        f"elif {branch.head}:\n{indented(text_of(source, branch.body))}" for branch in branches
    )


def indented(text: str) -> str:
    """A text one step to the right."""
    return "\n".join(f"    {line}" if line.strip() else "" for line in text.split("\n"))


def _dump(block: list[ast.stmt]) -> str:
    return "\n".join(map(ast.dump, block))
