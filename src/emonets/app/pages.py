"""The pages of the local server: templates, style and scripts, whole in memory.

Pages hold no data: their scripts get it from ``/api``. They share style and scripts with the
pages of a report. No text of a clip or of a person is ever put into HTML here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files

from emonets.emotions import EMOTIONS, WORDS
from emonets.media.find import MEDIA_SUFFIXES
from emonets.report import page as report

PAGES = {"start": "Clips", "live": "Live", "compare": "Compare", "evaluate": "Evaluate",
         "help": "Help"}  # fmt: skip
"""Name of a page → its word in the menu. ``start`` is ``/``, each other one ``/NAME``."""

TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_SHARED = ("style.css", "base.js", "edits.js", "ribbon.js", "exports.js")
_MADE = "words.json"


@dataclass(frozen=True)
class Asset:
    """A file for ``GET /assets/NAME``: its bytes and its media type."""

    content: bytes
    type: str


@cache
def page(name: str) -> bytes:
    """A page as HTML.

    Parameters
    ----------
    name : one of `PAGES`.

    Raises
    ------
    KeyError : there is no such page.

    Examples
    --------
    >>> b"<main" in page("help")
    True
    """
    if name not in PAGES:
        raise KeyError(name)
    parts = {
        "head": _own("head.html"),
        "menu": _menu(name),
        "notice": report.asset("notice.html"),
    }
    return report.filled_in(_own(f"{name}.html"), parts).encode()


@cache
def asset(name: str) -> Asset | None:
    """A file that pages load; None if there is none of that name.

    Examples
    --------
    >>> asset("app.css").type
    'text/css; charset=utf-8'
    >>> asset("../pages.py") is None
    True
    """
    if name == _MADE:
        return Asset(json.dumps(words()).encode(), TYPES[".json"])
    kind = TYPES.get(name[name.rfind(".") :])
    if kind is None:
        return None
    if name in _SHARED:
        return Asset(report.asset(name).encode(), kind)
    # only a name of the listing is opened: a client never gives a path
    found = {one.name: one for one in files("emonets.app").joinpath("assets").iterdir()}
    return Asset(found[name].read_bytes(), kind) if name in found else None


def problem(sentence: str) -> bytes:
    """A page without scripts that states what is wrong: not found, or no longer there.

    Parameters
    ----------
    sentence : plain text.

    Examples
    --------
    >>> b"&lt;b&gt;" in problem("there is no clip <b>")
    True
    """
    shown = sentence[:1].upper() + sentence[1:]
    shown += "" if shown.endswith((".", "!", "?")) else "."
    parts = {"head": _own("head.html"), "sentence": escape(shown)}
    return report.filled_in(_own("problem.html"), parts).encode()


def words() -> Mapping[str, object]:
    """What pages know of labels and files: ``emotions``; ``words``, each accepted word → its
    emotion; ``suffixes`` of the files that are read from a folder.
    """
    return {"emotions": list(EMOTIONS), "words": WORDS, "suffixes": sorted(MEDIA_SUFFIXES)}


def _menu(current: str) -> str:
    links = []
    for name, word in PAGES.items():
        address = "/" if name == "start" else f"/{name}"
        mark = ' aria-current="page"' if name == current else ""
        links.append(f'<a href="{address}"{mark}>{word}</a>')
    return _own("menu.html").replace("{{links}}", "\n".join(links))


@cache
def _own(name: str) -> str:
    return files("emonets.app").joinpath("assets", name).read_text("utf-8")
