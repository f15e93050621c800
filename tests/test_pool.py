"""The pool with real worker processes: leases, deaths, hangs, cancels, idle unloading and the way to the CPU."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from inference.errors import Cancelled, EngineFailed, EngineNotInstalled, InvalidRequest, UnknownModel, WeightsMissing
from inference.events import Placed, Queued, Step
from inference.labels import REQUEST_ID
from inference.pool import Pool
from tests.engines import Counter, Impatient
from tests.machinery import Listener, make_pool, make_row
from tests.processes import children_of, wait_until


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    """A pool with two engines."""
    pool = make_pool(tmp_path, make_row("counter", tmp_path), make_row("impatient", tmp_path))
    yield pool
    pool.close()


def memory_below(pid: int) -> int:
    """Return the bytes in RAM of all descendants of a process, as the kernel counts them."""
    pages = 0
    for child in children_of(pid):
        with suppress(OSError):
            pages += int(Path(f"/proc/{child}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def gone(pid: int) -> bool:
    """Whether no process has this id any more."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_a_verb_runs_in_another_process_and_reports_every_event(pool: Pool) -> None:
    listener = Listener()
    with pool.lease(Counter, listener) as counter:
        assert counter.call(Counter.count, 3) == 6
        pid, device, _ = counter.call(Counter.where)
    assert pid != os.getpid()
    assert device == "cpu"
    assert [event for event in listener.heard if isinstance(event, Step)][:3] == [Step(1, 3), Step(2, 3), Step(3, 3)]
    placed = next(event for event in listener.heard if isinstance(event, Placed))
    assert (placed.engine, placed.model, placed.device) == ("counter", "counter-model", "cpu")
    assert placed.reason


def test_a_second_lease_shares_the_loaded_worker(pool: Pool) -> None:
    pids = []
    for _ in range(2):
        with pool.lease(Counter, Listener()) as counter:
            pids.append(counter.call(Counter.where)[0])
    assert pids[0] == pids[1]


def test_our_errors_cross_the_process_boundary_whole(pool: Pool) -> None:
    with pool.lease(Counter, Listener()) as counter:
        with pytest.raises(InvalidRequest) as caught:
            counter.call(Counter.refuse)
        assert (caught.value.message, caught.value.param) == ("not like that", "number")
        assert counter.call(Counter.count, 2) == 3


def test_a_foreign_exception_is_engine_failed_and_the_worker_lives(pool: Pool) -> None:
    with pool.lease(Counter, Listener()) as counter:
        pid = counter.call(Counter.where)[0]
        with pytest.raises(EngineFailed, match="ZeroDivisionError: by design"):
            counter.call(Counter.crash)
        assert counter.call(Counter.where)[0] == pid


def test_a_killed_worker_fails_its_call_at_once_and_the_next_request_succeeds(pool: Pool) -> None:
    listener = Listener()
    with pool.lease(Counter, listener) as counter:
        first = counter.call(Counter.where)[0]
    killed: list[float] = []

    def kill_in_mid_request() -> None:
        while not isinstance(listener.events.get(), Step):
            pass
        killed.append(time.monotonic())
        os.kill(first, signal.SIGKILL)

    while not listener.events.empty():
        listener.events.get()
    thread = threading.Thread(target=kill_in_mid_request)
    thread.start()
    with pytest.raises(EngineFailed, match="signal 9"), pool.lease(Counter, listener) as counter:
        counter.call(Counter.forever)
    assert time.monotonic() - killed[0] < 5.0, "at once, as far as a busy machine has such a thing; patience is 20 s"
    thread.join()
    with pool.lease(Counter, Listener()) as counter:
        second = counter.call(Counter.where)[0]
    assert second != first


def test_a_worker_that_ends_itself_is_replaced(pool: Pool) -> None:
    with pytest.raises(EngineFailed), pool.lease(Counter, Listener()) as counter:
        counter.call(Counter.die)
    with pool.lease(Counter, Listener()) as counter:
        assert counter.call(Counter.count, 1) == 1
    assert pool.describe((Counter,))["counter"]["starts"] == 2


