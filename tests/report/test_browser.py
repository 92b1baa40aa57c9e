"""The pages in real Chromium, opened from the disk."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from made_report import EVIL, frame_stamps, made_clips

from emonets.emotions import EMOTIONS
from emonets.report.data import parts_of
from emonets.report.edits import read_edits
from emonets.report.write import write_report
from emonets.result import Result

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path")
AXE = Path(__file__).parents[1] / "assets" / "axe.min.js"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--mute-audio"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("clips")
    result = made_clips(folder)
    out = tmp_path_factory.mktemp("report")
    _, problems = write_report(result, out)
    assert not problems
    return out, result


class Opened:
    """A page, what it requested and what went wrong in it."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(60_000)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.on(
            "console",
            lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None,
        )

    def open(self, path: Path) -> Any:
        self.requests.clear()
        self.errors.clear()
        self.page.goto(path.as_uri(), wait_until="domcontentloaded")
        self.page.wait_for_selector("body[data-ready]")
        return self.page

    def check(self, folder: Path) -> None:
        """Nothing failed, and nothing outside the folder was requested."""
        assert self.errors == []
        outside = [
            url for url in self.requests
            if not url.startswith((folder.as_uri(), "data:", "blob:"))
        ]  # fmt: skip
        assert outside == []

    def violations(self) -> list[str]:
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run().then(r => r.violations)")
        return [f"{v['id']}: {[n['html'] for n in v['nodes']][:3]}" for v in found]


@pytest.fixture(scope="module")
def opened(browser: Any) -> Opened:
    context = browser.new_context(viewport={"width": 1180, "height": 900}, accept_downloads=True)
    return Opened(context)


def page_of(out: Path, name: str) -> Path:
    (found,) = out.glob(f"clips/*{name}*/index.html")
    return found


def seek(page: Any, seconds: float) -> None:
    """Press on the ribbon of all persons."""
    page.evaluate(
        "window.settled = new Promise(r => document.querySelector('video')"
        ".addEventListener('seeked', r, {once: true})); 0"
    )
    track = page.locator("#ribbons .track").first
    box = track.bounding_box()
    start, end = page.evaluate("EM.read('data').span")
    x = min((seconds - start) / (end - start) * box["width"], box["width"] - 1)
    track.click(position={"x": x, "y": 10})
    page.evaluate("window.settled")


def numbers(page: Any) -> dict[str, dict[str, float]]:
    """Source → emotion → the number in the table."""
    heads = [text.replace(" + ", "+") for text in page.locator("#values-head th").all_inner_texts()]
    out: dict[str, dict[str, float]] = {name: {} for name in heads[1:]}
    for row in page.locator("#values-body tr[data-label]").all():
        label, cells = row.get_attribute("data-label"), row.locator("td").all_inner_texts()
        for name, cell in zip(heads[1:], cells, strict=True):
            out[name][label] = float(cell)
    return out


def test_index_lists_every_clip_and_shows_an_evil_name_as_text(report: Any, opened: Opened) -> None:
    out, _ = report
    page = opened.open(out / "index.html")
    names = page.locator(".card h2").all_inner_texts()
    assert names == ["two.mp4", EVIL, "silent.webm", "broken.mp4"]
    assert page.locator(".card a").count() == 3
    assert "error: is empty" in page.locator(".card").last.inner_text()
    assert page.locator(".card").first.locator(".cast li").count() == 2
    assert opened.violations() == []
    opened.check(out)
    page.locator(".card a").nth(1).click()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("h1").inner_text() == EVIL
    assert page.locator("img[src=x]").count() == 0
    opened.check(out)


def test_values_at_the_playhead_are_those_of_the_result(report: Any, opened: Opened) -> None:
    out, result = report
    page = opened.open(page_of(out, "two"))
    file = result.files[0].file
    for time in (0.5, 2.5, 3.5):
        seek(page, time)
        shown = numbers(page)
        assert set(shown) == {"face+audio", "face", "audio"}
        for source, values in shown.items():
            (row,) = [
                row for row in result.rows
                if row.file == file and row.model == source and row.level != "clip"
                and row.person in (0, None) and row.start <= time < row.end
            ]  # fmt: skip
            expected = dict(zip(EMOTIONS, row.probabilities, strict=True))
            assert values == pytest.approx(expected, abs=0.0051)
    opened.check(out)


def test_seeking_shows_the_frame_of_that_time(report: Any, opened: Opened) -> None:
    out, _ = report
    page = opened.open(page_of(out, "two"))
    stamps = np.array(frame_stamps())
    page.evaluate(
        "window.shown = []; (function next() { document.querySelector('video')"
        ".requestVideoFrameCallback((_, m) => { shown.push(m.mediaTime); next(); }); })(); 0"
    )
    for time in (0.15, 0.3, 1.234, 3.21):
        seek(page, time)
        page.wait_for_timeout(120)
        at = page.evaluate("document.querySelector('video').currentTime")
        assert at == pytest.approx(time, abs=0.01)
        due = stamps[stamps <= at + 1e-4][-1]
        assert page.evaluate("shown.at(-1)") == pytest.approx(due, abs=1e-3)


