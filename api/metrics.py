"""What Prometheus is told: requests from the journal, the engines from their tally and status, the process from /proc.

    told = runtime.status()
    text = exposition(journal, runtime.pool.tally, told, runtime.pool.describe_slots(), waiting=0, running=0)

prometheus_client writes the format and escapes the labels; nothing is kept here, the numbers live where they arise.
Rates are for Prometheus to make: steps a second are ``rate(tawny_engine_steps_total)`` by
``rate(tawny_engine_busy_seconds_total)``, the real-time factor is seconds of work by seconds of sound,
``tawny_engine_sound_seconds_total``, in the same way: below 1 it is faster than the sound.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from api.journal import Journal
from inference.tally import Distribution, Tally, Where

ENGINE = ("engine", "model", "device")


class _Numbers(Collector):
    def __init__(
        self,
        journal: Journal,
        tally: Tally,
        status: Mapping[str, Any],
        slots: Sequence[Mapping[str, Any]],
        waiting: int,
        running: int,
    ) -> None:
        self._journal = journal
        self._tally = tally
        self._status = status
        # Every model that has had a worker, and a line for each engine that has had none.
        begun = {slot["engine"] for slot in slots}
        idle = [{"engine": name, **row} for name, row in status["engines"].items() if name not in begun]
        self._slots = [*slots, *idle]
        self._kept = {"queued": waiting, "running": running}

    def collect(self) -> Iterator[Metric]:
        """Yield every family."""
        yield from self._requests()
        yield from self._engines()
        yield from self._work()
        yield from _process()

    def _requests(self) -> Iterator[Metric]:
        count = CounterMetricFamily("tawny_requests", "Requests answered", labels=("method", "route", "status"))
        for (method, route, status), number in sorted(self._journal.requests.items()):
            count.add_metric((method, route, str(status)), number)
        yield count
        spent = CounterMetricFamily("tawny_request_seconds", "Seconds spent on requests", labels=("method", "route"))
        for key, seconds in sorted(self._journal.seconds.items()):
            spent.add_metric(key, seconds)
        yield spent

    def _engines(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("tawny_jobs", "Pieces of work that wait or run", value=self._status["jobs"])
        kept = GaugeMetricFamily("tawny_kept_jobs", "Jobs of /v1/jobs that are not settled", labels=("state",))
        for standing, number in self._kept.items():
            kept.add_metric((standing,), number)
        yield kept
        for family, field, what in (
            ("tawny_engine_bytes", "bytes", "Bytes in RAM of the engine's process"),
            ("tawny_engine_queue", "queue", "Leases that wait for the engine"),
        ):
            gauge = GaugeMetricFamily(family, what, labels=ENGINE)
            for slot in self._slots:
                gauge.add_metric((slot["engine"], slot["model"] or "", slot["device"] or ""), slot[field])
            yield gauge
        starts = CounterMetricFamily("tawny_engine_starts", "Workers started", labels=ENGINE)
        falls = CounterMetricFamily("tawny_engine_gpu_deaths", "Workers that died on the GPU", labels=ENGINE)
        state = GaugeMetricFamily("tawny_engine_state", "1 for the state it is in", labels=("engine", "state"))
        for slot in self._slots:
            where = slot["engine"], slot["model"] or "", slot["device"] or ""
            starts.add_metric(where, slot["starts"])
            falls.add_metric(where, slot["gpu_deaths"])
        for engine, row in self._status["engines"].items():
            state.add_metric((engine, row["state"]), 1)
        yield from (starts, falls, state)

    def _work(self) -> Iterator[Metric]:
        tally = self._tally
        calls = CounterMetricFamily("tawny_engine_calls", "Calls by how they ended", labels=(*ENGINE, "outcome"))
        for (where, outcome), number in sorted(tally.calls.items()):
            calls.add_metric((*where, outcome), number)
        yield calls
        sums: tuple[tuple[str, str, Mapping[Where, float]], ...] = (
            ("tawny_engine_deaths", "Workers that ended and should not have", tally.deaths),
            ("tawny_engine_steps", "Steps done", tally.steps),
            ("tawny_engine_busy_seconds", "Seconds spent in calls", tally.busy),
            ("tawny_engine_sound_seconds", "Seconds of sound heard or made", tally.sound),
        )
        for name, what, values in sums:
            total = CounterMetricFamily(name, what, labels=ENGINE)
            for where, value in sorted(values.items()):
                total.add_metric(where, value)
            yield total
        yield _histogram("tawny_engine_wait_seconds", "Seconds from asking for an engine to having it", tally.waits)
        yield _histogram("tawny_engine_load_seconds", "Seconds that loading a model took", tally.loads)


def _histogram(name: str, what: str, found: Mapping[Where, Distribution]) -> Metric:
    family = HistogramMetricFamily(name, what, labels=ENGINE)
    for where, distribution in sorted(found.items()):
        family.add_metric(where, distribution.cumulated(), distribution.total)
    return family


def _process() -> Iterator[Metric]:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        files = len(list(Path("/proc/self/fd").iterdir()))
    except (OSError, IndexError, ValueError):
        return
    size = pages * os.sysconf("SC_PAGE_SIZE")
    yield GaugeMetricFamily("tawny_gateway_bytes", "Bytes in RAM of the gateway itself", value=size)
    yield GaugeMetricFamily("tawny_gateway_open_files", "Files and sockets that the gateway has open", value=files)


def exposition(
    journal: Journal,
    tally: Tally,
    status: Mapping[str, Any],
    slots: Sequence[Mapping[str, Any]],
    *,
    waiting: int,
    running: int,
) -> bytes:
    """Return everything in Prometheus' text format. ``waiting`` and ``running`` count the kept jobs."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Numbers(journal, tally, status, slots, waiting, running))
    return generate_latest(registry)
