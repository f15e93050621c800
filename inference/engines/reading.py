"""A causal language model and how far it has read: what prompts share is read once.

    reader = Reader(model)
    unread = reader.open(prompt)            # what of it is new
    logits = reader.read(unread)            # of what follows
    logits = reader.read([*chosen, *guessed], rows=1 + len(guessed))
    reader.forget(len(guessed))             # they were not it

It knows nothing of text and grammars.
"""

from __future__ import annotations

import platform
from typing import Any


class Reader:
    """One model, one context at a time. On the processor it changes the model: its matrices are packed."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._cache: Any = None
        self._read: list[int] = []
        if model.device.type == "cpu":
            _pack(model)

    def open(self, prompt: list[int]) -> list[int]:
        """Keep what ``prompt`` shares with what was read before; return the rest of it, at least one token."""
        from transformers import DynamicCache

        shared = 0
        while shared < min(len(prompt) - 1, len(self._read)) and prompt[shared] == self._read[shared]:
            shared += 1
        if shared:
            self.forget(len(self._read) - shared)
        else:
            self._cache, self._read = DynamicCache(), []
        return prompt[shared:]

    def read(self, tokens: list[int], rows: int = 1) -> Any:
        """Read ``tokens``; return the logits of what follows each of the last ``rows``, shape (rows, vocabulary)."""
        import torch

        with torch.inference_mode():
            ids = torch.tensor([tokens], device=self.model.device)
            answer = self.model(input_ids=ids, past_key_values=self._cache, use_cache=True, logits_to_keep=rows)
        self._read = self._read + tokens
        return answer.logits[0]

    def forget(self, count: int) -> None:
        """Unread the last ``count`` tokens."""
        if count:
            self._cache.crop(-count)
            self._read = self._read[:-count]


def _pack(model: Any) -> None:
    """Replace the linear layers by ones whose matrices lie in memory as oneDNN multiplies them.

    torch 2.13 hands oneDNN the plain layout at every call, which is brought into oneDNN's own each time: half of the
    time of a small model that reads a few tokens. In bfloat16 the results were the same bit for bit (AVX-512).
    """
    import torch

    if platform.machine() != "x86_64" or not torch.backends.mkldnn.is_available():
        return
    if model.dtype != torch.float32 and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return

    class Packed(torch.nn.Module):  # type: ignore[misc]
        def __init__(self, linear: torch.nn.Linear) -> None:
            super().__init__()
            # The size of a batch, which oneDNN chooses the layout for: what is read at once.
            self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), 8)
            self.bias = linear.bias

        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            result: torch.Tensor = torch.ops.mkldnn._linear_pointwise(rows, self.weight, self.bias, "none", [], "")
            return result

    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear:
                setattr(module, name, Packed(child))
