"""Clips that come in well or badly: each answer is a sentence, and the rest goes on."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import CLIP, TOKEN, Served, serving

from emonets.app import jobs, uploads


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path / "serve", max_bytes=5000) as running:
        yield running


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for tests that leave nothing in it."""
    with serving(tmp_path_factory.mktemp("shared") / "serve", max_bytes=5000) as running:
        yield running


def raw(served: Served, head: str, body: bytes = b"", *, wait: bool = True) -> bytes:
    """What the server answers to bytes on the wire."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        text = (
            f"POST /api/jobs?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nConnection: close\r\n{head}\r\n"
        )
        sock.sendall(text.encode() + body)
        got = b""
        while wait and (piece := sock.recv(65536)):
            got += piece
        return got


def until(check: Any) -> None:
    end = time.monotonic() + 10
    while not check():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_good_clip_still_passes(served: Served) -> None:
    assert served.until(served.upload()["id"])["state"] == "done"


def test_no_film(served: Served) -> None:
    over = served.until(served.upload(b"broken", "letter.docx")["id"])
    assert (over["state"], over["status"], over["message"]) == (
        "failed", "error", "cannot be decoded",
    )  # fmt: skip
    assert over["page"] is None
    answer = served.client.get(f"/api/jobs/{over['id']}/result")
    assert answer.status_code == 409
    assert answer.json()["error"] == "this clip is failed and has no result: cannot be decoded"
    test_a_good_clip_still_passes(served)


def test_a_reader_that_fails_costs_one_clip(served: Served) -> None:
    over = served.until(served.upload(b"crash")["id"])
    assert over["state"] == "failed"
    assert "not foreseen" in over["message"]
    test_a_good_clip_still_passes(served)


def test_a_clip_without_a_face_has_a_page(served: Served) -> None:
    over = served.until(served.upload(b"no face")["id"])
    assert (over["state"], over["status"], over["message"]) == (
        "done", "no face", "no face was found",
    )  # fmt: skip


def test_an_empty_file(served: Served) -> None:
    answer = served.client.post("/api/jobs", params={"name": "a.mp4"}, content=b"")
    assert answer.status_code == 400
    assert answer.json()["error"] == "the file is empty; copy or download it again"


def test_too_large_by_its_header_is_refused_before_it_is_read(served: Served) -> None:
    # not a byte of the body is sent
    answer = raw(served, "Content-Length: 5001\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"5 kB, more than the limit of 5 kB" in answer
    assert served.files() == []


def test_no_length(served: Served) -> None:
    answer = raw(served, "Transfer-Encoding: chunked\r\n", b"3\r\nabc\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 411")
    assert b"Content-Length" in answer


@pytest.mark.parametrize("length", ["-5", "abc", "1e3", "9" * 30, "٣", "5, 6", "0x10"])
def test_a_length_that_is_none(shared: Served, length: str) -> None:
    answer = raw(shared, f"Content-Length: {length}\r\n", b"abc")
    assert answer.split(b" ", 2)[1] in (b"400", b"413")
    assert shared.files() == []


def test_a_body_that_is_longer_than_its_length(served: Served) -> None:
    # what is beyond the length would be the next request, which it is not
    answer = raw(served, "Content-Length: 600\r\n", b"film " * 1000)
    assert answer.startswith(b"HTTP/1.1 201")
    (job,) = served.client.get("/api/jobs").json()["jobs"]
    assert job["size"] == 600


def test_both_kinds_of_length(served: Served) -> None:
    both = "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"
    body = b"5000\r\n" + b"x" * 0x5000 + b"\r\n0\r\n\r\n"
    answer = raw(served, both, body)
    assert answer.split(b" ", 2)[1] in (b"400", b"411")
    assert served.files() == []


def test_a_client_that_closes_midway(served: Served, tmp_path: Path) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(
            f"POST /api/jobs?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: 4000\r\n\r\n".encode()
            + CLIP
        )
        until(lambda: list((tmp_path / "serve" / "half").iterdir()))
    until(lambda: not list((tmp_path / "serve" / "half").iterdir()))
    assert served.client.get("/api/jobs").json()["jobs"] == []
    assert served.server.jobs.used() == 0
    test_a_good_clip_still_passes(served)


def test_a_client_that_stands_still(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "SILENCE", 0.2)
    answer = raw(served, "Content-Length: 4000\r\n", CLIP)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"nothing came for" in answer
    assert served.files() == []


def test_two_uploads_of_one_name_are_two(served: Served) -> None:
    one, two = (served.upload(name="same.mp4")["id"] for _ in range(2))
    assert one != two
    for key in (one, two):
        assert served.until(key)["name"] == "same.mp4"
        assert served.client.get(f"/clips/{key}/").status_code == 200


@pytest.mark.parametrize(
    "name",
    ["../../../../etc/passwd", "..\\..\\a.mp4", "/etc/cron.d/x.mp4", "C:\\a.mp4", "a/b/../../c.mp4",
     "<img src=x onerror=alert(1)>.mp4", "👩‍👩‍👧 day 🎉.mp4", "con.mp4", "a:b.mp4", ".mp4", "..",
     "~/a", "a.mp4.exe", "%2e%2e%2f.mp4", "a?b#c&d=e.mp4", "$(touch x).mp4", "x" * 1000,
     "'; drop table.mp4", "مقابلة.mp4", "e\u0301\u0301.mp4"],
)  # fmt: skip
def test_any_name_is_a_label_only(shared: Served, name: str) -> None:
    key = shared.upload(name=name)["id"]
    over = shared.until(key)
    assert (over["state"], over["name"]) == ("done", name)
    assert shared.client.get(f"/api/jobs/{key}/result").json()["files"][0]["file"] == name
    stored = [file for file in shared.files() if not file.startswith(f"jobs/{key}/")]
    assert stored == []
    parts = {file.rpartition("/")[2] for file in shared.files()}
    assert parts <= {
        "job.json", "result.json", "film.json", "index.html", "film.mp4", "card.jpg", "upload.mp4",
        "upload.bin",
    }  # fmt: skip
    page = shared.client.get(f"/clips/{key}/").text
    assert "<img src=x" not in page
    for form in ("csv", "elan", "vtt"):
        answer = shared.client.get(f"/api/jobs/{key}/result", params={"format": form})
        assert answer.status_code == 200
        shown = answer.headers["content-disposition"].split('filename="')[1].split('"')[0]
        assert not set(shown) & set("/\\<>:;")
    assert [path.name for path in shared.server.settings.folder.parent.iterdir()] == ["serve"]
    shared.client.delete(f"/api/jobs/{key}")


def test_names_lose_control_characters(served: Served) -> None:
    assert served.upload(name="a\x00b\n\u202egpj.mp4")["name"] == "a�b��gpj.mp4"


def test_a_full_disk_before_the_clip(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": jobs.RESERVE + 100})
    monkeypatch.setattr(jobs.shutil, "disk_usage", lambda _: usage)
    answer = served.client.post("/api/jobs", params={"name": "a.mp4"}, content=CLIP)
    assert answer.status_code == 507
    assert answer.json()["error"].startswith("the disk is full: free some space")


def test_a_full_disk_while_the_clip_comes(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(uploads, "_copy", full)
    answer = served.client.post("/api/jobs", params={"name": "a.mp4"}, content=CLIP)
    assert answer.status_code == 507
    assert "the disk is full" in answer.json()["error"]
    assert served.files() == []
    monkeypatch.undo()
    test_a_good_clip_still_passes(served)


def test_a_full_disk_when_the_result_is_written(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("emonets.app.queue.write_page", full)
    over = served.until(served.upload()["id"])
    assert over["state"] == "failed"
    assert over["message"].startswith("the disk is full")
    monkeypatch.undo()
    served.client.post(f"/api/jobs/{over['id']}/again")
    assert served.until(over["id"])["state"] == "done"


def test_the_limit_of_all_clips(tmp_path: Path) -> None:
    with serving(tmp_path, max_disk=700) as served:
        served.upload(b"slow" + bytes(400))
        answer = served.client.post("/api/jobs", params={"name": "a.mp4"}, content=CLIP)
        assert answer.status_code == 507
        assert "would need more than 700 bytes" in answer.json()["error"]


def test_the_limit_of_clips_that_wait(tmp_path: Path) -> None:
    with serving(tmp_path, max_jobs=2) as served:
        first = served.upload(b"slow")
        served.until(first["id"], "running")
        served.upload()
        served.upload()
        answer = served.client.post("/api/jobs", params={"name": "a.mp4"}, content=CLIP)
        assert answer.status_code == 429
        assert "2 clips are waiting, which is the most" in answer.json()["error"]
        served.reader.go.set()
        served.until(first["id"])


def test_twenty_at_once_all_finish(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        content = b"film" + bytes(300_000)
        ids: list[str] = []

        def send(i: int) -> None:
            with httpx.Client(base_url=served.base, headers=served.client.headers) as client:
                answer = client.post(
                    "/api/jobs", params={"name": f"{i}.mp4"}, content=content, timeout=60
                )
                ids.append(answer.json()["id"])

        threads = [threading.Thread(target=send, args=(i,)) for i in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(set(ids)) == 20
        assert {served.until(key)["state"] for key in ids} == {"done"}
        assert not list((tmp_path / "half").iterdir())


def test_uploads_are_not_held_in_memory(tmp_path: Path) -> None:
    import tracemalloc

    with serving(tmp_path) as served:
        served.upload()
        size = 40 * 2**20

        def pieces() -> Iterator[bytes]:
            piece = bytes(2**16)
            for _ in range(size // len(piece)):
                yield piece

        tracemalloc.start()
        answer = served.client.post(
            "/api/jobs", params={"name": "a.mp4"}, content=pieces(),
            headers={"Content-Length": str(size)},
        )  # fmt: skip
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert answer.status_code == 201
        assert peak < 12 * 2**20
