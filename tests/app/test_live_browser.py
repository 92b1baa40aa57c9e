"""The live tab in real Chromium, whose camera and microphone play the example clip."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")
from fake_devices import fake_devices
from served import TOKEN, Served, serving

from emonets import Result
from emonets.emotions import EMOTIONS

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path")
AXE = Path(__file__).parents[1] / "assets" / "axe.min.js"
ALLOWED = "--use-fake-ui-for-media-stream"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("serve")) as made:
        yield made


@pytest.fixture(scope="module")
def devices(tmp_path_factory: pytest.TempPathFactory, happy: Path) -> list[str]:
    return fake_devices(happy, tmp_path_factory.mktemp("devices"))


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    with sync_api.sync_playwright() as made:
        yield made


class Tab:
    """The live tab, what it requested and what went wrong in it."""

    def __init__(self, context: Any, served: Served) -> None:
        self.page, self.served = context.new_page(), served
        self.page.set_default_timeout(60_000)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("websocket", lambda socket: self.requests.append(socket.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "console",
            lambda m: self.errors.append(m.text) if m.type in ("error", "warning") else None,
        )
        self.page.goto(f"{served.base}/live?token={TOKEN}")
        self.page.wait_for_selector("body[data-ready]")

    def until(self, condition: str) -> None:
        """Playwright's own way would need a policy that allows eval."""
        end = monotonic() + 90
        while not self.page.evaluate(condition):
            problem = self.page.locator("main").inner_text()
            assert monotonic() < end, f"{condition}\n{problem}\n{self.errors}"
            self.page.wait_for_timeout(50)

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).inner_text())

    def check(self) -> None:
        """Nothing failed, and nothing but the server was asked."""
        assert self.errors == []
        own = (self.served.base + "/", self.served.base.replace("http", "ws") + "/", "data:",
               "blob:")  # fmt: skip
        assert [url for url in self.requests if not url.startswith(own)] == []

    def violations(self) -> list[str]:
        # by the debugger, which the content security policy does not bind
        self.page.evaluate(AXE.read_text("utf-8"))
        found = self.page.evaluate("axe.run().then(r => r.violations)")
        return [f"{v['id']}: {[n['html'] for n in v['nodes']][:3]}" for v in found]

    def saved(self, button: str) -> Path:
        with self.page.expect_download() as wait:
            self.page.locator(button).click()
        return Path(wait.value.path())


@contextmanager
def tab(driver: Any, served: Served, *flags: str, **options: Any) -> Iterator[Tab]:
    """A browser with these flags; each has its own devices."""
    browser = driver.chromium.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--mute-audio", *flags]
    )
    try:
        size = {"width": 1180, "height": 900}
        yield Tab(browser.new_context(viewport=size, accept_downloads=True, **options), served)
    finally:
        browser.close()


