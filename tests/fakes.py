"""The engines as fakes, a catalogue for them, and the real gateway around them.

The fakes answer at once and always the same; a `Stage` lets a test stop them between two steps, make them fail, and
see what they were asked. Everything else is real: runtime, pool, the worker's loop, uvicorn and its socket.
"""

from __future__ import annotations

import io
import math
import queue
import socket
import struct
import threading
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from api.app import create_app
from api.serving import Server, make_server
from api.settings import Settings
from inference.engine import Engine, Verb, Weights
from inference.engines import FaceFinder, Inpainter, Parser, Segmenter, Speaker, SubjectFinder, Transcriber
from inference.engines.face_finder import Face
from inference.engines.parser import Written
from inference.engines.sentences import split_sentences
from inference.engines.transcriber import Segment, Transcript, Word
from inference.events import Heard, Preview, Spoke, Step, Wrote
from inference.hardware.device import Device
from inference.host import ThreadHost, Worker
from inference.loras import Lora
from inference.runtime import Runtime
from tests.machinery import empty_machine
from tests.supplies import model, sha256, write_manifest

ROTATE = {"op": "rotate", "degrees": 90}
DOG = {"op": "generate", "prompt": "a dog"}
COMMANDS: dict[str, list[dict[str, Any]]] = {
    "rotate right": [ROTATE],
    "add a dog": [DOG],
    "add a dog and rotate right": [DOG, ROTATE],
    "make it a jpeg": [{"op": "convert", "format": "jpeg"}],
}
"""What the fake parser understands, in lower case and without a full stop; anything else is no edit."""

SPOKEN = "Rotate right."
"""What the fake transcriber hears in whatever is not silence."""


@dataclass
class Stage:
    """What a test says to the fakes and learns of them.

    ``held``: steps wait for permits. ``nothing``: finders find nothing.
    ``failure`` is raised by the next verb. ``asked`` is each verb with what it got.
    """

    held: bool = False
    nothing: bool = False
    failure: BaseException | None = None
    asked: list[tuple[str, Any]] = field(default_factory=list)
    steps: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    reached: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)
    _permits: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def permit(self, steps: int = 1) -> None:
        """Let the fakes do so many more steps."""
        self._permits.release(steps)

    def release(self) -> None:
        """Hold nobody any more."""
        self.held = False
        self._permits.release(1000)

    def step_until_stopped(self) -> bool:
        """Let held fakes do one step after another until one is stopped; give up after five.

        Unlike `release` it lets the worker's reader have its turn: steps of no length at all would outrun a cancel.
        The cancel must have been sent by then, or it is waited for in vain as long as each step may take.
        """
        for _ in range(5):
            self.permit()
            if self.stopped.wait(4.0):
                return True
        return False

    def begin(self, verb: str, what: Any) -> None:
        """Note what is asked; raise what the test wants raised."""
        self.asked.append((verb, what))
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    def step(self) -> None:
        """Wait for a permit if held."""
        self.reached.put(self.steps)
        if self.held:
            assert self._permits.acquire(timeout=30)
        self.steps += 1


STAGE: list[Stage] = [Stage()]
"""The stage of the test that runs; fakes are made by class, so they find it here."""


class FakeInpainter(Inpainter):
    """Paints one colour, which the seed decides."""

    def load(self, weights: Weights, device: Device) -> None:
        """Load nothing."""

    def inpaint(
        self,
        image: Image.Image,
        mask: Image.Image,
        prompt: str,
        *,
        negative_prompt: str = "",
        steps: int | None = None,
        guidance_scale: float | None = None,
        strength: float = 1.0,
        seed: int = 0,
        previews: int = 0,
        loras: tuple[Lora, ...] = (),
        cut_out: bool = False,
    ) -> Verb[Image.Image]:
        """Yield four steps, or as many as asked for, and the previews after the first."""
        stage = STAGE[0]
        what = {"prompt": prompt, "size": image.size, "seed": seed, "strength": strength, "loras": loras}
        stage.begin("inpaint", what)
        steps = steps or 4
        color = (seed * 37 % 256, seed * 59 % 256, 200)
        try:
            for step in range(1, steps + 1):
                stage.step()
                yield Step(step, steps)
                if step == 1:
                    for index in range(previews):
                        yield Preview(Image.new("RGB", (8, 8), color), index)
        except GeneratorExit:
            stage.stopped.set()
            raise
        return Image.new("RGB", image.size, color)


