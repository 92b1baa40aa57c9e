"""The page of a finished job: made of its result, its film and its edits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emonets.errors import ParameterError
from emonets.report.data import clip_data, digest_of, shown_name
from emonets.report.edits import edits_of
from emonets.report.film import NO_FILM
from emonets.report.page import clip_page
from emonets.result import Result
from emonets.runtime.files import write_whole

SHOWN = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg", ".flac": "audio/flac", ".ogg": "audio/ogg", ".oga": "audio/ogg",
    ".opus": "audio/ogg", ".wav": "audio/wav", ".png": "image/png", ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg", ".webp": "image/webp",
}  # fmt: skip
"""Types of the files beside a page, by their ending; others are not given out."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,40}\.[a-z0-9]{1,5}")
_POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)">')


def write_page(
    folder: Path, result: Result, film: Mapping[str, Any] | None, edits: Mapping[str, Any] | None,
    *, key: str,
) -> None:  # fmt: skip
    """Write ``index.html`` of a job.

    Parameters
    ----------
    folder : of the page and its film. key : id of the job.
    """
    fitting = edits if edits is not None and edits["result"] == digest_of(result) else None
    data = clip_data(result, NO_FILM if film is None else film, fitting)
    data["save"] = f"/api/jobs/{key}/edits"
    write_whole(folder / "index.html", clip_page(data, index="/").encode())


def shown_files(folder: Path) -> list[str]:
    """Names of the files that a page may load: films, pictures and sound."""
    if not folder.is_dir():
        return []
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    return [n for n in names if _NAME.fullmatch(n) and Path(n).suffix in SHOWN]


def policy_of(page: str) -> str:
    """The content security policy that a page has of itself, and that nothing frames it.

    Examples
    --------
    >>> policy_of("a page without one")
    "default-src 'none'; frame-ancestors 'none'"
    """
    found = _POLICY.search(page[:4000])
    own = found[1] if found else "default-src 'none'"
    return f"{own}; frame-ancestors 'none'"


def checked_edits(content: bytes, result: Result) -> dict[str, Any]:
    """The edits that a page sent, if they are of this result.

    Raises
    ------
    ParameterError : they are no edits, or of another clip or result.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    edits = edits_of(text, "the edits")
    (status,) = result.files
    if edits["file"] != shown_name(status.file):
        raise ParameterError(
            f"these edits are of {edits['file']}, and this clip is {shown_name(status.file)}; "
            "save them in the page of their own clip"
        )
    if edits["result"] != digest_of(result):
        raise ParameterError(
            "these edits are of another result of this clip, which was predicted again since; "
            "load the page again, and edit that one"
        )
    return edits


def read_film(path: Path) -> dict[str, Any] | None:
    """What a page shows of the film, as it was kept; None without one."""
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError):
        return None
