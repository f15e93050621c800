"""The drawn training pairs of the command parser: repeatable, legal, and of the contract's mind."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from inference.operations import describe_plan, parse_plan
from scripts.training import (
    command_chat,
    command_clauses,
    command_ellipses,
    command_kinds,
    command_lookalikes,
    command_slips,
    commands,
)
from scripts.training.parser_evaluation import measure, name_error, normalise

PAIRS = commands.draw_pairs(seed=20_261_122, count=6000)

# What the contract says, and what people say all day: wherever the generator draws one of these, its plan must be this.
AGREED = {
    "it's too dark": '[{"op":"brightness","amount":20}]',
    "it's too bright": '[{"op":"brightness","amount":-20}]',
    "make it brighter": '[{"op":"brightness","amount":20}]',
    "make it darker": '[{"op":"brightness","amount":-20}]',
    "make it a bit brighter": '[{"op":"brightness","amount":10}]',
    "make it much darker": '[{"op":"brightness","amount":-40}]',
    "make it warmer": '[{"op":"temperature","amount":20}]',
    "make it cooler": '[{"op":"temperature","amount":-20}]',
    "sharpen it": '[{"op":"sharpen","amount":20}]',
    "more contrast": '[{"op":"contrast","amount":20}]',
    "B&W": '[{"op":"grayscale"}]',
    "black and white": '[{"op":"grayscale"}]',
    "auto enhance": '[{"op":"autocontrast"}]',
    "rotate right": '[{"op":"rotate","degrees":90}]',
    "rotate left": '[{"op":"rotate","degrees":-90}]',
    "rotate upside down": '[{"op":"rotate","degrees":180}]',
    "turn it upside down": '[{"op":"rotate","degrees":180}]',
    "mirror": '[{"op":"flip","axis":"horizontal"}]',
    "mirror image": '[{"op":"flip","axis":"horizontal"}]',
    "flip vertically": '[{"op":"flip","axis":"vertical"}]',
    "make it smaller": '[{"op":"resize","percent":50}]',
    "half the size": '[{"op":"resize","percent":50}]',
    "bigger": '[{"op":"resize","percent":150}]',
    "double the size": '[{"op":"resize","percent":200}]',
    "square": '[{"op":"crop","aspect":"1:1"}]',
    "make it square": '[{"op":"crop","aspect":"1:1"}]',
    "trim": '[{"op":"trim"}]',
    "add a border": '[{"op":"border","width":20,"color":"white"}]',
    "sepia": '[{"op":"sepia"}]',
    "invert": '[{"op":"invert"}]',
    "pixelate": '[{"op":"pixelate","size":10}]',
    "blur": '[{"op":"blur","radius":5}]',
    "blur the background": '[{"op":"blur","radius":5,"target":"background"}]',
    "remove the background": '[{"op":"remove_background"}]',
    "apply gamma": '[{"op":"gamma","value":2.2}]',
    "shift the hue": '[{"op":"hue","degrees":90}]',
    "outpaint": '[{"op":"extend","side":"all","percent":25}]',
    "hello": "[]",
    "never mind": "[]",
}


def test_the_same_seed_gives_the_same_pairs() -> None:
    assert commands.draw_pairs(seed=3, count=200) == commands.draw_pairs(seed=3, count=200)
    assert commands.draw_pairs(seed=3, count=200) != commands.draw_pairs(seed=4, count=200)


def test_no_command_is_drawn_twice() -> None:
    assert len({commands.fingerprint(command) for command, _ in PAIRS}) == len(PAIRS)


def test_every_plan_is_legal_and_canonical() -> None:
    for command, plan in PAIRS:
        if plan != "[]":
            canonical = [dict(operation) for operation in describe_plan(parse_plan(plan))]
            assert commands.write_plan(canonical) == plan, command


def test_all_operations_and_no_edit_are_drawn() -> None:
    from inference.operations import OPERATIONS

    drawn = {operation["op"] for _, plan in PAIRS for operation in json.loads(plan)}
    assert drawn == {operation.model_fields["op"].default for operation in OPERATIONS}
    empty = sum(plan == "[]" for _, plan in PAIRS) / len(PAIRS)
    assert 0.2 < empty < 0.33


def test_nothing_of_a_template_is_left_in_a_command() -> None:
    for command, _ in PAIRS:
        assert not set(command) & set("{}|\x01\x02"), command


def test_added_things_are_said_words() -> None:
    for command, plan in PAIRS:
        heard = command.lower()
        for operation in json.loads(plan):
            for name in ("prompt", "target", "content"):
                if operation["op"] in ("generate", "remove", "text") and name in operation:
                    assert operation[name].lower() in heard, (command, plan)


def test_the_generator_agrees_with_the_contract() -> None:
    wanted = {commands.fingerprint(command): (command, plan) for command, plan in AGREED.items()}
    rng, met = random.Random(5), set()
    for kind, (draw, _) in command_kinds.KINDS.items():
        for _ in range(600):
            clause = draw(rng)
            mark = commands.fingerprint(command_slips.strip_marks(clause.text))
            if mark in wanted:
                command, plan = wanted[mark]
                assert commands.write_plan(clause.operations) == plan, (kind, command)
                met.add(command)
    assert len(met) > 0.6 * len(AGREED), sorted(set(AGREED) - met)


def test_sentences_of_a_test_file_are_left_out(tmp_path: Path) -> None:
    known = [command for command, _ in commands.draw_pairs(seed=9, count=50)]
    file = tmp_path / "commands.jsonl"
    shouted = [command.upper() + "!!" for command in known]
    file.write_text("".join(json.dumps({"command": command}) + "\n" for command in shouted), encoding="utf-8")
    excluded = commands.read_exclusions([file, tmp_path / "there is no such file"])
    assert len(excluded) == 50
    again = {command for command, _ in commands.draw_pairs(seed=9, count=200, excluded=excluded)}
    assert not again & set(known)


def test_the_hand_written_commands_are_left_out() -> None:
    folder = Path(__file__).parent / "data"
    excluded = commands.read_exclusions([folder / "commands.jsonl", folder / "commands_sealed.jsonl"])
    assert len(excluded) > 500
    drawn = commands.draw_pairs(seed=1, count=3000, excluded=excluded)
    assert not {commands.fingerprint(command) for command, _ in drawn} & excluded


@pytest.mark.parametrize(
    ("number", "allowed"),
    [
        (7, {"seven"}),
        (45, {"forty-five", "forty five"}),
        (100, {"a hundred", "one hundred"}),
        (120, {"a hundred twenty", "a hundred and twenty", "one hundred twenty", "one hundred and twenty"}),
        (1500, {"fifteen hundred", "a thousand five hundred", "one thousand five hundred"}),
        (1080, {"ten eighty", "one thousand eighty", "a thousand eighty"}),
    ],
)
def test_numbers_in_words(number: int, allowed: set[str]) -> None:
    rng = random.Random(1)
    assert {command_clauses.spelled(rng, number) for _ in range(200)} == allowed


def test_typing_errors_leave_copied_words_alone() -> None:
    rng = random.Random(2)
    text = f"please replace the {command_clauses.copied('garden gnome')} quickly"
    for _ in range(100):
        slipped = command_slips.mistype_some(rng, text, 3)
        assert "\x01garden gnome\x02" in slipped
        assert slipped != text


def test_a_typing_error_changes_the_word_by_a_letter_or_two() -> None:
    rng = random.Random(6)
    for word in ("add", "rotate", "horizontally"):
        made = {command_slips.mistype(rng, word) for _ in range(200)}
        assert word not in made
        assert len(made) > 8
        assert all(abs(len(slip) - len(word)) <= 1 for slip in made)


@pytest.mark.parametrize("slip", [command_slips.hurry, command_slips.hesitate])
def test_haste_and_hesitation_leave_copied_words_alone(slip: Callable[[random.Random, str], str]) -> None:
    rng = random.Random(7)
    text = f"please add {command_clauses.copied('a white add')} and make it brighter"
    slipped = {slip(rng, text) for _ in range(100)}
    assert all("\x01a white add\x02" in line for line in slipped)
    assert len(slipped) > 20


def test_heard_wrongly_is_never_the_word_itself() -> None:
    rng = random.Random(8)
    assert command_slips.mishear(rng, "rotate it to the right", 0.0) == "rotate it to the right"
    heard = {command_slips.mishear(rng, "rotate it to the right", 1.0) for _ in range(50)}
    assert "rotate it to the right" not in heard
    assert any("write" in line for line in heard)


def test_lookalikes_are_many_and_are_things() -> None:
    rng = random.Random(9)
    names = {command_lookalikes.lookalike(rng) for _ in range(2000)}
    assert len(names) > 400
    for _ in range(300):
        clause = command_kinds.KINDS["generate"][0](rng)
        assert {operation["op"] for operation in clause.operations} == {"generate"}


def test_words_left_out_still_mean_every_edit() -> None:
    rng = random.Random(10)
    for draw in (command_ellipses.elliptical, command_ellipses.shared_object, command_ellipses.shared_verb):
        for _ in range(200):
            assert len(draw(rng).operations) >= 2 - (draw is command_ellipses.shared_verb)
    for _ in range(200):
        clause = command_ellipses.put_elsewhere(rng)
        assert [operation["op"] for operation in clause.operations] == ["remove", "generate"]
        assert clause.operations[1]["where"]


def test_speech_has_no_punctuation_in_command_or_plan() -> None:
    text = command_slips.flatten(f'Write "{command_clauses.copied("Hello, World!")}", gamma 1.8.')
    assert command_slips.strip_marks(text) == "write hello world gamma 1.8"
    plan = command_slips.flatten_plan([{"op": "text", "content": "Hello, World!", "where": "bottom"}])
    assert plan == [{"op": "text", "content": "hello world", "where": "bottom"}]


def test_no_edit_sentences_are_varied() -> None:
    rng = random.Random(4)
    assert len({command_chat.no_edit(rng) for _ in range(500)}) > 400


def test_comparison_ignores_case_and_articles_only() -> None:
    assert normalise([{"op": "remove", "target": "The Car"}]) == normalise([{"op": "remove", "target": "car"}])
    assert normalise([{"op": "remove", "target": "car"}]) != normalise([{"op": "remove", "target": "cars"}])
    assert normalise([{"op": "gamma", "value": 2.0}]) == normalise([{"op": "gamma", "value": 2}])


def test_measure_counts_by_kind_and_names_errors() -> None:
    lines: list[dict[str, Any]] = [
        {"command": "sepia", "operations": [{"op": "sepia"}], "kind": "single"},
        {"command": "hello", "operations": [], "kind": "none"},
        {"command": "rotate left", "operations": [{"op": "rotate", "degrees": -90}], "kind": "single"},
    ]
    answers = {"sepia": [{"op": "sepia"}], "hello": [{"op": "trim"}], "rotate left": [{"op": "rotate", "degrees": 90}]}
    figures = measure(lines, answers.__getitem__, verbose=False)
    assert (figures["right"], figures["total"]) == (1, 3)
    assert figures["kinds"] == {"single": [1, 2], "none": [0, 1]}
    assert dict(figures["errors"]) == {"none -> trim": 1, "rotate.degrees": 1}
    assert name_error([{"op": "trim"}], []) == "trim -> none"
