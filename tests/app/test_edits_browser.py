"""The report page of a served clip in Chromium: edits are saved on the server."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from served import TOKEN, serving

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path")


def test_edits_are_saved_on_the_server_and_there_again(tmp_path: Path) -> None:
    with serving(tmp_path) as served, sync_api.sync_playwright() as driver:
        key = served.upload(name="<img src=x onerror=alert(1)>.mp4")["id"]
        served.until(key)
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        requests: list[str] = []
        errors: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("dialog", lambda dialog: errors.append(dialog.message))
        page.goto(f"{served.base}/clips/{key}/?token={TOKEN}")
        page.wait_for_selector("body[data-ready]")
        assert page.url == f"{served.base}/clips/{key}/"
        assert page.locator("#title").inner_text() == "<img src=x onerror=alert(1)>.mp4"
        page.locator("#people input").first.fill("Ann")
        page.locator("#people input").first.press("Enter")
        page.locator("#keep").click()
        page.locator("#status", has_text="Saved on this computer").wait_for()
        edits = served.client.get(f"/api/jobs/{key}/edits").json()
        assert edits["names"] == {"0": "Ann"}
        page.reload()
        page.wait_for_selector("body[data-ready]")
        assert page.locator("#people input").first.input_value() == "Ann"
        # a clip that is gone: a sentence, and the edits are still in the page
        served.client.delete(f"/api/jobs/{key}")
        page.locator("#keep").click()
        page.locator("#status", has_text="Not saved").wait_for()
        assert "there is no such clip" in page.locator("#status").inner_text()
        assert {url.partition("/clips")[0].partition("/api")[0] for url in requests} <= {
            served.base, served.base + "/favicon.ico",
        }  # fmt: skip
        assert errors == []
        browser.close()
