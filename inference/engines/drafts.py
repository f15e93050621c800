"""Guesses how an answer goes on, so that a model reads several tokens at once instead of one after the other.

A guess costs next to nothing and changes no answer: the caller takes it only as far as the model would have chosen the
same. Two things are known beforehand: the examples, whose answers have the form of every answer, and the command,
whose words stand in its answer in their order. What a grammar forces needs no guess.

    drafts = Drafts(tokenizer.encode, tokenizer.decode, examples)
    drafts.follow("put a cat on the left", answer, matcher)      # tokens that may come next

Words are compared without case and without the space before them. Nothing is learnt from commands: what one caller
says leaves no trace in what another one gets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

LONGEST = 12
"""Tokens guessed at most. To read so many more costs half as much again as to read one, in a model of 135 M."""
NEAR = 8
"""How far ahead in the command the next word of an answer may stand, in tokens."""

Key = tuple[object, ...]


class Drafts:
    """What the examples say of how answers go on."""

    def __init__(
        self,
        encode: Callable[[str], list[int]],
        decode: Callable[[list[int]], str],
        examples: Sequence[tuple[str, str]],
    ) -> None:
        self._encode, self._decode = encode, decode
        self._words: dict[int, str] = {}
        self._bare: dict[int, int] = {}
        self._habits: dict[Key, int] = {}
        """What came next: a token, or -1 - n for the command's token n places behind the last one found."""
        for command, answer in examples:
            self._learn(_Trail(self, self.tokens(command)), encode(answer))

    def tokens(self, command: str) -> list[int]:
        """Return the tokens of a command as it stands within a sentence."""
        return self._encode(" " + " ".join(command.split()))

    def follow(self, command: list[int], answer: list[int], matcher: Any) -> list[int]:
        """Return up to `LONGEST` tokens that may come after ``answer``, all of them allowed by ``matcher``'s grammar.

        ``command`` are its `tokens`; ``matcher`` stands at the end of ``answer`` and stays there.
        """
        trail = _Trail(self, command)
        for token in answer:
            trail.step(token)
        ahead = matcher.deep_copy()
        draft: list[int] = []
        while len(draft) < LONGEST and not ahead.is_stopped():
            tokens = ahead.compute_ff_tokens() or self._guess(trail, ahead)
            if not tokens or not ahead.consume_tokens(tokens):
                break
            for token in tokens:
                trail.step(token)
            draft += tokens
        return draft

    def _learn(self, trail: _Trail, answer: list[int]) -> None:
        for token in answer:
            place = trail.find(token)
            for key in trail.contexts():
                self._habits[key] = token if place is None else trail.place - 1 - place
            trail.step(token)

    def _guess(self, trail: _Trail, matcher: Any) -> list[int]:
        for token in self._candidates(trail, matcher):
            if matcher.validate_tokens([token]) == 1:
                return [token]
        return []

    def _candidates(self, trail: _Trail, matcher: Any) -> Iterator[int]:
        known, vague = trail.contexts()
        if known in self._habits:
            yield from self._resolve(trail, self._habits[known])
        # A value is often a word of the command, and of those near by the grammar allows few; free text runs on.
        for ahead in range(1 if trail.copying else NEAR):
            yield from self._resolve(trail, -1 - ahead)
        if vague in self._habits:
            yield from self._resolve(trail, self._habits[vague])
        # Sure text that could be cut into tokens in several ways: the tokenizer's own is the likeliest.
        yield from self._encode(matcher.compute_ff_bytes().decode("utf-8", "ignore"))[:1]

    def _resolve(self, trail: _Trail, habit: int) -> Iterator[int]:
        if habit >= 0:
            yield habit
        elif (place := trail.place - 1 - habit) < len(trail.command):
            token = trail.command[place]
            if not trail.copying:
                yield self.bare(token)
            yield token

    def word(self, token: int) -> str:
        """Return the text of a token without case and surrounding space."""
        if token not in self._words:
            self._words[token] = self._decode([token]).strip().lower()
        return self._words[token]

    def bare(self, token: int) -> int:
        """Return the token that begins the same word where no space stands before it."""
        if token not in self._bare:
            self._bare[token] = next(iter(self._encode(self.word(token))), token)
        return self._bare[token]


class _Trail:
    """How far an answer has come, and how far in the command it has copied."""

    def __init__(self, drafts: Drafts, command: list[int]) -> None:
        self._word = drafts.word
        self.command = command
        self.place = 0
        self.copying = False
        self._last = (-1, -1)

    def contexts(self) -> tuple[Key, Key]:
        """Return what a habit is remembered by: with the command's next word, and without."""
        word = self._word(self.command[self.place]) if self.place < len(self.command) else None
        return ("copying" if self.copying else self._last, word), self._last

    def find(self, token: int) -> int | None:
        """Return where in the command, near by, a token's word stands; None for punctuation."""
        word = self._word(token)
        if any(character.isalnum() for character in word):
            for place in range(self.place, min(self.place + NEAR, len(self.command))):
                if self._word(self.command[place]) == word:
                    return place
        return None

    def step(self, token: int) -> None:
        """Go on by one token of the answer."""
        place = self.find(token)
        self.copying = place is not None
        if place is not None:
            self.place = place + 1
        self._last = (self._last[1], token)
