"""The run database: every case result the moment it exists, every verification when it ends.

One SQLite file a workspace. A result is found again by its key: the tree's hash, the machine and
everything that was asked for. Baseline results serve later runs; results of the patched arm serve
only the run they belong to, so that an interrupted run resumes and a repeated one repeats. Only a
bench takes over the results of a run that passed.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from patcher.execution.database import Database, Renewed
from patcher.execution.results import (
    Arm,
    Case,
    CaseResult,
    Failure,
    Frame,
    Measure,
    Outcome,
    stage_from,
)
from patcher.execution.stages import set_aside, stage_problem

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

    from patcher.execution.results import Stage

Result = TypeVar("Result")

KEPT_RUNS = 10
FORMAT = 7  # of a stored result, and part of every key: older ones are run again

SCHEMA = """
create table if not exists runs (
    id integer primary key,
    key text not null,
    started_at real not null,
    finished_at real,
    judgement text
);
create table if not exists results (
    run integer not null references runs,
    key text not null,
    arm text not null,
    payload text not null,
    created_at real not null,
    primary key (run, key, arm)
);
create index if not exists results_by_key on results (key);
"""


def key_of(*parts: Any) -> str:
    """A stable hash of JSON values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


COLUMNS = {
    "runs": "id, key, started_at, finished_at, judgement",
    "results": "run, key, arm, payload, created_at",
}


@dataclass(frozen=True)
class PassedRun:
    """A verification that passed: the seed its calls were drawn from, and whether guards held."""

    id: int
    seed: int
    sandbox: bool


