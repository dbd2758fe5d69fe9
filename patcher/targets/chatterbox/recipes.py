"""Recipes that turn a loaded model into another one of the matrix. Runs in a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import NotApplicable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def mixed_precision_quantized(speaker: Any, device: str) -> list[str]:
    """Half-precision flow estimator; on the CPU the T3's linears quantised to int8 as well.

    - the estimator of the flow (`S3Gen.flow.decoder.estimator`) becomes bfloat16 on the CPU and
      float16 elsewhere; the solver around it casts its inputs by the estimator's dtype, and where
      a version of the package has no such solver, they are cast here;
    - ``t3.tfmr``'s linears become dynamically quantised int8, on the CPU only: torch has no such
      kernel for other devices.

    A part that a patch has already converted is left as the patch made it.

    Returns:
        what was done, for the report.

    Raises:
        NotApplicable: nothing was left to convert, or this torch cannot do it.
    """
    import torch

    done = []
    estimator = speaker.s3gen.flow.decoder.estimator
    half = torch.bfloat16 if device == "cpu" else torch.float16
    if all(weight.dtype == torch.float32 for weight in estimator.parameters()):
        estimator.to(half)
        if not hasattr(type(estimator), "dtype"):
            cast_around(estimator, half)
        done.append(f"flow estimator in {str(half).removeprefix('torch.')}")
    if device == "cpu" and quantizable(speaker.t3.tfmr):
        quantize_dynamic = find_quantize_dynamic()
        quantize_dynamic(speaker.t3.tfmr, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)
        done.append("T3 linears in int8")
    if not done:
        raise NotApplicable("every part this recipe converts is converted already")
    return done


def cast_around(module: Any, half: Any) -> None:
    """Make ``module.forward`` take its caller's precision and give it back."""
    import torch

    forward = module.forward

    def cast(x: Any, *arguments: Any, **named: Any) -> Any:
        def to_half(value: Any) -> Any:
            floating = torch.is_tensor(value) and value.is_floating_point()
            return value.to(half) if floating else value

        halves = {name: to_half(value) for name, value in named.items()}
        return forward(to_half(x), *map(to_half, arguments), **halves).to(x.dtype)

    module.forward = cast


def quantizable(module: Any) -> bool:
    """All linears of ``module`` are still plain float32 ones."""
    import torch

    linears = [part for part in module.modules() if isinstance(part, torch.nn.Linear)]
    return bool(linears) and all(part.weight.dtype == torch.float32 for part in linears)


def find_quantize_dynamic() -> Callable[..., Any]:
    """`torch.ao.quantization.quantize_dynamic`, with a kernel to run it."""
    import torch

    engines = [name for name in torch.backends.quantized.supported_engines if name != "none"]
    if not engines:
        raise NotApplicable("this torch has no kernel for dynamically quantised linears")
    if torch.backends.quantized.engine == "none":
        torch.backends.quantized.engine = engines[0]
    try:
        from torch.ao.quantization import quantize_dynamic
    except ImportError:
        raise NotApplicable("this torch no longer quantises dynamically") from None
    result: Callable[..., Any] = quantize_dynamic
    return result


RECIPES: Mapping[str, Callable[[Any, str], list[str]]] = {
    "mixed-precision-quantized": mixed_precision_quantized,
}
