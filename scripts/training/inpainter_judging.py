"""Paint the listed things into held-out photographs, lay them out for eyes, and score them with a classifier.

The classifier is a small network taught with the same renderings (other scenes, sizes and light), so it flatters:
it says whether a thing looks like its rendering, not whether a person recognises it. Eyes decide.

>>> cells = paint_sheet(Painter(folder), material)
>>> draw_sheet(cells).save("sheet.png")
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoPipelineForInpainting
from PIL import Image, ImageDraw
from torch import nn
from torch.nn import functional

from scripts.training.composites import compose_thing
from scripts.training.scenes import SIDE, clip, paint_scene
from scripts.training.sprites import Material
from scripts.training.things import FILLS, PAINTED, THINGS


@dataclass
class Cell:
    """One painted picture: the words, the thing it stands for, the photograph, the result and its mask."""

    prompt: str
    name: str
    before: Image.Image
    after: Image.Image
    mask: npt.NDArray[np.bool_]


@dataclass
class Painter:
    """The ordinary pipeline, asked for one picture of `side` pixels at a time."""

    folder: Path
    device: str = "cpu"
    steps: int = 20
    guidance: float = 2.0
    negative: str = ""
    seed: int = 0
    side: int = SIDE
    pipeline: AutoPipelineForInpainting = field(init=False)

    def __post_init__(self) -> None:
        self.pipeline = AutoPipelineForInpainting.from_pretrained(
            self.folder, dtype=torch.bfloat16, local_files_only=True
        ).to(self.device)
        self.pipeline.set_progress_bar_config(disable=True)

    def paint(self, picture: Image.Image, mask: npt.NDArray[np.bool_], prompt: str) -> Image.Image:
        """Paint the prompt where the mask is true; everything else stays to the bit."""
        marks = Image.fromarray(mask.astype(np.uint8) * 255)
        size = (self.side, self.side)
        made = self.pipeline(
            prompt=prompt,
            negative_prompt=self.negative,
            image=picture.resize(size, Image.Resampling.LANCZOS),
            mask_image=marks.resize(size, Image.Resampling.BOX).point(lambda value: 255 if value > 25 else 0),
            height=self.side,
            width=self.side,
            num_inference_steps=self.steps,
            guidance_scale=self.guidance,
            generator=torch.Generator().manual_seed(self.seed),
        ).images[0]
        return Image.composite(made.resize(picture.size, Image.Resampling.LANCZOS), picture, marks)


def crop_square(photo: Image.Image) -> Image.Image:
    """The middle square of a photograph at 256 pixels."""
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return photo.resize((SIDE, SIDE), Image.Resampling.LANCZOS, (left, top, left + side, top + side))


def choose_mask(name: str, place: int) -> npt.NDArray[np.bool_]:
    """The mask for a thing: a box, an ellipse, a smaller box by turns; a sky gets the upper part, ground the lower."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    if name in FILLS:
        edge = SIDE * (0.55 + 0.05 * np.sin(columns / 30))
        return np.asarray((rows > edge) if name in ("grass", "water") else (rows < edge))
    if place % 3 == 1:
        return np.asarray(np.hypot((rows - 128) / 100, (columns - 128) / 100) < 1)
    half = 88 if place % 3 == 0 else 68
    return np.asarray((np.abs(rows - 140) < half) & (np.abs(columns - 128) < half))


def paint_sheet(painter: Painter, material: Material, prompts: list[str] | None = None, photos: int = 3) -> list[Cell]:
    """Paint every prompt (default: the first words of each listed thing, and "" for nothing) into each photograph."""
    wanted = {THINGS[name].captions[0]: name for name in PAINTED}
    wanted |= {words[0]: name for name, words in FILLS.items()}
    wanted[""] = "background"
    chosen = list(wanted) if prompts is None else prompts
    cells = []
    for prompt in chosen:
        name = wanted.get(prompt, prompt)
        for place, photo in enumerate(list(material.held_out.values())[:photos]):
            before, mask = crop_square(photo), choose_mask(name, place)
            cells.append(Cell(prompt, name, before, painter.paint(before, mask, prompt), mask))
    return cells


def draw_sheet(cells: list[Cell], across: int = 9, side: int = 160) -> Image.Image:
    """Lay the results out in a grid, the prompt under each."""
    down = (len(cells) + across - 1) // across
    sheet = Image.new("RGB", (across * (side + 4), down * (side + 16)), "white")
    draw = ImageDraw.Draw(sheet)
    for place, cell in enumerate(cells):
        left, top = place % across * (side + 4), place // across * (side + 16)
        sheet.paste(cell.after.resize((side, side), Image.Resampling.LANCZOS), (left, top))
        draw.text((left + 2, top + side + 1), cell.prompt or "(nothing)", fill="black")
    return sheet


def build_classifier(kinds: int) -> nn.Module:
    """A small convolutional classifier of 64 x 64 pictures."""
    layers: list[nn.Module] = []
    for before, after in ((3, 24), (24, 48), (48, 96), (96, 128)):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, kinds))


def cut_box(picture: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_]) -> torch.Tensor:
    """The mask's box of a picture, at 64 x 64 (3, 64, 64), 0..1."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    cut = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    tensor = torch.from_numpy(np.ascontiguousarray(cut, np.float32)).permute(2, 0, 1)[None]
    return functional.interpolate(tensor, (64, 64), mode="area")[0]


def train_classifier(material: Material, minutes: float, seed: int = 77) -> tuple[nn.Module, list[str]]:
    """Teach a classifier to tell the things apart in composites of its own seed."""
    torch.manual_seed(seed)
    names = list(PAINTED)
    network = build_classifier(len(names))
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3)
    photos = list(material.photos.values())
    begin, number = time.monotonic(), 0
    while time.monotonic() - begin < minutes * 60:
        crops, labels = [], []
        for _ in range(24):
            rng = np.random.default_rng((seed, number))
            label = int(rng.integers(len(names)))
            example = compose_thing(rng, material, names[label], paint_scene(rng, photos))
            crops.append(cut_box(example.target, example.mask))
            labels.append(label)
            number += 1
        loss = functional.cross_entropy(network(torch.stack(crops)), torch.tensor(labels))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return network.eval(), names


def judge_sheet(cells: list[Cell], material: Material, minutes: float) -> dict[str, object]:
    """Which painted things the classifier names rightly: the share, and for each thing how many of its pictures."""
    network, names = train_classifier(material, minutes)
    right: dict[str, int] = {}
    total = 0
    for cell in cells:
        if cell.name not in names:
            continue
        crop = cut_box(clip(np.asarray(cell.after, np.float32) / 255), cell.mask)
        with torch.no_grad():
            guess = names[int(network(crop[None]).argmax())]
        right[cell.name] = right.get(cell.name, 0) + int(guess == cell.name)
        total += 1
    return {"recognised": sum(right.values()), "asked": total, "by_thing": right}
