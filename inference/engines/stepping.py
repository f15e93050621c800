"""Turns a library call that reports through a callback into a generator of events.

    def paint(self) -> Verb[Image]:
        return (yield from stepping(lambda emit: pipeline(callback=lambda: emit(Step(1, 20)))))

The call runs on a second thread that stands still inside ``emit`` until the consumer asks for the next event. Closing
the generator makes ``emit`` raise, so the library unwinds at its own step.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from inference.engine import Verb
from inference.events import Event

T = TypeVar("T")


class Stopped(BaseException):
    """Raised inside the library's callback when nobody wants its result. No Exception: libraries catch those."""


def stepping(work: Callable[[Callable[[Event], None]], T]) -> Verb[T]:
    """Run ``work(emit)`` and yield what it emits; return what it returns, raise what it raises."""
    answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    permits: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def emit(event: Event) -> None:
        answers.put(("event", event))
        if not permits.get():
            raise Stopped

    def run() -> None:
        try:
            answers.put(("done", work(emit)))
        except BaseException as error:
            answers.put(("failed", error))

    thread = threading.Thread(target=run, name="stepping", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = answers.get()
            if kind == "event":
                yield value
                permits.put(True)
            elif kind == "done":
                result: T = value
                return result
            else:
                raise value
    finally:
        permits.put(False)
        thread.join()
