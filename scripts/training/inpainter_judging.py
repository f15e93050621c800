"""Paint the forty listed prompts into held-out photographs, lay them out for eyes, and put numbers on them.

>>> cells = paint_sheet(Painter(folder), material)
>>> draw_sheet(cells).save("sheet.png")
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoPipelineForInpainting
from PIL import Image, ImageDraw

from scripts.training.inpainter_judge import measure_judge, teach_judge
from scripts.training.scenes import SIDE, clip
from scripts.training.seams import measure_likeness, measure_seam
from scripts.training.sprites import Material
from scripts.training.things import ASKED, FILLS, THINGS

GROUNDS = ("gravel", "grass", "brick")
"""Photographs of textured ground, into which nothing is painted; training has seen them."""


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


def list_prompts() -> dict[str, str]:
    """Every prompt to judge by and the thing or fill it means: the fixed forty, the fills, and "" for nothing."""
    meanings = {caption: name for name, thing in THINGS.items() for caption in thing.captions}
    wanted = {prompt: meanings.get(prompt, prompt) for group in ASKED.values() for prompt in group}
    wanted |= {words[0]: name for name, words in FILLS.items()}
    return wanted | {"": "background"}


def paint_sheet(painter: Painter, material: Material, prompts: list[str] | None = None, photos: int = 3) -> list[Cell]:
    """Paint every prompt (default: all of `list_prompts`) into each photograph kept apart.

    Nothing at all is painted into the textured grounds as well, in a smaller box.
    """
    wanted = list_prompts()
    chosen = list(wanted) if prompts is None else prompts
    held_out = list(material.held_out.values())[:photos]
    grounds = [material.photos[name] for name in GROUNDS if name in material.photos]
    cells = []
    for prompt in chosen:
        name = wanted.get(prompt, prompt)
        for place, photo in enumerate(held_out + (grounds if prompt == "" else [])):
            before, mask = crop_square(photo), choose_mask(name, place if place < len(held_out) else 2)
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


def judge_sheet(cells: list[Cell], material: Material, steps: int) -> dict[str, object]:
    """Which of the forty the judge names rightly, of all pictures; a thing that was never taught counts as any other.

    Also what it makes of the true renderings, for comparison.
    """
    wanted = list_prompts()
    forty = [prompt for group in ASKED.values() for prompt in group]
    names = sorted({wanted[prompt] for prompt in forty if wanted[prompt] in THINGS})
    judge = teach_judge(material, names, steps)
    right: dict[str, int] = {}
    asked = 0
    for cell in cells:
        if cell.prompt not in forty:
            continue
        guess = judge.name(clip(np.asarray(cell.after, np.float32) / 255), cell.mask)
        right[cell.prompt] = right.get(cell.prompt, 0) + int(guess == cell.name)
        asked += 1
    return {
        "named": sum(right.values()),
        "asked": asked,
        "named_by_most": sum(count >= 2 for count in right.values()),
        "named_share_of_true_renderings": round(measure_judge(judge, material), 3),
        "by_prompt": right,
    }


def measure_seams(cells: list[Cell]) -> dict[str, object]:
    """How much the masks show: for things, and for nothing at all, where what was there is known as well."""
    sums: dict[str, list[float]] = {}
    for cell in cells:
        if cell.name in FILLS:
            continue
        kind = "removed" if cell.name == "background" else "thing"
        before, after = (clip(np.asarray(picture, np.float32) / 255) for picture in (cell.before, cell.after))
        seam = measure_seam(after, cell.mask)
        sums.setdefault(f"{kind}_step", []).append(seam.step)
        sums.setdefault(f"{kind}_grain", []).append(seam.grain)
        if kind == "removed":
            sums.setdefault("removed_psnr_db", []).append(measure_likeness(before, after, cell.mask))
    return {name: round(float(np.mean(values)), 2) for name, values in sums.items()}
