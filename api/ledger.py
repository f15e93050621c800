"""The book of jobs that outlive their connection: what was accepted, what became of it, what was said about it.

    ledger = Ledger(settings.state / "jobs.sqlite3")
    ledger.accept(Entry(id="job_1", caller="", fields={...}))
    ledger.begin("job_1"); ledger.note("job_1", "image_edit.plan", {...}); ledger.finish("job_1", {...}, ...)

Every method is one transaction that the disk holds before it returns, so whoever kills the process at any moment finds
each job either not accepted or accepted for good, and settled once: a job that is settled cannot be settled again.
It knows neither pictures nor HTTP. Methods block; any thread may call them.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inference.errors import DiskFull

QUEUED, RUNNING, COMPLETED, FAILED = "queued", "running", "completed", "failed"

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, caller TEXT NOT NULL, state TEXT NOT NULL, fields TEXT NOT NULL,
    repeat_key TEXT, digest TEXT NOT NULL, created REAL NOT NULL, started REAL, finished REAL,
    attempts INTEGER NOT NULL DEFAULT 0, failures INTEGER NOT NULL DEFAULT 0, result TEXT,
    UNIQUE (caller, repeat_key)
);
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, created);
CREATE TABLE IF NOT EXISTS events (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    name TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (job, number)
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Entry:
    """One job. ``result`` is what a completed one gave or the error's body of a failed one; times are Unix seconds.

    ``repeat_key`` is the client's own name for the request: sent twice, it is one job. ``digest`` tells whether it was
    the same request. ``attempts`` counts beginnings, without those that ended for want of room, and ``failures`` those
    that ended because an engine broke.
    """

    id: str
    caller: str
    fields: Mapping[str, Any]
    repeat_key: str | None = None
    digest: str = ""
    state: str = QUEUED
    created: float = 0.0
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    failures: int = 0
    result: Mapping[str, Any] | None = field(default=None)

    @property
    def settled(self) -> bool:
        """Whether nothing will change any more."""
        return self.state in (COMPLETED, FAILED)


class Ledger:
    """The book. One process has it at a time; see ``claim.py``."""

    def __init__(self, file: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        with _honest():
            self._book = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
            self._book.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._book.execute(f"PRAGMA {pragma}")
            self._book.executescript(_TABLES)

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _honest():
            self._book.execute("BEGIN IMMEDIATE")
            try:
                yield self._book
                self._book.execute("COMMIT")
            except BaseException:
                if self._book.in_transaction:
                    self._book.execute("ROLLBACK")
                raise

    def _read(self, query: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock, _honest():
            return self._book.execute(query, values).fetchall()

    def accept(self, entry: Entry) -> Entry:
        """Take a job for good and return it; an earlier one of the same caller and ``repeat_key`` is returned instead.

        Raises `DiskFull`; then it was not accepted.
        """
        with self._write() as book:
            if entry.repeat_key is not None:
                query = "SELECT * FROM jobs WHERE caller = ? AND repeat_key = ?"
                earlier = book.execute(query, (entry.caller, entry.repeat_key)).fetchone()
                if earlier is not None:
                    return _entry(earlier)
            book.execute(
                "INSERT INTO jobs (id, caller, state, fields, repeat_key, digest, created) VALUES (?,?,?,?,?,?,?)",
                (
                    entry.id,
                    entry.caller,
                    QUEUED,
                    json.dumps(entry.fields),
                    entry.repeat_key,
                    entry.digest,
                    self._clock(),
                ),
            )
            return _entry(book.execute("SELECT * FROM jobs WHERE id = ?", (entry.id,)).fetchone())

    def get(self, job: str) -> Entry | None:
        """Return a job, or None."""
        found = self._read("SELECT * FROM jobs WHERE id = ?", job)
        return _entry(found[0]) if found else None

    def find(self, caller: str, repeat_key: str) -> Entry | None:
        """Return the job that this caller has sent under this name, or None."""
        found = self._read("SELECT * FROM jobs WHERE caller = ? AND repeat_key = ?", caller, repeat_key)
        return _entry(found[0]) if found else None

    def newest(self, caller: str, most: int = 100) -> list[Entry]:
        """Return a caller's jobs, the newest first."""
        query = "SELECT * FROM jobs WHERE caller = ? ORDER BY created DESC, id LIMIT ?"
        return [_entry(row) for row in self._read(query, caller, most)]

    def resume(self) -> list[Entry]:
        """Put back what was running when the process ended; return all that waits, the oldest first."""
        with self._write() as book:
            book.execute("UPDATE jobs SET state = ? WHERE state = ?", (QUEUED, RUNNING))
        return [_entry(row) for row in self._read("SELECT * FROM jobs WHERE state = ? ORDER BY created, id", QUEUED)]

    def begin(self, job: str) -> Entry | None:
        """Mark a waiting job as running and return it; None if it does not wait any more."""
        with self._write() as book:
            change = "UPDATE jobs SET state = ?, started = ?, attempts = attempts + 1 WHERE id = ? AND state = ?"
            if book.execute(change, (RUNNING, self._clock(), job, QUEUED)).rowcount == 0:
                return None
            return _entry(book.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone())

    def put_back(self, job: str, *, failed: bool) -> None:
        """Let a running job wait again. ``failed`` counts against it; else it is as if it had not been begun."""
        column = "failures = failures + 1" if failed else "attempts = attempts - 1"
        with self._write() as book:
            book.execute(f"UPDATE jobs SET state = ?, {column} WHERE id = ? AND state = ?", (QUEUED, job, RUNNING))  # noqa: S608

    def note(self, job: str, name: str, data: Mapping[str, Any]) -> bool:
        """Add an event to a running job; False if it does not run."""
        with self._write() as book:
            if not book.execute("SELECT 1 FROM jobs WHERE id = ? AND state = ?", (job, RUNNING)).fetchone():
                return False
            _add_event(book, job, name, data)
            return True

    def settle(self, job: str, state: str, result: Mapping[str, Any], name: str, data: Mapping[str, Any]) -> bool:
        """Settle a running job with its result and its last event; False if it was settled or deleted already."""
        with self._write() as book:
            change = "UPDATE jobs SET state = ?, finished = ?, result = ? WHERE id = ? AND state = ?"
            if book.execute(change, (state, self._clock(), json.dumps(result), job, RUNNING)).rowcount == 0:
                return False
            _add_event(book, job, name, data)
            return True

    def events(self, job: str, after: int = 0) -> list[tuple[int, str, dict[str, Any]]]:
        """Return the events of a job past number ``after``, as (number, name, data)."""
        query = "SELECT number, name, data FROM events WHERE job = ? AND number > ? ORDER BY number"
        return [(row["number"], row["name"], json.loads(row["data"])) for row in self._read(query, job, after)]

    def find_event(self, job: str, name: str) -> dict[str, Any] | None:
        """Return the data of the first event of that name, or None."""
        found = self._read("SELECT data FROM events WHERE job = ? AND name = ? ORDER BY number LIMIT 1", job, name)
        return dict(json.loads(found[0]["data"])) if found else None

    def delete(self, job: str) -> None:
        """Forget a job and all that was said about it."""
        with self._write() as book:
            book.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def overdue(self, before: float, most: int) -> list[str]:
        """Return settled jobs that finished before that time, and the oldest of more than ``most``."""
        rows = self._read(
            "SELECT id, finished FROM jobs WHERE state IN (?, ?) ORDER BY finished DESC, id", COMPLETED, FAILED
        )
        return [row["id"] for number, row in enumerate(rows) if number >= most or row["finished"] < before]

    def ids(self) -> set[str]:
        """Return the ids of all jobs."""
        return {row["id"] for row in self._read("SELECT id FROM jobs")}

    def close(self) -> None:
        """Close the book."""
        with self._lock:
            self._book.close()


def _add_event(book: sqlite3.Connection, job: str, name: str, data: Mapping[str, Any]) -> None:
    book.execute(
        "INSERT INTO events SELECT ?, COALESCE(MAX(number), 0) + 1, ?, ? FROM events WHERE job = ?",
        (job, name, json.dumps(data), job),
    )


def _entry(row: sqlite3.Row) -> Entry:
    result = None if row["result"] is None else json.loads(row["result"])
    plain = {key: row[key] for key in row.keys() if key not in ("fields", "result")}  # noqa: SIM118 - a Row is no dict
    return Entry(**plain, fields=json.loads(row["fields"]), result=result)


@contextmanager
def _honest() -> Iterator[None]:
    """Turn a disk that is full or cannot be written into the error that says so."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY) or (
            error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_IOERR
        ):
            raise DiskFull(f"Jobs cannot be kept in TAWNY_STATE: {error}. Make room there") from error
        raise
