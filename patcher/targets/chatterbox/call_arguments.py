"""What a call asked of its parts, before the adapter caps it. Runs in a worker."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import inspect
    from collections.abc import Mapping, Sequence


def asked_of(
    method: str, signature: inspect.Signature, arguments: Sequence[Any], named: Mapping[str, Any]
) -> dict[str, Any]:
    """The plain values a part was asked with, defaults included, and its whole-number tensors.

    A tensor of floats is an intermediate result: what it holds is for the gates to judge.
    """
    try:
        bound = signature.bind(*arguments, **named)
    except TypeError:
        return {}  # the call itself is about to say so
    bound.apply_defaults()
    result: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if isinstance(value, str) and os.sep in value:
            continue  # a file, of which each worker has its own
        if value is None or isinstance(value, (bool, int, float, str)):
            result[f"{method}.{name}"] = value
        elif name == "text_tokens" and hasattr(value, "tolist"):
            result[f"{method}.{name}"] = value.tolist()
    return result
