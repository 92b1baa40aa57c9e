"""The activity specialist: motion words of clips, predictions, bad clips, and what is kept."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.word_histogram import WordHistogram
from emonets.media.clip import Frame, open_clip
from emonets.specialists.activity import MotionFilters, Projection
from emonets.specialists.activity.specialist import (
    ActivitySpecialist,
    Features,
    MotionCode,
    search_penalty,
)
from emonets.tubes.tube import FaceTube

WORDS = 12


@cache
def code(basis: bool = False) -> MotionCode:
    """Random filters, and words of clips like those of the tests."""
    random = np.random.default_rng(0)
    width = 30 if basis else 256
    written = np.linalg.qr(random.normal(size=(256, width)))[0] if basis else None
    filters = MotionFilters.join(
        np.zeros(10 * width), random.normal(size=(8, 10 * width)) / 8, random.normal(size=(5, 8)),
        8.0, written,
    )  # fmt: skip
    projection = Projection(
        np.full(40, 0.6, np.float32), random.normal(size=(4, 40)).astype(np.float32)
    )
    cut = [clip(kind, 14, seed, 20) for kind in range(3) for seed in range(60)]
    descriptors = projection(filters.describe(np.stack(cut)))
    return MotionCode(filters, projection, WordHistogram(WORDS, random_state=0).fit(descriptors))


def clip(kind: int, n: int = 30, seed: int = 0, size: int = 40) -> np.ndarray:
    """Stripes that stand still, flicker or drift, by kind."""
    random = np.random.default_rng([kind, seed])
    line = random.integers(0, 256, size=size + n).repeat(4)[: size + n]
    big = np.repeat(line[None], size, axis=0).astype(np.uint8)
    if kind == 0:
        return np.repeat(big[None, :, :size], n, axis=0)
    if kind == 1:
        return random.integers(0, 256, size=(n, size, size)).astype(np.uint8)
    return np.stack([big[:, t : t + size] for t in range(n)])


def features_of(specialist: ActivitySpecialist, pictures: np.ndarray) -> Features:
    reader = specialist.open()
    for t, image in enumerate(pictures):
        reader.push_frame(Frame(t, 1 + t / 25, np.repeat(image[..., None], 3, axis=2)))
    return reader.finish()


def tube(pictures: np.ndarray, track: int = 0, first: int = 0) -> FaceTube:
    n = len(pictures)
    zeros = np.zeros((n, 4))
    return FaceTube(
        track, np.arange(first, first + n), np.arange(first, first + n) / 25, zeros, zeros,
        np.ones(n, np.bool_), np.ones(n), np.repeat(pictures[..., None], 3, axis=3),
    )  # fmt: skip


def trained(**changes: object) -> tuple[ActivitySpecialist, list[Features], np.ndarray]:
    specialist = ActivitySpecialist(code(), **changes)  # type: ignore[arg-type]
    y = np.tile([0, 3, 6], 10)
    features = [features_of(specialist, clip(int(k) // 3, seed=i)) for i, k in enumerate(y)]
    specialist.fit(features, y, groups=np.repeat(np.arange(5), 6), C=10.0)
    return specialist, features, y


@pytest.fixture(scope="module")
def fitted() -> tuple[ActivitySpecialist, list[Features], np.ndarray]:
    return trained()


def test_learns_from_motion_and_leaves_absent_classes_at_zero(
    fitted: tuple[ActivitySpecialist, list[Features], np.ndarray],
) -> None:
    specialist, _, _ = fitted
    new = [features_of(specialist, clip(k, seed=100 + i)) for i in range(5) for k in range(3)]
    p = specialist.predict_proba(new)
    assert p.shape == (15, 7)
    assert (p.argmax(axis=1) == np.tile([0, 3, 6], 5)).mean() > 0.7
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p[:, [1, 2, 4, 5]] == 0).all()
    assert specialist.known_classes == (0, 3, 6)
    assert ActivitySpecialist(specialist.code).known_classes == tuple(range(7))
    np.testing.assert_allclose(specialist.predict_proba(new[0])[0], p[0], rtol=1e-9)


def test_features_and_spans(
    fitted: tuple[ActivitySpecialist, list[Features], np.ndarray],
) -> None:
    specialist, features, _ = fitted
    one = features[2]
    # 30 frames: super blocks begin at 0, 7, 14; 3 x 3 of them
    assert len(one["words"]) == len(one["weight"]) == len(one["time"]) == 27
    assert np.unique(one["time"]) == pytest.approx([1 + 6.5 / 25, 1 + 13.5 / 25, 1 + 20.5 / 25])
    assert one["span"] == pytest.approx([1, 1 + 30 / 25])
    assert one["found"]
    assert one["weight"].min() >= 0
    spans = [(1.0, 1.4), (1.4, 3.0), (1.0, 3.0), (9.0, 10.0)]
    p = specialist.predict_spans(one, spans)
    np.testing.assert_allclose(p[2], specialist.predict_proba(one)[0])
    assert not np.allclose(p[0], p[1])
    assert (p[3] == 1 / 7).all()
    halves = specialist.histogram(one, spans[0]) + 2 * specialist.histogram(one, spans[1])
    np.testing.assert_allclose(halves / 3, specialist.histogram(one))


def test_weighted_histograms() -> None:
    features: Features = {
        "words": np.array([0, 2, 2]), "weight": np.array([0.5, 0.25, 0.25]),
        "time": np.arange(3.0), "span": np.array([0.0, 3.0]), "found": np.array(True),
    }  # fmt: skip
    plain, weighted = (ActivitySpecialist(code(), weighted=w) for w in (False, True))
    np.testing.assert_allclose(plain.histogram(features)[:4], np.array([1, 0, 2, 0]) / 3)
    np.testing.assert_allclose(weighted.histogram(features)[:4], [0.5, 0, 0.5, 0])
    still = {**features, "weight": np.zeros(3)}
    np.testing.assert_allclose(weighted.histogram(still), plain.histogram(features))


@pytest.mark.parametrize(
    "pictures",
    [clip(1, 13), clip(1, size=19), np.zeros((30, 40, 40), np.uint8),
     np.full((30, 40, 40), 77, np.uint8), clip(1, 0)],
    ids=["short", "small", "black", "constant", "empty"],
)  # fmt: skip
def test_clips_without_motion(
    fitted: tuple[ActivitySpecialist, list[Features], np.ndarray], pictures: np.ndarray
) -> None:
    specialist, features, y = fitted
    nothing = features_of(specialist, pictures)
    assert not nothing["found"]
    assert (specialist.predict_proba(nothing) == 1 / 7).all()
    assert (specialist.predict_spans(nothing, [(0.0, 1.0)]) == 1 / 7).all()
    assert (specialist.predict_proba([features[0], nothing])[1] == 1 / 7).all()
    with pytest.raises(DataError, match="clip 30"):
        ActivitySpecialist(code()).fit([*features, nothing], np.append(y, 0))


def test_frames_in_pieces_or_by_extract_are_one(happy: Path) -> None:
    specialist = ActivitySpecialist(code(), longest=120)
    whole = specialist.extract(open_clip(happy))
    reader = specialist.open()
    for frame in open_clip(happy).frames():
        reader.push_frame(frame)
    pushed = reader.finish()
    assert whole["found"]
    for name, array in whole.items():
        np.testing.assert_array_equal(array, pushed[name])


def test_tubes_in_pieces_beside_each_other() -> None:
    specialist = ActivitySpecialist(code(), on="tubes")
    a, b = clip(2, 40), clip(1, 40, seed=1)

    def read(*tubes: FaceTube) -> Features:
        reader = specialist.open()
        for part in tubes:
            reader.push_tube(part)
        return reader.finish()

    apart = [read(tube(a)), read(tube(b, 1))]
    pieces = [tube(a[:25]), tube(b[:25], 1), tube(a[25:], 0, 25), tube(b[25:], 1, 25)]
    together = read(*pieces)
    assert len(together["words"]) == 2 * len(apart[0]["words"])
    for k in range(WORDS):
        count = sum(int((one["words"] == k).sum()) for one in apart)
        assert (together["words"] == k).sum() == count
    # a frame is missing: the tube goes on, its motion does not
    gap = read(tube(a[:20]), tube(a[21:], 0, 21))
    assert np.unique(gap["time"]) == pytest.approx([6.5 / 25, 27.5 / 25])


def test_tubes_of_a_clip(happy: Path) -> None:
    specialist = ActivitySpecialist(code(), on="tubes")
    features = specialist.extract(open_clip(happy))
    assert features["found"]
    assert len(features["words"]) % 64 == 0  # 8 x 8 super blocks of a tube of 96 pixels


def test_round_trip_and_damage(
    fitted: tuple[ActivitySpecialist, list[Features], np.ndarray],
) -> None:
    specialist, features, _ = fitted
    settings, parts = specialist.to_arrays()
    again = ActivitySpecialist.from_arrays(settings, parts)
    np.testing.assert_array_equal(again.predict_proba(features), specialist.predict_proba(features))
    assert again.decision == specialist.decision
    new = features_of(again, clip(2, seed=7))
    np.testing.assert_array_equal(new["words"], features_of(specialist, clip(2, seed=7))["words"])
    for part, arrays in parts.items():
        for name in arrays:
            broken = {**parts, part: {k: v for k, v in arrays.items() if k != name}}
            with pytest.raises(BundleError):
                ActivitySpecialist.from_arrays(settings, broken)
    with pytest.raises(BundleError, match="incomplete"):
        ActivitySpecialist.from_arrays({"on": "frames"}, parts)
    with pytest.raises(BundleError, match="incomplete"):
        ActivitySpecialist.from_arrays({**settings, "on": "hands"}, parts)
    small = {"words": parts["activity_words"]["words"][:4]}
    with pytest.raises(BundleError, match="words"):
        ActivitySpecialist.from_arrays(settings, {**parts, "activity_words": small})
    with_basis = ActivitySpecialist(code(basis=True), on="tubes", longest=200, weighted=True)
    settings, parts = with_basis.to_arrays()
    again = ActivitySpecialist.from_arrays(settings, parts)
    assert (again.on, again.longest, again.weighted, again.svm) == ("tubes", 200, True, None)
    assert again.code.filters.basis is not None


def test_says_what_it_lacks(
    fitted: tuple[ActivitySpecialist, list[Features], np.ndarray],
) -> None:
    _, features, y = fitted
    with pytest.raises(ParameterError, match="tubes"):
        ActivitySpecialist(code(), on="hands")
    with pytest.raises(DataError, match="fit it first"):
        ActivitySpecialist(code()).predict_proba(features)
    with pytest.raises(DataError, match="labels"):
        ActivitySpecialist(code()).fit(features, y[:3])
    assert "face tubes, weighted" in ActivitySpecialist(code(), on="tubes", weighted=True).decision


def test_searches_for_the_penalty() -> None:
    random = np.random.default_rng(0)
    y = np.arange(36) % 3
    bins = random.poisson(3 * np.eye(3, 12)[y] + 1).astype(float)
    X = bins / bins.sum(axis=1, keepdims=True)
    groups = np.arange(36) // 12
    C, right = search_penalty(X, y, groups, grid=(1.0, 100.0))
    assert 0.3 < C < 400
    assert 0.5 < right <= 1
    assert search_penalty(X, y, groups, grid=(1.0, 100.0)) == (C, right)
