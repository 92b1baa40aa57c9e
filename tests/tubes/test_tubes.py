"""Face tubes: ids, gaps, cuts, crops and memory of the streaming builder."""

from __future__ import annotations

from dataclasses import dataclass

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.errors import DataError, EmoNetsError, ParameterError
from emonets.tubes.builder import TubeBuilder
from emonets.tubes.neighbourhood import content_box, cut_crop, neighbourhood
from emonets.tubes.tube import FaceTube, TubeOptions


@dataclass(frozen=True)
class Picture:
    index: int
    time: float
    image: np.ndarray


@dataclass(frozen=True)
class Boxes:
    boxes: np.ndarray
    scores: np.ndarray
    points: None = None


def seen(*boxes, scores=None):
    values = np.array(boxes, dtype=np.float32).reshape(-1, 4)
    return Boxes(values, np.full(len(values), 0.9) if scores is None else np.asarray(scores))


def face_picture(seed, side=60):
    """A smooth, coloured patch, as unlike others as faces under different light are."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)


def background(width=320, height=240, seed=99):
    rng = np.random.default_rng(seed)
    small = rng.integers(90, 150, (12, 16, 3)).astype(np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def scene(places, side=60, seed=99, width=320, height=240):
    """A frame with patch k of that size at places[k] = (x, y) or None; later ones in front."""
    image = background(width, height, seed)
    for k, place in enumerate(places):
        if place is not None:
            x, y = (round(v) for v in place)
            image[y : y + side, x : x + side] = face_picture(k, side)
    return image


def box_at(place, side=60):
    return (place[0], place[1], place[0] + side, place[1] + side)


def run(builder, items):
    tubes = []
    for frame, detections in items:
        tubes += builder.add(frame, detections)
    return tubes + builder.finish()


def frames_of(tubes):
    """Track → all its frame numbers, pieces joined."""
    out: dict[int, list[int]] = {}
    for tube in tubes:
        out.setdefault(tube.track, []).extend(tube.index.tolist())
    return out


def test_a_steady_face_is_one_tube():
    place = (100, 80)
    image = scene([place])
    items = [(Picture(i, i / 25, image), seen(box_at(place))) for i in range(12)]
    (tube,) = run(TubeBuilder(), items)
    assert isinstance(tube, FaceTube)
    assert tube.track == 0
    assert len(tube) == 12
    assert tube.index.tolist() == list(range(12))
    assert tube.detected.all()
    assert tube.crops.shape == (12, 96, 96, 3)
    assert tube.crops.dtype == np.uint8
    np.testing.assert_allclose(tube.times, np.arange(12) / 25)
    np.testing.assert_allclose(tube.boxes, np.tile(box_at(place), (12, 1)), atol=1e-6)
    np.testing.assert_allclose(tube.raw_boxes, tube.boxes, atol=1e-6)
    expected = cv2.resize(face_picture(0), (96, 96), interpolation=cv2.INTER_LINEAR)
    difference = np.abs(tube.crops[5].astype(float) - expected)
    assert difference[4:-4, 4:-4].mean() < 1.5


def test_a_single_image_gives_a_tube():
    image = scene([(100, 80)])
    (tube,) = run(TubeBuilder(), [(Picture(0, 0.0, image), seen(box_at((100, 80))))])
    assert len(tube) == 1
    assert tube.crops.shape == (1, 96, 96, 3)


def test_fleeting_detections_are_dropped_and_leave_no_hole_in_the_numbers():
    image = scene([(20, 20), (200, 100)])
    items = []
    for i in range(10):
        boxes = [box_at((200, 100))] if i >= 2 else []
        if i in (0, 1):
            boxes.append(box_at((20, 20)))
        items.append((Picture(i, i / 25, image), seen(*boxes)))
    tubes = run(TubeBuilder(max_gap=0.1), items)
    assert frames_of(tubes) == {0: list(range(2, 10))}
    tubes = run(TubeBuilder(max_gap=0.1, min_frames=1), items)
    assert frames_of(tubes) == {0: [0, 1], 1: list(range(2, 10))}


def test_missed_frames_are_searched_by_colour():
    items, places = [], [(100 + 2 * i, 80) for i in range(12)]
    for i, place in enumerate(places):
        found = seen() if i in (4, 5, 6) else seen(box_at(place))
        items.append((Picture(i, i / 25, scene([place])), found))
    (tube,) = run(TubeBuilder(), items)
    assert tube.index.tolist() == list(range(12))
    assert tube.detected.tolist() == [i not in (4, 5, 6) for i in range(12)]
    expected = np.array([box_at(p) for p in places])
    assert np.abs(tube.raw_boxes - expected).max() < 3.0
    assert np.all((tube.scores > 0.89) & (tube.scores < 0.91))


def test_frames_where_the_face_is_hidden_are_left_out():
    items = []
    for i in range(12):
        hidden = i in (5, 6)
        image = scene([None if hidden else (100, 80)])
        items.append((Picture(i, i / 25, image), seen() if hidden else seen(box_at((100, 80)))))
    (tube,) = run(TubeBuilder(), items)
    assert tube.index.tolist() == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11]
    assert tube.detected.all()


def test_frames_without_detector_are_interpolated():
    items, places = [], [(60 + 3 * i, 60 + i) for i in range(21)]
    for i, place in enumerate(places):
        found = seen(box_at(place), scores=[i / 20]) if i % 5 == 0 else None
        items.append((Picture(i, i / 25, scene([place])), found))
    (tube,) = run(TubeBuilder(), items)
    assert tube.index.tolist() == list(range(21))
    assert tube.detected.tolist() == [i % 5 == 0 for i in range(21)]
    np.testing.assert_allclose(tube.raw_boxes, [box_at(p) for p in places], atol=1e-4)
    np.testing.assert_allclose(tube.scores, np.arange(21) / 20, atol=1e-9)


def test_interpolation_follows_the_clock_not_the_count():
    place, image = (100.0, 80.0), scene([(100, 80)])
    times = [0.0, 0.1, 0.4]
    boxes = [seen(box_at(place)), None, seen(box_at((108.0, 80.0)))]
    items = [(Picture(i, times[i], image), boxes[i]) for i in range(3)]
    (tube,) = run(TubeBuilder(), items)
    assert tube.raw_boxes[1, 0] == pytest.approx(102.0)


def test_frames_without_detector_at_both_ends_are_searched():
    image = scene([(100, 80)])
    items = [
        (Picture(i, i / 25, image), seen(box_at((100, 80))) if i in (4, 9) else None)
        for i in range(13)
    ]
    (tube,) = run(TubeBuilder(), items)
    assert tube.index.tolist() == list(range(13))
    assert tube.detected.sum() == 2
    empty = scene([None])
    items[:2] = [(Picture(i, i / 25, empty), None) for i in range(2)]
    (tube,) = run(TubeBuilder(), items)
    assert tube.index.tolist() == list(range(2, 13))


def test_a_tube_ends_when_its_face_is_gone_for_long():
    image, empty = scene([(100, 80)]), scene([None])
    items = []
    for i in range(60):
        there = i < 10 or i >= 40
        found = seen(box_at((100, 80))) if there else seen()
        items.append((Picture(i, i / 25, image if there else empty), found))
    tubes = run(TubeBuilder(), items)
    assert frames_of(tubes) == {0: list(range(10)), 1: list(range(40, 60))}
    tubes = run(TubeBuilder(max_gap=2.0), items)
    assert list(frames_of(tubes)) == [0]


def test_slow_frame_rates_do_not_break_tubes():
    image = scene([(100, 80)])
    items = [(Picture(i, 2.0 * i, image), seen(box_at((100, 80)))) for i in range(6)]
    tubes = run(TubeBuilder(), items)
    assert frames_of(tubes) == {0: list(range(6))}


@pytest.mark.parametrize("both_seen", [True, False])
def test_people_who_cross_keep_their_numbers(both_seen):
    items = []
    for i in range(41):
        a, b = (20 + 5 * i, 80), (220 - 5 * i, 90)
        image = scene([a, b])  # b in front
        boxes = [box_at(b), box_at(a)]
        if not both_seen and abs(a[0] - b[0]) < 40:
            boxes = boxes[:1]
        items.append((Picture(i, i / 25, image), seen(*boxes)))
    tubes = run(TubeBuilder(), items)
    assert set(frames_of(tubes)) == {0, 1}
    ends = {t.track: (t.raw_boxes[0, 0], t.raw_boxes[-1, 0]) for t in tubes}
    assert ends[0] == pytest.approx((220, 20))
    assert ends[1] == pytest.approx((20, 220))


def test_people_who_meet_and_turn_back_keep_their_numbers():
    """Motion alone would swap them; the colours tell."""
    items = []
    for i in range(41):
        step = 5 * min(i, 40 - i)
        a, b = (20 + step, 80), (220 - step, 90)
        boxes = [box_at(b)] if abs(a[0] - b[0]) < 40 else [box_at(b), box_at(a)]
        items.append((Picture(i, i / 25, scene([a, b])), seen(*boxes)))
    tubes = run(TubeBuilder(), items)
    ends = {t.track: (t.raw_boxes[0, 0], t.raw_boxes[-1, 0]) for t in tubes}
    assert ends == {0: (220.0, 220.0), 1: (20.0, 20.0)}


def test_a_tube_never_crosses_a_cut():
    box = box_at((100, 80))
    rng = np.random.default_rng(0)
    other = cv2.resize(rng.integers(0, 255, (9, 16, 3)).astype(np.uint8), (320, 240))
    shots = [scene([(100, 80)])] * 6 + [other] * 6 + [scene([(100, 80)])] * 6
    tubes = run(TubeBuilder(), [(Picture(i, i / 25, im), seen(box)) for i, im in enumerate(shots)])
    assert frames_of(tubes) == {
        0: list(range(6)),
        1: list(range(6, 12)),
        2: list(range(12, 18)),
    }


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("blind", [False, True])
def test_tubes_go_on_after_a_flash(length, blind):
    image, box = scene([(100, 80)]), box_at((100, 80))
    white = np.full_like(image, 255)
    white[:40] = image[:40]
    pictures = [image] * 8 + [white] * length + [image] * 8
    items = [
        (Picture(i, i / 25, im), seen() if blind and im is white else seen(box))
        for i, im in enumerate(pictures)
    ]
    tubes = run(TubeBuilder(min_frames=4), items)
    last = range(8 + length, 16 + length)
    if length <= 3:
        assert frames_of(tubes) == {0: [*range(8), *last]}
    else:
        assert frames_of(tubes)[0] == list(range(8))
        assert list(last) in frames_of(tubes).values()


def test_other_pictures_of_another_size_and_a_step_back_in_time_end_the_shot():
    image, larger = scene([(100, 80)]), face_picture(7, 330)[:240]
    box = box_at((100, 80))
    items = [(Picture(i, i / 25, image if i < 5 else larger), seen(box)) for i in range(10)]
    assert frames_of(run(TubeBuilder(), items)) == {0: list(range(5)), 1: list(range(5, 10))}
    items = [(Picture(i, (i % 5) / 25, image), seen(box)) for i in range(10)]
    assert frames_of(run(TubeBuilder(), items)) == {0: list(range(5)), 1: list(range(5, 10))}


def test_bad_boxes_are_ignored_and_outside_ones_cut():
    image = scene([(100, 80)])
    bad = [
        (np.nan, 0, 50, 50),
        (10, 10, 10, 50),
        (50, 50, 10, 10),
        (np.inf, 0, np.inf, 50),
        (-90, 0, -30, 60),
        (321, 0, 380, 60),
        (0, 240, 60, 300),
    ]
    outside = [(-30, -30, 30, 30), (290, 210, 350, 270), (-1000, -1000, 1320, 1240)]
    items = [(Picture(i, i / 25, image), seen(*bad, *outside)) for i in range(5)]
    tubes = run(TubeBuilder(), items)
    assert sorted(frames_of(tubes)) == [0, 1, 2]
    assert all(len(t) == 5 for t in tubes)
    corner = next(t for t in tubes if t.boxes[0, 0] < 0 and t.boxes[0, 0] > -100)
    # outside the picture its corner pixel goes on
    assert np.abs(corner.crops[0, :44, :44].astype(int) - image[0, 0]).max() <= 3


def test_no_faces_and_tiny_frames():
    image = scene([None])
    assert run(TubeBuilder(), [(Picture(i, i / 25, image), seen()) for i in range(30)]) == []
    assert run(TubeBuilder(), [(Picture(i, i / 25, image), None) for i in range(30)]) == []
    assert TubeBuilder().finish() == []
    dot = np.full((1, 1, 3), 7, np.uint8)
    (tube,) = run(TubeBuilder(), [(Picture(i, i / 25, dot), seen((0, 0, 1, 1))) for i in range(4)])
    assert (tube.crops == 7).all()


def test_hundreds_of_boxes():
    rng = np.random.default_rng(3)
    image = cv2.resize(rng.integers(0, 255, (60, 80, 3)).astype(np.uint8), (640, 480))
    xs, ys = np.meshgrid(np.arange(0, 640, 32), np.arange(0, 480, 32))
    boxes = np.stack([xs, ys, xs + 30, ys + 30], axis=-1).reshape(-1, 4).astype(float)
    items = []
    for i in range(4):
        order = rng.permutation(len(boxes))
        moved = boxes[order] + rng.normal(0, 1, (len(boxes), 4))
        items.append((Picture(i, i / 25, image), seen(*moved)))
    tubes = run(TubeBuilder(), items)
    assert sorted(frames_of(tubes)) == list(range(len(boxes)))
    for tube in tubes:
        assert np.ptp(tube.raw_boxes[:, :2], axis=0).max() < 12


def test_bad_arguments():
    image = scene([None])
    with pytest.raises(ParameterError, match="max_gap"):
        TubeBuilder(max_gap=-1.0)
    with pytest.raises(ParameterError, match="piece"):
        TubeBuilder(piece=0)
    with pytest.raises(ParameterError, match="colour"):
        TubeBuilder(colour=3)
    with pytest.raises(ParameterError, match="either"):
        TubeBuilder(TubeOptions(), piece=3)
    builder = TubeBuilder()
    with pytest.raises(DataError, match="time"):
        builder.add(Picture(0, float("nan"), image), None)
    with pytest.raises(DataError, match="RGB"):
        builder.add(Picture(0, 0.0, image[..., 0]), None)
    with pytest.raises(DataError, match="RGB"):
        builder.add(Picture(0, 0.0, np.zeros((0, 5, 3), np.uint8)), None)
    with pytest.raises(DataError, match="shape"):
        builder.add(Picture(0, 0.0, image), Boxes(np.zeros((2, 3)), np.zeros(2)))
    with pytest.raises(EmoNetsError, match="shape"):
        builder.add(Picture(0, 0.0, image), Boxes(np.zeros((2, 4)), np.zeros(3)))
    assert builder.add(Picture(0, 0.0, image), seen(box_at((100, 80)))) == []
    assert len(builder.finish()) == 1


@settings(max_examples=25, deadline=None)
@given(
    boxes=st.lists(
        st.lists(
            st.tuples(*[st.floats(width=32, allow_nan=True, allow_infinity=True)] * 4), max_size=4
        ),
        min_size=1,
        max_size=6,
    ),
    run_on=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_any_boxes_give_sound_tubes(boxes, run_on):
    image = scene([(100, 80)])
    items = [
        (Picture(i, i / 25, image), seen(*b) if run_on[i] else None) for i, b in enumerate(boxes)
    ]
    tubes = run(TubeBuilder(crop_size=8), items)
    for tube in tubes:
        assert np.isfinite(tube.boxes).all()
        assert np.all(np.diff(tube.index) > 0)
        assert tube.crops.shape == (len(tube), 8, 8, 3)


# -- the whole way on a real clip -----------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(happy):
    with av.open(str(happy)) as container:
        return [
            Picture(i, float(frame.time), frame.to_ndarray(format="rgb24"))
            for i, frame in enumerate(container.decode(video=0))
        ]


def made_up_track(n, seed=0, jitter=2.0):
    """A face box that drifts and jitters, about where the actor's face is."""
    rng = np.random.default_rng(seed)
    centre = np.stack([240 + 15 * np.sin(np.arange(n) / 20), np.full(n, 165.0)], axis=1)
    side = 150.0
    box = np.concatenate([centre - side / 2, centre + side / 2], axis=1)
    return box, box + rng.normal(0, jitter, (n, 4))


