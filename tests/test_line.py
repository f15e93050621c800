"""The fair queue, as tables and as properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.line import Line, share


def run(arrivals: list[str]) -> list[str]:
    """Let tickets such as "a1" arrive at once and return them as they are served; the letter is the caller."""
    line = Line()
    for ticket in arrivals:
        line.join(ticket, ticket[0])
    served = []
    while len(line):
        first = line.order()[0]
        line.serve(first)
        served.append(str(first))
    return served


@pytest.mark.parametrize(
    ("arrivals", "served"),
    [
        (["a1", "a2", "a3"], ["a1", "a2", "a3"]),
        (["a1", "a2", "a3", "b1"], ["a1", "b1", "a2", "a3"]),
        (["a1", "a2", "b1", "b2", "c1"], ["a1", "b1", "c1", "a2", "b2"]),
    ],
)
def test_callers_take_turns(arrivals: list[str], served: list[str]) -> None:
    assert run(arrivals) == served


@given(st.lists(st.sampled_from("abcd"), max_size=30))
def test_everybody_is_served_once_and_nobody_is_overtaken_by_his_own(callers: list[str]) -> None:
    arrivals = [f"{caller}{number:02}" for number, caller in enumerate(callers)]
    served = run(arrivals)
    assert sorted(served) == sorted(arrivals)
    for caller in "abcd":
        own = [ticket for ticket in served if ticket[0] == caller]
        assert own == sorted(own)


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30), st.data())
def test_a_newcomer_waits_for_one_turn_of_each_other_caller_at_most(callers: list[str], data: st.DataObject) -> None:
    line = Line()
    for number, caller in enumerate(callers):
        line.join((caller, number), caller)
    for _ in range(data.draw(st.integers(0, len(callers) - 1))):
        line.serve(line.order()[0])
    line.join("new", "e")
    assert line.order().index("new") <= len(set(callers))


def test_a_share_leaves_a_place_for_others_and_never_is_nothing() -> None:
    assert [share(limit) for limit in (1, 2, 4, 32)] == [1, 2, 3, 24]
