"""Says how far a fetch is: bars on a terminal, plain lines elsewhere (a log, a container)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

SHOWN_FROM = 1_000_000
"""Smaller transfers are over before they can be read about."""
LINES_FROM = 300_000_000
"""Without a terminal, a transfer of so many bytes prints a line at each tenth."""


def in_words(count: float) -> str:
    """Return a number of bytes for people, in powers of a thousand: ``145.2 MB``."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


class Progress:
    """Where messages go. ``bars`` None: as the stream is a terminal or not."""

    def __init__(self, stream: TextIO | None = None, *, bars: bool | None = None) -> None:
        self.stream = stream if stream is not None else sys.stdout
        self.bars = self.stream.isatty() if bars is None else bars

    def say(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    @contextmanager
    def measure(self, what: str, total: int, done: int = 0) -> Iterator[Callable[[int], None]]:
        """Yield a function that is told of every piece of bytes; ``done`` of ``total`` were there before."""
        if total < SHOWN_FROM:
            yield lambda _: None
            return
        if self.bars:
            from tqdm import tqdm

            with tqdm(total=total, initial=done, desc=f"  {what}", unit="B", unit_scale=True, file=self.stream) as bar:
                yield bar.update
            return
        self.say(f"  {what}: {in_words(total)}" + (f", resuming at {in_words(done)}" if done else ""))
        tenth = done * 10 // total

        def count(piece: int) -> None:
            nonlocal done, tenth
            done += piece
            if total >= LINES_FROM and done * 10 // total > tenth:
                tenth = done * 10 // total
                self.say(f"  {what}: {tenth * 10} %")

        yield count
