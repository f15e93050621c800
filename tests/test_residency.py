"""Who makes room for whom, which model is taken, and the way from the GPU to the CPU."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from inference import choice as choice_module
from inference.errors import Busy, EngineFailed, GpuRequired, OutOfMemory
from inference.events import Placed, Queued
from inference.hardware.device import Device
from inference.host import ThreadHost
from inference.slots import Slot, make_room
from tests.engines import Counter, Impatient
from tests.machinery import Listener, make_pool, make_row

CPU = Device("cpu", "cpu", "float32", "a test")


def slot(name: str, bytes_: int, idle_since: float = 0.0, state: str = "ready", tmp: Path = Path()) -> Slot:
    """Return a loaded slot of an engine called ``name``."""
    engine = type(name, (Counter,), {"name": name})
    holders: set[object] = {object()} if state == "busy" else set()
    return Slot(
        engine, make_row(name, tmp), state=state, device=CPU, reserved=bytes_, idle_since=idle_since, holders=holders
    )


@pytest.mark.parametrize(
    ("others", "needs", "budget", "pinned", "unloaded", "wait", "possible"),
    [
        ([], 5, 10, [], [], False, True),
        ([("a", 5, 1)], 5, 10, [], [], False, True),
        ([("a", 5, 1)], 6, 10, [], ["a"], False, True),
        ([("a", 5, 2), ("b", 5, 1)], 5, 10, [], ["b"], False, True),
        ([("a", 5, 2), ("b", 5, 1)], 10, 10, [], ["b", "a"], False, True),
        ([("a", 5, 1)], 6, 10, ["a"], [], False, False),
        ([("a", 5, 1), ("b", 2, 2)], 5, 10, ["a"], ["b"], False, True),
        ([("busy", 5, 1)], 6, 10, [], [], True, True),
        ([("busy", 5, 1), ("b", 4, 2)], 6, 10, [], ["b"], True, True),
        ([], 11, 10, [], [], False, False),
        ([("a", 5, 1)], 11, 0, [], [], False, True),
    ],
)
def test_the_rule_of_making_room(
    others: list[tuple[str, int, float]],
    needs: int,
    budget: int,
    pinned: list[str],
    unloaded: list[str],
    wait: bool,
    possible: bool,
) -> None:
    slots = [slot(name, size, idle, "busy" if name == "busy" else "ready") for name, size, idle in others]
    room = make_room(slots, slot("wanted", 0), "cpu", needs, budget, frozenset(pinned))
    assert room.possible == possible
    assert room.wait == wait
    if not wait:
        assert [each.engine.name for each in room.unload] == unloaded


def test_an_idle_engine_makes_room_for_another(tmp_path: Path) -> None:
    rows = [make_row("counter", tmp_path, needs_bytes=60), make_row("impatient", tmp_path, needs_bytes=60)]
    pool = make_pool(tmp_path, *rows, settings={"memory_bytes": 100})
    with pool.lease(Counter, Listener()) as counter:
        counter.call(Counter.count, 1)
    with pool.lease(Impatient, Listener()) as impatient:
        impatient.call(Impatient.count, 1)
        told = pool.describe((Counter, Impatient))
        assert (told["counter"]["state"], told["impatient"]["state"]) == ("unloaded", "busy")
    pool.close()


@pytest.mark.parametrize("round_", range(3))
def test_loads_at_the_same_time_never_pass_the_budget_together(
    tmp_path: Path, round_: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engines: list[type[Counter]] = [type(f"Engine{n}", (Counter,), {"name": f"engine{n}"}) for n in range(6)]
    host = ThreadHost(dict.fromkeys(engines, Counter))
    rows = [make_row(engine.name, tmp_path, needs_bytes=40) for engine in engines]
    pool = make_pool(tmp_path, *rows, host=host, settings={"memory_bytes": 100})
    over: list[int] = []
    start = host.start

    def start_and_measure(*args: Any) -> Any:
        over.append(sum(slot.reserved for slot in pool._residency.all_slots()))
        return start(*args)

    monkeypatch.setattr(host, "start", start_and_measure)
    go = threading.Barrier(len(engines))

    def work(engine: type[Counter]) -> None:
        go.wait(10)
        for _ in range(3):
            with pool.lease(engine, Listener()) as counter:
                assert counter.call(Counter.count, 3) == 6

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "nobody waits for ever"
    assert len(over) >= len(engines)
    assert max(over) <= 100
    pool.close()


def test_a_busy_engine_is_waited_for_never_evicted(tmp_path: Path) -> None:
    rows = [make_row("counter", tmp_path, needs_bytes=60), make_row("impatient", tmp_path, needs_bytes=60)]
    pool = make_pool(tmp_path, *rows, settings={"memory_bytes": 100})
    done = threading.Event()
    waiting = Listener()

    def work() -> None:
        with pool.lease(Impatient, waiting) as impatient:
            impatient.call(Impatient.count, 1)
        done.set()

    with pool.lease(Counter, Listener()) as counter:
        thread = threading.Thread(target=work)
        thread.start()
        assert counter.call(Counter.count, 50) == 1275
        assert not done.is_set()
    thread.join(20)
    assert done.is_set()
    pool.close()


def test_a_model_past_the_whole_budget_is_refused_with_the_mend(tmp_path: Path) -> None:
    pool = make_pool(
        tmp_path, make_row("counter", tmp_path, needs_bytes=101 << 20), settings={"memory_bytes": 100 << 20}
    )
    with pytest.raises(OutOfMemory, match="TAWNY_COUNTER"), pool.lease(Counter, Listener()):
        pass


def test_a_model_that_does_not_load_is_passed_over_for_the_next_and_that_is_said(tmp_path: Path) -> None:
    pool = make_pool(
        tmp_path,
        make_row("counter", tmp_path, "first", options={"broken": True}),
        make_row("counter", tmp_path, "second"),
    )
    listener = Listener()
    with pool.lease(Counter, listener) as counter:
        assert counter.call(Counter.count, 1) == 1
    placed = next(event for event in listener.heard if isinstance(event, Placed))
    assert placed.model == "second"
    assert "first was passed over" in placed.reason
    assert "these weights are broken" in placed.reason
    assert pool.choose(Counter).row.id == "second", "what failed is not tried first again"
    pool.close()


def test_a_full_queue_refuses_at_once(tmp_path: Path) -> None:
    pool = make_pool(tmp_path, make_row("counter", tmp_path), settings={"queue_length": 1})
    waiting = Listener()

    def work() -> None:
        with pool.lease(Counter, waiting):
            pass

    with pool.lease(Counter, Listener()):
        thread = threading.Thread(target=work)
        thread.start()
        assert waiting.events.get(timeout=30) == Queued("counter", 1)
        with pytest.raises(Busy) as caught, pool.lease(Counter, Listener()):
            pass
        assert caught.value.retry_after > 0
    thread.join(30)
    pool.close()


def test_a_load_that_runs_out_of_memory_is_tried_once_more_without_the_idle_engines(tmp_path: Path) -> None:
    note = str(tmp_path / "pid")
    pool = make_pool(
        tmp_path,
        make_row("counter", tmp_path, options={"note": note}),
        make_row("impatient", tmp_path, options={"out of memory until": note}),
    )
    with pool.lease(Counter, Listener()) as counter:
        counter.call(Counter.count, 1)
    with pool.lease(Impatient, Listener()) as impatient:
        assert impatient.call(Impatient.count, 1) == 1
    assert pool.describe((Counter,))["counter"]["state"] == "unloaded"
    pool.close()


@pytest.fixture
def on_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pretend that a GPU was proved; the engine itself never touches one."""

    def place(name: str, runs_on: Any, machine: Any, wish: str, needs: int, **_: Any) -> Device:
        return CPU if wish == "cpu" else Device("gpu", "cuda", "bfloat16", "proved, in this test")

    monkeypatch.setattr(choice_module, "place", place)


def test_an_engine_that_keeps_dying_on_the_gpu_moves_to_the_cpu_and_says_so(tmp_path: Path, on_gpu: None) -> None:
    pool = make_pool(tmp_path, make_row("counter", tmp_path), settings={"gpu_deaths": 2})
    for _ in range(2):
        listener = Listener()
        with pytest.raises(EngineFailed), pool.lease(Counter, listener) as counter:
            counter.call(Counter.die)
        assert next(event for event in listener.heard if isinstance(event, Placed)).device == "gpu"
    listener = Listener()
    with pool.lease(Counter, listener) as counter:
        assert counter.call(Counter.where)[1] == "cpu"
    placed = next(event for event in listener.heard if isinstance(event, Placed))
    assert placed.device == "cpu"
    assert "died 2 times on the GPU" in placed.reason
    with pytest.raises(GpuRequired, match="moved off the GPU"):
        pool.choose(Counter, require_gpu=True)
    assert pool.describe((Counter,))["counter"]["gpu_deaths"] == 2
    pool.close()
