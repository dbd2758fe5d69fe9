"""The static map: what is found in a source, where, and what is left alone."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patcher.errors import PatcherError
from patcher.hazards.static import EntryKind, MapEntry, map_source, scopes
from patcher.hazards.tree import installed_package, scan_sources, scan_static


def entries(source: str) -> list[MapEntry]:
    return list(map_source(textwrap.dedent(source), "m.py").entries)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        pytest.param("x[0] = 1", EntryKind.SUBSCRIPT, id="an element is assigned"),
        pytest.param("x[1:] += y", EntryKind.SUBSCRIPT, id="a slice is updated"),
        pytest.param("a, x[0] = b", EntryKind.SUBSCRIPT, id="an element among several targets"),
        pytest.param("x.grad = y", EntryKind.ATTRIBUTE, id="an attribute of a tensor is assigned"),
        pytest.param("x += y", EntryKind.AUGMENTED, id="a name is updated"),
        pytest.param("x.add_(y)", EntryKind.METHOD, id="a method with an underscore"),
        pytest.param("x.copy_(y)", EntryKind.COPY, id="a copy into a tensor"),
        pytest.param("torch.add(x, y, out=z)", EntryKind.OUT, id="an out argument"),
        pytest.param("x.data[0] = 1", EntryKind.DATA, id="an element written through data"),
        pytest.param("p.data.add_(1)", EntryKind.DATA, id="a method through data"),
        pytest.param("nn.init.normal_(w)", EntryKind.INIT, id="an initialiser"),
        pytest.param(
            "x.to(memory_format=torch.channels_last)", EntryKind.MEMORY_FORMAT, id="a format"
        ),
        pytest.param("x.half()", EntryKind.MOVE, id="a dtype"),
        pytest.param("x.to(device)", EntryKind.MOVE, id="a device"),
        pytest.param("n = x.item()", EntryKind.SYNC, id="a value is fetched"),
        pytest.param("if (x > 0).any(): pass", EntryKind.SYNC, id="a tensor's truth is tested"),
    ],
)
def test_a_statement_is_found_as_its_kind(source: str, kind: EntryKind) -> None:
    assert kind in {entry.kind for entry in entries(source)}


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("d['key'] = 1", id="a dictionary's text key"),
        pytest.param("i += 1", id="a counter"),
        pytest.param("names += ['x']", id="a list that grows"),
        pytest.param("x.__init_subclass__()", id="a name with two underscores"),
        pytest.param("f(out=None)", id="an out argument that is None"),
        pytest.param("if x is None: pass", id="a test of identity"),
    ],
)
def test_what_is_surely_no_tensor_is_left_out(source: str) -> None:
    assert entries(source) == []


def test_a_scope_has_its_mode_and_its_extent() -> None:
    actual = entries(
        """
        class A:
            @torch.no_grad()
            def f(self):
                with torch.inference_mode(), lock:
                    pass
                return 1

            def g(self):
                with torch.inference_mode(False):
                    pass
        """
    )
    assert [
        (each.function, each.detail, each.decorator, each.line, each.end_line) for each in actual
    ] == [
        ("A.f", "no_grad", True, 3, 7),
        ("A.f", "inference_mode", False, 5, 6),
        ("A.g", "normal_mode", False, 10, 11),
    ]
    assert next(scopes(map_source("with torch.no_grad(): pass", "m.py"))).function == "<module>"


def test_counts_go_by_kind_and_by_function() -> None:
    actual = map_source("def f(x):\n    x[0] = 1\n    x[1] = 2\ndef g(x):\n    x += f(x)\n", "m.py")
    assert actual.counts() == {"subscript": 2, "augmented": 1}
    assert actual.by_function() == {"f": {"subscript": 2}, "g": {"augmented": 1}}
    assert actual.functions == 2


@pytest.mark.parametrize("source", [b"def", b"\x00", b"\xff\xfe", "(" * 3000, "-" * 90_000 + "1"])
def test_what_cannot_be_parsed_says_so_and_raises_nothing(source: bytes | str) -> None:
    actual = map_source(source, "m.py")
    assert actual.error
    assert actual.entries == ()


@given(st.text(max_size=60))
def test_any_text_can_be_mapped(text: str) -> None:
    assert map_source(text, "m.py").file == "m.py"


def test_many_files_on_several_processes_give_what_one_gives(tmp_path: Path) -> None:
    for number in range(220):
        folder = tmp_path / "pkg" / f"part{number % 7}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"m{number}.py").write_text(f"def f(x):\n    x[{number}] = 1\n")
    (tmp_path / "pkg" / "broken.py").write_text("def")
    (tmp_path / "other.py").write_text("x += y\n")
    reported: list[tuple[int, int]] = []
    several = scan_static(tmp_path, ["pkg"], lambda done, of: reported.append((done, of)), jobs=2)
    assert several == scan_static(tmp_path, ["pkg"], jobs=1)
    assert (several.files, several.totals()) == (221, {"subscript": 220})
    assert reported[-1] == (221, 221)
    assert [each.file for each in several.modules if each.error] == ["pkg/broken.py"]


def test_a_package_is_found_without_being_imported() -> None:
    root, name = installed_package("wave")
    assert (root / "wave.py").is_file()
    assert name == "wave"
    assert scan_static(root, [name]).files == 1
    with pytest.raises(PatcherError, match="no installed package 'no_such_package'"):
        installed_package("no_such_package")


def test_sources_in_memory_are_mapped_alike() -> None:
    actual = scan_sources({"b.py": b"x += y\n", "a.py": b"pass\n"})
    assert (actual.files, actual.lines, [each.file for each in actual.modules]) == (2, 2, ["b.py"])


@pytest.mark.slow
def test_the_whole_of_transformers_is_mapped() -> None:
    pytest.importorskip("transformers")
    root, name = installed_package("transformers")
    actual = scan_static(root, [name])
    assert actual.files > 2000
    assert [each.error for each in actual.modules if each.error] == []
