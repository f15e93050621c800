"""Decoding, masks and encoding: real photographs and the awkward files that reach a server."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from inference.errors import InvalidRequest, MaskMismatch, Refused, TooLarge, UnreadableImage
from inference.facts import as_parameters
from inference.pictures import Format, Picture, decode_mask, decode_picture, encode_picture

PICTURES = Path(__file__).parent / "pictures"
LIMIT = 64_000_000
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FORMATS: tuple[Format, ...] = ("png", "jpeg", "webp")
FACTS: dict[str, Any] = {
    "prompt": "add a dog, please",
    "negative_prompt": "blurry",
    "steps": 20,
    "guidance_scale": 7.5,
    "seed": 42,
    "model": "a:model, of some name",
    "device": "cpu",
    "operations": [{"op": "generate", "prompt": "a dog – 犬"}],
}


def save(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    with io.BytesIO() as target:
        image.save(target, kind, **options)
        return target.getvalue()


def decode(data: bytes) -> Picture:
    return decode_picture(data, max_pixels=LIMIT)


def reopen(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def photo(name: str = "china") -> Image.Image:
    with Image.open(PICTURES / f"{name}.jpg") as image:
        return image.convert("RGB")


# Decoding -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["astronaut", "brick", "chelsea", "china", "coffee", "rocket"])
def test_a_photograph_is_decoded_pixel_for_pixel(name: str) -> None:
    picture = decode((PICTURES / f"{name}.jpg").read_bytes())
    assert (picture.image.mode, picture.format) == ("RGB", "jpeg")
    assert picture.image.tobytes() == photo(name).tobytes()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied_once_and_cleared(orientation: int) -> None:
    image = Image.new("RGB", (64, 32), "black")
    image.paste("red", (0, 0, 16, 16))
    exif = Image.Exif()
    exif[274] = orientation
    for kind, options in (("PNG", {}), ("JPEG", {"quality": 95}), ("TIFF", {})):
        picture = decode(save(image, kind, exif=exif, **options))
        corner = {1: (0, 0), 2: (1, 0), 3: (1, 1), 4: (0, 1), 5: (0, 0), 6: (1, 0), 7: (1, 1), 8: (0, 1)}[orientation]
        width, height = picture.image.size
        assert (width, height) == ((64, 32) if orientation < 5 else (32, 64))
        red, green, _ = picture.image.getpixel((4 + corner[0] * (width - 8), 4 + corner[1] * (height - 8)))  # type: ignore[misc]
        assert red > 200 and green < 60
        again = decode(encode_picture(picture, "jpeg"))
        assert again.image.size == picture.image.size
        assert Image.open(io.BytesIO(encode_picture(picture, "jpeg"))).getexif().get(274) is None


def exif_with_position() -> Image.Exif:
    exif = Image.Exif()
    exif[271], exif[315], exif[274] = "Maker", "A. Person", 6
    exif.get_ifd(34853).update({1: "N", 2: (52.0, 31.0, 12.0)})
    exif.get_ifd(34665).update({33434: 0.01, 37500: b"maker note with a position"})
    return exif


@pytest.mark.parametrize("kind", FORMATS)
def test_profile_resolution_and_author_survive_and_the_position_does_not(kind: Format) -> None:
    source = save(photo(), "JPEG", exif=exif_with_position(), icc_profile=SRGB, dpi=(300, 300))
    result = encode_picture(decode(source), kind)
    image = reopen(result)
    assert image.info["icc_profile"] == SRGB
    picture = decode(result)
    assert picture.dpi == pytest.approx((300, 300), rel=1e-3)
    exif = image.getexif()
    assert exif[271] == "Maker"
    assert exif[315] == "A. Person"
    assert exif.get_ifd(34665)[33434] == pytest.approx(0.01)
    assert not exif.get_ifd(34853)
    assert b"maker note" not in result


def test_unequal_resolutions_turn_with_the_picture() -> None:
    exif = Image.Exif()
    exif[274] = 6
    assert decode(save(photo(), "JPEG", exif=exif, dpi=(100, 200))).dpi == (200, 100)


def test_a_tiff_without_a_resolution_has_none() -> None:
    assert decode(save(photo(), "TIFF")).dpi is None
    assert decode(save(photo(), "TIFF", dpi=(300, 300))).dpi == (300, 300)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_alpha_survives_with_the_colours_under_it(kind: Format) -> None:
    image = photo("coffee").convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    options = {"lossless": True, "exact": True} if kind == "webp" else {}
    picture = decode(save(image, kind.upper(), **options))
    assert picture.image.tobytes() == image.tobytes()
    assert reopen(encode_picture(picture, kind)).getchannel("A").tobytes() == image.getchannel("A").tobytes()


def test_jpeg_shows_white_where_the_picture_is_transparent() -> None:
    image = Image.new("RGBA", (32, 32), (255, 0, 0, 0))
    assert reopen(encode_picture(Picture(image), "jpeg")).getpixel((5, 5)) == (255, 255, 255)


GREY16 = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (save(Image.new("1", (4, 4), 1)), (255, 255, 255)),
        (save(Image.new("L", (4, 4), 77)), (77, 77, 77)),
        (save(Image.new("LA", (4, 4), (77, 9))), (77, 77, 77, 9)),
        (save(Image.new("P", (4, 4), 0)), (0, 0, 0)),
        (save(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=100), (254, 0, 0)),
        (save(Image.new("CMYK", (4, 4), (0, 255, 255, 0)), "TIFF"), (255, 0, 0)),
        (save(Image.fromarray(np.full((4, 4), 65535, np.uint16))), (255, 255, 255)),
        (save(Image.fromarray(np.full((4, 4), 257 * 12, np.uint16)), "TIFF"), (12, 12, 12)),
        (save(Image.fromarray(np.full((4, 4), 0.5, np.float32)), "TIFF"), (128, 128, 128)),
        (save(Image.new("I", (4, 4), 40000), "TIFF"), (156, 156, 156)),
        (save(Image.new("RGB", (1, 1), "red")), (255, 0, 0)),
        (save(Image.new("RGB", (4, 4), "red"), "BMP"), (255, 0, 0)),
    ],
    ids=["1", "L", "LA", "P", "CMYK jpeg", "CMYK tiff", "16", "16 tiff", "float", "32", "1x1", "bmp"],
)
def test_every_mode_becomes_rgb_or_rgba(data: bytes, expected: tuple[int, ...]) -> None:
    image = decode(data).image
    pixel = image.getpixel((0, 0))
    assert isinstance(pixel, tuple) and image.mode == ("RGB" if len(expected) == 3 else "RGBA")
    assert all(abs(value - wanted) <= 2 for value, wanted in zip(pixel, expected, strict=True))


def test_sixteen_bit_grey_keeps_its_whole_range() -> None:
    levels = np.asarray(decode(save(Image.fromarray(GREY16))).image)[..., 0].ravel()
    assert levels.tolist() == list(range(256))


def test_a_palette_with_transparency_becomes_rgba() -> None:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    assert decode(save(image, transparency=1)).image.getpixel((0, 0)) == (0, 255, 0, 0)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    picture = decode(save(frames[0], kind, save_all=True, append_images=frames[1:], duration=50))
    red, green, blue = picture.image.convert("RGB").getpixel((4, 4))  # type: ignore[misc]
    assert red > 240 and green < 15 and blue < 15


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    whole = save(photo("chelsea"), kind)
    for share in (0.2, 0.6, 0.95):
        with pytest.raises(UnreadableImage):
            decode(whole[: int(len(whole) * share)])


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"<svg/>", b"%!PS"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(UnreadableImage):
        decode(data)


def png_of_size(width: int, height: int, rows: bytes = b"") -> bytes:
    """Make a PNG whose header claims a size that its data need not have."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_header_that_lies_is_refused() -> None:
    with pytest.raises(UnreadableImage):
        decode(png_of_size(4000, 3000, bytes(100)))


