"""Gates are found where they are defined, and run in their order."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from docs.render_gates import PAGE, render
from patcher.execution.results import Arm, Case, CaseResult, Outcome
from patcher.gates import registry
from patcher.gates.registry import Gate, Pair, gate_of, gates, run_gates
from patcher.gates.result import GateResult
from patcher.patchfile.model import Equivalence


def pair() -> Pair:
    baseline, patched = (CaseResult(Case("m", "t"), arm, Outcome.OK) for arm in Arm)
    return Pair(baseline, patched)


def verdicts(**passed: bool | None) -> tuple[Gate, ...]:
    """Gates in this order that say what they are told to."""

    def judge(name: str) -> GateResult | None:
        verdict = passed[name]
        return None if verdict is None else GateResult(name, verdict)

    claims = {claim.value: claim for claim in Equivalence}
    return tuple(
        Gate(
            name,
            order,
            "a toy",
            lambda _, name=name: judge(name),  # type: ignore[misc]
            claim=claims.get(name),
            settles=name == "bitwise",
        )
        for order, name in enumerate(passed)
    )


@pytest.mark.parametrize(
    ("claim", "passed", "expected"),
    [
        ("bitwise", {"smoke": True, "bitwise": True}, ["smoke", "bitwise"]),
        ("bitwise", {"smoke": False, "bitwise": True}, ["smoke"]),
        ("close", {"smoke": True, "bitwise": True, "close": False}, ["smoke", "bitwise"]),
        ("close", {"smoke": True, "bitwise": False, "close": True}, ["smoke", "close"]),
        ("bitwise", {"smoke": True, "bitwise": False, "close": True}, ["smoke", "bitwise"]),
        ("close", {"smoke": None, "bitwise": False, "close": False}, ["close"]),
    ],
    ids=[
        "all for bitwise",
        "the first failure ends it",
        "equal bits need no looser gate",
        "a looser claim may miss the bits",
        "a bitwise claim may not",
        "nothing to say is passed over",
    ],
)
def test_gates_run_in_order_by_the_claim(
    claim: str, passed: dict[str, bool | None], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = verdicts(**passed)
    monkeypatch.setattr(registry, "gates", lambda: made)
    assert [result.gate for result in run_gates(pair(), Equivalence(claim))] == expected


def test_every_claim_has_its_gate() -> None:
    for claim in Equivalence:
        assert gate_of(claim).name == claim.value
    assert [gate.name for gate in gates()][:2] == ["smoke", "bitwise"]


def test_the_page_lists_the_gates_and_their_limits() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert render(text) == text, "run `make docs`"


def test_a_new_module_is_a_new_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import patcher.gates

    (tmp_path / "loudness.py").write_text(
        "from patcher.gates.registry import Gate\n"
        "from patcher.gates.result import GateResult\n"
        "GATE = Gate('loudness', 5, 'how loud', lambda pair: GateResult('loudness', False))\n"
    )
    monkeypatch.setattr(patcher.gates, "__path__", [*patcher.gates.__path__, str(tmp_path)])
    gates.cache_clear()
    try:
        assert [gate.name for gate in gates()].index("loudness") == 1
        assert [result.gate for result in run_gates(pair(), Equivalence.BITWISE)] == [
            "smoke",
            "loudness",
        ]
    finally:
        gates.cache_clear()
        sys.modules.pop("patcher.gates.loudness", None)