def test_a_hung_worker_is_ended_and_the_cause_reported(pool: Pool) -> None:
    with pytest.raises(EngineFailed, match="no sign of life"), pool.lease(Impatient, Listener()) as engine:
        engine.call(Impatient.hang)
    with pool.lease(Impatient, Listener()) as engine:
        assert engine.call(Impatient.count, 1) == 1


def test_a_cancel_stops_the_work_at_its_next_event_and_keeps_the_worker(pool: Pool) -> None:
    with pool.lease(Counter, Listener()) as counter:
        pid = counter.call(Counter.where)[0]
    listener = Listener()

    def cancel_soon() -> None:
        for _ in range(5):
            listener.events.get()
        listener.cancel()

    thread = threading.Thread(target=cancel_soon)
    thread.start()
    with pytest.raises(Cancelled), pool.lease(Counter, listener) as counter:
        counter.call(Counter.forever)
    thread.join()
    with pool.lease(Counter, Listener()) as counter:
        assert counter.call(Counter.where)[0] == pid


def test_leases_take_turns_and_say_how_many_are_ahead(pool: Pool) -> None:
    first, second = Listener(), Listener()
    done = threading.Event()

    def wait_for_a_turn() -> None:
        with pool.lease(Counter, second) as counter:
            counter.call(Counter.count, 1)
        done.set()

    with pool.lease(Counter, first):
        thread = threading.Thread(target=wait_for_a_turn)
        thread.start()
        assert second.events.get(timeout=30) == Queued("counter", 1)
        assert not done.is_set()
    thread.join(30)
    assert done.is_set()


def test_a_wait_and_a_call_are_measured_by_the_pools_own_clock(tmp_path: Path) -> None:
    now = [0.0]
    pool = make_pool(tmp_path, make_row("counter", tmp_path), clock=lambda: now[0])
    where = ("counter", "counter-model", "cpu")
    second = Listener()

    def wait_for_a_turn() -> None:
        with pool.lease(Counter, second) as counter:
            counter.call(Counter.count, 1)

    with pool.lease(Counter, Listener()) as counter:
        thread = threading.Thread(target=wait_for_a_turn)
        thread.start()
        assert second.events.get(timeout=30) == Queued("counter", 1)
        now[0] = 7.0
        counter.call(Counter.count, 1)
    thread.join(30)
    assert pool.tally.waits[where].total == 7.0
    assert pool.tally.busy[where] == 0.0, "no call took any time by that clock"
    pool.close()


class Shared(Counter):
    """The same for two leases at once."""

    sharing = 2


def hold(pool: Pool, listener: Listener, into: list[object]) -> threading.Thread:
    """Start a thread that leases the shared counter and counts for ever; what ends it goes to ``into``."""

    def work() -> None:
        try:
            with pool.lease(Shared, listener) as counter:
                counter.call(Counter.forever)
        except (Cancelled, EngineFailed) as error:
            into.append(error.code)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def wait_for(listener: Listener, kind: type[Step] | type[Queued]) -> None:
    """Return when the listener has heard an event of ``kind``."""
    while not isinstance(listener.events.get(timeout=30), kind):
        pass


def test_leases_that_share_an_engine_run_side_by_side_and_one_too_many_waits(pool: Pool) -> None:
    long, third = Listener(), Listener()
    ended: list[object] = []
    holding = hold(pool, long, ended)
    wait_for(long, Step)
    with pool.lease(Shared, Listener()) as counter:
        before = len(long.heard)
        assert counter.call(Counter.count, 20) == 210
        assert len(long.heard) > before, "the long call goes on between the steps of the short one"
        waiting = hold(pool, third, ended)
        assert third.events.get(timeout=30) == Queued("counter", 2)
        pid = counter.call(Counter.where)[0]
        assert pool.describe((Counter,))["counter"]["pid"] == pid
    wait_for(third, Step)
    assert pool.describe((Counter,))["counter"]["state"] == "busy"
    assert not pool.unload("counter", "counter-model")
    long.cancel()
    third.cancel()
    for thread in (holding, waiting):
        thread.join(30)
    assert ended == ["cancelled", "cancelled"]
    assert pool.describe((Counter,))["counter"]["state"] == "ready"


