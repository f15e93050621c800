"""The inpainter on tiny random pipelines in the shapes of Stable Diffusion 1.5 and XL, with their adapters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from inference.catalogue import Catalogue
from inference.engine import Weights
from inference.engines.control import KINDS, draw_edges
from inference.engines.inpainter import SCHEDULERS, Inpainter
from inference.errors import EngineFailed, InvalidRequest
from inference.events import Event, Preview, Step
from inference.hardware.device import Device
from inference.loras import Lora
from inference.settings import Settings
from tests import tiny_models

CPU = Device("cpu", "cpu", "float32", "a test")
GPU = Device("gpu", "cpu", "float32", "stands for a GPU; what is done for one is tested, not on one")
HALF = Device("cpu", "cpu", cast(Any, "float16"), "no machine is placed so any more; its limits are what is tested")
SIZE = (64, 64)

# The libraries warn of each other's coming changes when they load.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sd15, sdxl, their ControlNets and LoRAs."""
    folder = tmp_path_factory.mktemp("models")
    with warnings.catch_warnings(action="ignore"):
        tiny_models.make_sd15(folder / "sd15")
        tiny_models.make_sdxl(folder / "sdxl")
        tiny_models.make_controlnet(folder / "sd15-control")
        tiny_models.make_controlnet(folder / "sdxl-control", xl=True)
        tiny_models.make_lora(folder / "sd15-lora" / "few.safetensors")
        tiny_models.make_lora(folder / "sdxl-lora" / "few.safetensors", xl=True)
        tiny_models.make_lora(folder / "loras" / "pixel.safetensors")
        tiny_models.make_lora(folder / "loras" / "for.xl.safetensors", xl=True)
    return folder


def load(models: Path, name: str, base: str | None = None, device: Device = CPU, **options: Any) -> Inpainter:
    engine = Inpainter()
    options = {"resolution": 64, "steps": 4, "guidance_scale": 2.0, **options}
    engine.load(Weights(name, models / name, None if base is None else models / base, options), device)
    return engine


def photo() -> Image.Image:
    rows, columns = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    return Image.fromarray(np.stack([rows * 4, columns * 4, (rows + columns) * 2], -1).astype(np.uint8) % 255, "RGB")


def mask() -> Image.Image:
    drawn = Image.new("L", SIZE, 0)
    drawn.paste(255, (16, 16, 48, 48))
    return drawn


def finish(verb: Iterator[Event], heard: list[Event] | None = None) -> Any:
    while True:
        try:
            event = next(verb)
        except StopIteration as end:
            return end.value
        if heard is not None:
            heard.append(event)


def paint(engine: Inpainter, heard: list[Event] | None = None, **options: Any) -> Image.Image:
    image: Image.Image = finish(engine.inpaint(photo(), mask(), "a dog", **options), heard)
    assert (image.mode, image.size) == ("RGB", SIZE)
    return image


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.tobytes() == other.tobytes()


