"""The cluster: connecting to it, and which of its nodes can take part."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.execution.ray import host

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from patcher.execution.ray.host import Identity, Parts
    from patcher.execution.ray.parcels import Parcel

IDENTITY_S = 300.0  # for the first answer of a host, imports from a slow disk included


@dataclass(frozen=True)
class Host:
    """A node of the cluster that takes part, with what Ray hands out of it."""

    node: str
    name: str
    identity: Identity
    processors: int
    gpus: int


class HostJob:
    """The actor: one job, on the host it is placed on."""

    def identity(self) -> Identity:
        """What this host is."""
        return host.identity()

    def run(self, order: host.Order, bytes_of: Mapping[str, Sequence[Any]]) -> Iterator[Parts]:
        """Run a job; ``bytes_of`` has a reference to each parcel, fetched where it is missing."""
        import ray

        def fetch(parcel: Parcel) -> bytes:
            data: bytes = ray.get(bytes_of[parcel.digest][0])
            return data

        yield from host.run_order(order, fetch, host.cache_folder())


def connected() -> bool:
    """Connect to the cluster; whether that began here, so that it has to end here.

    Raises:
        PatcherError: ``environment`` when there is none at ``RAY_ADDRESS``.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ENABLE_AUTO_CONNECT", "0")  # a cluster that is lost stays lost
    import ray

    if ray.is_initialized():
        return False
    quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
    address = os.environ.get("RAY_ADDRESS")
    if not address:
        quiet["include_dashboard"] = False
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=address, logging_level="ERROR", **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        hint = "`RAY_ADDRESS` names the cluster; `ray status` says whether it is up"
        text = f"no Ray cluster: {first_line(error)}"
        raise PatcherError("environment", text, hint=hint) from None
    finally:
        for number, handler in handlers.items():
            with contextlib.suppress(ValueError):  # not the main thread
                signal.signal(number, handler)
    return True


def find_hosts() -> list[Host]:
    """Ask every node what it is; those that are not like this one are left out.

    Raises:
        PatcherError: ``environment`` when none is left.
    """
    import ray

    own = host.identity()
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    actors = [actor_on(node["NodeID"], 0, 0) for node in nodes]
    result, refused = [], []
    for node, actor in zip(nodes, actors, strict=True):
        name, resources = node["NodeManagerHostname"], node["Resources"]
        try:
            its: Identity = ray.get(actor.identity.remote(), timeout=IDENTITY_S)
            why = its.other_than(own)
        except ray.exceptions.RayError as error:
            why = first_line(error)
        finally:
            end(actor)
        if why:
            refused.append(f"{name}: {why}")
            continue
        sizes = int(resources["CPU"]), int(resources.get("GPU", 0))
        result.append(Host(node["NodeID"], name, its, *sizes))
    if not result:
        raise PatcherError(
            "environment",
            "no host of the cluster can take part: " + "; ".join(refused),
            hint="every host needs the same Python, patcher and packages as this machine",
        )
    return result


def actor_on(node: str, processors: int, gpus: int) -> Any:
    """An actor on one node, which reserves what its job needs."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node, soft=False)
    options = {"num_cpus": processors, "num_gpus": gpus, "scheduling_strategy": where}
    return ray.remote(HostJob).options(**options).remote()


def end(actor: Any) -> None:
    """End an actor, and with it the worker it holds; one that is lost has ended."""
    import ray

    with contextlib.suppress(ray.exceptions.RayError):
        ray.kill(actor)


def first_line(error: BaseException) -> str:
    """An error of Ray's in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1 if "Traceback" in str(error) else 0] if lines else type(error).__name__