def test_a_session_from_start_to_result(
    driver: Any, served: Served, devices: list[str], tmp_path: Path
) -> None:
    with tab(driver, served, ALLOWED, *devices) as own:
        page = own.page
        assert own.violations() == []
        page.keyboard.press("Tab")  # the button is reached and used by the keyboard
        page.locator("#start").focus()
        page.keyboard.press("Enter")
        own.until("EM.live.state === 'running'")
        own.until("document.querySelectorAll('#now .answer li').length === 14")  # face and voice
        assert "Running, with the picture and the sound" in own.text("#status")
        cards = page.locator("#now .answer").all()
        titles = [card.locator("h3").inner_text() for card in cards]
        # a machine that is busy loses a face now and then, which gets a new number
        assert titles[0].startswith("Person ")
        assert titles[1].startswith("Voice")
        shown = cards[0].locator("li").all_inner_texts()
        assert [line.split("\n")[0] for line in shown] == list(EMOTIONS)
        values = [int(line.split("\n")[-1].replace("\xa0%", "")) for line in shown]
        assert sum(values) == pytest.approx(100, abs=4)
        own.until("document.querySelector('#facts').textContent.includes('frames dropped')")
        own.until("document.querySelector('#heard').textContent.startsWith('Person ')")
        # the box is drawn where the face is: in the middle of the picture
        assert page.evaluate(BOX)
        names = page.locator("#ribbons .line .who").all_inner_texts()
        assert [name.split()[0] for name in (names[0], names[-1])] == ["Person", "Voice"]
        assert "last minute: " in str(page.locator(".ribbon").first.get_attribute("aria-label"))
        assert own.violations() == []

        page.set_viewport_size({"width": 375, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        page.emulate_media(color_scheme="dark")
        assert own.violations() == []
        page.locator("#start").click()
        own.until("EM.live.state === 'idle'")
        assert own.text("#problems") == ""
        assert page.evaluate("document.activeElement.id") == "result-title"
        assert " person" in own.text("#result-text")
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        assert own.violations() == []
        # nothing is recorded any more
        assert page.evaluate("document.querySelector('video').srcObject") is None

        result = Result.from_json(own.saved("#save-json").read_text("utf-8"))
        assert max(person.usable for person in result.persons) > 0.5
        assert {row.model for row in result.rows} >= {"face", "audio", "face+audio"}
        table = list(csv.DictReader(io.StringIO(own.saved("#save-csv").read_text("utf-8"))))
        assert len(table) == len(result.rows)
        assert own.saved("#save-picture").read_bytes().startswith(b"\x89PNG")
        report = tmp_path / "page.html"
        shutil.copy(own.saved("#save-page"), report)
        own.check()
        page.goto(report.as_uri())
        page.wait_for_selector("body[data-ready]")
        assert page.locator(".person").count() == len(result.persons)
        assert "not stored" in own.text("#stage")


BOX = """(() => {
  const canvas = document.getElementById('overlay');
  const { width, height } = canvas;
  const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
  let [left, right] = [width, 0];
  for (let i = 3; i < data.length; i += 4) {
    if (data[i]) {
      const x = ((i - 3) / 4) % width;
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
  }
  return left > 0.25 * width && right < 0.8 * width && right - left > 0.15 * width;
})()"""


def test_a_refused_camera_and_microphone(driver: Any, served: Served, devices: list[str]) -> None:
    with tab(driver, served, devices[0], "--deny-permission-prompts") as own:
        own.page.locator("#start").click()
        own.until("document.querySelectorAll('#problems li').length === 2")
        camera, microphone = own.page.locator("#problems li").all_inner_texts()
        assert camera.startswith("The camera was refused. Allow it")
        assert microphone.startswith("The microphone was refused.")
        assert own.text("#status") == "Nothing was started."
        assert own.page.locator("#start").inner_text() == "Start"
        assert own.violations() == []
        own.check()


@pytest.mark.parametrize("given", ["camera", "microphone"])
def test_what_is_refused_is_stated_and_the_rest_goes_on(
    driver: Any, served: Served, devices: list[str], given: str
) -> None:
    with tab(driver, served, *devices, "--deny-permission-prompts", permissions=[given]) as own:
        own.page.locator("#start").click()
        own.until("EM.live.state === 'running'")
        refused = {"camera": "microphone", "microphone": "camera"}[given]
        assert own.text("#problems").startswith(f"The {refused} was refused.")
        if given == "camera":
            assert own.text("#status").startswith("Running, with the picture.")
            own.until("EM.live.ages.length > 5")
            assert "no microphone" in own.text("#now")
        else:
            assert own.text("#status").startswith("Running, with the sound.")
            assert own.text("#no-picture") == "No camera: sound only"
            own.until("document.querySelector('#now').textContent.includes('Voice')")
        own.page.locator("#start").click()
        own.until("EM.live.state === 'idle'")
        assert own.page.locator("#result").is_visible(), own.text("main")
        own.check()


def test_no_device_at_all(driver: Any, served: Served) -> None:
    with tab(driver, served, ALLOWED) as own:
        own.page.locator("#start").click()
        own.until("document.querySelectorAll('#problems li').length === 2")
        assert own.text("#problems").startswith("No camera was found. Connect one")
        own.check()


def test_no_face_then_closed_midway_then_the_server_ends(driver: Any, tmp_path: Path) -> None:
    """The test picture of Chromium has no face. The microphone is left out by choice."""
    with ExitStack() as server:
        served = server.enter_context(serving(tmp_path))
        with tab(driver, served, ALLOWED, "--use-fake-device-for-media-stream") as own:
            own.page.locator("#microphone").select_option("none")
            own.page.locator("#start").click()
            own.until("EM.live.ages.length > 3")
            own.until("document.querySelector('#now').textContent.includes('no face')")
            own.check()
            own.page.reload()
            own.page.wait_for_selector("body[data-ready]")
            own.page.evaluate(
                "AudioWorklet.prototype.addModule = async () => { throw new Error('none'); }; 0"
            )
            own.page.locator("#start").click()
            own.until("EM.live.ages.length > 3")
            assert "The sound of the microphone cannot be read" in own.text("#problems")
            assert own.text("#status").startswith("Running, with the picture.")
            server.close()
            own.until("EM.live.state === 'idle'")
            assert "EmoNets has ended" in own.text("#problems")
            assert own.text("#status") == "Stopped, without a result."


CLOCK = """(async () => {
  const { SoundClock } = await import('/assets/live_media.js');
  const clock = new SoundClock(48000, 0.01);
  const out = [];
  for (let i = 0; i < 400; i += 1) {
    // the first ones are late, as of a browser that is busy;
    // blocks end at 0.1 s, 0.2 s …, and arrive 5 to 45 ms later; a sleep of 3 s after 20 s
    const end = (i + 1) / 10;
    const late = 0.005 + 0.04 * Math.abs(Math.sin(i * 7.3));
    const sleep = (i >= 200 ? 3 : 0) + (i < 3 ? 0.8 : 0);
    out.push([end - 0.1, clock.timeOf(4800 * i, 4800, 7 + end + late + sleep) - 7]);
  }
  return out;
})()"""


def test_one_clock_for_picture_and_sound(driver: Any, served: Served) -> None:
    with tab(driver, served) as own:
        times = own.page.evaluate(CLOCK)
    before = [got - due for due, got in times[20:200]]
    after = [got - due for due, got in times[240:]]
    # the shortest delay is some 5 ms, and 10 ms are the microphone's own
    assert max(before) < 0.015
    assert min(before) > -0.02
    assert max(abs(own - 3) for own in after) < 0.02
    assert all(b[1] >= a[1] for a, b in pairwise(times))  # times never go back
    steps = [b[1] - a[1] for a, b in pairwise(times[19:200])]
    assert max(abs(step - 0.1) for step in steps) < 0.0005  # no sample is lost
