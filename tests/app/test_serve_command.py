"""The command: its start, its end, and what is there after it was killed."""

from __future__ import annotations

import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from command import all_end, command

from command_line import Run, runner
from emonets.app.server import listen, only_one
from emonets.errors import EmoNetsError, ParameterError
from processes import children

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def test_a_port_that_is_taken(run: Run, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        code, out, err = run("serve", "--port", port, "--folder", tmp_path, "--no-open")
    assert (code, out) == (1, "")
    assert f"error: port {port} of this computer cannot be used" in err
    assert "choose another one with --port, or 0 for a free one" in err


def test_there_is_no_option_for_a_host(run: Run, tmp_path: Path) -> None:
    code, _, err = run("serve", "--host", "0.0.0.0", "--folder", tmp_path)
    assert code == 2
    assert "No such option" in err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "10.0.0.1"])
def test_only_this_computer_can_be_listened_on(host: str) -> None:
    with pytest.raises(ParameterError, match="not an address of this computer alone"):
        listen(0, host)


@pytest.mark.parametrize(
    ("words", "text"),
    [(["--keep", "soon"], "--keep takes a time such as 24h"),
     (["--max-bytes", "much"], "--max-bytes takes bytes"),
     (["--port", "70000"], "--port 70000: must be 0 to 65535"),
     (["--max-jobs", "0"], "--max-jobs 0: must be above 0")],
)  # fmt: skip
def test_options_out_of_range(run: Run, tmp_path: Path, words: list[str], text: str) -> None:
    code, _, err = run("serve", "--no-open", "--folder", tmp_path, *words)
    assert code == 2
    assert text in err


def test_a_folder_that_is_in_use(run: Run, tmp_path: Path) -> None:
    with only_one(tmp_path):
        code, _, err = run("serve", "--no-open", "--port", "0", "--folder", tmp_path)
        assert code == 1
        assert "another emonets serve works with it" in err
    with only_one(tmp_path):
        pass


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmoNetsError, match="choose another --folder"), only_one(tmp_path / "file"):
        pass


def test_without_its_packages(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("emonets.cli.serve.find_spec", lambda _: None)
    code, _, err = run("serve", "--no-open")
    assert code == 1
    assert "pip install 'emonets[serve]'" in err


@posix
def test_killed_and_started_anew(happy: Path, angry: Path, tmp_path: Path) -> None:
    with command(tmp_path) as first:
        done = first.upload(happy, "<img src=x onerror=alert(1)>.flv")
        job = first.until(done)
        assert (job["state"], job["emotion"]) == ("done", "happy")
        page = first.client.get(f"/clips/{done}/").text
        assert "<img src=x" not in page
        running = first.upload(angry)
        first.until(running, "running")
        workers = children(first.process.pid)
        first.process.kill()
        first.process.wait()
    assert all_end(workers)
    with command(tmp_path) as second:
        assert second.token != first.token
        assert second.client.get(f"/api/jobs/{done}").json() == job
        assert second.until(running)["state"] == "done"
        assert second.client.get(f"/clips/{done}/film.mp4").status_code == 200
        # Ctrl-C, while a clip is half uploaded
        workers = children(second.process.pid)
        with socket.create_connection(("127.0.0.1", second.port)) as sock:
            sock.sendall(
                f"POST /api/jobs?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{second.port}\r\n"
                f"Authorization: Bearer {second.token}\r\nContent-Length: 4000\r\n\r\nabc".encode()
            )
            while not list((tmp_path / "half").iterdir()):
                time.sleep(0.01)
            code, err = second.end(signal.SIGINT)
    assert code == 130
    assert f"interrupted; clips are in {tmp_path}; the same command continues" in err
    assert "Traceback" not in err
    assert all_end(workers)
    assert not list((tmp_path / "half").iterdir())
