"""Sound through the clients the world uses: the `openai` package, curl, a browser's recorder. Engines are fakes.

What the package returns is validated against its own types, strictly: it does not do so itself.
"""

from __future__ import annotations

import io
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import openai
import pytest
from numpy.typing import NDArray
from openai.types.audio import (
    Transcription,
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionVerbose,
    Translation,
    TranslationVerbose,
)

from inference.sounds import FORMATS, SoundEncoder, SoundFormat, decode_sound
from tests.fakes import SPOKEN, Gateway, tone, wav

SOUND = wav(tone(1.0, 16_000))


@pytest.fixture
def world(gateway: Gateway) -> Iterator[openai.OpenAI]:
    """OpenAI's package, pointed at the gateway."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0, timeout=30) as client:
        yield client


def recording_of(samples: NDArray[np.int16], rate: int) -> bytes:
    """Return what a browser's MediaRecorder gives: Opus in WebM, written live, so without duration and cues."""
    file = io.BytesIO()
    pipe = type("Pipe", (io.RawIOBase,), {"write": lambda self, data: file.write(data), "writable": lambda self: True})
    with av.open(pipe(), "w", format="webm", container_options={"live": "1", "cluster_time_limit": "250"}) as container:
        stream = container.add_stream("libopus", rate=48_000, layout="mono")
        resampler = av.AudioResampler(format="s16", layout="mono", rate=48_000, frame_size=960)
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = rate
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return file.getvalue()


def recording(seconds: float = 1.0) -> bytes:
    """Return a recorded tone."""
    return recording_of(np.frombuffer(tone(seconds, 48_000), "<i2"), 48_000)


def test_a_recording_states_no_length() -> None:
    with av.open(io.BytesIO(recording())) as container:
        assert container.duration is None


@pytest.mark.parametrize("cut", [1.0, 0.6], ids=["whole", "broken off"])
def test_what_a_browser_records_is_heard(world: openai.OpenAI, gateway: Gateway, cut: float) -> None:
    data = recording(2.0)
    file = ("audio.webm", data[: int(len(data) * cut)], "audio/webm;codecs=opus")
    assert world.audio.transcriptions.create(model="whisper-1", file=file).text == SPOKEN
    assert gateway.stage.asked[-1][1]["samples"] == pytest.approx(32_000 * cut, abs=4_000)


def test_json_is_the_packages_type(world: openai.OpenAI) -> None:
    answer = world.audio.transcriptions.create(model="whisper-1", file=("x.wav", SOUND))
    read = Transcription.model_validate(answer.model_dump(), strict=True)
    assert read.text == SPOKEN
    assert read.usage is not None
    assert read.usage.type == "duration"
    assert read.usage.seconds == 1.0


