"""Measure the shipped catalogue on the installed target.

    python -m benchmarks.catalogue PART ... [--device cuda] [--only NAME ...]

- ``counts``: dispatched operations and synchronisation points of a T3 step, a CFM step and a
  vocoder call, and whether the outputs are pristine's to the bit. No clock, no noise.
- ``gates``: every subject's own gate on the whole matrix of models and tests, at tiny scale.
- ``stages``: every patch against pristine in interleaved rounds, but only the stages whose code it
  edits, on inputs recorded once from pristine: the same work for all.
- ``speed``: whole generations in the same kind of rounds: the sets, or what ``--only`` names.
- ``life``: 200 generations in one process, voices and lengths changing: pristine and the sets.
- ``start``: the sets: a fresh process, its first and its second short utterance, its memory.
- ``work``: no subject: what a generation has to read and compute, for the floors of the page.
- ``rates``: no subject: how fast torch does on this processor what a generation consists of.
- ``page``: nothing but the page.
- ``specs``: the page, and what is known of each patch into the ``measured`` texts of its spec.

A subject is a patch, a ``@set``, or several joined by ``+``. What was measured is kept in
``benchmarks/catalogue/results/DEVICE/PART.json`` as soon as it is known, and
``docs/catalogue-measured.md`` is written from all of it. It needs no network: the target is the
installed one, and the weights are made by patcher. Status 1 means that something could not be
measured, ran out of time, or failed the gate it claims; what, is said at the end.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.catalogue.about import ROOT, facts
from benchmarks.catalogue.measure import Lab
from benchmarks.catalogue.scope import stages_of, why_not
from benchmarks.catalogue.stamping import stamp
from benchmarks.catalogue.store import Figures, Results, still_holds
from benchmarks.catalogue.tables import Book, page
from benchmarks.catalogue.trees import PRISTINE, Subject, Target, digest
from patcher.bench.rounds import Deadline
from patcher.errors import PatcherError
from patcher.patchfile.catalogue import shipped

RESULTS = Path(__file__).with_name("results")
PAGE = ROOT / "docs" / "catalogue-measured.md"
MEASURED = ("counts", "gates", "stages", "speed", "life", "start", "work", "rates")
SCALED = ("counts", "stages", "speed", "start", "work")
LATE = "out of time"


def main() -> None:
    settings = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that workers end with it
    target = Target(settings.target)
    results = Results(settings.results)
    measuring = Measuring(settings, target, results)
    try:
        problems = [
            problem
            for part in settings.parts
            if part in MEASURED
            for problem in measuring.run(part)
        ]
    finally:
        show(settings, target, results)
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


def show(settings: argparse.Namespace, target: Target, results: Results) -> None:
    """Write the page, and the specs if asked to; the page is about what patches are shipped for."""
    if not settings.target:
        where = PAGE if settings.results == RESULTS else settings.results / PAGE.name
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(page(book_of(results, target)))
        print(f"written: {where}")
        if "specs" in settings.parts:
            patches = list(target.catalogue.patches.values())
            changed = stamp(shipped(), patches, results.everything())
            print(f"figures changed in: {', '.join(changed) or 'no spec'}")


def book_of(results: Results, target: Target) -> Book:
    source = target.source
    return Book(results.everything(), target.subjects(), source.distribution, source.version)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.catalogue", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parts = (*MEASURED, "page", "specs")
    parser.add_argument("parts", nargs="+", choices=parts)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument(
        "--scale", default="full", choices=("tiny", "full"), help="not for gates, life, rates"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="subjects")
    parser.add_argument(
        "--resume", action="store_true", help="skip what was measured on the same tree and machine"
    )
    parser.add_argument(
        "--target",
        metavar="NAME",
        help="gates of patches for another installed distribution; `page` shows them later",
    )
    timed = parser.add_argument_group("for stages and speed")
    timed.add_argument("--rounds", type=int, default=6, help="six are the fewest that decide")
    timed.add_argument("--tokens", type=int, default=100, help="speech tokens a generation")
    timed.add_argument("--sessions", type=int, help="models loaded at once; else what memory holds")
    parser.add_argument(
        "--budget", type=float, metavar="SECONDS", help="begin nothing that would end after that"
    )
    parser.add_argument("--cache", type=Path, default=Path(platformdirs.user_cache_dir("patcher")))
    parser.add_argument(
        "--results", type=Path, default=RESULTS, help="another folder; the page goes there too"
    )
    parser.add_argument(
        "--under",
        metavar="NAME",
        help="keep the figures under a heading of their own, as another machine's",
    )
    settings = parser.parse_args()
    settings.under = settings.under or settings.device
    if settings.target and settings.parts != ["gates"]:
        parser.error("--target is for gates alone: the other parts run Chatterbox TTS")
    if settings.target and not settings.only:
        parser.error("--target needs --only: what also fits Chatterbox TTS would replace its gate")
    if "specs" in settings.parts and settings.results != RESULTS:
        parser.error("specs hold the committed figures: not with --results")
    return settings


class Measuring:
    """One call: parts of some subjects on one device, saved as they come."""

    def __init__(self, settings: argparse.Namespace, target: Target, results: Results) -> None:
        self.settings, self.target, self.results = settings, target, results
        self.lab = Lab(target, settings.device, settings.cache, self.say)
        self.deadline = Deadline(settings.budget)
        self.subjects = target.subjects(settings.only)
        self.facts = facts(settings.device)
        if settings.target:
            self.facts["versions"][target.source.distribution] = target.source.version

    def say(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def run(self, part: str) -> Iterator[str]:
        """Measure one part; yields what went wrong, a line each."""
        subjects = list(self.to_measure(part))
        result = self.timed if part in ("stages", "speed") else self.one_by_one
        for subject, value in result(part, subjects):
            if isinstance(value, str):
                last = value.strip().splitlines()[-1:] or ["no reason given"]
                self.say(f"{part} of {subject.name}: {value}")
                yield f"{part}: {subject.name}: {last[0]}"
                continue
            saved = {**value, "about": self.about(subject)}
            self.results.add(self.settings.under, self.key(part), {subject.name: saved})
        if part == "gates":
            yield from self.surprises()

    def surprises(self) -> Iterator[str]:
        """Gates that did not end as their subject claims, whenever they ran."""
        saved = self.results.of(self.settings.under, "gates")
        for subject in self.subjects:
            verdict = saved.get(subject.name, {}).get("verdict")
            if verdict not in (None, expected(subject)):
                yield f"gates: {subject.name}: {verdict}, not {expected(subject)}"

    def to_measure(self, part: str) -> Iterator[Subject]:
        """The subjects a part is for, without those that need not be measured again."""
        source = self.target.source
        saved = self.results.of(self.settings.under, self.key(part))
        for subject in self.subjects:
            if not belongs(part, subject, named=bool(self.settings.only)):
                continue
            why = why_not(part, subject, source.distribution, source.version, self.settings.device)
            if why:
                self.say(f"{part}: not {subject.name}: {why}")
            elif self.settings.resume and still_holds(
                saved.get(subject.name),
                self.about(subject),
                self.settings.rounds,
                self.settings.tokens,
            ):
                self.say(f"{part}: {subject.name} is measured already")
            else:
                yield subject

    def about(self, subject: Subject) -> dict[str, Any]:
        return {**self.facts, "tree": digest(self.target.files(subject))[:16]}

    def key(self, part: str) -> str:
        return f"{part}-{self.settings.scale}" if part in SCALED else part

    def one_by_one(
        self, part: str, subjects: Sequence[Subject]
    ) -> Iterator[tuple[Subject, Figures | str]]:
        """Parts that measure a subject by itself."""
        measures: dict[str, Callable[[Subject], Figures]] = {
            "counts": partial(self.lab.count, scale=self.settings.scale),
            "gates": self.lab.gate,
            "life": self.lab.live,
            "start": partial(self.lab.start, scale=self.settings.scale),
            "work": partial(self.lab.work, scale=self.settings.scale, tokens=self.settings.tokens),
            "rates": self.lab.rates,
        }
        longest = 0.0
        for subject in subjects:
            if not self.deadline.fits(longest):
                yield subject, LATE
                continue
            self.say(f"{part}: {subject.name}")
            began = time.monotonic()
            try:
                yield subject, measures[part](subject)
            except (RuntimeError, PatcherError) as error:
                yield subject, str(error)
            longest = max(longest, time.monotonic() - began)

    def timed(
        self, part: str, subjects: Sequence[Subject]
    ) -> Iterator[tuple[Subject, Figures | str]]:
        """Parts that measure subjects beside pristine."""
        rest = {each.name: each for each in subjects if each.name != PRISTINE}
        if not rest:
            return
        works = {
            name: stages_of(each) if part == "stages" else ("generation",)
            for name, each in rest.items()
        }
        for name, value in self.lab.time(
            list(rest.values()),
            works,
            scale=self.settings.scale,
            tokens=self.settings.tokens,
            rounds=self.settings.rounds,
            sessions=self.settings.sessions,
            deadline=self.deadline,
        ):
            if name != PRISTINE:
                yield rest.pop(name), value
            elif part == "speed" or isinstance(value, str):  # else it stands beside each subject
                yield Subject(PRISTINE), value
        for late in rest.values():
            yield late, LATE


def belongs(part: str, subject: Subject, *, named: bool) -> bool:
    """Whether a part measures such a subject: always when it is named, else by its kind."""
    if subject.name == PRISTINE:
        return part != "gates"
    if part in ("rates", "work"):
        return False
    is_set = subject.name.startswith("@")
    if named or part in ("counts", "gates"):
        return True
    return not is_set if part == "stages" else is_set


def expected(subject: Subject) -> str:
    """A reproduction by itself has to fail, anything else to pass."""
    alone = len(subject.series) == 1 and subject.series[0].reproduction
    return "fail" if alone else "pass"


if __name__ == "__main__":
    main()
