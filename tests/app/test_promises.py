"""What `emonets serve` promises (docs/howto/serve.md), a test each; details are in other files.

The promises of the process that decodes are in tests/contained.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from served import CLIP, TOKEN, Served, StubReader, serving, settings_of

from emonets.app.openapi import openapi
from emonets.app.server import contained, listen
from emonets.app.settings import Settings
from emonets.contained import Contained
from emonets.report.page import CLIP_SCRIPTS

EVIL = "<img src=x onerror=alert(1)>.mp4"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        yield running


def test_a_clip_that_ends_the_decoder_costs_that_clip(served: Served) -> None:
    # the contained process returns a status for it: tests/contained
    bad, good = served.upload(b"broken")["id"], served.upload()["id"]
    assert served.until(bad)["state"] == "failed"
    assert served.until(good)["state"] == "done"


def test_each_clip_gets_a_fresh_process_with_the_limits_of_the_command(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, max_seconds=7.0, max_memory=10**9, max_disk=10**8)
    reader = contained(settings, None)
    assert isinstance(reader, Contained)
    try:
        assert reader._per_process == 1
        assert (reader.allowance.seconds, reader.allowance.memory) == (7.0, 10**9)
        assert reader.allowance.scratch == 10**8
    finally:
        reader.close()


def test_it_listens_on_this_computer_only(served: Served) -> None:
    with listen(0) as sock:
        assert sock.getsockname()[0] == "127.0.0.1"
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
    for address in others - {"127.0.0.1", "::1"}:
        family = socket.AF_INET6 if ":" in str(address) else socket.AF_INET
        with socket.socket(family) as sock:
            sock.settimeout(2)
            assert sock.connect_ex((str(address), served.port)) != 0 or "127." in str(address)


def test_the_token_is_random_and_needed(served: Served, tmp_path: Path) -> None:
    tokens = {Settings(folder=tmp_path).token for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) >= 32 for token in tokens)  # 192 bits
    for path in openapi()["paths"]:
        answer = httpx.get(served.base + path.replace("{id}", "x").replace("{name}", "x"))
        assert answer.status_code == 401, path


def test_another_host_is_refused(served: Served) -> None:
    answer = served.client.get("/", headers={"Host": f"evil.example:{served.port}"})
    assert answer.status_code == 403


def test_another_origin_is_refused(served: Served) -> None:
    answer = served.client.post("/api/jobs?name=a", content=CLIP,
                                headers={"Origin": "http://evil.example"})  # fmt: skip
    assert answer.status_code == 403


def test_no_other_site_can_read_an_answer(served: Served) -> None:
    own = {"Origin": f"http://127.0.0.1:{served.port}"}
    for method in ("GET", "OPTIONS", "POST"):
        answer = served.client.request(method, "/api/jobs", headers=own)
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_the_body_is_the_clip_and_no_form_is_parsed(served: Served) -> None:
    form = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="../../a"\r\n\r\nfilm\r\n'
        b"--x--\r\n"
    )
    answer = served.client.post(
        "/api/jobs?name=a.mp4", content=form,
        headers={"Content-Type": "multipart/form-data; boundary=x"},
    )  # fmt: skip
    job = served.server.jobs.get(answer.json()["id"])
    assert job is not None
    assert served.server.jobs.clip(job).read_bytes() == form


def test_the_size_is_limited_before_the_body_is_read(tmp_path: Path) -> None:
    with serving(tmp_path, max_bytes=1000) as served:
        head = (
            f"POST /api/jobs?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
            f"Authorization: Bearer {TOKEN}\r\nContent-Length: 1001\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
            sock.sendall(head.encode())
            assert sock.recv(100).startswith(b"HTTP/1.1 413")


def test_ids_are_random(served: Served) -> None:
    ids = [served.upload(name="same.mp4")["id"] for _ in range(20)]
    assert len(set(ids)) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16}", key) for key in ids)  # 96 bits


@pytest.mark.parametrize(
    "given", ["/etc/passwd", "../../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/x",
              "concat:/etc/passwd", "\\\\host\\share\\a"],
)  # fmt: skip
def test_no_path_and_no_address_comes_from_the_client(served: Served, given: str) -> None:
    key = served.upload(name=given)["id"]
    assert served.until(key)["state"] == "done"  # of the body: the name is a label
    part = quote(given, safe="")
    for path in (f"/clips/{part}/", f"/clips/{key}/{part}", f"/api/jobs/{part}", f"/assets/{part}"):
        assert served.client.get(path).status_code == 404
    own = {"name", "label", "batch", "window", "models", "id", "ids", "format", "since", "token"}
    for operations in openapi()["paths"].values():
        for operation in operations.values():
            assert {parameter["name"] for parameter in operation["parameters"]} <= own


def test_links_in_the_folder_are_not_followed(served: Served, tmp_path: Path) -> None:
    key = served.upload()["id"]
    served.until(key)
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(b"secret")
    job = served.server.jobs.get(key)
    assert job is not None
    try:
        os.symlink(secret, served.server.jobs.page(job) / "link.mp4")
    except OSError:
        pytest.skip("links cannot be made here")
    assert served.client.get(f"/clips/{key}/link.mp4").status_code == 404


def test_every_answer_forbids_guessing_framing_and_foreign_scripts(served: Served) -> None:
    key = served.upload()["id"]
    served.until(key)
    for path in ("/", "/live", "/help", f"/clips/{key}/", f"/clips/{key}/film.mp4", "/api/jobs",
                 f"/api/jobs/{key}/result?format=csv", "/nope"):  # fmt: skip
        sent = served.client.get(path).headers
        assert sent["x-content-type-options"] == "nosniff"
        assert sent["x-frame-options"] == "DENY"
        assert sent["referrer-policy"] == "no-referrer"
        policy = sent["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "http" not in policy.replace(f"ws://127.0.0.1:{served.port}", "")


def test_a_file_name_is_text_and_never_html(served: Served) -> None:
    key = served.upload(name=EVIL)["id"]
    served.until(key)
    for path in (f"/clips/{key}/", "/"):
        assert "<img src=x" not in served.client.get(path).text
    answer = served.client.get("/api/jobs")
    assert answer.headers["content-type"] == "application/json"


def test_the_page_of_a_clip_asks_for_nothing_but_its_own_files(served: Served) -> None:
    key = served.upload(name=EVIL)["id"]
    served.until(key)
    page = served.client.get(f"/clips/{key}/").text
    assert re.findall(r'(?:src|href)="([^"]*)"', page) == ["/"]  # the link to all clips
    policy = served.client.get(f"/clips/{key}/").headers["content-security-policy"]
    assert "connect-src 'self'" in policy
    # scripts by their hashes, and the style
    assert len(re.findall("'sha256-", policy)) == len(CLIP_SCRIPTS) + 1


def test_it_shows_what_is_locked(served: Served) -> None:
    assert served.client.get("/api/status").json()["locked"] == StubReader.locked


def test_deleted_is_deleted(served: Served) -> None:
    key = served.upload()["id"]
    served.until(key)
    assert served.client.delete(f"/api/jobs/{key}").status_code == 204
    assert not [file for file in served.files() if key in file]
