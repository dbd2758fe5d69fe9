"""`patcher tune`: the fastest set, written down, with a receipt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from patcher.results import JudgedCandidate
from tests.cli.sums import MODULE, workload
from tests.conftest import Patcher, runner

SPEC = """\
patch: {name}
summary: s
target: sums
equivalence: bitwise
edits:
  - file: sums.py
    match: {match}
    with: {replacement}
"""
SETS = "# kept by hand\nmine:\n  summary: mine\n  patches:\n    - wrong\n"


def new_workspace(folder: Path) -> Path:
    project = folder / "project"
    project.mkdir(parents=True)
    (project / "sums.py").write_text(MODULE)
    (project / "pyproject.toml").write_text('[project]\nname = "sums"\nversion = "1.0"\n')
    workspace = folder / "workspace"
    patches = workspace / "patches"
    patches.mkdir(parents=True)
    (workspace / "bench.py").write_text(workload())
    (workspace / "patcher.toml").write_text('target = "sums"\n[verify]\ncall = "bench.py:work"\n')
    for name, match, replacement in (
        ("fast", "range(60)", "range(1)"),
        ("wrong", "number * 2", "number * 3"),
    ):
        text = SPEC.format(name=name, match=match, replacement=replacement)
        if name == "fast":  # one addition instead of sixty, and so no division
            text += "  - {file: sums.py, match: total // 60, with: total}\n"
        (patches / f"{name}.yaml").write_text(text)
    (patches / "sets.yaml").write_text(SETS)
    ran = runner(workspace)("init", str(project))
    assert ran.status == 0, ran.stderr
    return workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_workspace(tmp_path_factory.mktemp("tuning"))


@pytest.fixture(scope="module")
def tuned(workspace: Path) -> dict[str, object]:
    ran = runner(workspace)("--json", "tune", "--budget", "4m")
    assert ran.status == 0, ran.stderr
    actual: dict[str, object] = json.loads(ran.stdout)
    return actual


@pytest.mark.slow
def test_it_finds_what_is_faster_and_leaves_what_is_wrong(tuned: dict[str, object]) -> None:
    assert (tuned["patches"], tuned["speed"], tuned["complete"]) == (["fast"], "faster", True)
    tried = {each["changed"]: each for each in tuned["tried"]}  # type: ignore[attr-defined]
    assert tried["wrong"]["verdict"] == "fail"
    assert tried["fast"]["speed"] == "faster"


@pytest.mark.slow
def test_the_set_can_be_applied_and_the_others_are_as_they_were(
    workspace: Path, tuned: dict[str, object]
) -> None:
    assert (workspace / "patches/sets.yaml").read_text().startswith(SETS)
    shown = json.loads(runner(workspace)("--json", "plan", "@tuned").stdout)
    assert [each["name"] for each in shown["patches"]] == ["fast"]


@pytest.mark.slow
def test_its_receipt_holds_here(workspace: Path, tuned: dict[str, object]) -> None:
    patcher: Patcher = runner(workspace)
    assert json.loads(patcher("--json", "status").stdout)["series"] == []
    assert patcher("apply", "@tuned").status == 0
    try:
        assert patcher("receipt", "check", str(tuned["receipt"])).status == 0
    finally:
        patcher("revert", "--all")


@pytest.mark.slow
def test_the_same_command_answers_from_the_record(
    workspace: Path, tuned: dict[str, object]
) -> None:
    ran = runner(workspace)("--json", "tune", "--budget", "4m")
    again = json.loads(ran.stdout)
    assert again["tried"] == tuned["tried"]
    assert again["patches"] == tuned["patches"]


@pytest.mark.parametrize(("stopped", "kept"), [("budget", False), ("all pairs", True)])
def test_a_comparison_that_only_lacked_time_is_not_kept_as_an_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stopped: str, kept: bool
) -> None:
    from patcher.commands.shared import judge_candidate as module

    added: list[str] = []
    judge: Any = object.__new__(module.CandidateJudge)
    judge.copy, judge.how = None, module.How()
    judge.ledger = SimpleNamespace(find=lambda _: None, add=lambda *row: added.append(row[1]))
    outcome = SimpleNamespace(speed=SimpleNamespace(stopped=stopped))
    monkeypatch.setattr(module.CandidateJudge, "_tree", lambda *_: None)
    monkeypatch.setattr(module.CandidateJudge, "_run", lambda *_: None)
    for name, value in {
        "request_for": SimpleNamespace, "edited_places": None, "replace": None,
        "identity": "key", "outcome_of": outcome,
    }.items():  # fmt: skip
        monkeypatch.setattr(module, name, lambda *_, value=value, **__: value)
    candidate: Any = SimpleNamespace(name="fast", patches=[], files={})
    monkeypatch.setattr(module, "loosest", lambda _: None)
    judge._judged("screen", candidate, None, module.SCREEN, 60.0)
    assert added == (["fast"] if kept else [])


@pytest.mark.parametrize(("first_s", "others"), [(300.0, 5), (700.0, 1)])
def test_time_for_the_last_verification_is_kept_back(
    monkeypatch: pytest.MonkeyPatch, first_s: float, others: int
) -> None:
    """Comparisons take minutes on a clock that the test moves."""
    from patcher.commands import tune

    at_s, trials, lines = [0.0], [], []

    def screened(_: object, result: JudgedCandidate, beside: object, *__: object) -> Any:
        trials.append(beside)
        at_s[0] += 200.0 if beside else first_s
        return replace(result, speed="undecided" if beside else "faster", pairs=6)

    starts = {"exact": SimpleNamespace(patches=["a", "b"])}
    parts = dict.fromkeys("abcdefghij", tune.Part())
    monkeypatch.setattr(tune.time, "monotonic", lambda: at_s[0])
    monkeypatch.setattr(tune._Search, "_candidate", lambda _, names, __: names)
    monkeypatch.setattr(tune, "fitting", lambda *_: parts)
    judge: Any = SimpleNamespace(
        copy=None,
        say=lines.append,
        gated=lambda _: JudgedCandidate("c", "set", "pass"),
        screened=screened,
    )
    search = tune._Search(judge, tune.TuneOptions(budget_s=1500.0))
    best = search.run(SimpleNamespace(sets=starts))  # type: ignore[arg-type]
    assert (best, search.complete) == (("a", "b"), False)
    assert len(trials) == 1 + others
    assert at_s[0] + first_s <= 1500.0 + 200.0, "a comparison that began may end later"
    assert "1 sets to start from, then 10 patches" in lines[0]


def test_patches_that_are_applied_are_refused(workspace: Path) -> None:
    patcher: Patcher = runner(workspace)
    patcher("apply", "fast")
    try:
        ran = patcher("tune")
        assert ran.status == 3
        assert "patcher revert --all" in ran.stderr
    finally:
        patcher("revert", "--all")


def test_a_set_of_the_same_name_is_replaced_and_all_else_stays(workspace: Path) -> None:
    from patcher.commands.shared.write_set import write_set
    from patcher.patchfile.reader import read_sets
    from patcher.store.workspace import Workspace

    other = workspace.parent / "other"
    (other / "patches").mkdir(parents=True)
    path = other / "patches/sets.yaml"
    old = "tuned:\n  summary: old\n  patches:\n    - old\n"
    path.write_text(SETS + old + "\n# last\nz:\n  summary: z\n  patches: [z]\n")
    write_set(Workspace(other), "tuned", "it's new: 2 times", ["a", "b"])
    text = path.read_text()
    assert text.startswith(SETS)
    assert "# last" in text
    assert "old" not in text
    sets = read_sets(text, "sets.yaml")
    assert list(sets) == ["mine", "z", "tuned"]
    assert sets["tuned"].patches == ("a", "b")
    assert sets["tuned"].summary == "it's new: 2 times"


@pytest.mark.parametrize(
    ("models", "gated"),
    [
        (None, None),
        ("all", "all"),
        ("turbo", ["Base Chatterbox", "GRPO Fine-tuned", "Mixed Precision Quantized", "turbo"]),
    ],
)
def test_what_is_timed_is_gated_too(tmp_path: Path, models: str | None, gated: object) -> None:
    from patcher.commands import tune
    from patcher.verify.options import VerifyOptions

    workspace: Any = SimpleNamespace(root=tmp_path)
    copy: Any = SimpleNamespace(workspace=workspace, target="chatterbox-tts", version="0.1.7",
                                packages=("chatterbox",))  # fmt: skip
    assert tune._gated_models(copy, VerifyOptions(models=models)) == gated
