"""A model that reads: what is read at once, packed or after something was forgotten, gives the same scores."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from inference.engines.reading import Reader

TOKENS = [5, 17, 3, 29, 8, 8, 41, 2]


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def model(request: pytest.FixtureRequest) -> Any:
    """Return a tiny model with random weights, whose embedding is its last layer too."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=48, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True, attention_bias=True,
    )  # fmt: skip
    return LlamaForCausalLM(config).to(request.param).eval()


def near(left: Any, right: Any) -> bool:
    """Whether scores are equal but for rounding."""
    return bool(torch.allclose(left.float(), right.float(), atol=3e-2 if left.dtype == torch.bfloat16 else 1e-5))


def test_packed_it_gives_the_scores_of_the_plain_model(model: Any) -> None:
    with torch.inference_mode():
        plain = copy.deepcopy(model)(input_ids=torch.tensor([TOKENS])).logits[0]
    reader = Reader(model)
    assert near(reader.read(reader.open(TOKENS), rows=len(TOKENS)), plain)


def test_several_tokens_at_once_are_scored_as_one_by_one(model: Any) -> None:
    reader = Reader(model)
    reader.open(TOKENS)
    reader.read(TOKENS[:3])
    at_once = reader.read(TOKENS[3:], rows=5)
    assert at_once.shape == (5, 48)
    reader.forget(5)
    for row, token in enumerate(TOKENS[3:]):
        assert near(reader.read([token]), at_once[row : row + 1])


def test_what_was_forgotten_leaves_no_trace(model: Any) -> None:
    reader = Reader(model)
    reader.read(reader.open(TOKENS))
    expected = reader.read([7])
    reader.forget(1)
    reader.read([30, 31, 32])
    reader.forget(3)
    assert near(reader.read([7]), expected)


def test_a_prompt_is_read_from_where_it_differs_and_never_not_at_all(model: Any) -> None:
    reader = Reader(model)
    first = reader.read(reader.open(TOKENS))
    assert reader.open([*TOKENS[:5], 1, 2]) == [1, 2]
    reader.read([1, 2])
    assert reader.open(TOKENS[:5]) == TOKENS[4:5]
    reader.read(TOKENS[4:5])
    assert near(reader.read(reader.open(TOKENS)), first)
    assert reader.open([9, *TOKENS]) == [9, *TOKENS]
