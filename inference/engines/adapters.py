"""LoRA adapters on a loaded diffusers pipeline: the model's own, and those that a request asks for.

    adapters = Adapters(pipeline, own=(folder, "pytorch_lora_weights.safetensors"))
    adapters.use((Lora("pixel-art", path, 0.8),))     # until the next call says otherwise

Files are safetensors; a pickle is never opened. A few adapters stay loaded, since loading costs more than switching.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inference.errors import InvalidRequest
from inference.loras import Lora

KEPT = 4
_OWN = "own"


class Adapters:
    """The adapters of one pipeline."""

    def __init__(self, pipeline: Any, own: tuple[Path, str] | None = None) -> None:
        self._pipeline = pipeline
        self._own = own is not None
        self._loaded: dict[tuple[str, int], str] = {}
        self._count = 0
        self._any = False
        if own is not None:
            self._load(*own, _OWN)

    def use(self, loras: tuple[Lora, ...]) -> None:
        """Make ``loras`` and the model's own adapter act, and no others. Raises `InvalidRequest` for one that does not
        fit the model.
        """
        names, strengths = ([_OWN], [1.0]) if self._own else ([], [])
        for lora in loras:
            names.append(self._find(lora))
            strengths.append(lora.weight)
        if names:
            self._pipeline.enable_lora()
            self._pipeline.set_adapters(names, adapter_weights=strengths)
        elif self._any:
            self._pipeline.disable_lora()
        while len(self._loaded) > max(KEPT, len(loras)):
            oldest = next(key for key, name in self._loaded.items() if name not in names)
            self._pipeline.delete_adapters(self._loaded.pop(oldest))

    def _find(self, lora: Lora) -> str:
        """Return the name under which the pipeline has ``lora``, loading it if need be; a changed file is another."""
        key = str(lora.path), lora.path.stat().st_mtime_ns
        name = self._loaded.pop(key, None)
        if name is None:
            self._count += 1
            name = f"lora{self._count}"  # a name of our own: the library's names must not hold dots
            try:
                self._load(lora.path.parent, lora.path.name, name)
            except Exception as error:  # The libraries raise whatever the file makes them stumble over.
                self._forget(name)
                raise InvalidRequest(f"The LoRA {lora.name} does not fit this model: {error}", param="lora") from error
        self._loaded[key] = name  # used last
        return name

    def _load(self, folder: Path, file: str, name: str) -> None:
        self._pipeline.load_lora_weights(
            str(folder), weight_name=file, adapter_name=name, local_files_only=True, use_safetensors=True
        )
        self._any = True
        if not any(name in names for names in self._pipeline.get_list_adapters().values()):
            raise ValueError("none of its layers is in this model")

    def _forget(self, name: str) -> None:
        """Take away what a failed load left behind."""
        if any(name in names for names in self._pipeline.get_list_adapters().values()):
            self._pipeline.delete_adapters(name)
