"""Local links and anchors of all pages lead somewhere, and every picture is linked from a page."""

from __future__ import annotations

import html
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest
from blocks import ROOT, made, pages

FENCES = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
TAGS = re.compile(r"<(?:a|img)\s[^>]*?(?:href|src)=\"([^\"]+)\"")
OUTSIDE = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
if not (ROOT / "docs" / "conf.py").is_file():
    pytest.skip("not in a checkout", allow_module_level=True)

PAGES = pages()


def links_of(page: str) -> list[str]:
    """The targets of a page's links and pictures that are no addresses."""
    text = FENCES.sub("", (ROOT / page).read_text("utf-8"))
    bare = re.sub(r"`[^`\n]*`", "code", text)
    found = [*LINK.findall(bare), *TAGS.findall(text)]
    return [target for target in found if not OUTSIDE.match(target)]


@cache
def anchors_of(path: Path) -> frozenset[str]:
    """The anchors of a page, as GitHub makes them of its headings."""
    text = FENCES.sub("", path.read_text("utf-8"))
    seen: dict[str, int] = {}
    out = set(re.findall(r"<a\s+(?:id|name)=\"([^\"]+)\"", text))
    for title in re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, re.MULTILINE):
        plain = html.unescape(re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title)).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        count = seen.get(slug, 0)
        seen[slug] = count + 1
        out.add(f"{slug}-{count}" if count else slug)
    return frozenset(out)


@pytest.mark.parametrize("page", PAGES)
def test_local_links(page: str) -> None:
    broken = []
    for target in links_of(page):
        name, _, anchor = unquote(target).partition("#")
        place = (ROOT / page).parent / name if name else ROOT / page
        here = place.resolve().is_relative_to(ROOT) and place.exists()
        page_with = here and bool(anchor) and place.suffix == ".md"
        if not here or (page_with and anchor not in anchors_of(place.resolve())):
            broken.append(target)
    assert not broken, f"{page}: {broken}"


def test_there_are_links() -> None:
    assert sum(len(links_of(page)) for page in PAGES) > 100


def test_every_picture_is_linked() -> None:
    linked = {
        ((ROOT / page).parent / unquote(target.partition("#")[0])).resolve()
        for page in PAGES for target in links_of(page)
    }  # fmt: skip
    pictures = [
        path for path in (ROOT / "docs").rglob("*")
        if path.suffix in (".png", ".svg", ".jpg", ".webp", ".gif")
        and not made(path.relative_to(ROOT).as_posix())
    ]  # fmt: skip
    lonely = sorted(str(path.relative_to(ROOT)) for path in pictures if path not in linked)
    assert not lonely, f"no page links to {lonely}: link them or delete them"


def test_pages_that_code_names_are_there() -> None:
    """``docs/….md`` in sources, tests and presets."""
    missing = []
    for folder in ("src", "tests", "tools", "benchmarks"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in (".py", ".toml", ".js", ".html") or path == Path(__file__):
                continue
            for name in re.findall(r"(?<![\w/])docs/[\w/]+\.md", path.read_text("utf-8")):
                if not (ROOT / name).is_file():
                    missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert not missing, missing
