"""The facade: everything that Tawny can do, as a few verbs that return jobs.

    runtime = Runtime(Settings())
    job = runtime.edit(EditRequest(picture, command="add a dog and rotate right"))
    async for event in job.events(): ...
    result = await job.result()

It joins the engines into the main job (hear, plan, paint) and knows no HTTP. Jobs are started on the event loop and
work on threads of their own.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from PIL import Image

from inference.catalogue import Catalogue, Row
from inference.choice import Choice
from inference.editing import DrawRequest, Edited, EditRequest, EditResult, carry_out, draw
from inference.engine import Engine
from inference.engines import ENGINES, Inpainter, Parser, Speaker, Transcriber
from inference.engines.parser import Written
from inference.engines.transcriber import RATE, Transcript
from inference.errors import CommandNotUnderstood, InvalidRequest, ModelInUse, UnknownModel, UnknownVoice
from inference.events import Planned
from inference.hardware.machine import Machine, survey
from inference.hardware.report import describe_machine
from inference.hearing import hear
from inference.host import Host, LocalHost
from inference.jobs import Job, Jobs
from inference.operations import Operation, describe_plan, parse_plan, plan_schema
from inference.operations.examples import EXAMPLES
from inference.pictures import Picture
from inference.pool import Pool
from inference.settings import Settings
from inference.sounds import Sound
from inference.voices import Voice, installed
from inference.weights import state

log = logging.getLogger("tawny.runtime")

T = TypeVar("T")

# Whisper continues what it is told came before: after a few commands it expects commands ("blur", not "board").
SPOKEN_BEFORE = (
    "Edit the picture: add a dog, remove the car, rotate right, flip it, crop to a square, make it brighter, "
    "blur the background."
)
SUGGESTIONS = ('"add a dog"', '"rotate right"', '"make it black and white"')


@dataclass(frozen=True, slots=True)
class PlanResult:
    """A plan in canonical form, and who made it where in how many seconds."""

    operations: tuple[dict[str, Any], ...]
    model: str
    device: str
    seconds: float


@dataclass(frozen=True, slots=True)
class TranscribeRequest:
    """What to write down, and how; see `Transcriber.transcribe`. ``translate`` writes English whatever is spoken.

    Without ``timed`` the segments may be half minutes: for who wants only the text, and not before it is whole.
    """

    sound: Sound
    language: str | None = None
    prompt: str | None = None
    hotwords: str | None = None
    temperature: float = 0.0
    vad: bool = False
    words: bool = False
    translate: bool = False
    timed: bool = True
    model: str | None = None
    require_gpu: bool = False


@dataclass(frozen=True, slots=True)
class SpeakRequest:
    """What to say. ``voice`` is a voice's id, or "id:speaker" for one of a voice of many; see `Speaker.speak`."""

    text: str
    voice: str
    speed: float = 1.0
    require_gpu: bool = False


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A conversation of (role, text) and how it goes on; see `Parser.chat`."""

    turns: tuple[tuple[str, str], ...]
    schema: dict[str, Any] | None = None
    limit: int = 1024
    temperature: float = 0.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    seed: int = 0
    model: str | None = None
    require_gpu: bool = False


class Runtime:
    """The four engines behind one door. ``host`` and ``machine`` are for tests."""

    def __init__(self, settings: Settings, host: Host | None = None, machine: Machine | None = None) -> None:
        self.settings = settings
        self.catalogue = Catalogue.load(settings.manifest)
        self.catalogue.check_engines(engine.name for engine in ENGINES)
        self.machine = machine or survey(settings.root, state=settings.state, environment=settings.environment)
        self.pool = Pool(host or LocalHost(), self.machine, self.catalogue, settings)
        self.jobs = Jobs(self.pool, settings.job_limit, settings.held_bytes)
        self._started = time.time()

    # The main job -------------------------------------------------------------------------------------------------

    def edit(self, request: EditRequest) -> Job[EditResult]:
        """Change a picture: hear the command, plan it, apply it. Reports `Planned` first, then what each step does."""
        if sum(field is not None for field in (request.command, request.operations, request.sound)) != 1:
            raise InvalidRequest("Say what to change by one of: prompt, operations, audio", param="prompt")
        held = weigh(request.picture, request.mask, request.sound)
        return self._start("edit", lambda job: self._edit(job, request), require_gpu=request.require_gpu, held=held)

    def _start(self, kind: str, work: Callable[[Job[T]], T], *, require_gpu: bool = False, held: int = 0) -> Job[T]:
        seconds = self.settings.deadline(kind)
        return self.jobs.start(work, require_gpu=require_gpu, kind=kind, seconds=seconds, held=held)

    def _edit(self, job: Job[EditResult], request: EditRequest) -> EditResult:
        command = request.command
        if request.sound is not None:
            command = self._hear(job, TranscribeRequest(request.sound, language="en", prompt=SPOKEN_BEFORE)).text
            if not command:
                raise CommandNotUnderstood(f"Nothing was said in the sound. {_suggest()}", param="audio")
        param = "prompt" if request.sound is None else "audio"
        operations = request.operations if command is None else self._plan(job, command, param=param)
        assert operations is not None  # edit() saw to it
        job.report(Planned(describe_plan(operations)))
        return carry_out(job, request, operations, command)

    def draw(self, request: DrawRequest) -> Job[EditResult]:
        """Paint a picture that was not there, or a variation of one; see `inference.editing.draw`."""
        held = weigh(request.picture)
        return self._start("edit", lambda job: draw(job, request), require_gpu=request.require_gpu, held=held)

    def plan(self, command: str, model: str | None = None, *, require_gpu: bool = False) -> Job[PlanResult]:
        """Turn a sentence into operations without touching a picture. Raises `CommandNotUnderstood` for no edit."""

        def work(job: Job[PlanResult]) -> PlanResult:
            started = time.monotonic()
            operations = describe_plan(self._plan(job, command, model, param="command"))
            seconds = time.monotonic() - started
            return PlanResult(operations, job.models[Parser.name], job.devices[Parser.name], seconds)

        return self._start("plan", work, require_gpu=require_gpu)

    def _plan(
        self, job: Job[Any], command: str, model: str | None = None, *, param: str = "prompt"
    ) -> tuple[Operation, ...]:
        if not command.strip():
            raise CommandNotUnderstood(f"The command is empty. {_suggest()}", param=param)
        self._log_words("command", command)
        with job.lease(Parser, model) as parser:
            found = parser.call(Parser.parse, command, plan_schema(), EXAMPLES)
        if not found:
            raise CommandNotUnderstood(f"That names no change to a picture. {_suggest()}", param=param)
        return parse_plan(found)

    def chat(self, request: ChatRequest) -> Job[Written]:
        """Go on with a conversation; reports `Wrote` per token. Spoken to is the model that the parser adapts."""

        def work(job: Job[Written]) -> Written:
            row = self.pool.choose(Parser, request.model, require_gpu=request.require_gpu).row
            with job.lease(Parser, row.base or row.id) as parser:
                return parser.call(
                    Parser.chat,
                    request.turns,
                    schema=request.schema,
                    limit=request.limit,
                    temperature=request.temperature,
                    top_p=request.top_p,
                    stop=request.stop,
                    seed=request.seed,
                )

        return self._start("chat", work, require_gpu=request.require_gpu)

    def _log_words(self, what: str, words: str) -> None:
        if self.settings.log_words:
            log.info("%s: %r", what, words)

    # Sound --------------------------------------------------------------------------------------------------------

    def transcribe(self, request: TranscribeRequest) -> Job[Transcript]:
        """Write down what is said; reports `Heard` per segment."""
        held = weigh(request.sound)
        return self._start(
            "transcription", lambda job: self._hear(job, request), require_gpu=request.require_gpu, held=held
        )

    def _hear(self, job: Job[Any], request: TranscribeRequest) -> Transcript:
        if request.sound.rate != RATE:
            raise ValueError(f"the transcriber hears at {RATE} Hz, not {request.sound.rate}")
        with job.lease(Transcriber, request.model) as transcriber:
            return hear(
                transcriber,
                request.sound.samples,
                language=request.language,
                prompt=request.prompt,
                hotwords=request.hotwords,
                temperature=request.temperature,
                vad=request.vad,
                words=request.words,
                translate=request.translate,
                timed=request.timed,
            )

    def speak(self, request: SpeakRequest) -> Job[None]:
        """Say a text; the sound is reported as `Spoke`, sentence by sentence. Raises `UnknownVoice` at once."""
        voice, speaker = self._voice(request.voice)

        def work(job: Job[None]) -> None:
            with job.lease(Speaker, voice.id) as lease:
                lease.call(Speaker.speak, request.text, speed=request.speed, speaker=speaker)

        self._log_words("to be spoken", request.text)
        return self._start("speech", work, require_gpu=request.require_gpu)

    def _voice(self, name: str) -> tuple[Row, str | None]:
        """Return the voice that ``name`` means, and the speaker in it if it names one."""
        row = None
        voice, _, speaker = name.partition(":")
        with suppress(UnknownModel):
            row = self.catalogue.row(voice)
        if row is None or row.engine != Speaker.name:
            known = ", ".join(voice.id for voice in self.voices()) or "none yet; run ./scripts/fetch_models"
            raise UnknownVoice(f"There is no voice {name!r}. Installed: {known}", param="voice")
        return row, speaker or None

    def voices(self) -> list[Voice]:
        """Return the installed voices, preferred first."""
        return list(installed(self.catalogue, self.settings.models))

    # The machine and the models -----------------------------------------------------------------------------------

    def prepare(self, engine: str, model: str | None = None, *, require_gpu: bool = False) -> Choice:
        """Return the model and the device that a request will get, or raise what would stop it; loads nothing.

        It may prove the GPU once, which takes seconds: call it off the event loop.
        """
        return self.pool.choose(_engine(engine), model, require_gpu=require_gpu)

    def models(self) -> list[dict[str, Any]]:
        """Return every row of the catalogue with its state on disk (ready, missing, incomplete ...)."""
        return [
            {
                "id": row.id,
                "engine": row.engine,
                "title": row.title,
                "licence": row.licence,
                "bytes": row.bytes,
                "state": state(row, self.settings.models),
                "starter": row.starter,
            }
            for row in self.catalogue
        ]

    def load(self, model: str) -> Job[None]:
        """Load a model now rather than at its first use."""
        engine = _engine(self.catalogue.row(model).engine)

        def work(job: Job[None]) -> None:
            with job.lease(engine, model):
                pass

        return self._start("load", work)

    def unload(self, model: str) -> bool:
        """Unload a model; return whether it was loaded. Raises `ModelInUse` if it works for somebody."""
        row = self.catalogue.row(model)
        unloaded = self.pool.unload(row.engine, row.id)
        if not unloaded and self.pool.in_use(row.engine, row.id):
            raise ModelInUse(f"{row.id} is at work; try again when it has finished", param="model_id")
        return unloaded

    def status(self) -> dict[str, Any]:
        """Return what this machine is, and what each engine does where and why. Reads files; call off the loop."""
        return {
            "uptime_seconds": time.time() - self._started,
            "machine": describe_machine(self.machine),
            "engines": self.pool.describe(ENGINES),
            "jobs": self.jobs.count,
        }

    def refuse(self) -> None:
        """Take no new work from now on: the first half of `close`, for who still has answers to give."""
        self.jobs.refuse()

    def close(self, grace: float = 10.0) -> None:
        """Refuse new work, let running work finish for ``grace`` seconds, end every worker."""
        self.jobs.close(grace)
        self.pool.close()


def weigh(*things: Picture | Image.Image | Sound | None) -> int:
    """Return the bytes that pictures, masks and sounds take in memory, near enough."""
    total = 0
    for thing in things:
        if isinstance(thing, Sound):
            total += thing.samples.nbytes
        elif thing is not None:
            image = thing.image if isinstance(thing, Picture) else thing
            total += image.width * image.height * len(image.getbands())
    return total


def _engine(name: str) -> type[Engine]:
    for engine in ENGINES:
        if engine.name == name:
            return engine
    raise UnknownModel(f"There is no engine {name!r}")


def _suggest() -> str:
    return f"Say for example {', '.join(SUGGESTIONS[:-1])} or {SUGGESTIONS[-1]}"


__all__ = [
    "ChatRequest",
    "DrawRequest",
    "EditRequest",
    "EditResult",
    "Edited",
    "Inpainter",
    "PlanResult",
    "Runtime",
    "SpeakRequest",
    "TranscribeRequest",
    "Transcript",
    "Written",
]
