"""Hearing and speaking over HTTP; engines are fakes, decoding and encoding are real."""

from __future__ import annotations

import base64
import io
import json
import struct
import threading
import wave
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from inference.sounds import decode_sound
from tests.fakes import SPOKEN, Gateway, tone, wav

SOUND = wav(tone(1.0, 16_000))


def transcribe(client: httpx.Client, sound: bytes = SOUND, **fields: Any) -> httpx.Response:
    """Send a sound."""
    files = {"file": ("sound.wav", sound, "audio/wav")}
    return client.post("/v1/audio/transcriptions", files=files, data={"model": "whisper-1", **fields})


def speak(client: httpx.Client, text: str = "One. Two. Three.", **fields: Any) -> httpx.Response:
    """Ask for speech."""
    body = {"input": text, "voice": "small-voice", "model": "tts-1", **fields}
    return client.post("/v1/audio/speech", json=body)


def test_json_has_the_text_and_the_usage(client: httpx.Client) -> None:
    response = transcribe(client)
    assert response.json() == {"text": SPOKEN, "usage": {"type": "duration", "seconds": 1.0}}
    assert response.headers["x-tawny-device"] == "transcriber=cpu"
    assert response.headers["x-tawny-model"] == "transcriber=small-ears"


def test_text_is_plain(client: httpx.Client) -> None:
    response = transcribe(client, response_format="text")
    assert response.text == SPOKEN
    assert response.headers["content-type"].startswith("text/plain")


def test_verbose_json_has_every_field_of_a_segment(client: httpx.Client) -> None:
    body = transcribe(client, response_format="verbose_json", language="en").json()
    assert (body["text"], body["language"], body["duration"], body["task"]) == (SPOKEN, "english", 1.0, "transcribe")
    assert "words" not in body
    assert set(body["segments"][0]) == {
        "id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob", "compression_ratio",
        "no_speech_prob",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("granularities", "expected"),
    [(["word"], {"words"}), (["segment"], {"segments"}), (["word", "segment"], {"words", "segments"})],
)
def test_granularities_choose_what_is_timed(client: httpx.Client, granularities: list[str], expected: set[str]) -> None:
    fields: dict[str, Any] = {"response_format": "verbose_json", "timestamp_granularities[]": granularities}
    body = transcribe(client, **fields).json()
    assert {"words", "segments"} & set(body) == expected
    if "words" in expected:
        assert body["words"] == [
            {"word": "Rotate", "start": 0.0, "end": 0.5},
            {"word": "right.", "start": 0.5, "end": 1.0},
        ]


def test_subtitles(client: httpx.Client) -> None:
    srt = transcribe(client, response_format="srt").text
    assert srt.splitlines()[:3] == ["1", "00:00:00,000 --> 00:00:00,500", "Rotate"]
    vtt = transcribe(client, response_format="vtt")
    assert vtt.text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nRotate\n")
    assert vtt.headers["content-type"].startswith("text/vtt")


@pytest.mark.parametrize("sound", [b"", wav(b""), wav(b"\0\0" * 8000)], ids=["no byte", "no sample", "silence"])
@pytest.mark.parametrize("response_format", ["json", "text", "verbose_json", "srt", "vtt"])
def test_silence_is_an_empty_text(client: httpx.Client, sound: bytes, response_format: str) -> None:
    response = transcribe(client, sound, response_format=response_format)
    assert response.status_code == 200
    if "json" in response_format:
        assert response.json()["text"] == ""
    else:
        assert response.text.strip() in ("", "WEBVTT")


def test_a_stream_tells_the_pieces_and_then_the_whole(client: httpx.Client) -> None:
    response = transcribe(client, stream="true")
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events] == [*["transcript.text.delta"] * 2, "transcript.text.done"]
    assert "".join(event["delta"] for event in events[:-1]).strip() == SPOKEN
    assert events[-1]["text"] == SPOKEN
    counted = {"type": "tokens", "input_tokens": 0, "output_tokens": 4, "total_tokens": 4, "seconds": 1.0}
    assert events[-1]["usage"] == counted
    assert response.headers["x-tawny-device"] == "transcriber=cpu"


def test_a_stream_of_silence_is_done_at_once(client: httpx.Client) -> None:
    response = transcribe(client, wav(b""), stream="true")
    assert 'transcript.text.done","text":""' in response.text


