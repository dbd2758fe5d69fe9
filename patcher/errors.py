"""The one table of user-facing errors: code, title, exit status, and what to do next.

Every error a user can meet is a `PatcherError` whose `code` is a row of `TABLE`. Printers read the
table; code that raises says only what happened, where, and - when it knows better than the table -
the next step.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit statuses of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NEEDS_PERSON = 4
    LOCKED = 5
    CANNOT_JUDGE = 6
    INTERRUPTED = 130


@dataclass(frozen=True)
class Row:
    """One kind of error: a title for headings, the exit status, and the default next step."""

    title: str
    exit: Exit
    help: str


TABLE: Mapping[str, Row] = {
    # usage, spec and configuration: nothing was touched
    "usage": Row("wrong use", Exit.USAGE, "see `patcher --help`"),
    "config": Row("bad configuration", Exit.USAGE, "fix the file named above"),
    "spec": Row(
        "bad spec", Exit.USAGE, "`patcher check` lints specs; docs/spec.md explains each key"
    ),
    "unknown-patch": Row("no such patch", Exit.USAGE, "`patcher list` shows the catalogue"),
    "unknown-run": Row("no such run", Exit.USAGE, "`patcher history` lists them"),
    "unknown-target": Row(
        "no such target", Exit.USAGE, "`patcher init SOURCE` makes a working copy"
    ),
    "source": Row(
        "source not usable", Exit.USAGE, "`patcher init --help` lists the kinds of source"
    ),
    "no-working-copy": Row("no working copy", Exit.USAGE, "run `patcher init` first"),
    "receipt": Row("not a receipt", Exit.USAGE, "`patcher verify --receipt FILE` writes one"),
    # refused: nothing was touched
    "drift": Row(
        "the working copy was edited",
        Exit.REFUSED,
        "`patcher diff` shows it; `patcher discard PATH` takes it out and keeps a backup, "
        "`patcher capture NAME` makes a patch of it; then repeat",
    ),
    "missing": Row("site not found", Exit.REFUSED, "`patcher plan NAME` shows the closest site"),
    "ambiguous": Row("too many sites", Exit.REFUSED, "narrow `within`, or set `expect`"),
    "cannot-guard": Row(
        "cannot be guarded", Exit.REFUSED, "apply it without --guarded; docs/guarding.md"
    ),
    "conflict": Row("patches conflict", Exit.REFUSED, "revert one of them first"),
    "blocked": Row("patch is blocked", Exit.REFUSED, "`patcher plan NAME` says by what"),
    "incompatible": Row("wrong version", Exit.REFUSED, "`patcher show NAME` lists what it fits"),
    "unsupported-source": Row("source cannot be edited", Exit.REFUSED, "nothing was written"),
    "rewrite-disagrees": Row(
        "two rewriters disagree",
        Exit.REFUSED,
        "nothing was written; say the edit another way, and report this one as a defect",
    ),
    "capture-differs": Row(
        "replay gives other bytes", Exit.REFUSED, "nothing was written; please report it"
    ),
    "unsafe-path": Row("unsafe path", Exit.REFUSED, "nothing was written"),
    "exists": Row("already there", Exit.REFUSED, "choose another place, or remove it yourself"),
    "io": Row(
        "the disk refused",
        Exit.REFUSED,
        "fix the cause and repeat; `patcher status` shows what is applied",
    ),
    # needs a person
    "foreign-edit": Row("a foreign edit is in the way", Exit.NEEDS_PERSON, "both copies are kept"),
    "unfinished": Row("not finished", Exit.NEEDS_PERSON, "fix the cause, then `patcher recover`"),
    "backup-damaged": Row("a backup is damaged", Exit.NEEDS_PERSON, "it was not written anywhere"),
    "state-damaged": Row("the records are damaged", Exit.NEEDS_PERSON, "`patcher doctor` explains"),
    # the rest
    "check-failed": Row("problems found", Exit.FAILED, "each is named above"),
    "doctor-problems": Row("problems found", Exit.FAILED, "each is named above, with its cure"),
    "command-failed": Row("the command failed", Exit.FAILED, "its own output says why"),
    "verification-failed": Row("verification failed", Exit.FAILED, "the diagnosis names the cause"),
    "locked": Row("locked by another run", Exit.LOCKED, "wait for it, or stop it"),
    "environment": Row("cannot run the target", Exit.CANNOT_JUDGE, "`patcher doctor` explains"),
    "baseline-fails": Row("the baseline itself fails", Exit.CANNOT_JUDGE, "the patch was kept"),
    "interrupted": Row(
        "interrupted", Exit.INTERRUPTED, "nothing is left half done: `patcher status` shows it"
    ),
    "internal": Row("a defect in patcher", Exit.NEEDS_PERSON, "please report it with -v output"),
}

# What `patcher explain` says of each: what happened, and how people come to it.
MEANS: Mapping[str, str] = {
    "usage": "The command line says something the command cannot do: a name it does not know, two "
    "options that exclude one another, a value out of range.",
    "config": "`patcher.toml` or `[tool.patcher]` in pyproject.toml holds a key that does not "
    "exist, or a value of the wrong kind.",
    "spec": "A patch's YAML file is not a spec: a key is missing, unknown or twice there, or a "
    "pattern is not Python. The message names file, line and column.",
    "unknown-patch": "No patch of the catalogue, shipped or in patches/, has this name.",
    "unknown-run": "No verification of this workspace has this number. One that had nothing to "
    "verify takes none.",
    "receipt": "The file is no receipt of a verification, was edited after it was written, or is "
    "of another series than the others it is joined with.",
    "unknown-target": "This workspace has no working copy of that distribution.",
    "source": "What `init` was given is no package that can be read: no installed distribution, "
    "no version of the registry, no wheel, no folder with Python in it.",
    "no-working-copy": "The command needs a working copy, and this workspace has none yet.",
    "drift": "Files of the working copy are neither pristine nor what patcher wrote: somebody "
    "edited them. Such bytes are never overwritten. `patcher discard PATH` takes them out and "
    "keeps them as a backup; `patcher capture NAME` makes a patch of them.",
    "missing": "A patch names a place in the code that is not there: the target's version differs, "
    "or the spec is wrong.",
    "ambiguous": "A patch matches more places than it says it should.",
    "conflict": "Two patches change the same lines, or one says that it does not go with the "
    "other.",
    "blocked": "A patch needs another one that is not applied, or one that stays needs one that "
    "should go.",
    "incompatible": "A patch is not made for this version of the target, or writes syntax that "
    "the target's Python does not read.",
    "unsupported-source": "A file cannot be edited without changing bytes it should not: its "
    "encoding, its size or its line ends are out of what patcher handles.",
    "rewrite-disagrees": "Every rewrite is done twice, by two independent ways, and the two came "
    "to different code.",
    "unsafe-path": "A path of a spec leads out of the tree, through a link, or into a folder "
    "that is not for patches.",
    "exists": "Something is already where a new file or working copy should go.",
    "io": "The disk refused: full, read-only, or without permission.",
    "foreign-edit": "While files were being put back, one turned out to hold somebody else's "
    "bytes. They are left as they are, and the backup is kept beside.",
    "unfinished": "An interrupted change could neither be finished nor undone.",
    "backup-damaged": "Bytes of a backup do not have the hash they are kept under.",
    "state-damaged": "One of patcher's own records cannot be read.",
    "check-failed": "Specs have problems, or their inline tests fail.",
    "cannot-guard": "A guarded patch chooses between old and new code while it runs, and this edit "
    "has no such place: it is not inside a function.",
    "capture-differs": "What `capture` wrote does not give the edited bytes when it is replayed.",
    "doctor-problems": "The environment or the workspace has problems.",
    "command-failed": "A command that patcher was asked to run ended with an error.",
    "verification-failed": "Cases fail under the patch and pass without it, or what --require "
    "asks for is not met.",
    "locked": "Another patcher works on this workspace.",
    "environment": "The target cannot be imported or run here, so nothing can be judged.",
    "baseline-fails": "The cases fail without the patch too, so they say nothing about it.",
    "interrupted": "Ctrl-C, or a signal.",
    "internal": "patcher itself went wrong.",
}


@dataclass
class PatcherError(Exception):
    """An error for the user.

    Args:
        code: a key of `TABLE`.
        message: what happened, one sentence, no markup.
        hint: the next step; the table's when empty.
        where: ``FILE:LINE:COLUMN`` or a path, when there is one.
        notes: further lines (candidates, the closest miss), printed below the message.
        payload: what the command still has to say; merged into the JSON object.
    """

    code: str
    message: str
    hint: str = ""
    where: str | None = None
    notes: Sequence[str] = ()
    payload: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.code not in TABLE:
            raise KeyError(f"error code {self.code!r} is not in the table")
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message

    @property
    def exit(self) -> Exit:
        """Exit status of the command that ends with this error."""
        return TABLE[self.code].exit

    @property
    def help(self) -> str:
        """The next step for the user."""
        return self.hint or TABLE[self.code].help

    def as_json(self) -> dict[str, Any]:
        """The ``error`` object of the JSON contract."""
        return {
            "code": self.code,
            "message": self.message,
            "hint": self.help,
            "where": self.where,
        }


def nearest(word: str, choices: Iterable[str], *, otherwise: str = "") -> str:
    """The hint for a misspelt word: the nearest choice, or ``otherwise``."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(choices), n=1, cutoff=0.5)
    return f"did you mean `{close[0]}`?" if close else otherwise
