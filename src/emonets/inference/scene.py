"""The readers that find who is in a clip and who speaks, and what they found."""

from __future__ import annotations

from collections.abc import Mapping

from emonets.contracts import SOUND, Reader, Specialist
from emonets.inference.persons import Scene
from emonets.media.clip import Clip
from emonets.one_pass import Pass
from emonets.result import PersonSeen
from emonets.voices.speakers import Speakers, SpeakersReader
from emonets.voices.speech import Speech

_SPEAKERS = "speakers of the scene"  # no specialist's name: those are one word


def readers_for(specialists: Mapping[str, Specialist], clip: Clip) -> dict[str, Reader]:
    """Further readers for a pass over a clip, only those that its rows need.

    Who speaks is examined where single faces are predicted together with speech. The audio
    specialist finds out itself where somebody speaks; one that uses all sound, as the paper's
    does, takes the voice for everybody's.
    """
    readers: dict[str, Reader] = {}
    faces = clip.info.has_frames and any(part.per_face for part in specialists.values())
    if faces and clip.info.has_sound and any(map(_uses_speech, specialists.values())):
        readers[_SPEAKERS] = SpeakersReader()
    return readers


def scene_of(
    file: str, clip: Clip, specialists: Mapping[str, Specialist], found: Pass
) -> tuple[Scene, tuple[PersonSeen, ...]]:
    """The scene of a clip, and its persons, from what a pass found."""
    faces = [found.features[name] for name, part in specialists.items() if part.per_face]
    speech, speakers = None, None
    if clip.info.has_sound:
        heard = (found.features[name] for name, part in specialists.items() if _uses_speech(part))
        speech = next(filter(None, map(Speech.of, heard)), None)
    if _SPEAKERS in found.features:
        speakers = Speakers.of(found.features[_SPEAKERS], speech)
    return Scene.of(faces, None, speech, speakers), ()


def _uses_speech(specialist: Specialist) -> bool:
    return SOUND in specialist.needs and getattr(specialist, "on", "") == "speech"
