"""The parser's training: what a plan's tokens weigh, how steps are cut, and the mean of two adapters."""

from __future__ import annotations

import random

import pytest

torch = pytest.importorskip("torch")

from scripts.training.parser_training import blend, cut_batches, weigh  # noqa: E402


def test_the_token_that_says_whether_there_is_an_edit_weighs_most() -> None:
    weights = weigh(16)
    assert weights[1] == 4 * weights[0] == 4 * weights[2]
    assert weights[0] == 16**-0.5


def test_a_step_holds_short_middling_and_long_plans_within_its_tokens() -> None:
    examples = [([0] * (10 + i % 60), [1] * (5 + i % 30)) for i in range(400)]
    for short, middling, long in cut_batches(examples, 1024, random.Random(1)):
        lengths = [max(len(prompt) + len(plan) for prompt, plan in batch) for batch in (short, middling, long)]
        assert lengths == sorted(lengths)
        assert sum(length * len(batch) for length, batch in zip(lengths, (short, middling, long), strict=True)) <= 1024


def test_blending_draws_the_weights_back_to_their_start() -> None:
    model = torch.nn.Linear(2, 2, bias=True)
    origin = {"weight": torch.zeros(2, 2)}
    with torch.no_grad():
        model.weight.fill_(4.0)
        model.bias.fill_(4.0)
    blend(model, origin, 0.75)
    assert torch.equal(model.weight, torch.full((2, 2), 3.0))
    assert torch.equal(model.bias, torch.full((2,), 4.0))  # not trained: stays
