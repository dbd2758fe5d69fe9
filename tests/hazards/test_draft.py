"""Drafts: specs that make an update out of place, valid and applicable as they are."""

from __future__ import annotations

import pytest

from patcher.errors import PatcherError
from patcher.hazards.draft import draft
from patcher.hazards.model import Hazard, Place
from patcher.patchfile.reader import read_spec
from patcher.rewrite.replay import replay


def drafted(source: str, line: int, function: str) -> tuple[str, str]:
    """The draft's name, and the source with the draft applied by the real engine."""
    hazard = Hazard("inplace-update", Place("m.py", line, function), "", "some_patch")
    name, text = draft(hazard, source.encode(), "voice >=1")
    patch = read_spec(text, f"patches/{name}.yaml")
    return name, replay({"m.py": source.encode()}.get, [patch])["m.py"].decode()


@pytest.mark.parametrize(
    ("update", "copied"),
    [
        pytest.param("x[0] = 1", "x", id="an element"),
        pytest.param("x[:, 1:] += y", "x", id="a slice"),
        pytest.param("x += y", "x", id="a name"),
        pytest.param("x.add_(y)", "x", id="a method"),
        pytest.param("z = x.view(2).add_(y)", "x", id="a method of a view"),
        pytest.param("x.data[0] = 1", "x", id="through data"),
        pytest.param("self.x[0] = 1", "self.x", id="an attribute"),
        pytest.param("torch.add(y, 1, out=x)", "x", id="an out argument"),
        pytest.param("x['a: b'][0] = 1", "x", id="text that YAML would read otherwise"),
        pytest.param("x[\n            0\n        ] = y", "x", id="several lines"),
    ],
)
def test_the_update_gets_a_copy_first(update: str, copied: str) -> None:
    source = f"class A:\n    def f(self, x, y):\n        {update}\n        return x\n"
    name, after = drafted(source, 3, "A.f")
    assert after == source.replace(
        f"        {update}", f"        {copied} = {copied}.clone()\n        {update}"
    )
    assert name == f"f_{copied.replace('.', '_')}_clone"


def test_equal_updates_of_a_function_are_all_given_a_copy() -> None:
    source = "def f(x):\n    x[0] = 1\n    x[0] = 1\n"
    _, after = drafted(source, 2, "f")
    assert after.count("x = x.clone()") == 2


def test_what_cannot_be_drafted_says_what_to_do() -> None:
    hazard = Hazard("inplace-update", Place("m.py", 1, "f"), "", "some_patch")
    with pytest.raises(PatcherError, match="no update of a name"):
        draft(hazard, b"call(x)\n", "voice")
    other = Hazard("saved-for-backward", Place("m.py", 1, "f"), "", "some_patch")
    with pytest.raises(PatcherError, match="no draft for a hazard of kind saved-for-backward"):
        draft(other, b"x[0] = 1\n", "voice")
