"""RAVDESS: two sentences, spoken and sung by 24 professional actors in eight emotions.

A file's name is seven numbers: modality (01 sound and picture, 02 picture, 03 sound), vocal
channel (01 speech, 02 song), emotion, intensity, statement, repetition, actor. The same clip is
published in all three modalities, so only one of them is read at a time.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Dropped
from emonets.datasets.layouts import Reader, by_names
from emonets.datasets.reading import Meaning, labelled, media_files, read_files, same_name
from emonets.errors import DataError, ParameterError

INFO = DatasetInfo(
    name="ravdess",
    title="two English sentences, spoken and sung by 24 professional actors: 1,440 clips of "
    "speech, 1,012 of song, each as sound, video, and video without sound",
    kinds=("sound", "clip"),
    citation="""@article{livingstone2018ravdess,
  title = {The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS): A dynamic,
           multimodal set of facial and vocal expressions in North American English},
  author = {Livingstone, Steven R. and Russo, Frank A.},
  journal = {PLoS ONE},
  volume = {13},
  number = {5},
  pages = {e0196391},
  year = {2018},
  doi = {10.1371/journal.pone.0196391}
}""",
    licence="CC BY-NC-SA 4.0",
    where="https://zenodo.org/record/1188976: Audio_Speech_Actors_01-24.zip for the sound alone, "
    "Video_Speech_Actor_NN.zip for sound and picture",
    words={
        "neutral": "neutral", "calm": "neutral", "happy": "happy", "sad": "sad", "angry": "angry",
        "fearful": "fear", "disgust": "disgust", "surprised": "surprise",
    },
    group="actor (the last number of a name)",
    splits="none official; five folds of actors that the field has agreed on (Luna-Jiménez 2022)",
    layout="files named as 03-01-05-01-02-01-12.wav, in any folders; of the modalities one is "
    "read at a time",
    per_group={"sound": 60, "clip": 60},  # of speech
)  # fmt: skip

FINE = {
    "01": "neutral", "02": "calm", "03": "happy", "04": "sad", "05": "angry", "06": "fearful",
    "07": "disgust", "08": "surprised",
}  # fmt: skip
"""Its own eight emotions, by the number in a name; calm counts as neutral among the seven."""

FOLDS = {
    f"{actor:02d}": fold
    for fold, actors in enumerate(
        (
            (2, 5, 14, 15, 16),
            (3, 6, 7, 13, 18),
            (10, 11, 12, 19, 20),
            (8, 17, 21, 23, 24),
            (1, 4, 9, 22),
        )
    )
    for actor in actors
}
"""Actor → fold: five folds that no actor crosses (Luna-Jiménez et al. 2022)."""

CHANNELS = {
    "03-01": "sound of speech",
    "01-01": "sound and picture of speech",
    "02-01": "picture of speech",
    "03-02": "sound of song",
    "01-02": "sound and picture of song",
    "02-02": "picture of song",
}
"""Modality and vocal channel, as the first two numbers of a name."""

_NAME = re.compile(r"(\d\d-\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)")


def read(folder: str | Path, *, channel: str | None = None) -> Dataset:
    """Read one modality and vocal channel of RAVDESS.

    Parameters
    ----------
    folder : with the files in it, or in folders in it.
    channel : one of `CHANNELS`. None: speech with sound, that is "03-01", or where there is none
        of that, "01-01".

    Returns
    -------
    The items by actor ("01" to "24"), with the five folds of the actors that are here. Files of
    other modalities and channels are dropped.

    Raises
    ------
    DataError : no such folder, or nothing of that channel in it; the message names what there is.
    ParameterError : an unknown channel.
    """
    if channel is not None and channel not in CHANNELS:
        raise ParameterError(
            f"channel={channel!r}: must be one of "
            + ", ".join(f"{k!r} ({what})" for k, what in CHANNELS.items())
        )
    files = [file for file, problem in media_files(folder) if not problem and _is_one(file)]
    here = Counter(file.stem[:5] for file in files)
    chosen = channel or ("01-01" if "03-01" not in here and "01-01" in here else "03-01")
    if here and chosen not in here:
        held = ", ".join(f"{n} of {k} ({CHANNELS.get(k, 'unknown')})" for k, n in here.items())
        raise DataError(
            f"{folder}: no file of {chosen} ({CHANNELS[chosen]}) of RAVDESS, but {held}; give "
            "another channel, or get the files"
        )
    song = chosen.endswith("02")
    return read_files(
        folder, replace(INFO, per_group={}) if song else INFO, partial(_meaning, channel=chosen),
        name="ravdess_song" if song else "ravdess_speech", copy_key=same_name, folds=FOLDS,
    )  # fmt: skip


def _meaning(file: Path, channel: str) -> Meaning:
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    kind, number, _, _, _, actor = match.groups()
    if kind != channel:
        what = CHANNELS.get(kind, "unknown")
        return Dropped(file, f"is {kind} ({what}), and only {channel} is read", "channel")
    if actor not in FOLDS:
        return Dropped(file, f"actor {actor} is none of RAVDESS (01 to 24)", "unlabelled")
    return labelled(INFO, file, FINE.get(number, number), actor)


def _is_one(file: Path) -> bool:
    return _NAME.fullmatch(file.stem) is not None


READER = Reader(INFO, read, by_names(_is_one), ("channel",))