class FakeParser(Parser):
    """Knows a few sentences by heart."""

    def load(self, weights: Weights, device: Device) -> None:
        """Load nothing."""

    def parse(self, command: str, schema: dict[str, Any], examples: Sequence[tuple[str, str]] = ()) -> Verb[Any]:
        """Return the entry of `COMMANDS`."""
        STAGE[0].begin("parse", command)
        yield Step(1, 1)
        return COMMANDS.get(command.lower().rstrip("."), [])

    def chat(
        self,
        turns: Sequence[tuple[str, str]],
        *,
        schema: dict[str, Any] | None = None,
        limit: int = 512,
        temperature: float = 0.0,
        top_p: float = 1.0,
        stop: Sequence[str] = (),
        seed: int = 0,
    ) -> Verb[Written]:
        """Say the last turn again, a word at a time; JSON where a schema is given."""
        stage = STAGE[0]
        stage.begin("chat", {"turns": turns, "schema": schema, "temperature": temperature, "seed": seed, "stop": stop})
        words = ['{"said": true}'] if schema else [f"{word} " for word in turns[-1][1].split()]
        try:
            for word in words[:limit]:
                stage.step()
                yield Wrote(word)
        except GeneratorExit:
            stage.stopped.set()
            raise
        finish: Literal["stop", "length"] = "length" if len(words) > limit else "stop"
        return Written("".join(words[:limit]), finish, 7, len(words[:limit]))


class FakeTranscriber(Transcriber):
    """Hears the same in everything that is not silent."""

    def load(self, weights: Weights, device: Device) -> None:
        """Load nothing."""

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
        """Yield two segments of a word each."""
        stage = STAGE[0]
        asked = {"language": language, "words": words, "hotwords": hotwords, "translate": translate, "timed": timed}
        stage.begin("transcribe", {**asked, "samples": len(samples)})
        duration = len(samples) / 16_000
        if len(samples) == 0 or not np.abs(samples).max() > 0.01:
            return Transcript("", language or "en", duration, ())
        segments: list[Segment] = []
        for number, word in enumerate(SPOKEN.split()):
            stage.step()
            begun, ended = start + number * 0.5, start + number * 0.5 + 0.5
            marks = (Word(f" {word}", begun, ended, 0.9),) if words else ()
            segments.append(Segment(first + number, 0, begun, ended, f" {word}", (1, 2), 0.0, -0.2, 1.1, 0.01, marks))
            yield Heard(f" {word}", begun, ended)
        return Transcript(SPOKEN, language or "en", duration, tuple(segments))


class FakeSpeaker(Speaker):
    """Says a tenth of a second of one tone per sentence."""

    rate = 22_050

    def load(self, weights: Weights, device: Device) -> None:
        """Load nothing."""

    def speak(self, text: str, *, speed: float = 1.0, speaker: str | None = None) -> Verb[None]:
        """Yield one `Spoke` per sentence."""
        stage = STAGE[0]
        stage.begin("speak", {"text": text, "speed": speed})
        try:
            for _ in split_sentences(text):
                stage.step()
                yield Spoke(tone(0.1, self.rate), self.rate)
        except GeneratorExit:
            stage.stopped.set()
            raise


class FakeSubjectFinder(SubjectFinder):
    """Takes the middle of every picture for its subject."""

    def load(self, weights: Weights, device: Device) -> None:
        """Load nothing."""

    def find_subject(self, image: Image.Image) -> Verb[Image.Image]:
        """Return the middle ninth."""
        STAGE[0].begin("find_subject", image.size)
        yield Step(1, 1)
        return middle(image.size)


class FakeFaceFinder(FaceFinder):
    """Sees one face in the middle of every picture."""

    def load(self, weights: Weights, device: Device) -> None:
        """Load nothing."""

    def find_faces(self, image: Image.Image) -> Verb[tuple[Face, ...]]:
        """Return its box."""
        STAGE[0].begin("find_faces", image.size)
        yield Step(1, 1)
        box = middle(image.size).getbbox()
        return (Face(box, 0.9),) if box is not None and not STAGE[0].nothing else ()


class FakeSegmenter(Segmenter):
    """Finds everything that is asked for in the middle of the picture."""

    def load(self, weights: Weights, device: Device) -> None:
        """Load nothing."""

    def find(self, image: Image.Image, words: str) -> Verb[Image.Image]:
        """Return the middle ninth."""
        STAGE[0].begin("find", words)
        yield Step(1, 1)
        return middle(image.size)


