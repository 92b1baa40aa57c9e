"""The words of datasets for their parts, turned into three."""

from __future__ import annotations

import difflib
from types import MappingProxyType

from emonets.errors import DataError

SPLITS = ("train", "valid", "test")
"""To train on, to choose by, to test on once."""

_WORDS = MappingProxyType(
    {
        "": "",
        "train": "train", "training": "train",
        "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
        "development": "valid", "publictest": "valid",
        "test": "test", "testing": "test", "privatetest": "test",
        "heldout": "test", "held-out": "test", "held_out": "test", "holdout": "test",
    }
)  # fmt: skip


def split_of(word: str | None) -> str | None:
    """``train``, ``valid``, ``test``, or "" for an empty word; None for any other word."""
    return _WORDS.get((word or "").strip().lower())


def is_split(word: str) -> bool:
    """Whether a folder of this name holds a part of the data."""
    return bool(split_of(word))


def require_split(word: str | None, where: object) -> str:
    """``train``, ``valid``, ``test``, or "" for an empty word.

    Raises
    ------
    DataError : the word names no part; the message names the nearest word that does.
    """
    split = split_of(word)
    if split is None:
        near = difflib.get_close_matches(str(word).strip().lower(), _WORDS, 1)
        hint = f"; the nearest known word is {near[0]!r}" if near else ""
        raise DataError(f"{where}: split {word!r} must be one of {', '.join(SPLITS)}{hint}")
    return split
