"""What the operator decides, as one value that has been checked. Nothing is read here: that is ``environment.py``.

Every field is one variable: ``max_pixels`` is ``TAWNY_MAX_PIXELS``; a mapping by engine is one for each engine, such as
``TAWNY_PARSER_DEVICE``, so a new engine has its settings at once. The sentence under a field explains its variable.

    settings = Settings(port=0, require_gpu=True)
    app = create_app(settings)
"""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from api.keys import read_keys
from inference.settings import ROOT
from inference.settings import Settings as InferenceSettings

PREFIX = "TAWNY_"
ENGINES = tuple(tomllib.loads((ROOT / "models" / "manifest.toml").read_text(encoding="utf-8"))["preferences"])
"""The engines' names. Read from the catalogue because the doctor asks before the engines' packages are installed."""
DEVICES = ("auto", "gpu", "cpu")
WORK = ("edit", "plan", "chat", "transcription", "speech", "load")
"""The kinds of work that have a deadline, ``TAWNY_EDIT_SECONDS`` and so on."""


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
    api_keys_file: str = ""
    """A file with a key's name and hash per line, one for each client; ``./scripts/keys add NAME`` writes it."""
    allowed_hosts: tuple[str, ...] = ()
    """Further names under which clients may address this server, such as ``box.lan``."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may use this server from a browser, such as ``https://chat.lan``."""

    models: Path = ROOT / "models" / "store"
    """Where fetched weights live."""
    state: Path = ROOT / "state"
    """Where what must survive a restart lives: probe verdicts, kernel caches."""
    preferences: Mapping[str, tuple[str, ...]] = field(default_factory=dict, metadata={"of_engine": ""})
    """Models of this engine, best first; the first that has been fetched serves."""

    device: str = "auto"
    """Where engines run: auto, gpu or cpu."""
    devices: Mapping[str, str] = field(default_factory=dict, metadata={"of_engine": "_device"})
    """Where this engine alone runs: auto, gpu or cpu."""
    require_gpu: bool = False
    """Whether to answer 503 instead of falling back to the CPU, for every request."""
    sysfs_root: Path = Path("/")
    """A folder that stands for ``/`` when the machine is surveyed; holds ``sys/`` and ``dev/``."""
    memory_bytes: int = 0
    """Budget for all loaded models together. 0: what the machine has."""
    idle_seconds: float = 900.0
    """An engine that nobody used for so long is unloaded. 0: at once. Below 0: never."""
    idle: Mapping[str, float] = field(default_factory=dict, metadata={"of_engine": "_idle_seconds"})
    """After so many idle seconds this engine is unloaded. 0: at once. Below 0: never."""
    pinned: tuple[str, ...] = ()
    """Engines that are never unloaded to make room for others, such as ``parser,transcriber``."""
    patience: Mapping[str, float] = field(default_factory=dict, metadata={"of_engine": "_patience_seconds"})
    """After so many seconds without a sign of life the worker of this engine is ended and its work fails."""
    gpu_deaths: int = 2
    """After so many deaths of an engine on the GPU it moves to the CPU until the next start."""

    queue_length: int = 32
    """So many requests may wait for one engine; the next is refused as busy."""
    job_limit: int = 256
    """So many requests may wait or run in all; the next is refused as busy."""
    held_bytes: int = 4 << 30
    """So many bytes of decoded pictures and sounds may wait or be worked on; the next is refused as busy. 0: any."""
    edit_seconds: float = 1800.0
    """An edit that takes longer is stopped; waiting counts. 0: never."""
    plan_seconds: float = 300.0
    """The same for a command that is only planned."""
    chat_seconds: float = 600.0
    """The same for a turn of a conversation."""
    transcription_seconds: float = 7200.0
    """The same for sound that is written down."""
    speech_seconds: float = 1800.0
    """The same for text that is spoken."""
    load_seconds: float = 1200.0
    """The same for a model that is loaded on request."""
    max_connections: int = 512
    """So many connections may be open; the next is answered 503 and closed."""
    max_header_bytes: int = 32 * 1024
    """Largest head of a request in bytes: its first line and all headers."""
    header_seconds: float = 15.0
    """A head that is not whole after so many seconds ends its connection."""
    body_seconds: float = 30.0
    """A body that for so long brings less than 256 bytes a second is refused; whole, it may take any time."""
    answer_seconds: float = 60.0
    """A client that for so long takes less of its waiting answer than 4096 bytes a second is cut."""
    keep_job_seconds: float = 86_400.0
    """A finished job and its pictures are kept for so long."""
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
    wyoming_announce: bool = False
    """Whether to tell the local network of these ports (multicast DNS), so that Home Assistant finds them by itself."""
    grace_seconds: float = 20.0
    """At a shutdown, running requests get so long to finish."""
    log_level: str = "info"
    """debug, info, warning or error."""
    log_words: bool = False
    """Whether commands and texts may stand in the log. No picture and no sound ever does."""

    environment: Mapping[str, str] = field(default_factory=dict, repr=False, metadata={"variable": False})
    """The variables of the GPU's libraries, as the operator has set them; see ``environment.py``. Not one variable."""

    def __post_init__(self) -> None:
        wishes = {f"{engine}_device": wish for engine, wish in self.devices.items()}
        for name, value in {"device": self.device, **wishes}.items():
            if value not in DEVICES:
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
            "max_connections",
            "max_header_bytes",
            "header_seconds",
            "body_seconds",
            "answer_seconds",
            "keep_job_seconds",
        ):
            if getattr(self, name) <= 0:
                raise SettingsError(f"{variable(name)} must be above 0")
        for engine, seconds in self.patience.items():
            if seconds <= 0:
                raise SettingsError(f"{variable(engine + '_patience_seconds')} must be above 0")
        for name in (
            "memory_bytes",
            "held_bytes",
            "gpu_deaths",
            "grace_seconds",
            *(f"{kind}_seconds" for kind in WORK),
        ):
            if getattr(self, name) < 0:
                raise SettingsError(f"{variable(name)} must not be negative")
        if strangers := set(self.pinned) - set(ENGINES):
            raise SettingsError(f"{variable('pinned')} knows {', '.join(ENGINES)}, not {', '.join(sorted(strangers))}")
        if not self.api_key.isascii() or self.api_key != self.api_key.strip():
            raise SettingsError(f"{variable('api_key')} must be plain ASCII without spaces around it")

        if self.wyoming_announce and _is_loopback(self.wyoming_host):
            raise SettingsError(
                f"{variable('wyoming_announce')} would send the network to ports that it cannot reach: set "
                f"{variable('wyoming_host')} to an address of this machine on that network as well"
            )
        if self.wyoming_announce and not self.wyoming_stt_port and not self.wyoming_tts_port:
            raise SettingsError(
                f"{variable('wyoming_announce')} has nothing to announce: set {variable('wyoming_stt_port')}, "
                f"{variable('wyoming_tts_port')} or both"
            )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        return _is_loopback(self.host)

    def check_exposure(self) -> None:
        """Raise `SettingsError` if the network could reach a server that asks for no key.

        `KeysUnreadableError` if the file of keys is none.
        """
        if self.api_keys_file:
            read_keys(Path(self.api_keys_file))
        if not self.loopback and not self.api_key and not self.api_keys_file:
            raise SettingsError(
                f"Refusing to listen on {self.host} without a key: anyone on the network could use this machine. "
                f"Set one, for instance with\n"
                f"    export TAWNY_API_KEY=\"$(python3 -c 'import secrets; print(secrets.token_urlsafe(32))')\"\n"
                f"or one for each client with ./scripts/keys add NAME and TAWNY_API_KEYS_FILE,\n"
                f"or stay on this machine with TAWNY_HOST=127.0.0.1"
            )

    def for_inference(self) -> InferenceSettings:
        """Return the part that the computing half needs."""
        return InferenceSettings(
            models=self.models,
            state=self.state,
            root=self.sysfs_root,
            device=self.device,
            devices=dict(self.devices),
            preferences=dict(self.preferences),
            environment=self.environment,
            idle_seconds=self.idle_seconds,
            idle=dict(self.idle),
            pinned=frozenset(self.pinned),
            gpu_deaths=self.gpu_deaths,
            queue_length=self.queue_length,
            job_limit=self.job_limit,
            held_bytes=self.held_bytes,
            memory_bytes=self.memory_bytes,
            patience=dict(self.patience),
            deadlines={kind: getattr(self, f"{kind}_seconds") for kind in WORK},
            log_words=self.log_words,
        )


def _is_loopback(host: str) -> bool:
    """Whether ``host`` is an address that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def variable(name: str) -> str:
    """Return the environment variable of the field ``name``."""
    return PREFIX + name.upper()
