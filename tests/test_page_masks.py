"""Masks on the page, in a real Chromium: painting them, what they do to the picture, how they follow its shape."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import expect

from inference.operations import Canvas, parse_plan
from inference.operations.operation import Operation
from tests.browser import PICTURES, Editor
from tests.fakes import Gateway, opened, photo, png

SHAPES: list[list[dict[str, Any]]] = [
    [{"op": "rotate", "degrees": 90}],
    [{"op": "rotate", "degrees": -90}],
    [{"op": "rotate", "degrees": 180}],
    [{"op": "rotate", "degrees": 33}],
    [{"op": "flip", "axis": "horizontal"}],
    [{"op": "flip", "axis": "vertical"}],
    [{"op": "resize", "percent": 50}],
    [{"op": "resize", "width": 333}],
    [{"op": "resize", "width": 100, "height": 400}],
    [{"op": "crop", "aspect": "1:1"}],
    [{"op": "crop", "aspect": "9:16"}],
    [{"op": "crop", "width": 201, "height": 99}],
    [{"op": "crop", "to": "subject"}],
    [{"op": "border", "width": 17}],
    [{"op": "rotate", "degrees": 90}, {"op": "crop", "aspect": "1:1"}, {"op": "flip", "axis": "vertical"}],
]


def mask_of(editor: Editor) -> NDArray[np.uint8]:
    """Return the shown version's mask as it would be sent, 0 to 255, shape (height, width)."""
    text = editor.page.evaluate(
        """async () => {
            const { Album } = await import('/web/album.js');
            const album = new Album();
            await album.restore();
            const bytes = new Uint8Array(await (await album.mask.toBlob()).arrayBuffer());
            return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
        }"""
    )
    return np.asarray(opened(base64.b64decode(text)).convert("L"))


