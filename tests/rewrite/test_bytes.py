"""Only the site's bytes change; what cannot be kept to the byte is refused."""

from __future__ import annotations

import codecs

import pytest

from patcher.rewrite.plan import plan_patches
from tests.rewrite.making import patch, reading, replacing

PATCH = replacing("p", "old($X)", "new($X)")
BLOCK = patch(
    "p",
    "- file: m.py\n  match: x = old(1)\n  with: |\n"
    "    if a:\n        x = new(1)\n    else:\n        x = 2\n",
)

KEPT = {
    "CRLF": (b"a = 1\r\nx = old(1)\r\n", b"a = 1\r\nx = new(1)\r\n"),
    "mixed newlines": (b"a = 1\r\nx = old(1)\nb = 2\r\n", b"a = 1\r\nx = new(1)\nb = 2\r\n"),
    "a lone CR": (b"a = 1\rx = old(1)\rb = 2\r", b"a = 1\rx = new(1)\rb = 2\r"),
    "a byte order mark": (
        codecs.BOM_UTF8 + b"x = old(1)\n",
        codecs.BOM_UTF8 + b"x = new(1)\n",
    ),
    "a byte order mark and CRLF": (
        codecs.BOM_UTF8 + b"# a\r\nx = old(1)\r\n",
        codecs.BOM_UTF8 + b"# a\r\nx = new(1)\r\n",
    ),
    "an encoding cookie": (
        "# -*- coding: latin-1 -*-\ns = 'é'\nx = old('é')\n".encode("latin-1"),
        "# -*- coding: latin-1 -*-\ns = 'é'\nx = new('é')\n".encode("latin-1"),
    ),
    "an encoding of two bytes a letter": (
        "# coding: shift_jis\ns = '日本'; x = old('語')\n".encode("shift_jis"),
        "# coding: shift_jis\ns = '日本'; x = new('語')\n".encode("shift_jis"),
    ),
    "letters beyond ASCII before the site": (
        "s = 'é日🎉'; x = old('é')\n".encode(),
        "s = 'é日🎉'; x = new('é')\n".encode(),
    ),
    "no newline at the end": (b"x = old(1)", b"x = new(1)"),
    "white space at the end": (b"x = old(1)   \n\n  \n", b"x = new(1)   \n\n  \n"),
    "a form feed on a line of its own elsewhere": (
        b"def f(): pass\n\x0c\ndef g():\n    x = old(1)\n",
        b"def f(): pass\n\x0c\ndef g():\n    x = new(1)\n",
    ),
    "tabs": (b"if a:\n\tx = old(1)\t# c\n", b"if a:\n\tx = new(1)\t# c\n"),
    "a backslash at a line's end": (b"x = \\\n  old(1)\n", b"x = \\\n  new(1)\n"),
}


@pytest.mark.parametrize("case", KEPT.values(), ids=KEPT.keys())
def test_it_keeps(case: tuple[bytes, bytes]) -> None:
    before, after = case
    plan = plan_patches([PATCH], reading({"m.py": before}))
    assert plan.ok, plan.problems
    assert plan.files == {"m.py": after}


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_new_lines_end_as_the_file_s_own(newline: str) -> None:
    before = newline.join(["def f(a):", "    x = old(1)", "    return x", ""])
    after = newline.join(
        ["def f(a):", "    if a:", "        x = new(1)", "    else:", "        x = 2",
         "    return x", ""]
    )  # fmt: skip
    plan = plan_patches([BLOCK], reading({"m.py": before.encode()}))
    assert plan.files == {"m.py": after.encode()}


