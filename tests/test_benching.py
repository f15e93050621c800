"""The arithmetic under scripts/bench."""

from __future__ import annotations

import itertools

import pytest

from scripts.benching.timing import Compared, compare, tell
from scripts.benching.word_errors import count_errors, words


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("a fine day", "a fine day", 0),
        ("a fine day", "A fine day!", 0),
        ("a fine day", "a find day", 1),
        ("a fine day", "fine day", 1),
        ("a fine day", "a very fine day", 1),
        ("a fine day", "", 3),
        ("", "a fine day", 3),
        ("well-known", "well known", 0),
        ("one two three four", "four three two one", 4),
    ],
)
def test_word_errors(said: str, heard: str, errors: int) -> None:
    assert count_errors(words(said), words(heard)) == errors


def test_both_are_warmed_and_then_timed_in_turns() -> None:
    order: list[str] = []
    clock = itertools.count(1)

    def take(name: str) -> float:
        order.append(name)
        return float(next(clock))

    compared = compare(lambda: take("bare"), lambda: take("ours"), turns=2)
    assert order == ["bare", "ours"] * 3
    assert compared == Compared((3.0, 5.0), (4.0, 6.0))
    assert compared.of_medians == 1.25
    assert compared.of_best == pytest.approx(4 / 3)


def test_a_target_is_judged_by_the_fastest_turns(capsys: pytest.CaptureFixture[str]) -> None:
    disturbed = Compared((1.0, 1.0), (1.05, 9.0))
    assert tell("this", disturbed, 1.1)
    assert not tell("that", disturbed, 1.0)
    assert capsys.readouterr().out.splitlines()[1].endswith("MISSED")
