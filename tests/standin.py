"""``python -m tests.standin``: the whole gateway as a process, with real worker processes and fake engines in them.

For tests that kill things. The engines answer at once, except that the inpainter steps for as long as a file called
``hold`` lies in the state folder, and writes ``hung`` there and never steps again if there is one called ``hang``.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

import api.app
from api.__main__ import main
from inference.engine import Engine, Verb
from inference.engines import Inpainter
from inference.events import Step
from inference.host import LocalHost, Worker
from inference.runtime import Runtime
from inference.settings import Settings
from tests.fakes import FAKES, FakeInpainter, make_models
from tests.machinery import empty_machine


class HeldInpainter(FakeInpainter):
    """Steps as long as the test wants."""

    patience = 3.0

    def inpaint(self, image: Image.Image, mask: Image.Image, prompt: str, **options: Any) -> Verb[Image.Image]:
        """Yield a step every few milliseconds while held, then do what the fake does."""
        folder = Path(os.environ["TAWNY_STATE"])
        (folder / "painting").write_text(str(os.getpid()))
        step = 0
        while (folder / "hold").exists():
            step += 1
            yield Step(step, step + 1)
            if (folder / "hang").exists():
                threading.Event().wait()
            time.sleep(0.005)
        return (yield from super().inpaint(image, mask, prompt, **options))


class FakeProcesses(LocalHost):
    """Starts a fake in the place of each engine."""

    def start(self, engine: type[Engine], environment: Mapping[str, str | None]) -> Worker:
        """Start the fake's process."""
        return super().start(HeldInpainter if engine is Inpainter else FAKES[engine], environment)


def make_runtime(settings: Settings) -> Runtime:
    """Return a runtime with fakes, whose models lie in ``settings.models``."""
    manifest = settings.models / "manifest.toml"
    if not manifest.exists():
        settings.models.mkdir(parents=True, exist_ok=True)
        assert make_models(settings.models.parent) == manifest, "the folder is called models"
    patience = {Inpainter.name: HeldInpainter.patience}
    return Runtime(
        replace(settings, manifest=manifest, patience=patience), FakeProcesses(), empty_machine(settings.state)
    )


if __name__ == "__main__":
    from tests import standin  # under its own name, by which a worker's process imports the fakes

    setattr(api.app, "Runtime", standin.make_runtime)  # noqa: B010 - the app takes whatever goes by that name
    sys.exit(main())
