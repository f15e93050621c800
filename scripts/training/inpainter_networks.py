"""The four networks of the starter inpainter and its tokenizer, built untrained.

Pictures are 128 x 128; the autoencoder makes 4 channels of 32 x 32 of them (a quarter of each side: with only four
channels, an eighth loses too much). The denoiser is thin where it is large and wide where it is small, and is told
the words twice: by cross-attention in the middle, at 4 x 4, and, pooled, with the time. Knows nothing of training.

>>> networks = build_networks(STARTER)
>>> networks.denoiser.config["in_channels"]
9
"""

import json
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from scripts.training.things import ANYTHING, BACKGROUND, FILLS, SETTINGS, THINGS

END = "<|endoftext|>"
START = "<|startoftext|>"


@dataclass(frozen=True)
class Sizes:
    """The sizes of the networks: `picture` side in pixels, channels, text width, layers and longest prompt."""

    picture: int = 128
    autoencoder: int = 32
    denoiser: tuple[int, ...] = (32, 64, 128, 256)
    text: int = 192
    text_layers: int = 2
    tokens: int = 20


STARTER = Sizes()
TOY = Sizes(autoencoder=8, denoiser=(8, 8, 16, 16), text=16, text_layers=1, tokens=12)


@dataclass
class Networks:
    """The networks of one inpainter, and its tokenizer."""

    autoencoder: AutoencoderTiny
    denoiser: UNet2DConditionModel
    text: CLIPTextModel
    tokenizer: CLIPTokenizer


def build_autoencoder(sizes: Sizes) -> AutoencoderTiny:
    """An untrained autoencoder, 4 x 32 x 32 latents for 128 x 128 pictures."""
    channels = (sizes.autoencoder,) * 3
    autoencoder = AutoencoderTiny(
        encoder_block_out_channels=channels,
        decoder_block_out_channels=channels,
        num_encoder_blocks=(0, 1, 3),
        num_decoder_blocks=(3, 2, 1),
    )
    with torch.no_grad():
        start_as_pooling(autoencoder)
    return autoencoder


def start_as_pooling(autoencoder: AutoencoderTiny) -> None:
    """Set the first weights so that latents 0..2 are the mean light and colours of 4 x 4 pixels, and decode to them.

    Residual blocks start as identities, three channels carry red, green and blue through, and all the others start
    at random: training then only adds detail, and no colour axis can get lost. To be called without gradients.
    """
    # Light, blue-yellow and red-green in about unit size; the inverse turns them back.
    to_latents = torch.tensor([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]])
    to_latents *= torch.tensor([[4.0], [7.0], [7.0]])
    to_colours = torch.linalg.inv(to_latents)
    for half in (autoencoder.encoder, autoencoder.decoder):
        for layer in half.layers:
            if isinstance(layer, torch.nn.Conv2d) and layer.in_channels == layer.out_channels:
                kernel = torch.zeros(3, 3)
                if layer.stride[0] == 2:
                    kernel[1:, 1:] = 0.25
                else:
                    kernel = torch.outer(torch.tensor([0.25, 0.5, 0.25]), torch.tensor([0.25, 0.5, 0.25]))
                layer.weight[:3] = 0
                for channel in range(3):
                    layer.weight[channel, channel] = kernel
            elif not isinstance(layer, torch.nn.Conv2d) and hasattr(layer, "conv"):
                layer.conv[-1].weight *= 0.1
                layer.conv[-1].weight[:3] = 0
                layer.conv[-1].bias[:3] = 0
    first, last = autoencoder.encoder.layers[0], autoencoder.encoder.layers[-1]
    first.weight[:3], first.bias[:3] = 0, 0
    last.weight[:3], last.bias[:3] = 0, -(to_latents @ torch.full((3,), 0.5))
    for channel in range(3):
        first.weight[channel, channel, 1, 1] = 1
    last.weight[:3, :3, 1, 1] = to_latents
    first, last = autoencoder.decoder.layers[0], autoencoder.decoder.layers[-1]
    first.weight[:3], first.bias[:3] = 0, 0.5
    first.weight[:3, :3, 1, 1] = to_colours
    last.weight[:, :], last.bias[:] = last.weight * 0.1, 0
    last.weight[:, :3] = 0
    for channel in range(3):
        last.weight[channel, channel, 1, 1] = 1


def build_denoiser(sizes: Sizes) -> UNet2DConditionModel:
    """An untrained denoiser of 9 channels in (noisy latents, mask, masked picture's latents) and 4 out."""
    return UNet2DConditionModel(
        sample_size=sizes.picture // 4,
        in_channels=9,
        out_channels=4,
        down_block_types=("DownBlock2D",) * 4,
        up_block_types=("UpBlock2D",) * 4,
        block_out_channels=sizes.denoiser,
        layers_per_block=1,
        norm_num_groups=8,
        cross_attention_dim=sizes.text,
        attention_head_dim=4,
        resnet_time_scale_shift="scale_shift",
        addition_embed_type="text",
        addition_embed_type_num_heads=4,
    )


def list_words() -> list[str]:
    """Every caption there can be, for the tokenizer to learn its pieces from."""
    captions = [caption for thing in THINGS.values() for caption in thing.captions]
    captions += [caption for words in FILLS.values() for caption in words]
    captions += [*ANYTHING, *BACKGROUND]
    return [setting.format(caption) for setting in sorted(set(SETTINGS)) for caption in captions]


def build_tokenizer(sizes: Sizes, vocabulary: int = 600) -> CLIPTokenizer:
    """A small byte-level BPE tokenizer of the captions' words; unknown words fall into pieces, never fail.

    Where pieces are equally frequent their numbers come by chance: whoever trains keeps the tokenizer.
    """
    bpe = Tokenizer(models.BPE(continuing_subword_prefix="", end_of_word_suffix="</w>", unk_token=END))
    bpe.normalizer = normalizers.Lowercase()
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.ByteLevel(False)])
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=len(alphabet) * 2 + vocabulary,
        special_tokens=[START, END],
        initial_alphabet=alphabet,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    bpe.train_from_iterator(list_words(), trainer)
    state: dict[str, Any] = json.loads(bpe.to_str())["model"]
    vocab: dict[str, int] = dict(state["vocab"])
    for letter in sorted(alphabet):
        vocab.setdefault(letter + "</w>", len(vocab))
    merges = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in state["merges"]]
    return CLIPTokenizer(
        vocab=vocab,
        merges=merges,
        unk_token=END,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        model_max_length=sizes.tokens,
    )


def build_text(sizes: Sizes, tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """An untrained text encoder for that tokenizer."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=sizes.text,
        intermediate_size=sizes.text * 3,
        num_hidden_layers=sizes.text_layers,
        num_attention_heads=4,
        max_position_embeddings=sizes.tokens,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return CLIPTextModel(config)


def build_scheduler() -> DDIMScheduler:
    """The noise schedule: v-prediction, rescaled so that the last step is pure noise."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=True,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        steps_offset=1,
    )


def build_networks(sizes: Sizes, seed: int = 0, tokenizer: CLIPTokenizer | None = None) -> Networks:
    """All networks, untrained; the same seed gives the same weights, with that tokenizer or a new one."""
    tokenizer = tokenizer or build_tokenizer(sizes)
    torch.manual_seed(seed)
    return Networks(build_autoencoder(sizes), build_denoiser(sizes), build_text(sizes, tokenizer), tokenizer)
