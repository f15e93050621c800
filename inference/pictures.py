"""Bytes to pictures and back: what every boundary that takes or gives a picture uses.

A decoded picture is RGB or RGBA, 8 bits a channel, the way a person sees it: the EXIF orientation is applied once and
forgotten. Its ICC profile, resolution and harmless EXIF stay with it; where it was taken, thumbnails and maker notes do
not. Pixel counts are checked against the header before anything is decoded. It knows nothing of edits or of HTTP.

    picture = decode_picture(data, max_pixels=64_000_000)
    mask = decode_mask(mask_data, picture.image.size, max_pixels=64_000_000)
    png = encode_picture(picture, "png", quality=None, facts={"seed": 7})
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from inference.errors import InvalidRequest, MaskMismatch, TooLarge, UnreadableImage
from inference.facts import as_packet, as_parameters, as_text
from inference.large_png import write_png

Format = Literal["png", "jpeg", "webp"]

READABLE = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "BMP", "TIFF")
MEDIA_TYPES: Mapping[Format, str] = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
LONGEST_SIDE: Mapping[Format, int] = {"png": 2**31 - 1, "jpeg": 65_500, "webp": 16_383}

# A progressive JPEG has about ten scans. Each is a pass over the whole picture, so a few kilobytes of scans keep a
# decoder busy for hours.
_MOST_SCANS = 200

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_LARGE = 2_000_000
"""From so many pixels on Pillow's PNG takes a second and more."""

# EXIF tags that outlive an edit: who, what, when, which lens; never where, and nothing that an edit makes wrong.
_KEPT_TAGS = (270, 271, 272, 305, 306, 315, 33432)
_KEPT_PHOTO_TAGS = (
    *(33434, 33437, 34850, 34855, 36867, 36868, 36880, 36881, 36882),
    *(37377, 37378, 37380, 37383, 37385, 37386, 40961, 41989, 42035, 42036),
)
_ORIENTATION, _PHOTO_IFD, _X_RESOLUTION, _Y_RESOLUTION, _USER_COMMENT = 274, 34665, 282, 283, 37510


@dataclass(frozen=True)
class Picture:
    """A picture and what travels with it.

    ``image``   PIL, mode RGB or RGBA, upright; its own ``info`` is empty.
    ``icc``     the profile that gives its RGB numbers a meaning; None means sRGB.
    ``dpi``     horizontal and vertical, in pixels per inch.
    ``exif``    a serialised EXIF block without orientation, position, thumbnail and maker notes.
    ``format``  what it was read from: "png", "jpeg", "webp", "avif", "gif", "bmp" or "tiff".
    """

    image: Image.Image
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    exif: bytes | None = None
    format: str | None = None


def decode_picture(data: bytes, *, max_pixels: int, max_bytes: int | None = None) -> Picture:
    """Decode a PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF whole; of an animation, the first frame.

    Raises `TooLarge` past ``max_pixels`` (width x height, from the header) or ``max_bytes``, `UnreadableImage` for
    anything that does not decode to its end.
    """
    return _decode(data, max_pixels, max_bytes)


def _decode(data: bytes, max_pixels: int, max_bytes: int | None, *, keep_grey: bool = False) -> Picture:
    """Decode to RGB or RGBA, or with ``keep_grey`` also to L."""
    if max_bytes is not None and len(data) > max_bytes:
        raise TooLarge(f"The picture has {len(data)} bytes; at most {max_bytes} are taken", param="image")
    try:
        with _open(data, max_pixels, "image") as source:
            source.load()
            orientation = _orientation(source)
            exif = _clean_exif(source)
            dpi = _resolution(source)
            kind = "jpeg" if source.format == "MPO" else (source.format or "").lower()
            if keep_grey and source.mode in ("1", "L") and not source.has_transparency_data:
                image, icc = source.convert("L"), None
            else:
                image, icc = _to_rgb(source)
    except (TooLarge, UnreadableImage):
        raise
    except MemoryError as error:
        raise TooLarge("There is not enough memory to decode this picture", param="image") from error
    except Exception as error:  # Decoders raise what they like: SyntaxError, struct.error, IndexError, ...
        raise UnreadableImage(f"The picture cannot be decoded: {_first_line(error)}", param="image") from error
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
        if orientation >= 5 and dpi is not None:
            dpi = dpi[1], dpi[0]
    image.info = {}
    return Picture(image=image, icc=icc, dpi=dpi, exif=exif, format=kind)


