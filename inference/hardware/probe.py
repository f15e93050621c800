"""The proof that a GPU computes, and computes rightly: a child process tries it in the environment a worker would get.

Why a child: the wrong ROCm, kernel or override segfaults, aborts or hangs inside a call that nothing can interrupt,
sometimes already in `torch.cuda.is_available()` (TheRock#5763, TheRock#5883). Why numbers: some combinations compute
garbage without a word (llama.cpp#27579), so every result is compared with the CPU's. The child says each step before
it takes it, so that a death can be told with its place.

A verdict is kept on disk under a key that names everything it depends on: library build, kernel, boot, GPU, override,
visible devices, environment. An exception is not kept, for it may pass (memory in use by another program); a death or
a hang is, so that no start of the gateway risks it again.

It does not know which machine this is or what a worker's environment should be; `machine.py` tells it.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from inference.hardware import sysfs
from inference.hardware.child import Ended, run_child, signal_name
from inference.hardware.device import Library
from inference.hardware.sysfs import Unreadable

PATIENCE = 120.0
"""Seconds. The first kernels of a process are compiled or searched for, which takes most of a minute on a slow box."""

Outcome = Literal["proved", "wrong", "raised", "crashed", "hung", "absent"]


@dataclass(frozen=True)
class Verdict:
    """What a probe found. `ok` is whether engines of `library` may use the GPU; `reason` is a sentence.

    `outcome` "absent" means that no probe was started, as there was nothing to probe. `free` and `total` are bytes as
    the library reports them, None when it did not.
    """

    library: Library
    ok: bool
    outcome: Outcome
    reason: str
    bfloat16: bool = False
    device: str | None = None
    target: str | None = None
    free: int | None = None
    total: int | None = None
    seconds: float = 0.0
    at: float = 0.0
    errors: Mapping[str, float] = field(default_factory=dict)
    """Largest error of each check, relative to the largest value of the CPU's result."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self) | {"errors": dict(self.errors)}


def command_for(library: Library, model: Path | None = None) -> tuple[str, ...]:
    """The child that proves a library, CTranslate2 with a Whisper model to hear with."""
    command = (sys.executable, "-m", "inference.hardware.probe_child", library)
    return (*command, "--model", str(model)) if model is not None and library == "ctranslate2" else command


def run_probe(
    library: Library,
    command: Sequence[str],
    environment: Mapping[str, str],
    patience: float = PATIENCE,
    grace: float = 5.0,
) -> Verdict:
    """Start the child, wait for it within bounds, and judge. Raises nothing."""
    ended = run_child(command, environment, patience, grace)
    steps, result = _read_lines(ended.output)
    return _judge(library, ended, steps, result, patience)


def _read_lines(output: str) -> tuple[list[str], dict[str, Any] | None]:
    """The child's steps and its final answer: JSON objects, one a line; anything else is somebody's chatter."""
    steps: list[str] = []
    result: dict[str, Any] | None = None
    for line in output.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if isinstance(said, dict) and "step" in said:
            steps.append(str(said["step"]))
        elif isinstance(said, dict) and "ok" in said:
            result = said
    return steps, result


def _judge(library: Library, ended: Ended, steps: list[str], result: dict[str, Any] | None, patience: float) -> Verdict:
    place = f" during {steps[-1]}" if steps else ""
    said = f": {ended.complaint}" if ended.complaint else ""

    def no(outcome: Outcome, reason: str) -> Verdict:
        return Verdict(library, False, outcome, reason, seconds=round(ended.seconds, 2), at=time.time())

    # A child that answered and then died while shutting down did not pass: workers shut down too.
    if ended.how == "killed by a signal":
        return no("crashed", f"the probe was killed by {signal_name(ended.code)}{place}{said}")
    if ended.how == "stopped at the limit":
        return no("hung", f"the probe gave no answer for {patience:g} s and was stopped{place}")
    if ended.how == "cannot be stopped":
        return no("hung", f"the probe hangs{place} and cannot even be killed; the GPU needs a reboot")
    if result is None:
        return no("raised", f"the probe ended with exit code {ended.code} and no answer{place}{said}")
    if not result["ok"]:
        outcome: Outcome = "wrong" if result.get("outcome") == "wrong" else "raised"
        return no(outcome, str(result.get("reason", "the probe failed")))
    if ended.code != 0:
        return no("raised", f"the probe passed and then ended with exit code {ended.code}{said}")
    return Verdict(
        library=library,
        ok=True,
        outcome="proved",
        reason=str(result.get("reason", "proved")),
        bfloat16=bool(result.get("bfloat16")),
        device=result.get("device"),
        target=result.get("target"),
        free=result.get("free"),
        total=result.get("total"),
        seconds=round(ended.seconds, 2),
        at=time.time(),
        errors={str(name): float(value) for name, value in (result.get("errors") or {}).items()},
    )


class VerdictStore:
    """Verdicts on disk, one file per library, valid for one key."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "hardware"

    def load(self, library: Library, key: Mapping[str, str]) -> Verdict | None:
        """The verdict kept under `key`, or None."""
        text = sysfs.read(self._path(library))
        if isinstance(text, Unreadable):
            return None
        try:
            kept = json.loads(text)
            return Verdict(**kept["verdict"]) if kept["key"] == dict(key) else None
        except (ValueError, KeyError, TypeError):
            return None

    def save(self, key: Mapping[str, str], verdict: Verdict) -> None:
        """Keep a verdict; one that may pass is not kept."""
        if verdict.outcome in ("raised", "absent"):
            return
        path = self._path(verdict.library)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".part")
            draft.write_text(json.dumps({"key": dict(key), "verdict": verdict.as_dict()}, indent=1))
            draft.replace(path)
        except OSError:
            return  # Without a state folder the GPU is probed anew at each start.

    def _path(self, library: Library) -> Path:
        return self._folder / f"probe-{library}.json"


def digest(changes: Mapping[str, str | None]) -> str:
    """A short name for a set of changes to the environment."""
    return hashlib.sha256(json.dumps(sorted(changes.items())).encode()).hexdigest()[:16]
