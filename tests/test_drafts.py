"""Guesses of how an answer goes on: from the examples, from the command, never against the grammar."""

from __future__ import annotations

import re

from inference.engines.drafts import LONGEST, NEAR, Drafts

EXAMPLES = (
    ("add a dog", "[ op generate prompt a dog ]"),
    ("take away the car", "[ op remove target car ]"),
    ("turn right", "[ op rotate degrees 90 ]"),
)


class Words:
    """A tokenizer: one token for each word, in the order in which they are first met."""

    def __init__(self) -> None:
        self.known: list[str] = []

    def encode(self, text: str) -> list[int]:
        """Return the tokens; a space belongs to the word behind it."""
        found = re.findall(r" ?\S+", text)
        self.known += [word for word in dict.fromkeys(found) if word not in self.known]
        return [self.known.index(word) for word in found]

    def decode(self, tokens: list[int]) -> str:
        """Return the text."""
        return "".join(self.known[token] for token in tokens)


class Sentences:
    """A grammar that allows some sentences; what they share beyond a word is forced."""

    def __init__(self, *sentences: list[int], read: int = 0) -> None:
        self.sentences, self.read = sentences, read

    def deep_copy(self) -> Sentences:
        """Return one that goes on by itself."""
        return Sentences(*self.sentences, read=self.read)

    def is_stopped(self) -> bool:
        """Whether every sentence is at its end."""
        return all(len(sentence) <= self.read for sentence in self.sentences)

    def compute_ff_tokens(self) -> list[int]:
        """Return what is forced."""
        following = {tuple(sentence[self.read : self.read + 1]) for sentence in self.sentences}
        return list(following.pop()) if len(following) == 1 else []

    def compute_ff_bytes(self) -> bytes:
        """Return nothing: all that is forced is forced as tokens."""
        return b""

    def validate_tokens(self, tokens: list[int]) -> int:
        """Return how many of ``tokens`` may come."""
        return int(any(sentence[self.read : self.read + 1] == tokens[:1] for sentence in self.sentences))

    def consume_tokens(self, tokens: list[int]) -> bool:
        """Go on by ``tokens``."""
        end = self.read + len(tokens)
        self.sentences = tuple(sentence for sentence in self.sentences if sentence[self.read : end] == tokens)
        self.read = end
        return bool(self.sentences)


def follow(command: str, answer: str, *allowed: str) -> str:
    """Return what is guessed to come after ``answer``, where the grammar allows these sentences."""
    words = Words()
    drafts = Drafts(words.encode, words.decode, EXAMPLES)
    begun = words.encode(answer)
    matcher = Sentences(*(words.encode(sentence) for sentence in allowed), read=len(begun))
    guessed = words.decode(drafts.follow(drafts.tokens(command), begun, matcher))
    assert matcher.read == len(begun)
    return guessed.strip()


def test_the_form_of_an_answer_comes_from_the_examples() -> None:
    allowed = ("[ op rotate degrees 90 ]", "[ op rotate degrees 45 ]", "[ op remove target 90 ]")
    assert follow("spin it right", "[ op rotate degrees", *allowed[:2]) == "90 ]"
    assert follow("turn right", "[ op", *allowed) == "rotate degrees 90 ]"


def test_a_word_that_began_an_example_stands_for_the_same_again() -> None:
    allowed = ("[ op generate prompt a cat ]", "[ op remove target a ]", "[ op rotate degrees a ]")
    assert follow("take away a cat", "[ op", *allowed).startswith("remove")
    assert follow("add a cat", "[ op", *allowed) == "generate prompt a cat ]"


def test_text_is_copied_from_the_command_as_far_as_the_grammar_lets_it() -> None:
    allowed = ("[ op generate prompt a big red kite ]", "[ op generate prompt a small kite ]")
    assert follow("add a big red kite", "[ op generate prompt a", *allowed) == "big red kite ]"
    assert follow("add a tiny kite", "[ op generate prompt a", *allowed) == ""


def test_what_the_grammar_forbids_is_not_guessed() -> None:
    assert follow("turn right", "[ op rotate degrees", "[ op rotate degrees 45 ]", "[ op rotate degrees 30 ]") == ""


def test_a_guess_has_an_end_and_takes_no_word_from_afar() -> None:
    many = [f"w{number}" for number in range(3 * LONGEST)]
    long = "x " + " ".join(many)
    assert len(follow(long, "x", long, "x " + " ".join(reversed(many))).split()) == LONGEST
    near = ["y"] * (NEAR - 1)
    assert follow(" ".join([*near, "z"]), "[", "[ z", "[ q") == "z"
    assert follow(" ".join([*near, "y", "z"]), "[", "[ z", "[ q") == ""
