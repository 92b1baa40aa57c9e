"""The readers that find who is in a clip and who speaks, and what they found."""

from __future__ import annotations

from collections.abc import Mapping

from emonets.contracts import Reader, Specialist
from emonets.inference.persons import Scene
from emonets.media.clip import Clip
from emonets.one_pass import Pass
from emonets.result import PersonSeen


def readers_for(specialists: Mapping[str, Specialist], clip: Clip) -> dict[str, Reader]:
    """Further readers for a pass over a clip, only those that its rows need."""
    return {}


def scene_of(
    file: str,
    clip: Clip,
    specialists: Mapping[str, Specialist],
    found: Pass,
    *,
    embeddings: bool = False,
) -> tuple[Scene, tuple[PersonSeen, ...]]:
    """The scene of a clip, and its persons, from what a pass found."""
    faces = [found.features[name] for name, part in specialists.items() if part.per_face]
    return Scene.of(faces), ()
