"""Finished pictures as files: which format and size a client asked for, and the bytes.

    rendering = Rendering(format="jpeg", quality=90, box=None)
    data, size = rendering.render(edited)

It paints nothing; fitting a result into an asked-for size is all it does to pixels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, cast

from PIL import Image

from api.settings import Settings
from inference.errors import InvalidRequest, TooLarge
from inference.pictures import Picture, encode_picture
from inference.runtime import Edited, EditResult

PictureFormat = Literal["png", "jpeg", "webp"]
FORMATS: tuple[PictureFormat, ...] = ("png", "jpeg", "webp")

_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Rendering:
    """``quality`` 0..100 for jpeg and webp, None for the format's default; ``box`` is the largest width and height."""

    format: PictureFormat
    quality: int | None
    box: tuple[int, int] | None

    def render(self, edited: Edited) -> tuple[bytes, str]:
        """Return the file and its size as "WxH". Slow for large pictures: call it on a thread."""
        picture = self._fit(edited.picture)
        size = f"{picture.image.width}x{picture.image.height}"
        facts = {**edited.facts, "size": size}
        return encode_picture(picture, self.format, quality=self.quality, facts=facts), size

    def show(self, image: Image.Image) -> bytes:
        """Return a picture of the work in progress as a file without metadata."""
        picture = Picture(image=image, icc=None, dpi=None, exif=None, format=None)
        return encode_picture(picture, self.format, quality=self.quality, facts=None)

    def _fit(self, picture: Picture) -> Picture:
        """Scale to the largest size within the box that keeps the picture's ratio."""
        if self.box is None:
            return picture
        image = picture.image
        scale = min(self.box[0] / image.width, self.box[1] / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        if size == image.size:
            return picture
        # Pillow multiplies alpha in by itself: colours of transparent pixels do not bleed into the edges.
        return replace(picture, image=image.resize(size, Image.Resampling.LANCZOS))


def read_size(size: str | None, settings: Settings) -> tuple[int, int] | None:
    """Return the box that "WxH" names, None for "auto"; raise `InvalidRequest` or `TooLarge`."""
    if size is None or size in ("", "auto"):
        return None
    match = _SIZE.fullmatch(size)
    if match is None or 0 in (int(match[1]), int(match[2])):
        raise InvalidRequest('size: must be "auto" or "WIDTHxHEIGHT", such as "1024x768"', param="size")
    box = int(match[1]), int(match[2])
    if box[0] * box[1] > settings.max_pixels:
        raise TooLarge(f"size: {size} is more than {settings.max_pixels} pixels, the limit", param="size")
    return box


def wished_format(accept: str) -> str | None:
    """Return what an Accept header that puts pictures first asks for: a format, "any", or None for JSON.

    >>> wished_format("image/webp, */*"), wished_format("image/*"), wished_format("application/json")
    ('webp', 'any', None)
    """
    first = accept.split(",")[0].split(";")[0].strip().lower()
    if not first.startswith("image/"):
        return None
    return first[6:] if first[6:] in FORMATS else "any"


def choose_rendering(
    result: EditResult | None,
    asked: PictureFormat | None,
    quality: int | None,
    box: tuple[int, int] | None,
    wished: str | None,
) -> Rendering:
    """Decide the format: the field, then a "convert" in the plan, then Accept, then PNG. No result yet: no plan."""
    converted = None if result is None else result.format
    format_ = asked or converted or (wished if wished in FORMATS else None) or "png"
    if quality is None and result is not None:
        quality = result.quality
    return Rendering(cast(PictureFormat, format_), None if quality is None else max(1, quality), box)
