"""The HTML of a report: templates, style and scripts of this package in one page.

Everything is inside the page, so that it opens from a disk and loads nothing but its film. A
content security policy names the hash of each script; nothing else can run, whatever a clip or a
person is called. Data are JSON in a block that no browser executes.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

PLOT = "vendor/uPlot.iife.min.js"
"""The one script of others; `VENDORED` has its digest."""
CLIP_SCRIPTS = (
    "base.js", "edits.js", "player.js", "ribbon.js", PLOT, "curves.js", "values.js", "inputs.js",
    "people.js", "exports.js", "main.js",
)  # fmt: skip
INDEX_SCRIPTS = ("base.js", "ribbon.js", "index.js")
STYLES = ("vendor/uPlot.min.css", "style.css")
VENDORED = {
    PLOT: "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
    "vendor/uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    "vendor/uPlot.LICENSE.txt": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
}
"""SHA-256 of the files of others, as uPlot 1.6.32 (npm, MIT) has them."""


def clip_page(data: Mapping[str, Any], *, index: str = "", extra: Mapping[str, str] = {}) -> str:
    """The page of one clip.

    Parameters
    ----------
    data : of `emonets.report.data.clip_data`. With ``save``, an address on the server of the page,
        the page can send its edits there, and nothing else.
    index : address of the index, relative to the page; empty: there is none.
    extra : trusted HTML for the places ``more_ribbons`` and ``crops`` of the template.
    """
    link = f'<a href="{index}">All clips</a>' if index else ""
    parts = {"more_ribbons": "", "crops": "", **extra, "index_link": link}
    return _page("clip.html", data, CLIP_SCRIPTS, parts)


def index_page(data: Mapping[str, Any]) -> str:
    """The page that lists the clips: of `emonets.report.data.index_data`."""
    return _page("index.html", data, INDEX_SCRIPTS, {})


def json_block(data: Any) -> str:
    """JSON that can stand in a ``script`` element: without any ``<``.

    Examples
    --------
    >>> json_block({"file": "</script>"})
    '{"file":"\\\\u003c/script>"}'
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def asset(name: str) -> str:
    """The text of a file of this package's assets."""
    return files("emonets.report").joinpath("assets", *name.split("/")).read_text("utf-8")


def filled_in(template: str, parts: Mapping[str, str]) -> str:
    """A template whose ``{{name}}`` is replaced by the part of that name.

    Examples
    --------
    >>> filled_in("<h1>{{title}}</h1>", {"title": "{{title}}"})
    '<h1>{{title}}</h1>'
    """
    # in one walk: what is filled in is never looked at again
    out, rest = [], template
    while True:
        before, mark, rest = rest.partition("{{")
        out.append(before)
        if not mark:
            return "".join(out)
        name, _, rest = rest.partition("}}")
        out.append(parts[name])


def _page(
    template: str, data: Mapping[str, Any], scripts: Sequence[str], parts: Mapping[str, str]
) -> str:
    bodies = _scripts(scripts)
    style = _style()
    filled = {
        **parts,
        "csp": _policy(bodies, style, connects=bool(data.get("save"))),
        "style": style,
        "notice": asset("notice.html"),
        "scripts": "\n".join(f"<script>{body}</script>" for body in bodies),
        "data": json_block(data),
    }
    return filled_in(asset(template), filled)


def _policy(scripts: Sequence[str], style: str, *, connects: bool = False) -> str:
    """Only these scripts and this style; pictures and film from beside the page; nothing else.

    A page of a server connects to that one too.
    """
    allowed = " ".join(_hash(body) for body in scripts)
    server = "connect-src 'self'; " if connects else ""
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_hash(style)}; "
        f"{server}img-src 'self' data: file:; media-src 'self' file:; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _scripts(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(asset(name) for name in names)


@cache
def _style() -> str:
    return "\n".join(asset(name) for name in STYLES)
