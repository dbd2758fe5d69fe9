"""Runs in a worker, on a session: count what a subject dispatches, and let it live long."""

from __future__ import annotations

import gc
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Test

if TYPE_CHECKING:
    from patcher.targets.chatterbox.serving import ChatterboxSession

BUILT_IN = "Built-in voice"
TEXT = "Measure twice, cut once."
LONGEST = TEXT * (2040 // len(TEXT)), 1000  # the model takes 2048 text tokens, and speaks 1000
STEPS = 6  # tokens: the difference to one token less is one step
CFM_STEPS = 10
KINDS = {
    "reads": {"item", "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select"},
    "uploads": {"lift_fresh"},
}


def count(session: ChatterboxSession) -> dict[str, Any]:
    """Dispatches, operations and synchronisation points of the three inner loops."""
    speaker = session.speaker
    run(session, 2)  # what is made once is made now
    tokens = {steps: counted_generation(session, steps) for steps in (STEPS - 1, STEPS)}
    speech = session.torch.arange(30, device=session.device)

    def flow(steps: int) -> tuple[Counter[str], Any]:
        session.torch.manual_seed(0)
        with session.torch.inference_mode(), counting() as result:
            mel = speaker.s3gen.flow_inference(
                speech, ref_dict=dict(session.built_in.gen), n_cfm_timesteps=steps, finalize=True
            )
        return result, mel

    fewer, _ = flow(CFM_STEPS - 1)
    steps, mel = flow(CFM_STEPS)
    with session.torch.inference_mode(), counting() as vocoder:
        speaker.s3gen.hift_inference(mel, None)
    return {
        "t3_step": less(tokens[STEPS], tokens[STEPS - 1]),
        "cfm_step": less(steps, fewer),
        "vocoder": dict(vocoder),
        "stages": produced(session),
    }


def run(session: ChatterboxSession, tokens: int) -> Any:
    """One generation in the built-in voice."""
    return session.run(in_voice(BUILT_IN, TEXT, tokens, seed=1), capture=True)


def in_voice(name: str, text: str, tokens: int, seed: int) -> Test:
    """A generation in the built-in voice, or in that of a clip by its key."""
    reference = None if name == BUILT_IN else json.loads(name)
    return Test(name, {"text": text, "tokens": tokens, "reference": reference}, seed)


def less(more: Counter[str], fewer: Counter[str]) -> dict[str, int]:
    return {key: more[key] - fewer[key] for key in more}


def counted_generation(session: ChatterboxSession, tokens: int) -> Counter[str]:
    """Everything T3 dispatches for a generation of so many tokens."""
    t3 = session.speaker.t3
    inference = t3.inference
    counts: list[Counter[str]] = []

    def counted(**named: Any) -> Any:
        with counting() as result:
            counts.append(result)
            return inference(**named)

    t3.inference = counted
    try:
        run(session, tokens)
    finally:
        t3.inference = inference
    return counts[0]


def produced(session: ChatterboxSession) -> dict[str, str]:
    """Hashes of all stages in the built-in voice, and twice in each cloned one."""
    hashes: dict[str, str] = {}
    for name in (BUILT_IN, *session.assets["clips"], *session.assets["clips"]):
        result = session.run(in_voice(name, TEXT, 12, seed=7), capture=True)
        for stage, buffer in result.stages.items():
            number = sum(key.startswith(f"{name}/{stage}") for key in hashes)
            hashes[f"{name}/{stage}/{number}"] = buffer.sha256
    return hashes


@contextmanager
def counting() -> Iterator[Counter[str]]:
    """Count everything that reaches the dispatcher.

    An *operation* computes: it writes into an argument or makes memory of its own. Views, and
    conversions that find nothing to convert, are dispatches but not operations. A *read* makes the
    host wait for a value; an *upload* makes a tensor of a number of the host.
    """
    from torch import Tensor
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    collected: Counter[str] = Counter(dict.fromkeys(("dispatches", "operations", *KINDS), 0))

    def storages(values: Any) -> set[int]:
        tensors = (leaf for leaf in tree_leaves(values) if isinstance(leaf, Tensor))
        return {tensor.untyped_storage()._cdata for tensor in tensors}

    class Mode(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(
            self, function: Any, types: Any, arguments: Any = (), named: Any = None
        ) -> Any:
            result = function(*arguments, **(named or {}))
            name = function.overloadpacket.__name__
            made = storages(result) - storages((arguments, named))
            collected["dispatches"] += 1
            collected["operations"] += bool(made) or function._schema.is_mutable
            for kind, names in KINDS.items():
                collected[kind] += name in names
            return result

    with Mode():
        yield collected


def live(session: ChatterboxSession, generations: int) -> dict[str, Any]:
    """Many generations in one process, voices and lengths changing; what grew, if anything."""
    marks = []
    voices = [BUILT_IN, *session.assets["clips"]]
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / "voice.wav"  # one more voice, which changes on disk
        for number in range(generations):
            voice = voices[number % len(voices)]
            if number % 50 == 20 and (clips := session.assets["clips"]):
                again.write_bytes(Path(next(iter(clips.values()))["path"]).read_bytes())
                voice = json.dumps(str(again))
                session.assets["clips"][voice] = {"path": str(again)}
            text, tokens = TEXT * (1 + number % 3), 4 + number % 9
            if number % 50 == 10:  # before the first size is taken that is compared with
                text, tokens = LONGEST
            test = in_voice(voice, text, tokens, seed=number)
            session.run(test, capture=False)
            if (number + 1) % (generations // 10) == 0:
                marks.append({"generation": number + 1, **size(session)})
    return {"marks": marks}


def size(session: ChatterboxSession) -> dict[str, Any]:
    """Of this process and this model."""
    gc.collect()
    torch, speaker = session.torch, session.speaker
    modules = [*speaker.t3.modules(), *speaker.s3gen.modules(), *speaker.ve.modules()]
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    device = session.device == "cuda"
    return {
        "rss_mib": round(pages * 4096 / 2**20, 1),
        "device_mib": round(torch.cuda.memory_allocated() / 2**20, 1) if device else None,
        "modules": len(modules),
        "hooks": sum(len(each._forward_hooks) + len(each._forward_pre_hooks) for each in modules),
        "state": len(speaker.t3.state_dict()) + len(speaker.s3gen.state_dict()),
        "tensors": sum(issubclass(type(each), torch.Tensor) for each in gc.get_objects()),
        "voices": len(getattr(speaker, "_voices", ())),
    }
