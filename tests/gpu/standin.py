"""A stand-in for a CUDA device that maps it to the CPU, so that a first real GPU finds no slips.

`install` makes torch say that there is one device. Tensors that are asked for there lie on the CPU;
its generator is a second one; memory, synchronisation and graphs are counted and checked. A graph
keeps what a CUDA graph keeps: the operations of one call, on the memory they had. What Python
decided while it was captured stays decided, a host may not wait for a value meanwhile, and nothing
that was computed is there before the first replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

NAME = "Stand-in for a GPU"
MEMORY = 8 << 30
WAITS = {"_local_scalar_dense", "item", "nonzero", "is_nonzero", "equal", "masked_select"}


@dataclass
class StandIn:
    """What was asked of the device.

    Attributes:
        calls: how often, by name.
        asked: devices that tensors were asked for on.
        peak: bytes that `max_memory_allocated` tells.
    """

    calls: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    peak: int = 0
    capturing: bool = False


def install(torch: Any) -> StandIn:
    """Replace ``torch.cuda`` in this process; for a process of its own, as there is no way back."""
    device = StandIn()
    of_device = torch.Generator()
    cuda = torch.cuda

    def counted(name: str, value: Any = None) -> Any:
        def call(*_: Any, **__: Any) -> Any:
            device.calls[name] += 1
            if device.capturing and name in ("synchronize", "empty_cache"):
                raise RuntimeError(f"{name}: not permitted while a stream is capturing")
            return value() if callable(value) else value

        return call

    def reset() -> None:
        device.peak = 0

    answers: dict[str, Any] = {
        "is_available": True, "is_initialized": True, "device_count": 1, "current_device": 0,
        "get_device_name": NAME, "synchronize": None, "empty_cache": None,
        "mem_get_info": (MEMORY // 2, MEMORY), "memory_allocated": lambda: device.peak,
        "max_memory_allocated": lambda: device.peak, "reset_peak_memory_stats": reset,
        "get_rng_state": of_device.get_state,
        "get_rng_state_all": lambda: [of_device.get_state()],
    }  # fmt: skip
    for name, value in answers.items():
        setattr(cuda, name, counted(name, value))
    cuda.default_generators = (of_device,)
    cuda.set_rng_state = lambda state, *_: of_device.set_state(state)
    cuda.set_rng_state_all = lambda states: of_device.set_state(states[0])
    cuda.manual_seed_all = cuda.manual_seed = of_device.manual_seed
    cuda.Stream, cuda.current_stream = Stream, Stream
    cuda.stream = entered
    cuda.CUDAGraph, cuda.graph = Graph, partial_graph(torch, device)
    generator = torch.Generator
    torch.Generator = lambda where="cpu": generator(on_cpu(where))
    mapping(torch, device).__enter__()
    return device


def on_cpu(where: Any) -> Any:
    return "cpu" if str(where).startswith("cuda") else where


def mapping(torch: Any, device: StandIn) -> Any:
    """Every function that is given the device gets the CPU in its place."""
    from torch.overrides import TorchFunctionMode

    class Mapping(TorchFunctionMode):
        def __torch_function__(
            self, function: Any, types: Any, given: Any = (), named: Any = None
        ) -> Any:
            def mapped(value: Any) -> Any:
                if isinstance(value, (str, torch.device)) and str(value).startswith("cuda"):
                    device.asked[getattr(function, "__name__", "")] += 1
                    return torch.device("cpu")
                return value

            named = {name: mapped(value) for name, value in (named or {}).items()}
            made = function(*map(mapped, given), **named)
            if isinstance(made, torch.Tensor) and not device.capturing:
                device.peak += made.numel() * made.element_size()
            return made

    return Mapping()


class Stream:
    """Everything runs in order: to wait for another stream is nothing."""

    def wait_stream(self, other: Stream) -> None:
        assert isinstance(other, Stream)


@contextmanager
def entered(stream: Stream) -> Iterator[None]:
    assert isinstance(stream, Stream)
    yield


class Graph:
    """The operations of one capture."""

    def __init__(self) -> None:
        self.tape: list[tuple[Any, Any, Any, Any]] = []

    def replay(self) -> None:
        import torch
        from torch.utils._pytree import tree_leaves

        assert self.tape, "nothing was captured"
        for op, args, named, known in self.tape:
            given = [each for each in tree_leaves((args, named)) if torch.is_tensor(each)]
            memory = {each.untyped_storage().data_ptr() for each in given}
            fresh = op(*args, **named)
            for new, old in zip(tree_leaves(fresh), tree_leaves(known), strict=True):
                if torch.is_tensor(old) and old.untyped_storage().data_ptr() not in memory:
                    old.copy_(new)


def partial_graph(torch: Any, device: StandIn) -> Any:
    @contextmanager
    def graph(captured: Graph) -> Iterator[None]:
        from torch.utils._python_dispatch import TorchDispatchMode
        from torch.utils._pytree import tree_leaves

        assert not captured.tape, "a graph is captured once"

        class Capturing(TorchDispatchMode):  # type: ignore[misc]
            def __torch_dispatch__(
                self, op: Any, types: Any, args: Any = (), named: Any = None
            ) -> Any:
                if op.overloadpacket.__name__ in WAITS:
                    raise RuntimeError(f"{op}: not permitted while a stream is capturing")
                result = op(*args, **(named or {}))
                captured.tape.append((op, args, named or {}, result))
                return result

        device.capturing = True
        try:
            with Capturing():
                yield
        finally:
            device.capturing = False
        device.calls["graph"] += 1
        outside = storages(
            each for _, args, named, _ in captured.tape for each in tree_leaves((args, named))
        ) - storages(each for *_, result in captured.tape for each in tree_leaves(result))
        for *_, result in captured.tape:
            for each in tree_leaves(result):
                fresh = isinstance(each, torch.Tensor) and each.is_floating_point()
                if fresh and not storages([each]) & outside and is_own(each, captured.tape):
                    each.fill_(float("nan"))

    return graph


def storages(values: Any) -> set[int]:
    import torch

    return {v.untyped_storage().data_ptr() for v in values if isinstance(v, torch.Tensor)}


def is_own(tensor: Any, tape: list[tuple[Any, Any, Any, Any]]) -> bool:
    """Memory that the capture made: some operation returned it that was not given it."""
    from torch.utils._pytree import tree_leaves

    place = storages([tensor])
    for _, args, named, result in tape:
        if place & storages(tree_leaves(result)):
            return not place & storages(tree_leaves((args, named)))
    return False