def test_verbose_json_is_the_packages_type(world: openai.OpenAI) -> None:
    answer = world.audio.transcriptions.create(
        model="whisper-1",
        file=("x.wav", SOUND),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    read = TranscriptionVerbose.model_validate(answer.model_dump(), strict=True)
    assert read.segments is not None
    assert read.words is not None
    assert [segment.id for segment in read.segments] == [0, 1]
    assert [word.word for word in read.words] == SPOKEN.split()
    assert read.usage is not None
    assert read.usage.seconds == read.duration == 1.0


def test_words_alone_come_without_segments(world: openai.OpenAI) -> None:
    answer = world.audio.transcriptions.create(
        model="whisper-1", file=("x.wav", SOUND), response_format="verbose_json", timestamp_granularities=["word"]
    )
    assert answer.words
    assert answer.segments is None


@pytest.mark.parametrize("granularity", ["word", "segment", "letter"])
@pytest.mark.parametrize("response_format", ["json", "text", "srt", "vtt"])
def test_timestamps_without_verbose_json_are_refused(
    world: openai.OpenAI, granularity: Any, response_format: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        world.audio.transcriptions.create(
            model="whisper-1",
            file=("x.wav", SOUND),
            response_format=response_format,
            timestamp_granularities=[granularity],
        )
    assert caught.value.param is not None
    assert caught.value.param.startswith("timestamp_granularities")


def test_a_transcription_streams_as_the_packages_types(world: openai.OpenAI) -> None:
    with world.audio.transcriptions.create(model="whisper-1", file=("x.wav", SOUND), stream=True) as stream:
        *deltas, done = list(stream)
    pieces = [TranscriptionTextDeltaEvent.model_validate(event.model_dump(), strict=True).delta for event in deltas]
    whole = TranscriptionTextDoneEvent.model_validate(done.model_dump(), strict=True)
    assert "".join(pieces).strip() == whole.text == SPOKEN
    assert whole.usage is not None
    assert whole.usage.total_tokens == 4


def test_deltas_come_as_segments_are_made(world: openai.OpenAI, gateway: Gateway) -> None:
    gateway.stage.held = True
    gateway.stage.permit()
    with world.audio.transcriptions.create(model="whisper-1", file=("x.wav", SOUND), stream=True) as stream:
        first = next(iter(stream))
        assert first.type == "transcript.text.delta"
        assert gateway.stage.steps == 1
        gateway.stage.release()
        assert [event.type for event in stream][-1] == "transcript.text.done"


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the vendor's way of saying: use another
def test_a_translation_is_the_packages_type(world: openai.OpenAI) -> None:
    plain = world.audio.translations.create(model="whisper-1", file=("x.wav", SOUND))
    assert Translation.model_validate(plain.model_dump(), strict=True).text == SPOKEN
    verbose = world.audio.translations.create(model="whisper-1", file=("x.wav", SOUND), response_format="verbose_json")
    read = TranslationVerbose.model_validate(verbose.model_dump(), strict=True)
    assert (read.language, read.duration) == ("english", 1.0)
    assert world.audio.translations.create(model="whisper-1", file=("x.wav", SOUND), response_format="text") == SPOKEN


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_speech(world: openai.OpenAI, name: SoundFormat) -> None:
    data = world.audio.speech.create(
        model="tts-1", voice="small-voice", input="One. Two. Three.", response_format=name
    ).content
    if name == "pcm":
        assert len(data) / 2 / 24_000 == pytest.approx(0.3, abs=0.01)
    else:
        assert decode_sound(data, max_seconds=5).seconds == pytest.approx(0.3, abs=0.12)


def test_speech_is_streamed_in_pieces(world: openai.OpenAI, gateway: Gateway) -> None:
    gateway.stage.held = True
    gateway.stage.permit()
    create = world.audio.speech.with_streaming_response.create
    with create(model="tts-1", voice="small-voice", input="One. Two.", response_format="pcm") as response:
        pieces = response.iter_bytes(1000)
        next(pieces)
        assert gateway.stage.steps == 1
        gateway.stage.release()
        assert sum(len(piece) for piece in pieces) > 5_000


@pytest.mark.parametrize("voice", ["nobody", "small-voice:3", {"id": "nobody"}, ""])
def test_an_unknown_voice_is_refused_with_those_there_are(world: openai.OpenAI, voice: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        world.audio.speech.create(model="tts-1", voice=voice, input="Hello.")
    assert (caught.value.code, caught.value.param) == ("voice_not_found", "voice")
    assert "small-voice" in caught.value.message


@pytest.mark.parametrize("voice", ["small-voice", "alloy", {"id": "small-voice"}])
def test_the_answer_names_the_voice(world: openai.OpenAI, voice: Any) -> None:
    raw = world.audio.speech.with_raw_response.create(model="tts-1", voice=voice, input="Hello.")
    assert raw.headers["x-tawny-voice"] == "small-voice"


def test_three_requests_at_once_give_three_whole_answers(world: openai.OpenAI) -> None:
    answers: dict[int, bytes] = {}
    texts = {2: "One. Two.", 3: "One. Two. Three.", 4: "One. Two. Three. Four."}

    def ask(count: int) -> None:
        answers[count] = world.audio.speech.create(
            model="tts-1", voice="small-voice", input=texts[count], response_format="pcm"
        ).content

    threads = [threading.Thread(target=ask, args=(count,)) for count in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {count: round(len(data) / 48_000, 1) for count, data in answers.items()} == {2: 0.2, 3: 0.3, 4: 0.4}


def curl(*arguments: str) -> tuple[int, bytes]:
    """Run curl; return the status and the body."""
    done = subprocess.run(
        ["curl", "--silent", "--max-time", "20", "--write-out", "%{stderr}%{http_code}", *arguments],
        capture_output=True,
        check=True,
    )
    return int(done.stderr), done.stdout


def test_curl_sends_and_fetches(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "sound.wav").write_bytes(SOUND)
    file = f"file=@{tmp_path}/sound.wav"
    status, body = curl("-F", file, "-F", "response_format=srt", f"{gateway.url}/v1/audio/transcriptions")
    assert (status, body.decode().splitlines()[1]) == (200, "00:00:00,000 --> 00:00:00,500")
    said = '{"model":"tts-1","voice":"small-voice","input":"One. Two."}'
    head = ["-H", "content-type: application/json", "-d", said]
    status, body = curl(*head, f"{gateway.url}/v1/audio/speech")
    assert status == 200
    assert decode_sound(body, max_seconds=5).seconds == pytest.approx(0.2, abs=0.12)


def test_curl_sends_without_a_length(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "sound.wav").write_bytes(SOUND)
    chunked = ["-H", "transfer-encoding: chunked", "-F", f"file=@{tmp_path}/sound.wav"]
    status, body = curl(*chunked, "-F", "response_format=text", f"{gateway.url}/v1/audio/transcriptions")
    assert (status, body.decode()) == (200, SPOKEN)


@pytest.mark.parametrize("how", [["-H", "transfer-encoding: chunked"], []], ids=["chunked", "announced"])
def test_a_body_past_the_limit_is_refused(make_gateway: Callable[..., Gateway], tmp_path: Path, how: list[str]) -> None:
    gateway = make_gateway(max_upload_bytes=100_000)
    (tmp_path / "long.wav").write_bytes(wav(tone(10.0, 16_000)))
    status, body = curl(*how, "-F", f"file=@{tmp_path}/long.wav", f"{gateway.url}/v1/audio/transcriptions")
    assert status == 413
    assert b"TAWNY_MAX_UPLOAD_BYTES" in body


def test_a_large_upload_is_spooled_to_disk(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    rolled = threading.Event()
    from tempfile import SpooledTemporaryFile

    rollover = SpooledTemporaryFile.rollover

    def note(self: Any) -> None:
        rolled.set()
        rollover(self)

    monkeypatch.setattr(SpooledTemporaryFile, "rollover", note)
    long = wav(tone(40.0, 16_000))
    assert len(long) > 1024 * 1024
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="none", max_retries=0) as world:
        assert world.audio.transcriptions.create(model="whisper-1", file=("x.wav", long)).text == SPOKEN
    assert rolled.is_set()


def test_unloading_a_busy_model_loses_nothing(world: openai.OpenAI, gateway: Gateway) -> None:
    gateway.stage.held = True
    gateway.stage.permit()
    with world.audio.transcriptions.create(model="whisper-1", file=("x.wav", SOUND), stream=True) as stream:
        events = iter(stream)
        next(events)
        refused = httpx.post(f"{gateway.url}/v1/models/small-ears/unload", timeout=30)
        assert refused.status_code == 409
        gateway.stage.release()
        assert [event.type for event in events][-1] == "transcript.text.done"
    assert world.audio.transcriptions.create(model="whisper-1", file=("x.wav", SOUND)).text == SPOKEN


def lying() -> dict[str, bytes]:
    """Return files that are not what they say."""
    flac = SoundEncoder("flac", 16_000)
    whole = flac.feed(tone(1.0, 16_000)) + flac.finish()
    sizes = bytearray(SOUND)
    sizes[40:44] = b"\xff\xff\xff\x7f"
    short = bytearray(SOUND)
    short[40:44] = (100).to_bytes(4, "little")
    rate = bytearray(SOUND)
    rate[24:28] = bytes(4)
    return {
        "a flac called wav": whole,
        "a size past the end": bytes(sizes),
        "a size far too small": bytes(short),
        "a rate of zero": bytes(rate),
        "a picture called wav": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "half a header": SOUND[:20],
        "a script": b"#!/bin/sh\necho hello\n",
        "a page": b"<html>502 Bad Gateway</html>",
    }


@pytest.mark.parametrize("name", lying())
def test_a_lying_file_is_an_answer_or_a_refusal(world: openai.OpenAI, name: str) -> None:
    try:
        answer = world.audio.transcriptions.create(model="whisper-1", file=("sound.wav", lying()[name], "audio/wav"))
    except openai.APIStatusError as error:
        assert 400 <= error.status_code < 500
        assert error.body is not None
    else:
        assert answer.text in (SPOKEN, "")


@pytest.mark.parametrize(
    ("content_type", "rate", "status"),
    [
        ("audio/pcm", 24_000, 200),
        ("audio/pcm; rate=16000", 16_000, 200),
        ("audio/L16; rate=16000; channels=1", 16_000, 200),
        ("audio/pcm; rate=1", 0, 400),
        ("audio/pcm; rate=much", 0, 400),
        ("audio/pcm; channels=99", 0, 400),
    ],
)
def test_headerless_samples_by_their_content_type(
    world: openai.OpenAI, gateway: Gateway, content_type: str, rate: int, status: int
) -> None:
    pcm = tone(1.0, rate or 16_000)
    if "L16" in content_type:
        pcm = np.frombuffer(pcm, "<i2").astype(">i2").tobytes()
    try:
        world.audio.transcriptions.create(model="whisper-1", file=("x.raw", pcm, content_type))
    except openai.APIStatusError as error:
        assert error.status_code == status
    else:
        assert status == 200
        assert gateway.stage.asked[-1][1]["samples"] == pytest.approx(16_000, abs=50)
