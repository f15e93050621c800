"""A judge of painted things: a small classifier taught with drawings by other hands.

It names the thing in a mask's box, one of all that are asked for. It never sees the renderings that the inpainter
learns from, so it cannot flatter by remembering them; but it is small and has two drawings of each thing, so what it
makes of the true renderings is the most that can be hoped for, and is measured too. Eyes decide.

>>> judge = teach_judge(material, ["dog", "cat"])
>>> judge.name(picture, mask)
'dog'
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from scripts.training.composites import FILLED, compose_thing
from scripts.training.scenes import SIDE, Picture, clip, paint_scene
from scripts.training.sprites import Material

CROP = 64


@dataclass
class Judge:
    """A taught classifier and the names it gives."""

    network: nn.Module
    names: list[str]

    def name(self, picture: Picture, mask: npt.NDArray[np.bool_]) -> str:
        """The thing in the box of the mask (True = painted) of a picture (height, width, 3), 0..1."""
        with torch.no_grad():
            return self.names[int(self.network(cut_box(picture, mask)[None]).argmax())]


def build_classifier(kinds: int) -> nn.Module:
    """A small convolutional classifier of 64 x 64 pictures."""
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 96), (96, 160)):
        layers += [nn.Conv2d(before, after, 3, 2, 1), nn.BatchNorm2d(after), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(640, kinds))


def cut_box(picture: Picture, mask: npt.NDArray[np.bool_]) -> torch.Tensor:
    """The mask's box of a picture, at 64 x 64 (3, 64, 64), 0..1."""
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    cut = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    tensor = torch.from_numpy(np.ascontiguousarray(cut, np.float32)).permute(2, 0, 1)[None]
    return functional.interpolate(tensor, (CROP, CROP), mode="area")[0]


def draw_crop(rng: np.random.Generator, sprite: Image.Image, scene: Picture) -> torch.Tensor:
    """A drawing on a scene, turned a little, stretched, softened and its colours varied (3, 64, 64), 0..1."""
    turned = sprite.rotate(float(rng.uniform(-12, 12)), Image.Resampling.BILINEAR, expand=True)
    if rng.random() < 0.5:
        turned = turned.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = CROP * FILLED * rng.uniform(0.8, 1.1) / max(turned.size)
    size = [max(4, round(edge * scale * rng.uniform(0.88, 1.14))) for edge in turned.size]
    turned = turned.resize((size[0], size[1]), Image.Resampling.BILINEAR, reducing_gap=2.0)
    sheet = Image.new("RGBA", (CROP, CROP))
    shift = rng.integers(-3, 4, 2)
    sheet.paste(turned, ((CROP - size[0]) // 2 + int(shift[0]), (CROP - size[1]) // 2 + int(shift[1])))
    layer = clip(np.asarray(sheet, np.float32) / 255)
    colours = layer[..., :3] ** np.float32(rng.uniform(0.7, 1.4)) * rng.uniform(0.8, 1.15, 3).astype(np.float32)
    alpha = layer[..., 3:]
    crop = torch.from_numpy(clip(scene * (1 - alpha) + colours * alpha)).permute(2, 0, 1)
    if rng.random() < 0.6:
        crop = functional.avg_pool2d(crop[None], 3, 1, 1, count_include_pad=False)[0]
    return crop


def teach_judge(material: Material, names: list[str], steps: int = 600, seed: int = 77) -> Judge:
    """Teach a classifier to tell the named things apart by the drawings kept for judging. Raises if there are none."""
    drawings: dict[str, list[Image.Image]] = {name: [] for name in names}
    for title, sprite in material.judging.items():
        if title.split("@")[0] in drawings:
            drawings[title.split("@")[0]].append(sprite)
    if not all(drawings.values()):
        raise ValueError("the material file has no drawings for judging: make it anew with --stage data")
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    network = build_classifier(len(names))
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=0.05)
    photos = list(material.photos.values())
    scenes: list[Picture] = []
    for _ in range(96):
        small = torch.from_numpy(paint_scene(rng, photos)).permute(2, 0, 1)[None]
        scenes.append(functional.interpolate(small, (CROP, CROP), mode="area")[0].permute(1, 2, 0).numpy())
    for step in range(steps):
        labels = rng.integers(len(names), size=48)
        crops = []
        for label in labels:
            choices = drawings[names[label]]
            scene = scenes[rng.integers(len(scenes))]
            crops.append(draw_crop(rng, choices[rng.integers(len(choices))], scene))
        loss = functional.cross_entropy(network(torch.stack(crops)), torch.from_numpy(labels), label_smoothing=0.1)
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * (1 - step / steps)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return Judge(network.eval(), names)


def measure_judge(judge: Judge, material: Material, times: int = 3, seed: int = 5) -> float:
    """The share of true renderings, in scenes, that the judge names rightly: what a perfect inpainter would get."""
    right = asked = 0
    for name in judge.names:
        for place in range(times):
            rng = np.random.default_rng((seed, asked))
            photos = list(material.held_out.values()) or list(material.photos.values())
            photo = photos[place % len(photos)].convert("RGB").resize((SIDE, SIDE))
            example = compose_thing(rng, material, name, clip(np.asarray(photo, np.float32) / 255))
            right += judge.name(example.target, example.mask) == name
            asked += 1
    return right / max(1, asked)
