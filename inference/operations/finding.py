"""Has the engines that find things look at a picture: its subject, its faces, a thing that somebody names.

They see it no larger than they need, so that a picture of many megapixels costs no more than a small one. A picture
in which the thing is not to be seen is `MaskRequired`: the caller can show where it is; nothing is guessed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops, ImageFilter

from inference.engines.face_finder import FaceFinder
from inference.engines.segmenter import Segmenter
from inference.engines.subject_finder import SubjectFinder
from inference.errors import EngineNotInstalled, MaskRequired, WeightsMissing
from inference.jobs import Job
from inference.pictures import flatten

log = logging.getLogger("tawny.finding")

SHOWN = 1536
"""Longest side of what the finders get to see."""
LEAST_SUBJECT = 0.01
"""A subject covers at least so much of the picture."""
AROUND_FACE = 0.45
"""Shown around a face on each side, as a fraction of its longer side: hair, chin and a little room."""


@dataclass(frozen=True)
class Looking:
    """Looks at one picture on behalf of one job; what `inference.operations.places` asks."""

    image: Image.Image
    job: Job[Any]

    def subject(self) -> Image.Image:
        """Return the subject's mask."""
        return select_subject(self.image, self.job)

    def background(self) -> Image.Image:
        """Return the background's mask."""
        return select_background(self.image, self.job)

    def things(self, words: str) -> Image.Image:
        """Return the mask of what ``words`` name."""
        return select_things(self.image, words, self.job)

    def subject_if_known(self) -> Image.Image | None:
        """Return the subject's mask if there is a subject, and an engine that can tell."""
        try:
            return self.subject()
        except (MaskRequired, EngineNotInstalled, WeightsMissing) as error:
            log.info("placed without knowing the subject: %s", error.message)
            return None


def find_subject(image: Image.Image, job: Job[Any]) -> Image.Image:
    """Return how much of each pixel is the subject's (L, same size, soft edges). Raises `MaskRequired` for none."""
    shown = _shrink(image, SHOWN)
    with job.lease(SubjectFinder) as finder:
        likely = finder.call(SubjectFinder.find_subject, shown)
    if sum(likely.histogram()[128:]) < LEAST_SUBJECT * likely.width * likely.height:
        raise MaskRequired(
            "No subject stands out in this picture. Send a mask that selects what to change", param="mask"
        )
    # Steeper than the network is sure, so that what is plainly inside is opaque and what is outside clear.
    edge = likely.point(lambda value: max(0, min(255, (value - 64) * 2)))
    return edge.resize(image.size, Image.Resampling.BICUBIC)


def select_subject(image: Image.Image, job: Job[Any]) -> Image.Image:
    """Return the subject as a mask (L, 0 and 255), a little grown so that no rim of it stays outside."""
    return _grow(harden(find_subject(image, job)))


def select_background(image: Image.Image, job: Job[Any]) -> Image.Image:
    """Return all but the subject as a mask (L, 0 and 255). Raises `MaskRequired` if there is none."""
    mask = ImageChops.invert(harden(find_subject(image, job)))
    if mask.getbbox() is None:
        raise MaskRequired("This picture is all subject, no background. Send a mask that selects it", param="mask")
    return mask


def select_things(image: Image.Image, words: str, job: Job[Any]) -> Image.Image:
    """Return where ``words`` are (L, 0 and 255, a little grown). Raises `MaskRequired` if nowhere."""
    with job.lease(Segmenter) as segmenter:
        found = segmenter.call(Segmenter.find, _shrink(image, SHOWN), words)
    if found.getbbox() is None:
        raise MaskRequired(
            f'"{words}" was not found in this picture. Send a mask that selects what to change', param="mask"
        )
    return _grow(found.resize(image.size, Image.Resampling.NEAREST))


def find_face(image: Image.Image, job: Job[Any]) -> tuple[int, int, int, int]:
    """Return the box (left, top, right, bottom) of the largest face with room around it. Raises `MaskRequired`."""
    shown = _shrink(image, 2 * SHOWN)
    with job.lease(FaceFinder) as finder:
        faces = finder.call(FaceFinder.find_faces, shown)
    if not faces:
        raise MaskRequired("No face was found in this picture. Send a mask of the face", param="mask")
    scale = image.width / shown.width, image.height / shown.height
    left, top, right, bottom = faces[0].box
    room = AROUND_FACE * max(right - left, bottom - top)
    return (
        max(0, int((left - room) * scale[0])),
        max(0, int((top - room) * scale[1])),
        min(image.width, round((right + room) * scale[0])),
        min(image.height, round((bottom + room) * scale[1])),
    )


def harden(mask: Image.Image) -> Image.Image:
    """Return a soft mask as 0 and 255."""
    return mask.point(lambda value: 255 if value >= 128 else 0)


def _grow(mask: Image.Image) -> Image.Image:
    """Widen a mask by half a percent of the picture: what is repainted must not keep a rim of what was there."""
    return mask.filter(ImageFilter.BoxBlur(max(1, max(mask.size) // 200))).point(lambda value: 255 if value else 0)


def _shrink(image: Image.Image, side: int) -> Image.Image:
    """Return ``image`` as RGB with sides of at most ``side``, transparency over white."""
    scale = min(1.0, side / max(image.size))
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    return flatten(image)
