"""Sound in, text out: one client of the hearing port.

transcribe? audio-start audio-chunk* audio-stop  ->  transcript-start transcript-chunk* transcript transcript-stop
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.event import Event, Eventable

from api.settings import Settings
from inference.errors import InvalidRequest, TooLarge
from inference.events import Heard
from inference.jobs import Job
from inference.runtime import Runtime, TranscribeRequest
from inference.sounds import RawLayout, decode_sound

FORMATS = {1: "u8", 2: "s16le", 3: "s24le", 4: "s32le"}
"""FFmpeg's name for samples of so many bytes."""


class Ears:
    """Gathers the sound of one utterance, then hears it."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.job: Job[Any] | None = None
        self._runtime = runtime
        self._settings = settings
        self._asked = Transcribe()
        self._layout: RawLayout | None = None
        self._sound = bytearray()

    async def handle(self, event: Event) -> AsyncIterator[Eventable]:
        """Yield the transcript at the end of the sound; events of other kinds are nothing to us."""
        if Transcribe.is_type(event.type):
            self._asked = Transcribe.from_event(event)
        elif AudioStart.is_type(event.type):
            start = AudioStart.from_event(event)
            self._begin(start.rate, start.width, start.channels)
        elif AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            if self._layout is None:
                self._begin(chunk.rate, chunk.width, chunk.channels)
            self._sound += chunk.audio
            if len(self._sound) > self._settings.max_upload_bytes:
                raise TooLarge(f"The sound is larger than {self._settings.max_upload_bytes} bytes, the limit")
        elif AudioStop.is_type(event.type):
            async for answer in self._hear():
                yield answer

    def _begin(self, rate: int, width: int, channels: int) -> None:
        if width not in FORMATS or not 4_000 <= rate <= 384_000 or not 1 <= channels <= 8:
            raise InvalidRequest(f"There is no sound of {rate} Hz, {width} bytes a sample and {channels} channels")
        self._layout = RawLayout(FORMATS[width], rate, channels)
        self._sound.clear()

    async def _hear(self) -> AsyncIterator[Eventable]:
        asked, layout, data = self._asked, self._layout, bytes(self._sound)
        if layout is None:
            raise InvalidRequest("The sound ended before it began: send audio-start first")
        self._asked, self._layout = Transcribe(), None
        self._sound.clear()
        sound = await asyncio.to_thread(decode_sound, data, max_seconds=self._settings.max_audio_seconds, raw=layout)
        request = TranscribeRequest(
            sound,
            language=asked.language,
            hotwords=", ".join([*(asked.transcript_names or ()), *(asked.transcript_terms or ())]) or None,
            model=asked.name,
            require_gpu=self._settings.require_gpu,
        )
        job = self._runtime.transcribe(request)
        self.job = job
        yield TranscriptStart(language=asked.language)
        async for event in job.events():
            if isinstance(event, Heard):
                yield TranscriptChunk(event.text)
        transcript = await job.result()
        self.job = None
        yield Transcript(transcript.text, language=transcript.language)
        yield TranscriptStop()