class RunDb:
    """Results and verifications of one workspace.

    What is damaged is set aside and made anew: `warnings` names it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = Database(path, SCHEMA, COLUMNS)
        self._damaged: list[str] = []

    @property
    def warnings(self) -> list[str]:
        """A sentence on each record that was damaged."""
        return [*self._database.warnings, *self._damaged]

    def _do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do a piece of work, a second time when the database was damaged meanwhile."""
        try:
            with self._database.connect() as db:
                return work(db)
        except Renewed:
            with self._database.connect() as db:
                return work(db)

    def begin(self, key: str, seed: int = 0) -> int:
        """The unfinished run of that key, or a new one that draws its calls from ``seed``."""

        def work(db: sqlite3.Connection) -> int:
            row = db.execute(
                "select id from runs where key = ? and finished_at is null order by id desc", (key,)
            ).fetchone()
            if row:
                return int(row[0])
            cursor = db.execute(
                "insert into runs (key, started_at, judgement) values (?, ?, ?)",
                (key, time.time(), json.dumps({"seed": seed})),
            )
            return int(cursor.lastrowid or 0)

        return self._do(work)

    def seed_of(self, run: int) -> int:
        """The seed an unfinished run draws its calls from."""

        def work(db: sqlite3.Connection) -> int:
            row = db.execute("select judgement from runs where id = ?", (run,)).fetchone()
            try:
                return int(json.loads(row[0])["seed"])
            except (ValueError, TypeError, KeyError):
                return 0  # a record that was lost: the calls are the same for both arms anyway

        return self._do(work)

    def finish(self, run: int, judgement: Mapping[str, Any]) -> None:
        """Close a run with its conclusion (the JSON object of `verify`)."""

        def work(db: sqlite3.Connection) -> None:
            # The run's own row is not there any more when the database was made anew meanwhile.
            db.execute(
                "insert or ignore into runs (id, key, started_at) values (?, '', ?)",
                (run, time.time()),
            )
            db.execute(
                "update runs set finished_at = ?, judgement = ? where id = ?",
                (time.time(), json.dumps(judgement), run),
            )

        self._do(work)

    def keep(self, run: int, key: str, result: CaseResult) -> None:
        """Store one result durably."""

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "insert or replace into results values (?, ?, ?, ?, ?)",
                (run, key, result.arm.value, json.dumps(asdict(result)), time.time()),
            )

        self._do(work)

    def passes(self, trees: Mapping[str, str]) -> list[PassedRun]:
        """The runs of these trees that passed since one last came to anything else, newest first.

        Args:
            trees: sha256 by arm.
        """

        def work(db: sqlite3.Connection) -> list[tuple[int, str]]:
            return db.execute(
                "select id, judgement from runs where finished_at is not null order by id desc"
            ).fetchall()

        result = []
        for run, text in self._do(work):
            try:
                record = json.loads(text)
                if record["trees"] != dict(trees):
                    continue
                if record["verdict"] != "pass":
                    break
                result.append(
                    PassedRun(run, int(record["inputs"]["seed"]), bool(record["sandbox"]))
                )
            except (ValueError, TypeError, KeyError):
                continue  # of an earlier patcher
        return result

    def find(self, run: int, key: str, arm: Arm, *, refused: bool = False) -> CaseResult | None:
        """A stored result that may stand for a new run, or None.

        A baseline that did not deliver is never reused: what ailed it may have passed. Nor is a
        result of which a stage file is missing, or holds other bytes than were recorded; nor one
        that later calls may have changed, because its worker ended before it was read once more.

        Args:
            refused: the call is meant to be refused, and a baseline that raised has delivered.
        """
        clause = "run = ? and" if arm is Arm.PATCHED else "? is not null and"

        def work(db: sqlite3.Connection) -> Any:
            return db.execute(
                f"select payload from results where {clause} key = ? and arm = ? "
                "order by created_at desc",
                (run, key, arm.value),
            ).fetchone()

        row = self._do(work)
        if row is None:
            return None
        try:
            result = result_from(json.loads(row[0]))
        except (ValueError, TypeError, KeyError):
            self._damaged.append(f"a stored result in {self.path} cannot be read: it is run again")
            return None
        raised = refused and result.outcome is Outcome.EXCEPTION
        if result.unread:
            return None
        if arm is Arm.BASELINE and result.outcome is not Outcome.OK and not raised:
            return None
        if not all(map(self._whole, (*result.stages, *result.returned, *result.later))):
            return None
        return replace(result, reused=True)

    def _whole(self, stage: Stage) -> bool:
        """Whether a stage file is what was recorded; one that is not is set aside."""
        if not Path(stage.path).exists():
            return False
        problem = stage_problem(stage)
        if problem:
            aside = set_aside(Path(stage.path))
            self._damaged.append(f"{problem}: set aside as {aside.name}, and made anew")
        return not problem

    def prune(self, stages_dir: Path, logs_dir: Path, keep: int = KEPT_RUNS) -> None:
        """Forget the results of all but the newest runs, with their stage files and logs.

        Verifications themselves stay in the history.
        """
        with self._database.connect() as db:
            newest = "select id from runs order by id desc limit ?"
            db.execute(f"delete from results where run not in ({newest})", (keep,))
            payloads = [text for (text,) in db.execute("select payload from results")]
            (oldest,) = db.execute(
                f"select min(started_at) from runs where id in ({newest})", (keep,)
            ).fetchone()
        kept_names = {
            stage["path"]
            for text in payloads
            for part in ("stages", "returned", "later")
            for stage in json.loads(text).get(part, ())
        }
        for file in stages_dir.glob("*/*"):
            # A file being written has no row yet: leave what this run may still be about.
            if str(file) not in kept_names and file.stat().st_mtime < (oldest or 0):
                file.unlink(missing_ok=True)
        for file in logs_dir.glob("*.log"):
            if file.stat().st_mtime < (oldest or 0):
                file.unlink(missing_ok=True)

    def history(self, limit: int = 50) -> list[dict[str, Any]]:
        """Finished verifications, newest first: ``id``, ``started_at`` and the judgement's keys."""
        with self._database.connect() as db:
            rows = db.execute(
                "select id, started_at, finished_at, judgement from runs "
                "where finished_at is not null order by id desc limit ?",
                (limit,),
            ).fetchall()
        return [
            {"id": id_, "started_at": started, "finished_at": finished, **json.loads(text)}
            for id_, started, finished, text in rows
        ]


def result_from(values: Mapping[str, Any]) -> CaseResult:
    """The result `dataclasses.asdict` was given."""
    failure = values["failure"]
    if failure is not None:
        frames = tuple(Frame(**frame) for frame in failure["frames"])
        failure = Failure(**{**failure, "frames": frames})
    measure, expected = values["measure"], values["expected_s"]
    return CaseResult(
        **{
            **values,
            "case": Case(**values["case"]),
            "arm": Arm(values["arm"]),
            "outcome": Outcome(values["outcome"]),
            "failure": failure,
            "stages": tuple(stage_from(stage) for stage in values["stages"]),
            "returned": tuple(stage_from(stage) for stage in values["returned"]),
            "later": tuple(stage_from(stage) for stage in values["later"]),
            "changed": tuple(values["changed"]),
            "ran": {file: tuple(lines) for file, lines in values["ran"].items()},
            "measure": Measure(**measure) if measure else None,
            "expected_s": tuple(expected) if expected else None,
        }
    )
