"""The child of `probe.py`: computes on the GPU and on the CPU, and compares. A program, in a worker's environment.

    python -m inference.hardware.probe_child torch
    python -m inference.hardware.probe_child ctranslate2 [--model FOLDER]

It prints one JSON object per line: {"step": ...} before each step and {"ok": ..., "reason": ...} at the end.
`--device cpu` compares the CPU with itself, which proves nothing but this program.

Matrix product, convolution and attention, in float32 and in bfloat16, each several times: the three kinds of kernel
that the engines live on (rocBLAS or hipBLASLt, MIOpen, AOTriton), each from a library of its own that can be broken
by itself. The reference is computed in float32 on the CPU from the same, already rounded inputs. float32 must pass;
bfloat16 that computes wrongly or not at all costs only bfloat16.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import math
import signal
import sys
from collections.abc import Callable
from typing import Any

ROUNDS = 3
# Relative to the largest value of the reference. float32 leaves room for another order of summation, bfloat16 for its
# 8 bits.
TOLERANCE = {"float32": 2e-3, "bfloat16": 4e-2}


class WrongNumbersError(Exception):
    """The GPU answered, and answered wrongly."""


class UnusableError(Exception):
    """A plain no, in words for a person."""


def say(**fields: object) -> None:
    """One line to the parent, at once: this process may be dead a moment later."""
    print(json.dumps(fields), flush=True)  # noqa: T201


def compare(name: str, got: Any, expected: Any, tolerance: float) -> float:
    """The largest relative error of two float32 arrays on the CPU; `WrongNumbersError` past `tolerance` or at a NaN."""
    error = float(abs(got - expected).max() / abs(expected).max())
    if not math.isfinite(error):
        raise WrongNumbersError(f"{name} gave values that are no numbers (NaN or infinity)")
    if error > tolerance:
        raise WrongNumbersError(
            f"{name} differs from the CPU by {error:.2g} of the largest value (allowed: {tolerance:g})"
        )
    return error


def operations(torch: Any) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Name -> (function, float32 inputs on the CPU). Always the same numbers."""
    draw = torch.Generator().manual_seed(20)

    def random(*shape: int) -> Any:
        return torch.randn(*shape, generator=draw)

    functional = torch.nn.functional
    return {
        "matrix product": (torch.matmul, (random(384, 512), random(512, 256))),
        "convolution": (lambda x, w: functional.conv2d(x, w, padding=1), (random(1, 32, 48, 48), random(64, 32, 3, 3))),
        "attention": (functional.scaled_dot_product_attention, tuple(random(1, 8, 256, 64) for _ in range(3))),
    }


def on_device(compute: Callable[..., Any], inputs: tuple[Any, ...], device: str) -> Any:
    """Compute there, bring the result back as float32. The copy waits for the device."""
    return compute(*(value.to(device) for value in inputs)).float().cpu()


def check_dtype(torch: Any, device: str, dtype: str) -> dict[str, float]:
    """Largest error per operation in one number format; `WrongNumbersError` as soon as one is too large."""
    errors: dict[str, float] = {}
    with torch.inference_mode():
        for name, (compute, inputs) in operations(torch).items():
            label = f"{name} in {dtype}"
            say(step=label)
            rounded = tuple(value.to(getattr(torch, dtype)) for value in inputs)
            expected = compute(*(value.float() for value in rounded))
            for _ in range(ROUNDS):
                error = compare(label, on_device(compute, rounded, device), expected, TOLERANCE[dtype])
                errors[label] = max(errors.get(label, 0.0), error)
    return errors


def check_target(torch: Any) -> tuple[str, str | None]:
    """Name and target of the GPU as torch sees it; raises when torch was not built for it."""
    properties = torch.cuda.get_device_properties(0)
    built = (torch._C._cuda_getArchFlags() or "").split()
    if torch.version.hip:
        # An override is seen here as the real thing. get_device_capability() would be (11, 5): no SM level, never used.
        target = str(properties.gcnArchName).split(":", 1)[0]
        if built and target not in {name.split(":", 1)[0] for name in built}:
            raise UnusableError(f"torch was built for {' '.join(built)}, not for {target}")
        return properties.name, target
    major, minor = properties.major, properties.minor
    # Code for sm_80 also runs on 8.6; "compute_" is portable code that the driver compiles for anything newer.
    usable = [name for name in built if _runs_on(name, major, minor)]
    if built and not usable:
        raise UnusableError(f"torch was built for {' '.join(built)}, not for compute capability {major}.{minor}")
    return properties.name, f"sm_{major}{minor}"


def _runs_on(name: str, major: int, minor: int) -> bool:
    kind, _, number = name.partition("_")
    digits = "".join(character for character in number if character.isdigit())
    if not digits:
        return True
    level = (int(digits[:-1] or 0), int(digits[-1]))
    if kind == "compute":
        return level <= (major, minor)
    return level[0] == major and level[1] <= minor


