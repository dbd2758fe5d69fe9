"""What patches will break, predicted from runs that break nothing.

The patches are applied in memory. Every scope of inference mode they open is turned into
``no_grad`` (`Planned.neutral`), and that tree is surveyed: for a patch that only changes modes it
is pristine itself, whose survey is cached. Which tensors would have been inference tensors, and
which updates of them would have been refused, follows from the scopes on record: a tensor is one
when it was allocated inside such a scope. Conversions to a memory format and mixed dtypes are
carried out, with the survey stepping over what torch refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError
from patcher.hazards.conditions import fires_when
from patcher.hazards.effects import Planned, plan_effects
from patcher.hazards.model import Hazard, Place
from patcher.hazards.remedies import candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from patcher.hazards.traces import DynamicMap, SurveyedRun, Tally, TracedScope
    from patcher.patchfile.model import Patch

    Survey = Callable[[Mapping[str, bytes | None], Sequence[str] | None], DynamicMap]

MAX_REMEDIES = 3
SERVES = (
    "one-dimensional convolutions have no channels-last form; what serves them is fewer and "
    "larger calls, weight norm folded once after loading, or a compiled graph"
)


def predict(
    patches: Sequence[Patch],
    read_pristine: Callable[[str], bytes | None],
    replay: Callable[..., Mapping[str, bytes | None]],
    survey: Survey,
    catalogue: Sequence[Patch] = (),
) -> tuple[Hazard, ...]:
    """The hazards of patches, as if applied in this order. Nothing is written to the target.

    Args:
        patches: the series to predict, applied ones first.
        read_pristine: pristine bytes by path.
        replay: `patcher.rewrite.replay.replay`.
        survey: `patcher.hazards.dynamic.Surveys.survey`.
        catalogue: where remedies are looked for; each is tried by predicting again with it.

    Raises:
        PatcherError: the patches do not fit; the target cannot be run.
    """
    planned = plan_effects(read_pristine, patches, replay)
    neutral = planned.neutral()
    ran = survey(neutral, None)
    plain = survey({}, None) if neutral else ran
    hazards = list(Prediction(planned, ran, plain).hazards())

    def solved(hazard: Hazard, patch: Patch) -> bool:
        try:
            with_it = plan_effects(read_pristine, [*patches, patch], replay)
            again = survey(with_it.neutral(), _of_one_model(hazard.cases))
        except PatcherError:
            return False
        known = {(each.kind, each.at.file, each.at.line) for each in hazards}
        left = {
            (each.kind, each.at.file, each.at.line)
            for each in Prediction(with_it, again, plain).hazards()
        }
        return (hazard.kind, hazard.at.file, hazard.at.line) not in left and left <= known

    return tuple(_with_remedy(hazard, patches, catalogue, solved) for hazard in hazards)


@dataclass
class Prediction:
    """Reads hazards from a survey of a neutralised tree.

    Args:
        planned: what the patches do; ``ran`` the survey of ``planned.neutral()``.
        plain: the survey of pristine, for what happens there as well.
    """

    planned: Planned
    ran: DynamicMap
    plain: DynamicMap

    def hazards(self) -> Iterator[Hazard]:
        """One hazard for each kind and place."""
        merged: dict[tuple[Any, ...], Hazard] = {}
        for hazard in self._all():
            key = (hazard.kind, hazard.at, hazard.patch)
            known = merged.setdefault(key, hazard)
            cases = tuple(dict.fromkeys([*known.cases, *hazard.cases]))
            merged[key] = replace(known, cases=cases)
        for hazard in merged.values():
            fires = hazard.fires_when or fires_when(self.ran, self._neutral_line, hazard)
            yield replace(hazard, fires_when=fires)

    def _all(self) -> Iterator[Hazard]:
        if self.planned.effects:
            yield from self._inference()
        yield from self._formats()
        yield from self._dtypes()
        yield from self._failures()

    # -- inference mode ----------------------------------------------------------------------

    def _inference(self) -> Iterator[Hazard]:
        for model, run, event in self.ran.rows(lambda each: each.events):
            scopes = run.scopes
            made_inside = event.made_inference or (
                not event.adopted and self._inside(event.made_scopes, scopes)
            )
            now_inside = event.inference or self._inside(event.scopes, scopes)
            if not made_inside or event.made_inference:
                continue  # an ordinary tensor, or one that is refused without any patch
            if now_inside and event.kind not in {"version-counter", "backward"}:
                continue
            effect = self.planned.effect_of(scopes[number] for number in event.made_scopes)
            if effect is None:
                continue
            yield Hazard(
                event.kind,
                self._place(run, event.at),
                f"inference mode: {effect}",
                effect.patch,
                made=None if event.made is None else self._place(run, event.made),
                cases=_cases(model, event.acts),
            )

    def _inside(self, open_scopes: Sequence[int], scopes: Sequence[TracedScope]) -> bool:
        """Whether inference mode would be on under these scopes, outermost first."""
        inside = False
        for number in open_scopes:
            scope = scopes[number]
            if scope.mode == "inference_mode":
                inside = scope.enabled
            elif self.planned.effect_of([scope]) is not None:
                inside = True
        return inside

    # -- memory formats ----------------------------------------------------------------------

    def _formats(self) -> Iterator[Hazard]:
        note = f"{self._one_dimensional()}: {SERVES}"
        for model, run, row in self.ran.rows(lambda each: each.conversions):
            place, patch = self._written_by(run, row)
            for layout, needed, rank, shape in row.facts:
                if rank == needed or patch is None:
                    continue
                text = " x ".join(str(length) for length in shape)
                yield Hazard(
                    "channels-last-rank",
                    place,
                    f"torch.{layout} needs rank {needed}; the tensor has rank {rank} ({text})",
                    patch,
                    fires_when=f"every call of {place.function}",
                    cases=_cases(model, row.acts),
                    note=note if rank == 3 else "",
                )
                break

    def _one_dimensional(self) -> str:
        """How many of the lines that ran a convolution ran a one-dimensional one."""
        ranks: dict[tuple[str, int], set[int]] = {}
        for _, run, row in self.ran.rows(lambda each: each.convolutions):
            place = run.places[row.at]
            ranks.setdefault((place.file, place.line), set()).update(fact[0] for fact in row.facts)
        flat = sum(seen == {3} for seen in ranks.values())
        if flat == len(ranks) == 1:
            return "the one line that convolves does so in one dimension"
        return f"{flat} of {len(ranks)} lines that convolve do so in one dimension"

    # -- dtypes ------------------------------------------------------------------------------

    def _dtypes(self) -> Iterator[Hazard]:
        known = {self._known(run, row) for _, run, row in self.plain.rows(lambda each: each.mixed)}
        known |= {
            self._known(run, row) for _, run, row in self.plain.rows(lambda each: each.refusals)
        }
        last = self._last_patch()
        tables: Sequence[tuple[Callable[[SurveyedRun], Sequence[Tally]], str]] = (
            (lambda each: each.refusals, "refuses"),
            (lambda each: each.mixed, "promotes"),
        )
        for table, says in tables:
            for model, run, row in self.ran.rows(table):
                place, patch = self._written_by(run, row)
                mixes = [fact for fact in row.facts if len(_floats(fact)) > 1]
                if not mixes or self._known(run, row) in known or last is None:
                    continue
                known.add(self._known(run, row))
                kinds = " and ".join(_floats(mixes[0]))
                yield Hazard(
                    "mixed-dtype",
                    place,
                    f"{mixes[0][0]} {says} {kinds}",
                    patch or last,
                    fires_when=f"every call of {place.function}",
                    cases=_cases(model, row.acts),
                )

    def _known(self, run: SurveyedRun, row: Tally) -> tuple[str, int]:
        place = run.places[row.at]
        if any(run is each for each in self.plain.runs.values()):
            return place.file, place.line
        return place.file, self.planned.pristine_line(place.file, place.line)

    # -- failures ----------------------------------------------------------------------------

    def _failures(self) -> Iterator[Hazard]:
        """What fails even with the patches' inference mode taken out, and not on pristine."""
        expected = {
            (model, failure.act, failure.message)
            for model, run in self.plain.runs.items()
            for failure in run.failures
        }
        for model, _, failure in self.ran.rows(lambda each: each.failures):
            at = failure.at
            if (model, failure.act, failure.message) in expected or at is None:
                continue
            line = self.planned.pristine_line(at.file, at.line)
            patch = self.planned.patch_of_line(at.file, at.line) or self._last_patch()
            yield Hazard(
                "exception",
                replace(at, line=line),
                f"{failure.type}: {failure.message}",
                patch or "",
                cases=_cases(model, [failure.act]),
            )

    # -- shared ------------------------------------------------------------------------------

    def _place(self, run: SurveyedRun, number: int) -> Place:
        place = run.places[number]
        return replace(place, line=self.planned.pristine_line(place.file, place.line))

    def _written_by(self, run: SurveyedRun, row: Tally) -> tuple[Place, str | None]:
        """The place of a row, and the patch that wrote its line or the line it was called from."""
        for number in (row.at, *row.via):
            patch = self.planned.patch_of_line(run.places[number].file, run.places[number].line)
            if patch is not None:
                return self._place(run, number), patch
        return self._place(run, row.at), None

    def _last_patch(self) -> str | None:
        return self.planned.versions[-1][0] if self.planned.versions else None

    def _neutral_line(self, file: str, line: int) -> int:
        return self.planned.line_map(file).after(line)


def _cases(model: str, acts: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{model} / {act}" for act in acts)


def _of_one_model(cases: Sequence[str]) -> list[str]:
    """The cases of the first model: models of a matrix share their code."""
    model = cases[0].split(" / ")[0]
    return [case for case in cases if case.split(" / ")[0] == model]


def _floats(fact: Sequence[Any]) -> list[str]:
    names = {str(each) for each in fact[1:]}
    return sorted(
        each for each in names if each.startswith(("float", "bfloat")) and " " not in each
    )


def _with_remedy(
    hazard: Hazard,
    patches: Sequence[Patch],
    catalogue: Sequence[Patch],
    solved: Callable[[Hazard, Patch], bool],
) -> Hazard:
    if hazard.made is None:
        return hazard  # a tensor's rank or dtype is no matter of where it was made
    ends = [(end.file, end.function) for end in (hazard.at, hazard.made) if end is not None]
    for patch in candidates(hazard.patch, ends, patches, catalogue)[:MAX_REMEDIES]:
        if solved(hazard, patch):
            return replace(hazard, remedy=patch.name)
    return hazard
