"""One id per request, in every line of the log that the gateway writes for it and on its response."""

from __future__ import annotations

import logging
import re
import uuid
from contextvars import ContextVar

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")

_HARMLESS = re.compile(r"[A-Za-z0-9._:-]{1,128}")


def choose_request_id(asked: str = "") -> str:
    """Return the client's own id if it is harmless in a log, else a new one."""
    return asked if _HARMLESS.fullmatch(asked) else f"req_{uuid.uuid4().hex}"


class StampRequestId(logging.Filter):
    """Puts ``request`` on every record, for the log's format."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        record.request = REQUEST_ID.get()
        return True
