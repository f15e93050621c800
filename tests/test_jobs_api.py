"""Jobs that outlive their connection: over HTTP with fakes, and through real kills of real processes."""

from __future__ import annotations

import base64
import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.keys import add_key
from api.ledger import COMPLETED, Entry, Ledger
from api.runner import STARTS
from inference.errors import Busy, DiskFull, EngineFailed
from inference.sounds import decode_sound
from tests.fakes import ROTATE, Gateway, opened, photo, png
from tests.processes import StandIn, is_gone, standing_in, wait_until

Make = Callable[..., Gateway]
DOG = '[{"op":"generate","prompt":"a dog"}]'


def send(url: str, headers: Mapping[str, str] | None = None, **fields: Any) -> httpx.Response:
    """Send a job: add a dog, unless the fields say otherwise."""
    data = {"operations": DOG, **fields} if "prompt" not in fields else fields
    return httpx.post(f"{url}/v1/jobs", files={"image": png(photo())}, data=data, headers=headers, timeout=30)


def accepted(url: str, **fields: Any) -> str:
    """Send a job and return its id."""
    response = send(url, **fields)
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def state(url: str, job: str) -> dict[str, Any]:
    """Return how a job stands."""
    response = httpx.get(f"{url}/v1/jobs/{job}")
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


def finished(url: str, job: str) -> dict[str, Any]:
    """Wait for the end of a job and return how it stands."""
    wait_until(lambda: state(url, job)["status"] in ("completed", "failed"))
    return state(url, job)


def listen(url: str, job: str, after: int | None = None) -> Iterator[tuple[int | None, str, dict[str, Any]]]:
    """Yield the events of a job to the end of the stream."""
    headers = {} if after is None else {"last-event-id": str(after)}
    with httpx.stream("GET", f"{url}/v1/jobs/{job}/events", headers=headers, timeout=60) as response:
        assert response.status_code in (200, 204)
        number, name = None, ""
        for line in response.iter_lines():
            if line.startswith("id: "):
                number = int(line[4:])
            elif line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                yield number, name, json.loads(line[6:])
                number = None


def test_a_job_is_accepted_done_and_its_result_is_the_edits_own_answer(gateway: Gateway, client: httpx.Client) -> None:
    sent = send(gateway.url, prompt="add a dog and rotate right", seed="5")
    told = sent.json()
    assert sent.status_code == 202
    assert sent.headers["location"] == f"/v1/jobs/{told['id']}"
    assert (told["object"], told["status"], told["seed"]) == ("job", "queued", 5)
    ended = finished(gateway.url, told["id"])
    assert ended["status"] == "completed"
    assert ended["operations"] == [{"op": "generate", "prompt": "a dog"}, ROTATE]
    assert ended["expires_at"] == pytest.approx(ended["finished_at"] + 86_400)
    result = client.get(ended["result"])
    edit = client.post(
        "/v1/images/edits", files={"image": png(photo())}, data={"prompt": "add a dog and rotate right", "seed": "5"}
    ).json()
    assert {**result.json(), "created": 0} == {**edit, "created": 0}
    assert result.headers["x-tawny-device"] == "parser=cpu, inpainter=cpu"
    assert result.headers["x-tawny-model"] == "parser=small-parser, inpainter=small-painter"
    picture = client.get(ended["result"], headers={"accept": "image/*"})
    assert picture.headers["content-type"] == "image/png"
    assert opened(picture.content).size == (40, 60)
    assert told["id"] in {row["id"] for row in client.get("/v1/jobs").json()["data"]}


def test_its_events_are_those_of_a_stream_and_can_be_heard_again_from_any_point(gateway: Gateway) -> None:
    job = accepted(gateway.url, prompt="add a dog", partial_images="2")
    heard = [event for event in listen(gateway.url, job) if event[0] is not None]
    names = [name for _, name, _ in heard]
    assert names[0] == "image_edit.plan"
    assert names[-1] == "image_edit.completed"
    assert names.count("image_edit.completed") == 1
    assert names.count("image_edit.partial_image") == 2
    assert set(names[1:-1]) == {"image_edit.progress", "image_edit.partial_image"}
    assert [number for number, _, _ in heard] == list(range(1, len(heard) + 1))
    assert all(data["type"] == name for _, name, data in heard)
    assert opened(base64.b64decode(heard[-1][2]["b64_json"])).size == (60, 40)
    for after in range(len(heard) + 1):
        assert list(listen(gateway.url, job, after)) == heard[after:]
    over = httpx.get(f"{gateway.url}/v1/jobs/{job}/events", headers={"last-event-id": str(len(heard))})
    assert over.status_code == 204


