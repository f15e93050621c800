"""scripts/edit on a real server with fakes behind it: many files, one plan, bad ones among them."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from inference.errors import Busy
from inference.settings import ROOT
from scripts.editing import command
from scripts.editing.client import Client, FileRefused, Stopped, encode_form
from tests.fakes import Gateway, photo, png

FORMATS_BY_ENDING = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".jpe": "jpeg", ".webp": "webp"}


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with a PNG, a JPEG, and a text that calls itself a picture."""
    folder = tmp_path / "in"
    folder.mkdir()
    photo().save(folder / "a.png")
    photo().save(folder / "b.JPG", "JPEG")
    (folder / "c.jpg").write_text("no picture")
    photo(30, 20).save(folder / "d.webp")
    return folder


def run(gateway: Gateway, *arguments: object) -> int:
    return command.main(["--url", gateway.url, *map(str, arguments)])


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_one_sentence_edits_many_and_a_bad_file_stops_nobody(
    gateway: Gateway, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    status = run(gateway, "rotate right", *sorted(pictures.iterdir()), "-o", out)
    said = capsys.readouterr().err
    assert status == 1
    assert sorted(path.name for path in out.iterdir()) == ["a.png", "b.JPG", "d.webp"]
    assert [opened(out / name).size for name in ("a.png", "b.JPG", "d.webp")] == [(40, 60), (40, 60), (20, 30)]
    assert [opened(out / name).format for name in ("a.png", "b.JPG", "d.webp")] == ["PNG", "JPEG", "WEBP"]
    assert opened(out / "a.png").convert("RGB").tobytes() == photo().transpose(Image.Transpose.ROTATE_270).tobytes()
    assert "c.jpg" in said and "unreadable_image" in said and "3 of 4 edited" in said and "rotate (90)" in said
    assert [verb for verb, _ in gateway.stage.asked].count("parse") == 1, "one plan for all"


def test_all_good_is_status_0_and_nothing_is_overwritten_unasked(
    gateway: Gateway, pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = pictures / "a.png", tmp_path / "out"
    assert run(gateway, "rotate right", file, "-o", out) == 0
    first = (out / "a.png").read_bytes()
    assert run(gateway, "rotate right", file, "-o", out) == 2
    assert (out / "a.png").read_bytes() == first and "--again" in capsys.readouterr().err
    assert run(gateway, "rotate right", file, "-o", out, "--again") == 0
    assert (out / "a.png").read_bytes() != first, "another seed"
    assert run(gateway, "make it a jpeg", file, "-o", out) == 0, "a.jpg is another file"
    assert opened(out / "a.jpg").format == "JPEG"
    assert run(gateway, "rotate right", file, "-o", pictures) == 2, "not over the original either"
    assert opened(file).size == (60, 40)


def test_two_files_that_would_become_the_same_are_never_written_over_each_other(
    gateway: Gateway, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    names = ("a.gif", "a.png", "a.bmp", "other/a.png", "a.jpg")
    for number, name in enumerate(names):
        photo(20 + number, 10).save(tmp_path / name)
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_text("of yesterday")
    assert run(gateway, "rotate right", *(tmp_path / name for name in names), "-o", out, "--again") == 1
    said = capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == ["a.jpg", "a.png"]
    assert opened(out / "a.png").size == (10, 20), "that of the first, a.gif"
    assert said.count("not edited") == 3 and said.count("became") == 3


def test_what_is_there_already_is_found_out_before_any_work(gateway: Gateway, tmp_path: Path) -> None:
    photo().save(tmp_path / "a.gif")
    (tmp_path / "a.png").write_text("another")
    assert run(gateway, "add a dog", tmp_path / "a.gif", "-o", tmp_path) == 2
    assert (tmp_path / "a.png").read_text() == "another"
    assert not [verb for verb, _ in gateway.stage.asked if verb == "inpaint"]


@pytest.mark.parametrize(
    ("name", "plan", "kind"),
    [
        ("a.jpg", [{"op": "rotate", "degrees": 90}], "jpeg"),
        ("a.JPE", [{"op": "rotate", "degrees": 30}], "png"),
        ("a.webp", [{"op": "rotate", "degrees": 30}], "webp"),
        ("a.jpeg", [{"op": "remove_background"}], "png"),
        ("a.tif", [{"op": "invert"}], "png"),
        ("a.png", [{"op": "convert", "format": "webp"}, {"op": "convert", "format": "jpeg"}], "jpeg"),
        ("a.jpg", [{"op": "remove_background"}, {"op": "convert", "format": "webp"}], "webp"),
        ("a", [{"op": "convert"}], "png"),
    ],
)
def test_the_format_stays_where_it_can_hold_the_result(name: str, plan: list[dict[str, object]], kind: str) -> None:
    assert command.choose_format(Path(name), plan) == kind
    assert FORMATS_BY_ENDING[Path(command.choose_name(Path(name), kind)).suffix.lower()] == kind


def test_seed_mask_and_a_ready_plan_reach_the_server(gateway: Gateway, pictures: Path, tmp_path: Path) -> None:
    mask = Image.new("L", (60, 40), 0)
    mask.paste(255, (20, 10, 40, 30))
    (tmp_path / "mask.png").write_bytes(png(mask))
    plan = '[{"op": "generate", "prompt": "a dog"}]'
    arguments = ["--operations", plan, pictures / "a.png", pictures / "b.JPG", "--seed", 7]
    arguments += ["--mask", tmp_path / "mask.png", "-o", tmp_path / "out", "--format", "png", "--strength", "0.5"]
    assert run(gateway, *arguments) == 0
    assert [what["seed"] for verb, what in gateway.stage.asked if verb == "inpaint"] == [7, 7]
    assert {what["strength"] for verb, what in gateway.stage.asked if verb == "inpaint"} == {0.5}
    result = opened(tmp_path / "out" / "b.png").convert("RGB")
    assert result.getpixel((30, 20)) == (7 * 37 % 256, 7 * 59 % 256, 200)
    assert result.getpixel((5, 5)) == opened(pictures / "b.JPG").getpixel((5, 5))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["what's the weather?", "a.png"], "no_operation"),
        (["rotate right"], "at least one picture"),
        (["--operations", "[{", "a.png"], "Expecting"),
        (["--operations", '{"op": "invert"}', "a.png"], "must be a list"),
        (["--operations", "null", "a.png"], "must be a list"),
        (["--operations", "[1]", "a.png"], "must be a list"),
        (["--operations", '[{"op": "no such thing"}]', "a.png"], "invalid_plan"),
        (["rotate right", "."], "Is a directory"),
        (["rotate right", "a.png", "--mask", "nowhere.png"], "nowhere.png"),
        (["rotate right", "nowhere.png"], "nowhere.png"),
        (["add a dog", "a.png", "--model", "no-such-model"], "model_not_found"),
        ([], "say what to change"),
    ],
)
def test_what_can_be_done_for_no_file_is_status_2_with_a_reason(
    gateway: Gateway,
    pictures: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    words = [
        str(pictures / word) if word.endswith((".png", ".")) and "nowhere" not in word else word for word in arguments
    ]
    assert run(gateway, *words, "-o", tmp_path / "out") == 2
    assert said in capsys.readouterr().err


def test_no_server_is_said_in_a_sentence(pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--url", "http://127.0.0.1:9", "rotate right", str(pictures / "a.png")]) == 2
    assert "./scripts/serve" in capsys.readouterr().err


def test_a_key_is_sent(make_gateway: Callable[..., Gateway]) -> None:
    gateway = make_gateway(api_key="secret")
    with pytest.raises(Stopped):
        Client(gateway.url).plan("rotate right")
    assert Client(gateway.url, "secret").plan("rotate right") == [{"op": "rotate", "degrees": 90}]


def test_a_busy_server_is_asked_again_after_the_time_it_says(gateway: Gateway) -> None:
    waited: list[float] = []
    gateway.stage.failure = Busy("busy", retry_after=3)
    client = Client(gateway.url, sleep=waited.append)
    assert client.edit(png(photo()), "a.png", {"operations": '[{"op":"generate","prompt":"a dog"}]'})
    assert waited == [3.0]


def test_names_of_any_letters_travel(gateway: Gateway) -> None:
    body, kind = encode_form({"a": "é"}, {"image": ('o"\r\n犬.png', b"x")})
    assert body.count(b"filename=") == 1 and "é".encode() in body and kind.startswith("multipart/form-data")
    several, _ = encode_form({"lora": ["one", "two:0.5"]}, {})
    assert several.count(b'name="lora"') == 2 and b"one" in several and b"two:0.5" in several
    with pytest.raises(FileRefused, match="unreadable_image"):
        Client(gateway.url).edit(b"x", '"犬\n.png', {"operations": '[{"op":"invert"}]'})


def test_it_runs_as_a_program(gateway: Gateway, pictures: Path, tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "scripts" / "edit"), "add a dog and rotate right", str(pictures / "a.png")]
    environment = {"TAWNY_URL": gateway.url, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    result = Image.open(io.BytesIO((tmp_path / "edited" / "a.png").read_bytes()))
    assert result.size == (40, 60)
    facts = json.loads(result.info["tawny"])
    assert [step["op"] for step in facts["operations"]] == ["generate", "rotate"]
