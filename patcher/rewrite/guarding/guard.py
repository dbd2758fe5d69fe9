"""From a series with guarded patches to files in which both definitions stand side by side.

`tree = guarded(pristine, series)` is a pure function, like `patcher.rewrite.replay`. A function
that a guarded patch changes is defined twice, first as it is without the patch, and the name is
bound to what chooses between the two (`patcher.rewrite.guarding.runtime`). What can only be
chosen when a module is imported or an object is made cannot be guarded and is refused.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from patcher.errors import PatcherError
from patcher.patchfile.kinds import kind_of
from patcher.patchfile.python import parse_python
from patcher.rewrite.file import Rewrite, rewrite_file
from patcher.rewrite.guarding.definitions import (
    KEPT,
    Chain,
    Module,
    is_async_generator,
    read_module,
)
from patcher.rewrite.replay import replay
from patcher.rewrite.source import Source

if TYPE_CHECKING:
    from patcher.patchfile.model import Guard, Patch

Read = Callable[[str], "bytes | None"]
RUNTIME = "_patcher_guard"
LOADING = frozenset({
    "__init__", "__new__", "__post_init__", "__setstate__", "__init_subclass__", "__set_name__",
})  # fmt: skip

_TAKES_AWAY = frozenset({
    "singledispatch", "singledispatchmethod", "jit", "njit", "script", "vectorize", "guvectorize",
})  # fmt: skip
"""Decorators that hand a function on to what calls it by itself, or make no function of it."""


@dataclass(frozen=True)
class Member:
    """A patch of the series, and how it is guarded; ``guard`` None: it always runs."""

    patch: Patch
    guard: Guard | None = None


@dataclass(frozen=True)
class _ChainChange:
    """A chain that guarded patches change."""

    file: str
    chain: str
    patches: tuple[str, ...]


def replay_guarded(
    read_pristine: Read,
    series: Sequence[Member],
    rewrite: Rewrite = rewrite_file,
) -> dict[str, bytes | None]:
    """Content of every file that a series changes, guarded patches beside the originals.

    Raises:
        PatcherError: ``cannot-guard`` with every reason; whatever `replay` raises.
    """
    everything = [member.patch for member in series]
    full = replay(read_pristine, everything, rewrite)
    if not any(member.guard for member in series):
        return full
    plain = [member.patch for member in series if not member.guard]
    try:
        base = replay(read_pristine, plain, rewrite)
    except PatcherError as error:
        names = ", ".join(member.patch.name for member in series if member.guard)
        message = f"other patches of the series build on {names}"
        raise PatcherError("cannot-guard", message, notes=[error.message]) from None

    def before(path: str) -> bytes | None:
        return base[path] if path in base else read_pristine(path)

    changes, problems = _changes(read_pristine, series, full, rewrite)
    problems += _unguardable(before, full, series, changes)
    if problems:
        raise PatcherError(
            "cannot-guard", problems[0], hint="apply it without --guarded", notes=problems[1:]
        )
    groups = _groups(changes, [member.patch.name for member in series if member.guard])
    return _emit(before, full, series, changes, groups)


def _changes(
    read_pristine: Read,
    series: Sequence[Member],
    full: Mapping[str, bytes | None],
    rewrite: Rewrite,
) -> tuple[list[_ChainChange], list[str]]:
    """Every chain that guarded patches change, found by what each patch does to the text."""
    result: dict[tuple[str, str], list[str]] = {}
    before: Mapping[str, bytes | None] = {}
    for number, member in enumerate(series, 1):
        after = replay(read_pristine, [each.patch for each in series[:number]], rewrite)
        for path in full if member.guard else ():
            old = before.get(path, read_pristine(path))
            new = after.get(path)
            if old is None or new is None or old == new or not path.endswith(".py"):
                continue
            one, other = _parsed(path, old), _parsed(path, new)
            for name, chain in other.chains.items():
                if name in one.chains and one.chains[name].dump != chain.dump:
                    result.setdefault((path, name), []).append(member.patch.name)
        before = after
    changes = [_ChainChange(file, chain, tuple(names)) for (file, chain), names in result.items()]
    return changes, []


def _unguardable(
    before: Read,
    full: Mapping[str, bytes | None],
    series: Sequence[Member],
    changes: Sequence[_ChainChange],
) -> list[str]:
    """What cannot be chosen at run time, one sentence each."""
    problems = []
    guarded = {member.patch.name for member in series if member.guard}
    names = ", ".join(sorted(guarded))
    for path, content in full.items():
        old = before(path)
        if old is None or old == content:
            continue  # an added file is there for both
        if content is None:
            problems.append(f"{names} removes {path}")
            continue
        if not path.endswith(".py"):
            problems.append(f"{names} changes {path}, which is no Python")
            continue
        problems += [
            f"{names} changes what runs when {path} is imported: {what}"
            for what in _import_time(_parsed(path, old), _parsed(path, content))
        ]
    for change in changes:
        why = _why_not(_parsed(change.file, full[change.file] or b"").chains[change.chain])
        if why:
            problems.append(f"{', '.join(change.patches)} changes {change.chain}: {why}")
    for entry in sorted({each for m in series if m.guard for each in m.guard.entry_points}):
        path, _, name = entry.partition("::")
        content = full.get(path, before(path))
        chain = content and _parsed(path, content).chains.get(name)
        if chain and any(map(is_async_generator, chain.nodes)):
            problems.append(f"the entry point {name} is an asynchronous generator")
    for member in series:
        never = {edit.kind: 0 for edit in member.patch.edits if not kind_of(edit).guardable}
        problems += [f"{member.patch.name} holds `{kind}`" for kind in never if member.guard]
    return problems


def _why_not(chain: Chain) -> str:
    """Why a definition cannot be chosen for each call; empty when it can."""
    if chain.broken:
        return chain.broken
    if chain.nodes[-1].name in LOADING:
        return "it makes objects, which outlive the choice"
    decorators = {ast.unparse(each) for node in chain.nodes for each in node.decorator_list}
    if "classmethod" in decorators:
        return "it is a class method: what it loads outlives the choice"
    called = {each: each.partition("(")[0].rpartition(".")[2] for each in sorted(decorators)}
    for decorator, name in called.items():
        if "cache" in name:
            return f"its results are kept by @{decorator}"
        if name in _TAKES_AWAY or "register" in name:
            return f"@{decorator} keeps it where it cannot be chosen"
    return ""


def _import_time(old: Module, new: Module) -> list[str]:
    """What else of a module differs than definitions: only new imports and new names may."""
    problems = []
    known = {name for body in old.rest.values() for node in body for name in _bound(node)}
    for scope, body in new.rest.items():
        left = [ast.dump(_shell(node)) for node in old.rest.get(scope, [])]
        for node in body:
            text = ast.dump(_shell(node))
            if left and left[0] == text:
                left.pop(0)
            elif not _is_new_name(node, known):
                problems.append(f"line {node.lineno}, {ast.unparse(node).splitlines()[0]}")
        if left:
            problems.append(f"a statement of {scope or 'the module'} was changed or removed")
    removed = [name for name in old.chains if name not in new.chains]
    return problems + [f"{name} was removed" for name in removed]


def _shell(node: ast.stmt) -> ast.stmt:
    """A compound statement without its blocks: these are compared on their own."""
    if isinstance(node, ast.ClassDef):
        return ast.ClassDef(node.name, node.bases, node.keywords, [ast.Pass()], node.decorator_list)
    if isinstance(node, ast.If):
        return ast.If(node.test, [ast.Pass()], [])
    if isinstance(node, ast.With):
        return ast.With(node.items, [ast.Pass()])
    return ast.Try([ast.Pass()], node.handlers, [], []) if isinstance(node, ast.Try) else node


def _bound(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ClassDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {each.id for each in targets if isinstance(each, ast.Name)}


def _is_new_name(node: ast.stmt, known: Collection[str]) -> bool:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    return bool(_bound(node)) and _bound(node).isdisjoint(known)


def _groups(changes: Sequence[_ChainChange], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Patches that share a definition, by each of their names, in the series' order."""
    group = {name: {name} for name in names}
    for change in changes:
        joined = set().union(*(group[name] for name in change.patches))
        for name in joined:
            group[name] = joined
    return {name: tuple(each for each in names if each in group[name]) for name in names}


