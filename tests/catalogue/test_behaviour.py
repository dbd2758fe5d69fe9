"""What patches change that no clock can blur: nothing leaks, nothing is stored twice, guidance can
be off, what a CPU cannot do fast is left alone, there is less to do and nothing to wait for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from benchmarks.catalogue.measure import Lab
from benchmarks.catalogue.trees import Subject, Target
from patcher.commands.shared.verify_request import cache_folder
from tests.catalogue.support import CATALOGUE, repository
from tests.compiled_before import variables

pytestmark = [
    pytest.mark.chatterbox,
    pytest.mark.skipif(find_spec("chatterbox") is None, reason="chatterbox-tts is not installed"),
]
Probed = Mapping[str, Any]


@pytest.fixture(scope="module")
def probed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Probed]]:
    """What the probe says of a model on a tree with some patches."""
    lab = Lab(Target(), "cpu", cache_folder(), print)
    compiled = variables(tmp_path_factory.mktemp("probes") / "compiled")
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("probe_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env={**os.environ, **compiled, "PYTHONPATH": str(repository())},
    ) as server:
        assert server.stdin
        assert server.stdout
        requests, answers = server.stdin, server.stdout

        @cache
        def probe(kind: str, *names: str) -> Probed:
            subject = Subject(" ".join(names), tuple(CATALOGUE.expand(names)))
            given = lab.assets("tiny").values if kind == "counts" else None
            with lab.target.frozen(subject) as tree:
                print(json.dumps([str(tree.path), kind, given]), file=requests)
                actual: Probed | None = json.loads(answers.readline())
            assert actual is not None, f"the probe {kind} failed"
            return actual

        yield probe
        requests.close()


MULTILINGUAL = ("t3_reuse_backend", "t3_lean_step", "mtl_hook_leak_fix", "cfg_zero_single_batch")


def test_pristine_multilingual_gains_three_hooks_a_generation(probed: Any) -> None:
    first, second, third = probed("multilingual")["hooks"]
    assert second - first == third - second == 3


def test_mtl_hook_leak_fix_leaves_no_hook_and_the_attention_as_it_was(probed: Any) -> None:
    reported = probed("multilingual", *MULTILINGUAL)
    assert len(set(reported["hooks"])) == 1
    assert reported["hooks"][0] == probed("multilingual")["hooks"][0] - 3
    assert reported["attention"] == "sdpa"


def test_a_multilingual_model_says_the_same_with_its_patches(probed: Any) -> None:
    assert probed("multilingual", *MULTILINGUAL)["tokens"] == probed("multilingual")["tokens"]


def test_pristine_stores_weights_twice_after_a_generation(probed: Any) -> None:
    before, after = probed("multilingual")["keys"][:2]
    assert after > before


def test_t3_reuse_backend_keeps_state_as_it_was_loaded(probed: Any) -> None:
    assert len(set(probed("multilingual", *MULTILINGUAL)["keys"])) == 1


def test_pristine_fails_without_guidance(probed: Any) -> None:
    assert "Sizes of tensors must match" in probed("multilingual")["without_guidance"]


def test_cfg_zero_single_batch_speaks_without_guidance(probed: Any) -> None:
    assert len(probed("multilingual", *MULTILINGUAL)["without_guidance"]) == 6


def test_cfm_half_keeps_the_bits_on_a_cpu_without_bfloat16_instructions(probed: Any) -> None:
    assert probed("flow", "cfm_half")["mel_False"] == probed("flow")["mel_False"]


def test_cfm_half_solves_in_bfloat16_where_the_cpu_has_instructions_for_it(probed: Any) -> None:
    reported = probed("flow", "cfm_half")
    mel, half = reported["mel_False"], reported["mel_True"]
    assert mel != half
    assert half == pytest.approx(mel, abs=0.05)
    assert reported["dtype"] == "torch.float32"


def test_cfm_attn_half_attends_in_bfloat16_where_the_cpu_has_instructions_for_it(
    probed: Any,
) -> None:
    plain = probed("attention")["without the instructions"]
    half = probed("attention", "cfm_attn_nomask", "cfm_attn_half")
    assert half["without the instructions"] == plain
    assert half["with them"] != plain
    assert distance(half["with them"], plain) < 0.01


@pytest.mark.parametrize("circumstance", ["masked", "in training"])
def test_cfm_attn_half_leaves_a_padded_batch_and_training_to_the_bit(
    probed: Any, circumstance: str
) -> None:
    half = probed("attention", "cfm_attn_nomask", "cfm_attn_half")
    assert half[circumstance] == probed("attention")[circumstance]


def test_cfm_attn_half_respects_a_hook_on_a_product(probed: Any) -> None:
    hooked = probed("attention", "cfm_attn_nomask", "cfm_attn_half")["with a hook on the keys"]
    assert distance(hooked, probed("attention")["with a hook on the keys"]) < 0.01
    assert hooked != probed("attention", "cfm_attn_nomask", "cfm_attn_half")["with them"]


def test_t3_int8_has_the_numbers_of_the_librarys_own_quantisation(probed: Any) -> None:
    reported = probed("int8_t3", "t3_int8")
    assert reported["apart"] == reported["library"]
    assert reported["float_linears"] == 0


def test_linears_of_one_input_are_one_int8_matrix_and_each_takes_its_columns(probed: Any) -> None:
    reported = probed("int8_t3", "t3_int8")
    assert reported["as_one"] == reported["apart"]
    assert reported["mixed"] == reported["apart"], "other inputs in between change nothing"


def test_an_int8_model_is_the_same_after_a_pickle(probed: Any) -> None:
    reported = probed("int8_t3", "t3_int8")
    assert reported["after a pickle"] == reported["apart"]


COMPILED = ("t3_reuse_backend", "t3_lean_step", "t3_int8")


@pytest.mark.parametrize(("kind", "layers"), [("float", 2), ("int8", 2), ("hooked", 1)])
def test_a_compiled_layer_gives_the_bits_of_the_plain_one(
    probed: Any, kind: str, layers: int
) -> None:
    reported = probed("compiled", *COMPILED)[kind]
    assert reported["same"]
    assert reported["steps"] >= 7
    # Narrow products have the plain ones' bits on some machines alone.
    assert reported["layers"] in ({0, layers} if kind == "float" else {layers})


def test_where_nothing_can_be_compiled_layers_stay_plain(probed: Any) -> None:
    reported = probed("compiled", *COMPILED)["where nothing compiles"]
    assert (reported["layers"], reported["same"]) == (0, True)


STATIC = ("t3_reuse_backend", "t3_lean_step", "t3_static_graph")


def test_replayed_steps_say_what_plain_steps_say(probed: Any) -> None:
    """The tape does on a CPU what a CUDA graph does: it freezes whatever Python decided."""
    reported = probed("static", *STATIC)
    assert reported["replayed"] == reported["plain"]
    assert len(reported["plain"][1]) == 8


def test_a_bucket_is_recorded_once_and_replayed_for_later_utterances(probed: Any) -> None:
    reported = probed("static", *STATIC)
    assert reported["recordings"] == 2
    assert reported["after a change in place"] == 2


def test_a_hooked_decoder_is_not_recorded(probed: Any) -> None:
    reported = probed("static", *STATIC)
    assert reported["hooked"][0] == reported["hooked"][1] != reported["plain"][-1]
    assert reported["with a hook"] == 2


SOLVER = ("cfm_mask_sync", "cfm_attn_nomask", "cfm_solver_graph")
CLOSE = 1e-4  # of mels whose largest value is above 1


def test_replayed_solver_steps_are_the_plain_ones_for_every_length(probed: Any) -> None:
    """The stand-in is as strict as a GPU: it may not wait, and what Python decided stays."""
    reported = probed("solver", *SOLVER)
    assert reported["size"] > 1
    assert max(reported["apart"]) < CLOSE
    assert reported["captured"] == 2, "lengths up to a bucket's share a graph"


def test_an_utterance_leaves_nothing_behind_in_the_buffers_of_the_next(probed: Any) -> None:
    reported = probed("solver", *SOLVER)
    assert reported["spoilt"]
    assert reported["after a NaN"] < CLOSE


def test_a_solver_graph_follows_the_weights(probed: Any) -> None:
    reported = probed("solver", *SOLVER)
    assert reported["changed in place"] < CLOSE
    assert reported["still captured"] == reported["captured"]
    assert reported["moved"] < CLOSE
    assert reported["captured anew"] == 1


def test_a_solver_graph_is_of_one_precision(probed: Any) -> None:
    reported = probed("solver", *SOLVER)
    assert reported["captured in half"] == 1
    assert reported["half"] < 0.1
    assert reported["half, changed"] < 0.1
    assert reported["full after half"] < CLOSE


def test_utterances_that_take_turns_have_a_solver_graph_each(probed: Any) -> None:
    assert max(probed("solver", *SOLVER)["two at a time"]) < CLOSE


def test_solver_graphs_are_let_go_of_and_do_not_travel_with_a_copy(probed: Any) -> None:
    reported = probed("solver", *SOLVER)
    assert reported["kept"] == 3
    assert reported["kept by a copy"] == 0


def test_a_hooked_estimator_is_not_recorded(probed: Any) -> None:
    assert probed("solver", *SOLVER)["hooked"] == [0.0, 0]


def test_cfm_int8_quantises_the_transformer_blocks_and_nothing_else(probed: Any) -> None:
    reported = probed("int8_flow", "cfm_int8")
    assert reported["float_in_blocks"] == []
    assert reported["float_elsewhere"]
    assert 0 < distance(reported["int8"][1], reported["plain"][1]) < 0.05


def test_flow_int8_quantises_the_encoders_blocks_as_well(probed: Any) -> None:
    reported = probed("int8_encoder", "flow_int8")
    assert reported["float_in_blocks"] == []
    assert 0 < distance(reported["int8"], reported["plain"]) < 0.05


def test_cfm_int8_works_in_a_decoder_that_is_cast_later(probed: Any) -> None:
    reported = probed("int8_flow", "cfm_int8")
    dtype, mel = reported["cast"]
    assert dtype == "torch.bfloat16"
    assert distance(mel, reported["plain"][1]) < 0.05


def test_channels_last_1d_turns_the_convolutions_of_float32(probed: Any) -> None:
    reported, plain = probed("layout", "channels_last_1d"), probed("layout")
    assert all(reported["turned torch.float32"])
    assert len(reported["turned torch.float32"]) > 0 == len(plain["turned torch.float32"])
    assert distance(reported["torch.float32"], plain["torch.float32"]) < 1e-5


def test_channels_last_1d_leaves_half_precision_on_a_cpu_to_the_bit(probed: Any) -> None:
    reported, plain = probed("layout", "channels_last_1d"), probed("layout")
    assert reported["torch.bfloat16"] == plain["torch.bfloat16"]
    assert reported["turned torch.bfloat16"] == []


# A compiled layer makes more views than the plain one, at no cost in Python.
@pytest.mark.parametrize(("measure", "share"), [("operations", 0.75), ("dispatches", 0.85)])
def test_a_t3_step_of_the_exact_set_takes_less(probed: Any, measure: str, share: float) -> None:
    now, then = (probed("counts", *names)["t3_step"] for names in (["@exact"], []))
    assert now[measure] <= share * then[measure]


def test_a_cfm_step_of_the_exact_set_waits_for_nothing(probed: Any) -> None:
    assert probed("counts")["cfm_step"]["reads"] > 0
    assert probed("counts", "@exact")["cfm_step"]["reads"] == 0


def test_a_t3_step_of_the_exact_set_waits_for_its_token_alone(probed: Any) -> None:
    step = probed("counts", "@exact")["t3_step"]
    assert (step["reads"], step["uploads"]) == (1, 0)


def test_the_exact_set_gives_every_voice_to_the_bit(probed: Any) -> None:
    stages = probed("counts")["stages"]
    assert {name.split("/")[1] for name in stages} >= {"speech_tokens", "mel", "waveform"}
    assert probed("counts", "@exact")["stages"] == stages


def distance(actual: Sequence[float], expected: Sequence[float]) -> float:
    """Mean difference, as a share of the mean size."""
    apart = [abs(a - b) for a, b in zip(actual, expected, strict=True)]
    return sum(apart) / sum(map(abs, expected))
