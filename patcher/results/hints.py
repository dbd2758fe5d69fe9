"""The types of a result's fields, for what reads them and for what describes them."""

from __future__ import annotations

import collections.abc
import functools
import sys
import typing
from pathlib import Path
from typing import Any


@functools.cache
def hints_of(kind: Any) -> dict[str, Any]:
    """A dataclass's fields by name, with names resolved that its modules import for types only."""
    return typing.get_type_hints(kind, {**names(), **_imported(kind)})


def _imported(kind: type) -> dict[str, Any]:
    modules = (sys.modules[each.__module__] for each in kind.__mro__)
    return {name: value for module in modules for name, value in vars(module).items()}


@functools.cache
def names() -> dict[str, Any]:
    """The names that results and their parts use in annotations only."""
    from patcher import results
    from patcher.bench import figures
    from patcher.bench.forecast import Forecast
    from patcher.bench.records import Fault
    from patcher.bench.speed import Regression, Word
    from patcher.errors import PatcherError
    from patcher.execution.results import Case, Outcome
    from patcher.gates.result import GateResult
    from patcher.hazards.model import Place
    from patcher.hazards.static import EntryKind
    from patcher.hazards.summary import DynamicSummary
    from patcher.rewrite.selection import LeftOut
    from patcher.store.doctor import Finding
    from patcher.store.journal import DamagedJournal, Journal
    from patcher.store.lock import Holder
    from patcher.store.settling import SettledChange
    from patcher.verify.judgement import Status, Verdict

    types = (
        Case, DamagedJournal, DynamicSummary, EntryKind, Fault, Finding, Forecast, GateResult,
        Holder, Journal, LeftOut, Outcome, Path, PatcherError, Place, Regression, SettledChange,
        Status, Verdict, Word,
    )  # fmt: skip
    return {
        "Any": Any,
        "Mapping": collections.abc.Mapping,
        "Sequence": collections.abc.Sequence,
        **{each.__name__: each for each in types},
        **vars(figures),
        **{name: getattr(results, name) for name in results.__all__},
    }
