"""What an error looks like to a client: one table of statuses, one body for responses and for failed events.

    {"error": {"message": "...", "type": "invalid_request_error", "param": "mask", "code": "mask_mismatch"}}

It knows every class of ``inference/errors.py`` and the errors of the web framework, and turns all of them into that
body, so that no client ever has to read two shapes.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from inference.errors import (
    Busy,
    Cancelled,
    EngineFailed,
    InvalidRequest,
    ModelInUse,
    NotFinished,
    Refused,
    ShuttingDown,
    TawnyError,
    TooLarge,
    Unavailable,
    UnknownJob,
    UnknownModel,
    UnknownVoice,
)

STATUS: dict[type[TawnyError], int] = {
    Refused: 422,
    InvalidRequest: 400,
    TooLarge: 413,
    UnknownModel: 404,
    UnknownJob: 404,
    ModelInUse: 409,
    NotFinished: 409,
    UnknownVoice: 400,
    Unavailable: 503,
    Cancelled: 499,  # nobody is there to read it; it is what the access log shows
    EngineFailed: 500,
    TawnyError: 500,
}
"""The nearest class upwards decides."""

_CODES = {400: "invalid_request", 401: "invalid_api_key", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def status_of(error: TawnyError) -> int:
    """Return the HTTP status of ``error``."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def envelope(status: int, message: str, code: str, param: str | None = None) -> dict[str, Any]:
    """Return the body of any failure."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def describe(error: TawnyError) -> dict[str, Any]:
    """Return the body of ``error``: the same whether it is a response or the last event of a stream."""
    return envelope(status_of(error), error.message, error.code, error.param)


def answer(error: TawnyError) -> JSONResponse:
    """Return the response for ``error``."""
    status = status_of(error)
    headers = {}
    if isinstance(error, Busy):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    elif isinstance(error, ShuttingDown):
        headers["retry-after"] = "10"
    elif isinstance(error, Unavailable):
        # The `openai` clients repeat every 503 unless told that it is no use: an operator must act first.
        headers["x-should-retry"] = "false"
    return JSONResponse(describe(error), status, headers)


def refuse(status: int, message: str, code: str | None = None, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the response for a failure of HTTP itself: no such route, no key, a foreign Host."""
    return JSONResponse(envelope(status, message, code or code_of(status)), status, headers)


def code_of(status: int) -> str:
    """Return a stable code for a bare status: 415 is ``unsupported_media_type``."""
    if status in _CODES:
        return _CODES[status]
    try:
        return HTTPStatus(status).name.lower()
    except ValueError:
        return "http_error"


def from_validation(error: RequestValidationError) -> InvalidRequest:
    """Return the first complaint of the framework's validation in our words; never the value itself."""
    first = error.errors()[0]
    where = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "header")]
    if first["type"] == "json_invalid":
        return InvalidRequest("The body is not valid JSON")
    if not where:
        return InvalidRequest("The body must be a JSON object, sent with Content-Type: application/json")
    message = "is required" if first["type"] == "missing" else str(first["msg"])
    if "UploadFile" in message:
        return InvalidRequest(f"{where[0]}: must be sent as a file, with a file name", param=where[0])
    return InvalidRequest(f"{'.'.join(where)}: {message}", param=where[0])
