"""Every operation that needs no engine, on real photographs, with masks and with alpha."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageStat

from inference.engines.face_finder import Face, FaceFinder
from inference.engines.subject_finder import SubjectFinder
from inference.errors import Cancelled, InvalidPlan, MaskRequired, TooLarge
from inference.events import Began, Event
from inference.jobs import Job
from inference.operations import Canvas, apply_plan, lettering, parse_plan
from inference.operations.places import SPOTS, draw_area, draw_spot, say_place, split_preposition
from inference.operations.sky import find_sky
from inference.pictures import decode_picture

PICTURES = Path(__file__).parent / "pictures"
ALWAYS_SAME_SIZE = [
    *({"op": op, "amount": 30} for op in ("brightness", "contrast", "saturation", "temperature", "sharpen")),
    *({"op": op} for op in ("grayscale", "sepia", "invert", "autocontrast", "hue", "gamma", "blur", "pixelate")),
    {"op": "sharpen", "amount": -60},
    {"op": "tint", "color": "teal"},
    {"op": "text", "content": "Hello there"},
    {"op": "convert", "format": "png"},
    {"op": "flip", "axis": "vertical"},
    {"op": "rotate", "degrees": 180},
]
TONES = ALWAYS_SAME_SIZE[:-3]
FOUND = (0.25, 0.25, 0.75, 0.75)
"""Where the finders see something, as fractions of the picture."""


class QuietJob:
    """Hears events; its finders see a subject and a face in `FOUND` and nothing else."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.cancelled = False

    def report(self, event: Event) -> None:
        self.events.append(event)

    def check(self) -> None:
        if self.cancelled:
            raise Cancelled("cancelled")

    def prepare(self, engine: type, model: str | None = None) -> None:
        pass

    @contextmanager
    def lease(self, engine: type, model: str | None = None) -> Iterator[Any]:
        yield SimpleNamespace(call=self._find)

    def _find(self, verb: object, image: Image.Image, *words: str) -> Any:
        box = tuple(round(part * side) for part, side in zip(FOUND, 2 * image.size, strict=True))
        if verb is FaceFinder.find_faces:
            return (Face(cast(tuple[int, int, int, int], box), 0.9),)
        assert verb is SubjectFinder.find_subject
        mask = Image.new("L", image.size, 0)
        mask.paste(255, cast(tuple[int, int, int, int], box))
        return mask


class NoFinder:
    """Sees nothing; what it is asked for it refuses."""

    def subject(self) -> Image.Image:
        raise MaskRequired("no subject", param="mask")

    background = subject

    def things(self, words: str) -> Image.Image:
        raise MaskRequired(words, param="mask")

    def subject_if_known(self) -> Image.Image | None:
        return None


def as_job(job: QuietJob) -> Job[Any]:
    return cast(Job[Any], job)


def photo(name: str) -> Image.Image:
    return decode_picture((PICTURES / f"{name}.jpg").read_bytes(), max_pixels=10**6).image


def edit(image: Image.Image, *plan: dict[str, Any], mask: Image.Image | None = None) -> Canvas:
    return apply_plan(Canvas(image, mask), parse_plan(list(plan)), as_job(QuietJob()))


def pixels(image: Image.Image) -> npt.NDArray[np.int16]:
    return np.asarray(image).astype(np.int16)


