"""The voices that are installed, as a client chooses among them.

    for voice in installed(catalogue, settings.models):
        voice.id, voice.speakers

It reads the small file beside a voice's weights, and loads no voice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from inference.catalogue import Catalogue, Row
from inference.errors import WeightsMissing
from inference.weights import find, state

ENGINE = "speaker"


@dataclass(frozen=True, slots=True)
class Voice:
    """One installed voice. ``language`` is a code or "", ``speakers`` the names within a voice of many, else empty."""

    id: str
    name: str
    language: str
    speakers: tuple[str, ...]


def installed(catalogue: Catalogue, store: Path) -> Iterator[Voice]:
    """Yield the voices of ``catalogue`` that are whole in ``store``, preferred first."""
    for row in catalogue.for_engine(ENGINE):
        if state(row, store) == "ready":
            yield Voice(row.id, row.title, row.language or "", _speakers(row, store))


def _speakers(row: Row, store: Path) -> tuple[str, ...]:
    try:
        return _read_speakers(next(find(row, store).glob("*.onnx.json")))
    except (StopIteration, WeightsMissing, OSError, ValueError):
        return ()


@lru_cache(maxsize=64)
def _read_speakers(path: Path) -> tuple[str, ...]:
    """Return the names in a voice's configuration in the order of their numbers; a voice of one has none.

    Speakers without names are called by their numbers.
    """
    configuration = json.loads(path.read_text(encoding="utf-8"))
    numbers = configuration.get("speaker_id_map") or {}
    names = sorted(numbers, key=numbers.__getitem__) or map(str, range(configuration.get("num_speakers", 1)))
    speakers = tuple(names)
    return speakers if len(speakers) > 1 else ()
