"""Text in, sound out: one client of the speaking port.

    synthesize                                                    ->  audio-start audio-chunk* audio-stop
    synthesize-start synthesize-chunk* synthesize? synthesize-stop -> the same, then synthesize-stopped

The second form is a text that is still being written: its sentences are spoken as they are finished.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, Eventable
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from api.settings import Settings
from api.voices import find_voice
from inference.engines import Speaker
from inference.engines.sentences import split_sentences
from inference.errors import InvalidRequest, TooLarge, UnknownVoice
from inference.events import Spoke
from inference.jobs import Job
from inference.runtime import Runtime, SpeakRequest

LONGEST_TEXT = 4096
CHUNK_BYTES = 8192


class Mouth:
    """Speaks what one client sends."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.job: Job[Any] | None = None
        self._runtime = runtime
        self._settings = settings
        self._voice: SynthesizeVoice | None = None
        self._text: str | None = None
        """What is not spoken yet of a text that is still being written; None outside of one."""
        self._rate = 0
        """Samples per second of the sound that has begun, 0 if none has."""

    async def handle(self, event: Event) -> AsyncIterator[Eventable]:
        """Yield sound; events of other kinds are nothing to us."""
        ready: str | None = None
        ends = False
        if SynthesizeStart.is_type(event.type):
            start = SynthesizeStart.from_event(event)
            _check_format(start.text_format)
            self._voice, self._text = start.voice, ""
        elif SynthesizeChunk.is_type(event.type) and self._text is not None:
            ready = self._finished(SynthesizeChunk.from_event(event).text)
        elif SynthesizeStop.is_type(event.type) and self._text is not None:
            ready, self._text, ends = self._text, None, True
        elif Synthesize.is_type(event.type) and self._text is None:
            # Within a text being written this event repeats the whole, for servers that know no better.
            whole = Synthesize.from_event(event)
            _check_format(whole.text_format)
            self._voice, ready = whole.voice, whole.text
        if ready is None:
            return
        async for answer in self._speak(ready):
            yield answer
        if self._text is None:
            async for answer in self._stop():
                yield answer
        if ends:
            yield SynthesizeStopped()

    def _finished(self, more: str) -> str | None:
        """Return the sentences that ``more`` finishes; the last one may go on and is kept."""
        self._text = (self._text or "") + more
        sentences = split_sentences(self._text)
        if len(sentences) < 2:
            return None
        self._text = sentences[-1] + (" " if more[-1:].isspace() else "")
        return " ".join(sentences[:-1])

    async def _speak(self, text: str) -> AsyncIterator[Eventable]:
        if len(text) > LONGEST_TEXT:
            raise TooLarge(f"The text has {len(text)} characters; {LONGEST_TEXT} is the limit. Send it in chunks")
        voice = await asyncio.to_thread(self._choose)
        job = self._runtime.speak(SpeakRequest(text, voice, require_gpu=self._settings.require_gpu))
        self.job = job
        async for event in job.events():
            if isinstance(event, Spoke):
                if not self._rate:
                    self._rate = event.rate
                    yield AudioStart(event.rate, 2, 1)
                for start in range(0, len(event.samples), CHUNK_BYTES):
                    yield AudioChunk(event.rate, 2, 1, event.samples[start : start + CHUNK_BYTES])
        await job.result()
        self.job = None

    async def _stop(self) -> AsyncIterator[Eventable]:
        if not self._rate:  # nothing that can be spoken: a sound without a sample
            yield AudioStart(22_050, 2, 1)
        self._rate = 0
        yield AudioStop()

    def _choose(self) -> str:
        """Return the voice that was asked for by name, by language, or not at all."""
        wish = self._voice
        known = self._runtime.voices()
        if wish is not None and wish.name:
            return find_voice(self._runtime, f"{wish.name}:{wish.speaker}" if wish.speaker else wish.name)
        if not known:
            self._runtime.prepare(Speaker.name)  # says what to fetch
        language = None if wish is None else wish.language
        for voice in known:
            if language is None or language.replace("-", "_").partition("_")[0] == voice.language:
                return voice.id
        raise UnknownVoice(f"There is no voice for the language {language!r}")


def _check_format(text_format: object) -> None:
    if text_format not in (None, "text"):
        raise InvalidRequest(f"Only plain text can be spoken, not {text_format!r}")
