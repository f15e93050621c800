"""A job between a thread and the event loop."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from inference.errors import Busy, Cancelled, DeadlinePassed, EngineFailed, InvalidRequest, ShuttingDown
from inference.events import Step
from inference.jobs import Job, Jobs
from inference.labels import CALLER, REQUEST_ID
from tests.engines import Counter
from tests.machinery import make_pool, make_row


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    """Jobs over a pool that starts nothing unless asked."""
    return Jobs(make_pool(tmp_path, make_row("counter", tmp_path)), limit=2)


def test_events_arrive_in_order_and_then_the_result(jobs: Jobs) -> None:
    async def scenario() -> None:
        def work(job: Job[str]) -> str:
            for step in range(1, 4):
                job.report(Step(step, 3))
            return "done"

        job = jobs.start(work)
        assert [event async for event in job.events()] == [Step(1, 3), Step(2, 3), Step(3, 3)]
        assert await job.result() == "done"

    asyncio.run(scenario())


def test_our_errors_reach_the_waiter_and_strangers_become_engine_failed(jobs: Jobs) -> None:
    async def scenario() -> None:
        def refuse(job: Job[None]) -> None:
            raise InvalidRequest("no", param="x")

        def crash(job: Job[None]) -> None:
            raise ZeroDivisionError

        with pytest.raises(InvalidRequest):
            await jobs.start(refuse).result()
        with pytest.raises(EngineFailed, match="ZeroDivisionError"):
            await jobs.start(crash).result()

    asyncio.run(scenario())


def test_a_cancel_reaches_an_engine_at_work(jobs: Jobs) -> None:
    async def scenario() -> None:
        def work(job: Job[None]) -> None:
            with job.lease(Counter) as counter:
                counter.call(Counter.forever)

        job = jobs.start(work)
        async for event in job.events():
            if isinstance(event, Step) and event.step == 3:
                job.cancel()
        with pytest.raises(Cancelled):
            await job.result()
        assert job.devices == {"counter": "cpu"}
        assert job.models == {"counter": "counter-model"}

    asyncio.run(scenario())


def test_whoever_stops_waiting_cancels_the_job(jobs: Jobs) -> None:
    async def scenario() -> None:
        stopped = threading.Event()

        def work(job: Job[None]) -> None:
            job.on_cancel(stopped.set)
            stopped.wait(20)
            job.check()

        job = jobs.start(work)
        waiter = asyncio.create_task(job.result())
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        await asyncio.to_thread(job.done.wait, 20)
        assert stopped.is_set()

    asyncio.run(scenario())


def test_too_much_and_too_late_are_refused_at_once(jobs: Jobs) -> None:
    async def scenario() -> None:
        go = threading.Event()

        def work(job: Job[None]) -> None:
            go.wait(20)

        running = [jobs.start(work), jobs.start(work)]
        with pytest.raises(Busy):
            jobs.start(work)
        go.set()
        for job in running:
            await job.result()
            await asyncio.to_thread(job.done.wait, 20)
        assert jobs.count == 0
        jobs.close(0)
        with pytest.raises(ShuttingDown):
            jobs.start(work)

    asyncio.run(scenario())


def test_past_its_deadline_a_job_fails_at_once_with_the_setting_that_says_so(jobs: Jobs) -> None:
    async def scenario() -> None:
        def work(job: Job[None]) -> None:
            with job.lease(Counter) as counter:
                counter.call(Counter.forever)

        job = jobs.start(work, kind="edit", seconds=0.05)
        with pytest.raises(DeadlinePassed, match="TAWNY_EDIT_SECONDS"):
            await job.result()
        await asyncio.to_thread(job.done.wait, 20)
        assert jobs.count == 0, "the work itself has stopped, too"

    asyncio.run(scenario())


def test_what_is_decoded_and_waits_is_bounded_in_bytes(tmp_path: Path) -> None:
    jobs = Jobs(make_pool(tmp_path, make_row("counter", tmp_path)), limit=100, most_held=1000)

    async def scenario() -> None:
        go = threading.Event()

        def work(job: Job[None]) -> None:
            go.wait(30)

        running = [jobs.start(work, held=600), jobs.start(work, held=400)]
        with pytest.raises(Busy, match="TAWNY_HELD_BYTES"):
            jobs.start(work, held=1)
        running.append(jobs.start(work))  # a command holds nothing
        go.set()
        for job in running:
            await job.result()
            await asyncio.to_thread(job.done.wait, 30)
        await jobs.start(work, held=5000).result()  # alone, the largest that is allowed must pass

    asyncio.run(scenario())


def test_one_caller_cannot_take_every_place(tmp_path: Path) -> None:
    jobs = Jobs(make_pool(tmp_path, make_row("counter", tmp_path)), limit=4)

    async def scenario() -> None:
        go = threading.Event()

        def work(job: Job[None]) -> None:
            go.wait(20)

        CALLER.set("greedy")
        running = [jobs.start(work) for _ in range(3)]
        with pytest.raises(Busy, match="other callers"):
            jobs.start(work)
        CALLER.set("modest")
        running.append(jobs.start(work))
        go.set()
        for job in running:
            await job.result()

    asyncio.run(scenario())


def test_the_request_id_goes_along_to_the_thread(jobs: Jobs) -> None:
    async def scenario() -> None:
        REQUEST_ID.set("req_1")
        assert await jobs.start(lambda job: REQUEST_ID.get()).result() == "req_1"

    asyncio.run(scenario())


def test_closing_lets_running_work_finish_within_its_grace(jobs: Jobs) -> None:
    async def scenario() -> None:
        go = threading.Event()

        def work(job: Job[str]) -> str:
            go.wait(20)
            job.check()
            return "finished"

        job = jobs.start(work)
        closing = asyncio.create_task(asyncio.to_thread(jobs.close, 20))
        go.set()
        assert await job.result() == "finished"
        await closing

    asyncio.run(scenario())
