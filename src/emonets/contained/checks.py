"""Checks of what a contained process sends, before it is used: a decoder may have been taken over.

Each value has the type, the range and the length that the parent expects, or the reply is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from emonets.contained.channel import BadMessage
from emonets.errors import ParameterError
from emonets.inference.unfused import Unfused
from emonets.person_seen import InputPictures
from emonets.report.film import CARD, NO_FILM, SOUND_PICTURE
from emonets.result import LEVELS, FileStatus, PersonSeen, Result, printable

FILM_NAME = re.compile(r"film\.(mp4|m4a|webm)", re.ASCII)
CLIP_NAME = re.compile(r"film(\.[a-z0-9]{1,5})?", re.ASCII)
SMALL_NAME = re.compile(
    rf"{re.escape(CARD)}|{re.escape(SOUND_PICTURE)}|film(-[1-9][0-9]{{0,3}})?\.jpg", re.ASCII
)
"""Names of files beside a page."""

_STATUSES = frozenset(
    ("ok", "damaged", "no face", "no sound", "no speech", "no motion", "error")
)  # fmt: skip
_TEXT = 20_000
_LARGE = 1e300
_PICTURE = 2**20
_SHEET, _SIDE = 2**25, 4096
_DEEP = 8
_JPEG = b"\xff\xd8\xff"
_WRONG = (
    ParameterError, ValueError, TypeError, AttributeError, LookupError, RecursionError,
    OverflowError,
)  # fmt: skip
"""What Python raises for values of another kind than expected."""


def is_number(value: Any) -> bool:
    """Whether a value of JSON is a number, and not an endless one."""
    return (
        isinstance(value, int | float) and not isinstance(value, bool)
        and -_LARGE < value < _LARGE
    )  # fmt: skip


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _TEXT


def _share(value: Any) -> bool:
    return is_number(value) and -1e-6 <= value <= 1 + 1e-6


def _or_none(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _box(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 4 and all(map(is_number, value))


def _probabilities(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 7 and all(map(_share, value))


_ROW: dict[str, Callable[[Any], bool]] = {
    "file": _text, "track": _or_none(_whole), "start": is_number, "end": is_number,
    "face_found": _or_none(_flag), "model": _text, "probabilities": _probabilities,
    "sound_found": _or_none(_flag), "level": lambda value: value in LEVELS,
    "motion_found": _or_none(_flag), "uncertain": _flag, "other_found": _or_none(_flag),
    "person": _or_none(_whole), "speech": _or_none(_share), "speaks": _or_none(_flag),
    "normalised": _flag, "box": _or_none(_box), "usable": _or_none(_share),
}  # fmt: skip


def checked_result(body: bytes, file: str, name: str) -> Result:
    """A result of one clip, whose file is renamed.

    Parameters
    ----------
    body : JSON. file : as it calls the clip. name : as the result is to call it.

    Raises
    ------
    BadMessage : it is none.
    """
    try:
        return _checked_result(body, file, name)
    except _WRONG:
        raise BadMessage("no result") from None


def _checked_result(body: bytes, file: str, name: str) -> Result:
    result = Result.from_json(body.decode("utf-8", "surrogatepass"))
    rows, files, persons = result.rows, result.files, result.persons
    _require(len(files) == 1 and _files(result) == {file})
    for row in rows:
        for key, check in _ROW.items():
            _require(check(getattr(row, key)))
    _require(all(map(_is_person, persons)))
    (status,) = files
    _require(status.status in _STATUSES and _text(status.message))
    _require(isinstance(result.about, dict) and _plain(result.about, _DEEP))
    _require(_is_whole(result))
    return Result(
        tuple(replace(row, file=name) for row in rows),
        (FileStatus(name, status.status, status.message),),
        result.about,
        tuple(replace(person, file=name) for person in persons),
    )


def _files(result: Result) -> set[str]:
    own = {row.file for row in result.rows} | {status.file for status in result.files}
    return own | {person.file for person in result.persons}


def _require(holds: bool) -> None:
    if not holds:
        raise BadMessage("no value of its kind")


def _is_person(one: PersonSeen) -> bool:
    import numpy as np

    numbers = [one.times, one.boxes] + ([] if one.embedding is None else [one.embedding])
    return (
        _whole(one.person) and all(map(_whole, one.tracks)) and _share(one.usable)
        and _whole(one.embedded) and one.times.ndim == 1 and len(one.times) == len(one.boxes)
        and all(bool(np.isfinite(own).all()) for own in numbers)
        and len(one.picture) <= _PICTURE and one.picture[:3] in (b"", _JPEG)
        and all(map(_is_sheet, one.inputs))
    )  # fmt: skip


def _is_sheet(own: InputPictures) -> bool:
    """Whether pictures that a specialist was given are on one sheet of a size that pages show."""
    sides = (own.width, own.height, own.columns)
    return (
        _text(own.source) and _is_sound(own.source) and all(map(is_number, own.times))
        and all(_whole(side) and 1 <= side <= _SIDE for side in sides)
        and len(own.sheet) <= _SHEET and own.sheet[:3] == _JPEG
    )  # fmt: skip


def _plain(value: Any, deep: int) -> bool:
    """Whether a value of JSON is of numbers and texts that can be written again."""
    if isinstance(value, dict):
        return deep > 0 and all(_text(k) and _plain(v, deep - 1) for k, v in value.items())
    if isinstance(value, list):
        return deep > 0 and all(_plain(one, deep - 1) for one in value)
    if isinstance(value, str):
        return _text(value)
    return value is None or isinstance(value, bool) or is_number(value)


def _is_sound(text: str) -> bool:
    return printable(text) == text


def _is_whole(result: Result) -> bool:
    """Whether the positions of rows in a plan (`Unfused`) are those of rows."""
    try:
        unfused = Unfused.from_result(result)
    except (TypeError, KeyError):
        return False
    if unfused is None:
        return True
    plan, count = unfused.plan, len(result.rows)
    lists = (plan.shown, *plan.spans, plan.whole, plan.baseline)
    return (
        all(isinstance(own, list) and all(_whole(i) and i < count for i in own) for own in lists)
        and isinstance(plan.faces, bool) and isinstance(plan.windows, bool)
        and all(map(_whole, plan.people))
    )  # fmt: skip


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(is_number, value))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and any(
        kind.fullmatch(value) for kind in (FILM_NAME, CLIP_NAME, SMALL_NAME)
    )


def _table(value: Any, checks: Mapping[str, Callable[[Any], bool]]) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() == checks.keys()
        and all(check(value[key]) for key, check in checks.items())
    )


_KINDS = ("film", "sound", "picture", "thumbnails", "none")
_FILM: dict[str, Callable[[Any], bool]] = {
    "kind": lambda value: value in _KINDS,
    "src": lambda value: value == "" or _is_name(value),
    "note": lambda value: _text(value) and _is_sound(value),
    "width": _whole, "height": _whole, "step": is_number, "has_sound": _flag,
    "times": _numbers,
    "sound": _or_none(lambda value: _table(value, _SOUND)),
    "thumbnails": lambda value: _table(value, _STRIPS),
}  # fmt: skip
_SOUND: dict[str, Callable[[Any], bool]] = {
    "src": lambda value: value == SOUND_PICTURE,
    "start": is_number, "end": is_number, "low": is_number, "high": is_number,
}  # fmt: skip
_STRIPS: dict[str, Callable[[Any], bool]] = {
    "times": _numbers, "columns": _whole, "rows": _whole,
    "width": _whole, "height": _whole,
    "sheets": lambda value: isinstance(value, list) and all(map(_is_name, value)),
}  # fmt: skip


def checked_film(body: bytes) -> dict[str, Any]:
    """What a page shows of a clip, as `emonets.report.film.place_film` returns it.

    Raises
    ------
    BadMessage : it is none.
    """
    try:
        film = json.loads(body)
        _require(isinstance(film, dict) and NO_FILM.keys() <= film.keys() <= _FILM.keys())
        _require(all(_FILM[key](value) for key, value in film.items()))
    except _WRONG:
        raise BadMessage("no film") from None
    return dict(film)


def checked_picture(name: str, body: bytes) -> bytes:
    """A JPEG or PNG by its first bytes; empty where there is none.

    Raises
    ------
    BadMessage : it is something else.
    """
    start = b"\x89PNG\r\n\x1a\n" if name.endswith(".png") else _JPEG
    _require(not body or body.startswith(start))
    return body
