"""Sound: write down what is said, say what is written, list the voices."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.deps import AS_FORM, WithRuntime, WithSettings, admit_sound, admit_text, check_unicode, the_only
from api.forms import Granularity, TranscriptionForm
from api.languages import code_of, name_of
from api.settings import Settings
from api.streams import EventStream, JobStream, Named, base64_text, begun, device_header, model_header, settled
from api.subtitles import cut_cues, write_srt, write_vtt
from api.voices import find_voice
from inference.engines import Speaker
from inference.errors import InvalidRequest
from inference.events import Event, Heard, Spoke
from inference.jobs import Job
from inference.runtime import Runtime, SpeakRequest, TranscribeRequest, Transcript
from inference.sounds import MEDIA_TYPES, SoundEncoder, SoundFormat, encode_sound

router = APIRouter(prefix="/v1/audio", tags=["sound"])

SILENT_RATE = 22_050
"""Samples per second of a file without a sample: a text of nothing that can be said."""


class VoiceId(BaseModel):
    """A voice as an object."""

    id: str


class Speech(BaseModel):
    """What to say and how."""

    input: str = Field(min_length=1, max_length=4096)
    voice: str | VoiceId
    model: str | None = Field(None, description="Named by clients; the voice decides")
    response_format: SoundFormat = "mp3"
    speed: float = Field(1.0, ge=0.25, le=4.0, allow_inf_nan=False)
    stream_format: Literal["audio", "sse"] | None = Field(
        None, description='A WAV is sent whole, with true sizes in its header, unless this is "audio" or "sse"'
    )
    require_gpu: bool = False


@router.post("/transcriptions", dependencies=AS_FORM)
async def transcribe(
    request: Request, form: Annotated[TranscriptionForm, Depends()], runtime: WithRuntime, settings: WithSettings
) -> Response:
    """Write down what is said in a sound; streamed as ``transcript.text.delta`` and ``transcript.text.done``."""
    return await _hear(request, form, runtime, settings, translate=False)


@router.post("/translations", dependencies=AS_FORM)
async def translate(
    request: Request, form: Annotated[TranscriptionForm, Depends()], runtime: WithRuntime, settings: WithSettings
) -> Response:
    """Write down in English what is said in any language; the same fields and answers."""
    return await _hear(request, form, runtime, settings, translate=True)


async def _hear(
    request: Request, form: TranscriptionForm, runtime: Runtime, settings: Settings, *, translate: bool
) -> Response:
    granularities = _granularities(form)
    if form.stream and form.response_format not in ("json", "text"):
        raise InvalidRequest("response_format: a stream carries json or text only", param="response_format")
    asked = TranscribeRequest(
        sound=await admit_sound(the_only(form.file or (), "file"), settings),
        language=code_of(admit_text(form.language, "language", settings) or "") or None,
        prompt=admit_text(form.prompt, "prompt", settings),
        hotwords=admit_text(form.hotwords, "hotwords", settings),
        temperature=form.temperature,
        vad=form.vad_filter,
        words="word" in granularities or form.response_format in ("srt", "vtt"),
        translate=translate,
        timed=form.stream or form.response_format not in ("json", "text"),
        model=form.model,
        require_gpu=form.require_gpu or settings.require_gpu,
    )
    job = runtime.transcribe(asked)
    if form.stream:
        _, events = await begun(request, job, Heard)
        return EventStream(
            job, events, _tell_heard, _tell_transcript, device_header(job.devices) | model_header(job.models)
        )
    transcript = await settled(request, job)
    task = "translate" if translate else "transcribe"
    return _write(transcript, form, granularities, task, device_header(job.devices) | model_header(job.models))


def _granularities(form: TranscriptionForm) -> frozenset[Granularity]:
    asked = frozenset([*(form.granularities or ()), *(form.granularities_plain or ())])
    if asked and form.response_format != "verbose_json":
        param = "timestamp_granularities"
        raise InvalidRequest(f"{param}: only with response_format verbose_json", param=param)
    return asked or frozenset({"segment"})


def _write(
    transcript: Transcript,
    form: TranscriptionForm,
    granularities: frozenset[Granularity],
    task: str,
    headers: dict[str, str],
) -> Response:
    if form.response_format == "text":
        return PlainTextResponse(transcript.text, headers=headers)
    if form.response_format == "srt":
        return PlainTextResponse(write_srt(cut_cues(transcript)), headers=headers)
    if form.response_format == "vtt":
        return PlainTextResponse(write_vtt(cut_cues(transcript)), headers=headers, media_type="text/vtt")
    body: dict[str, Any] = {"text": transcript.text, "usage": _usage(transcript)}
    if form.response_format == "verbose_json":
        # The language of the text, which is English where it was translated; by its name, as OpenAI writes it.
        language = name_of("en" if task == "translate" else transcript.language)
        body |= {"task": task, "language": language, "duration": transcript.duration}
        if "segment" in granularities:
            body["segments"] = [_segment(segment) for segment in transcript.segments]
        if "word" in granularities:
            body["words"] = [
                {"word": word.word.strip(), "start": word.start, "end": word.end}
                for segment in transcript.segments
                for word in segment.words
            ]
    return JSONResponse(body, headers=headers)


def _segment(segment: Any) -> dict[str, Any]:
    fields = dataclasses.asdict(segment)
    del fields["words"]
    return fields


def _usage(transcript: Transcript) -> dict[str, Any]:
    return {"type": "duration", "seconds": round(transcript.duration, 3)}


async def _tell_heard(event: Event) -> Sequence[Named]:
    return [("transcript.text.delta", {"delta": event.text})] if isinstance(event, Heard) else []


async def _tell_transcript(transcript: Transcript) -> Sequence[Named]:
    # OpenAI counts tokens here, and its package insists on them; the seconds are ours.
    written = sum(len(segment.tokens) for segment in transcript.segments)
    usage = {
        "type": "tokens",
        "input_tokens": 0,
        "output_tokens": written,
        "total_tokens": written,
        "seconds": round(transcript.duration, 3),
    }
    return [("transcript.text.done", {"text": transcript.text, "usage": usage})]


@router.post("/speech")
async def speak(request: Request, body: Speech, runtime: WithRuntime, settings: WithSettings) -> Response:
    """Say a text. Sent sentence by sentence as it is made, but a WAV whole unless ``stream_format`` is given."""
    check_unicode(body.input, "input")
    if body.model is not None:
        await run_in_threadpool(runtime.prepare, Speaker.name, body.model)
    voice = await run_in_threadpool(find_voice, runtime, body.voice if isinstance(body.voice, str) else body.voice.id)
    require_gpu = body.require_gpu or settings.require_gpu
    job = runtime.speak(SpeakRequest(body.input, voice, speed=body.speed, require_gpu=require_gpu))
    media_type = MEDIA_TYPES[body.response_format]
    if body.response_format == "wav" and body.stream_format is None:
        return await _speak_whole(request, job, voice)
    first, events = await begun(request, job, Spoke)
    encoder = await run_in_threadpool(SoundEncoder, body.response_format, SILENT_RATE if first is None else first.rate)
    headers = device_header(job.devices) | model_header(job.models) | {"x-tawny-voice": voice}
    if body.stream_format == "sse":
        telling = _Telling(encoder, body.input)
        return EventStream(job, events, telling.translate, telling.finish, headers)
    return JobStream(job, _encoded(job, events, encoder), media_type, headers)


async def _speak_whole(request: Request, job: Job[None], voice: str) -> Response:
    first, events = await begun(request, job, Spoke)
    pieces = [event.samples async for event in events if isinstance(event, Spoke)]
    await settled(request, job)
    rate = SILENT_RATE if first is None else first.rate
    data = await run_in_threadpool(encode_sound, b"".join(pieces), rate, "wav")
    headers = device_header(job.devices) | model_header(job.models) | {"x-tawny-voice": voice}
    return Response(data, media_type=MEDIA_TYPES["wav"], headers=headers)


async def _encoded(job: Job[None], events: AsyncIterator[Event], encoder: SoundEncoder) -> AsyncIterator[bytes]:
    async for event in events:
        if isinstance(event, Spoke) and (data := await run_in_threadpool(encoder.feed, event.samples)):
            yield data
    # An error after the first byte cannot become a status: raising cuts the connection, so that the half is seen.
    await job.result()
    yield await run_in_threadpool(encoder.finish)


class _Telling:
    """Turns speech into server-sent events."""

    def __init__(self, encoder: SoundEncoder, text: str) -> None:
        self._encoder = encoder
        self._text = text
        self._seconds = 0.0

    async def translate(self, event: Event) -> Sequence[Named]:
        """Return the encoded piece, if the encoder gives one out yet."""
        if not isinstance(event, Spoke):
            return []
        self._seconds += len(event.samples) / 2 / event.rate
        return self._delta(await run_in_threadpool(self._encoder.feed, event.samples))

    async def finish(self, result: None) -> Sequence[Named]:
        """Return the rest of the sound and the last event; tokens are OpenAI's unit, nobody counts them here."""
        usage = {
            "input_tokens": 0,
            "output_tokens": 0,
            "total_tokens": 0,
            "characters": len(self._text),
            "seconds": round(self._seconds, 3),
        }
        rest = self._delta(await run_in_threadpool(self._encoder.finish))
        return [*rest, ("speech.audio.done", {"usage": usage})]

    def _delta(self, data: bytes) -> list[Named]:
        return [("speech.audio.delta", {"audio": base64_text(data)})] if data else []


@router.get("/voices")
async def voices(runtime: WithRuntime) -> list[dict[str, str]]:
    """List the installed voices, each followed by the speakers within it."""
    listed: list[dict[str, str]] = []
    for voice in await run_in_threadpool(runtime.voices):
        listed.append({"id": voice.id, "name": voice.name, "language": voice.language})
        listed += [
            {"id": f"{voice.id}:{speaker}", "name": f"{voice.name}, {speaker}", "language": voice.language}
            for speaker in voice.speakers
        ]
    return listed
