"""Run on a tree for `test_behaviour`: what a generation leaves behind in the T3 it used, what the
CFM solver makes on a CPU with bfloat16 instructions and on one without, what int8 and another
layout make of them, or what the whole model dispatches.

The classes are the target's own, small. `probe_server` runs them.
"""

from __future__ import annotations

from typing import Any

from estimator import estimated, given_to_estimator, small_estimator  # beside this file
from int8_probes import int8_encoder, int8_flow, int8_t3
from t3_probes import compiled, static

GENERATIONS = 3


def probe(kind: str, given: Any = None) -> dict[str, Any]:
    """What one kind of probe says of the tree that is first on ``sys.path``."""
    if kind == "counts":
        return counts(given)
    special = {
        "flow": flow, "int8_t3": int8_t3, "int8_flow": int8_flow, "int8_encoder": int8_encoder,
        "layout": layout, "attention": attention, "static": static, "solver": solver_graph,
        "compiled": compiled,
    }  # fmt: skip
    return special[kind]() if kind in special else t3_of(kind)


def counts(assets: Any) -> dict[str, Any]:
    """What the catalogue's own counting says of a model from these assets."""
    from benchmarks.catalogue.counting import count
    from patcher.targets.adapter import Model, Opening
    from patcher.targets.chatterbox.serving import ChatterboxSession

    return count(ChatterboxSession(Opening(Model("base", {"weights": "base"}), assets, "cpu")))


def attention() -> dict[str, Any]:
    """By circumstance: what one self-attention of the decoder makes of the same states."""
    import torch

    estimator = small_estimator()
    attend = estimator.mid_blocks[0][1][0].attn1
    states, bias = torch.randn(2, 30, 64), torch.zeros(2, 1, 30)

    def result(supported: bool, *, grad: bool = False, **options: Any) -> list[float]:
        torch.cpu._is_avx512_bf16_supported = lambda: supported
        with torch.set_grad_enabled(grad):
            result: list[float] = attend(states, **options).flatten().tolist()
        return result

    results = {
        "without the instructions": result(False),
        "with them": result(True),
        "masked": result(True, attention_mask=bias),
        "in training": result(True, grad=True),
    }
    attend.to_k.register_forward_hook(lambda _part, _given, keys: keys * 0)
    return results | {"with a hook on the keys": result(True)}


def layout() -> dict[str, Any]:
    """By type: the decoder's output, and how many convolutions ran in two dimensions."""
    import torch
    from torch.nn import functional

    estimator, given = small_estimator(), given_to_estimator()
    convolve = functional.conv2d
    reported: dict[str, Any] = {}
    for dtype in (torch.float32, torch.bfloat16):
        turned: list[bool] = []

        def conv2d(*arguments: Any, turned: list[bool] = turned, **named: Any) -> Any:
            turned.append(arguments[0].is_contiguous(memory_format=torch.channels_last))
            return convolve(*arguments, **named)

        functional.conv2d = conv2d
        reported[str(dtype)] = estimated(estimator, given, dtype)[1]
        reported[f"turned {dtype}"] = turned
    return reported


def flow() -> dict[str, Any]:
    """A mel by whether the CPU says that it has bfloat16 instructions."""
    import torch
    from chatterbox.models.s3gen.flow_matching import CausalConditionalCFM

    estimator = small_estimator()
    solver = CausalConditionalCFM(spk_emb_dim=80, estimator=estimator).eval()
    mu, condition = torch.randn(2, 1, 80, 20).unbind()
    mask, speaker = torch.ones(1, 1, 20), torch.randn(1, 80)
    reported: dict[str, Any] = {}
    for has in (False, True):
        torch.cpu._is_avx512_bf16_supported = lambda has=has: has
        torch.manual_seed(1)
        mel, _ = solver(mu, mask, 4, spks=speaker, cond=condition)
        reported[f"mel_{has}"], reported["dtype"] = mel.flatten().tolist(), str(mel.dtype)
    return reported