def test_a_death_fails_all_that_share_the_worker_and_the_next_lease_gets_a_new_one(pool: Pool) -> None:
    first, second = Listener(), Listener()
    ended: list[object] = []
    threads = [hold(pool, first, ended), hold(pool, second, ended)]
    wait_for(first, Step)
    wait_for(second, Step)
    pid = pool.describe((Counter,))["counter"]["pid"]
    os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join(30)
    assert ended == ["engine_failed", "engine_failed"]
    with pool.lease(Shared, Listener()) as counter:
        assert counter.call(Counter.where)[0] != pid
    assert pool.describe((Counter,))["counter"]["starts"] == 2


def test_a_cancel_while_waiting_gives_the_place_up(pool: Pool) -> None:
    waiting = Listener()
    ended: list[type[BaseException]] = []

    def wait_for_a_turn() -> None:
        try:
            with pool.lease(Counter, waiting):
                pass
        except Cancelled as error:
            ended.append(type(error))

    with pool.lease(Counter, Listener()):
        thread = threading.Thread(target=wait_for_a_turn)
        thread.start()
        waiting.events.get(timeout=30)
        waiting.cancel()
        thread.join(30)
        assert ended == [Cancelled]
    with pool.lease(Counter, Listener()) as counter:
        assert counter.call(Counter.count, 1) == 1


def test_callers_take_turns_however_many_each_has_sent(pool: Pool) -> None:
    served: list[str] = []
    threads = []

    def ask(name: str, listener: Listener) -> None:
        with pool.lease(Counter, listener):
            served.append(name)

    with pool.lease(Counter, Listener("ann")):
        for name in ("ann 1", "ann 2", "ann 3", "bob 1", "cid 1", "bob 2"):
            listener = Listener(name[:3])
            threads.append(threading.Thread(target=ask, args=(name, listener)))
            threads[-1].start()
            listener.events.get(timeout=30)  # it waits, so the next one comes after it
        assert pool.describe((Counter,))["counter"]["queue"] == 6
    for thread in threads:
        thread.join(30)
    assert served == ["bob 1", "cid 1", "ann 1", "bob 2", "ann 2", "ann 3"]


def test_a_place_in_the_queue_moves_as_others_are_served_or_leave(pool: Pool) -> None:
    last, leaving = Listener("a"), Listener("a")
    threads = []

    def ask(listener: Listener) -> None:
        with suppress(Cancelled), pool.lease(Counter, listener):
            pass

    with pool.lease(Counter, Listener("a")):
        for listener in (leaving, last):
            threads.append(threading.Thread(target=ask, args=(listener,)))
            threads[-1].start()
            listener.events.get(timeout=30)
        leaving.cancel()
        assert last.events.get(timeout=30) == Queued("counter", 1)
    for thread in threads:
        thread.join(30)
    assert [event.ahead for event in last.heard if isinstance(event, Queued)] == [2, 1]


def test_unloading_ends_the_process_and_gives_the_memory_back(tmp_path: Path) -> None:
    ballast = 200_000_000
    pool = make_pool(tmp_path, make_row("counter", tmp_path, options={"ballast": ballast}))
    others = memory_below(os.getpid())
    with pool.lease(Counter, Listener()) as counter:
        pid = counter.call(Counter.where)[0]
        assert not pool.unload("counter", "counter-model"), "a busy engine is never unloaded"
        assert memory_below(os.getpid()) - others > ballast
    told = pool.describe((Counter,))["counter"]
    assert told["state"] == "ready"
    assert told["pid"] == pid
    assert pool.unload("counter", "counter-model")
    wait_until(lambda: gone(pid))
    assert memory_below(os.getpid()) - others < ballast / 10, "the system has it back"
    assert pool.describe((Counter,))["counter"]["state"] == "unloaded"
    assert not pool.unload("counter", "counter-model")


