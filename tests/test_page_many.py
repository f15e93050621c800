"""The page with many pictures, on a phone, and its second tab, in a real Chromium with fake engines."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from inference.errors import EngineFailed
from tests.browser import PICTURES, Editor
from tests.fakes import Gateway, tone, wav

OpenPage = Callable[..., Editor]

NAMES = ("coffee", "chelsea", "rocket")


def test_one_command_for_all_what_fails_is_retried_and_all_come_as_a_zip(editor: Editor, gateway: Gateway) -> None:
    editor.choose(*NAMES)
    expect(editor.get("#scope")).to_have_text("3 pictures")
    editor.get("#fine summary").click()
    editor.page.get_by_label("Show me the plan before it runs").check()
    editor.say("add a dog and rotate right")
    expect(editor.get("#chips .chip")).to_have_count(2)
    gateway.stage.failure = EngineFailed("the first one breaks")
    editor.get("#run-plan").click()
    cards = editor.get(".picture-card")
    expect(cards.nth(0)).to_have_attribute("data-state", "failed")
    expect(cards.nth(0)).to_contain_text("the first one breaks.")
    for index in (1, 2):
        expect(cards.nth(index)).to_have_attribute("data-state", "done")
    expect(editor.get("#notices")).to_contain_text("1 of 3 pictures failed")
    cards.nth(0).get_by_role("button", name="Retry").click()
    expect(cards.nth(0)).to_have_attribute("data-state", "done")
    # One sentence is understood once, however many pictures it is for.
    assert [verb for verb, _ in gateway.stage.asked].count("parse") == 1
    with editor.page.expect_download() as download:
        editor.get("#download-all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{name}-edited.png" for name in NAMES]
        for name in NAMES:
            with Image.open(PICTURES / f"{name}.jpg") as original:
                edited = Image.open(io.BytesIO(archive.read(f"{name}-edited.png")))
                assert edited.size == original.size[::-1]


def test_only_what_is_selected_changes(editor: Editor, gateway: Gateway) -> None:
    editor.choose(*NAMES)
    editor.page.get_by_label("Select chelsea.jpg").uncheck()
    expect(editor.get("#scope")).to_have_text("2 pictures")
    editor.page.get_by_role("button", name="Turn right").click()
    cards = editor.get(".picture-card")
    expect(cards.nth(2)).to_have_attribute("data-state", "done")
    expect(cards.nth(1)).to_have_attribute("data-state", "idle")
    editor.page.get_by_role("button", name="Open chelsea.jpg").click()
    editor.expect_size(451, 300)
    editor.get("#all-pictures").click()
    editor.get("#undo-selected").click()
    editor.page.get_by_role("button", name="Open coffee.jpg").click()
    editor.expect_size(480, 320)
    editor.page.reload()
    editor.ready()
    editor.expect_versions(2, current=0)
    editor.get("#all-pictures").click()
    expect(editor.get("#select-label")).to_have_text("2 of 3 selected")


def test_cancel_leaves_what_is_done_and_stops_the_rest(editor: Editor, gateway: Gateway) -> None:
    editor.choose(*NAMES)
    gateway.stage.held = True
    gateway.stage.permit(4)
    editor.say("add a dog")
    cards = editor.get(".picture-card")
    expect(cards.nth(0)).to_have_attribute("data-state", "done")
    expect(cards.nth(1)).to_have_attribute("data-state", "running")
    expect(cards.nth(2)).to_contain_text("Waiting")
    editor.get("#go").click()
    editor.idle()
    gateway.stage.release()
    expect(cards.nth(0)).to_have_attribute("data-state", "done")
    for index in (1, 2):
        expect(cards.nth(index)).to_have_attribute("data-state", "cancelled")
    editor.get("#retry-failed").click()
    for index in (1, 2):
        expect(cards.nth(index)).to_have_attribute("data-state", "done")


def test_pictures_can_be_taken_off_the_page_for_good(editor: Editor) -> None:
    editor.choose(*NAMES)
    editor.page.get_by_label("Select rocket.jpg").uncheck()
    editor.get("#remove-selected").click()
    expect(editor.get("#picture-name")).to_contain_text("rocket.jpg")
    wait_for_kept(editor, 2)
    editor.page.reload()
    editor.ready()
    expect(editor.get("#picture-name")).to_contain_text("rocket.jpg")
    editor.get("#remove-picture").click()
    expect(editor.get("#welcome")).to_be_visible()
    wait_for_kept(editor, 0)


def wait_for_kept(editor: Editor, count: int) -> None:
    """Wait until the browser keeps ``count`` files (a picture and its thumbnail are two): it writes after it shows."""
    asked = "async () => (await (await import('/web/storage.js')).getAll('blobs')).length"
    kept = [-1]
    while kept[-1] != count and len(kept) < 2000:
        kept.append(editor.page.evaluate(asked))
    assert kept[-1] == count


def test_a_phone_sized_window_has_everything_within_reach(open_page: OpenPage, gateway: Gateway) -> None:
    editor = open_page(
        gateway.url, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    editor.choose("coffee")
    editor.get("#command").fill("rotate right")
    editor.get("#go").tap()
    editor.expect_versions(2, current=1)
    overflow = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert editor.page.evaluate(overflow) == 0
    for name in ("#undo", "#mask-button", "#hold", "#compare-button", "#download", "#mic", "#go", "#run-plan"):
        box = editor.get(name).bounding_box()
        assert box is not None, name
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, name
        assert box["y"] >= 0 and box["y"] + box["height"] <= 780, name
        assert min(box["width"], box["height"]) >= 40, name
    stage = editor.get("#stage").bounding_box()
    assert stage is not None and stage["height"] >= 250
    editor.get("#mask-button").tap()
    editor.page.get_by_role("button", name="Tap a place").tap()
    editor.page.touchscreen.tap(*editor.point(0.5, 0.5))
    expect(editor.get("#only-here")).to_be_visible()
    editor.get("#mask-done").tap()
    assert editor.page.evaluate(overflow) == 0
    editor.get("#undo").tap()
    editor.expect_versions(2, current=0)
    assert editor.faults() == []


def test_the_second_tab_writes_down_a_file_and_the_microphone(editor: Editor, gateway: Gateway) -> None:
    editor.get("#tab-sound").click()
    sound = wav(tone(1.0, 16_000))
    editor.page.set_input_files("#sound-input", {"name": "memo.wav", "mimeType": "audio/wav", "buffer": sound})
    expect(editor.get("#heard")).to_have_value("Rotate right.")
    with editor.page.expect_download() as download:
        editor.page.get_by_role("button", name="Subtitles (SRT)").click()
    assert download.value.suggested_filename == "memo.srt"
    assert "00:00:00,000 --> " in download.value.path().read_text()
    silence = wav(b"\0\0" * 16_000)
    editor.page.set_input_files("#sound-input", {"name": "quiet.wav", "mimeType": "audio/wav", "buffer": silence})
    expect(editor.get("#listening")).to_contain_text("Nothing was said")
    editor.get("#record").press("Enter", delay=900)  # held, for a sound takes the time it takes
    expect(editor.get("#heard")).to_have_value("Rotate right.")


def test_the_second_tab_says_a_text_with_the_chosen_voice(editor: Editor, gateway: Gateway) -> None:
    editor.get("#tab-pictures").press("ArrowRight")
    expect(editor.get("#voice")).to_have_value("small-voice")
    editor.get("#say").fill("Good evening. It is late.")
    editor.get("#speed").fill("1.5")
    editor.get("#speak").click()
    expect(editor.get("#spoken")).to_be_visible()
    assert ("speak", {"text": "Good evening. It is late.", "speed": 1.5}) in gateway.stage.asked
    with editor.page.expect_download() as download:
        editor.get("#speaking").get_by_role("button", name="Download").click()
    assert download.value.path().read_bytes()[:4] == b"RIFF"


@pytest.mark.parametrize("size", [0, 1, 70_000])
def test_the_zip_writer_writes_what_others_read(editor: Editor, size: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8).tobytes()
    with editor.page.expect_download() as download:
        editor.page.evaluate(
            """async (bytes) => {
                const { zip } = await import('/web/zip.js');
                const { saveAs } = await import('/web/element.js');
                const blob = new Blob([new Uint8Array(bytes)]);
                const date = new Date(2026, 1, 3, 4, 5, 6);
                const names = ['Übung.png', 'übung.png', 'plain'];
                saveAs(await zip(names.map((name) => ({ name, blob, date }))), 'made.zip');
            }""",
            list(data),
        )
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["Übung.png", "übung (2).png", "plain"]
        assert [archive.read(name) for name in archive.namelist()] == [data] * 3
        assert archive.infolist()[0].date_time == (2026, 2, 3, 4, 5, 6)