def test_a_translation_asks_for_english(client: httpx.Client, gateway: Gateway) -> None:
    files = {"file": ("x.wav", SOUND, "audio/wav")}
    response = client.post("/v1/audio/translations", files=files, data={"response_format": "verbose_json"})
    assert response.json()["task"] == "translate"
    assert gateway.stage.asked[-1][1]["translate"] is True
    transcribe(client)
    assert gateway.stage.asked[-1][1]["translate"] is False


def test_headerless_samples_are_read_by_their_content_type(client: httpx.Client, gateway: Gateway) -> None:
    files = {"file": ("x", tone(1.0, 8000), "audio/pcm; rate=8000")}
    assert client.post("/v1/audio/transcriptions", files=files).json()["text"] == SPOKEN
    assert gateway.stage.asked[-1][1]["samples"] == pytest.approx(16_000, abs=100)


def test_a_chunked_upload_is_heard(client: httpx.Client) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.wav"\r\n\r\n'
        for start in range(0, len(SOUND), 1000):
            yield SOUND[start : start + 1000]
        yield b"\r\n--b--\r\n"

    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = client.post("/v1/audio/transcriptions", content=pieces(), headers=headers)
    assert response.json()["text"] == SPOKEN


@pytest.mark.parametrize("language", ["de", "de-AT", "german", "German"])
def test_a_language_is_given_as_a_code_or_as_the_name_that_is_answered(
    client: httpx.Client, gateway: Gateway, language: str
) -> None:
    transcribe(client, language=language)
    assert gateway.stage.asked[-1][1]["language"] in ("de", "de-AT")