def probe_torch(device: str) -> dict[str, Any]:
    """The whole proof for torch; raises what goes wrong."""
    say(step="import of torch")
    import torch

    facts: dict[str, Any] = {}
    if device != "cpu":
        say(step="the search for a GPU")
        if not torch.cuda.is_available():
            raise UnusableError("torch sees no GPU (torch.cuda.is_available() is False)")
        facts["device"], facts["target"] = check_target(torch)
        say(step="the first allocation")
        torch.ones(1 << 20, device=device).sum().item()
        facts["free"], facts["total"] = torch.cuda.mem_get_info()
        # On NVIDIA, TF32 would cost the float32 comparison ten bits.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    errors = check_dtype(torch, device, "float32")
    reason = "matrix product, convolution and attention agree with the CPU in float32"
    try:
        errors |= check_dtype(torch, device, "bfloat16")
        facts["bfloat16"] = True
        reason += " and bfloat16"
    except (WrongNumbersError, RuntimeError, NotImplementedError) as error:
        facts["bfloat16"] = False
        reason += f", not in bfloat16 ({_first_line(error)})"
    return facts | {"ok": True, "reason": reason, "errors": errors}


def probe_ctranslate2(model: str | None, device: str) -> dict[str, Any]:
    """Whether CTranslate2 itself finds a GPU and, given a Whisper model, hears on it as on the CPU."""
    say(step="import of ctranslate2")
    import ctranslate2

    name = f"CTranslate2 {ctranslate2.__version__}"
    if device != "cpu":
        say(step="the count of its GPUs")
        count = ctranslate2.get_cuda_device_count()
        if count < 1:
            raise UnusableError(f"{name} finds no GPU it can use")
        say(step="a copy to the GPU and back")
        import numpy

        values = numpy.linspace(-1.0, 1.0, 4096, dtype=numpy.float32)
        there = ctranslate2.StorageView.from_array(values).to_device(ctranslate2.Device.cuda)
        if not numpy.array_equal(values, numpy.array(there.to_device(ctranslate2.Device.cpu))):
            raise WrongNumbersError(f"{name} did not get back from the GPU what it had put there")
        if model is None:
            return {"ok": True, "reason": f"{name} counts {count} GPU(s) and copies to and fro"}
    error = check_hearing(ctranslate2, model or "", device)
    return {"ok": True, "reason": f"{name} hears as on the CPU, {ROUNDS} times over", "errors": {"encoder": error}}


def encode_and_decode(ctranslate2: Any, model: Any) -> tuple[Any, list[int]]:
    """What the encoder makes of fixed noise, float32, and 24 tokens that the decoder is made to say about it."""
    import numpy

    noise = numpy.random.default_rng(20).standard_normal((1, model.n_mels, 3000), dtype=numpy.float32)
    encoded = model.encode(ctranslate2.StorageView.from_array(noise * numpy.float32(0.3)), to_cpu=True)
    start = 50258 if model.is_multilingual else 50257
    # The end of text, one before the start, is forbidden: a decoder that falls silent is what is looked for.
    said = model.generate(encoded, [[start]], beam_size=1, max_length=48, suppress_tokens=[start - 1])
    return numpy.array(encoded, dtype=numpy.float32), list(said[0].sequences_ids[0])


def check_hearing(ctranslate2: Any, path: str, device: str) -> float:
    """Largest relative error of the encoder; `WrongNumbersError` when it or the decoder disagrees."""
    say(step="loading the model on the CPU")
    expected, spoken = encode_and_decode(ctranslate2, ctranslate2.models.Whisper(path, compute_type="float32"))
    say(step="loading the model on the GPU")
    # float16 is what the transcriber computes in there.
    kind = "float32" if device == "cpu" else "float16"
    model = ctranslate2.models.Whisper(path, device=device, compute_type=kind)
    worst, first = 0.0, None
    for _ in range(ROUNDS):
        say(step="hearing on the GPU")
        encoded, tokens = encode_and_decode(ctranslate2, model)
        worst = max(worst, compare("the encoder", encoded, expected, TOLERANCE["bfloat16"]))
        first = tokens if first is None else first
        if tokens != first or len(tokens) != len(spoken):
            raise WrongNumbersError("the decoder does not say the same each time, or says less than on the CPU")
    return worst


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def end_with_parent() -> None:
    """Have the kernel kill this process when whoever started it is gone: a hung driver call leaves no orphan."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def main(arguments: list[str]) -> int:
    """0 when the answer was given, whatever it is: dying is for those who cannot answer."""
    library = arguments[0] if arguments else "torch"
    options = dict(zip(arguments[1::2], arguments[2::2], strict=False))
    device = options.get("--device", "cuda")
    try:
        answer = probe_ctranslate2(options.get("--model"), device) if library == "ctranslate2" else probe_torch(device)
    except WrongNumbersError as error:
        answer = {"ok": False, "outcome": "wrong", "reason": str(error)}
    except UnusableError as error:
        answer = {"ok": False, "outcome": "raised", "reason": str(error)}
    except Exception as error:
        answer = {"ok": False, "outcome": "raised", "reason": _first_line(error)}
    say(**answer)
    return 0


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(sys.argv[1:]))
