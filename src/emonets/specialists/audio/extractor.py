"""What is taken out of labelled clips for the audio: the frames of their sound."""

from __future__ import annotations

from functools import partial

from emonets.contracts import Extractor
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.reader import SoundReader

_MOST = 3600.0  # seconds: the frames of a labelled clip are in memory as a whole
_VERSION = 2  # 1 had no array "loud"


def sound_extractor(features: str) -> Extractor:
    """Feature frames of a front end by name, of clips of an hour at most.

    Raises
    ------
    ParameterError : there is no such front end.
    """
    front(features)
    return Extractor("sound", {"features": features}, _VERSION, partial(_open, features))


def _open(features: str) -> SoundReader:
    return SoundReader(front(features), most=_MOST)
