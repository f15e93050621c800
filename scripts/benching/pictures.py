"""Pictures: what an edit of a large photo costs beside a small one, and both beside the bare diffusers pipeline.

- A 12-megapixel photo of which a mask selects 5 %, against a photo of 512 pixels with the same mask: JPEG in and out,
  at most 1.5 times; the same with PNG out, which is told without a target: to write 12 megapixels without loss takes
  the whole machine a fifth of a second, and the starter model paints in less than half of one.
- Both photos over HTTP against the pipeline alone at the model's own size, with as many steps: the small one at most
  1.5 times.
- The memory: while the large photo is edited, the gateway grows by at most 16 times the raw picture, the worker not by
  more than 64 MiB over what the small one took.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.benching.gateway import ROOT, running

PHOTO = ROOT / "tests" / "pictures" / "china.jpg"
LARGE, SMALL = (4000, 3000), (512, 384)
MASK = (0.40, 0.40, 0.60, 0.65)
"""Left, top, right, bottom: a twentieth of the picture."""
PLAN = '[{"op": "replace", "target": "this", "prompt": "a dog"}]'
"""One pass of the painter, as the bare pipeline's; for `generate` the starter model makes a second one."""
MOST_LARGE, MOST_HTTP = 1.5, 1.5
MOST_GATEWAY, MOST_WORKER = 16 * LARGE[0] * LARGE[1] * 3, 64 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked of this measurement."""
    parser.add_argument("--model", default="starter-inpainting", help="an inpainter that is there")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="two turns, to see that it works")


def measure(arguments: argparse.Namespace) -> bool:
    """Print every figure; return whether all targets were met."""
    import httpx

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    turns = 2 if arguments.quick else arguments.turns
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f}, {os.environ['OMP_NUM_THREADS']} thread(s) an engine")
    with running({"TAWNY_DEVICE": "cpu"}) as url, httpx.Client(base_url=url, timeout=600) as client:

        def edit(size: tuple[int, int], kind: str) -> float:
            files = {"image": picture(size), "mask": mask(size)}
            data = {"operations": PLAN, "steps": str(arguments.steps), "seed": "1", "model": arguments.model}
            started = time.perf_counter()
            answer = client.post(
                "/v1/images/edits", files=files, data=data | {"output_format": kind}, headers={"accept": "image/*"}
            )
            seconds = time.perf_counter() - started
            if answer.status_code != 200:
                raise SystemExit(f"bench: {answer.text}")
            return seconds

        edit(SMALL, "jpeg")
        bare = load_bare(arguments.model, arguments.steps)
        ways: dict[str, Callable[[], float]] = {
            "bare": bare,
            "small": lambda: edit(SMALL, "jpeg"),
            "large": lambda: edit(LARGE, "jpeg"),
            "small as PNG": lambda: edit(SMALL, "png"),
            "large as PNG": lambda: edit(LARGE, "png"),
        }
        for way in ways.values():
            way()
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(turns):
            for name, way in ways.items():
                taken[name].append(way())
        met = _tell_times(taken)
        return _tell_memory(client, lambda size: edit(size, "jpeg")) and met


def _tell_times(taken: dict[str, list[float]]) -> bool:
    best = {name: min(seconds) for name, seconds in taken.items()}
    for name, seconds in taken.items():
        print(f"{name:<14} best {best[name]:.3f} s, median {statistics.median(seconds):.3f} s")
    met = True
    rows = (
        ("large", "small", MOST_LARGE),
        ("large as PNG", "small as PNG", None),
        ("small", "bare", MOST_HTTP),
        ("large", "bare", None),
    )
    for ours, other, target in rows:
        ratio = best[ours] / best[other]
        met &= target is None or ratio <= target
        verdict = "" if target is None else f", target {target}: {'met' if ratio <= target else 'MISSED'}"
        print(f"{ours} : {other} = {ratio:.2f}{verdict}", flush=True)
    return met


def load_bare(model: str, steps: int) -> Callable[[], float]:
    """Return what runs the pipeline alone once, at the model's own size, and returns the seconds it took."""
    import torch
    from diffusers import AutoPipelineForInpainting
    from PIL import Image

    from inference.catalogue import Catalogue
    from inference.hardware.processor import read_processor
    from inference.settings import Settings
    from inference.weights import find

    settings = Settings()
    row = Catalogue.load(settings.manifest).row(model)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    dtype = getattr(torch, read_processor(Path("/")).dtype)
    pipeline: Any = AutoPipelineForInpainting.from_pretrained(
        find(row, settings.models), dtype=dtype, local_files_only=True, use_safetensors=True
    )
    pipeline.set_progress_bar_config(disable=True)
    pipeline.unet.to(memory_format=torch.channels_last)
    pipeline.vae.to(memory_format=torch.channels_last)
    side = int(row.options.get("resolution", 512))
    guidance = float(row.options.get("guidance_scale", 7.0))
    image = Image.open(io.BytesIO(picture(SMALL))).resize((side, side))
    shown = Image.open(io.BytesIO(mask((side, side))))

    def run() -> float:
        started = time.perf_counter()
        pipeline(
            prompt="a dog", image=image, mask_image=shown, width=side, height=side, num_inference_steps=steps,
            guidance_scale=guidance, generator=torch.Generator("cpu").manual_seed(1),
        )  # fmt: skip
        return time.perf_counter() - started

    return run


def _tell_memory(client: Any, edit: Callable[[tuple[int, int]], float]) -> bool:
    worker = int(client.get("/v1/status").json()["engines"]["inpainter"]["pid"])
    gateway = int(Path(f"/proc/{worker}/stat").read_text().rsplit(")", 1)[1].split()[1])
    growth: dict[str, tuple[int, int]] = {}
    for name, size in (("small", SMALL), ("large", LARGE)):
        before = [_resident(process) for process in (gateway, worker)]
        for process in (gateway, worker):
            Path(f"/proc/{process}/clear_refs").write_text("5")  # forget the peak so far
        edit(size)
        peaks = [_peak(process) for process in (gateway, worker)]
        growth[name] = peaks[0] - before[0], peaks[1]
        print(f"memory, {name}: gateway +{growth[name][0] >> 20} MiB, worker's peak {peaks[1] >> 20} MiB")
    more = growth["large"][1] - growth["small"][1]
    met = growth["large"][0] <= MOST_GATEWAY and more <= MOST_WORKER
    print(
        f"memory: gateway at most +{MOST_GATEWAY >> 20} MiB, worker at most {MOST_WORKER >> 20} MiB more "
        f"(is {more >> 20}): {'met' if met else 'MISSED'}"
    )
    return met


def _resident(process: int) -> int:
    return _field(process, "VmRSS")


def _peak(process: int) -> int:
    return _field(process, "VmHWM")


def _field(process: int, name: str) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/{process}/status has no {name}")


def picture(size: tuple[int, int]) -> bytes:
    """Return the photograph at ``size`` as a JPEG file."""
    from PIL import Image

    with io.BytesIO() as target:
        Image.open(PHOTO).convert("RGB").resize(size, Image.Resampling.LANCZOS).save(target, "JPEG", quality=95)
        return target.getvalue()


def mask(size: tuple[int, int]) -> bytes:
    """Return `MASK` for a picture of ``size`` as a PNG file."""
    from PIL import Image

    drawn = Image.new("L", size, 0)
    left, top, right, bottom = (round(part * side) for part, side in zip(MASK, 2 * size, strict=True))
    drawn.paste(255, (left, top, right, bottom))
    with io.BytesIO() as target:
        drawn.save(target, "PNG")
        return target.getvalue()