def middle(size: tuple[int, int]) -> Image.Image:
    """Return a mask of the middle ninth of a picture, all black if the stage says that nothing is to be found."""
    mask = Image.new("L", size, 0)
    if not STAGE[0].nothing:
        mask.paste(255, (size[0] // 3, size[1] // 3, max(1, 2 * size[0] // 3), max(1, 2 * size[1] // 3)))
    return mask


class RememberingHost(ThreadHost):
    """Keeps the workers it made, so that a test can end them at once."""

    def __init__(self) -> None:
        super().__init__(FAKES)
        self.workers: list[Worker] = []

    def start(self, engine: type[Engine], environment: Mapping[str, str | None]) -> Worker:
        """Start a fake."""
        worker = super().start(engine, environment)
        self.workers.append(worker)
        return worker


FAKES: dict[type[Engine], type[Engine]] = {
    Inpainter: FakeInpainter,
    Parser: FakeParser,
    Transcriber: FakeTranscriber,
    Speaker: FakeSpeaker,
    SubjectFinder: FakeSubjectFinder,
    FaceFinder: FakeFaceFinder,
    Segmenter: FakeSegmenter,
}


def tone(seconds: float, rate: int) -> bytes:
    """Return 440 Hz as little-endian 16-bit PCM."""
    count = int(seconds * rate)
    return struct.pack(f"<{count}h", *(int(12_000 * math.sin(2 * math.pi * 440 * n / rate)) for n in range(count)))


def wav(pcm: bytes, rate: int = 16_000) -> bytes:
    """Return PCM as a WAV file."""
    with io.BytesIO() as target:
        with wave.open(target, "wb") as writer:
            writer.setnchannels(1)
            writer.setsampwidth(2)
            writer.setframerate(rate)
            writer.writeframes(pcm)
        return target.getvalue()


def photo(width: int = 60, height: int = 40) -> Image.Image:
    """Return a picture of which no two pixels nearby are alike."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.stack([columns * 255 // width, rows * 255 // height, (rows * 7 + columns * 13) % 256], axis=-1)
    return Image.fromarray(pixels.astype(np.uint8), "RGB")


def png(image: Image.Image) -> bytes:
    """Return a picture as PNG."""
    with io.BytesIO() as target:
        image.save(target, "PNG")
        return target.getvalue()


def opened(data: bytes) -> Image.Image:
    """Return the picture in ``data``, loaded."""
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def make_models(folder: Path, *missing: str) -> Path:
    """Write a manifest with one model per engine, whole except for the engines in ``missing``; return its path."""
    content = b"weights"
    names = {
        "inpainter": "small-painter",
        "parser": "small-parser",
        "transcriber": "small-ears",
        "speaker": "small-voice",
        "subject_finder": "small-eye",
        "face_finder": "small-look",
        "segmenter": "small-scissors",
    }
    seals = []
    entries = []
    for engine, name in names.items():
        source = {"kind": "here", "folder": f"models/{name}"}
        options = {"resolution": 64} if engine == "inpainter" else {}
        entries.append(model(name, source, engine=engine, title=f"The {engine}", language="en", options=options))
        seals.append(f'[{name}."weights.bin"]\nbytes = {len(content)}\nsha256 = "{sha256(content)}"\n')
        if engine not in missing:
            (folder / "models" / name).mkdir(parents=True, exist_ok=True)
            (folder / "models" / name / "weights.bin").write_bytes(content)
    aliases = {
        "whisper-1": "transcriber",
        "tts-1": "speaker",
        "dall-e-2": "inpainter",
        "gpt-image-1": "inpainter",
        "gpt-4o-mini-tts": "speaker",
    }
    manifest = write_manifest(folder, *entries, preferences={e: [n] for e, n in names.items()}, aliases=aliases)
    manifest.with_name("seals.toml").write_text("\n".join(seals))
    return manifest


@dataclass
class Gateway:
    """A served gateway with fakes behind it."""

    url: str
    port: int
    runtime: Runtime
    host: RememberingHost
    server: Server
    thread: threading.Thread

    @property
    def stage(self) -> Stage:
        """What the running test says to the fakes."""
        return STAGE[0]

    def stop(self) -> None:
        """Shut down as a signal would; returns when everything has ended."""
        self.stage.release()
        for worker in self.host.workers:
            worker.kill()
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()


def serve(folder: Path, settings: Settings, missing: Sequence[str] = ()) -> Gateway:
    """Start the real gateway on a free loopback port; requests may be sent at once."""
    manifest = make_models(folder, *missing)
    places = replace(settings, models=folder / "store", state=folder / "state")
    inference = replace(places.for_inference(), manifest=manifest)
    host = RememberingHost()
    runtime = Runtime(inference, host, empty_machine(folder))
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = create_app(places, runtime)
    errands = app.state.errands
    server = make_server(app, settings, errands.refuse, lambda: runtime.jobs.count > 0 or errands.busy)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="gateway")
    thread.start()
    return Gateway(f"http://127.0.0.1:{port}", port, runtime, host, server, thread)
