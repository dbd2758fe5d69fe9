"""What commands return: frozen values, one type a command. `as_json` writes them all.

The fields of a result are the keys of ``--json``. A field made with `optional` is left out of the
JSON object while it is None: it belongs to a result only when it was asked for.

Each is imported when it is first asked for: most commands need one or two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from patcher.results.writing import as_json, optional

if TYPE_CHECKING:
    from patcher.results.scanned import (
        HazardOutcome,
        ScannedHazard,
        ScanResult,
    )
    from patcher.results.series import (
        ApplyResult,
        CaptureResult,
        CheckResult,
        CopyDiff,
        CopyStatus,
        DiffResult,
        DriftedFile,
        ExportResult,
        FileChange,
        Gain,
        InitResult,
        ListedPatch,
        ListedSet,
        ListResult,
        NewResult,
        PatchState,
        PlannedEdit,
        PlannedPatch,
        PlannedSite,
        PlanResult,
        RevertedCopy,
        RevertResult,
        ShowResult,
        StatusResult,
        UnreadableSpec,
    )
    from patcher.results.verification import (
        ComparedCase,
        CompareResult,
        DiscardedEdit,
        DiscardResult,
        DoctorResult,
        ErrorHelp,
        ExplainResult,
        HistoryResult,
        JudgedCandidate,
        JudgeResult,
        PastVerification,
        RunResult,
        TimedRun,
        TriedSet,
        TuneResult,
    )
    from patcher.results.verified import (
        JudgedOutcome,
        VerifyResult,
    )

__all__ = [
    "ApplyResult",
    "CaptureResult",
    "CheckResult",
    "CompareResult",
    "ComparedCase",
    "CopyDiff",
    "CopyStatus",
    "DiffResult",
    "DiscardResult",
    "DiscardedEdit",
    "DoctorResult",
    "DriftedFile",
    "ErrorHelp",
    "ExplainResult",
    "ExportResult",
    "FileChange",
    "Gain",
    "HazardOutcome",
    "HistoryResult",
    "InitResult",
    "JudgeResult",
    "JudgedCandidate",
    "JudgedOutcome",
    "ListResult",
    "ListedPatch",
    "ListedSet",
    "NewResult",
    "PastVerification",
    "PatchState",
    "PlanResult",
    "PlannedEdit",
    "PlannedPatch",
    "PlannedSite",
    "RevertResult",
    "RevertedCopy",
    "RunResult",
    "ScanResult",
    "ScannedHazard",
    "ShowResult",
    "StatusResult",
    "TimedRun",
    "TriedSet",
    "TuneResult",
    "UnreadableSpec",
    "VerifyResult",
    "as_json",
    "optional",
]

_VERIFIED = ("JudgedOutcome", "VerifyResult")
_SCANNED = ("HazardOutcome", "ScanResult", "ScannedHazard")
_OF_A_SERIES = (
    "ApplyResult",
    "CaptureResult",
    "CheckResult",
    "CopyDiff",
    "CopyStatus",
    "DiffResult",
    "DriftedFile",
    "ExportResult",
    "FileChange",
    "Gain",
    "InitResult",
    "ListedPatch",
    "ListedSet",
    "ListResult",
    "NewResult",
    "PatchState",
    "PlannedEdit",
    "PlannedPatch",
    "PlannedSite",
    "PlanResult",
    "RevertedCopy",
    "RevertResult",
    "ShowResult",
    "StatusResult",
    "UnreadableSpec",
)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'patcher.results' has no attribute {name!r}")
    from importlib import import_module

    homes = {"verified": _VERIFIED, "scanned": _SCANNED, "series": _OF_A_SERIES}
    home = next((home for home, names in homes.items() if name in names), "verification")
    return getattr(import_module(f"patcher.results.{home}"), name)
