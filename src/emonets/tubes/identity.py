"""The persons of a clip: which tracks are one person, and where each is seen.

A person keeps one number over cuts, after leaving and returning, and in pictures of any size. The
tracks of a clip are clustered by the embeddings that ``tubes.verify`` computed. Two tracks that
are seen at the same time are two persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.result import PersonSeen
from emonets.tubes.association import overlap
from emonets.tubes.clustering import at_once, cluster, distances
from emonets.tubes.recognition import WIDTH
from emonets.tubes.tube import FaceTube

Floats = NDArray[np.float64]
Features = dict[str, NDArray[Any]]

STEP = 0.2
"""Seconds between the boxes that are kept of a track."""
MOST = 16
"""Embeddings that are kept of a track."""
USABLE_SIDE = 32.0
"""Least side of a box in the frame, pixels, for a face to be usable."""
UNSURE = 0.5
"""Distance up to which a track without a sure embedding joins a person."""
NEARBY = 2.0
"""Seconds after which a face at the same place may be another person."""
PICTURE_QUALITY = 90


@dataclass(slots=True, eq=False)
class _Track:
    """What is kept of a track."""

    first: int = -1
    last: int = -1
    usable: int = 0
    times: list[float] = field(default_factory=list)
    boxes: list[Floats] = field(default_factory=list)
    ends: list[tuple[float, Floats]] = field(default_factory=list)
    embeddings: list[NDArray[np.float32]] = field(default_factory=list)
    sure: bool = False
    every: int = 1
    seen: int = 0
    picture: bytes = b""
    worth: float = -np.inf

    def add(self, tube: FaceTube) -> None:
        if self.first < 0:
            self.first = int(tube.index[0])
            self.ends = [(float(tube.times[0]), tube.boxes[0])] * 2
        self.last = int(tube.index[-1])
        self.ends[1] = float(tube.times[-1]), tube.boxes[-1]
        sides = np.ptp(tube.boxes[:, ::2], axis=1)
        self.usable += int(np.count_nonzero(tube.detected & (sides >= USABLE_SIDE)))
        for time, box in zip(tube.times.tolist(), tube.boxes, strict=True):
            if not self.times or time >= self.times[-1] + STEP - 1e-6:
                self.times.append(time)
                self.boxes.append(box)
        for own, sure in zip(tube.embeddings, tube.sure.tolist(), strict=True):
            self._embedding(own, sure)
        self._picture(tube, sides)

    def _embedding(self, own: NDArray[np.float32], sure: bool) -> None:
        """Keep an embedding: sure ones in the place of others, evenly over a long track."""
        if sure and not self.sure:
            self.embeddings, self.sure, self.every, self.seen = [], True, 1, 0
        if sure != self.sure:
            return
        if self.seen % self.every == 0:
            self.embeddings.append(own)
        self.seen += 1
        if len(self.embeddings) > MOST:
            self.embeddings, self.every = self.embeddings[::2], 2 * self.every

    def _picture(self, tube: FaceTube, sides: Floats) -> None:
        """Keep the picture of the best frame: sure, large and clearly found."""
        places = tube.embedded if len(tube.embedded) else np.array([len(tube) // 2])
        sure = tube.sure if len(tube.embedded) else np.zeros(1, np.bool_)
        worth = sure + np.minimum(sides[places], 96.0) / 96.0 + 0.5 * tube.scores[places]
        best = int(worth.argmax())
        if worth[best] > self.worth:
            self.worth = float(worth[best])
            bgr = np.ascontiguousarray(tube.crops[places[best]][..., ::-1])
            quality = [cv2.IMWRITE_JPEG_QUALITY, PICTURE_QUALITY]
            self.picture = cv2.imencode(".jpg", bgr, quality)[1].tobytes()


class IdentityReader:
    """Reads the face tubes of one clip; see `emonets.contracts.Reader`.

    Of each track it keeps at most 16 embeddings, a picture, and five boxes a second.
    """

    needs = frozenset({"tubes"})
    problem: Any = None

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}

    def push_tube(self, tube: FaceTube) -> None:
        """Take a piece of a face tube."""
        self._tracks.setdefault(tube.track, _Track()).add(tube)

    def push_frame(self, frame: object) -> None:
        """Readers of tubes take no frames."""
        raise TypeError("IdentityReader takes no frames")

    def push_sound(self, chunk: object) -> None:
        """Readers of tubes take no sound."""
        raise TypeError("IdentityReader takes no sound")

    def finish(self) -> Features:
        """Arrays of k tracks, s sampled boxes and e embeddings.

        ``track`` (k,), ``person`` (k,), ``joined`` (k,) the first track of those that follow each
        other without a pause, ``first`` and ``last`` (k,) frames, ``usable`` (k,) frames;
        ``sample_track`` (s,), ``sample_time`` (s,) seconds, ``sample_box`` (s, 4) pixels;
        ``embedding_track`` (e,), ``embedding`` (e, 128), ``sure`` (k,); ``picture`` (bytes,) JPEG
        files one behind the other, which end at ``picture_end`` (k,).
        """
        numbers = sorted(self._tracks)
        tracks = [self._tracks[number] for number in numbers]
        pictures = [np.frombuffer(t.picture, np.uint8) for t in tracks]
        owned = [(n, t) for n, t in zip(numbers, tracks, strict=True)]
        person = persons_of_tracks(tracks)
        return {
            "track": np.array(numbers, np.int64),
            "person": person,
            "joined": np.array(numbers, np.int64)[_joined(tracks, person)],
            "first": np.array([t.first for t in tracks], np.int64),
            "last": np.array([t.last for t in tracks], np.int64),
            "usable": np.array([t.usable for t in tracks], np.int64),
            "sure": np.array([t.sure for t in tracks], np.bool_),
            "sample_track": np.array([n for n, t in owned for _ in t.times], np.int64),
            "sample_time": np.array([x for t in tracks for x in t.times], np.float64),
            "sample_box": np.array([b for t in tracks for b in t.boxes]).reshape(-1, 4),
            "embedding_track": np.array([n for n, t in owned for _ in t.embeddings], np.int64),
            "embedding": np.array([e for t in tracks for e in t.embeddings], np.float32).reshape(
                -1, WIDTH
            ),
            "picture": np.concatenate([np.zeros(0, np.uint8), *pictures]),
            "picture_end": np.cumsum([len(p) for p in pictures], dtype=np.int64),
        }


def persons_of_tracks(tracks: list[_Track]) -> NDArray[np.int64]:
    """The number (k,) of the person of each track, from 0 in order of appearance."""
    if not tracks:
        return np.zeros(0, np.int64)
    order = sorted(range(len(tracks)), key=lambda i: (tracks[i].first, i))
    sure = [i for i in order if tracks[i].sure]
    spans = np.array([(t.first, t.last) for t in tracks], np.float64)
    person = np.full(len(tracks), -1, np.int64)
    if sure:
        means = np.stack([np.mean(tracks[i].embeddings, axis=0) for i in sure])
        counts = np.array([len(tracks[i].embeddings) for i in sure])
        person[sure] = cluster(means, counts, spans[sure])
    for i in order:
        if person[i] < 0:
            person[i] = _nearest(tracks, person, spans, i)
    # numbered anew by the first frame
    names: dict[int, int] = {}
    for i in order:
        names.setdefault(int(person[i]), len(names))
    return np.array([names[int(number)] for number in person], np.int64)


def _joined(tracks: list[_Track], person: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places (k,) of the track that each is a part of.

    A tube ends where its face changes much, such as at a sudden laugh. Where the next one begins in
    the next frame, at the same place and with the same person, both are one track.
    """
    root = np.arange(len(tracks))
    for i in sorted(root.tolist(), key=lambda i: tracks[i].first):
        for j in np.flatnonzero(person == person[i]).tolist():
            if tracks[i].first - tracks[j].last == 1 and _adjoins(tracks[j], tracks[i]):
                root[i] = root[j]
    return root


