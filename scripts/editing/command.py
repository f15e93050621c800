"""Edit many files with one sentence: one plan for all, a progress bar, and a word at the end on what failed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scripts.editing.client import Client, FileRefused, Stopped

EXAMPLES = """examples:
  ./scripts/edit "make it black and white" *.jpg -o out/
  ./scripts/edit "add a dog and rotate right" photo.png --seed 7 --mask mask.png
  ./scripts/edit --operations '[{"op": "resize", "percent": 50}]' holiday/*.jpg -o small/

The server is TAWNY_URL or http://127.0.0.1:8000, its key TAWNY_API_KEY. The status is 0 if every file was edited,
1 if some were not, 2 if none could be.
"""
FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".webp": "webp"}
STARTS = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
FIELDS = ("seed", "steps", "guidance_scale", "strength", "negative_prompt", "model", "output_format", "lora", "size")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its status."""
    asked = _parser().parse_args(arguments)
    if (asked.operations is None) == (asked.command is None):
        # With --operations the first word is no command but a file.
        if asked.operations is None:
            print("edit: say what to change, or give --operations", file=sys.stderr)
            return 2
        asked.files.insert(0, Path(asked.command))
    if not asked.files:
        print("edit: name at least one picture", file=sys.stderr)
        return 2
    client = Client(asked.url, asked.key)
    try:
        plan = client.plan(asked.command) if asked.operations is None else json.loads(asked.operations)
        mask = None if asked.mask is None else asked.mask.read_bytes()
        asked.output.mkdir(parents=True, exist_ok=True)
    except (Stopped, OSError, ValueError) as error:
        print(f"edit: {error}", file=sys.stderr)
        return 2
    print(f"{len(asked.files)} pictures: {describe(plan)}", file=sys.stderr)
    fields = {name: str(getattr(asked, name)) for name in FIELDS if getattr(asked, name) is not None}
    fields["operations"] = json.dumps(plan)
    return edit_all(client, asked.files, asked.output, fields, mask, again=asked.again)


def edit_all(
    client: Client, files: Sequence[Path], output: Path, fields: dict[str, str], mask: bytes | None, *, again: bool
) -> int:
    """Edit ``files`` one after the other into ``output``; go on past those that fail and name them at the end."""
    failed: dict[Path, str] = {}
    taken: dict[str, Path] = {}
    stopped = ""
    done = 0
    with tqdm(files, unit="picture", disable=None) as bar:
        for path in bar:
            bar.set_postfix_str(path.name)
            try:
                if path.name in taken:
                    raise FileRefused(f"{taken[path.name]} has the same name; edit them into different folders")
                taken[path.name] = path
                if not again and (output / path.name).exists():
                    raise FileRefused(f"{output / path.name} is there already; --again overwrites it")
                data = client.edit(path.read_bytes(), path.name, {**wish(path, fields), **fields}, mask)
                write(choose_name(output, path, data), data, again=again)
                done += 1
            except (FileRefused, OSError) as error:
                failed[path] = str(error)
            except Stopped as error:
                stopped = str(error)
                break
            except KeyboardInterrupt:
                stopped = "interrupted"
                break
    for path, why in failed.items():
        print(f"not edited: {path}: {why}", file=sys.stderr)
    if stopped:
        print(f"stopped: {stopped}", file=sys.stderr)
    print(f"{done} of {len(files)} edited, in {output}", file=sys.stderr)
    if done == len(files):
        return 0
    return 1 if done else 2


def wish(path: Path, fields: dict[str, str]) -> dict[str, str]:
    """Return the format of ``path`` as a field, where the plan neither names one nor may need transparency."""
    plan = json.loads(fields["operations"])
    turned = any(step["op"] == "rotate" and step.get("degrees", 0) % 90 for step in plan)
    if turned or any(step["op"] in ("convert", "remove_background") for step in plan):
        return {}
    return {"output_format": FORMATS.get(path.suffix.lower(), "png")}


def choose_name(output: Path, path: Path, data: bytes) -> Path:
    """Return where to write ``data``: under the picture's own name, with another ending if it is another format."""
    kind = next((kind for start, kind in STARTS.items() if data.startswith(start)), None)
    if kind is None:
        raise FileRefused("the server's answer is no picture")
    return output / (path.name if FORMATS.get(path.suffix.lower()) == kind else path.stem + ENDINGS[kind])


def write(target: Path, data: bytes, *, again: bool) -> None:
    """Write a file whole or not at all; over another one only if asked to."""
    if target.exists() and not again:
        raise FileRefused(f"{target} is there already; --again overwrites it")
    partial = target.with_name(f".{target.name}.part")
    partial.write_bytes(data)
    partial.replace(target)


def describe(plan: list[dict[str, Any]]) -> str:
    """Return a plan in a line: "generate (a dog), rotate (90)"."""
    steps = []
    for step in plan:
        values = ", ".join(str(value) for name, value in step.items() if name != "op")
        steps.append(step["op"] + (f" ({values})" if values else ""))
    return ", ".join(steps)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edit", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", nargs="?", help="what to change, in words")
    parser.add_argument("files", nargs="*", type=Path, help="pictures")
    parser.add_argument("-o", "--output", type=Path, default=Path("edited"), help="folder for the results (edited)")
    parser.add_argument("--operations", help="a plan as JSON instead of words")
    parser.add_argument("--mask", type=Path, help="where to edit, for all pictures: white, or alpha 0")
    parser.add_argument("--seed", type=int, help="the same for all pictures")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance-scale", type=float)
    parser.add_argument("--strength", type=float)
    parser.add_argument("--negative-prompt")
    parser.add_argument("--model")
    parser.add_argument("--lora", help='"name" or "name:weight"')
    parser.add_argument("--size", help='"WxH": results are fitted into it')
    parser.add_argument("--format", dest="output_format", choices=("png", "jpeg", "webp"))
    parser.add_argument("--again", action="store_true", help="overwrite results that are there")
    parser.add_argument("--url", default=os.environ.get("TAWNY_URL") or "http://127.0.0.1:8000")
    parser.add_argument("--key", default=os.environ.get("TAWNY_API_KEY", ""), help=argparse.SUPPRESS)
    return parser
