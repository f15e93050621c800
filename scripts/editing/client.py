"""Talks to a running server: asks for a plan once, sends a picture, gets a picture. Standard library only.

It knows the three refusals that matter to a batch: a picture that cannot be done (`FileRefused`: go on with the
next), a server that is busy (waits and tries again), and everything that would go wrong for every file (`Stopped`).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

TRIES = 6
MOST_ANSWER = 1 << 30


class FileRefused(Exception):
    """The server will not or cannot edit this one picture."""


class Stopped(Exception):
    """No picture could be edited as asked: wrong key, no server, no edit in the sentence, a model that is missing."""


@dataclass
class Client:
    """``url`` without a path; ``seconds`` is how long one edit may take; ``sleep`` is for tests."""

    url: str
    key: str = ""
    seconds: float = 3600.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def plan(self, command: str) -> list[dict[str, Any]]:
        """Return the operations that ``command`` means. Raises `Stopped` for no edit."""
        body = json.dumps({"command": command}).encode()
        try:
            answer = self._send("/v1/images/plans", body, "application/json")
        except FileRefused as error:
            raise Stopped(str(error)) from None
        operations: list[dict[str, Any]] = json.loads(answer)["operations"]
        return operations

    def edit(
        self, picture: bytes, name: str, fields: Mapping[str, str | list[str]], mask: bytes | None = None
    ) -> bytes:
        """Return the edited file. Raises `FileRefused` if it is this picture's fault."""
        files = {"image": (name, picture)} | ({} if mask is None else {"mask": ("mask.png", mask)})
        body, content_type = encode_form(fields, files)
        return self._send("/v1/images/edits", body, content_type, accept="image/*")

    def _send(self, path: str, body: bytes, content_type: str, accept: str = "application/json") -> bytes:
        headers = {"content-type": content_type, "accept": accept}
        if self.key:
            headers["authorization"] = f"Bearer {self.key}"
        for number in range(TRIES):
            request = Request(self.url.rstrip("/") + path, body, headers, method="POST")
            try:
                with urlopen(request, timeout=self.seconds) as response:
                    return _read(response)
            except HTTPError as error:
                told = _explain(error)
                if error.code == 503 and error.headers.get("retry-after") and number + 1 < TRIES:
                    self.sleep(min(60.0, float(error.headers["retry-after"])))
                    continue
                if error.code in (401, 403, 404, 503) or "no_operation" in told:
                    raise Stopped(told) from None
                raise FileRefused(told) from None
            except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
                reason = getattr(error, "reason", error)
                raise Stopped(f"{self.url} does not answer: {reason}. Is it running (./scripts/serve)?") from None
        raise AssertionError("unreachable")


def _read(response: HTTPResponse) -> bytes:
    data = response.read(MOST_ANSWER + 1)
    if len(data) > MOST_ANSWER:
        raise FileRefused("the answer is longer than a gigabyte")
    return data


def _explain(error: HTTPError) -> str:
    """Return the server's own sentence, and its code in brackets."""
    try:
        told = json.loads(error.read(1 << 20))["error"]
        return f"{told['message']} [{told['code']}]"
    except (ValueError, KeyError, TypeError):
        return f"HTTP status {error.code}"


def encode_form(fields: Mapping[str, str | list[str]], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, str]:
    """Return a multipart body and its content type; ``files`` maps a field to a file name and its bytes.

    A field with a list of values is sent once for each.
    """
    boundary = f"tawny-{secrets.token_hex(16)}"
    parts: list[bytes] = []
    for name, values in fields.items():
        for value in [values] if isinstance(values, str) else values:
            head = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n'
            parts.append(f"{head}{value}\r\n".encode())
    for name, (file, content) in files.items():
        plain = file.encode("ascii", "replace").decode().translate({34: "_", 13: "_", 10: "_"})
        head = f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"; filename="{plain}"\r\n\r\n'
        parts += [head.encode(), content, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"
