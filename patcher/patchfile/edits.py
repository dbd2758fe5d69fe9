"""Entries of `edits:`: what each kind needs, and that its Python is Python."""

from __future__ import annotations

import re
from collections.abc import Mapping

from patcher.patchfile import holes, keys, many_holes, nodes
from patcher.patchfile.kinds import Kind, kind_of, kinds
from patcher.patchfile.model import Edit, EditKind, Expect, Mark
from patcher.patchfile.values import ValueReader, nearest

_ONLY_AST = 0x400  # ast.PyCF_ONLY_AST


class EditReader(ValueReader):
    """Reads edits; see `ValueReader` for its arguments."""

    def edits(self, entry: nodes.Mapping) -> tuple[Edit, ...]:
        node = entry.entries.get("edits")
        if not isinstance(node, nodes.Sequence) or not node.items:
            self.problems.add(entry.marks.get("edits", entry.mark), "`edits` is a list of edits")
            return ()
        result = [self.edit(item) for item in node.items]
        return tuple(edit for edit in result if edit is not None)

    # one edit ---------------------------------------------------------------------------------

    def edit(self, node: nodes.Node) -> Edit | None:
        entry = self.problems.mapping(node, keys.names(keys.edit_keys()), "an edit")
        if entry is None:
            return None
        kind = self.kind(entry)
        if kind is None:
            return None
        value = self.string(entry, kind.key)
        replacement = self.string(entry, "with") if "with" in entry.entries else None
        if "with" in entry.entries and not kind.needs_with:
            self.problems.add(entry.marks["with"], f"`{kind.key}` takes no `with`")
        if kind.needs_with and replacement is None:
            self.problems.add(entry.mark, f"`{kind.key}` needs `with`")
        pattern: str | None = value
        if not kind.seeks:
            pattern, replacement = None, value
        edit = Edit(
            file=self.file(entry, "file", "an edit"),
            kind=kind.name,
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
        if edit.in_f_strings and edit.kind is not EditKind.MATCH:
            self.no_expression(entry)
        kind.check(self, entry, edit)
        return edit

    def kind(self, entry: nodes.Mapping) -> Kind | None:
        """The one kind whose key an entry has."""
        given = [kind for kind in kinds().values() if kind.key in entry.entries]
        if len(given) == 1:
            return given[0]
        if given:
            several = ", ".join(f"`{kind.key}`" for kind in given)
            message = f"an edit does one thing, this one has {several}"
        else:
            message = "an edit needs one of " + ", ".join(f"`{key}`" for key in kinds())
        self.problems.add(entry.mark, message)
        return None

    def within(self, entry: nodes.Mapping, kind: Kind) -> str | None:
        if "within" not in entry.entries:
            if kind.needs_within:
                self.problems.add(entry.mark, f"`{kind.key}` needs `within`: the definition")
            return None
        value = self.string(entry, "within")
        mark = entry.marks["within"]
        if not kind.takes_within:
            self.problems.add(mark, f"`{kind.key}` takes no `within`")
        elif not value or (value != "<module>" and not all(map(_is_segment, value.split(".")))):
            hint = "write Class.method; `*` stands for any part of one segment"
            self.problems.add(mark, f"`within: {value}` is not a qualified name", hint)
        elif value == "<module>" and kind.needs_within:
            self.problems.add(mark, f"`{kind.key}` needs a definition, not <module>")
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
        matched = re.fullmatch(r"(\d{1,6})(?:\.\.(\d{1,6}))?", value)
        low = int(matched[1]) if matched else 0
        high = int(matched[2] or matched[1]) if matched else 0
        if low < 1 or high < low:
            hint = "a number, a range such as 2..5, or all"
            self.problems.add(entry.marks["expect"], f"`expect: {value}` is not a count", hint)
            return Expect()
        return Expect(low, high)

    def code(self, entry: nodes.Mapping, edit: Edit, *, allow_empty: bool = False) -> None:
        """Check what the edit says in Python: its pattern, its replacement, their holes."""
        bound: dict[str, holes.Hole] | None = None
        sought: holes.Parsed | None = None
        if edit.pattern is not None:
            sought = self.python(entry, edit.kind.value, edit, allow_empty)
            self.many(entry, edit.kind.value, sought)
            bound = {hole.name: hole for hole in sought.holes} if sought else None
            if allow_empty and not edit.pattern.strip():
                bound = {}
        if edit.replacement is not None:
            key = "with" if "with" in entry.entries else edit.kind.value
            parsed = self.python(entry, key, edit, allow_empty)
            if parsed and (bound is not None or edit.pattern is None):
                self.unbound(entry, key, parsed, bound or {}, edit)
                self.many(entry, key, parsed, sought)
            if parsed and sought and parsed.branches != sought.branches:
                hint = "write both as `elif ...:`; any other change needs the whole chain"
                message = "an `elif` can only become, or stand beside, another `elif`"
                self.problems.add(entry.marks[key], message, hint)
            if edit.in_f_strings and edit.kind is EditKind.MATCH and parsed and sought:
                self.no_expression(entry, not (parsed.is_expression and sought.is_expression))

    def no_expression(self, entry: nodes.Mapping, refuse: bool = True) -> None:
        """Add the problem of an edit that no field of an f-string can hold."""
        if not refuse:
            return
        message = "`in-f-strings` needs a `match` of one expression by another"
        hint = "a field of an f-string holds no statement: match the whole statement"
        self.problems.add(entry.marks["in-f-strings"], message, hint)

    def was(self, entry: nodes.Mapping, kind: Kind) -> str | None:
        if "was" not in entry.entries:
            if kind.needs_was:
                hint = "the sha256 of the file's bytes before"
                self.problems.add(entry.mark, f"`{kind.key}` needs `was`", hint)
            return None
        value, mark = self.string(entry, "was"), entry.marks["was"]
        if not kind.takes_was:
            self.problems.add(mark, f"`{kind.key}` takes no `was`")
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
        if why := kind_of(edit).shape(key, parsed):
            self.problems.add(mark, why)
        elif not parsed.tree.body:
            hint = (
                "" if key == "with" else "comments are not searched: match the lines with `lines`"
            )
            self.problems.add(mark, f"`{key}` holds comments only", hint)
        elif parsed.branches and edit.pattern is None:
            self.problems.add(mark, f"`{key}` starts with an `elif`, which has no `if`")

    def unbound(
        self,
        entry: nodes.Mapping,
        key: str,
        parsed: holes.Parsed,
        bound: Mapping[str, holes.Hole],
        edit: Edit,
    ) -> None:
        text = self.string(entry, key)
        where = f"`{edit.kind.value}`" if edit.pattern is not None else "any pattern"
        for hole in parsed.holes:
            if why := unfilled(hole, bound, where):
                place = self.inside(entry.entries[key], *holes.position(text, hole.start))
                self.problems.add(place, *why)

    def many(
        self,
        entry: nodes.Mapping,
        key: str,
        parsed: holes.Parsed | None,
        pattern: holes.Parsed | None = None,
    ) -> None:
        """Add the problems of `$$$` holes at their places."""
        for hole, message, hint in many_holes.problems(parsed, pattern) if parsed else ():
            text = self.string(entry, key)
            place = self.inside(entry.entries[key], *holes.position(text, hole.start))
            self.problems.add(place, f"`{key}`: {message}", hint)

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


def unfilled(
    hole: holes.Hole, bound: Mapping[str, holes.Hole], where: str
) -> tuple[str, str] | None:
    """Why nothing fills a hole of a replacement, and a hint; None where a hole of ``bound`` does.

    Args:
        bound: holes of the pattern by name.
        where: the pattern, in words.
    """
    if hole.anonymous:
        return f"`{hole}` has no value: name the hole in the pattern", ""
    if hole.name not in bound:
        hint = nearest(hole.name, bound).replace("`", f"`{'$$$' if hole.many else '$'}", 1)
        return f"hole `{hole}` is not bound in {where}", hint
    if bound[hole.name].many != hole.many:
        return f"`{hole}` is `{bound[hole.name]}` in the pattern", ""
    return None


def _is_segment(segment: str) -> bool:
    return bool(segment) and segment.replace("*", "x").isidentifier()
