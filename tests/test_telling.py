"""What was done, said in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from inference.operations import OPERATIONS, parse_plan
from inference.operations.telling import tell_plan

TOLD: list[tuple[dict[str, Any], str]] = [
    ({"op": "generate", "prompt": "a dog"}, "added a dog"),
    ({"op": "generate", "prompt": "a dog", "where": "left"}, "added a dog on the left"),
    ({"op": "generate", "prompt": "a bird", "where": "sky"}, "added a bird in the sky"),
    ({"op": "generate", "prompt": "a hut", "where": "top left"}, "added a hut in the top left"),
    ({"op": "generate", "prompt": "sunglasses", "where": "on the man"}, "added sunglasses on the man"),
    ({"op": "replace", "target": "sky", "prompt": "a sunset"}, "turned the sky into a sunset"),
    ({"op": "remove", "target": "car"}, "removed the car"),
    ({"op": "remove", "target": "all people"}, "removed all people"),
    ({"op": "restyle", "prompt": "oil painting"}, "gave the picture an oil painting look"),
    ({"op": "extend", "side": "left"}, "extended the picture to the left"),
    ({"op": "extend", "side": "all"}, "extended the picture on all sides"),
    ({"op": "rotate", "degrees": 90}, "turned the picture right"),
    ({"op": "rotate", "degrees": -90}, "turned the picture left"),
    ({"op": "rotate", "degrees": 180}, "turned the picture upside down"),
    ({"op": "rotate", "degrees": -12.5}, "turned the picture left by 12.5 degrees"),
    ({"op": "flip", "axis": "horizontal"}, "flipped the picture left to right"),
    ({"op": "resize", "percent": 50}, "resized the picture to 50 percent"),
    ({"op": "resize", "width": 640, "height": 480}, "resized the picture to 640 by 480 pixels"),
    ({"op": "resize", "width": 640}, "made the picture 640 pixels wide"),
    ({"op": "resize", "height": 480}, "made the picture 480 pixels high"),
    ({"op": "crop", "aspect": "1:1"}, "cropped the picture to a square"),
    ({"op": "crop", "aspect": "16:9"}, "cropped the picture to 16 by 9"),
    ({"op": "crop", "to": "face"}, "cropped the picture to the face"),
    ({"op": "trim"}, "trimmed the edges of the picture"),
    ({"op": "border"}, "put a white border around the picture"),
    ({"op": "border", "color": "#102030"}, "put a border around the picture"),
    ({"op": "brightness"}, "made the picture brighter"),
    ({"op": "brightness", "amount": -40}, "made the picture a lot darker"),
    ({"op": "contrast", "amount": 10}, "gave the picture a little more contrast"),
    ({"op": "saturation", "amount": -20}, "made the colours paler"),
    ({"op": "temperature", "amount": 20}, "made the light warmer"),
    ({"op": "hue"}, "shifted the colours by 90 degrees"),
    ({"op": "gamma"}, "set the gamma to 2.2"),
    ({"op": "tint", "color": "blue"}, "tinted the picture blue"),
    ({"op": "tint", "color": "#102030"}, "tinted the picture"),
    ({"op": "grayscale"}, "made the picture black and white"),
    ({"op": "sepia"}, "gave the picture a sepia tone"),
    ({"op": "invert"}, "inverted the colours"),
    ({"op": "autocontrast"}, "evened out the light"),
    ({"op": "sharpen"}, "made the picture sharper"),
    ({"op": "blur", "radius": 10}, "blurred the picture a lot"),
    ({"op": "blur", "target": "background"}, "blurred the background"),
    ({"op": "pixelate"}, "pixelated the picture"),
    ({"op": "remove_background"}, "removed the background"),
    ({"op": "text", "content": "Hello"}, "wrote “Hello” at the bottom"),
    ({"op": "text", "content": "Hello", "where": "center"}, "wrote “Hello” in the middle"),
    ({"op": "convert", "format": "webp"}, "saved the picture as WEBP"),
]


@pytest.mark.parametrize(("operation", "said"), TOLD)
def test_each_operation_says_what_it_did(operation: dict[str, Any], said: str) -> None:
    assert parse_plan([operation])[0].told() == said


def test_every_operation_is_in_the_table() -> None:
    assert {operation["op"] for operation, _ in TOLD} == {kind.model_fields["op"].default for kind in OPERATIONS}


@pytest.mark.parametrize(
    ("plan", "sentence"),
    [
        (["generate", "rotate"], "Added a dog and turned the picture right."),
        (["rotate"], "Turned the picture right."),
        (["rotate", "invert", "sepia"], "Turned the picture right, inverted the colours and gave it a sepia tone."),
        ([], "Nothing was changed."),
    ],
)  # fmt: skip
def test_a_plan_is_one_sentence(plan: list[str], sentence: str) -> None:
    first = {operation["op"]: operation for operation, _ in reversed(TOLD)}
    operations = parse_plan([first[name] for name in plan]) if plan else ()
    assert tell_plan(operations) == sentence
