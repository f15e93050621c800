"""The segmenter on tiny random models of both kinds, through the loading code that real ones take."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from inference.catalogue import Catalogue
from inference.engine import Weights
from inference.engines.segmenter import Segmenter
from inference.errors import InvalidRequest
from inference.events import Event
from inference.hardware.device import Device
from inference.settings import Settings
from tests.tiny_models import make_tokenizer

CPU = Device("cpu", "cpu", "float32", "a test")

# The libraries warn of each other's coming changes when they load.
pytestmark = pytest.mark.filterwarnings("ignore")


def finish(verb: Iterator[Event]) -> Any:
    while True:
        try:
            next(verb)
        except StopIteration as end:
            return end.value


def photo(width: int = 90, height: int = 60) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8), "RGB")


@pytest.fixture(scope="module")
def clipseg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import CLIPSegConfig, CLIPSegForImageSegmentation, CLIPSegProcessor, ViTImageProcessor

    folder = tmp_path_factory.mktemp("clipseg")
    tokenizer = make_tokenizer(folder)
    torch.manual_seed(0)
    small = {"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 3}
    config = CLIPSegConfig(
        text_config={
            **small, "vocab_size": len(tokenizer), "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id, "max_position_embeddings": 77,
        },
        vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=32, reduce_dim=16, extract_layers=[0, 1, 2], decoder_num_attention_heads=4,
        decoder_intermediate_size=37,
    )  # fmt: skip
    with warnings.catch_warnings(action="ignore"):
        CLIPSegForImageSegmentation(config).save_pretrained(folder)
        CLIPSegProcessor(ViTImageProcessor(size={"height": 32, "width": 32}), tokenizer).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def grounded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Grounding DINO and SAM, random."""
    from transformers import (
        BertConfig,
        BertTokenizer,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoProcessor,
        SamConfig,
        SamModel,
        SamProcessor,
        SwinConfig,
    )
    from transformers.models.grounding_dino.image_processing_pil_grounding_dino import GroundingDinoImageProcessorPil
    from transformers.models.sam.image_processing_pil_sam import SamImageProcessorPil

    folder = tmp_path_factory.mktemp("grounded")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "red", "car", "the"]
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"))
    torch.manual_seed(0)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64, embed_dim=16, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=BertConfig(
            vocab_size=len(words), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=37
        ),
        d_model=32, encoder_layers=1, encoder_ffn_dim=32, encoder_attention_heads=2, decoder_layers=2,
        decoder_ffn_dim=32, decoder_attention_heads=2, num_queries=5, num_feature_levels=4, encoder_n_points=2,
        decoder_n_points=2, max_text_len=16,
    )  # fmt: skip
    sam = SamConfig(
        vision_config={
            "hidden_size": 32, "output_channels": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 64, "patch_size": 8, "mlp_dim": 37, "num_pos_feats": 8, "global_attn_indexes": [1],
        },
        prompt_encoder_config={"hidden_size": 16, "image_size": 64, "patch_size": 8, "mask_input_channels": 8},
        mask_decoder_config={
            "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_dim": 37,
            "iou_head_hidden_dim": 16,
        },
    )  # fmt: skip
    with warnings.catch_warnings(action="ignore"):
        GroundingDinoForObjectDetection(config).save_pretrained(folder / "dino")
        looks = GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96})
        GroundingDinoProcessor(looks, tokenizer).save_pretrained(folder / "dino")
        SamModel(sam).save_pretrained(folder / "sam")
        cuts = SamImageProcessorPil(size={"longest_edge": 64}, pad_size={"height": 64, "width": 64})
        SamProcessor(cuts).save_pretrained(folder / "sam")
    return {"dino": folder / "dino", "sam": folder / "sam"}


def load(folder: Path, parts: dict[str, Path] | None = None, **options: Any) -> Segmenter:
    engine = Segmenter()
    engine.load(Weights("a-model", folder, options=options, parts=parts or {}), CPU)
    return engine


def find(engine: Segmenter, words: str = "the red car", image: Image.Image | None = None) -> np.ndarray[Any, Any]:
    image = image or photo()
    mask = finish(engine.find(image, words))
    assert (mask.mode, mask.size) == ("L", image.size)
    found = np.asarray(mask)
    assert set(np.unique(found)) <= {0, 255}
    return found


def test_clipseg_marks_what_it_is_sure_of(clipseg: Path) -> None:
    half = load(clipseg, threshold=float(np.median(_sureness(clipseg))))
    share = float((find(half) == 255).mean())
    assert 0.2 < share < 0.8
    assert (find(load(clipseg, threshold=0.0)) == 255).all()
    assert not find(load(clipseg, threshold=1.0)).any(), "nothing found is an empty mask"
    assert (find(half) == find(half)).all()


def _sureness(folder: Path) -> np.ndarray[Any, Any]:
    engine = load(folder)
    finder: Any = engine._finder
    inputs = finder._processor(text=["the red car"], images=[photo()], return_tensors="pt")
    with torch.inference_mode():
        sure: np.ndarray[Any, Any] = finder._model(**inputs).logits.sigmoid().numpy()
    return sure


@pytest.mark.parametrize("words", ["x", "the man's hat, 2 of them!", "犬 🙂", "long " * 300])
def test_any_words_are_taken(clipseg: Path, grounded: dict[str, Path], words: str) -> None:
    find(load(clipseg), words)
    find(load(grounded["dino"], grounded, threshold=0.0), words)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (300, 5)])
def test_any_size_is_taken(clipseg: Path, size: tuple[int, int]) -> None:
    find(load(clipseg), image=photo(*size))


def test_grounding_dino_boxes_are_cut_out_by_sam(grounded: dict[str, Path]) -> None:
    engine = load(grounded["dino"], grounded, threshold=0.0)
    assert find(engine).shape == (60, 90)
    assert (find(engine) == find(engine)).all()
    assert not find(load(grounded["dino"], grounded, threshold=1.0)).any(), "no box, no mask"


def test_what_finds_nothing_by_words_says_so(grounded: dict[str, Path]) -> None:
    with pytest.raises(InvalidRequest, match="sam"):
        load(grounded["sam"])


def test_the_catalogues_rows_are_kinds_that_are_known_and_fetch_no_pickle() -> None:
    catalogue = Catalogue.load(Settings().manifest)
    rows = [row for row in catalogue if row.engine == Segmenter.name]
    assert {row.id for row in rows} == {"clipseg-rd64-refined", "grounding-dino-tiny", "sam-vit-base"}
    assert dict(catalogue.row("grounding-dino-tiny").parts) == {"sam": "sam-vit-base"}
    wanted = catalogue.with_bases([catalogue.row("grounding-dino-tiny")])
    assert [row.id for row in wanted] == ["sam-vit-base", "grounding-dino-tiny"]
    assert all(row.licence == "Apache-2.0" for row in rows)
    assert "pickle" not in json.dumps([str(row.sources) for row in rows])
