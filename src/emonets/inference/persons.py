"""Who is in a clip, who of them speaks, and how much each counts (`docs/howto/persons.md`).

A `Scene` holds the persons, where somebody speaks and who does. It completes the rows of a clip
with ``person``, ``speech`` and ``speaks``. Its weights decide how much each person's face counts
for the clip's own prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import ALL_OF_IT, Features, Floats, Predictions, Specialist
from emonets.inference.boxes import Faces
from emonets.result import Row
from emonets.specialists.per_face import of_known, taken

SPEAKER = 100.0
"""A person who is the only one that speaks counts 1 + this times as much as a listener."""
SPEECH = 1.0
"""Seconds of speech of the persons from which that holds in full; less counts in proportion."""
SEEN = 0.25
"""The share of a clip's speech that must be the persons' for the voice to count for the clip."""

Tracks = tuple[int, ...]


class SpeechLike(Protocol):
    """Where somebody speaks in a clip."""

    def share(self, start: float, end: float) -> float:
        """The share of a span with speech, 0..1; the span in seconds."""


class SpeakersLike(Protocol):
    """Who of the tracks speaks, and when."""

    def speaks(self, tracks: Tracks, start: float, end: float) -> bool | None:
        """Whether the person of these tracks speaks in a span; None where it is not known."""

    def share(self, tracks: Tracks, start: float, end: float) -> float | None:
        """The share of a span in which that person speaks, 0..1; None where it is not known."""


@dataclass(frozen=True, eq=False)
class Scene:
    """The persons of a clip and their speech.

    Attributes
    ----------
    tracks : person → the tracks of that person, rising.
    seen : person → the area of the face in pixels, summed over the pictures.
    speech : where somebody speaks; None where it was not examined.
    speakers : who does; None where it was not examined.
    faces : where the faces are.
    """

    tracks: Mapping[int, Tracks] = field(default_factory=dict)
    seen: Mapping[int, float] = field(default_factory=dict)
    speech: SpeechLike | None = None
    speakers: SpeakersLike | None = None
    faces: Faces = field(default_factory=Faces)

    @classmethod
    def of(
        cls,
        features: Iterable[Features],
        person_of: Callable[[int], int] | None = None,
        speech: SpeechLike | None = None,
        speakers: SpeakersLike | None = None,
        faces: Faces | None = None,
    ) -> Scene:
        """The scene of a clip.

        Parameters
        ----------
        features : of its specialists of single faces, ``track`` (n,) and, if known, ``boxes``
            (n, 4) pixels. The first with a picture decides.
        person_of : track → person; None: each track is a person of its own.
        faces : where the faces are; None: it is not known.
        """
        tracks: dict[int, Tracks] = {}
        seen: dict[int, float] = {}
        found = next((own for own in features if len(own.get("track", ()))), None)
        if found is not None:
            numbers, place = np.unique(found["track"], return_inverse=True)
            areas = np.bincount(place, _areas(found))
            for track, area in zip(numbers.tolist(), areas.tolist(), strict=True):
                person = track if person_of is None else person_of(track)
                tracks[person] = (*tracks.get(person, ()), track)
                seen[person] = seen.get(person, 0.0) + area
        return cls(
            dict(sorted(tracks.items())), dict(sorted(seen.items())), speech, speakers,
            faces or Faces(),
        )  # fmt: skip

    def person(self, track: int) -> int | None:
        """The person of a track; None for a track of which no picture is known."""
        return self._person_of.get(track)

    @cached_property
    def _person_of(self) -> dict[int, int]:
        return {track: person for person, own in self.tracks.items() for track in own}

    def speaks(self, person: int, start: float, end: float) -> bool | None:
        """Whether a person speaks in a span in seconds; None where it is not known."""
        if self.speakers is None:
            return None
        return self.speakers.speaks(self.tracks[person], start, end)

    def share(self, person: int | None, start: float, end: float) -> float | None:
        """The share of a span in which a person speaks, 0..1; None where it is not known."""
        if self.speakers is None or person is None:
            return None
        return self.speakers.share(self.tracks[person], start, end)

    def complete(self, row: Row) -> Row:
        """A row with its ``person``, ``speech`` and ``speaks``; of a face with ``box`` too."""
        speech = None if self.speech is None else float(self.speech.share(row.start, row.end))
        person = None if row.track is None else self.person(row.track)
        speaks = None if person is None else self.speaks(person, row.start, row.end)
        box, usable = None, None
        if row.track is not None and row.level in ("face", "frame"):
            box, usable = self.faces.within(row.track, row.start, row.end)
        return replace(row, person=person, speech=speech, speaks=speaks, box=box, usable=usable)

    def voice_is_unseen(self, start: float, end: float) -> bool:
        """Whether the voice of a span is, nearly all of it, of somebody who is not seen.

        So where persons are seen and less than `SEEN` of the speech is theirs. False where it is
        not known of one of them, and where nobody speaks.
        """
        if self.speech is None or self.speakers is None or not self.tracks:
            return False
        spoken = self.speech.share(start, end)
        shares = [self.share(person, start, end) for person in self.tracks]
        known = [share for share in shares if share is not None]
        return spoken > 0 and len(known) == len(shares) and sum(known) < SEEN * spoken

    def weights(self, start: float, end: float) -> dict[int, float]:
        """How much each person counts for the clip's own prediction; they sum to one.

        The product of two numbers:

        - `seen`, the area of the face summed over the pictures: how long and how large;
        - ``1 + SPEAKER · r · e``: *r* is this person's share of the speech of all persons,
          *e* the seconds of that speech over `SPEECH`, at most 1. It is 1 where none of them
          speaks and where it is not known who does.

        Parameters
        ----------
        start, end : of the clip, seconds.

        Returns
        -------
        Person → 0..1, in the order of their numbers; empty where nobody is seen.
        """
        shares = [self.share(person, start, end) or 0.0 for person in self.tracks]
        spoken = np.array(shares) * max(end - start, 0.0)
        raw = np.array(list(self.seen.values())) * speaking_factors(spoken)
        if not raw.sum() > 0:
            raw = np.ones(len(raw))
        return dict(zip(self.tracks, (raw / raw.sum()).tolist() if len(raw) else (), strict=True))

    def weigh(
        self,
        specialist: Specialist,
        features: Features,
        made: Predictions,
        start: float,
        end: float,
    ) -> Predictions:
        """Predictions whose entry of the whole clip is the weighted mean over its persons.

        With one person it stays as it is: the prediction of all pictures together.

        Parameters
        ----------
        specialist : of single faces. features : its own of the clip. made : its predictions.
        start, end : of the clip, seconds.
        """
        if len(self.tracks) < 2 or "track" not in features:
            return made
        known = of_known(features)
        weights = self.weights(start, end)
        p: list[Floats] = []
        w: list[float] = []
        for person, tracks in self.tracks.items():
            own = taken(known, np.isin(known["track"], tracks))
            if len(own["track"]):
                p.append(specialist.predict_proba(own)[0])
                w.append(weights[person])
        if not sum(w) > 0:
            return made
        out = np.array(made.p)
        out[made.span == ALL_OF_IT] = np.average(np.stack(p), axis=0, weights=w)
        return replace(made, p=out)


def speaking_factors(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much speech raises the weight of each of n persons; see `Scene.weights`.

    Parameters
    ----------
    seconds : (n,) of each person's speech, ≥ 0.

    Returns
    -------
    (n,) from 1 to 1 + `SPEAKER`.

    Examples
    --------
    >>> speaking_factors(np.array([3.0, 0.0]))
    array([101.,   1.])
    >>> speaking_factors(np.array([2.0, 2.0]))
    array([51., 51.])
    """
    total = float(seconds.sum())
    if not total > 0:
        return np.ones(len(seconds))
    return np.asarray(1.0 + SPEAKER * (seconds / total) * min(1.0, total / SPEECH))


def _areas(features: Features) -> NDArray[np.float64]:
    """(n,) pixels of each picture's face; 1 each where features have no boxes."""
    if "boxes" not in features:
        return np.ones(len(features["track"]))
    boxes = np.asarray(features["boxes"], np.float64).reshape(-1, 4)
    return np.asarray(np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0.0), axis=1))
