"""Hearing and speaking with the real small models, through the real server as a process."""

from __future__ import annotations

import asyncio
import base64
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from numpy.typing import NDArray
from openai.types.audio import TranscriptionVerbose
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.tts import Synthesize

from inference.sounds import SoundEncoder, decode_sound, encode_sound
from scripts.benching.word_errors import count_errors, words
from tests.processes import free_port, serving
from tests.test_audio_openai import recording_of

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

ROOT = Path(__file__).parent.parent
VOICE = "en_US-joe-medium"
TINY, BASE = "faster-whisper-tiny.en", "faster-whisper-base"
SENTENCES = (ROOT / "scripts" / "benching" / "sentences.txt").read_text(encoding="utf-8").splitlines()
RATE = 16_000


@pytest.fixture(scope="module")
def ports() -> dict[str, int]:
    """The server's Wyoming ports."""
    return {"stt": free_port(), "tts": free_port()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, ports: dict[str, int]) -> Iterator[openai.OpenAI]:
    """OpenAI's package, pointed at a server that runs as a user runs it."""
    variables = {
        "TAWNY_WYOMING_STT_PORT": str(ports["stt"]),
        "TAWNY_WYOMING_TTS_PORT": str(ports["tts"]),
        "OMP_NUM_THREADS": "1",
    }
    with (
        serving(tmp_path_factory.mktemp("state"), **variables) as url,
        openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=200) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def spoken(world: openai.OpenAI) -> list[NDArray[np.float32]]:
    """Eight sentences as the voice says them, at 16 kHz."""
    return [decode_sound(say(world, sentence), max_seconds=60).samples for sentence in SENTENCES[:8]]


def say(world: openai.OpenAI, text: str, **fields: Any) -> bytes:
    """Return speech as a WAV file."""
    asked: dict[str, Any] = {"voice": VOICE, "response_format": "wav", **fields}
    return world.audio.speech.create(model="tts-1", input=text, **asked).content


def file_of(samples: NDArray[np.float32], name: str = "sound.wav") -> tuple[str, bytes]:
    """Return samples as an upload."""
    return name, encode_sound((samples * 32_767).astype("<i2").tobytes(), RATE, "wav")


def joined(spoken: list[NDArray[np.float32]], pause: float = 0.4) -> NDArray[np.float32]:
    """Return sentences one after the other."""
    return np.concatenate([np.concatenate([part, np.zeros(int(pause * RATE), np.float32)]) for part in spoken])


@pytest.mark.parametrize("model", [TINY, BASE])
def test_what_is_spoken_is_written_down(world: openai.OpenAI, spoken: list[NDArray[np.float32]], model: str) -> None:
    answer = world.audio.transcriptions.create(model=model, file=file_of(joined(spoken)), language="en")
    said = [word for sentence in SENTENCES[:8] for word in words(sentence)]
    assert count_errors(said, words(answer.text)) <= 0.1 * len(said)


def test_words_and_segments_are_timed_in_order_and_within_the_sound(
    world: openai.OpenAI, spoken: list[NDArray[np.float32]]
) -> None:
    sound = joined(spoken[:4])
    answer = world.audio.transcriptions.create(
        model=TINY, file=file_of(sound), response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    read = TranscriptionVerbose.model_validate(answer.model_dump(), strict=True)
    assert read.words is not None
    assert read.segments is not None
    assert read.usage is not None
    assert read.duration == pytest.approx(len(sound) / RATE, abs=0.01)
    assert read.usage.seconds == pytest.approx(read.duration, abs=0.01)
    times = [time for word in read.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= read.duration + 0.1
    assert [segment.id for segment in read.segments] == list(range(len(read.segments)))
    assert "".join(segment.text for segment in read.segments).strip() == read.text


def test_cues_last_at_most_seven_seconds_and_lose_no_word(
    world: openai.OpenAI, spoken: list[NDArray[np.float32]]
) -> None:
    sound = joined(spoken, pause=0.0)
    srt = world.audio.transcriptions.create(model=TINY, file=file_of(sound), response_format="srt")
    blocks = [block.splitlines() for block in str(srt).strip().split("\n\n")]
    assert [block[0] for block in blocks] == [str(number) for number in range(1, len(blocks) + 1)]

    def seconds(clock: str) -> float:
        hours, minutes, rest = clock.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))

    for block in blocks:
        start, end = (seconds(clock) for clock in block[1].split(" --> "))
        assert 0 <= end - start <= 7.0
    text = " ".join(line for block in blocks for line in block[2:])
    said = [word for sentence in SENTENCES[:8] for word in words(sentence)]
    assert count_errors(said, words(text)) <= 0.1 * len(said)


