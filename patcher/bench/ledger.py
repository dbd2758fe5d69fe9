"""Pairs in the run database, each written the moment it is finished.

A bench that was interrupted, or that its budget ended, is continued by the next one with the same
key: same trees, same machine, same workload. One that came to its end is never continued.
"""

from __future__ import annotations

import json
import secrets
import time
from typing import TYPE_CHECKING

from patcher.bench.records import TimedPair
from patcher.execution.database import Database

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = """
create table if not exists benches (
    id integer primary key,
    key text not null,
    environment text not null,
    started_at real not null,
    finished_at real
);
create table if not exists pairs (
    bench integer not null references benches,
    payload text not null,
    added_at real not null
);
create table if not exists bench_seeds (
    bench integer primary key references benches,
    seed text not null
);
"""

COLUMNS = {
    "benches": "id, key, environment, started_at, finished_at",
    "pairs": "bench, payload, added_at",
    "bench_seeds": "bench, seed",
}


class SqliteLedger:
    """A `bench.Ledger` for one bench.

    Args:
        path: the database; made when it is not there.
        key: identifies what is measured, and on what machine.
        environment: facts of the machine, kept beside the pairs.
    """

    def __init__(self, path: Path, key: str, environment: str = "{}") -> None:
        self._database = Database(path, SCHEMA, COLUMNS)
        with self._database.connect() as db:
            row = db.execute(
                "select id from benches where key = ? and finished_at is null order by id desc",
                (key,),
            ).fetchone()
            if row is None:
                row = db.execute(
                    "insert into benches (key, environment, started_at) values (?, ?, ?) "
                    "returning id",
                    (key, environment, time.time()),
                ).fetchone()
            self.bench = int(row[0])
            # Drawn now: nobody who wrote a patch could know it.
            db.execute(
                "insert or ignore into bench_seeds values (?, ?)",
                (self.bench, secrets.token_hex(8)),
            )
            self._seed = str(
                db.execute(
                    "select seed from bench_seeds where bench = ?", (self.bench,)
                ).fetchone()[0]
            )

    @property
    def seed(self) -> str:
        """Of schedule and inputs: the same whenever this bench is continued."""
        return self._seed

    def pairs(self) -> list[TimedPair]:
        with self._database.connect() as db:
            rows = db.execute(
                "select payload from pairs where bench = ? order by rowid", (self.bench,)
            ).fetchall()
        return [TimedPair.from_json(json.loads(row[0])) for row in rows]

    def add(self, pair: TimedPair) -> None:
        with self._database.connect() as db:
            db.execute(
                "insert into pairs values (?, ?, ?)",
                (self.bench, json.dumps(pair.as_json()), time.time()),
            )

    def finish(self) -> None:
        """Come to the end: a later bench starts anew."""
        with self._database.connect() as db:
            db.execute("update benches set finished_at = ? where id = ?", (time.time(), self.bench))
