"""What a kept job carries in the state folder: the files it came with and the pictures it made.

    luggage = Luggage(settings.state / "jobs")
    await luggage.pack("job_1", form)          # an EditForm -> plain fields for the book, files beside it
    form = luggage.unpack("job_1", fields)     # and back, after any number of restarts

A file is whole or not there. Names come from us alone: no name that a client has sent reaches the disk.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from fastapi import UploadFile
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from api.deps import the_only
from api.forms import EditForm
from inference.errors import DiskFull
from inference.writing import settle_folder, write_whole

FILES = ("image", "mask", "audio")


class Luggage:
    """A folder per job."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def read(self, form: EditForm) -> tuple[dict[str, Any], dict[str, bytes], str]:
        """Return the fields of a form as plain values, its files, and a digest that tells it from any other."""
        image = the_only([*(form.image or ()), *(form.images or ())], "image")
        uploads = {"image": image, "mask": form.mask, "audio": form.audio}
        plain = {item.name: getattr(form, item.name) for item in fields(form)}
        for name in ("image", "images", "mask", "audio"):
            del plain[name]
        files: dict[str, bytes] = {}
        for name, upload in uploads.items():
            if upload is not None:
                await upload.seek(0)
                files[name] = await upload.read()
                plain[f"{name}_type"] = upload.content_type
                await upload.seek(0)
        digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode())
        for name, data in files.items():
            digest.update(name.encode() + hashlib.sha256(data).digest())
        return plain, files, digest.hexdigest()

    async def pack(self, job: str, files: Mapping[str, bytes]) -> None:
        """Keep the files of a job. Raises `DiskFull` and leaves nothing behind."""

        def write() -> None:
            try:
                with honest_disk():
                    self._folder.mkdir(parents=True, exist_ok=True)
                    (self._folder / job).mkdir()
                    for name, data in files.items():
                        write_whole(self._folder / job / name, data, 0o600)
                    settle_folder(self._folder)
            except BaseException:
                self.drop(job)
                raise

        await run_in_threadpool(write)

    def unpack(self, job: str, plain: Mapping[str, Any]) -> EditForm:
        """Return the form again, its files open; the reverse of `read` and `pack`."""
        known = {item.name for item in fields(EditForm)}
        form = EditForm(**{name: value for name, value in plain.items() if name in known})
        uploads: dict[str, Any] = {}
        for name in FILES:
            if f"{name}_type" in plain:
                path = self._folder / job / name
                headers = Headers({"content-type": plain[f"{name}_type"] or ""})
                size = path.stat().st_size
                uploads[name] = UploadFile(path.open("rb"), size=size, filename=name, headers=headers)
        uploads["image"] = [uploads["image"]]
        return replace(form, **uploads)

    async def keep(self, job: str, number: int, picture: bytes) -> None:
        """Keep a picture that the job has made. Raises `DiskFull`."""

        def write() -> None:
            with honest_disk():
                write_whole(self._folder / job / f"picture-{number}", picture, 0o600)

        await run_in_threadpool(write)

    async def picture(self, job: str, number: int) -> bytes:
        """Return a picture that was kept."""
        return await run_in_threadpool((self._folder / job / f"picture-{number}").read_bytes)

    def drop(self, job: str) -> None:
        """Forget everything of a job."""
        shutil.rmtree(self._folder / job, ignore_errors=True)

    def names(self) -> set[str]:
        """Return the jobs that have a folder."""
        return {path.name for path in self._folder.iterdir()} if self._folder.is_dir() else set()


def close_form(form: EditForm) -> None:
    """Close the files of a form that `Luggage.unpack` opened."""
    for upload in (*(form.image or ()), form.mask, form.audio):
        if upload is not None:
            upload.file.close()


@contextmanager
def honest_disk() -> Iterator[None]:
    """Turn a disk that is full or read-only into the error that says so."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise DiskFull(f"Jobs cannot be kept in TAWNY_STATE: {error.strerror}. Make room there") from error
        raise
