"""Replays in double precision: how far the baseline itself is from the exact result.

Runs in a worker on the baseline tree, for the reference rule of the gate `close`.
"""

from __future__ import annotations

import contextlib
import copy
from typing import TYPE_CHECKING, Any

from patcher.targets.chatterbox import components

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from patcher.targets.adapter import Buffer, Produced, Test
    from patcher.targets.chatterbox.loaded_model import LoadedModel


def exact_replay(session: LoadedModel, test: Test, recorded: Mapping[str, Buffer]) -> Produced:
    """`components.replay` with the weights, the conditionals and the recorded inputs in float64.

    The conditionals are computed in single precision first: they are an input here. Noise is drawn
    in single precision and widened, so that it is the noise the arms saw. What the package itself
    computes in single precision whatever it is given (rotary angles, the phase of the source)
    stays so in all three runs.
    """
    torch, speaker = session.torch, session.speaker
    clip = session.begin(test)
    if clip is not None:
        speaker.prepare_conditionals(clip)
    speaker.conds = copy.deepcopy(speaker.conds)
    widen(speaker.conds.t3.__dict__)
    widen(speaker.conds.gen)
    vocoder = speaker.s3gen.mel2wav
    parts = (speaker.t3, speaker.s3gen.flow, vocoder)
    window = vocoder.stft_window  # no buffer, so it does not follow the module
    for part in parts:
        part.double()
    vocoder.stft_window = window.double()
    torch.set_default_dtype(torch.float64)  # the source module makes tensors of the default type
    try:
        with narrow_draws(torch), double_masks():
            return components.replay_on(session, test, recorded, torch.float64)
    finally:
        torch.set_default_dtype(torch.float32)
        vocoder.stft_window = window
        for part in parts:
            part.float()


def widen(values: dict[str, Any]) -> None:
    """Make the floats among named tensors double."""
    for name, value in values.items():
        if hasattr(value, "is_floating_point") and value.is_floating_point():
            values[name] = value.double()


@contextlib.contextmanager
def narrow_draws(torch: Any) -> Iterator[None]:
    """Draw random numbers in single precision whatever they are drawn for, and widen them."""
    normal, uniform = torch.randn_like, torch.rand

    def randn_like(like: Any, **named: Any) -> Any:
        return normal(like.float(), **named).to(like.dtype)

    def rand(*shape: Any, dtype: Any = None, **named: Any) -> Any:
        return uniform(*shape, dtype=torch.float32, **named).to(dtype or torch.float64)

    torch.randn_like, torch.rand = randn_like, rand
    try:
        yield
    finally:
        torch.randn_like, torch.rand = normal, uniform


@contextlib.contextmanager
def double_masks() -> Iterator[None]:
    """Let the flow's decoder make attention biases in double precision; it asserts against it."""
    from chatterbox.models.s3gen import decoder

    make = decoder.mask_to_bias

    def bias(mask: Any, dtype: Any) -> Any:
        return make(mask, mask.float().dtype).to(dtype)

    decoder.mask_to_bias = bias
    try:
        yield
    finally:
        decoder.mask_to_bias = make
