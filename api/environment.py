"""Settings from ``TAWNY_...`` variables, and what they mean. The only file of the project that reads the environment.

    settings = read()
    for name, default, sentence in explain(): ...

Lists are separated by commas. A value that cannot be read is a `SettingsError` whose message names the variable; a name
that nobody knows is only a warning.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, fields
from difflib import get_close_matches
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import api.settings
from api.settings import ENGINES, PREFIX, Settings, SettingsError, variable
from inference.settings import ROOT

GPU_PREFIXES = (
    "HSA_", "HIP_", "ROCR_", "ROCM_", "CUDA_", "AMD_", "MIOPEN_", "TORCH_", "PYTORCH_", "CT2_",
    "TAWNY_TUNING", "TAWNY_KERNEL_CHECK", "TAWNY_KEEP_HSA_OVERRIDE",
)  # fmt: skip
"""What the survey of the machine may see of the environment."""

OTHERS = frozenset(
    {
        "TAWNY_TUNING",
        "TAWNY_KERNEL_CHECK",
        "TAWNY_KEEP_HSA_OVERRIDE",
        "TAWNY_TORCH",
        "TAWNY_TORCH_SPEC",
        "TAWNY_TORCH_INDEX",
    }
)
"""Names that mean something to the survey or to the scripts, so no typing mistakes."""


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings that ``environ`` holds, by default this process's own; an empty value counts as unset.

    Raises `SettingsError`.
    """
    environ = os.environ if environ is None else environ
    kinds = get_type_hints(Settings)
    values: dict[str, Any] = {"environment": {k: v for k, v in environ.items() if k.startswith(GPU_PREFIXES)}}
    for name, item, engine in _variables():
        text = environ.get(name, "").strip()
        if not text:
            continue
        kind = kinds[item.name]
        reader, expected = _READERS[kind if engine is None else get_args(kind)[1]]
        try:
            value = reader(text)
        except (ValueError, KeyError):
            # The value itself may be a secret in the wrong variable, so it is not repeated.
            raise SettingsError(f"{name} must be {expected}") from None
        if engine is None:
            values[item.name] = value
        else:
            values.setdefault(item.name, {})[engine] = value
    return Settings(**values)


def unknown(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return one sentence for each ``TAWNY_`` name that means nothing, with the nearest name that does."""
    environ = os.environ if environ is None else environ
    known = {name for name, _, _ in _variables()} | OTHERS
    sentences = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known:
            continue
        near = get_close_matches(name, known, n=1, cutoff=0.0)
        sentences.append(f"{name} is no setting and is ignored; the nearest is {near[0]}")
    return sentences


def explain() -> list[tuple[str, str, str]]:
    """Return for each variable its name, its default and its sentence, as written under the field.

    In sentences about engines "this engine" is the engine's name.
    """
    tree = ast.parse(Path(api.settings.__file__).read_text(encoding="utf-8"))
    body = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Settings").body
    sentences = {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
    return [
        (name, "" if engine else _show(item.default), str(sentences[item.name]).replace("this engine", f"the {engine}"))
        for name, item, engine in _variables()
    ]


def _show(default: object) -> str:
    if isinstance(default, Path):
        return str(default.relative_to(ROOT)) if default.is_relative_to(ROOT) else str(default)
    return "" if default is None or default in ("", ()) else str(default)


def _variables() -> Iterator[tuple[str, Field[Any], str | None]]:
    """Yield every variable's name, its field, and the engine it is about, if it is about one."""
    for item in fields(Settings):
        if "of_engine" in item.metadata:
            for engine in ENGINES:
                yield variable(engine + item.metadata["of_engine"]), item, engine
        elif item.metadata.get("variable", True):
            yield variable(item.name), item, None


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _finite(text: str) -> float:
    number = float(text)
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(text)
    return number


_TRUTHS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

_READERS: dict[Any, tuple[Callable[[str], Any], str]] = {
    str: (str, "text"),
    int: (int, "a whole number"),
    float: (_finite, "a number"),
    float | None: (_finite, "a number"),
    bool: (lambda text: _TRUTHS[text.lower()], "true or false"),
    Path: (_path, "a path"),
    tuple[str, ...]: (_names, "names separated by commas"),
}
