"""Tubes end where another person's face begins, and only there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from test_tubes import Picture, background, box_at, face_picture, frames_of, seen

from emonets.media.clip import open_clip
from emonets.tubes.builder import TubeBuilder
from emonets.tubes.detect import load_detector
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.verify import Verifier

CASES = Path(__file__).parent / "cases"
FPS = 25


class ByColour:
    """Takes the mean colour of a face for its embedding: equal for one patch, else far apart."""

    def __init__(self, unsure=()):
        self.calls = 0
        self.unsure = unsure
        """Colours (3,) of faces that are turned away."""

    def embed(self, crop, side):
        self.calls += 1
        colour = crop[20:76, 20:76].mean(axis=(0, 1))
        near = [np.abs(colour - c).max() < 12 for c in self.unsure]
        return np.pad(colour / 20, (0, 125)).astype(np.float32), not any(near)


def colour_of(patch):
    return face_picture(patch, 60)[12:48, 12:48].mean(axis=(0, 1))


def show(frames, **options):
    """Frames as lists of (patch, place, blend): what the builder makes of them."""
    embedder = options.pop("embedder", ByColour())
    builder = TubeBuilder(verifier=Verifier(embedder), **options)
    tubes = []
    for i, faces in enumerate(frames):
        image = background()
        for patch, place, *blend in faces:
            x, y = (round(v) for v in place)
            picture = face_picture(patch)
            if blend:
                other, share = blend
                picture = cv2.addWeighted(picture, 1 - share, face_picture(other), share, 0)
            image[y : y + 60, x : x + 60] = picture
        boxes = [box_at(place) for _, place, *_ in faces]
        tubes += builder.add(Picture(i, i / FPS, image), seen(*boxes))
    return tubes + builder.finish()


HERE = (120, 80)


@pytest.mark.parametrize("change", [5, 24, 25, 26, 40, 60])
def test_a_place_that_is_taken_ends_the_tube_at_that_frame(change):
    tubes = show([[(1 if i < change else 2, HERE)] for i in range(75)])
    assert frames_of(tubes) == {0: list(range(change)), 1: list(range(change, 75))}


def test_nobody_else_keeps_one_tube_and_is_embedded_about_once_a_second():
    embedder = ByColour()
    (tube,) = show([[(1, (120 + 0.3 * i, 80))] for i in range(100)], embedder=embedder)
    assert len(tube) == 100
    assert 3 <= embedder.calls <= 8
    assert len(tube.embedded) == len(tube.embeddings) == len(tube.sure) == embedder.calls


def test_a_place_that_changes_often_ends_a_tube_each_time():
    begins = [0, 9, 21, 30, 41, 66]
    whose = [1, 2, 1, 3, 2, 1]
    frames = [[(whose[sum(b <= i for b in begins) - 1], HERE)] for i in range(80)]
    found = frames_of(show(frames))
    ends = [*begins[1:], 80]
    assert sorted(found.values()) == [list(range(b, e)) for b, e in zip(begins, ends, strict=True)]


def test_cuts_between_turned_faces_end_tubes_without_evidence():
    embedder = ByColour(unsure=[colour_of(k) for k in (1, 2, 3)])
    frames = [[(1 if i < 20 else 2 if i < 24 else 3, HERE)] for i in range(40)]
    found = frames_of(show(frames, embedder=embedder))
    assert list(found.values()) == [list(range(20)), list(range(20, 24)), list(range(24, 40))]
    assert sorted(found) == [0, 1, 2]


def test_a_face_that_fades_into_another_ends_its_tube():
    def at(i):
        return (1, HERE) if i < 30 else (2, HERE) if i >= 38 else (1, HERE, 2, (i - 29) / 9)

    found = sorted(frames_of(show([[at(i)] for i in range(75)])).values())
    assert 29 <= found[0][-1] <= 38
    assert found[-1][0] <= 38
    for between in found[1:-1]:  # a mixture of both
        assert 29 < between[0] <= between[-1] < 38


def test_a_change_while_the_face_was_lost_ends_the_tube():
    frames = [[(1, HERE)] if i < 20 else [(2, HERE)] if i >= 26 else [] for i in range(60)]
    found = frames_of(show(frames))
    for own in found.values():
        assert all(i < 26 for i in own) or all(i >= 20 for i in own)
    assert len(found) == 2


def test_a_face_that_was_lost_and_comes_back_keeps_its_tube():
    frames = [[(1, HERE)] if not 20 <= i < 26 else [] for i in range(60)]
    assert list(frames_of(show(frames))) == [0]


def test_two_who_cross_are_never_in_one_tube():
    frames = []
    for i in range(60):
        x = 20 + 4 * i
        frames.append([(1, (x, 80)), (2, (256 - x, 90))])
    tubes = show(frames)
    for tube in tubes:
        colours = np.array([crop[20:76, 20:76].mean(axis=(0, 1)) for crop in tube.crops])
        own = [
            int(np.linalg.norm(c - colour_of(2)) < np.linalg.norm(c - colour_of(1)))
            for c in colours
        ]
        clear = [k for k, i in enumerate(tube.index) if i > 2 and abs(2 * (20 + 4 * i) - 256) > 90]
        assert len({own[k] for k in clear}) <= 1


def test_a_face_that_is_not_sure_is_no_evidence():
    """A look away: other colours, and the face is turned."""
    embedder = ByColour(unsure=[colour_of(5) * 0.5 + colour_of(1) * 0.5])
    frames = [[(1, HERE, 5, 0.5)] if 30 <= i < 45 else [(1, HERE)] for i in range(80)]
    tubes = show(frames, embedder=embedder)
    assert sorted(i for tube in tubes for i in tube.index) == list(range(80))
    assert len(frames_of(tubes)) <= 3


def test_pieces_do_not_change_where_a_tube_ends():
    frames = [[(1 if i < 47 else 2, HERE)] for i in range(110)]
    whole, parts = (frames_of(show(frames, piece=piece)) for piece in (250, 20))
    early = frames_of(show(frames, max_kept=600_000))
    assert whole == {0: list(range(47)), 1: list(range(47, 110))}
    assert parts == whole
    assert early == whole


def test_a_picture_of_another_size_does_not_end_a_tube():
    builder = TubeBuilder(verifier=Verifier(ByColour()))
    tubes = []
    for i in range(60):
        image = background()
        image[80:140, 120:180] = face_picture(1)
        factor = 0.5 if 20 <= i < 40 else 1.0
        image = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        box = np.array(box_at(HERE)) * factor
        tubes += builder.add(Picture(i, i / FPS, image), seen(box))
    (tube,) = tubes + builder.finish()
    assert tube.index.tolist() == list(range(60))
    for i, box in zip(tube.index, tube.boxes, strict=True):
        factor = 0.5 if 20 <= i < 40 else 1.0
        np.testing.assert_allclose(box, np.array(box_at(HERE)) * factor, atol=0.6)
    middle = tube.crops[:, 30:66, 30:66].reshape(60, -1).astype(float)
    assert np.abs(middle - middle[0]).mean(axis=1).max() < 12


def test_the_place_taken_in_a_video_call():
    tubes = list(find_tubes(open_clip(CASES / "place_taken.mp4"), load_detector()))
    found = frames_of(tubes)
    assert sorted(map(len, found.values())) == [30, 30]
    assert min(found[1]) == 30


def test_the_size_that_a_video_call_changes():
    tubes = list(find_tubes(open_clip(CASES / "size_changes.webm"), load_detector()))
    assert len(frames_of(tubes)) == 1
    sides = [side for tube in tubes for side in np.ptp(tube.boxes[:, ::2], axis=1)]
    assert max(sides) > 1.3 * min(sides)  # in pixels of their own frames
