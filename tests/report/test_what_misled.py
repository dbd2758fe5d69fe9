"""What once misled, by its number, and the tests that hold each of it; what had none is here."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

from patcher.execution.results import Case
from patcher.report.markdown import render
from patcher.report.reading import read_record
from patcher.report.tuned import print_tuned
from patcher.report.verdict import text
from patcher.results import TriedSet, TuneResult
from patcher.verify.timing import said_of
from tests.cli.test_misleading import patcher, workspace  # noqa: F401 - fixtures
from tests.conftest import REPOSITORY, Patcher
from tests.report.kinds import KINDS
from tests.report.samples import benched

MISLED = {
    "1 reports after a restore name no patch": [
        "tests.cli.test_way_back:test_exports_name_the_patches_also_after_a_restore",
        "tests.report.test_page:test_a_failure_that_was_restored_still_names_what_was_judged",
    ],
    "2 nothing to verify is called a pass": [
        "tests.cli.test_misleading:test_nothing_to_verify_is_said_as_such",
        "tests.cli.test_misleading:test_a_retry_after_a_failure_does_not_pass",
        "tests.cli.test_misleading:test_an_unknown_executor_is_named_also_when_there_is_nothing_to_verify",
    ],
    "3 the next step is not the whole one": [
        "tests.cli.test_misleading:test_a_predicted_remedy_is_the_whole_next_step",
        "tests.report.test_page:test_the_next_step_is_the_whole_line_that_works_when_pasted",
        "tests.report.test_terminal:test_the_next_step_stands_on_one_line",
    ],
    "4 times of gates under the heading of speed": [
        "tests.report.test_terminal:test_a_bench_that_timed_nothing_shows_no_table",
        "tests.report.test_page:test_a_bench_that_timed_nothing_says_that_its_table_proves_nothing",
        "tests.report.test_what_misled:test_markdown_says_that_times_of_gates_prove_nothing",
        "tests.report.test_what_misled:test_a_bench_that_is_withheld_counts_cases_and_further_calls_apart",
    ],
    "5 states and exit statuses that are not so": [
        "tests.cli.test_misleading:test_status_does_not_call_an_edited_tree_pristine",
        "tests.cli.test_misleading:test_doctor_with_a_problem_exits_1",
        "tests.cli.test_misleading:test_a_plan_that_does_not_fit_ends_as_apply_would",
        "tests.cli.test_misleading:test_a_reader_that_goes_away_is_no_failed_verification",
        "tests.cli.test_misleading:test_an_interrupted_verification_says_that_the_patches_stay",
        "tests.cli.test_misleading:test_without_git_a_change_says_that_it_has_no_commit",
        "tests.cli.test_walk:test_what_needs_git_says_so_where_there_is_none",
        "tests.cli.test_start:test_an_interrupt_among_the_first_imports_is_answered_in_a_line",
        "tests.cli.test_walk:test_an_interrupted_command_says_that_it_goes_on",
        "tests.cli.test_walk:test_a_series_that_was_verified_before_an_edit_is_not_called_verified",
    ],
    "6 one slow generation ends a bench": [
        "tests.bench.test_bench:test_one_slow_generation_costs_its_pair_and_no_more",
    ],
    "7 next steps and docs that are not true": [
        "tests.report.test_what_misled:test_the_next_step_of_new_leads_to_a_check_that_passes",
        "tests.cli.test_misleading:test_a_plan_on_another_source_says_in_a_line_whether_a_patch_fits",
        "tests.cli.test_misleading:test_run_answers_in_json_and_keeps_the_commands_status",
        "tests.docs.test_site:test_a_command_line_of_a_page_would_be_understood",
        "tests.docs.test_site:test_a_page_shows_only_settings_that_exist",
        "tests.docs.test_pages:test_the_commands_of_a_page_end_as_it_says",
        "tests.docs.test_pages:test_every_page_with_commands_is_followed_by_some_test",
    ],
    "8 hints that cannot be followed": [
        "tests.cli.test_misleading:test_doctor_promises_nothing_of_a_target_that_is_not_there",
        "tests.report.test_what_misled:test_an_install_hint_names_what_the_project_itself_asks_for",
    ],
}


@pytest.mark.parametrize("item", MISLED)
def test_each_of_it_has_tests(item: str) -> None:
    for place in MISLED[item]:
        module, name = place.split(":")
        assert callable(getattr(import_module(module), name))


def test_markdown_says_that_times_of_gates_prove_nothing() -> None:
    text = render(read_record(KINDS["not-measured"]))
    sentence = "Times seen in the gates, single runs. Nothing was timed: they prove nothing."
    assert text.index(sentence) < text.index("| Arm |")


def test_the_next_step_of_new_leads_to_a_check_that_passes(
    patcher: Patcher,  # noqa: F811
    workspace: Path,  # noqa: F811
) -> None:
    """As it is printed: change `with`, and nothing else; then check."""
    ran = patcher("new", "my_patch", "--at", "adder.py:12")
    assert ran.status == 0, ran.stderr
    assert "next: change `with`, then `patcher check my_patch`" in ran.stdout + ran.stderr
    spec = workspace / "patches" / "my_patch.yaml"
    text = spec.read_text("utf-8")
    spec.write_text(re.sub(r"with: .*", "with: return number + number", text), "utf-8")
    assert patcher("check", "my_patch").status == 0


def test_an_install_hint_names_what_the_project_itself_asks_for() -> None:
    """A hint is pasted: it may name a requirement of this project, or what the user named."""
    project = (REPOSITORY / "pyproject.toml").read_text("utf-8")
    hint = re.compile(r"pip install '?([\w.-]+)")
    for file in sorted(Path(REPOSITORY / "patcher").rglob("*.py")):
        for name in hint.findall(file.read_text("utf-8")):
            assert f'"{name}>=' in project, f"{file.name}: pip install {name}"


def test_a_bench_that_is_withheld_counts_cases_and_further_calls_apart() -> None:
    """It once said "13 of 16 cases" beside a table of nine."""
    matrix = {Case("model", f"test {n}") for n in range(9)}
    failed = {Case("model", f"test {n}") for n in range(6)}
    one, seven = {Case("model", "again")}, {Case("model", f"drawn {n}") for n in range(7)}
    assert said_of(failed, matrix) == "6 of 9 cases failed their gates"
    assert said_of(failed | seven, matrix) == "6 of 9 cases and 7 further calls failed their gates"
    assert said_of(one, matrix) == "1 further call failed its gates"


def test_a_speed_of_inputs_that_came_again_and_again_says_so() -> None:
    few = "the same input was timed again and again (m / work, 3 different ones in 577 calls)"
    record = read_record(benched(caveats=[few]))
    assert few in " ".join(" ".join(line.text for line in text(record, 70)).split())
    assert few[1:] in render(record)
    assert "again and again" not in render(read_record(benched()))


def test_a_search_whose_time_ran_out_does_not_say_that_nothing_is_faster(
    capsys: pytest.CaptureFixture[str],
) -> None:
    started = TriedSet("start", "fast", ("a",), (), verdict="pass", speed="not-measured")
    print_tuned(TuneResult("pkg", (), (started,), complete=False), color=False)
    assert "set: none yet; no comparison of speed was finished" in capsys.readouterr().out
    slower = replace(started, speed="slower")
    print_tuned(TuneResult("pkg", (), (slower,), complete=True), color=False)
    assert "nothing is faster than pristine here" in capsys.readouterr().out
