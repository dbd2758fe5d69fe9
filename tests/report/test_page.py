"""The page of a verification: what its first fold says, and what it never leaves out."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest

from patcher.report.page import render
from patcher.report.reading import read_record
from tests.report.kinds import KINDS
from tests.report.samples import DIAGNOSIS, TESTS, failed, result, sounds

HOSTILE = '[red]x[/red] <script>alert(1)</script> {{ 7 * 7 }} `y` *z* & "q"'


def page(actual: dict[str, Any]) -> str:
    return render(read_record(actual), sounds(actual))


def fold(actual: dict[str, Any]) -> str:
    """The text of the first fold."""
    header = re.search(r"<header.*?</header>", page(actual), re.DOTALL)
    assert header is not None
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", header[0])).split())


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_verdict_has_a_page_that_fetches_nothing(kind: str) -> None:
    text = page(KINDS[kind])
    assert "<script" not in text
    for reference in re.findall(r"\b(?:src|href)=[\"']([^\"']*)", text):
        assert reference.startswith(("#", "data:")), reference
    assert "@import" not in text
    assert "url(http" not in text


def test_the_first_fold_names_verdict_patches_target_machine_and_date() -> None:
    text = fold(failed())
    for part in (
        "Failed", "6 of 9 cases fail", "inference_mode", "chatterbox-tts 0.1.7", "AMD EPYC",
        "2026-01-31 12:00:00", "the working copy is pristine",
    ):  # fmt: skip
        assert part in text


def test_a_failure_that_was_restored_still_names_what_was_judged() -> None:
    """Read after the restore, the series is empty: the report was about nothing."""
    actual = failed(series=["inference_mode", "channels_last"], series_now=[])
    text = fold(actual)
    assert "channels_last" in text
    assert "none, the tree is pristine" not in page(actual)


def test_the_speed_comes_first_as_a_plain_figure_with_its_margin() -> None:
    text = fold(KINDS["faster"])
    assert "1.52 times as fast (1.44 to 1.60)" in text
    assert "margin 3.0%" in text


def test_the_next_step_is_the_whole_line_that_works_when_pasted() -> None:
    assert "patcher apply inference_mode embed_ref_lens_clone" in fold(failed())


def test_a_bench_that_timed_nothing_says_that_its_table_proves_nothing() -> None:
    text = page(KINDS["not-measured"])
    assert "Speed was not measured" in text
    assert "Nothing was timed" in text
    assert "Times seen in the gates" in text


def test_each_place_of_the_cause_shows_seven_source_lines_and_the_edit() -> None:
    text = page(failed())
    fails, made, _ = DIAGNOSIS["excerpts"]
    assert text.count('<tr class="here">') == 2
    for line in (*fails["lines"], *made["lines"]):
        assert line in unescape(text)
    assert "ref_speech_token_lens[0] = ref_speech_tokens.shape[1]" in unescape(text)
    edit = text.split("<strong>the edit</strong>")[-1]
    assert "@torch.inference_mode()" in edit.split("</table>")[0]


def test_calls_beyond_the_matrix_are_a_table_with_the_failing_ones_first() -> None:
    text = page(KINDS["gate-fails"])
    part = text.split('id="further"')[1].split("</details>")[0]
    assert not part.startswith(" open")  # a case of the matrix fails as well
    alone = page({**KINDS["gate-fails"], "cases": result()["cases"]})
    assert 'id="further" open' in alone
    assert "1 of 2 further calls pass; drawn from seed 1674244372" in part
    assert part.index("was changed by later calls") < part.index("Drawn 1: 60 letters")
    assert "reason gates-pass" not in text  # the JSON of a call is no text for a reader
    assert "further" not in page(result())


def test_lines_of_the_diff_say_whether_they_ran() -> None:
    text = page(failed())
    assert 'title="ran in 6 cases"' in text
    assert 'title="did not run"' in text
    assert "title=" not in page(result()).split('id="diff"')[1].split('id="evidence"')[0]


def test_a_long_life_is_a_picture_even_without_a_bench() -> None:
    text = page(KINDS["life"])
    assert "Time over a life: Base Chatterbox" in text
    assert text.count("<svg") == 1


def test_a_case_shows_both_players_and_the_difference_of_the_spectrograms() -> None:
    text = page(result())
    assert text.count("<audio") == 2 * 9
    assert text.count("mel spectrogram of the") == 2 * 9
    assert text.count("no difference") == 9


def test_an_arm_without_sound_says_why() -> None:
    text = page(failed())
    assert text.count("<audio") == 9 + 3
    assert text.count("no sound: the run ended with <code>exception</code>") == 6


def test_one_error_of_many_cases_is_told_once() -> None:
    assert page(failed()).count("Inplace update to inference tensor") == 1


def test_every_value_is_escaped() -> None:
    actual = failed(
        sentence=HOSTILE,
        series=[HOSTILE],
        target=HOSTILE,
        warnings=[HOSTILE],
        environment={"processor": HOSTILE},
        cases=[{**failed()["cases"][1], "model": HOSTILE, "test": HOSTILE, "error": HOSTILE}],
        diagnosis=[{**DIAGNOSIS, "error": HOSTILE, "cause": HOSTILE, "remedy": HOSTILE}],
        diff=f"--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+{HOSTILE}\n",
    )
    text = page(actual)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "49" not in fold(actual)


def test_a_case_is_told_with_its_test_where_there_is_no_room_for_a_matrix() -> None:
    text = page(result())
    for test in TESTS:
        assert f'data-test="{test}"' in text
