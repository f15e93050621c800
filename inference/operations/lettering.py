"""The operation that writes on a picture.

It uses the font that Pillow brings along (Aileron, CC0: unaccented Latin), and for other letters the first of a few
common fonts of the system that has them all. What no font has is refused, never drawn as a box.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from PIL import Image, ImageColor, ImageDraw, ImageFont
from pydantic import Field

from inference.errors import InvalidPlan
from inference.jobs import Job
from inference.operations.canvas import Canvas
from inference.operations.operation import Color, Operation, Words

SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial.ttf",
    "Arial Unicode.ttf",
)
"""Looked for by name in the system's font folders."""

_SHARE_OF_WIDTH = 0.92
_SHARE_OF_HEIGHT = 0.3


class Text(Operation):
    """Write words onto the picture, at the bottom unless said; white unless a colour is said, always outlined."""

    op: Literal["text"] = "text"
    content: Words
    where: Literal["top", "center", "bottom"] = Field(default="bottom")
    color: Color | None = None

    def told(self) -> str:
        where = "in the middle" if self.where == "center" else f"at the {self.where}"
        return f"wrote “{self.content}” {where}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        font = _choose_font(self.content)
        return canvas.recolor(lambda image: self._write(image, font))

    def check(self, *, masked: bool) -> None:
        _choose_font(self.content)

    def _write(self, image: Image.Image, name: str | None) -> Image.Image:
        width, height = image.size
        draw = ImageDraw.Draw(image)
        room = (width * _SHARE_OF_WIDTH, height * _SHARE_OF_HEIGHT)
        size, lines = _fit(draw, self.content, name, room, min(image.size) / 9)
        font, stroke = _font(size, name), max(1, size // 14)
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


def _fit(
    draw: ImageDraw.ImageDraw, words: str, name: str | None, room: tuple[float, float], start: float
) -> tuple[int, str]:
    """Return the largest size up to ``start`` at which the words, broken into lines, fit into ``room``; at least 6."""
    size = max(6, round(start))
    while True:
        font = _font(size, name)
        lines = _break(draw, words, font, room[0])
        left, top, right, bottom = draw.multiline_textbbox((0, 0), lines, font=font, stroke_width=max(1, size // 14))
        if size <= 6 or (right - left <= room[0] and bottom - top <= room[1]):
            return size, lines
        size = max(6, min(size - 1, round(size * 0.9)))


def _break(draw: ImageDraw.ImageDraw, words: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    lines: list[str] = []
    for paragraph in words.splitlines():
        line = ""
        for word in paragraph.split():
            longer = f"{line} {word}".strip()
            if line and draw.textlength(longer, font=font) > width:
                lines.append(line)
                longer = word
            line = longer
        lines.append(line)
    return "\n".join(lines)


def _choose_font(words: str) -> str | None:
    """Return the name of a system font, or None for Pillow's own. Raises `InvalidPlan` if no font has all letters."""
    letters = sorted({letter for letter in words if not letter.isspace()})
    for name in (None, *SYSTEM_FONTS):
        if all(_can_write(letter, name) for letter in letters):
            return name
    lacking = " ".join(letter for letter in letters if letter.isprintable() and not _can_write(letter, None))
    raise InvalidPlan(
        f"No font on this machine can write {lacking or 'these characters'}; "
        "installing DejaVu (fonts-dejavu-core) or Noto Sans adds letters",
        param="operations",
    )


@lru_cache(maxsize=64)
def _font(size: int, name: str | None) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size) if name is None else ImageFont.truetype(name, size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # Pillow's wheels are built with FreeType.
    return font


@lru_cache(maxsize=4096)
def _can_write(letter: str, name: str | None) -> bool:
    if not letter.isprintable():
        return False
    try:
        font = _font(24, name)
    except OSError:  # Not installed.
        return False
    # A font draws its box for what it lacks, and the box alone for a code point that no font has.
    drawn, missing = font.getmask(letter), font.getmask("\uffff")
    return drawn.size != missing.size or bytes(drawn) != bytes(missing)
