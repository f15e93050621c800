"""What operations work on: a picture, the caller's mask, and how the caller wants things painted.

A mask says where the picture may change. Tones, effects and painted things stay inside it; what turns, cuts or scales
the picture takes the mask along, so that it keeps lying on the same things.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.errors import TooLarge
from inference.loras import Lora

MOST_PIXELS = 100_000_000

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PaintOptions:
    """What a request says to the painting operations; None leaves it to the model.

    ``seed`` starts the one CPU generator of each painting; ``steps`` are those of the scheduler; ``strength`` is in
    (0, 1], 1 forgets what was there; ``previews`` is how many intermediate pictures to report; ``model`` a name of the
    catalogue; ``loras`` are adapters that act on top of it.
    """

    seed: int = 0
    steps: int | None = None
    guidance_scale: float | None = None
    strength: float | None = None
    negative_prompt: str = ""
    previews: int = 0
    model: str | None = None
    loras: tuple[Lora, ...] = ()


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture under edit. Every change makes a new one.

    ``image``   PIL, RGB or RGBA, upright.
    ``mask``    PIL mode L of the same size holding 0 and 255 = may change, or None for all of it.
    ``dpi``     how many of its pixels make an inch across and down, None if nobody said.
    ``output_format`` and ``output_quality`` are set by the operation "convert", else None.
    """

    image: Image.Image
    mask: Image.Image | None = None
    options: PaintOptions = field(default_factory=PaintOptions)
    output_format: str | None = None
    output_quality: int | None = None
    dpi: tuple[float, float] | None = None
    most_pixels: int = MOST_PIXELS

    def with_image(self, image: Image.Image) -> Canvas:
        """Replace the picture by one of the same size."""
        assert image.size == self.image.size
        return replace(self, image=image)

    def reshape(self, turn: Callable[[Image.Image], Image.Image]) -> Canvas:
        """Do the same to the picture and to the mask."""
        return replace(self, image=turn(self.image), mask=None if self.mask is None else turn(self.mask))

    def check_size(self, width: int, height: int) -> None:
        """Raise `TooLarge` if the picture must not become so large."""
        if width * height > self.most_pixels:
            raise TooLarge(
                f"The picture would become {width}x{height}; at most {self.most_pixels} pixels are made",
                param="operations",
            )

    def recolor(self, change: Callable[[Image.Image], Image.Image]) -> Canvas:
        """Let ``change`` map the RGB picture to another of the same size; alpha and what is outside the mask stay."""
        changed = change(self.image.convert("RGB"))
        if self.mask is not None:
            changed = Image.composite(changed, self.image.convert("RGB"), self.mask)
        if self.image.mode == "RGBA":
            changed.putalpha(self.image.getchannel("A"))
        return self.with_image(changed)

    def remap(self, change: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]) -> Canvas:
        """Let ``change`` map float32 RGB in [0, 1], shape (rows, width, 3), in bands, so that memory stays small."""

        def in_bands(image: Image.Image) -> Image.Image:
            pixels = np.array(image)
            for start in range(0, pixels.shape[0], 256):
                band = change(pixels[start : start + 256].astype(np.float32) / 255.0)
                pixels[start : start + 256] = np.rint(np.clip(band, 0.0, 1.0) * 255.0).astype(np.uint8)
            return Image.fromarray(pixels, "RGB")

        return self.recolor(in_bands)


def to_array(image: Image.Image) -> Bytes:
    """Return the pixels, shape (height, width) or (height, width, channels)."""
    pixels: Any = np.asarray(image)
    return pixels  # type: ignore[no-any-return]
