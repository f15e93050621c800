"""Chat completions through the `openai` package and through plain HTTP, on a parser that repeats what it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from inference.errors import EngineFailed
from tests.fakes import Gateway

HELLO: list[Any] = [{"role": "user", "content": "hello to you"}]


@pytest.fixture
def ai(gateway: Gateway) -> Iterator[openai.OpenAI]:
    """The package's client, pointed at the gateway."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def test_an_answer_is_whole(ai: openai.OpenAI) -> None:
    raw = ai.chat.completions.with_raw_response.create(model="small-parser", messages=HELLO)
    answer = raw.parse()
    assert (answer.object, answer.model, answer.id[:9]) == ("chat.completion", "small-parser", "chatcmpl-")
    choice = answer.choices[0]
    assert (choice.message.role, choice.message.content, choice.finish_reason) == ("assistant", "hello to you ", "stop")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 3, 10)
    assert raw.headers["x-tawny-device"] == "parser=cpu"
    assert raw.headers["x-tawny-model"] == "parser=small-parser"


def test_a_stream_is_chunks_and_a_word_at_the_end(client: httpx.Client) -> None:
    body = {"messages": HELLO, "stream": True, "stream_options": {"include_usage": True}}
    response = client.post("/v1/chat/completions", json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["x-tawny-device"] == "parser=cpu"
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    *spoken, last = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert spoken[0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(choice["delta"]["content"] for choice in spoken) == "hello to you "
    assert (last["delta"], last["finish_reason"]) == ({}, "stop")
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}


def test_the_package_reads_the_stream(ai: openai.OpenAI) -> None:
    stream = ai.chat.completions.create(model="small-parser", messages=HELLO, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == "hello to you "


class Said(BaseModel):
    """What the fake writes where a schema is given."""

    said: bool


def test_a_schema_reaches_the_engine(ai: openai.OpenAI, gateway: Gateway) -> None:
    answer = ai.chat.completions.parse(model="small-parser", messages=HELLO, response_format=Said)
    assert answer.choices[0].message.parsed == Said(said=True)
    assert gateway.stage.asked[-1][1]["schema"]["required"] == ["said"]
    answer_any = ai.chat.completions.create(
        model="small-parser", messages=HELLO, response_format={"type": "json_object"}
    )
    assert json.loads(answer_any.choices[0].message.content or "") == {"said": True}
    assert gateway.stage.asked[-1][1]["schema"] == {"type": "object"}


def test_fields_reach_the_engine(client: httpx.Client, gateway: Gateway) -> None:
    parts = [{"type": "text", "text": "one "}, {"type": "text", "text": "two three"}]
    messages = [{"role": "developer", "content": "be brief"}, {"role": "user", "content": parts}]
    body = {"messages": messages, "max_tokens": 2, "temperature": 0, "seed": 3, "stop": "x", "user": "me", "n": 1}
    choice = client.post("/v1/chat/completions", json=body).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("one two ", "length")
    asked = gateway.stage.asked[-1][1]
    assert asked["turns"] == (("system", "be brief"), ("user", "one two three"))
    assert (asked["temperature"], asked["seed"], asked["stop"]) == (0, 3, ("x",))


@pytest.mark.parametrize(
    ("changed", "status", "code", "param"),
    [
        ({"messages": []}, 400, "invalid_request", "messages"),
        ({"messages": "hello"}, 400, "invalid_request", "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 400, "invalid_request", "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 400, "invalid_request", "messages"),
        ({"messages": [{"role": "user", "content": "a" * 200_001}]}, 413, "too_large", "messages"),
        ({"n": 2}, 400, "invalid_request", "n"),
        ({"temperature": 3}, 400, "invalid_request", "temperature"),
        ({"max_tokens": 0}, 400, "invalid_request", "max_tokens"),
        ({"stop": ["a"] * 5}, 400, "invalid_request", "stop"),
        ({"tools": [{"type": "function"}]}, 400, "invalid_request", "tools"),
        ({"response_format": {"type": "json_schema"}}, 400, "invalid_request", "response_format"),
        ({"response_format": {"type": "xml"}}, 400, "invalid_request", "response_format"),
        ({"model": "nobody"}, 404, "model_not_found", "model"),
        ({"model": "small-painter"}, 404, "model_not_found", "model"),
        ({"require_gpu": True}, 503, "gpu_required", None),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_refusals(
    client: httpx.Client, changed: dict[str, Any], status: int, code: str, param: str | None, stream: bool
) -> None:
    response = client.post("/v1/chat/completions", json={"messages": HELLO, "stream": stream, **changed})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (status, code, param)


def test_a_failure_in_the_stream_is_an_error_that_the_package_raises(
    make_gateway: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = make_gateway()
    steps = gateway.stage.step

    def fail_at_second() -> None:
        steps()
        if gateway.stage.steps == 2:
            raise EngineFailed("The engine broke")

    monkeypatch.setattr(gateway.stage, "step", fail_at_second)
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as ai:
        stream = ai.chat.completions.create(model="small-parser", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="The engine broke"):
            list(stream)


def test_who_leaves_ends_the_writing(gateway: Gateway, client: httpx.Client) -> None:
    gateway.stage.held = True
    gateway.stage.permit()
    with client.stream("POST", "/v1/chat/completions", json={"messages": HELLO, "stream": True}) as response:
        assert next(response.iter_lines()).startswith("data: ")
    assert gateway.stage.step_until_stopped()