def test_it_goes_on_without_its_listener_who_finds_all_again(make_gateway: Make) -> None:
    gateway = make_gateway()
    gateway.stage.held = True
    job = accepted(gateway.url)
    number = next(number for number, name, _ in listen(gateway.url, job) if name == "image_edit.progress")
    assert number is not None
    assert state(gateway.url, job)["status"] == "running"
    gateway.stage.release()
    rest = list(listen(gateway.url, job, number))
    assert rest[-1][1] == "image_edit.completed"
    assert rest[0][0] == number + 1


def test_the_place_in_the_queue_is_told(make_gateway: Make) -> None:
    gateway = make_gateway()
    gateway.stage.held = True
    jobs = [accepted(gateway.url) for _ in range(4)]
    gateway.stage.reached.get(timeout=30)
    wait_until(lambda: [state(gateway.url, job)["status"] for job in jobs] == ["running"] * 2 + ["queued"] * 2)
    assert [state(gateway.url, job)["queue_position"] for job in jobs] == [None, None, 0, 1]
    _, name, data = next(listen(gateway.url, jobs[3]))
    assert (name, data["queue_position"]) == ("image_edit.queued", 1)
    gateway.stage.release()
    assert {finished(gateway.url, job)["status"] for job in jobs} == {"completed"}


def test_sent_twice_under_one_name_it_is_one_job(gateway: Gateway) -> None:
    headers = {"idempotency-key": f"key-{random.getrandbits(60)}"}
    first = send(gateway.url, headers, seed="3")
    again = send(gateway.url, headers, seed="3")
    other = send(gateway.url, headers, seed="4")
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert (other.status_code, other.json()["error"]["param"]) == (400, "idempotency-key")
    assert send(gateway.url, {"idempotency-key": "a b"}).status_code == 400


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"operations": '[{"op":"explode"}]'}, 422, "invalid_plan"),
        ({"prompt": "x" * 5000}, 413, "too_large"),
        ({"size": "0x0"}, 400, "invalid_request"),
        ({"n": "11"}, 400, "invalid_request"),
    ],
)
def test_what_can_be_refused_is_refused_before_it_is_accepted(
    gateway: Gateway, fields: dict[str, str], status: int, code: str
) -> None:
    before = len(httpx.get(f"{gateway.url}/v1/jobs").json()["data"])
    response = send(gateway.url, None, **fields)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)
    assert len(httpx.get(f"{gateway.url}/v1/jobs").json()["data"]) == before


def test_what_cannot_be_done_on_this_machine_is_not_accepted(make_gateway: Make) -> None:
    gateway = make_gateway(missing=["inpainter"])
    assert send(gateway.url).json()["error"]["code"] == "weights_missing"


def test_a_refusal_that_only_the_work_can_find_is_the_jobs_end_and_told_once(gateway: Gateway) -> None:
    job = accepted(gateway.url, prompt="hello there")
    ended = finished(gateway.url, job)
    assert (ended["status"], ended["error"]["code"]) == ("failed", "no_operation")
    result = httpx.get(f"{gateway.url}/v1/jobs/{job}/result")
    assert (result.status_code, result.json()["error"]["code"]) == (422, "no_operation")
    assert [name for _, name, _ in listen(gateway.url, job)] == ["error"]


def test_an_engine_that_breaks_once_is_tried_again_and_for_ever_is_a_failure(make_gateway: Make) -> None:
    gateway = make_gateway()
    gateway.stage.failure = EngineFailed("sparks")
    assert finished(gateway.url, accepted(gateway.url))["status"] == "completed"

    class Broken(list[Any]):
        def append(self, _: Any) -> None:
            raise EngineFailed("sparks")

    gateway.stage.asked = Broken()
    ended = finished(gateway.url, accepted(gateway.url))
    assert (ended["status"], ended["error"]["code"], ended["attempts"]) == ("failed", "engine_failed", 3)


