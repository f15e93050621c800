"""The machine as one value: what was found, what may be trusted, and what a worker's environment must be.

`survey` reads a few dozen small files and starts nothing; whatever costs a child process (torch's list of targets,
the proof) is done when somebody first asks for it, and kept. On a box without a GPU no child is ever started.

It does not decide where an engine goes: that is `placement.py`. What the operator says comes as an argument; this
process's own environment is only passed on to children.

    machine = survey(Path("/"), state=Path("state"), environment=os.environ)
    machine.proof("torch").ok              # may take a minute, once per boot
    describe_machine(machine)              # report.py; never starts anything
"""

from __future__ import annotations

import importlib.metadata
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from inference.hardware import gfx, kernel, memory, override, probe, sysfs, torch_build, tuning
from inference.hardware.device import Device, Library
from inference.hardware.kernel import KernelCheck
from inference.hardware.memory import Budget, Memory
from inference.hardware.obstacle import Obstacle, find_obstacle
from inference.hardware.override import Override
from inference.hardware.probe import Verdict, VerdictStore
from inference.hardware.processor import Processor, read_processor
from inference.hardware.topology import Gpu, Identity, Topology, read_topology
from inference.hardware.torch_build import TorchBuild
from inference.hardware.visible import Visibility, read_visibility

LIBRARIES: tuple[Library, ...] = ("torch", "ctranslate2", "onnxruntime")


def _probe(library: Library, environment: Mapping[str, str], model: Path | None) -> Verdict:
    return probe.run_probe(library, probe.command_for(library, model), environment)


def _library_version(library: Library) -> str | None:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


@dataclass(frozen=True)
class Tools:
    """What `Machine` asks besides files. Tests put their own in place."""

    find_torch: Callable[[], TorchBuild | None] = torch_build.find_torch
    ask_targets: Callable[[TorchBuild, Path, Mapping[str, str]], tuple[str, ...] | None] = torch_build.ask_targets
    run_probe: Callable[[Library, Mapping[str, str], Path | None], Verdict] = _probe
    library_version: Callable[[Library], str | None] = _library_version