def test_a_recording_of_a_browser_is_written_down(world: openai.OpenAI, spoken: list[NDArray[np.float32]]) -> None:
    recorded = recording_of((spoken[6] * 32_767).astype("<i2"), RATE)
    answer = world.audio.transcriptions.create(model=BASE, file=("audio.webm", recorded, "audio/webm;codecs=opus"))
    assert count_errors(words(SENTENCES[6]), words(answer.text)) <= 1


@pytest.mark.parametrize("model", [TINY, BASE])
@pytest.mark.parametrize("kind", ["silence", "hiss", "tone", "one sample", "no sample"])
def test_where_nobody_speaks_nothing_is_written(world: openai.OpenAI, kind: str, model: str) -> None:
    noise = np.random.default_rng(0).normal(size=10 * RATE).astype(np.float32)
    sounds = {
        "silence": np.zeros(10 * RATE, np.float32),
        "hiss": noise * 0.02,
        "tone": (0.3 * np.sin(np.arange(10 * RATE) * 2 * np.pi * 440 / RATE)).astype(np.float32),
        "one sample": np.ones(1, np.float32),
        "no sample": np.zeros(0, np.float32),
    }
    answer = world.audio.transcriptions.create(model=model, file=file_of(sounds[kind]))
    assert answer.text == ""


