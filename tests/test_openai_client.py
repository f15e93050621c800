"""The `openai` package as client of the real uvicorn: what existing programs do works unchanged; engines are fakes."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Callable, Iterator

import openai
import pytest

from tests.fakes import ROTATE, SPOKEN, Gateway, opened, photo, png, tone, wav


@pytest.fixture
def ai(gateway: Gateway) -> Iterator[openai.OpenAI]:
    """The package's client, pointed at the gateway."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


IMAGE = ("photo.png", png(photo()), "image/png")


def test_edit_answers_a_picture(ai: openai.OpenAI) -> None:
    answer = ai.images.edit(model="gpt-image-1", image=IMAGE, prompt="rotate right", size="auto")
    assert answer.data is not None
    assert answer.data[0].b64_json is not None
    assert opened(base64.b64decode(answer.data[0].b64_json)).size == (40, 60)
    assert answer.output_format == "png"
    assert (answer.model_extra or {})["operations"] == [ROTATE]


def test_edit_takes_a_list_of_one_picture_a_mask_and_our_fields(ai: openai.OpenAI, gateway: Gateway) -> None:
    mask = png(photo().convert("L").point(lambda value: 255))
    answer = ai.images.edit(
        model="dall-e-2",
        image=[IMAGE],
        mask=("mask.png", mask, "image/png"),
        prompt="add a dog",
        n=2,
        response_format="b64_json",
        extra_body={"seed": 5, "steps": 2},
    )
    assert answer.data is not None
    assert [(item.model_extra or {})["seed"] for item in answer.data] == [5, 6]


def test_edit_streams_typed_events(ai: openai.OpenAI) -> None:
    stream = ai.images.edit(model="gpt-image-1", image=IMAGE, prompt="add a dog", stream=True, partial_images=2)
    events = list(stream)
    kinds = [event.type for event in events]
    assert kinds.count("image_edit.partial_image") == 2
    last = events[-1]
    assert last.type == "image_edit.completed"
    assert opened(base64.b64decode(last.b64_json)).size == (60, 40)
    assert last.size == "60x40"
    assert last.usage.total_tokens == 0


def test_a_refusal_becomes_the_packages_own_exception(ai: openai.OpenAI) -> None:
    with pytest.raises(openai.UnprocessableEntityError) as raised:
        ai.images.edit(model="gpt-image-1", image=IMAGE, prompt="what's the weather?")
    assert raised.value.code == "no_operation"
    assert raised.value.param == "prompt"
    with pytest.raises(openai.NotFoundError) as missing:
        ai.images.edit(model="no-such-model", image=IMAGE, prompt="add a dog")
    assert missing.value.code == "model_not_found"


def test_an_error_in_a_stream_becomes_an_exception(ai: openai.OpenAI, gateway: Gateway) -> None:
    gateway.stage.failure = RuntimeError("sparks")
    operations = json.dumps([ROTATE, {"op": "generate", "prompt": "a dog"}])
    stream = ai.images.edit(
        model="gpt-image-1", image=IMAGE, prompt="-", stream=True, extra_body={"operations": operations}
    )
    with pytest.raises(openai.APIError) as raised:
        list(stream)
    assert raised.value.code == "engine_failed"


def test_a_missing_model_is_not_retried(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(missing=["transcriber"])
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=5) as ai:
        with pytest.raises(openai.InternalServerError) as raised:
            ai.audio.transcriptions.create(model="whisper-1", file=("a.wav", wav(tone(0.2, 16_000))))
        assert raised.value.code == "weights_missing"
        told = httpx_get(f"{gateway.url}/metrics")
    assert 'route="/v1/audio/transcriptions",status="503"} 1' in told


def httpx_get(url: str) -> str:
    """Return a page."""
    import httpx

    return httpx.get(url).text


def test_the_key_is_the_packages_key(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(api_key="open-sesame")
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="open-sesame") as ai:
        assert ai.models.list().data
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="wrong") as ai,
        pytest.raises(openai.AuthenticationError),
    ):
        ai.models.list()


def test_transcriptions_in_every_shape(ai: openai.OpenAI) -> None:
    sound = ("a.wav", wav(tone(1.0, 16_000)))
    create = ai.audio.transcriptions.create
    assert create(model="whisper-1", file=sound).text == SPOKEN
    assert create(model="whisper-1", file=sound, response_format="text") == SPOKEN
    verbose = create(
        model="whisper-1", file=sound, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert verbose.text == SPOKEN
    assert verbose.segments is not None
    assert verbose.words is not None
    assert verbose.segments[0].avg_logprob < 0
    assert verbose.words[0].word == "Rotate"
    assert verbose.usage is not None
    assert verbose.usage.seconds == 1.0


def test_a_transcription_streams(ai: openai.OpenAI) -> None:
    sound = ("a.wav", wav(tone(1.0, 16_000)))
    events = list(ai.audio.transcriptions.create(model="whisper-1", file=sound, stream=True))
    assert [event.type for event in events] == [*["transcript.text.delta"] * 2, "transcript.text.done"]
    last = events[-1]
    assert last.type == "transcript.text.done"
    assert last.text == SPOKEN


def test_speech_whole_and_streamed(ai: openai.OpenAI) -> None:
    whole = ai.audio.speech.create(model="tts-1", voice="alloy", input="One. Two.", response_format="wav")
    with wave.open(io.BytesIO(whole.content)) as reader:
        assert reader.getnframes() == 2 * 2205
    with ai.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="small-voice", input="One. Two.", response_format="pcm", speed=1.5
    ) as response:
        assert sum(len(piece) for piece in response.iter_bytes()) > 9000


def test_models_are_listed_and_retrieved(ai: openai.OpenAI) -> None:
    names = {model.id for model in ai.models.list()}
    assert "small-ears" in names
    assert ai.models.retrieve("small-ears").owned_by == "tawny"