def _nearest(tracks: list[_Track], person: NDArray[np.int64], spans: Floats, i: int) -> int:
    """The person of a track without a sure embedding; a new number where none fits.

    A face at the same place shortly before or after is the first choice, the embedding the second.
    """
    own = tracks[i]
    free = int(person.max()) + 1
    taken = set(person[at_once(spans, spans[i]) & (person >= 0)].tolist())
    best, nearest = free, UNSURE
    for k in np.flatnonzero(person >= 0):
        if int(person[k]) in taken:
            continue
        other = tracks[k]
        d = np.inf
        if own.embeddings and other.embeddings:
            means = np.stack([np.mean(t.embeddings, axis=0) for t in (own, other)])
            d = distances(means, [len(own.embeddings), len(other.embeddings)])[0, 1]
        if _adjoins(own, other) or _adjoins(other, own):
            d = min(d, 1.0) - 0.5
        if d <= nearest:
            best, nearest = int(person[k]), d
    return best


def _adjoins(earlier: _Track, later: _Track) -> bool:
    """Whether one track begins soon after the other ended, at the same place."""
    (time, box), (begin, place) = earlier.ends[1], later.ends[0]
    return 0.0 <= begin - time <= NEARBY and float(overlap([box], [place])[0, 0]) >= 0.4


