"""Decodes uploads on threads, few at a time: a file of kilobytes may become hundreds of megabytes.

    picture = await decoded(decode_picture, data, max_pixels=settings.max_pixels)

What waits for its turn here is only the file. What has been decoded is bounded by the jobs that it is for; see `Jobs`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

AT_ONCE = 4
"""So many uploads are decoded at a time."""

_LIMITER: RunVar[CapacityLimiter] = RunVar("decoders")  # one for each event loop

P = ParamSpec("P")
T = TypeVar("T")


async def decoded(decode: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what ``decode`` returns, or raise what it raises."""
    try:
        limiter = _LIMITER.get()
    except LookupError:
        limiter = CapacityLimiter(AT_ONCE)
        _LIMITER.set(limiter)
    return await to_thread.run_sync(partial(decode, *args, **kwargs), limiter=limiter)