@dataclass
class Machine:
    """What `survey` found. Thread-safe; two threads that ask for one proof share one probe."""

    root: Path
    state: Path
    environment: Mapping[str, str]
    topology: Topology
    processor: Processor
    memory: Memory
    kernel_release: str | None
    boot: str | None
    torch: TorchBuild | None
    tools: Tools
    memory_root: Path = Path("/")
    """Below it lies the `proc/` whose figures count; see `survey`."""
    _targets: tuple[str, ...] | None = None
    _asked: bool = False
    _verdicts: dict[Library, Verdict] = field(default_factory=dict)
    _most: dict[str, Budget] = field(default_factory=dict)
    _proving: threading.RLock = field(default_factory=threading.RLock)
    # A lock of its own: a status must not wait for a probe.
    _measuring: threading.Lock = field(default_factory=threading.Lock)

    # What is there ------------------------------------------------------------------------------------------------

    @property
    def visibility(self) -> Visibility:
        """What the operator lets the GPU libraries see."""
        return read_visibility(self.environment, len(self.topology.gpus))

    def targets(self, *, ask: bool = True) -> tuple[str, ...] | None:
        """Targets that the installed torch was built for; None when unknown. Without `ask` nothing is started."""
        if self.torch is None or self.torch.vendor is None:
            return ()
        if self._targets is None:
            self._targets = torch_build.known_targets(self.torch, self.state)
        if self._targets is None and ask and not self._asked:
            with self._proving:
                # Asked once: a child that crashed would crash again, and the probe decides without the list too.
                self._asked = True
                self._targets = self.tools.ask_targets(self.torch, self.state, self._child_environment({}))
        return self._targets

    def gpu(self, *, ask: bool = False) -> Gpu | None:
        """The AMD GPU that workers use: the operator's choice, else one that torch was built for, else the largest."""
        gpus = self.topology.gpus
        first = self.visibility.first
        if not gpus or first is not None:
            return gpus[first] if gpus and first is not None else None
        if len(gpus) == 1:
            return gpus[0]
        built = {gfx.plain_target(name) for name in self.targets(ask=ask) or ()}
        return max(gpus, key=lambda gpu: (gpu.target in built, gpu.simd_count, -gpu.node))

    @property
    def vendor(self) -> str | None:
        """Whose GPU the installed torch can use ("amd", "nvidia"); without such a torch, whose there is; or None."""
        there = [name for name, found in (("amd", self.topology.gpus), ("nvidia", self.topology.nvidia)) if found]
        if self.torch is not None and self.torch.vendor in there:
            return self.torch.vendor
        return there[0] if there else None

    def kernel_check(self) -> KernelCheck | None:
        """The pair of kernel and ROCm, None without an AMD GPU. Without a torch for it the kernel is judged alone."""
        gpu = self.gpu()
        if gpu is None:
            return None
        rocm = kernel.parse_rocm(self.torch.rocm) if self.torch is not None and self.torch.hip is not None else None
        return kernel.check_kernel(gpu.target, gpu.has_save_area, self.kernel_release, rocm)

    def override(self, *, ask: bool = True) -> Override | None:
        """What becomes of HSA_OVERRIDE_GFX_VERSION; None where it plays no part."""
        gpu = self.gpu(ask=ask)
        if gpu is None or gpu.target is None or self.torch is None or self.torch.hip is None:
            return None
        targets = {each.node: each.target for each in self.topology.gpus if each.target is not None}
        keep = self.says_yes("TAWNY_KEEP_HSA_OVERRIDE")
        return override.decide(targets, gpu.node, self.targets(ask=ask), self.environment, keep=keep)

    def told_override(self) -> Override:
        """The same for a report, which also says why the variable plays no part; starts nothing."""
        decided = self.override(ask=False)
        if decided is not None:
            return decided
        gpu = self.gpu()
        if gpu is None:
            because = "there is no AMD GPU in use"
        elif self.torch is None:
            because = "torch is not installed"
        elif self.torch.hip is None:
            because = f"{self.torch.sentence}, uses no AMD GPU"
        else:
            because = f"the kernel names no target for the GPU at KFD node {gpu.node}"
        return override.stand_idle(because, gpu.target if gpu else None, self.environment)

    def says_yes(self, name: str) -> bool:
        """Whether a setting is on."""
        return self.environment.get(name, "").lower() in ("1", "on", "true", "yes")

    # What may be trusted ------------------------------------------------------------------------------------------

    def obstacle(self, library: Library, *, ask: bool = True) -> Obstacle | None:
        """Why the GPU is out of the question for `library` before any probe, or None."""
        return find_obstacle(self, library, ask=ask)

    def proof(self, library: Library, *, model: Path | None = None, fresh: bool = False) -> Verdict:
        """Whether engines of `library` may use the GPU. The first call may take two minutes; `fresh` probes anew.

        `model` is the folder of a Whisper model, which CTranslate2 needs on an AMD GPU: without one it stays unproved.
        """
        with self._proving:
            if library in self._verdicts and not fresh:
                return self._verdicts[library]
            obstacle = self.obstacle(library)
            if obstacle is not None:
                verdict = Verdict(library, False, "absent", obstacle.reason)
            else:
                verdict = self._probe(library, model, fresh)
                if model is None and verdict.outcome == "absent":
                    return verdict  # a later call may bring the model that was missing
            self._verdicts[library] = verdict
            return verdict

    def known_proof(self, library: Library) -> Verdict | None:
        """The same without starting anything: None when it would take a probe to know."""
        verdict = self._verdicts.get(library)
        if verdict is not None:
            return verdict
        obstacle = self.obstacle(library, ask=False)
        if obstacle is not None:
            return Verdict(library, False, "absent", obstacle.reason)
        if self.torch is not None and self.torch.vendor == "amd" and self.targets(ask=False) is None:
            return None
        return VerdictStore(self.state).load(library, self._key(library))

    def _probe(self, library: Library, model: Path | None, fresh: bool) -> Verdict:
        key, store = self._key(library), VerdictStore(self.state)
        kept = None if fresh else store.load(library, key)
        if kept is not None:
            return kept
        changes = self._gpu_environment()
        tuning.prepare_caches(changes)
        verdict = self.tools.run_probe(library, self._child_environment(changes), model)
        if verdict.ok and library == "ctranslate2" and self.vendor == "amd" and model is None:
            # Copies prove little: on HIP, CTranslate2 has lost most of a text without an error (CTranslate2#2090).
            reason = f"{verdict.reason}, but it has lost text on AMD GPUs, and no model was at hand to prove this one"
            verdict = replace(verdict, ok=False, outcome="absent", reason=reason)
        store.save(key, verdict)
        return verdict

    def _key(self, library: Library) -> dict[str, str]:
        """Everything that a verdict depends on."""
        gpus = [f"{gpu.node}:{gpu.target}:{gpu.pci_device:04x}" for gpu in self.topology.gpus]
        return {
            "library": f"{library} {self.tools.library_version(library)}",
            "torch": self.torch.stamp if self.torch else "",
            "hip": (self.torch.hip or "") if self.torch else "",
            "kernel": self.kernel_release or "",
            "boot": self.boot or "",
            "gpus": " ".join([*gpus, *self.topology.nvidia]),
            "visible": self.visibility.key,
            "override": " ".join(
                f"{name}={value}" for name, value in sorted(self.environment.items()) if name.startswith(override.PLAIN)
            ),
            "changes": probe.digest(self._gpu_environment()),
        }

    def _child_environment(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        """What a worker would run in: this process's environment (PATH and the like), the operator's, the changes."""
        environment = dict(os.environ) | dict(self.environment) | {name: value or "" for name, value in changes.items()}
        return {name: value for name, value in environment.items() if changes.get(name, "") is not None}

    # What a worker gets -------------------------------------------------------------------------------------------

    def worker_environment(self, engine: str, device: Device) -> dict[str, str | None]:
        """Changes to the environment of a worker of `engine` on `device`; None takes a variable out."""
        del engine  # every engine gets the same today; the argument keeps the door open for one that must not
        changes: dict[str, str | None] = {}
        if device.kind == "gpu":
            changes = self._gpu_environment()
            tuning.prepare_caches(changes)
        elif self.vendor is not None:
            # A worker on the CPU must not open the GPU at all: an unproved one can hang it.
            changes = {"HIP_VISIBLE_DEVICES": "-1", "CUDA_VISIBLE_DEVICES": "-1"}
        if tuning.WAITING.name not in self.environment:
            changes[tuning.WAITING.name] = tuning.WAITING.value
        return changes

    def _gpu_environment(self) -> dict[str, str | None]:
        if self.vendor != "amd":
            return {}
        gpu = self.gpu(ask=True)
        changes: dict[str, str | None] = {}
        decided = self.override()
        if decided is not None:
            changes |= dict.fromkeys(decided.unset)
            changes |= decided.set
        changes |= tuning.tune(gpu.target if gpu else None, self.state.absolute(), self.environment)
        if tuning.ALLOCATOR.name not in self.environment:
            changes[tuning.ALLOCATOR.name] = tuning.ALLOCATOR.value
        if gpu is not None and len(self.topology.gpus) > 1 and not self.visibility.named:
            changes["HIP_VISIBLE_DEVICES"] = str(self.topology.gpus.index(gpu))
        return changes

    def budget(self, kind: str) -> Budget:
        """Bytes that all engines together may take on "cpu" or "gpu".

        Measured now, and the most that was ever measured counts: what our own engines hold must not shrink it, or a
        model would be moved off its device for being loaded.
        """
        now = memory.read_memory(self.memory_root)
        if kind == "gpu":
            verdict = self._verdicts.get("torch") or self._verdicts.get("ctranslate2")
            found = memory.gpu_budget(
                self.gpu() if self.vendor == "amd" else None, now, verdict.free if verdict else None
            )
        else:
            found = memory.cpu_budget(now)
        with self._measuring:
            self._most[kind] = max(found, self._most.get(kind, found), key=lambda budget: budget.bytes)
            return self._most[kind]


def survey(
    root: Path = Path("/"),
    *,
    state: Path,
    environment: Mapping[str, str],
    identity: Identity | None = None,
    tools: Tools | None = None,
) -> Machine:
    """Look at the machine below `root`, which stands for "/". Milliseconds; starts nothing, raises nothing.

    A tree without `proc/` says something about GPUs only: processor and memory are then this machine's own, or engines
    would be placed as if there were neither.
    """
    tools = tools or Tools()
    own = root if (root / "proc").is_dir() else Path("/")
    return Machine(
        root=root,
        state=state,
        environment=dict(environment),
        topology=read_topology(root, identity),
        processor=read_processor(own),
        memory=memory.read_memory(own),
        kernel_release=sysfs.read_line(root / "proc/sys/kernel/osrelease"),
        boot=sysfs.read_line(root / "proc/sys/kernel/random/boot_id"),
        torch=tools.find_torch(),
        tools=tools,
        memory_root=own,
    )
