"""The readers that find who is in a clip and who speaks, and what they found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from emonets.contracts import SOUND, Features, Reader, Specialist
from emonets.inference.boxes import Faces
from emonets.inference.persons import Scene
from emonets.media.clip import Clip
from emonets.one_pass import Pass
from emonets.result import PersonSeen
from emonets.tubes.identity import IdentityReader, persons_of
from emonets.voices.speakers import Speakers, SpeakersReader
from emonets.voices.speech import Speech

# names of readers, which are no specialists' names: those are one word
IDENTITY, SPEAKERS = "identity of persons", "speakers among persons"


def readers_for(specialists: Mapping[str, Specialist], clip: Clip) -> dict[str, Reader]:
    """Further readers for a pass over a clip, only those that its rows need.

    Who speaks is examined where single faces are predicted together with speech. The audio
    specialist finds out itself where somebody speaks; one that uses all sound, as the paper's
    does, takes the voice for everybody's.
    """
    readers: dict[str, Reader] = {}
    faces = clip.info.has_frames and any(part.per_face for part in specialists.values())
    if faces:
        readers[IDENTITY] = IdentityReader()
    if faces and clip.info.has_sound and any(map(uses_speech, specialists.values())):
        readers[SPEAKERS] = SpeakersReader()
    return readers


def with_joined_tracks(found: Pass) -> Pass:
    """A pass whose features have one number for tracks of one person without a pause between."""
    if IDENTITY not in found.features:
        return found
    joined = persons_of(found.features[IDENTITY]).joined
    features = {
        name: own if name == IDENTITY
        else relabelled(own, joined, "speaker_track" if name == SPEAKERS else "track")
        for name, own in found.features.items()
    }  # fmt: skip
    return replace(found, features=features)


def relabelled(features: Features, joined: Mapping[int, int], key: str) -> Features:
    """Features with other numbers of tracks.

    Entries that were in the order of tracks are so again.

    Parameters
    ----------
    joined : track → its new number. key : of the tracks (n,), an entry a picture.
    """
    old = features.get(key, np.empty(0, np.int64))
    new = np.array([joined.get(track, track) for track in old.tolist()], np.int64)
    if (new == old).all():
        return features
    out = {**features, key: new}
    if (np.diff(old) >= 0).all() and (np.diff(new) < 0).any():
        order = np.argsort(new, kind="stable")
        out = {k: v[order] if v.ndim and len(v) == len(new) else v for k, v in out.items()}
    return out


def scene_of(
    file: str,
    clip: Clip,
    specialists: Mapping[str, Specialist],
    found: Pass,
    *,
    embeddings: bool = False,
    stride: int = 1,
) -> tuple[Scene, tuple[PersonSeen, ...]]:
    """The scene of a clip, and its persons, from what a pass found.

    Parameters
    ----------
    file : as the result names the clip.
    specialists : those that were used. found : by `readers_for` too.
    embeddings : whether persons keep their embedding, which is biometric data.
    stride : every how many frames the detector was run.
    """
    faces = [found.features[name] for name, part in specialists.items() if part.per_face]
    speech, speakers = None, None
    if clip.info.has_sound:
        heard = (found.features[name] for name, part in specialists.items() if uses_speech(part))
        speech = next(filter(None, map(Speech.of, heard)), None)
    if SPEAKERS in found.features:
        speakers = Speakers.of(found.features[SPEAKERS], speech)
    persons = None
    if IDENTITY in found.features:
        persons = persons_of(found.features[IDENTITY])
    of_track = None if persons is None else persons.of_track
    seen = () if persons is None else persons.seen(file, embeddings=embeddings)
    where = Faces.of(faces, found.pictures.times, stride)
    return Scene.of(faces, of_track, speech, speakers, where), tuple(
        replace(own, usable=own.usable if share is None else share)
        for own in seen for share in [where.share(own.tracks)]
    )  # fmt: skip


def uses_speech(specialist: Specialist) -> bool:
    return SOUND in specialist.needs and getattr(specialist, "on", "") == "speech"
