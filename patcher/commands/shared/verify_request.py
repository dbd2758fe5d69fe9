"""From options and settings to the request that `judge` takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patcher.errors import PatcherError, nearest
from patcher.gates.life import CALLS
from patcher.patchfile.model import Equivalence
from patcher.patchfile.versions import members_of
from patcher.settings import load_settings
from patcher.targets import find_adapter
from patcher.targets.adapter import Matrix, Model, Options
from patcher.targets.content import content_of
from patcher.verify.setup import Request, Timed

if TYPE_CHECKING:
    from patcher.execution.process import FrozenTree
    from patcher.execution.results import Arm
    from patcher.store.working_copy import WorkingCopy
    from patcher.targets.adapter import Adapter
    from patcher.verify.exercised import ChangedLines
    from patcher.verify.options import Clock, VerifyOptions


def request_for(
    copy: WorkingCopy,
    trees: Mapping[Arm, FrozenTree],
    equivalence: Equivalence,
    options: VerifyOptions,
    *,
    declares: frozenset[str] = frozenset(),
    places: tuple[ChangedLines, ...] = (),
) -> Request:
    """A request for both trees; ``places`` and ``declares`` are the series' own.

    Raises:
        PatcherError: ``environment`` for a target nobody can run; ``usage`` for a model that is
            not in the matrix; ``config``.
    """
    settings = load_settings(copy.workspace.root)
    given = settings.get("verify", {})
    adapter = adapter_of(copy, given)
    if adapter is None:
        raise nothing_to_run(copy)
    every = adapter.matrix(given)
    return Request(
        adapter=adapter,
        version=copy.version or "",
        trees=trees,
        matrix=selected(every, options.models, further_models(adapter)),
        run_dir=copy.home / "runs",
        options=Options(
            device=options.device,
            scale=options.scale,
            checkpoint=options.checkpoint,
            pretrained=options.pretrained,
            cache=cache_folder(),
        ),
        equivalence=_by_own_rule(equivalence, adapter),
        timeout_s=options.timeout,
        fail_fast=options.fail_fast,
        executor=options.executor or "local",
        python=interpreter(copy.workspace.root),
        sys_path=getattr(adapter, "sys_path", ()),
        limits=given.get("gates", {}),
        inputs=options.inputs,
        seed=options.seed,
        full=options.plan == "full",
        life=options.life or (CALLS if options.plan == "full" else 0),
        declares=declares,
        places=places,
        allow_unexercised=options.allow_unexercised,
        sandbox=options.sandbox,
        readable=(copy.workspace.root, *readable_paths(copy.workspace.root, given)),
        hidden=hidden_from_workers(copy),
        content=content_of(adapter, given, copy.workspace.root),
        clock=timed_apart(options.clock, every, adapter) if options.clock else None,
        about={"series": [each.name for each in copy.series], "aa": options.aa},
    )


def timed_apart(clock: Clock, matrix: Matrix, adapter: Adapter) -> Timed:
    """The part of a matrix that is timed."""
    first = [model.name for model in matrix.models[:1]]
    kept = selected(
        matrix, first if clock.models is None else clock.models, further_models(adapter)
    )
    return Timed(clock.scale, Matrix(kept.models, kept.tests[: clock.tests]))


def adapter_of(copy: WorkingCopy, config: Mapping[str, Any]) -> Adapter | None:
    """What runs a working copy's target; ``config`` is the settings' table ``verify``."""
    return find_adapter(
        copy.target,
        config,
        root=copy.workspace.root,
        packages=copy.packages,
        members=[name for name, _ in members_of(copy.target, copy.version)],
    )


def _by_own_rule(claim: Equivalence, adapter: Adapter) -> Equivalence:
    """With a ``compare`` of the user's own no value has to be equal to the bit."""
    own = getattr(adapter, "own_rule", None) is not None
    return Equivalence.CLOSE if own and claim is Equivalence.BITWISE else claim


def interpreter(root: Path) -> str:
    """The interpreter the target is installed for, once it has answered.

    Raises:
        PatcherError: ``config`` when there is none; ``environment`` when it does not answer, or is
            too old.
    """
    from patcher.store.interpreter import about, configured

    python = configured(root)
    return python if python == sys.executable else about(python).path


def nothing_to_run(copy: WorkingCopy) -> PatcherError:
    """What to add to the settings, ready to be pasted."""
    package = next(iter(copy.packages), copy.target).removesuffix(".py")
    return PatcherError(
        "environment",
        f"nothing says what of {copy.target} to run and compare",
        hint="`patcher new --workload` writes it for you",
        where=str(copy.workspace.root / "patcher.toml"),
        notes=[
            "add to patcher.toml:",
            "    [verify]",
            '    call = "bench.py:work"',
            "and beside it, in bench.py, a function whose result is compared:",
            f"    import {package}",
            "    def work():",
            f"        return {package}...",
        ],
    )


def readable_paths(root: Path, config: Mapping[str, Any]) -> Iterator[Path]:
    """``readable`` of the settings: what workers may read beside what they need anyway."""
    for each in config.get("readable", ()):
        if not isinstance(each, str):
            raise PatcherError("config", "readable is a list of files and folders")
        yield root / Path(each).expanduser()


def hidden_from_workers(copy: WorkingCopy) -> tuple[Path, ...]:
    """Records, recorded outputs and the working copy itself: an arm is run as a frozen tree."""
    workspace = copy.workspace
    packages = [copy.root / package for package in copy.packages]
    return (workspace.private_dir, workspace.backups_dir, *packages)


def selected(matrix: Matrix, models: object, further: Sequence[Model] = ()) -> Matrix:
    """The matrix with only the models of ``--models NAME,...``; None keeps the matrix as it is.

    ``all`` adds the ``further`` models that the adapter knows, each of which can be named, too. A
    name may be shortened to any part of it that one model alone has (``--models base``).
    """
    if models is None:
        return matrix
    taken = {model.name for model in matrix.models}
    every = (*matrix.models, *(model for model in further if model.name not in taken))
    if models == "all":
        return Matrix(every, matrix.tests)
    names = models.split(",") if isinstance(models, str) else list(models)  # type: ignore[call-overload]
    kept: list[Model] = []
    for name in (str(each).strip() for each in names):
        fitting = [item for item in every if item.name.lower() == name.lower()]
        fitting = fitting or [item for item in every if name.lower() in item.name.lower()]
        if len(fitting) != 1 or not name:
            known = [item.name for item in every]
            hint = nearest(name, known, otherwise=f"models: {', '.join(known)}, all")
            raise PatcherError("usage", f"there is no model {name!r}", hint=hint)
        kept += [item for item in fitting if item not in kept]
    return Matrix(tuple(item for item in every if item in kept), matrix.tests)


def further_models(adapter: Adapter) -> tuple[Model, ...]:
    """Models that the adapter knows beside those of its matrix."""
    further = getattr(adapter, "further_models", None)
    return tuple(further()) if further is not None else ()


def cache_folder() -> Path:
    """Where synthetic checkpoints are kept: ``PATCHER_CACHE``, or the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("PATCHER_CACHE") or platformdirs.user_cache_path("patcher"))
