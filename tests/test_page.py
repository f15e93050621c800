"""The editor page in a real Chromium, on the real gateway with fake engines: what a person does with one picture."""

from __future__ import annotations

import threading
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Page, expect

from inference.operations import OPERATIONS
from tests.browser import PICTURES, Editor
from tests.fakes import Gateway, photo, png

OpenPage = Callable[..., Editor]

DOG_AND_TURN = "add a dog and rotate right"


def verbs(gateway: Gateway) -> list[str]:
    """Return what the engines were asked, in order."""
    return [verb for verb, _ in gateway.stage.asked]


def coffee() -> NDArray[np.uint8]:
    """Return the photograph's pixels, shape (320, 480, 3)."""
    with Image.open(PICTURES / "coffee.jpg") as image:
        return np.asarray(image.convert("RGB"))


def test_a_dropped_photo_and_a_sentence_become_a_new_version(editor: Editor, gateway: Gateway) -> None:
    expect(editor.page.get_by_role("heading", name="Drop a photo here")).to_be_visible()
    editor.drop("coffee.jpg", "image/jpeg", (PICTURES / "coffee.jpg").read_bytes())
    editor.expect_size(480, 320)
    editor.say(DOG_AND_TURN)
    editor.expect_versions(2, current=1)
    editor.expect_size(320, 480)
    chips = editor.get("#chips .chip")
    expect(chips).to_have_count(2)
    expect(chips.nth(0)).to_contain_text("Add")
    expect(chips.nth(0).get_by_label("Add: what")).to_have_value("a dog")
    expect(chips.nth(1).get_by_label("Turn by: degrees clockwise")).to_have_value("90")
    expect(editor.get("#hearing")).to_have_text("Done: added a dog, turned by 90°.")
    assert verbs(gateway) == ["parse", "inpaint"]
    assert editor.picture().shape == (480, 320, 3)


def test_a_pasted_picture_comes_in_too(editor: Editor) -> None:
    editor.paste("image.png", "image/png", png(photo()))
    editor.expect_size(60, 40)
    assert np.array_equal(editor.picture(), np.asarray(photo()))


def test_a_photo_can_be_taken_with_the_camera(editor: Editor) -> None:
    editor.get("#photograph").click()
    expect(editor.get("#camera-dialog")).to_be_visible()
    editor.page.wait_for_selector("#camera-video")
    editor.get("#camera-snap").click()
    expect(editor.get("#camera-dialog")).to_be_hidden()
    expect(editor.get("#picture-name")).to_contain_text("photo.jpg")
    assert editor.picture().max() > 0


def test_what_the_browser_cannot_show_is_made_readable_by_the_gateway(editor: Editor) -> None:
    with BytesIO() as file:
        photo().save(file, "TIFF")
        editor.drop("scan.tif", "image/tiff", file.getvalue())
    editor.expect_size(60, 40)
    assert np.array_equal(editor.picture(), np.asarray(photo()))


def test_what_is_no_picture_is_refused_in_words(open_page: OpenPage, gateway: Gateway) -> None:
    editor = open_page(gateway.url, expected=["422"])
    editor.choose("coffee")
    editor.drop("notes.txt", "text/plain", b"hello")
    expect(editor.get("#notices")).to_contain_text("notes.txt: no picture")
    editor.drop("broken.jpg", "image/jpeg", b"\xff\xd8\xff not really")
    expect(editor.get("#notices")).to_contain_text("broken.jpg: ")
    expect(editor.get("#filmstrip button")).to_have_count(1)


