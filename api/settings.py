"""What the operator decides, from ``TAWNY_...`` variables. The only file of the project that reads the environment.

    settings = read()
    app = create_app(settings)

Every field is one variable: ``max_pixels`` is ``TAWNY_MAX_PIXELS``. Lists are separated by commas. A value that
cannot be read is a `SettingsError` whose message names the variable; a name that nobody knows is only a warning.
"""

from __future__ import annotations

import ast
import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, get_type_hints

from inference.settings import ROOT
from inference.settings import Settings as InferenceSettings

PREFIX = "TAWNY_"
ENGINES = ("inpainter", "parser", "transcriber", "speaker")
DEVICES = ("auto", "gpu", "cpu")
GPU_PREFIXES = (
    "HSA_", "HIP_", "ROCR_", "ROCM_", "CUDA_", "AMD_", "MIOPEN_", "TORCH_", "PYTORCH_", "CT2_",
    "TAWNY_TUNING", "TAWNY_KERNEL_CHECK", "TAWNY_KEEP_HSA_OVERRIDE",
)  # fmt: skip
"""What the survey of the machine may see of the environment."""

OTHERS = frozenset(
    {
        "TAWNY_TUNING",
        "TAWNY_KERNEL_CHECK",
        "TAWNY_KEEP_HSA_OVERRIDE",
        "TAWNY_TORCH",
        "TAWNY_TORCH_SPEC",
        "TAWNY_TORCH_INDEX",
    }
)
"""Names that mean something to the survey or to the scripts, so no typing mistakes."""


class SettingsError(ValueError):
    """A variable holds what it cannot mean, or two settings contradict each other."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can decide. The defaults serve one person on one machine."""

    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback needs a key."""
    port: int = 8000
    """Port to listen on; 0 takes a free one."""
    api_key: str = field(default="", repr=False)
    """What clients must send as ``Authorization: Bearer``. Empty: no key is asked for."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names under which clients may address this server, such as ``box.lan``."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may use this server from a browser, such as ``https://chat.lan``."""

    models: Path = ROOT / "models" / "store"
    """Where fetched weights live."""
    state: Path = ROOT / "state"
    """Where what must survive a restart lives: probe verdicts, kernel caches."""
    inpainter: tuple[str, ...] = ()
    """Models that paint, best first; the first that has been fetched serves."""
    parser: tuple[str, ...] = ()
    """Models that turn a command into operations, best first."""
    transcriber: tuple[str, ...] = ()
    """Models that hear, best first."""
    speaker: tuple[str, ...] = ()
    """Voices, best first."""

    device: str = "auto"
    """Where engines run: auto, gpu or cpu."""
    inpainter_device: str = ""
    """The same for the inpainter alone."""
    parser_device: str = ""
    """The same for the parser alone."""
    transcriber_device: str = ""
    """The same for the transcriber alone."""
    speaker_device: str = ""
    """The same for the speaker alone."""
    require_gpu: bool = False
    """Whether to answer 503 instead of falling back to the CPU, for every request."""
    sysfs_root: Path = Path("/")
    """A folder that stands for ``/`` when the machine is surveyed; holds ``sys/`` and ``dev/``."""
    memory_bytes: int = 0
    """Budget for all loaded models together. 0: what the machine has."""
    idle_seconds: float = 900.0
    """An engine that nobody used for so long is unloaded. 0: at once. Below 0: never."""
    inpainter_idle_seconds: float | None = None
    """The same for the inpainter alone."""
    parser_idle_seconds: float | None = None
    """The same for the parser alone."""
    transcriber_idle_seconds: float | None = None
    """The same for the transcriber alone."""
    speaker_idle_seconds: float | None = None
    """The same for the speaker alone."""
    pinned: tuple[str, ...] = ()
    """Engines that are never unloaded to make room for others, such as ``parser,transcriber``."""
    gpu_deaths: int = 2
    """After so many deaths of an engine on the GPU it moves to the CPU until the next start."""

    queue_length: int = 32
    """So many requests may wait for one engine; the next is refused as busy."""
    job_limit: int = 256
    """So many requests may wait or run in all; the next is refused as busy."""
    max_upload_bytes: int = 64 * 1024 * 1024
    """Largest request body in bytes."""
    max_pixels: int = 64_000_000
    """Largest picture in pixels, width times height."""
    max_audio_seconds: float = 7200.0
    """Longest sound in seconds."""
    max_prompt_characters: int = 4000
    """Longest command or prompt in characters."""
    wyoming_host: str = "127.0.0.1"
    """Address of the Wyoming ports. The protocol knows no keys: whoever reaches them may hear and speak with them."""
    wyoming_stt_port: int = 0
    """Port on which Home Assistant may have speech written down, by custom 10300. 0: none."""
    wyoming_tts_port: int = 0
    """Port on which Home Assistant may have text spoken, by custom 10200. 0: none."""
    grace_seconds: float = 20.0
    """At a shutdown, running requests get so long to finish."""
    log_level: str = "info"
    """debug, info, warning or error."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False, metadata={"variable": False})
    """The variables of the GPU's libraries, as the operator has set them; see `GPU_PREFIXES`. Not one variable."""

    def __post_init__(self) -> None:
        for name in ("device", *(f"{engine}_device" for engine in ENGINES)):
            value = getattr(self, name)
            if value not in DEVICES and not (value == "" and name != "device"):
                raise SettingsError(f"{variable(name)} must be auto, gpu or cpu, not {value!r}")
        for name in ("port", "wyoming_stt_port", "wyoming_tts_port"):
            if not 0 <= getattr(self, name) <= 65535:
                raise SettingsError(f"{variable(name)} must be between 0 and 65535, not {getattr(self, name)}")
        if self.log_level not in ("debug", "info", "warning", "error"):
            raise SettingsError(f"{variable('log_level')} must be debug, info, warning or error")
        for name in (
            "queue_length",
            "job_limit",
            "max_upload_bytes",
            "max_pixels",
            "max_audio_seconds",
            "max_prompt_characters",
        ):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{variable(name)} must be above 0")
        for name in ("memory_bytes", "gpu_deaths", "grace_seconds"):
            if getattr(self, name) < 0:
                raise SettingsError(f"{variable(name)} must not be negative")
        if strangers := set(self.pinned) - set(ENGINES):
            raise SettingsError(f"{variable('pinned')} knows {', '.join(ENGINES)}, not {', '.join(sorted(strangers))}")
        if not self.api_key.isascii() or self.api_key != self.api_key.strip():
            raise SettingsError(f"{variable('api_key')} must be plain ASCII without spaces around it")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    def check_exposure(self) -> None:
        """Raise `SettingsError` if the network could reach a server that asks for no key."""
        if not self.loopback and not self.api_key:
            raise SettingsError(
                f"Refusing to listen on {self.host} without a key: anyone on the network could use this machine. "
                f"Set one, for instance with\n"
                f"    export TAWNY_API_KEY=\"$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')\"\n"
                f"or stay on this machine with TAWNY_HOST=127.0.0.1"
            )

    def for_inference(self) -> InferenceSettings:
        """Return the part that the computing half needs."""
        wishes = {engine: getattr(self, f"{engine}_device") for engine in ENGINES}
        models = {engine: getattr(self, engine) for engine in ENGINES}
        idle = {engine: getattr(self, f"{engine}_idle_seconds") for engine in ENGINES}
        return InferenceSettings(
            models=self.models,
            state=self.state,
            root=self.sysfs_root,
            device=self.device,
            devices={engine: wish for engine, wish in wishes.items() if wish},
            preferences={engine: names for engine, names in models.items() if names},
            environment=self.environment,
            idle_seconds=self.idle_seconds,
            idle={engine: seconds for engine, seconds in idle.items() if seconds is not None},
            pinned=frozenset(self.pinned),
            gpu_deaths=self.gpu_deaths,
            queue_length=self.queue_length,
            job_limit=self.job_limit,
            memory_bytes=self.memory_bytes,
        )


