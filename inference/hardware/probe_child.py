"""The child of `probe.py`: computes on the GPU and on the CPU, and compares. A program, in a worker's environment.

    python -m inference.hardware.probe_child torch
    python -m inference.hardware.probe_child ctranslate2

It prints one JSON object per line: {"step": ...} before each step and {"ok": ..., "reason": ...} at the end.
`--device cpu` compares the CPU with itself, which proves nothing but this program.

Matrix product, convolution and attention, in float32 and in bfloat16, each several times: the three kinds of kernel
that the engines live on (rocBLAS or hipBLASLt, MIOpen, AOTriton), each from a library of its own that can be broken
by itself. The reference is computed in float32 on the CPU from the same, already rounded inputs. float32 must pass;
bfloat16 that computes wrongly or not at all costs only bfloat16.
"""

from __future__ import annotations

import json
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
    """The largest relative error of two CPU float32 tensors; `WrongNumbersError` past `tolerance` or at a NaN."""
    if not bool(got.isfinite().all()):
        raise WrongNumbersError(f"{name} gave values that are no numbers (NaN or infinity)")
    error = float((got - expected).abs().max() / expected.abs().max())
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


def probe_ctranslate2() -> dict[str, Any]:
    """Whether this build of CTranslate2 finds a GPU by itself; torch is not asked and not imported."""
    say(step="import of ctranslate2")
    import ctranslate2

    say(step="the count of its GPUs")
    count = ctranslate2.get_cuda_device_count()
    if count < 1:
        raise UnusableError(f"CTranslate2 {ctranslate2.__version__} finds no GPU it can use")
    say(step="a copy to the GPU and back")
    import numpy

    values = numpy.linspace(-1.0, 1.0, 4096, dtype=numpy.float32)
    there = ctranslate2.StorageView.from_array(values).to_device(ctranslate2.Device.cuda)
    back = numpy.array(there.to_device(ctranslate2.Device.cpu))
    if not numpy.array_equal(values, back):
        raise WrongNumbersError("CTranslate2 did not get back from the GPU what it had put there")
    types = sorted(ctranslate2.get_supported_compute_types("cuda"))
    return {
        "ok": True,
        "reason": f"CTranslate2 {ctranslate2.__version__} counts {count} GPU(s) and copies to and fro",
        "bfloat16": "bfloat16" in types,
    }


def _first_line(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def main(arguments: list[str]) -> int:
    """0 when the answer was given, whatever it is: dying is for those who cannot answer."""
    library = arguments[0] if arguments else "torch"
    device = "cpu" if "--device" in arguments and "cpu" in arguments else "cuda"
    try:
        answer = probe_ctranslate2() if library == "ctranslate2" else probe_torch(device)
    except WrongNumbersError as error:
        answer = {"ok": False, "outcome": "wrong", "reason": str(error)}
    except UnusableError as error:
        answer = {"ok": False, "outcome": "raised", "reason": str(error)}
    except Exception as error:
        answer = {"ok": False, "outcome": "raised", "reason": _first_line(error)}
    say(**answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
