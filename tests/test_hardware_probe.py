"""The proof in a child process: children that really crash, abort, hang, raise, lie and compute wrongly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from inference.hardware import child, probe
from inference.hardware.device import Library
from inference.hardware.machine import survey
from inference.hardware.probe import Verdict, VerdictStore

QUICK = 30.0
HEAD = "import json, os, signal, sys, time\ndef say(**f): print(json.dumps(f), flush=True)\n"


def run(body: str, *, patience: float = QUICK, grace: float = 2.0, library: Library = "torch") -> Verdict:
    return probe.run_probe(library, [sys.executable, "-c", HEAD + body], dict(os.environ), patience, grace)


def test_a_child_that_passes() -> None:
    verdict = run(
        "print('chatter of a library')\nsay(step='the first allocation')\n"
        "say(ok=True, reason='agrees', bfloat16=True, device='X', target='gfx1151', free=5, total=7, errors={'a': 0.5})"
    )
    assert (verdict.ok, verdict.outcome, verdict.reason, verdict.bfloat16) == (True, "proved", "agrees", True)
    assert (verdict.device, verdict.target, verdict.free, verdict.total) == ("X", "gfx1151", 5, 7)
    assert verdict.errors == {"a": 0.5}
    assert verdict.seconds > 0


def test_a_real_segmentation_fault() -> None:
    verdict = run("say(step='the first allocation')\nimport ctypes\nctypes.string_at(0)")
    assert (verdict.ok, verdict.outcome) == (False, "crashed")
    assert "killed by SIGSEGV during the first allocation" in verdict.reason


def test_a_real_abort_with_the_runtimes_last_words() -> None:
    verdict = run(
        "say(step='convolution in float32')\n"
        "print('Memory access fault by GPU node-1', file=sys.stderr, flush=True)\nos.abort()"
    )
    assert verdict.outcome == "crashed"
    assert verdict.reason == (
        "the probe was killed by SIGABRT during convolution in float32: Memory access fault by GPU node-1"
    )


def test_a_crash_after_the_answer_is_a_crash() -> None:
    verdict = run("say(ok=True, reason='fine')\nos.kill(os.getpid(), signal.SIGSEGV)")
    assert (verdict.ok, verdict.outcome) == (False, "crashed")


def test_a_real_hang_is_stopped() -> None:
    started = time.monotonic()
    verdict = run("say(step='attention in bfloat16')\nwhile True: time.sleep(60)", patience=1.0)
    assert (verdict.ok, verdict.outcome) == (False, "hung")
    assert "no answer for 1 s" in verdict.reason
    assert time.monotonic() - started < 20


def test_a_hang_that_ignores_the_polite_signal_is_killed_with_its_children() -> None:
    script = 'trap "" TERM; sleep 600 & echo $!; while :; do sleep 600; done'
    ended = child.run_child(["sh", "-c", script], dict(os.environ), patience=2.0, grace=0.2)
    assert ended.how == "stopped at the limit"
    orphan = int(ended.output.strip())
    deadline = time.monotonic() + 10
    while _lives(orphan) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert not _lives(orphan)


def _lives(process: int) -> bool:
    """Whether it runs: a zombie that waits for its collector does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Unkillable:
    """A process inside a driver call that no signal ends: `wait` never returns."""

    def __init__(self) -> None:
        # A process group that surely is not there, so that no signal meets anybody.
        self.pid = 2**22 + 1
        self.released = threading.Event()
        self.collected = threading.Event()

    def wait(self, timeout: float | None = None) -> int:
        if timeout is not None:
            raise subprocess.TimeoutExpired("child", timeout)
        self.released.wait()
        self.collected.set()
        return -9


def test_an_unkillable_child_is_left_to_the_reaper() -> None:
    process = Unkillable()
    assert child.stop(process, grace=0.0) is False
    assert not process.collected.is_set()
    process.released.set()
    assert process.collected.wait(10)


def test_an_exception_gives_its_text() -> None:
    verdict = run("say(step='import of torch')\nraise RuntimeError('HIP error: invalid device function')")
    assert (verdict.ok, verdict.outcome) == (False, "raised")
    assert "during import of torch: RuntimeError: HIP error: invalid device function" in verdict.reason


def test_an_answer_of_no() -> None:
    verdict = run("say(ok=False, outcome='raised', reason='torch sees no GPU')")
    assert (verdict.ok, verdict.outcome, verdict.reason) == (False, "raised", "torch sees no GPU")


def test_silence_is_no_proof() -> None:
    verdict = run("pass")
    assert (verdict.ok, verdict.outcome) == (False, "raised")
    assert "exit code 0 and no answer" in verdict.reason


def test_a_bad_exit_code_after_a_good_answer() -> None:
    assert not run("say(ok=True, reason='fine')\nsys.exit(3)").ok


def test_a_program_that_is_not_there() -> None:
    verdict = probe.run_probe("torch", ["/nonexistent/python"], {}, QUICK)
    assert (verdict.ok, verdict.outcome) == (False, "raised")


def run_real_child(corruption: str, *, environment: Mapping[str, str] | None = None) -> Verdict:
    """The project's own child on the CPU, with one of its functions replaced: the numbers really are wrong."""
    body = (
        "from inference.hardware import probe_child as p\nplain = p.on_device\n"
        f"def on_device(compute, inputs, device):\n    result = plain(compute, inputs, device)\n    {corruption}\n"
        "    return result\n"
        "p.on_device = on_device\nsys.exit(p.main(['torch', '--device', 'cpu']))"
    )
    variables = dict(os.environ) | {"OMP_NUM_THREADS": "1"} | dict(environment or {})
    return probe.run_probe("torch", [sys.executable, "-c", HEAD + body], variables, 100.0)


