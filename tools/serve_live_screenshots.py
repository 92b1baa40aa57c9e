"""Take the pictures of the live tab in docs/figures again.

    python tools/serve_live_screenshots.py [--out docs/figures]

Starts the real server with the real model, and drives Chromium (Debian's package ``chromium``, by
Playwright), whose camera and microphone play the example clip.
"""

from __future__ import annotations

import argparse
import io
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

from emonets.emotions import COLOURS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

from serve_live import EXAMPLE, fake_devices, server, until  # noqa: E402

DESK, PHONE = {"width": 1180, "height": 1000}, {"width": 375, "height": 812}


def save(picture: bytes, path: Path) -> None:
    """In 256 colours; those of the labels are among them."""
    made = Image.open(io.BytesIO(picture)).convert("RGB")
    palette = made.quantize(240).getpalette() or []
    own = [int(c[i : i + 2], 16) for c in COLOURS.values() for i in (1, 3, 5)]
    used = Image.new("P", (1, 1))
    used.putpalette(palette[:720] + own)
    small = made.quantize(palette=used, dither=Image.Dither.NONE)
    small.save(path, "PNG", optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "figures")
    parser.add_argument("--seconds", type=float, default=25.0, help="that a session runs")
    args = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        devices = fake_devices(EXAMPLE, Path(folder))
        with server(Path(folder) / "clips") as (address, _):
            live = address.replace("/?", "/live?")

            def opened(*flags: str, **options: Any) -> Any:
                browser = driver.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--mute-audio", *flags]
                )
                page = browser.new_context(**options).new_page()
                page.goto(live)
                page.wait_for_selector("body[data-ready]")
                page.click("#start")
                return page

            page = opened("--use-fake-ui-for-media-stream", *devices, viewport=DESK)
            until(page, "EM.live.ages.length > 20")
            time.sleep(args.seconds)
            save(page.screenshot(), args.out / "serve_live.png")
            page.set_viewport_size(PHONE)
            time.sleep(1)
            page.evaluate("document.querySelector('.controls').scrollIntoView()")
            save(page.screenshot(), args.out / "serve_live_phone.png")
            page.context.browser.close()
            page = opened(
                *devices, "--deny-permission-prompts", viewport=DESK, permissions=["microphone"],
                color_scheme="dark",
            )  # fmt: skip
            until(page, "document.querySelector('#now').textContent.includes('Voice')")
            time.sleep(args.seconds)
            save(page.screenshot(), args.out / "serve_live_refused.png")
            page.context.browser.close()


if __name__ == "__main__":
    main()
