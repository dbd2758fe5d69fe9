"""Functions of a module, as far as keeping things between their calls goes. Pure."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.verify.side_effect_rules import MUTABLE_MAKERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True)
class FunctionScope:
    """A function, as far as keeping things between its calls goes."""

    local: frozenset[str]
    parameters: frozenset[str]
    defaults: frozenset[str]  # parameters whose default is a container
    declared_global: frozenset[str]
    looked_up: frozenset[str]  # containers asked whether they hold something
    constructing: bool
    kept: frozenset[str]  # names of the function around it, when that hands this one out

    @classmethod
    def of(
        cls, node: ast.FunctionDef | ast.AsyncFunctionDef, around: FunctionScope | None
    ) -> FunctionScope:
        arguments = node.args
        positional = [*arguments.posonlyargs, *arguments.args]
        padding: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults))
        pairs = [
            *zip(positional, [*padding, *arguments.defaults], strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        every = [name for name, _ in pairs]
        every += [each for each in (arguments.vararg, arguments.kwarg) if each]
        parameters = frozenset(each.arg for each in every)
        inner = [*shallow(node.body)]
        shared = {
            name
            for each in inner
            if isinstance(each, ast.Global | ast.Nonlocal)
            for name in each.names
        }
        declared = {name for each in inner if isinstance(each, ast.Global) for name in each.names}
        returned = {
            name.id
            for each in inner
            if isinstance(each, ast.Return) and each.value
            for name in ast.walk(each.value)
            if isinstance(name, ast.Name)
        }
        local = frozenset((bound(node.body) | parameters) - shared)
        handed_out = around is not None and node.name in around.kept
        made = {each.name for each in inner if isinstance(each, ast.FunctionDef)}
        outer = around.local if around is not None and handed_out else frozenset()
        return cls(
            local=local,
            parameters=parameters,
            defaults=frozenset(name.arg for name, value in pairs if value and _mutable(value)),
            declared_global=frozenset(declared),
            looked_up=frozenset(_asked(inner)),
            constructing=node.name in ("__init__", "__new__", "__setstate__", "__post_init__"),
            kept=frozenset((made & returned) | outer),
        )

    def is_free(self, name: str) -> bool:
        return name not in self.local

    def outlives(self, container: ast.expr) -> bool:
        """A default argument, or a variable of the function that handed this one out."""
        root = root_of(container)
        if root is None:
            return False
        return root in self.defaults or (root in self.kept and root not in self.local)

    def is_lookup(self, container: ast.expr) -> bool:
        """An attribute of something given, asked for a key and given one: a cache."""
        given = isinstance(container, ast.Attribute) and root_of(container) in self.parameters
        return given and not self.constructing and ast.unparse(container) in self.looked_up


def shallow(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Every node, definitions included, what is inside of definitions not."""
    for node in body:
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield from shallow(node.decorator_list)
            if not isinstance(node, ast.ClassDef):
                yield from shallow(list(node.args.defaults))
            else:
                yield from shallow(node.bases)
            continue
        yield from shallow([*ast.iter_child_nodes(node)])


def bound(body: Sequence[ast.stmt]) -> set[str]:
    """Names that statements bind, definitions and imports included."""
    result: set[str] = set()
    for node in shallow(body):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            result.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            result.add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            result.update((each.asname or each.name).partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            result.add(node.name)
    return result


def _asked(nodes: Sequence[ast.AST]) -> Iterator[str]:
    """Containers asked for a key: ``key in X``, ``X.get(key)``, ``X[key]`` in a ``try``."""
    for node in nodes:
        if isinstance(node, ast.Compare):
            for operator, other in zip(node.ops, node.comparators, strict=True):
                if isinstance(operator, ast.In | ast.NotIn):
                    yield ast.unparse(other)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("get", "setdefault"):
                yield ast.unparse(node.func.value)
        elif isinstance(node, ast.Try):
            for one in ast.walk(ast.Module(node.body, [])):
                if isinstance(one, ast.Subscript) and isinstance(one.ctx, ast.Load):
                    yield ast.unparse(one.value)


def _mutable(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else root_of(node.func)
        return name in MUTABLE_MAKERS
    return isinstance(node, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp)


def root_of(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None