def solver_graph() -> dict[str, Any]:
    """Mels of a solver whose steps a strict stand-in for a GPU captures and replays."""
    import copy

    import torch
    from chatterbox.models.s3gen import solver_graph
    from chatterbox.models.s3gen.flow_matching import CausalConditionalCFM

    from tests.gpu.standin import install

    device = install(torch)
    solver_graph.BUCKET, solver_graph.KEPT = 32, 3  # instead of 128 and 8
    solver = CausalConditionalCFM(spk_emb_dim=80, estimator=small_estimator()).eval()

    def mel(frames: int, seed: int, *, replayed: bool, spoilt: bool = False) -> Any:
        solver_graph.recorder = lambda _: solver_graph.recorded if replayed else None
        torch.manual_seed(seed)
        mu, condition = torch.randn(2, 1, 80, frames).unbind()
        mu[..., -1] = float("nan") if spoilt else mu[..., -1]
        mask, speaker = torch.ones(1, 1, frames), torch.randn(1, 80)
        made, _ = solver(mu, mask, 3, spks=speaker, cond=condition)
        return made

    def pair(frames: int, seed: int) -> float:
        """The largest difference between a plain and a replayed mel."""
        plain, replayed = (mel(frames, seed, replayed=each) for each in (False, True))
        return float((plain - replayed).abs().max())

    def captured() -> int:
        return device.calls["graph"]

    results: dict[str, Any] = {"size": float(mel(20, 1, replayed=False).abs().max())}
    results["apart"] = [pair(20, 1), pair(32, 2), pair(33, 3), pair(20, 4), pair(7, 5)]
    results["captured"] = captured()
    results["spoilt"] = bool(mel(30, 6, replayed=True, spoilt=True).isnan().any())
    results["after a NaN"] = pair(20, 7)
    with torch.no_grad():
        for weight in solver.parameters():
            weight.mul_(1.1)  # a graph reads the weights where they lie
    results["changed in place"] = pair(20, 8)
    results["still captured"] = captured()
    first = next(solver.estimator.mid_blocks.parameters())
    first.data = first.data * 2
    results["moved"] = pair(20, 9)
    results["captured anew"] = captured() - results["still captured"]
    before = captured()
    with torch.autocast("cpu", torch.bfloat16):
        results["half"] = pair(20, 10)
    with torch.no_grad():
        first.mul_(3)  # what autocast keeps of a weight may not be what a graph reads
    with torch.autocast("cpu", torch.bfloat16):
        results["half, changed"] = pair(20, 10)
    results["captured in half"] = captured() - before
    results["full after half"] = pair(20, 11)
    results["two at a time"] = two_at_a_time(torch, solver, solver_graph)
    results["kept by a copy"] = len(solver_graph._kept.get(copy.deepcopy(solver), ()))
    for frames in range(20, 20 + 32 * 5, 32):
        mel(frames, 1, replayed=True)
    results["kept"] = len(solver_graph._kept[solver])
    before, hook = captured(), lambda _part, _given, made: made * 0.5
    solver.estimator.mid_blocks[0][1][0].attn1.register_forward_hook(hook)
    results["hooked"] = [pair(20, 12), captured() - before]
    return results


def two_at_a_time(torch: Any, solver: Any, solver_graph: Any) -> list[float]:
    """Two utterances that take turns, each as far from its own plain steps."""
    solver_graph.recorder = lambda _: solver_graph.recorded
    apart = [0.0, 0.0]
    with torch.inference_mode():
        states = [torch.randn(2, 80, 20) for _ in apart]
        estimates = [solver_graph.static_estimate(solver, state) for state in states]
        given = [
            {"mask": None, "mu": torch.randn(2, 80, 20), "t": torch.rand(2),
             "spks": torch.randn(2, 80), "cond": torch.randn(2, 80, 20)}
            for _ in apart
        ]  # fmt: skip
        for _ in range(2):
            made = [e(x, **g) for e, x, g in zip(estimates, states, given, strict=True)]
            for index, each in enumerate(made):
                plain = solver.estimator.forward(states[index], **given[index])
                apart[index] = max(apart[index], float((each - plain).abs().max()))
    return apart


def t3_of(kind: str) -> dict[str, Any]:
    """Tokens, and what is left of hooks and state after each of some generations."""
    import torch
    from chatterbox.models.t3 import T3, llama_configs
    from chatterbox.models.t3.modules.cond_enc import T3Cond
    from chatterbox.models.t3.modules.t3_config import T3Config

    # The analyser looks at layers 9, 12 and 13.
    small = {"num_hidden_layers": 14, "intermediate_size": 64}
    llama_configs.LLAMA_CONFIGS["Llama_520M"].update(small)
    torch.manual_seed(0)
    t3 = T3(getattr(T3Config, kind)()).eval()
    text = torch.randint(10, 200, (1, 12))
    text[0, 0], text[0, -1] = t3.hp.start_text_token, t3.hp.stop_text_token

    def generate(guidance: float) -> list[int]:
        condition = T3Cond(
            speaker_emb=torch.ones(1, 256),
            cond_prompt_speech_tokens=torch.arange(150)[None],
            emotion_adv=0.5 * torch.ones(1, 1, 1),
        )
        rows = 2 if guidance else 1
        torch.manual_seed(3)
        actual = t3.inference(
            t3_cond=condition,
            text_tokens=text.repeat(rows, 1),
            max_new_tokens=6,
            cfg_weight=guidance,
        )
        tokens: list[int] = actual.flatten().tolist()
        return tokens

    reported: dict[str, Any] = {"keys": [len(t3.state_dict())], "hooks": [], "tokens": []}
    for _ in range(GENERATIONS):
        reported["tokens"].append(generate(0.5))
        reported["hooks"].append(sum(len(part._forward_hooks) for part in t3.tfmr.modules()))
        reported["keys"].append(len(t3.state_dict()))
    reported["attention"] = t3.tfmr.config._attn_implementation
    try:
        reported["without_guidance"] = generate(0.0)
    except RuntimeError as error:
        reported["without_guidance"] = str(error)
    return reported