@dataclass(frozen=True, eq=False)
class Persons:
    """The persons of a clip, from :func:`persons_of`."""

    features: Mapping[str, NDArray[Any]]

    @property
    def count(self) -> int:
        """How many there are; they are numbered from 0 in order of appearance."""
        return int(self.features["person"].max(initial=-1)) + 1

    def of_track(self, track: int) -> int:
        """The person of a track.

        Raises
        ------
        KeyError : there is no such track.
        """
        place = np.flatnonzero(self.features["track"] == track)
        if not len(place):
            raise KeyError(track)
        return int(self.features["person"][place[0]])

    def tracks(self, person: int) -> tuple[int, ...]:
        """The tracks of a person, rising; those that are `joined` count as one."""
        own = self.features["joined"][self.features["person"] == person]
        return tuple(np.unique(own).tolist())

    @property
    def joined(self) -> dict[int, int]:
        """Track → the first of those tracks that follow each other without a pause."""
        pairs = zip(self.features["track"].tolist(), self.features["joined"].tolist(), strict=True)
        return dict(pairs)

    def seen(self, file: str, *, embeddings: bool = False) -> tuple[PersonSeen, ...]:
        """What a result holds of each person.

        Parameters
        ----------
        file : as rows name it.
        embeddings : whether to add each person's mean embedding, which is biometric data.
        """
        return tuple(self._seen(file, person, embeddings) for person in range(self.count))

    def _seen(self, file: str, person: int, embeddings: bool) -> PersonSeen:
        f = self.features
        own = f["person"] == person
        tracks = f["track"][own]
        sampled = np.isin(f["sample_track"], tracks)
        order = np.argsort(f["sample_time"][sampled], kind="stable")
        frames = int(f["last"][own].max() - f["first"][own].min()) + 1
        # the picture and the embedding come from tracks that show the face surely, if any do
        good = own & f["sure"] if (own & f["sure"]).any() else own
        best = int(np.flatnonzero(good)[f["usable"][good].argmax()])
        ends = f["picture_end"]
        picture = f["picture"][int(ends[best - 1]) if best else 0 : int(ends[best])]
        mean, count = None, 0
        if embeddings:
            found = f["embedding"][np.isin(f["embedding_track"], f["track"][good])]
            mean = found.mean(axis=0).astype(np.float32) if len(found) else None
            count = len(found)
        return PersonSeen(
            file=file, person=person, tracks=self.tracks(person),
            times=f["sample_time"][sampled][order], boxes=f["sample_box"][sampled][order],
            usable=min(1.0, round(float(f["usable"][own].sum()) / frames, 4)),
            picture=picture.tobytes(), embedding=mean, embedded=count,
        )  # fmt: skip


def persons_of(features: Mapping[str, NDArray[Any]]) -> Persons:
    """The persons of a clip from what :meth:`IdentityReader.finish` returned."""
    return Persons(features)
