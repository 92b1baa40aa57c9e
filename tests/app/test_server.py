"""What clients get: jobs, pages, files, exports, edits."""

from __future__ import annotations

import io
import json
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from served import CLIP, Served, serving

from emonets.app.parameters import label_of
from emonets.errors import ParameterError
from emonets.report.data import digest_of
from made_results import film


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture(scope="module")
def done(served: Served) -> str:
    """The id of a job that is done."""
    key = served.upload(name="talk.mp4", label="happy", batch="b1", window="2")["id"]
    assert served.until(key)["state"] == "done"
    return str(key)


def test_a_clip_goes_in_and_its_result_comes_out(served: Served) -> None:
    job = served.upload(name="talk.mp4", label="Happy", batch="day 1")
    assert (job["name"], job["label"], job["batch"]) == ("talk.mp4", "happy", "day 1")
    assert job["size"] == len(CLIP)
    over = served.until(job["id"])
    assert (over["state"], over["status"], over["emotion"]) == ("done", "ok", "happy")
    assert (over["persons"], over["seconds"], over["stage"]) == (2, 20.0, None)
    assert over["page"] == f"/clips/{job['id']}/"
    assert over["expires"] > time.time() + 86000
    result = served.client.get(f"/api/jobs/{job['id']}/result").json()
    assert result["files"][0]["file"] == "talk.mp4"
    assert len(result["rows"]) == len(film("talk.mp4").rows)


def test_options_reach_the_reader(served: Served, done: str) -> None:
    assert 2.0 in [options.window for options in served.reader.options]


def test_status(served: Served) -> None:
    status = served.client.get("/api/status").json()
    assert status["limits"]["bytes"] == 2 * 10**9
    assert status["locked"] == "nothing can be opened"
    assert "elan" in [one["name"] for one in status["formats"]]
    assert "modern" in status["bundles"]


def test_a_list_waits_for_changes(served: Served) -> None:
    version = served.client.get("/api/jobs").json()["version"]
    got: list[float] = []

    def wait() -> None:
        answer = served.client.get("/api/jobs", params={"since": version})
        assert answer.json()["version"] > version
        got.append(time.monotonic())

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.3)
    assert not got  # nothing has changed
    began = time.monotonic()
    key = served.upload()["id"]
    thread.join(10)
    assert got[0] - began < 2
    served.until(key)


def test_a_list_since_an_older_version_is_there_at_once(served: Served) -> None:
    began = time.monotonic()
    assert served.client.get("/api/jobs", params={"since": "1"}).status_code == 200
    assert time.monotonic() - began < 2
    answer = served.client.get("/api/jobs", params={"since": "x"})
    assert (answer.status_code, answer.json()) == (
        400, {"error": "since must be a version of the list, got 'x'"},
    )  # fmt: skip


def test_page_and_its_files(served: Served, done: str) -> None:
    page = served.client.get(f"/clips/{done}/")
    assert page.headers["content-type"].startswith("text/html")
    assert '<a href="/">All clips</a>' in page.text
    assert f'"save":"/api/jobs/{done}/edits"' in page.text
    part = served.client.get(f"/clips/{done}/film.mp4", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"\x02\x03\x04")
    assert part.headers["content-type"] == "video/mp4"
    assert served.client.get(f"/clips/{done}/card.jpg").status_code == 200


@pytest.mark.parametrize(
    "name", ["index.html", "film.json", "job.json", "nope.mp4", "..%2Fjob.json", "%2e%2e/job.json",
             "..%2f..%2fspeed.json", "film.mp4%00", "..\\job.json"],
)  # fmt: skip
def test_other_files_are_not_given_out(served: Served, done: str, name: str) -> None:
    answer = served.client.get(f"/clips/{done}/{name}")
    assert answer.status_code == 404
    assert answer.json()["error"]


