"""The starter inpainter's training: its examples are what they say, and its training goes on where it stopped."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image, ImageDraw

from scripts.training import autoencoder_training, denoiser_training
from scripts.training.ahead import Ahead
from scripts.training.checkpoints import read_checkpoint, write_checkpoint
from scripts.training.composites import (
    FILLED,
    compose_background,
    compose_example,
    compose_fill,
    compose_thing,
    place_sprite,
)
from scripts.training.inpainter_export import assemble_pipeline, write_pipeline
from scripts.training.inpainter_judge import cut_box, teach_judge
from scripts.training.inpainter_judging import list_prompts
from scripts.training.inpainter_networks import TOY, build_networks, build_tokenizer, list_words
from scripts.training.inpainter_stages import Stages
from scripts.training.scenes import continue_scene, continue_smoothly, paint_scene, paint_sky, scatter_grain
from scripts.training.seams import measure_likeness, measure_seam
from scripts.training.sprites import Material, read_material, trim_sprite, write_material
from scripts.training.things import ASKED, BACKGROUND, FILLS, PAINTED, THINGS, UNTAUGHT


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def material() -> Material:
    """Coloured discs for sprites, one for each thing, and one photograph of noise."""
    rng = np.random.default_rng(5)
    sprites = {}
    for name in THINGS:
        sprite = Image.new("RGBA", (96, 80))
        colour = tuple(int(value) for value in rng.integers(0, 255, 3))
        ImageDraw.Draw(sprite).ellipse((10, 5, 80, 70), fill=(*colour, 255))
        sprites[name] = trim_sprite(sprite)
    photo = Image.fromarray(rng.integers(0, 255, (300, 400, 3), dtype=np.uint8))
    judging = {f"{name}@plain": sprite for name, sprite in sprites.items()}
    return Material(sprites, {"noise": photo}, {"held": photo}, {"noise": "made here (CC0)"}, judging)


@pytest.fixture(scope="module")
def gap() -> npt.NDArray[np.bool_]:
    """A square mask in the middle."""
    inside = np.zeros((256, 256), np.bool_)
    inside[70:186, 60:190] = True
    return inside


def test_examples_are_given_by_seed_and_number(material: Material) -> None:
    first, again, other = (compose_example(material, seed, 3) for seed in (1, 1, 2))
    assert np.array_equal(first.target, again.target) and first.caption == again.caption
    assert np.array_equal(first.mask, again.mask)
    assert not np.array_equal(first.target, other.target)


def test_examples_are_of_all_kinds_and_in_range(material: Material) -> None:
    names = set()
    for number in range(80):
        example = compose_example(material, 1, number)
        assert example.target.shape == (256, 256, 3) and example.target.dtype == np.float32
        assert example.mask.shape == (256, 256) and example.mask.any()
        assert example.target.min() >= 0 and example.target.max() <= 1
        names.add(example.name)
    assert "background" in names and names & set(FILLS) and len(names & set(THINGS)) > 10


def test_a_thing_changes_nothing_outside_its_mask(material: Material) -> None:
    for number in range(12):
        rng = np.random.default_rng(number)
        scene = paint_scene(rng, list(material.photos.values()))
        example = compose_thing(rng, material, "dog", scene)
        changed = np.abs(example.target - scene).max(-1) > 0.02
        assert not (changed & ~example.mask).any()
        assert changed.mean() > 0.05


def test_a_fill_replaces_exactly_its_mask(material: Material) -> None:
    for name in FILLS:
        rng = np.random.default_rng(3)
        scene = paint_scene(rng, [])
        example = compose_fill(rng, name, scene)
        assert np.array_equal(example.target[~example.mask], scene[~example.mask])
        assert example.caption in FILLS[name]


def test_a_background_goes_on_smoothly() -> None:
    rng = np.random.default_rng(4)
    scene = paint_scene(rng, [])
    example = compose_background(rng, scene)
    assert example.caption in BACKGROUND
    assert np.array_equal(example.target[~example.mask], scene[~example.mask])


def test_what_surrounds_a_gap_fills_it() -> None:
    scene = np.zeros((256, 256, 3), np.float32)
    scene[:, 128:] = 0.8
    scene[60:180, 60:180] = (1, 0, 0)
    inside = np.zeros((256, 256), np.bool_)
    inside[60:180, 60:180] = True
    filled = continue_smoothly(scene, inside)
    assert np.array_equal(filled[~inside], scene[~inside])
    assert np.ptp(filled, axis=2).max() < 0.01, "the red that was there is gone"
    assert filled[120, 64].mean() < 0.15 and filled[120, 176].mean() > 0.65


def test_grain_goes_on_where_there_is_some(gap: npt.NDArray[np.bool_]) -> None:
    rng = np.random.default_rng(2)
    plain = np.full((256, 256, 3), 0.5, np.float32)
    rough = plain + rng.normal(0, 0.08, plain.shape).astype(np.float32)
    assert np.abs(scatter_grain(rng, plain, gap)).max() < 1e-4
    filled = continue_scene(rng, rough, gap, grain=True)
    assert np.array_equal(filled[~gap], rough[~gap])
    assert filled[gap].std() == pytest.approx(rough[~gap].std(), rel=0.15)
    whole = np.ones((256, 256), np.bool_)
    assert not scatter_grain(rng, rough, whole).any(), "nothing to take grain from"


def test_a_lone_edge_is_not_grain(gap: npt.NDArray[np.bool_]) -> None:
    scene = np.full((256, 256, 3), 0.3, np.float32)
    scene[:, 30:34] = 1
    assert np.abs(scatter_grain(np.random.default_rng(0), scene, gap)).max() < 0.02


def test_a_seam_is_measured_against_its_surroundings(gap: npt.NDArray[np.bool_]) -> None:
    rough = np.random.default_rng(3).normal(0.5, 0.08, (256, 256, 3)).clip(0, 1).astype(np.float32)
    same = measure_seam(rough, gap)
    assert same.step == pytest.approx(1, abs=0.15) and same.grain == pytest.approx(1, abs=0.1)
    pasted = rough.copy()
    pasted[gap] = 0.9
    patch = measure_seam(pasted, gap)
    assert patch.step > 3 and patch.grain < 0.1
    assert measure_likeness(rough, rough, gap) > 90 > 20 > measure_likeness(rough, pasted, gap)


def test_a_thing_stands_in_the_middle_of_its_mask(material: Material) -> None:
    sheet, shadow = place_sprite(material.sprites["dog"], (40, 60, 200, 180), grounded=True)
    box = sheet.getbbox()
    assert box is not None
    assert abs(box[0] + box[2] - 240) <= 4 and abs(box[1] + box[3] - 240) <= 4
    assert (box[3] - box[1]) / 120 == pytest.approx(FILLED, abs=0.03)
    assert shadow[180:].max() < shadow.max()


def test_a_sunset_is_warmer_at_the_horizon_than_a_night() -> None:
    sunset, night = (paint_sky(np.random.default_rng(1), kind, 0.8)[190:200] for kind in ("sunset", "night sky"))
    assert sunset[..., 0].mean() > 0.7 > night[..., 0].mean()
    assert sunset[..., 0].mean() > sunset[..., 2].mean() + 0.2


def test_the_material_survives_its_file(material: Material, tmp_path: Path) -> None:
    write_material(material, tmp_path / "material.zip")
    read = read_material(tmp_path / "material.zip")
    assert read.sprites.keys() == material.sprites.keys() and read.sources == material.sources
    assert read.sprites["dog"].tobytes() == material.sprites["dog"].tobytes()
    assert list(read.photos) == ["noise"] and list(read.held_out) == ["held"]
    assert read.judging.keys() == material.judging.keys() and read.judging["dog@plain"].mode == "RGBA"


def test_a_transparent_sprite_is_refused() -> None:
    with pytest.raises(ValueError, match="transparent"):
        trim_sprite(Image.new("RGBA", (8, 8)))


def test_favoured_things_come_oftener(material: Material) -> None:
    counts = [0, 0]
    for turn, favoured in enumerate([(), ("cat",) * len(PAINTED)]):
        counts[turn] = sum(compose_example(material, 1, number, favoured).name == "cat" for number in range(30))
    assert counts[0] < 5 < counts[1]


def test_forty_prompts_are_asked_whatever_is_taught() -> None:
    forty = [prompt for group in ASKED.values() for prompt in group]
    assert len(forty) == len(set(forty)) == 40
    meanings = list_prompts()
    assert {meanings[prompt] for prompt in forty} <= set(THINGS)
    assert set(PAINTED).isdisjoint(UNTAUGHT) and set(PAINTED) | set(UNTAUGHT) == set(THINGS)
    captions = [caption for thing in THINGS.values() for caption in thing.captions]
    captions += [caption for words in FILLS.values() for caption in words]
    assert len(captions) == len(set(captions)), "one caption means one thing"


def test_the_judge_learns_from_drawings_of_its_own(material: Material) -> None:
    with pytest.raises(ValueError, match="judging"):
        teach_judge(Material(material.sprites, material.photos, {}), ["dog", "cat"], 1)
    judge = teach_judge(material, ["dog", "cat"], 4)
    picture, mask = np.zeros((256, 256, 3), np.float32), np.zeros((256, 256), np.bool_)
    mask[40:200, 60:220] = True
    assert cut_box(picture, mask).shape == (3, 64, 64)
    assert judge.name(picture, mask) in ("dog", "cat")


def test_the_tokenizer_knows_every_caption_and_survives_strange_words() -> None:
    tokenizer = build_tokenizer(TOY)
    dog, cat = (tokenizer(words)["input_ids"] for words in ("a dog", "a cat"))
    assert dog != cat and tokenizer.unk_token_id not in dog[1:-1]
    assert max(len(tokenizer(words)["input_ids"]) for words in list_words()) <= TOY.tokens
    strange = tokenizer("zebra ñ 日本 🐈", truncation=True, max_length=TOY.tokens)["input_ids"]
    assert len(strange) <= TOY.tokens and max(strange) < len(tokenizer)


def test_an_untrained_autoencoder_already_keeps_the_colours(material: Material) -> None:
    networks = build_networks(TOY)
    picture = torch.zeros(1, 3, 64, 64) + torch.tensor([0.6, -0.4, 0.1]).view(1, 3, 1, 1)
    with torch.no_grad():
        made = networks.autoencoder.decode(networks.autoencoder.encode(picture).latents).sample
    assert (made - picture)[..., 16:48, 16:48].abs().mean() < 0.15


def test_the_autoencoder_learns_and_goes_on(material: Material, tmp_path: Path) -> None:
    lines: list[str] = []

    def plan(steps: int) -> autoencoder_training.Plan:
        return autoencoder_training.Plan(
            minutes=5, batch=4, most_steps=steps, dtype=torch.float32, rate=3e-3, report=lines.append
        )

    networks = build_networks(TOY)
    with torch.no_grad():
        networks.autoencoder.decoder.layers[-1].bias += 0.2
    before = autoencoder_training.measure_autoencoder(networks.autoencoder, material, 2)["psnr_db"]
    autoencoder_training.train_autoencoder(networks.autoencoder, material, tmp_path, plan(30))
    after = autoencoder_training.measure_autoencoder(networks.autoencoder, material, 2)["psnr_db"]
    assert after > before + 1
    fresh = build_networks(TOY, seed=1)
    autoencoder_training.train_autoencoder(fresh.autoencoder, material, tmp_path, plan(32))
    found = read_checkpoint(tmp_path, "autoencoder")
    assert found is not None and found[1]["step"] == 32


def test_a_stopped_denoiser_training_ends_where_an_unbroken_one_does(material: Material, tmp_path: Path) -> None:
    tokenizer = build_tokenizer(TOY)

    def train(folder: Path, *stops: int) -> dict[str, torch.Tensor]:
        for steps in stops:
            plan = denoiser_training.Plan(
                minutes=1e6, batch=2, fresh=0, pool=4, begin_with=4, most_steps=steps, dtype=torch.float32
            )
            plan.report = lambda line: None
            networks = build_networks(TOY, tokenizer=tokenizer)
            denoiser_training.train_denoiser(networks, material, folder, plan, scale=1.0)
        found = read_checkpoint(folder, "denoiser")
        assert found is not None and found[1]["step"] == stops[-1]
        return found[0]

    whole, halves = train(tmp_path / "whole", 4), train(tmp_path / "halves", 2, 4)
    assert whole.keys() == halves.keys()
    # The moments, not the weights: Adam's first steps have one size, also along a gradient that is all but nought.
    moments = [name for name in whole if name.startswith("exp_avg.")]
    size = sum(float(whole[name].abs().sum()) for name in moments)
    apart = sum(float((whole[name] - halves[name]).abs().sum()) for name in moments)
    assert size > 0 and apart < 0.03 * size


def test_the_loss_weighs_the_mask(material: Material) -> None:
    wanted, mask = torch.zeros(1, 4, 8, 8), torch.zeros(1, 1, 8, 8)
    mask[..., :4, :] = 1
    inside, outside = wanted + mask, wanted + (1 - mask)
    assert denoiser_training.masked_loss(inside, wanted, mask) > 10 * denoiser_training.masked_loss(
        outside, wanted, mask
    )


def test_a_checkpoint_is_whole_or_absent(tmp_path: Path) -> None:
    assert read_checkpoint(tmp_path, "nothing") is None
    write_checkpoint(tmp_path, "one", {"a": torch.ones(2)}, {"step": 7})
    found = read_checkpoint(tmp_path, "one")
    assert found is not None and found[1] == {"step": 7} and found[0]["a"].sum() == 2
    assert [path.name for path in tmp_path.iterdir()] == ["one.safetensors"]


def test_the_export_loads_as_an_ordinary_pipeline(material: Material, tmp_path: Path) -> None:
    from diffusers import AutoPipelineForInpainting, StableDiffusionInpaintPipeline

    (tmp_path / "out" / "unet").mkdir(parents=True)
    (tmp_path / "out" / "README.md").write_text("card")
    (tmp_path / "out" / "unet" / "old.safetensors").write_text("stale")
    write_pipeline(assemble_pipeline(build_networks(TOY), 1.5), tmp_path / "out")
    assert (tmp_path / "out" / "README.md").exists() and not (tmp_path / "out" / "unet" / "old.safetensors").exists()
    pipeline = AutoPipelineForInpainting.from_pretrained(tmp_path / "out", local_files_only=True, dtype=torch.float32)
    assert isinstance(pipeline, StableDiffusionInpaintPipeline) and pipeline.vae.config["scaling_factor"] == 1.5
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        prompt="a dog",
        image=Image.new("RGB", (64, 64), "green"),
        mask_image=Image.new("L", (64, 64), 255),
        height=64,
        width=64,
        num_inference_steps=2,
    ).images[0]
    assert made.size == (64, 64)


def test_the_unet_needs_the_autoencoder_first(material: Material, tmp_path: Path) -> None:
    write_material(material, tmp_path / "material.zip")
    with pytest.raises(FileNotFoundError, match="autoencoder"):
        Stages(tmp_path / "material.zip", tmp_path, tmp_path / "out", sizes=TOY).run("unet", 0.0)


def test_a_training_keeps_its_tokenizer(tmp_path: Path) -> None:
    stages = [Stages(tmp_path / "none.zip", tmp_path, tmp_path / "out", sizes=TOY) for _ in range(2)]
    first, second = (stage.build().tokenizer.get_vocab() for stage in stages)
    assert first == second


def test_things_made_ahead_come_in_order_and_errors_come_out() -> None:
    ahead = Ahead(lambda number: 10 // (7 - number), first=5)
    assert [ahead.get(), ahead.get()] == [5, 10]
    with pytest.raises(ZeroDivisionError):
        ahead.get()
    ahead.close()
