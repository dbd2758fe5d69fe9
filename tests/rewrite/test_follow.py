"""Following an upgrade: what fits, what moved, what is gone."""

from __future__ import annotations

from patcher.patchfile.model import Patch
from patcher.rewrite.follow import EditFit, follow
from tests.rewrite.making import patch, reading

OLD = b"class A:\n    def f(self):\n        return old(1)\n"


def fate(edits: str, **files: str) -> list[tuple[EditFit, str | None, int | None]]:
    one: Patch = patch("p", edits)
    tree = {f"{name}.py": text.encode() for name, text in files.items()}
    actual = follow([one], reading(tree), tree)
    return [(each.fit, each.file, each.site and each.site.line) for each in actual]


EDIT = "- file: m.py\n  within: A.f\n  match: old(1)\n  with: new(1)\n"
DECORATED = "- file: m.py\n  within: A.f\n  decorator: slow\n  with: fast\n"


def test_code_that_stands_where_it_stood_fits() -> None:
    assert fate(EDIT, m="x = 1\n" + OLD.decode()) == [(EditFit.FITS, "m.py", 4)]


def test_what_the_new_version_has_itself_fits() -> None:
    assert fate(EDIT, m=OLD.decode().replace("old", "new")) == [(EditFit.FITS, "m.py", 3)]


def test_code_in_another_definition_of_the_file_moved() -> None:
    assert fate(EDIT, m=OLD.decode().replace("class A", "class B")) == [(EditFit.MOVED, "m.py", 3)]
    assert fate(EDIT, m="def g():\n    old(1)\n") == [(EditFit.MOVED, "m.py", 2)]


def test_code_in_another_file_moved() -> None:
    assert fate(EDIT, m="x = 1\n", n=OLD.decode()) == [(EditFit.MOVED, "n.py", 3)]
    assert fate(EDIT, n="y = old(1)\n") == [(EditFit.MOVED, "n.py", 1)]


def test_a_decorated_method_of_a_renamed_class_moved() -> None:
    assert fate(DECORATED, m="class B:\n    @slow\n    def f(self): ...\n") == [
        (EditFit.MOVED, "m.py", 2)
    ]


def test_code_that_stands_nowhere_is_gone() -> None:
    assert fate(EDIT, m="x = 1\n", n="y = 2\n") == [(EditFit.GONE, None, None)]


def test_every_edit_is_answered() -> None:
    actual = fate(EDIT + DECORATED, m=OLD.decode())
    assert [fit for fit, _, _ in actual] == [EditFit.FITS, EditFit.GONE]
