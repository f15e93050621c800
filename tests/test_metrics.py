"""What Prometheus is told, read back with Prometheus' own parser; and the dashboard asks for nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.journal import Journal
from api.metrics import exposition
from inference.errors import EngineFailed
from inference.settings import ROOT
from inference.tally import LIMITS, Distribution
from tests.engines import Counter, Impatient
from tests.fakes import Gateway, photo, png, tone, wav
from tests.machinery import Listener, make_pool, make_row

DASHBOARD = ROOT / "docs" / "grafana-dashboard.json"


def read(client: httpx.Client) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample by its name and labels."""
    response = client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def value(samples: dict[tuple[str, tuple[tuple[str, str], ...]], float], name: str, **labels: str) -> float:
    """Return one sample, 0 if it is not there yet."""
    return samples.get((name, tuple(sorted(labels.items()))), 0.0)


def test_every_engine_is_counted_with_its_device(client: httpx.Client) -> None:
    before = read(client)
    client.post("/v1/images/edits", files={"image": png(photo())}, data={"prompt": "add a dog", "steps": "7"})
    client.post("/v1/audio/speech", json={"input": "One. Two.", "voice": "small-voice", "response_format": "wav"})
    client.post("/v1/audio/transcriptions", files={"file": ("a.wav", wav(tone(1.5, 16_000)), "audio/wav")})
    after = read(client)

    def more(name: str, engine: str, **labels: str) -> float:
        models = {"inpainter": "painter", "parser": "parser", "speaker": "voice", "transcriber": "ears"}
        labels |= {"engine": engine, "model": f"small-{models[engine]}", "device": "cpu"}
        return value(after, name, **labels) - value(before, name, **labels)

    for engine in ("inpainter", "parser", "speaker", "transcriber"):
        assert more("tawny_engine_calls_total", engine, outcome="ok") >= 1
        assert more("tawny_engine_wait_seconds_count", engine) >= 1
        assert more("tawny_engine_busy_seconds_total", engine) > 0
        assert value(after, "tawny_engine_state", engine=engine, state="ready") == 1
    assert more("tawny_engine_steps_total", "inpainter") == 7
    assert more("tawny_engine_sound_seconds_total", "speaker") == pytest.approx(0.2, abs=0.01)
    assert more("tawny_engine_sound_seconds_total", "transcriber") == pytest.approx(1.5, abs=0.05)
    loaded = value(after, "tawny_engine_load_seconds_count", engine="parser", model="small-parser", device="cpu")
    assert loaded == value(after, "tawny_engine_starts_total", engine="parser", model="small-parser", device="cpu")
    assert value(after, "tawny_gateway_bytes") > 1e6


def test_every_model_of_an_engine_is_counted_by_itself(tmp_path: Path) -> None:
    rows = [make_row("counter", tmp_path, name, needs_bytes=1) for name in ("first", "second", "third")]
    pool = make_pool(tmp_path, *rows)
    for name in ("first", "second"):
        with pool.lease(Counter, Listener(), name) as counter:
            counter.call(Counter.count, 3)
    status = {"engines": pool.describe((Counter, Impatient)), "jobs": 0}
    text = exposition(Journal(), pool.tally, status, pool.describe_slots(), waiting=2, running=1).decode()
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    for name in ("first", "second"):
        where = {"engine": "counter", "model": name, "device": "cpu"}
        assert value(samples, "tawny_engine_bytes", **where) > 1e6
        assert value(samples, "tawny_engine_starts_total", **where) == 1
        assert value(samples, "tawny_engine_steps_total", **where) == 3
        assert value(samples, "tawny_engine_load_seconds_count", **where) == 1
    assert value(samples, "tawny_kept_jobs", state="queued") == 2
    assert value(samples, "tawny_engine_state", engine="counter", state="ready") == 1
    assert value(samples, "tawny_engine_starts_total", engine="counter", model="third", device="cpu") == 0
    assert ("tawny_engine_bytes", (("device", ""), ("engine", "impatient"), ("model", ""))) in samples
    pool.close()


def test_a_worker_that_died_is_counted_as_dead_and_as_started_again(tmp_path: Path) -> None:
    pool = make_pool(tmp_path, make_row("counter", tmp_path))
    with pytest.raises(EngineFailed), pool.lease(Counter, Listener()) as counter:
        counter.call(Counter.die)
    with pool.lease(Counter, Listener()) as counter:
        counter.call(Counter.count, 1)
    where = ("counter", "counter-model", "cpu")
    assert pool.tally.deaths[where] == 1
    assert pool.tally.calls[where, "engine_failed"] == 1
    assert [slot["starts"] for slot in pool.describe_slots()] == [2]
    pool.close()


def test_failures_are_counted_by_their_code(gateway: Gateway, client: httpx.Client) -> None:
    gateway.stage.failure = RuntimeError("sparks")
    client.post("/v1/images/plans", json={"command": "rotate right"})
    labels = {"engine": "parser", "model": "small-parser", "device": "cpu", "outcome": "engine_failed"}
    assert value(read(client), "tawny_engine_calls_total", **labels) >= 1


def test_a_label_that_would_break_the_format_is_escaped(client: httpx.Client) -> None:
    assert client.get('/v1/models/a"b%0A%5C').status_code == 404
    assert read(client)


def test_methods_that_clients_invent_are_one(client: httpx.Client) -> None:
    for number in range(5):
        client.request(f"INVENTED{number}", "/v1/models")
    methods = {dict(labels).get("method") for _, labels in read(client)}
    assert "other" in methods
    assert not any("INVENTED" in (method or "") for method in methods)


def test_a_distribution_counts_up_to_each_limit() -> None:
    distribution = Distribution()
    for seconds in (0.0, 0.005, 0.006, 1.0, 10_000.0):
        distribution.add(seconds)
    told = dict(distribution.cumulated())
    assert (told["0.005"], told["0.02"], told["1.0"], told["600.0"], told["+Inf"]) == (2, 3, 4, 4, 5)
    assert list(told) == [*(str(limit) for limit in LIMITS), "+Inf"]


def test_the_dashboard_asks_only_for_what_is_told(client: httpx.Client) -> None:
    client.post("/v1/images/plans", json={"command": "rotate right"})
    told = {name for name, _ in read(client)} | set(re.findall(r"^# TYPE (\w+)", client.get("/metrics").text, re.M))
    dashboard = json.loads(DASHBOARD.read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    asked = {name for expression in expressions for name in re.findall(r"tawny_\w+", expression)}
    assert asked <= told
    assert len(asked) >= 12
    client.post("/v1/audio/speech", json={"input": "One.", "voice": "small-voice", "response_format": "wav"})
    known: dict[str, set[str]] = {}
    for name, labels in read(client):
        known.setdefault(name, set()).update(label for label, _ in labels)
    for target in (target for panel in dashboard["panels"] for target in panel["targets"]):
        expression = target["expr"]
        names = [name for name in re.findall(r"tawny_\w+", expression) if name in known]
        used = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
        used |= set(re.findall(r"(\w+)=~?\"", expression)) | set(re.findall(r"{{(\w+)}}", target["legendFormat"]))
        assert not names or used <= set().union(*(known[name] for name in names)), (expression, used)
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