def test_undo_and_redo_go_through_every_version_and_branches_stay(editor: Editor) -> None:
    editor.choose("coffee")
    editor.page.get_by_role("button", name="Turn right").click()
    editor.expect_versions(2, current=1)
    editor.page.get_by_role("button", name="Mirror").click()
    editor.expect_versions(3, current=2)
    editor.get("#undo").click()
    editor.expect_versions(3, current=1)
    editor.get("#canvas").focus()
    editor.page.keyboard.press("Control+z")
    editor.expect_versions(3, current=0)
    expect(editor.get("#undo")).to_be_disabled()
    editor.expect_size(480, 320)
    original = coffee()
    assert np.array_equal(editor.picture(), original)
    editor.page.keyboard.press("Control+Shift+z")
    editor.get("#redo").click()
    editor.expect_versions(3, current=2)
    assert np.array_equal(editor.picture(), np.rot90(original, -1)[:, ::-1])
    expect(editor.get("#redo")).to_be_disabled()
    # A change after an undo is a branch: the old one is still there to be visited.
    editor.get("#undo").click()
    editor.page.get_by_role("button", name="Black & white").click()
    editor.expect_versions(4, current=3)
    editor.get("#filmstrip button").nth(2).click()
    editor.expect_versions(4, current=2)
    editor.get("#undo").click()
    editor.get("#redo").click()
    editor.expect_versions(4, current=2)


def test_the_plan_can_be_changed_and_run_again_without_the_parser(editor: Editor, gateway: Gateway) -> None:
    editor.choose("coffee")
    editor.get("#fine summary").click()
    editor.page.get_by_label("Show me the plan before it runs").check()
    editor.say(DOG_AND_TURN)
    expect(editor.get("#run-plan-label")).to_have_text("Run the plan")
    expect(editor.get("#filmstrip button")).to_have_count(1)
    editor.page.get_by_label("Later: Add a dog").click()
    expect(editor.get("#chips .chip").first).to_contain_text("Turn by")
    editor.page.get_by_label("Remove: Add a dog").click()
    angle = editor.page.get_by_label("Turn by: degrees clockwise")
    angle.fill("180")
    angle.press("Tab")
    editor.get("#run-plan").click()
    editor.expect_versions(2, current=1)
    editor.expect_size(480, 320)
    # Again from where it began, not on top of itself.
    angle.fill("90")
    angle.press("Tab")
    expect(editor.get("#run-plan-label")).to_have_text("Run again")
    editor.get("#run-plan").click()
    editor.expect_versions(3, current=2)
    original = coffee()
    assert np.array_equal(editor.picture(), np.rot90(original, -1))
    assert verbs(gateway) == ["parse"]


def test_progress_and_previews_are_shown_and_cancel_stops_the_work(
    editor: Editor, gateway: Gateway, cancelled: threading.Event
) -> None:
    editor.choose("coffee")
    gateway.stage.held = True
    gateway.stage.permit(2)
    editor.say(DOG_AND_TURN)
    expect(editor.get("#progress-label")).to_contain_text("Adding a dog, step 2 of 4")
    expect(editor.get("#chips .chip").nth(0)).to_have_class("chip running")
    expect(editor.get("#preview")).to_be_visible()
    expect(editor.get("#go-label")).to_have_text("Cancel")
    editor.get("#progress-cancel").click()
    editor.idle()
    assert cancelled.wait(30)
    assert gateway.stage.step_until_stopped()
    gateway.stage.release()
    expect(editor.get("#progress")).to_be_hidden()
    expect(editor.get("#hearing")).to_contain_text("Cancelled.")
    expect(editor.get("#filmstrip button")).to_have_count(1)
    expect(editor.get("#command")).to_have_value(DOG_AND_TURN)
    editor.say("rotate right")
    editor.expect_versions(2, current=1)


def test_an_engine_killed_meanwhile_costs_one_edit_and_nothing_else(
    open_page: OpenPage, make_gateway: Callable[..., Gateway]
) -> None:
    gateway = make_gateway()
    editor = open_page(gateway.url)
    editor.choose("coffee")
    gateway.stage.held = True
    gateway.stage.permit()
    editor.say("add a dog")
    expect(editor.get("#progress-label")).to_contain_text("step 1 of 4")
    gateway.host.workers[-1].kill()
    expect(editor.get("#notices")).to_contain_text("inpainter")
    expect(editor.get("#filmstrip button")).to_have_count(1)
    gateway.stage.release()
    editor.get("#notices").get_by_role("button", name="Try again").click()
    editor.expect_versions(2, current=1)
    expect(editor.get("#notices .notice")).to_have_count(0)


