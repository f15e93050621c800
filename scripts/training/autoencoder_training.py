"""Teach the autoencoder: small crops of examples through 4 channels at a quarter of the size, and back.

The loss asks for the right colours (chroma weighs more: a plain loss tends to give up a colour axis), sharp edges,
latents of unit size that tolerate noise, and that half-size latents mean the half-size picture, which makes the
latents smooth and easy to denoise.

>>> train_autoencoder(autoencoder, material, checkpoints, Plan(minutes=12))
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch.nn import functional

from scripts.training.ahead import Ahead
from scripts.training.checkpoints import read_checkpoint, write_checkpoint
from scripts.training.composites import compose_example
from scripts.training.optimisation import Optimiser
from scripts.training.sprites import Material

LUMA = (0.299, 0.587, 0.114)


@dataclass
class Plan:
    """How long and how: minutes altogether, batch, crop side (pixels), learning rate, seed, device and precision."""

    minutes: float = 15.0
    batch: int = 16
    crop: int = 64
    rate: float = 1.5e-3
    seed: int = 1
    device: str = "cpu"
    dtype: torch.dtype = torch.bfloat16
    decoder_only: bool = False
    most_steps: int = 1_000_000
    save_every: float = 120.0
    report: Callable[[str], None] = print


def picture_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """How far two batches (n, 3, h, w; 0..1) are apart in light, colour and edges."""
    luma = torch.tensor(LUMA, device=made.device).view(1, 3, 1, 1)
    light = (made * luma).sum(1, keepdim=True) - (wanted * luma).sum(1, keepdim=True)
    rest = made - wanted
    chroma = rest - light
    edges = (light[..., 1:] - light[..., :-1]).abs().mean() + (light[..., 1:, :] - light[..., :-1, :]).abs().mean()
    return light.abs().mean() + 1.5 * chroma.abs().mean() + 0.5 * edges + 4 * (rest**2).mean()


def cut_crops(material: Material, seed: int, number: int, batch: int, crop: int) -> torch.Tensor:
    """A batch of crops (n, 3, crop, crop) in -1..1, four of each example, most where something was painted."""
    crops = []
    for place in range((batch + 3) // 4):
        example = compose_example(material, seed, number * 1000 + place)
        rng = np.random.default_rng((seed, number, place))
        rows, columns = np.nonzero(example.mask)
        for _ in range(4):
            pick = int(rng.integers(len(rows))) if len(rows) else 0
            top = int(np.clip((rows[pick] if len(rows) else 128) - rng.integers(crop), 0, 256 - crop))
            left = int(np.clip((columns[pick] if len(rows) else 128) - rng.integers(crop), 0, 256 - crop))
            crops.append(example.target[top : top + crop, left : left + crop])
    stack = torch.from_numpy(np.ascontiguousarray(np.stack(crops[:batch])))
    return stack.permute(0, 3, 1, 2) * 2 - 1


def train_autoencoder(autoencoder: AutoencoderTiny, material: Material, folder: Path, plan: Plan) -> float:
    """Train until the minutes are used (those of earlier runs count); leaves the trained weights in the network.

    Returns the last mean loss. With `decoder_only` the latents stay as they are and a second checkpoint is used.
    """
    name = "decoder" if plan.decoder_only else "autoencoder"
    autoencoder.to(plan.device, plan.dtype, memory_format=torch.channels_last)
    autoencoder.encoder.requires_grad_(not plan.decoder_only)
    optimiser = Optimiser({"autoencoder": autoencoder}, plan.rate, averaged=0.995)
    step, spent = 0, 0.0
    found = read_checkpoint(folder, name)
    if found:
        step, spent = int(found[1]["step"]), found[1]["seconds"]
        optimiser.restore(found[0], step)
    begin = saved = time.monotonic()
    noise = torch.Generator().manual_seed(plan.seed + step)
    mean = 0.0
    batches = Ahead(lambda number: cut_crops(material, plan.seed + 7, number, plan.batch, plan.crop), step)
    while step < plan.most_steps:
        used = spent + time.monotonic() - begin
        if used > plan.minutes * 60:
            break
        crops = batches.get().to(plan.device)
        source = crops.to(plan.dtype).contiguous(memory_format=torch.channels_last)
        wanted = (crops + 1) / 2
        with torch.set_grad_enabled(not plan.decoder_only):
            latents = autoencoder.encoder(source)
        whole = latents.float()
        size = ((whole.mean((0, 2, 3)) ** 2).mean() + (whole.var((0, 2, 3)) - 1).pow(2).mean()) * 0.02
        shake = torch.randn(whole.shape, generator=noise).to(plan.device) * 0.08
        made = autoencoder.decoder((whole + shake).to(plan.dtype)).float()
        loss = picture_loss((made + 1) / 2, wanted) + size
        if not plan.decoder_only:
            half = autoencoder.decoder(functional.avg_pool2d(whole, 2).to(plan.dtype)).float()
            loss = loss + 0.25 * picture_loss((half + 1) / 2, functional.avg_pool2d(wanted, 2))
        loss.backward()
        optimiser.step(used / (plan.minutes * 60))
        step += 1
        mean = float(loss.detach()) if step == 1 else 0.98 * mean + 0.02 * float(loss.detach())
        if step % 100 == 0:
            plan.report(f"{name} step {step} minutes {used / 60:.1f} loss {mean:.4f}")
        if time.monotonic() - saved > plan.save_every:
            saved = time.monotonic()
            write_checkpoint(folder, name, optimiser.state(), {"step": step, "seconds": used})
    batches.close()
    write_checkpoint(folder, name, optimiser.state(), {"step": step, "seconds": spent + time.monotonic() - begin})
    with torch.no_grad():
        torch._foreach_copy_(optimiser.weights, optimiser.averages)
    return mean


def load_autoencoder(autoencoder: AutoencoderTiny, folder: Path) -> None:
    """Put the averaged weights of the checkpoints into the network (the later decoder's, where there is one)."""
    for name in ("autoencoder", "decoder"):
        found = read_checkpoint(folder, name)
        if found:
            prefix = "average.autoencoder."
            weights = {key.removeprefix(prefix): tensor for key, tensor in found[0].items() if key.startswith(prefix)}
            autoencoder.load_state_dict(weights, strict=name == "autoencoder")


def measure_autoencoder(autoencoder: AutoencoderTiny, material: Material, count: int = 48) -> dict[str, float]:
    """Peak signal-to-noise ratio in dB over held-out composites, and the latents' standard deviation and mean."""
    scenes = Material(material.sprites, material.held_out, {})
    parameter = next(autoencoder.parameters())
    errors, sums = [], []
    for number in range(count):
        target = compose_example(scenes, 999, number).target
        picture = torch.from_numpy(target).permute(2, 0, 1)[None].to(parameter.device, parameter.dtype) * 2 - 1
        with torch.no_grad():
            latents = autoencoder.encode(picture).latents
            made = autoencoder.decode(latents).sample
        error = ((made.float().clamp(-1, 1) - picture.float()) / 2).pow(2).mean()
        errors.append(float(-10 * torch.log10(error)))
        sums.append((float(latents.float().mean()), float(latents.float().std())))
    means = np.asarray(sums).mean(0)
    return {"psnr_db": float(np.mean(errors)), "latent_mean": float(means[0]), "latent_std": float(means[1])}
