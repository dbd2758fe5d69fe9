"""From YAML to a `Patch`: the only place that knows the file format.

Everything wrong with a spec is found at once; the first problem becomes the error's message and the
others its notes. Patterns are parsed with `ast` here, so that a typing mistake is answered with the
line and column of the spec and without loading LibCST.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from patcher.errors import PatcherError
from patcher.spec import holes, nodes
from patcher.spec.model import Edit, EditKind, Equivalence, Expect, Fixture, Mark, Patch, PatchSet

Attach = Callable[[str], bytes | None]

PATCH_KEYS = (
    "patch", "summary", "target", "equivalence", "reproduction", "edits", "requires", "conflicts",
    "companions", "hazards", "measured", "test",
)  # fmt: skip
EDIT_KEYS = ("file", "within", *(kind.value for kind in EditKind), "with", "expect")
FIXTURE_KEYS = ("file", "before", "after", "noop")
NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_TRANSFORM = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")
_NEEDS_WITHIN = (EditKind.DECORATOR, EditKind.BODY)
_NEEDS_WITH = (EditKind.DECORATOR, EditKind.MATCH, EditKind.BEFORE, EditKind.AFTER)


def read_spec(
    text: str, path: str, attachments: Mapping[str, bytes] | Attach | None = None
) -> Patch:
    """Read one patch.

    Args:
        text: the spec.
        path: where it was read from; its stem must be the patch's name.
        attachments: files that travel with the spec, by path relative to its folder, or a function
            that reads one (None when there is none).

    Raises:
        PatcherError: ``spec``; ``where`` is FILE:LINE:COLUMN of the first problem, the notes name
            the others.
    """
    attach = attachments if callable(attachments) else (attachments or {}).get
    problems = Problems(path)
    root = _compose(text, problems)
    patch = _Reader(problems, attach, text).patch(root) if root else None
    if problems.found or patch is None:
        raise problems.error()
    return patch


def read_sets(text: str, path: str) -> dict[str, PatchSet]:
    """Read ``sets.yaml``: ``NAME: {summary: ..., patches: [...]}``."""
    problems = Problems(path)
    root = _compose(text, problems)
    sets = {}
    for name, node in root.entries.items() if root else ():
        entry = problems.mapping(node, ("summary", "patches"), "a set")
        if entry is None:
            continue
        reader = _Reader(problems, lambda _: None, text)
        patches = reader.names(entry, "patches")
        if not patches:
            problems.add(entry.mark, f"set `{name}` names no patches")
        sets[name] = PatchSet(name, reader.string(entry, "summary"), patches)
    if problems.found:
        raise problems.error()
    return sets


@dataclass
class Problems:
    """Everything wrong with one file, in the order found."""

    path: str
    found: list[tuple[Mark, str, str]] = field(default_factory=list)

    def add(self, mark: Mark, message: str, hint: str = "") -> None:
        self.found.append((mark, message, hint))

    def mapping(
        self, node: nodes.Node | None, keys: Iterable[str], what: str
    ) -> nodes.Mapping | None:
        """The node if it is a mapping; unknown keys are answered with the nearest one."""
        if not isinstance(node, nodes.Mapping):
            self.add(node.mark if node else Mark(1, 1), f"{what} is `key: value` pairs")
            return None
        for key in node.entries:
            if key not in keys:
                self.add(node.marks[key], f"unknown key `{key}` in {what}", nearest(key, keys))
        return node

    def error(self) -> PatcherError:
        self.found.sort(key=lambda problem: (problem[0].line, problem[0].column))
        lines = [f"{self.at(mark)}: {message}" for mark, message, _ in self.found]
        mark, message, hint = self.found[0]
        return PatcherError("spec", message, hint, self.at(mark), lines[1:])

    def at(self, mark: Mark) -> str:
        return f"{self.path}:{mark.line}:{mark.column}"


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint that names the known word most like this one; empty when none is near."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else ""


def _compose(text: str, problems: Problems) -> nodes.Mapping | None:
    try:
        root = nodes.compose(text)
    except nodes.NodeError as error:
        problems.add(error.mark, error.message)
        return None
    if not isinstance(root, nodes.Mapping):
        problems.add(root.mark, "a spec is `key: value` pairs")
        return None
    return root


class _Reader:
    def __init__(self, problems: Problems, attach: Attach, text: str) -> None:
        self.problems, self.attach, self.text = problems, attach, text
        self.attachments: dict[str, bytes] = {}

    # values -----------------------------------------------------------------------------------

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
        found = self.strings(entry, key)
        for name in found:
            if not NAME.match(name):
                self.problems.add(entry.marks[key], f"`{name}` is not a patch's name")
        return found

    # the patch --------------------------------------------------------------------------------

    def patch(self, root: nodes.Mapping) -> Patch | None:
        entry = self.problems.mapping(root, PATCH_KEYS, "a patch")
        if entry is None:
            return None
        edits = self.edits(entry)
        return Patch(
            name=self.name(entry),
            summary=self.required(entry, "summary", "a patch"),
            targets=self.targets(entry),
            equivalence=self.equivalence(entry),
            edits=edits,
            reproduction=self.truth(entry, "reproduction"),
            requires=self.names(entry, "requires"),
            conflicts=self.names(entry, "conflicts"),
            companions=self.names(entry, "companions"),
            hazards=self.strings(entry, "hazards"),
            measured=self.strings(entry, "measured"),
            tests=self.fixtures(entry, edits),
            path=self.problems.path,
            text=self.text,
            attachments=self.attachments,
        )

    def name(self, entry: nodes.Mapping) -> str:
        name = self.required(entry, "patch", "a patch")
        mark = entry.marks.get("patch", entry.mark)
        stem = PurePosixPath(self.problems.path).stem
        if name and not NAME.match(name):
            self.problems.add(mark, f"`{name}` is not a name", "use a-z, 0-9 and _")
        elif name and name != stem:
            message = f"`patch: {name}` is not the file's name, `{stem}`"
            self.problems.add(mark, message, f"rename the file to {name}.yaml, or the patch")
        return name

    def targets(self, entry: nodes.Mapping) -> tuple[str, ...]:
        from packaging.requirements import InvalidRequirement, Requirement

        found = self.strings(entry, "target")
        if not found and "target" not in entry.entries:
            self.problems.add(entry.mark, "a patch needs `target`")
        for text in found:
            try:
                Requirement(text)
            except InvalidRequirement:
                mark = entry.marks["target"]
                hint = "for example `chatterbox-tts >=0.1,<0.2`"
                self.problems.add(mark, f"`{text}` is not a package and its versions", hint)
        return found

    def equivalence(self, entry: nodes.Mapping) -> Equivalence:
        value = self.required(entry, "equivalence", "a patch")
        known = [each.value for each in Equivalence]
        if value in known:
            return Equivalence(value)
        if value:
            message = f"`equivalence: {value}` is not one of {', '.join(known)}"
            self.problems.add(entry.marks["equivalence"], message, nearest(value, known))
        return Equivalence.BITWISE

    def truth(self, entry: nodes.Mapping, key: str) -> bool:
        value = self.string(entry, key, "false")
        if value not in ("true", "false"):
            self.problems.add(entry.marks[key], f"`{key}` is true or false")
        return value == "true"

    def edits(self, entry: nodes.Mapping) -> tuple[Edit, ...]:
        node = entry.entries.get("edits")
        if not isinstance(node, nodes.Sequence) or not node.items:
            self.problems.add(entry.marks.get("edits", entry.mark), "`edits` is a list of edits")
            return ()
        found = [self.edit(item) for item in node.items]
        return tuple(edit for edit in found if edit is not None)

    # one edit ---------------------------------------------------------------------------------

    def edit(self, node: nodes.Node) -> Edit | None:
        entry = self.problems.mapping(node, EDIT_KEYS, "an edit")
        if entry is None:
            return None
        kinds = [kind for kind in EditKind if kind.value in entry.entries]
        if len(kinds) != 1:
            several = ", ".join(f"`{kind.value}`" for kind in kinds)
            message = (
                f"an edit does one thing, this one has {several}"
                if kinds
                else "an edit needs one of " + ", ".join(f"`{kind.value}`" for kind in EditKind)
            )
            self.problems.add(entry.mark, message)
            return None
        kind = kinds[0]
        value = self.string(entry, kind.value)
        replacement = self.string(entry, "with") if "with" in entry.entries else None
        if "with" in entry.entries and kind not in _NEEDS_WITH:
            self.problems.add(entry.marks["with"], f"`{kind.value}` takes no `with`")
        if kind in _NEEDS_WITH and replacement is None:
            self.problems.add(entry.mark, f"`{kind.value}` needs `with`")
        pattern: str | None = value
        if kind in (EditKind.IMPORT, EditKind.BODY, EditKind.DEFINE):
            pattern, replacement = None, value
        edit = Edit(
            file=self.file(entry, "file", "an edit"),
            kind=kind,
            within=self.within(entry, kind),
            pattern=pattern,
            replacement=replacement,
            expect=self.expect(entry),
            mark=entry.mark,
            marks=entry.marks,
        )
        self.content(entry, edit)
        return edit

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

    def within(self, entry: nodes.Mapping, kind: EditKind) -> str | None:
        if "within" not in entry.entries:
            if kind in _NEEDS_WITHIN:
                self.problems.add(entry.mark, f"`{kind.value}` needs `within`: the definition")
            return None
        value = self.string(entry, "within")
        mark = entry.marks["within"]
        if kind in (EditKind.IMPORT, EditKind.DEFINE, EditKind.ADD_FILE):
            self.problems.add(mark, f"`{kind.value}` takes no `within`")
        elif not value or (value != "<module>" and not all(map(_is_segment, value.split(".")))):
            hint = "write Class.method; `*` stands for any part of one segment"
            self.problems.add(mark, f"`within: {value}` is not a qualified name", hint)
        elif value == "<module>" and kind in _NEEDS_WITHIN:
            self.problems.add(mark, f"`{kind.value}` needs a definition, not <module>")
        return value

    def expect(self, entry: nodes.Mapping) -> Expect:
        if "expect" not in entry.entries:
            return Expect()
        value = self.string(entry, "expect")
        if value == "all":
            return Expect(1, None)
        found = re.fullmatch(r"(\d{1,6})(?:\.\.(\d{1,6}))?", value)
        low = int(found[1]) if found else 0
        high = int(found[2] or found[1]) if found else 0
        if low < 1 or high < low:
            hint = "a number, a range such as 2..5, or all"
            self.problems.add(entry.marks["expect"], f"`expect: {value}` is not a count", hint)
            return Expect()
        return Expect(low, high)

    def content(self, entry: nodes.Mapping, edit: Edit) -> None:
        """Check what the edit says in Python, or what travels with it."""
        if edit.kind is EditKind.TRANSFORM:
            self.transform(entry, edit.pattern or "")
            return
        if edit.kind is EditKind.ADD_FILE:
            self.attached(entry, "add-file", edit.pattern or "")
            return
        bound: dict[str, holes.Hole] | None = None
        if edit.pattern is not None:
            parsed = self.python(
                entry, edit.kind.value, edit, allow_empty=edit.kind.value == "decorator"
            )
            bound = {hole.name: hole for hole in parsed.holes} if parsed else None
            if edit.kind is EditKind.DECORATOR and not edit.pattern.strip():
                bound = {}
        if edit.replacement is not None:
            key = "with" if "with" in entry.entries else edit.kind.value
            parsed = self.python(entry, key, edit, allow_empty=edit.kind.value == "decorator")
            if parsed and (bound is not None or edit.pattern is None):
                self.unbound(entry, key, parsed, bound or {}, edit)
        if edit.kind is EditKind.DECORATOR and not (edit.pattern or edit.replacement or "").strip():
            self.problems.add(entry.mark, "`decorator` and `with` are both empty")

    def python(
        self, entry: nodes.Mapping, key: str, edit: Edit, allow_empty: bool
    ) -> holes.Parsed | None:
        text = self.string(entry, key)
        mark = entry.marks[key]
        if not text.strip():
            if not allow_empty:
                hint = "`delete: PATTERN` removes a statement" if key == "with" else ""
                self.problems.add(mark, f"`{key}` is empty", hint)
            return None
        if edit.kind is EditKind.DECORATOR and text.lstrip().startswith("@"):
            self.problems.add(mark, "a decorator is written without `@`")
            return None
        try:
            parsed = holes.parse(text)
        except holes.PatternError as error:
            place = self.inside(entry.entries[key], error.line, error.column)
            self.problems.add(place, f"`{key}`: {error.message}")
            return None
        self.shape(mark, key, edit, parsed)
        return parsed

    def shape(self, mark: Mark, key: str, edit: Edit, parsed: holes.Parsed) -> None:
        """What kind of Python a key may hold."""
        import ast

        body = parsed.tree.body
        if edit.kind is EditKind.DECORATOR and not parsed.is_expression:
            self.problems.add(mark, f"`{key}` is one expression")
        elif edit.kind is EditKind.IMPORT and not (
            body and all(isinstance(each, ast.Import | ast.ImportFrom) for each in body)
        ):
            self.problems.add(mark, "`import` holds import statements")
        elif not body:
            self.problems.add(mark, f"`{key}` holds comments only")
        elif edit.kind is EditKind.DEFINE and not all(
            isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign
                       | ast.AnnAssign)
            for each in body
        ):  # fmt: skip
            self.problems.add(mark, "`define` holds functions, classes or assignments")
        elif key in ("match", "delete", "before", "after") and _only_holes(parsed):
            self.problems.add(mark, f"`{key}` matches anything: it is nothing but a hole")

    def unbound(
        self,
        entry: nodes.Mapping,
        key: str,
        parsed: holes.Parsed,
        bound: Mapping[str, holes.Hole],
        edit: Edit,
    ) -> None:
        text = self.string(entry, key)
        for hole in parsed.holes:
            place = self.inside(entry.entries[key], *holes.position(text, hole.start))
            if hole.anonymous:
                self.problems.add(place, f"`{hole}` has no value: name the hole in the pattern")
            elif hole.name not in bound:
                where = f"`{edit.kind.value}`" if edit.pattern is not None else "any pattern"
                hint = nearest(hole.name, bound).replace("`", f"`{'$$$' if hole.many else '$'}", 1)
                self.problems.add(place, f"hole `{hole}` is not bound in {where}", hint)
            elif bound[hole.name].many != hole.many:
                self.problems.add(place, f"`{hole}` is `{bound[hole.name]}` in the pattern")

    def transform(self, entry: nodes.Mapping, value: str) -> None:
        if not _TRANSFORM.match(value):
            mark = entry.marks["transform"]
            self.problems.add(mark, f"`transform: {value}` is not module:function")
            return
        module = value.split(":", maxsplit=1)[0] + ".py"
        self.attached(entry, "transform", module)

    def attached(self, entry: nodes.Mapping, key: str, path: str) -> None:
        parts = path.split("/")
        if not path or path.startswith("/") or any(part in ("", ".", "..") for part in parts):
            self.problems.add(entry.marks[key], f"`{path}` is not a file beside the spec")
            return
        content = self.attach(path)
        if content is None:
            self.problems.add(entry.marks[key], f"`{path}` is not beside the spec")
        else:
            self.attachments[path] = content

    # fixtures ---------------------------------------------------------------------------------

    def fixtures(self, root: nodes.Mapping, edits: tuple[Edit, ...]) -> tuple[Fixture, ...]:
        node = root.entries.get("test")
        if node is None:
            return ()
        if not isinstance(node, nodes.Sequence):
            self.problems.add(node.mark, "`test` is a list of fixtures")
            return ()
        found = [self.fixture(item, {edit.file for edit in edits}) for item in node.items]
        return tuple(fixture for fixture in found if fixture is not None)

    def fixture(self, node: nodes.Node, files: set[str]) -> Fixture | None:
        entry = self.problems.mapping(node, FIXTURE_KEYS, "a fixture")
        if entry is None:
            return None
        keys = {key for key in ("before", "after", "noop") if key in entry.entries}
        if keys not in ({"before", "after"}, {"noop"}):
            self.problems.add(entry.mark, "a fixture has `before` and `after`, or `noop`")
            return None
        file = self.file(entry, "file", "a fixture") if "file" in entry.entries else None
        if file is None and len(files) > 1:
            self.problems.add(entry.mark, "the edits touch several files: say which, with `file`")
        elif file is not None and file not in files:
            self.problems.add(
                entry.marks["file"], f"no edit touches `{file}`", nearest(file, files)
            )
        before = self.string(entry, "noop" if "noop" in keys else "before")
        after = None if "noop" in keys else self.string(entry, "after")
        return Fixture(before, after, file, entry.mark)

    def inside(self, node: nodes.Node, line: int, column: int) -> Mark:
        """The place in the spec of a line and column of a scalar's text."""
        if not isinstance(node, nodes.Scalar) or node.style == ">":
            return node.mark
        if node.style != "|":
            if line > 1:
                return node.mark
            return Mark(node.mark.line, node.mark.column + column - 1 + (node.style is not None))
        lines = self.text.splitlines()
        row = node.mark.line + line
        first = next((text for text in lines[node.mark.line :] if text.strip()), "")
        return Mark(row, len(first) - len(first.lstrip(" ")) + column)


def _is_segment(segment: str) -> bool:
    return bool(segment) and segment.replace("*", "x").isidentifier()


def _only_holes(parsed: holes.Parsed) -> bool:
    import ast

    expressions = [
        each.value.value if isinstance(each.value, ast.Starred) else each.value
        for each in parsed.tree.body
        if isinstance(each, ast.Expr)
    ]
    return len(expressions) == len(parsed.tree.body) and all(
        isinstance(each, ast.Name) and each.id.startswith("\u03bc") for each in expressions
    )
