"""Does kept jobs: takes the next one, has it edited, writes down what it says, settles it in the book.

    runner = Runner(settings, runtime, ledger, luggage, turns)
    await runner.serve()        # one job after the other, until it is cancelled

Whatever ends the server, a job that was not settled is begun again at the next start, with the seed it was given when
it was accepted, so that it comes out the same. It is settled once. An engine that breaks is tried again, three times in
all; where there is no room for it, in the queue of an engine or on the disk, a job waits until there is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool

from api.answers import Answer
from api.editing import Telling, admit_edit
from api.forms import EditForm
from api.ledger import COMPLETED, FAILED, Entry, Ledger
from api.luggage import Luggage, close_form
from api.problems import describe, envelope, status_of
from api.rendering import Rendering, choose_rendering, read_size
from api.settings import Settings
from api.turns import Turns
from inference.errors import Busy, Cancelled, DiskFull, EngineFailed, ShuttingDown, TawnyError
from inference.jobs import Job
from inference.labels import CALLER, REQUEST_ID
from inference.runtime import EditResult, Runtime

log = logging.getLogger("tawny.errands")

TRIES = 3
"""So many times an engine may break under one job."""
STARTS = 20
"""A job under which the whole server ended so often is given up."""
EVERY = 0.25
"""Progress is written down no more often than that, in seconds."""
RESCUE = 2.0
"""Seconds between looks whether the book can be written again."""

LAST = {COMPLETED: "image_edit.completed", FAILED: "error"}
ANSWER = "image_edit.answer"


class Runner:
    """Does one job after the other; several `serve` side by side do several."""

    def __init__(
        self,
        settings: Settings,
        runtime: Runtime,
        ledger: Ledger,
        luggage: Luggage,
        turns: Turns,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._runtime = runtime
        self._ledger = ledger
        self._luggage = luggage
        self._turns = turns
        self._clock = clock

    async def serve(self) -> None:
        """Do what comes, without end."""
        while True:
            job = await self._turns.next()
            try:
                await self._do(job)
            except Exception:
                log.exception("job %s could not be served; it is tried again", job)
                await self._rescue(job)
            finally:
                self._turns.done(job)
            await self._turns.tell()

    async def _rescue(self, job: str) -> None:
        """Let a job wait again that the book could not be told about: as soon as it can."""
        while True:
            await asyncio.sleep(RESCUE)
            try:
                entry = await run_in_threadpool(self._ledger.get, job)
                if entry is not None and not entry.settled:
                    await self._again(entry, failed=False)
                return
            except TawnyError as error:
                log.warning("%s", error.message)

    async def _do(self, job: str) -> None:
        entry = await run_in_threadpool(self._ledger.begin, job)
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
            if await run_in_threadpool(self._ledger.get, job) is None:
                return  # deleted under our hands, its files with it
            log.exception("it broke")
            sentence = f"Something broke in the server; its log says what, under {job}"
            await self._fail(entry, envelope(500, sentence, "internal_server_error"), 500)
        finally:
            CALLER.reset(caller)
            REQUEST_ID.reset(request)

    async def _again(self, entry: Entry, *, failed: bool) -> None:
        await run_in_threadpool(self._ledger.put_back, entry.id, failed=failed)
        self._turns.join(entry.id, entry.caller)
        self._turns.open(entry.id)

    async def _fail(self, entry: Entry, body: Mapping[str, Any], status: int) -> None:
        result = {"status": status, "body": body}
        await run_in_threadpool(self._ledger.settle, entry.id, FAILED, result, LAST[FAILED], body)

    async def _edit(self, entry: Entry) -> None:
        form = await run_in_threadpool(self._luggage.unpack, entry.id, entry.fields)
        try:
            box = read_size(form.size, self._settings)
            previews = form.partial_images if form.n == 1 else 0
            asked = replace(await admit_edit(form, self._settings), previews=previews)
        finally:
            close_form(form)

        def choose(result: EditResult | None) -> Rendering:
            return choose_rendering(result, form.output_format, form.output_compression, box, None)

        job = self._turns.under_way[entry.id] = self._runtime.edit(asked)
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
            await self._luggage.keep(entry.id, number, data)
        told = {"operations": result.operations, "output_format": rendering.format, "size": size}
        heard = {} if asked.sound is None else {"revised_prompt": result.command}
        seeds = [edited.seed for edited in result.pictures]
        ran = {"devices": dict(job.devices), "models": dict(job.models)}
        outcome = {"seeds": seeds, "heard": heard, "told": told, **ran}
        if form.answer_voice:
            outcome["answer"] = await self._answer(entry.id, form, form.answer_voice, result)
        last = {**told, "seed": seeds[0], "created_at": int(self._clock()), "quality": "auto", "background": "auto"}
        if await run_in_threadpool(self._ledger.settle, entry.id, COMPLETED, outcome, LAST[COMPLETED], last):
            log.info("completed")

    async def _answer(self, job: str, form: EditForm, voice: str, result: EditResult) -> Mapping[str, Any]:
        """Say what was done, once: what an earlier attempt has said already is what it says."""
        said = await run_in_threadpool(self._ledger.find_event, job, ANSWER)
        if said is None:
            answer = Answer(self._runtime, voice, require_gpu=form.require_gpu or self._settings.require_gpu)
            said = await answer.give(result.operations)
            await run_in_threadpool(self._ledger.note, job, ANSWER, said)
        return said

    async def _note_all(self, entry: str, job: Job[EditResult], telling: Telling) -> None:
        """Write down what the job reports: the plan once, and progress not more often than people can read."""
        planned = await run_in_threadpool(self._ledger.find_event, entry, "image_edit.plan") is not None
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
                if not await run_in_threadpool(self._ledger.note, entry, name, data):
                    job.cancel()
                await self._turns.tell()
