"""The Wyoming ports, asked by the protocol package's own client; engines are fakes, the sockets are real."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from wyoming.asr import Transcribe, Transcript, TranscriptChunk
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)

from api.settings import Settings, SettingsError
from api.wyoming.about import tongue
from tests import fakes
from tests.fakes import SPOKEN, Gateway, tone
from tests.processes import free_port, wait_until

T = TypeVar("T")
EARS, MOUTH = "ears", "mouth"


@pytest.fixture
def ports() -> dict[str, int]:
    """Two free ports."""
    return {EARS: free_port(), MOUTH: free_port()}


def listen(make_gateway: Callable[..., Gateway], ports: dict[str, int], **settings: Any) -> Gateway:
    """Serve a gateway and return it when it listens on both ports."""
    gateway = make_gateway(wyoming_stt_port=ports[EARS], wyoming_tts_port=ports[MOUTH], **settings)
    started = threading.Event()

    def connect() -> None:
        # The lifespan that opens the ports ends before the server takes HTTP, which a connection waits for.
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as http:
            http.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if http.recv(100):
                started.set()

    connect()
    assert started.is_set()
    return gateway


@pytest.fixture
def wyoming(make_gateway: Callable[..., Gateway], ports: dict[str, int]) -> Gateway:
    """A gateway that listens on both ports."""
    return listen(make_gateway, ports, max_upload_bytes=200_000)


def talk(port: int, *events: Eventable | Event, until: type[Eventable]) -> list[Event]:
    """Send events and return the answers up to one of the kind ``until``, or to the end of the connection."""

    async def go() -> list[Event]:
        answers: list[Event] = []
        client = AsyncTcpClient("127.0.0.1", port, connect_timeout=10, read_timeout=20)
        await client.connect()
        # The server answers what it refuses and hangs up; it need not read to the end before it does.
        hung_up = contextlib.suppress(ConnectionError)
        try:
            with hung_up:
                for event in events:
                    await client.write_event(event if isinstance(event, Event) else event.event())
            while (answer := await client.read_event()) is not None:
                answers.append(answer)
                if until.is_type(answer.type):
                    break
        finally:
            with hung_up:
                await client.disconnect()
        return answers

    return asyncio.run(go())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a loop of its own."""
    return asyncio.run(work)


def utterance(seconds: float = 1.0, rate: int = 16_000) -> list[Eventable]:
    """Return a sound as a satellite sends it: in small chunks."""
    pcm = tone(seconds, rate)
    chunks: list[Eventable] = [AudioChunk(rate, 2, 1, pcm[start : start + 2048]) for start in range(0, len(pcm), 2048)]
    return [AudioStart(rate, 2, 1), *chunks, AudioStop()]


def test_the_ports_are_off_unless_set(make_gateway: Callable[..., Gateway], ports: dict[str, int]) -> None:
    make_gateway()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", ports[EARS]), timeout=5)
    with pytest.raises(SettingsError, match="TAWNY_WYOMING_TTS_PORT"):
        Settings(wyoming_tts_port=70_000)


def test_who_has_no_such_port_does_not_load_the_protocol() -> None:
    program = "import api.app, sys; assert not [name for name in sys.modules if name.startswith('wyoming')]"
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent.parent)


def test_each_port_tells_what_it_has(wyoming: Gateway, ports: dict[str, int]) -> None:
    ears = Info.from_event(talk(ports[EARS], Describe(), until=Info)[-1])
    assert [model.name for model in ears.asr[0].models] == ["small-ears"]
    assert ears.asr[0].models[0].languages == ["en"]
    assert not ears.tts
    mouth = Info.from_event(talk(ports[MOUTH], Describe(), until=Info)[-1])
    assert [(voice.name, voice.languages) for voice in mouth.tts[0].voices] == [("small-voice", ["en"])]
    assert not mouth.asr


def test_a_ping_is_answered(wyoming: Gateway, ports: dict[str, int]) -> None:
    answers = talk(ports[EARS], Ping(text="here?"), until=Pong)
    assert Pong.from_event(answers[-1]).text == "here?"


