"""The live tab of `emonets serve` in a real browser: answers a second, time from camera to page.

    python benchmarks/serve_live.py [--seconds 20]

Chromium without a window plays a shipped example as its camera, 640 x 480, 30 frames a second, and
its sound as the microphone. One face speaks. The server, the browser and its pictures (drawn
without a graphics card) share the machine. Each frame that is answered counts from the moment when
the camera had it (`captureTime` of `requestVideoFrameCallback`) to the moment when the page has
drawn its answer.

Baseline: `emonets.stream` on the same frames and sound in this process, without server and browser;
its times begin when a frame is there, and end with its answer.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import sync_playwright

import emonets
from emonets.evaluation.records import Evidence, write_results

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks"), str(ROOT / "tests" / "app")]

from fake_devices import fake_devices  # noqa: E402

from stream import EXAMPLE, HERTZ, Loop  # noqa: E402

COMMAND = "OMP_NUM_THREADS=1 python benchmarks/serve_live.py"
DATA = "example clip with its sound as camera and microphone, 640x480 30 frames/s"


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, int]]:
    """The command itself: its address with the token, and its process."""
    command = [sys.executable, "-m", "emonets", "serve", "--port", "0", "--folder", str(folder),
               "--no-open", "--quiet"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


def busy(process: int) -> float:
    """Seconds of the processor that a process has used; only on Linux."""
    own = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(own[11]) + int(own[12])) / os.sysconf("SC_CLK_TCK")


def live(seconds: float, chromium: str) -> dict[str, float]:
    """The live tab."""
    with (
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder) / "clips") as (address, process),
        sync_playwright() as driver,
    ):
        devices = fake_devices(EXAMPLE, Path(folder))
        browser = driver.chromium.launch(executable_path=chromium, args=[
            "--no-sandbox", "--mute-audio", "--use-fake-ui-for-media-stream", *devices,
        ])  # fmt: skip
        page = browser.new_page(viewport={"width": 1180, "height": 900})
        page.goto(address.replace("/?", "/live?"))
        page.wait_for_selector("body[data-ready]")
        page.click("#start")
        until(page, "EM.live.state === 'running' && EM.live.ages.length > 20")
        used = busy(process)
        page.evaluate("EM.live.ages = []; 0")
        time.sleep(seconds)
        ages = page.evaluate("EM.live.ages")
        used = busy(process) - used
        page.click("#start")
        until(page, "EM.live.state === 'idle'")
        assert page.locator("#result-text").inner_text(), page.locator("#problems").inner_text()
        browser.close()
    times = [1e3 * own["age"] for own in ages]
    return {
        "answers a second": (len(ages) - 1) / (ages[-1]["at"] - ages[0]["at"]),
        "median ms": statistics.median(times), "p95 ms": float(np.quantile(times, 0.95)),
        "processor ms an answer": 1e3 * used / len(ages), "n": len(ages),
    }  # fmt: skip


def until(page: Any, condition: str) -> None:
    end = time.monotonic() + 120
    while not page.evaluate(condition):
        assert time.monotonic() < end, page.inner_text("main")
        time.sleep(0.05)


def baseline(seconds: float) -> dict[str, float]:
    """The same in this process."""
    model, loop = emonets.load(), Loop()
    with emonets.Session(model) as session:
        list(emonets.stream(loop.live(1.0), rate=HERTZ, session=session, live=False))
    with emonets.Session(model) as session:
        began, used = time.perf_counter(), time.process_time()
        ages = [1e3 * own.age for own in emonets.stream(
            loop.live(seconds), rate=HERTZ, session=session)]  # fmt: skip
        spent, used = time.perf_counter() - began, time.process_time() - used
    return {
        "answers a second": len(ages) / spent, "median ms": statistics.median(ages),
        "p95 ms": float(np.quantile(ages, 0.95)), "processor ms an answer": 1e3 * used / len(ages),
        "n": len(ages),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--out", type=Path, default=Path("docs/results"))
    parser.add_argument("--note", default="", help="what else the machine did")
    parser.add_argument("--dry", action="store_true", help="print only")
    args = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        parser.error("there is no Chromium on the path; install it")
    load = os.getloadavg()[0]
    measured = {
        "live tab in Chromium": live(args.seconds, chromium),
        "emonets.stream alone, 25 frames/s (baseline)": baseline(args.seconds / 2),
    }
    rows = []
    for what, numbers in measured.items():
        print(what, {key: round(value, 1) for key, value in numbers.items()}, flush=True)
        note = args.note or f"{os.cpu_count()} cores, load {load:.1f} before"
        for metric, value in numbers.items():
            if metric != "n":
                rows.append(Evidence(
                    what=what, data=DATA, split="none", metric=metric, value=value,
                    n=int(numbers["n"]), command=COMMAND, note=note,
                ))  # fmt: skip
    if not args.dry:
        write_results("serve_live", rows, args.out)


if __name__ == "__main__":
    main()
