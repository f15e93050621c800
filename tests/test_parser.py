"""The command parser on its real small model: guessing ahead saves passes and changes no plan."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

import inference.engines.parser
from inference.catalogue import Catalogue
from inference.engine import Weights
from inference.engines.drafts import Drafts
from inference.engines.parser import Parser
from inference.errors import Refused, TooLarge
from inference.events import Step
from inference.hardware.device import Device
from inference.operations import plan_schema
from inference.operations.examples import EXAMPLES
from inference.settings import Settings
from inference.weights import find

pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings(
        "ignore:`is_gradient_checkpointing`:FutureWarning"
    ),  # peft asks transformers 5.23 for it
]

COMMANDS = Path(__file__).parent / "data" / "commands.jsonl"


def load(model: str) -> Parser:
    """Load a model of the catalogue, in float32: bfloat16 may decide between near equals by its last bit."""
    settings = Settings()
    catalogue = Catalogue.load(settings.manifest)
    row = catalogue.row(model)
    base = None if row.base is None else find(catalogue.row(row.base), settings.models)
    parser = Parser()
    parser.load(Weights(row.id, find(row, settings.models), base), Device("cpu", "cpu", "float32", "a test"))
    return parser


@pytest.fixture(scope="module")
def trained() -> Parser:
    """The starter parser."""
    return load("command-parser")


def plan(parser: Parser, command: str) -> tuple[Any, int]:
    """Return the plan and how many events came before it."""
    verb = parser.parse(command, plan_schema(), EXAMPLES)
    events = 0
    while True:
        try:
            event = next(verb)
        except StopIteration as end:
            return end.value, events
        assert isinstance(event, Step)
        events += 1


def guess_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the parser go on token by token."""

    def follow(drafts: Drafts, command: Sequence[int], answer: Sequence[int], matcher: Any) -> list[int]:
        return []

    monkeypatch.setattr(Drafts, "follow", follow)


@pytest.fixture
def passes(trained: Parser, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of tokens of each pass of the trained model."""
    counted: list[int] = []
    read: Callable[..., Any] = trained._reader.read

    def count(tokens: list[int], rows: int = 1) -> Any:
        counted.append(len(tokens))
        return read(tokens, rows)

    monkeypatch.setattr(trained._reader, "read", count)
    return counted


def test_guesses_change_no_plan_and_halve_the_passes(
    trained: Parser, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.loads(line) for line in COMMANDS.read_text(encoding="utf-8").splitlines()]
    several = [line["command"] for line in lines if len(line["operations"]) > 1]
    commands = ["add a dog and rotate right", *several[::6], *(line["command"] for line in lines[::60])]
    guessed = [plan(trained, command) for command in commands]
    with_guesses = len(passes)
    assert sum(events for _, events in guessed) == with_guesses  # before each pass a cancel takes effect
    guess_nothing(monkeypatch)
    assert [plan(trained, command)[0] for command in commands] == [found for found, _ in guessed]
    assert with_guesses <= 0.6 * (len(passes) - with_guesses)


def test_a_call_that_was_left_midway_leaves_no_trace(trained: Parser, passes: list[int]) -> None:
    expected = plan(trained, "put a boat on the left and make it warmer")
    verb = trained.parse("put a boat on the left and make it colder", plan_schema(), EXAMPLES)
    for _ in range(3):
        next(verb)
    verb.close()
    assert plan(trained, "put a boat on the left and make it warmer") == expected


def test_too_much_is_refused(trained: Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TooLarge, match="512 tokens"):
        plan(trained, "add a dog and a cat " * 120)
    monkeypatch.setattr(inference.engines.parser, "MAX_ANSWER_TOKENS", 8)
    with pytest.raises(Refused, match="split it"):
        plan(trained, "add a dog and rotate right")


def test_a_model_that_was_not_trained_for_it_plans_the_same_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = load("smollm2-135m-instruct")
    commands = ("rotate left", "put a horse on the right and turn it upside down")
    guessed = [plan(parser, command)[0] for command in commands]
    guess_nothing(monkeypatch)
    assert [plan(parser, command)[0] for command in commands] == guessed
