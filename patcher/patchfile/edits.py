"""Entries of `edits:`: what each kind needs, and that its Python is Python."""

from __future__ import annotations

import re
from collections.abc import Mapping

from patcher.patchfile import holes, keys, nodes
from patcher.patchfile.kinds import KINDS
from patcher.patchfile.model import TEXTUAL, WHOLE_FILE, Edit, EditKind, Expect, Mark
from patcher.patchfile.values import Values, nearest

_TRANSFORM = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*\Z")
_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST


class EditReader(Values):
    """Reads edits; see `Values` for its arguments."""

    def edits(self, entry: nodes.Mapping) -> tuple[Edit, ...]:
        node = entry.entries.get("edits")
        if not isinstance(node, nodes.Sequence) or not node.items:
            self.problems.add(entry.marks.get("edits", entry.mark), "`edits` is a list of edits")
            return ()
        found = [self.edit(item) for item in node.items]
        return tuple(edit for edit in found if edit is not None)

    # one edit ---------------------------------------------------------------------------------

    def edit(self, node: nodes.Node) -> Edit | None:
        entry = self.problems.mapping(node, keys.names(keys.EDIT), "an edit")
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
        if "with" in entry.entries and not KINDS[kind].needs_with:
            self.problems.add(entry.marks["with"], f"`{kind.value}` takes no `with`")
        if KINDS[kind].needs_with and replacement is None:
            self.problems.add(entry.mark, f"`{kind.value}` needs `with`")
        pattern: str | None = value
        if not KINDS[kind].seeks:
            pattern, replacement = None, value
        edit = Edit(
            file=self.file(entry, "file", "an edit"),
            kind=kind,
            within=self.within(entry, kind),
            pattern=pattern,
            replacement=replacement,
            expect=self.expect(entry),
            decorated=self.decorated(entry),
            optional=self.truth(entry, "optional"),
            in_f_strings=self.truth(entry, "in-f-strings"),
            was=self.was(entry, kind),
            mark=entry.mark,
            marks=entry.marks,
        )
        self.content(entry, edit)
        return edit

    def within(self, entry: nodes.Mapping, kind: EditKind) -> str | None:
        if "within" not in entry.entries:
            if KINDS[kind].needs_within:
                self.problems.add(entry.mark, f"`{kind.value}` needs `within`: the definition")
            return None
        value = self.string(entry, "within")
        mark = entry.marks["within"]
        if not KINDS[kind].takes_within:
            self.problems.add(mark, f"`{kind.value}` takes no `within`")
        elif not value or (value != "<module>" and not all(map(_is_segment, value.split(".")))):
            hint = "write Class.method; `*` stands for any part of one segment"
            self.problems.add(mark, f"`within: {value}` is not a qualified name", hint)
        elif value == "<module>" and KINDS[kind].needs_within:
            self.problems.add(mark, f"`{kind.value}` needs a definition, not <module>")
        return value

    def decorated(self, entry: nodes.Mapping) -> str | None:
        if "decorated" not in entry.entries:
            return None
        value, mark = self.string(entry, "decorated").strip(), entry.marks["decorated"]
        if "within" not in entry.entries:
            self.problems.add(mark, "`decorated` needs `within`: the definition")
        elif value.startswith("@"):
            self.problems.add(mark, "a decorator is written without `@`")
        elif value:
            try:
                compile(value, "decorated", "eval", dont_inherit=True, flags=_ONLY_AST)
            except (SyntaxError, ValueError):
                self.problems.add(mark, f"`decorated: {value}` is not one expression")
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
        if edit.in_f_strings and edit.kind is not EditKind.MATCH:
            self.no_expression(entry)
        if edit.kind is EditKind.TRANSFORM:
            self.transform(entry, edit.pattern or "")
            return
        if edit.kind in (*WHOLE_FILE, *TEXTUAL):
            self.plain(entry, edit)
            return
        bound: dict[str, holes.Hole] | None = None
        sought: holes.Parsed | None = None
        if edit.pattern is not None:
            parsed = self.python(
                entry, edit.kind.value, edit, allow_empty=edit.kind.value == "decorator"
            )
            sought = parsed
            bound = {hole.name: hole for hole in parsed.holes} if parsed else None
            if edit.kind is EditKind.DECORATOR and not edit.pattern.strip():
                bound = {}
        if edit.replacement is not None:
            key = "with" if "with" in entry.entries else edit.kind.value
            parsed = self.python(entry, key, edit, allow_empty=edit.kind.value == "decorator")
            if parsed and (bound is not None or edit.pattern is None):
                self.unbound(entry, key, parsed, bound or {}, edit)
            if parsed and sought and parsed.branches != sought.branches:
                hint = "write both as `elif ...:`; any other change needs the whole chain"
                message = "an `elif` can only become, or stand beside, another `elif`"
                self.problems.add(entry.marks[key], message, hint)
            if edit.in_f_strings and edit.kind is EditKind.MATCH and parsed and sought:
                self.no_expression(entry, not (parsed.is_expression and sought.is_expression))
        if edit.kind is EditKind.DECORATOR and not (edit.pattern or edit.replacement or "").strip():
            self.problems.add(entry.mark, "`decorator` and `with` are both empty")

    def no_expression(self, entry: nodes.Mapping, refuse: bool = True) -> None:
        """Add the problem of an edit that no field of an f-string can hold."""
        if not refuse:
            return
        message = "`in-f-strings` needs a `match` of one expression by another"
        hint = "a field of an f-string holds no statement: match the whole statement"
        self.problems.add(entry.marks["in-f-strings"], message, hint)

    def plain(self, entry: nodes.Mapping, edit: Edit) -> None:
        """Check an edit that says nothing in Python."""
        key, value = edit.kind.value, edit.pattern or ""
        mark = entry.marks[key]
        if edit.kind in (EditKind.ADD_FILE, EditKind.REPLACE_FILE):
            self.attached(entry, key, value)
        elif edit.kind is EditKind.RENAME_FILE:
            if self.file(entry, key, "an edit") == edit.file:
                self.problems.add(mark, f"`{key}` is the path that the file has")
        elif edit.kind is EditKind.MODE and not re.fullmatch(KINDS[edit.kind].pattern, value):
            hint = "three octal digits that let the owner read and write, such as 644 or 755"
            self.problems.add(mark, f"`mode: {value}` is not a file's permission bits", hint)
        elif edit.kind is EditKind.DELETE_FILE and value != "true":
            self.problems.add(mark, "`delete-file` is true")
        elif edit.kind is EditKind.FINAL_NEWLINE and value not in ("true", "false"):
            self.problems.add(mark, "`final-newline` is true or false")
        elif edit.kind is EditKind.LINES and not value.strip():
            hint = "take a line above or below along that is not blank"
            self.problems.add(mark, "`lines` holds blank lines only", hint)
        elif edit.kind is EditKind.LINES and value.removesuffix("\n") == (
            edit.replacement or ""
        ).removesuffix("\n"):
            self.problems.add(mark, "the replacement is the pattern", "change `with`")

    def was(self, entry: nodes.Mapping, kind: EditKind) -> str | None:
        if "was" not in entry.entries:
            if KINDS[kind].needs_was:
                hint = "the sha256 of the file's bytes before"
                self.problems.add(entry.mark, f"`{kind.value}` needs `was`", hint)
            return None
        value, mark = self.string(entry, "was"), entry.marks["was"]
        if not KINDS[kind].takes_was:
            self.problems.add(mark, f"`{kind.value}` takes no `was`")
        elif not re.fullmatch(keys.SHA256, value):
            self.problems.add(mark, "`was` is a sha256: 64 digits, a to f in lower case")
        return value

    def python(
        self, entry: nodes.Mapping, key: str, edit: Edit, allow_empty: bool
    ) -> holes.Parsed | None:
        if not isinstance(entry.entries[key], nodes.Scalar):
            return None
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
            self.problems.add(place, f"`{key}`: {error.message}", error.hint)
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
        elif parsed.branches and edit.pattern is None:
            self.problems.add(mark, f"`{key}` starts with an `elif`, which has no `if`")
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