def test_the_real_child_passes_on_sound_numbers() -> None:
    verdict = run_real_child("pass")
    assert verdict.ok, verdict.reason
    assert verdict.bfloat16
    assert len(verdict.errors) == 6


def test_the_real_child_refuses_wrong_numbers() -> None:
    verdict = run_real_child("result.view(-1)[7] += 0.01 * result.abs().max()")
    assert (verdict.ok, verdict.outcome) == (False, "wrong")
    assert "matrix product in float32 differs from the CPU by" in verdict.reason


def test_the_real_child_refuses_nan() -> None:
    verdict = run_real_child("result.view(-1)[0] = float('nan')")
    assert (verdict.ok, verdict.outcome) == (False, "wrong")
    assert "no numbers" in verdict.reason


def test_wrong_bfloat16_costs_only_bfloat16() -> None:
    verdict = run_real_child("result = result * 1.5 if inputs[0].dtype.itemsize == 2 else result")
    assert (verdict.ok, verdict.bfloat16) == (True, False)
    assert "in float32, not in bfloat16 (WrongNumbersError: matrix product in bfloat16 differs" in verdict.reason


def test_a_sound_answer_that_comes_only_the_first_time() -> None:
    verdict = run_real_child(
        "p.calls = getattr(p, 'calls', 0) + 1; result = result if p.calls % 3 == 1 else result * 0"
    )
    assert (verdict.ok, verdict.outcome) == (False, "wrong")


def test_ctranslate2_is_asked_itself() -> None:
    verdict = probe.run_probe("ctranslate2", probe.command_for("ctranslate2"), dict(os.environ), 100.0)
    if verdict.ok:
        pytest.skip("this machine has a GPU that CTranslate2 can use")
    assert verdict.outcome == "raised"
    assert "finds no GPU it can use" in verdict.reason or "during import of ctranslate2" in verdict.reason


WHISPER = Path(__file__).resolve().parent.parent / "models" / "store" / "faster-whisper-tiny.en"


def hear(corruption: str) -> Verdict:
    body = (
        "from inference.hardware import probe_child as p\nplain = p.encode_and_decode\np.calls = 0\n"
        "def encode_and_decode(library, model):\n    encoded, tokens = plain(library, model)\n    p.calls += 1\n"
        f"    if p.calls > 1: {corruption}\n    return encoded, tokens\n"
        "p.encode_and_decode = encode_and_decode\n"
        f"sys.exit(p.main(['ctranslate2', '--model', {str(WHISPER)!r}, '--device', 'cpu']))"
    )
    return probe.run_probe("ctranslate2", [sys.executable, "-c", HEAD + body], dict(os.environ), 100.0)


@pytest.mark.models
@pytest.mark.skipif(not WHISPER.exists(), reason="faster-whisper-tiny.en has not been fetched")
@pytest.mark.parametrize(
    ("corruption", "outcome", "says"),
    [
        ("pass", "proved", "hears as on the CPU"),
        ("encoded = encoded * 0.9", "wrong", "the encoder differs from the CPU"),
        ("tokens = tokens[:5]", "wrong", "says less than on the CPU"),
    ],
)
def test_ctranslate2_is_compared_with_the_cpu(corruption: str, outcome: str, says: str) -> None:
    verdict = hear(corruption)
    assert verdict.outcome == outcome, verdict.reason
    assert says in verdict.reason


KEY = {"library": "torch 2.13.0", "boot": "1", "kernel": "6.18.9"}


@pytest.mark.parametrize("outcome", ["proved", "crashed", "hung", "wrong"])
def test_verdicts_survive_a_restart_under_their_key(tmp_path: Path, outcome: probe.Outcome) -> None:
    verdict = Verdict("torch", outcome == "proved", outcome, "because", free=5, errors={"a": 0.25})
    VerdictStore(tmp_path).save(KEY, verdict)
    again = VerdictStore(tmp_path)
    assert again.load("torch", KEY) == verdict
    assert again.load("ctranslate2", KEY) is None
    for name in KEY:
        assert again.load("torch", KEY | {name: "another"}) is None


def test_what_may_pass_is_not_kept(tmp_path: Path) -> None:
    VerdictStore(tmp_path).save(KEY, Verdict("torch", False, "raised", "out of memory"))
    assert VerdictStore(tmp_path).load("torch", KEY) is None


@pytest.mark.parametrize("text", ["", "[]", "{", '{"key": {}, "verdict": {"odd": 1}}'])
def test_a_spoilt_file_is_no_verdict(tmp_path: Path, text: str) -> None:
    store = VerdictStore(tmp_path)
    store.save(KEY, Verdict("torch", True, "proved", "because"))
    (tmp_path / "hardware/probe-torch.json").write_text(text)
    assert store.load("torch", KEY) is None


def test_a_state_folder_that_cannot_be_written_is_survived(tmp_path: Path) -> None:
    (tmp_path / "hardware").write_text("a file, no folder")
    VerdictStore(tmp_path).save(KEY, Verdict("torch", True, "proved", "because"))


def test_signals_have_names() -> None:
    assert child.signal_name(signal.SIGSEGV) == "SIGSEGV"
    assert child.signal_name(250) == "signal 250"


@pytest.mark.gpu
def test_the_real_probe_on_a_real_gpu(tmp_path: Path) -> None:
    obstacle = survey(state=tmp_path, environment=os.environ).obstacle("torch")
    if obstacle is not None:
        pytest.skip(obstacle.reason)
    verdict = probe.run_probe("torch", probe.command_for("torch"), dict(os.environ))
    assert verdict.ok, verdict.reason
    assert verdict.device
    assert verdict.free
    assert set(verdict.errors) >= {f"{name} in float32" for name in ("matrix product", "convolution", "attention")}