def test_an_accepted_job_waits_as_long_as_the_engine_has_no_room(make_gateway: Make) -> None:
    gateway = make_gateway()
    refusals = STARTS + 5

    class Full(list[Any]):
        def append(self, what: Any) -> None:
            super().append(what)
            if len(self) <= refusals:
                raise Busy("no room", retry_after=0)

    gateway.stage.asked = Full()
    ended = finished(gateway.url, accepted(gateway.url))
    assert (ended["status"], ended["attempts"]) == ("completed", 1)
    assert len(gateway.stage.asked) == refusals + 1


def test_what_was_done_is_said_and_kept_with_the_picture(gateway: Gateway, client: httpx.Client) -> None:
    job = accepted(gateway.url, prompt="add a dog", answer_voice="alloy")
    heard = {name: data for _, name, data in listen(gateway.url, job)}
    assert list(heard)[-2:] == ["image_edit.answer", "image_edit.completed"]
    for _ in range(2):
        answer = client.get(f"/v1/jobs/{job}/result").json()["answer"]
        assert (answer["text"], answer["voice"]) == ("Added a dog.", "small-voice")
        assert decode_sound(base64.b64decode(answer["audio"]), max_seconds=5).seconds > 0.05
        assert {**answer, "type": "image_edit.answer"} == heard["image_edit.answer"]
    unknown = send(gateway.url, prompt="add a dog", answer_voice="nobody")
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (400, "voice_not_found")
    silent = accepted(gateway.url)
    finished(gateway.url, silent)
    assert "answer" not in client.get(f"/v1/jobs/{silent}/result").json()