def _emit(
    before: Read,
    full: Mapping[str, bytes | None],
    series: Sequence[Member],
    changes: Sequence[_ChainChange],
    groups: Mapping[str, tuple[str, ...]],
) -> dict[str, bytes | None]:
    guards = {member.patch.name: member.guard for member in series if member.guard}
    entry_points = dict.fromkeys(entry for guard in guards.values() for entry in guard.entry_points)
    files = dict(full)
    package = _package(changes, full)
    touched = {change.file for change in changes}
    entries = [entry.partition("::")[::2] for entry in entry_points]
    for path in sorted(touched | {file for file, _ in entries if before(file) is not None}):
        content = files.get(path, before(path))
        assert content is not None
        here = [change for change in changes if change.file == path]
        opened = [chain for file, chain in entries if file == path]
        files[path] = _with_choices(path, content, before(path) or b"", here, opened, package)
    name = f"{package}/{RUNTIME}.py" if package else f"{RUNTIME}.py"
    files[name] = _runtime(guards, groups)
    return files


def _package(changes: Sequence[_ChainChange], full: Mapping[str, bytes | None]) -> str:
    """The top-level package that the runtime goes to; empty for a target of modules alone."""
    files = [change.file for change in changes] or list(full)
    return next((file.partition("/")[0] for file in files if "/" in file), "")


