"""Turns sound into text: faster-whisper on CTranslate2.

It takes samples, not files: decoding and resampling are ``inference/sounds.py``'s. Segments are reported as they are
made. A sound of any length is ``inference/hearing.py``'s, which cuts it into pieces.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.engine import Engine, Verb, Weights
from inference.errors import InvalidRequest
from inference.events import Heard, Listened
from inference.hardware.device import Device

RATE = 16_000
"""Samples per second that Whisper hears."""

FALLBACK_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Whisper's own ladder: a segment that repeats itself or is improbable is sampled again, warmer."""

SILENCE = 1e-3
"""Root mean square (-60 dB) under which a tenth of a second is silent, and no detector need be asked."""

LONG_SECONDS = 60
"""From here on reading several half minutes at once pays."""

DOUBT = 0.4
"""Where Whisper itself finds no speech so probable, the detector is asked about that segment alone."""


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
    sharing = 4

    def load(self, weights: Weights, device: Device) -> None:
        """Load the folder ``weights.path``; int8 on the CPU, float16 on the GPU."""
        from faster_whisper import BatchedInferencePipeline, WhisperModel

        logging.getLogger("faster_whisper").setLevel(logging.WARNING)  # it tells of every request
        self._model: Any = WhisperModel(
            str(weights.path),
            device=device.torch_name,
            compute_type="int8" if device.kind == "cpu" else "float16",
            local_files_only=True,
        )
        self._id = weights.id
        self._batched: Any = BatchedInferencePipeline(self._model)
        self._batch = int(weights.options.get("batch", 1))
        self._translates = weights.options.get("translates", True) and len(self._model.supported_languages) > 1

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
        translate: bool = False,
        timed: bool = True,
        start: float = 0.0,
        first: int = 0,
    ) -> Verb[Transcript]:
        """Return what is said in ``samples``, float32 mono in [-1, 1] at 16 kHz, a few minutes at most, or none.

        ``language`` is a code such as "en" ("en-US" is understood), None to detect it; ``prompt`` is text that came
        before, ``hotwords`` are words to expect, ``temperature`` in [0, 1], ``vad`` skips silence, ``words`` times
        each word, ``translate`` writes English whatever is spoken. Where segments need not be ``timed`` well, a long
        sound is read several half minutes at once, if the catalogue says that the model loses nothing by it.
        ``start`` is the second at which the samples start in a longer sound, ``first`` the number of their first
        segment there. Yields `Heard` per segment and `Listened` at the end. The language of a sound without speech is
        "" unless it was given. Raises `InvalidRequest` for a language that the model does not know and for a
        translation it was not trained for.
        """
        language = self._known(language)
        if translate and not self._translates:
            raise InvalidRequest(
                f"The model {self._id} cannot translate. Choose a multilingual one, such as faster-whisper-base",
                param="model",
            )
        duration = len(samples) / RATE
        segments: list[Segment] = []
        if has_speech(samples):
            asked = {
                "language": language,
                "task": "translate" if translate else "transcribe",
                "initial_prompt": prompt or None,
                "hotwords": hotwords or None,
            }
            found = None
            if self._batch > 1 and duration >= LONG_SECONDS and not (timed or words or vad or temperature):
                found, language = self._read_at_once(samples, asked)
            if found is None:
                found, information = self._model.transcribe(
                    samples,
                    temperature=list(FALLBACK_TEMPERATURES) if temperature == 0 else temperature,
                    vad_filter=vad,
                    word_timestamps=words,
                    **asked,
                )
                language = information.language
            for heard in found:
                if self._is_speech(heard, samples):
                    segments.append(_copy(heard, first + len(segments), start))
                    yield Heard(heard.text, segments[-1].start, segments[-1].end)
        yield Listened(start + duration)
        text = "".join(segment.text for segment in segments).strip()
        return Transcript(text, language or "", duration, tuple(segments))

    def _read_at_once(self, samples: NDArray[np.float32], asked: dict[str, Any]) -> tuple[list[Any] | None, str]:
        """Read several half minutes at once; no segments if any of them would have been sampled again."""
        found, information = self._batched.transcribe(samples, batch_size=self._batch, temperature=0.0, **asked)
        segments = list(found)
        poor = any(heard.compression_ratio > 2.4 or heard.avg_logprob < -1.0 for heard in segments)
        return None if poor else segments, information.language

    def _known(self, language: str | None) -> str | None:
        """Return the code of ``language`` as the model knows it, None for none."""
        if language is None:
            return None
        code = re.split("[-_]", language.strip().lower())[0]
        known = sorted(self._model.supported_languages)
        if code in known:
            return code
        raise InvalidRequest(
            f"The model {self._id} does not know the language {language!r}. It knows: {', '.join(known[:12])}"
            + (f" and {len(known) - 12} more" if len(known) > 12 else ""),
            param="language",
        )

    def _is_speech(self, heard: Any, samples: NDArray[np.float32]) -> bool:
        """Whether a segment stands for speech: over noise and tones Whisper invents a word or two."""
        if heard.no_speech_prob < DOUBT:
            return True
        # A second around it: a segment's own limits are rough, and the detector needs a run-up.
        begin, end = max(0, int((heard.start - 1) * RATE)), int((heard.end + 1) * RATE)
        return has_speech(samples[begin:end], threshold=0.5)


def has_speech(samples: NDArray[np.float32], threshold: float = 0.2) -> bool:
    """Whether anything in ``samples`` may be speech.

    In silence, noise and tones Whisper invents words, and tries long. Half of the detector's usual ``threshold`` lets
    whispers and songs pass. It listens to the first speech only, so a sound that has some costs next to nothing.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    stride = 10 * RATE
    for begin in range(0, len(samples), stride):
        # Half a second more: a word may lie across the edge.
        part = samples[begin : begin + stride + RATE // 2]
        if not is_silent(part) and get_speech_timestamps(part, VadOptions(threshold=threshold)):
            return True
    return False


def is_silent(samples: NDArray[np.float32]) -> bool:
    """Whether no tenth of a second of ``samples`` is louder than `SILENCE`."""
    frame = RATE // 10
    parts = (samples[begin : begin + frame] for begin in range(0, len(samples), frame))
    return all(float(np.dot(part, part)) < frame * SILENCE**2 for part in parts)


def _copy(heard: Any, number: int, start: float) -> Segment:
    return Segment(
        id=number,
        seek=heard.seek + round(start * 100),  # frames of the spectrogram, a hundredth of a second each
        start=heard.start + start,
        end=heard.end + start,
        text=heard.text,
        tokens=tuple(heard.tokens),
        temperature=heard.temperature or 0.0,
        avg_logprob=heard.avg_logprob,
        compression_ratio=heard.compression_ratio,
        no_speech_prob=heard.no_speech_prob,
        words=tuple(Word(w.word, w.start + start, w.end + start, w.probability) for w in heard.words or ()),
    )
