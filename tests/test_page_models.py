"""The page on the real small models, as a person with a photograph uses it: a real server, a real browser."""

from __future__ import annotations

import os
import signal
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, expect

from tests import browser
from tests.browser import PICTURES, Editor
from tests.processes import serving

pytestmark = [pytest.mark.models, pytest.mark.timeout(300)]

ROOT = Path(__file__).parent.parent
VOICE = "en_US-joe-medium"
SPOKEN = "Rotate the picture to the right."
WHILE = 60_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start ``python -m api`` as a process of its own and wait until it answers."""
    with serving(tmp_path_factory.mktemp("state")) as address:
        yield address


@pytest.fixture(scope="module")
def recording(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Have the real voice say a command, for the microphone to hear."""
    body = {"model": "tts-1", "voice": VOICE, "input": SPOKEN, "response_format": "wav"}
    answer = httpx.post(f"{url}/v1/audio/speech", json=body, timeout=120)
    assert answer.status_code == 200
    path = tmp_path_factory.mktemp("microphone") / "command.wav"
    path.write_bytes(answer.content)
    return path


@pytest.fixture(scope="module")
def chromium(recording: Path) -> Iterator[Browser]:
    """Chromium with a microphone that hears the recording once."""
    if browser.CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with browser.chromium(Path(f"{recording}%noloop")) as started:
        yield started


@pytest.fixture
def editor(chromium: Browser, url: str) -> Iterator[Editor]:
    """The page with an empty storage, given the time that real models take."""
    opened = Editor(chromium, url)
    opened.context.set_default_timeout(WHILE)
    expect.set_options(timeout=WHILE)
    yield opened
    expect.set_options(timeout=20_000)
    opened.close()


def chelsea() -> NDArray[np.uint8]:
    """Return the photograph's pixels, shape (300, 451, 3)."""
    with Image.open(PICTURES / "chelsea.jpg") as image:
        return np.asarray(image.convert("RGB"))


def test_a_photo_and_a_sentence_give_the_changed_photo(editor: Editor) -> None:
    editor.drop("chelsea.jpg", "image/jpeg", (PICTURES / "chelsea.jpg").read_bytes())
    editor.expect_size(451, 300)
    editor.say("add a dog and rotate right")
    chips = editor.get("#chips .chip")
    expect(chips).to_have_count(2)
    expect(chips.nth(0).get_by_label("Add: what")).to_have_value("a dog")
    editor.expect_versions(2, current=1)
    editor.expect_size(300, 451)
    turned = np.rot90(chelsea(), -1)
    different = (editor.picture() != turned).any(axis=2)
    assert 0.005 < different.mean() < 0.9
    editor.get("#undo").click()
    editor.expect_versions(2, current=0)
    editor.get("#redo").click()
    editor.expect_versions(2, current=1)
    editor.page.reload()
    editor.ready()
    editor.expect_versions(2, current=1)


def test_outside_the_painted_place_not_one_pixel_changes(editor: Editor) -> None:
    editor.choose("chelsea")
    editor.paint_rectangle(0.55, 0.5, 0.95, 0.95)
    editor.say("add a cat")
    editor.expect_versions(2, current=1)
    different = (editor.picture() != chelsea()).any(axis=2)
    assert different.any()
    assert not different[: int(0.5 * 300) - 6].any()
    assert not different[:, : int(0.55 * 451) - 6].any()


def test_a_sentence_said_into_the_microphone_turns_the_photo(editor: Editor, recording: Path) -> None:
    editor.choose("chelsea")
    with wave.open(str(recording)) as sound:
        length = sound.getnframes() / sound.getframerate()
    editor.get("#mic").press(" ", delay=(length + 0.4) * 1000)  # held as long as the sentence takes
    expect(editor.get("#command")).not_to_have_value("")
    assert "right" in editor.get("#command").input_value().lower()
    editor.expect_versions(2, current=1)
    assert np.array_equal(editor.picture(), np.rot90(chelsea(), -1))


def test_an_inpainter_killed_in_mid_work_costs_one_edit(editor: Editor, url: str) -> None:
    editor.choose("chelsea")
    editor.paint_rectangle(0.3, 0.3, 0.7, 0.7)
    editor.get("#fine summary").click()
    editor.page.get_by_label("Steps").fill("150")
    editor.say("add a dog")
    expect(editor.get("#progress-label")).to_contain_text("of 150")
    os.kill(httpx.get(f"{url}/v1/status").json()["engines"]["inpainter"]["pid"], signal.SIGKILL)
    expect(editor.get("#notices .notice")).to_be_visible()
    expect(editor.get("#filmstrip button")).to_have_count(1)
    editor.page.get_by_label("Steps").fill("4")
    editor.page.get_by_label("Steps").press("Tab")
    editor.get("#notices").get_by_role("button", name="Try again").click()
    editor.expect_versions(2, current=1)


def test_cancel_frees_the_engine_at_once(editor: Editor, url: str) -> None:
    editor.choose("chelsea")
    editor.get("#fine summary").click()
    editor.page.get_by_label("Steps").fill("150")
    editor.say("add a dog")
    expect(editor.get("#progress-label")).to_contain_text("of 150")
    editor.get("#progress-cancel").click()
    editor.idle()
    editor.page.get_by_role("button", name="Turn right").click()
    editor.expect_versions(2, current=1)


def test_many_photos_get_one_command(editor: Editor) -> None:
    editor.choose("chelsea", "coffee", "rocket")
    editor.say("make it black and white")
    for index in range(3):
        expect(editor.get(".picture-card").nth(index)).to_have_attribute("data-state", "done")
    editor.page.get_by_role("button", name="Open coffee.jpg").click()
    gray = editor.picture().astype(int)
    assert np.abs(gray.max(axis=2) - gray.min(axis=2)).max() <= 1


def test_the_second_tab_hears_what_it_says(editor: Editor, recording: Path) -> None:
    editor.get("#tab-sound").click()
    editor.page.set_input_files("#sound-input", str(recording))
    expect(editor.get("#listening")).to_contain_text("Done.")
    assert "right" in editor.get("#heard").input_value().lower()
    editor.get("#say").fill("Good evening.")
    expect(editor.get("#voice")).to_have_value(VOICE)
    editor.get("#speak").click()
    expect(editor.get("#spoken")).to_be_visible()
