"""Values of a spec's mappings: texts, lists, names and paths, each problem at its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from patcher.errors import PatcherError
from patcher.patchfile import keys, nodes
from patcher.patchfile.model import Mark

Attach = Callable[[str], bytes | None]

NAME = re.compile(keys.NAME_PATTERN + r"\Z")


@dataclass
class Problems:
    """Everything wrong with one file, in the order found."""

    path: str
    entries: list[tuple[Mark, str, str]] = field(default_factory=list)

    def add(self, mark: Mark, message: str, hint: str = "") -> None:
        self.entries.append((mark, message, hint))

    def mapping(
        self, node: nodes.Node | None, known: Iterable[str], what: str
    ) -> nodes.Mapping | None:
        """The node if it is a mapping; unknown keys are answered with the nearest one."""
        if not isinstance(node, nodes.Mapping):
            self.add(node.mark if node else Mark(1, 1), f"{what} is `key: value` pairs")
            return None
        for key in node.entries:
            if key not in known:
                self.add(node.marks[key], f"unknown key `{key}` in {what}", nearest(key, known))
        return node

    def error(self) -> PatcherError:
        self.entries.sort(key=lambda problem: (problem[0].line, problem[0].column))
        lines = [f"{self.at(mark)}: {message}" for mark, message, _ in self.entries]
        mark, message, hint = self.entries[0]
        return PatcherError("spec", message, hint, self.at(mark), lines[1:])

    def at(self, mark: Mark) -> str:
        return f"{self.path}:{mark.line}:{mark.column}"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word most like this one; empty when none is near."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else ""


class ValueReader:
    """Reads values of one file.

    Args:
        problems: where everything wrong is collected.
        attach: reads a file that travels with the spec.
        text: the file's text.
    """

    def __init__(self, problems: Problems, attach: Attach, text: str) -> None:
        self.problems, self.attach, self.text = problems, attach, text
        self.attachments: dict[str, bytes] = {}

    def string(self, entry: nodes.Mapping, key: str, default: str = "") -> str:
        node = entry.entries.get(key)
        if node is None:
            return default
        if isinstance(node, nodes.Scalar):
            return node.value
        self.problems.add(node.mark, f"`{key}` is one text")
        return default

    def required(self, entry: nodes.Mapping, key: str, what: str) -> str:
        value = self.string(entry, key)
        if not value.strip() and not isinstance(entry.entries.get(key), nodes.Sequence):
            self.problems.add(entry.marks.get(key, entry.mark), f"{what} needs `{key}`")
        return value

    def strings(self, entry: nodes.Mapping, key: str) -> tuple[str, ...]:
        node = entry.entries.get(key)
        if node is None:
            return ()
        items = node.items if isinstance(node, nodes.Sequence) else (node,)
        for item in items:
            if not isinstance(item, nodes.Scalar):
                self.problems.add(item.mark, f"`{key}` is a list of texts")
        return tuple(item.value for item in items if isinstance(item, nodes.Scalar))

    def names(self, entry: nodes.Mapping, key: str) -> tuple[str, ...]:
        result = self.strings(entry, key)
        for name in result:
            if not NAME.match(name):
                self.problems.add(entry.marks[key], f"`{name}` is not a patch's name")
        return result

    def truth(self, entry: nodes.Mapping, key: str) -> bool:
        value = self.string(entry, key, "false")
        if value not in ("true", "false"):
            self.problems.add(entry.marks[key], f"`{key}` is true or false")
        return value == "true"

    def file(self, entry: nodes.Mapping, key: str, what: str) -> str:
        path = self.required(entry, key, what)
        if not path:
            return path
        mark = entry.marks[key]
        parts = path.split("/")
        if path.startswith(("/", "~")) or "\\" in path or "\0" in path or ":" in parts[0]:
            self.problems.add(mark, f"`{path}` is not relative to the import root")
        elif any(part in ("", ".", "..") for part in parts):
            self.problems.add(mark, f"`{path}` has an empty, `.` or `..` part")
        elif any(part.lower().rstrip(". ") == ".git" for part in parts):
            self.problems.add(mark, f"`{path}` is inside git's own folder")
        return path

    def inside(self, node: nodes.Node, line: int, column: int) -> Mark:
        """The place in the spec of a line and column of a scalar's text."""
        if not isinstance(node, nodes.Scalar) or node.style == ">":
            return node.mark
        if node.style != "|":
            if line > 1:
                return node.mark
            return Mark(node.mark.line, node.mark.column + column - 1 + bool(node.style))
        lines = self.text.splitlines()
        row = node.mark.line + line
        first = next((text for text in lines[node.mark.line :] if text.strip()), "")
        return Mark(row, len(first) - len(first.lstrip(" ")) + column)