def test_real_clip_with_jitter_gaps_and_stride(clip):
    true, boxes = made_up_track(len(clip))
    missed = {20, 21, 22, 50}
    items = [
        (frame, None if i % 3 == 1 else seen() if i in missed else seen(boxes[i]))
        for i, frame in enumerate(clip)
    ]
    tubes = run(TubeBuilder(), items)
    assert set(frames_of(tubes)) == {0}
    (index,) = frames_of(tubes).values()
    assert index == list(range(len(clip)))
    detected = np.concatenate([t.detected for t in tubes])
    assert detected.tolist() == [i % 3 != 1 and i not in missed for i in range(len(clip))]
    raw = np.concatenate([t.raw_boxes for t in tubes])
    # a search answers by colour: it stays near, no more
    assert np.abs((raw - true)[:, :2]).max() < 25
    smooth = np.concatenate([t.boxes for t in tubes])
    inner = slice(12, -12)
    assert np.abs(np.diff(smooth[inner, 0])).max() < np.abs(np.diff(raw[inner, 0])).max() / 3
    np.testing.assert_allclose(smooth[:, 2] - smooth[:, 0], smooth[:, 3] - smooth[:, 1])
    crops = np.concatenate([t.crops for t in tubes])
    for i in range(0, len(clip), 7):
        x1, y1, x2, y2 = np.rint(smooth[i]).astype(int)
        direct = cv2.resize(clip[i].image[y1:y2, x1:x2], (96, 96), interpolation=cv2.INTER_AREA)
        assert np.abs(crops[i].astype(float) - direct).mean() < 2.5


