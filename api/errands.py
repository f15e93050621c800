"""Edits that outlive their connection, and the server: accepted into the book, done in turn, kept for a while.

    async with running(Errands(settings, runtime)) as errands:
        entry = await errands.accept(form, caller="phone")
        async for number, name, data in errands.events(entry.id, after=0): ...

An accepted job waits in the book, not in memory; two are under way at a time, and callers take turns. Whatever ends the
server, a job that was not settled is begun again at the next start, with the seed it was given when it was accepted, so
that it comes out the same. It is settled once. An engine that breaks is tried again, three times in all.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.editing import Telling, admit_edit
from api.ledger import COMPLETED, FAILED, Entry, Ledger
from api.luggage import Luggage, close_form, honest_disk
from api.problems import describe, envelope, status_of
from api.rendering import Rendering, choose_rendering, read_size
from api.settings import Settings
from api.streams import QUIET_SECONDS, base64_text
from inference.errors import (
    Busy,
    Cancelled,
    DiskFull,
    EngineFailed,
    InvalidRequest,
    ShuttingDown,
    TawnyError,
    UnknownJob,
)
from inference.jobs import Job
from inference.labels import CALLER, REQUEST_ID
from inference.line import Line, share
from inference.runtime import EditResult, Runtime

log = logging.getLogger("tawny.errands")

AT_ONCE = 2
"""More would only hold pictures in memory while they wait for the same engine."""
TRIES = 3
"""So many times an engine may break under one job."""
STARTS = 20
"""A job under which the whole server ended so often is given up."""
KEPT = 1000
"""So many settled jobs are kept at most."""
EVERY = 0.25
"""Progress is written down no more often than that, in seconds."""
SWEEP = 60.0
RESCUE = 2.0

LAST = {COMPLETED: "image_edit.completed", FAILED: "error"}


class Errands:
    """All kept jobs of this server."""

    def __init__(self, settings: Settings, runtime: Runtime, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._runtime = runtime
        self._clock = clock
        self._ledger: Ledger | None = None
        self.luggage = Luggage(settings.state / "jobs")
        self._line = Line()
        self._ready: set[object] = set()
        self._running: dict[str, Job[EditResult] | None] = {}
        self._news = asyncio.Condition()
        self._told = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._telling: set[asyncio.Future[None]] = set()
        self._stopping = False

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._line)

    @property
    def running(self) -> int:
        """How many are under way."""
        return len(self._running)

    @property
    def busy(self) -> bool:
        """Whether a job is under way."""
        return bool(self._running)

    @property
    def ledger(self) -> Ledger:
        """The book, once `start` has opened it."""
        assert self._ledger is not None
        return self._ledger

    async def start(self) -> None:
        """Open the book, take up what was left unfinished, begin."""

        def open_book() -> list[Entry]:
            with honest_disk():
                self._settings.state.mkdir(parents=True, exist_ok=True)
            self._ledger = Ledger(self._settings.state / "jobs.sqlite3", self._clock)
            for stranger in self.luggage.names() - self._ledger.ids():
                self.luggage.drop(stranger)  # files of a job that was never accepted, or of a deleted one
            return self._ledger.resume()

        for entry in await run_in_threadpool(open_book):
            log.info("taking up job %s again", entry.id)
            self._line.join(entry.id, entry.caller)
            self._ready.add(entry.id)
        for work in (self._sweep, *[self._serve] * AT_ONCE):
            self._tasks.add(asyncio.create_task(work()))

    def refuse(self) -> None:
        """Have nothing new begun, and let go who listens to what only waits. On the event loop only."""
        self._runtime.refuse()
        telling = asyncio.ensure_future(self._tell())
        self._telling.add(telling)
        telling.add_done_callback(self._telling.discard)

    async def stop(self) -> None:
        """Begin nothing any more; what is under way stays in the book for the next start."""
        self._stopping = True
        for job in self._running.values():
            if job is not None:
                job.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._tell()
        await run_in_threadpool(self.ledger.close)

    # For the routes -----------------------------------------------------------------------------------------------

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
        self._line.join(entry.id, caller)  # before it is written, so that the places are counted right
        try:
            await self.luggage.pack(entry.id, files)
            accepted = await run_in_threadpool(self.ledger.accept, entry)
        except BaseException:
            self._line.leave(entry.id)
            self.luggage.drop(entry.id)
            raise
        if accepted.id != entry.id:
            self._line.leave(entry.id)
            self.luggage.drop(entry.id)
            return _same(accepted, digest)
        self._ready.add(entry.id)
        await self._tell()
        return accepted

    def _refuse_too_many(self, caller: str) -> None:
        if self._stopping or self._runtime.jobs.closing:
            raise ShuttingDown("The server is shutting down; send the request again when it is back")
        limit = self._settings.queue_length
        if len(self._line) >= limit or (caller and self._line.of(caller) >= share(limit)):
            raise Busy(f"{len(self._line)} jobs already wait; try again in a moment, or raise TAWNY_QUEUE_LENGTH")

    async def find(self, job: str, caller: str) -> Entry:
        """Return a job of this caller. Raises `UnknownJob`, also for another's."""
        entry = await run_in_threadpool(self.ledger.get, job)
        if entry is None or entry.caller != caller:
            raise UnknownJob(f"There is no job {job[:64]!r}", param="job_id")
        return entry

    def position(self, job: str) -> int | None:
        """Return how many are ahead of a waiting job; None if it does not wait."""
        return self._line.order().index(job) if job in self._line else None

    async def delete(self, job: str) -> None:
        """Stop a job and forget it with everything it made."""
        self._line.leave(job)
        self._ready.discard(job)
        await run_in_threadpool(self.ledger.delete, job)
        under_way = self._running.get(job)
        if under_way is not None:
            under_way.cancel()
        await run_in_threadpool(self.luggage.drop, job)
        await self._tell()

    async def picture(self, job: str, number: int) -> bytes:
        """Return a picture of a completed job."""
        return await self.luggage.picture(job, number)

    async def events(self, job: str, after: int) -> AsyncIterator[tuple[int | None, str, dict[str, Any]] | None]:
        """Yield the events past number ``after`` to the last one, as (number, name, data), as they come.

        The place in the queue has no number: it is not kept. None stands for a while in which nothing happened.
        """
        told: int | None = None
        while True:
            seen = self._told
            entry = await run_in_threadpool(self.ledger.get, job)
            if entry is None:
                yield None, "error", describe(Cancelled("The job was deleted"))
                return
            for number, name, data in await run_in_threadpool(self.ledger.events, job, after):
                after = number
                if name == LAST[COMPLETED]:
                    data["b64_json"] = base64_text(await self.picture(job, 0))
                yield number, name, data
            if entry.settled or self._stopping or (self._runtime.jobs.closing and job not in self._running):
                return
            place = self.position(job)
            if place is not None and place != told:
                told = place
                yield None, "image_edit.queued", {"queue_position": place}
            async with self._news:
                try:
                    await asyncio.wait_for(self._news.wait_for(lambda: self._told != seen), QUIET_SECONDS)  # noqa: B023
                except TimeoutError:
                    yield None

    async def _tell(self) -> None:
        async with self._news:
            self._told += 1
            self._news.notify_all()

    # The work -----------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        while True:
            async with self._news:
                await self._news.wait_for(lambda: self._next() is not None)
                job = self._next()
                assert job is not None
                self._line.serve(job)
                self._ready.discard(job)
                self._running[job] = None
            try:
                await self._do(job)
            except Exception:
                log.exception("job %s could not be served; it is tried again", job)
                await self._rescue(job)
            finally:
                self._running.pop(job, None)
            await self._tell()

    async def _rescue(self, job: str) -> None:
        """Let a job wait again that the book could not be told about: as soon as it can."""
        while True:
            await asyncio.sleep(RESCUE)
            try:
                entry = await run_in_threadpool(self.ledger.get, job)
                if entry is not None and not entry.settled:
                    await self._again(entry, failed=False)
                return
            except TawnyError as error:
                log.warning("%s", error.message)

    def _next(self) -> str | None:
        """Return the job whose turn it is; one that is only being accepted is not there yet."""
        if self._stopping or self._runtime.jobs.closing:
            return None
        return next((str(job) for job in self._line.order() if job in self._ready), None)

    async def _do(self, job: str) -> None:
        entry = await run_in_threadpool(self.ledger.begin, job)
        if entry is None:
            return
        caller, request = CALLER.set(entry.caller), REQUEST_ID.set(job)
        log.info("begun, attempt %d", entry.attempts)
        try:
            if entry.attempts > STARTS:
                raise EngineFailed(f"The server ended {STARTS} times while this job ran; it is given up")
            await self._edit(entry)
        except (Cancelled, ShuttingDown):
            pass  # deleted, or to be taken up again at the next start
        except Busy as error:
            await asyncio.sleep(error.retry_after)
            await self._again(entry, failed=False)
        except EngineFailed as error:
            # Whoever kills everything may kill the engine first: wait whether we are next before it is held against it.
            await asyncio.sleep(0.2)
            if entry.failures + 1 < TRIES and entry.attempts <= STARTS:
                await self._again(entry, failed=True)
            else:
                await self._fail(entry, describe(error), status_of(error))
        except DiskFull:
            raise  # it was accepted, so it waits for room
        except TawnyError as error:
            await self._fail(entry, describe(error), status_of(error))
        except Exception:
            if await run_in_threadpool(self.ledger.get, job) is None:
                return  # deleted under our hands, its files with it
            log.exception("it broke")
            sentence = f"Something broke in the server; its log says what, under {job}"
            await self._fail(entry, envelope(500, sentence, "internal_server_error"), 500)
        finally:
            CALLER.reset(caller)
            REQUEST_ID.reset(request)

    async def _again(self, entry: Entry, *, failed: bool) -> None:
        await run_in_threadpool(self.ledger.put_back, entry.id, failed=failed)
        self._line.join(entry.id, entry.caller)
        self._ready.add(entry.id)

    async def _fail(self, entry: Entry, body: Mapping[str, Any], status: int) -> None:
        result = {"status": status, "body": body}
        await run_in_threadpool(self.ledger.settle, entry.id, FAILED, result, LAST[FAILED], body)

    async def _edit(self, entry: Entry) -> None:
        form = await run_in_threadpool(self.luggage.unpack, entry.id, entry.fields)
        try:
            box = read_size(form.size, self._settings)
            previews = form.partial_images if form.n == 1 else 0
            asked = replace(await admit_edit(form, self._settings), previews=previews)
        finally:
            close_form(form)

        def choose(result: EditResult | None) -> Rendering:
            return choose_rendering(result, form.output_format, form.output_compression, box, None)

        job = self._running[entry.id] = self._runtime.edit(asked)
        try:
            await self._note_all(entry.id, job, Telling(choose))
            result = await job.result()
        except asyncio.CancelledError:
            job.cancel()
            raise
        rendering = choose(result)
        size = ""
        for number, edited in enumerate(result.pictures):
            data, size = await run_in_threadpool(rendering.render, edited)
            await self.luggage.keep(entry.id, number, data)
        told = {"operations": result.operations, "output_format": rendering.format, "size": size}
        heard = {} if asked.sound is None else {"revised_prompt": result.command}
        seeds = [edited.seed for edited in result.pictures]
        outcome = {"seeds": seeds, "heard": heard, "told": told, "devices": dict(job.devices)}
        last = {**told, "seed": seeds[0], "created_at": int(self._clock()), "quality": "auto", "background": "auto"}
        if await run_in_threadpool(self.ledger.settle, entry.id, COMPLETED, outcome, LAST[COMPLETED], last):
            log.info("completed")

    async def _note_all(self, entry: str, job: Job[EditResult], telling: Telling) -> None:
        """Write down what the job reports: the plan once, and progress not more often than people can read."""
        planned = await run_in_threadpool(self.ledger.has_event, entry, "image_edit.plan")
        clock = asyncio.get_running_loop().time
        last, operation = float("-inf"), None
        async for event in job.events():
            for name, data in await telling.translate(event):
                if name == "image_edit.queued" or (name == "image_edit.plan" and planned):
                    continue
                if name == "image_edit.progress":
                    if clock() - last < EVERY and data["operation"] == operation and data["step"] < data["steps"]:
                        continue
                    last, operation = clock(), data["operation"]
                if not await run_in_threadpool(self.ledger.note, entry, name, data):
                    job.cancel()
                await self._tell()

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