def test_an_idle_engine_is_unloaded_when_its_time_is_up(tmp_path: Path) -> None:
    now = [0.0]
    pool = make_pool(tmp_path, make_row("counter", tmp_path), settings={"idle_seconds": 60.0}, clock=lambda: now[0])
    with pool.lease(Counter, Listener()) as counter:
        pid = counter.call(Counter.where)[0]
    now[0] = 59.0
    assert pool.sweep() == pytest.approx(1.0)
    assert not gone(pid)
    now[0] = 60.0
    assert pool.sweep() is None
    wait_until(lambda: gone(pid))
    pool.close()


@pytest.mark.parametrize(("seconds", "stays"), [(0.0, False), (-1.0, True)])
def test_an_engine_of_its_own_time_is_unloaded_at_once_or_never(tmp_path: Path, seconds: float, stays: bool) -> None:
    now = [0.0]
    settings = {"idle": {"counter": seconds}, "idle_seconds": 60.0}
    pool = make_pool(tmp_path, make_row("counter", tmp_path), settings=settings, clock=lambda: now[0])
    with pool.lease(Counter, Listener()) as counter:
        pid = counter.call(Counter.where)[0]
    now[0] = 1e9
    assert pool.sweep() is None
    if stays:
        assert not gone(pid)
    else:
        wait_until(lambda: gone(pid))
    pool.close()


def test_the_log_of_a_worker_carries_the_id_of_the_request(pool: Pool, capfd: pytest.CaptureFixture[str]) -> None:
    token = REQUEST_ID.set("req_42")
    try:
        with pytest.raises(EngineFailed), pool.lease(Counter, Listener()) as counter:
            counter.call(Counter.crash)
    finally:
        REQUEST_ID.reset(token)
    pool.close()
    assert "ERROR counter [req_42] Traceback" in capfd.readouterr().err


def test_a_load_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    rows = (
        make_row("counter", tmp_path, options={"broken": True}, needs_bytes=60),
        make_row("impatient", tmp_path, needs_bytes=60),
    )
    pool = make_pool(tmp_path, *rows, settings={"memory_bytes": 100})
    before = set(children_of(os.getpid()))
    with pytest.raises(EngineFailed, match="these weights are broken"), pool.lease(Counter, Listener()):
        pass
    assert set(children_of(os.getpid())) <= before, "no process"
    with pool.lease(Impatient, Listener()) as other:
        assert other.call(Impatient.count, 1) == 1, "nor memory that is set aside"
    told = pool.describe((Counter,))["counter"]
    assert told["state"] == "failed"
    assert told["pid"] is None
    assert "broken" in told["last_error"]
    pool.close()


def test_what_can_be_refused_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool(tmp_path, make_row("counter", tmp_path), make_row("impatient", tmp_path, sealed=False))
    with pytest.raises(WeightsMissing, match=r"\./scripts/fetch_models"):
        pool.choose(Impatient)
    with pytest.raises(UnknownModel, match="belongs to the impatient"):
        pool.choose(Counter, "impatient-model")
    with pytest.raises(UnknownModel):
        pool.choose(Counter, "no-such-model")
    monkeypatch.setattr(Counter, "requires", ("a_package_that_is_not_there",))
    with pytest.raises(EngineNotInstalled, match=r"\./scripts/setup"):
        pool.choose(Counter)


def test_closing_ends_every_worker_even_a_busy_one(pool: Pool) -> None:
    listener = Listener()
    ended: list[str] = []

    def work() -> None:
        try:
            with pool.lease(Counter, listener) as counter:
                counter.call(Counter.forever)
        except EngineFailed as error:
            ended.append(error.code)

    thread = threading.Thread(target=work)
    thread.start()
    while not isinstance(listener.events.get(timeout=30), Step):
        pass
    pid = pool.describe((Counter,))["counter"]["pid"]
    pool.close()
    thread.join(30)
    wait_until(lambda: gone(pid))
    assert ended == ["engine_failed"]
