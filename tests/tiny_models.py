"""Tiny random models in the very layout that the hubs use, so that the real loading code runs on them in a second."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    EulerDiscreteScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

WIDTH = 32
SMALL_CLIP = {
    "hidden_size": WIDTH,
    "intermediate_size": 37,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "projection_dim": WIDTH,
}


def make_tokenizer(folder: Path) -> CLIPTokenizer:
    """Return a CLIP tokenizer that knows single letters."""
    folder.mkdir(parents=True, exist_ok=True)
    letters = [*string.ascii_lowercase, *string.digits, *".,'!-"]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), "do</w>", "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("#version: 0.2\nd o</w>\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)
    tokenizer.save_pretrained(folder)
    return tokenizer


def text_config(tokenizer: CLIPTokenizer, **fields: Any) -> CLIPTextConfig:
    """Return a small text model's configuration."""
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 1}
    return CLIPTextConfig(vocab_size=len(tokenizer), **ends, **SMALL_CLIP, **fields)


def make_vae() -> AutoencoderKL:
    """Return an autoencoder that halves the sides once."""
    blocks = {"down_block_types": ["DownEncoderBlock2D"] * 2, "up_block_types": ["UpDecoderBlock2D"] * 2}
    return AutoencoderKL(block_out_channels=[WIDTH, 64], latent_channels=4, norm_num_groups=8, **blocks)


def make_unet(**fields: Any) -> UNet2DConditionModel:
    """Return a denoiser of two levels."""
    defaults: dict[str, Any] = {
        "block_out_channels": (WIDTH, 64),
        "layers_per_block": 1,
        "sample_size": 32,
        "in_channels": 9,
        "out_channels": 4,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
        "cross_attention_dim": WIDTH,
        "norm_num_groups": 8,
        "attention_head_dim": 4,
    }
    return UNet2DConditionModel(**(defaults | fields))


def make_sd15(folder: Path, *, overflowing: bool = False) -> Path:
    """Write a Stable Diffusion 1.5 inpainting pipeline; ``overflowing``: its decoder is too much for half precision."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer(folder / "tokenizer")
    vae = make_vae()
    if overflowing:
        with torch.no_grad():
            vae.decoder.conv_in.weight.mul_(1e4)
            vae.decoder.conv_in.bias.fill_(6.4e4)
    pipeline = StableDiffusionInpaintPipeline(
        vae=vae,
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        tokenizer=tokenizer,
        unet=make_unet(),
        scheduler=DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def make_sdxl(folder: Path) -> Path:
    """Write a Stable Diffusion XL inpainting pipeline: two text models, added conditions."""
    torch.manual_seed(0)
    tokenizer = make_tokenizer(folder / "tokenizer")
    second = make_tokenizer(folder / "tokenizer_2")
    pipeline = StableDiffusionXLInpaintPipeline(
        vae=make_vae(),
        text_encoder=CLIPTextModel(text_config(tokenizer)),
        text_encoder_2=CLIPTextModelWithProjection(text_config(tokenizer)),
        tokenizer=tokenizer,
        tokenizer_2=second,
        unet=make_unet(**SDXL_UNET),
        scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
    )
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


SDXL_UNET: dict[str, Any] = {
    "cross_attention_dim": 2 * WIDTH,
    "attention_head_dim": (2, 4),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "transformer_layers_per_block": (1, 2),
    "projection_class_embeddings_input_dim": 8 * 6 + WIDTH,
}


def make_controlnet(folder: Path, *, xl: bool = False) -> Path:
    """Write a ControlNet that fits `make_sd15`, or `make_sdxl`."""
    torch.manual_seed(1)
    control = ControlNetModel.from_unet(
        make_unet(in_channels=4, **(SDXL_UNET if xl else {})), conditioning_embedding_out_channels=(8, 16)
    )
    with torch.no_grad():
        for block in (*control.controlnet_down_blocks, control.controlnet_mid_block):
            block.weight.normal_(0, 0.3)  # a fresh ControlNet does nothing at all
    control.save_pretrained(folder, safe_serialization=True)
    return folder


def make_lora(file: Path, *, xl: bool = False, strength: float = 1.0) -> Path:
    """Write a LoRA of the denoiser's attention, as diffusers' own training scripts do."""
    torch.manual_seed(2)
    unet = make_unet(**(SDXL_UNET if xl else {}))
    unet.add_adapter(LoraConfig(r=4, lora_alpha=4, target_modules=["to_q", "to_k", "to_v", "to_out.0"]))
    state = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    state = {name: torch.randn_like(tensor) * strength for name, tensor in state.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    pipeline = StableDiffusionXLInpaintPipeline if xl else StableDiffusionInpaintPipeline
    pipeline.save_lora_weights(file.parent, unet_lora_layers=state, weight_name=file.name, safe_serialization=True)
    return file
