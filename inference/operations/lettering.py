"""The operation that writes on a picture, with the font that Pillow brings along (Aileron, CC0)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from PIL import Image, ImageColor, ImageDraw, ImageFont
from pydantic import Field

from inference.errors import InvalidPlan
from inference.jobs import Job
from inference.operations.canvas import Canvas
from inference.operations.operation import Color, Operation, Words

_SHARE_OF_WIDTH = 0.92
_SHARE_OF_HEIGHT = 0.3


class Text(Operation):
    """Write words onto the picture, at the bottom unless said; white unless a colour is said, always outlined."""

    op: Literal["text"] = "text"
    content: Words
    where: Literal["top", "center", "bottom"] = Field(default="bottom")
    color: Color | None = None

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        unknown = sorted({letter for letter in self.content if not letter.isspace() and not _can_write(letter)})
        if unknown:
            raise InvalidPlan(f"The font cannot write {' '.join(unknown)}", param="operations")
        return canvas.recolor(self._write)

    def _write(self, image: Image.Image) -> Image.Image:
        width, height = image.size
        draw = ImageDraw.Draw(image)
        size, lines = _fit(draw, self.content, width * _SHARE_OF_WIDTH, height * _SHARE_OF_HEIGHT, min(image.size) / 9)
        font = _font(size)
        stroke = max(1, size // 14)
        left, top, right, bottom = draw.multiline_textbbox(
            (0, 0), lines, font=font, stroke_width=stroke, align="center"
        )
        margin = height * 0.04
        offset = {"top": margin, "center": (height - (bottom - top)) / 2, "bottom": height - margin - (bottom - top)}
        fill = ImageColor.getrgb(self.color or "white")[:3]
        light = 0.299 * fill[0] + 0.587 * fill[1] + 0.114 * fill[2]
        draw.multiline_text(
            (round((width - (right - left)) / 2 - left), round(offset[self.where] - top)),
            lines,
            font=font,
            fill=fill,
            stroke_width=stroke,
            stroke_fill="black" if light > 110 else "white",
            align="center",
        )
        return image


def _fit(draw: ImageDraw.ImageDraw, words: str, width: float, height: float, start: float) -> tuple[int, str]:
    """Return the largest font size up to ``start`` at which the words, broken into lines, fit; at least 6."""
    size = max(6, round(start))
    while True:
        lines = _break(draw, words, size, width)
        left, top, right, bottom = draw.multiline_textbbox((0, 0), lines, font=_font(size), stroke_width=size // 14)
        if size <= 6 or (right - left <= width and bottom - top <= height):
            return size, lines
        size = max(6, min(size - 1, round(size * 0.9)))


def _break(draw: ImageDraw.ImageDraw, words: str, size: int, width: float) -> str:
    lines: list[str] = []
    for paragraph in words.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and draw.textlength(longer, font=_font(size)) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return "\n".join(lines)


@lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels are built with FreeType.
    return font


@lru_cache(maxsize=1024)
def _can_write(letter: str) -> bool:
    # The font draws its box for what it lacks, and the box alone for a code point that no font has.
    drawn, missing = _font(24).getmask(letter), _font(24).getmask("\uffff")
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)
