"""How large the page of a ten-minute clip is, how soon it paints, and how exactly it seeks.

    python benchmarks/report.py --chromium /usr/bin/chromium

The film is made up, with frames of uneven length; so is its result, with three persons in windows
of five seconds and four sources, and as many pictures of faces and mouths as a report keeps. Times
of this computer; CPU times count where it is busy.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from playwright.sync_api import sync_playwright

from emonets.emotions import EMOTIONS
from emonets.inference.input_pictures import COLUMNS, MOST
from emonets.person_seen import InputPictures
from emonets.report.film import frame_times
from emonets.report.write import write_report
from emonets.result import FileStatus, PersonSeen, Result, Row

SEEK = """async (time) => {
  const video = document.querySelector('video');
  const shown = new Promise((resolve) => video.requestVideoFrameCallback(
    (_, about) => resolve(about.mediaTime)));
  const track = document.querySelector('#ribbons .track');
  const box = track.getBoundingClientRect();
  const span = EM.read('data').span;
  const x = box.left + (time - span[0]) / (span[1] - span[0]) * box.width;
  for (const name of ['pointerdown', 'pointerup']) {
    track.dispatchEvent(new PointerEvent(name, { clientX: x, pointerId: 1 }));
  }
  return [video.currentTime, await shown];
}"""


def film(path: Path, seconds: float) -> None:
    """Grey pictures whose frames last 20 to 60 ms."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.options = {"preset": "ultrafast", "crf": "40", "g": "50"}
        at, picture = 0, np.zeros((240, 320, 3), np.uint8)
        while at < 1000 * seconds:
            picture[:, at // 40 % 320] = at % 255
            frame: Any = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = at, Fraction(1, 1000)
            container.mux(stream.encode(frame))
            at += int(rng.integers(20, 60))
        container.mux(stream.encode())


def result(file: str, seconds: float) -> Result:
    """Three persons in windows of five seconds."""
    rng = np.random.default_rng(0)
    rows = []
    for start in np.arange(0, seconds, 5.0):
        for model in ("face", "activity", "mouth", "face+audio"):
            for person in range(3):
                p = tuple(map(float, rng.dirichlet(np.ones(len(EMOTIONS)))))
                rows.append(Row(
                    file, person, float(start), float(start + 5), True, model, p, True, "face",
                    person=person, speaks=bool(rng.integers(2)), usable=0.9,
                ))  # fmt: skip
    rows.append(Row(file, None, 0.0, seconds, True, "face+audio", (1 / 7,) * 7, True, "clip"))
    times = np.arange(0, seconds, 0.2)
    boxes = np.tile([10.0, 10.0, 80.0, 80.0], (len(times), 1)) + rng.integers(0, 9, (len(times), 4))
    picture = bytes(rng.integers(0, 255, 3000, dtype=np.uint8))
    seen = tuple(
        PersonSeen(file, n, (n,), times, boxes + 90 * n, 0.9, picture, inputs=inputs(rng, seconds))
        for n in range(3)
    )
    return Result(tuple(rows), (FileStatus(file, "ok"),), {"bundle": "modern"}, seen)


def inputs(rng: np.random.Generator, seconds: float) -> tuple[InputPictures, ...]:
    """As many faces and mouths as a report keeps of three persons, with about as much detail."""
    made = []
    for source, width, height in (("face", 96, 96), ("mouth", 40, 30)):
        count = MOST // 3
        rows = -(-count // COLUMNS)
        noise = rng.standard_normal((rows * height, COLUMNS * width)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
        grey = np.clip(128 + 60 * smooth / smooth.std(), 0, 255).astype(np.uint8)
        sheet = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
        times = tuple(np.linspace(0, seconds, count, endpoint=False).tolist())
        made.append(InputPictures(source, times, width, height, COLUMNS, sheet))
    return tuple(made)


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seeks", type=int, default=50)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "long.mp4"
        film(clip, given.seconds)
        write_report(result(str(clip), given.seconds), Path(folder) / "out")
        (page,) = Path(folder).glob("out/clips/*/index.html")
        beside = sum(f.stat().st_size for f in page.parent.iterdir() if f.name != "film.mp4")
        stamps = frame_times(clip)[1]
        measured = browse(page, given, stamps)
    print(json.dumps({"page_bytes": beside, "frames": len(stamps), **measured}, indent=1))


def browse(page: Path, given: argparse.Namespace, stamps: Any) -> dict[str, Any]:
    """Open the page three times, and seek to random times."""
    paints = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        for _ in range(3):
            tab.goto(page.as_uri(), wait_until="domcontentloaded")
            tab.wait_for_selector("body[data-ready]")
            while not tab.evaluate("performance.getEntriesByName('first-contentful-paint').length"):
                tab.wait_for_timeout(20)
            paints.append(tab.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            ))  # fmt: skip
        wrong = 0
        for time in np.random.default_rng(1).uniform(1, given.seconds - 1, given.seeks):
            asked, shown = tab.evaluate(SEEK, float(time))
            due = int(np.searchsorted(stamps, asked + 1e-4)) - 1
            got = int(np.abs(stamps - shown).argmin())
            wrong = max(wrong, abs(due - got))
        browser.close()
    return {"first_paint_ms": [round(p) for p in paints], "seeks": given.seeks,
            "frames_off_at_most": wrong}  # fmt: skip


if __name__ == "__main__":
    main()
