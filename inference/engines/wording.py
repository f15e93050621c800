"""How a language model's scores become words: the choice of one token, and text that can already be shown.

It knows neither models nor grammars: `choose_token` gets scores, `Wording` gets tokens.

    wording = Wording(tokenizer.decode, stop=("###",))
    delta = wording.add(token)          # "" while a character or a stop sequence may still be under way
    rest = wording.close()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def choose_token(logits: Any, *, temperature: float, top_p: float, generator: Any) -> int:
    """Return a token drawn from ``logits`` (float32 tensor of shape (vocabulary,)), the likeliest at temperature 0.

    Of the likeliest tokens only as many take part as make up ``top_p`` of the probability, and at least one.
    """
    if temperature <= 0:
        return int(logits.argmax())
    likely, order = (logits / temperature).softmax(-1).sort(descending=True)
    likely[(likely.cumsum(-1) - likely) >= top_p] = 0.0
    # On the CPU, whose generator gives the same draws on every device.
    drawn = likely.cpu().multinomial(1, generator=generator)
    return int(order[int(drawn)])


class Wording:
    """Text that grows token by token, ends before a stop sequence and shows no half of anything.

    ``decode`` turns a list of tokens into text without special tokens.
    """

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stop = tuple(sequence for sequence in stop if sequence)
        self._tokens: list[int] = []
        self._known = ""
        self._shown = 0
        self.stopped = False

    @property
    def text(self) -> str:
        """All that has been shown."""
        return self._known[: self._shown]

    def add(self, token: int) -> str:
        """Take one more token; return what can be shown now. ``stopped`` tells whether a stop sequence came."""
        self._tokens.append(token)
        self._known = self._decode(self._tokens)
        found = [at for sequence in self._stop if (at := self._known.find(sequence)) >= 0]
        if found:
            self.stopped = True
            self._known = self._known[: min(found)]
            return self._show(len(self._known))
        # A character of several tokens decodes to U+FFFD until its last one has come.
        ready = len(self._known.rstrip("\ufffd"))
        return self._show(ready - self._begun(self._known[:ready]))

    def close(self) -> str:
        """Return what was held back."""
        return self._show(len(self._known))

    def _begun(self, text: str) -> int:
        """Return how many characters at the end of ``text`` may be the beginning of a stop sequence."""
        lengths = [
            size for sequence in self._stop for size in range(1, len(sequence)) if text.endswith(sequence[:size])
        ]
        return max(lengths, default=0)

    def _show(self, end: int) -> str:
        delta = self._known[self._shown : end]
        self._shown = max(self._shown, end)
        return delta
