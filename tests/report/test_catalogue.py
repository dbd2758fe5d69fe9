"""`patcher list`: the catalogue fits on a screen, and a gain is what was measured."""

from __future__ import annotations

import pytest

from patcher.report.catalogue import catalogue_lines, gain_of, gain_text
from patcher.results import Gain, ListedPatch, ListedSet, ListResult, PatchState

OLD = "time of flow: 0.839 (0.802 to 0.903) of pristine's, faster; full size; a CPU, 2026-11-26"
NEW = "time of flow: 0.972 (0.954 to 0.996) of pristine's, undecided; full size; a CPU, 2026-11-27"


def patch(name: str, state: PatchState = PatchState.AVAILABLE, **more: object) -> ListedPatch:
    values = {
        "summary": "a summary of more words than there is room for on a narrow terminal",
        "target": ["adder"],
        "equivalence": "bitwise",
        "reproduction": False,
        "gain": gain_of([OLD]),
        "sets": ["exact"],
    }
    return ListedPatch(name=name, state=state, **{**values, **more})  # type: ignore[arg-type]


LISTED = ListResult(
    [
        patch("use_sum"),
        patch("use_shift", PatchState.APPLIED, gain=None),
        patch("too_new", PatchState.INCOMPATIBLE),
        patch("fails", reproduction=True),
    ],
    [ListedSet("exact", ["use_sum", "use_shift"], "equal to the bit")],
    [],
)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_line_fits_the_terminal(width: int) -> None:
    lines = [line.text for line in catalogue_lines(LISTED, width, everything=True)]
    assert max(map(len, lines)) <= width
    assert any("use_sum" in line and "1.19 times flow" in line for line in lines)


@pytest.mark.parametrize("width", [40, 60, 120])
def test_what_is_applied_is_said_at_any_width(width: int) -> None:
    """Without colour nothing else tells it."""
    names = ["use_sum", "use_shift", "a_name_that_is_longer_than_others"]
    listed = [patch(name, PatchState.APPLIED, sets=["one", "two", "three"]) for name in names]
    for line in catalogue_lines(ListResult(listed, [], []), width):
        assert "applied" in line.text or "state" in line.text


def test_what_does_not_fit_is_counted_and_shown_on_request() -> None:
    text = "\n".join(line.text for line in catalogue_lines(LISTED, 100))
    assert "too_new" not in text
    assert "fails" not in text.replace("fail on purpose", "")
    assert "2 more do not fit here" in text
    whole = "\n".join(line.text for line in catalogue_lines(LISTED, 100, everything=True))
    assert "too_new" in whole


def test_why_a_patch_is_blocked_is_said_whole() -> None:
    reason = "moved: there is no ChatterboxTTS.inference_stream in chatterbox/tts.py"
    result = ListResult([patch("stream", PatchState.BLOCKED, reason=reason)], [], [])
    lines = [line.text for line in catalogue_lines(result, 100, everything=True)]
    assert f"stream: {reason}" in lines


def test_a_decided_timing_counts_before_a_newer_one_that_decided_nothing() -> None:
    gain = gain_of([NEW, OLD])
    assert gain is not None
    assert gain.verdict == "faster"
    assert gain.times_as_fast == pytest.approx(1 / 0.839)
    assert (gain.low, gain.high) == pytest.approx((1 / 0.903, 1 / 0.802))


def test_a_timing_that_did_not_decide_is_no_gain() -> None:
    assert gain_text(gain_of([NEW])) == "undecided flow"
    assert gain_text(None) == "not timed"
    assert gain_text(Gain("T3", 2.128, 2.0, 2.2, "faster")) == "2.13 times T3"


RICH = ListResult(
    [
        patch("upper", target=["rich >=15"], gain=None, sets=[], summary="render() shouts"),
        patch("join", PatchState.APPLIED, target=["rich"], gain=None, sets=[], summary="as before"),
        patch("foreign", PatchState.INCOMPATIBLE, elsewhere=True),
    ],
    [ListedSet("exact", ["foreign"], "equal to the bit")],
    [],
)
SCREEN = """\
patch  claim    state      summary
upper  bitwise  available  render() shouts
join   bitwise  applied    as before
1 for other packages; `patcher list --all` shows them
"""


def test_a_column_that_says_nothing_of_any_patch_is_left_out() -> None:
    lines = [line.text.rstrip() for line in catalogue_lines(RICH, 80)]
    assert "\n".join(lines) + "\n" == SCREEN