REFUSED = {
    "bytes that are not the encoding's": (
        b"# a\n# b\nx = old('\xff')\n",
        "it is not utf-8 (byte 17)",
    ),
    "an encoding nobody knows": (
        b"# coding: nonsense\nx = old(1)\n",
        "its encoding cannot be told",
    ),
    "a cookie that contradicts the mark": (
        codecs.BOM_UTF8 + b"# coding: latin-1\nx = old(1)\n",
        "its encoding cannot be told",
    ),
    "text that is not Python": (b"x = old(1)\ndef\n", "line 2 is not Python"),
    "Python 2": (b"print 'a'\nx = old(1)\n", "line 1 is not Python"),
    "a NUL": (b"x = old(1)\0\n", "is not Python"),
    "a form feed before the statement": (
        b"y = 1\n\x0cx = old(1)\n",
        "LibCST does not print a form feed as it is written",
    ),
    "over a megabyte": (b"x = old(1)\n" + b"#" * (1 << 20), "it is over 1 MiB"),
    "nesting too deep to read": (b"x = old(" + b"(" * 300 + b")" * 300 + b")\n", ""),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_it_refuses(case: tuple[bytes, str]) -> None:
    content, why = case
    plan = plan_patches([PATCH], reading({"m.py": content}))
    assert not plan.files
    (problem,) = plan.problems
    assert problem.code == "unsupported-source"
    assert problem.message.startswith("m.py cannot be edited: ")
    assert why in problem.message


def test_blank_lines_at_the_end_of_the_file_do_not_matter() -> None:
    top = patch("p", "- file: m.py\n  within: <module>\n  match: old($X)\n  with: new($X)\n")
    plan = plan_patches([top], reading({"m.py": b"x = old(1)\n\n  \n \t"}))
    assert plan.files == {"m.py": b"x = new(1)\n\n  \n \t"}


def test_a_letter_the_encoding_does_not_have_is_refused() -> None:
    euro = replacing("p", "old(1)", "new('€')")
    content = b"# coding: latin-1\nx = old(1)\n"
    plan = plan_patches([euro], reading({"m.py": content}))
    assert "'€' cannot be written in iso-8859-1" in plan.problems[0].message
    assert not plan.files


SWAP = patch("p", "- file: m.py\n  match: |\n    a()\n    b()\n  with: |\n    b()\n    a()\n")


@pytest.mark.parametrize("head", ["#!/usr/bin/python\n", ""], ids=["interpreter", "alone"])
def test_the_lines_that_say_interpreter_and_encoding_stay_when_statements_move(head: str) -> None:
    head += "# -*- coding: latin-1 -*-\n"
    before, after = head + "# one\na()\nb()\ns = 'é'\n", head + "b()\n# one\na()\ns = 'é'\n"
    plan = plan_patches([SWAP], reading({"m.py": before.encode("latin-1")}))
    assert plan.files == {"m.py": after.encode("latin-1")}


def test_an_edit_after_which_python_would_read_another_encoding_is_refused() -> None:
    lines = patch("p", "- file: m.py\n  lines: |\n    # one\n  with: |\n    # one\n    # two\n")
    for text in ("# one\n# coding: latin-1\ns = 'Ã©'\n", "# one\n# coding: latin-1\ns = 'é'\n"):
        plan = plan_patches([lines], reading({"m.py": text.encode("latin-1")}))
        assert not plan.files
        assert "Python would no longer read it as iso-8859-1" in plan.problems[0].message


def test_invalid_escapes_of_the_target_are_not_reported() -> None:
    content = b"p = '\\d'\nx = old(1)\n"
    plan = plan_patches([PATCH], reading({"m.py": content}))
    assert plan.files == {"m.py": content.replace(b"old", b"new")}


def test_other_files_are_not_read() -> None:
    asked: list[str] = []

    def read(path: str) -> bytes | None:
        asked.append(path)
        return b"x = old(1)\n"

    plan_patches([PATCH], read)
    assert set(asked) == {"m.py"}


def test_a_broken_line_outside_the_definition_does_not_matter_to_libcst() -> None:
    content = b"y = 1\n\x0cy = 2\n\ndef f():\n    x = old(1)\n"
    within = patch("p", "- file: m.py\n  within: f\n  match: old($X)\n  with: new($X)\n")
    plan = plan_patches([within], reading({"m.py": content}))
    assert plan.files == {"m.py": content.replace(b"old", b"new")}


def test_what_would_not_compile_is_refused() -> None:
    breaking = replacing("p", "f()", "await g()")
    plan = plan_patches([breaking], reading({"m.py": b"def a():\n    f()\n"}))
    assert not plan.files
    (problem,) = plan.problems
    assert problem.code == "unsupported-source"
    assert "m.py would not compile after the edit" in problem.message
