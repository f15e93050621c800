"""Two words that travel with a piece of work: on whose behalf it is done, and the id under which it is logged.

Whoever takes a request sets them for its context; the queue reads the first to be fair, every line of the log carries
the second, in a worker's process too. Neither is interpreted here: a caller may be a key's name or an address.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar

CALLER: ContextVar[str] = ContextVar("caller", default="")
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")


class StampRequestId(logging.Filter):
    """Puts ``request`` on every record, for the log's format."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        record.request = REQUEST_ID.get()
        return True
