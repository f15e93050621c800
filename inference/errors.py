"""Every way in which Tawny says no, as one tree.

    TawnyError
      Refused        the caller can mend it     UnreadableImage UnreadableAudio TooLarge CommandNotUnderstood
                                                InvalidPlan InvalidRequest MaskMismatch MaskRequired UnknownModel
                                                UnknownVoice ModelInUse NotFinished UnknownJob
      Unavailable    the operator can mend it   EngineNotInstalled WeightsMissing DeviceLost OutOfMemory Busy
                                                GpuRequired ShuttingDown DeadlinePassed
                                                DiskFull
      Cancelled      the client left
      EngineFailed   ours; the cause is chained

Each class has a stable ``code``, which callers may compare, and a message for people, which they may not. The
message of an `Unavailable` names the command or the setting that mends it. Nothing here knows HTTP: which status an
error becomes is decided in ``api/problems.py``.

Errors cross from a worker's process to the gateway's as ``(class name, fields)``; see `describe` and `restore`.
"""

from __future__ import annotations

from typing import Any, ClassVar


class TawnyError(Exception):
    """Something that Tawny says on purpose.

    ``code`` is stable and machine-readable. ``param`` names the field of the request that is at fault, if one is.
    """

    code: ClassVar[str] = "tawny_error"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


class Refused(TawnyError):
    """The request cannot be done as asked; the caller can mend it."""

    code = "refused"


class InvalidRequest(Refused):
    """A field is missing, unknown, malformed or out of range."""

    code = "invalid_request"


class UnreadableImage(Refused):
    """The bytes are no picture that can be decoded whole."""

    code = "unreadable_image"


class UnreadableAudio(Refused):
    """The bytes are no sound that can be decoded."""

    code = "unreadable_audio"


class TooLarge(Refused):
    """More bytes, pixels, seconds or characters than the limit in force."""

    code = "too_large"


class CommandNotUnderstood(Refused):
    """The sentence holds no edit. The message offers three things one could say instead."""

    code = "no_operation"


class InvalidPlan(Refused):
    """A list of operations that the vocabulary does not allow, or that this picture does not allow."""

    code = "invalid_plan"


class MaskMismatch(Refused):
    """The mask has another size than the picture, or selects nothing."""

    code = "mask_mismatch"


class MaskRequired(Refused):
    """The words name a thing whose place in the picture cannot be told without a mask."""

    code = "mask_required"


class UnknownModel(Refused):
    """No model of the catalogue has this name, or it serves another engine."""

    code = "model_not_found"


class UnknownVoice(Refused):
    """No installed voice has this name."""

    code = "voice_not_found"


class ModelInUse(Refused):
    """The model works for somebody, so it cannot be unloaded now."""

    code = "model_in_use"


class UnknownJob(Refused):
    """No job has this id: it never was, it was deleted, or its time to be kept is over."""

    code = "job_not_found"


class NotFinished(Refused):
    """The job has no result yet."""

    code = "job_not_finished"


class Unavailable(TawnyError):
    """The request is fine; this machine cannot do it now. The operator can mend it, and the message says how."""

    code = "unavailable"


class EngineNotInstalled(Unavailable):
    """A Python package that the engine runs on is not installed."""

    code = "engine_not_installed"


class WeightsMissing(Unavailable):
    """A model of the catalogue has not been fetched, or not wholly."""

    code = "weights_missing"


class DeviceLost(Unavailable):
    """The GPU stopped answering."""

    code = "device_lost"


class OutOfMemory(Unavailable):
    """The model or the request does not fit into the memory that is left."""

    code = "out_of_memory"


class GpuRequired(Unavailable):
    """The caller or the operator insists on a GPU, and none is proven to work."""

    code = "gpu_required"


class Busy(Unavailable):
    """The queue is full. ``retry_after`` is a guess in seconds at when there will be room."""

    code = "busy"

    def __init__(self, message: str, *, param: str | None = None, retry_after: float = 5.0) -> None:
        super().__init__(message, param=param)
        self.retry_after = retry_after


class ShuttingDown(Unavailable):
    """The server is finishing what runs and takes nothing new."""

    code = "shutting_down"


class DeadlinePassed(Unavailable):
    """The work took longer than the operator allows for its kind."""

    code = "deadline_passed"


class DiskFull(Unavailable):
    """What must be kept cannot be written."""

    code = "disk_full"


class Cancelled(TawnyError):
    """The caller left or asked to stop. Never an error to a person; logged only."""

    code = "cancelled"


class EngineFailed(TawnyError):
    """An engine broke: its process died, hung or raised what it should not."""

    code = "engine_failed"


def _tree(root: type[TawnyError]) -> dict[str, type[TawnyError]]:
    found = {root.__name__: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


def describe(error: TawnyError) -> tuple[str, dict[str, Any]]:
    """Return ``(class name, fields)``: plain values that survive a process boundary; `restore` is its inverse."""
    fields: dict[str, Any] = {"message": error.message, "param": error.param}
    if isinstance(error, Busy):
        fields["retry_after"] = error.retry_after
    return type(error).__name__, fields


def restore(name: str, fields: dict[str, Any]) -> TawnyError:
    """Make again the error that `describe` took apart; an unknown name becomes `EngineFailed`."""
    kind = _tree(TawnyError).get(name, EngineFailed)
    return kind(**fields)
