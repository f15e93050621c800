"""Put trained networks together as an ordinary inpainting pipeline, and write it as float16 safetensors.

Knows nothing of training. What it writes loads with `AutoPipelineForInpainting.from_pretrained(folder)`, offline.

>>> write_pipeline(assemble_pipeline(networks, scale=1.2), Path("models/starter/inpainter"))
"""

import tempfile
from pathlib import Path

import torch
from diffusers import StableDiffusionInpaintPipeline

from scripts.training.inpainter_networks import Networks, build_scheduler

SHARD = "15MB"


def assemble_pipeline(networks: Networks, scale: float) -> StableDiffusionInpaintPipeline:
    """The pipeline of these networks. `scale` brings latents to unit size."""
    networks.autoencoder.register_to_config(scaling_factor=scale)
    return StableDiffusionInpaintPipeline(
        vae=networks.autoencoder,
        text_encoder=networks.text.eval(),
        tokenizer=networks.tokenizer,
        unet=networks.denoiser.eval(),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def write_pipeline(pipeline: StableDiffusionInpaintPipeline, folder: Path) -> int:
    """Write the pipeline in float16 into the folder, each file replaced at once; returns the bytes written.

    Other files in the folder (its model card) stay; weights of an earlier export that are not part of this one go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pipeline.to(torch.float16)
    with tempfile.TemporaryDirectory(dir=folder.parent) as fresh:
        pipeline.save_pretrained(fresh, safe_serialization=True, max_shard_size=SHARD)
        written = sorted(path.relative_to(fresh) for path in Path(fresh).rglob("*") if path.is_file())
        size = sum((Path(fresh) / path).stat().st_size for path in written)
        # The index of the shards goes last: whoever reads meanwhile sees shards that are all there.
        for path in sorted(written, key=lambda path: path.name.endswith(".index.json")):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(fresh) / path).chmod(0o644)
            (Path(fresh) / path).replace(folder / path)
    for stale in folder.rglob("*.safetensors"):
        if stale.relative_to(folder) not in written:
            stale.unlink()
    return size
