"""What an operator decides about the computing half. Plain values; ``api/environment.py`` reads the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

ROOT = Path(__file__).resolve().parent.parent
DEADLINES = MappingProxyType(
    {"edit": 1800.0, "plan": 300.0, "chat": 600.0, "transcription": 7200.0, "speech": 1800.0, "load": 1200.0}
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things live, which models are preferred and where they may run."""

    models: Path = ROOT / "models" / "store"
    """Fetched weights."""
    manifest: Path = ROOT / "models" / "manifest.toml"
    """The catalogue."""
    state: Path = ROOT / "state"
    """What must survive a restart: probe verdicts, kernel caches."""
    root: Path = Path("/")
    """Stands for ``/`` when the machine is surveyed; holds ``sys/``, ``proc/`` and ``dev/``."""
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The operator's environment as far as it concerns the GPU: HSA_OVERRIDE_GFX_VERSION and its like."""
    device: str = "auto"
    """auto, gpu or cpu, for every engine that says nothing else."""
    devices: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """The same for one engine, by its name."""
    preferences: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    """Model ids per engine, best first. Empty: the catalogue's own order."""
    idle_seconds: float = 900.0
    """An engine that nobody used for so long is unloaded. 0: at once. Below 0: never."""
    idle: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """The same for one engine, by its name."""
    pinned: frozenset[str] = frozenset()
    """Engines that are never unloaded to make room for others."""
    gpu_deaths: int = 2
    """So many deaths of an engine's worker on the GPU, and it moves to the CPU until the next start."""
    patience: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Seconds without a sign of life after which an engine's worker is ended, by its name; else the engine's own."""
    deadlines: Mapping[str, float] = field(default_factory=lambda: DEADLINES)
    """Seconds that each kind of work (edit, plan, chat ...) may take, waiting included; 0: any."""
    queue_length: int = 32
    """So many jobs may wait for one engine; the next is refused as busy."""
    job_limit: int = 256
    """So many jobs may wait or run in all."""
    held_bytes: int = 4 << 30
    """So many bytes of decoded pictures and sounds may wait or be worked on; the next is refused as busy. 0: any."""
    memory_bytes: int = 0
    """Budget for all loaded models together. 0: what the machine's survey says."""
    log_words: bool = False
    """Whether commands and texts may stand in the log."""

    def wish(self, engine: str) -> str:
        """Return auto, gpu or cpu for ``engine``."""
        return self.devices.get(engine, self.device)

    def patience_with_idle(self, engine: str) -> float:
        """Return after how many seconds without use ``engine`` is unloaded; 0 at once, below 0 never."""
        return self.idle.get(engine, self.idle_seconds)

    def deadline(self, kind: str) -> float:
        """Return how many seconds this kind of work may take; 0 for any."""
        return self.deadlines.get(kind, 0.0)
