"""The seven emotions, in the one order used everywhere inside EmoNets.

Readers (``datasets/``) turn any other order into this one; nothing else does.
"""

from __future__ import annotations

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes in canonical order: column *k* of probabilities is ``EMOTIONS[k]``."""

UNIFORM = 1.0 / len(EMOTIONS)
"""The probability of each class where a specialist finds no evidence."""

COLOURS: dict[str, str] = {
    "angry": "#D55E00", "disgust": "#009E73", "fear": "#CC79A7", "happy": "#E69F00",
    "sad": "#0072B2", "surprise": "#56B4E9", "neutral": "#7F7F7F",
}  # fmt: skip
"""A colour an emotion, of Okabe and Ito (2008) and a grey: told apart by colour-blind readers."""

_ALIASES: dict[str, str] = {
    "anger": "angry", "ang": "angry",
    "disgusted": "disgust", "dis": "disgust",
    "fearful": "fear", "afraid": "fear", "scared": "fear", "fea": "fear",
    "happiness": "happy", "joy": "happy", "hap": "happy",
    "sadness": "sad",
    "surprised": "surprise", "sur": "surprise",
    "calm": "neutral", "neu": "neutral",
}  # fmt: skip

WORDS: dict[str, str] = {**{name: name for name in EMOTIONS}, **_ALIASES}
"""Every accepted word → the emotion that it stands for."""


def emotion_index(name: str) -> int:
    """Return the canonical index (0..6) of an emotion's name.

    Case and surrounding blanks do not matter. Common synonyms (``anger``, ``joy``, ``calm`` …)
    are accepted.

    Raises
    ------
    KeyError : the name is none of the seven.
    """
    key = name.strip().lower()
    key = _ALIASES.get(key, key)
    if key not in EMOTIONS:
        raise KeyError(f"{name!r} is not one of {', '.join(EMOTIONS)}")
    return EMOTIONS.index(key)
