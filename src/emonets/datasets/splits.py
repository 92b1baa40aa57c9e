"""The words by which datasets call their parts, turned into three."""

from __future__ import annotations

from types import MappingProxyType

SPLITS = ("train", "valid", "test")
"""To train on, to choose by, to look at once."""

_WORDS = MappingProxyType(
    {
        "": "",
        "train": "train", "training": "train",
        "valid": "valid", "validation": "valid", "val": "valid", "dev": "valid",
        "development": "valid", "publictest": "valid",
        "test": "test", "testing": "test", "privatetest": "test",
    }
)  # fmt: skip


def split_of(word: str | None) -> str | None:
    """``train``, ``valid``, ``test``, or nothing for nothing; None for a word that is none."""
    return _WORDS.get((word or "").strip().lower())
