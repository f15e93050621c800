"""Operations on light and colour, pixel by pixel. Where the request has a mask, they stay inside it; alpha stays."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from PIL import Image, ImageColor, ImageEnhance, ImageOps
from pydantic import Field

from inference.jobs import Job
from inference.operations.canvas import Canvas
from inference.operations.operation import Amount, Color, Operation
from inference.operations.telling import say_color, say_degree, say_number

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_SEPIA = (0.393, 0.769, 0.189, 0.0, 0.349, 0.686, 0.168, 0.0, 0.272, 0.534, 0.131, 0.0)


class Brightness(Operation):
    """Make the picture lighter or, with a negative amount, darker: plain 20, slightly 10, a lot 40."""

    op: Literal["brightness"] = "brightness"
    amount: Amount = 20

    def told(self) -> str:
        return f"made the picture {say_degree(self.amount)}{'darker' if self.amount < 0 else 'brighter'}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        return canvas.recolor(lambda image: ImageEnhance.Brightness(image).enhance(1 + self.amount / 100))


class Contrast(Operation):
    """Give more contrast or, with a negative amount, less: plain 20, slightly 10, a lot 40."""

    op: Literal["contrast"] = "contrast"
    amount: Amount = 20

    def told(self) -> str:
        return f"gave the picture {say_degree(self.amount)}{'less' if self.amount < 0 else 'more'} contrast"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        return canvas.recolor(lambda image: ImageEnhance.Contrast(image).enhance(1 + self.amount / 100))


class Saturation(Operation):
    """Make colours stronger or, with a negative amount, paler: plain 20, slightly 10, a lot 40."""

    op: Literal["saturation"] = "saturation"
    amount: Amount = 20

    def told(self) -> str:
        return f"made the colours {say_degree(self.amount)}{'paler' if self.amount < 0 else 'stronger'}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        return canvas.recolor(lambda image: ImageEnhance.Color(image).enhance(1 + self.amount / 100))


class Temperature(Operation):
    """Make the light warmer or, with a negative amount, cooler: plain 20, slightly 10, a lot 40."""

    op: Literal["temperature"] = "temperature"
    amount: Amount = 20

    def told(self) -> str:
        return f"made the light {say_degree(self.amount)}{'cooler' if self.amount < 0 else 'warmer'}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        share = self.amount / 100
        gains = np.array([1 + 0.35 * share, 1.0, 1 - 0.35 * share], np.float32)
        gains /= float(gains @ _LUMA)  # A grey keeps its lightness.
        return canvas.remap(lambda rgb: rgb * gains)


class Hue(Operation):
    """Turn all colours around the colour wheel, by 90 degrees unless said."""

    op: Literal["hue"] = "hue"
    degrees: Annotated[float, Field(ge=-360, le=360)] = 90

    def told(self) -> str:
        return f"shifted the colours by {say_number(self.degrees)} degrees"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        shift = round(self.degrees * 256 / 360)

        def turn(image: Image.Image) -> Image.Image:
            hue, saturation, value = image.convert("HSV").split()
            hue = hue.point(lambda level: (level + shift) % 256)
            return Image.merge("HSV", (hue, saturation, value)).convert("RGB")

        return canvas.recolor(turn) if shift % 256 else canvas


class Gamma(Operation):
    """Lift the middle tones (value above 1) or lower them (below 1); 2.2 unless said. Black and white stay."""

    op: Literal["gamma"] = "gamma"
    value: Annotated[float, Field(ge=0.1, le=10)] = 2.2

    def told(self) -> str:
        return f"set the gamma to {say_number(self.value)}"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        table = [round(255 * (level / 255) ** (1 / self.value)) for level in range(256)] * 3
        return canvas.recolor(lambda image: image.point(table))


class Tint(Operation):
    """Give the picture a cast of one colour; light and dark stay where they are."""

    op: Literal["tint"] = "tint"
    color: Color

    def told(self) -> str:
        return f"tinted the picture {say_color(self.color)}".rstrip()

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        def cast(image: Image.Image) -> Image.Image:
            toned = ImageOps.colorize(image.convert("L"), "black", "white", mid=ImageColor.getrgb(self.color)[:3])
            return Image.blend(image, toned, 0.5)

        return canvas.recolor(cast)


class Grayscale(Operation):
    """Black and white."""

    op: Literal["grayscale"] = "grayscale"

    def told(self) -> str:
        return "made the picture black and white"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        return canvas.recolor(lambda image: image.convert("L").convert("RGB"))


class Sepia(Operation):
    """The brown of old photographs."""

    op: Literal["sepia"] = "sepia"

    def told(self) -> str:
        return "gave the picture a sepia tone"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        return canvas.recolor(lambda image: image.convert("RGB", _SEPIA))


class Invert(Operation):
    """Turn the picture into its negative."""

    op: Literal["invert"] = "invert"

    def told(self) -> str:
        return "inverted the colours"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        return canvas.recolor(ImageOps.invert)


class Autocontrast(Operation):
    """Enhance the picture by itself: stretch its tones from black to white, without changing colours."""

    op: Literal["autocontrast"] = "autocontrast"

    def told(self) -> str:
        return "evened out the light"

    def apply(self, canvas: Canvas, job: Job[Any]) -> Canvas:
        return canvas.recolor(lambda image: ImageOps.autocontrast(image, cutoff=0.5, preserve_tone=True))
