"""What was done to a picture, written into its file.

Facts are a mapping of plain values. Known keys are ``prompt`` (or ``command``, or the prompts of ``operations``),
``negative_prompt``, ``steps``, ``sampler``, ``guidance_scale``, ``seed``, ``size``, ``strength``, ``model`` and
``device`` (or ``models`` and ``devices``, which map engines to them); all are optional, and other keys are kept in the
JSON form only. Written are a text in the form that readers of AUTOMATIC1111's ``parameters`` understand (prompt,
negative prompt, one line of ``Name: value`` pairs) and the same as JSON. Here nobody asks what the facts mean.

    as_parameters({"prompt": "add a dog", "seed": 7, "steps": 20}) == "add a dog\\nSteps: 20, Seed: 7, Version: Tawny"
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

from PIL.PngImagePlugin import PngInfo

_LABELS = {
    "steps": "Steps",
    "sampler": "Sampler",
    "guidance_scale": "CFG scale",
    "seed": "Seed",
    "size": "Size",
    "model": "Model",
    "strength": "Denoising strength",
    "device": "Device",
}
# One segment of a JPEG holds 65,533 bytes, and the packet has a frame.
_MOST_PACKET_BYTES = 60_000


def as_parameters(facts: Mapping[str, Any]) -> str:
    """Return the AUTOMATIC1111 text. Line breaks inside values become spaces: there they separate the parts."""
    facts = {**facts, "model": _pick(facts, "model"), "device": _pick(facts, "device")}
    prompts = [step["prompt"] for step in facts.get("operations") or () if "prompt" in step]
    lines = [_one_line(facts.get("prompt") or facts.get("command") or ", ".join(prompts))]
    if facts.get("negative_prompt"):
        lines.append(f"Negative prompt: {_one_line(facts['negative_prompt'])}")
    pairs = [f"{label}: {_value(facts[key])}" for key, label in _LABELS.items() if facts.get(key) is not None]
    if pairs:
        # Readers take a last line of fewer than three pairs for words of the prompt.
        lines.append(", ".join([*pairs, "Version: Tawny"]))
    return "\n".join(lines)


def as_json(facts: Mapping[str, Any]) -> str:
    """Return all facts as compact JSON in ASCII, keys in their own order."""
    return json.dumps(dict(facts), separators=(",", ":"), default=str)


def as_text(facts: Mapping[str, Any]) -> PngInfo:
    """Return the text chunks of a PNG: ``parameters`` and ``tawny``."""
    info = PngInfo()
    info.add_text("parameters", as_parameters(facts).encode("utf-8", "replace").decode())
    info.add_text("tawny", as_json(facts))
    return info


def as_packet(facts: Mapping[str, Any]) -> bytes:
    """Return an XMP packet whose ``tawny:facts`` is the JSON, for JPEG and WebP; empty facts if it is too long."""
    content = as_json(facts)
    if len(content) > _MOST_PACKET_BYTES:
        content = "{}"
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:tawny="urn:tawny:facts:1" tawny:facts={quoteattr(content)}/>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _pick(facts: Mapping[str, Any], name: str) -> object:
    """Return what painted, if anything did; else all engines, as "engine=value"."""
    by_engine: Mapping[str, str] = facts.get(f"{name}s") or {}
    several = ", ".join(f"{engine}={value}" for engine, value in by_engine.items())
    return facts.get(name) or by_engine.get("inpainter") or several or None


def _one_line(value: object) -> str:
    return " ".join(str(value).split())


def _value(value: object) -> str:
    text = _one_line(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ',:"') else text
