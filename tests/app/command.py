"""The command ``emonets serve`` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

# SIGINT is ignored in a shell's background, and stays so
_START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from emonets.cli.main import main; main()"
)


class Command:
    """A running ``emonets serve``, and a client of it that has the token."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _START, "serve", "--no-open", "--port", "0", "--folder",
             str(folder), *words],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        if not self.address:
            raise AssertionError(self.process.communicate()[1])
        parts = urlsplit(self.address)
        self.base = f"{parts.scheme}://{parts.netloc}"
        self.port = int(parts.port or 0)
        (self.token,) = parse_qs(parts.query)["token"]
        self.client = httpx.Client(
            base_url=self.base, headers={"Authorization": f"Bearer {self.token}"}, timeout=30
        )

    def upload(self, clip: Path, name: str | None = None) -> str:
        """The id of a clip that is taken in."""
        answer = self.client.post(
            "/api/jobs", params={"name": name or clip.name}, content=clip.read_bytes()
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def until(self, key: str, *states: str, seconds: float = 600) -> dict[str, object]:
        """A job when it is in one of the states; over, by default."""
        end = time.monotonic() + seconds
        while True:
            job = dict(self.client.get(f"/api/jobs/{key}").json())
            if job["state"] in (states or ("done", "failed", "cancelled")):
                return job
            assert time.monotonic() < end, job
            time.sleep(0.05)

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; the exit status, and what was printed on standard error."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err


@contextmanager
def command(folder: Path, *words: str) -> Iterator[Command]:
    """Run the command until the block ends."""
    running = Command(folder, *words)
    try:
        yield running
    finally:
        running.client.close()
        if running.process.poll() is None:
            running.end()


def all_end(pids: list[int], seconds: float = 60) -> bool:
    """Whether processes end within some seconds."""
    end = time.monotonic() + seconds
    while any(os.path.exists(f"/proc/{pid}") for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
