"""The stages of training the starter inpainter, each begun or gone on with by name.

>>> Stages(data, checkpoints, output).run("autoencoder", minutes=5)
"""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import CLIPTokenizer

from scripts.training import autoencoder_training, denoiser_training
from scripts.training.autoencoder_training import load_autoencoder, measure_autoencoder
from scripts.training.checkpoints import read_checkpoint, write_checkpoint
from scripts.training.inpainter_export import assemble_pipeline, write_pipeline
from scripts.training.inpainter_networks import STARTER, Networks, Sizes, build_networks, build_tokenizer
from scripts.training.sprites import gather_material, read_material, write_material

MINUTES = {"data": 0.0, "autoencoder": 5.0, "unet": 185.0, "decoder": 10.0, "export": 0.0}
CHECKPOINTS = {"autoencoder": ("autoencoder", "scale", "decoder"), "unet": ("denoiser",), "decoder": ("decoder",)}


def say(line: str) -> None:
    """Print at once, also into a file."""
    print(line, flush=True)


@dataclass
class Stages:
    """Where everything lies, and how to train: device, seed, the batch, rate and picture side of the unet,
    the things that it sees twice as often, and whether surroundings go on with their grain."""

    data: Path
    checkpoints: Path
    output: Path
    device: str = "cpu"
    seed: int = 1
    batch: int = 24
    rate: float = 8e-4
    side: int = 128
    favoured: tuple[str, ...] = ()
    grain: bool = False
    sizes: Sizes = field(default_factory=lambda: STARTER)

    def run(self, stage: str, minutes: float | None = None) -> dict[str, object]:
        """Run one stage; returns what is worth printing of it."""
        budget = MINUTES[stage] if minutes is None else minutes
        return {
            "data": self.make_data,
            "autoencoder": lambda: self.train_autoencoder(budget),
            "unet": lambda: self.train_denoiser(budget),
            "decoder": lambda: self.train_decoder(budget),
            "export": self.export,
        }[stage]()

    def forget(self, stage: str) -> None:
        """Remove the checkpoints of a stage."""
        for name in CHECKPOINTS.get(stage, ()):
            (self.checkpoints / f"{name}.safetensors").unlink(missing_ok=True)

    def make_data(self) -> dict[str, object]:
        """Make the material file, unless it is there."""
        if not self.data.exists():
            self.data.parent.mkdir(parents=True, exist_ok=True)
            write_material(gather_material(self.checkpoints / "packages"), self.data)
        return {"data_bytes": self.data.stat().st_size}

    def build(self) -> Networks:
        """The networks with what has been trained of the autoencoder, and the tokenizer that this training keeps."""
        kept = self.checkpoints / "tokenizer"
        if not kept.exists():
            build_tokenizer(self.sizes).save_pretrained(kept)
        tokenizer = CLIPTokenizer.from_pretrained(kept, local_files_only=True)
        networks = build_networks(self.sizes, self.seed, tokenizer)
        load_autoencoder(networks.autoencoder, self.checkpoints)
        return networks

    def train_autoencoder(self, minutes: float) -> dict[str, object]:
        """Train the autoencoder and measure it and the size of its latents, which the unet's training needs."""
        networks, material = build_networks(self.sizes, self.seed), read_material(self.data)
        plan = autoencoder_training.Plan(minutes=minutes, seed=self.seed, device=self.device, report=say)
        autoencoder_training.train_autoencoder(networks.autoencoder, material, self.checkpoints, plan)
        return self.measure(networks)

    def train_decoder(self, minutes: float) -> dict[str, object]:
        """Go on with the decoder alone: the latents stay what the unet has learnt."""
        networks, material = self.build(), read_material(self.data)
        plan = autoencoder_training.Plan(
            minutes=minutes, seed=self.seed + 1, device=self.device, decoder_only=True, report=say
        )
        autoencoder_training.train_autoencoder(networks.autoencoder, material, self.checkpoints, plan)
        quality = measure_autoencoder(networks.autoencoder, material)
        return {"decoder_psnr_db": round(quality["psnr_db"], 2)}

    def measure(self, networks: Networks) -> dict[str, object]:
        """Measure the autoencoder; keep the factor that brings its latents to unit size."""
        quality = measure_autoencoder(networks.autoencoder, read_material(self.data))
        facts = {"scale": round(1 / quality["latent_std"], 4), "psnr_db": quality["psnr_db"]}
        write_checkpoint(self.checkpoints, "scale", {"scale": torch.tensor(facts["scale"])}, facts)
        return {"autoencoder_psnr_db": round(quality["psnr_db"], 2), "scale": facts["scale"]}

    def scale(self) -> float:
        """The factor that `measure` kept."""
        found = read_checkpoint(self.checkpoints, "scale")
        if found is None:
            raise FileNotFoundError("train the autoencoder first: scripts/train_inpainter --stage autoencoder")
        return found[1]["scale"]

    def train_denoiser(self, minutes: float) -> dict[str, object]:
        """Train the denoiser and the text encoder."""
        plan = denoiser_training.Plan(
            minutes=minutes,
            seed=self.seed,
            device=self.device,
            batch=self.batch,
            rate=self.rate,
            side=self.side,
            favoured=self.favoured,
            grain=self.grain,
            report=say,
        )
        networks, material = self.build(), read_material(self.data)
        loss = denoiser_training.train_denoiser(networks, material, self.checkpoints, plan, self.scale())
        return {"unet_loss": round(loss, 4)}

    def export(self) -> dict[str, object]:
        """Write the pipeline of the averaged weights."""
        networks = self.build()
        step = denoiser_training.load_denoiser(networks, self.checkpoints)
        size = write_pipeline(assemble_pipeline(networks, self.scale()), self.output)
        return {"unet_steps": step, "bytes": size, "folder": str(self.output)}