def test_piece_length_changes_neither_ids_nor_frames_nor_positions(clip):
    _, boxes = made_up_track(len(clip))
    items = [(f, seen(boxes[i], box_at((10 + i % 3, 300)))) for i, f in enumerate(clip)]
    whole = run(TubeBuilder(), items)
    parts = run(TubeBuilder(piece=17), items)
    early = run(TubeBuilder(max_kept=600_000), items)
    assert len(whole) == 2
    for pieces in (parts, early):
        assert len(pieces) > 4
        assert frames_of(pieces) == frames_of(whole)
        for track in (0, 1):
            a = np.concatenate([t.boxes for t in whole if t.track == track])
            b = np.concatenate([t.boxes for t in pieces if t.track == track])
            # centres exactly; side lengths are fitted per piece
            np.testing.assert_allclose((a[:, :2] + a[:, 2:]), (b[:, :2] + b[:, 2:]), atol=1e-6)
    assert all(len(t) <= 17 + TubeOptions().context for t in parts)


def test_the_window_of_the_moving_averages(clip):
    _, boxes = made_up_track(len(clip))
    items = [(f, seen(boxes[i])) for i, f in enumerate(clip)]
    shaking = {}
    for window in (1, 11, 21):
        whole = run(TubeBuilder(window=window), items)
        smooth = np.concatenate([t.boxes for t in whole])
        shaking[window] = np.abs(np.diff(smooth[12:-12, :2].sum(axis=1), n=2)).mean()
        pieces = np.concatenate([t.boxes for t in run(TubeBuilder(window=window, piece=17), items)])
        np.testing.assert_allclose(
            smooth[:, :2] + smooth[:, 2:], pieces[:, :2] + pieces[:, 2:], atol=1e-6
        )
    assert shaking[1] > 2 * shaking[11] > 2 * shaking[21]
    with pytest.raises(ParameterError, match="window must be an odd number"):
        TubeOptions(window=4)