def test_only_a_model_that_can_be_cut_out_is_and_only_where_asked(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matte = Image.new("L", SIZE, 77)
    monkeypatch.setattr("inference.engines.inpainter.find_matte", lambda painted, ground, mask: matte)
    able, plain = load(models, "sd15", cuts_out=True), load(models, "sd15")
    heard: list[Event] = []
    cut = finish(able.inpaint(photo(), mask(), "a dog", seed=3, cut_out=True), heard)
    assert cut.mode == "RGBA"
    assert same(cut.getchannel("A"), matte)
    assert same(cut.convert("RGB"), paint(able, seed=3)), "what is painted is the same"
    steps = [event.step for event in heard if isinstance(event, Step)]
    assert steps == sorted(steps), "progress does not go back"
    assert len(steps) > steps[-1], "there are chances to stop while the ground is painted"
    assert same(paint(plain, seed=3, cut_out=True), paint(plain, seed=3))
    monkeypatch.setattr("inference.engines.inpainter.find_matte", lambda painted, ground, mask: None)
    assert paint(able, seed=3, cut_out=True).mode == "RGB", "nothing stands out: all of it is shown"


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
def test_the_folders_own_index_says_which_pipeline_it_is(models: Path, kind: str) -> None:
    engine = load(models, kind)
    heard: list[Event] = []
    first = paint(engine, heard, seed=3)
    assert (
        type(engine._pipeline).__name__
        == {
            "sd15": "StableDiffusionInpaintPipeline",
            "sdxl": "StableDiffusionXLInpaintPipeline",
        }[kind]
    )
    assert heard == [Step(step, 4) for step in (1, 2, 3, 4)]
    assert same(first, paint(engine, seed=3)), "the same seed gives the same bytes"
    assert not same(first, paint(engine, seed=4))


@pytest.mark.parametrize(
    "change",
    [{"steps": 6}, {"guidance_scale": 6.0}, {"negative_prompt": "blurry"}, {"strength": 0.5}],
    ids=str,
)
def test_every_option_reaches_the_pipeline(models: Path, change: dict[str, Any]) -> None:
    engine = load(models, "sd15")
    assert not same(paint(engine), paint(engine, **change))


@pytest.mark.parametrize(("strength", "steps", "done"), [(1.0, 4, 4), (0.5, 4, 2), (0.1, 4, 1), (0.01, 1, 1)])
def test_strength_shortens_the_way_but_never_to_nothing(models: Path, strength: float, steps: int, done: int) -> None:
    heard: list[Event] = []
    paint(load(models, "sd15"), heard, strength=strength, steps=steps)
    assert [event.step for event in heard if isinstance(event, Step)][-1:] == [done]


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
def test_previews_are_pictures_of_what_is_expected(models: Path, kind: str) -> None:
    heard: list[Event] = []
    last = paint(load(models, kind), heard, steps=8, previews=3)
    previews = [event for event in heard if isinstance(event, Preview)]
    assert [preview.index for preview in previews] == [0, 1, 2]
    distance = [np.abs(np.asarray(p.image).astype(int) - np.asarray(last)).mean() for p in previews]
    assert all(preview.image.size == SIZE for preview in previews)
    assert distance[-1] <= distance[0]


# Adapters -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
@pytest.mark.parametrize(
    ("scheduler", "kind_of_scheduler"), [("lcm", "LCMScheduler"), ("euler-trailing", "EulerDiscreteScheduler")]
)
def test_a_few_step_adapter_brings_its_scheduler(
    models: Path, kind: str, scheduler: str, kind_of_scheduler: str
) -> None:
    plain = load(models, kind, scheduler=scheduler)
    adapted = load(models, f"{kind}-lora", base=kind, scheduler=scheduler, lora="few.safetensors")
    assert type(adapted._pipeline.scheduler).__name__ == kind_of_scheduler
    assert scheduler != "euler-trailing" or adapted._pipeline.scheduler.config.timestep_spacing == "trailing"
    assert not same(paint(plain, guidance_scale=1.0), paint(adapted, guidance_scale=1.0))


def lora(models: Path, name: str = "pixel", weight: float = 1.0) -> Lora:
    return Lora(name, models / "loras" / f"{name}.safetensors", weight)


def test_a_lora_acts_by_its_weight_in_its_own_call_alone(models: Path) -> None:
    engine = load(models, "sd15")
    plain = paint(engine)
    full, half = paint(engine, loras=(lora(models),)), paint(engine, loras=(lora(models, weight=0.5),))
    assert not same(plain, full) and not same(full, half) and not same(plain, half)
    assert same(full, paint(engine, loras=(lora(models),)))
    assert same(plain, paint(engine)), "without it the model is as it was"


def test_a_lora_acts_beside_the_models_own_adapter(models: Path) -> None:
    engine = load(models, "sd15-lora", base="sd15", scheduler="lcm", lora="few.safetensors")
    own = paint(engine)
    assert not same(own, paint(engine, loras=(lora(models),)))
    assert same(own, paint(engine))


def test_a_lora_that_does_not_fit_is_refused_and_leaves_nothing_behind(models: Path) -> None:
    engine = load(models, "sd15")
    plain = paint(engine)
    broken = models / "loras" / "broken.safetensors"
    broken.write_bytes(b"no safetensors")
    for name in ("for.xl", "broken"):
        with pytest.raises(InvalidRequest, match=name) as caught:
            paint(engine, loras=(lora(models, name),))
        assert caught.value.param == "lora"
    assert same(plain, paint(engine))
    paint(engine, loras=(lora(models),))


# ControlNet ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sd15", "sdxl"])
@pytest.mark.parametrize("control", ["canny", "inpaint"])
def test_a_controlnet_steers_what_is_painted(models: Path, kind: str, control: str) -> None:
    strict = load(models, f"{kind}-control", base=kind, controlnet=control)
    assert "ControlNetInpaint" in type(strict._pipeline).__name__
    loose = load(models, f"{kind}-control", base=kind, controlnet=control, control_scale=0.1)
    assert not same(paint(strict), paint(loose))
    assert same(paint(strict), paint(strict))


def test_depth_is_estimated_by_the_rows_own_model(models: Path, tmp_path: Path) -> None:
    from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessor

    small = DPTConfig(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=37,
        image_size=32,
        patch_size=8,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[16, 16, 32, 32],
        fusion_hidden_size=16,
        is_hybrid=False,
    )
    DPTForDepthEstimation(small).save_pretrained(tmp_path)
    DPTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    engine = Inpainter()
    options = {"steps": 2, "controlnet": "depth"}
    weights = Weights("depth", models / "sd15-control", models / "sd15", options, parts={"depth": tmp_path})
    engine.load(weights, CPU)
    assert engine._control is not None
    shown = engine._control(photo(), mask())
    assert (shown.mode, shown.size) == ("RGB", SIZE)
    paint(engine)


def test_edges_are_thin_lines_where_the_picture_changes() -> None:
    image = Image.new("RGB", (60, 40), "black")
    image.paste("white", (20, 0, 60, 40))
    edges = np.asarray(draw_edges(image).convert("L"))
    assert (np.flatnonzero(edges.any(axis=0)) - 19.5).__abs__().max() <= 1.5
    assert (edges[:, 15:25] > 0).sum(axis=1).max() <= 2 and (edges > 0).any(axis=1).all()
    assert not np.asarray(draw_edges(Image.new("RGB", (9, 9), "red"))).any()


# Guards -------------------------------------------------------------------------------------------------------------


def test_an_autoencoder_that_overflows_in_half_precision_is_run_again_in_float32(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings(action="ignore"):
        tiny_models.make_sd15(tmp_path / "sd15", overflowing=True)
    engine = load(tmp_path, "sd15", device=HALF)
    image = paint(engine)
    assert "float32" in caplog.text
    assert np.asarray(image).std() > 1
    assert engine._pipeline.vae.dtype == torch.float32, "and stays there"
    paint(engine, seed=1)


@pytest.mark.parametrize("device", [CPU, HALF], ids=["single", "half"])
def test_an_encoder_that_overflows_makes_the_whole_painting_start_anew(tmp_path: Path, device: Device) -> None:
    with warnings.catch_warnings(action="ignore"):
        tiny_models.make_sd15(tmp_path / "sd15")
    engine = load(tmp_path, "sd15", device=device)
    with torch.no_grad():
        engine._pipeline.vae.encoder.conv_in.weight.mul_(1e4)
        engine._pipeline.vae.encoder.conv_in.bias.add_(6e4)
    heard: list[Event] = []
    assert np.isfinite(np.asarray(paint(engine, heard))).all()
    assert len(heard) == (8 if device is HALF else 4)


@pytest.mark.parametrize("fault", [float("nan"), float("-inf")])
def test_no_picture_of_no_numbers_or_of_pure_black_passes(models: Path, fault: float) -> None:
    engine = load(models, "sd15")
    with torch.no_grad():
        engine._pipeline.vae.decoder.conv_out.bias.fill_(fault)
    with pytest.raises(EngineFailed, match="NaN"):
        paint(engine)


def test_a_pickle_is_never_loaded(models: Path, tmp_path: Path) -> None:
    with warnings.catch_warnings(action="ignore"):
        folder = tiny_models.make_sd15(tmp_path / "sd15")
    (weights,) = (folder / "unet").glob("*.safetensors")
    torch.save({}, weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(OSError, match=r"(?i)no file|safetensors|not found"):
        load(tmp_path, "sd15")
    torch.save({}, models / "loras" / "evil.bin")
    with pytest.raises(InvalidRequest):
        paint(load(models, "sd15"), loras=(Lora("evil", models / "loras" / "evil.bin", 1.0),))


def test_the_catalogues_rows_say_only_what_this_engine_reads() -> None:
    catalogue = Catalogue.load(Settings().manifest)
    parts = {name for row in catalogue for name in row.parts.values()}
    known = {"resolution", "steps", "guidance_scale", "scheduler", "lora", "controlnet", "control_scale", "cuts_out"}
    for row in (row for row in catalogue if row.engine == Inpainter.name):
        assert set(row.options) <= known, row.id
        assert {"resolution", "steps", "guidance_scale"} <= set(row.options) or row.id in parts, row.id
        assert row.options.get("scheduler", "lcm") in SCHEDULERS
        assert row.options.get("controlnet", "canny") in KINDS
        if "lora" in row.options or "controlnet" in row.options:
            assert row.base is not None
            assert row.options["resolution"] == catalogue.row(row.base).options["resolution"], row.id
        assert ("depth" in row.parts) is (row.options.get("controlnet") == "depth"), row.id


@pytest.mark.parametrize(("device", "calls"), [(CPU, 0), (GPU, 1)])
def test_a_gpu_is_warmed_at_load_with_the_native_shape(
    models: Path, monkeypatch: pytest.MonkeyPatch, device: Device, calls: int
) -> None:
    seen: list[tuple[int, int]] = []
    inpaint = Inpainter.inpaint

    def watched(self: Inpainter, image: Image.Image, *arguments: Any, **options: Any) -> Any:
        seen.append(image.size)
        return inpaint(self, image, *arguments, **options)

    monkeypatch.setattr(Inpainter, "inpaint", watched)
    load(models, "sd15", device=device, resolution=64)
    assert seen == [(64, 64)] * calls