@pytest.mark.parametrize("size", [(8001, 8000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(TooLarge):
        decode(png_of_size(*size))


def test_a_compressed_text_bomb_is_refused_or_ignored() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("comment", "a" * 3_000_000, zip=True)
    with pytest.raises(Refused):
        decode(save(Image.new("RGB", (4, 4)), pnginfo=info))


def test_a_jpeg_of_thousands_of_scans_is_refused_at_once() -> None:
    whole = save(photo("chelsea"), "JPEG", progressive=True)
    assert decode(whole).image.size == (451, 300)
    start = whole.rindex(b"\xff\xda")
    with pytest.raises(UnreadableImage, match="scans"):
        decode(whole[:start] + whole[start:-2] * 300 + b"\xff\xd9")


def test_fifty_megapixels_are_decoded_and_one_pixel_more_than_the_limit_is_not() -> None:
    data = save(Image.new("L", (10_000, 5_000), 90), "JPEG")
    assert decode(data).image.size == (10_000, 5_000)
    with pytest.raises(TooLarge):
        decode_picture(data, max_pixels=49_999_999)


def test_the_limit_in_bytes_is_in_force() -> None:
    data = save(photo())
    with pytest.raises(TooLarge):
        decode_picture(data, max_pixels=LIMIT, max_bytes=len(data) - 1)
    assert decode_picture(data, max_pixels=LIMIT, max_bytes=len(data)).format == "png"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_profile_or_exif_block_costs_no_more_than_itself() -> None:
    picture = decode(save(photo(), "JPEG", icc_profile=b"nonsense", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f"))
    assert picture.icc is None and picture.exif is None


def test_a_grey_profile_is_not_kept_for_rgb_numbers() -> None:
    profile = bytearray(SRGB)
    profile[16:20] = b"GRAY"
    assert decode(save(Image.new("L", (4, 4), 9), icc_profile=bytes(profile))).icc is None


@given(st.binary(max_size=400))
@settings(max_examples=150, deadline=None)
def test_random_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        decode(data)


SMALL = photo("rocket").resize((24, 16))
SAMPLES = [save(SMALL, kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")] + [
    save(SMALL, "JPEG", exif=exif_with_position(), icc_profile=SRGB, progressive=True),
    save(SMALL, "TIFF", compression="tiff_lzw"),
    save(SMALL.convert("P"), "PNG", transparency=3),
]


@pytest.mark.filterwarnings("ignore")
@given(st.sampled_from(SAMPLES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12))
@settings(max_examples=300, deadline=None)
def test_a_damaged_file_is_decoded_or_refused(sample: bytes, damage: list[tuple[float, int]]) -> None:
    data = bytearray(sample)
    for place, value in damage:
        data[int(place * (len(data) - 1))] = value
    try:
        picture = decode_picture(bytes(data), max_pixels=1_000_000)
    except Refused:
        return
    assert picture.image.mode in ("RGB", "RGBA")
    assert encode_picture(picture, "png", facts=FACTS)


# Masks --------------------------------------------------------------------------------------------------------------


def half(edit: Any, keep: Any, mode: str, size: tuple[int, int] = (8, 4)) -> Image.Image:
    """Make a mask whose left half is to be edited."""
    image = Image.new(mode, size, keep)
    image.paste(edit, (0, 0, size[0] // 2, size[1]))
    return image


DEEP = np.zeros((4, 8), np.uint16)
DEEP[:, :4] = 65535


@pytest.mark.parametrize(
    "data",
    [
        save(half(255, 0, "L")),
        save(half(1, 0, "1")),
        save(half("white", "black", "RGB")),
        save(half((255, 255, 255, 255), (0, 0, 0, 255), "RGBA")),
        save(half((0, 0, 0, 0), (0, 0, 0, 255), "RGBA")),
        save(half((255, 255, 255, 0), (255, 255, 255, 255), "RGBA")),
        save(half((90, 0), (90, 255), "LA")),
        save(Image.fromarray(DEEP)),
        save(half(255, 0, "L"), "TIFF"),
        save(half("white", "black", "RGB"), "WEBP", lossless=True),
    ],
    ids=["L", "1", "RGB", "opaque", "openai", "openai white", "LA", "16", "tiff", "webp"],
)
def test_every_kind_of_mask_selects_the_left_half(data: bytes) -> None:
    mask = decode_mask(data, (8, 4), max_pixels=LIMIT)
    assert mask.mode == "L"
    assert np.asarray(mask).tolist() == [[255] * 4 + [0] * 4] * 4


def test_the_noise_of_a_jpeg_selects_nothing() -> None:
    mask = decode_mask(save(half(255, 0, "L", (64, 64)), "JPEG", quality=30), (64, 64), max_pixels=LIMIT)
    assert set(np.unique(np.asarray(mask))) == {0, 255}
    assert np.asarray(mask)[:, 40:].max() == 0


def test_a_mask_is_read_as_displayed() -> None:
    exif = Image.Exif()
    exif[274] = 6
    mask = decode_mask(save(half(255, 0, "L"), exif=exif), (4, 8), max_pixels=LIMIT)
    assert mask.getbbox() == (0, 0, 4, 4)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.new("L", (8, 5), 255), "8x5"),
        (Image.new("L", (4, 8), 255), "4x8"),
        (Image.new("L", (8, 4), 0), "nothing"),
        (Image.new("RGBA", (8, 4), (0, 0, 0, 255)), "nothing"),
    ],
)
def test_another_size_or_an_empty_selection_is_a_mismatch(image: Image.Image, words: str) -> None:
    with pytest.raises(MaskMismatch, match=words) as caught:
        decode_mask(save(image), (8, 4), max_pixels=LIMIT)
    assert caught.value.param == "mask"


@pytest.mark.parametrize(
    "image", [Image.new("RGBA", (8, 4)), Image.new("1", (8, 4), 1), Image.new("RGB", (8, 4), "white")]
)
def test_a_full_mask_selects_everything(image: Image.Image) -> None:
    assert decode_mask(save(image), (8, 4), max_pixels=LIMIT).getextrema() == (255, 255)


def test_a_mask_that_is_no_picture_is_blamed_on_the_mask() -> None:
    with pytest.raises(UnreadableImage, match="mask") as caught:
        decode_mask(b"nonsense", (8, 4), max_pixels=LIMIT)
    assert caught.value.param == "mask"


# Encoding and facts -------------------------------------------------------------------------------------------------


def test_parameters_are_in_the_form_that_other_programs_read() -> None:
    assert as_parameters({**FACTS, "prompt": "add a dog,\nplease"}) == (
        "add a dog, please\nNegative prompt: blurry\n"
        'Steps: 20, CFG scale: 7.5, Seed: 42, Model: "a:model, of some name", Device: cpu, Version: Tawny'
    )
    assert as_parameters({}) == ""


def test_parameters_take_prompt_and_model_from_wherever_they_are() -> None:
    steps = [{"op": "generate", "prompt": "a cat"}, {"op": "sepia"}, {"op": "generate", "prompt": "a dog"}]
    models = {"parser": "small-lm", "inpainter": "starter"}
    facts = {"command": None, "operations": steps, "seed": 0, "models": models, "devices": {"parser": "cpu"}}
    assert as_parameters(facts) == "a cat, a dog\nSeed: 0, Model: starter, Device: parser=cpu, Version: Tawny"


def test_a_png_says_what_was_done_to_it() -> None:
    image: Any = reopen(encode_picture(Picture(photo()), "png", facts=FACTS))
    assert image.text["parameters"] == as_parameters(FACTS)
    assert json.loads(image.text["tawny"]) == FACTS


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_jpeg_and_webp_say_it_in_exif_and_xmp(kind: Format) -> None:
    image: Any = reopen(encode_picture(Picture(photo()), kind, facts=FACTS))
    comment = image.getexif().get_ifd(34665)[37510]
    assert comment.removeprefix(b"UNICODE\0").decode("utf-16-be") == as_parameters(FACTS)
    packet = image.info["xmp"].decode()
    stored = packet.split("tawny:facts=", 1)[1].split("/>", 1)[0]
    assert json.loads(stored.strip("'\"").replace("&quot;", '"')) == FACTS


@pytest.mark.parametrize("kind", FORMATS)
def test_facts_of_any_length_and_any_characters_can_be_written(kind: Format) -> None:
    facts = {"prompt": "x" * 200_000, "negative_prompt": "\ud800 \x00 犬", "other": object}
    assert reopen(encode_picture(Picture(photo().resize((8, 8))), kind, facts=facts)).size == (8, 8)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_picture_gives_the_same_bytes_and_quality_counts(kind: Format) -> None:
    picture = Picture(photo())
    assert encode_picture(picture, kind) == encode_picture(picture, kind)
    if kind != "png":
        assert len(encode_picture(picture, kind, quality=30)) < len(encode_picture(picture, kind, quality=95)) / 2


def test_a_side_that_the_format_cannot_hold_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="16383"):
        encode_picture(Picture(Image.new("RGB", (16_384, 1))), "webp")
    with pytest.raises(InvalidRequest, match="65500"):
        encode_picture(Picture(Image.new("RGB", (1, 65_501))), "jpeg")
