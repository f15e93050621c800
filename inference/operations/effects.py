"""Operations that look at a pixel's surroundings: sharpen, blur, pixelate, remove_background.

Where the request has a mask, they stay inside it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from PIL import Image, ImageChops, ImageFilter
from pydantic import Field

from inference.engine import Engine
from inference.engines.subject_finder import SubjectFinder
from inference.jobs import Job
from inference.operations.canvas import Canvas
from inference.operations.finding import find_subject
from inference.operations.operation import AS_WHOLE, Amount, Operation
from inference.operations.telling import say_degree


class Sharpen(Operation):
    """Sharpen the picture or, with a negative amount, soften it: plain 20, slightly 10, a lot 40."""

    op: Literal["sharpen"] = "sharpen"
    amount: Amount = 20

    def told(self) -> str:
        return f"made the picture {say_degree(self.amount)}{'softer' if self.amount < 0 else 'sharper'}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        if self.amount >= 0:
            # 100 is as far as halos stay bearable.
            mask = ImageFilter.UnsharpMask(radius=1.5, percent=round(self.amount * 4), threshold=2)
            return canvas.recolor(lambda image: image.filter(mask))
        return Blur(radius=-self.amount / 20).apply(canvas, job)


class Blur(Operation):
    """Blur the picture by a radius in pixels: plain 5, slightly 2, heavily 10. Target "background" when only that.

    Where the background is, the mask of the request says; without one it is all but the picture's subject.
    """

    op: Literal["blur"] = "blur"
    radius: Annotated[float, Field(gt=0, le=500)] = 5
    target: Literal["background"] | None = None

    def told(self) -> str:
        amount = " a little" if self.radius <= 2 else " a lot" if self.radius >= 10 else ""
        return f"blurred the {self.target or 'picture'}{amount}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        kernel = ImageFilter.GaussianBlur(self.radius)
        if self.target is not None and canvas.mask is None:
            subject = find_subject(canvas.image, job)
            behind = canvas.image.convert("RGBA")
            behind.putalpha(ImageChops.multiply(behind.getchannel("A"), ImageChops.invert(subject)))
            # Only the background is smeared: else the subject's colours would glow around it.
            blurred = _blur_seen(behind, kernel)
            return canvas.recolor(lambda image: Image.composite(image, blurred, subject))
        if canvas.image.mode == "RGB":
            return canvas.recolor(lambda image: image.filter(kernel))
        blurred = _blur_seen(canvas.image, kernel)
        return canvas.recolor(lambda image: blurred)

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        return () if masked or self.target is None else (SubjectFinder,)


def _blur_seen(image: Image.Image, kernel: ImageFilter.GaussianBlur) -> Image.Image:
    """Blur an RGBA picture to RGB, premultiplied: colours under full transparency do not bleed into what is seen."""
    return image.convert("RGBa").filter(kernel).convert("RGBA").convert("RGB")


class Pixelate(Operation):
    """Turn the picture into squares of a size in pixels, 10 unless said."""

    op: Literal["pixelate"] = "pixelate"
    size: Annotated[int, Field(ge=1, le=5000), AS_WHOLE] = 10

    def told(self) -> str:
        return "pixelated the picture"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        # Premultiplied, as for a blur: what is not seen lends its colour to no square.
        seen = canvas.image.convert("RGBa") if canvas.image.mode == "RGBA" else canvas.image
        side = min(self.size, max(seen.size))
        small = seen.reduce(side)
        if small.mode == "RGBa":
            small = small.convert("RGBA").convert("RGB")
        large = small.resize((small.width * side, small.height * side), Image.Resampling.NEAREST)
        squares = large.crop((0, 0, *seen.size))
        return canvas.recolor(lambda image: squares)


class RemoveBackground(Operation):
    """Make the background transparent.

    Where it is, the mask of the request says; without one it is all but the picture's subject.
    """

    op: Literal["remove_background"] = "remove_background"

    def told(self) -> str:
        return "removed the background"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        kept = find_subject(canvas.image, job) if canvas.mask is None else ImageChops.invert(canvas.mask)
        image = canvas.image.convert("RGBA")
        image.putalpha(ImageChops.multiply(image.getchannel("A"), kept))
        return canvas.with_image(image)

    def engines(self, *, masked: bool) -> tuple[type[Engine], ...]:
        return () if masked else (SubjectFinder,)