@pytest.mark.parametrize(
    ("form", "name", "begins"),
    [("csv", "talk.csv", b"file,"), ("vtt", "talk.vtt", b"WEBVTT"), ("elan", "talk.eaf", b"<?xml"),
     ("xlsx", "talk.xlsx", b"PK"), ("textgrid", "talk.TextGrid", b"File"), ("json", "talk.json",
     b"{")],
)  # fmt: skip
def test_downloads(served: Served, done: str, form: str, name: str, begins: bytes) -> None:
    answer = served.client.get(f"/api/jobs/{done}/result", params={"format": form})
    assert answer.status_code == 200, answer.text
    assert answer.content.lstrip(b"\xef\xbb\xbf").startswith(begins)
    assert f'attachment; filename="{name}"' in answer.headers["content-disposition"]


def test_a_format_with_several_files_is_a_zip(served: Served, done: str) -> None:
    answer = served.client.get(f"/api/jobs/{done}/result", params={"format": "bids"})
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    assert any(name.endswith(".tsv") for name in names)


def test_an_unknown_format_names_the_known_ones(served: Served, done: str) -> None:
    answer = served.client.get(f"/api/jobs/{done}/result", params={"format": "ealn"})
    assert answer.status_code == 400
    assert "did you mean 'elan'?" in answer.json()["error"]


def edits_of(name: str, **more: object) -> dict[str, object]:
    return {
        "schema": "emonets.edits", "version": 1, "file": name, "result": digest_of(film(name)),
        "names": {"0": "Ann"}, "people": [], "excluded": [], "events": [], **more,
    }  # fmt: skip


def test_edits_are_kept_and_the_page_is_made_anew(served: Served) -> None:
    key = served.upload(name="talk.mp4")["id"]
    served.until(key)
    assert served.client.get(f"/api/jobs/{key}/edits").json() is None
    edits = edits_of("talk.mp4")
    answer = served.client.put(f"/api/jobs/{key}/edits", json=edits)
    assert (answer.status_code, answer.json()) == (200, edits)
    assert served.client.get(f"/api/jobs/{key}/edits").json() == edits
    assert '"names":{"0":"Ann"}' in served.client.get(f"/clips/{key}/").text
    # predicted again, the same result: the work of the reader stays
    served.client.post(f"/api/jobs/{key}/again")
    served.until(key)
    assert '"names":{"0":"Ann"}' in served.client.get(f"/clips/{key}/").text


@pytest.mark.parametrize(
    ("edits", "text"),
    [
        (edits_of("other.mp4"), "these edits are of other.mp4, and this clip is talk.mp4"),
        (edits_of("talk.mp4", result="00"), "of another result of this clip"),
        (edits_of("talk.mp4", names={"0": 1}), "names is not as it should be"),
        (edits_of("talk.mp4", version=9), "has version 9 of edits"),
        ({"a": 1}, "no schema emonets.edits"),
        ([], "no schema emonets.edits"),
    ],
)
def test_edits_that_do_not_fit(served: Served, done: str, edits: object, text: str) -> None:
    answer = served.client.put(f"/api/jobs/{done}/edits", json=edits)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_edits_that_are_no_json(served: Served, done: str, content: bytes) -> None:
    answer = served.client.put(f"/api/jobs/{done}/edits", content=content)
    assert answer.status_code == 400
    assert "it is not JSON" in answer.json()["error"]


def test_edits_that_are_too_large(served: Served, done: str) -> None:
    answer = served.client.put(f"/api/jobs/{done}/edits", content=b" " * 1_000_001)
    assert answer.status_code == 413

    def pieces() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * 100_000

    with suppress(httpx.TransportError):  # the server hung up while more was sent
        assert served.client.put(f"/api/jobs/{done}/edits", content=pieces()).status_code == 413


