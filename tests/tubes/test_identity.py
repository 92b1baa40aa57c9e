"""Persons of a clip: clusters of tracks, and where each person is seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from emonets.contracts import Reader
from emonets.errors import DataError
from emonets.tubes import clustering
from emonets.tubes.clustering import at_once, cluster, distances
from emonets.tubes.identity import MOST, IdentityReader, persons_of
from emonets.tubes.tube import FaceTube

FPS = 25
RNG = np.random.default_rng(4)
WHO = RNG.normal(size=(40, 128)) * 0.055
"""Embeddings of made-up people: about 0.9 from each other."""


def looks(person, n=4, spread=0.012, seed=0):
    """Embeddings of one person: about 0.2 from each other."""
    rng = np.random.default_rng((seed, person))
    return (WHO[person] + rng.normal(size=(n, 128)) * spread).astype(np.float32)


def piece(track, first, last, person=None, *, x=100.0, side=60.0, sure=True, seed=0, n=4):
    """A piece of a tube over frames first..last, with n embeddings of a person."""
    index = np.arange(first, last + 1)
    boxes = np.tile([x, 80.0, x + side, 80.0 + side], (len(index), 1))
    places = np.unique(np.linspace(0, len(index) - 1, n).astype(int)) if n else np.zeros(0, int)
    own = np.zeros((0, 128), np.float32)
    if person is not None and len(places):
        own = looks(person, len(places), seed=seed + track)
    crops = np.full((len(index), 96, 96, 3), 10 * track % 255, np.uint8)
    return FaceTube(
        track=track, index=index, times=index / FPS, boxes=boxes, raw_boxes=boxes,
        detected=np.ones(len(index), bool), scores=np.full(len(index), 0.9), crops=crops,
        embedded=places[: len(own)], embeddings=own, sure=np.full(len(own), sure),
    )  # fmt: skip


def persons(*pieces):
    reader = IdentityReader()
    for one in pieces:
        reader.push_tube(one)
    return persons_of(reader.finish())


def numbers(found):
    return found.features["person"].tolist()


def test_the_reader_is_a_reader_of_tubes():
    reader: Reader = IdentityReader()
    assert reader.needs == {"tubes"}
    assert reader.problem is None
    assert persons_of(reader.finish()).count == 0
    with pytest.raises(TypeError, match="no frames"):
        reader.push_frame(None)
    with pytest.raises(TypeError, match="no sound"):
        reader.push_sound(None)


def test_a_person_who_returns_keeps_the_number_and_others_get_their_own():
    found = persons(
        piece(0, 0, 40, 5), piece(1, 41, 80, 7), piece(2, 81, 120, 5), piece(3, 130, 150, 9),
        piece(4, 151, 180, 7),
    )  # fmt: skip
    assert numbers(found) == [0, 1, 0, 2, 1]
    assert (found.count, found.of_track(4), found.tracks(0)) == (3, 1, (0, 2))
    with pytest.raises(KeyError):
        found.of_track(5)


def test_numbers_follow_the_first_frame_and_not_the_tracks():
    found = persons(piece(1, 0, 9, 3), piece(0, 20, 30, 4))
    assert (found.of_track(1), found.of_track(0)) == (0, 1)


def test_faces_that_are_seen_at_once_are_two_persons_however_alike():
    assert numbers(persons(piece(0, 0, 50, 5), piece(1, 30, 80, 5))) == [0, 1]
    assert numbers(persons(piece(0, 0, 0, 5, n=1), piece(1, 0, 0, 5, n=1))) == [0, 1]
    # frames at a tube's end are searched for, so that a few may be shared
    assert numbers(persons(piece(0, 0, 50, 5), piece(1, 49, 80, 5))) == [0, 0]


def test_who_was_once_seen_beside_a_person_stays_apart_in_all_clusters():
    found = persons(
        piece(0, 0, 20, 5), piece(1, 30, 50, 5), piece(2, 40, 60, 5, x=300.0), piece(3, 70, 90, 5)
    )
    assert len({found.of_track(1), found.of_track(2)}) == 2
    assert found.count == 2


def test_a_face_that_is_never_sure_joins_by_place_or_becomes_a_person():
    turned = piece(1, 55, 70, 8, sure=False)  # at the same place, half a second later
    assert numbers(persons(piece(0, 0, 45, 5), turned)) == [0, 0]
    elsewhere = piece(1, 55, 70, 8, sure=False, x=400.0)
    assert numbers(persons(piece(0, 0, 45, 5), elsewhere)) == [0, 1]
    alike = piece(1, 155, 170, 5, sure=False, x=400.0)
    assert numbers(persons(piece(0, 0, 45, 5), alike)) == [0, 0]
    no_evidence = piece(1, 500, 510, None, n=0, x=400.0)
    assert numbers(persons(piece(0, 0, 45, 5), no_evidence)) == [0, 1]


def test_pieces_of_a_tube_give_what_the_whole_gives():
    parts = [piece(0, 100 * i, 100 * i + 99, 5, seed=i) for i in range(40)]
    found = persons(*parts, piece(1, 5000, 5050, 5))
    assert numbers(found) == [0, 0]
    f = found.features
    assert np.count_nonzero(f["embedding_track"] == 0) <= MOST
    (seen,) = found.seen("film.mp4")
    assert seen.usable == pytest.approx((4000 + 51) / 5051, abs=1e-4)
    assert np.diff(seen.times).min() > 0.19
    assert len(seen.times) == pytest.approx(4051 / FPS * 5, rel=0.05)


def test_what_is_seen_of_a_person():
    dark, small = piece(0, 0, 24, 5), piece(2, 40, 49, 5, side=20.0)
    found = persons(dark, piece(1, 0, 49, 6, x=300.0), small)
    own, other = found.seen("film.mp4")
    assert (own.file, own.person, own.tracks, other.tracks) == ("film.mp4", 0, (0, 2), (1,))
    assert own.usable == 0.5  # of 50 frames; faces of 20 pixels are not usable
    assert own.boxes.shape == (len(own.times), 4)
    assert own.embedding is None
    picture = cv2.imdecode(np.frombuffer(own.picture, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == (96, 96, 3)
    assert abs(int(picture.mean())) < 4  # of the larger face
    (kept, _) = found.seen("film.mp4", embeddings=True)
    assert kept.embedding.shape == (128,)
    assert np.linalg.norm(kept.embedding - WHO[5]) < 0.2


def test_many_tracks_are_clustered_in_blocks(monkeypatch):
    who = [3, 8, 1, 3, 3, 8, 20, 1, 21, 3, 22, 8] * 4
    means = np.stack([looks(person, 5, seed=k).mean(axis=0) for k, person in enumerate(who)])
    counts = np.full(len(who), 5)
    whole = cluster(means, counts)
    monkeypatch.setattr(clustering, "BLOCK", 10)
    assert cluster(means, counts).tolist() == whole.tolist()
    names: dict[int, int] = {}
    assert whole.tolist() == [names.setdefault(person, len(names)) for person in who]


def test_clusters_of_nothing_and_wrong_shapes():
    assert cluster(np.zeros((0, 128)), np.zeros(0)).tolist() == []
    assert cluster(WHO[:1], [3]).tolist() == [0]
    with pytest.raises(DataError, match="expected means"):
        cluster(WHO[:3], [1, 2])


def test_few_embeddings_count_as_what_they_are():
    d = distances(WHO[:2], [16, 16])[0, 1]
    assert (
        distances(WHO[:2], [1, 1])[0, 1]
        < d
        == pytest.approx(np.sqrt(((WHO[0] - WHO[1]) ** 2).sum() - 2 * clustering.NOISE / 16))
    )


def test_at_once():
    spans = np.array([[0, 10], [8, 20], [7, 20], [30, 30], [30, 35]], float)
    assert at_once(spans[:, None], spans[None]).tolist() == [
        [True, False, True, False, False],
        [False, True, True, False, False],
        [True, True, True, False, False],
        [False, False, False, True, True],
        [False, False, False, True, True],
    ]


def test_a_tube_that_ended_at_a_sudden_laugh_is_one_track():
    found = persons(
        piece(0, 0, 19, 0), piece(1, 20, 39, 0),  # the same person goes on at once
        piece(2, 40, 59, 1),  # another one takes the place
        piece(3, 70, 89, 1),  # and is seen again after a pause
        piece(4, 90, 99, 1, x=400.0),  # and then elsewhere
    )  # fmt: skip
    assert found.joined == {0: 0, 1: 0, 2: 2, 3: 3, 4: 4}
    assert found.tracks(0) == (0,)
    assert found.tracks(1) == (2, 3, 4)
    assert [own.tracks for own in found.seen("a.mp4")] == [(0,), (2, 3, 4)]
