"""Jobs: the queue, its progress, restarts, and the end of what is kept."""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from pathlib import Path

import pytest
from served import StubReader, serving, settings_of

from emonets.app.jobs import DONE, FAILED, RUNNING, Job, Jobs, new_job, shown_bytes
from emonets.app.server import Server
from emonets.app.settings import Settings, bytes_of, default_folder, seconds_of
from emonets.app.speed import Speeds
from emonets.errors import ParameterError


def test_the_queue_goes_in_order_and_shows_progress(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        slow = served.upload(b"slow", "1.mp4")["id"]
        running = served.until(slow, "running")
        served.reader.read_now.wait(5)
        two, three = (served.upload(name=f"{i}.mp4")["id"] for i in (2, 3))
        assert (served.job(two)["place"], served.job(three)["place"]) == (1, 2)
        assert served.client.get("/api/status").json()["queue"] == {"waiting": 2, "running": 1}
        running = served.job(slow)
        assert (running["stage"], running["done"], running["total"]) == ("reading", 5.0, 20.0)
        answer = served.client.get(f"/clips/{slow}/")
        assert (answer.status_code, answer.json()["error"]) == (
            409, "this clip is running; it has no result yet",
        )  # fmt: skip
        served.reader.go.set()
        served.until(three)
        assert served.reader.names == ["1.mp4", "2.mp4", "3.mp4"]


def test_cancel(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        slow, waiting = served.upload(b"slow")["id"], served.upload()["id"]
        served.until(slow, "running")
        assert served.client.post(f"/api/jobs/{waiting}/cancel").json()["state"] == "cancelled"
        assert served.client.post(f"/api/jobs/{slow}/cancel").status_code == 202
        assert served.until(slow)["state"] == "cancelled"
        twice = served.client.post(f"/api/jobs/{slow}/cancel")
        assert (twice.status_code, twice.json()["error"]) == (
            409, "this clip is cancelled already; nothing is cancelled",
        )  # fmt: skip
        assert f"jobs/{slow}/upload.mp4" in served.files()  # it can be done again
        served.reader.go.set()
        for key in (slow, waiting):
            assert served.client.post(f"/api/jobs/{key}/again").status_code == 202
            assert served.until(key)["state"] == "done"
        assert served.reader.names.count("a.mp4") == 3


def test_again_while_it_runs_is_refused(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        slow = served.upload(b"slow")["id"]
        served.until(slow, "running")
        answer = served.client.post(f"/api/jobs/{slow}/again")
        assert (answer.status_code, answer.json()["error"]) == (
            409, "this clip is running; it can be done again afterwards",
        )  # fmt: skip


def test_delete_while_it_runs(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        slow = served.upload(b"slow")["id"]
        served.until(slow, "running")
        assert served.client.delete(f"/api/jobs/{slow}").status_code == 204
        assert served.client.get("/api/jobs").json()["jobs"] == []
        served.until(served.upload()["id"])
        assert not [file for file in served.files() if slow in file]
        assert served.server.jobs.used() == sum(served.server.jobs._sizes.values())
        assert slow not in served.server.jobs._sizes


def test_jobs_survive_a_restart(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        done = served.upload(name="done.mp4", label="sad", batch="b")["id"]
        before = served.until(done)
        failed = served.upload(b"broken")["id"]
        served.until(failed)
        slow, waiting = served.upload(b"slow")["id"], served.upload()["id"]
        served.until(slow, "running")
    kept = json.loads((tmp_path / "jobs" / slow / "job.json").read_text())
    assert (kept["state"], kept["tries"]) == ("waiting", 0)
    # as a server that is killed leaves it
    (tmp_path / "jobs" / slow / "job.json").write_text(
        json.dumps({**kept, "state": "running", "tries": 1})
    )
    with serving(tmp_path) as served:
        served.reader.go.set()
        assert served.job(done) == before
        assert served.client.get(f"/clips/{done}/film.mp4").status_code == 200
        assert served.job(failed)["message"] == "cannot be decoded"
        assert served.until(slow)["state"] == "done"
        assert served.until(waiting)["state"] == "done"
        assert served.server.jobs.used() > 0
        order = [job["id"] for job in served.client.get("/api/jobs").json()["jobs"]]
        assert order == [done, failed, slow, waiting]


def test_half_uploads_are_removed_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / f"{'a' * 16}.part").write_bytes(b"half")
    (tmp_path / "half" / "mine.txt").write_bytes(b"not ours")
    Jobs(settings_of(tmp_path))
    assert [p.name for p in (tmp_path / "half").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"version": 1}', b'{"version": 2, "id": "x"}', b"\xff"]
)
def test_a_damaged_job_is_left_and_the_others_are_there(tmp_path: Path, content: bytes) -> None:
    with serving(tmp_path) as served:
        key = served.upload()["id"]
        served.until(key)
    odd = tmp_path / "jobs" / ("b" * 16)
    odd.mkdir()
    (odd / "job.json").write_bytes(content)
    (tmp_path / "jobs" / "not ours").mkdir()
    assert [job.id for job in Jobs(settings_of(tmp_path)).all()] == [key]
    assert odd.exists()


def test_clips_are_deleted_after_their_time(tmp_path: Path) -> None:
    with serving(tmp_path, keep_seconds=0.5) as served:
        slow = served.upload(b"slow")["id"]
        served.until(slow, "running")
        time.sleep(1)
        assert served.job(slow)["state"] == "running"  # work is not taken away
        served.reader.go.set()
        end = time.monotonic() + 10
        while served.client.get(f"/api/jobs/{slow}").status_code != 404:
            assert time.monotonic() < end
            time.sleep(0.05)
        assert served.files() == []


def test_sweeping_goes_by_the_last_work(tmp_path: Path) -> None:
    jobs = Jobs(settings_of(tmp_path, keep_seconds=100.0))
    for key, state in (("a" * 16, DONE), ("b" * 16, FAILED), ("c" * 16, RUNNING)):
        with jobs.receiving(4) as (_, part):
            part.write_bytes(b"film")
            job = new_job(key, name="a.mp4", size=4)
            job.created, job.finished, job.state = 1000.0, 1050.0, state
            jobs.add(job, part)
    assert jobs.sweep(1149.0) == 0
    assert jobs.sweep(1150.0) == 2
    assert [job.id for job in jobs.all()] == ["c" * 16]


def test_forget(tmp_path: Path) -> None:
    with serving(tmp_path, forget=True) as served:
        served.until(served.upload()["id"])
        slow = served.upload(b"slow")["id"]
        served.until(slow, "running")
        served.upload()
    assert served.files() == []


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no modes")
def test_only_the_user_can_read_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "serve"
    Jobs(settings_of(folder))
    for place in (folder, folder / "jobs", folder / "half"):
        assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_ids_are_random_and_endings_are_known_ones() -> None:
    assert new_job("x", name="a.MP4", size=1).upload == "upload.mp4"
    assert new_job("x", name="a.php", size=1).upload == "upload.bin"
    assert new_job("x", name="a.mp4/../x.sh", size=1).upload == "upload.bin"


def test_a_job_is_kept_and_read_again() -> None:
    job = new_job("a" * 16, name="ä\udc80.mp4", size=4, label="sad", window=None)
    job.state, job.spent = DONE, {"reading": 2.5}
    assert Job.of(json.loads(json.dumps(job.kept()))) == job


@pytest.mark.parametrize(("tries", "state"), [(2, "waiting"), (3, "failed")])
def test_a_clip_with_which_the_server_ends_again_and_again(tries: int, state: str) -> None:
    job = new_job("a" * 16, name="a.mp4", size=4)
    job.state, job.tries = RUNNING, tries
    again = Job.of(job.kept())
    assert again.state == state
    assert ("ended 3 times" in again.message) is (state == "failed")


def test_the_outlook_of_many_jobs_is_quick(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text(
        json.dumps([[20.0, 4, {"starting": 1, "reading": 10, "film": 2}]] * 30)
    )
    server = Server(settings_of(tmp_path), lambda _: StubReader())
    for i in range(200):
        job = new_job(f"{i:016}", name="a.mp4", size=4)
        server.jobs._jobs[job.id] = job
    began = time.process_time()
    outlook = server.queue.outlook()
    assert time.process_time() - began < 0.1
    assert outlook[f"{199:016}"] == (200, pytest.approx(200 * 13))


def finished(seconds: float, size: int, **spent: float) -> Job:
    job = new_job("a" * 16, name="a.mp4", size=size)
    job.seconds, job.spent = seconds, spent
    return job


def test_seconds_left_come_from_the_work_before(tmp_path: Path) -> None:
    speeds = Speeds(tmp_path / "speed.json")
    new = new_job("b" * 16, name="b.mp4", size=2000)
    assert speeds.whole(new) is None
    for _ in range(3):
        speeds.add(finished(10.0, 1000, starting=1.0, reading=5.0, film=2.0))
    assert speeds.whole(new) == pytest.approx(16.0)  # by bytes: its length is not known
    new.seconds = 30.0
    assert speeds.whole(new) == pytest.approx(1 + 15 + 6)
    new.state, new.stage, new.total = RUNNING, "starting", 30.0
    assert speeds.left(new, 0.5) == pytest.approx(0.5 + 15 + 6)
    new.stage, new.done = "reading", 1.0
    assert speeds.left(new, 0.1) == pytest.approx(0.5 * 29 + 6)
    new.done = 10.0  # twice as slow as the others
    assert speeds.left(new, 10.0) == pytest.approx(20 + 6)
    new.stage, new.done = "film", 15.0
    assert speeds.left(new, 3.0) == pytest.approx(3.0)
    again = Speeds(tmp_path / "speed.json")
    assert again.whole(new) == speeds.whole(new)
    (tmp_path / "speed.json").write_text("[[1, 2]]")
    assert Speeds(tmp_path / "speed.json").whole(new) is None


def test_seconds_left_count_those_before(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text(
        json.dumps([[20.0, 4, {"starting": 1, "reading": 10, "film": 2}]])
    )
    with serving(tmp_path) as served:
        slow = served.upload(b"slow")["id"]
        served.until(slow, "running")
        served.reader.read_now.wait(5)
        two, three = served.upload(b"film")["id"], served.upload(b"film")["id"]
        left = [served.job(key)["seconds_left"] for key in (slow, two, three)]
        assert 0 < left[0] <= 9.6
        assert 12 < left[1] - left[0] < 14
        assert 12 < left[2] - left[1] < 14
        served.client.post(f"/api/jobs/{slow}/cancel")


def test_the_reader_is_opened_for_the_models_of_a_job(tmp_path: Path) -> None:
    opened: list[str | None] = []
    with serving(tmp_path) as served:
        queue = served.server.queue

        def open_reader(models: str | None) -> StubReader:
            opened.append(models)
            return StubReader()

        queue._open = open_reader
        for models in ("face", "face", "face, audio"):
            served.until(served.upload(models=models)["id"])
        served.until(served.upload()["id"])
    assert opened == ["face", "face,audio", None]


def test_a_reader_that_cannot_be_opened(tmp_path: Path) -> None:
    with serving(tmp_path) as served:

        def fails(_: str | None) -> StubReader:
            raise ParameterError("there is no specialist 'nose'")

        served.server.queue._open = fails
        over = served.until(served.upload(models="nose")["id"])
        assert (over["state"], over["message"]) == ("failed", "there is no specialist 'nose'")


def test_times_and_bytes() -> None:
    assert [seconds_of(t) for t in ("24h", "90min", "2d", "5", "1.5 m")] == [
        86400, 5400, 172800, 5, 90,
    ]  # fmt: skip
    assert [bytes_of(t, "--x") for t in ("2e9", "500M", "2G", "10kb")] == [
        2 * 10**9, 5 * 10**8, 2 * 10**9, 10**4,
    ]  # fmt: skip
    for text in ("", "x", "-1h", "0", "1y", "1e400"):
        with pytest.raises(ParameterError, match="--keep takes a time"):
            seconds_of(text)
        with pytest.raises(ParameterError, match="--max-bytes takes bytes"):
            bytes_of(text if text != "1y" else "2y", "--max-bytes")
    assert [shown_bytes(n) for n in (3, 4096, 5e6, 2e9)] == ["3 bytes", "4.1 kB", "5 MB", "2 GB"]


@pytest.mark.parametrize(
    ("more", "text"),
    [({"port": 70000}, "--port 70000"), ({"max_jobs": 0}, "--max-jobs 0"),
     ({"keep_seconds": 0.0}, "--keep 0.0")],
)  # fmt: skip
def test_settings_out_of_range(tmp_path: Path, more: dict[str, float], text: str) -> None:
    with pytest.raises(ParameterError, match=text):
        Settings(folder=tmp_path, **more)  # type: ignore[arg-type]


def test_the_folder_is_in_the_users_cache(tmp_path: Path) -> None:
    if sys.platform.startswith("linux"):
        given = default_folder({"XDG_CACHE_HOME": str(tmp_path)})
        assert given == tmp_path / "emonets" / "serve"
        assert default_folder({"XDG_CACHE_HOME": "relative"}) == default_folder({})
    assert os.path.isabs(default_folder())
