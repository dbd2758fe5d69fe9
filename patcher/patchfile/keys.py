"""Every key of the language, once: the reader, the JSON Schema and the reference use it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from patcher.patchfile.kinds import kinds
from patcher.patchfile.model import Declaration, Equivalence

NAME_PATTERN = "[a-z][a-z0-9_]*"


@dataclass(frozen=True)
class Key:
    """One key.

    Attributes:
        name: as written.
        holds: ``text``, ``python``, ``texts`` (a text or a list of them), ``truth``, ``count``,
            ``edits``, ``mode``, ``variants``, ``absences`` or ``fixtures``.
        summary: one sentence for editors and the reference.
        required: whether the mapping must have it.
        choices: the only values allowed, when there are such.
        pattern: a regular expression the whole text must match, when there is one.
    """

    name: str
    holds: str
    summary: str
    required: bool = False
    choices: tuple[str, ...] = ()
    pattern: str = ""


PATCH = (
    Key("patch", "text", "Name; equals the file's stem.", True, pattern=NAME_PATTERN),
    Key("summary", "text", "What becomes what, in one line.", True),
    Key("target", "texts", "Package and versions (PEP 508); several for forks.", True),
    Key(
        "equivalence",
        "text",
        "The gate the patched output must pass.",
        True,
        tuple(each.value for each in Equivalence),
    ),
    Key(
        "declares",
        "texts",
        "What the patch does beside computing; `patcher verify` fails what is not declared.",
        choices=tuple(each.value for each in Declaration),
    ),
    Key("reproduction", "truth", "The patch documents a failure and is expected to fail."),
    Key("provides", "text", "The import package the patch is for; forks that have it fit, too."),
    Key("import-as", "texts", "Other names under which forks have that package."),
    Key("edits", "edits", "What changes; all edits of a file look at the same text."),
    Key("variants", "variants", "Instead of `edits`: forms; the first whose sites fit is taken."),
    Key("absent-when", "absences", "What a target looks like that does not need the patch."),
    Key(
        "entry-points",
        "texts",
        "`FILE::Class.method`; a guarded patch is chosen once a call.",
    ),
    Key("requires", "texts", "Patches that must be applied first."),
    Key("conflicts", "texts", "Patches that cannot be applied beside this one."),
    Key("companions", "texts", "Patches that remove a hazard of this one."),
    Key("hazards", "texts", "What may break, and when."),
    Key("measured", "texts", "Figures, with how they were taken."),
    Key("test", "fixtures", "Small texts before and after; `patcher check` runs them."),
)

SHA256 = "[0-9a-f]{64}"


@cache
def edit_keys() -> tuple[Key, ...]:
    """The keys of an entry of `edits:`: one for each kind, and those that several take."""
    return (
        Key("file", "text", "Path relative to the import root, with `/`.", True),
        Key("within", "text", "The definition to look in, by qualified name; `<module>`; `*`."),
        Key(
            "decorated",
            "python",
            "Of definitions of one name, the one with this decorator, without `@`; "
            '`""`: with none.',
        ),
        *(
            Key(name.value, kind.holds, kind.summary, pattern=kind.pattern)
            for name, kind in kinds().items()
        ),
        Key("with", "python", 'What takes the place; `""` removes a decorator, or lines.'),
        Key("was", "text", "sha256 of the bytes a whole-file edit is meant for.", pattern=SHA256),
        Key("expect", "count", "How many sites: N, N..M, or all (at least one); 1 by default."),
        Key(
            "in-f-strings",
            "truth",
            "Search the fields of f-strings, too: an expression for `match`.",
        ),
        Key(
            "optional",
            "truth",
            "Leave the edit out where the target has no such file or definition.",
        ),
    )


VARIANT = (
    Key("summary", "text", "What shape of the target this form is for."),
    Key("edits", "edits", "What changes, in this form.", True),
    Key("test", "fixtures", "Fixtures of this form."),
)

ABSENT = (
    Key("file", "text", "Path relative to the import root, with `/`.", True),
    Key("within", "text", "The definition to look in."),
    Key("match", "python", "Found there: the target does this by itself. Left out: no such file."),
)

FIXTURE = (
    Key("file", "text", "The file meant, when the edits touch several."),
    Key(
        "before", "python", "A text that the edits change; alone, it only has to hold their sites."
    ),
    Key("after", "python", "What it becomes."),
    Key("noop", "python", "A text that the edits leave alone."),
)


def names(keys: tuple[Key, ...]) -> tuple[str, ...]:
    return tuple(key.name for key in keys)
