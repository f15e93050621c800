"""Which torch is installed and what it was built for, without importing it here.

Version, HIP and CUDA come from the text of `torch/version.py`. The list of GPU targets is compiled into the library,
so it takes a child process that imports torch; `torch._C._cuda_getArchFlags()` needs no GPU, unlike
`torch.cuda.get_arch_list()`, which in older versions is empty until a GPU answers. The child's answer is kept on disk
per build. A CPU build never starts a child.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from inference.hardware import kernel, sysfs
from inference.hardware.child import run_child
from inference.hardware.sysfs import Unreadable

_ASK = (sys.executable, "-c", "import torch; print('targets:', torch._C._cuda_getArchFlags() or '')")
_PATIENCE = 120.0


@dataclass(frozen=True)
class TorchBuild:
    """An installed torch. `rocm` is the ROCm it was built with, as exactly as the build says it ("7.2" or "7.2.0")."""

    version: str
    hip: str | None
    cuda: str | None
    rocm: str | None
    stamp: str
    """Changes when another build is installed."""

    @property
    def vendor(self) -> str | None:
        """Whose GPUs it can use: "amd", "nvidia", or None for a CPU build."""
        return "amd" if self.hip else "nvidia" if self.cuda else None

    @property
    def sentence(self) -> str:
        """For a person."""
        if self.hip:
            return f"torch {self.version}, built for ROCm {self.rocm}"
        return f"torch {self.version}, " + (f"built for CUDA {self.cuda}" if self.cuda else "a build for the CPU only")


def find_torch() -> TorchBuild | None:
    """The torch of this Python, or None."""
    try:
        spec = find_spec("torch")
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    return read_build(Path(spec.origin).parent / "version.py")


def read_build(path: Path) -> TorchBuild | None:
    """Read a `torch/version.py`; None when it cannot be read or names no version."""
    text = sysfs.read(path)
    if isinstance(text, Unreadable):
        return None
    names = _read_assignments(text)
    version = names.get("__version__")
    if version is None:
        return None
    hip = names.get("hip")
    local = re.search(r"\+rocm([\d.]+)", version)
    # The most exact of the three: HIP's third number is a build number, so only its first two are ROCm's.
    parsed = kernel.parse_rocm(hip)
    rocm = names.get("rocm") or (local[1] if local else None) or (f"{parsed[0]}.{parsed[1]}" if parsed else None)
    status = path.stat()
    return TorchBuild(
        version=version,
        hip=hip,
        cuda=names.get("cuda"),
        rocm=rocm if hip else None,
        stamp=f"{version} {status.st_size} {status.st_mtime_ns}",
    )


def _read_assignments(text: str) -> dict[str, str]:
    """Module-level names that are given a string, annotated or not."""
    found: dict[str, str] = {}
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return found
    for line in body:
        target = line.targets[0] if isinstance(line, ast.Assign) else getattr(line, "target", None)
        value = getattr(line, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            found[target.id] = value.value
    return found


def known_targets(build: TorchBuild, state: Path) -> tuple[str, ...] | None:
    """The targets that were asked for before, or None. Starts nothing."""
    text = sysfs.read(_cache(state))
    if isinstance(text, Unreadable):
        return None
    try:
        kept = json.loads(text)
        return tuple(kept["targets"]) if kept["stamp"] == build.stamp else None
    except (ValueError, KeyError, TypeError):
        return None


def ask_targets(
    build: TorchBuild, state: Path, environment: Mapping[str, str], command: Sequence[str] = _ASK
) -> tuple[str, ...] | None:
    """GPU targets of the build, from disk or from a child; () for a CPU build, None when the child did not say."""
    if build.vendor is None:
        return ()
    kept = known_targets(build, state)
    if kept is not None:
        return kept
    ended = run_child(command, environment, _PATIENCE)
    line = next((line for line in ended.output.splitlines() if line.startswith("targets:")), None)
    if ended.how != "exited" or ended.code != 0 or line is None:
        return None
    targets = tuple(line.removeprefix("targets:").split())
    path = _cache(state)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"stamp": build.stamp, "targets": targets}))
    except OSError:
        pass  # A state folder that cannot be written costs a few seconds at the next start, nothing else.
    return targets


def _cache(state: Path) -> Path:
    return state / "hardware" / "torch-targets.json"
