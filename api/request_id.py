"""One id per request, in every line of the log that the gateway writes for it and on its response."""

from __future__ import annotations

import re
import uuid

from inference.labels import REQUEST_ID, StampRequestId

__all__ = ["REQUEST_ID", "StampRequestId", "choose_request_id"]

_HARMLESS = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def choose_request_id(asked: str = "") -> str:
    """Return the client's own id if it is harmless in a log, else a new one."""
    return asked if _HARMLESS.fullmatch(asked) else f"req_{uuid.uuid4().hex}"
