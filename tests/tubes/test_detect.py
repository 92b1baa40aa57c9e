"""The detectors on real faces of many sizes, and on what is no picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError
from emonets.media.clip import open_clip
from emonets.tubes import detect
from emonets.tubes.boxes import non_maximum
from emonets.tubes.centerface import decode
from emonets.tubes.detect import (
    CenterFace,
    Detections,
    Detector,
    Framing,
    FunctionDetector,
    Haar,
    SensitiveDetector,
    load_detector,
)

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples").glob("*.flv"))
JAVANESE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "javanese_av"


@pytest.fixture(scope="module")
def frames() -> list[NDArray[np.uint8]]:
    return [f.image for f in open_clip(EXAMPLES[0]).frames()][:45]


@pytest.fixture(scope="module")
def full() -> CenterFace:
    """Always at full resolution."""
    return CenterFace(coarse=640, finest=640, threads=1)


def picture(frame: NDArray[np.uint8], *lengths: int) -> NDArray[np.uint8]:
    """A 640 x 480 picture with the actor's face once for each length in pixels."""
    picture = np.full((480, 640, 3), 110, np.uint8)
    left = 10
    for length in lengths:
        scale = length / 148  # length of the face in the clip
        head = frame[30:240, 130:310]
        size = (round(head.shape[1] * scale), round(head.shape[0] * scale))
        head = np.asarray(cv2.resize(head, size, interpolation=cv2.INTER_AREA))
        picture[40 : 40 + size[1], left : left + size[0]] = head
        left += size[0] + 30
    return picture


def overlap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def test_centerface_finds_the_one_face(frames: list[NDArray[np.uint8]], full: CenterFace) -> None:
    found = full.detect(frames[20])
    assert len(found) == 1
    assert found.scores[0] > 0.7
    x1, y1, x2, y2 = found.boxes[0]
    assert x2 - x1 == pytest.approx(y2 - y1, abs=1e-2)
    assert 140 < x2 - x1 < 200
    assert found.points is not None
    left, right, nose, mouth_left, mouth_right = found.points[0]
    assert x1 < left[0] < nose[0] < right[0] < x2
    assert mouth_left[0] < nose[0] < mouth_right[0]
    assert y1 < left[1] < nose[1] < mouth_left[1] < y2
    assert [a.dtype for a in (found.boxes, found.scores, found.points)] == [np.float32] * 3


def test_adapting_agrees_with_full_resolution(
    frames: list[NDArray[np.uint8]], full: CenterFace
) -> None:
    adaptive = CenterFace(threads=1)
    for frame in frames[::3]:
        one, other = adaptive.detect(frame), full.detect(frame)
        assert len(one) == len(other) == 1
        assert overlap(one.boxes[0], other.boxes[0]) > 0.7
        assert np.abs((one.boxes - other.boxes).reshape(2, 2).mean(axis=0)).max() < 6


def test_work_goes_down_for_large_faces_and_up_for_small_ones(
    frames: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = CenterFace(every=4, threads=1)
    sizes: list[int] = []
    run = detector._run
    monkeypatch.setattr(
        detector, "_run", lambda image, size: (sizes.append(size), run(image, size))[1]
    )
    large, both = picture(frames[0], 200), picture(frames[0], 200, 36)
    assert [len(detector.detect(large)) for _ in range(6)] == [1] * 6
    assert sizes == [640, 160, 160, 160, 640, 160]
    counts = [len(detector.detect(both)) for _ in range(5)]
    assert counts[-1] == 2, "a small new face is found within `every` frames"
    assert counts == sorted(counts)
    sizes.clear()
    assert len(detector.detect(both)) == 2
    assert sizes == [640]
    assert len(detector.detect(large)) == 1  # the small one leaves
    sizes.clear()
    detector.detect(large)
    assert sizes[0] == 160


def test_a_lost_face_is_searched_again(
    frames: list[NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector = CenterFace(threads=1)
    run = detector._run
    empty = np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32)
    blind = {160}
    monkeypatch.setattr(
        detector, "_run", lambda image, size: empty if size in blind else run(image, size)
    )
    assert [len(detector.detect(frames[k])) for k in range(4)] == [1] * 4


def test_a_cut_uses_the_finest_size(frames: list[NDArray[np.uint8]]) -> None:
    detector = CenterFace(threads=1)
    for _ in range(3):
        assert len(detector.detect(np.full((480, 640, 3), 5, np.uint8))) == 0
    assert len(detector.detect(picture(frames[0], 36))) == 1


def test_the_same_clip_gives_the_same_detections(frames: list[NDArray[np.uint8]]) -> None:
    detector = CenterFace(every=3, threads=2)
    first = [detector.detect(f) for f in frames[:8]]
    detector.reset()
    again = [detector.detect(f) for f in frames[:8]]
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.boxes, other.boxes)
        assert np.array_equal(one.scores, other.scores)


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3), (33, 31), (270, 361)])
def test_odd_sizes_without_faces(shape: tuple[int, int]) -> None:
    grey = np.full((*shape, 3), 127, np.uint8)
    for detector in (CenterFace(threads=1), Haar()):
        found = detector.detect(grey)
        assert found.boxes.shape == (0, 4)
        assert found.scores.shape == (0,)


