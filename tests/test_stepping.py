"""A callback turned into events."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inference.engines.stepping import stepping
from inference.events import Event, Step


def test_events_come_in_order_and_the_result_at_the_end() -> None:
    def work(emit: Callable[[Event], None]) -> str:
        emit(Step(1, 2))
        emit(Step(2, 2))
        return "done"

    verb = stepping(work)
    assert [next(verb), next(verb)] == [Step(1, 2), Step(2, 2)]
    with pytest.raises(StopIteration) as end:
        next(verb)
    assert end.value.value == "done"


def test_closing_unwinds_the_library_call_at_its_own_step() -> None:
    trace: list[str] = []

    def work(emit: Callable[[Event], None]) -> None:
        try:
            emit(Step(1, 2))
            trace.append("went on")
        finally:
            trace.append("unwound")

    verb = stepping(work)
    next(verb)
    verb.close()
    assert trace == ["unwound"]


def test_the_call_stands_still_until_the_next_event_is_wanted() -> None:
    trace: list[int] = []

    def work(emit: Callable[[Event], None]) -> None:
        for step in (1, 2, 3):
            emit(Step(step, 3))
            trace.append(step)

    verb = stepping(work)
    next(verb)
    assert trace == []
    next(verb)
    assert trace == [1]
    verb.close()
    assert trace == [1]


def test_an_error_of_the_call_is_raised() -> None:
    def work(emit: Callable[[Event], None]) -> None:
        raise ZeroDivisionError("by design")

    with pytest.raises(ZeroDivisionError, match="by design"):
        next(stepping(work))