def changed(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return where two pictures of one size differ."""
    return np.asarray((before != after).any(axis=2))


def box_of(found: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Return (left, top, right, bottom) of what is set."""
    rows, columns = np.flatnonzero(found.any(axis=1)), np.flatnonzero(found.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def test_only_the_painted_place_changes_and_the_mask_turns_with_the_picture(editor: Editor) -> None:
    editor.choose("coffee")
    with Image.open(PICTURES / "coffee.jpg") as image:
        before = np.asarray(image.convert("RGB"))
    editor.paint_rectangle(0.6, 0.1, 0.9, 0.5)
    editor.say("add a dog")
    editor.expect_versions(2, current=1)
    painted = changed(before, editor.picture())
    left, top, right, bottom = box_of(painted)
    assert (left, top) == pytest.approx((0.6 * 480, 0.1 * 320), abs=6)
    assert (right, bottom) == pytest.approx((0.9 * 480, 0.5 * 320), abs=6)
    # Turned, the same mask lies on the same things: painting again stays inside the turned rectangle.
    editor.page.get_by_role("button", name="Turn right").click()
    editor.expect_versions(3, current=2)
    expect(editor.get("#only-here")).to_be_visible()
    turned = editor.picture()
    assert np.array_equal(changed(np.rot90(before, -1), turned), np.rot90(painted, -1))
    editor.page.get_by_role("button", name="Black & white").click()
    editor.expect_versions(4, current=3)
    grayed = changed(turned, editor.picture())
    assert box_of(grayed) == pytest.approx(box_of(np.rot90(painted, -1)), abs=3)


def test_tools_paint_what_they_say(editor: Editor) -> None:
    editor.drop("plain.png", "image/png", png(Image.new("RGB", (400, 300), "white")))
    editor.expect_size(400, 300)
    editor.get("#mask-button").click()
    tool = editor.get("#mask-tools").get_by_role("button", name="Brush")
    expect(tool).to_have_attribute("aria-pressed", "true")
    editor.drag((0.1, 0.2), (0.9, 0.2))
    expect(editor.get("#only-here")).to_be_visible()
    stroke = mask_of(editor) > 127
    assert stroke[60, 40:360].all()
    # The size is in permille of the shorter side: 80 of 300 pixels is a brush of 24.
    assert stroke[:, 200].sum() == pytest.approx(24, abs=2)
    editor.page.get_by_role("button", name="Eraser").click()
    editor.drag((0.5, 0.1), (0.5, 0.3))
    assert not (mask_of(editor) > 127)[60, 200]
    editor.page.get_by_role("button", name="Lasso").click()
    editor.drag((0.2, 0.5), (0.4, 0.5), (0.4, 0.9), (0.2, 0.9))
    lassoed = mask_of(editor) > 127
    assert lassoed[210, 120] and not lassoed[210, 200]
    editor.page.get_by_role("button", name="Tap a place").click()
    editor.page.mouse.click(*editor.point(0.75, 0.75))
    spotted = mask_of(editor) > 127
    assert spotted[225, 300] and spotted[225, 318] and not spotted[225, 340]
    editor.page.get_by_role("button", name="Invert").click()
    assert np.array_equal(mask_of(editor) > 127, ~spotted)
    editor.page.keyboard.press("Control+z")
    assert np.array_equal(mask_of(editor) > 127, spotted)
    editor.page.get_by_role("button", name="Undo the stroke").click()
    assert np.array_equal(mask_of(editor) > 127, lassoed)
    editor.page.get_by_role("button", name="Redo the stroke").click()
    assert np.array_equal(mask_of(editor) > 127, spotted)
    editor.page.get_by_role("button", name="Clear", exact=True).click()
    expect(editor.get("#only-here")).to_be_hidden()


def test_a_mask_can_be_painted_by_keys_alone(editor: Editor) -> None:
    editor.drop("plain.png", "image/png", png(Image.new("RGB", (400, 300), "white")))
    editor.expect_size(400, 300)
    editor.get("#mask-button").focus()
    for key in ("Enter", "ArrowLeft", "ArrowLeft", "]", " "):
        editor.page.keyboard.press(key)
    expect(editor.get("#only-here")).to_be_visible()
    painted = mask_of(editor) > 127
    assert painted[150, 188] and not painted[150, 220]
    editor.page.keyboard.press("Escape")
    expect(editor.get("#mask-tools")).to_be_hidden()


def test_the_wheel_zooms_where_it_points_and_the_brush_hits_what_is_seen(editor: Editor) -> None:
    editor.drop("plain.png", "image/png", png(Image.new("RGB", (400, 300), "white")))
    editor.expect_size(400, 300)
    place = editor.point(0.25, 0.25)
    editor.page.mouse.move(*place)
    before = editor.get("#zoom-level").text_content()
    for _ in range(6):
        editor.page.mouse.wheel(0, -200)
    expect(editor.get("#zoom-level")).not_to_have_text(before or "")
    editor.get("#mask-button").click()
    # The tools take a row of the page, so what lies under the pointer moves down, not sideways.
    editor.page.mouse.click(*place)
    expect(editor.get("#only-here")).to_be_visible()
    _, columns = np.nonzero(mask_of(editor) > 127)
    assert columns.mean() == pytest.approx(100, abs=4)


def test_two_fingers_zoom_and_paint_nothing(editor: Editor) -> None:
    editor.choose("coffee")
    editor.get("#mask-button").click()
    before = editor.get("#zoom-level").text_content()
    editor.page.evaluate(
        """() => {
            const canvas = document.getElementById('canvas');
            canvas.setPointerCapture = () => {};
            const box = canvas.getBoundingClientRect();
            const at = (id, type, x, y) => canvas.dispatchEvent(new PointerEvent(type, {
                pointerId: id, pointerType: 'touch', clientX: box.x + x, clientY: box.y + y, bubbles: true }));
            at(1, 'pointerdown', 300, 200);
            at(1, 'pointermove', 302, 200);
            at(2, 'pointerdown', 400, 200);
            at(1, 'pointermove', 200, 200);
            at(2, 'pointermove', 500, 200);
            at(1, 'pointerup', 200, 200);
            at(2, 'pointerup', 500, 200);
        }"""
    )
    expect(editor.get("#zoom-level")).not_to_have_text(before or "")
    expect(editor.get("#only-here")).to_be_hidden()


def test_a_shape_the_mask_cannot_follow_clears_it_visibly_and_undo_brings_it_back(editor: Editor) -> None:
    framed = Image.new("RGB", (200, 150), "white")
    framed.paste(photo(100, 70), (50, 40))
    editor.drop("framed.png", "image/png", png(framed))
    editor.expect_size(200, 150)
    editor.paint_rectangle(0.4, 0.4, 0.6, 0.6)
    editor.get("#menu-crop").evaluate("(menu) => menu.showPopover()")
    editor.page.get_by_role("button", name="Trim the edges").click()
    editor.expect_size(100, 70)
    expect(editor.get("#only-here")).to_be_hidden()
    expect(editor.get("#notices")).to_contain_text("cannot follow")
    editor.get("#undo").click()
    expect(editor.get("#only-here")).to_be_visible()


def test_masks_follow_shapes_as_the_gateway_moves_them(editor: Editor, gateway: Gateway) -> None:
    """The rules exist twice, here and there: they must agree for every operation on shape."""
    width, height, box = 320, 240, (60, 30, 150, 200)
    mask = Image.new("L", (width, height))
    mask.paste(255, box)
    for plan in SHAPES:
        canvas = Canvas(Image.new("RGB", (width, height)), mask)
        operation: Operation
        for operation in parse_plan(plan):
            canvas = operation.apply(canvas, None)  # type: ignore[arg-type]
        assert canvas.mask is not None
        found = editor.page.evaluate(
            """async ([width, height, [left, top, right, bottom], plan, after]) => {
                const { Mask } = await import('/web/mask.js');
                const { follow } = await import('/web/shape.js');
                const mask = new Mask(width, height);
                mask.add({ tool: 'rectangle', points: [left, top, right, bottom] });
                return follow(mask, plan, ...after)?.box() ?? null;
            }""",
            [width, height, box, plan, canvas.image.size],
        )
        assert found == pytest.approx(canvas.mask.getbbox(), abs=2), plan
