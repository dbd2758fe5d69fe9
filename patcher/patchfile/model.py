"""What a patch says: frozen values, no behaviour beyond small derived properties.

Everything downstream (rewriting, storing, verifying, reporting) speaks in these types; `reader`
makes them from YAML and is the only place that knows the file format.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping


class Equivalence(str, Enum):
    """The gate a patch claims its output passes. A tool may downgrade a claim, never upgrade it."""

    BITWISE = "bitwise"
    CLOSE = "close"
    PERCEPTUAL = "perceptual"


class Declaration(str, Enum):
    """What a patch says of itself that a reader of its verdict has to know: a closed set."""

    CACHE_WEIGHTS = "cache-weights"  # keeps what follows from the weights or the machine alone
    CACHE_ANSWERS = "cache-answers"  # keeps what follows from an input, for when it comes again
    GLOBALS = "globals"  # changes or looks at what belongs to the whole process
    THREADS = "threads"  # has threads or processes work for it
    FILES = "files"  # reads or writes files
    ENVIRONMENT = "environment"  # asks where and how it is run: variables, arguments, network


class EditKind(str):
    """The key of a kind of edit, such as `match`. There is one object a key: `is` compares them.

    Which kinds there are, and what each is, says `patcher.patchfile.kinds`. Those that code names
    are attributes here.
    """

    _made: ClassVar[dict[str, EditKind]] = {}

    DECORATOR: ClassVar[EditKind]
    MATCH: ClassVar[EditKind]
    BEFORE: ClassVar[EditKind]
    AFTER: ClassVar[EditKind]
    DELETE: ClassVar[EditKind]
    IMPORT: ClassVar[EditKind]
    BODY: ClassVar[EditKind]
    DEFINE: ClassVar[EditKind]
    LINES: ClassVar[EditKind]
    FINAL_NEWLINE: ClassVar[EditKind]
    ADD_FILE: ClassVar[EditKind]
    REPLACE_FILE: ClassVar[EditKind]
    DELETE_FILE: ClassVar[EditKind]
    RENAME_FILE: ClassVar[EditKind]
    MODE: ClassVar[EditKind]
    TRANSFORM: ClassVar[EditKind]

    def __new__(cls, key: str) -> EditKind:
        return cls._made.setdefault(key, super().__new__(cls, key))

    @property
    def value(self) -> str:
        return str(self)


EditKind.DECORATOR = EditKind("decorator")
EditKind.MATCH = EditKind("match")
EditKind.BEFORE = EditKind("before")
EditKind.AFTER = EditKind("after")
EditKind.DELETE = EditKind("delete")
EditKind.IMPORT = EditKind("import")
EditKind.BODY = EditKind("body")
EditKind.DEFINE = EditKind("define")
EditKind.LINES = EditKind("lines")
EditKind.FINAL_NEWLINE = EditKind("final-newline")
EditKind.ADD_FILE = EditKind("add-file")
EditKind.REPLACE_FILE = EditKind("replace-file")
EditKind.DELETE_FILE = EditKind("delete-file")
EditKind.RENAME_FILE = EditKind("rename-file")
EditKind.MODE = EditKind("mode")
EditKind.TRANSFORM = EditKind("transform")


class EditStatus(str, Enum):
    """What planning says of one edit: a closed set."""

    READY = "ready"
    ALREADY = "already"
    AMBIGUOUS = "ambiguous"
    MISSING = "missing"
    DRIFTED = "drifted"
    CONFLICT = "conflict"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Mark:
    """A place in a spec file; both numbers count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Expect:
    """How many sites an edit must have; ``high`` None is "at least ``low``"."""

    low: int = 1
    high: int | None = 1

    def __str__(self) -> str:
        if self.high is None:
            return "all"
        return str(self.low) if self.low == self.high else f"{self.low}..{self.high}"


@dataclass(frozen=True)
class Edit:
    """One entry of ``edits:``.

    Attributes:
        file: path relative to the import root, POSIX separators.
        within: lexical qualified name of the enclosing definition, ``<module>``, ``*`` in a
            segment; None means anywhere in the file.
        decorated: a decorator that the definition must carry, without `@`; empty for none; None
            does not ask.
        pattern: what to find (its meaning depends on ``kind``); None where nothing is sought.
        replacement: the new text; None where nothing is written.
        in_f_strings: what stands in the fields of f-strings is searched, too.
        optional: left out where the target has no such file; a site that is missing in a file
            that is there is an error all the same.
        was: sha256 of the bytes that a `replace-file` or `delete-file` is meant for; None is any.
        mark: where the entry starts in the spec; ``marks`` where each of its keys does.
    """

    file: str
    kind: EditKind
    within: str | None = None
    pattern: str | None = None
    replacement: str | None = None
    expect: Expect = Expect()
    optional: bool = False
    mark: Mark = Mark(1, 1)
    marks: Mapping[str, Mark] = field(default_factory=dict, compare=False)
    was: str | None = None
    decorated: str | None = None
    in_f_strings: bool = False


