"""What kept the arms apart while they ran: the guards in force, and files that had to stay."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from patcher.execution.executor import Elsewhere, LocalExecutor
from patcher.execution.fingerprints import attributes, changed, watched
from patcher.execution.sandbox import GUARDS
from patcher.verify.judgement import Judgement, Verdict

if TYPE_CHECKING:
    from patcher.execution.executor import Executor
    from patcher.execution.sandbox import Policy
    from patcher.verify.setup import Setup

NO_SANDBOX = "--no-sandbox: the workers ran unguarded, free to read and write as the user is"
FOREIGN = "the executor {name!r} runs the workers: which guards it has is not known here"
LISTED = 5


class Guarded:
    """Made before the first case runs; `conclude` when the last one has."""

    def __init__(self, setup: Setup, executor: Executor) -> None:
        self.setup = setup
        self.local = isinstance(executor, LocalExecutor)
        # Jobs that run elsewhere are kept apart by the kernels there: what all of them have counts.
        self.kernels = tuple(executor.kernels()) if isinstance(executor, Elsewhere) else ()
        self.before = self._watched()

    def _watched(self) -> dict[str, str]:
        request = self.setup.request
        trees = [tree.path for tree in request.trees.values()]
        fenced = "fs-write" in self.guards
        return {
            **watched(trees, request.adapter.serving, request.sys_path),
            **attributes(trees, folders=fenced),
        }

    def conclude(self, judgement: Judgement) -> Judgement:
        """The judgement with its guards; failed when what it rests on did not stay as it was."""
        guarded = replace(
            judgement, guards=self.guards, warnings=(*judgement.warnings, *self.missing)
        )
        touched = changed(self.before, self._watched())
        if not touched:
            return guarded
        shown = ", ".join(touched[:LISTED]) + (" and others" if len(touched) > LISTED else "")
        return replace(
            guarded,
            verdict=Verdict.FAIL,
            reason="files-changed",
            sentence=f"Changed while the workers ran, so nothing they said counts: {shown}",
        )

    @property
    def guards(self) -> tuple[str, ...]:
        """The guards in force, by name."""
        policies = self.policies
        if not policies:
            return ("hashes",)
        return tuple(
            guard for guard in GUARDS if all(guard in policy.guards for policy in policies)
        )

    @property
    def policies(self) -> tuple[Policy, ...]:
        """What holds the workers, one for each kernel they run on; empty when that is unknown."""
        policy = self.setup.policy
        if policy is None or not (self.local or self.kernels):
            return ()
        return tuple(replace(policy, kernel=each) for each in self.kernels) or (policy,)

    @property
    def missing(self) -> tuple[str, ...]:
        """A sentence on each guard that is not in force, equal reasons together."""
        if not self.local and not self.kernels:
            return (FOREIGN.format(name=self.setup.request.executor),)
        if not self.policies:
            return (NO_SANDBOX,)
        by_reason: dict[str, list[str]] = {}
        for guard in GUARDS:
            for why in {
                policy.missing[guard] for policy in self.policies if guard in policy.missing
            }:
                by_reason.setdefault(why, []).append(guard)
        return tuple(f"not guarded: {', '.join(each)} ({why})" for why, each in by_reason.items())
