"""What ids are called in figures, and how the seven emotions look in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emonets.emotions import EMOTIONS

NAMES: dict[str, str] = {
    "face": "face", "audio": "audio", "activity": "activity", "mouth": "mouth",
    "face 2": "second face network",
    "face_log": "face, log probabilities",
    "compare": "ComParE features",
    "functionals": "functionals of the sound",
    "face_net": "face network", "audio_net": "audio network",
    "javanese_av": "Javanese clips", "javanese_speech": "Javanese speech",
    "ravdess_av": "RAVDESS", "ravdess_speech": "RAVDESS speech", "crema_d": "CREMA-D",
    "fer2013": "FER2013", "emodb": "EmoDB",
    "svm": "SVM", "scaled svm": "scaled SVM", "mlp": "MLP",
}  # fmt: skip
"""Ids whose name is not the id with blanks, in small letters where they are words."""

CODES: dict[str, str] = {
    "angry": "An", "disgust": "Di", "fear": "Fe", "happy": "Ha", "sad": "Sa", "surprise": "Su",
    "neutral": "Ne",
}  # fmt: skip
"""Two letters an emotion: figures never tell emotions apart by colour alone."""

DASHES: dict[str, Any] = dict(
    zip(
        EMOTIONS,
        ("-", (0, (5, 1.5)), (0, (1, 1)), "-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1))),
        strict=True,
    )
)
"""A line style an emotion."""
MARKS: dict[str, str] = dict(zip(EMOTIONS, ("o", "s", "^", "D", "v", "P", "X"), strict=True))
"""A marker an emotion."""


def readable(name: str) -> str:
    """What an id of a model, a strategy or a corpus is called in a figure.

    Parameters
    ----------
    name : such as ``face_log``, ``face+audio``, ``only face`` or ``face/frame``.

    Returns
    -------
    A name without underscores that starts with a capital letter.

    Examples
    --------
    >>> readable("face_log")
    'Face, log probabilities'
    >>> readable("face+audio")
    'Face + audio'
    >>> readable("only face_log")
    'Face, log probabilities, alone'
    """
    text = in_text(name)
    return text[:1].upper() + text[1:]


def in_text(name: str) -> str:
    """The same within a sentence: without the capital letter.

    Examples
    --------
    >>> in_text("only face_log")
    'face, log probabilities, alone'
    """
    return _words(name.strip())


def in_list(names: Sequence[str]) -> str:
    """Names of models between commas, the first with a capital letter.

    Examples
    --------
    >>> in_list(["activity", "face+audio"])
    'Activity, face + audio'
    """
    text = ", ".join(map(in_text, names))
    return text[:1].upper() + text[1:]


def _words(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    if name.startswith("only "):
        return f"{_words(name.removeprefix('only '))}, alone"
    if "+" in name:
        return " + ".join(_words(part.strip()) for part in name.split("+") if part.strip())
    if name.endswith("/frame"):
        return f"{_words(name.removesuffix('/frame'))}, single pictures"
    return " ".join(name.replace("_", " ").split())
