"""Run by `test_cuda_road` in a process of its own: the harness's CUDA road on a stand-in.

Prints one JSON object.
"""

from __future__ import annotations

import json
import logging
import warnings
from typing import Any

from tests.gpu.standin import StandIn, install


def main() -> None:
    logging.disable()
    warnings.simplefilter("ignore")
    import torch

    device = install(torch)
    print(json.dumps(harness(torch, device)))


def harness(torch: Any, device: StandIn) -> dict[str, Any]:
    return {**without_a_target(torch, device), "graphs": graphs(torch, device)}


def without_a_target(torch: Any, device: StandIn) -> dict[str, Any]:
    """What does not need the target: seeds, states, waiting, rates, the choice of a device."""
    from benchmarks.catalogue import about, rates
    from patcher.targets import state
    from patcher.targets.chatterbox.serving import pick_device
    from patcher.worker.workloads import synchronise

    synchronise()
    waited = device.calls["synchronize"]
    seeded = state.seed_all(3)
    first = state.generators(seeded)
    torch.cuda.manual_seed_all(4)
    second = state.generators(seeded)
    for name, value in {"WEIGHTS": 2, "TURNS": 1, "ROUNDS": 1}.items():
        setattr(rates, name, value)
    before = device.calls["synchronize"]
    measured = rates.rates("cuda")
    return {
        "waited": waited,
        "seeded": sorted(seeded),
        "moved": [name for name in first if first[name] != second[name]],
        "picked": [pick_device("auto"), pick_device("cuda"), pick_device("cpu")],
        "rates": sorted(measured),
        "rates waited": device.calls["synchronize"] - before,
        "asked": sum(device.asked.values()),
        "name": about.device_name("cuda"),
        "guarded": guarded(torch),
    }


def guarded(torch: Any) -> bool:
    """A guarded patch gives the device's generator back as it was."""
    from patcher.rewrite.guarding import runtime

    runtime._keepers.look()
    kept = [keep() for keep in runtime._keepers.all]
    at = torch.cuda.get_rng_state()
    torch.cuda.manual_seed_all(99)
    for put, state in kept:
        put(state)
    return bool(torch.equal(torch.cuda.get_rng_state(), at))


def graphs(torch: Any, device: StandIn) -> dict[str, Any]:
    """The stand-in is as strict as a GPU: what must fail there fails here."""
    results: dict[str, Any] = {}
    given, weight = torch.ones(4), torch.full((4,), 2.0)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = given * weight + 1
    results["before a replay"] = bool(output.isnan().all())
    graph.replay()
    results["replayed"] = output.tolist()
    given.fill_(5)
    graph.replay()
    results["other input"] = output.tolist()
    number = 3  # decided while it is captured
    frozen = torch.cuda.CUDAGraph()
    with torch.cuda.graph(frozen):
        shifted = given + number
    number = 100
    frozen.replay()
    results["a number stays"] = shifted.tolist()
    for name, act in {
        "a wait": lambda: given.sum().item(),
        "synchronize": torch.cuda.synchronize,
    }.items():
        try:
            with torch.cuda.graph(torch.cuda.CUDAGraph()):
                act()
        except RuntimeError as error:
            results[name] = "not permitted" in str(error)
    results["captured"] = device.calls["graph"]
    return results


if __name__ == "__main__":
    main()
