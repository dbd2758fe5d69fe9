"""Run on a tree by `test_behaviour`: steps of a small T3, replayed from a tape or compiled."""

from __future__ import annotations

from typing import Any


def small_t3() -> Any:
    """The target's own class with two narrow layers."""
    import torch
    from chatterbox.models.t3 import T3, llama_configs
    from chatterbox.models.t3.modules.t3_config import T3Config

    small = {"num_hidden_layers": 2, "intermediate_size": 64}
    llama_configs.LLAMA_CONFIGS["Llama_520M"].update(small)
    torch.manual_seed(0)
    return T3(T3Config.english_only()).eval()


def spoken(t3: Any, words: int, tokens: int = 8) -> list[int]:
    """Speech tokens for a text of random characters."""
    import torch
    from chatterbox.models.t3.modules.cond_enc import T3Cond

    text = torch.randint(10, 200, (1, words), generator=torch.Generator().manual_seed(words))
    text[0, 0], text[0, -1] = t3.hp.start_text_token, t3.hp.stop_text_token
    condition = T3Cond(
        speaker_emb=torch.ones(1, 256),
        cond_prompt_speech_tokens=torch.arange(150)[None],
        emotion_adv=0.5 * torch.ones(1, 1, 1),
    )
    torch.manual_seed(3)
    actual = t3.inference(
        t3_cond=condition, text_tokens=text.repeat(2, 1), max_new_tokens=tokens, stop_on_eos=False
    )
    speech: list[int] = actual.flatten().tolist()
    return speech


def compiled() -> dict[str, Any]:
    """By the kind of product: how many layers were compiled, and whether logits stay the same."""
    import torch
    from chatterbox.models.t3.inference import compiled_layer, lean_step
    from chatterbox.models.t3.inference.int8 import quantise

    t3 = small_t3()
    step = lean_step.LeanSteps.__call__
    logits: list[Any] = []
    layers: list[int] = []

    def noted(self: Any, **named: Any) -> Any:
        output = step(self, **named)
        logits.append(output.logits.clone())
        layers.append(sum(block.compiled is not None for block in self.blocks))
        return output

    def speak(compile_: Any) -> tuple[list[Any], int]:
        compiled_layer.compiled = compile_
        logits.clear()
        spoken(t3, 12)
        return list(logits), layers[-1]

    def beside_plain() -> dict[str, Any]:
        plain, none = speak(lambda _: None)
        compiled, count = speak(compiler)
        assert none == 0
        same = [torch.equal(one, other) for one, other in zip(plain, compiled, strict=True)]
        return {"layers": count, "same": all(same), "steps": len(same)}

    lean_step.LeanSteps.__call__ = noted
    compiler = compiled_layer.compiled
    reported = {"float": beside_plain()}
    quantise(t3.tfmr)
    reported["int8"] = beside_plain()
    t3.tfmr.layers[0].mlp.down_proj.register_forward_hook(lambda _part, _given, out: out * 2)
    reported["hooked"] = beside_plain()
    compiled_layer._functions.clear()
    torch.jit.script = lambda _: 1 / 0  # type: ignore[assignment]
    return reported | {"where nothing compiles": beside_plain()}


def taped(step: Any) -> Any:
    """What a CUDA graph does, on a CPU: the operations of one call, replayed on the same memory.

    Whatever Python decided while recording stays decided: a number, a branch, a shape.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    tape: list[tuple[Any, Any, Any, Any]] = []

    class Recording(TorchDispatchMode):
        def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), named: Any = None) -> Any:
            result = op(*args, **(named or {}))
            tape.append((op, args, named or {}, result))
            return result

    with Recording():
        output = step()

    def replay() -> Any:
        for op, args, named, known in tape:
            given = [each for each in tree_leaves((args, named)) if torch.is_tensor(each)]
            memory = {each.untyped_storage().data_ptr() for each in given}
            fresh = op(*args, **named)
            for new, old in zip(tree_leaves(fresh), tree_leaves(known), strict=True):
                if torch.is_tensor(old) and old.untyped_storage().data_ptr() not in memory:
                    old.copy_(new)
        return output

    return replay


def static() -> dict[str, Any]:
    """Tokens of a T3 whose steps are replayed from a tape, over the border of a bucket."""
    import torch
    from chatterbox.models.t3.inference import static_steps

    t3 = small_t3()
    recordings: list[Any] = []

    def record(step: Any) -> Any:
        recordings.append(step)
        return taped(step)

    def generate(words: int, replayed: bool) -> list[int]:
        static_steps.recorder = lambda _: record if replayed else None
        return spoken(t3, words)

    short, long = 12, 216  # the long one crosses into the next bucket
    results = {
        "plain": [generate(short, False), generate(long, False), generate(short, False)],
        "replayed": [generate(short, True), generate(long, True), generate(short, True)],
        "recordings": len(recordings),
    }
    with torch.no_grad():
        for part in t3.tfmr.parameters():
            part.mul_(1.01)  # a graph reads the weights where they lie
    results["plain"].append(generate(short, False))
    results["replayed"].append(generate(short, True))
    results["after a change in place"] = len(recordings)
    last = t3.tfmr.layers[-1].mlp.down_proj
    last.register_forward_hook(lambda _part, _given, out: out * 1000)
    results["hooked"] = [generate(short, False), generate(short, True)]
    results["with a hook"] = len(recordings)
    return results
