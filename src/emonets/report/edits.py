"""What a reader corrected in a page, read again: checked, and of which clip it is."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from emonets.errors import ParameterError
from emonets.report.data import digest_of, shown_name
from emonets.result import Result

_MOST = 10_000
_LONGEST = 80
_KEYS = {"schema", "version", "file", "result", "names", "people", "excluded", "events"}


def read_edits(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The edits of a file that a page saved.

    Raises
    ------
    ParameterError : it cannot be read, or is not such a file.
    """
    place = Path(path)
    try:
        text = place.read_text("utf-8")
    except OSError as error:
        raise ParameterError(f"{place}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise _refusal(place, "it is not JSON") from None
    return edits_of(text, place)


def edits_of(text: str, place: str | Path) -> dict[str, Any]:
    """The edits of a text that a page saved.

    Parameters
    ----------
    place : where it is from, for messages.

    Raises
    ------
    ParameterError : it has no edits.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise _refusal(place, "it is not JSON") from None
    if not isinstance(content, dict) or content.get("schema") != "emonets.edits":
        raise _refusal(place, "it has no schema emonets.edits")
    if content.get("version") != 1:
        raise ParameterError(
            f"{place}: has version {content.get('version')!r} of edits, and this version of "
            "EmoNets reads 1; use the version that made the page"
        )
    wrong = _wrong(content)
    if wrong:
        raise _refusal(place, wrong)
    return content


def edits_by_clip(
    edits: Mapping[str, Mapping[str, Any]], parts: Mapping[str, Result]
) -> tuple[dict[str, Mapping[str, Any]], list[str]]:
    """The edits of each clip, and a sentence for each that fits no clip.

    Parameters
    ----------
    edits : by the path of their file. parts : the result of each clip.
    """
    found: dict[str, Mapping[str, Any]] = {}
    problems = []
    for path, own in edits.items():
        named = [file for file in parts if shown_name(file) == own["file"]]
        same = [file for file in named if digest_of(parts[file]) == own["result"]]
        if not named:
            problems.append(
                f"{path}: these edits are of {own['file']}, which is not among the clips; "
                "give that clip too"
            )
        elif not same:
            problems.append(
                f"{path}: these edits are of another result of {own['file']}; use the model and "
                "the options with which the page was made, or edit the new page"
            )
        elif same[0] in found:
            problems.append(f"{path}: there are two files of edits of {own['file']}; give one")
        else:
            found[same[0]] = own
    return found, problems


def _refusal(path: str | Path, why: str) -> ParameterError:
    return ParameterError(
        f"{path}: is no file of edits that a report can read ({why}); save it from the page again"
    )


def _wrong(content: Mapping[str, Any]) -> str:
    """What is wrong; empty if nothing is."""
    checks = {
        "its keys": set(content) == _KEYS,
        "file": isinstance(content.get("file"), str),
        "result": isinstance(content.get("result"), str),
        "names": _names(content.get("names")),
        "people": _list(content.get("people"), _step),
        "excluded": _list(content.get("excluded"), _stretch),
        "events": _list(content.get("events"), _event),
    }
    return next((f"{name} is not as it should be" for name, good in checks.items() if not good), "")


def _list(value: Any, check: Any) -> bool:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > _MOST:
        return False
    return all(isinstance(one, dict) and check(one) for one in value)


def _names(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MOST
        and all(name.isdecimal() and _text(own) for name, own in value.items())
    )


def _step(one: Mapping[str, Any]) -> bool:
    if one.get("op") == "merge":
        return set(one) == {"op", "from", "into"} and _number(one["from"]) and _number(one["into"])
    return (
        one.get("op") == "split"
        and set(one) == {"op", "person", "at", "new"}
        and _number(one["person"])
        and _number(one["new"])
        and _time(one["at"])
    )


def _stretch(one: Mapping[str, Any]) -> bool:
    good = set(one) == {"start", "end"} and _time(one["start"]) and _time(one["end"])
    return good and one["start"] < one["end"]


def _event(one: Mapping[str, Any]) -> bool:
    return set(one) == {"time", "name"} and _time(one["time"]) and _text(one["name"])


def _text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**6


def _time(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and 0 <= value < 10**8