def decode_mask(data: bytes, size: tuple[int, int], *, max_pixels: int) -> Image.Image:
    """Decode a mask for a picture of ``size`` (displayed width, height): `read_mask`, then `check_mask`."""
    return check_mask(read_mask(data, max_pixels=max_pixels), size)


def read_mask(data: bytes, *, max_pixels: int) -> Image.Image:
    """Decode a mask to mode L holding only 0 and 255 = edit.

    With any transparency it is read as OpenAI's masks are: transparent means edit. Otherwise white means edit. Half
    and more counts as edit, so that the noise of a JPEG selects nothing. Raises `UnreadableImage` and `TooLarge` as
    `decode_picture` does.
    """
    try:
        image = _decode(data, max_pixels, None, keep_grey=True).image
    except UnreadableImage as error:
        raise UnreadableImage(error.message.replace("picture", "mask"), param="mask") from error
    except TooLarge as error:
        raise TooLarge(error.message.replace("picture", "mask"), param="mask") from error
    level = image.convert("L") if image.mode != "L" else image
    if image.mode == "RGBA":
        alpha = image.getchannel("A")
        if alpha.getextrema()[0] != 255:
            level = alpha.point(lambda value: 255 - value)
    return level.point(lambda value: 255 if value >= 128 else 0)


