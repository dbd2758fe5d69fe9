"""A torch dispatch mode that remembers where every tensor came from and who updates it.

A tensor is an inference tensor when it was allocated under inference mode. Views, `detach` and
`.data` share the storage and the property; a copy (`clone`, a `.long()` that converts) is a new
allocation with a maker of its own, and a `.long()` that has nothing to do returns the same tensor.
So the maker is kept per storage. NumPy makes a new storage over the same memory, which is torch's
own rule too: an update through NumPy is never refused.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .contexts import Scope, Scopes
    from .frames import Stack, Stacks

SYNCHRONISING = {
    "aten::_local_scalar_dense", "aten::nonzero", "aten::is_nonzero", "aten::equal",
    "aten::masked_select", "aten::_unique2", "aten::unique_dim", "aten::unique_consecutive",
}  # fmt: skip
CONVOLUTIONS = {
    "aten::convolution", "aten::_convolution", "aten::convolution_overrideable",
    "aten::mkldnn_convolution", "aten::cudnn_convolution", "aten::miopen_convolution",
    "aten::mps_convolution",
}  # fmt: skip
# Metadata of a tensor, not its content; or content that nobody made yet.
NOT_UPDATES = {"aten::detach_", "aten::requires_grad_", "aten::set_", "aten::rename_"}


@dataclass(frozen=True)
class Maker:
    """Who allocated a storage: the operator, the call stack, the modes then."""

    operator: str
    stack: Stack
    scopes: tuple[Scope, ...]
    inference: bool
    adopted: bool = False  # seen first as an argument: made before the trace, or outside torch


@dataclass(frozen=True)
class Update:
    """One in-place update, before it is carried out."""

    operator: str
    stack: Stack
    scopes: tuple[Scope, ...]
    inference: bool
    grad: bool
    on_inference_tensor: bool
    maker: Maker
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class Failure:
    """An operator that raised: its name, its tensors and what it was asked for."""

    operator: str
    stack: Stack
    tensors: tuple[dict[str, Any], ...]
    memory_format: str | None
    message: str


@dataclass
class Tally:
    """What was seen at one place: how often, and the distinct facts."""

    count: int = 0
    wall_s: float = 0.0
    facts: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def add(self, fact: tuple[Any, ...], wall_s: float = 0.0) -> None:
        """Count one more."""
        self.count += 1
        self.wall_s += wall_s
        if fact in self.facts or len(self.facts) < 64:
            self.facts[fact] = self.facts.get(fact, 0) + 1


class Recorder(TorchDispatchMode):  # type: ignore[misc]
    """Records makers and in-place updates of everything that runs under it.

    Args:
        stacks, scopes: shared with the other parts of a trace.
        on_update: called with each in-place update before it happens.
        survey: also tally convolutions, conversions, synchronisations and mixed dtypes.
        forgive: carry on where an operator refuses a memory format for a tensor's rank, or dtypes
            that do not match: record it, and do the nearest thing that works.
    """

    def __init__(
        self,
        stacks: Stacks,
        scopes: Scopes,
        on_update: Callable[[Update], None] | None = None,
        survey: bool = False,
        forgive: bool = False,
    ) -> None:
        super().__init__()
        self.stacks, self.scopes = stacks, scopes
        self.on_update = on_update
        self.survey, self.forgive = survey, forgive
        self.last_update: Update | None = None
        self.failures: list[Failure] = []
        self.convolutions: dict[Stack, Tally] = {}
        self.conversions: dict[Stack, Tally] = {}
        self.synchronisations: dict[Stack, Tally] = {}
        self.mixed: dict[Stack, Tally] = {}
        self.operators = 0
        self.paused = False
        self._makers: dict[int, tuple[StorageWeakRef, Maker]] = {}
        self._sweep_at = 65_536
        self._writes: dict[Any, tuple[tuple[int, str], ...]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.paused:
            return func(*args, **kwargs)
        self.operators += 1
        name = func._schema.name
        stack = self.stacks.capture()
        known = set()
        for tensor in tensors_in((args, kwargs)):
            known.add(self._key(tensor))
            self._adopt(tensor, stack)
        if name not in NOT_UPDATES:
            for tensor in self._written(func, args, kwargs):
                self._update(name, tensor, stack)
        began = time.perf_counter()
        try:
            result = func(*args, **kwargs)
        except Exception as error:
            self._failed(name, args, kwargs, stack, error)
            if not self.forgive:
                raise
            result = self._second_try(func, args, kwargs, error)
        wall_s = time.perf_counter() - began
        for tensor in tensors_in(result):
            key = self._key(tensor)
            if key not in known:
                self._remember(key, tensor, self._maker(name, stack, tensor.is_inference()))
        if self.survey:
            self._survey(name, args, kwargs, stack, wall_s)
        return result

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Let operators through unseen."""
        before, self.paused = self.paused, True
        try:
            yield
        finally:
            self.paused = before

    def maker_of(self, tensor: torch.Tensor) -> Maker | None:
        """Who allocated a tensor's storage, when the trace saw it."""
        found = self._makers.get(self._key(tensor))
        return found[1] if found else None

    # -- makers ------------------------------------------------------------------------------

    @staticmethod
    def _key(tensor: torch.Tensor) -> int:
        try:
            return int(tensor.untyped_storage()._cdata)
        except (NotImplementedError, RuntimeError):  # sparse, quantised by block, opaque
            return -id(tensor)

    def _maker(self, name: str, stack: Stack, inference: bool, adopted: bool = False) -> Maker:
        return Maker(name, stack, self.scopes.current, inference, adopted)

    def _remember(self, key: int, tensor: torch.Tensor, maker: Maker) -> None:
        if key < 0:
            return
        # The weak reference keeps the address from being reused while the entry stands.
        self._makers[key] = (StorageWeakRef(tensor.untyped_storage()), maker)
        if len(self._makers) >= self._sweep_at:
            alive = {key: made for key, made in self._makers.items() if not made[0].expired()}
            self._makers = alive
            self._sweep_at = max(65_536, 2 * len(alive))

    def _adopt(self, tensor: torch.Tensor, stack: Stack) -> None:
        key = self._key(tensor)
        if key not in self._makers:
            maker = self._maker("", stack, tensor.is_inference(), adopted=True)
            self._remember(key, tensor, maker)

    # -- updates -----------------------------------------------------------------------------

    def _written(self, func: Any, args: Any, kwargs: Any) -> Iterator[torch.Tensor]:
        if func not in self._writes:
            self._writes[func] = tuple(
                (position, argument.name)
                for position, argument in enumerate(func._schema.arguments)
                if argument.alias_info is not None and argument.alias_info.is_write
            )
        for position, name in self._writes[func]:
            value = args[position] if position < len(args) else kwargs.get(name)
            # torch checks single tensors only: `_foreach_add_` on inference tensors passes.
            if isinstance(value, torch.Tensor):
                yield value

    def _update(self, name: str, tensor: torch.Tensor, stack: Stack) -> None:
        maker = self.maker_of(tensor) or self._maker("", stack, tensor.is_inference(), True)
        update = Update(
            name,
            stack,
            self.scopes.current,
            torch.is_inference_mode_enabled(),
            torch.is_grad_enabled(),
            tensor.is_inference(),
            maker,
            tuple(tensor.shape),
            short(tensor.dtype),
        )
        self.last_update = update
        if self.on_update is not None:
            self.on_update(update)

    # -- failures ----------------------------------------------------------------------------

    def _failed(self, name: str, args: Any, kwargs: Any, stack: Stack, error: Exception) -> None:
        layout = memory_format_of(args, kwargs)
        described = tuple(describe(tensor) for tensor in tensors_in((args, kwargs)))
        self.failures.append(
            Failure(name, stack, described, short(layout) if layout else None, str(error))
        )

    def _second_try(self, func: Any, args: Any, kwargs: Any, error: Exception) -> Any:
        if isinstance(kwargs.get("memory_format"), torch.memory_format):
            return func(*args, **{**kwargs, "memory_format": torch.preserve_format})
        widest = _common_dtype(args)
        if widest is None:
            raise error
        return func(*_cast(args, widest), **kwargs)

    # -- survey ------------------------------------------------------------------------------

    def _survey(self, name: str, args: Any, kwargs: Any, stack: Stack, wall_s: float) -> None:
        if name in CONVOLUTIONS:
            source, weight = args[0], args[1]
            self.convolutions.setdefault(stack, Tally()).add(
                (*_form(source), *_form(weight)), wall_s
            )
        elif name in SYNCHRONISING:
            self.synchronisations.setdefault(stack, Tally()).add((name,), wall_s)
        layout = kwargs.get("memory_format")
        if layout in {torch.channels_last, torch.channels_last_3d}:
            source = next(iter(tensors_in(args)), None)
            if source is not None:
                tally = self.conversions.setdefault(stack, Tally())
                tally.add((short(layout), source.dim(), tuple(source.shape)), wall_s)
        floating = {
            short(tensor.dtype)
            for tensor in tensors_in(args)
            if tensor.dtype.is_floating_point and tensor.dim() > 0
        }
        if len(floating) > 1 and "copy" not in name:
            self.mixed.setdefault(stack, Tally()).add((name, *sorted(floating)), wall_s)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors in nested tuples, lists and dicts."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


