"""How scores become a token and tokens become text."""

from __future__ import annotations

import pytest
import torch

from inference.engines.wording import Wording, choose_token

LETTERS = ["a", "b", "c", "##", "#", "\ufffd"]


def decode(tokens: list[int]) -> str:
    """Tokens of letters; two halves in a row (5, 5) are one character."""
    return "".join(LETTERS[token] for token in tokens).replace("\ufffd\ufffd", "é")


def test_text_grows_and_is_whole() -> None:
    wording = Wording(decode)
    assert [wording.add(token) for token in (0, 1, 2)] == ["a", "b", "c"]
    assert (wording.close(), wording.text) == ("", "abc")


def test_half_a_character_waits() -> None:
    wording = Wording(decode)
    assert [wording.add(token) for token in (0, 5, 5, 1)] == ["a", "", "é", "b"]
    assert [wording.add(5), wording.close()] == ["", "\ufffd"]


def test_text_ends_before_a_stop_sequence() -> None:
    wording = Wording(decode, stop=("###", ""))
    assert [wording.add(token) for token in (0, 3, 1, 3, 4)] == ["a", "", "##b", "", ""]
    assert (wording.stopped, wording.close(), wording.text) == (True, "", "a##b")


def test_what_only_began_like_a_stop_sequence_is_shown_at_the_end() -> None:
    wording = Wording(decode, stop=("###",))
    assert [wording.add(0), wording.add(3), wording.close()] == ["a", "", "##"]
    assert not wording.stopped


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, 1.0), (0.5, 0.01), (0.001, 1.0)])
def test_cold_or_narrow_is_the_likeliest(temperature: float, top_p: float) -> None:
    logits = torch.tensor([0.0, 3.0, 2.0])
    generator = torch.Generator().manual_seed(1)
    chosen = {choose_token(logits, temperature=temperature, top_p=top_p, generator=generator) for _ in range(50)}
    assert chosen == {1}


def test_warm_draws_by_probability_and_never_what_is_forbidden() -> None:
    logits = torch.tensor([0.0, 1.0, float("-inf"), 0.9])

    def draw(top_p: float) -> list[int]:
        generator = torch.Generator().manual_seed(7)
        return [choose_token(logits, temperature=1.0, top_p=top_p, generator=generator) for _ in range(300)]

    assert set(draw(1.0)) == {0, 1, 3}
    assert set(draw(0.8)) == {1, 3}  # the two likeliest make up 0.84
    assert draw(1.0) == draw(1.0)
