"""What is taken out of labelled clips for the audio: the frames of their sound."""

from __future__ import annotations

from functools import partial
from typing import Any

from emonets.contracts import Extractor
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.reader import SoundReader
from emonets.voices.speech import SPEECH_VERSION

_MOST = 3600.0  # seconds: the frames of a labelled clip are in memory as a whole
_VERSION = 2  # 1 had no array "loud"


def sound_extractor(features: str, *, speech: bool = False) -> Extractor:
    """Feature frames of a front end by name, of clips of an hour at most.

    Parameters
    ----------
    speech : whether to extract also where somebody speaks; sound without speech then counts as
        none.

    Raises
    ------
    ParameterError : there is no such front end.
    """
    front(features)
    settings: dict[str, Any] = {"features": features}
    if speech:
        settings["speech"] = SPEECH_VERSION
    return Extractor("sound", settings, _VERSION, partial(_open, features, speech))


def _open(features: str, speech: bool) -> SoundReader:
    return SoundReader(front(features), most=_MOST, speech=speech)
