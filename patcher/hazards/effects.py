"""What patches do to the modes the target runs under, found by comparing sources.

Nothing here reads a patch's intentions: the target's text before and after each patch is mapped,
and what appeared is the patch's effect. That holds for every kind of edit.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from patcher.hazards.lines import LineMap, line_map
from patcher.hazards.static import EntryKind, MapEntry, map_source

if TYPE_CHECKING:
    from patcher.hazards.traces import TracedScope
    from patcher.patchfile.model import Patch

Read = Callable[[str], bytes | None]
Replay = Callable[[Read, Sequence["Patch"]], Mapping[str, bytes | None]]


@dataclass(frozen=True)
class InferenceScope:
    """One scope of inference mode that a patch opens.

    Attributes:
        patch: the patch's name.
        function: the function that is decorated, or that holds the ``with``.
        decorator: the whole function is in the scope.
        line, end_line: extent in the patched file; ``pristine_line`` where that is on pristine.
        source: the decorator or context expression.
    """

    patch: str
    file: str
    function: str
    decorator: bool
    line: int
    end_line: int
    pristine_line: int
    source: str

    def opened_by(self, file: str, function: str, line: int, decorator: bool) -> bool:
        """Whether a traced scope is this one; a decorated function's first line may be earlier."""
        if (self.file, self.function, self.decorator) != (file, function, decorator):
            return False
        return line <= self.line if decorator else line == self.line

    def __str__(self) -> str:
        how = "decorator" if self.decorator else "with"
        return f"{how} in {self.function} ({self.file}:{self.pristine_line})"


@dataclass(frozen=True)
class Planned:
    """What a series makes of the target.

    Attributes:
        files: new content by path, of every file that the series touches.
        effects: the scopes of inference mode that it opens.
        versions: the files after each patch, by the patch's name, in order.
    """

    files: Mapping[str, bytes | None]
    effects: tuple[InferenceScope, ...]
    read_pristine: Read
    versions: tuple[tuple[str, Mapping[str, bytes | None]], ...] = ()

    def line_map(self, file: str) -> LineMap:
        """From pristine to patched."""
        before = self.read_pristine(file) or b""
        return line_map(before, self.files.get(file, before))

    def pristine_line(self, file: str, line: int) -> int:
        """The line of the pristine target for one of the patched."""
        return self.line_map(file).before(line) if file in self.files else line

    def patch_of_line(self, file: str, line: int) -> str | None:
        """The patch that wrote a line of the patched file; None for one that is pristine."""
        stages: list[tuple[str, Mapping[str, bytes | None]]] = [("", {}), *self.versions]
        for position in range(len(stages) - 1, 0, -1):
            name, files = stages[position]
            pristine = self.read_pristine(file) or b""
            after = files.get(file, pristine)
            lines = line_map(stages[position - 1][1].get(file, pristine), after)
            if lines.added(line):
                return name
            line = lines.before(line)
        return None

    def effect_of(self, scopes: Iterable[TracedScope]) -> InferenceScope | None:
        """The effect behind a traced list of open scopes, outermost first."""
        for scope in scopes:
            for effect in self.effects:
                if effect.opened_by(scope.file, scope.function, scope.line, scope.decorator):
                    return effect
        return None

    def neutral(self) -> Mapping[str, bytes | None]:
        """The files with each new scope of inference mode turned into ``no_grad``.

        The two modes compute the same, but ``no_grad`` makes ordinary tensors: what would fail
        under inference mode runs, and can be watched. Lines stay where they are.
        """
        result = dict(self.files)
        for file, content in self.files.items():
            for effect in self.effects:
                if effect.file == file:
                    result[file] = _without_inference(result[file] or b"", effect)
            if result[file] == self.read_pristine(file):
                del result[file]
            else:
                assert (result[file] or b"").count(b"\n") == (content or b"").count(b"\n")
        return result


