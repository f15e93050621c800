"""Examples encoded once and used a few times: encoding costs a good part of a training step.

Example `number` lies in slot `number % size`; the newest push out the oldest, so a pool is wholly given by the seed
and how far it has been filled. Knows nothing of the denoiser.

>>> pool = LatentPool(material, autoencoder, tokenizer, seed=1, scale=1.2, size=4096)
>>> pool.fill(1024)
>>> batch = pool.draw(torch.Generator().manual_seed(0), 16)
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch.nn import functional
from transformers import CLIPTokenizer

from scripts.training.composites import Example, compose_example
from scripts.training.sprites import Material


@dataclass
class Batch:
    """What the denoiser learns from: latents (n, 4, h, w), mask (n, 1, h, w; 1 = paint), the masked picture's
    latents (n, 4, h, w) and prompt tokens (n, length)."""

    latents: torch.Tensor
    mask: torch.Tensor
    masked: torch.Tensor
    tokens: torch.Tensor


def encode_examples(
    examples: list[Example], autoencoder: AutoencoderTiny, tokenizer: CLIPTokenizer, scale: float, side: int = 256
) -> Batch:
    """Encode examples, made `side` pixels wide, exactly as the inpainting pipeline encodes a picture and its mask."""
    parameter = next(autoencoder.parameters())
    stack = torch.from_numpy(np.stack([example.target for example in examples])).permute(0, 3, 1, 2) * 2 - 1
    masks = torch.from_numpy(np.stack([example.mask for example in examples])[:, None]).float()
    if side != stack.shape[-1]:
        stack = functional.interpolate(stack, (side, side), mode="area")
        masks = (functional.interpolate(masks, (side, side), mode="area") > 0.1).float()
    both = torch.cat([stack, stack * (masks < 0.5)]).to(parameter.device, parameter.dtype)
    with torch.no_grad():
        latents = autoencoder.encode(both.contiguous(memory_format=torch.channels_last)).latents * scale
    whole, masked = latents.chunk(2)
    small = functional.interpolate(masks, size=whole.shape[-2:]).to(parameter.device, parameter.dtype)
    words = [example.caption for example in examples]
    tokens = tokenizer(words, padding="max_length", truncation=True, max_length=tokenizer.model_max_length)
    return Batch(whole, small, masked, torch.tensor(tokens["input_ids"], device=parameter.device))


class LatentPool:
    """The newest `size` encoded examples."""

    def __init__(
        self,
        material: Material,
        autoencoder: AutoencoderTiny,
        tokenizer: CLIPTokenizer,
        *,
        seed: int,
        scale: float,
        size: int,
        first: int = 0,
        side: int = 256,
        favoured: tuple[str, ...] = (),
        grain: bool = False,
    ) -> None:
        self._material, self._autoencoder, self._tokenizer = material, autoencoder, tokenizer
        self._seed, self._scale, self._size, self._side = seed, scale, size, side
        self._favoured, self._grain = favoured, grain
        self._first, self._next = first, first
        self._slots: Batch | None = None

    def add(self, count: int) -> None:
        """Make and encode the next `count` examples."""
        examples = [
            compose_example(self._material, self._seed, self._next + place, self._favoured, grain=self._grain)
            for place in range(count)
        ]
        new = encode_examples(examples, self._autoencoder, self._tokenizer, self._scale, self._side)
        if self._slots is None:
            self._slots = Batch(
                *(
                    part.new_zeros((self._size, *part.shape[1:]))
                    for part in (new.latents, new.mask, new.masked, new.tokens)
                )
            )
        where = torch.arange(self._next, self._next + count, device=new.latents.device) % self._size
        for name in ("latents", "mask", "masked", "tokens"):
            getattr(self._slots, name)[where] = getattr(new, name)
        self._next += count

    def fill(self, count: int, chunk: int = 16) -> None:
        """Add examples until there are at least `count`."""
        while self._next - self._first < count:
            self.add(chunk)

    def draw(self, generator: torch.Generator, count: int) -> Batch:
        """A random batch of what is there."""
        slots = cast(Batch, self._slots)
        newest = torch.randint(0, min(self._size, self._next - self._first), (count,), generator=generator)
        where = ((self._next - 1 - newest) % self._size).to(slots.latents.device)
        return Batch(slots.latents[where], slots.mask[where], slots.masked[where], slots.tokens[where])
