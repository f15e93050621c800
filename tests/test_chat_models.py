"""A conversation with the real small model that the parser adapts: words, JSON of a schema, what does not fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from inference.catalogue import Catalogue
from inference.engine import Weights
from inference.engines.parser import Parser, Written
from inference.errors import InvalidRequest, TooLarge
from inference.events import Event, Wrote
from inference.hardware.device import Device
from inference.settings import Settings
from inference.weights import find

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

BOB = (("system", "You answer in JSON."), ("user", "Bob is 42 years old. Give name and age."))
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def talk() -> Callable[..., Written]:
    """Load the catalogue's base model; return what has it speak, and checks that the events are the answer."""
    settings = Settings()
    catalogue = Catalogue.load(settings.manifest)
    base = catalogue.row(catalogue.row("command-parser").base or "")
    parser = Parser()
    parser.load(Weights(base.id, find(base, settings.models)), Device("cpu", "cpu", "bfloat16", "a test"))

    def speak(turns: tuple[tuple[str, str], ...], **options: Any) -> Written:
        said = ""
        verb: Iterator[Event] = parser.chat(turns, **options)
        while True:
            try:
                event = next(verb)
            except StopIteration as end:
                assert isinstance(end.value, Written)
                assert end.value.text == said
                return end.value
            assert isinstance(event, Wrote)
            said += event.text

    return speak


def test_it_answers_and_ends_by_itself(talk: Callable[..., Written]) -> None:
    written = talk((("user", "What is the capital of France?"),), limit=40)
    assert "Paris" in written.text
    assert written.finish == "stop"
    assert 0 < written.tokens < 40


def test_the_limit_and_a_stop_sequence_end_it(talk: Callable[..., Written]) -> None:
    ask = (("user", "What is the capital of France?"),)
    assert (talk(ask, limit=3).finish, talk(ask, limit=3).tokens) == ("length", 3)
    cut = talk(ask, limit=40, stop=("Paris",))
    assert (cut.finish, "Paris" in cut.text) == ("stop", False)


def test_a_schema_is_kept_to_whatever_the_chance(talk: Callable[..., Written]) -> None:
    assert json.loads(talk(BOB, schema=PERSON, limit=60).text) == {"name": "Bob", "age": 42}
    drawn = json.loads(talk(BOB, schema=PERSON, limit=200, temperature=1.0, seed=3).text)
    assert set(drawn) == {"name", "age"} and isinstance(drawn["age"], int)


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"$ref": "http://127.0.0.1:9/schema"}])
def test_a_schema_that_is_none_is_refused(talk: Callable[..., Written], schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="schema"):
        talk(BOB, schema=schema)


@pytest.mark.filterwarnings("ignore:Token indices")
def test_a_conversation_past_the_context_is_too_large(talk: Callable[..., Written]) -> None:
    with pytest.raises(TooLarge, match="8192"):
        talk((("user", "word " * 9000),))