def plan_effects(read: Read, patches: Sequence[Patch], replay: Replay) -> Planned:
    """Apply patches in memory, one after the other, and note what each does.

    Raises:
        PatcherError: what ``replay`` raises: a site is missing, patches conflict.
    """
    result: list[InferenceScope] = []
    before: Mapping[str, bytes | None] = {}
    versions = []
    for count, patch in enumerate(patches, 1):
        after = replay(read, patches[:count])
        for file, content in after.items():
            if not file.endswith(".py") or content is None:
                continue
            old = before.get(file, read(file) or b"")
            opened = _opened(old or b"", content, file)
            result += [_effect(patch.name, file, entry) for entry in opened]
        versions.append((patch.name, after))
        before = after
    return Planned(before, tuple(_in_final(read, before, result)), read, tuple(versions))


def _effect(patch: str, file: str, entry: MapEntry) -> InferenceScope:
    return InferenceScope(
        patch, file, entry.function, entry.decorator, entry.line, entry.end_line, entry.line,
        entry.source,
    )  # fmt: skip


def _inference_scopes(source: bytes, file: str) -> list[MapEntry]:
    entries = map_source(source, file).entries
    return [
        each for each in entries if each.kind is EntryKind.SCOPE and each.detail == "inference_mode"
    ]


def _opened(before: bytes, after: bytes, file: str) -> list[MapEntry]:
    """Inference scopes that ``after`` has and ``before`` has not."""
    old, new = _inference_scopes(before, file), _inference_scopes(after, file)
    keys = [[(each.function, each.decorator) for each in side] for side in (old, new)]
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    kept = {match.b + i for match in matcher.get_matching_blocks() for i in range(match.size)}
    return [entry for position, entry in enumerate(new) if position not in kept]


def _in_final(
    read: Read, files: Mapping[str, bytes | None], effects: Iterable[InferenceScope]
) -> Iterable[InferenceScope]:
    """The effects that are left when all patches are in, at their final lines."""
    by_key: dict[tuple[str, str, bool], list[InferenceScope]] = {}
    for effect in effects:
        by_key.setdefault((effect.file, effect.function, effect.decorator), []).append(effect)
    for file, content in files.items():
        if not file.endswith(".py") or content is None:
            continue
        pristine = read(file) or b""
        lines = line_map(pristine, content)
        for entry in _opened(pristine, content, file):
            known = by_key.get((file, entry.function, entry.decorator))
            if known:
                owner = known.pop(0) if len(known) > 1 else known[0]
                yield InferenceScope(
                    owner.patch,
                    file,
                    entry.function,
                    entry.decorator,
                    entry.line,
                    entry.end_line,
                    lines.before(entry.line),
                    entry.source,
                )


def _without_inference(source: bytes, effect: InferenceScope) -> bytes:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for expression in _scope_expressions(node):
            if expression.lineno == effect.line and _named(expression) == "inference_mode":
                dotted = ast.unparse(expression).startswith("torch.")
                text = "torch.no_grad()" if dotted else '__import__("torch").no_grad()'
                return _replaced(source, expression, text)
    return source


def _scope_expressions(node: ast.AST) -> Sequence[ast.expr]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return node.decorator_list
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [item.context_expr for item in node.items]
    return ()


def _named(node: ast.expr) -> str:
    call = node.func if isinstance(node, ast.Call) else node
    return call.attr if isinstance(call, ast.Attribute) else getattr(call, "id", "")


def _replaced(source: bytes, node: ast.expr, text: str) -> bytes:
    """``source`` with one expression replaced; its line breaks are kept as trailing blank lines."""
    lines = source.splitlines(keepends=True)
    first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
    head = lines[first][: node.col_offset]
    tail = lines[last][node.end_col_offset or 0 :]
    if first != last:
        text = f"({text}" + "\n" * (last - first) + ")"
    return b"".join([*lines[:first], head + text.encode() + tail, *lines[last + 1 :]])