def test_views_of_frames_will_do(frames: list[NDArray[np.uint8]]) -> None:
    view = frames[0][:, ::-1]
    for detector in (CenterFace(threads=1), Haar()):
        plain = detector.detect(np.ascontiguousarray(view))
        if isinstance(detector, CenterFace):
            detector.reset()
        assert np.array_equal(detector.detect(view).boxes, plain.boxes)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((10, 10), np.uint8),
        np.zeros((10, 10, 4), np.uint8),
        np.zeros((10, 10, 3)),
        np.zeros((0, 10, 3), np.uint8),
        "picture",
    ],
)
def test_what_is_no_picture(wrong: NDArray[np.uint8], full: CenterFace) -> None:
    for detector in (full, Haar(), FunctionDetector(lambda _: [])):
        with pytest.raises(DataError, match="picture"):
            detector.detect(wrong)


def test_haar_finds_the_face_in_the_same_place(
    frames: list[NDArray[np.uint8]], full: CenterFace
) -> None:
    haar = Haar()
    hits = [haar.detect(f) for f in frames[::9]]
    right = [len(h) == 1 for h in hits]
    assert np.mean(right) >= 0.6
    for hit, frame, ok in zip(hits, frames[::9], right, strict=True):
        if ok:
            assert overlap(hit.boxes[0], full.detect(frame).boxes[0]) > 0.65


