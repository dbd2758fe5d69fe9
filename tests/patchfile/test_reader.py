"""What a spec may say, and the answer to each mistake, with its line and column."""

from __future__ import annotations

import pytest

from patcher.patchfile.model import EditKind, Equivalence, Expect, Mark
from tests.patchfile.support import EDITS, HEAD, read, refusal

REFUSED = {
    "a misspelt key is answered with the nearest one": (
        HEAD.replace("summary", "sumary") + EDITS,
        ["1:1: a patch needs `summary`", "2:1: unknown key `sumary` in a patch"],
    ),
    "a misspelt key of an edit": (
        HEAD + EDITS.replace("match", "macth"),
        [
            "6:5: an edit needs one of `decorator`, `match`, `before`, `after`, `delete`,"
            " `import`, `body`, `define`, `lines`, `final-newline`,"
            " `add-file`, `replace-file`, `delete-file`, `rename-file`, `mode`, `transform`",
            "7:5: unknown key `macth` in an edit",
        ],
    ),
    "a key given twice": (
        HEAD + "summary: again\n" + EDITS,
        ["5:1: `summary` is given twice (first on line 2)"],
    ),
    "an anchor": (HEAD + "hazards: &a [x]\n" + EDITS, ["5:10: anchors are not allowed"]),
    "an alias": (HEAD + "hazards: *a\n" + EDITS, ["5:10: aliases are not allowed"]),
    "a tag": (HEAD + "hazards: !!str x\n" + EDITS, ["5:10: tags are not allowed"]),
    "a merge key": (HEAD + "<<: {a: b}\n" + EDITS, ["5:1: merge keys are not allowed"]),
    "two documents": (HEAD + EDITS + "---\na: b\n", ["9:1: a spec is one document"]),
    "an empty file": ("", ["1:1: the file is empty"]),
    "a list instead of keys": ("- a\n", ["1:1: a spec is `key: value` pairs"]),
    "text that is not YAML": (
        "patch: [a\n",
        ["2:1: not YAML: did not find expected ',' or ']'"],
    ),
    "a decorator with its @": (
        HEAD + "edits:\n  - file: a.py\n    within: f\n    decorator: '@a'\n    with: b\n",
        ["8:5: a decorator is written without `@`"],
    ),
    "a decorator with its @ and no quotes": (
        HEAD + "edits:\n  - file: a.py\n    decorator: @a\n",
        ["7:16: not YAML: found character that cannot start any token"],
    ),
    "nesting over 50 deep": (HEAD + "hazards: " + "[" * 60 + "]" * 60 + "\n",
                             ["5:59: nested over 50 deep"]),
    "a name with capitals": (
        HEAD.replace("patch: p", "patch: P") + EDITS,
        ["1:1: `P` is not a name", "help: use a-z, 0-9 and _"],
    ),
    "a name that is not the file's": (
        HEAD.replace("patch: p", "patch: q") + EDITS,
        [
            "1:1: `patch: q` is not the file's name, `p`",
            "help: rename the file to q.yaml, or the patch",
        ],
    ),
    "an equivalence that is none": (
        HEAD.replace("bitwise", "bitwize") + EDITS,
        [
            "4:1: `equivalence: bitwize` is not one of bitwise, close, perceptual",
            "help: did you mean `bitwise`?",
        ],
    ),
    "a target that is no requirement": (
        HEAD.replace("pkg >=1,<2", "pkg >") + EDITS,
        [
            "3:1: `pkg >` is not a package and its versions",
            "help: for example `chatterbox-tts >=0.1,<0.2`",
        ],
    ),
    "a truth that is neither": (
        HEAD + "reproduction: yes\n" + EDITS,
        ["5:1: `reproduction` is true or false"],
    ),
    "no edits": (HEAD + "edits: []\n", ["5:1: `edits` is a list of edits"]),
    "an edit that does two things": (
        HEAD + EDITS + "    delete: h()\n",
        ["6:5: an edit does one thing, this one has `match`, `delete`"],
    ),
    "a match without with": (
        HEAD + "edits:\n  - file: a.py\n    match: f()\n",
        ["6:5: `match` needs `with`"],
    ),
    "a delete with with": (
        HEAD + "edits:\n  - file: a.py\n    delete: f()\n    with: g()\n",
        ["8:5: `delete` takes no `with`"],
    ),
    "a decorator without within": (
        HEAD + "edits:\n  - file: a.py\n    decorator: a\n    with: b\n",
        ["6:5: `decorator` needs `within`: the definition"],
    ),
    "an empty replacement of a match": (
        HEAD + EDITS.replace("g($X)", '""'),
        ["8:5: `with` is empty", "help: `delete: PATTERN` removes a statement"],
    ),
    "an import with within": (
        HEAD + "edits:\n  - file: a.py\n    within: f\n    import: import b\n",
        ["7:5: `import` takes no `within`"],
    ),
    "a path that leaves the root": (
        HEAD + EDITS.replace("a.py", "../a.py"),
        ["6:5: `../a.py` has an empty, `.` or `..` part"],
    ),
    "an absolute path": (
        HEAD + EDITS.replace("a.py", "/a.py"),
        ["6:5: `/a.py` is not relative to the import root"],
    ),
    "a path into git's folder": (
        HEAD + EDITS.replace("a.py", "b/.GIT/a.py"),
        ["6:5: `b/.GIT/a.py` is inside git's own folder"],
    ),
    "a path with backslashes": (
        HEAD + EDITS.replace("a.py", r"a\b.py"),
        [r"6:5: `a\b.py` is not relative to the import root"],
    ),
    "a pattern that is not Python, at its own column in a block": (
        HEAD + "edits:\n  - file: a.py\n    match: |\n      x = 1\n      f(a b)\n    with: g()\n",
        ["9:9: `match`: not Python: invalid syntax. Perhaps you forgot a comma?"],
    ),
    "a pattern that is not Python, at its own column on a line": (
        HEAD + EDITS.replace("f($X)", "f($X y)"),
        ["7:14: `match`: not Python: invalid syntax. Perhaps you forgot a comma?"],
    ),
    "a hole that is not bound": (
        HEAD + EDITS.replace("g($X)", "g($Y)"),
        ["8:13: hole `$Y` is not bound in `match`"],
    ),
    "a hole that is nearly bound": (
        HEAD + EDITS.replace("f($X)", "f($ARGS)").replace("g($X)", "g($ARG)"),
        ["8:13: hole `$ARG` is not bound in `match`", "help: did you mean `$ARGS`?"],
    ),
    "a body with a hole": (
        HEAD + "edits:\n  - file: a.py\n    within: f\n    body: return $X\n",
        ["8:18: hole `$X` is not bound in any pattern"],
    ),
    "a pattern of comments": (
        HEAD + "edits:\n  - file: a.py\n    match: |\n      # nothing\n    with: g()\n",
        ["7:5: `match` holds comments only",
         "help: comments are not searched: match the lines with `lines`"],
    ),
    "a fixture that says nothing": (
        HEAD + EDITS + "test:\n  - after: x\n",
        ["10:5: a fixture has `before` and `after`, or `noop`"],
    ),
    "a fixture of another file": (
        HEAD + EDITS + "test:\n  - file: b.py\n    noop: x\n",
        ["10:5: no edit touches `b.py`", "help: did you mean `a.py`?"],
    ),
    "a transform that is none": (
        HEAD + "edits:\n  - file: a.py\n    transform: rewrite\n",
        ["7:5: `transform: rewrite` is not module:function"],
    ),
    "a file that does not travel with the spec": (
        HEAD + "edits:\n  - file: a.py\n    add-file: b.py\n",
        ["7:5: `b.py` is not beside the spec"],
    ),
    "a file from outside the spec's folder": (
        HEAD + "edits:\n  - file: a.py\n    add-file: ../b.py\n",
        ["7:5: `../b.py` is not a file beside the spec"],
    ),
    "a list where a text is expected": (
        HEAD + EDITS.replace("f($X)", "[a, b]").replace("g($X)", "c"),
        ["7:12: `match` is one text"],
    ),
    "a required patch that has no name": (
        HEAD + "requires: [A-b]\n" + EDITS,
        ["5:1: `A-b` is not a patch's name"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(case: tuple[str, list[str]]) -> None:
    text, expected = case
    got = refusal(text)
    assert sorted(got) == sorted(expected)


def test_all_problems_are_named_in_the_order_of_the_lines() -> None:
    text = "patch: p\nsumary: s\ntarget: a >\nequivalence: bitwize\nedits: []\n"
    lines = [line.split(":")[0] for line in refusal(text)]
    assert lines == ["1", "2", "3", "4", "5"]


def test_a_file_over_one_mebibyte_is_refused() -> None:
    assert refusal(HEAD + "# " + "x" * (1 << 20)) == ["1:1: the file is over 1 MiB"]


def test_every_scalar_stays_what_was_written() -> None:
    patch = read(HEAD + "hazards: [no, 1.10, 12:30, 0o17, ~]\n" + EDITS)
    assert patch.hazards == ("no", "1.10", "12:30", "0o17", "~")


def test_one_text_may_stand_for_a_list_of_one() -> None:
    patch = read(HEAD + "requires: other\n" + EDITS)
    assert patch.requires == ("other",)


def test_a_whole_patch_is_read() -> None:
    text = (
        HEAD.replace("target: pkg >=1,<2", "target: [pkg >=1, fork]")
        + "reproduction: true\nconflicts: [a]\ncompanions: [b]\nmeasured: [c]\n"
        + EDITS
        + "    within: A.f\n    expect: 2..5\n"
        + "test:\n  - noop: x\n"
    )
    patch = read(text)
    assert patch.targets == ("pkg >=1", "fork")
    assert patch.equivalence is Equivalence.BITWISE
    assert patch.reproduction
    assert (patch.conflicts, patch.companions, patch.measured) == (("a",), ("b",), ("c",))
    (edit,) = patch.edits
    assert (edit.kind, edit.within, edit.expect) == (EditKind.MATCH, "A.f", Expect(2, 5))
    assert edit.marks["within"] == Mark(12 + 1, 5)
    assert patch.tests[0].after is None
    assert patch.text == text


def test_what_travels_with_a_spec_is_read_with_it() -> None:
    text = HEAD + "edits:\n  - file: a/b.py\n    add-file: h.py\n"
    patch = read(text, h__py=b"x = 1\n")
    assert patch.attachments == {"h.py": b"x = 1\n"}