@dataclass(frozen=True)
class Fixture:
    """An inline test: ``before`` becomes ``after``; ``after`` None means nothing may change.

    With ``sites`` the edits must find their sites in ``before``; what it becomes is left open.
    """

    before: str
    after: str | None
    file: str | None = None  # needed when the edits touch several files
    mark: Mark = Mark(1, 1)
    sites: bool = False


@dataclass(frozen=True)
class Form:
    """One entry of ``variants:``: a way to write the patch for one shape of the target's code."""

    edits: tuple[Edit, ...]
    tests: tuple[Fixture, ...] = ()
    summary: str = ""


@dataclass(frozen=True)
class Absent:
    """One entry of ``absent-when:``: what a target looks like that does not need the patch.

    ``pattern`` is found there: upstream does the same by itself. Without a pattern: the file is
    not there, or has no definition ``within``, so that there is nothing to patch.
    """

    file: str
    within: str | None = None
    pattern: str | None = None
    mark: Mark = Mark(1, 1)


@dataclass(frozen=True)
class Patch:
    """One spec file.

    Attributes:
        name: the file's stem.
        targets: PEP 508 requirements, any of which the patch fits.
        provides: the import package the patch is for; any distribution that has it may be
            patched, whatever its name.
        import_as: other names under which a fork has that package.
        edits: of the first form, when there are ``variants``.
        variants: the forms of the patch; the first whose sites fit is taken.
        absent_when: what a target looks like that does not need the patch.
        entry_points: ``FILE::Class.method``, see `Guard`; without any, the adapter's.
        declares: what the patch does beside computing (`patcher.verify.declarations`).
        reproduction: True for a patch that documents a failure and is expected to fail.
        requires: patches that must be applied first.
        companions: patches that remove a hazard of this one, without being required.
        hazards: sentences on what may break, and when.
        path: where the spec was read from, for messages.
        text: the spec's exact text; a series stores it, so that replay never needs the file.
        attachments: files that travel with the spec, by path relative to its folder.
    """

    name: str
    summary: str
    targets: tuple[str, ...]
    equivalence: Equivalence
    edits: tuple[Edit, ...]
    declares: tuple[Declaration, ...] = ()
    reproduction: bool = False
    requires: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    companions: tuple[str, ...] = ()
    hazards: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    tests: tuple[Fixture, ...] = ()
    path: str = ""
    text: str = ""
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    provides: str = ""
    import_as: tuple[str, ...] = ()
    variants: tuple[Form, ...] = ()
    absent_when: tuple[Absent, ...] = ()
    entry_points: tuple[str, ...] = ()

    @property
    def forms(self) -> tuple[Patch, ...]:
        """The patch in each of its forms; itself when it has one."""
        return tuple(
            replace(self, edits=form.edits, tests=form.tests, variants=()) for form in self.variants
        ) or (self,)

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that a form of the patch touches, under each name of the package."""
        edits = [edit for form in self.forms for edit in form.edits]
        renaming = EditKind.RENAME_FILE
        files = dict.fromkeys(edit.file for edit in edits)
        files |= dict.fromkeys(edit.pattern or "" for edit in edits if edit.kind is renaming)
        renamed = [renamed_file(self, file, name) for name in self.import_as for file in files]
        return (*files, *renamed)


def renamed_file(patch: Patch, file: str, package: str) -> str:
    """A file of the patch's package as it is called where the package is ``package``."""
    top, slash, rest = file.partition("/")
    return f"{package}/{rest}" if slash and top == patch.provides else file


@dataclass(frozen=True)
class Guard:
    """How a guarded patch is chosen at run time.

    Attributes:
        fallback: an error in patched code turns the patch off, and the original does the call.
        rollout: percent of the calls of an entry point that run patched code.
        entry_points: ``FILE::Class.method``: one call of such a function is of one kind throughout.
    """

    fallback: bool = False
    rollout: int = 100
    entry_points: tuple[str, ...] = ()


@dataclass(frozen=True)
class PatchSet:
    """A named list of patches (``patcher apply @name``), verified as a whole."""

    name: str
    summary: str
    patches: tuple[str, ...]
