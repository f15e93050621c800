"""Hears a sound of any length: cuts it into pieces at quiet places and joins what is heard in them.

    with job.lease(Transcriber) as transcriber:
        transcript = hear(transcriber, sound.samples, language=None, words=True)

Piece by piece, because a spectrogram of two hours takes gigabytes, and because a cancel, and another request's turn,
should not wait for it. Each piece is told the end of the text before it, as Whisper itself does from one half minute
to the next, so that names and style continue. It knows no file and no HTTP.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engines.transcriber import RATE, Segment, Transcriber, Transcript
from inference.lease import Lease

PIECE_SECONDS = 240
SEARCH_SECONDS = 20
"""The cut is made at the quietest place in the last so many seconds of a piece."""

QUIET_SECONDS = 0.2
REMEMBERED_CHARACTERS = 600
"""So much of the text before a piece is told; Whisper keeps 223 tokens of it."""


def hear(
    transcriber: Lease[Transcriber],
    samples: NDArray[np.float32],
    *,
    language: str | None,
    prompt: str | None,
    **how: Any,
) -> Transcript:
    """Return what is said in ``samples``, float32 mono in [-1, 1] at 16 kHz; ``how`` as in `Transcriber.transcribe`.

    A language that is not given is detected once, in the first piece with speech.
    """
    segments: list[Segment] = []
    text, spoken = "", ""
    for begin, end in cut(samples):
        heard = transcriber.call(
            Transcriber.transcribe,
            samples[begin:end],
            language=language or spoken or None,
            prompt=text[-REMEMBERED_CHARACTERS:] or prompt,
            start=begin / RATE,
            first=len(segments),
            **how,
        )
        if heard.segments:
            spoken = heard.language
        segments += heard.segments
        text = "".join(segment.text for segment in segments).strip()
    return Transcript(text, spoken or language or "en", len(samples) / RATE, tuple(segments))


def cut(samples: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Return begin and end of each piece of at most `PIECE_SECONDS`; one, perhaps empty, for a short sound."""
    pieces: list[tuple[int, int]] = []
    begin = 0
    while len(samples) - begin > PIECE_SECONDS * RATE:
        latest = begin + PIECE_SECONDS * RATE
        end = latest - SEARCH_SECONDS * RATE + _quietest(samples[latest - SEARCH_SECONDS * RATE : latest])
        pieces.append((begin, end))
        begin = end
    return [*pieces, (begin, len(samples))]


def _quietest(samples: NDArray[np.float32]) -> int:
    """Return the middle of the quietest stretch."""
    stretch = int(QUIET_SECONDS * RATE)
    sums = np.cumsum(np.concatenate([[0.0], samples.astype(np.float64) ** 2]))
    return int(np.argmin(sums[stretch:] - sums[:-stretch])) + stretch // 2
