"""The main job on the real small models, through the real server as a process, as a user has it.

A photograph goes in with a sentence, typed or spoken; the changed picture comes out. Ring three: slow only in that
models load once.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.processes import serving

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

ROOT = Path(__file__).parent.parent
PHOTO = ROOT / "tests" / "pictures" / "coffee.jpg"
VOICE = "en_US-joe-medium"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start ``python -m api`` as a process of its own and wait until it answers."""
    with serving(tmp_path_factory.mktemp("state")) as address:
        with httpx.Client(base_url=address, timeout=30) as client:
            assert client.get("/health").status_code == 200
        yield address


@pytest.fixture
def client(url: str) -> Iterator[httpx.Client]:
    """Talk to the server."""
    with httpx.Client(base_url=url, timeout=120) as client:
        yield client


@pytest.fixture
def openai_client(url: str) -> Iterator[openai.OpenAI]:
    """Talk to it as the world does."""
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=120) as client:
        yield client


def pixels(data: bytes | str) -> NDArray[np.uint8]:
    """Return a picture's bytes (base64 or plain) as an array (height, width, 3)."""
    raw = base64.b64decode(data) if isinstance(data, str) else data
    return np.asarray(Image.open(io.BytesIO(raw)).convert("RGB"))


def photo() -> NDArray[np.uint8]:
    """Return the photograph as an array."""
    return pixels(PHOTO.read_bytes())