def short(value: Any) -> str:
    """``torch.float32`` -> ``float32``."""
    return str(value).removeprefix("torch.")


def describe(tensor: torch.Tensor) -> dict[str, Any]:
    """What a report says of a tensor."""
    return {
        "rank": tensor.dim(),
        "shape": list(tensor.shape),
        "dtype": short(tensor.dtype),
        "device": str(tensor.device),
        "inference": tensor.is_inference(),
    }


def layout_of(tensor: torch.Tensor) -> str:
    """The memory format a tensor is in, by its strides."""
    if tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return "contiguous" if tensor.is_contiguous() else "channels_last"
    return "contiguous" if tensor.is_contiguous() else "strided"


def _form(tensor: torch.Tensor) -> tuple[int, str, str]:
    return tensor.dim(), short(tensor.dtype), layout_of(tensor)


def memory_format_of(args: Any, kwargs: Any) -> torch.memory_format | None:
    """The memory format an operator was asked for."""
    for value in (*args, *kwargs.values()):
        if isinstance(value, torch.memory_format):
            return value
    return None


def _common_dtype(args: Any) -> torch.dtype | None:
    floating = {tensor.dtype for tensor in tensors_in(args) if tensor.dtype.is_floating_point}
    if len(floating) < 2:
        return None
    widest, *others = floating
    for dtype in others:
        widest = torch.promote_types(widest, dtype)
    return widest


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor):
        return value.to(dtype) if value.dtype.is_floating_point else value
    if isinstance(value, (tuple, list)):
        return type(value)(_cast(item, dtype) for item in value)
    return value
