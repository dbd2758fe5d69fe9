"""What each kind of edit is in a spec, once: the keys, the reader and the JSON Schema use it."""

from __future__ import annotations

from dataclasses import dataclass

from patcher.patchfile.model import EditKind

MODE = "0?[67][0-7]{2}"


@dataclass(frozen=True)
class Kind:
    """One kind of edit.

    Attributes:
        summary: one sentence for editors and the reference.
        holds: what its key holds, see `patcher.patchfile.keys.Key`.
        pattern: a regular expression its whole value must match, when there is one.
        needs_with: it needs `with`; other kinds take none.
        takes_within: it may name a definition; ``needs_within``: it must.
        takes_was: it may say which bytes it is meant for; ``needs_was``: it must.
        seeks: its value is what to find; otherwise it is what is written.
    """

    summary: str
    holds: str = "python"
    pattern: str = ""
    needs_with: bool = False
    takes_within: bool = True
    needs_within: bool = False
    takes_was: bool = False
    needs_was: bool = False
    seeks: bool = True


KINDS = {
    EditKind.DECORATOR: Kind(
        'The decorator to replace, without `@`; `""` to add one.',
        needs_with=True,
        needs_within=True,
    ),
    EditKind.MATCH: Kind("The expression, statement or block to replace.", needs_with=True),
    EditKind.BEFORE: Kind("The statements above which `with` is inserted.", needs_with=True),
    EditKind.AFTER: Kind("The statements below which `with` is inserted.", needs_with=True),
    EditKind.DELETE: Kind("The statements to remove."),
    EditKind.IMPORT: Kind(
        "Imports to add once, after those at the top.", takes_within=False, seeks=False
    ),
    EditKind.BODY: Kind(
        "The new body of the function `within` names; its docstring stays.",
        needs_within=True,
        seeks=False,
    ),
    EditKind.DEFINE: Kind(
        "Functions, classes or constants to add after the imports.",
        takes_within=False,
        seeks=False,
    ),
    EditKind.LINES: Kind(
        "Whole lines of a text file, exactly as they are; no holes.", "text", needs_with=True
    ),
    EditKind.FINAL_NEWLINE: Kind(
        "Whether the file ends with a newline.", "truth", takes_within=False
    ),
    EditKind.ADD_FILE: Kind(
        "A file beside the spec that becomes `file`.", "text", takes_within=False
    ),
    EditKind.REPLACE_FILE: Kind(
        "A file beside the spec whose bytes `file` gets; needs `was`.",
        "text",
        takes_within=False,
        takes_was=True,
        needs_was=True,
    ),
    EditKind.DELETE_FILE: Kind(
        "`true`: the file is removed.", "truth", takes_within=False, takes_was=True
    ),
    EditKind.RENAME_FILE: Kind(
        "The new path of the file, relative to the import root.", "text", takes_within=False
    ),
    EditKind.MODE: Kind(
        "The file's permission bits, such as 755.", "mode", MODE, takes_within=False
    ),
    EditKind.TRANSFORM: Kind(
        "`module:function` of a file beside the spec, from LibCST node to node.", "text"
    ),
}
