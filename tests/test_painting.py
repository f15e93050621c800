"""Painting: what an expert checks around the model, with a fake in its place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image, ImageDraw

from inference.engine import Engine
from inference.engines import FaceFinder, Inpainter, Segmenter, SubjectFinder
from inference.errors import MaskMismatch, MaskRequired, Refused, WeightsMissing
from inference.events import Event, Preview
from inference.jobs import Job
from inference.operations import Canvas, PaintOptions, apply_plan, parse_plan
from inference.operations.painting import _lay_over, choose_region, feather, paint, shapes
from inference.operations.sky import find_sky
from inference.pictures import Picture, decode_picture, encode_picture

PICTURES = Path(__file__).parent / "pictures"
DOG = {"op": "generate", "prompt": "a dog"}
MAGENTA = (255, 0, 255)


@dataclass
class Painted:
    """What the model was asked."""

    image: Image.Image
    mask: Image.Image
    prompt: str
    options: dict[str, Any]


@dataclass
class PaintingJob:
    """A job whose inpainter floods the region with one colour or with noise of the seed, and is noted."""

    resolution: int = 512
    noise: bool = False
    calls: list[Painted] = field(default_factory=list)
    models: list[str | None] = field(default_factory=list)
    found: tuple[int, int, int, int] | None = None
    lacking: tuple[type, ...] = ()
    prepared: list[type] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    def report(self, event: Event) -> None:
        self.events.append(event)

    def check(self) -> None:
        pass

    def prepare(self, engine: type, model: str | None = None) -> None:
        self.prepared.append(engine)
        if engine in self.lacking:
            raise WeightsMissing(f"There is no {engine.__name__}. Run ./scripts/fetch_models")

    @contextmanager
    def lease(self, engine: type, model: str | None = None) -> Iterator[Any]:
        self.prepare(engine, model)
        if engine is not Inpainter:
            yield SimpleNamespace(call=self._find)
            return
        self.models.append(model)
        weights = SimpleNamespace(options={"resolution": self.resolution})
        yield SimpleNamespace(choice=SimpleNamespace(weights=weights), heard_by=self._hear)

    def _hear(self, report: Callable[[Event], None]) -> Any:
        self.heard = report
        return SimpleNamespace(call=self._call)

    def _find(self, verb: object, image: Image.Image, *words: str) -> Image.Image:
        self.words += words
        mask = Image.new("L", image.size, 0)
        if self.found is not None:
            mask.paste(255, self.found)
        return mask

    def _call(self, verb: object, image: Image.Image, mask: Image.Image, prompt: str, **options: Any) -> Image.Image:
        assert verb is Inpainter.inpaint
        assert image.mode == "RGB" and mask.mode == "L" and image.size == mask.size
        assert image.width % 8 == 0 and image.height % 8 == 0
        assert set(mask.get_flattened_data()) <= {0, 255} and mask.getbbox() is not None
        self.calls.append(Painted(image, mask, prompt, options))
        for index in range(options["previews"]):
            self.heard(Preview(Image.new("RGB", image.size, (0, index, 0)), index))
        if not self.noise:
            return Image.new("RGB", image.size, MAGENTA)
        # Also outside the mask, as a pass through an autoencoder does.
        digest = hashlib.sha256(image.tobytes() + mask.tobytes() + prompt.encode()).digest()
        noise = np.random.default_rng([*digest[:8], options["seed"]]).integers(0, 256, (image.height, image.width, 3))
        return Image.fromarray(noise.astype(np.uint8), "RGB")


def as_job(job: PaintingJob) -> Job[Any]:
    return cast(Job[Any], job)


def photo(name: str, size: tuple[int, int] | None = None) -> Image.Image:
    image = decode_picture((PICTURES / f"{name}.jpg").read_bytes(), max_pixels=10**6).image
    return image if size is None else image.resize(size)


def ellipse(size: tuple[int, int], box: tuple[float, float, float, float]) -> Image.Image:
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def edit(
    image: Image.Image,
    *plan: dict[str, Any],
    mask: Image.Image | None = None,
    job: PaintingJob | None = None,
    **options: Any,
) -> Image.Image:
    canvas = Canvas(image, mask, PaintOptions(**options))
    return apply_plan(canvas, parse_plan(list(plan)), as_job(job or PaintingJob())).image


# 1: outside the mask nothing changes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("resolution", [256, 512, 1024])
def test_pixels_outside_the_mask_are_bit_identical_in_the_png(mode: str, resolution: int) -> None:
    image = photo("china")
    if mode == "RGBA":
        image = image.convert("RGBA")
        image.putalpha(Image.radial_gradient("L").resize(image.size))
    mask = ellipse(image.size, (200, 100, 300, 260))
    result = edit(image, DOG, mask=mask, job=PaintingJob(resolution, noise=True))
    png = decode_picture(encode_picture(Picture(result), "png"), max_pixels=10**6).image
    assert png.mode == mode and png.size == image.size
    before, after, outside = np.asarray(image), np.asarray(png), np.asarray(mask) == 0
    assert (before[outside] == after[outside]).all()
    assert (before[~outside] != after[~outside]).any(axis=-1).mean() > 0.8
    if mode == "RGBA":
        assert (before[..., 3] == after[..., 3]).all()


def test_the_feather_lies_inside_the_mask_and_its_middle_is_all_new() -> None:
    mask = ellipse((400, 300), (100, 50, 300, 250))
    weights = np.asarray(feather(mask, 10)).astype(int)
    inside = np.asarray(mask) == 255
    assert weights[~inside].max() == 0
    assert weights[150, 200] == 255 and weights[150, 115] == 255
    edge = weights[150, 100:112]
    assert (np.diff(edge) >= 0).all() and edge[0] < 60 < 200 < edge[-1]


@pytest.mark.parametrize("size", [(400, 300), (61, 240), (300, 5)])
@pytest.mark.parametrize(
    "place", [(0.1, 0.2, 0.3, 0.6), (0.0, 0.0, 1.0, 1.0), (0.7, 0.5, 1.0, 1.0), (0.5, 0.5, 0.5, 0.5)]
)
@pytest.mark.parametrize("resolution", [64, 512])
def test_laying_over_looks_only_at_the_mask_and_gives_what_the_whole_region_would(
    size: tuple[int, int], place: tuple[float, ...], resolution: int
) -> None:
    random = np.random.default_rng(1)
    image, mask = photo("china").resize(size), Image.new("L", size)
    start = int(place[0] * (size[0] - 1)), int(place[1] * (size[1] - 1))
    mask.paste(255, (*start, max(start[0] + 1, int(place[2] * size[0])), max(start[1] + 1, int(place[3] * size[1]))))
    box = mask.getbbox()
    assert box is not None
    region = choose_region(box, size, resolution)
    painted = Image.fromarray(random.integers(0, 256, (*region.shape[::-1], 3), np.uint8), "RGB")
    part = image.crop(region.visible)
    scale = max(region.width / region.shape[0], region.height / region.shape[1])
    weights = feather(mask.crop(region.visible), max(1, round(min(8, region.shape[0] // 32) * scale)))
    whole = painted.crop(region.inner).resize(part.size, Image.Resampling.LANCZOS)
    expected = image.copy()
    expected.paste(Image.composite(whole, part, weights), region.visible[:2])
    result = _lay_over(image, mask, painted, region)
    difference = np.abs(np.asarray(result).astype(int) - np.asarray(expected).astype(int))
    assert difference.max() <= 1, "a part is resampled like the whole but for rounding"


def test_a_full_mask_has_no_edge_and_a_thin_one_is_not_feathered_away() -> None:
    assert feather(Image.new("L", (50, 40), 255), 10).getextrema() == (255, 255)
    line = Image.new("L", (400, 300), 0)
    ImageDraw.Draw(line).line((20, 20, 380, 280), fill=255, width=3)
    assert np.asarray(feather(line, 12))[np.asarray(line) == 255].mean() > 120
    dot = Image.new("L", (40, 40), 0)
    dot.putpixel((20, 20), 255)
    assert feather(dot, 8).getpixel((20, 20)) == 255


# 2: the size stays ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(101, 67), (1, 1), (1, 900), (900, 2), (7, 8), (640, 401)])
@pytest.mark.parametrize("resolution", [256, 512])
@pytest.mark.parametrize(
    "step",
    [
        DOG,
        {"op": "generate", "prompt": "clouds", "where": "top left"},
        {"op": "replace", "target": "everything", "prompt": "snow"},
        {"op": "remove", "target": "left side"},
        {"op": "restyle", "prompt": "pop art"},
    ],
    ids=str,
)
def test_any_size_in_is_the_size_out(size: tuple[int, int], resolution: int, step: dict[str, Any]) -> None:
    job = PaintingJob(resolution)
    result = edit(photo("coffee", size), step, job=job)
    assert result.size == size
    assert MAGENTA in {color for _, color in result.getcolors(4 * 10**6) or []}
    assert job.calls[0].image.size in shapes(resolution)


def test_twelve_megapixels_of_odd_sides() -> None:
    image = photo("china", (4000, 3001))
    result = edit(image, DOG)
    assert result.size == (4000, 3001) and result.getpixel((2000, 1980)) == MAGENTA
    assert result.getpixel((5, 5)) == image.getpixel((5, 5))


def test_a_restyled_photo_of_twelve_megapixels_is_painted_once_and_whole() -> None:
    job, image = PaintingJob(512, noise=True), photo("china", (4000, 3001))
    result = edit(image, {"op": "restyle", "prompt": "watercolor painting"}, job=job)
    assert result.size == (4000, 3001)
    assert [call.image.size for call in job.calls] == [(608, 416)]
    corners = [(3, 3), (3996, 3), (3, 2996), (3996, 2996), (2000, 1500)]
    assert sum(result.getpixel(corner) != image.getpixel(corner) for corner in corners) >= 4


# 3: a few shapes at the model's own resolution ------------------------------------------------------------------------


def test_the_shapes_are_few_and_divisible() -> None:
    assert shapes(256) == ((256, 256),)
    assert shapes(512) == ((512, 512), (608, 416), (416, 608))
    assert shapes(1024) == ((1024, 1024), (1216, 832), (832, 1216))


@pytest.mark.parametrize(
    ("box", "size", "resolution", "shape"),
    [
        ((1000, 1000, 1100, 1100), (4000, 3000), 512, (512, 512)),
        ((1000, 1000, 1600, 1100), (4000, 3000), 512, (608, 416)),
        ((1000, 1000, 1100, 1600), (4000, 3000), 512, (416, 608)),
        ((1000, 1000, 1100, 1600), (4000, 3000), 256, (256, 256)),
        ((0, 0, 10, 10), (4000, 3000), 512, (512, 512)),
        ((3999, 2999, 4000, 3000), (4000, 3000), 512, (512, 512)),
        ((0, 0, 4000, 3000), (4000, 3000), 512, (608, 416)),
        ((0, 0, 50_000, 1000), (50_000, 1000), 1024, (1216, 832)),
        ((0, 0, 1, 1), (1, 1), 256, (256, 256)),
    ],
)
def test_a_region_holds_the_mask_with_context_in_the_shape_of_the_model(
    box: tuple[int, int, int, int], size: tuple[int, int], resolution: int, shape: tuple[int, int]
) -> None:
    region = choose_region(box, size, resolution)
    assert region.shape == shape
    assert region.width / region.height == pytest.approx(shape[0] / shape[1], rel=0.03)
    left, top, right, bottom = region.visible
    assert 0 <= left <= max(0, box[0] - 32) and 0 <= top <= max(0, box[1] - 32)
    assert min(size[0], box[2] + 32) <= right <= size[0] and min(size[1], box[3] + 32) <= bottom <= size[1]
    inner = region.inner
    assert 0 <= inner[0] < inner[2] <= shape[0] and 0 <= inner[1] < inner[3] <= shape[1]


def test_a_small_mask_on_a_large_picture_is_shown_to_the_model_large() -> None:
    job = PaintingJob(512)
    edit(photo("rocket", (4000, 3000)), DOG, mask=ellipse((4000, 3000), (1500, 1500, 1700, 1700)), job=job)
    left, top, right, bottom = cast(tuple[int, int, int, int], job.calls[0].mask.getbbox())
    assert job.calls[0].image.size == (512, 512)
    assert 220 < right - left < 400 and 220 < bottom - top < 400


def test_what_the_model_sees_is_the_picture_with_its_edges_continued() -> None:
    job = PaintingJob(256)
    image = Image.new("RGB", (100, 10), "red")
    image.paste("blue", (50, 0, 100, 10))
    edit(image, {"op": "restyle", "prompt": "pop art"}, job=job)
    shown = job.calls[0].image
    assert [shown.getpixel((x, y)) for x, y in ((20, 5), (20, 128), (230, 250))] == [
        (255, 0, 0),
        (255, 0, 0),
        (0, 0, 255),
    ]


def test_the_masks_place_in_the_models_view_is_its_place_in_the_picture() -> None:
    image = Image.new("RGB", (900, 700), "black")
    image.paste("white", (400, 300, 500, 400))
    mask = Image.new("L", image.size, 0)
    mask.paste(255, (400, 300, 500, 400))
    job = PaintingJob(512)
    paint(image, mask, "x", as_job(job), PaintOptions())
    seen = job.calls[0].image.convert("L").point(lambda value: 255 if value > 127 else 0)
    wanted, given = seen.getbbox(), job.calls[0].mask.getbbox()
    assert wanted is not None and given is not None
    assert np.abs(np.subtract(wanted, given)).max() <= 6


def test_the_model_paints_transparent_pictures_over_white() -> None:
    job = PaintingJob(256)
    edit(Image.new("RGBA", (64, 64), (0, 0, 0, 0)), DOG, job=job)
    assert job.calls[0].image.getpixel((10, 10)) == (255, 255, 255)


# 6: empty and full masks ----------------------------------------------------------------------------------------------


def test_an_empty_mask_is_refused_and_asks_no_model() -> None:
    job = PaintingJob()
    with pytest.raises(MaskMismatch):
        paint(photo("brick"), Image.new("L", (480, 480), 0), "x", as_job(job), PaintOptions())
    assert job.calls == []


def test_a_full_mask_repaints_the_whole_picture() -> None:
    image = photo("brick")
    result = edit(image, DOG, mask=Image.new("L", image.size, 255))
    assert result.getcolors() == [(480 * 480, MAGENTA)]


def test_a_mask_of_a_single_pixel_changes_that_pixel() -> None:
    image = photo("china", (3000, 2000))
    mask = Image.new("L", image.size, 0)
    mask.putpixel((1234, 777), 255)
    result = edit(image, DOG, mask=mask)
    changed = np.argwhere((np.asarray(result) != np.asarray(image)).any(axis=-1))
    assert changed.tolist() == [[777, 1234]]


# 7: seeds and options -------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    image = photo("coffee")
    first, again, other = (edit(image, DOG, job=PaintingJob(noise=True), seed=seed).tobytes() for seed in (3, 3, 4))
    assert first == again != other


def test_the_requests_options_reach_the_model() -> None:
    job = PaintingJob()
    edit(
        photo("coffee"),
        {"op": "remove", "target": "left side"},
        job=job,
        seed=9,
        steps=7,
        guidance_scale=3.5,
        negative_prompt="blurry",
        previews=2,
        model="some-model",
    )
    assert job.models == ["some-model"]
    assert job.calls[0].prompt == ""
    assert job.calls[0].options == {
        "negative_prompt": "left side, blurry",
        "steps": 7,
        "guidance_scale": 3.5,
        "strength": 1.0,
        "seed": 9,
        "previews": 2,
        "loras": (),
        "cut_out": False,
    }


def test_of_what_is_added_only_the_thing_covers_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    image, mask = photo("coffee"), Image.new("L", photo("coffee").size, 0)
    mask.paste(255, (100, 100, 300, 300))
    job = PaintingJob()
    whole = edit(image, {"op": "generate", "prompt": "a dog"}, mask=mask, job=job)
    assert job.calls[0].options["cut_out"] is True
    paint_all = job._call

    def paint_upper_half(*request: Any, **options: Any) -> Image.Image:
        painted = paint_all(*request, **options)
        matte = Image.new("L", painted.size, 0)
        matte.paste(255, (0, 0, painted.width, painted.height // 2))
        painted.putalpha(matte)
        return painted

    monkeypatch.setattr(job, "_call", paint_upper_half)
    cut = edit(image, {"op": "generate", "prompt": "a dog"}, mask=mask, job=job)
    upper, lower = (120, 115, 280, 145), (100, 230, 300, 300)
    assert cut.crop(upper).tobytes() == whole.crop(upper).tobytes() != image.crop(upper).tobytes()
    assert cut.crop(lower).tobytes() == image.crop(lower).tobytes() != whole.crop(lower).tobytes()


@pytest.mark.parametrize(("size", "shown"), [((480, 320), (480, 320)), ((3000, 2000), (1024, 683))])
def test_a_preview_is_the_whole_picture_with_what_is_being_painted_in_its_place(
    size: tuple[int, int], shown: tuple[int, int]
) -> None:
    job, image = PaintingJob(), photo("coffee", size)
    mask = ellipse(size, (0.2 * size[0], 0.2 * size[1], 0.5 * size[0], 0.5 * size[1]))
    edit(image, DOG, mask=mask, job=job, previews=2)
    previews = [event for event in job.events if isinstance(event, Preview)]
    assert [preview.index for preview in previews] == [0, 1]
    for preview in previews:
        assert preview.image.size == shown
        assert preview.image.getpixel((int(0.35 * shown[0]), int(0.35 * shown[1]))) == (0, preview.index, 0)
    if shown == size:
        outside = np.asarray(mask) == 0
        assert (np.asarray(previews[0].image)[outside] == np.asarray(image)[outside]).all()


@pytest.mark.parametrize(
    ("step", "asked", "strength"),
    [
        (DOG, None, 1.0),
        (DOG, 0.7, 0.7),
        ({"op": "restyle", "prompt": "pop art"}, None, 0.6),
        ({"op": "restyle", "prompt": "pop art"}, 0.7, 0.7),
        ({"op": "restyle", "prompt": "pop art", "strength": 0.3}, 0.7, 0.3),
    ],
)
def test_the_operation_decides_strength_then_the_request_then_the_default(
    step: dict[str, Any], asked: float | None, strength: float
) -> None:
    job = PaintingJob()
    edit(photo("coffee"), step, job=job, strength=asked)
    assert job.calls[0].options["strength"] == strength


# Where things go ------------------------------------------------------------------------------------------------------


def changed_part(before: Image.Image, after: Image.Image) -> tuple[float, float]:
    """Return the middle of what changed, as fractions."""
    ys, xs = np.nonzero((np.asarray(before) != np.asarray(after)).any(axis=-1))
    return float(xs.mean()) / before.width, float(ys.mean()) / before.height


def test_a_cat_on_the_right_and_a_dog_on_the_left_in_that_order() -> None:
    image, job = photo("coffee"), PaintingJob()
    right = {"op": "generate", "prompt": "a cat", "where": "right"}
    left = {"op": "generate", "prompt": "a dog", "where": "left"}
    assert changed_part(image, edit(image, right, job=job))[0] > 0.65
    assert changed_part(image, edit(image, left, job=job))[0] < 0.35
    edit(image, right, left, job=job)
    assert [call.prompt for call in job.calls[2:]] == ["a cat", "a dog"]


def test_the_mask_decides_over_the_words_and_turns_with_the_picture() -> None:
    image = photo("coffee")
    mask = Image.new("L", image.size, 0)
    mask.paste(255, (20, 20, 120, 120))
    words = {"op": "generate", "prompt": "sunglasses", "where": "on the man"}
    assert changed_part(image, edit(image, words, mask=mask)) == pytest.approx((70 / 480, 70 / 320), abs=0.02)
    turned = edit(image, {"op": "rotate", "degrees": 90}, {"op": "remove", "target": "cup"}, mask=mask)
    x, y = changed_part(image.transpose(Image.Transpose.ROTATE_270), turned)
    assert (x, y) == pytest.approx((1 - 70 / 320, 70 / 480), abs=0.02)


@pytest.mark.parametrize(
    "step",
    [
        {"op": "generate", "prompt": "sunglasses", "where": "on the man"},
        {"op": "replace", "target": "car", "prompt": "a horse"},
        {"op": "replace", "target": "background", "prompt": "a beach"},
        {"op": "replace", "target": "the subject", "prompt": "a tin"},
        {"op": "remove", "target": "car"},
        {"op": "replace", "target": "sky", "prompt": "a sunset"},
    ],
    ids=str,
)
def test_what_cannot_be_found_asks_for_a_mask_and_wakes_no_model(step: dict[str, Any]) -> None:
    job = PaintingJob()
    with pytest.raises(MaskRequired):
        edit(photo("coffee"), step, job=job)
    assert job.models == []


def test_a_plan_whose_last_step_must_be_refused_paints_nothing() -> None:
    job = PaintingJob()
    with pytest.raises(Refused):
        edit(photo("coffee"), DOG, {"op": "text", "content": "\x07"}, job=job)
    assert job.models == []


@pytest.mark.parametrize(
    ("last", "engine"),
    [
        ({"op": "remove", "target": "car"}, Segmenter),
        ({"op": "generate", "prompt": "a hat", "where": "on the man"}, Segmenter),
        ({"op": "replace", "target": "background", "prompt": "a beach"}, SubjectFinder),
        ({"op": "remove_background"}, SubjectFinder),
        ({"op": "crop", "to": "face"}, FaceFinder),
        ({"op": "crop", "to": "subject"}, SubjectFinder),
        ({"op": "blur", "target": "background"}, SubjectFinder),
    ],
    ids=str,
)
def test_an_engine_that_the_last_step_lacks_is_said_before_anything_is_painted(
    last: dict[str, Any], engine: type[Engine]
) -> None:
    job = PaintingJob(lacking=(engine,))
    with pytest.raises(WeightsMissing):
        edit(photo("coffee"), DOG, last, job=job)
    assert job.calls == []
    edit(photo("coffee"), DOG, last, job=job, mask=ellipse((480, 320), (9, 9, 200, 200)))
    assert engine not in job.prepared[2:], "with a mask nothing needs finding"


def test_what_is_named_is_found_and_only_that_is_repainted() -> None:
    image, job = photo("coffee"), PaintingJob(found=(200, 100, 260, 180))
    result = edit(image, {"op": "replace", "target": "the red cup", "prompt": "a horse"}, job=job)
    assert job.words == ["red cup"]
    ys, xs = np.nonzero((np.asarray(result) != np.asarray(image)).any(axis=-1))
    assert (xs.min(), ys.min()) == pytest.approx((198, 98), abs=3)
    assert (xs.max(), ys.max()) == pytest.approx((261, 181), abs=3)


@pytest.mark.parametrize(
    ("where", "column", "row"),
    [
        ("to the left of the cup", (0.2, 0.42), (0.3, 0.6)),
        ("to the right of the cup", (0.53, 0.7), (0.3, 0.6)),
        ("above the cup", (0.4, 0.55), (0.05, 0.35)),
        ("on the cup", (0.44, 0.52), (0.36, 0.5)),
    ],
)
def test_things_are_put_in_relation_to_what_is_found(
    where: str, column: tuple[float, float], row: tuple[float, float]
) -> None:
    image, job = photo("coffee"), PaintingJob(found=(200, 100, 260, 180))
    x, y = changed_part(image, edit(image, {"op": "generate", "prompt": "a spoon", "where": where}, job=job))
    assert column[0] < x < column[1] and row[0] < y < row[1]


def test_a_new_background_leaves_the_subject_alone_and_the_other_way_round() -> None:
    image, inside = photo("coffee"), (slice(110, 170), slice(210, 250))
    job = PaintingJob(found=(200, 100, 260, 180))
    behind = edit(image, {"op": "replace", "target": "the background", "prompt": "a beach"}, job=job)
    changed = (np.asarray(behind) != np.asarray(image)).any(axis=-1)
    assert not changed[100:180, 200:260].any() and changed[:80].mean() > 0.9
    fore = edit(image, {"op": "remove", "target": "foreground"}, job=job)
    changed = (np.asarray(fore) != np.asarray(image)).any(axis=-1)
    assert changed[inside].all() and not changed[:90].any()


def test_flowers_in_the_background_grow_around_the_subject_and_without_a_finder_where_a_background_mostly_is() -> None:
    image, flowers = photo("coffee"), {"op": "generate", "prompt": "flowers", "where": "background"}
    result = edit(image, flowers, job=PaintingJob(found=(200, 60, 300, 320)))
    changed = (np.asarray(result) != np.asarray(image)).any(axis=-1)
    assert changed.any() and not changed[60:, 200:300].any()
    edit(image, flowers, job=PaintingJob(lacking=(SubjectFinder,)))


def test_a_new_sky_is_painted_where_the_sky_is() -> None:
    image = photo("china")
    result = edit(image, {"op": "replace", "target": "the sky", "prompt": "a sunset"})
    sky = np.asarray(find_sky(image)) == 255
    changed = (np.asarray(result) != np.asarray(image)).any(axis=-1)
    assert not changed[~sky].any() and changed[sky].mean() > 0.9


def test_restyle_repaints_everything_or_what_the_mask_selects() -> None:
    image = photo("coffee")
    assert edit(image, {"op": "restyle", "prompt": "pop art"}).getcolors() == [(480 * 320, MAGENTA)]
    mask = ellipse(image.size, (10, 10, 200, 200))
    assert edit(image, {"op": "restyle", "prompt": "pop art"}, mask=mask).getpixel((300, 300)) == image.getpixel(
        (300, 300)
    )


# Outpainting ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "size", "corner"),
    [
        ({"side": "left"}, (600, 320), (120, 0)),
        ({"side": "right", "percent": 50}, (720, 320), (0, 0)),
        ({"side": "top"}, (480, 400), (0, 80)),
        ({"side": "bottom", "percent": 10}, (480, 352), (0, 0)),
        ({"side": "all"}, (720, 480), (120, 80)),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_extend_paints_around_an_untouched_picture(
    fields: dict[str, Any], size: tuple[int, int], corner: tuple[int, int], mode: str
) -> None:
    image = photo("coffee").convert(mode)
    result = edit(image, {"op": "extend", **fields}, job=PaintingJob(noise=True))
    assert (result.size, result.mode) == (size, mode)
    kept = result.crop((*corner, corner[0] + 480, corner[1] + 320))
    assert kept.tobytes() == image.tobytes()
    if mode == "RGBA":
        assert result.getchannel("A").getextrema() == (255, 255)


def test_extend_paints_the_far_edge_wholly_and_takes_the_mask_along() -> None:
    image = photo("coffee")
    mask = Image.new("L", image.size, 255)
    canvas = apply_plan(Canvas(image, mask), parse_plan([{"op": "extend", "side": "left"}]), as_job(PaintingJob()))
    assert [canvas.image.getpixel((x, 160)) for x in (0, 60)] == [MAGENTA, MAGENTA]
    assert canvas.mask is not None and canvas.mask.getbbox() == (120, 0, 600, 320)


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (101, 67)])
def test_any_size_can_be_extended(size: tuple[int, int]) -> None:
    result = edit(photo("coffee", size), {"op": "extend", "side": "all", "percent": 100}, job=PaintingJob(256))
    assert result.size == (size[0] * 3, size[1] * 3)
