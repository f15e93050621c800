"""Operations on the shape of a picture: rotate, flip, resize, crop, trim, border. The mask follows."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from PIL import Image, ImageChops, ImageOps
from pydantic import Field

from inference.engine import Engine
from inference.engines.face_finder import FaceFinder
from inference.engines.subject_finder import SubjectFinder
from inference.errors import InvalidPlan, MaskMismatch
from inference.jobs import Job
from inference.operations.canvas import Canvas
from inference.operations.finding import find_face, find_subject, harden
from inference.operations.operation import AS_WHOLE, Color, Operation, Pixels
from inference.operations.telling import say_color, say_number

_QUARTERS = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    -90: Image.Transpose.ROTATE_90,
}
_TRIM_TOLERANCE = 12
_AROUND_SUBJECT = 0.04
"""Room around a subject, as a fraction of its longer side."""


class Rotate(Operation):
    """Turn the picture clockwise by degrees in (-180, 180]: right is 90, left is -90, upside down is 180.

    Quarter turns move pixels and lose nothing. Any other angle keeps the whole picture on a larger canvas whose
    corners are transparent; a format without transparency shows them white.
    """

    op: Literal["rotate"] = "rotate"
    degrees: Annotated[float, Field(gt=-180, le=180)]

    def told(self) -> str:
        if self.degrees == 180:
            return "turned the picture upside down"
        amount = "" if abs(self.degrees) == 90 else f" by {say_number(abs(self.degrees))} degrees"
        return f"turned the picture {'left' if self.degrees < 0 else 'right'}{amount}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        if self.degrees == 0:
            return canvas
        if self.degrees in _QUARTERS:
            quarter = _QUARTERS[int(self.degrees)]
            if self.degrees != 180 and canvas.dpi is not None:
                canvas = replace(canvas, dpi=(canvas.dpi[1], canvas.dpi[0]))
            return canvas.reshape(lambda image: image.transpose(quarter))
        turn = math.radians(self.degrees)
        width, height = canvas.image.size
        canvas.check_size(
            math.ceil(abs(width * math.cos(turn)) + abs(height * math.sin(turn))),
            math.ceil(abs(width * math.sin(turn)) + abs(height * math.cos(turn))),
        )

        def rotate(image: Image.Image) -> Image.Image:
            if image.mode == "L":
                return image.rotate(-self.degrees, Image.Resampling.NEAREST, expand=True)
            return image.convert("RGBA").rotate(-self.degrees, Image.Resampling.BICUBIC, expand=True)

        return canvas.reshape(rotate)


class Flip(Operation):
    """Mirror the picture: horizontal swaps left and right, vertical swaps top and bottom."""

    op: Literal["flip"] = "flip"
    axis: Literal["horizontal", "vertical"]

    def told(self) -> str:
        way = "left to right" if self.axis == "horizontal" else "top to bottom"
        return f"flipped the picture {way}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        side = Image.Transpose.FLIP_LEFT_RIGHT if self.axis == "horizontal" else Image.Transpose.FLIP_TOP_BOTTOM
        return canvas.reshape(lambda image: image.transpose(side))


class Resize(Operation):
    """Scale the picture to a width or a height in pixels (the ratio is kept), to both exactly, or by percent.

    Smaller is 50 percent, bigger 150, half 50, double 200.
    """

    forms: ClassVar[tuple[tuple[str, ...], ...]] = (("width",), ("height",), ("width", "height"), ("percent",))

    op: Literal["resize"] = "resize"
    width: Pixels | None = None
    height: Pixels | None = None
    percent: Annotated[float, Field(ge=1, le=1000)] | None = None

    def told(self) -> str:
        if self.percent is not None:
            return f"resized the picture to {say_number(self.percent)} percent"
        if self.width is not None and self.height is not None:
            return f"resized the picture to {self.width} by {self.height} pixels"
        side = f"{self.width} pixels wide" if self.width is not None else f"{self.height} pixels high"
        return f"made the picture {side}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        size = self.measure(*canvas.image.size)
        if size == canvas.image.size:
            return canvas
        canvas.check_size(*size)
        return canvas.reshape(
            lambda image: image.resize(
                size, Image.Resampling.NEAREST if image.mode == "L" else Image.Resampling.LANCZOS
            )
        )

    def measure(self, width: int, height: int) -> tuple[int, int]:
        """Return the size that a picture of ``width`` x ``height`` gets; at least one pixel a side."""
        if self.percent is not None:
            return max(1, round(width * self.percent / 100)), max(1, round(height * self.percent / 100))
        if self.width is None:
            assert self.height is not None
            return max(1, round(width * self.height / height)), self.height
        return self.width, self.height or max(1, round(height * self.width / width))


class Crop(Operation):
    """Cut out the middle: the largest part of an aspect ratio "W:H" (square is "1:1"), or width x height pixels.

    To "subject" or "face": what the mask of the request encloses; without one the subject or the largest face is found.
    """

    forms: ClassVar[tuple[tuple[str, ...], ...]] = (("aspect",), ("width", "height"), ("to",))

    op: Literal["crop"] = "crop"
    aspect: Annotated[str, Field(pattern="^[1-9][0-9]{0,3}:[1-9][0-9]{0,3}$")] | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    to: Literal["subject", "face"] | None = None

    def told(self) -> str:
        if self.to is not None:
            return f"cropped the picture to the {self.to}"
        if self.aspect is not None:
            width, height = self.aspect.split(":")
            return f"cropped the picture to {'a square' if width == height else f'{width} by {height}'}"
        return f"cropped the picture to {self.width} by {self.height} pixels"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        box = self.choose_box(canvas, job)
        return canvas.reshape(lambda image: image.crop(box))

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        if self.to is None or masked:
            return ()
        return (FaceFinder,) if self.to == "face" else (SubjectFinder,)

    def choose_box(self, canvas: Canvas, job: Job[Any]) -> tuple[int, int, int, int]:
        """Return (left, top, right, bottom) of what stays."""
        width, height = canvas.image.size
        if self.to is not None:
            if canvas.mask is None:
                return find_face(canvas.image, job) if self.to == "face" else self._around_subject(canvas.image, job)
            found = canvas.mask.getbbox()
            if found is None:  # An earlier crop left nothing of it.
                raise MaskMismatch("There is nothing to crop to: the mask selects nothing", param="mask")
            return found
        if self.aspect is not None:
            across, down = (int(part) for part in self.aspect.split(":"))
            new_width = min(width, max(1, round(height * across / down)))
            new_height = min(height, max(1, round(width * down / across)))
        else:
            assert self.width is not None and self.height is not None
            new_width, new_height = self.width, self.height
            if new_width > width or new_height > height:
                raise InvalidPlan(
                    f"{new_width}x{new_height} cannot be cut out of a picture of {width}x{height}", param="operations"
                )
        left, top = (width - new_width) // 2, (height - new_height) // 2
        return left, top, left + new_width, top + new_height

    def _around_subject(self, image: Image.Image, job: Job[Any]) -> tuple[int, int, int, int]:
        box = harden(find_subject(image, job)).getbbox()
        assert box is not None  # a subject covers some of the picture
        room = round(_AROUND_SUBJECT * max(box[2] - box[0], box[3] - box[1]))
        return (
            max(0, box[0] - room),
            max(0, box[1] - room),
            min(image.width, box[2] + room),
            min(image.height, box[3] + room),
        )


class Trim(Operation):
    """Cut off the uniform edges, such as a scan's white margin, black bars or transparent space."""

    op: Literal["trim"] = "trim"

    def told(self) -> str:
        return "trimmed the edges of the picture"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        # Opposite corners, so that bars of two colours go in one pass.
        first = _differs_from(canvas.image, (0, 0)).getbbox()
        last = _differs_from(canvas.image, (canvas.image.width - 1, canvas.image.height - 1)).getbbox()
        if first is None or last is None:
            return canvas  # All of one colour: there is no edge to tell from the rest.
        box = (first[0], first[1], last[2], last[3])
        return canvas.reshape(lambda image: image.crop(box))


