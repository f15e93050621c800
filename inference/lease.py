"""The right to call one loaded engine, and on whose behalf it is held.

with pool.lease(Parser, job) as parser:
    plan = parser.call(Parser.parse, "rotate right", schema)
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar

from inference.choice import Choice
from inference.engine import Engine, Verb
from inference.events import Event
from inference.host import Worker

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
        self, worker: Worker, choice: Choice, engine: type[E], caller: Caller, patience: float | None = None
    ) -> None:
        self._worker = worker
        self._caller = caller
        self._patience = engine.patience if patience is None else patience
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
        call = self._worker.begin(verb.__name__, args, kwargs)
        forget = self._caller.on_cancel(call.cancel)
        try:
            result: T = self._worker.wait(call, self._patience, self._report)
        finally:
            forget()
        return result
