"""The whole API under attack: whatever its own description allows, whatever a decoder may be fed, and a crowd at once.

``FUZZ=50 ./scripts/test tests/test_attack.py`` looks that many times longer than the few examples of a normal run.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from api.routes import ROUTERS
from inference.errors import TawnyError
from inference.operations import parse_plan
from inference.pictures import decode_mask, decode_picture
from inference.sounds import decode_sound
from tests.fakes import ROTATE, Gateway, opened, photo, png, tone, wav

LONGER = int(os.environ.get("FUZZ", "1"))
HONEST = {"gpu_required", "weights_missing", "engine_not_installed", "busy"}
"""What a machine may say with 503: the first because a request may insist on a GPU that is not there."""

few = settings(
    max_examples=4 * LONGER,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize=LONGER == 1,
    database=None,
)
many = settings(max_examples=60 * LONGER, deadline=None, suppress_health_check=list(HealthCheck), database=None)

Make = Callable[..., Gateway]


def describe_api() -> dict[str, Any]:
    """Return what the server says of itself in ``/openapi.json``."""
    app = FastAPI()
    for router in ROUTERS:
        app.include_router(router)
    return app.openapi()


everything = schemathesis.openapi.from_dict(describe_api())


@everything.parametrize()
@few
@pytest.mark.timeout(600 * LONGER)
def test_nothing_that_the_description_allows_or_forbids_breaks_the_server(case: Any, gateway: Gateway) -> None:
    response = case.call(base_url=gateway.url, timeout=60)
    if response.status_code == 503:
        assert response.json()["error"]["code"] in HONEST
        return
    assert response.status_code < 500, (response.status_code, response.text[:500])
    assert response.headers["x-request-id"]
    if response.status_code >= 400:
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}


# Decoders ---------------------------------------------------------------------------------------------------------


def _pictures() -> list[bytes]:
    """Return small files of every format and mode that decoders treat differently, some with profile and EXIF."""
    image = photo(24, 16)
    clear = image.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    exif = Image.Exif()
    exif[274], exif[271], exif[282] = 6, "maker", 72.0
    exif.get_ifd(34665)[36867] = "2026:01:01 00:00:00"
    described: dict[str, Any] = {"exif": exif, "icc_profile": SRGB}
    moving: dict[str, Any] = {"save_all": True, "append_images": [image.rotate(90)]}
    deep = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    found: list[tuple[Image.Image, str, dict[str, Any]]] = [
        *((image.convert(mode), "PNG", described) for mode in ("1", "L", "P", "RGB")),
        *((image.convert(mode), "JPEG", described) for mode in ("L", "RGB", "CMYK")),
        *((image.convert(mode), "TIFF", {}) for mode in ("1", "L", "P", "RGB", "CMYK", "LAB")),
        *((image, "TIFF", {"compression": name}) for name in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        *((image.convert(mode), "BMP", {}) for mode in ("1", "P", "RGB")),
        *((image, kind, moving) for kind in ("PNG", "WEBP", "GIF", "AVIF", "MPO")),
        *((image, kind, described) for kind in ("WEBP", "AVIF")),
        *((clear, kind, {}) for kind in ("PNG", "WEBP", "TIFF", "AVIF", "BMP")),
        (image.convert("P"), "PNG", {"transparency": 3}),
        (image, "PNG", {"transparency": (1, 2, 3)}),
        (image.convert("P"), "GIF", {"transparency": 1}),
        (image, "JPEG", {"progressive": True}),
        (image.convert("1"), "TIFF", {"compression": "group4"}),
        (image.convert("L").convert("F"), "TIFF", {}),
        (clear.convert("LA"), "PNG", {}),
        (deep, "PNG", {}),
        (deep, "TIFF", {}),
        (image, "ICO", {}),
    ]
    files = []
    for shown, kind, options in found:
        with io.BytesIO() as target:
            shown.save(target, kind, **options)
            files.append(target.getvalue())
    return files


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PICTURES = _pictures()
SOUND = wav(tone(0.05, 16_000))


@st.composite
def damaged(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    """Draw a file with bytes changed, cut out, doubled or added."""
    data = bytearray(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 8)))
        data[start:end] = draw(st.binary(max_size=8)) * draw(st.sampled_from((1, 1, 1, 50)))
    return bytes(data)


@pytest.mark.parametrize("number", range(len(PICTURES)))
def test_each_file_that_is_going_to_be_damaged_is_whole(number: int) -> None:
    data = PICTURES[number]
    if data.startswith(b"\0\0\1\0"):  # ICO is not read
        with pytest.raises(TawnyError):
            decode_picture(data, max_pixels=1_000_000)
    else:
        assert sorted(decode_picture(data, max_pixels=1_000_000).image.size) == [16, 24]


def survives(decode: Callable[[], object]) -> None:
    """Whatever it is, it is decoded or refused in our words."""
    try:
        decode()
    except TawnyError as error:
        assert error.message


@settings(many, max_examples=200 * LONGER)
@given(damaged(PICTURES) | st.binary(max_size=200))
def test_a_damaged_picture_is_decoded_or_refused(data: bytes) -> None:
    survives(lambda: decode_picture(data, max_pixels=1_000_000))
    survives(lambda: decode_mask(data, (24, 16), max_pixels=1_000_000))


@many
@given(damaged([SOUND]) | st.binary(max_size=200))
def test_a_damaged_sound_is_decoded_or_refused(data: bytes) -> None:
    survives(lambda: decode_sound(io.BytesIO(data), max_seconds=10.0))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
ODD_OPERATION = st.fixed_dictionaries(
    {"op": st.sampled_from(("rotate", "generate", "crop", "resize", "text", "blur", "convert", "sky")) | JSON},
    optional=dict.fromkeys(("degrees", "prompt", "width", "height", "to", "text", "format", "where", "amount"), JSON),
)


@many
@given(st.lists(ODD_OPERATION, max_size=9) | JSON | st.text(max_size=50))
def test_an_odd_plan_is_read_or_refused(plan: Any) -> None:
    survives(lambda: parse_plan(plan))
    survives(lambda: parse_plan(json.dumps(plan)))


# A crowd ----------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(300)
def test_two_hundred_at_once_each_get_the_right_answer_or_an_honest_503(make_gateway: Make) -> None:
    gateway = make_gateway()
    asked = photo(48, 32)
    sound = wav(tone(0.3, 16_000))
    draw = random.Random(3)

    async def plan(client: httpx.AsyncClient) -> int:
        answer = await client.post("/v1/images/plans", json={"command": "rotate right"})
        if answer.status_code == 200:
            assert answer.json()["operations"] == [ROTATE]
        return told(answer)

    async def rotate(client: httpx.AsyncClient) -> int:
        answer = await client.post("/v1/images/edits", files={"image": png(asked)}, data={"prompt": "rotate right"})
        if answer.status_code == 200:
            got = opened(base64.b64decode(answer.json()["data"][0]["b64_json"]))
            assert got.tobytes() == asked.transpose(Image.Transpose.ROTATE_270).tobytes()
        return told(answer)

    async def paint(client: httpx.AsyncClient) -> int:
        seed = draw.randrange(1000)
        fields = {"prompt": "add a dog", "seed": str(seed), "stream": "true"}
        answer = await client.post("/v1/images/edits", files={"image": png(asked)}, data=fields)
        if answer.status_code == 200:
            last = answer.text.strip().split("\n\n")[-1].splitlines()
            if last[0] == "event: error":
                assert json.loads(last[1][6:])["error"]["code"] == "busy"
                return 503
            assert last[0] == "event: image_edit.completed"
            assert json.loads(last[1][6:])["seed"] == seed
        return told(answer)

    async def hear(client: httpx.AsyncClient) -> int:
        answer = await client.post("/v1/audio/transcriptions", files={"file": ("a.wav", sound, "audio/wav")})
        if answer.status_code == 200:
            assert answer.json()["text"] == "Rotate right."
        return told(answer)

    async def speak(client: httpx.AsyncClient) -> int:
        answer = await client.post(
            "/v1/audio/speech", json={"input": "One. Two.", "voice": "small-voice", "response_format": "pcm"}
        )
        if answer.status_code == 200:
            assert len(answer.content) > 2 * 22_050 * 0.19
        return told(answer)

    async def keep(client: httpx.AsyncClient) -> int:
        answer = await client.post("/v1/jobs", files={"image": png(asked)}, data={"prompt": "rotate right"})
        return told(answer)

    def told(answer: httpx.Response) -> int:
        if answer.status_code == 503:
            assert answer.json()["error"]["code"] == "busy"
            assert int(answer.headers["retry-after"]) >= 1
        return answer.status_code

    async def crowd() -> list[int]:
        limits = httpx.Limits(max_connections=200)
        async with httpx.AsyncClient(base_url=gateway.url, timeout=240, limits=limits) as client:
            kinds = [plan, rotate, paint, hear, speak, keep]
            return await asyncio.gather(*(kinds[number % len(kinds)](client) for number in range(200)))

    statuses = Counter(asyncio.run(crowd()))
    assert set(statuses) <= {200, 202, 503}, statuses
    # How many fit depends on the machine; a server that refuses nearly everything would be honest and useless.
    assert statuses[200] + statuses[202] >= 60, statuses
    assert httpx.get(f"{gateway.url}/health", timeout=30).status_code == 200
    after = httpx.post(f"{gateway.url}/v1/images/plans", json={"command": "rotate right"}, timeout=60)
    assert after.status_code == 200
