"""Guarded patches on the real package: an error falls back once, and switching is exact."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from patcher.commands.shared.verify_request import cache_folder
from patcher.targets.adapter import Options
from patcher.targets.chatterbox import adapter
from tests.conftest import runner

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]

THIRD = """\
patch: fails_third
summary: the vocoder's call fails the third time
target: chatterbox-tts
equivalence: bitwise
edits:
  - file: chatterbox/models/s3gen/s3gen.py
    within: S3Token2Wav.hift_inference
    before: return self.mel2wav.inference(speech_feat=speech_feat, cache_source=cache_source)
    with: |
      torch.rand(1)
      Called.times += 1
      if Called.times == 3:
          raise RuntimeError("the third call")
  - file: chatterbox/models/s3gen/s3gen.py
    define: |
      class Called:
          times = 0
"""
QUIETER = """\
patch: quieter
summary: half as loud
target: chatterbox-tts
equivalence: perceptual
edits:
  - file: chatterbox/models/s3gen/s3gen.py
    within: S3Token2Wav.hift_inference
    match: return self.mel2wav.inference(speech_feat=speech_feat, cache_source=cache_source)
    with: |
      samples, source = self.mel2wav.inference(speech_feat=speech_feat, cache_source=cache_source)
      return 0.5 * samples, source
"""
CALLS = 9
Speak = Callable[..., Mapping[str, Any]]


@pytest.fixture(scope="module")
def speak(tmp_path_factory: pytest.TempPathFactory) -> Speak:
    """Apply with options, speak, take everything out again."""
    workspace = tmp_path_factory.mktemp("guarded")
    (workspace / "patches").mkdir()
    (workspace / "patches" / "fails_third.yaml").write_text(THIRD)
    (workspace / "patches" / "quieter.yaml").write_text(QUIETER)
    patcher = runner(workspace, limit_s=3600)
    assert patcher("init").status == 0
    options = Options(cache=cache_folder())
    values = adapter.assets(adapter.matrix({}), options, version("chatterbox-tts")).values
    script = Path(__file__).with_name("guarded_calls.py")

    def run(*apply: str, switches: tuple[str, ...] = ("-",) * CALLS) -> Mapping[str, Any]:
        if apply:
            assert patcher("apply", *apply).status == 0
        command = ("run", "--", "python", str(script), json.dumps(values), *switches)
        done = patcher(*command, SWITCHED=apply[0] if apply else "")
        assert done.status == 0, done.stderr
        assert patcher("revert", "--all").status == 0
        actual: Mapping[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return actual

    return run


@pytest.fixture(scope="module")
def pristine(speak: Speak) -> list[str]:
    calls: list[str] = speak()["calls"]
    assert len(set(calls)) == 3
    assert not any("Error" in call for call in calls)
    return calls


def test_with_a_fallback_nine_of_nine_succeed_and_the_log_names_the_patch_once(
    speak: Speak, pristine: list[str]
) -> None:
    actual = speak("fails_third", "--guarded", "--fallback")
    assert [call for call in actual["calls"] if "Error" in call] == []
    # The patch draws a number, so that its own calls sound otherwise; those of the original do not.
    assert [mine == original for mine, original in zip(actual["calls"], pristine, strict=True)] == [
        *[False] * 2,
        *[True] * 7,
    ]
    assert actual["log"] == ["patch fails_third failed and is off for this process"]
    assert actual["counters"] == {"fails_third": {"patched": 3, "original": 6, "fallbacks": 1}}


def test_without_a_fallback_the_third_call_fails_as_before(speak: Speak) -> None:
    actual = speak("fails_third", "--guarded")
    assert actual["calls"][2] == "RuntimeError: the third call"
    assert sum("Error" in call for call in actual["calls"]) == 1
    assert actual["log"] == []


def test_switched_between_calls_it_gives_exactly_pristine_and_exactly_patched_bytes(
    speak: Speak, pristine: list[str]
) -> None:
    patched = speak("quieter")["calls"]
    assert not set(patched) & set(pristine)
    switches = ("on", "off", "off", "off", "on", "on", "on", "on", "off")
    actual = speak("quieter", "--guarded", switches=switches)["calls"]
    kinds = {"on": patched, "off": pristine}
    assert actual == [kinds[switch][number] for number, switch in enumerate(switches)]
