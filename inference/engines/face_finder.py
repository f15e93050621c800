"""Finds faces: YuNet on onnxruntime.

The network sees 640x640 pixels and answers on three grids of cells of 8, 16 and 32 pixels: per cell how surely a face
lies there, and its box relative to the cell. A picture is looked at as a whole first, and in nine overlapping parts if
that shows no face, so that small faces in large pictures are found, too. What a face is good for is
`inference.operations`' part.

The decoding of the grids follows the model's description (Wu, Peng and Yu, "YuNet: A Tiny Millisecond-level Face
Detector", 2023).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.engine import Verb
from inference.engines.small_finder import SmallFinder
from inference.events import Step

SIDE = 640
STRIDES = (8, 16, 32)
SURE = 0.7
"""A score from which on a box counts as a face."""
SAME = 0.3
"""Two boxes that share so much of their union are one face."""
PARTS = 3


@dataclass(frozen=True, slots=True)
class Face:
    """``box`` is left, top, right, bottom in the picture's pixels, inside it; ``score`` is in [0, 1]."""

    box: tuple[int, int, int, int]
    score: float


class FaceFinder(SmallFinder):
    """YuNet with an input of 1x3x640x640, blue first, values 0 to 255."""

    name = "face_finder"

    def find_faces(self, image: Image.Image) -> Verb[tuple[Face, ...]]:
        """Return the faces in ``image`` (RGB, any size), largest first; () if there is none."""
        yield Step(0, 1)
        found = self._look(image, (0, 0, *image.size))
        if not found and max(image.size) > SIDE:
            parts = list(_parts(image.size))
            for number, part in enumerate(parts):
                yield Step(number, len(parts))
                found += self._look(image, part)
        yield Step(1, 1)
        return _merge(found)

    def _look(self, image: Image.Image, part: tuple[int, int, int, int]) -> list[Face]:
        """Return every box that is surely a face in ``part`` of the picture; neighbours not merged yet."""
        width, height = part[2] - part[0], part[3] - part[1]
        scale = min(SIDE / width, SIDE / height, 2.0)  # a tiny picture is not blown up to one huge blur
        size = max(1, round(width * scale)), max(1, round(height * scale))
        shown = Image.new("RGB", (SIDE, SIDE))
        shown.paste(image.resize(size, Image.Resampling.BILINEAR, box=part, reducing_gap=2.0))
        pixels = np.asarray(shown)[..., ::-1].astype(np.float32).transpose(2, 0, 1)[None]
        names = [output.name for output in self._session.get_outputs()]
        answers = dict(zip(names, self._session.run(None, {self._session.get_inputs()[0].name: pixels}), strict=True))
        faces: list[Face] = []
        for stride in STRIDES:
            classes, objects, offsets = (answers[f"{name}_{stride}"] for name in ("cls", "obj", "bbox"))
            scores, boxes = _decode(classes, objects, offsets, stride)
            for score, box in zip(scores, boxes, strict=True):
                left, top = part[0] + box[0] * width / size[0], part[1] + box[1] * height / size[1]
                right, bottom = part[0] + box[2] * width / size[0], part[1] + box[3] * height / size[1]
                inside = (
                    max(0, int(left)),
                    max(0, int(top)),
                    min(image.width, int(np.ceil(right))),
                    min(image.height, int(np.ceil(bottom))),
                )
                if inside[0] < inside[2] and inside[1] < inside[3]:
                    faces.append(Face(inside, float(score)))
        return faces


def _decode(
    classes: NDArray[np.float32], objects: NDArray[np.float32], boxes: NDArray[np.float32], stride: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return scores (n,) and boxes (n, 4: left, top, right, bottom in the network's pixels) of the sure cells."""
    scores = np.sqrt(np.clip(classes[0, :, 0], 0, 1) * np.clip(objects[0, :, 0], 0, 1))
    sure = np.flatnonzero(scores >= SURE)
    row, column = np.divmod(sure, SIDE // stride)
    offsets = boxes[0, sure]
    x, y = (column + offsets[:, 0]) * stride, (row + offsets[:, 1]) * stride
    half = np.exp(np.clip(offsets[:, 2:4], -10, 10)) * stride / 2
    return scores[sure], np.stack([x - half[:, 0], y - half[:, 1], x + half[:, 0], y + half[:, 1]], axis=1)


def _parts(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield overlapping parts of half the width and height."""
    width, height = size
    for row in range(PARTS):
        for column in range(PARTS):
            left, top = column * width // (PARTS + 1), row * height // (PARTS + 1)
            yield left, top, min(width, left + (width + 1) // 2), min(height, top + (height + 1) // 2)


def _merge(faces: list[Face]) -> tuple[Face, ...]:
    """Keep the surest of boxes that overlap; largest first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_overlap(face.box, other.box) < SAME for other in kept):
            kept.append(face)
    return tuple(sorted(kept, key=lambda face: -_area(face.box)))


def _area(box: tuple[int, int, int, int]) -> int:
    return max(0, box[2] - box[0]) * max(0, box[3] - box[1])


def _overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    shared = _area((max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])))
    return shared / max(1, _area(one) + _area(other) - shared)
