"""One piece of work on one thread. The only file that knows both the synchronous and the asynchronous world.

    job = jobs.start(lambda job: runtime_work(job))
    async for event in job.events():
        ...
    result = await job.result()

The function runs on a thread of its own and talks through the `Job` it is given: `report` an event, `check` for a
cancel, `lease` an engine. Whoever awaits may stop at any time: `cancel` takes effect at the engine's next event.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from typing import Any, Generic, TypeVar

from inference.choice import Choice
from inference.engine import Engine
from inference.errors import Busy, Cancelled, DeadlinePassed, EngineFailed, ShuttingDown, TawnyError
from inference.events import Event, Placed
from inference.labels import CALLER
from inference.lease import Lease
from inference.line import share
from inference.pool import Pool

log = logging.getLogger("tawny.jobs")

T = TypeVar("T")
E = TypeVar("E", bound=Engine)


class Job(Generic[T]):
    """Work under way. ``devices`` maps each engine it used to "cpu" or "gpu", ``models`` to the model's id.

    ``caller`` is who asked for it: the label of the context in which it was started. ``held`` bytes of decoded picture
    or sound lie in memory for it until it is done.
    """

    def __init__(
        self, number: int, pool: Pool, loop: asyncio.AbstractEventLoop, *, require_gpu: bool, held: int = 0
    ) -> None:
        self.number = number
        self.held = held
        self.caller = CALLER.get()
        self.devices: dict[str, str] = {}
        self.models: dict[str, str] = {}
        self.done = threading.Event()
        self._pool = pool
        self._loop = loop
        self._require_gpu = require_gpu
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._outcome: asyncio.Future[T] = loop.create_future()
        self._lock = threading.Lock()
        self._cancelled = False
        self._actions: dict[int, Callable[[], None]] = {}
        self._keys = itertools.count()
        self._endings: list[Callable[[], None]] = []

    # For the thread that works ------------------------------------------------------------------------------------

    def report(self, event: Event) -> None:
        """Hand an event to whoever listens."""
        if isinstance(event, Placed):
            self.devices[event.engine] = event.device
            self.models[event.engine] = event.model
        self._post(self._events.put_nowait, event)

    def check(self) -> None:
        """Raise `Cancelled` if nobody wants the result any more."""
        if self._cancelled:
            raise Cancelled("cancelled")

    def lease(self, engine: type[E], model: str | None = None) -> AbstractContextManager[Lease[E]]:
        """Wait for a turn at ``engine``; see `Pool.lease`."""
        return self._pool.lease(engine, self, model, require_gpu=self._require_gpu)

    def prepare(self, engine: type[Engine], model: str | None = None) -> Choice:
        """Return what a lease would get, or raise what would refuse it; loads nothing."""
        return self._pool.choose(engine, model, require_gpu=self._require_gpu)

    def on_cancel(self, action: Callable[[], None]) -> Callable[[], None]:
        """Have ``action`` run at a cancel, at once if it already was; return what takes it back."""
        key = next(self._keys)
        with self._lock:
            if not self._cancelled:
                self._actions[key] = action
                return lambda: self._forget(key)
        action()
        return lambda: None

    def _forget(self, key: int) -> None:
        with self._lock:
            self._actions.pop(key, None)

    # For whoever waits --------------------------------------------------------------------------------------------

    def cancel(self) -> None:
        """Stop at the next event; safe from any thread, any number of times, also when done."""
        with self._lock:
            if self._cancelled:
                return
            self._cancelled = True
            actions = list(self._actions.values())
            self._actions.clear()
        for action in actions:
            action()

    def expire(self, sentence: str) -> None:
        """Stop because the time for this kind of work is over; whoever waits is told at once, in ``sentence``."""
        self._settle(None, DeadlinePassed(sentence))
        self.cancel()

    async def events(self) -> AsyncIterator[Event]:
        """Yield every event in order, to the end of the work. One listener per job."""
        while (event := await self._events.get()) is not None:
            yield event

    async def result(self) -> T:
        """Wait for the result or raise the error. Being cancelled while waiting cancels the job."""
        try:
            return await asyncio.shield(self._outcome)
        except asyncio.CancelledError:
            self.cancel()
            raise

    # For `Jobs` ---------------------------------------------------------------------------------------------------

    def on_end(self, action: Callable[[], None]) -> None:
        """Have ``action`` run on the event loop when the outcome is known."""
        self._endings.append(action)

    def run(self, work: Callable[[Job[T]], T]) -> None:
        """Do the work on the calling thread and settle the outcome."""
        try:
            self.check()
            result = work(self)
        except TawnyError as error:
            self._settle(None, error)
        except Exception as error:
            log.exception("job %d broke", self.number)
            failure = EngineFailed(f"An unexpected {type(error).__name__} in the gateway; its log says where")
            failure.__cause__ = error
            self._settle(None, failure)
        else:
            self._settle(result, None)

    def _settle(self, result: Any, error: TawnyError | None) -> None:
        def settle() -> None:
            if self._outcome.done():
                return
            self._events.put_nowait(None)
            for action in self._endings:
                action()
            if error is None:
                self._outcome.set_result(result)
            else:
                self._outcome.set_exception(error)
                self._outcome.exception()  # Seen: a caller that left must not make the loop complain.

        self._post(settle)

    def _post(self, action: Callable[..., object], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(action, *args)
        except RuntimeError:
            log.debug("job %d: the event loop has closed", self.number)


class Jobs:
    """Starts jobs, knows those under way, refuses what is too much: in number, or in bytes that they hold (0: any)."""

    def __init__(self, pool: Pool, limit: int, most_held: int = 0) -> None:
        self._pool = pool
        self._limit = limit
        self._most_held = most_held
        self._numbers = itertools.count(1)
        self._running: dict[int, Job[Any]] = {}
        self._lock = threading.Lock()
        self._closing = False

    @property
    def count(self) -> int:
        """How many jobs wait or run."""
        return len(self._running)

    @property
    def closing(self) -> bool:
        """Whether nothing new is taken any more."""
        return self._closing

    def start(
        self,
        work: Callable[[Job[T]], T],
        *,
        require_gpu: bool = False,
        kind: str = "",
        seconds: float = 0.0,
        held: int = 0,
    ) -> Job[T]:
        """Start ``work`` on a thread; called on the event loop. Raises `Busy` or `ShuttingDown` at once.

        Past ``seconds`` (0: never) it fails with `DeadlinePassed`, which names the setting for this ``kind`` of work.
        One that alone holds more bytes than all together may is started where no other holds any.
        """
        loop = asyncio.get_running_loop()
        job: Job[T] = Job(next(self._numbers), self._pool, loop, require_gpu=require_gpu, held=held)
        with self._lock:
            if self._closing:
                raise ShuttingDown("The server is shutting down; send the request again when it is back")
            if len(self._running) >= self._limit:
                raise Busy(
                    f"{self._limit} requests are already waiting or running; try again in a moment, "
                    "or raise TAWNY_QUEUE_LENGTH"
                )
            others = sum(other.held for other in self._running.values())
            if others and held and 0 < self._most_held < others + held:
                raise Busy(
                    f"The pictures and sounds of other requests take {others >> 20} MiB already; try again in a "
                    "moment, or raise TAWNY_HELD_BYTES"
                )
            own = sum(1 for other in self._running.values() if other.caller == job.caller)
            if job.caller and own >= share(self._limit):
                raise Busy(
                    f"{own} of your requests are already waiting or running, and the other places are kept for other "
                    "callers; try again in a moment"
                )
            self._running[job.number] = job
        if seconds > 0:
            late = f"The {kind} took longer than {seconds:g} s, which TAWNY_{kind.upper()}_SECONDS allows"
            timer = loop.call_later(seconds, job.expire, late)
            job.on_end(timer.cancel)
        # The request's id goes along, so that the log of the thread carries it.
        context = contextvars.copy_context()
        name = f"job-{job.number}"
        threading.Thread(target=context.run, args=(self._run, job, work), name=name, daemon=True).start()
        return job

    def _run(self, job: Job[T], work: Callable[[Job[T]], T]) -> None:
        try:
            job.run(work)
        finally:
            with self._lock:
                self._running.pop(job.number, None)
            job.done.set()

    def refuse(self) -> None:
        """Take nothing new from now on; what runs goes on."""
        with self._lock:
            self._closing = True

    def close(self, grace: float) -> None:
        """Refuse new work, give running work ``grace`` seconds, then cancel it."""
        with self._lock:
            self._closing = True
            running = list(self._running.values())
        deadline = time.monotonic() + grace
        for job in running:
            job.done.wait(max(0.0, deadline - time.monotonic()))
        for job in running:
            job.cancel()