def test_what_the_models_were_given_at_the_playhead(report: Any, opened: Opened) -> None:
    page = opened.open(page_of(report[0], "two"))
    shown = "#inputs-list .input"
    for time, at in ((0.0, 0), (1.3, 5), (3.7, 15)):
        seek(page, time)
        assert page.locator(shown).get_attribute("data-at") == str(at)
    assert "face at 0:03.7" in page.locator("#inputs-list").inner_text()
    # the ninth of sixteen, three in a row: the first of the fourth row
    seek(page, 2.3)
    place = page.locator(shown).evaluate("e => e.style.backgroundPosition")
    assert place == "0px -288px"
    # of another person, only that one's
    page.keyboard.press("ArrowDown")
    assert page.locator(shown).get_attribute("data-at") == "1"
    seek(page, 0.5)
    assert "face: none here" in page.locator("#inputs-list").inner_text()


def test_keys(report: Any, opened: Opened) -> None:
    out, _ = report
    page = opened.open(page_of(out, "two"))
    page.locator("h1").click()
    for due in (0.04, 0.08, 0.2, 0.24, 0.4):  # frames of different lengths
        page.keyboard.press("ArrowRight")
        until(page, f"Math.abs(document.querySelector('#seek').value - {due}) < 0.021")
        page.wait_for_timeout(60)
    page.keyboard.press("Shift+ArrowRight")
    until(page, "document.querySelector('video').currentTime > 1.3")
    assert page.locator("#values-title").inner_text().startswith("Person 0")
    page.keyboard.press("ArrowDown")
    assert page.locator("#values-title").inner_text().startswith("Person 1")
    page.keyboard.press("e")
    assert page.locator("#events input").count() == 1
    # slow, so that the end is far on a busy machine too
    page.evaluate("document.querySelector('video').playbackRate = 0.1; 0")
    page.keyboard.press(" ")
    until(page, "!document.querySelector('video').paused")
    before = page.evaluate("document.querySelector('video').currentTime")
    until(page, f"document.querySelector('video').currentTime > {before} + 0.05")
    page.keyboard.press(" ")
    assert page.evaluate("document.querySelector('video').paused")
    opened.check(out)


def until(page: Any, condition: str) -> None:
    """Wait; Playwright's own way would need a policy that allows eval."""
    end = monotonic() + 60
    while not page.evaluate(condition):
        assert monotonic() < end, condition
        page.wait_for_timeout(20)


def saved(page: Any, button: str) -> str:
    with page.expect_download() as wait:
        page.locator(button).click()
    return Path(wait.value.path()).read_text("utf-8")


def test_edits_are_saved_and_read_again(report: Any, opened: Opened, tmp_path: Path) -> None:
    out, result = report
    page = opened.open(page_of(out, "two"))
    name = page.get_by_label("Name of person 0")
    name.fill('=Ann, "A"')
    name.press("Tab")
    page.get_by_label('=Ann, "A" is the same person as').select_option("1")
    assert "at the same time" in page.locator("#status").inner_text()
    seek(page, 2.0)
    page.locator(".person").first.get_by_text("Split here").click()
    assert page.locator(".person").count() == 3
    seek(page, 3.0)
    page.locator("#exclude").click()
    seek(page, 4.0)
    page.locator("#exclude").click()
    page.locator("#mark").click()
    page.locator("#events input").fill("end")
    page.locator("#events input").press("Tab")

    table = list(csv.DictReader(io.StringIO(saved(page, "#csv"))))
    named = [(row["name"], float(row["start"]), row["excluded"]) for row in table]
    assert ('\'=Ann, "A"', 1.0, "false") in named
    assert ("Person 2", 3.0, "true") in named
    cues = saved(page, "#vtt")
    assert '<v =Ann, "A">=Ann, "A": happy 80' in cues
    assert "fear" not in cues  # excluded

    file = tmp_path / "edits.json"
    file.write_text(saved(page, "#save"), "utf-8")
    edits = read_edits(file)
    assert edits["names"] == {"0": '=Ann, "A"'}
    assert [step["op"] for step in edits["people"]] == ["split"]
    again = tmp_path / "again"
    only = parts_of(result)[result.files[0].file]
    _, problems = write_report(only, again, edits={str(file): edits})
    assert not problems
    page = opened.open(page_of(again, "two"))
    assert page.get_by_label("Name of person 0").input_value() == '=Ann, "A"'
    assert page.locator(".person").count() == 3
    assert page.locator("#events input").input_value() == "end"
    assert "excluded by hand" in page.locator("#method").inner_text()
    page.locator("#undo").click()
    assert page.locator(".person").count() == 2
    assert json.loads(saved(page, "#save"))["people"] == []
    opened.check(again)


def test_no_face_and_no_voice_are_stated(report: Any, opened: Opened) -> None:
    out, _ = report
    page = opened.open(page_of(out, "onerror"))
    assert "no face" in page.locator("#facts").inner_text()
    assert "No face was found" in page.locator("#people").inner_text()
    tracks = page.locator("#ribbons .track").all()
    assert [track.get_attribute("data-person") for track in tracks] == ["all", "sound"]
    assert opened.violations() == []
    opened.check(out)
    page = opened.open(page_of(out, "silent"))
    assert "no voice" in page.locator("#facts").inner_text()
    assert page.locator("#mute").is_hidden()
    opened.check(out)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_and_no_wider_than_a_phone(report: Any, opened: Opened, scheme: str) -> None:
    out, _ = report
    opened.page.emulate_media(color_scheme=scheme)
    opened.page.set_viewport_size({"width": 375, "height": 800})
    try:
        page = opened.open(page_of(out, "two"))
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        assert opened.violations() == []
        page.locator("#limits").click()
        assert "Article 50(3)" in page.locator("#notice").inner_text()
        assert opened.violations() == []
        opened.check(out)
    finally:
        opened.page.emulate_media(color_scheme="light")
        opened.page.set_viewport_size({"width": 1180, "height": 900})
