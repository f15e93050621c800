"""Which kept jobs wait and which are under way, and the news of any change. On the event loop only.

    turns.join(entry.id, entry.caller)      # it has its place, and is counted
    turns.open(entry.id)                    # the book holds it: it may be begun
    job = await turns.next()                # whose turn it is, callers taking turns; it is under way from here on
    turns.done(job); await turns.tell()

It knows ids and callers, neither the book nor what the work is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from inference.jobs import Job
from inference.line import Line
from inference.runtime import EditResult


class Turns:
    """The line of jobs that wait, and those under way. ``closed`` says whether nothing may be begun any more."""

    def __init__(self, closed: Callable[[], bool]) -> None:
        self.under_way: dict[str, Job[EditResult] | None] = {}
        """None while a job is only being unpacked."""
        self._closed = closed
        self._line = Line()
        self._open: set[object] = set()
        self._news = asyncio.Condition()
        self.told = 0
        """How often there was news: whoever remembers it can wait for more with `news`."""

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._line)

    def waiting_of(self, caller: str) -> int:
        """How many jobs of one caller wait."""
        return self._line.of(caller)

    def position(self, job: str) -> int | None:
        """Return how many are ahead of a waiting job; None if it does not wait."""
        return self._line.order().index(job) if job in self._line else None

    def join(self, job: str, caller: str) -> None:
        """Give a job its place in the line; it is not begun before it is opened."""
        self._line.join(job, caller)

    def open(self, job: str) -> None:
        """Let a job that has its place be begun."""
        self._open.add(job)

    def leave(self, job: str) -> None:
        """Take a job out of the line; nothing happens if it does not wait."""
        self._line.leave(job)
        self._open.discard(job)

    async def next(self) -> str:
        """Wait for the job whose turn it is, take it out of the line and have it under way."""
        async with self._news:
            await self._news.wait_for(lambda: self._first() is not None)
            job = self._first()
            assert job is not None
            self._line.serve(job)
            self._open.discard(job)
            self.under_way[job] = None
        return job

    def _first(self) -> str | None:
        if self._closed():
            return None
        return next((str(job) for job in self._line.order() if job in self._open), None)

    def done(self, job: str) -> None:
        """Have a job under way no more."""
        self.under_way.pop(job, None)

    async def tell(self) -> None:
        """Wake everybody who waits for news."""
        async with self._news:
            self.told += 1
            self._news.notify_all()

    async def news(self, seen: int, seconds: float) -> bool:
        """Wait for news past ``seen``; False if none came within ``seconds``."""
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: self.told != seen), seconds)
            except TimeoutError:
                return False
        return True
