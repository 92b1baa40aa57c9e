"""A user's own words for emotions: which of the seven each is, or why it is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emonets.datasets.info import OUTSIDE
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import ParameterError

DROP = "drop"
"""What a word is mapped to whose recordings are to be left out."""


@dataclass(frozen=True)
class Words:
    """What words in a user's table or folder names mean.

    Attributes
    ----------
    labels : the user's word → one of the seven emotions, or ``drop``; beside the common synonyms
        that are always understood, and before them. Case and blanks around do not matter.

    Raises
    ------
    ParameterError : a word is mapped to what is neither an emotion nor ``drop``.
    """

    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain = {key.strip().lower(): value for key, value in self.labels.items()}
        for word, meant in plain.items():
            if meant != DROP and _index(meant) is None:
                raise ParameterError(
                    f"labels: {word!r} is mapped to {meant!r}; must be one of "
                    f"{', '.join(EMOTIONS)}, or {DROP!r}"
                )
        object.__setattr__(self, "labels", plain)

    def index(self, word: str) -> int | None:
        """0..6, or None where the word is none of the seven."""
        key = word.strip().lower()
        return _index(self.labels.get(key, key))

    def outside(self, word: str) -> str:
        """Why what is labelled so is dropped; nothing where the word is not known to be outside."""
        key = word.strip().lower()
        if self.labels.get(key) == DROP:
            return f"{key} is left out, as was asked for"
        return OUTSIDE.get(key, "") if key not in self.labels else ""


def _index(word: str) -> int | None:
    try:
        return emotion_index(word)
    except KeyError:
        return None
