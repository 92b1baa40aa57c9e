"""The seven emotions, in the one order used everywhere inside EmoNets.

Any other order is turned into this one at the door (``datasets/``, readers), nowhere else.
"""

from __future__ import annotations

EMOTIONS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""The seven classes in canonical order: column *k* of probabilities is ``EMOTIONS[k]``."""

UNIFORM = 1.0 / len(EMOTIONS)
"""The probability that says nothing: what a specialist answers when it has seen nothing."""

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
"""Every word that is understood → the emotion it stands for."""


def emotion_index(name: str) -> int:
    """Return the canonical index (0..6) of an emotion's name.

    Case and surrounding blanks do not matter; common synonyms (``anger``, ``joy``, ``calm`` …)
    are understood.

    Raises
    ------
    KeyError : the name is none of the seven.
    """
    key = name.strip().lower()
    key = _ALIASES.get(key, key)
    if key not in EMOTIONS:
        raise KeyError(f"{name!r} is not one of {', '.join(EMOTIONS)}")
    return EMOTIONS.index(key)
