"""The spoken answer to an edit, in one call: plain and streamed. Engines are fakes."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from inference.errors import EngineFailed
from inference.sounds import decode_sound
from tests.fakes import Gateway, photo, png, tone, wav

SAID = wav(tone(1.0, 16_000))


def edit(client: httpx.Client, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    """Send a photo and a spoken command, which the fake hears as "Rotate right."."""
    files = {"image": ("photo.png", png(photo()), "image/png"), "audio": ("said.wav", SAID, "audio/wav")}
    return client.post("/v1/images/edits", files=files, data=fields, headers=headers or {})


def test_a_spoken_command_is_answered_aloud(client: httpx.Client) -> None:
    body = edit(client, answer_voice="small-voice").json()
    answer = body["answer"]
    assert (answer["text"], answer["voice"], answer["format"]) == (
        "Turned the picture right.",
        "small-voice",
        "mp3",
    )
    assert decode_sound(base64.b64decode(answer["audio"]), max_seconds=5).seconds == pytest.approx(0.1, abs=0.1)
    assert body["data"][0]["revised_prompt"] == "Rotate right."
    assert body["operations"] == [{"op": "rotate", "degrees": 90}]


def test_nothing_is_said_unless_asked_for(client: httpx.Client, gateway: Gateway) -> None:
    assert "answer" not in edit(client).json()
    assert not [verb for verb, _ in gateway.stage.asked if verb == "speak"]


def test_a_stream_answers_before_it_completes(client: httpx.Client) -> None:
    response = edit(client, stream="true", answer_voice="alloy")
    events = [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in events][-2:] == ["image_edit.answer", "image_edit.completed"]
    assert events[-2]["text"] == "Turned the picture right."
    assert base64.b64decode(events[-2]["audio"])


def test_a_typed_command_may_be_answered_too(client: httpx.Client) -> None:
    files = {"image": ("photo.png", png(photo()), "image/png")}
    fields = {"prompt": "add a dog and rotate right", "answer_voice": "small-voice"}
    body = client.post("/v1/images/edits", files=files, data=fields).json()
    assert body["answer"]["text"] == "Added a dog and turned the picture right."


def test_an_unknown_voice_is_refused_before_any_work(client: httpx.Client, gateway: Gateway) -> None:
    response = edit(client, answer_voice="nobody")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "voice_not_found")
    assert gateway.stage.asked == []


def test_a_bare_picture_cannot_carry_an_answer(client: httpx.Client) -> None:
    response = edit(client, {"accept": "image/png"}, answer_voice="small-voice")
    assert (response.status_code, response.json()["error"]["param"]) == (400, "answer_voice")


def test_a_voice_that_fails_costs_no_picture(
    client: httpx.Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(request: object) -> None:
        raise EngineFailed("the voice broke")

    monkeypatch.setattr(gateway.runtime, "speak", fail)
    body = edit(client, answer_voice="small-voice").json()
    assert body["data"][0]["b64_json"]
    assert body["answer"]["text"] == "Turned the picture right."
    assert body["answer"]["audio"] is None


def test_without_a_voice_the_mend_is_named(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(missing=["speaker"])
    with httpx.Client(base_url=gateway.url) as client:
        response = edit(client, answer_voice="alloy")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "weights_missing")
