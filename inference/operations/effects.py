"""Operations that look at a pixel's surroundings: sharpen, blur, pixelate, remove_background.

Where the request has a mask, they stay inside it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from PIL import Image, ImageChops, ImageFilter
from pydantic import Field

from inference.errors import MaskRequired
from inference.jobs import Job
from inference.operations.canvas import Canvas
from inference.operations.operation import AS_WHOLE, Amount, Operation


class Sharpen(Operation):
    """Sharpen the picture or, with a negative amount, soften it: plain 20, slightly 10, a lot 40."""

    op: Literal["sharpen"] = "sharpen"
    amount: Amount = 20

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        if self.amount >= 0:
            # 100 is as far as halos stay bearable.
            mask = ImageFilter.UnsharpMask(radius=1.5, percent=round(self.amount * 4), threshold=2)
            return canvas.recolor(lambda image: image.filter(mask))
        return Blur(radius=-self.amount / 20).apply(canvas, job)


class Blur(Operation):
    """Blur the picture by a radius in pixels: plain 5, slightly 2, heavily 10. Target "background" when only that.

    Where the background is, the mask of the request says: finding it is not part of this version.
    """

    op: Literal["blur"] = "blur"
    radius: Annotated[float, Field(gt=0, le=500)] = 5
    target: Literal["background"] | None = None

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        self.check(masked=canvas.mask is not None)
        kernel = ImageFilter.GaussianBlur(self.radius)
        if canvas.image.mode == "RGB":
            return canvas.recolor(lambda image: image.filter(kernel))
        # Premultiplied, so that colours under full transparency do not bleed into what is seen.
        blurred = canvas.image.convert("RGBa").filter(kernel).convert("RGBA").convert("RGB")
        return canvas.recolor(lambda image: blurred)

    def check(self, *, masked: bool) -> None:
        if self.target is not None and not masked:
            raise _background_unknown()


class Pixelate(Operation):
    """Turn the picture into squares of a size in pixels, 10 unless said."""

    op: Literal["pixelate"] = "pixelate"
    size: Annotated[int, Field(ge=1, le=5000), AS_WHOLE] = 10

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        def pixelate(image: Image.Image) -> Image.Image:
            side = min(self.size, max(image.size))
            small = image.reduce(side)
            large = Image.new("RGB", image.size)
            large.paste(small.resize((small.width * side, small.height * side), Image.Resampling.NEAREST))
            return large

        return canvas.recolor(pixelate)


class RemoveBackground(Operation):
    """Make the background transparent.

    Where it is, the mask of the request says: finding the subject is not part of this version.
    """

    op: Literal["remove_background"] = "remove_background"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        self.check(masked=canvas.mask is not None)
        assert canvas.mask is not None
        image = canvas.image.convert("RGBA")
        image.putalpha(ImageChops.multiply(image.getchannel("A"), ImageChops.invert(canvas.mask)))
        return canvas.with_image(image)

    def check(self, *, masked: bool) -> None:
        if not masked:
            raise _background_unknown()


def _background_unknown() -> MaskRequired:
    return MaskRequired(
        "Where the background is cannot be told: the subject finder is not part of this version. "
        "Send a mask that selects the background",
        param="mask",
    )
