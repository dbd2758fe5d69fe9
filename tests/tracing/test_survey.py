"""Everything a call does that a patch could break."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.tracing.programs import line_of, program

torch = pytest.importorskip("torch")


def observed(folder: Path, acts: Mapping[str, Callable[[], object]], **more: Any) -> Any:
    from patcher.worker.tracing.survey import observe

    return observe(acts, str(folder), **more)


def test_an_update_knows_its_maker_and_both_modes(tmp_path: Path) -> None:
    module = program(
        tmp_path,
        """
        import torch


        @torch.no_grad()
        def make():
            return torch.zeros(3)


        def run():
            x = make()
            x += 1
        """,
    )
    actual = observed(tmp_path, {"first": module.run, "second": module.run})
    (event,) = actual["events"]
    at, made = (actual["places"][event[key]] for key in ("at", "made"))
    assert at == ["voice.py", line_of(tmp_path, "x += 1"), "run", "x += 1"]
    assert made[1:3] == [line_of(tmp_path, "return torch.zeros"), "make"]
    assert [actual["scopes"][each]["function"] for each in event["made_scopes"]] == ["make"]
    assert event["scopes"] == []
    assert (event["count"], event["acts"], event["shape"]) == (2, ["first", "second"], [3])


def test_a_convolution_knows_its_module_rank_dtype_and_layout(tmp_path: Path) -> None:
    module = program(
        tmp_path,
        """
        import torch


        class Vocoder(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.ups = torch.nn.ModuleList([torch.nn.Conv1d(2, 2, 1)])

            def forward(self, x):
                return self.ups[0](x)
        """,
    )
    vocoder = module.Vocoder()
    actual = observed(tmp_path, {"run": lambda: vocoder(torch.zeros(1, 2, 5))})
    (row,) = actual["convolutions"]
    (fact,) = row["facts"]
    assert fact == [3, "float32", "contiguous", 3, "float32", "contiguous", "Vocoder.ups.0"]
    assert actual["places"][row["at"]][2] == "Vocoder.forward"


def test_a_refused_memory_format_is_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    module = program(
        tmp_path,
        """
        import torch


        def run():
            x = torch.zeros(1, 2, 3).to(memory_format=torch.channels_last)
            y = torch.zeros(1, 2, 3).contiguous(memory_format=torch.channels_last)
            z = torch.zeros(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
            return x + 1, y + 1, z + 1
        """,
    )
    actual = observed(tmp_path, {"run": module.run})
    assert actual["failures"] == []
    facts = [row["facts"][0][:3] for row in actual["conversions"]]
    assert facts == [["channels_last", 4, rank] for rank in (3, 3, 4)]


def test_dtypes_that_do_not_mix_are_recorded_and_the_run_goes_on(tmp_path: Path) -> None:
    module = program(
        tmp_path,
        """
        import torch


        def run():
            half, full = torch.ones(2, 2, dtype=torch.bfloat16), torch.ones(2, 2)
            added = half + full
            return torch.mm(half, full) + added
        """,
    )
    actual = observed(tmp_path, {"run": module.run})
    assert actual["failures"] == []
    (refused,) = actual["refusals"]
    assert refused["facts"][0][0] == "mm"
    assert ["add", "bfloat16", "float32"] in [row["facts"][0] for row in actual["mixed"]]


def test_a_wait_for_the_device_is_counted_and_timed(tmp_path: Path) -> None:
    module = program(
        tmp_path,
        """
        def run(x):
            return [x[i].item() for i in range(3)]
        """,
    )
    actual = observed(tmp_path, {"run": lambda: module.run(torch.ones(3))})
    (row,) = actual["synchronisations"]
    assert (row["count"], row["facts"]) == (3, [["_local_scalar_dense"]])
    assert row["wall_s"] > 0


def test_an_act_that_raises_is_explained_and_the_next_one_runs(tmp_path: Path) -> None:
    module = program(
        tmp_path,
        """
        import torch


        def bad():
            return torch.zeros(2) + torch.zeros(3)


        def good():
            return torch.zeros(2).add_(1)
        """,
    )
    actual = observed(tmp_path, {"bad": module.bad, "good": module.good})
    (failure,) = actual["failures"]
    assert (failure["act"], failure["at"]["function"]) == ("bad", "bad")
    assert [event["acts"] for event in actual["events"]] == [["good"]]


def test_the_tests_of_watched_lines_are_followed_act_by_act(tmp_path: Path) -> None:
    module = program(
        tmp_path,
        """
        def run(x, n):
            if n > 2:
                x[0] = n
        """,
    )
    line = line_of(tmp_path, "x[0]")
    actual = observed(
        tmp_path,
        {name: (lambda n=n: module.run(torch.zeros(2), n)) for name, n in {"a": 1, "b": 3}.items()},
        watch=[{"file": "voice.py", "line": line}],
    )
    assert [
        (each["act"], each["reached"], each["seen"][0]["held"]) for each in actual["watched"]
    ] == [
        ("a", 0, False),
        ("b", 1, True),
    ]


def test_a_survey_leaves_torch_as_it_was(tmp_path: Path) -> None:
    before = (torch.nn.Parameter.__new__, torch.frombuffer, torch.no_grad.__enter__)
    observed(tmp_path, {"run": lambda: torch.nn.Parameter(torch.zeros(2))})
    assert (torch.nn.Parameter.__new__, torch.frombuffer, torch.no_grad.__enter__) == before
    parameter = torch.nn.Parameter(torch.zeros(2))
    assert torch.nn.modules.module._global_forward_pre_hooks == {}
    assert parameter.requires_grad
