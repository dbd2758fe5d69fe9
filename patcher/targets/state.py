"""What calls leave behind in a loaded model and in its process, as digests by name.

For `Session.state`. A digest that begins with ``#`` is of a shape: which attributes there are, how
long lists and dicts are, how many hooks hang on modules. A shape may settle in the first calls; a
call that goes on changing it leaves something behind each time. Any other digest is of content.

Standard library alone; torch is looked at only where it is loaded.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import random
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
PLAIN = (bool, int, float, str, type(None))
SIZED = (dict, list, set, frozenset, tuple, bytearray, bytes)
MOST_PARTS = 20_000
RANDOM = "process: random numbers of "


def shapes(objects: Mapping[str, Any], packages: Iterable[str]) -> dict[str, str]:
    """Shapes of objects and of the packages' modules.

    Args:
        objects: what was loaded, by name. Of a ``torch.nn.Module`` all submodules are looked at.
        packages: top-level names; each imported module below them is looked at.
    """
    result = {f"attributes of {name}": shape_of(parts(each)) for name, each in objects.items()}
    result["hooks"] = f"#{sum(hooks(each) for each in objects.values())}"
    for name, module in sorted(sys.modules.items()):
        if name.partition(".")[0] in packages and module is not None:
            result[f"globals of {name}"] = shape_of([("", vars(module))])
    return result


def parts(thing: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Attributes of an object, and of every submodule where it is a module of torch's."""
    named = getattr(thing, "named_modules", None)
    if callable(named):
        for name, module in named():
            yield name, vars(module)
    elif hasattr(thing, "__dict__"):
        yield "", vars(thing)


def shape_of(groups: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """One digest of names, types and lengths."""
    digest = hashlib.sha256()
    for count, (where, attributes) in enumerate(groups):
        if count > MOST_PARTS:
            break
        for name in sorted(attributes, key=str):
            if not str(name).startswith("__"):
                digest.update(f"{where}.{name}={describe(attributes[name])};".encode())
    return f"#{digest.hexdigest()[:16]}"


def describe(value: Any) -> str:
    """A value's type, and how long it is where that can change."""
    kind = type(value).__name__
    if isinstance(value, SIZED):
        return f"{kind} of {len(value)}"
    if isinstance(value, functools._lru_cache_wrapper):
        return f"cache of {value.cache_info().currsize}"
    return kind


def hooks(thing: Any) -> int:
    """Hooks on all modules of a ``torch.nn.Module``; 0 for anything else."""
    named = getattr(thing, "modules", None)
    if not callable(named):
        return 0
    return sum(len(getattr(module, kind, ())) for module in named() for kind in HOOKS)


def seed_all(seed: int) -> frozenset[str]:
    """Set the seeds of every generator that is loaded; their names."""
    random.seed(seed)
    seeded = {"python"}
    if "numpy.random" in sys.modules:
        sys.modules["numpy"].random.seed(seed % 2**32)
        seeded.add("numpy")
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)
        seeded.add("torch")
        if torch.cuda.is_initialized():
            seeded.add("torch on the GPU")
    return frozenset(seeded)


def generators(names: Iterable[str]) -> dict[str, str]:
    """Where generators stand that were seeded before a call: what the next call starts from."""
    result = {}
    for name in sorted(names):
        if name == "python":
            state = repr(random.getstate()).encode()
        elif name == "numpy":
            kind, keys, *rest = sys.modules["numpy"].random.get_state()
            state = repr((kind, keys.tobytes(), rest)).encode()
        elif name == "torch":
            state = bytes(sys.modules["torch"].get_rng_state().tolist())
        else:
            state = bytes(sys.modules["torch"].cuda.get_rng_state().tolist())
        result[RANDOM + name] = hashlib.sha256(state).hexdigest()[:16]
    return result


def process() -> dict[str, str]:
    """Settings that belong to the whole process."""
    result = {
        "process: garbage collector": str(gc.isenabled()),
        "process: recursion limit": str(sys.getrecursionlimit()),
        "process: threads": f"#{threading.active_count()}",
        "process: profiler": str(sys.getprofile() is not None),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        result["process: torch threads"] = str(torch.get_num_threads())
        result["process: torch default type"] = str(torch.get_default_dtype())
        result["process: torch gradients"] = str(torch.is_grad_enabled())
        result["process: torch precision"] = str(torch.get_float32_matmul_precision())
    return result
