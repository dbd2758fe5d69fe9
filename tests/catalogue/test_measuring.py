"""What `benchmarks.catalogue` decides without running anything."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.catalogue.__main__ import RESULTS, belongs, expected
from benchmarks.catalogue.interactions import savings, times
from benchmarks.catalogue.measure import compared
from benchmarks.catalogue.scope import (
    CPU_ONLY,
    GPU_ONLY,
    OWN_CALL,
    STAGES,
    stages_of,
    touches,
    why_not,
)
from benchmarks.catalogue.stamping import measured_of, stamped
from benchmarks.catalogue.store import Results, still_holds
from benchmarks.catalogue.tables import Book, page
from benchmarks.catalogue.trees import PRISTINE, Subject, shipped_names, subject_of
from benchmarks.entry_points.tables import STAMP
from patcher.bench.rounds import Rounds, TimedWork
from patcher.errors import PatcherError
from patcher.patchfile.model import Edit, EditKind
from tests.catalogue.support import CATALOGUE, PATCHES, repository

ABOUT = {
    "date": "2026-01-02",
    "commit": "0123456789",
    "device": "a processor, 2 cores",
    "python": "3.11.7",
    "versions": {"torch": "2.6.0"},
    "tree": "abc",
}


def subject(name: str) -> Subject:
    return subject_of(CATALOGUE, name)


def names(of: Subject) -> list[str]:
    return [patch.name for patch in of.series]


# Subjects


def test_a_subject_is_a_patch_a_set_or_several_joined() -> None:
    assert names(subject("t3_int8")) == ["t3_int8"]
    assert names(subject("@exact")) == list(CATALOGUE.sets["exact"].patches)
    remedied = subject("inference_mode+embed_ref_lens_clone")
    assert names(remedied) == ["inference_mode", "embed_ref_lens_clone"]
    assert names(subject("@exact+t3_int8"))[-1] == "t3_int8"
    assert subject(PRISTINE) == Subject(PRISTINE)


def test_a_subject_brings_what_it_requires_first(monkeypatch: pytest.MonkeyPatch) -> None:
    needing = replace(PATCHES["t3_int8"], requires=("t3_no_capture",))
    monkeypatch.setitem(CATALOGUE._read, "t3_int8", needing)
    assert names(subject("t3_int8")) == ["t3_no_capture", "t3_int8"]


def test_an_unknown_subject_is_an_error_that_names_the_nearest() -> None:
    with pytest.raises(PatcherError, match="t3_int9"):
        subject("t3_int8+t3_int9")


def test_everything_that_ships_is_a_subject_by_default() -> None:
    names = shipped_names(CATALOGUE)
    assert {*PATCHES, *(f"@{name}" for name in CATALOGUE.sets)} <= set(names)
    assert "inference_mode+embed_ref_lens_clone" in names


# Scope


@pytest.mark.parametrize("name", PATCHES)
def test_every_shipped_patch_maps_to_a_stage(name: str) -> None:
    assert stages_of(subject(name))


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("t3_int8", ["speech_tokens"]),
        ("t3_lean_step", ["speech_tokens"]),
        ("hift_fold_weight_norm", ["vocoder"]),
        ("cfm_attn_nomask", ["mel"]),
        ("cfm_int8", ["mel"]),
        ("channels_last_1d", ["mel", "vocoder"]),
        ("conds_cache", ["conditionals"]),
        ("inference_mode+embed_ref_lens_clone", ["conditionals", "vocoder"]),
        ("@exact", list(STAGES)),
        (PRISTINE, []),
    ],
)
def test_stages_follow_from_what_is_edited(name: str, stages: list[str]) -> None:
    assert list(stages_of(subject(name))) == stages


def test_an_edit_that_no_rule_knows_is_not_passed_over() -> None:
    edit = Edit("chatterbox/tts.py", EditKind.MATCH, "ChatterboxTTS.__init__", "a", "b")
    with pytest.raises(LookupError, match=r"ChatterboxTTS\.__init__"):
        touches(edit)


@pytest.mark.parametrize(
    ("part", "name", "device", "says"),
    [
        ("stages", "t3_int8", "cpu", ""),
        ("stages", "t3_int8", "cuda", CPU_ONLY["t3_int8"]),
        ("gates", "t3_int8", "cuda", CPU_ONLY["t3_int8"]),
        ("gates", "@fast-cpu", "cuda", ""),
        ("gates", "fork_drop_analyzer", "cpu", "for chatterbox-streaming"),
        ("gates", "inference_mode", "cpu", ""),
        ("stages", "inference_mode", "cpu", "documents a failure, see its gate"),
        ("stages", "inference_mode+embed_ref_lens_clone", "cpu", ""),
        ("gates", "mtl_hook_leak_fix", "cpu", ""),
        (
            "speed",
            "mtl_hook_leak_fix",
            "cpu",
            "for the multilingual model, which these generations do not use",
        ),
        ("counts", PRISTINE, "cpu", ""),
        ("stages", "generate_batch", "cpu", OWN_CALL["generate_batch"]),
        ("speed", "@throughput", "cuda", OWN_CALL["@throughput"]),
        ("gates", "@throughput", "cpu", ""),
        ("speed", "@fast-gpu", "cpu", GPU_ONLY["@fast-gpu"]),
        ("speed", "@fast-gpu", "cuda", ""),
    ],
)
def test_what_cannot_be_measured_is_said(part: str, name: str, device: str, says: str) -> None:
    assert why_not(part, subject(name), "chatterbox-tts", "0.1.7", device) == says


def test_whole_generations_are_for_sets_and_stages_for_patches_unless_named() -> None:
    patch, whole = subject("t3_int8"), subject("@exact")
    assert [belongs("stages", each, named=False) for each in (patch, whole)] == [True, False]
    assert [belongs("speed", each, named=False) for each in (patch, whole)] == [False, True]
    assert belongs("speed", patch, named=True)
    assert not belongs("gates", Subject(PRISTINE), named=True)
    assert [belongs("rates", each, named=True) for each in (Subject(PRISTINE), patch)] == [
        True,
        False,
    ]


def test_only_a_reproduction_by_itself_is_expected_to_fail() -> None:
    assert expected(subject("inference_mode")) == "fail"
    assert expected(subject("inference_mode+embed_ref_lens_clone")) == "pass"
    assert expected(subject("@exact")) == "pass"


# Results and the page


def test_processes_that_write_to_one_file_lose_nothing(tmp_path: Path) -> None:
    stores = [Results(tmp_path) for _ in range(8)]

    def write(number: int) -> None:
        for turn in range(5):
            stores[number].add("cpu", "gates", {f"{number}-{turn}": {}})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(Results(tmp_path).of("cpu", "gates")) == 40
    assert [path.name for path in tmp_path.rglob("*.*")] == ["gates.json"]


def test_a_result_holds_while_tree_machine_and_work_are_the_same() -> None:
    saved = {"about": ABOUT, "tokens": 100, "stages": {"mel": {"rounds": 6}}}
    later = {**ABOUT, "commit": "9876543210", "date": "2026-02-03"}
    assert still_holds(saved, later, 6, 100)
    assert not still_holds(None, later, 6, 100)
    assert not still_holds(saved, {**later, "tree": "def"}, 6, 100)
    assert not still_holds(saved, later, 8, 100)
    assert not still_holds(saved, later, 6, 25)
    assert still_holds({"about": ABOUT, "stages": {"Built-in voice/mel/0": "hash"}}, later, 6, 100)


def rendered(results: Any) -> list[str]:
    subjects = [subject(name) for name in (PRISTINE, *shipped_names(CATALOGUE))]
    return page(Book(results, subjects, "chatterbox-tts", "0.1.7")).splitlines()


def test_a_page_without_results_still_names_everything_and_why() -> None:
    lines = rendered({})
    by_stage = lines[lines.index("## Patches, by stage") :]
    for name in PATCHES:
        assert any(line.startswith(f"| `{name}` |") for line in by_stage), name
    (fork,) = [line for line in by_stage if line.startswith("| `fork_stream_scope` |")]
    assert fork.count("not applicable: for chatterbox-streaming") == 2
    (int8,) = [line for line in by_stage if line.startswith("| `t3_int8` |")]
    assert "not measured" in int8
    assert f"not applicable: {CPU_ONLY['t3_int8']}" in int8


def test_a_page_shows_each_device_beside_the_other_and_where_it_was_measured() -> None:
    pristine = Rounds([[TimedWork({"speech_tokens": 1.0}, 7)]] * 6)
    faster = Rounds([[TimedWork({"speech_tokens": 0.5}, 7)]] * 6)
    figures = {**compared(faster, pristine, "cpu"), "about": ABOUT}
    gate = {"verdict": "pass", "gate": "bitwise", "cases": {"pass": 9}, "worst": {}, "failures": []}
    results = {
        "cpu": {"stages-full": {"t3_lean_step": figures}},
        "cuda": {"gates": {"t3_lean_step": {**gate, "about": {**ABOUT, "device": "a GPU"}}}},
    }
    lines = rendered(json.loads(json.dumps(results)))
    ratio = "| 1 | 0.5 | 0.500 (0.500 to 0.500) | faster | 6 |"
    assert f"| `t3_lean_step` | T3 | 7 {ratio}  |  | not measured |  |  |" in lines
    assert "| `t3_lean_step` | bitwise | not measured |  |  | pass | 9 pass |  |" in lines
    assert "Measured 2026-01-02, commit 0123456789, a GPU; torch 2.6.0." in lines


def test_every_spec_says_what_the_results_say_of_it() -> None:
    results = Results(RESULTS).everything()
    for name, patch in PATCHES.items():
        hint = "`python -m benchmarks.catalogue specs` writes it"
        figures = tuple(line for line in patch.measured if not line.startswith(STAMP))
        assert figures == measured_of(patch, results), f"{name}: {hint}"


def test_the_readme_tells_the_sets_times_as_they_were_measured() -> None:
    readme = (repository() / "README.md").read_text("utf-8")
    for name in CATALOGUE.sets:
        (row,) = [line for line in readme.splitlines() if line.startswith(f"| `@{name}` |")]
        for folder, parts in Results(RESULTS).everything().items():
            if f"@{name}" not in parts.get("speed-full", {}):
                continue
            time = parts["speed-full"][f"@{name}"]["stages"]["generation"]
            ratio = f"{time['time_ratio']:.2f} ({time['low']:.2f} to {time['high']:.2f})"
            assert f" {ratio}, {time['verdict']} |" in row, folder


def test_figures_replace_those_before_and_leave_the_rest_of_a_spec_alone() -> None:
    spec = "patch: p\nedits: []\ntest:\n  - before: a\n"
    once = stamped(spec, ["T3: 0.5", 'a "b"'])
    assert once == (
        'patch: p\nedits: []\nmeasured:\n  - "T3: 0.5"\n  - "a \\"b\\""\ntest:\n  - before: a\n'
    )
    assert stamped(once, ["other"]) == spec.replace("test:", 'measured:\n  - "other"\ntest:')
    assert stamped(once, []) == spec
    assert stamped("patch: p\n", ["x"]) == 'patch: p\nmeasured:\n  - "x"\n'


def test_what_another_machine_measured_is_kept_apart() -> None:
    gate = {"verdict": "pass", "cases": {"pass": 9}, "worst": {}, "failures": []}
    kept = {"gates": {"cfm_half": {**gate, "about": {**ABOUT, "device": "an older CPU"}}}}
    lines = rendered({"older": kept})
    own = next(line for line in lines if line.startswith("| `cfm_half` | perceptual |"))
    assert own.startswith("| `cfm_half` | perceptual | not measured |")
    apart = lines[lines.index("### Kept from another machine: older") :]
    assert "| `cfm_half` | perceptual | pass | 9 pass |  |" in apart
    assert "Measured 2026-01-02, commit 0123456789, an older CPU; torch 2.6.0." in apart
    assert lines.count("### Kept from another machine: older") == 1


def test_bits_of_another_processor_or_number_of_threads_are_not_compared() -> None:
    loops = {
        loop: {"operations": 2, "dispatches": 3, "reads": 0, "uploads": 0}
        for loop in ("t3_step", "cfm_step", "vocoder")
    }
    base = {**loops, "stages": {"mel": "a"}, "facts": {"threads": 2}, "about": ABOUT}
    other = {**base, "facts": {"threads": 1}}
    lines = rendered({"cpu": {"counts-tiny": {PRISTINE: base, "t3_int8": other}}})
    assert any(
        line.startswith("| `t3_int8` | 2 (3)") and "not comparable" in line for line in lines
    )
    elsewhere = {**base, "about": {**ABOUT, "device": "another processor, 2 cores"}}
    lines = rendered({"cpu": {"counts-tiny": {PRISTINE: base, "t3_int8": elsewhere}}})
    assert any(
        line.startswith("| `t3_int8` | 2 (3)") and "not comparable" in line for line in lines
    )


# Interactions


def counted(t3: int, cfm: int) -> dict[str, Any]:
    loops = {
        loop: {"operations": operations, "dispatches": operations, "reads": 0, "uploads": 0}
        for loop, operations in (("t3_step", t3), ("cfm_step", cfm), ("vocoder", 9))
    }
    return {**loops, "stages": {}, "facts": {}, "about": ABOUT}


def test_operations_that_two_patches_both_spare_are_not_counted_twice() -> None:
    counts = {
        PRISTINE: counted(20, 30),
        "cfm_mask_sync": counted(20, 27),
        "cfm_attn_nomask": counted(20, 25),
        "cfm_mask_sync+cfm_attn_nomask": counted(20, 24),
    }
    subjects = [subject(name) for name in counts if "+" not in name]
    both = {each.loop: (each.alone, each.together) for each in savings(subjects, counts)}
    assert both == {"t3_step": (0, 0), "cfm_step": (8, 6), "vocoder": (0, 0)}
    del counts["cfm_mask_sync"]
    assert not list(savings(subjects, counts))


def timed(**ratios: float) -> dict[str, Any]:
    stages = {
        stage: {"time_ratio": r, "low": r, "high": r, "verdict": "faster", "rounds": 6,
                "seconds": r, "pristine_seconds": 1.0}
        for stage, r in ratios.items()
    }  # fmt: skip
    return {"stages": stages, "tokens": 100, "about": ABOUT}


def test_ratios_multiply_only_where_every_patch_was_timed_alone() -> None:
    joined = "t3_lean_step+t3_int8"
    stages = {"t3_lean_step": timed(speech_tokens=0.5), joined: timed(speech_tokens=0.2)}
    subjects = [subject(name) for name in (PRISTINE, "t3_lean_step", "t3_int8")]
    assert not list(times(subjects, stages, {}))
    stages["t3_int8"] = timed(speech_tokens=0.6)
    (product,) = times(subjects, stages, {})
    assert (product.subject.name, product.stage, product.alone) == (joined, "speech_tokens", 0.3)
    lines = rendered({"cpu": {"stages-full": stages}})
    row = f"| `{joined}` | T3 | a processor, 2 cores | 0.300 | 0.200 (0.200 to 0.200) | faster |"
    assert row in lines
