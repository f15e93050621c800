"""What a client sends is never the name of anything here: no path, address or pickle of its own reaches a loader.

The bait is real: a pickle that would write a file, a port that would notice a visitor, a file that would be heard.
"""

from __future__ import annotations

import json
import os
import pickle
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import DOG, Gateway, photo, png, tone, wav


class Bait:
    """A file that must not be written, one that must not be read, and a port that must not be visited."""

    def __init__(self, folder: Path, listener: socket.socket) -> None:
        self.written = folder / "written"
        self.sound = folder / "sound.wav"
        self.sound.write_bytes(wav(tone(1.0, 16_000)))
        self.listener = listener
        self.address = f"http://127.0.0.1:{listener.getsockname()[1]}/x.safetensors"

    def pickle(self) -> bytes:
        """Return what writes the file once it is unpickled."""
        return pickle.dumps(_Writer(str(self.written)))

    def names(self) -> list[str]:
        """Return what a careless loader would take for a place."""
        own = str(self.sound)
        return [
            self.address,
            own,
            f"file://{own}",
            os.path.relpath(own),
            f"../../../../..{own}",
            "..",
            "~/.ssh/id_rsa",
            "\0",
        ]

    def is_untouched(self) -> bool:
        """Whether nobody came."""
        self.listener.setblocking(False)
        try:
            visitor, _ = self.listener.accept()
        except BlockingIOError:
            return not self.written.exists()
        visitor.close()
        return False


class _Writer:
    def __init__(self, file: str) -> None:
        self._file = file

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return (os.mkdir, (self._file,))


@pytest.fixture
def bait(tmp_path: Path) -> Iterator[Bait]:
    """Bait that has been laid out."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield Bait(tmp_path, listener)


def test_the_bait_would_be_taken(bait: Bait) -> None:
    assert bait.is_untouched()
    with socket.create_connection(bait.listener.getsockname()):
        assert not bait.is_untouched()
    pickle.loads(bait.pickle())
    assert bait.written.exists()


@pytest.mark.parametrize("field", ["model", "lora", "size", "output_format", "seed", "answer_voice", "operations"])
@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/jobs"])
def test_no_field_of_an_edit_is_a_place(
    client: httpx.Client, gateway: Gateway, bait: Bait, path: str, field: str
) -> None:
    for name in bait.names():
        fields = {"operations": json.dumps([DOG])} | {field: name}
        answer = client.post(path, files={"image": png(photo())}, data=fields)
        assert 400 <= answer.status_code < 500, (name, answer.text)
    assert gateway.stage.asked == []
    assert bait.is_untouched()


def test_words_are_only_words(client: httpx.Client, bait: Bait) -> None:
    for name in bait.names():
        plan = [{"op": "generate", "prompt": name.replace("\0", "x")}]
        answer = client.post(
            "/v1/images/edits", files={"image": (name, png(photo()))}, data={"operations": json.dumps(plan)}
        )
        assert answer.status_code == 200, answer.text
    assert bait.is_untouched()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/audio/speech", {"input": "One.", "voice": "alloy"}, "model"),
        ("/v1/audio/speech", {"input": "One.", "voice": "alloy"}, "voice"),
        ("/v1/images/plans", {"command": "rotate right"}, "model"),
        ("/v1/images/generations", {"prompt": "a dog"}, "model"),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "hello"}]}, "model"),
    ],
)
def test_no_field_of_json_is_a_place(
    client: httpx.Client, gateway: Gateway, bait: Bait, path: str, body: dict[str, Any], field: str
) -> None:
    for name in bait.names():
        answer = client.post(path, json={**body, field: name})
        assert 400 <= answer.status_code < 500, (name, answer.text)
    assert gateway.stage.asked == []
    assert bait.is_untouched()


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_no_model_in_a_path_is_a_place(client: httpx.Client, bait: Bait, verb: str) -> None:
    for name in bait.names():
        encoded = "".join(f"%{byte:02x}" for byte in name.encode())
        assert client.post(f"/v1/models/{encoded}/{verb}").status_code in (400, 404), name
    assert bait.is_untouched()


@pytest.mark.parametrize("field", ["image", "mask", "audio", "file"])
def test_a_pickle_is_no_upload(client: httpx.Client, gateway: Gateway, bait: Bait, field: str) -> None:
    upload = {field: ("x.png", bait.pickle(), "image/png")}
    if field == "file":
        answer = client.post("/v1/audio/transcriptions", files=upload)
    else:
        files = {"image": ("x.png", png(photo()), "image/png")} | upload
        answer = client.post("/v1/images/edits", files=files, data={} if field == "audio" else {"prompt": "add a dog"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["code"] in ("unreadable_image", "unreadable_audio")
    assert gateway.stage.asked == []
    assert bait.is_untouched()


def test_a_list_of_sounds_leads_nowhere(client: httpx.Client, gateway: Gateway, bait: Bait) -> None:
    lists = [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\n{place}\n#EXT-X-ENDLIST\n"
        for place in (bait.address, str(bait.sound), f"file://{bait.sound}")
    ]
    lists += [
        f"ffconcat version 1.0\nfile {place}\n" for place in (bait.address, bait.sound, os.path.relpath(bait.sound))
    ]
    for text in lists:
        answer = client.post("/v1/audio/transcriptions", files={"file": ("x.m3u8", text.encode(), "audio/x-mpegurl")})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "unreadable_audio")
    assert gateway.stage.asked == []
    assert bait.is_untouched()


@pytest.mark.parametrize(
    ("files", "fields"),
    [
        ({}, {f"field{number}": "x" for number in range(65)}),
        ({f"file{number}": b"x" for number in range(17)}, {}),
        ({}, {"prompt": "x" * (1024 * 1024 + 1)}),
        ({"image": png(photo())}, {"prompt": "x" * 4001}),
        ({"image": png(photo())}, {"lora": ["x" * 300]}),
    ],
    ids=["fields", "files", "long field", "long prompt", "long name"],
)
def test_a_form_has_limits(client: httpx.Client, files: dict[str, bytes], fields: dict[str, Any]) -> None:
    answer = client.post("/v1/images/edits", files=files or {"none": b""}, data=fields)
    assert answer.status_code in (400, 404, 413), answer.text
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert len(answer.text) < 2000, "nothing long is told back"
