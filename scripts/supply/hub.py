"""Models on a hub that speaks the Hugging Face protocol (``HF_ENDPOINT`` names another one, ``HF_TOKEN`` a token).

Names, sizes and hashes come from `huggingface_hub`. The bytes are streamed here, through its session: since version
2 its own download drops what had arrived when a process ends, and these files are gigabytes. What arrived stays in
``bench/parts`` under the name of its hash, and the next run asks for the rest.

Every file is verified: large ones by the SHA-256 that the hub keeps for them, small ones by their git blob id.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from inference.catalogue import HubSource
from inference.weights import hash_file
from scripts.supply.failures import SourceError, WrongHashError
from scripts.supply.progress import Progress
from scripts.supply.shelf import Kept

ATTEMPTS = 5
"""So many failures in a row without a new byte, and the download gives up."""
TIMEOUT = 30.0
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Remote:
    """One file on the hub: its ``name`` there, its ``path`` here. ``sha256`` is None for small files."""

    name: str
    path: str
    bytes: int
    blob_id: str
    sha256: str | None


def fetch(
    source: HubSource,
    bench: Path,
    files: Path,
    progress: Progress,
    *,
    offline: bool,
    pause: Callable[[float], None],
) -> tuple[list[Kept], str]:
    """Bring the source's files into ``files``; return what was put there and the commit it came from."""
    if offline:
        raise SourceError(f"{source.repo} is on a hub and --offline forbids to ask it. Use --import.")
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        commit, remotes = list_files(source)
        kept = [_fetch_file(source, commit, remote, bench, files, progress, pause) for remote in remotes]
    except (HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, httpx2.HTTPError) as error:
        first = str(error).strip().splitlines() or [type(error).__name__]
        raise SourceError(f"The hub did not deliver {source.repo}: {first[0]}. What arrived is kept.") from error
    return kept, commit


def describe(source: HubSource, commit: str) -> str:
    """Return what a receipt says of where its files came from."""
    return f"hub {source.repo} at {commit}"


def keep_commit(source: HubSource, told: str) -> HubSource:
    """Return ``source`` at the commit that a receipt tells of, if the source itself names none ("main").

    What is mended must be what was there, not what the hub serves by now.
    """
    commit = told.removeprefix(describe(source, ""))
    if COMMIT.fullmatch(source.revision) or not COMMIT.fullmatch(commit):
        return source
    return replace(source, revision=commit)


def list_files(source: HubSource) -> tuple[str, list[Remote]]:
    """Ask the hub which commit the revision is and which of its files the source means."""
    from huggingface_hub import HfApi

    api: Any = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
    pinned = COMMIT.fullmatch(source.revision)
    commit = source.revision if pinned else str(api.model_info(source.repo, revision=source.revision).sha)
    tree = api.list_repo_tree(source.repo, path_in_repo=source.folder or None, recursive=True, revision=commit)
    remotes = []
    missing = {pattern for pattern in source.files if not any(c in pattern for c in "*?[")}
    for entry in tree:
        blob_id = getattr(entry, "blob_id", None)
        inner = entry.path.removeprefix(f"{source.folder}/") if source.folder else entry.path
        if blob_id is None or not any(fnmatchcase(inner, pattern) for pattern in source.files):
            continue
        missing.discard(inner)
        lfs = entry.lfs
        path = drop_variant(inner, source.variant)
        remotes.append(
            Remote(entry.path, path, int(entry.size), str(blob_id), None if lfs is None else str(lfs.sha256))
        )
    if missing or not remotes:
        raise SourceError(f"{source.repo} at {commit} has no {', '.join(sorted(missing)) or 'file of this model'}.")
    return commit, remotes


def drop_variant(path: str, variant: str) -> str:
    """Return the name under which a file is kept: ``x.fp16.safetensors`` of variant ``fp16`` is ``x.safetensors``."""
    return path.replace(f".{variant}.", ".") if variant else path


def _fetch_file(
    source: HubSource,
    commit: str,
    remote: Remote,
    bench: Path,
    files: Path,
    progress: Progress,
    pause: Callable[[float], None],
) -> Kept:
    from huggingface_hub import hf_hub_url

    target = files / remote.path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not (target.is_file() and _differs(target, remote) is None):
        part = bench / "parts" / (remote.sha256 or remote.blob_id)
        part.parent.mkdir(exist_ok=True)
        url = hf_hub_url(source.repo, remote.name, revision=commit, endpoint=os.environ.get("HF_ENDPOINT") or None)
        there = part.stat().st_size if part.exists() else 0
        with progress.measure(remote.path, remote.bytes, there) as count:
            download(url, part, remote.bytes, count, pause)
        if (difference := _differs(part, remote)) is not None:
            part.unlink()
            raise WrongHashError(f"{source.repo} at {commit}", remote.name, *difference)
        part.rename(target)
    return Kept(remote.path, remote.bytes, remote.sha256 or hash_file(target), "hub")


def download(url: str, part: Path, size: int, count: Callable[[int], None], pause: Callable[[float], None]) -> None:
    """Append to ``part`` what it lacks of the ``size`` bytes at ``url``; a cut connection is taken up again.

    ``pause(seconds)`` waits before that.
    """
    import httpx2
    from huggingface_hub import get_session
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

    session: Any = get_session()
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
    failures = 0
    part.touch()
    while (there := part.stat().st_size) != size:
        if there > size:
            os.truncate(part, 0)
            continue
        asked = {**headers, "Range": f"bytes={there}-"} if there else headers
        reason = "the connection ended early"
        try:
            # Redirects to a content network are followed by the session, which keeps the token from other hosts.
            with session.stream("GET", url, headers=asked, timeout=TIMEOUT) as response:
                hf_raise_for_status(response)
                if there and response.status_code != 206:
                    os.truncate(part, 0)
                with part.open("ab") as out:
                    for piece in response.iter_raw():  # as it arrives: what is buffered is lost with the connection
                        out.write(piece)
                        count(len(piece))
        except httpx2.TransportError as error:
            reason = str(error) or type(error).__name__
        failures = 0 if part.stat().st_size > there else failures + 1
        if failures >= ATTEMPTS:
            raise SourceError(f"{url} stopped after {part.stat().st_size} of {size} bytes: {reason}. It is kept.")
        if part.stat().st_size != size:
            pause(min(2.0**failures, 30.0))


def _differs(path: Path, remote: Remote) -> tuple[str, str] | None:
    """Return (expected, got) if the file is not the one on the hub."""
    if remote.sha256 is not None:
        got = hash_file(path)
        return None if got == remote.sha256 else (remote.sha256, got)
    content = path.read_bytes()
    got = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    return None if got == remote.blob_id else (f"git blob {remote.blob_id}", f"git blob {got}")