def test_fields_reach_the_transcriber(client: httpx.Client, gateway: Gateway) -> None:
    transcribe(client, language="en", hotwords="owl", response_format="srt")
    asked = gateway.stage.asked[-1][1]
    assert (asked["language"], asked["hotwords"], asked["words"], asked["samples"]) == ("en", "owl", True, 16_000)


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"sound": b"no sound"}, 422, "unreadable_audio", None),
        ({"timestamp_granularities[]": "word"}, 400, "invalid_request", "timestamp_granularities"),
        ({"timestamp_granularities[]": "letter"}, 400, "invalid_request", "timestamp_granularities[]"),
        ({"response_format": "docx"}, 400, "invalid_request", "response_format"),
        ({"response_format": "srt", "stream": "true"}, 400, "invalid_request", "response_format"),
        ({"temperature": "2"}, 400, "invalid_request", "temperature"),
        ({"model": "unheard-of"}, 404, "model_not_found", "model"),
        ({"require_gpu": "true"}, 503, "gpu_required", None),
    ],
)
def test_what_is_refused(
    client: httpx.Client, fields: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    response = transcribe(client, **fields)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (status, code)
    assert param is None or error["param"] == param


def test_a_sound_past_the_limit_is_too_large(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(max_audio_seconds=0.5)
    with httpx.Client(base_url=gateway.url) as client:
        response = transcribe(client)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize("route", ["transcriptions", "translations"])
def test_a_file_past_the_limit_in_bytes_is_too_large(make_gateway: Callable[..., Gateway], route: str) -> None:
    gateway = make_gateway(max_upload_bytes=10_000)
    files = {"file": ("sound.wav", SOUND, "audio/wav")}
    with httpx.Client(base_url=gateway.url) as client:
        response = client.post(f"/v1/audio/{route}", files=files)
    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")


def test_a_whole_wav_has_true_sizes(client: httpx.Client) -> None:
    response = speak(client, response_format="wav")
    data = response.content
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    with wave.open(io.BytesIO(data)) as reader:
        assert (reader.getnchannels(), reader.getframerate()) == (1, 22_050)
        assert reader.getnframes() == 3 * 2205
    assert int(response.headers["content-length"]) == len(data)
    assert response.headers["content-type"] == "audio/wav"
    assert response.headers["x-tawny-device"] == "speaker=cpu"
    assert response.headers["x-tawny-model"] == "speaker=small-voice"


@pytest.mark.parametrize(
    ("response_format", "media_type"),
    [
        ("mp3", "audio/mpeg"),
        ("opus", "audio/ogg"),
        ("aac", "audio/aac"),
        ("flac", "audio/flac"),
        ("wav", "audio/wav"),
    ],
)
def test_every_format_decodes_to_the_same_length(client: httpx.Client, response_format: str, media_type: str) -> None:
    response = speak(client, response_format=response_format, stream_format="audio")
    assert response.headers["content-type"] == media_type
    assert decode_sound(response.content, max_seconds=10).seconds == pytest.approx(0.3, abs=0.12)


def test_mp3_is_the_default_and_pcm_is_at_24_khz(client: httpx.Client) -> None:
    assert speak(client).headers["content-type"] == "audio/mpeg"
    assert len(speak(client, response_format="pcm").content) / 2 / 24_000 == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("response_format", ["wav", "pcm", "mp3"])
def test_the_first_sentence_is_sent_while_the_next_is_made(
    client: httpx.Client, gateway: Gateway, response_format: str
) -> None:
    gateway.stage.held = True
    gateway.stage.permit()
    body = {"input": "One. Two.", "voice": "small-voice", "response_format": response_format, "stream_format": "audio"}
    with client.stream("POST", "/v1/audio/speech", json=body) as response:
        pieces = response.iter_raw()
        first = next(pieces)
        assert gateway.stage.steps == 1
        gateway.stage.release()
        rest = b"".join(pieces)
    assert len(first) > 100
    assert len(rest) > 100


def test_leaving_speech_stops_it(client: httpx.Client, gateway: Gateway, cancelled: threading.Event) -> None:
    gateway.stage.held = True
    gateway.stage.permit()
    body = {"input": "One. " * 50, "voice": "small-voice", "response_format": "pcm"}
    with client.stream("POST", "/v1/audio/speech", json=body) as response:
        next(response.iter_raw())
    assert cancelled.wait(30)
    assert gateway.stage.step_until_stopped()
    assert gateway.stage.steps <= 3  # the one heard, the one under way, and one that began before the cancel was read


def test_speech_as_events(client: httpx.Client) -> None:
    response = speak(client, stream_format="sse", response_format="pcm")
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    assert events[-1]["type"] == "speech.audio.done"
    assert events[-1]["usage"]["seconds"] == pytest.approx(0.3, abs=0.01)
    assert sum(len(base64.b64decode(event["audio"])) for event in events[:-1]) / 2 / 24_000 == pytest.approx(
        0.3, abs=0.02
    )


@pytest.mark.parametrize("voice", ["small-voice", {"id": "small-voice"}, "The speaker", "alloy", "Nova"])
def test_a_voice_is_an_id_a_name_an_object_or_one_of_openais(client: httpx.Client, voice: Any) -> None:
    assert speak(client, voice=voice).status_code == 200


@pytest.mark.parametrize(
    ("fields", "status", "code", "param"),
    [
        ({"voice": "nobody"}, 400, "voice_not_found", "voice"),
        ({"voice": "small-ears"}, 400, "voice_not_found", "voice"),
        ({"voice": None}, 400, "invalid_request", "voice"),
        ({"text": ""}, 400, "invalid_request", "input"),
        ({"text": "x" * 4097}, 400, "invalid_request", "input"),
        ({"text": "\ud800"}, 400, "invalid_request", "input"),
        ({"speed": 0.1}, 400, "invalid_request", "speed"),
        ({"speed": 9}, 400, "invalid_request", "speed"),
        ({"response_format": "midi"}, 400, "invalid_request", "response_format"),
        ({"model": "nothing"}, 404, "model_not_found", "model"),
    ],
)
def test_speech_that_is_refused(
    client: httpx.Client, fields: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    body = {"input": fields.pop("text", "Hello."), "voice": "small-voice", "model": "tts-1", **fields}
    # Not json=: that client cannot encode half a surrogate pair, others can.
    content = json.dumps(body).encode()
    response = client.post("/v1/audio/speech", content=content, headers={"content-type": "application/json"})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)


def test_a_text_without_a_word_is_an_empty_sound(client: httpx.Client) -> None:
    for response_format in ("wav", "mp3", "pcm"):
        response = speak(client, "  ", response_format=response_format)
        assert response.status_code == 200


def test_voices_are_listed(client: httpx.Client) -> None:
    assert client.get("/v1/audio/voices").json() == [{"id": "small-voice", "name": "The speaker", "language": "en"}]


def test_without_a_voice_speech_names_the_mend(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(missing=["speaker"])
    with httpx.Client(base_url=gateway.url) as client:
        assert client.get("/v1/audio/voices").json() == []
        response = speak(client, voice="alloy", model=None)
    assert (response.status_code, response.json()["error"]["code"]) == (503, "weights_missing")
