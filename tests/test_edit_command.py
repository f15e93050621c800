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
    assert run(gateway, "make it a jpeg", file, "-o", out) == 2
    assert (out / "a.png").read_bytes() == first and "--again" in capsys.readouterr().err
    assert run(gateway, "make it a jpeg", file, "-o", out, "--again") == 0
    assert opened(out / "a.jpg").format == "JPEG"
    assert run(gateway, "rotate right", file, "-o", pictures) == 2, "not over the original either"
    assert opened(file).size == (60, 40)


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
    words = [str(pictures / word) if word.endswith(".png") and "nowhere" not in word else word for word in arguments]
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
