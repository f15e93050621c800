"""Edit many files with one sentence: one plan for all, a progress bar, and a word at the end on what failed."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scripts.editing.client import Client, FileRefused, Stopped

EXAMPLE_PLAN = '[{"op": "resize", "percent": 50}]'
EXAMPLES = f"""examples:
  ./scripts/edit "make it black and white" *.jpg -o out/
  ./scripts/edit "add a dog and rotate right" photo.png --seed 7 --mask mask.png
  ./scripts/edit --operations '{EXAMPLE_PLAN}' holiday/*.jpg -o small/

The server is TAWNY_URL or http://127.0.0.1:8000, its key TAWNY_API_KEY. The status is 0 if every file was edited,
1 if some were not, 2 if none could be.
"""
FORMATS = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".webp": "webp"}
STARTS = {"png": b"\x89PNG", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF"}
QUARTERS = (0, 90, -90, 180)
ENDINGS = {"png": ".png", "jpeg": ".jpg", "webp": ".webp"}
FIELDS = ("seed", "steps", "guidance_scale", "strength", "negative_prompt", "model", "output_format", "size")


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
        plan = client.plan(asked.command) if asked.operations is None else read_plan(asked.operations)
        mask = None if asked.mask is None else asked.mask.read_bytes()
        asked.output.mkdir(parents=True, exist_ok=True)
    except (Stopped, OSError, ValueError) as error:
        about = getattr(error, "filename", None)
        print(f"edit: {about or ''}{': ' * bool(about)}{_say(error)}", file=sys.stderr)
        return 2
    print(f"{len(asked.files)} picture{'s' * (len(asked.files) != 1)}: {describe(plan)}", file=sys.stderr)
    fields: dict[str, str | list[str]] = {
        name: str(getattr(asked, name)) for name in FIELDS if getattr(asked, name) is not None
    }
    if asked.lora:
        fields["lora"] = asked.lora
    return edit_all(client, asked.files, asked.output, plan, fields, mask, again=asked.again)


def edit_all(
    client: Client,
    files: Sequence[Path],
    output: Path,
    plan: list[dict[str, Any]],
    fields: Mapping[str, str | list[str]],
    mask: bytes | None,
    *,
    again: bool,
) -> int:
    """Edit ``files`` one after the other into ``output``; go on past those that fail and name them at the end."""
    failed: dict[Path, str] = {}
    taken: dict[Path, Path] = {}
    stopped = ""
    done = 0
    with tqdm(files, unit="picture", disable=None) as bar:
        for path in bar:
            bar.set_postfix_str(path.name)
            try:
                kind = str(fields.get("output_format") or choose_format(path, plan))
                target = output / choose_name(path, kind)
                if target in taken:
                    raise FileRefused(f"{taken[target]} became {target} already; edit them into different folders")
                _refuse_to_overwrite(target, again=again)  # before minutes of painting
                taken[target] = path
                asked = {**fields, "operations": json.dumps(plan), "output_format": kind}
                data = client.edit(path.read_bytes(), path.name, asked, mask)
                if not data.startswith(STARTS[kind]):
                    raise FileRefused("the server's answer is no picture")
                write(target, data, again=again)
                done += 1
            except (FileRefused, OSError) as error:
                failed[path] = _say(error)
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


def read_plan(text: str) -> list[dict[str, Any]]:
    """Return the plan that ``text`` holds as JSON; `ValueError` if it is no list of operations."""
    plan = json.loads(text)
    if not isinstance(plan, list) or not all(isinstance(step, dict) and "op" in step for step in plan):
        raise ValueError(f"--operations must be a list such as {EXAMPLE_PLAN}")
    return plan


def choose_format(path: Path, plan: Sequence[Mapping[str, Any]]) -> str:
    """Return the format of what becomes of ``path``: the one that the plan converts to, else its own if it will do.

    A JPEG of which parts become transparent is a PNG afterwards, and so is what cannot be written (GIF, TIFF, ...).
    """
    converted = [str(step.get("format")) for step in plan if step["op"] == "convert"]
    if converted and converted[-1] in ENDINGS:
        return converted[-1]
    own = FORMATS.get(path.suffix.lower(), "png")
    return "png" if own == "jpeg" and any(_makes_transparent(step) for step in plan) else own


def _makes_transparent(step: Mapping[str, Any]) -> bool:
    return step["op"] == "remove_background" or (step["op"] == "rotate" and step.get("degrees") not in QUARTERS)


def choose_name(path: Path, kind: str) -> str:
    """Return the picture's own name, with another ending if ``kind`` is another format."""
    return path.name if FORMATS.get(path.suffix.lower()) == kind else path.stem + ENDINGS[kind]


def write(target: Path, data: bytes, *, again: bool) -> None:
    """Write a file whole or not at all; over another one only if asked to."""
    _refuse_to_overwrite(target, again=again)
    partial = target.with_name(f".{target.name}.part")
    partial.write_bytes(data)
    partial.replace(target)


def _refuse_to_overwrite(target: Path, *, again: bool) -> None:
    if target.exists() and not again:
        raise FileRefused(f"{target} is there already; --again overwrites it")


def _say(error: Exception) -> str:
    """Return an error as a person says it: "Is a directory" without its number."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def describe(plan: list[dict[str, Any]]) -> str:
    """Return a plan in a line: "generate (a dog), rotate (90)"."""
    steps = []
    for step in plan:
        values = ", ".join(str(value) for name, value in step.items() if name != "op")
        steps.append(str(step["op"]) + (f" ({values})" if values else ""))
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
    parser.add_argument("--lora", action="append", help='"name" or "name:weight"; repeatable')
    parser.add_argument("--size", help='"WxH": results are fitted into it')
    parser.add_argument("--format", dest="output_format", choices=("png", "jpeg", "webp"))
    parser.add_argument("--again", action="store_true", help="overwrite results that are there")
    parser.add_argument("--url", default=os.environ.get("TAWNY_URL") or "http://127.0.0.1:8000")
    parser.add_argument("--key", default=os.environ.get("TAWNY_API_KEY", ""), help=argparse.SUPPRESS)
    return parser
