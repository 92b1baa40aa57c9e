"""The voice of one person where others speak in the same window.

A window of some seconds often holds a question and its answer. What a person speaks there is then
predicted by itself: from the sound of the window, with the speech of all others left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from emonets.contracts import Features, Specialist
from emonets.inference.persons import Scene
from emonets.result import Row

ALL = 0.8
"""A person with this share of a window's speech has its voice as a whole."""
STEP = 0.04
"""Seconds in which a person speaks or does not."""
_PARTS = ("speech", "speech_start", "speech_step")


def own_voices(
    scene: Scene,
    specialists: Mapping[str, Specialist],
    features: Mapping[str, Features],
    rows: Sequence[Row],
) -> list[Row]:
    """Rows of the voice of each face of a window that speaks for a part of its speech only.

    Parameters
    ----------
    specialists, features : by name. Those count whose features have ``speech`` (n,) 0..1 from
        ``speech_start`` every ``speech_step`` seconds.
    rows : of one window, complete: of faces, with a track, and of all else.

    Returns
    -------
    A row a face and specialist, with the face's track, in place of the specialist's own.
    """
    spoken = [
        name for name, own in features.items()
        if name in specialists and not specialists[name].per_face and all(p in own for p in _PARTS)
    ]  # fmt: skip
    windows = [row for row in rows if row.model in spoken and row.track is None and row.found]
    faces = {row.track: row for row in reversed(rows) if row.track is not None and row.speaks}
    out = []
    for window in windows:
        for track, face in sorted(faces.items()):
            if scene.person(track) is None or _all_of_it(scene, face, window):
                continue
            voice = voice_of(scene, face, features[window.model], window.start, window.end)
            p = specialists[window.model].predict_proba(voice)[0]
            if np.ptp(p) > 1e-9:  # else there is too little of it
                out.append(replace(window, track=track, probabilities=tuple(map(float, p))))
    return out


def _all_of_it(scene: Scene, face: Row, window: Row) -> bool:
    share = scene.share(face.person, window.start, window.end)
    return share is None or share >= ALL * (window.speech or 0.0)


def voice_of(scene: Scene, face: Row, features: Features, start: float, end: float) -> Features:
    """Features in which nobody but the person of a face speaks, and only in a span in seconds."""
    p = features["speech"]
    times = float(features["speech_start"]) + float(features["speech_step"]) * (
        np.arange(len(p)) + 0.5
    )
    own = np.zeros(len(p), np.bool_)
    for k in range(int(start / STEP), int(np.ceil(end / STEP))):
        if scene.share(face.person, k * STEP, (k + 1) * STEP):
            own |= (times >= max(start, k * STEP)) & (times < min(end, (k + 1) * STEP))
    return {**features, "speech": np.where(own, p, 0).astype(p.dtype)}
