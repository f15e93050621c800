"""Conversation: OpenAI's chat completions, on the model that the command parser adapts.

What such a small model cannot do is refused rather than faked: tools, several answers at once, pictures. Other
fields that mean nothing here (``user``, ``presence_penalty``, ``store`` ...) are ignored.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from api.deps import WithRuntime, WithSettings, check_unicode
from api.streams import EventStream, Named, begun, device_header, model_header, settled
from inference.engines import Parser
from inference.errors import InvalidRequest, TooLarge
from inference.events import Event, Wrote
from inference.runtime import ChatRequest, Written

router = APIRouter(prefix="/v1/chat", tags=["language"])

MOST_CHARACTERS = 200_000
"""Of a conversation or a schema. What the model can read is far less, but counting tokens takes time as well."""


class Part(BaseModel):
    """A piece of a message."""

    type: str
    text: str = ""


class Message(BaseModel):
    """A turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[Part] | None = None


class JsonSchema(BaseModel):
    """A schema under OpenAI's wrapping; it is always kept to, whatever ``strict`` says."""

    name: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")


class ResponseFormat(BaseModel):
    """What the answer must be: text, any JSON object, or JSON of a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class StreamOptions(BaseModel):
    """What a stream says besides its text."""

    include_usage: bool | None = False


class Conversation(BaseModel):
    """``POST /v1/chat/completions``."""

    messages: list[Message] = Field(min_length=1)
    model: str | None = Field(None, description="A model that parses; spoken to is the one that it adapts")
    n: int | None = Field(1, ge=1, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1, description="At most so many tokens, 1024 unless said")
    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False, description="0.7 unless said")
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False, description="0.95 unless said")
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    seed: int | None = None
    response_format: ResponseFormat | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    tools: list[Any] | None = None
    require_gpu: bool = False


@router.post("/completions")
async def complete(request: Request, body: Conversation, runtime: WithRuntime, settings: WithSettings) -> Response:
    """Write the assistant's next turn, whole or streamed; ``response_format`` is kept to by constrained decoding."""
    if body.tools:
        raise InvalidRequest("tools: this model calls none; describe them in a message instead", param="tools")
    require_gpu = body.require_gpu or settings.require_gpu
    asked = ChatRequest(
        turns=_turns(body.messages),
        schema=_schema(body.response_format),
        limit=body.max_completion_tokens or body.max_tokens or 1024,
        temperature=0.7 if body.temperature is None else body.temperature,
        top_p=body.top_p or 0.95,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        seed=secrets.randbits(32) if body.seed is None else body.seed % 2**63,
        model=body.model,
        require_gpu=require_gpu,
    )
    await run_in_threadpool(runtime.prepare, Parser.name, body.model, require_gpu=require_gpu)
    job = runtime.chat(asked)
    head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time())}
    if body.stream:
        _, events = await begun(request, job, Wrote)
        usage = body.stream_options is not None and bool(body.stream_options.include_usage)
        telling = _Telling({**head, "model": job.models[Parser.name]}, usage=usage)
        headers = device_header(job.devices) | model_header(job.models)
        return EventStream(job, events, telling.translate, telling.finish, headers, write=_write)
    written = await settled(request, job)
    message = {"role": "assistant", "content": written.text, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": written.finish}
    answer = {
        **head,
        "object": "chat.completion",
        "model": job.models[Parser.name],
        "choices": [choice],
        "usage": _usage(written),
    }
    return JSONResponse(answer, headers=device_header(job.devices) | model_header(job.models))


def _turns(messages: Sequence[Message]) -> tuple[tuple[str, str], ...]:
    turns = []
    for number, message in enumerate(messages):
        content = message.content or ""
        if not isinstance(content, str):
            if strange := [part.type for part in content if part.type != "text"]:
                raise InvalidRequest(f"messages.{number}: this model reads text, not {strange[0]}", param="messages")
            content = "".join(part.text for part in content)
        check_unicode(content, "messages")
        turns.append(("system" if message.role == "developer" else message.role, content))
    if sum(len(content) for _, content in turns) > MOST_CHARACTERS:
        raise TooLarge(f"messages: more than {MOST_CHARACTERS} characters, the limit", param="messages")
    return tuple(turns)


def _schema(asked: ResponseFormat | None) -> dict[str, Any] | None:
    if asked is None or asked.type == "text":
        return None
    if asked.type == "json_object":
        return {"type": "object"}
    if asked.json_schema is None:
        raise InvalidRequest("response_format.json_schema: is required", param="response_format")
    if len(json.dumps(asked.json_schema.schema_)) > MOST_CHARACTERS:
        raise TooLarge(f"response_format: more than {MOST_CHARACTERS} characters, the limit", param="response_format")
    return asked.json_schema.schema_


def _usage(written: Written) -> dict[str, int]:
    read, wrote = written.prompt_tokens, written.tokens
    return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}


class _Telling:
    """Turns a conversation's events into OpenAI's chunks."""

    def __init__(self, head: Mapping[str, Any], *, usage: bool) -> None:
        self._head = {**head, "object": "chat.completion.chunk"}
        self._usage = usage
        self._begun = False

    async def translate(self, event: Event) -> Sequence[Named]:
        """Return a chunk if there is text to be shown."""
        if not isinstance(event, Wrote) or not event.text:
            return []
        return [*self._open(), self._chunk({"content": event.text})]

    async def finish(self, written: Written) -> Sequence[Named]:
        """Return the last chunks: why it ends, the tokens if they were asked for, and the end itself."""
        chunks = [*self._open(), self._chunk({}, written.finish)]
        if self._usage:
            chunks.append(("chunk", {**self._head, "choices": [], "usage": _usage(written)}))
        return [*chunks, ("done", {})]

    def _open(self) -> list[Named]:
        begun, self._begun = self._begun, True
        return [] if begun else [self._chunk({"role": "assistant", "content": ""})]

    def _chunk(self, delta: Mapping[str, Any], finish: str | None = None) -> Named:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        told: dict[str, Any] = {**self._head, "choices": [choice]}
        if self._usage:
            told["usage"] = None
        return "chunk", told


def _write(name: str, data: Mapping[str, Any]) -> bytes:
    """Return one event as OpenAI's chat writes it: without a name, and a word at the end."""
    text = "[DONE]" if name == "done" else json.dumps(data, separators=(",", ":"))
    return f"data: {text}\n\n".encode()
