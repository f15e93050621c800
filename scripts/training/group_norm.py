"""A quicker backward pass of group normalisation on processors.

The built-in one takes several times longer than the arithmetic needs for bfloat16 tensors whose channels lie
together. The forward pass and the result are the same. Knows nothing of networks beyond their GroupNorm layers.

>>> quicken_group_norms(network)
"""

from typing import Any

import torch
from torch import nn


class _GroupNorm(torch.autograd.Function):  # type: ignore[misc]
    """Group normalisation of (n, c, h, w) or (n, c, l) with weight and bias (c)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, groups: int, eps: float
    ) -> torch.Tensor:
        count, channels = x.shape[:2]
        places = x.numel() // (count * channels)
        out, mean, rstd = torch.native_group_norm(x, weight, bias, count, channels, places, groups, eps)
        ctx.save_for_backward(x, weight, mean, rstd)
        ctx.groups = groups
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, None, None]:
        x, weight, mean, rstd = ctx.saved_tensors
        grad, groups = grads[0], ctx.groups
        count, channels = x.shape[:2]
        places = x.numel() // (count * channels)
        each = channels // groups
        beyond = tuple(range(2, x.dim()))
        shape = (count, channels, *([1] * len(beyond)))
        total = grad.sum(beyond).float()
        product = (grad * x).sum(beyond).float()
        mean, rstd = (part.float().view(count, groups).repeat_interleave(each, 1) for part in (mean, rstd))
        centred = (product - mean * total) * rstd
        scale = weight.float()[None]

        def over_group(values: torch.Tensor) -> torch.Tensor:
            return values.view(count, groups, each).sum(2).repeat_interleave(each, 1) / (each * places)

        along, level = over_group(centred * scale), over_group(total * scale)
        on_grad, on_x = rstd * scale, -rstd * rstd * along
        offset = -rstd * level - on_x * mean
        kind = x.dtype
        dx = torch.addcmul(offset.to(kind).view(shape), x, on_x.to(kind).view(shape))
        dx = dx.addcmul_(grad, on_grad.to(kind).view(shape))
        return dx, centred.sum(0).to(weight.dtype), total.sum(0).to(weight.dtype), None, None


def quicken_group_norms(network: nn.Module) -> None:
    """Let every GroupNorm layer of the network use the quicker backward pass."""

    def forward(layer: nn.GroupNorm, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = _GroupNorm.apply(x, layer.weight, layer.bias, layer.num_groups, layer.eps)
        return made

    for layer in network.modules():
        if isinstance(layer, nn.GroupNorm):
            layer.forward = forward.__get__(layer)
