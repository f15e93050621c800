"""Large PNG files: every pixel comes back, whatever is in them, and the bytes are the picture's alone."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from inference import large_png
from inference.large_png import write_png
from inference.pictures import Picture, encode_picture

PICTURES = Path(__file__).parent / "pictures"
NOISE = np.random.default_rng(0).integers(0, 256, (60, 90, 4), np.uint8)


def photo(size: tuple[int, int]) -> Image.Image:
    with Image.open(PICTURES / "china.jpg") as image:
        return image.convert("RGB").resize(size)


def reopen(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def text(size: tuple[int, int]) -> Image.Image:
    image = Image.new("RGB", size, "white")
    for row in range(0, size[1], 14):
        ImageDraw.Draw(image).text((5, row), "to be or not to be " * 20, fill="black")
    return image


def noise(mode: str) -> Image.Image:
    return Image.fromarray(NOISE if mode == "RGBA" else np.ascontiguousarray(NOISE[..., :3]), mode)


@pytest.mark.parametrize(
    "image",
    [
        noise("RGB"),
        noise("RGBA"),
        photo((333, 201)),
        text((400, 300)),
        Image.new("RGB", (50, 50), "teal"),
        Image.new("RGBA", (1, 1), (1, 2, 3, 4)),
        Image.new("RGB", (1, 3000), "red"),
        Image.new("RGB", (3000, 1), "red"),
        noise("RGB").crop((0, 0, 1, 60)),
    ],
)
@pytest.mark.parametrize("band", [1, 1000, 1 << 20])
def test_every_pixel_comes_back(image: Image.Image, band: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_png, "BAND", band)
    again = reopen(write_png(image))
    assert (again.size, again.mode) == (image.size, image.mode)
    assert again.tobytes() == image.tobytes()


def test_the_file_is_what_the_specification_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_png, "BAND", 5000)
    image = photo((120, 77))
    data = write_png(image)
    stream, kinds, place = b"", [], 8
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        kind, content = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        assert struct.unpack_from(">I", data, place + 8 + length) == (zlib.crc32(kind + content),)
        stream += content if kind == b"IDAT" else b""
        kinds.append(kind)
        place += 12 + length
    assert kinds[0] == b"IHDR" and kinds[-1] == b"IEND" and kinds.count(b"IDAT") > 3
    whole = zlib.decompressobj()
    raw = whole.decompress(stream)  # checks the Adler-32, too
    assert whole.eof and not whole.unused_data
    assert len(raw) == 77 * (1 + 3 * 120)


def test_the_bytes_do_not_depend_on_the_number_of_threads() -> None:
    image = photo((1200, 900))
    assert write_png(image, threads=1) == write_png(image, threads=2) == write_png(image, threads=7)


def test_what_is_not_pixels_is_written_too() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a dog – 犬")
    again: Any = reopen(write_png(noise("RGBA"), dpi=(300, 150), pnginfo=info, icc_profile=b"x" * 200))
    assert again.text["parameters"] == "a dog – 犬"
    assert again.info["dpi"] == pytest.approx((300, 150), abs=0.1)
    assert again.info["icc_profile"] == b"x" * 200


@pytest.mark.parametrize("draw", [photo, text])
def test_files_stay_about_as_small_as_pillows(draw: Any) -> None:
    image = draw((1500, 1000))
    with io.BytesIO() as target:
        image.save(target, "PNG", compress_level=4)
        assert len(write_png(image)) < 1.25 * len(target.getvalue())


def test_large_pictures_are_written_so_and_small_ones_by_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[int, int]] = []

    def write(image: Image.Image, **options: Any) -> bytes:
        written.append(image.size)
        return write_png(image, **options)

    monkeypatch.setattr("inference.pictures.write_png", write)
    facts = {"seed": 7, "prompt": "a dog"}
    for size in ((2000, 1000), (1999, 1000)):
        data = encode_picture(Picture(photo(size), dpi=(72, 72)), "png", facts=facts)
        again: Any = reopen(data)
        assert again.tobytes() == photo(size).tobytes() and "Seed: 7" in again.text["parameters"]
    assert written == [(2000, 1000)]
