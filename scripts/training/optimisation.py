"""An optimiser for weights kept in bfloat16: float32 masters, AdamW, a decaying rate, and a moving average.

On processors with bfloat16 arithmetic a step takes a fraction of its float32 time, but bfloat16 is too coarse to add
small steps to; hence the masters. Knows nothing of what is trained.

>>> optimiser = Optimiser({"net": network}, rate=1e-3, averaged=0.999)
>>> optimiser.step(progress=0.1)
"""

import math
from collections.abc import Mapping

import torch
from torch import nn


class Optimiser:
    """AdamW over several networks whose weights may be bfloat16.

    `rate` is the highest learning rate; `averaged` the moving average's share of the past (0 for none).
    """

    def __init__(self, networks: Mapping[str, nn.Module], rate: float, averaged: float = 0.0) -> None:
        self.named = {
            f"{name}.{key}": parameter
            for name, network in networks.items()
            for key, parameter in network.named_parameters()
            if parameter.requires_grad
        }
        self.weights = list(self.named.values())
        self.masters = [weight.detach().clone().float() for weight in self.weights]
        self.averages = [master.clone() for master in self.masters] if averaged else []
        self.averaged, self.rate, self.count = averaged, rate, 0
        self.adam = torch.optim.AdamW(self.masters, lr=rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)

    def step(self, progress: float, warmup: int = 100, hold: float = 0.0) -> None:
        """Take a step along the gradients and clear them.

        `progress` (0..1) is the share of the training done; the rate rises for `warmup` steps, stays until the
        share `hold`, then falls along a cosine to a fiftieth.
        """
        for weight, master in zip(self.weights, self.masters, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
            weight.grad = None
        torch.nn.utils.clip_grad_norm_(self.masters, 1.0)
        self.count += 1
        fallen = min(max((progress - hold) / (1 - hold), 0.0), 1.0)
        decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * fallen))
        for group in self.adam.param_groups:
            group["lr"] = self.rate * min(1.0, self.count / warmup) * decay
        self.adam.step()
        with torch.no_grad():
            torch._foreach_copy_(self.weights, self.masters)
            # The average moves every fourth step, by as much as four: reading all weights costs time.
            if self.averages and self.count % 4 == 0:
                share = min(self.averaged, (1 + self.count) / (10 + self.count)) ** 4
                torch._foreach_lerp_(self.averages, self.masters, 1 - share)

    def state(self) -> dict[str, torch.Tensor]:
        """Masters, averages and both moments, by name."""
        tensors: dict[str, torch.Tensor] = {}
        for place, name in enumerate(self.named):
            master = self.masters[place]
            tensors[f"master.{name}"] = master
            if self.averages:
                tensors[f"average.{name}"] = self.averages[place]
            for moment in ("exp_avg", "exp_avg_sq"):
                if master in self.adam.state:
                    tensors[f"{moment}.{name}"] = self.adam.state[master][moment]
        return tensors

    def restore(self, tensors: Mapping[str, torch.Tensor], count: int) -> None:
        """Go on from a state."""
        self.count = count
        with torch.no_grad():
            for place, name in enumerate(self.named):
                master = self.masters[place]
                master.copy_(tensors[f"master.{name}"])
                self.weights[place].copy_(master)
                if self.averages:
                    self.averages[place].copy_(tensors[f"average.{name}"])
                if f"exp_avg.{name}" in tensors:
                    # In the master's own memory layout: the fused kernel walks through all of them side by side.
                    self.adam.state[master] = {
                        "step": torch.tensor(float(count), device=master.device),
                        "exp_avg": torch.empty_like(master).copy_(tensors[f"exp_avg.{name}"]),
                        "exp_avg_sq": torch.empty_like(master).copy_(tensors[f"exp_avg_sq.{name}"]),
                    }