@pytest.mark.parametrize("rate", [16_000, 22_050])
def test_sound_becomes_text(wyoming: Gateway, ports: dict[str, int], rate: int) -> None:
    answers = talk(ports[EARS], Transcribe(language="en"), *utterance(rate=rate), until=Transcript)
    assert Transcript.from_event(answers[-1]).text == SPOKEN
    pieces = [TranscriptChunk.from_event(answer).text for answer in answers if TranscriptChunk.is_type(answer.type)]
    assert "".join(pieces).strip() == SPOKEN
    asked = wyoming.stage.asked[-1][1]
    assert asked["language"] == "en"
    assert asked["samples"] == pytest.approx(16_000, abs=100)


def test_terms_to_expect_reach_the_transcriber(wyoming: Gateway, ports: dict[str, int]) -> None:
    asked = Transcribe(transcript_names=["Tawny"], transcript_terms=["owl"])
    talk(ports[EARS], asked, *utterance(), until=Transcript)
    assert wyoming.stage.asked[-1][1]["hotwords"] == "Tawny, owl"


def test_silence_is_an_empty_transcript(wyoming: Gateway, ports: dict[str, int]) -> None:
    quiet: list[Eventable] = [AudioStart(16_000, 2, 1), AudioChunk(16_000, 2, 1, bytes(32_000)), AudioStop()]
    assert Transcript.from_event(talk(ports[EARS], *quiet, until=Transcript)[-1]).text == ""
    none: list[Eventable] = [AudioStart(16_000, 2, 1), AudioStop()]
    assert Transcript.from_event(talk(ports[EARS], *none, until=Transcript)[-1]).text == ""


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([AudioStart(16_000, 2, 1), AudioChunk(16_000, 2, 1, bytes(150_000)),
          AudioChunk(16_000, 2, 1, bytes(150_000)), AudioStop()], "too_large"),
        ([AudioStart(16, 2, 1), AudioStop()], "invalid_request"),
        ([AudioStart(16_000, 9, 1), AudioStop()], "invalid_request"),
        ([AudioStop()], "invalid_request"),
        ([Event("audio-start", {"rate": "much"})], "invalid_request"),
        ([Transcribe(name="no-such-model"), *utterance(0.2)], "model_not_found"),
    ],
)  # fmt: skip
def test_what_cannot_be_heard_is_an_error(
    wyoming: Gateway, ports: dict[str, int], events: list[Eventable | Event], code: str
) -> None:
    answers = talk(ports[EARS], *events, until=Error)
    assert Error.from_event(answers[-1]).code == code


@pytest.mark.parametrize(
    "sent",
    [b"no json\n", b"[]\n", b"{}\n", b'{"type":5}\n', b'{"type":"x","payload_length":99999999999}\n', b"x" * 200_000],
)
def test_nonsense_ends_the_connection_and_nothing_else(wyoming: Gateway, ports: dict[str, int], sent: bytes) -> None:
    hung_up = contextlib.suppress(OSError)  # the server need not read to the end before it does
    with socket.create_connection(("127.0.0.1", ports[EARS]), timeout=10) as client, hung_up:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        while client.recv(1000):
            pass
    assert Pong.is_type(talk(ports[EARS], Ping(), until=Pong)[-1].type)


def test_a_description_is_told_to_who_only_asks_for_it(wyoming: Gateway, ports: dict[str, int]) -> None:
    """As `echo '{"type": "describe"}' | nc` does: the asking end is closed at once."""
    with socket.create_connection(("127.0.0.1", ports[MOUTH]), timeout=10) as client:
        client.sendall(b'{"type": "describe"}\n')
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while piece := client.recv(4096):
            heard += piece
    assert json.loads(heard.splitlines()[0])["type"] == "info"


def sound(answers: list[Event]) -> bytes:
    """Return the samples in answers."""
    return b"".join(AudioChunk.from_event(answer).audio for answer in answers if AudioChunk.is_type(answer.type))


@pytest.mark.parametrize(
    "voice", [None, SynthesizeVoice(name="small-voice"), SynthesizeVoice(language="en"), SynthesizeVoice("alloy")]
)
def test_text_becomes_sound(wyoming: Gateway, ports: dict[str, int], voice: SynthesizeVoice | None) -> None:
    answers = talk(ports[MOUTH], Synthesize("One. Two.", voice), until=AudioStop)
    assert AudioStart.from_event(answers[0]).rate == 22_050
    assert sound(answers) == tone(0.1, 22_050) * 2


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (Synthesize("Hello.", SynthesizeVoice(name="nobody")), "voice_not_found"),
        (Synthesize("Hello.", SynthesizeVoice(name="small-voice", speaker="p225")), "voice_not_found"),
        (Synthesize("Hello.", SynthesizeVoice(language="tlh")), "voice_not_found"),
        (Synthesize("<speak>Hello</speak>", text_format="ssml"), "invalid_request"),
        (Synthesize("x" * 5000), "too_large"),
        (Event("synthesize", {}), "invalid_request"),
    ],
)
def test_what_cannot_be_said_is_an_error(
    wyoming: Gateway, ports: dict[str, int], event: Eventable | Event, code: str
) -> None:
    assert Error.from_event(talk(ports[MOUTH], event, until=Error)[-1]).code == code