def test_two_hours_of_silence_are_an_answer_and_more_is_refused(world: openai.OpenAI) -> None:
    def silence(seconds: int) -> bytes:
        encoder = SoundEncoder("flac", 8_000)
        minute = bytes(2 * 8_000 * 60)
        return b"".join(encoder.feed(minute) for _ in range(seconds // 60)) + encoder.finish()

    answer = world.audio.transcriptions.create(model=TINY, file=("long.flac", silence(7200)))
    assert answer.text == ""
    with pytest.raises(openai.APIStatusError) as caught:
        world.audio.transcriptions.create(model=TINY, file=("longer.flac", silence(7260)))
    assert (caught.value.status_code, caught.value.code) == (413, "too_large")


def test_a_long_sound_is_read_in_pieces_that_join_well(world: openai.OpenAI, spoken: list[NDArray[np.float32]]) -> None:
    # Four minutes of silence between two halves: the cut falls into it, and times go on behind it.
    sound = np.concatenate([joined(spoken[:2]), np.zeros(240 * RATE, np.float32), joined(spoken[2:4])])
    answer = world.audio.transcriptions.create(
        model=TINY, file=file_of(sound), response_format="verbose_json", extra_body={"vad_filter": True}
    )
    said = [word for sentence in SENTENCES[:4] for word in words(sentence)]
    assert count_errors(said, words(answer.text)) <= 0.15 * len(said)
    assert answer.segments is not None
    assert answer.segments[-1].end > 240
    assert [segment.id for segment in answer.segments] == list(range(len(answer.segments)))


def test_more_than_a_minute_loses_no_sentence(world: openai.OpenAI, spoken: list[NDArray[np.float32]]) -> None:
    # Different sentences: a model that is told what came before takes a passage said twice for a repetition of its own.
    more = [decode_sound(say(world, sentence), max_seconds=60).samples for sentence in SENTENCES[8:24]]
    sound = joined([*spoken, *more])
    assert len(sound) > 60 * RATE
    answer = world.audio.transcriptions.create(model=BASE, file=file_of(sound), language="en")
    said = [word for sentence in SENTENCES[:24] for word in words(sentence)]
    assert count_errors(said, words(answer.text)) <= 0.1 * len(said)


def test_a_short_request_does_not_wait_for_a_long_one(world: openai.OpenAI, spoken: list[NDArray[np.float32]]) -> None:
    long = file_of(joined(spoken * 5))
    order: list[str] = []
    begun = threading.Event()

    def transcribe_long() -> None:
        with world.audio.transcriptions.create(model=TINY, file=long, stream=True) as stream:
            for _ in stream:
                begun.set()
        order.append("long")

    thread = threading.Thread(target=transcribe_long)
    thread.start()
    assert begun.wait(60)
    answer = world.audio.transcriptions.create(model=TINY, file=file_of(spoken[6]))
    order.append("short")
    thread.join(120)
    assert count_errors(words(SENTENCES[6]), words(answer.text)) <= 1
    assert order == ["short", "long"]


def test_a_language_that_a_model_does_not_know_is_refused(
    world: openai.OpenAI, spoken: list[NDArray[np.float32]]
) -> None:
    for model, language in ((TINY, "de"), (BASE, "tlh")):
        with pytest.raises(openai.BadRequestError) as caught:
            world.audio.transcriptions.create(model=model, file=file_of(spoken[0]), language=language)
        assert caught.value.param == "language"
        assert model in caught.value.message
    assert world.audio.transcriptions.create(model=TINY, file=file_of(spoken[0]), language="en-US").text


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_a_model_that_cannot_translate_says_so(world: openai.OpenAI, spoken: list[NDArray[np.float32]]) -> None:
    with pytest.raises(openai.BadRequestError, match="cannot translate") as caught:
        world.audio.translations.create(model=TINY, file=file_of(spoken[0]))
    assert caught.value.param == "model"
    answer = world.audio.translations.create(model=BASE, file=file_of(spoken[6]))
    assert count_errors(words(SENTENCES[6]), words(answer.text)) <= 2


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
def test_a_foreign_recording_is_written_down_in_its_language_and_translated(world: openai.OpenAI) -> None:
    recording = ("french.opus", (ROOT / "tests" / "sounds" / "french.opus").read_bytes())
    said = "Pour écouter le message suivant, appuyez sur 6. Pour répéter ce message, appuyez sur 5."
    written = world.audio.transcriptions.create(model=BASE, file=recording, response_format="verbose_json")
    assert written.language == "french"
    assert count_errors(words(said), words(written.text)[: len(words(said))]) <= 2, written.text
    translated = world.audio.translations.create(model=BASE, file=recording, response_format="verbose_json")
    assert translated.language == "english"
    assert {"listen", "next", "message", "press", "repeat", "previous"} <= set(words(translated.text)), translated.text


def test_prompt_temperature_hotwords_and_vad_are_taken(world: openai.OpenAI, spoken: list[NDArray[np.float32]]) -> None:
    sound = np.concatenate([np.zeros(15 * RATE, np.float32), spoken[6]])
    answer = world.audio.transcriptions.create(
        model=TINY,
        file=file_of(sound),
        prompt="At the chemist.",
        temperature=0.2,
        response_format="verbose_json",
        extra_body={"hotwords": "pharmacy", "vad_filter": True},
    )
    assert "pharmacy" in answer.text
    assert answer.segments is not None
    assert answer.segments[0].start > 14, "the silence was skipped, and the times still count it"
    assert answer.segments[0].temperature == pytest.approx(0.2)


# Speech ---------------------------------------------------------------------------------------------------------------


def loudness(samples: NDArray[np.float32]) -> float:
    """Return the level of what is spoken, without the pauses, in dB of full scale."""
    frames = samples[: len(samples) // 320 * 320].reshape(-1, 320)
    power = (frames**2).mean(axis=1)
    return float(10 * np.log10(power[power > power.max() / 1000].mean()))


def test_every_sentence_is_equally_loud(world: openai.OpenAI) -> None:
    texts = [
        "Hello.",
        "No!",
        SENTENCES[0],
        SENTENCES[10],
        "Are you sure that this works?",
        "你好，世界。",
        "Привет, мир.",
    ]
    levels = [loudness(decode_sound(say(world, text), max_seconds=60).samples) for text in texts]
    assert max(levels) - min(levels) < 3.0, levels
    peaks = [np.abs(decode_sound(say(world, text), max_seconds=60).samples).max() for text in texts]
    assert max(peaks) <= 1.0


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.25, 2.0, 4.0])
def test_speech_is_as_fast_as_was_asked_for(world: openai.OpenAI, speed: float) -> None:
    # Four sentences: the voice itself is never twice exactly as fast, by one or two in a hundred.
    def seconds(speed: float) -> float:
        return decode_sound(say(world, " ".join(SENTENCES[:4]), speed=speed), max_seconds=120).seconds

    assert seconds(speed) * speed == pytest.approx(seconds(1.0), rel=0.05)


HARD_TEXTS = [
    "Dr. Smith met Mrs. Jones at 10 a.m. on St. James St., e.g. near No. 5.",
    "It costs $3.50, or 1,234,567.89 yen; 50% off on 3/4/2024 at 10:45.",
    "See https://example.com/a/b?c=d&e=f#g or write to someone@example.com.",
    "I love it 😀🎉 👩‍💻 🇩🇪!",
    "你好，世界。これは試験です。",
    "Привет, мир! مرحبا بالعالم. שלום עולם. नमस्ते दुनिया।",
    "Hello\x00 there\x07\u200b\ufeff \ufffd\u202e friend",
    "[[ h@loU ]] and <b>bold</b> & **more** `code`",
    "a" * 500,
    "word " * 100,
    "A\n\nB\n\n\nC",
]


@pytest.mark.parametrize("text", HARD_TEXTS, ids=range(len(HARD_TEXTS)))
def test_no_text_breaks_it(world: openai.OpenAI, text: str) -> None:
    assert decode_sound(say(world, text, speed=4.0), max_seconds=600).seconds > 0.2


@pytest.mark.parametrize("text", ["...", " ", "\n", "\u200b", "—", "()"])
def test_a_text_without_a_sound_is_a_whole_file(world: openai.OpenAI, text: str) -> None:
    for name in ("wav", "mp3", "opus", "flac", "aac"):
        assert decode_sound(say(world, text, response_format=name) or encode_sound(b"", RATE, "wav"), max_seconds=5)


def test_4096_characters_are_spoken_and_one_more_is_refused(world: openai.OpenAI) -> None:
    text = " ".join(SENTENCES * 2)[:4096]
    with world.audio.speech.with_streaming_response.create(
        model="tts-1", voice=VOICE, input=text, response_format="pcm", speed=4.0
    ) as response:
        seconds = sum(len(piece) for piece in response.iter_bytes()) / 2 / 24_000
    assert 30 < seconds < 120
    with pytest.raises(openai.BadRequestError) as caught:
        say(world, text + "x")
    assert caught.value.param == "input"


def test_three_at_once_are_three_whole_answers(world: openai.OpenAI) -> None:
    texts = {number: " ".join(SENTENCES[number * 3 : number * 3 + 3]) for number in range(3)}
    heard: dict[int, str] = {}

    def ask(number: int) -> None:
        sound = say(world, texts[number], response_format="mp3")
        heard[number] = world.audio.transcriptions.create(model=TINY, file=("speech.mp3", sound)).text

    threads = [threading.Thread(target=ask, args=(number,)) for number in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    for number, text in texts.items():
        assert count_errors(words(text), words(heard[number])) <= 0.15 * len(words(text)), heard[number]


def test_the_first_sentence_comes_long_before_the_last(world: openai.OpenAI) -> None:
    started = time.perf_counter()
    first = 0.0
    with world.audio.speech.with_streaming_response.create(
        model="tts-1", voice=VOICE, input=" ".join(SENTENCES[:8]), response_format="mp3"
    ) as response:
        for _ in response.iter_bytes():
            first = first or time.perf_counter() - started
    assert first < 0.5 * (time.perf_counter() - started)


def test_a_speaker_that_the_voice_lacks_is_refused(world: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        say(world, "Hello.", voice=f"{VOICE}:nobody")
    assert (caught.value.code, caught.value.param) == ("voice_not_found", "voice")


def test_both_engines_over_wyoming(world: openai.OpenAI, ports: dict[str, int]) -> None:
    async def go() -> str:
        sound = b""
        rate = 0
        async with AsyncTcpClient("127.0.0.1", ports["tts"], read_timeout=60) as mouth:
            await mouth.write_event(Synthesize(SENTENCES[6]).event())
            while (event := await mouth.read_event()) is not None and not AudioStop.is_type(event.type):
                if AudioChunk.is_type(event.type):
                    chunk = AudioChunk.from_event(event)
                    sound, rate = sound + chunk.audio, chunk.rate
        async with AsyncTcpClient("127.0.0.1", ports["stt"], read_timeout=60) as ears:
            await ears.write_event(Transcribe(language="en").event())
            await ears.write_event(AudioStart(rate, 2, 1).event())
            for start in range(0, len(sound), 4096):
                await ears.write_event(AudioChunk(rate, 2, 1, sound[start : start + 4096]).event())
            await ears.write_event(AudioStop().event())
            while (event := await ears.read_event()) is not None:
                if Transcript.is_type(event.type):
                    return Transcript.from_event(event).text
        return ""

    assert count_errors(words(SENTENCES[6]), words(asyncio.run(go()))) <= 1


def test_an_edit_is_answered_aloud(world: openai.OpenAI) -> None:
    picture = (ROOT / "tests" / "pictures" / "coffee.jpg").read_bytes()
    plan = '[{"op": "rotate", "degrees": 90}, {"op": "grayscale"}]'
    body = httpx.post(
        f"{world.base_url}images/edits",
        files={"image": ("coffee.jpg", picture, "image/jpeg")},
        data={"operations": plan, "answer_voice": VOICE},
        timeout=120,
    ).json()
    text = body["answer"]["text"]
    assert text == "Turned the picture right and made it black and white."
    spoken = base64.b64decode(body["answer"]["audio"])
    heard = world.audio.transcriptions.create(model=BASE, file=("answer.mp3", spoken), language="en").text
    assert count_errors(words(text), words(heard)) <= 2


def test_the_server_is_alive_after_all_that(world: openai.OpenAI) -> None:
    status = httpx.get(f"{world.base_url}status", timeout=30).json()
    assert {status["engines"][engine]["state"] for engine in ("transcriber", "speaker")} <= {"ready", "busy"}
