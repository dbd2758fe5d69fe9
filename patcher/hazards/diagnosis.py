"""Why cases failed: from traces of the failing runs to sentences about the target's own lines.

The worker's trace (`patcher.worker.tracing.failure`) says what happened to which tensor; this
module says which patch is behind it, under which condition it happens, and which patch of the
catalogue removes the cause. It knows no error text by heart and no line of any target.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from patcher.errors import PatcherError
from patcher.hazards.conditions import comparison_text, condition_text
from patcher.hazards.effects import InferenceScope, Planned, plan_effects
from patcher.hazards.remedies import candidates, edits
from patcher.verify.judgement import Diagnosis

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from patcher.execution.results import Case, Failure
    from patcher.hazards.model import Place
    from patcher.hazards.traces import FailureTrace, FollowedLine, TracedMaker
    from patcher.patchfile.model import Patch

    Compared = tuple[Case, FollowedLine]

TRACER = "patcher.worker.tracing.failure:trace"
MAX_GROUPS = 4
MAX_REMEDIES = 3


@dataclass(frozen=True)
class Failed:
    """A patched case that failed while its baseline passed, and how."""

    case: Case
    failure: Failure


class Runs(Protocol):
    """Runs cases under a trace. Whoever owns workers and frozen trees provides it."""

    def trace(
        self, requests: Sequence[tuple[Case, Mapping[str, Any]]]
    ) -> Sequence[FailureTrace | None]:
        """Run cases of one model on the patched tree under `TRACER` with the given options.

        One answer a request; None where the worker did not give one.
        """

    def passes(self, case: Case, files: Mapping[str, bytes | None]) -> bool:
        """Whether a case runs on the patched tree with ``files`` put in place of its own."""

    def inputs(self, case: Case) -> str:
        """What the case is run with, a few words (``reference.samples 72480``); may be empty."""


@dataclass(frozen=True)
class Suspects:
    """What was verified and what could help.

    Attributes:
        patches: the applied series, in order.
        read_pristine: pristine bytes by path, None where there is no such file.
        replay: `patcher.rewrite.replay.replay`.
        catalogue: every patch that may be named as a remedy.
    """

    patches: Sequence[Patch]
    read_pristine: Callable[[str], bytes | None]
    replay: Callable[..., Mapping[str, bytes | None]]
    catalogue: Sequence[Patch] = ()


def diagnose(
    failed: Sequence[Failed], passed: Sequence[Case], suspects: Suspects, runs: Runs
) -> tuple[Diagnosis, ...]:
    """Explain failures, one diagnosis for each distinct one.

    Args:
        failed: cases whose patched run raised; those that died otherwise have no line to name.
        passed: cases whose patched run passed, for comparison.
        suspects: the patches under judgement, and the catalogue.
        runs: where traces come from.
    """
    planned = plan_effects(suspects.read_pristine, suspects.patches, suspects.replay)
    result = []
    for group in _groups(failed)[:MAX_GROUPS]:
        result.append(_Case(group, passed, suspects, planned, runs).explain())
    return tuple(result)


def _groups(failed: Sequence[Failed]) -> list[list[Failed]]:
    """Failures that are one and the same: equal error at an equal line."""
    groups: dict[object, list[Failed]] = {}
    for each in failed:
        last = _last_target_frame(each.failure)
        place = (last.file, last.line) if last else None
        groups.setdefault((each.failure.signature, place), []).append(each)
    return list(groups.values())


def _last_target_frame(failure: Failure) -> Any:
    inside = [frame for frame in failure.frames if frame.in_target]
    return inside[-1] if inside else None


@dataclass
class _Case:
    """One group of equal failures on its way to a diagnosis."""

    group: list[Failed]
    passed: Sequence[Case]
    suspects: Suspects
    planned: Planned
    runs: Runs

    def explain(self) -> Diagnosis:
        first = self.group[0]
        trace, compared = self._traces(first)
        cases = tuple(each.case for each in self.group)
        base = Diagnosis(error=first.failure.text, cases=cases)
        if trace is None or trace.kind == "none":
            return self._untraced(base, first.failure, vanished=trace is not None)
        at = trace.at
        if at is None:
            return self._untraced(base, first.failure, vanished=False)
        line = self.planned.pristine_line(at.file, at.line)
        base = replace(base, where=at.file, line=line)
        if trace.kind in {"inplace-update", "inference-tensor"}:
            return self._inference(base, trace, at, compared)
        if trace.kind == "memory-format":
            return self._memory_format(base, trace, at, compared)
        return replace(
            base,
            cause=f"`{at.source}` in {at.function} raised {trace.type}.",
            fires_when=self._fires_when(trace, compared),
            patch=self._owner(at.file, at.line, at.function),
        )

    def _traces(self, first: Failed) -> tuple[FailureTrace | None, Compared | None]:
        """The failing case's trace, and that of a passing case that is like it."""
        requests: list[tuple[Case, Mapping[str, Any]]] = [(first.case, {})]
        last = _last_target_frame(first.failure)
        others = [case for case in self.passed if case.model == first.case.model]
        if last is not None and others:
            watch = [{"file": last.file, "line": last.line}]
            requests.append((others[0], {"watch": watch}))
        answers = list(self.runs.trace(requests))
        compared = None
        if len(answers) > 1 and answers[1] is not None and answers[1].watched:
            compared = (others[0], answers[1].watched[0])
        return (answers[0] if answers else None), compared

    def _untraced(self, base: Diagnosis, failure: Failure, *, vanished: bool) -> Diagnosis:
        """Fall back on the traceback of the first run."""
        last = _last_target_frame(failure)
        cause = failure.text
        if last is not None:
            cause = f"`{last.text}` in {last.function} raised {failure.type}."
        if vanished:
            cause += " Under the trace the same case passed: the failure is not steady."
        return replace(
            base,
            where=last.file if last else None,
            line=self.planned.pristine_line(last.file, last.line) if last else None,
            cause=cause,
            patch=self._owner(last.file, last.line, last.function) if last else None,
        )

    # -- inference tensors -------------------------------------------------------------------

    def _inference(
        self,
        base: Diagnosis,
        trace: FailureTrace,
        at: Place,
        compared: Compared | None,
    ) -> Diagnosis:
        made = trace.made
        effect = self.planned.effect_of(made.scopes) if made else None
        done = "updates in place" if trace.kind == "inplace-update" else "hands to autograd"
        cause = f"`{at.source}` in {at.function} {done} a tensor outside inference mode"
        created = None
        if made and made.stack:
            maker = made.stack[0]
            line = self.planned.pristine_line(maker.file, maker.line)
            created = f"{maker.file}:{line} {maker.function}"
            then = "inference mode" if made.inference else "no inference mode"
            cause += f" that {maker.function} made under {then} (line {line})"
        cause += "."
        if effect is not None:
            what = "the decorator on" if effect.decorator else "the `with` in"
            cause += (
                f" {effect.patch} put it there: {what} {effect.function}"
                f" ({effect.file}:{effect.pristine_line})."
            )
        remedy = self._remedy(at, made, effect)
        return replace(
            base,
            cause=cause,
            created_at=created,
            fires_when=self._fires_when(trace, compared),
            patch=effect.patch if effect else self._owner(at.file, at.line, at.function),
            remedy=remedy,
            edit=f"{effect.file}:{effect.pristine_line} {effect.function}" if effect else None,
        )

    def _remedy(
        self, at: Place, made: TracedMaker | None, effect: InferenceScope | None
    ) -> str | None:
        """A patch of the catalogue with which the failing case passes, tried for real."""
        case = self.group[0].case
        ends = [(at.file, at.function)]
        if made and made.stack:
            ends.append((made.stack[0].file, made.stack[0].function))
        responsible = effect.patch if effect else None
        result = candidates(responsible, ends, self.suspects.patches, self.suspects.catalogue)
        for patch in result[:MAX_REMEDIES]:
            try:
                patches = [*self.suspects.patches, patch]
                files = self.suspects.replay(self.suspects.read_pristine, patches)
            except PatcherError:
                continue
            if self.runs.passes(case, files):
                return patch.name
        return None

    # -- memory formats ----------------------------------------------------------------------

    def _memory_format(
        self,
        base: Diagnosis,
        trace: FailureTrace,
        at: Place,
        compared: Compared | None,
    ) -> Diagnosis:
        rank, shape = len(trace.shape), " x ".join(str(length) for length in trace.shape)
        cause = (
            f"`{at.source}` in {at.function} asks for torch.{trace.memory_format}, "
            f"which needs rank {trace.needed_rank}; the tensor has rank {rank} ({shape})."
        )
        if rank == 3:
            cause += " One-dimensional convolutions have no channels-last form."
        return replace(
            base,
            cause=cause,
            fires_when=self._fires_when(trace, compared) or f"every call of {at.function}",
            patch=self._owner(at.file, at.line, at.function),
        )

    # -- shared ------------------------------------------------------------------------------

    def _owner(self, file: str, line: int, function: str) -> str | None:
        """The patch that wrote a line, else the last one that edits the function."""
        owner = self.planned.patch_of_line(file, line)
        if owner is not None:
            return owner
        for patch in reversed(self.suspects.patches):
            if edits(patch, file, function):
                return patch.name
        return None

    def _fires_when(self, trace: FailureTrace, compared: Compared | None) -> str | None:
        parts = [condition_text(trace.conditions)]
        inputs = self.runs.inputs(self.group[0].case)
        if inputs:
            parts.append(f"seen with {inputs}")
        if compared is not None:
            parts.append(comparison_text(compared[0].test, compared[1]))
        return "; ".join(part for part in parts if part) or None
