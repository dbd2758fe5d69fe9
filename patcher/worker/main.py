"""The worker: one process, one frozen tree, one model at a time.

Run as a script by `patcher.execution.process` with the two ends of its own pipes:
``python main.py READ_FD WRITE_FD``. The first line it reads is the greeting, every further line is
a request, answered by one line: `patcher.worker.messages` has their shapes. Standard output and
error are a log file: targets print there as they like. Outputs go over the pipe, never to disk,
where the other arm might look for them.

It and what it imports use the standard library alone until it imports the target; patcher's own
modules come from patcher's folder without that folder being on ``sys.path``.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # this file's folder: its modules must not shadow the standard library's

import contextlib
import faulthandler
import functools
import gc
import importlib
import importlib.machinery
import importlib.util
import json
import os
import signal
from collections import deque
from pathlib import Path
from time import perf_counter  # this one, whatever the target makes of `time`
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from patcher.worker import messages

PATCHER = Path(__file__).resolve().parent.parent


def load_patcher() -> None:
    """Make patcher importable from this file's place, whatever ``sys.path`` holds."""
    spec = importlib.util.spec_from_file_location(
        "patcher", PATCHER / "__init__.py", submodule_search_locations=[str(PATCHER)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules["patcher"] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)


if __name__ == "__main__":
    load_patcher()

from patcher.worker import system  # noqa: E402
from patcher.worker.failures import describe_failure, raised_by_adapter  # noqa: E402
from patcher.worker.importing import TreeFinder  # noqa: E402

HELD = 16  # results that are looked at once more at the end


class Worker:
    """Answers requests until the pipe closes."""

    def __init__(self, greeting: messages.Greeting, answers: int) -> None:
        self.answers = answers
        self.nonce = greeting["nonce"]
        self.tree = greeting["tree"]
        self.serving = greeting["serving"]
        self.assets = greeting["assets"]
        self.device = greeting["device"]
        self.deterministic = greeting["deterministic"]
        self.finder = TreeFinder(self.tree, tuple(greeting["packages"]))
        self.watch: Any = None
        if watched := greeting.get("watch"):
            lines = importlib.import_module("patcher.worker.lines")
            self.watch = lines.LineWatch([self.tree], *watched)
        self.session: Any = None
        self.last: Any = None  # what the last run produced
        self.survivor: Any = None  # what probes are tried on
        self.generators: frozenset[str] = frozenset()  # of random numbers, seeded before a call
        self.results: deque[tuple[str, Any]] = deque(maxlen=HELD)  # names and `Produced.again`
        self.payload: list[tuple[str, str, Any]] = []  # part, name, Buffer: of the present answer
        self.sent: list[tuple[str, str, Any]] = []  # of the last answer that had any
        self.rss_before_mib = 0.0
        sys.meta_path.insert(0, self.finder)
        sys.path[:0] = [self.tree, *greeting["sys_path"]]
        if greeting.get("cpus"):
            os.sched_setaffinity(0, greeting["cpus"])
        if limit_mib := greeting.get("memory_limit_mib"):
            system.limit_memory(limit_mib)

    def answer(self, request: messages.AnyRequest) -> None:
        """Do what one request asks and write the answer, whatever happens."""
        reply: messages.Reply = {"id": request["id"], "nonce": self.nonce, "ok": True}
        value: messages.ReplyValue = {}
        self.payload = []
        started = perf_counter()
        try:
            reply["value"] = value = getattr(self, f"op_{request['op']}")(request)
        except BaseException as error:
            self.payload = []
            if raised_by_adapter(error, self.tree):
                reply["value"] = value = {"not_applicable": str(error)}
            else:
                reply["ok"] = False
                reply["failure"] = describe_failure(error, self.tree, request["op"])
        reply["wall_s"] = perf_counter() - started
        reply["sources"] = self.finder.drain()
        if self.watch is not None and reply["ok"]:
            self.watch.imported(reply["sources"])
            value["ran"] = self.watch.drain()
        reply["payload"] = [
            {
                "part": part,
                "name": name,
                "dtype": buffer.dtype,
                "shape": list(buffer.shape),
                "size": len(buffer.data),
                "measure": self.measure(part, name),
            }
            for part, name, buffer in self.payload
        ]
        self.write(reply)
        for _, _, buffer in self.payload:
            self.send(buffer.data)
        self.sent, self.payload = self.payload or self.sent, []

    def write(self, message: messages.Reply | messages.ProgressLine) -> None:
        self.send(json.dumps(message).encode() + b"\n")

    def send(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self.answers, left) :]

    def attach(self, part: str, buffers: Mapping[str, Any]) -> None:
        """Send arrays along with the present answer."""
        self.payload += [(part, name, buffer) for name, buffer in buffers.items()]

    def measure(self, part: str, name: str) -> str:
        """How gates compare a stage: the adapter's word for it, empty for numbers."""
        known = getattr(self.session, "measures", {}) if part == "stages" else {}
        return str(known.get(name, ""))

    def say(self, text: str) -> None:
        self.write({"say": text})

    # requests

    @system.seldom_collected()
    def op_open(self, request: messages.OpenRequest) -> messages.ReplyValue:
        """Load a model; the one before it is dropped first."""
        adapter = importlib.import_module("patcher.targets.adapter")
        if self.session is None:
            self.rss_before_mib = system.rss_mib("VmRSS")
        else:
            self.session.close()
            self.session = self.last = self.survivor = None
            self.results.clear()
            gc.collect()  # models are full of cycles; two at once may not fit
        opening = adapter.Opening(
            model=adapter.Model(**request["model"]),
            assets=self.assets,
            device=self.device,
            deterministic=self.deterministic,
            seed=request["seed"],
        )
        serve = resolve(self.serving)
        if self.watch is not None:
            for package in self.finder.packages:  # nothing to see here, and much of it
                importlib.import_module(package)
        with self.watch or contextlib.nullcontext():
            self.session = serve(opening)
        return {"facts": dict(self.session.describe())}

    def op_prepare(self, request: messages.TestsRequest) -> messages.ReplyValue:
        """Put in place what inputs need, so that no call has to, and tell the state before them."""
        state, inputs = importlib.import_module("patcher.targets.state"), []
        for test in map(test_from, request["tests"]):
            inputs.append(self.session.prepare(test))
            # Known seeds: what a call leaves of random numbers can then be compared.
            self.generators = state.seed_all(test.seed)
        return {**self.op_state(request), "inputs": inputs}

    def op_batch(self, request: messages.TestsRequest) -> messages.ReplyValue:
        """Run tests one after the other; what the n-th returned is the part ``returned-n``.

        Judged and timed runs are this one request and these frames: neither tells a patch which it
        is in. What a judged run needs beside is asked for afterwards (``stages``, ``state``).
        """
        system.reset_peak()
        self.last = None
        runs = []
        with self.watch or contextlib.nullcontext():
            for number, test in enumerate(map(test_from, request["tests"])):
                self.last = self.session.run(test, capture=True)
                self.results.append((test.name, self.last.again))
                runs.append(self.describe(self.last, f"returned-{number}"))
        return {"runs": runs}

    def op_echo(self, request: messages.AnyRequest) -> messages.ReplyValue:
        """Send the arrays of the last answer that had some again: what the way alone costs."""
        self.payload = [("echo", f"{n}", buffer) for n, (*_, buffer) in enumerate(self.sent)]
        return {}

    def op_probe(self, request: messages.AnyRequest) -> messages.ReplyValue:
        """Time a fixed piece of work that knows nothing of the target."""
        return {"probe_s": system.probe()}

    def op_stages(self, request: messages.AnyRequest) -> messages.ReplyValue:
        """The stages of the last run."""
        if self.last is not None:
            self.attach("stages", self.last.stages)
        return {}

    def op_results(self, request: messages.AnyRequest) -> messages.ReplyValue:
        """Read the results of the last calls once more: later calls must not have changed them."""
        for at, (_, again) in enumerate(self.results):
            if again is not None:
                self.attach(f"result {at}", again())
        return {"tests": [name for name, _ in self.results]}

    def op_memory(self, request: messages.AnyRequest) -> messages.ReplyValue:
        """What the process takes now."""
        gc.collect()
        return {"process_mib": system.rss_mib("VmRSS")}

    def op_trace(self, request: messages.TraceRequest) -> messages.ReplyValue:
        """Run one test by way of a tracer, whose answer matters above all when the run fails.

        The tracer is ``function(run, tree, **options) -> JSON values`` of `patcher.worker.tracing`.
        """
        test = test_from(request["test"])
        tracer = resolve(request["tracer"])
        run = functools.partial(self.session.run, test, capture=False)
        return {"trace": tracer(run, self.tree, **request.get("options", {}))}

    def op_survey(self, request: messages.SurveyRequest) -> messages.ReplyValue:
        """Load a model and run tests, all of it under ``tracer(acts, tree, **options)``.

        What the target does while it loads matters to a survey as much as what it runs.
        """

        def run(fields: messages.Fields) -> None:
            self.session.run(test_from(fields), capture=False)

        acts: dict[str, Callable[[], object]] = {"open": functools.partial(self.op_open, request)}
        for fields in request["tests"]:
            acts[fields["name"]] = functools.partial(run, fields)
        tracer = resolve(request["tracer"])
        return {"survey": tracer(acts, self.tree, **request.get("options", {}))}

    def op_follow(self, request: messages.FollowRequest) -> Mapping[str, Any]:
        """Run a test that starts processes of its own, with their lines followed; no answer."""
        return dict(self.session.follow(test_from(request["test"]), request["spans"]))

    def op_replay(self, request: messages.ReplayRequest) -> messages.RunReply:
        """Recompute every stage from the recorded stage before it."""
        replay = self.session.replay_exact if request.get("exact") else self.session.replay
        produced = replay(test_from(request["test"]), buffers_of(request))
        self.attach("stages", produced.stages)
        return self.describe(produced)

    def op_embedded(self, request: messages.EmbeddedRequest) -> messages.ReplyValue:
        """What is embedded in what either arm returned, by arm; asked of the baseline's worker.

        What cannot be read out of the other arm's result says why, and so equals nothing.
        """
        returned: dict[str, dict[str, Any]] = {}
        for name, buffer in buffers_of(request).items():
            arm, _, part = name.partition("/")
            returned.setdefault(arm, {})[part] = buffer
        result = {}
        for arm, rate in request["sample_rates"].items():
            try:
                given = returned.get(arm, {}), rate
                result[arm] = {**self.session.embedded(*given), **self.session.recognised(*given)}
            except Exception as error:
                result[arm] = {"unreadable": f"{type(error).__name__}: {error}"}
        return {"embedded": result}

    def op_compare(self, request: messages.CompareRequest) -> Mapping[str, Any]:
        """Ask the user's own function about two values; nothing else runs in this process."""
        predicates = importlib.import_module("patcher.worker.predicates")
        buffers = {
            name: (each.dtype, each.shape, each.data) for name, each in buffers_of(request).items()
        }
        named = (request[name] for name in ("root", "function", "modules"))
        result: dict[str, Any] = predicates.compare(*named, buffers)
        return result

    def op_survive(self, request: messages.SurviveRequest) -> messages.ReplyValue:
        """Put a model of its own through one probe of `patcher.targets.survival`."""
        if self.survivor is None:
            survival = importlib.import_module("patcher.targets.survival")
            self.survivor = survival.survivor(self.session, request["models"], request["tests"])
        return {"survival": self.survivor.probe(request["probe"])}

    def op_components(self, request: messages.AnyRequest) -> messages.ReplyValue:
        """Name the parts that can be run alone."""
        return {"components": list(self.session.components())}

    def op_component(self, request: messages.ComponentRequest) -> messages.ReplyValue:
        """Run one part ``warm`` times unmeasured, then ``repeats`` times measured."""
        call = self.session.component(request["name"], seed=request["seed"])
        outputs: Mapping[str, Any] = {}
        times_s = []
        for turn in range(request["warm"] + request["repeats"]):
            started = perf_counter()
            outputs = call()
            if turn >= request["warm"]:
                times_s.append(perf_counter() - started)
        self.attach("stages", outputs)
        return {"times_s": times_s}

    def op_state(self, request: messages.AnyRequest) -> messages.ReplyValue:
        """Digests of what a call may leave behind, in the session and in the process."""
        state = importlib.import_module("patcher.targets.state")
        drawn = state.generators(self.generators)
        return {"state": {**state.process(), **drawn, **self.session.state()}}

    def op_make(self, request: messages.MakeRequest) -> messages.ReplyValue:
        """Make assets, with lines of progress."""
        resolve(request["function"])(self.assets, self.say)
        return {}

    def op_call(self, request: messages.CallRequest) -> messages.ReplyValue:
        """Call a function of JSON values, and of the session if asked to, beside the target."""
        session = (self.session,) if request.get("session") else ()
        return {"value": resolve(request["function"])(*session, **request["arguments"])}

    # results

    def describe(self, produced: Any, returned: str = "returned") -> messages.RunReply:
        memory_mib = self.session.memory_mib()
        if memory_mib is None:
            memory_mib = max(0.0, system.rss_mib("VmHWM") - self.rss_before_mib)
        self.attach(returned, produced.returned)
        return {
            "asked": dict(produced.asked),
            "unread": produced.again is not None,  # once more: see `op_results`
            "wall_s": produced.wall_s,
            "sample_rate": produced.sample_rate,
            "audio_s": produced.audio_s,
            "tokens": produced.tokens,
            "expected_s": produced.expected_s,
            "called_with": produced.called_with,
            "stage_s": dict(produced.stage_s),
            "memory_mib": memory_mib,
        }


