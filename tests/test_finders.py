"""The subject and face finders with their real weights on photographs, and the ground, which needs none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inference.catalogue import Catalogue
from inference.engine import Engine, Weights
from inference.engines import FaceFinder, SubjectFinder
from inference.engines.face_finder import Face
from inference.errors import MaskRequired
from inference.events import Event
from inference.hardware.device import Device
from inference.operations.ground import find_ground
from inference.pictures import decode_picture
from inference.settings import Settings
from inference.weights import find

PICTURES = Path(__file__).parent / "pictures"
CPU = Device("cpu", "cpu", "float32", "a test")


def photo(name: str) -> Image.Image:
    return decode_picture((PICTURES / f"{name}.jpg").read_bytes(), max_pixels=10**6).image


def finish(verb: Iterator[Event]) -> Any:
    while True:
        try:
            next(verb)
        except StopIteration as end:
            return end.value


def load(engine: Engine, model: str) -> Any:
    settings = Settings()
    engine.load(Weights(model, find(Catalogue.load(settings.manifest).row(model), settings.models)), CPU)
    return engine


@pytest.fixture(scope="module")
def subject_finder() -> SubjectFinder:
    return load(SubjectFinder(), "u2net-small")  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def face_finder() -> FaceFinder:
    return load(FaceFinder(), "yunet")  # type: ignore[no-any-return]


# Subjects -----------------------------------------------------------------------------------------------------------

# Points (fractions) that are plainly of the subject, and plainly not.
SUBJECTS = {
    "astronaut": ([(0.42, 0.25), (0.4, 0.7)], [(0.63, 0.1), (0.02, 0.5)]),
    "coffee": ([(0.5, 0.4), (0.35, 0.55)], [(0.05, 0.1), (0.95, 0.95)]),
    "china": ([(0.32, 0.5), (0.32, 0.75)], [(0.7, 0.2), (0.1, 0.1)]),
}


@pytest.mark.models
@pytest.mark.parametrize("name", SUBJECTS)
def test_the_subject_of_a_photograph(subject_finder: SubjectFinder, name: str) -> None:
    image = photo(name)
    mask = finish(subject_finder.find_subject(image))
    assert (mask.mode, mask.size) == ("L", image.size)
    inside, outside = SUBJECTS[name]
    for points, bright in ((inside, True), (outside, False)):
        for x, y in points:
            assert (mask.getpixel((int(x * image.width), int(y * image.height))) > 128) is bright, (x, y)


@pytest.mark.models
@pytest.mark.parametrize("size", [(1, 1), (3, 900), (2500, 40)])
def test_any_size_has_a_mask_of_its_size(subject_finder: SubjectFinder, size: tuple[int, int]) -> None:
    assert finish(subject_finder.find_subject(photo("coffee").resize(size))).size == size


@pytest.mark.models
def test_a_wall_has_no_subject(subject_finder: SubjectFinder) -> None:
    assert np.mean(np.asarray(finish(subject_finder.find_subject(Image.new("RGB", (300, 200), "grey")))) > 128) < 0.01


# Faces --------------------------------------------------------------------------------------------------------------


def covers(face: Face, point: tuple[float, float]) -> bool:
    left, top, right, bottom = face.box
    return left <= point[0] <= right and top <= point[1] <= bottom


@pytest.mark.models
def test_the_face_of_an_astronaut(face_finder: FaceFinder) -> None:
    (face,) = finish(face_finder.find_faces(photo("astronaut")))
    assert covers(face, (0.44 * 480, 0.23 * 480)) and face.score > 0.8
    left, top, right, bottom = face.box
    assert 0.1 < (right - left) / 480 < 0.3 and 0.15 < (bottom - top) / 480 < 0.35


@pytest.mark.models
@pytest.mark.parametrize("name", ["brick", "chelsea", "china", "coffee", "rocket"])
def test_nothing_else_is_a_face(face_finder: FaceFinder, name: str) -> None:
    assert finish(face_finder.find_faces(photo(name))) == ()


@pytest.mark.models
def test_a_small_face_in_a_large_picture_and_the_largest_first(face_finder: FaceFinder) -> None:
    wide = Image.new("RGB", (4000, 3000), "grey")
    wide.paste(photo("astronaut").resize((240, 240)), (3000, 500))
    (face,) = finish(face_finder.find_faces(wide))
    assert covers(face, (3000 + 0.44 * 240, 500 + 0.23 * 240))
    two = Image.new("RGB", (900, 600), "grey")
    two.paste(photo("astronaut").resize((200, 200)), (0, 0))
    two.paste(photo("astronaut").resize((500, 500)), (350, 50))
    first, second = finish(face_finder.find_faces(two))
    assert covers(first, (350 + 0.44 * 500, 50 + 0.23 * 500)) and covers(second, (0.44 * 200, 0.23 * 200))


@pytest.mark.models
@pytest.mark.parametrize("size", [(1, 1), (5000, 7), (2, 640)])
def test_odd_sizes_have_no_face_and_no_error(face_finder: FaceFinder, size: tuple[int, int]) -> None:
    assert finish(face_finder.find_faces(photo("coffee").resize(size))) == ()


# Ground -------------------------------------------------------------------------------------------------------------


def scene(width: int = 480, height: int = 320) -> Image.Image:
    """A meadow with some noise under a sky, and a red house on it."""
    rows = np.linspace(0, 1, height)[:, None, None]
    pixels = np.where(rows < 0.55, [120, 170, 230], [80 + 30, 140, 60]).repeat(width, axis=1).astype(np.float64)
    pixels[int(0.55 * height) :] += np.random.default_rng(1).normal(0, 12, (height - int(0.55 * height), width, 1))
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB")
    house = (int(0.6 * width), int(0.4 * height), int(0.75 * width), int(0.7 * height))
    ImageDraw.Draw(image).rectangle(house, fill=(170, 40, 30))
    return image


@pytest.mark.parametrize("scale", [0.3, 1, 4])
def test_the_ground_is_the_meadow_and_neither_the_sky_nor_the_house(scale: float) -> None:
    image = scene(int(480 * scale), int(320 * scale))
    ground = np.asarray(find_ground(image)) == 255
    assert ground.shape == (image.height, image.width)
    rows, columns = np.mgrid[0 : image.height, 0 : image.width] / np.array([image.height, image.width])[:, None, None]
    house = (abs(columns - 0.675) < 0.06) & (abs(rows - 0.55) < 0.13)
    assert ground[(rows > 0.6) & (abs(columns - 0.675) > 0.1)].mean() > 0.97
    assert ground[rows < 0.5].mean() < 0.01 and ground[house].mean() < 0.05


def test_the_subject_is_no_ground() -> None:
    image = scene()
    subject = Image.new("L", image.size, 0)
    subject.paste(255, (0, 200, 160, 320))
    assert not (np.asarray(find_ground(image, subject))[205:315, 5:155] == 255).any()


@pytest.mark.parametrize("size", [(1, 1), (300, 4), (9, 300)])
def test_a_sliver_has_no_ground(size: tuple[int, int]) -> None:
    with pytest.raises(MaskRequired, match="ground") as caught:
        find_ground(Image.new("RGB", size, "green"))
    assert caught.value.param == "mask"
