"""Take the pictures of `emonets serve` in docs/figures again: every state of its pages.

    python tools/serve_screenshots.py [--out docs/figures] [--only busy done]

Starts the real server with the real model, and drives Chromium (Debian's package ``chromium``,
by Playwright). The clips are the example's, and clips made of it: two persons beside each other,
no picture of a face, no sound, cut in the middle. Takes about three minutes on two cores.
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"
HAPPY, ANGRY = EXAMPLES / "1001_DFA_HAP_XX.flv", EXAMPLES / "1001_DFA_ANG_XX.flv"
MOST = 200_000
"""Bytes of a picture at most."""
Picture = NDArray[np.uint8]


# clips


def frames_of(path: Path) -> list[Picture]:
    """The pictures of a clip, RGB."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def sound_of(path: Path, rate: int = 48_000) -> NDArray[np.float32]:
    """The sound of a clip, mono."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    with av.open(str(path)) as container:
        parts = [
            one.to_ndarray().ravel()
            for frame in container.decode(audio=0)
            for one in resampler.resample(frame)
        ]
    return np.concatenate(parts)


def write_clip(
    path: Path, frames: list[Picture], sound: NDArray[np.float32] | None, rate: int = 30
) -> Path:
    """Write a film with H.264, and AAC where there is sound."""
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=rate)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        audio: Any = None if sound is None else container.add_stream("aac", rate=48_000)
        if audio is not None:
            audio.layout = "mono"
        for image in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(video.encode())
        if audio is not None and sound is not None:
            for k in range(0, len(sound), 1024):
                frame = av.AudioFrame.from_ndarray(sound[None, k : k + 1024], "fltp", "mono")
                frame.sample_rate, frame.pts = 48_000, k
                container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return path


def make_clips(folder: Path) -> dict[str, Path]:
    """The clips of all states, by name."""
    happy, angry = frames_of(HAPPY), frames_of(ANGRY)
    voice, other = sound_of(HAPPY), sound_of(ANGRY)
    n = min(len(happy), len(angry))
    # two at once, then the first alone: with ribbons of different lengths
    beside = [np.hstack([a, b]) for a, b in zip(happy[:n], angry[:n], strict=True)]
    alone = [np.hstack([a, np.full_like(a, 60)]) for a in angry]
    talk = write_clip(
        folder / "interview two persons.mp4", beside * 2 + alone,
        np.concatenate([voice, other, other]),
    )  # fmt: skip
    height, width = 270, 480
    shade = np.linspace(40, 200, width).astype(np.uint8)
    street = [
        np.ascontiguousarray(np.broadcast_to(np.roll(shade, 4 * k)[None, :, None],
                                             (height, width, 3)))
        for k in range(90)
    ]  # fmt: skip
    off = write_clip(folder / "voice off.mp4", street, np.concatenate([voice, voice])[: 3 * 48_000])
    silent = write_clip(folder / "silent film.mp4", happy + happy[::-1], None)
    whole = write_clip(folder / "whole.mkv", (happy + angry) * 2,
                       np.concatenate([voice, other, voice, other]))  # fmt: skip
    cut = folder / "cut in the middle.mkv"
    content = whole.read_bytes()
    cut.write_bytes(content[: int(0.55 * len(content))])
    whole.unlink()
    text = folder / "<img src=x onerror=alert(1)>.mp4"
    if sys.platform == "win32":
        text = folder / "notes.mp4"
    text.write_text("These are notes, and no film.\n" * 20)
    large = folder / "long film.mp4"
    with large.open("wb") as file:
        file.truncate(60_000_000)
    for name, source in (("happy.flv", HAPPY), ("angry.flv", ANGRY)):
        shutil.copy(source, folder / name)
    return {
        "happy": folder / "happy.flv", "angry": folder / "angry.flv", "two": talk,
        "no_face": off, "no_voice": silent, "damaged": cut, "text": text, "large": large,
    }  # fmt: skip


def labelled_folder(folder: Path) -> Path:
    """Clips in folders of emotions: pieces of the example, some with a wrong label."""
    root = folder / "my clips"
    happy, angry = frames_of(HAPPY), frames_of(ANGRY)
    voice, other = sound_of(HAPPY), sound_of(ANGRY)
    clips: dict[str, list[tuple[list[Picture], NDArray[np.float32]]]] = {
        "happy": [(happy, voice), (happy[8:], voice[12_800:]), (happy[:40], voice[:64_000])],
        "Anger": [(angry, other), (angry[10:], other[16_000:]), (happy[20:], voice[32_000:])],
        "sad": [(angry[30:], other[48_000:])],
        "neutral": [(angry[:30], other[:48_000])],
    }
    for name, own in clips.items():
        (root / name).mkdir(parents=True)
        for k, (frames, sound) in enumerate(own, 1):
            write_clip(root / name / f"{name.lower()} {k}.mp4", frames, sound)
    (root / "sad" / "broken.mp4").write_bytes(b"\0" * 5000)
    (root / "from the street").mkdir()
    write_clip(root / "from the street" / "no label.mp4", happy[:30], voice[:48_000])
    return root


# the server and the browser


@contextmanager
def served(folder: Path, *more: str) -> Any:
    """A real server; gives its address with the token, and ends it."""
    command = [sys.executable, "-m", "emonets", "serve", "--port", "0", "--folder", str(folder),
               "--no-open", "--quiet", *more]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class Shots:
    """A browser at the server, and its pictures."""

    def __init__(self, browser: Any, address: str, out: Path, only: list[str]) -> None:
        self.out, self.only = out, only
        self.context = browser.new_context(viewport={"width": 1200, "height": 800})
        self.page = self.context.new_page()
        self.page.set_default_timeout(120_000)
        self.base = address.partition("/?")[0]
        self.page.goto(address)
        self.ready()

    def ready(self) -> None:
        """Wait until the page has its data."""
        self.page.wait_for_selector("body[data-ready]")
        self.page.wait_for_timeout(700)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(self.base + path)
        self.ready()

    def jobs(self) -> list[dict[str, Any]]:
        """What the server has."""
        return list(self.page.request.get(f"{self.base}/api/jobs").json()["jobs"])

    def until(
        self, condition: Callable[[list[dict[str, Any]]], bool], seconds: float = 900
    ) -> None:
        """Wait for jobs."""
        end = time.monotonic() + seconds
        while not condition(self.jobs()):
            if time.monotonic() > end:
                raise SystemExit(f"the jobs do not come to an end: {self.jobs()}")
            self.page.wait_for_timeout(100)

    def all_over(self) -> None:
        """Wait until nothing is waiting or running."""
        self.until(lambda jobs: all(j["state"] not in ("waiting", "running") for j in jobs))
        self.page.wait_for_timeout(600)

    def page_of(self, name: str) -> str:
        """Address of the page of a clip."""
        return next(str(j["page"]) for j in self.jobs() if j["name"] == name)

    def take(self, name: str, *, most: int = 1400, whole: bool = True) -> None:
        """Write the picture of the page as it is, in at most 256 colours."""
        if self.only and name not in self.only:
            return
        # the folder of this run is in no picture
        self.page.evaluate(
            "const where = document.getElementById('where');"
            "if (where) where.textContent = where.textContent.replace("
            "/only in .+?\\. They/, 'only in ~/.cache/emonets/serve. They'); 0"
        )
        picture = Image.open(io.BytesIO(self.page.screenshot(full_page=whole))).convert("RGB")
        picture = picture.crop((0, 0, picture.width, min(picture.height, most)))
        for colours in (256, 128, 64, 32):
            small = picture.quantize(colours, dither=Image.Dither.NONE)
            content = io.BytesIO()
            small.save(content, "PNG", optimize=True)
            if len(content.getvalue()) < MOST:
                break
        path = self.out / f"serve_{name}.png"
        path.write_bytes(content.getvalue())
        print(f"{path}: {len(content.getvalue()):,} bytes, {picture.width} × {picture.height}")


def take_all(shots: Shots, clips: dict[str, Path], folder: Path) -> None:
    """Every state, in the order in which a user comes to it."""
    shots.take("empty", whole=False)
    take_busy(shots, clips)
    take_list(shots, clips)
    for name, clip in (("two_persons", "two"), ("no_face", "no_face"), ("no_voice", "no_voice"),
                       ("damaged", "damaged")):  # fmt: skip
        shots.open(shots.page_of(clips[clip].name))
        shots.take(name)
    take_compared(shots)
    page = shots.page
    shots.open("/")
    page.set_input_files("#folder", str(labelled_folder(folder)))
    page.wait_for_selector("[data-batch]")
    shots.until(lambda jobs: sum(j["batch"] is not None for j in jobs) == 10)
    shots.all_over()
    page.locator("[data-batch]").click()
    shots.ready()
    shots.take("evaluate", most=1700)


def take_busy(shots: Shots, clips: dict[str, Path]) -> None:
    """Clips that are sent, that wait, that are read; and one that is done."""
    page = shots.page
    network = shots.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 60_000}
    page.set_input_files("#files", str(clips["happy"]))  # its speed gives the time left of others
    shots.until(lambda jobs: len(jobs) == 1)
    shots.all_over()
    page.set_input_files("#files", str(clips["two"]))
    shots.until(lambda jobs: any(j["stage"] == "reading" for j in jobs))
    network.send("Network.emulateNetworkConditions", slow)
    page.set_input_files("#files", [str(clips[k]) for k in ("angry", "no_voice", "no_face")])
    page.wait_for_timeout(1500)
    shots.take("busy")
    network.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    shots.until(lambda jobs: len(jobs) == 5)


def take_list(shots: Shots, clips: dict[str, Path]) -> None:
    """The list when all is done: light, dark, with errors, on a phone."""
    page = shots.page
    page.set_input_files("#files", str(clips["damaged"]))
    shots.until(lambda jobs: len(jobs) == 6)
    shots.all_over()
    page.locator("#all").click()
    shots.take("done")
    page.emulate_media(color_scheme="dark")
    shots.take("dark")
    page.emulate_media(color_scheme="light")
    page.set_input_files("#files", [str(clips[k]) for k in ("text", "large")])
    shots.until(lambda jobs: len(jobs) == 7)
    shots.all_over()
    shots.take("error", most=900)
    page.get_by_role("button", name="Remove long film.mp4").click()
    page.set_viewport_size({"width": 375, "height": 800})
    shots.take("phone", most=1500)
    page.set_viewport_size({"width": 1200, "height": 800})


def take_compared(shots: Shots) -> None:
    """All clips side by side, on the screen and printed on A4."""
    page = shots.page
    ids = ",".join(j["id"] for j in shots.jobs() if j["state"] == "done")
    shots.open(f"/compare?ids={ids}")
    shots.take("compare", most=1700)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 794, "height": 1123})  # 96 dots an inch
    page.wait_for_timeout(500)
    shots.take("print", most=1123)
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1200, "height": 800})


def main() -> None:
    """Take them."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/figures"))
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        raise SystemExit("there is no Chromium on the path; install the package chromium")
    with tempfile.TemporaryDirectory() as made, sync_playwright() as driver:
        folder = Path(made)
        (folder / "clips").mkdir()
        clips = make_clips(folder / "clips")
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        with served(folder / "server", "--max-bytes", "50M") as address:
            take_all(Shots(browser, address, given.out, given.only), clips, folder)
        browser.close()


if __name__ == "__main__":
    main()