def left_half(size: tuple[int, int]) -> Image.Image:
    mask = Image.new("L", size, 0)
    mask.paste(255, (0, 0, size[0] // 2, size[1]))
    return mask


def with_alpha(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


# All together -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ALWAYS_SAME_SIZE, ids=str)
@pytest.mark.parametrize("size", [(1, 1), (101, 67), (3, 400)])
def test_size_and_mode_stay_unless_the_operation_is_about_them(step: dict[str, Any], size: tuple[int, int]) -> None:
    for image in (photo("coffee").resize(size), with_alpha(photo("coffee").resize(size))):
        result = edit(image, step)
        assert (result.image.size, result.image.mode) == (size, image.mode)


@pytest.mark.parametrize("step", TONES, ids=str)
def test_tones_and_effects_change_only_what_the_mask_selects_and_never_alpha(step: dict[str, Any]) -> None:
    image = with_alpha(photo("astronaut"))
    mask = left_half(image.size)
    before, after = pixels(image), pixels(edit(image, step, mask=mask).image)
    outside = np.asarray(mask) == 0
    assert (before[outside] == after[outside]).all()
    assert (before[..., 3] == after[..., 3]).all()
    assert (before[~outside] != after[~outside]).any()


@pytest.mark.parametrize("step", TONES, ids=str)
def test_the_same_edit_gives_the_same_pixels_and_leaves_the_input_alone(step: dict[str, Any]) -> None:
    image = photo("chelsea")
    original = image.tobytes()
    assert edit(image, step).image.tobytes() == edit(image, step).image.tobytes()
    assert image.tobytes() == original


def test_a_plan_is_carried_out_in_order_and_reports_each_step() -> None:
    job = QuietJob()
    plan = parse_plan([{"op": "crop", "aspect": "1:1"}, {"op": "border", "width": 10}, {"op": "rotate", "degrees": 90}])
    assert apply_plan(Canvas(photo("coffee")), plan, as_job(job)).image.size == (340, 340)
    assert job.events == [Began("crop", 0, 3), Began("border", 1, 3), Began("rotate", 2, 3)]


def test_a_cancel_takes_effect_before_the_next_operation() -> None:
    job = QuietJob()
    job.cancelled = True
    with pytest.raises(Cancelled):
        apply_plan(Canvas(photo("coffee")), parse_plan([{"op": "sepia"}]), as_job(job))
    assert job.events == []


# Geometry -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("degrees", "turns"), [(90, 3), (-90, 1), (180, 2), (0, 0)])
def test_quarter_turns_are_clockwise_and_lossless(degrees: int, turns: int) -> None:
    image = photo("coffee")
    result = edit(image, {"op": "rotate", "degrees": degrees}).image
    assert (pixels(result) == np.rot90(pixels(image), turns)).all()


@pytest.mark.parametrize(("degrees", "dpi"), [(90, (300, 150)), (-90, (300, 150)), (180, (150, 300))])
def test_unequal_resolutions_turn_with_the_picture(degrees: int, dpi: tuple[int, int]) -> None:
    canvas = Canvas(photo("chelsea"), dpi=(150, 300))
    assert apply_plan(canvas, parse_plan([{"op": "rotate", "degrees": degrees}]), as_job(QuietJob())).dpi == dpi


def test_any_other_angle_keeps_the_whole_picture_with_transparent_corners() -> None:
    image = Image.new("RGB", (200, 100), "red")
    result = edit(image, {"op": "rotate", "degrees": 30}, mask=Image.new("L", image.size, 255))
    assert result.image.mode == "RGBA"
    assert result.image.size == pytest.approx((223, 187), abs=2)
    assert result.image.getpixel((0, 0)) == (0, 0, 0, 0)
    assert result.image.getpixel((111, 93)) == (255, 0, 0, 255)
    shown = sum(result.image.getchannel("A").histogram()[128:])
    assert shown == pytest.approx(200 * 100, rel=0.02)
    assert result.mask is not None and sum(result.mask.histogram()[128:]) == pytest.approx(200 * 100, rel=0.02)


def test_a_positive_angle_turns_clockwise() -> None:
    image = Image.new("RGB", (101, 101), "black")
    image.paste("red", (90, 45, 101, 56))  # at three o'clock
    result = edit(image, {"op": "rotate", "degrees": 45}).image
    red, _, _, alpha = cast(tuple[int, ...], result.getpixel((result.width // 2 + 32, result.height // 2 + 32)))
    assert red > 200 and alpha == 255  # at half past four


@pytest.mark.parametrize("axis", ["horizontal", "vertical"])
def test_flip_mirrors_and_twice_is_nothing(axis: str) -> None:
    image = photo("rocket")
    once = edit(image, {"op": "flip", "axis": axis}).image
    assert (pixels(once) == np.flip(pixels(image), 1 if axis == "horizontal" else 0)).all()
    assert edit(once, {"op": "flip", "axis": axis}).image.tobytes() == image.tobytes()


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": 240}, (240, 160)),
        ({"height": 100}, (150, 100)),
        ({"width": 640, "height": 480}, (640, 480)),
        ({"percent": 50}, (240, 160)),
        ({"percent": 150}, (720, 480)),
        ({"percent": 200}, (960, 640)),
        ({"percent": 33.3}, (160, 107)),
        ({"height": 1}, (2, 1)),
    ],
)
def test_resize(fields: dict[str, Any], size: tuple[int, int]) -> None:
    result = edit(photo("coffee"), {"op": "resize", **fields}, mask=left_half((480, 320)))
    assert result.image.size == size
    assert result.mask is not None and result.mask.size == size
    assert set(result.mask.get_flattened_data()) <= {0, 255}


def test_a_picture_of_one_pixel_can_be_halved() -> None:
    assert edit(Image.new("RGB", (1, 1)), {"op": "resize", "percent": 50}).image.size == (1, 1)


@pytest.mark.parametrize(
    ("fields", "box"),
    [
        ({"aspect": "1:1"}, (80, 0, 400, 320)),
        ({"aspect": "16:9"}, (0, 25, 480, 295)),
        ({"aspect": "1:4"}, (200, 0, 280, 320)),
        ({"width": 100, "height": 50}, (190, 135, 290, 185)),
    ],
)
def test_crop_keeps_the_middle(fields: dict[str, Any], box: tuple[int, int, int, int]) -> None:
    image = photo("coffee")
    result = edit(image, {"op": "crop", **fields}, mask=left_half(image.size))
    assert result.image.tobytes() == image.crop(box).tobytes()
    assert result.mask is not None and result.mask.tobytes() == left_half(image.size).crop(box).tobytes()


def test_an_extreme_aspect_leaves_at_least_a_pixel() -> None:
    assert edit(photo("coffee"), {"op": "crop", "aspect": "9999:1"}).image.size == (480, 1)


def test_a_crop_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(InvalidPlan, match="480x320"):
        edit(photo("coffee"), {"op": "crop", "width": 481, "height": 10})


@pytest.mark.parametrize(("to", "size"), [("subject", (260, 260)), ("face", (456, 456))])
def test_crop_to_a_thing_takes_the_mask_or_finds_it(to: str, size: tuple[int, int]) -> None:
    image = photo("astronaut")
    found = edit(image, {"op": "crop", "to": to}).image
    assert found.size == pytest.approx(size, abs=3), "with some room, as far as there is any"
    mask = Image.new("L", image.size, 0)
    mask.paste(255, (170, 20, 300, 180))
    assert edit(image, {"op": "crop", "to": to}, mask=mask).image.size == (130, 160)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_trim_takes_off_what_border_put_on(mode: str) -> None:
    image = photo("rocket").convert(mode)
    framed = edit(image, {"op": "border", "width": 7, "color": "lime"}).image
    assert framed.size == (494, 334)
    assert framed.getpixel((0, 333)) == ((0, 255, 0) if mode == "RGB" else (0, 255, 0, 255))
    assert edit(framed, {"op": "trim"}).image.tobytes() == image.tobytes()


def test_trim_takes_off_transparent_space_and_bars_of_two_colours() -> None:
    image = Image.new("RGBA", (40, 30), (9, 9, 9, 0))
    image.paste((255, 0, 0, 255), (10, 5, 20, 15))
    image.putpixel((0, 29), (200, 1, 7, 0))  # unseen
    assert edit(image, {"op": "trim"}).image.size == (10, 10)
    bars = Image.new("RGB", (40, 30), "black")
    bars.paste("white", (0, 20, 40, 30))
    bars.paste(photo("coffee").resize((40, 15)), (0, 5))
    assert edit(bars, {"op": "trim"}).image.size == (40, 15)


def test_a_picture_of_one_colour_has_no_edges_to_trim() -> None:
    assert edit(Image.new("RGB", (5, 4), "red"), {"op": "trim"}).image.size == (5, 4)


def test_a_border_is_outside_the_mask() -> None:
    result = edit(photo("rocket"), {"op": "border"}, {"op": "invert"}, mask=Image.new("L", (480, 320), 255))
    assert result.image.getpixel((3, 3)) == (255, 255, 255)
    assert result.mask is not None and result.mask.getbbox() == (20, 20, 500, 340)


@pytest.mark.parametrize(
    "step",
    [
        {"op": "resize", "percent": 1000},
        {"op": "resize", "width": 60_000, "height": 60_000},
        {"op": "border", "width": 5000},
        {"op": "rotate", "degrees": 45},
    ],
)
def test_what_would_become_too_large_is_refused_before_it_is_made(step: dict[str, Any]) -> None:
    canvas = Canvas(photo("coffee"), most_pixels=200_000)
    with pytest.raises(TooLarge):
        apply_plan(canvas, parse_plan([step]), as_job(QuietJob()))


# Tones and effects --------------------------------------------------------------------------------------------------


def mean(image: Image.Image) -> list[float]:
    return ImageStat.Stat(image.convert("RGB")).mean


def spread(image: Image.Image) -> float:
    return float(np.std(np.asarray(image.convert("L")).astype(float)))


def detail(image: Image.Image) -> float:
    return float(np.abs(np.diff(pixels(image.convert("L")), axis=1)).mean())


def colorfulness(image: Image.Image) -> float:
    return ImageStat.Stat(image.convert("HSV").getchannel("S")).mean[0]


@pytest.mark.parametrize(
    ("op", "measure"),
    [
        ("brightness", lambda image: sum(mean(image))),
        ("contrast", spread),
        ("saturation", colorfulness),
        ("temperature", lambda image: mean(image)[0] - mean(image)[2]),
        ("sharpen", detail),
    ],
)
def test_amounts_go_both_ways_and_more_is_more(op: str, measure: Any) -> None:
    image = photo("coffee")
    values = [measure(edit(image, {"op": op, "amount": amount}).image) for amount in (-40, -20, 0, 10, 20, 40)]
    assert values == sorted(values)
    assert len({round(value, 3) for value in values}) == len(values)
    assert values[2] == pytest.approx(measure(image), abs=0.01)


def test_the_ends_of_the_amounts() -> None:
    image = photo("coffee")
    assert edit(image, {"op": "brightness", "amount": -100}).image.getextrema() == ((0, 0),) * 3
    assert spread(edit(image, {"op": "contrast", "amount": -100}).image) == 0
    assert colorfulness(edit(image, {"op": "saturation", "amount": -100}).image) == 0


def test_temperature_keeps_the_lightness_of_a_grey() -> None:
    image = Image.new("RGB", (4, 4), (120, 120, 120))
    warm = edit(image, {"op": "temperature", "amount": 40}).image
    red, green, blue = cast(tuple[int, ...], warm.getpixel((0, 0)))
    assert red > green > blue
    assert warm.convert("L").getpixel((0, 0)) == pytest.approx(120, abs=1)


@pytest.mark.parametrize(("degrees", "color"), [(120, (0, 255, 0)), (-120, (0, 0, 255)), (360, (255, 0, 0))])
def test_hue_turns_red(degrees: int, color: tuple[int, ...]) -> None:
    result = edit(Image.new("RGB", (2, 2), "red"), {"op": "hue", "degrees": degrees}).image.getpixel((0, 0))
    assert np.abs(np.subtract(cast(tuple[int, ...], result), color)).max() <= 6


def test_gamma_lifts_the_middle_and_keeps_black_and_white() -> None:
    image = Image.new("RGB", (3, 1))
    for x, level in enumerate((0, 64, 255)):
        image.putpixel((x, 0), (level,) * 3)
    result = edit(image, {"op": "gamma", "value": 2.2}).image
    assert [cast(tuple[int, ...], result.getpixel((x, 0)))[0] for x in range(3)] == [0, 136, 255]


def test_tint_casts_a_colour_and_keeps_black_and_white() -> None:
    image = Image.new("RGB", (3, 1))
    for x, level in enumerate((0, 128, 255)):
        image.putpixel((x, 0), (level,) * 3)
    result = edit(image, {"op": "tint", "color": "#0000ff"}).image
    assert result.getpixel((0, 0)) == (0, 0, 0) and result.getpixel((2, 0)) == (255, 255, 255)
    red, _, blue = cast(tuple[int, ...], result.getpixel((1, 0)))
    assert blue > red + 60


def test_grayscale_sepia_and_invert() -> None:
    image = photo("astronaut")
    grey = pixels(edit(image, {"op": "grayscale"}).image)
    assert (grey[..., 0] == np.asarray(image.convert("L"))).all() and (grey == grey[..., :1]).all()
    red, green, blue = mean(edit(image, {"op": "sepia"}).image)
    assert red > green > blue
    assert (pixels(edit(image, {"op": "invert"}).image) == 255 - pixels(image)).all()


def test_autocontrast_stretches_a_flat_photograph() -> None:
    flat = photo("rocket").point(lambda value: 90 + value // 4)
    result = edit(flat, {"op": "autocontrast"}).image
    assert spread(result) > 2 * spread(flat)
    low, high = result.convert("L").getextrema()
    assert (low, high) == (0, 255)


def test_a_larger_radius_blurs_more() -> None:
    values = [detail(edit(photo("china"), {"op": "blur", "radius": radius}).image) for radius in (2, 5, 10)]
    assert values == sorted(values, reverse=True) and values[0] < detail(photo("china")) / 2


def test_unseen_colours_do_not_bleed_into_a_blurred_cutout() -> None:
    image = Image.new("RGBA", (60, 60), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (20, 20, 40, 40))
    red, green, _, alpha = cast(tuple[int, ...], edit(image, {"op": "blur"}).image.getpixel((21, 21)))
    assert alpha == 255 and red > 240 and green < 10


def test_unseen_colours_do_not_bleed_into_the_squares_of_a_cutout() -> None:
    image = Image.new("RGBA", (60, 60), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (25, 25, 35, 35))
    result = edit(image, {"op": "pixelate", "size": 20}).image
    assert result.getpixel((30, 30)) == (255, 0, 0, 255)
    assert result.getchannel("A").tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize("size", [1, 10, 64, 5000])
def test_pixelate_makes_squares_of_that_size(size: int) -> None:
    image = photo("chelsea")
    result = pixels(edit(image, {"op": "pixelate", "size": size}).image)
    for y in range(0, image.height, size):
        for x in range(0, min(image.width, 3 * size), size):
            square = result[y : y + size, x : x + size].reshape(-1, 3)
            assert (square == square[0]).all()
    assert size > 1 or (result == pixels(image)).all()


@pytest.mark.parametrize("step", [{"op": "remove_background"}, {"op": "blur", "target": "background"}], ids=str)
def test_the_background_is_what_the_mask_selects_or_all_but_the_subject(step: dict[str, Any]) -> None:
    image = photo("chelsea")
    found = edit(image, step).image
    assert (pixels(found)[100:200, 150:300, :3] == pixels(image)[100:200, 150:300]).all()
    assert (pixels(found)[:50] != pixels(image.convert(found.mode))[:50]).any()
    mask = left_half(image.size)
    result = edit(image, step, mask=mask).image
    outside = np.asarray(mask) == 0
    assert (pixels(result)[..., :3][outside] == pixels(image)[outside]).all()
    if step["op"] == "remove_background":
        assert (pixels(result)[..., 3] == np.where(outside, 255, 0)).all()


# Text and files -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("where", "rows"), [("top", (0, 0.35)), ("center", (0.33, 0.67)), ("bottom", (0.65, 1))])
@pytest.mark.parametrize("size", [(480, 320), (200, 900), (1500, 200)])
def test_text_is_where_it_was_asked_for_and_whole(where: str, rows: tuple[float, float], size: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (90, 140, 200))
    result = edit(image, {"op": "text", "content": "Greetings from Wanshou", "where": where, "color": "gold"}).image
    changed = (pixels(result) != pixels(image)).any(axis=-1)
    ys, xs = np.nonzero(changed)
    assert rows[0] * size[1] <= ys.min() and ys.max() < rows[1] * size[1]
    assert min(xs.min(), ys.min()) > 0 and xs.max() < size[0] - 1 and ys.max() < size[1] - 1
    assert abs((xs.min() + xs.max()) / 2 - size[0] / 2) < 3
    colors = {color for _, color in result.getcolors(10**6) or []}
    assert {(255, 215, 0), (0, 0, 0)} <= colors


@pytest.mark.parametrize("ground", ["white", "black"])
def test_text_without_a_colour_is_legible_on_light_and_dark(ground: str) -> None:
    result = edit(Image.new("RGB", (300, 200), ground), {"op": "text", "content": "Hello"}).image
    assert {(255, 255, 255), (0, 0, 0)} <= {color for _, color in result.getcolors(10**6) or []}


def test_long_text_is_broken_into_lines() -> None:
    image = photo("brick")
    result = edit(image, {"op": "text", "content": "hello there " * 20, "where": "center"}).image
    ys, xs = np.nonzero((pixels(result) != pixels(image)).any(axis=-1))
    assert xs.max() - xs.min() <= 0.93 * image.width and ys.max() - ys.min() > 60


@pytest.mark.parametrize("content", ["犬", "déjà vu", "🙂", "ok \u202e no\x00"])
def test_letters_that_no_font_has_are_refused_rather_than_drawn_as_boxes(
    content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lettering, "SYSTEM_FONTS", ("NoSuchFont.ttf",))
    with pytest.raises(InvalidPlan, match="font"):
        edit(photo("brick"), {"op": "text", "content": content})


def test_convert_sets_the_format_and_changes_no_pixel() -> None:
    image = photo("brick")
    result = edit(image, {"op": "convert", "format": "webp", "quality": 70})
    assert (result.output_format, result.output_quality) == ("webp", 70)
    assert result.image.tobytes() == image.tobytes()


# Places -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ("left", ("left",)),
        ("on the left-hand side of the picture", ("left",)),
        ("in the upper right corner", ("top", "right")),
        ("bottom left", ("bottom", "left")),
        ("left bottom", ("bottom", "left")),
        ("in the middle", ("center",)),
        ("top center", ("top",)),
        ("at the very top", ("top",)),
        ("on the ground", ("bottom",)),
        ("in the distance", ("background",)),
        ("in the background on the left", ("background", "left")),
        ("in the sky", ("sky",)),
        ("on the man", None),
        ("to the left of the house", None),
        ("left and right", None),
        ("on", None),
        ("", None),
    ],
)
def test_only_words_that_say_nothing_but_a_place_are_a_place(words: str, place: tuple[str, ...] | None) -> None:
    assert say_place(words) == place


def middle(mask: Image.Image) -> tuple[float, float]:
    left, top, right, bottom = cast(tuple[int, int, int, int], mask.getbbox())
    return (left + right) / 2 / mask.width, (top + bottom) / 2 / mask.height


@pytest.mark.parametrize("where", [where for where in SPOTS if where != "sky"])
@pytest.mark.parametrize("size", [(480, 320), (320, 480), (1, 1), (4000, 60)])
def test_a_spot_lies_inside_the_picture_on_its_side(where: str, size: tuple[int, int]) -> None:
    mask = draw_spot(Image.new("RGB", size), where or None, "a dog", NoFinder())
    assert mask.size == size and set(mask.get_flattened_data()) <= {0, 255} and mask.getbbox() is not None
    if min(size) < 300:
        return
    x, y = middle(mask)
    assert (x < 0.45) == ("left" in where) and (x > 0.55) == ("right" in where)
    assert "top" not in where or y < 0.45
    assert "bottom" not in where or y > 0.55


def test_a_dog_gets_about_half_of_the_shorter_side_in_the_lower_middle() -> None:
    mask = draw_spot(Image.new("RGB", (1200, 800)), None, "a dog", NoFinder())
    left, top, right, bottom = cast(tuple[int, int, int, int], mask.getbbox())
    assert right - left == bottom - top == pytest.approx(0.48 * 800, abs=1)
    assert middle(mask) == pytest.approx((0.5, 0.66), abs=0.01)
    assert mask.getpixel((left, top)) == 0  # rounded


def test_a_person_gets_a_taller_and_a_car_a_wider_box() -> None:
    for prompt, tall in (("a person wearing a hat", True), ("two trees", True), ("a red car", False)):
        left, top, right, bottom = cast(
            tuple[int, int, int, int], draw_spot(Image.new("RGB", (900, 900)), None, prompt, NoFinder()).getbbox()
        )
        assert ((bottom - top) / (right - left) > 1.3) is tall and ((right - left) / (bottom - top) > 1.3) is not tall


@pytest.mark.parametrize(
    ("where", "side", "thing"),
    [
        ("on the man", "", "man"),
        ("to the left of the house", "left", "house"),
        ("On the right side of the red car", "right", "red car"),
        ("next to the cup", "side", "cup"),
        ("on top of the table", "top", "table"),
        ("behind the man", "around", "man"),
        ("the man's head", "", "man's head"),
        ("on", "", "on"),
    ],
)
def test_what_is_no_place_names_a_thing_that_is_looked_for_and_never_guessed(where: str, side: str, thing: str) -> None:
    assert split_preposition(where) == (side, thing)
    with pytest.raises(MaskRequired, match=thing):
        draw_spot(photo("coffee"), where, "a spoon", NoFinder())


@pytest.mark.parametrize(
    ("target", "box"),
    [
        ("everything", (0, 0, 480, 320)),
        ("the whole picture", (0, 0, 480, 320)),
        ("the left side", (0, 0, 240, 320)),
        ("bottom right corner", (240, 160, 480, 320)),
    ],
)
def test_areas(target: str, box: tuple[int, ...]) -> None:
    assert draw_area(photo("coffee"), target, NoFinder()).getbbox() == box


@pytest.mark.parametrize("target", ["car", "background", "foreground", "the subject", "the man on the left"])
def test_targets_that_cannot_be_found_ask_for_a_mask(target: str) -> None:
    with pytest.raises(MaskRequired) as caught:
        draw_area(photo("coffee"), target, NoFinder())
    assert caught.value.param == "mask"


# Points of the small pictures (fractions) that are plainly sky, and plainly not.
SKIES = {
    "china": ([(0.1, 0.1), (0.7, 0.1), (0.9, 0.2), (0.75, 0.45)], [(0.3, 0.4), (0.9, 0.6), (0.7, 0.6), (0.5, 0.9)]),
    "rocket": ([(0.5, 0.1), (0.3, 0.3), (0.6, 0.5), (0.8, 0.4)], [(0.5, 0.5), (0.5, 0.95), (0.1, 0.95), (0.94, 0.97)]),
}


@pytest.mark.parametrize("scale", [0.2, 1, 3])
@pytest.mark.parametrize("name", SKIES)
def test_the_sky_is_found_in_photographs_of_any_size(name: str, scale: float) -> None:
    image = photo(name)
    image = image.resize((round(image.width * scale), round(image.height * scale)))
    sky = find_sky(image)
    assert sky.size == image.size and sky.mode == "L"
    inside, outside = SKIES[name]
    for points, value in ((inside, 255), (outside, 0)):
        for x, y in points:
            assert sky.getpixel((int(x * image.width), int(y * image.height))) == value, (x, y)


@pytest.mark.parametrize("name", ["astronaut", "brick", "chelsea", "coffee"])
def test_where_there_is_no_sky_a_mask_is_asked_for(name: str) -> None:
    with pytest.raises(MaskRequired, match="sky"):
        draw_area(photo(name), "the sky", NoFinder())


@pytest.mark.parametrize("image", [Image.new("RGB", (1, 1), "skyblue"), Image.new("RGB", (300, 200), "black")])
def test_a_picture_of_one_colour_has_no_sky(image: Image.Image) -> None:
    with pytest.raises(MaskRequired):
        find_sky(image)


def test_a_sky_may_be_transparent_elsewhere() -> None:
    image = photo("china").convert("RGBA")
    data = io.BytesIO()
    image.save(data, "PNG")
    assert find_sky(decode_picture(data.getvalue(), max_pixels=10**6).image).getpixel((20, 20)) == 255


def test_birds_in_the_sky_are_put_inside_it() -> None:
    image = photo("china")
    spot, sky = draw_spot(image, "in the sky", "birds", NoFinder()), find_sky(image)
    assert spot.getbbox() is not None
    assert (np.asarray(sky)[np.asarray(spot) == 255] == 255).all()