def test_second_pass_finds_small_dim_faces_and_no_others(frames: list[NDArray[np.uint8]]) -> None:
    sensitive = SensitiveDetector(threads=2)
    dim = (picture(frames[0], 22) // 5).astype(np.uint8)
    found = sensitive.detect(dim)
    assert len(found) == 1
    assert found.boxes[0][0] < 60
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    assert len(sensitive.detect(noise)) == 0
    image = frames[0]
    square = CenterFace(threads=1).detect(image).boxes
    shirt = square + np.array([0, 200, 0, 200], np.float32)
    wall = square - np.array([150, 0, 150, 0], np.float32)
    answer = sensitive.are_faces(image, np.concatenate([square, shirt, wall]))
    assert answer.tolist() == [True, False, False]
    assert sensitive.are_faces(image, np.zeros((0, 4))).shape == (0,)


@given(
    st.lists(
        st.tuples(*[st.floats(0, 90, width=32)] * 2, *[st.floats(1, 40, width=32)] * 2),
        max_size=12,
    ),
    st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_non_maximum_keeps_the_best_of_each_heap(
    made: list[tuple[float, float, float, float]], seed: int
) -> None:
    corner_and_size = np.array(made, np.float32).reshape(-1, 4)
    boxes = corner_and_size + np.pad(corner_and_size[:, :2], ((0, 0), (2, 0)))
    scores = np.random.default_rng(seed).random(len(boxes)).astype(np.float32)
    keep = non_maximum(boxes, scores, 0.3)
    assert (np.diff(scores[keep]) <= 0).all()
    for n, k in enumerate(keep):
        assert all(overlap(boxes[k], boxes[j]) <= 0.3 + 1e-5 for j in keep[:n])
    for j in set(range(len(boxes))) - set(keep.tolist()):
        better = [k for k in keep if scores[k] >= scores[j]]
        assert any(overlap(boxes[k], boxes[j]) > 0.3 - 1e-5 for k in better)


def test_decode_reads_the_maps() -> None:
    rows, columns = 6, 8
    heat = np.zeros((1, rows, columns), np.float32)
    scale, offset = np.zeros((2, rows, columns), np.float32), np.zeros((2, rows, columns), "f4")
    points = np.zeros((10, rows, columns), np.float32)
    heat[0, 2, 5] = 0.9
    scale[:, 2, 5] = np.log([3.0, 2.0])  # height, width in cells
    offset[:, 2, 5] = [0.25, -0.5]  # y, x
    points[:, 2, 5] = [0.3, 0.2, 0.3, 0.8, 0.5, 0.5, 0.8, 0.3, 0.8, 0.7]  # y, x of five points
    boxes, scores, five = decode(heat, scale, offset, points, 0.5)
    assert boxes[0].tolist() == pytest.approx([16, 5, 24, 17])
    assert scores.tolist() == pytest.approx([0.9])
    assert five[0].ravel() == pytest.approx([17.6, 8.6, 22.4, 8.6, 20, 11, 18.4, 14.6, 21.6, 14.6])
    assert decode(heat, scale, offset, points, 0.95)[2].shape == (0, 5, 2)


def test_framing() -> None:
    squares = Framing(1.5, dx=0.1, dy=-0.2).apply([[10, 20, 30, 60]])
    assert squares.tolist() == [[-4.0, -2.0, 56.0, 58.0]]
    assert Framing(1.0).apply(np.zeros((0, 4))).shape == (0, 4)


def test_load_detector() -> None:
    assert load_detector().name == load_detector("centerface").name == "centerface"
    assert load_detector("haar").name == "haar"
    for known in (load_detector(), load_detector("haar"), load_detector(lambda _: [])):
        assert isinstance(known, Detector)
    own = Haar()
    assert load_detector(own) is own
    with pytest.raises(ParameterError, match="centerface, haar"):
        load_detector("retina")
    with pytest.raises(ParameterError, match="name"):
        load_detector(3)  # type: ignore[arg-type]


def test_auto_without_onnxruntime(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Detector:
        raise ImportError("no onnxruntime")

    monkeypatch.setattr(detect, "CenterFace", fail)
    assert load_detector("auto").name == "haar"


def test_function_detector() -> None:
    image = np.zeros((90, 90, 3), np.uint8)
    assert len(FunctionDetector(lambda _: []).detect(image)) == 0
    found = FunctionDetector(lambda _: [[10, 10, 30, 30, 0.7]], framing=Framing(1.0)).detect(image)
    assert found.boxes.tolist() == [[10, 10, 30, 30]]
    assert found.scores.tolist() == pytest.approx([0.7])
    given_back = Detections(np.zeros((1, 4), np.float32), np.ones(1, np.float32))
    assert FunctionDetector(lambda _: given_back).detect(image) is given_back
    for wrong in ([[1, 2, 3]], [[1, 2, np.nan, 4]], [[40, 40, 20, 20]]):
        with pytest.raises(DataError, match="detector"):
            FunctionDetector(lambda _, w=wrong: w).detect(image)
    with pytest.raises(ParameterError, match="function"):
        FunctionDetector(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "make",
    [
        lambda: CenterFace(threshold=0.0),
        lambda: CenterFace(coarse=500, finest=400),
        lambda: CenterFace(every=0),
        lambda: Haar(neighbours=0),
        lambda: SensitiveDetector(threshold=2.0),
    ],
)
def test_parameters_out_of_range(make: object) -> None:
    with pytest.raises(ParameterError, match="got"):
        make()  # type: ignore[operator]


@pytest.mark.skipif(not JAVANESE.exists(), reason="the shared clips are not here")
def test_faces_of_other_people(full: CenterFace) -> None:
    """One face in a frame of each actor."""
    counts = []
    for actor in range(1, 9):
        for path in sorted(JAVANESE.glob(f"{actor:02d}-01-0*_01.mp4"))[:1]:
            frame = next(f.image for f in open_clip(path).frames() if f.time > 1.0)
            counts.append(len(full.detect(frame)))
    assert counts
    assert counts == [1] * len(counts)
