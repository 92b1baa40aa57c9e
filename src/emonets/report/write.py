"""A report on the disk: an index, and a folder a clip with its page and its film."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from emonets.errors import EmoNetsError, MediaError
from emonets.export.names import names_of
from emonets.media.turned import turns_in
from emonets.report.data import clip_data, index_data, parts_of
from emonets.report.edits import edits_by_clip
from emonets.report.film import NO_FILM, place_film
from emonets.report.page import clip_page, index_page
from emonets.result import Result
from emonets.runtime.files import write_whole


class PlaceFilm(Protocol):
    """`emonets.report.film.place_film`, or what does the same."""

    def __call__(
        self, path: str, folder: Path, /, *, options: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bytes]:
        """See there."""


def write_report(
    result: Result,
    folder: str | Path,
    *,
    edits: Mapping[str, Mapping[str, Any]] = {},
    options: Mapping[str, Any] = {},
    on_clip: Callable[[str], None] | None = None,
    make_film: PlaceFilm = place_film,
) -> tuple[Path, list[str]]:
    """Write the pages of a result.

    ``index.html`` lists the clips. Each clip with rows has a folder below ``clips`` with
    ``index.html`` and its film. Pages load nothing from elsewhere.

    Parameters
    ----------
    result : its files are named as they can be opened from here.
    edits : of `emonets.report.edits.read_edits`, by the path of their file.
    options : how clips are read: of `emonets.report.proxy.make_proxy`.
    on_clip : called with each clip's file when its page is there.
    make_film : `emonets.report.film.place_film`, or what does the same in another process
        (`emonets.contained.Contained.film`).

    Returns
    -------
    The index, and a sentence for each problem that left a page incomplete.

    Raises
    ------
    EmoNetsError : the report cannot be written there.
    """
    place = Path(folder)
    parts = parts_of(result)
    own, problems = edits_by_clip(edits, parts)
    names = names_of(parts)
    pages: dict[str, str] = {}
    pictures: dict[str, bytes] = {}
    try:
        for file, part in parts.items():
            if part.rows:
                target = place / "clips" / names[file]
                film, pictures[file] = _film(part, target, options, problems, make_film)
                data = clip_data(part, film, own.get(file))
                page = clip_page(data, index="../../index.html")
                write_whole(target / "index.html", page.encode())
                pages[file] = f"clips/{quote(names[file])}/index.html"
            if on_clip is not None:
                on_clip(file)
        given = {file: made["names"] for file, made in own.items()}
        index = place / "index.html"
        write_whole(index, index_page(index_data(parts, pages, pictures, given)).encode())
    except OSError as error:
        raise EmoNetsError(
            f"{place}: cannot be written ({error.strerror or error}); free space or choose another "
            "--out"
        ) from None
    return index, problems


def _film(
    part: Result,
    target: Path,
    options: Mapping[str, Any],
    problems: list[str],
    make_film: PlaceFilm,
) -> tuple[dict[str, Any], bytes]:
    (status,) = part.files
    # the boxes are those of the pictures as they were turned for the prediction
    own = {"turns": turns_in(status.message), "always": status.status == "damaged", **options}
    try:
        return make_film(status.file, target, options=own)
    except MediaError as error:
        problems.append(f"{error}; its page has no film")
        return {**NO_FILM, "note": "The film cannot be read. Ribbons and values work."}, b""
