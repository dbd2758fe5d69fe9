"""What the terminal shows after a verification, at every width, for every kind of verdict."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from patcher.report.reading import read_record
from patcher.report.verdict import text
from patcher.report.words import cases_of
from tests.report.golden import FOLDER, WIDTHS, shown
from tests.report.kinds import KINDS
from tests.report.samples import MODELS, TESTS

SCREENS = [(kind, width) for kind in KINDS for width in WIDTHS]
PATHS = re.compile(r"\S*chatterbox/\S+\.py\S*|https://\S+")


@pytest.mark.parametrize(("kind", "width"), SCREENS)
def test_the_screen_is_as_it_was_recorded(kind: str, width: int) -> None:
    assert shown(kind, width) == (FOLDER / f"{kind}-{width}.txt").read_text("utf-8")


@pytest.mark.parametrize(("kind", "width"), SCREENS)
def test_no_line_is_wider_than_the_terminal_but_for_a_path_or_a_command(
    kind: str, width: int
) -> None:
    for line in shown(kind, width).splitlines():
        whole = PATHS.search(line) or line.startswith("  next")
        assert len(line) <= width or whole, line


@pytest.mark.parametrize("kind", KINDS)
def test_paths_are_never_broken(kind: str) -> None:
    """Every path of the widest screen stands whole on the narrowest."""
    narrow, wide = shown(kind, 60), shown(kind, 1000)
    for path in PATHS.findall(wide):
        assert path in narrow


def test_the_same_error_is_told_once_with_its_cases() -> None:
    text = shown("fail", 80)
    assert text.count("Inplace update to inference tensor") == 1
    assert "6 of 9: Cloned voice A and Cloned voice B on every model" in text
    for name in (*MODELS, *TESTS):
        assert name in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_next_step_stands_on_one_line(width: int) -> None:
    assert "patcher apply inference_mode embed_ref_lens_clone\n" in shown("fail", width)


def test_times_as_fast_come_first_and_the_terms_of_the_field_after() -> None:
    text = shown("faster", 120)
    plain, terms = text.index("1.52 times as fast (1.44 to 1.60)"), text.index("margin 3.0%")
    assert plain < terms


def test_a_bench_that_timed_nothing_shows_no_table() -> None:
    text = shown("not-measured", 120)
    assert "Avg Gen Time" not in text
    assert "Speed was not measured: the patched arm failed its gates" in text


def test_what_was_judged_is_named_after_a_restore() -> None:
    text = shown("fail", 120)
    assert "judged      inference_mode" in text
    assert "the working copy is pristine" in text


def test_places_that_never_ran_and_undeclared_effects_are_named_with_patch_and_line() -> None:
    assert "inference_mode: chatterbox/models/s3gen/hifigan.py:275" in shown("not-exercised", 120)
    text = shown("undeclared", 200)
    assert "embed_ref_lens_clone: chatterbox/models/s3gen/s3gen.py:12 writes the global" in text
    assert "declare `cache-answers`" in text


WORDS_OF_ONE_TARGET = re.compile(
    r"chatterbox|\bT3\b|\bmel\b|audio|RTF|VRAM|generation|\bgen\b|voice|speech", re.IGNORECASE
)


@pytest.mark.parametrize("kind", ["any-package-fails", "any-package-faster"])
def test_a_package_without_sound_is_spoken_of_in_its_own_words(kind: str) -> None:
    assert not WORDS_OF_ONE_TARGET.findall(shown(kind, 80))


def test_a_command_that_names_its_case_has_lines_of_its_own() -> None:
    """The name of a workload's case may be longer than the terminal is wide."""
    name = "python -c import adder; assert adder.total([1, 2]) == 3; assert adder.twice(4) == 8"
    case = {"model": "adder", "test": name, "status": "fail", "outcome": "exception",
            "gate": "exit-status", "error": "boom", "baseline": {"status": "pass"}}  # fmt: skip
    record = read_record({"verdict": "fail", "sentence": "1 fails", "cases": [case]})
    lines = [line.text for line in text(record, 80)]
    at = lines.index("adder")
    assert lines[at + 1].startswith("  python -c import adder;")
    assert lines[at + 2].startswith("    ")
    assert lines[at + 2].endswith("  fail")
    assert lines[at + 3] == "      boom"


def test_nothing_to_verify_speaks_of_no_guards() -> None:
    result = {"verdict": "nothing-to-verify", "sentence": "nothing was run", "guards": []}
    assert "guards" not in "\n".join(line.text for line in text(read_record(result), 80))


@pytest.mark.parametrize("kind", ["clock-disputed", "impossible", "timed-wrong"])
def test_a_speed_that_does_not_count_has_no_figure(kind: str) -> None:
    text = shown(kind, 120)
    assert "times as fast" not in text
    assert "Avg Gen Time" not in text
    assert "No speed counts, though 6 pairs were timed\n" in text
    assert "Failed: 9 of 9 cases pass" not in text


@pytest.mark.parametrize("kind", ["grows", "require-not-met"])
def test_a_failure_in_which_every_case_passed_says_what_failed(kind: str) -> None:
    (ending,) = [line for line in shown(kind, 200).splitlines() if line.startswith("Failed: ")]
    assert ending.startswith(("Failed: Life: each call leaves", "Failed: --require faster is not"))
    assert "Passed" not in shown(kind, 200)


def test_what_a_failure_goes_back_to_is_named() -> None:
    assert "the working copy has conds_cache applied" in shown("restored", 120)


def test_a_failure_of_several_patches_without_a_culprit_says_how_to_find_it() -> None:
    step = "patcher apply inference_mode embed_ref_lens_clone && patcher verify --isolate"
    assert step in shown("gate-fails", 60)
    assert "--isolate" not in shown("fail", 120)
    assert "--isolate" not in shown("grows", 120)


def test_what_isolate_found_is_named() -> None:
    assert "culprit     channels_last\n" in shown("isolated", 60)


def test_a_fault_that_only_a_further_call_shows_is_not_counted_among_the_cases() -> None:
    record = read_record(KINDS["fail"])
    cause = replace(record.causes[0], cases=(f"{MODELS[0]} / Drawn 1: 9 letters",))
    shown_line = cases_of(cause, record)
    assert shown_line == "1 further call: Drawn 1: 9 letters"
    assert cases_of(record.causes[0], record).startswith("6 of 9: ")


@pytest.mark.parametrize(("smallest", "needed", "line"), [
    (55.085, None, "the pairs vary so much that no change could have been seen: run it again"),
    (55.085, 40, "run it again on a quiet machine"),
    (0.31, None, "could have seen is 31.0%; a quiet machine, or `--bench=full`, sees more"),
    (0.021, 9, "could have seen is 2.1%; about 9 more pairs would decide"),
])  # fmt: skip
def test_an_undecided_bench_ends_in_a_next_step(
    smallest: float, needed: int | None, line: str
) -> None:
    record = read_record(KINDS["undecided"])
    assert record.speed is not None
    noisy = replace(record.speed, smallest_detectable=smallest, pairs_needed=needed)
    shown_text = "\n".join(each.text for each in text(replace(record, speed=noisy), width=200))
    assert line in shown_text
    assert "5508" not in shown_text