def check_mask(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return ``mask``, or raise `MaskMismatch` if it is of another size or selects nothing."""
    if mask.size != size:
        raise MaskMismatch(
            f"The mask is {mask.width}x{mask.height}, the picture {size[0]}x{size[1]}; they must be the same size "
            "(a picture with an EXIF orientation counts as displayed)",
            param="mask",
        )
    if mask.getbbox() is None:
        raise MaskMismatch(
            "The mask selects nothing: make the part to edit transparent, or white in a mask without transparency",
            param="mask",
        )
    return mask


def encode_picture(
    picture: Picture,
    format: Format,  # noqa: A002 - the word everybody uses
    *,
    quality: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> bytes:
    """Encode with the profile, the resolution and the EXIF block it carries.

    ``quality`` 1..100 is for JPEG and WebP (default 92). JPEG has no alpha: transparency becomes white. ``facts``, as
    `inference.facts` describes them, are written into the file. Raises `InvalidRequest` for a side that the format
    cannot hold.
    """
    image = picture.image
    if max(image.size) > LONGEST_SIDE[format]:
        raise InvalidRequest(
            f"{format} holds sides of at most {LONGEST_SIDE[format]} pixels, this picture is "
            f"{image.width}x{image.height}; ask for png",
            param="output_format",
        )
    options: dict[str, Any] = {}
    if picture.icc is not None:
        options["icc_profile"] = picture.icc
    exif = Image.Exif()
    if picture.exif is not None:
        exif.load(picture.exif)
    if format == "png":
        if picture.dpi is not None:
            options["dpi"] = picture.dpi
        if facts is not None:
            options["pnginfo"] = as_text(facts)
    else:
        options["quality"] = 92 if quality is None else quality
        if facts is not None:
            comment = as_parameters(facts).encode("utf-16-be", "replace")[:16_000]
            exif.get_ifd(_PHOTO_IFD)[_USER_COMMENT] = b"UNICODE\0" + comment
            options["xmp"] = as_packet(facts)
    if format == "jpeg":
        image = flatten(image)
        if options["quality"] >= 90:
            options["subsampling"] = 0
        if picture.dpi is not None:
            options["dpi"] = picture.dpi
    if format == "webp":
        if picture.dpi is not None:
            exif[_X_RESOLUTION], exif[_Y_RESOLUTION] = picture.dpi
            exif[296] = 2  # inches
        options["exact"] = True  # Colours under full transparency are the caller's, too.
    if len(exif) or exif.get_ifd(_PHOTO_IFD):  # Its length does not count nested blocks.
        options["exif"] = exif.tobytes()
    if format == "png":
        if image.width * image.height >= _LARGE:
            return write_png(image, **options)
        options["compress_level"] = 4  # 6 takes about twice as long for 2 % fewer bytes.
    with io.BytesIO() as target:
        image.save(target, format=format.upper(), **options)
        return target.getvalue()


def flatten(image: Image.Image, color: str = "white") -> Image.Image:
    """Return ``image`` as RGB, its transparent parts over ``color``."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, color)
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _open(data: bytes, max_pixels: int, param: str) -> Image.Image:
    try:
        source = Image.open(io.BytesIO(data), formats=READABLE)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise TooLarge(f"The picture has more than {max_pixels} pixels", param=param) from error
    except UnidentifiedImageError as error:
        raise UnreadableImage(
            "The bytes are no picture that is known here; send PNG, JPEG, WebP, AVIF, GIF, BMP or TIFF", param=param
        ) from error
    width, height = source.size
    if width * height > max_pixels:
        source.close()
        raise TooLarge(f"The picture is {width}x{height}; at most {max_pixels} pixels are taken", param=param)
    if source.format in ("JPEG", "MPO") and data.count(b"\xff\xda") > _MOST_SCANS:
        source.close()
        raise UnreadableImage("The picture is a JPEG of absurdly many scans", param=param)
    return source


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _to_rgb(source: Image.Image) -> tuple[Image.Image, bytes | None]:
    """Return the pixels as RGB or RGBA, and the profile if it still describes them."""
    icc = source.info.get("icc_profile")
    if not isinstance(icc, bytes) or len(icc) < 128 or icc[36:40] != b"acsp":
        icc = None
    if source.mode.startswith(("I", "F")):
        return _from_deep_grey(source), None
    if source.mode == "LAB":
        return _convert_profile(source, ImageCms.createProfile("LAB")), None
    if icc is not None and icc[16:20] != b"RGB ":
        # A profile of CMYK or grey numbers says nothing about RGB ones: go through it once and leave it behind.
        if source.mode in ("CMYK", "L"):
            try:
                return _convert_profile(source, ImageCms.ImageCmsProfile(io.BytesIO(icc))), None
            except (ImageCms.PyCMSError, OSError):
                pass  # A broken profile is no reason to refuse the picture.
        icc = None
    return source.convert("RGBA" if source.has_transparency_data else "RGB"), icc


def _convert_profile(source: Image.Image, profile: Any) -> Image.Image:
    converted = ImageCms.profileToProfile(source, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # None only for in-place conversions.
    return converted


def _from_deep_grey(source: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and float grey to 8 bits; Pillow would clip at 255."""
    values = np.asarray(source).astype(np.float32)
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    top = float(values.max(initial=0.0))
    if source.mode.startswith("F") and top <= 1.0:
        scale = 255.0
    elif source.mode.startswith("I;16") or 255.0 < top <= 65535.0:
        scale = 255.0 / 65535.0
    else:
        scale = 255.0 / max(top, 255.0)
    grey = Image.fromarray(np.clip(np.rint(values * scale), 0, 255).astype(np.uint8), "L")
    transparent = source.info.get("transparency")
    if not isinstance(transparent, int):
        return grey.convert("RGB")
    rgba = grey.convert("RGBA")
    rgba.putalpha(Image.fromarray(np.where(values == transparent, 0, 255).astype(np.uint8), "L"))
    return rgba


def _orientation(source: Image.Image) -> int:
    try:
        value = source.getexif().get(_ORIENTATION, 1)
    except Exception:  # A broken EXIF block costs its orientation, not the picture.
        return 1
    return value if isinstance(value, int) else 1


def _clean_exif(source: Image.Image) -> bytes | None:
    try:
        found = source.getexif()
        photo = found.get_ifd(_PHOTO_IFD)
        kept = Image.Exif()
        kept.update({tag: found[tag] for tag in _KEPT_TAGS if tag in found})
        kept_photo = {tag: photo[tag] for tag in _KEPT_PHOTO_TAGS if tag in photo}
        if kept_photo:
            kept.get_ifd(_PHOTO_IFD).update(kept_photo)
        block = kept.tobytes() if len(kept) or kept_photo else None
    except Exception:  # Values of the wrong type, endless offsets: the picture is fine without them.
        return None
    return block if block is None or len(block) <= 16_384 else None


def _resolution(source: Image.Image) -> tuple[float, float] | None:
    try:
        dpi = source.info.get("dpi")
        if dpi is None:
            found = source.getexif()
            scale = 2.54 if found.get(296) == 3 else 1.0
            dpi = found[_X_RESOLUTION] * scale, found[_Y_RESOLUTION] * scale
        horizontal, vertical = float(dpi[0]), float(dpi[1])
    except Exception:  # Missing, not a pair, a division by zero.
        return None
    # A TIFF that says nothing of its resolution is read as 1.
    usable = all(math.isfinite(value) and 1.0 < value <= 100_000.0 for value in (horizontal, vertical))
    return (horizontal, vertical) if usable else None
