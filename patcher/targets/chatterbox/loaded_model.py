"""What the parts of a loaded Chatterbox need of its session, and tensors as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from patcher.targets.adapter import Buffer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from patcher.targets.adapter import Test


class LoadedModel(Protocol):
    """A session with a model in it, as `components` and `probes` see it.

    Attributes:
        speaker: the package's own model.
        sampling: the method of T3 that samples.
        cap: the most tokens a generation makes, or None.
        kept: what a captured run has recorded so far, or None.
        stage_s: seconds of each stage of the last run.
    """

    torch: Any
    speaker: Any
    device: str
    scale: str
    cap: int | None
    kept: dict[str, Any] | None
    stage_s: dict[str, float]

    @property
    def sampling(self) -> str: ...

    def begin(self, test: Test) -> str | None: ...

    def synchronize(self) -> None: ...

    def text_tokens(self, options: Mapping[str, Any]) -> Any: ...


def to_buffer(tensor: Any) -> Buffer:
    """A tensor's elements as bytes; bfloat16, which NumPy lacks, by its bit patterns."""
    import torch

    tensor = tensor.detach().cpu().contiguous()
    dtype = str(tensor.dtype).removeprefix("torch.")
    bits = tensor.view(torch.int16) if tensor.dtype is torch.bfloat16 else tensor
    return Buffer(dtype, tuple(tensor.shape), bits.numpy().tobytes())


def from_buffer(buffer: Buffer, device: str) -> Any:
    """The tensor `to_buffer` was given, on ``device``."""
    import torch

    dtype = getattr(torch, buffer.dtype)
    flat = torch.frombuffer(bytearray(buffer.data), dtype=dtype)
    return flat.reshape(buffer.shape).to(device)
