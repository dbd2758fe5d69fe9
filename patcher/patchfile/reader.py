"""From YAML to a `Patch`: the only place that knows the file format.

Everything wrong with a spec is found at once; the first problem becomes the error's message and the
others its notes. Patterns are parsed with `ast` here, so that a typing mistake is answered with the
line and column of the spec and without loading LibCST.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from patcher.patchfile import keys, nodes
from patcher.patchfile.edits import EditReader
from patcher.patchfile.model import (
    Absent,
    Declaration,
    Edit,
    EditKind,
    Equivalence,
    Expect,
    Fixture,
    Form,
    Patch,
    PatchSet,
)
from patcher.patchfile.values import NAME, Attach, Problems, nearest
from patcher.patchfile.versions import is_requirement


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
    if problems.entries or patch is None:
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
    if problems.entries:
        raise problems.error()
    return sets


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


class _Reader(EditReader):
    """Reads the patch itself."""

    def patch(self, root: nodes.Mapping) -> Patch | None:
        entry = self.problems.mapping(root, keys.names(keys.PATCH), "a patch")
        if entry is None:
            return None
        variants = self.variants(entry)
        if "variants" in entry.entries:
            edits = variants[0].edits if variants else ()
        else:
            edits = self.edits(entry)
        provides = self.provides(entry)
        return Patch(
            name=self.name(entry),
            summary=self.required(entry, "summary", "a patch"),
            targets=self.targets(entry),
            equivalence=self.equivalence(entry),
            edits=edits,
            declares=self.declarations(entry),
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
            provides=provides,
            import_as=self.import_names(entry, provides),
            variants=variants,
            absent_when=self.absences(entry),
            entry_points=self.entry_points(entry),
        )

    def provides(self, entry: nodes.Mapping) -> str:
        name = self.string(entry, "provides")
        if "provides" in entry.entries and not name.isidentifier():
            message = f"`provides: {name}` is not the name of an import package"
            self.problems.add(entry.marks["provides"], message)
        return name

    def import_names(self, entry: nodes.Mapping, provides: str) -> tuple[str, ...]:
        names = self.strings(entry, "import-as")
        if names and not provides:
            self.problems.add(entry.marks["import-as"], "`import-as` needs `provides`")
        for name in names:
            if not name.isidentifier():
                message = f"`import-as: {name}` is not the name of an import package"
                self.problems.add(entry.marks["import-as"], message)
        return names

    def entry_points(self, entry: nodes.Mapping) -> tuple[str, ...]:
        result = self.strings(entry, "entry-points")
        for text in result:
            file, mark, name = text.partition("::")
            if not (mark and file.endswith(".py") and all(map(str.isidentifier, name.split(".")))):
                message = f"`{text}` is not FILE::Class.method"
                self.problems.add(entry.marks["entry-points"], message)
        return result

    def variants(self, entry: nodes.Mapping) -> tuple[Form, ...]:
        node = entry.entries.get("variants")
        if node is None:
            return ()
        mark = entry.marks["variants"]
        for key in ("edits", "test"):
            if key in entry.entries:
                message = f"a patch with `variants` has its `{key}` in them"
                self.problems.add(entry.marks[key], message)
        if not isinstance(node, nodes.Sequence) or not node.items:
            self.problems.add(mark, "`variants` is a list of forms, each with `edits`")
            return ()
        forms = [self.form(item) for item in node.items]
        return tuple(form for form in forms if form is not None)

    def form(self, node: nodes.Node) -> Form | None:
        entry = self.problems.mapping(node, keys.names(keys.VARIANT), "a variant")
        if entry is None:
            return None
        edits = self.edits(entry)
        return Form(edits, self.fixtures(entry, edits), self.string(entry, "summary"))

    def absences(self, entry: nodes.Mapping) -> tuple[Absent, ...]:
        node = entry.entries.get("absent-when")
        if node is None:
            return ()
        if not isinstance(node, nodes.Sequence) or not node.items:
            message = "`absent-when` is a list of `file`, `within` and `match`"
            self.problems.add(entry.marks["absent-when"], message)
            return ()
        absences = [self.absence(item) for item in node.items]
        return tuple(absence for absence in absences if absence is not None)

    def absence(self, node: nodes.Node) -> Absent | None:
        entry = self.problems.mapping(node, keys.names(keys.ABSENT), "an entry of `absent-when`")
        if entry is None:
            return None
        file = self.file(entry, "file", "an entry of `absent-when`")
        within = self.string(entry, "within") or None
        if "match" not in entry.entries:
            return Absent(file, within, None, entry.mark)
        pattern = self.string(entry, "match")
        sought = Edit(file, EditKind.MATCH, within, pattern, expect=Expect(1, None))
        self.python(entry, "match", sought, allow_empty=False)
        return Absent(file, within, pattern, entry.mark)

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
        result = self.strings(entry, "target")
        if not result and "target" not in entry.entries:
            self.problems.add(entry.mark, "a patch needs `target`")
        for text in result:
            if not is_requirement(text):
                mark = entry.marks["target"]
                hint = "for example `chatterbox-tts >=0.1,<0.2`"
                self.problems.add(mark, f"`{text}` is not a package and its versions", hint)
        return result

    def equivalence(self, entry: nodes.Mapping) -> Equivalence:
        value = self.required(entry, "equivalence", "a patch")
        known = [each.value for each in Equivalence]
        if value in known:
            return Equivalence(value)
        if value:
            message = f"`equivalence: {value}` is not one of {', '.join(known)}"
            self.problems.add(entry.marks["equivalence"], message, nearest(value, known))
        return Equivalence.BITWISE

    def declarations(self, entry: nodes.Mapping) -> tuple[Declaration, ...]:
        known = [each.value for each in Declaration]
        result = self.strings(entry, "declares")
        for value in result:
            if value not in known:
                message = f"`declares: {value}` is not one of {', '.join(known)}"
                self.problems.add(entry.marks["declares"], message, nearest(value, known))
        return tuple(each for each in Declaration if each.value in result)

    # fixtures ---------------------------------------------------------------------------------

    def fixtures(self, root: nodes.Mapping, edits: tuple[Edit, ...]) -> tuple[Fixture, ...]:
        node = root.entries.get("test")
        if node is None:
            return ()
        if not isinstance(node, nodes.Sequence):
            self.problems.add(node.mark, "`test` is a list of fixtures")
            return ()
        result = [self.fixture(item, {edit.file for edit in edits}) for item in node.items]
        return tuple(fixture for fixture in result if fixture is not None)

    def fixture(self, node: nodes.Node, files: set[str]) -> Fixture | None:
        entry = self.problems.mapping(node, keys.names(keys.FIXTURE), "a fixture")
        if entry is None:
            return None
        given = {key for key in ("before", "after", "noop") if key in entry.entries}
        if given not in ({"before", "after"}, {"before"}, {"noop"}):
            self.problems.add(entry.mark, "a fixture has `before` and `after`, or `noop`")
            return None
        file = self.file(entry, "file", "a fixture") if "file" in entry.entries else None
        if file is None and len(files) > 1:
            self.problems.add(entry.mark, "the edits touch several files: say which, with `file`")
        elif file is not None and file not in files:
            self.problems.add(
                entry.marks["file"], f"no edit touches `{file}`", nearest(file, files)
            )
        before = self.string(entry, "noop" if "noop" in given else "before")
        after = self.string(entry, "after") if "after" in given else None
        return Fixture(before, after, file, entry.mark, sites=given == {"before"})
