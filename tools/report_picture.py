"""Take the picture of a report in README again: docs/figures/report_demo.png.

    python tools/report_picture.py [--out docs/figures/report_demo.png] [--at 1.2]

Runs `emonets demo`, so the numbers are those that the shipped bundle returns for the shipped clip.
Opens its page in Chromium by Playwright, 1200 × 800 pixels. Needs Debian's package ``chromium``.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

FIGURE = Path("docs/figures/report_demo.png")


def demo(folder: Path) -> Path:
    """Run `emonets demo`; the page of its clip."""
    words = [sys.executable, "-m", "emonets", "demo", "--out", str(folder), "--quiet"]
    subprocess.run(words, check=True)
    return next((folder / "clips").glob("*/index.html"))


def picture(page_file: Path, at: float, chromium: str) -> bytes:
    """The page at ``at`` seconds, PNG."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as drive:
        browser = drive.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 800}, color_scheme="light")
        page.goto(page_file.resolve().as_uri())
        page.wait_for_function("document.querySelector('video').readyState >= 2")
        page.evaluate("at => { document.querySelector('video').currentTime = at; }", at)
        page.wait_for_function("!document.querySelector('video').seeking")
        page.wait_for_timeout(1000)  # boxes and curves follow the film
        taken = page.screenshot()
        browser.close()
    return taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=FIGURE)
    parser.add_argument("--at", type=float, default=1.2, help="second of the film")
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        taken = picture(demo(Path(folder) / "demo"), given.at, given.chromium)
    image = Image.open(io.BytesIO(taken)).convert("RGB")
    image.save(given.out, optimize=True)
    print(f"wrote {given.out}, {given.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
