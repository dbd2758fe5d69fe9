"""What users do with a loaded model beside calling it: copy, pickle, move it, share it by threads.

Runs in a worker. Each probe makes calls whose results are known from calls one after the other,
and says whether they came out the same, came out otherwise, or raised. Standard library alone.
"""

from __future__ import annotations

import copy
import hashlib
import pickle
import sys
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.targets.adapter import Subject, Test

ROUNDS = 3  # calls of each thread at least, and so many seconds of them
LEAST_S = 0.3
MOST_ROUNDS = 300
SWITCH_S = 1e-5  # between threads, so that what they share shows
HELD_MODELS = 2  # at once, by every probe but those of `ALONE`
ALONE = ("two threads",)


class Survivor:
    """One loaded model put through the probes; results are compared with those of plain calls.

    Args:
        models: options of the model, and of another one to be loaded beside it.
        tests: the inputs of two calls.
    """

    def __init__(
        self, subject: Subject, models: Sequence[Mapping[str, Any]], tests: Sequence[Test]
    ) -> None:
        self.subject = subject
        self.models = models
        self.tests = tests
        self.model = subject.load(models[0])
        self.expected = [self._call(self.model, at) for at in range(len(tests))]
        self.plain = list(self.expected)

    def probe(self, name: str) -> dict[str, str]:
        """Put the model through one probe.

        Returns:
            ``outcome``: ``same``, ``other``, ``raises``, or ``no`` where there is no such thing to
            do with this model; ``detail`` in words; ``plain``: a digest of what plain calls gave.
        """
        self.plain = list(self.expected)
        outcome, detail = self._outcome(PROBES[name])
        return {"outcome": outcome, "detail": detail, "plain": " ".join(self.plain)}

    def _outcome(self, probe: Callable[[Survivor], Results | None]) -> tuple[str, str]:
        try:
            results = probe(self)
        except Exception as error:
            return "raises", f"{type(error).__name__}: {error}"
        if results is None:
            return "no", ""
        wrong = [at for at, digest in results if digest != self.expected[at]]
        if wrong:
            return "other", f"{len(wrong)} of {len(results)} results are not those of plain calls"
        return "same", ""

    def _call(self, model: Any, at: int) -> str:
        """The digest of what one call returns."""
        digest = hashlib.sha256()
        for name, buffer in sorted(self.subject.call(model, self.tests[at]).items()):
            digest.update(f"{name}={buffer.sha256};".encode())
        return digest.hexdigest()

    def _calls(self, *turns: tuple[Any, int]) -> Results:
        return [(at, self._call(model, at)) for model, at in turns]

    def deepcopy(self) -> Results:
        """A copy of a model that was used, beside the original."""
        copied = copy.deepcopy(self.model)
        return self._calls((copied, 0), (self.model, 1), (copied, 1))

    def pickling(self) -> Results:
        """A model as it was loaded, pickled and read back."""
        read = pickle.loads(pickle.dumps(self.subject.load(self.models[0])))
        return self._calls((read, 0), (read, 1))

    def pickling_used(self) -> Results:
        """A model that was used, pickled and read back, beside the original."""
        read = pickle.loads(pickle.dumps(self.model))
        return self._calls((read, 0), (self.model, 1), (read, 1))

    def two_models(self) -> Results:
        """Another model in the same process, calls in turn."""
        other = self.subject.load(self.models[-1])
        first = self._calls((self.model, 0))
        self.plain.append(self._call(other, 1))
        return first + self._calls((self.model, 1), (self.model, 0))

    def to(self) -> Results | None:
        """A model that was used, moved to another type or device and back."""
        if self.subject.move is None:
            return None
        model = self.subject.load(self.models[0])
        self._call(model, 0)
        self.subject.move(model)
        return self._calls((model, 0), (model, 1))

    def two_threads(self) -> Results:
        """Two threads call one model, each with an input of its own."""
        results: Results = []
        errors: list[Exception] = []
        start = threading.Barrier(2)

        def work(at: int) -> None:
            try:
                start.wait()
                until_s = monotonic() + LEAST_S
                for turn in range(MOST_ROUNDS):
                    if turn >= ROUNDS and monotonic() > until_s:
                        break
                    results.append((at, self._call(self.model, at)))
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(at,)) for at in (0, 1)]
        before = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        try:
            for each in threads:
                each.start()
            for each in threads:
                each.join()
        finally:
            sys.setswitchinterval(before)
        if errors:
            raise errors[0]
        return results


if TYPE_CHECKING:
    Results = list[tuple[int, str]]


def survivor(
    session: Any, models: Sequence[Mapping[str, Any]], tests: Sequence[Mapping[str, Any]]
) -> Survivor:
    """One of the session's model, as a worker is asked for it.

    Raises:
        NotApplicable: the session's adapter has no `Subject`.
    """
    from patcher.targets.adapter import Test

    inputs = [Test(**fields) for fields in tests]
    return Survivor(session.subject(inputs[0]), models, inputs)


PROBES: Mapping[str, Callable[[Survivor], Results | None]] = {
    "deepcopy": Survivor.deepcopy,
    "pickling": Survivor.pickling,
    "pickling after use": Survivor.pickling_used,
    "two models": Survivor.two_models,
    "to": Survivor.to,
    "two threads": Survivor.two_threads,
}
