"""Turns sound into text: faster-whisper on CTranslate2.

It takes samples, not files: decoding and resampling are ``inference/sounds.py``'s. Segments are reported as they are
made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine import Engine, Verb, Weights
from inference.errors import InvalidRequest
from inference.events import Heard
from inference.hardware.device import Device

RATE = 16_000
"""Samples per second that Whisper hears."""

FALLBACK_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Whisper's own ladder: a segment that repeats itself or is improbable is sampled again, warmer."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its own leading space; ``start`` and ``end`` in seconds, ``probability`` in [0, 1]."""

    word: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech; times in seconds. The figures are Whisper's own, under OpenAI's names."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """The whole: ``text`` without surrounding space, ``language`` as a code, ``duration`` of the sound in seconds."""

    text: str
    language: str
    duration: float
    segments: tuple[Segment, ...]


class Transcriber(Engine):
    """A Whisper model in CTranslate2's format."""

    name = "transcriber"
    requires = ("faster_whisper",)
    library = "ctranslate2"

    def load(self, weights: Weights, device: Device) -> None:
        """Load the folder ``weights.path``; int8 on the CPU, float16 on the GPU."""
        from faster_whisper import WhisperModel

        self._model: Any = WhisperModel(
            str(weights.path),
            device=device.torch_name,
            compute_type="int8" if device.kind == "cpu" else "float16",
            local_files_only=True,
        )
        self._id = weights.id

    def transcribe(
        self,
        samples: NDArray[np.float32],
        *,
        language: str | None = None,
        prompt: str | None = None,
        hotwords: str | None = None,
        temperature: float = 0.0,
        vad: bool = False,
        words: bool = False,
    ) -> Verb[Transcript]:
        """Return what is said in ``samples``, float32 mono in [-1, 1] at 16 kHz, any length, none included.

        ``language`` is a code such as "en", None to detect it; ``prompt`` is text that came before, ``hotwords`` are
        words to expect, ``temperature`` in [0, 1], ``vad`` skips silence, ``words`` times each word. Yields `Heard`
        per segment. Raises `InvalidRequest` for a language that the model does not know.
        """
        if language is not None and language not in self._model.supported_languages:
            known = ", ".join(sorted(self._model.supported_languages)[:12])
            raise InvalidRequest(
                f"The model {self._id} does not know the language {language!r}. It knows: {known}"
                + (" ..." if len(self._model.supported_languages) > 12 else ""),
                param="language",
            )
        duration = len(samples) / RATE
        if len(samples) < RATE // 100:  # under one frame of the spectrogram there is nothing to hear
            return Transcript("", language or "en", duration, ())
        found, information = self._model.transcribe(
            samples,
            language=language,
            initial_prompt=prompt or None,
            hotwords=hotwords or None,
            temperature=list(FALLBACK_TEMPERATURES) if temperature == 0 else temperature,
            vad_filter=vad,
            word_timestamps=words,
        )
        segments: list[Segment] = []
        for heard in found:
            segments.append(_copy(heard, len(segments)))
            yield Heard(heard.text, heard.start, heard.end)
        text = "".join(segment.text for segment in segments).strip()
        return Transcript(text, information.language, duration, tuple(segments))


def _copy(heard: Any, number: int) -> Segment:
    return Segment(
        id=number,
        seek=heard.seek,
        start=heard.start,
        end=heard.end,
        text=heard.text,
        tokens=tuple(heard.tokens),
        temperature=heard.temperature or 0.0,
        avg_logprob=heard.avg_logprob,
        compression_ratio=heard.compression_ratio,
        no_speech_prob=heard.no_speech_prob,
        words=tuple(Word(word.word, word.start, word.end, word.probability) for word in heard.words or ()),
    )
