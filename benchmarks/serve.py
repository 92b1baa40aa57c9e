"""How `emonets serve` bears twenty uploads at once: its memory, and the time.

    python benchmarks/serve.py
    python benchmarks/serve.py --clips 0      # uploads alone, nothing is predicted

Files of --megabytes are sent one after another and all at once, and deleted. Then --clips copies of
the shipped clip are predicted, one after another and all at once. Peaks are of /proc (Linux), of
the server alone and of all its processes together. Times of this computer; ratios count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

CLIP = Path(__file__).parents[1] / "examples" / "1001_DFA_HAP_XX.flv"
_PIECE = bytes(2**16)


class Server:
    """A running server and a client of it."""

    def __init__(self, folder: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emonets", "serve", "--no-open", "--port", "0", "--quiet",
             "--folder", folder],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        address = urlsplit(self.process.stdout.readline().strip())
        self.client = httpx.Client(
            base_url=f"http://{address.netloc}", timeout=600,
            headers={"Authorization": f"Bearer {parse_qs(address.query)['token'][0]}"},
            limits=httpx.Limits(max_connections=64),
        )  # fmt: skip
        self.most_together = 0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self.process.poll() is None:
            self.most_together = max(self.most_together, sum(map(resident, self.family())))
            time.sleep(0.1)

    def family(self) -> list[int]:
        """The server's process and those below it."""
        found, parents = [self.process.pid], {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def peak(self) -> int:
        """Most bytes in memory of the server's own process until now."""
        return field(self.process.pid, "VmHWM")

    def send(self, name: str, content: bytes | Iterator[bytes], size: int) -> str:
        """The id of an upload."""
        answer = self.client.post(
            "/api/jobs", params={"name": name}, content=content,
            headers={"Content-Length": str(size)},
        )  # fmt: skip
        answer.raise_for_status()
        return str(answer.json()["id"])

    def wait(self, *keys: str) -> None:
        """Until these clips are done."""
        version = 0
        while True:
            answer = self.client.get("/api/jobs", params={"since": version}).json()
            version = answer["version"]
            jobs = [job for job in answer["jobs"] if job["id"] in keys]
            if not {job["state"] for job in jobs} & {"waiting", "running"}:
                failed = [job["message"] for job in jobs if job["state"] != "done"]
                if failed or len(jobs) != len(keys):
                    raise SystemExit(f"not all are done: {failed}")
                return


def field(pid: int, name: str) -> int:
    """Bytes of a line of /proc/PID/status."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return 0


def resident(pid: int) -> int:
    """Bytes in memory of a process; 0 if it is gone."""
    try:
        return field(pid, "VmRSS")
    except OSError:
        return 0


def seconds(work: Callable[[], None]) -> float:
    """How long it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def main() -> None:
    """Print a line a number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=50)
    parser.add_argument("--clips", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder)
        try:
            uploads(server, given.count, given.megabytes * 2**20)
            if given.clips:
                predictions(server, given.clips)
        finally:
            server.process.terminate()
            server.process.wait()


def uploads(server: Server, count: int, size: int) -> None:
    """Send files that are deleted at once."""

    def one(i: int) -> None:
        pieces = (_PIECE for _ in range(size // len(_PIECE)))
        key = server.send(f"{i}.mp4", pieces, size)
        server.client.delete(f"/api/jobs/{key}").raise_for_status()

    def at_once() -> None:
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(one, range(count)))

    before = server.peak()
    alone = seconds(lambda: [one(i) for i in range(count)] and None)
    between = server.peak()
    together = seconds(at_once)
    after = server.peak()
    print(f"{count} uploads of {size / 2**20:.0f} MB")
    print(f"  one after another: {alone:.1f} s; at once: {together:.1f} s ({together / alone:.2f})")
    print(
        f"  peak of the server: {before / 2**20:.0f} MB before, {between / 2**20:.0f} MB after "
        f"those one after another, {after / 2**20:.0f} MB after those at once"
    )


def predictions(server: Server, count: int) -> None:
    """Predict the shipped clip."""
    content = CLIP.read_bytes()

    def one(i: int) -> str:
        return server.send(f"{i}{CLIP.suffix}", content, len(content))

    def alone() -> None:
        for i in range(count):
            server.wait(one(i))

    def at_once() -> None:
        with ThreadPoolExecutor(count) as pool:
            keys = list(pool.map(one, range(count)))
        server.wait(*keys)

    server.wait(one(0))  # the first waits for the model
    first, second = seconds(alone), seconds(at_once)
    print(f"{count} clips of {len(content) / 1000:.0f} kB predicted, with their pages")
    print(f"  one after another: {first:.1f} s; at once: {second:.1f} s ({second / first:.2f})")
    print(
        f"  peak of the server: {server.peak() / 2**20:.0f} MB; of all its processes together: "
        f"{server.most_together / 2**20:.0f} MB"
    )


if __name__ == "__main__":
    main()