def _with_choices(
    path: str,
    content: bytes,
    original: bytes,
    changes: Sequence[_ChainChange],
    opened: Sequence[str],
    package: str,
) -> bytes:
    """A file's text with both definitions of what changed, and its entry points marked."""
    source = Source(path, content)
    new, old = read_module(source.text), _parsed(path, original)
    end = "\r\n" if "\r\n" in source.text else "\n"
    inserted: dict[int, str] = {}  # before which line (from 1), what

    def insert(line: int, text: str) -> None:
        inserted[line] = inserted.get(line, "") + text

    patches = {change.chain: change.patches[0] for change in changes}
    for chain in sorted(new.chains.values(), key=lambda each: each.first):
        name, pad = chain.nodes[-1].name, chain.indent
        if chain.name in patches:
            kept = f"{KEPT}{name.strip('_')}"
            first = old.text(old.chains[chain.name])
            first = first if first.endswith("\n") else first + end
            insert(chain.first, f"{first}{pad}{kept} = {name}{end}{end}")
            choice = f'{RUNTIME}.either("{patches[chain.name]}", {name}, {kept})'
            insert(chain.last + 1, f"{pad}{name} = {choice}{end}{pad}del {kept}{end}")
        if chain.name in opened and not chain.broken:
            insert(chain.last + 1, f"{pad}{name} = {RUNTIME}.entry({name}){end}")
    lines = list(new.lines)  # insertions stand before a line, so that places stay valid
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += end
    where = _after_docstring(source.text)
    statement = f"from {package} import {RUNTIME}" if package else f"import {RUNTIME}"
    inserted[where] = f"{statement}{end}" + inserted.get(where, "")
    text = "".join(
        inserted.get(number, "") + (lines[number - 1] if number <= len(lines) else "")
        for number in range(1, len(lines) + 2)
    )
    result = source.encode(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape of the target's, as in `parse_python`
        compile(result, path, "exec", dont_inherit=True)
    return result


def _after_docstring(text: str) -> int:
    """The line before which an import can stand: below the docstring and ``__future__``."""
    body = parse_python(text).body
    at = 0
    for node in body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not ((docstring and at == 0) or future):
            break
        at = node.end_lineno or node.lineno
    return at + 1 if at else _first_code_line(text)


def _first_code_line(text: str) -> int:
    """Below the comments at the top: a ``#!`` line and an encoding cookie stay where they are."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            return number
    return len(text.splitlines()) + 1


def _runtime(guards: Mapping[str, Guard], groups: Mapping[str, tuple[str, ...]]) -> bytes:
    """The runtime's text with the groups of this series."""
    text = Path(__file__).with_name("runtime.py").read_text("utf-8")
    calls = []
    for names in dict.fromkeys(groups.values()):
        options = [guards[name] for name in names]
        fallback = any(each.fallback for each in options)
        rollout = min(each.rollout for each in options)
        quoted = ", ".join(f'"{name}"' for name in names)
        calls.append(f"group({quoted}, fallback={fallback}, rollout={rollout})")
    return (text + "\n\n" + "\n".join(calls) + "\n").encode()


def _parsed(path: str, content: bytes) -> Module:
    return read_module(Source(path, content).text)
