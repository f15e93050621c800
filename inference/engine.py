"""The one abstract class behind which every model lives.

The base class owns the life cycle; an engine owns its verbs. A verb is an ordinary method that *yields events* and
*returns its result*, so that every event is a point where a cancel takes effect:

    class Doubler(Engine):
        name = "doubler"
        def load(self, weights, device): ...
        def double(self, number: int) -> Verb[int]:
            yield Step(1, 1)
            return 2 * number

    with job.lease(Doubler) as doubler:
        assert doubler.call(Doubler.double, 21) == 42

Arguments, events and results cross a process boundary: plain values, PIL images and bytes only. Engine modules
import their libraries inside `load`, never at the top, because the gateway imports the modules for their names.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from inference.events import Event
from inference.hardware.device import Device

T = TypeVar("T")
Verb = Generator[Event, None, T]


@dataclass(frozen=True, slots=True)
class Weights:
    """A model of the catalogue on disk.

    ``path`` is its verified folder; ``base`` the folder of the model it adapts, if it is an adapter; ``parts`` those of
    the models it works with, by what they are to it; ``id`` its name in the catalogue; ``options`` what its catalogue
    row says to the engine.
    """

    id: str
    path: Path
    base: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, Path] = field(default_factory=dict)


class Engine(ABC):
    """A loaded model that can do a few things. One instance lives in one worker process.

    Calls that run at once take turns, event by event: no two verbs ever compute at the same time, but what an engine
    keeps between two events of one call must not be touched by another.

    ``name``      what settings, status and metrics call it.
    ``requires``  Python packages that must be importable before it can load.
    ``library``   what computes: decides whose proof of the GPU counts.
    ``runs_on``   device kinds it can use, best first.
    ``patience``  seconds without an event after which a call counts as hung.
    ``optional``  whether the main job is served without it.
    ``instead``   what a caller can do without it: the field of a request, and a sentence without a full stop.
    ``sharing``   so many leases may be held at once. More than 1 keeps a short request from waiting for a long one,
                  at the price of the long one's speed.
    """

    name: ClassVar[str]
    requires: ClassVar[tuple[str, ...]] = ()
    library: ClassVar[Literal["torch", "ctranslate2", "onnxruntime"]] = "torch"
    runs_on: ClassVar[tuple[str, ...]] = ("gpu", "cpu")
    patience: ClassVar[float] = 300.0
    sharing: ClassVar[int] = 1
    optional: ClassVar[bool] = False
    instead: ClassVar[tuple[str, str] | None] = None

    @abstractmethod
    def load(self, weights: Weights, device: Device) -> None:
        """Load ``weights`` onto ``device``; called once, before any verb, in the worker process."""

    @classmethod
    def missing(cls) -> tuple[str, ...]:
        """Return those of ``requires`` that are not installed; imports nothing."""
        return tuple(name for name in cls.requires if find_spec(name) is None)
