"""Make numbered things ahead of their use, in one background thread, in order.

Knows nothing of what it makes. An error in the making is raised by `get`.

>>> ahead = Ahead(lambda number: number * 2, first=5)
>>> ahead.get(), ahead.get()
(10, 12)
>>> ahead.close()
"""

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Made = TypeVar("Made")


class Ahead(Generic[Made]):
    """Calls `make(first)`, `make(first + 1)`, ... keeping at most `depth` results waiting."""

    def __init__(self, make: Callable[[int], Made], first: int, depth: int = 3) -> None:
        self._make = make
        self._waiting: queue.Queue[Made | BaseException] = queue.Queue(maxsize=depth)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(first,), daemon=True)
        self._thread.start()

    def _run(self, number: int) -> None:
        while not self._stop.is_set():
            try:
                result: Made | BaseException = self._make(number)
            except BaseException as error:
                result = error
            number += 1
            while not self._stop.is_set():
                try:
                    self._waiting.put(result, timeout=0.2)
                    break
                except queue.Full:
                    continue

    def get(self) -> Made:
        """The next result, waiting for it if need be."""
        result = self._waiting.get()
        if isinstance(result, BaseException):
            raise result
        return result

    def close(self) -> None:
        """Stop making more."""
        self._stop.set()
        self._thread.join(timeout=10)
