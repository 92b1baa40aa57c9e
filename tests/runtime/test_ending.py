"""Programs that are stopped: how fast they end, with which status, and what they leave."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emonets.runtime import ending
from emonets.runtime.ending import Stopped, keeps, stop_on_signals
from emonets.runtime.files import write_whole

if sys.platform == "win32":
    pytest.skip("processes are sent signals", allow_module_level=True)

PROGRAM = """
import hashlib, os, signal, sys, time
from pathlib import Path
from emonets.runtime import ending, files, parallel

folder = Path(sys.argv[1])
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored under nohup

def work(item):
    (folder / f"{os.getpid()}.pid").touch()
    if sys.argv[2] == "writes":
        path = folder / f".{os.getpid()}.part"
        ending.being_written(path)
        path.write_bytes(b"half")
    (folder / f"{os.getpid()}.ready").touch()
    if sys.argv[2] == "computes":
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # no Python code meanwhile
    time.sleep(60)

def main():
    with ending.stop_on_signals():
        try:
            ending.keeps("all of it is kept")
            for _ in parallel.run_each(work, range(4), workers=int(sys.argv[3])):
                pass
        except ending.Stopped as stopped:
            sys.exit(ending.finish(stopped, lambda text: print(text, file=sys.stderr)))

main()
"""


Start = Callable[[str, int], tuple[subprocess.Popen[str], list[int]]]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Start]:
    """Programs at work, and the processes that work; none outlives a test that fails."""
    alive: list[subprocess.Popen[str]] = []

    def start(how: str, workers: int) -> tuple[subprocess.Popen[str], list[int]]:
        return _start(tmp_path, how, workers, alive)

    yield start
    for process in alive:
        process.kill()
        process.wait()
    for file in tmp_path.glob("*.pid"):
        if runs(int(file.stem)):
            os.kill(int(file.stem), signal.SIGKILL)


def _start(
    folder: Path, how: str, workers: int, alive: list[subprocess.Popen[str]]
) -> tuple[subprocess.Popen[str], list[int]]:
    (folder / "program.py").write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, folder / "program.py", folder, how, str(workers)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    alive.append(process)
    wait_until(lambda: len(list(folder.glob("*.ready"))) == workers, 60)
    return process, [int(p.stem) for p in folder.glob("*.pid")]


def wait_until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")


@pytest.mark.parametrize(
    ("number", "how", "text"),
    [
        (signal.SIGTERM, "writes", "ended by SIGTERM; all of it is kept"),
        (signal.SIGINT, "sleeps", "interrupted; all of it is kept"),
        (signal.SIGHUP, "computes", "ended by SIGHUP; all of it is kept"),
    ],
)
def test_a_signal_ends_the_workers_too(
    tmp_path: Path, started: Start, number: signal.Signals, how: str, text: str
) -> None:
    process, workers = started(how, 2)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert text in err
    assert "Traceback" not in err
    wait_until(lambda: not any(map(runs, workers)), 10)
    assert not list(tmp_path.glob("*.part"))


def test_workers_of_a_killed_program_end(tmp_path: Path, started: Start) -> None:
    process, workers = started("writes", 2)
    process.kill()
    process.communicate(timeout=10)
    wait_until(lambda: not any(map(runs, workers)), 15)
    assert not list(tmp_path.glob(".*.part"))


def test_a_long_computation_does_not_delay_the_end(started: Start) -> None:
    process, _ = started("computes", 1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=ending.GRACE + 20)
    assert process.returncode == 128 + signal.SIGTERM
    assert err.count("all of it is kept") == 1


def test_signals_are_restored_and_ignored_ones_stay() -> None:
    before = signal.getsignal(signal.SIGTERM)
    hangup = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals():
            assert signal.getsignal(signal.SIGTERM) != before
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) == before
    finally:
        signal.signal(signal.SIGHUP, hangup)


def test_the_text_of_a_stop() -> None:
    keeps("clips are in out")
    assert str(Stopped(signal.SIGINT)) == "interrupted; clips are in out"
    assert Stopped(signal.SIGTERM).status == 143
    keeps(None)
    assert str(Stopped(signal.SIGTERM)) == "ended by SIGTERM; nothing is kept"
    assert not isinstance(Stopped(2), Exception)


def test_a_stop_while_a_file_is_written_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise Stopped(signal.SIGTERM)

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(Stopped):
        write_whole(tmp_path / "a.csv", b"1")
    assert list(tmp_path.iterdir()) == []
    assert not ending._partial
