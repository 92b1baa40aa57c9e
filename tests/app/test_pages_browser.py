"""The pages of the server in real Chromium, against a real server with a made-up reader."""

from __future__ import annotations

import csv
import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")
from made_reader import MadeReader, until
from served import TOKEN, Served, serving

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path")
AXE = Path(__file__).parents[1] / "assets" / "axe.min.js"
EVIL = "<img src=x onerror=alert(1)>.mp4"
PADDING = " " + "x" * 2000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve"), MadeReader(), max_bytes=100_000) as made:
        yield made


class Opened:
    """A page of a server, what it requested and what went wrong in it."""

    def __init__(self, browser: Any, server: Served) -> None:
        self.server = server
        self.context = browser.new_context(
            viewport={"width": 1180, "height": 900}, accept_downloads=True
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on(
            "response",
            lambda r: self.errors.append(f"{r.status} {r.url}") if r.status >= 400 else None,
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("dialog", lambda dialog: self.errors.append(dialog.message))
        self.page.on(
            "console",
            lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None,
        )
        self.page.goto(f"{server.base}/?token={TOKEN}")
        self.page.wait_for_selector("body[data-ready]")

    def open(self, path: str) -> Any:
        self.page.goto(self.server.base + path)
        self.page.wait_for_selector("body[data-ready]")
        return self.page

    def send(self, *clips: tuple[str, str]) -> None:
        """Choose clips: name and what the made-up reader makes of it."""
        self.page.set_input_files("#files", [
            {"name": name, "mimeType": "video/mp4", "buffer": (word + PADDING).encode()}
            for name, word in clips
        ])  # fmt: skip

    def card(self, name: str) -> Any:
        return self.page.locator(".job[data-job]").filter(
            has=self.page.get_by_role("heading", name=name, exact=True)
        )

    def done(self, *names: str, state: str = "done") -> None:
        for name in names:
            until(lambda name=name: self.card(name).get_attribute("data-state") == state)

    def check(self) -> None:
        """Nothing failed, and nothing outside the server was requested."""
        assert self.errors == []
        own = (self.server.base, "data:", "blob:")
        assert [url for url in self.requests if not url.startswith(own)] == []

    def violations(self) -> list[str]:
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run().then(r => r.violations)")
        return [f"{v['id']}: {[n['html'] for n in v['nodes']][:3]}" for v in found]


@pytest.fixture
def opened(browser: Any, server: Served) -> Iterator[Opened]:
    for job in server.server.jobs.all():
        server.server.jobs.delete(job)
    server.reader.go.clear()
    made = Opened(browser, server)
    yield made
    server.reader.go.set()
    made.context.close()


def test_from_the_empty_page_to_the_page_of_a_clip(opened: Opened) -> None:
    page = opened.page
    assert "token" not in page.url
    assert "No clip is here yet" in page.locator("#empty").inner_text()
    assert "deleted 24 h after" in page.locator("#where").inner_text().replace("\xa0", " ")
    assert opened.violations() == []
    opened.send(("🙂 Ünï.mp4", "two"), (EVIL, "two"))
    opened.done("🙂 Ünï.mp4", EVIL)
    assert page.locator("img[src=x]").count() == 0
    card = opened.card(EVIL)
    assert "2 persons" in card.inner_text()
    assert card.locator("img.thumb").count() == 1
    assert opened.violations() == []
    card.get_by_role("link", name="Open").click()
    page.wait_for_selector("body[data-ready]")
    assert page.locator("h1").inner_text() == EVIL
    page.get_by_role("link", name="All clips").click()
    page.wait_for_selector("body[data-ready]")
    opened.check()


def test_progress_cancel_again_and_delete(opened: Opened) -> None:
    page = opened.page
    opened.send(("one.mp4", "slow"))
    opened.done("one.mp4", state="running")
    opened.send(("two.mp4", "two"))
    card = opened.card("one.mp4")
    until(lambda: "reading pictures and sound" in card.inner_text())
    assert card.get_by_role("progressbar").get_attribute("max") == "4"
    assert "waiting, is next" in opened.card("two.mp4").inner_text()
    assert page.title().startswith("0 of 2 done")
    assert opened.violations() == []
    card.get_by_role("button", name="Cancel one.mp4").click()
    opened.done("one.mp4", state="cancelled")
    opened.done("two.mp4")
    opened.server.reader.go.set()
    card.get_by_role("button", name="Again: read one.mp4").click()
    opened.done("one.mp4")
    card.get_by_role("button", name="Delete one.mp4").click()
    assert opened.violations() == []
    page.locator("#sure-no").click()
    assert card.count() == 1
    card.get_by_role("button", name="Delete one.mp4").click()
    page.locator("#sure-yes").click()
    until(lambda: card.count() == 0)
    assert [job.name for job in opened.server.server.jobs.all()] == ["two.mp4"]
    # the focus is on what is next, not lost
    assert page.evaluate("document.activeElement.closest('.job, h2') != null")
    until(lambda: "one.mp4 is deleted" in page.locator("#status").inner_text())
    opened.check()


def test_what_is_wrong_is_a_sentence_and_the_rest_goes_on(opened: Opened) -> None:
    page = opened.page
    page.set_input_files("#files", [
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"},
        {"name": "large.mp4", "mimeType": "video/mp4", "buffer": b"x" * 100_001},
        {"name": "empty.mp4", "mimeType": "video/mp4", "buffer": b""},
        {"name": "faceless.mp4", "mimeType": "video/mp4", "buffer": b"noface "},
        {"name": "cut.mp4", "mimeType": "video/mp4", "buffer": b"damaged "},
        {"name": "cut.mp4", "mimeType": "video/mp4", "buffer": b"novoice "},
    ])  # fmt: skip
    opened.done("notes.txt", state="failed")
    assert "This file is text, not media" in opened.card("notes.txt").inner_text()
    sending = page.locator("#uploads").inner_text().replace("\xa0", " ")
    assert "It has 100 kB, and the server takes 100 kB at most." in sending
    assert "It is empty." in sending
    opened.done("faceless.mp4")
    assert "no face" in opened.card("faceless.mp4").inner_text()
    until(lambda: opened.card("cut.mp4").count() == 2)
    until(lambda: page.locator(".job[data-state=done]").count() == 3)
    assert "ends in the middle" in page.locator("#results").inner_text()
    assert opened.violations() == []
    page.get_by_role("button", name="Remove large.mp4").click()
    assert page.locator("#uploads li").count() == 1
    opened.check()


def test_more_clips_than_may_wait_are_sent_as_there_is_room(browser: Any, tmp_path: Path) -> None:
    with serving(tmp_path, MadeReader(), max_jobs=2) as server:
        opened = Opened(browser, server)
        opened.send(*((f"{k}.mp4", "slow") for k in range(5)))
        until(lambda: len(server.server.jobs.all()) == 3)  # one is read, two wait
        uploads = opened.page.locator("#uploads li")
        until(lambda: uploads.count() == 2)
        until(lambda: "until clips in the queue are done" in uploads.first.inner_text())
        server.reader.go.set()
        opened.done(*(f"{k}.mp4" for k in range(5)))
        assert uploads.count() == 0
        opened.context.close()


def test_no_room_on_the_disk_is_stated_for_a_large_file_too(browser: Any, tmp_path: Path) -> None:
    with serving(tmp_path / "serve", MadeReader(), max_disk=1_000_000) as server:
        opened = Opened(browser, server)
        large = tmp_path / "large.mp4"
        with large.open("wb") as file:
            file.truncate(60_000_000)
        opened.page.set_input_files("#files", str(large))
        text = opened.page.locator("#uploads .bad")
        until(text.is_visible)
        assert "the most" in text.inner_text()
        opened.context.close()


def test_downloads(opened: Opened) -> None:
    opened.send(("a.mp4", "two"))
    opened.done("a.mp4")
    page = opened.page
    menu = opened.card("a.mp4").locator("summary")
    menu.focus()
    page.keyboard.press("Enter")
    assert opened.violations() == []
    with page.expect_download() as wait:
        opened.card("a.mp4").get_by_role("link", name="csv").click()
    assert wait.value.suggested_filename == "a.csv"
    page.keyboard.press("Escape")
    assert page.locator(".drop-menu[open]").count() == 0
    opened.check()


def drop(page: Any, entries: list[list[str]]) -> None:
    """Drop what a browser gives of folders: ``name`` or ``folder/name`` → content."""
    page.evaluate(
        """(files) => {
          const tree = Object.create(null);
          for (const [path, text] of files) {
            let at = tree;
            const parts = path.split('/');
            for (const part of parts.slice(0, -1)) at = at[part] ??= Object.create(null);
            at[parts.at(-1)] = new File([text], parts.at(-1));
          }
          const entry = (name, one) => (one instanceof File
            ? { name, isFile: true, file: (done) => done(one) }
            : { name, isFile: false, createReader: () => {
                let left = Object.entries(one).map(([n, o]) => entry(n, o));
                return { readEntries: (done) => { done(left); left = []; } };
              } });
          const items = Object.entries(tree).map(
            ([n, o]) => ({ webkitGetAsEntry: () => entry(n, o) }));
          const event = new Event('drop', { bubbles: true, cancelable: true });
          event.dataTransfer = { items, types: ['Files'], files: [] };
          document.getElementById('drop').dispatchEvent(event);
        }""",
        entries,
    )


def test_dropped_files_and_a_dropped_labelled_folder_that_is_scored(opened: Opened) -> None:
    page = opened.page
    drop(page, [["one.mp4", "two" + PADDING]])
    opened.done("one.mp4")
    drop(page, [
        ["mine/happy/a.mp4", "happy" + PADDING], ["mine/Happiness/b.mp4", "sad" + PADDING],
        ["mine/sad/anna/c.mp4", "sad" + PADDING], ["mine/ANGER/d.mp4", "broken" + PADDING],
        ["mine/other/e.mp4", "happy" + PADDING], ["mine/sad/.hidden.mp4", "sad"],
        ["mine/sad/notes.txt", "hello"], ["mine/constructor/f.mp4", "sad" + PADDING],
    ])  # fmt: skip
    assert "1 file was left out" in page.locator("#refused").inner_text()
    assert "2 clips of mine lie in no folder" in page.locator("#refused").inner_text()
    opened.done("a.mp4", "b.mp4", "c.mp4", "e.mp4", "f.mp4")
    opened.done("d.mp4", state="failed")
    assert "labelled happy" in opened.card("b.mp4").inner_text()
    assert opened.violations() == []
    page.get_by_role("link", name="Scores of mine").click()
    page.wait_for_selector("body[data-ready]")
    counted = page.locator("#counted").inner_text()
    assert counted.startswith("3 of 6 clips are scored. 3 are missing")
    assert "50.0 % of 4 labelled clips" in counted.replace("\xa0", " ")
    page.locator("#missing summary").click()
    assert "e.mp4: has no label" in page.locator("#missing-list").inner_text()
    assert "d.mp4 (angry): is text, not media" in page.locator("#missing-list").inner_text()
    first = page.locator("#scores tr").first.inner_text().replace("\xa0", " ").split("\t")
    assert first[:5] == ["all together", "3", "2", "66.7 %", "20.8 to 93.9 %"]
    happy = page.locator("#matrix tbody tr").nth(3).locator("td")
    assert [happy.nth(k).inner_text().split()[0] for k in (3, 4, 7)] == ["1", "1", "2"]
    assert "b.mp4: happy, answered sad" in page.locator("#wrong").inner_text()
    assert page.locator("#wrong a").get_attribute("href").startswith("/clips/")
    assert "only honest for people that the model has not learned" in (
        page.locator("#honest").inner_text()
    )
    page.get_by_role("button", name="face", exact=True).click()
    assert "face" in page.locator("#matrix caption").text_content()
    table = rows_of(page, "#csv")
    assert {row["clip"]: row["missing"] for row in table}["e.mp4"] == "has no label"
    assert opened.violations() == []
    opened.check()


def test_a_chosen_folder_without_emotions_gives_a_sentence(opened: Opened, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / "clips" / folder).mkdir(parents=True)
        (tmp_path / "clips" / folder / "a.mp4").write_bytes(b"two")
    opened.page.set_input_files("#folder", str(tmp_path / "clips"))
    assert "clips has no folder whose name is an emotion" in (
        opened.page.locator("#refused").inner_text()
    )
    (tmp_path / "clips" / "two").rename(tmp_path / "clips" / "Fearful")
    opened.page.set_input_files("#folder", str(tmp_path / "clips"))
    until(lambda: len(opened.server.server.jobs.all()) == 2)
    assert {job.label for job in opened.server.server.jobs.all()} == {None, "fear"}
    opened.check()


def rows_of(page: Any, button: str) -> list[dict[str, str]]:
    with page.expect_download() as wait:
        page.locator(button).click()
    text = Path(wait.value.path()).read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def test_compare(opened: Opened) -> None:
    page = opened.page
    for name, word in (("=b.mp4", "long"), ("a.mp4", "two"), ("c.mp4", "noface")):
        opened.send((name, word))
        opened.done(name)
    assert page.locator("#compare").is_disabled()
    for name in ("=b.mp4", "a.mp4", "c.mp4"):
        page.get_by_label(f"Choose {name} for the comparison").check()
    page.locator("#compare").click()
    page.wait_for_selector("body[data-ready]")
    heads = page.locator("#ribbons h3")
    assert heads.all_inner_texts() == ["=b.mp4", "a.mp4", "c.mp4"]
    assert page.locator("#ribbons canvas").count() == 5  # two persons twice, and no face
    wide = page.locator("#ribbons canvas").first.bounding_box()["width"]
    after = page.locator("#ribbons .clip").nth(1).locator(".after").first.bounding_box()["width"]
    assert after == pytest.approx(0.8 * wide, rel=0.02)  # 4 of 20 seconds
    assert page.locator("#body tr").count() == 7
    page.get_by_role("button", name="clip", exact=True).click()
    assert heads.all_inner_texts() == ["=b.mp4", "a.mp4", "c.mp4"]
    page.get_by_role("button", name="clip ↑").click()
    assert heads.all_inner_texts() == ["c.mp4", "a.mp4", "=b.mp4"]
    assert page.evaluate("document.activeElement.textContent") == "clip ↓"
    page.locator("#sort").select_option("p:angry")
    assert page.locator("#body tr").first.locator("td").first.inner_text() == "Person 1"
    table = rows_of(page, "#csv")
    assert len(table) == 7
    assert {row["clip"] for row in table} == {"'=b.mp4", "a.mp4", "c.mp4"}
    (person,) = (r for r in table if r["clip"] == "a.mp4" and r["person"] == "Person 0")
    assert float(person["share_happy"]) == pytest.approx(0.5)
    assert opened.violations() == []
    page = opened.open("/compare")
    page.locator("#choices input").first.check()
    assert opened.violations() == []
    page.locator("#show").click()
    page.wait_for_url("**/compare?ids=*")
    opened.check()


def test_help_and_notice(opened: Opened) -> None:
    page = opened.open("/help")
    assert "can open no file" in page.locator("main").inner_text()
    assert "happiness" in page.locator("#words").inner_text()
    assert opened.violations() == []
    page.locator("#limits").click()
    assert "Article 50(3)" in page.locator("#notice").inner_text()
    assert opened.violations() == []
    opened.check()


def test_the_server_goes_and_comes_back(browser: Any, tmp_path: Path) -> None:
    with serving(tmp_path, MadeReader()) as server:
        opened = Opened(browser, server)
        opened.send(("a.mp4", "two"))
        opened.done("a.mp4")
    banner = opened.page.locator("#offline")
    until(banner.is_visible)
    assert "is the window of" in banner.inner_text().lower()
    assert opened.violations() == []
    opened.send(("b.mp4", "two"))
    until(lambda: "The server does not answer" in opened.page.locator("#uploads").inner_text())
    with serving(tmp_path, MadeReader(), port=server.port):
        until(lambda: not banner.is_visible())
        opened.page.get_by_role("button", name="Try again: send b.mp4").click()
        opened.done("a.mp4", "b.mp4")
    with serving(tmp_path, MadeReader(), port=server.port, token="a-new-token-of-a-new-start"):
        until(lambda: "no longer valid" in banner.inner_text())
        opened.context.close()


def test_a_clip_whose_time_is_over_stays_as_a_note(opened: Opened) -> None:
    page = opened.page
    opened.send(("a.mp4", "two"))
    opened.done("a.mp4")
    (job,) = opened.server.server.jobs.all()
    job.created = job.finished = job.finished - 24 * 3600 + 3
    opened.server.server.jobs.changed()  # the page knows when it is deleted
    page.wait_for_timeout(500)
    assert opened.server.server.jobs.sweep(time.time() + 10) == 1
    opened.done("a.mp4", state="expired")
    assert "The time is over" in opened.card("a.mp4").inner_text()
    assert opened.violations() == []
    opened.check()
    page.get_by_role("button", name="Remove from the list: a.mp4").click()
    until(lambda: opened.card("a.mp4").count() == 0)
    opened.errors.clear()
    page.goto(f"{opened.server.base}/clips/{job.id}/")
    assert "There is no such clip" in page.locator(".bad").inner_text()
    assert opened.violations() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_and_no_wider_than_a_phone(opened: Opened, scheme: str) -> None:
    page = opened.page
    long = "a-very-long-name-of-a-clip-" * 4 + ".mp4"
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 375, "height": 800})
    drop(page, [[f"mine/happy/{long}", "happy" + PADDING], ["mine/sad/b.mp4", "sad" + PADDING]])
    opened.done(long, "b.mp4")
    opened.send(("broken.mp4", "text"))
    opened.done("broken.mp4", state="failed")
    ids = ",".join(job.id for job in opened.server.server.jobs.all())
    batch = opened.server.server.jobs.all()[0].batch
    for path in ("/", f"/compare?ids={ids}", f"/evaluate?batch={batch}", "/evaluate", "/help"):
        opened.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 375, path
        assert opened.violations() == [], path
    opened.check()