def test_a_job_that_is_not_done_has_no_result_and_one_that_is_not_there_is_404(make_gateway: Make) -> None:
    gateway = make_gateway()
    gateway.stage.held = True
    job = accepted(gateway.url)
    early = httpx.get(f"{gateway.url}/v1/jobs/{job}/result")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "job_not_finished")
    for method, path in (("GET", ""), ("GET", "/result"), ("GET", "/events"), ("DELETE", "")):
        response = httpx.request(method, f"{gateway.url}/v1/jobs/job_none{path}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "job_not_found")
    gateway.stage.release()
    finished(gateway.url, job)


def test_deleting_stops_the_work_and_leaves_nothing(make_gateway: Make, tmp_path: Path) -> None:
    gateway = make_gateway()
    gateway.stage.held = True
    running, waiting = accepted(gateway.url), accepted(gateway.url)
    gateway.stage.reached.get(timeout=30)
    heard: list[str] = []
    listener = threading.Thread(target=lambda: heard.extend(name for _, name, _ in listen(gateway.url, running)))
    listener.start()
    for job in (waiting, running):
        gone = httpx.delete(f"{gateway.url}/v1/jobs/{job}")
        assert gone.json() == {"id": job, "object": "job", "deleted": True}
    assert gateway.stage.step_until_stopped()
    listener.join(30)
    assert heard[-1] == "error"
    assert httpx.get(f"{gateway.url}/v1/jobs").json()["data"] == []
    wait_until(lambda: not list((tmp_path / "state" / "jobs").iterdir()))


def test_too_many_waiting_jobs_are_busy_at_once(make_gateway: Make) -> None:
    gateway = make_gateway(queue_length=1)
    gateway.stage.held = True
    jobs = [accepted(gateway.url)]
    gateway.stage.reached.get(timeout=30)
    refused = send(gateway.url)
    while refused.status_code == 202:
        jobs.append(refused.json()["id"])
        refused = send(gateway.url)
    assert len(jobs) <= 4
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert int(refused.headers["retry-after"]) >= 1
    gateway.stage.release()
    assert {finished(gateway.url, job)["status"] for job in jobs} == {"completed"}


def test_a_job_belongs_to_its_key(make_gateway: Make, tmp_path: Path) -> None:
    ann, bob = add_key(tmp_path / "keys", "ann"), add_key(tmp_path / "keys", "bob")
    gateway = make_gateway(api_keys_file=str(tmp_path / "keys"))
    job = send(gateway.url, {"authorization": f"Bearer {ann}"}).json()["id"]
    for path in ("", "/result", "/events"):
        other = httpx.get(f"{gateway.url}/v1/jobs/{job}{path}", headers={"authorization": f"Bearer {bob}"})
        assert other.status_code == 404
    assert httpx.delete(f"{gateway.url}/v1/jobs/{job}", headers={"authorization": f"Bearer {bob}"}).status_code == 404
    assert httpx.get(f"{gateway.url}/v1/jobs", headers={"authorization": f"Bearer {bob}"}).json()["data"] == []
    assert httpx.get(f"{gateway.url}/v1/jobs/{job}", headers={"authorization": f"Bearer {ann}"}).status_code == 200


def test_a_settled_job_is_forgotten_with_its_files_when_its_time_is_over(
    make_gateway: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.errands.SWEEP", 0.05)
    gateway = make_gateway(keep_job_seconds=0.2)
    gateway.stage.held = True
    running = accepted(gateway.url)
    gateway.stage.reached.get(timeout=30)
    job = accepted(gateway.url, operations='[{"op":"rotate","degrees":90}]')
    wait_until(lambda: httpx.get(f"{gateway.url}/v1/jobs/{job}").status_code == 404)
    assert state(gateway.url, running)["status"] == "running", "what is not settled is kept whatever its age"
    wait_until(lambda: [path.name for path in (tmp_path / "state" / "jobs").iterdir()] == [running])
    gateway.stage.release()
    wait_until(lambda: httpx.get(f"{gateway.url}/v1/jobs/{running}").status_code == 404)


# The book ---------------------------------------------------------------------------------------------------------


def test_a_job_is_settled_once_and_only_while_it_runs(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "book")
    ledger.accept(Entry("a", "", {}))
    assert not ledger.settle("a", COMPLETED, {}, "done", {})
    assert not ledger.note("a", "early", {})
    assert ledger.begin("a") is not None
    assert ledger.begin("a") is None
    assert ledger.settle("a", COMPLETED, {"x": 1}, "done", {})
    assert not ledger.settle("a", COMPLETED, {"x": 2}, "done", {})
    assert not ledger.note("a", "late", {})
    assert [(number, name) for number, name, _ in ledger.events("a")] == [(1, "done")]
    found = ledger.get("a")
    assert found is not None
    assert found.result == {"x": 1}
    ledger.delete("a")
    assert ledger.events("a") == []
    ledger.close()


def test_settled_jobs_are_kept_for_their_time_and_in_their_number(tmp_path: Path) -> None:
    now = [100.0]
    ledger = Ledger(tmp_path / "book", clock=lambda: now[0])
    for number in range(4):
        ledger.accept(Entry(f"job{number}", "", {}))
        ledger.begin(f"job{number}")
        now[0] += 1
        if number < 3:
            ledger.settle(f"job{number}", COMPLETED, {}, "done", {})
    assert ledger.overdue(before=101.5, most=10) == ["job0"]
    assert ledger.overdue(before=0, most=1) == ["job1", "job0"]
    assert [entry.id for entry in ledger.resume()] == ["job3"], "what was running waits again"
    ledger.close()


# Kills ------------------------------------------------------------------------------------------------------------


def kill_everything(gateway: StandIn) -> None:
    """Kill the gateway and its workers, in an order that differs from time to time."""
    everybody = [gateway.process.pid, *gateway.workers()]
    random.shuffle(everybody)
    for pid in everybody:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    gateway.process.wait(30)
    wait_until(lambda: all(is_gone(pid) for pid in everybody))


def test_killed_while_it_runs_it_is_taken_up_again_and_comes_out_the_same(tmp_path: Path) -> None:
    with standing_in(tmp_path) as gateway:
        (gateway.state / "hold").touch()
        job = accepted(gateway.url, prompt="add a dog")
        behind = accepted(gateway.url, prompt="rotate right")
        wait_until((gateway.state / "painting").exists)
        seed = state(gateway.url, job)["seed"]
        heard = []
        for number, name, _ in listen(gateway.url, job):
            heard.append((number, name))
            if name == "image_edit.progress":
                break
        kill_everything(gateway)
    (tmp_path / "state" / "hold").unlink()
    with standing_in(tmp_path) as gateway:
        rest = [(number, name) for number, name, _ in listen(gateway.url, job, heard[-1][0]) if number is not None]
        ended = finished(gateway.url, job)
        assert (ended["status"], ended["seed"]) == ("completed", seed)
        assert ended["attempts"] >= 2
        assert finished(gateway.url, behind)["status"] == "completed"
        kept = [name for number, name in heard if number is not None] + [name for _, name in rest]
        assert kept.count("image_edit.plan") == 1
        assert kept.count("image_edit.completed") == 1
        numbers = [number for number, _ in heard + rest if number is not None]
        assert numbers == list(range(1, len(numbers) + 1))
        data = httpx.get(f"{gateway.url}/v1/jobs/{job}/result").json()["data"][0]
        edit = httpx.post(
            f"{gateway.url}/v1/images/edits",
            files={"image": png(photo())},
            data={"prompt": "add a dog", "seed": str(seed)},
            timeout=30,
        )
        assert (
            opened(base64.b64decode(data["b64_json"])).tobytes()
            == opened(base64.b64decode(edit.json()["data"][0]["b64_json"])).tobytes()
        )


def test_kills_at_any_moment_lose_no_accepted_job_and_settle_none_twice(tmp_path: Path) -> None:
    """Send jobs without a pause while the server is killed again and again; all that were accepted are done."""
    draw = random.Random(7)
    sure: dict[str, str] = {}
    names = [f"request-{number}" for number in range(18)]
    unsent = list(names)

    def keep_sending(url: str) -> None:
        while unsent:
            name = unsent[0]
            try:
                response = send(url, {"idempotency-key": name}, operations='[{"op":"rotate","degrees":90}]', seed="1")
            except httpx.HTTPError:
                return
            if response.status_code == 202:
                sure[name] = response.json()["id"]
                unsent.pop(0)

    for _ in range(4):
        with standing_in(tmp_path) as gateway:
            killer = threading.Timer(draw.uniform(0.0, 0.6), kill_everything, [gateway])
            httpx.get(f"{gateway.url}/health")
            killer.start()
            keep_sending(gateway.url)
            killer.join()
    with standing_in(tmp_path) as gateway:
        keep_sending(gateway.url)
        assert set(sure) == set(names)
        assert len(set(sure.values())) == len(names), "no two requests are one job"
        for job in sure.values():
            assert finished(gateway.url, job)["status"] == "completed"
            told = [name for _, name, _ in listen(gateway.url, job)]
            assert told.count("image_edit.completed") == 1
        everything = httpx.get(f"{gateway.url}/v1/jobs").json()["data"]
        assert {row["id"] for row in everything} == set(sure.values()), "sent again under its name it is the same job"
        assert {path.name for path in (gateway.state / "jobs").iterdir()} == set(sure.values())


def test_whoever_listens_to_a_waiting_job_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with standing_in(tmp_path, TAWNY_GRACE_SECONDS="60") as gateway:
        (gateway.state / "hold").touch()
        jobs = [accepted(gateway.url) for _ in range(3)]
        wait_until(lambda: state(gateway.url, jobs[2])["queue_position"] == 0)
        listening = threading.Event()
        heard: list[str] = []

        def hear() -> None:
            for _, name, _ in listen(gateway.url, jobs[2]):
                heard.append(name)
                listening.set()

        thread = threading.Thread(target=hear)
        thread.start()
        assert listening.wait(30)
        gateway.process.send_signal(signal.SIGTERM)
        thread.join(30)
        assert heard == ["image_edit.queued"]
        (gateway.state / "hold").unlink()
        gateway.process.wait(30)


def test_a_full_disk_while_it_runs_only_delays_a_job(make_gateway: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.runner.RESCUE", 0.05)
    gateway = make_gateway()
    failures = [True, True]
    settle = Ledger.settle

    def settle_if_there_is_room(*args: Any) -> bool:
        if failures:
            failures.pop()
            raise DiskFull("no room")
        return settle(*args)

    monkeypatch.setattr(Ledger, "settle", settle_if_there_is_room)
    job = accepted(gateway.url)
    ended = finished(gateway.url, job)
    assert (ended["status"], ended["attempts"]) == ("completed", 1), "only what was not put off counts"
    assert [verb for verb, _ in gateway.stage.asked] == ["inpaint"] * 3
    assert [name for _, name, _ in listen(gateway.url, job)].count("image_edit.completed") == 1


def test_a_term_lets_the_running_job_finish_and_keeps_the_waiting_one(tmp_path: Path) -> None:
    with standing_in(tmp_path, TAWNY_GRACE_SECONDS="30") as gateway:
        (gateway.state / "hold").touch()
        jobs = [accepted(gateway.url) for _ in range(3)]
        wait_until((gateway.state / "painting").exists)
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: send(gateway.url).status_code == 503)
        (gateway.state / "hold").unlink()
        gateway.process.wait(30)
    with standing_in(tmp_path) as gateway:
        assert {finished(gateway.url, job)["status"] for job in jobs} == {"completed"}
        assert state(gateway.url, jobs[0])["attempts"] == 1
    assert "Traceback" not in gateway.log