def test_memory_does_not_grow_with_length(clip):
    image = clip[0].image
    true, _ = made_up_track(60)
    builder = TubeBuilder(piece=40)
    largest = {0: 0, 1: 0}
    for i in range(800):
        stop = i % 60 in range(20, 30)  # lost again and again
        detections = None if i % 2 else seen() if stop else seen(true[0])
        builder.add(Picture(i, i / 25, image), detections)
        half = i // 400
        largest[half] = max(largest[half], builder.waiting_bytes())
    assert largest[1] <= largest[0]
    # at most half a second of frames, and 50 faces of at most 192 x 192
    assert largest[0] <= 14 * image.nbytes + (50 + 14) * 192 * 192 * 3
    builder.finish()
    assert builder.waiting_bytes() == 0


def test_waiting_frames_are_limited_in_bytes():
    image = scene([(100, 80)])
    builder = TubeBuilder(max_waiting=3 * image.nbytes)
    tubes = builder.add(Picture(0, 0.0, image), seen(box_at((100, 80))))
    for i in range(1, 20):
        tubes += builder.add(Picture(i, i / 25, image), None)
        assert builder.waiting_bytes() <= 4 * image.nbytes
    tubes += builder.add(Picture(20, 20 / 25, image), seen(box_at((100, 80))))
    tubes += builder.finish()
    assert frames_of(tubes) == {0: [0, 17, 18, 19, 20]}