def variable(name: str) -> str:
    """Return the environment variable of the field ``name``."""
    return PREFIX + name.upper()


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that ``environ`` holds, by default this process's own; an empty value counts as unset.

    Raises `SettingsError`.
    """
    environ = os.environ if environ is None else environ
    kinds = get_type_hints(Settings)
    values: dict[str, Any] = {"environment": {k: v for k, v in environ.items() if k.startswith(GPU_PREFIXES)}}
    for item in _variables():
        text = environ.get(variable(item.name), "").strip()
        if not text:
            continue
        reader, expected = _READERS[kinds[item.name]]
        try:
            values[item.name] = reader(text)
        except (ValueError, KeyError):
            # The value itself may be a secret in the wrong variable, so it is not repeated.
            raise SettingsError(f"{variable(item.name)} must be {expected}") from None
    return Settings(**values)


def unknown(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return one sentence for each ``TAWNY_`` name that means nothing, with the nearest name that does."""
    environ = os.environ if environ is None else environ
    known = {variable(item.name) for item in _variables()} | OTHERS
    sentences = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known:
            continue
        near = get_close_matches(name, known, n=1, cutoff=0.0)
        sentences.append(f"{name} is no setting and is ignored; the nearest is {near[0]}")
    return sentences


def explain() -> list[tuple[str, str, str]]:
    """Return for each variable its name, its default and its sentence, as written under the field above."""
    tree = ast.parse(Path(__file__).read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings").body
    sentences = {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    return [(variable(item.name), _show(item.default), str(sentences[item.name])) for item in _variables()]


def _show(default: object) -> str:
    if isinstance(default, Path):
        return str(default.relative_to(ROOT)) if default.is_relative_to(ROOT) else str(default)
    return "" if default is None or default in ("", ()) else str(default)


def _variables() -> list[Field[Any]]:
    return [item for item in fields(Settings) if item.metadata.get("variable", True)]


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _finite(text: str) -> float:
    number = float(text)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


_TRUTHS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

_READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (_finite, "a number"),
    float | None: (_finite, "a number"),
    bool: (lambda text: _TRUTHS[text.lower()], "true or false"),
    Path: (_path, "a path"),
    tuple[str, ...]: (_names, "names separated by commas"),
}