def _differs_from(image: Image.Image, corner: tuple[int, int]) -> Image.Image:
    """Return a mask (L) of the pixels that differ plainly from the one at ``corner``."""
    if image.mode == "RGBA":
        # Unseen colours are no difference.
        ground = Image.new("RGBA", image.size)
        ground.paste(image, mask=image.getchannel("A").point(lambda value: 255 if value else 0))
        image = ground
    color = image.getpixel(corner)
    difference = ImageChops.difference(image, Image.new(image.mode, image.size, color))
    channels = [channel.point(lambda value: 255 if value > _TRIM_TOLERANCE else 0) for channel in difference.split()]
    joined = channels[0]
    for channel in channels[1:]:
        joined = ImageChops.lighter(joined, channel)
    return joined


class Border(Operation):
    """Add a border of one colour around the picture: 20 pixels and white unless said."""

    op: Literal["border"] = "border"
    width: Annotated[int, Field(ge=1, le=5000), AS_WHOLE] = 20
    color: Color = "white"

    def told(self) -> str:
        return f"put a {say_color(self.color)}border around the picture"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        canvas.check_size(canvas.image.width + 2 * self.width, canvas.image.height + 2 * self.width)
        mask = canvas.mask
        return replace(
            canvas,
            image=ImageOps.expand(canvas.image, self.width, self.color),
            mask=None if mask is None else ImageOps.expand(mask, self.width, 0),
        )
