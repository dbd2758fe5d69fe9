"""The least a stage can take on a processor, by arithmetic. Pure.

T3's tokens cost reading: every weight once a token, and the keys and values so far. Its prompt, the
flow and the vocoder cost operations. Both are counted on pristine (`counting.work`), and divided by
what the processor reads and multiplies at (`rates`), in the form that a subject's patches choose
there. Whatever else a stage does, norms, layouts, launches, is above the floor.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Form:
    """Numbers of a precision.

    Attributes:
        rate: the name of its measured product among the rates.
        width: bytes of a weight.
    """

    name: str
    rate: str
    width: float


FLOAT32 = Form("float32", "product", 4)
BFLOAT16 = Form("bfloat16", "product_bfloat16", 2)
INT8 = Form("int8", "product_int8", 1)
CACHE_BYTES = 4  # of a key or a value: no patch stores them in another form


def t3_form(patches: Collection[str]) -> Form:
    """How T3's weights are kept."""
    if "t3_int8" in patches:
        return INT8
    return BFLOAT16 if "t3_bf16" in patches else FLOAT32


def flow_form(patches: Collection[str], device: str) -> Form:
    """How the flow multiplies on a processor of that name (`about.processor_name`)."""
    if "flow_int8" in patches:
        return INT8
    if "bfloat16" in device or "AMX" in device:
        return BFLOAT16 if "cfm_half" in patches else FLOAT32
    return INT8 if "cfm_int8" in patches else FLOAT32


def floors(
    patches: Collection[str], device: str, rates: Mapping[str, float], work: Mapping[str, Any]
) -> dict[str, float]:
    """Seconds by stage.

    Args:
        rates: 10⁹ operations or bytes a second, by the names of `rates`.
        work: what `counting.work` counted of a generation on pristine.
    """
    t3, flow = t3_form(patches), flow_form(patches, device)
    speech = work["speech_tokens"]
    read = speech["tokens"] * speech["weights"] * t3.width + speech["cached"] * CACHE_BYTES
    return {
        "speech_tokens": (read / rates["read"] + speech["prompt"] / rates[t3.rate]) / 1e9,
        "mel": work["mel"] / rates[flow.rate] / 1e9,
        "vocoder": work["vocoder"] / rates[FLOAT32.rate] / 1e9,
    }
