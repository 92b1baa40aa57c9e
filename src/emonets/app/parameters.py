"""What a request may ask for: names, labels and options, checked."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any

from emonets.emotions import EMOTIONS, WORDS
from emonets.errors import ParameterError
from emonets.inference.options import specialist_names
from emonets.inference.windows import check_windows
from emonets.result import printable

_LONGEST = 1000
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
UPLOAD = ("name", "label", "batch", "window", "models")


def about_upload(query: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    """The name of a clip, and its label, batch, window and models.

    Raises
    ------
    ParameterError : one of them is not as it should be, or there is none of its name.
    """
    other = next((name for name in query if name not in UPLOAD), None)
    if other is not None:
        raise ParameterError(f"there is no parameter {other!r}; there are {', '.join(UPLOAD)}")
    name = text_of(query, "name")
    if not name:
        raise ParameterError("the clip needs a name: add ?name=… to the address")
    models = text_of(query, "models")
    return name, {
        "label": label_of(text_of(query, "label")),
        "batch": text_of(query, "batch"),
        "window": window_of(query.get("window", "auto")),
        "models": None if models is None else ",".join(specialist_names(models)),
    }


def text_of(query: Mapping[str, str], key: str) -> str | None:
    """A short text, without control characters and those that turn the direction of writing."""
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", printable(query.get(key, ""))).strip()
    if len(text) > _LONGEST:
        raise ParameterError(f"{key} has {len(text)} characters; give {_LONGEST} at most")
    return text or None


def label_of(text: str | None) -> str | None:
    """One of the seven emotions, of a word for it in whatever case, such as Anger."""
    if text is None or text.lower() in WORDS:
        return None if text is None else WORDS[text.lower()]
    near = difflib.get_close_matches(text.lower(), EMOTIONS, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ParameterError(f"label must be one of {', '.join(EMOTIONS)}, got {text!r}{hint}")


def window_of(text: str) -> float | str | None:
    """Seconds of a window, ``"auto"``, or None for ``none``."""
    if text in ("auto", "none"):
        return "auto" if text == "auto" else None
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ParameterError(f"window takes seconds, auto or none, got {text!r}")
    check_windows(seconds, None)
    return seconds
