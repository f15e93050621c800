"""The vocabulary as a whole: reading plans, writing them canonically, the grammar."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer
from pydantic import TypeAdapter

from inference.errors import InvalidPlan, Refused
from inference.operations import OPERATIONS, AnyOperation, describe_plan, parse_plan, plan_schema

VOCABULARY = [
    *("generate", "replace", "remove", "restyle", "extend"),
    *("rotate", "flip", "resize", "crop", "trim", "border"),
    *("brightness", "contrast", "saturation", "temperature", "sharpen", "hue", "gamma", "tint"),
    *("blur", "pixelate", "grayscale", "sepia", "invert", "autocontrast", "remove_background"),
    *("text", "convert"),
]

# What people say and its canonical plan, over the whole vocabulary.
CANONICAL: list[tuple[str, list[dict[str, Any]]]] = [
    ("add flowers and rotate right", [{"op": "generate", "prompt": "flowers"}, {"op": "rotate", "degrees": 90}]),
    ("it's too dark", [{"op": "brightness", "amount": 20}]),
    ("B&W", [{"op": "grayscale"}]),
    (
        "add a cat on the right and a dog on the left",
        [
            {"op": "generate", "prompt": "a cat", "where": "right"},
            {"op": "generate", "prompt": "a dog", "where": "left"},
        ],
    ),
    ("resize 640 by 480", [{"op": "resize", "width": 640, "height": 480}]),
    ("put sunglasses on the man", [{"op": "generate", "prompt": "sunglasses", "where": "on the man"}]),
    ("change the sky to a sunset", [{"op": "replace", "target": "sky", "prompt": "a sunset"}]),
    ("get rid of the car", [{"op": "remove", "target": "car"}]),
    ("make it look like a watercolor painting", [{"op": "restyle", "prompt": "watercolor painting"}]),
    ("restyle it a bit", [{"op": "restyle", "prompt": "pop art", "strength": 0.4}]),
    ("extend it to the left", [{"op": "extend", "side": "left", "percent": 25}]),
    ("turn it upside down", [{"op": "rotate", "degrees": 180}]),
    ("tilt it 12.5 degrees left", [{"op": "rotate", "degrees": -12.5}]),
    ("mirror it", [{"op": "flip", "axis": "horizontal"}]),
    ("half the size", [{"op": "resize", "percent": 50}]),
    ("make it 800 wide", [{"op": "resize", "width": 800}]),
    ("make it 800 high", [{"op": "resize", "height": 800}]),
    ("square", [{"op": "crop", "aspect": "1:1"}]),
    ("cut out 300 by 200", [{"op": "crop", "width": 300, "height": 200}]),
    ("crop to the face", [{"op": "crop", "to": "face"}]),
    ("trim it", [{"op": "trim"}]),
    ("add a border", [{"op": "border", "width": 20, "color": "white"}]),
    ("a thin #00ff7f border", [{"op": "border", "width": 5, "color": "#00ff7f"}]),
    ("less contrast", [{"op": "contrast", "amount": -20}]),
    ("a lot more colour", [{"op": "saturation", "amount": 40}]),
    ("slightly cooler", [{"op": "temperature", "amount": -10}]),
    ("sharper", [{"op": "sharpen", "amount": 20}]),
    ("shift the hue", [{"op": "hue", "degrees": 90}]),
    ("gamma", [{"op": "gamma", "value": 2.2}]),
    ("tint it teal", [{"op": "tint", "color": "teal"}]),
    ("blur it", [{"op": "blur", "radius": 5}]),
    ("blur the background heavily", [{"op": "blur", "radius": 10, "target": "background"}]),
    ("pixelate", [{"op": "pixelate", "size": 10}]),
    ("sepia, inverted", [{"op": "sepia"}, {"op": "invert"}]),
    ("auto enhance", [{"op": "autocontrast"}]),
    ("remove the background", [{"op": "remove_background"}]),
    ('write "Hi!" on top', [{"op": "text", "content": 'Say "Hi!" – ok', "where": "top"}]),
    ("caption it in red", [{"op": "text", "content": "Holiday", "where": "bottom", "color": "red"}]),
    ("save as jpg", [{"op": "convert", "format": "jpeg"}]),
    ("webp at 80", [{"op": "convert", "format": "webp", "quality": 80}]),
]
TOKENIZER = LLTokenizer("byte")
GRAMMAR = LLMatcher.grammar_from_json_schema(
    plan_schema(), overrides={"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
)


def accepts(text: str) -> bool:
    matcher = LLMatcher(TOKENIZER, GRAMMAR)
    assert not matcher.is_error(), matcher.get_error()
    tokens = TOKENIZER.tokenize_bytes(text.encode())
    return bool(matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting())


def compact(plan: object) -> str:
    return json.dumps(plan, separators=(",", ":"), ensure_ascii=False)


def test_the_vocabulary_is_complete() -> None:
    assert [operation.model_fields["op"].default for operation in OPERATIONS] == VOCABULARY
    assert {step["op"] for _, plan in CANONICAL for step in plan} == set(VOCABULARY)


def test_every_operation_says_what_it_does() -> None:
    for operation in OPERATIONS:
        assert operation.__doc__ and len(operation.__doc__) > 15
        assert operation.model_json_schema()["description"]


@pytest.mark.parametrize(("sentence", "plan"), CANONICAL)
def test_canonical_plans_survive_reading_and_fit_the_grammar(sentence: str, plan: list[dict[str, Any]]) -> None:
    read = parse_plan(plan)
    assert compact(describe_plan(read)) == compact(plan)
    assert parse_plan(compact(plan)) == read
    assert accepts(compact(plan)), sentence


def test_defaults_are_written_out_and_whole_numbers_are_integers() -> None:
    plan = [
        {"op": "border"},
        {"op": "rotate", "degrees": 90.0},
        {"op": "resize", "width": 640.0},
        {"op": "text", "content": "  hi "},
        {"op": "extend", "side": "all"},
        {"color": "TEAL", "op": "tint"},
    ]
    assert compact(describe_plan(parse_plan(plan))) == (
        '[{"op":"border","width":20,"color":"white"},{"op":"rotate","degrees":90},{"op":"resize","width":640},'
        '{"op":"text","content":"hi","where":"bottom"},{"op":"extend","side":"all","percent":25},'
        '{"op":"tint","color":"teal"}]'
    )


BAD_STEPS: list[Any] = [
    {"op": "explode"},
    {"degrees": 90},
    {"op": "rotate"},
    {"op": "rotate", "degrees": -180},
    {"op": "rotate", "degrees": 270},
    {"op": "rotate", "degrees": "90"},
    {"op": "rotate", "degrees": True},
    {"op": "rotate", "degrees": float("nan")},
    {"op": "rotate", "degrees": 90, "speed": 1},
    {"op": "resize"},
    {"op": "resize", "width": 100, "percent": 50},
    {"op": "resize", "width": 0},
    {"op": "resize", "width": 10.5},
    {"op": "crop", "aspect": "0:1"},
    {"op": "crop", "width": 100},
    {"op": "crop", "aspect": "1:1", "to": "face"},
    {"op": "border", "color": "whitish"},
    {"op": "border", "color": "#12345"},
    {"op": "border", "color": "#gggggg"},
    {"op": "brightness", "amount": 101},
    {"op": "gamma", "value": 0},
    {"op": "generate", "prompt": "   "},
    {"op": "generate", "prompt": "x" * 501},
    {"op": "generate", "prompt": "\ud800"},
    {"op": "restyle", "prompt": "pop art", "strength": 0},
    {"op": "convert", "format": "gif"},
    {"op": "blur", "radius": 0},
    "rotate",
    None,
    [],
    7,
]


@pytest.mark.parametrize("step", BAD_STEPS)
def test_what_the_vocabulary_does_not_allow_is_refused(step: Any) -> None:
    with pytest.raises(InvalidPlan, match=r"operations\[1\]") as caught:
        parse_plan([{"op": "grayscale"}, step])
    assert caught.value.param == "operations"
    assert not accepts(json.dumps([step], separators=(",", ":")))


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        "[",
        "{}",
        "null",
        [],
        "[]",
        {},
        b"\xff",
        "[" * 60_000,
        "[" + "1" * 5000 + "]",
        "[1e999]",
        "x" * 100_000,
        [{"op": "sepia"}] * 9,
    ],
)
def test_what_is_no_list_of_one_to_eight_operations_is_refused(value: object) -> None:
    with pytest.raises(InvalidPlan):
        parse_plan(value)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=8))
@settings(max_examples=100, deadline=None)
def test_any_value_is_read_or_refused(value: object) -> None:
    for candidate in (value, [value], [{"op": value}], [{"op": "text", "content": value}], json.dumps([value])):
        try:
            plan = parse_plan(candidate)
        except Refused:
            continue
        assert parse_plan(list(describe_plan(plan))) == plan


def test_the_grammar_allows_no_edit_but_not_nine_and_no_spaces() -> None:
    assert accepts("[]")
    assert accepts(compact([{"op": "sepia"}] * 8))
    assert not accepts(compact([{"op": "sepia"}] * 9))
    assert not accepts('[{"op": "sepia"}]')


@pytest.mark.parametrize(
    "text",
    [
        '[{"op":"border","width":20}]',
        '[{"op":"brightness"}]',
        '[{"degrees":90,"op":"rotate"}]',
        '[{"op":"text","content":"hi"}]',
        '[{"op":"generate","where":"left","prompt":"a dog"}]',
    ],
)
def test_the_grammar_asks_for_defaults_and_for_the_declared_order(text: str) -> None:
    assert not accepts(text)


def test_operations_are_frozen() -> None:
    (rotate,) = parse_plan([{"op": "rotate", "degrees": 90}])
    with pytest.raises(ValueError, match="frozen"):
        rotate.op = "flip"  # type: ignore[misc]


def test_the_published_schema_names_every_operation() -> None:
    schema = TypeAdapter(AnyOperation).json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(VOCABULARY)


def test_importing_the_vocabulary_imports_no_inference_library() -> None:
    program = (
        "import sys, inference.operations\n"
        "print([m for m in ('torch', 'diffusers', 'transformers', 'ctranslate2', 'onnxruntime') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
