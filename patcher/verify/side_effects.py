"""What a module's source does beside computing, as far as reading it can tell. Pure.

`side_effects` walks one module's syntax tree. It follows imports, their aliases, constant
``getattr`` and ``import_module``; it does not follow values through variables and calls. What
hides from it is for the runs to catch: nothing here is the only guard against anything.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass
from typing import TYPE_CHECKING

from patcher.patchfile.model import Declaration
from patcher.verify.side_effect_rules import (
    CACHES,
    CHANGING,
    FILE_METHODS,
    GLOBALS,
    GUARDED,
    HARMLESS,
    NOTHING,
    POSING,
    REACHING,
    USES,
)
from patcher.verify.side_effect_scopes import FunctionScope, bound, root_of, shallow

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


@dataclass(frozen=True)
class SideEffect:
    """One thing a module does beside computing.

    Attributes:
        line: where, from 1; ``within`` is the qualified name around it, empty at module level.
        what: what is done, to follow "the patch".
        accepts: the declarations any of which covers it; empty where none can.
    """

    line: int
    within: str
    what: str
    accepts: frozenset[Declaration]


def side_effects(source: str) -> list[SideEffect]:
    """Everything `source` does beside computing, in the order of its lines.

    Raises:
        SyntaxError: it is no Python.
    """
    look = _Look(ast.parse(source))
    result = dict.fromkeys(look.effects())
    return sorted(result, key=lambda each: each.line)


_What = tuple[str, frozenset[Declaration]]
# Calls whose first argument is looked into by name, which is followed elsewhere.
BY_NAME = ("getattr", "hasattr", "setattr", "delattr", "vars")
SETTING = ("__setattr__", "__delattr__")


class _Look:
    """One module, read once."""

    def __init__(self, module: ast.Module) -> None:
        self.module = module
        self.aliases: dict[str, str] = {}
        # `threading` in `threading.Lock` is no use of its own.
        self.parts = {
            id(each.value) for each in ast.walk(module) if isinstance(each, ast.Attribute)
        }
        self.named = self.parts | {
            id(each.args[0])
            for each in ast.walk(module)
            if isinstance(each, ast.Call) and each.args and root_of(each.func) in BY_NAME
        }
        for node in ast.walk(module):
            self._learn(node)
        for node in ast.walk(module):
            if isinstance(node, ast.Assign) and (known := self.resolve(node.value)):
                for target in node.targets:
                    if isinstance(target, ast.Name) and not known.startswith("builtins."):
                        self.aliases.setdefault(target.id, known)
        self.own = bound(module.body) - set(self.aliases)

    def _learn(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for name in node.names:
                local = name.asname or name.name.partition(".")[0]
                self.aliases[local] = name.name if name.asname else local
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            for name in node.names:
                self.aliases[name.asname or name.name] = f"{start}.{name.name}"

    def resolve(self, node: ast.expr) -> str | None:
        """The dotted name an expression stands for, as far as imports tell."""
        if isinstance(node, ast.Name):
            if node.id in self.aliases:
                return self.aliases[node.id]
            return f"builtins.{node.id}" if hasattr(builtins, node.id) else None
        if isinstance(node, ast.Attribute):
            base = self.resolve(node.value)
            return f"{base}.{node.attr}" if base and not base.startswith("builtins.") else None
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            return self._looked_up(node.value, str(node.slice.value))
        if isinstance(node, ast.Call):
            return self._called(node)
        return None

    def _looked_up(self, base: ast.expr, name: str) -> str | None:
        if self.resolve(base) == "sys.modules":
            return name
        space = base.value if isinstance(base, ast.Attribute) and base.attr == "__dict__" else None
        if isinstance(base, ast.Call) and self.resolve(base.func) == "builtins.vars" and base.args:
            space = base.args[0]
        owner = self.resolve(space) if space else None
        return f"{owner}.{name}" if owner else None

    def _called(self, node: ast.Call) -> str | None:
        function = self.resolve(node.func)
        texts = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
        if function in ("builtins.__import__", "importlib.import_module") and texts:
            return texts[0] if isinstance(texts[0], str) else None
        if function == "builtins.getattr" and len(texts) > 1 and isinstance(texts[1], str):
            base = self.resolve(node.args[0])
            return f"{base}.{texts[1]}" if base else None
        return None

    # what it does

    def effects(self) -> Iterator[SideEffect]:
        """Every effect, some of them twice."""
        yield from self._of(self.module.body, "", None)

    def _of(
        self, body: Sequence[ast.stmt], within: str, scope: FunctionScope | None
    ) -> Iterator[SideEffect]:
        for node in shallow(body):
            if isinstance(node, ast.Expr) and self._sets_gradients(node.value):
                what = "sets a default of the whole process (`torch.set_grad_enabled`)"
                yield SideEffect(node.lineno, within, what, GLOBALS)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{within}.{node.name}" if within else node.name
                if node.name == "NotApplicable" and isinstance(node, ast.ClassDef):
                    what = "makes a class called `NotApplicable`, patcher's own word"
                    yield SideEffect(node.lineno, within, what, NOTHING)
                if node.name in POSING:
                    yield SideEffect(node.lineno, within, *_posing(node.name))
                inner = scope if isinstance(node, ast.ClassDef) else FunctionScope.of(node, scope)
                yield from self._of(node.body, name, inner)
                continue
            for effect in (*self._uses(node, scope), *self._writes(node, scope)):
                yield SideEffect(getattr(node, "lineno", 1), within, *effect)

    def _uses(self, node: ast.AST, scope: FunctionScope | None) -> Iterator[_What]:
        for name in self._referred(node):
            if _covering(name, HARMLESS):
                continue
            for names, what, accepts in USES:
                if covering := _covering(name, names):
                    yield f"{what} (`{covering.removeprefix('builtins.')}`)", accepts
        named = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", None)
        if named in REACHING:
            yield f"reaches into frames or functions (`{named}`)", GLOBALS
        if self._hands_on(node):
            yield f"hands on `{named}`, which cannot be followed", GLOBALS
        if isinstance(node, ast.Call):
            yield from self._calls(node, scope)

    def _hands_on(self, node: ast.AST) -> bool:
        """A module as a value: what takes it may do with it what it likes."""
        if not isinstance(node, ast.Name) or id(node) in self.named:
            return False
        return isinstance(node.ctx, ast.Load) and self.aliases.get(node.id, "") in GUARDED

    def _referred(self, node: ast.AST) -> Iterator[str]:
        if id(node) in self.parts or isinstance(getattr(node, "ctx", None), ast.Store):
            return
        if isinstance(node, ast.Import):
            starts = {name.partition(".")[0] for name in HARMLESS}
            yield from (name.name for name in node.names if name.name not in starts)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript) and (
            name := self.resolve(node)
        ):
            yield name

    def _calls(self, node: ast.Call, scope: FunctionScope | None) -> Iterator[_What]:
        function = self.resolve(node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr in FILE_METHODS:
            yield f"reads or writes files (`.{node.func.attr}`)", frozenset({Declaration.FILES})
        if function in ("builtins.__import__", "importlib.import_module"):
            if self._called(node) is None:
                yield "imports what only the run tells, which cannot be looked at", GLOBALS
        elif function in ("builtins.setattr", "builtins.delattr") and node.args:
            yield from self._changes(node.args[0])
        elif isinstance(node.func, ast.Attribute) and node.func.attr in SETTING:
            for changed in (node.func.value, *node.args[:1]):
                yield from self._changes(changed)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "__enter__":
            yield "enters a context by hand, which may stay (`__enter__`)", GLOBALS
        elif function == "builtins.type" and len(node.args) == 3:
            yield from map(_posing, _posing_keys(node.args[2]))
        elif function in ("weakref.ref", "weakref.proxy") and len(node.args) > 1:
            yield f"has something called when an object dies (`{function}`)", GLOBALS
        elif function and function.startswith("torch.backends.") and "set_flags" in function:
            yield f"sets a default of the whole process (`{function}`)", GLOBALS
        elif function == "builtins.next" and node.args and scope:
            if self._is_module_level(node.args[0], scope):
                yield f"keeps its place in `{ast.unparse(node.args[0])}` between calls", CACHES
        elif function == "builtins.getattr" and len(node.args) > 1 and self._called(node) is None:
            owner = self.resolve(node.args[0])
            if owner and owner.partition(".")[0] in ("os", "sys", "time", "gc", "builtins"):
                yield f"takes what only the run tells from `{owner}`", GLOBALS

    def _sets_gradients(self, node: ast.expr) -> bool:
        """A call for its effect alone: as a context it ends with its block."""
        called = self.resolve(node.func) if isinstance(node, ast.Call) else None
        return called in ("torch.set_grad_enabled", "torch.autograd.set_grad_enabled")

    def _changes(self, owner: ast.expr) -> Iterator[_What]:
        name = self.resolve(owner)
        if name and not name.startswith("builtins."):
            yield f"changes `{name}`, which is not its own", GLOBALS

    def _writes(self, node: ast.AST, scope: FunctionScope | None) -> Iterator[_What]:
        for target in _written(node):
            shown = target.attr if isinstance(target, ast.Attribute) else None
            if isinstance(target, ast.Name) and scope is None:
                shown = target.id
            if shown in POSING:
                yield _posing(shown)
            if isinstance(target, ast.Attribute):
                owner = self.resolve(target.value)
                if owner and not owner.startswith("builtins."):
                    yield f"changes `{owner}.{target.attr}`, which is not its own", GLOBALS
                elif scope and (
                    self._is_module_level(target.value, scope) or self._is_class(target.value)
                ):
                    yield f"keeps `{ast.unparse(target)}` between calls", CACHES | GLOBALS
            elif isinstance(target, ast.Name) and scope and target.id in scope.declared_global:
                yield f"keeps `{target.id}` between calls", CACHES | GLOBALS
            elif isinstance(target, ast.Subscript):
                yield from self._keeps(target.value, scope, target)
        method = node.func if isinstance(node, ast.Call) else None
        if isinstance(method, ast.Attribute) and method.attr in CHANGING:
            yield from self._keeps(method.value, scope, None)

    def _keeps(
        self, container: ast.expr, scope: FunctionScope | None, store: ast.Subscript | None
    ) -> Iterator[_What]:
        """A container that outlives the call is changed: by a store, or by one of its methods."""
        text = ast.unparse(container)
        keeps = f"keeps things in `{text}` between calls"
        if self._is_namespace(container):
            yield keeps, CACHES
        if scope is None:
            return
        if self._is_module_level(container, scope) or scope.outlives(container):
            yield keeps, CACHES
        elif (owner := self.resolve(container)) and not owner.startswith("builtins."):
            yield keeps, CACHES | GLOBALS
        elif store and not isinstance(store.slice, ast.Slice) and scope.is_lookup(container):
            yield keeps, CACHES

    def _is_module_level(self, node: ast.expr, scope: FunctionScope) -> bool:
        root = root_of(node)
        if root is None or not scope.is_free(root):
            return False
        return root in self.own or root == "globals"

    def _is_class(self, node: ast.expr) -> bool:
        """``type(thing)``, ``thing.__class__``."""
        if isinstance(node, ast.Attribute):
            return node.attr == "__class__"
        return isinstance(node, ast.Call) and self.resolve(node.func) == "builtins.type"

    def _is_namespace(self, node: ast.expr) -> bool:
        """``thing.__dict__``, ``vars(thing)``, ``globals()``."""
        if isinstance(node, ast.Attribute):
            return node.attr == "__dict__"
        called = self.resolve(node.func) if isinstance(node, ast.Call) else None
        return called in ("builtins.vars", "builtins.globals")


def _posing_keys(namespace: ast.expr) -> list[str]:
    """Names in the namespace of a class made by `type`."""
    keys = namespace.keys if isinstance(namespace, ast.Dict) else []
    texts = [each.value for each in keys if isinstance(each, ast.Constant)]
    return [each for each in texts if isinstance(each, str) and each in POSING]


def _posing(name: str) -> _What:
    return f"decides itself how its answers are stored or compared (`{name}`)", GLOBALS


def _written(node: ast.AST) -> Iterator[ast.expr]:
    targets: Sequence[ast.expr] = ()
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign | ast.For | ast.AnnAssign):
        targets = [node.target]
    elif isinstance(node, ast.With):
        targets = [item.optional_vars for item in node.items if item.optional_vars]
    for target in targets:
        for each in ast.walk(target):
            if isinstance(each, ast.Name | ast.Attribute | ast.Subscript) and isinstance(
                each.ctx, ast.Store | ast.Del
            ):
                yield each


def _covering(name: str, names: frozenset[str]) -> str | None:
    """The one of `names` that is ``name`` or above it."""
    parts = name.split(".")
    above = (".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return next((each for each in above if each in names), None)


def counted(effects: Sequence[SideEffect]) -> Mapping[tuple[str, str], int]:
    """How often each effect is there, by where and what, wherever its lines moved to."""
    result: dict[tuple[str, str], int] = {}
    for each in effects:
        result[each.within, each.what] = result.get((each.within, each.what), 0) + 1
    return result