def buffers_of(request: messages.AnyRequest) -> dict[str, Any]:
    """The arrays that came with a request, by name."""
    adapter = importlib.import_module("patcher.targets.adapter")
    return {
        kept["name"]: adapter.Buffer(kept["dtype"], tuple(kept["shape"]), data)
        for kept, data in zip(request["payload"], request["data"])
    }


def test_from(fields: messages.Fields) -> Any:
    return importlib.import_module("patcher.targets.adapter").Test(**fields)


def resolve(reference: str) -> Any:
    """The object that ``module:attribute`` names."""
    module, _, attribute = reference.partition(":")
    result: Any = importlib.import_module(module)
    for part in attribute.split("."):
        result = getattr(result, part)
    return result


def main(argv: list[str]) -> None:
    requests, answers = int(argv[1]), int(argv[2])
    faulthandler.enable(file=2, all_threads=True)
    # The stacks go to the log first, then the default action ends the process.
    faulthandler.register(signal.SIGTERM, file=2, all_threads=True, chain=True)
    with open(requests, "rb", closefd=False) as lines:
        greeting = json.loads(lines.readline())
        if greeting["parent"] is not None:  # else the launcher sees to it
            system.die_with_parent(greeting["parent"], requests, answers)
        worker = Worker(greeting, answers)
        while line := lines.readline():
            request = json.loads(line)
            request["data"] = [lines.read(kept["size"]) for kept in request.get("payload", ())]
            worker.answer(request)
    gc.freeze()  # a last search through all that was loaded takes longer than many an import


if __name__ == "__main__":
    main(sys.argv)
