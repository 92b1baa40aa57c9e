"""Whether a file is a still, a clip or a sound, by its ending, and which of a take is wanted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from emonets.datasets.reading import SUFFIXES, Meaning, Recording, Why
from emonets.errors import ParameterError
from emonets.media.images import IMAGE_SUFFIXES

KINDS = ("still", "clip", "sound")
"""A picture; a film, with sound or without; sound alone."""

STILL_SUFFIXES = IMAGE_SUFFIXES | {".pgm", ".ppm", ".pnm"}
"""Endings of pictures."""

_LOSSLESS = frozenset((".wav", ".w64", ".flac", ".aif", ".aiff", ".au", ".caf", ".wv"))
_SOUND = _LOSSLESS | frozenset(
    (".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".ac3", ".amr", ".wma")
)


def kind_of(file: Path) -> str:
    """``still``, ``clip`` or ``sound``. What ends in no known way counts as a clip."""
    suffix = file.suffix.lower()
    return "still" if suffix in STILL_SUFFIXES else "sound" if suffix in _SOUND else "clip"


def is_media(file: Path) -> bool:
    """Whether a file ends as a picture, a film or a sound file does."""
    return file.suffix.lower() in SUFFIXES | STILL_SUFFIXES


def film_first(file: Path) -> int:
    """A rank for `read_named`: films, which hold the sound, too; then sound without loss."""
    if kind_of(file) != "sound":
        return 0
    return 1 if file.suffix.lower() in _LOSSLESS else 2


def of_kind(meaning: Callable[[Path], Meaning], kind: str | None) -> Callable[[Path], Meaning]:
    """A reader's ``meaning`` that drops what is of another kind; None takes all.

    Raises
    ------
    ParameterError : a kind that is none of ``clip`` and ``sound``.
    """
    if kind not in (None, "clip", "sound"):
        raise ParameterError(f"kind={kind!r}: must be 'clip' or 'sound'")
    return meaning if kind is None else partial(_only, meaning, kind)


def _only(meaning: Callable[[Path], Meaning], kind: str, file: Path) -> Meaning:
    found = meaning(file)
    if isinstance(found, Recording) and kind_of(file) != kind:
        return Why(f"is a {kind_of(file)}, and each {kind} was taken", "channel")
    return found