def test_again_and_delete(served: Served, done: str) -> None:
    key = served.upload()["id"]
    served.until(key)
    assert served.client.post(f"/api/jobs/{key}/again").status_code == 202
    assert served.until(key)["state"] == "done"
    assert served.client.delete(f"/api/jobs/{key}").status_code == 204
    for answer in (
        served.client.get(f"/api/jobs/{key}"), served.client.get(f"/clips/{key}/"),
        served.client.get(f"/clips/{key}/film.mp4"), served.client.delete(f"/api/jobs/{key}"),
        served.client.post(f"/api/jobs/{key}/again"), served.client.get(f"/api/jobs/{key}/result"),
    ):  # fmt: skip
        assert answer.status_code == 404
        assert "no such clip" in answer.json()["error"]
    assert not [name for name in served.files() if key in name]


def test_comparison_and_evaluation_get_the_clips(served: Served, done: str) -> None:
    answer = served.client.get("/api/comparison", params={"ids": f"{done},{done}"})
    assert [clip["id"] for clip in answer.json()["clips"]] == [done]
    assert served.client.get("/api/comparison", params={"ids": "x"}).status_code == 404
    assert "ids=" in served.client.get("/api/comparison").json()["error"]
    assert served.client.get("/api/evaluation", params={"batch": "b1"}).status_code == 200
    none = served.client.get("/api/evaluation", params={"batch": "b2"})
    assert (none.status_code, "there are no clips" in none.text) == (404, True)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "needs a name"),
        ({"name": " "}, "needs a name"),
        ({"name": "a" * 1001}, "name has 1001 characters"),
        ({"name": "a", "label": "hapy"}, "did you mean happy?"),
        ({"name": "a", "window": "x"}, "window takes seconds, auto or none"),
        ({"name": "a", "window": "nan"}, "window takes seconds, auto or none"),
        ({"name": "a", "window": "-1"}, "window"),
        ({"name": "a", "models": ","}, "names no specialist"),
        ({"name": "a", "nmae": "a"}, "there is no parameter 'nmae'"),
    ],
)
def test_parameters_of_an_upload(served: Served, query: dict[str, str], text: str) -> None:
    answer = served.client.post("/api/jobs", params=query, content=CLIP)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


def test_labels() -> None:
    assert (label_of("SAD"), label_of("Anger")) == ("sad", "angry")
    assert label_of(None) is None
    with pytest.raises(ParameterError, match="must be one of"):
        label_of("bored")


@pytest.mark.parametrize("path", ["/", "/live", "/compare", "/evaluate", "/help"])
def test_pages(served: Served, path: str) -> None:
    answer = served.client.get(path)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nope", 404), ("PUT", "/api/jobs", 405), ("PATCH", "/", 405),
     ("DELETE", "/api/jobs", 405), ("POST", "/api/status", 405), ("GET", "/assets/nope.js", 404),
     ("GET", "/assets/..%2Fapi.py", 404), ("GET", "/clips/x/", 404), ("TRACE", "/", 405)],
)  # fmt: skip
def test_what_is_not_there_is_a_sentence(
    served: Served, method: str, path: str, status: int
) -> None:
    answer = served.client.request(method, path)
    assert answer.status_code == status
    assert len(answer.json()["error"]) > 20


def test_an_error_that_nobody_foresaw_does_not_stop_the_server(
    served: Served, done: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.server.jobs, "used", lambda: 1 / 0)
    answer = served.client.get("/api/status")
    monkeypatch.undo()
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.json()["error"]
    assert "nosniff" in answer.headers["x-content-type-options"]
    assert served.client.get("/api/status").status_code == 200


def test_a_result_that_is_gone(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        key = served.upload()["id"]
        served.until(key)
        folder = tmp_path / "jobs" / key
        (folder / "result.json").unlink()
        (folder / "page" / "index.html").unlink()
        assert served.client.get(f"/api/jobs/{key}/result").status_code == 404
        assert served.client.get(f"/clips/{key}/").status_code == 404
        assert json.loads((folder / "job.json").read_text())["state"] == "done"
