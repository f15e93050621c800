"""Finds what a picture is of, the salient object: U2-Net on onnxruntime.

It looks at the picture at 320x320 and tells for each pixel how surely it belongs to the subject. What a subject is
good for (cutting out, blurring the rest) is `inference.operations`' part. Runs on the CPU in about half a second.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from inference.engine import Verb
from inference.engines.small_finder import SmallFinder
from inference.events import Step

SIDE = 320
# What the network was trained with: the means and deviations of ImageNet's channels.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


class SubjectFinder(SmallFinder):
    """A salient-object network: 1x3x320x320 in, 1x1x320x320 probabilities out as its first."""

    name = "subject_finder"

    def find_subject(self, image: Image.Image) -> Verb[Image.Image]:
        """Return how surely each pixel of ``image`` (RGB, any size) is the subject's: L, same size, 255 = surely.

        A picture without a subject gives a mask that is nowhere bright.
        """
        yield Step(0, 1)
        pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)).astype(np.float32)
        pixels = (pixels / max(1.0, float(pixels.max())) - _MEAN) / _DEVIATION
        name = self._session.get_inputs()[0].name
        likely = self._session.run(None, {name: pixels.transpose(2, 0, 1)[None]})[0][0, 0]
        mask = Image.fromarray(np.rint(np.clip(np.nan_to_num(likely), 0, 1) * 255).astype(np.uint8), "L")
        yield Step(1, 1)
        return mask.resize(image.size, Image.Resampling.BICUBIC)
