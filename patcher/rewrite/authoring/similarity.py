"""How two versions of a block are laid side by side: what of a statement names it."""

from __future__ import annotations

import ast

from patcher.patchfile.python import parse_python

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
BLOCKS = ("body", "orelse", "finalbody")


def keys(block: list[ast.stmt]) -> list[str]:
    """What aligns two blocks: definitions by name, compound statements by header.

    Definitions that share a name (overloads, a property and its setter) count by content.
    """
    named = [key(node) for node in block]
    return [
        ast.dump(node) if isinstance(node, Definition) and named.count(name) > 1 else name
        for node, name in zip(block, named, strict=True)
    ]


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


def holed(node: ast.stmt, like: ast.stmt | None = None) -> str:
    """The statement with holes for its blocks and decorators (those that ``like`` has)."""
    copy = parse_python(ast.unparse(node)).body[0]
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
    return ast.unparse(ast.fix_missing_locations(copy)).replace("µ", "$")
