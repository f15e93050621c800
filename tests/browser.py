"""Chromium for the tests of the page: start it, open the page in it, do what a person does.

It is Debian's ``chromium``, driven by playwright's client, which brings no browser. A page that a test opened must end
without an error in its console; what a test provokes on purpose it names.
"""

from __future__ import annotations

import base64
import importlib.util
import io
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Locator, expect, sync_playwright

PICTURES = Path(__file__).parent / "pictures"

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

FLAGS = (
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)

expect.set_options(timeout=20_000)


@contextmanager
def chromium(heard: Path) -> Iterator[Browser]:
    """Run Chromium; its microphone hears the WAV file ``heard`` over and over."""
    with sync_playwright() as playwright:
        flags = [*FLAGS, f"--use-file-for-fake-audio-capture={heard}"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            browser.close()


class Editor:
    """The page in a window of its own, with an empty storage."""

    def __init__(
        self, browser: Browser, url: str, *, expected: Sequence[str] = (), before: str = "", **options: Any
    ) -> None:
        """``expected`` names complaints that are meant; ``before`` is a script to run before the page's own."""
        self.url = url
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.context.set_default_timeout(20_000)
        self.context.add_init_script(before)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.expected = tuple(expected)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.goto(url)
        self.ready()

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(text in message.text for text in self.expected):
            self.complaints.append(message.text)

    def close(self) -> None:
        """Close the window; fail if the page complained."""
        self.context.close()
        assert self.complaints == []

    def ready(self) -> None:
        """Wait until the page has read its storage."""
        expect(self.page.locator("html[data-ready=true]")).to_have_count(1)

    def get(self, selector: str) -> Locator:
        """Find by CSS."""
        return self.page.locator(selector)

    def choose(self, *names: str) -> None:
        """Choose pictures of the tests as files; one is opened, several are shown as a grid."""
        self.page.set_input_files("#file-input", [str(PICTURES / f"{name}.jpg") for name in names])
        expect(self.get("#canvas[data-version]" if len(names) == 1 else ".picture-card")).to_have_count(len(names))

    def drop(self, name: str, media_type: str, data: bytes) -> None:
        """Drop a file onto the page."""
        self._bring("drop", name, media_type, data)

    def paste(self, name: str, media_type: str, data: bytes) -> None:
        """Paste a file."""
        self._bring("paste", name, media_type, data)

    def _bring(self, kind: str, name: str, media_type: str, data: bytes) -> None:
        self.page.evaluate(
            """([kind, name, type, text]) => {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], name, { type }));
                const event = kind === 'drop'
                  ? new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
                  : new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true, cancelable: true });
                document.body.dispatchEvent(event);
            }""",
            [kind, name, media_type, base64.b64encode(data).decode()],
        )

    def say(self, command: str) -> None:
        """Type a command and press Enter."""
        self.get("#command").fill(command)
        self.get("#command").press("Enter")

    def idle(self) -> None:
        """Wait until nothing is under way."""
        expect(self.get("#go-label")).to_have_text("Do it")

    def expect_versions(self, count: int, *, current: int) -> None:
        """Expect so many versions, of which the one with this number (from 0) is shown."""
        buttons = self.get("#filmstrip button")
        expect(buttons).to_have_count(count)
        expect(buttons.nth(current)).to_have_attribute("aria-current", "true")

    def expect_size(self, width: int, height: int) -> None:
        """Expect the open picture to have this size."""
        expect(self.get("#picture-name")).to_contain_text(f"{width} × {height}")

    def picture(self) -> NDArray[np.uint8]:
        """Download the open picture; return its pixels, shape (height, width, 3)."""
        with self.page.expect_download() as download:
            self.get("#download").click()
        data = download.value.path().read_bytes()
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return where on the screen a pixel of the fitted, unzoomed picture is; both from 0 to 1."""
        box = self.get("#canvas").bounding_box()
        assert box is not None
        label = self.get("#picture-name").text_content() or ""
        width, height = (int(part) for part in label.rsplit("·", 1)[1].split("×"))
        margin = min(24.0, box["width"] / 20)
        scale = min((box["width"] - 2 * margin) / width, (box["height"] - 2 * margin) / height, 2.0)
        return (
            box["x"] + box["width"] / 2 + (x - 0.5) * width * scale,
            box["y"] + box["height"] / 2 + (y - 0.5) * height * scale,
        )

    def drag(self, *points: tuple[float, float]) -> None:
        """Draw a line through points of the picture, from 0 to 1."""
        mouse = self.page.mouse
        mouse.move(*self.point(*points[0]))
        mouse.down()
        for point in points[1:]:
            mouse.move(*self.point(*point), steps=6)
        mouse.up()

    def paint_rectangle(self, left: float, top: float, right: float, bottom: float) -> None:
        """Paint a rectangle of the mask and put the tools away."""
        self.get("#mask-button").click()
        self.page.get_by_role("button", name="Rectangle").click()
        self.drag((left, top), (right, bottom))
        expect(self.get("#only-here")).to_be_visible()
        self.get("#mask-done").click()

    def color_at(self, x: float, y: float) -> list[int]:
        """Return red, green and blue of what the stage shows there."""
        box = self.get("#canvas").bounding_box()
        assert box is not None
        across, down = self.point(x, y)
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        found: list[int] = self.page.evaluate(
            """([x, y]) => {
                const canvas = document.getElementById('canvas');
                const ratio = canvas.width / canvas.clientWidth;
                return [...canvas.getContext('2d').getImageData(x * ratio, y * ratio, 1, 1).data].slice(0, 3);
            }""",
            [across - box["x"], down - box["y"]],
        )
        return found

    def faults(self) -> list[str]:
        """Return what axe-core finds serious or critical, as lines."""
        spec = importlib.util.find_spec("axe_playwright_python")
        assert spec is not None and spec.origin is not None
        self.page.evaluate(Path(spec.origin).with_name("axe.min.js").read_text())
        found = self.page.evaluate("async () => (await axe.run({ resultTypes: ['violations'] })).violations")
        return [
            f"{fault['id']}: {node['html']} {node['failureSummary']}"
            for fault in found
            if fault["impact"] in ("serious", "critical")
            for node in fault["nodes"]
        ]