def test_black_bars_are_not_part_of_a_face(clip):
    image = clip[0].image.copy()
    assert content_box(image) == (0, 0, 480, 360)
    image[:60] = 0
    image[-40:] = 0
    assert content_box(image) == (0, 60, 480, 320)
    assert content_box(np.zeros((4, 5, 3), np.uint8)) == (0, 0, 5, 4)
    kept = neighbourhood(image, (150, 20, 290, 160), within=content_box(image))
    crop = cut_crop(kept, (150, 20, 290, 160), 96)
    assert crop[:20].mean() > 20
    np.testing.assert_array_equal(crop[0], crop[20])


@pytest.mark.parametrize("side", [24, 60, 96, 130, 180, 230])
def test_crops_equal_area_means_at_any_scale(clip, side):
    image = clip[10].image
    box = np.array([120, 90, 120 + side, 90 + side], dtype=float)
    crop = cut_crop(neighbourhood(image, box), box, 96)
    how = cv2.INTER_AREA if side > 96 else cv2.INTER_LINEAR
    direct = cv2.resize(image[90 : 90 + side, 120 : 120 + side], (96, 96), interpolation=how)
    inner = (slice(3, -3), slice(3, -3))
    difference = crop[inner].astype(float) - direct[inner]
    assert np.abs(difference).mean() < 2.0
    assert abs(difference.mean()) < 0.3