def png(image: Image.Image) -> bytes:
    """Return a PNG file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def square_mask() -> tuple[bytes, NDArray[np.bool_]]:
    """Return OpenAI's kind of mask (alpha 0 = edit) with one square hole, and where it is."""
    height, width = photo().shape[:2]
    image = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    box = (width // 3, height // 3, 2 * width // 3, 2 * height // 3)
    ImageDraw.Draw(image).rectangle(box, fill=(0, 0, 0, 0))
    return png(image), np.asarray(image)[:, :, 3] == 0


def events_of(response: httpx.Response) -> list[tuple[str, dict[str, Any]]]:
    """Read a whole stream of server-sent events as (name, data)."""
    found = []
    for block in response.read().decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


def speak(client: httpx.Client, text: str) -> bytes:
    """Have the stack say ``text``; return a WAV file."""
    answer = client.post("/v1/audio/speech", json={"input": text, "voice": VOICE, "response_format": "wav"})
    assert answer.status_code == 200, answer.text
    return answer.content


def test_add_a_dog_and_rotate_right(openai_client: openai.OpenAI) -> None:
    mask, hole = square_mask()
    answer = openai_client.images.edit(
        image=("photo.jpg", PHOTO.read_bytes(), "image/jpeg"),
        mask=("mask.png", mask, "image/png"),
        prompt="add a dog and rotate right",
        extra_body={"seed": 7},
    )
    assert answer.data is not None
    got = pixels(answer.data[0].b64_json or "")
    expected = np.rot90(photo(), -1)
    inside = np.rot90(hole, -1)
    assert got.shape == expected.shape
    assert (got[~inside] == expected[~inside]).all(), "outside the mask every pixel is the photograph's"
    assert np.abs(got[inside].astype(int) - expected[inside]).mean() > 3, "inside it something was painted"
    assert answer.model_extra is not None
    assert answer.model_extra["operations"] == [
        {"op": "generate", "prompt": "a dog"},
        {"op": "rotate", "degrees": 90},
    ]


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(client: httpx.Client) -> None:
    def edit(seed: int) -> bytes:
        answer = client.post(
            "/v1/images/edits",
            files={"image": PHOTO.read_bytes()},
            data={"prompt": "add a dog", "seed": str(seed), "steps": "4"},
            headers={"accept": "image/*"},
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "image/png"
        return answer.content

    assert edit(1) == edit(1)
    assert (pixels(edit(1)) != pixels(edit(2))).any()


def test_the_stream_tells_the_plan_the_steps_and_the_end_in_order(client: httpx.Client) -> None:
    with client.stream(
        "POST",
        "/v1/images/edits",
        files={"image": PHOTO.read_bytes()},
        data={"prompt": "add a dog and rotate right", "stream": "true", "partial_images": "2", "steps": "6"},
    ) as response:
        assert response.status_code == 200
        assert "inpainter=cpu" in response.headers["x-tawny-device"]
        events = events_of(response)
    names = [name for name, _ in events]
    assert names[0] == "image_edit.plan"
    assert names[-1] == "image_edit.completed"
    assert set(names[1:-1]) == {"image_edit.progress", "image_edit.partial_image"}
    assert all(name == data["type"] for name, data in events)
    previews = [data for name, data in events if name == "image_edit.partial_image"]
    assert [data["partial_image_index"] for data in previews] == [0, 1]
    assert all(pixels(data["b64_json"]).size for data in previews)
    fractions = [data["fraction"] for name, data in events if name == "image_edit.progress"]
    assert fractions == sorted(fractions)
    height, width = photo().shape[:2]
    assert pixels(events[-1][1]["b64_json"]).shape[:2] == (width, height)


@pytest.mark.parametrize(
    ("command", "operations"),
    [
        ("add a dog", [{"op": "generate", "prompt": "a dog"}]),
        ("add flowers in the background", [{"op": "generate", "prompt": "flowers", "where": "background"}]),
        ("change sky to sunset", [{"op": "replace", "target": "sky", "prompt": "sunset"}]),
        ("add a person wearing a hat", [{"op": "generate", "prompt": "a person wearing a hat"}]),
        ("add flowers and rotate right", [{"op": "generate", "prompt": "flowers"}, {"op": "rotate", "degrees": 90}]),
    ],
)
def test_the_missions_own_examples_are_understood(
    client: httpx.Client, command: str, operations: list[dict[str, Any]]
) -> None:
    answer = client.post("/v1/images/plans", json={"command": command})
    assert answer.status_code == 200, answer.text
    assert answer.json()["operations"] == operations
    assert answer.json()["model"] == "command-parser"


def test_what_is_no_edit_is_refused_with_things_one_could_say(client: httpx.Client) -> None:
    answer = client.post("/v1/images/plans", json={"command": "what's the weather?"})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "no_operation"
    assert answer.json()["error"]["message"].count('"') >= 6


def test_a_spoken_command_ends_in_the_same_edit(client: httpx.Client) -> None:
    sound = speak(client, "Make it black and white and rotate it to the right.")
    answer = client.post(
        "/v1/images/edits", files={"image": PHOTO.read_bytes(), "audio": ("command.wav", sound, "audio/wav")}
    )
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["operations"] == [{"op": "grayscale"}, {"op": "rotate", "degrees": 90}]
    got = pixels(body["data"][0]["b64_json"])
    assert got.shape == np.rot90(photo(), -1).shape
    assert (got[..., 0] == got[..., 1]).all()


def test_speech_and_transcription_through_the_openai_package(openai_client: openai.OpenAI) -> None:
    said = "The quick brown fox jumps over the lazy dog."
    speech = openai_client.audio.speech.create(model="tts-1", voice=VOICE, input=said, response_format="mp3")
    heard = openai_client.audio.transcriptions.create(model="whisper-1", file=("speech.mp3", speech.content))
    words = heard.text.lower().strip(" .").split()
    assert len(set(words) & set(said.lower().strip(".").split())) >= 7
    plain = openai_client.audio.transcriptions.create(
        model="whisper-1", file=("speech.mp3", speech.content), response_format="text"
    )
    assert isinstance(plain, str)
    assert "fox" in plain


def test_the_models_are_listed(openai_client: openai.OpenAI) -> None:
    names = {model.id for model in openai_client.models.list()}
    assert {"starter-inpainting", "command-parser", "faster-whisper-base", VOICE} <= names


@pytest.mark.parametrize(
    ("files", "data", "status", "code"),
    [
        ({"image": b"not a picture"}, {"prompt": "rotate right"}, 422, "unreadable_image"),
        ({"image": PHOTO}, {"operations": '[{"op":"explode"}]'}, 422, "invalid_plan"),
        ({"image": PHOTO, "mask": png(Image.new("L", (10, 10), 255))}, {"prompt": "add a dog"}, 422, "mask_mismatch"),
        ({"image": PHOTO}, {"prompt": "add a dog", "model": "sd15-inpainting"}, 503, "weights_missing"),
        ({"image": PHOTO}, {"prompt": "hello"}, 422, "no_operation"),
        ({"image": PHOTO}, {"prompt": "remove the car"}, 503, "weights_missing"),
    ],
)
def test_bad_input_is_refused_in_openais_envelope(
    client: httpx.Client, files: dict[str, bytes | Path], data: dict[str, str], status: int, code: str
) -> None:
    parts = {name: part.read_bytes() if isinstance(part, Path) else part for name, part in files.items()}
    answer = client.post("/v1/images/edits", files=parts, data=data)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert error["code"] == code
    assert set(error) == {"message", "type", "param", "code"}
    if status == 503:
        assert "./scripts/fetch_models" in error["message"]


def test_a_worker_killed_in_mid_request_fails_that_request_alone(client: httpx.Client) -> None:
    photograph = {"image": PHOTO.read_bytes()}
    fields = {"operations": '[{"op":"generate","prompt":"a dog"}]', "steps": "150"}
    killed_at: list[float] = []
    with client.stream("POST", "/v1/images/edits", files=photograph, data={**fields, "stream": "true"}) as r:
        assert r.status_code == 200
        name = ""
        for line in r.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if name == "image_edit.progress" and not killed_at:
                status = httpx.get(f"{client.base_url}/v1/status").json()
                os.kill(status["engines"]["inpainter"]["pid"], signal.SIGKILL)
                killed_at.append(time.monotonic())
            if line.startswith("data: ") and name == "error":
                assert time.monotonic() - killed_at[0] < 5.0  # tests run on busy machines
                assert json.loads(line.removeprefix("data: "))["error"]["code"] == "engine_failed"
                break
        else:
            pytest.fail("no error event")
    assert client.get("/health").status_code == 200
    again = client.post(
        "/v1/images/edits",
        files=photograph,
        data={**fields, "steps": "2"},
        headers={"accept": "image/*"},
    )
    assert again.status_code == 200


def test_leaving_the_connection_stops_the_work(client: httpx.Client, url: str) -> None:
    with client.stream(
        "POST",
        "/v1/images/edits",
        files={"image": PHOTO.read_bytes()},
        data={"operations": '[{"op":"generate","prompt":"a dog"}]', "steps": "150", "stream": "true"},
    ) as response:
        assert response.status_code == 200
        for line in response.iter_lines():
            if line == "event: image_edit.progress":
                break
    free = threading.Event()

    def ask_until_free() -> None:
        # Each answer takes the server's own time; nothing here sleeps.
        for _ in range(10_000):
            if httpx.get(f"{url}/v1/status").json()["engines"]["inpainter"]["state"] == "ready":
                free.set()
                return

    thread = threading.Thread(target=ask_until_free)
    thread.start()
    thread.join(10)
    assert free.is_set(), "the inpainter is free again long before 150 steps are done"


def test_unloading_ends_the_process(client: httpx.Client) -> None:
    client.post("/v1/models/en_US-joe-medium/load")
    pid = client.get("/v1/status").json()["engines"]["speaker"]["pid"]
    os.kill(pid, 0)
    assert client.post("/v1/models/en_US-joe-medium/unload").status_code == 200
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
