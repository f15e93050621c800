"""Teach the denoiser and the text encoder: latents of examples, noised, back to what they were.

The network predicts the velocity (so that the first step, from pure noise, means something); errors inside the mask
count most. All seeded by the step, so a run that stopped goes on.

>>> train_denoiser(networks, material, checkpoints, Plan(minutes=90), scale=1.2)
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from scripts.training.checkpoints import read_checkpoint, write_checkpoint
from scripts.training.group_norm import quicken_group_norms
from scripts.training.inpainter_networks import Networks, build_scheduler
from scripts.training.latent_pool import Batch, LatentPool
from scripts.training.optimisation import Optimiser
from scripts.training.sprites import Material


@dataclass
class Plan:
    """How long and how: minutes altogether, batch, learning rate, side of pictures in pixels, pool, and the rest.

    `favoured` things are drawn twice as often; with `grain`, what surrounds them goes on with its fine structure.
    """

    minutes: float = 90.0
    batch: int = 24
    rate: float = 8e-4
    side: int = 128
    averaged: float = 0.9985
    fresh: int = 1
    pool: int = 8000
    begin_with: int = 1000
    seed: int = 1
    device: str = "cpu"
    dtype: torch.dtype = torch.bfloat16
    favoured: tuple[str, ...] = ()
    grain: bool = False
    most_steps: int = 10_000_000
    save_every: float = 180.0
    report: Callable[[str], None] = print


def mix_noise(
    batch: Batch, alphas: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise a batch at random times, spread over the schedule.

    Returns the noisy latents, the velocity to predict (both float32) and the times (0..999).
    """
    latents = batch.latents.float()
    count = latents.shape[0]
    spread = (torch.arange(count) + torch.rand(count, generator=generator)) / count
    # The shape of things is settled while there is much noise: two thirds of the times lie in the upper half.
    times = (spread**0.65 * len(alphas)).long().clamp(max=len(alphas) - 1)
    noise = torch.randn(latents.shape, generator=generator).to(latents.device)
    kept = alphas[times].to(latents.device).view(-1, 1, 1, 1)
    signal, rest = kept.sqrt(), (1 - kept).sqrt()
    return signal * latents + rest * noise, signal * noise - rest * latents, times.to(latents.device)


def masked_loss(made: torch.Tensor, wanted: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean squared error where nine tenths of the weight lie inside the mask, whatever its size."""
    share = mask.mean((1, 2, 3), keepdim=True).clamp(min=0.08)
    return ((made - wanted) ** 2 * (0.1 + 0.9 * mask / share)).mean()


def train_denoiser(networks: Networks, material: Material, folder: Path, plan: Plan, scale: float) -> float:
    """Train until the minutes are used (those of earlier runs count); returns the last mean loss."""
    denoiser, text = networks.denoiser, networks.text
    for network in (networks.autoencoder, denoiser, text):
        network.to(plan.device, plan.dtype)
    denoiser.to(memory_format=torch.channels_last)
    networks.autoencoder.to(memory_format=torch.channels_last)
    if plan.device == "cpu":
        quicken_group_norms(denoiser)
    optimiser = Optimiser({"denoiser": denoiser, "text": text}, plan.rate, plan.averaged)
    step, spent, mean = 0, 0.0, 0.0
    found = read_checkpoint(folder, "denoiser")
    if found:
        step, spent, mean = int(found[1]["step"]), found[1]["seconds"], found[1]["loss"]
        optimiser.restore(found[0], step)
        plan.report(f"going on from step {step}, {spent / 60:.1f} minutes")
    begin = saved = time.monotonic()
    pool = LatentPool(
        material,
        networks.autoencoder,
        networks.tokenizer,
        seed=plan.seed,
        scale=scale,
        size=plan.pool,
        side=plan.side,
        favoured=plan.favoured,
        grain=plan.grain,
        first=max(0, step * plan.fresh - plan.begin_with),
    )
    pool.fill(plan.begin_with)
    plan.report(f"filled the pool in {time.monotonic() - begin:.0f} s")
    alphas = build_scheduler().alphas_cumprod.float()
    denoiser.train()
    while step < plan.most_steps:
        used = spent + time.monotonic() - begin
        if used > plan.minutes * 60:
            break
        generator = torch.Generator().manual_seed(plan.seed * 1_000_003 + step)
        if plan.fresh:
            pool.add(plan.fresh)
        batch = pool.draw(generator, plan.batch)
        noisy, velocity, times = mix_noise(batch, alphas, generator)
        given = torch.cat([noisy.to(plan.dtype), batch.mask, batch.masked], 1)
        words = text(batch.tokens).last_hidden_state
        made = denoiser(
            given.contiguous(memory_format=torch.channels_last), times, encoder_hidden_states=words
        ).sample.float()
        loss = masked_loss(made, velocity, batch.mask.float())
        loss.backward()
        optimiser.step(used / (plan.minutes * 60), warmup=200, hold=0.8)
        step += 1
        now = float(loss.detach())
        mean = now if step == 1 else 0.99 * mean + 0.01 * now
        if step % 50 == 0:
            plan.report(f"denoiser step {step} minutes {used / 60:.1f} loss {mean:.4f}")
        if time.monotonic() - saved > plan.save_every:
            saved = time.monotonic()
            facts = {"step": step, "seconds": used, "loss": mean}
            write_checkpoint(folder, "denoiser", optimiser.state(), facts)
    facts = {"step": step, "seconds": spent + time.monotonic() - begin, "loss": mean}
    write_checkpoint(folder, "denoiser", optimiser.state(), facts)
    return mean


def load_denoiser(networks: Networks, folder: Path) -> int:
    """Put the checkpoint's averaged weights into the denoiser and the text encoder; returns its step (0 if none)."""
    found = read_checkpoint(folder, "denoiser")
    if found is None:
        return 0
    for name, network in (("denoiser", networks.denoiser), ("text", networks.text)):
        prefix = f"average.{name}."
        weights = {key.removeprefix(prefix): value for key, value in found[0].items() if key.startswith(prefix)}
        network.load_state_dict(weights)
    return int(found[1]["step"])
