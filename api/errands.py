"""Edits that outlive their connection, and the server: accepted into the book, done in turn, kept for a while.

    async with running(Errands(settings, runtime)) as errands:
        entry = await errands.accept(form, caller="phone")
        async for number, name, data in errands.events(entry.id, after=0): ...

An accepted job waits in the book, not in memory; two are under way at a time, and callers take turns. How they are done
is the part of ``runner.py``.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.ledger import COMPLETED, Entry, Ledger
from api.luggage import Luggage, honest_disk
from api.problems import describe
from api.runner import LAST, Runner
from api.settings import Settings
from api.streams import QUIET_SECONDS, base64_text
from api.turns import Turns
from inference.errors import Busy, Cancelled, InvalidRequest, ShuttingDown, TawnyError, UnknownJob
from inference.line import share
from inference.runtime import Runtime

log = logging.getLogger("tawny.errands")

AT_ONCE = 2
"""More would only hold pictures in memory while they wait for the same engine."""
KEPT = 1000
"""So many settled jobs are kept at most."""
SWEEP = 60.0


class Errands:
    """All kept jobs of this server."""

    def __init__(self, settings: Settings, runtime: Runtime, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._runtime = runtime
        self._clock = clock
        self._ledger: Ledger | None = None
        self.luggage = Luggage(settings.state / "jobs")
        self._turns = Turns(lambda: self._stopping or runtime.jobs.closing)
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: set[asyncio.Future[None]] = set()
        self._stopping = False

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return self._turns.waiting

    @property
    def running(self) -> int:
        """How many are under way."""
        return len(self._turns.under_way)

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return self.running > 0

    @property
    def ledger(self) -> Ledger:
        """The book, once `start` has opened it."""
        assert self._ledger is not None
        return self._ledger

    async def start(self) -> None:
        """Open the book, take up what was left unfinished, begin."""

        def open_book() -> tuple[Ledger, list[Entry]]:
            with honest_disk():
                self._settings.state.mkdir(parents=True, exist_ok=True)
            ledger = Ledger(self._settings.state / "jobs.sqlite3", self._clock)
            for stranger in self.luggage.names() - ledger.ids():
                self.luggage.drop(stranger)  # files of a job that was never accepted, or of a deleted one
            return ledger, ledger.resume()

        self._ledger, unfinished = await run_in_threadpool(open_book)
        for entry in unfinished:
            log.info("taking up job %s again", entry.id)
            self._turns.join(entry.id, entry.caller)
            self._turns.open(entry.id)
        runner = Runner(self._settings, self._runtime, self.ledger, self.luggage, self._turns, self._clock)
        for work in (self._sweep, *[runner.serve] * AT_ONCE):
            self._tasks.add(asyncio.create_task(work()))

    def refuse(self) -> None:
        """Have nothing new begun, and let go who listens to what only waits. On the event loop only."""
        self._runtime.refuse()
        telling = asyncio.ensure_future(self._turns.tell())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def stop(self) -> None:
        """Begin nothing any more; what is under way stays in the book for the next start."""
        self._stopping = True
        for job in self._turns.under_way.values():
            if job is not None:
                job.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._turns.tell()
        await run_in_threadpool(self.ledger.close)

    async def accept(
        self, plain: Mapping[str, Any], files: Mapping[str, bytes], digest: str, caller: str, repeat_key: str | None
    ) -> Entry:
        """Take a job for good. Raises `Busy`, `ShuttingDown`, `DiskFull`, or `InvalidRequest` for another's name."""
        if repeat_key is not None:
            earlier = await run_in_threadpool(self.ledger.find, caller, repeat_key)
            if earlier is not None:
                return _same(earlier, digest)
        self._refuse_too_many(caller)
        # The seed is drawn now, so that a job that is begun twice comes out the same.
        seed = secrets.randbelow(2**31) if plain.get("seed") is None else plain["seed"]
        entry = Entry(f"job_{secrets.token_hex(16)}", caller, {**plain, "seed": seed}, repeat_key, digest)
        self._turns.join(entry.id, caller)  # before it is written, so that the places are counted right
        try:
            await self.luggage.pack(entry.id, files)
            accepted = await run_in_threadpool(self.ledger.accept, entry)
        except BaseException:
            # A cancel may come when the book has it already; whoever sent it will not be told.
            with suppress(TawnyError):
                self.ledger.delete(entry.id)
            self._turns.leave(entry.id)
            self.luggage.drop(entry.id)
            raise
        if accepted.id != entry.id:
            self._turns.leave(entry.id)
            self.luggage.drop(entry.id)
            return _same(accepted, digest)
        self._turns.open(entry.id)
        await self._turns.tell()
        return accepted

    def _refuse_too_many(self, caller: str) -> None:
        if self._stopping or self._runtime.jobs.closing:
            raise ShuttingDown("The server is shutting down; send the request again when it is back")
        limit = self._settings.queue_length
        if self.waiting >= limit or (caller and self._turns.waiting_of(caller) >= share(limit)):
            raise Busy(f"{self.waiting} jobs already wait; try again in a moment, or raise TAWNY_QUEUE_LENGTH")

    async def find(self, job: str, caller: str) -> Entry:
        """Return a job of this caller. Raises `UnknownJob`, also for another's."""
        entry = await run_in_threadpool(self.ledger.get, job)
        if entry is None or entry.caller != caller:
            raise UnknownJob(f"There is no job {job[:64]!r}", param="job_id")
        return entry

    def position(self, job: str) -> int | None:
        """Return how many are ahead of a waiting job; None if it does not wait."""
        return self._turns.position(job)

    async def delete(self, job: str) -> None:
        """Stop a job and forget it with everything it made."""
        self._turns.leave(job)
        await run_in_threadpool(self.ledger.delete, job)
        under_way = self._turns.under_way.get(job)
        if under_way is not None:
            under_way.cancel()
        await run_in_threadpool(self.luggage.drop, job)
        await self._turns.tell()

    async def picture(self, job: str, number: int) -> bytes:
        """Return a picture of a completed job."""
        return await self.luggage.picture(job, number)

    async def events(self, job: str, after: int) -> AsyncIterator[tuple[int | None, str, dict[str, Any]] | None]:
        """Yield the events past number ``after`` to the last one, as (number, name, data), as they come.

        The place in the queue has no number: it is not kept. None stands for a while in which nothing happened.
        """
        told: int | None = None
        while True:
            seen = self._turns.told
            entry = await run_in_threadpool(self.ledger.get, job)
            if entry is None:
                yield None, "error", describe(Cancelled("The job was deleted"))
                return
            for number, name, data in await run_in_threadpool(self.ledger.events, job, after):
                after = number
                if name == LAST[COMPLETED]:
                    data["b64_json"] = base64_text(await self.picture(job, 0))
                yield number, name, data
            if entry.settled or self._stopping or (self._runtime.jobs.closing and job not in self._turns.under_way):
                return
            place = self.position(job)
            if place is not None and place != told:
                told = place
                yield None, "image_edit.queued", {"queue_position": place}
            if not await self._turns.news(seen, QUIET_SECONDS):
                yield None

    async def _sweep(self) -> None:
        while True:
            before = self._clock() - self._settings.keep_job_seconds
            with suppress(TawnyError):
                for job in await run_in_threadpool(self.ledger.overdue, before, KEPT):
                    await self.delete(job)
            await asyncio.sleep(SWEEP)


def _same(entry: Entry, digest: str) -> Entry:
    if entry.digest != digest:
        raise InvalidRequest("Idempotency-Key: was sent before with another request", param="idempotency-key")
    return entry


@asynccontextmanager
async def running(errands: Errands) -> AsyncIterator[Errands]:
    """Start them, and stop them at the end."""
    await errands.start()
    try:
        yield errands
    finally:
        await errands.stop()
