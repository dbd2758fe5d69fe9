"""The worker side of `patcher.targets.workload`: calls functions, runs commands and test suites.

This module and those it imports need the standard library alone and run on Python 3.8: they live
in the interpreter the target is installed for.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import importlib
import inspect
import random
import reprlib
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from patcher.targets.adapter import Opening, Produced, Session, Test, stage_seed
from patcher.targets.state import seed_all
from patcher.worker import commands, suites
from patcher.worker.following import Follower
from patcher.worker.values import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Arguments = tuple[tuple[Any, ...], dict[str, Any]]


SHOWN = 80  # characters of an argument in a report


def open_session(opening: Opening) -> WorkloadSession:
    """Import what is called and run its set-up: both are paid once a process, never timed."""
    return WorkloadSession(opening)


class WorkloadSession(Session):
    """Runs the tests of a workload; what each of them is stands in its options."""

    def __init__(self, opening: Opening) -> None:
        self.tree = sys.path[0]  # the worker put the frozen tree there
        self.assets = opening.assets
        calls = opening.model.options.get("calls", ())
        self.calls = {each: WorkloadCall(Path(self.assets["root"]), each) for each in calls}
        self.drawn: dict[tuple[str, Any], Arguments] = {}
        self.shown: dict[tuple[str, Any], str] = {}

    def prepare(self, test: Test) -> str | None:
        """Draw the inputs: not what is timed."""
        if test.options.get("kind") != "call" or "draw" not in test.options:
            return None
        call, key = self.calls[test.options["call"]], (test.name, test.options["draw"])
        self.drawn[key] = call.arguments(test.options)
        self.shown[key] = call.in_words(self.drawn[key], test.options["draw"])
        # Drawn once more: to write an argument down may use it up.
        return digest(call.arguments(test.options), self.tree)

    def run(self, test: Test, *, capture: bool) -> Produced:
        kind = test.options["kind"]
        if kind == "command":
            return commands.run(test.options, self.assets, self.tree)
        if kind == "tests":
            return suites.run(test.options, self.assets, self.tree)
        call = self.calls[test.options["call"]]
        key = (test.name, test.options.get("draw"))
        drawn = self.drawn.pop(key, None)
        arguments, named = drawn or call.arguments(test.options)
        seed_all(stage_seed(test.seed, "call"))
        started = time.perf_counter()
        value = call(*arguments, **named)
        synchronise()
        wall_s = time.perf_counter() - started
        return Produced(
            returned=encode(value, tree=self.tree),
            wall_s=wall_s,
            again=lambda: encode(value, tree=self.tree),
            called_with=self.shown.get(key, ""),
        )

    def follow(self, test: Test, spans: Mapping[str, Any]) -> dict[str, Any]:
        """Run a command or a suite once more, for the edited lines that run in its processes."""
        follower = Follower(self.tree, spans)
        with contextlib.suppress(commands.CommandFailed, commands.NoOutput):  # was judged before
            if test.options["kind"] == "tests":
                suites.follow(test.options, self.assets, self.tree, follower)
            else:
                commands.run(test.options, self.assets, self.tree, follower)
        return follower.result()._asdict()

    def describe(self) -> Mapping[str, Any]:
        facts: dict[str, Any] = {"python": ".".join(map(str, sys.version_info[:3]))}
        for name in ("numpy", "torch"):
            version = getattr(sys.modules.get(name), "__version__", None)
            if version is not None:
                facts[name] = str(version)
        return facts


class Unusable:
    """An argument that every function has to refuse: nothing can be done with it."""


class WorkloadCall:
    """A function of a workload with its set-up; ``draw`` makes its inputs."""

    def __init__(self, root: Path, reference: str) -> None:
        self.reference = reference
        place, _, self.name = reference.rpartition(":")
        self.module = load(root, place)
        self.function: Callable[..., Any] = getattr(self.module, self.name)
        setup = self._own("setup")
        self.first = () if setup is None else (setup(),)

    def _own(self, what: str) -> Any:
        """``draw_NAME``, or else ``draw``; None where there is neither."""
        named = getattr(self.module, f"{what}_{self.name}", None)
        return named if named is not None else getattr(self.module, what, None)

    def arguments(self, options: Mapping[str, Any]) -> Arguments:
        """The arguments of one call: made anew each time, so that no call can spoil the next."""
        arguments, named = self._made(options)
        if not options.get("unusable"):
            return arguments, named
        if arguments:
            return (Unusable(), *arguments[1:]), named
        return (), {**named, next(iter(named), ""): Unusable()}

    def _made(self, options: Mapping[str, Any]) -> Arguments:
        if "draw" not in options:
            return (), copy.deepcopy(dict(options["arguments"]))
        drawn = self._own("draw")(random.Random(options["draw"]))
        if isinstance(drawn, dict):
            return (), drawn
        return (drawn if isinstance(drawn, tuple) else (drawn,)), {}

    def in_words(self, arguments: Arguments, seed: Any) -> str:
        """A call of drawn arguments in one line, with the seed that draws them again."""
        texts = [short_repr(each) for each in arguments[0]]
        texts += [f"{name}={short_repr(each)}" for name, each in arguments[1].items()]
        drawing = f"draw_{self.name}" if hasattr(self.module, f"draw_{self.name}") else "draw"
        return f"{self.name}({', '.join(texts)}), drawn by {drawing}(random.Random({seed}))"

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        value = self.function(*self.first, *arguments, **named)
        if not inspect.iscoroutine(value):
            return value
        import asyncio

        return asyncio.run(value)


def digest(arguments: Arguments, tree: str) -> str | None:
    """The same text for equal arguments; None where they cannot be written down."""
    try:
        parts = encode([list(arguments[0]), arguments[1]], tree=tree)
    except Exception:  # an object's own way of being stored
        return None
    whole = hashlib.sha256()
    for name, buffer in sorted(parts.items()):
        whole.update(f"{name} {buffer.dtype} {buffer.shape}\n".encode())
        whole.update(buffer.data)
    return whole.hexdigest()


def short_repr(value: Any) -> str:
    """At most so many characters of a value; its type where it cannot be shown."""
    try:
        text = " ".join(reprlib.repr(value).split())
    except Exception:  # its own `__repr__`
        text = f"<{type(value).__name__}>"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def load(root: Path, place: str) -> ModuleType:
    """A file below ``root``, or a module that can be imported from there.

    The folder comes last on the import path: nothing in it stands in for the target.
    """
    if not place.endswith(".py"):
        if str(root) not in sys.path:
            sys.path.append(str(root))
        return importlib.import_module(place)
    path = root / place
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    # Compiled from its source, always: bytecode beside it could be older than it looks.
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    sys.modules[path.stem] = module
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    return module


def synchronise() -> None:
    """Wait for the device, where one is in use."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()
