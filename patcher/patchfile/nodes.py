"""YAML as nodes with marks, stricter than YAML: what a spec may be, before what it may say.

Every scalar stays the text that was written (`no`, `1.10` and `12:30` are strings here) and every
node knows its line and column. Anchors, aliases, tags, merge keys, duplicate keys, several
documents, files over 1 MiB and nesting over 50 deep are errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import yaml

from patcher.patchfile.model import Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_BYTES = 1 << 20
DEEPEST = 50


@dataclass(frozen=True)
class Scalar:
    """A value; ``style`` is YAML's (`|` and `>` are blocks, None plain)."""

    value: str
    mark: Mark
    style: str | None = None


@dataclass(frozen=True)
class Sequence:
    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True)
class Mapping:
    entries: dict[str, Node]
    mark: Mark
    marks: dict[str, Mark] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


class NodeError(Exception):
    """The text is not a spec's YAML."""

    def __init__(self, message: str, mark: Mark) -> None:
        super().__init__(message)
        self.message, self.mark = message, mark


def compose(text: str) -> Node:
    """The one document of a text.

    Raises:
        NodeError: with the place.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise NodeError("the file is over 1 MiB", Mark(1, 1))
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        events = yaml.parse(text, Loader=loader)
        return _document(events)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
        raise NodeError(f"not YAML: {error.problem or error.context}", place) from None
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise NodeError(f"not YAML: {first}", Mark(1, 1)) from None


def _document(events: Iterator[yaml.Event]) -> Node:
    node: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if node is not None:
                raise NodeError("a spec is one document", _mark(event))
            node = _node(next(events), events, 1)
    if node is None:
        raise NodeError("the file is empty", Mark(1, 1))
    return node


def _node(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
    mark = _mark(event)
    if depth > DEEPEST:
        raise NodeError(f"nested over {DEEPEST} deep", mark)
    if isinstance(event, yaml.AliasEvent):
        raise NodeError("aliases are not allowed", mark)
    if getattr(event, "anchor", None):
        raise NodeError("anchors are not allowed", mark)
    if getattr(event, "tag", None):
        raise NodeError("tags are not allowed", mark)
    if isinstance(event, yaml.ScalarEvent):
        return Scalar(event.value, mark, event.style)
    if isinstance(event, yaml.SequenceStartEvent):
        items = []
        while not isinstance(inner := next(events), yaml.SequenceEndEvent):
            items.append(_node(inner, events, depth + 1))
        return Sequence(tuple(items), mark)
    entries: dict[str, Node] = {}
    marks: dict[str, Mark] = {}
    while not isinstance(inner := next(events), yaml.MappingEndEvent):
        key = _node(inner, events, depth + 1)
        if not isinstance(key, Scalar):
            raise NodeError("a key is one word", key.mark)
        if key.value == "<<" and not key.style:
            raise NodeError("merge keys are not allowed", key.mark)
        if key.value in entries:
            first = marks[key.value]
            raise NodeError(f"`{key.value}` is given twice (first on line {first.line})", key.mark)
        entries[key.value] = _node(next(events), events, depth + 1)
        marks[key.value] = key.mark
    return Mapping(entries, mark, marks)


def _mark(event: yaml.Event) -> Mark:
    mark = event.start_mark
    return Mark(mark.line + 1, mark.column + 1) if mark else Mark(1, 1)