def test_a_gateway_that_is_gone_is_named_with_what_to_do(open_page: OpenPage, gateway: Gateway) -> None:
    editor = open_page(gateway.url, expected=["ERR_INTERNET_DISCONNECTED"])
    editor.choose("coffee")
    editor.context.set_offline(True)
    editor.say("rotate right")
    expect(editor.get("#notices")).to_contain_text("./scripts/serve")
    editor.context.set_offline(False)
    editor.get("#notices").get_by_role("button", name="Try again").click()
    editor.expect_versions(2, current=1)


def test_what_is_no_edit_is_answered_with_what_one_could_say(open_page: OpenPage, gateway: Gateway) -> None:
    editor = open_page(gateway.url, expected=["422"])
    editor.choose("coffee")
    editor.say("what is the weather?")
    expect(editor.get("#notices")).to_contain_text("rotate right")
    expect(editor.get("#command")).to_have_value("what is the weather?")
    editor.say("rotate right")
    editor.expect_versions(2, current=1)


def test_a_reload_loses_nothing(editor: Editor) -> None:
    editor.choose("coffee")
    editor.say(DOG_AND_TURN)
    editor.expect_versions(2, current=1)
    before = editor.picture()
    editor.paint_rectangle(0.2, 0.2, 0.8, 0.8)
    editor.get("#command").fill("something I am still typing")
    editor.get("#aloud").focus()
    expect(editor.get("#command")).to_have_value("something I am still typing")
    settled(editor.page, "something I am still typing")
    editor.page.reload()
    editor.ready()
    editor.expect_versions(2, current=1)
    assert np.array_equal(editor.picture(), before)
    expect(editor.get("#only-here")).to_be_visible()
    expect(editor.get("#chips .chip")).to_have_count(2)
    expect(editor.get("#command")).to_have_value("something I am still typing")
    editor.get("#undo").click()
    editor.expect_versions(2, current=0)
    expect(editor.get("#only-here")).to_be_hidden()


def settled(page: Page, text: str) -> None:
    """Wait until the command is in storage."""
    page.evaluate(
        """async (text) => {
            const storage = await import('/web/storage.js');
            while ((await storage.get('page', 'command')).text !== text) await new Promise(requestAnimationFrame);
        }""",
        text,
    )


def test_a_reload_in_the_middle_of_an_edit_offers_to_run_it_again(editor: Editor, gateway: Gateway) -> None:
    editor.choose("coffee")
    gateway.stage.held = True
    editor.say("add a dog")
    expect(editor.get("#progress-label")).to_contain_text("Adding a dog")
    editor.page.reload()
    editor.ready()
    gateway.stage.release()
    editor.get("#notices").get_by_role("button", name="Run it again").click()
    editor.expect_versions(2, current=1)


def test_a_reload_before_a_command_is_understood_runs_that_command_and_no_other(editor: Editor) -> None:
    editor.choose("coffee")
    editor.say("rotate right")
    editor.expect_versions(2, current=1)
    editor.page.route("**/v1/images/plans", lambda route: None)
    editor.get("#command").fill("add a dog")
    editor.get("#command").press("Enter")
    expect(editor.get("#progress-label")).to_contain_text("Understanding")
    editor.page.reload()
    editor.page.unroute("**/v1/images/plans")
    editor.ready()
    editor.get("#notices").get_by_role("button", name="Run it again").click()
    editor.expect_versions(3, current=2)
    expect(editor.get("#filmstrip button").nth(2)).to_contain_text("dog")


