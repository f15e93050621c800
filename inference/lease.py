"""The right to call one loaded engine, and on whose behalf it is held.

with pool.lease(Parser, job) as parser:
    plan = parser.call(Parser.parse, "rotate right", schema)
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar

from inference.choice import Choice
from inference.engine import Engine, Verb
from inference.errors import TawnyError
from inference.events import Event, Spoke, Step
from inference.host import Worker
from inference.tally import Tally

E = TypeVar("E", bound=Engine)
P = ParamSpec("P")
T = TypeVar("T")


class Caller(Protocol):
    """On whose behalf a lease is held: a job. ``caller`` is who asked for it, for the queue to be fair."""

    caller: str

    def report(self, event: Event) -> None:
        """Take note of an event."""

    def check(self) -> None:
        """Raise `Cancelled` if the work is no longer wanted."""

    def on_cancel(self, action: Callable[[], None]) -> Callable[[], None]:
        """Have ``action`` run once at a cancel (at once if it was); return what takes it back."""


class Lease(Generic[E]):
    """The right to call verbs of one loaded engine, until the ``with`` block ends."""

    def __init__(
        self,
        worker: Worker,
        choice: Choice,
        engine: type[E],
        caller: Caller,
        patience: float,
        tally: Tally,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._worker = worker
        self._engine = engine
        self._caller = caller
        self._tally = tally
        self._patience = patience
        self._clock = clock
        self._report: Callable[[Event], None] = caller.report
        self.choice = choice

    def heard_by(self, report: Callable[[Event], None]) -> Lease[E]:
        """Return the same lease for calls whose events go to ``report`` instead of to the caller."""
        heard = copy.copy(self)
        heard._report = report
        return heard

    def call(self, verb: Callable[Concatenate[E, P], Verb[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``verb`` in the worker, report its events to the job and return its result.

        Raises whatever the verb raised, `Cancelled` if the job was cancelled, `EngineFailed` if the worker died.
        """
        self._caller.check()
        started, outcome, steps, sound = self._clock(), "ok", 0, 0.0

        def report(event: Event) -> None:
            nonlocal steps, sound
            if isinstance(event, Step):
                steps += 1
            elif isinstance(event, Spoke):
                sound += len(event.samples) / 2 / event.rate
            self._report(event)

        call = self._worker.begin(verb.__name__, args, kwargs)
        forget = self._caller.on_cancel(call.cancel)
        try:
            result: T = self._worker.wait(call, self._patience, report)
            sound += float(getattr(result, "duration", 0.0))  # what was heard
        except TawnyError as error:
            outcome = error.code
            raise
        finally:
            forget()
            seconds = self._clock() - started
            where = self._engine.name, self.choice.row.id, self.choice.device.kind
            self._tally.called(where, outcome, seconds=seconds, steps=steps, sound=sound)
        return result
