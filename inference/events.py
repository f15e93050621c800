"""What a job reports while it runs: plain values, safe to send from a worker to the gateway.

An engine yields them; the gateway turns them into server-sent events. Each is also a point where a cancel takes
effect. Nothing here knows who listens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image


@dataclass(frozen=True, slots=True)
class Event:
    """Anything a job reports."""


@dataclass(frozen=True, slots=True)
class Queued(Event):
    """The job waits for ``engine``; ``ahead`` jobs are before it."""

    engine: str
    ahead: int


@dataclass(frozen=True, slots=True)
class Placed(Event):
    """``engine`` runs ``model`` on ``device`` ("cpu" or "gpu"), because of ``reason``."""

    engine: str
    model: str
    device: str
    reason: str


@dataclass(frozen=True, slots=True)
class Planned(Event):
    """The operations that will be applied, in order, in canonical form."""

    operations: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Began(Event):
    """Operation ``index`` of ``count`` starts (from 0). Steps that follow belong to it."""

    operation: str
    index: int
    count: int


@dataclass(frozen=True, slots=True)
class Step(Event):
    """``step`` of ``steps`` is done (1-based)."""

    step: int
    steps: int


@dataclass(frozen=True, slots=True)
class Preview(Event):
    """What the picture is about to become, RGB or RGBA: from an engine what it paints, from an operation all of it."""

    image: Image.Image
    index: int


@dataclass(frozen=True, slots=True)
class Heard(Event):
    """A transcribed segment: text with its own leading space, ``start`` and ``end`` in seconds."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Listened(Event):
    """The sound has been heard up to ``seconds``, whether or not anything was said."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Spoke(Event):
    """A piece of speech: ``samples`` is little-endian signed 16-bit mono PCM at ``rate`` Hz."""

    samples: bytes
    rate: int


@dataclass(frozen=True, slots=True)
class Wrote(Event):
    """A language model wrote one more token: the ``text`` that can be shown now, often none."""

    text: str