def test_on_a_phone_nothing_sticks_out(open_page: OpenPage, gateway: Gateway) -> None:
    editor = open_page(gateway.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    expect(editor.page.get_by_role("heading", name="Start with a photo")).to_be_visible()
    editor.choose("coffee")
    assert editor.page.evaluate("document.getElementById('command').scrollHeight") < 50, "the placeholder wraps"
    editor.page.get_by_role("tab", name="Sound").click()
    editor.page.evaluate("document.getElementById('voice').append(new Option('A voice with a long name '.repeat(4)))")
    wide = """[...document.querySelectorAll('main *:not([hidden])')].filter((element) =>
        element.checkVisibility() && element.getBoundingClientRect().right > innerWidth + 1).map(({ id }) => id)"""
    assert editor.page.evaluate(wide) == []


def test_a_browser_that_keeps_nothing_is_named_and_the_work_goes_on(open_page: OpenPage, gateway: Gateway) -> None:
    forbid = "Object.defineProperty(window, 'indexedDB', { value: { open() { throw new DOMException('no'); } } })"
    editor = open_page(gateway.url, before=forbid)
    editor.choose("coffee")
    expect(editor.get("#notices")).to_contain_text("download what matters")
    editor.say("rotate right")
    editor.expect_versions(2, current=1)
    editor.get("#undo").click()
    editor.expect_size(480, 320)
    assert np.array_equal(editor.picture(), coffee())


def test_before_and_after_by_holding_and_by_sliding(editor: Editor) -> None:
    flat = Image.new("RGB", (64, 64), (200, 60, 20))
    editor.drop("flat.png", "image/png", png(flat))
    editor.expect_size(64, 64)
    expect(editor.get("#compare-button")).to_be_disabled()
    editor.page.get_by_role("button", name="Black & white").click()
    editor.expect_versions(2, current=1)
    gray = editor.color_at(0.5, 0.5)
    assert max(gray) - min(gray) <= 2
    editor.get("#hold").focus()
    editor.page.keyboard.down(" ")
    expect(editor.get("#hold")).to_have_class("tool held")
    assert editor.color_at(0.5, 0.5) == [200, 60, 20]
    editor.page.keyboard.up(" ")
    assert editor.color_at(0.5, 0.5) == gray
    editor.get("#compare-button").click()
    editor.get("#split").fill("50")
    expect(editor.get("#compare")).to_be_visible()
    assert editor.color_at(0.2, 0.5) == [200, 60, 20]
    assert editor.color_at(0.8, 0.5) == gray


def test_a_spoken_command_is_heard_shown_and_done(editor: Editor, gateway: Gateway) -> None:
    editor.choose("coffee")
    microphone = editor.get("#mic")
    microphone.hover()
    editor.page.mouse.down()
    expect(microphone).to_have_class("tool mic recording")
    editor.page.wait_for_timeout(900)  # a sound takes the time it takes
    editor.page.mouse.up()
    expect(editor.get("#command")).to_have_value("Rotate right.")
    editor.expect_versions(2, current=1)
    editor.expect_size(320, 480)
    assert verbs(gateway)[:2] == ["transcribe", "parse"]


def test_answers_are_said_aloud_when_asked(editor: Editor, gateway: Gateway) -> None:
    editor.choose("coffee")
    editor.page.get_by_role("button", name="Turn right").click()
    editor.expect_versions(2, current=1)
    assert verbs(gateway) == []
    editor.get("#aloud").click()
    editor.page.get_by_role("button", name="Turn right").click()
    expect(editor.get("#aloud")).to_have_attribute("data-said", "Turned the picture right.")
    expect(editor.get("#hearing")).to_have_text("Turned the picture right.")
    assert ("speak", {"text": "Turned the picture right.", "speed": 1.0}) in gateway.stage.asked


def test_answers_aloud_need_a_voice_and_cost_no_edit_without_one(
    open_page: OpenPage, make_gateway: Callable[..., Gateway]
) -> None:
    editor = open_page(make_gateway(missing=["speaker"]).url)
    editor.choose("coffee")
    editor.get("#aloud").click()
    expect(editor.get("#notices")).to_contain_text("./scripts/fetch_models")
    expect(editor.get("#aloud")).to_have_attribute("aria-pressed", "false")
    editor.page.get_by_role("button", name="Turn right").click()
    editor.expect_versions(2, current=1)


def test_the_seed_is_kept_or_rolled(editor: Editor, gateway: Gateway) -> None:
    editor.choose("coffee")
    editor.page.get_by_label("Strength").evaluate("(field) => { field.value = '0.3'; }")
    editor.get("#fine summary").click()
    # What somebody is typing is not overwritten when the list of models arrives.
    expect(editor.get("#tune-model option")).to_have_count(2)
    expect(editor.page.get_by_label("Strength")).to_have_value("0.3")
    editor.page.get_by_label("Strength").fill("0.6")
    editor.say("add a dog")
    editor.expect_versions(2, current=1)
    used = editor.get("#tune-seed").input_value()
    editor.get("#keep-seed").click()
    editor.get("#run-plan").click()
    editor.expect_versions(3, current=2)
    editor.get("#roll-seed").click()
    editor.get("#run-plan").click()
    editor.expect_versions(4, current=3)
    painted = [what for verb, what in gateway.stage.asked if verb == "inpaint"]
    assert [each["seed"] for each in painted[:2]] == [int(used), int(used)]
    assert painted[2]["seed"] == int(editor.get("#tune-seed").input_value())
    assert [each["strength"] for each in painted] == [0.6, 0.6, 0.6]


def test_a_key_is_asked_for_until_it_is_right(open_page: OpenPage, make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(api_key="a-long-secret")
    editor = open_page(gateway.url, expected=["401"])
    expect(editor.get("#machine-summary")).to_have_text("Asks for a key")
    editor.choose("coffee")
    for key in ("wrong", "a-long-secret"):
        if key == "wrong":
            editor.page.get_by_role("button", name="Turn right").click()
        expect(editor.get("#key-dialog")).to_be_visible()
        editor.get("#key-input").fill(key)
        editor.get("#key-input").press("Enter")
    editor.expect_versions(2, current=1)
    editor.page.get_by_role("button", name="Turn right").click()
    editor.expect_versions(3, current=2)


def test_the_machine_says_what_runs_where_and_what_mends_it(
    open_page: OpenPage, make_gateway: Callable[..., Gateway]
) -> None:
    editor = open_page(make_gateway(missing=["inpainter"]).url)
    expect(editor.get("#machine-summary")).to_have_text("Painting: needs you")
    editor.get("#machine-button").click()
    dialog = editor.get("#machine-dialog")
    painting = dialog.locator(".engine").filter(has_text="Painting")
    expect(painting).to_contain_text("not installed")
    expect(painting).to_contain_text("Run: ")
    expect(dialog.locator(".engine").filter(has_text="Understanding")).to_contain_text("On the CPU: ")
    editor.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_page_has_words_for_every_operation_and_every_field(editor: Editor) -> None:
    words = editor.page.evaluate(
        """async () => {
            const { VOCABULARY } = await import('/web/vocabulary.js');
            return Object.entries(VOCABULARY).map(([op, { fields }]) => [op, fields.map((field) => field.name)]);
        }"""
    )
    told = {op: set(fields) for op, fields in words}
    known = {kind.model_fields["op"].default: set(kind.model_fields) - {"op"} for kind in OPERATIONS}
    assert told == known


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(open_page: OpenPage, gateway: Gateway, scheme: str) -> None:
    editor = open_page(gateway.url, color_scheme=scheme, reduced_motion="reduce", expected=["422"])
    faults = {"welcome": editor.faults()}
    editor.choose("coffee")
    editor.say(DOG_AND_TURN)
    editor.expect_versions(2, current=1)
    editor.paint_rectangle(0.2, 0.2, 0.6, 0.6)
    editor.get("#mask-button").click()
    editor.get("#fine summary").click()
    editor.say("hello")
    expect(editor.get("#notices .notice")).to_be_visible()
    faults["editor"] = editor.faults()
    editor.get("#mask-done").click()
    editor.get("#compare-button").click()
    expect(editor.get("#compare")).to_be_visible()
    faults["compare"] = editor.faults()
    editor.get("#machine-button").click()
    expect(editor.get("#machine-dialog .engine").first).to_be_visible()
    faults["machine"] = editor.faults()
    editor.page.keyboard.press("Escape")
    editor.page.set_input_files("#file-input", [str(PICTURES / f"{name}.jpg") for name in ("rocket", "china")])
    expect(editor.get(".picture-card")).to_have_count(3)
    faults["grid"] = editor.faults()
    editor.get("#tab-sound").click()
    expect(editor.get("#voice option")).to_have_count(1)
    faults["sound"] = editor.faults()
    assert {name: found for name, found in faults.items() if found} == {}