def test_a_text_without_a_word_is_a_sound_without_a_sample(wyoming: Gateway, ports: dict[str, int]) -> None:
    answers = talk(ports[MOUTH], Synthesize("  "), until=AudioStop)
    assert [answer.type for answer in answers] == ["audio-start", "audio-stop"]


def test_a_text_being_written_is_spoken_sentence_by_sentence(wyoming: Gateway, ports: dict[str, int]) -> None:
    async def go() -> list[str]:
        order: list[str] = []
        async with AsyncTcpClient("127.0.0.1", ports[MOUTH], connect_timeout=10, read_timeout=20) as client:
            await client.write_event(SynthesizeStart().event())
            for piece in ("Dr", ". Who ca", "me. And th", "en"):
                await client.write_event(SynthesizeChunk(piece).event())
            while (event := await client.read_event()) is not None and not AudioChunk.is_type(event.type):
                order.append(event.type)
            order.append("first sound")
            await client.write_event(SynthesizeChunk(" she left.").event())
            await client.write_event(Synthesize("Dr. Who came. And then she left.").event())
            await client.write_event(SynthesizeStop().event())
            while (event := await client.read_event()) is not None:
                order.append(event.type)
                if SynthesizeStopped.is_type(event.type):
                    break
        return order

    assert run(go()) == ["audio-start", "first sound", "audio-chunk", "audio-stop", "synthesize-stopped"]
    assert [asked["text"] for verb, asked in wyoming.stage.asked if verb == "speak"] == [
        "Dr Who came.",
        "And then she left.",
    ]


def test_leaving_stops_the_speech(wyoming: Gateway, ports: dict[str, int], cancelled: threading.Event) -> None:
    wyoming.stage.held = True
    wyoming.stage.permit()
    answers = talk(ports[MOUTH], Synthesize("One. " * 50), until=AudioChunk)
    assert answers
    assert cancelled.wait(30)
    assert wyoming.stage.step_until_stopped()


def test_who_does_not_take_the_speech_is_cut_and_it_stops(
    make_gateway: Callable[..., Gateway],
    ports: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    cancelled: threading.Event,
) -> None:
    monkeypatch.setattr(fakes, "tone", lambda seconds, rate: bytes(400_000))
    gateway = listen(make_gateway, ports, answer_seconds=0.3)
    gateway.stage.held = True

    async def ask_and_read_nothing() -> None:
        client = AsyncTcpClient("127.0.0.1", ports[MOUTH], connect_timeout=10)
        await client.connect()
        await client.write_event(Synthesize("One. " * 100).event())
        gateway.stage.permit(60)  # more than the buffers of two sockets hold
        assert await asyncio.to_thread(cancelled.wait, 30)
        assert await asyncio.to_thread(gateway.stage.step_until_stopped)
        await client.disconnect()

    with contextlib.suppress(ConnectionError):
        run(ask_and_read_nothing())
    wait_until(lambda: gateway.runtime.jobs.count == 0)


def test_a_connection_too_many_is_closed(make_gateway: Callable[..., Gateway], ports: dict[str, int]) -> None:
    listen(make_gateway, ports, max_connections=1)
    with socket.create_connection(("127.0.0.1", ports[EARS]), timeout=10) as first:
        first.sendall(b'{"type":"ping"}\n')
        assert first.recv(100), "it is served, so it counts"
        second = socket.create_connection(("127.0.0.1", ports[EARS]), timeout=10)
        with second, contextlib.suppress(ConnectionResetError):
            assert second.recv(100) == b""


def test_a_voices_country_is_in_its_id() -> None:
    assert tongue("en_US-joe-medium", "en") == "en_US"
    assert tongue("small-voice", "en") == "en"
