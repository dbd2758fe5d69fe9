"""What patches do to modes, found by comparing the target before and after each."""

from __future__ import annotations

import textwrap
from dataclasses import replace

from patcher.hazards.effects import Planned, plan_effects
from patcher.hazards.traces import TracedScope
from patcher.patchfile.reader import read_spec
from patcher.rewrite.replay import replay

SOURCE = textwrap.dedent(
    """
    import torch


    class Voice:
        @torch.no_grad()
        def speak(self, x):
            return x * 2

        def hum(self, x):
            with torch.no_grad():
                y = x + 1
            return y

        def plain(self, x):
            return x
    """
)

TURN = """
patch: turn
summary: two sites
target: voice
equivalence: bitwise
edits:
  - file: voice.py
    within: Voice.speak
    decorator: torch.no_grad()
    with: torch.inference_mode()
  - file: voice.py
    within: Voice.hum
    match: |
      with torch.no_grad():
          $$$BODY
    with: |
      with torch.inference_mode():
          $$$BODY
"""

ADD = """
patch: add
summary: a helper line, and a decorator where there was none
target: voice
equivalence: bitwise
edits:
  - file: voice.py
    within: Voice.speak
    before: return x * 2
    with: x = x.clone()
  - file: voice.py
    within: Voice.plain
    decorator: ""
    with: torch.inference_mode()
"""


def read(path: str) -> bytes | None:
    return SOURCE.encode() if path == "voice.py" else None


def planned(*specs: str) -> Planned:
    patches = [read_spec(text, f"{text.split()[1]}.yaml") for text in specs]
    return plan_effects(read, patches, replay)


def line_of(text: str, source: str = SOURCE) -> int:
    return source.split("\n").index(text) + 1


def test_each_scope_a_patch_opens_is_an_effect_of_that_patch() -> None:
    actual = planned(TURN, ADD).effects
    assert [(each.patch, each.function, each.decorator) for each in actual] == [
        ("turn", "Voice.speak", True),
        ("turn", "Voice.hum", False),
        ("add", "Voice.plain", True),
    ]
    assert actual[1].pristine_line == line_of("        with torch.no_grad():")


def test_a_patch_that_only_turns_modes_is_pristine_once_neutralised() -> None:
    assert planned(TURN).neutral() == {}


def test_a_neutralised_tree_keeps_every_other_edit_and_every_line() -> None:
    plan = planned(TURN, ADD)
    neutral = plan.neutral()["voice.py"].decode()
    assert "inference_mode" not in neutral
    assert "x = x.clone()" in neutral
    assert neutral.count("torch.no_grad()") == 3
    patched = plan.files["voice.py"].decode()
    assert len(neutral.split("\n")) == len(patched.split("\n"))


def test_a_bare_name_that_was_never_imported_is_neutralised_too() -> None:
    source = "from torch import inference_mode\n\n\n@inference_mode()\ndef f(): ...\n"
    files = {"m.py": source.encode()}
    before = {"m.py": source.replace("@inference_mode()\n", "").encode()}
    spec = TURN.replace("patch: turn", "patch: bare")
    plan = plan_effects(before.get, [read_spec(spec, "bare.yaml")], lambda *_: files)
    assert b'@__import__("torch").no_grad()\n' in plan.neutral()["m.py"]


def test_a_traced_scope_finds_its_effect_by_file_function_and_line() -> None:
    plan = planned(TURN)
    line = line_of("    @torch.no_grad()")
    scope = TracedScope("inference_mode", True, True, "voice.py", line, "Voice.speak")
    assert plan.effect_of([scope]) == plan.effects[0]
    assert plan.effect_of([replace(scope, function="Voice.other")]) is None


def test_a_line_of_the_patched_file_knows_the_patch_that_wrote_it() -> None:
    plan = planned(TURN, ADD)
    patched = plan.files["voice.py"].decode()
    assert plan.patch_of_line("voice.py", line_of("        x = x.clone()", patched)) == "add"
    turned = line_of("        with torch.inference_mode():", patched)
    assert plan.patch_of_line("voice.py", turned) == "turn"
    kept = line_of("        return y", patched)
    assert plan.patch_of_line("voice.py", kept) is None
    assert plan.pristine_line("voice.py", kept) == line_of("        return y")
