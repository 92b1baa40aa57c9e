"""Pages and their files, without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from emonets.app import pages
from emonets.datasets.readers.class_folders import INFO


class Read(HTMLParser):
    """Ids, addresses and inline code of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag == "script" and "src" not in given:
            self.inline.append("script")
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag in ("script", "link", "img"):
            self.loaded.append(str(given.get("src") or given.get("href")))


@pytest.mark.parametrize("name", [*pages.PAGES])
def test_pages_load_their_own_files_only_and_have_no_inline_code(name: str) -> None:
    text = pages.page(name).decode()
    read = Read(text)
    assert read.inline == []
    assert len(read.ids) == len(set(read.ids))
    assert "{{" not in text
    assert "notice" in read.ids
    for address in read.loaded:
        assert address.startswith("/assets/")
        assert pages.asset(address.removeprefix("/assets/")) is not None, address


def test_modules_import_what_is_there() -> None:
    for name in ("queue.js", "compare.js", "evaluate.js", "help.js", "uploads.js", "collect.js"):
        made = pages.asset(name)
        assert made is not None
        for address in re.findall(r"from '/assets/([^']+)'", made.content.decode()):
            assert pages.asset(address) is not None, address


@pytest.mark.parametrize(
    "name", ["", "nothing.js", "../pages.py", "start.html", "/etc/passwd", "a/../app.css", "app"]
)
def test_only_listed_files_are_given_out(name: str) -> None:
    assert pages.asset(name) is None


def test_words_of_labels_are_those_of_the_data_sets() -> None:
    assert pages.words()["words"] == INFO.words


def test_a_problem_is_text_and_no_page_is_none() -> None:
    shown = pages.problem("there is no clip <b>").decode()
    assert "There is no clip &lt;b&gt;." in shown
    with pytest.raises(KeyError):
        pages.page("../start")
