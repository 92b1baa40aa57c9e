"""Bags of words: nearest words, histograms, weights, empty clips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.word_histogram import WordHistogram, histogram

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def near_centres(n: int = 60, seed: int = 0) -> Any:
    random = np.random.default_rng(seed)
    return CENTRES[np.arange(n) % 3] + random.normal(size=(n, 2))


@pytest.mark.parametrize("algorithm", ["full", "minibatch"])
def test_finds_the_words(algorithm: str) -> None:
    made = WordHistogram(3, algorithm=algorithm, random_state=0).fit(near_centres(600))
    found = made.words_[np.argsort(made.words_ @ (1, 2))]
    np.testing.assert_allclose(found, CENTRES, atol=0.4)
    assert made.inertia_ == pytest.approx(2, rel=0.2)


def test_histograms_by_hand() -> None:
    made = WordHistogram.from_arrays({"words": CENTRES})
    clips = [near_centres(6)[[0, 1, 3, 4, 5]], near_centres(3)[:1], np.empty((0, 2))]
    np.testing.assert_allclose(made.transform(clips), [[0.4, 0.4, 0.2], [1, 0, 0], [0, 0, 0]])
    weights = [[1, 0, 0, 0, 3], [2], []]
    np.testing.assert_allclose(
        made.transform(clips, weights=weights), [[0.25, 0, 0.75], [1, 0, 0], [0, 0, 0]]
    )
    assert made.transform([]).shape == (0, 3)
    # a table is clips of one descriptor
    np.testing.assert_array_equal(made.transform(near_centres(3)), np.eye(3))


def test_nearest_is_exhaustive_search_whatever_the_batch() -> None:
    random = np.random.default_rng(0)
    words, x = random.normal(size=(50, 8)), random.normal(size=(3000, 8))
    made = WordHistogram.from_arrays({"words": words})
    distance = ((x[:, None] - words) ** 2).sum(axis=2)
    np.testing.assert_array_equal(made.nearest(x), distance.argmin(axis=1))
    np.testing.assert_array_equal(made.nearest(x[1500:1501]), made.nearest(x)[1500:1501])


def test_learns_from_clips_as_from_their_descriptors() -> None:
    x = near_centres(90)
    whole = WordHistogram(3, random_state=0).fit(x)
    parts = WordHistogram(3, random_state=0).fit([x[:1], x[1:50], x[50:]])
    np.testing.assert_array_equal(parts.words_, whole.words_)
    some = WordHistogram(3, max_rows=30, random_state=0).fit(x)
    np.testing.assert_array_equal(
        some.words_, WordHistogram(3, max_rows=30, random_state=0).fit(x).words_
    )
    assert len(WordHistogram(500).fit(x).words_) == 90


def test_wrong_input_is_named() -> None:
    with pytest.raises(DataError, match="widths"):
        WordHistogram(2).fit([np.ones((3, 2)), np.ones((3, 4))])
    made = WordHistogram.from_arrays({"words": CENTRES})
    with pytest.raises(DataError, match="descriptors"):
        made.transform([np.ones((3, 4))])
    with pytest.raises(DataError, match="weights of 1"):
        made.transform([np.ones((3, 2))] * 2, weights=[[1, 1, 1]])
    for words, weights in (([3], None), ([-1], None), ([0.5], None), ([[0]], None),
                           ([0], [-1]), ([0], [np.nan]), ([0, 1], [1])):  # fmt: skip
        with pytest.raises(DataError):
            histogram(words, 3, weights)


@pytest.mark.parametrize(
    "wrong", [{"n_words": 0}, {"algorithm": "fast"}, {"max_iter": 0}, {"max_rows": 0}]
)
def test_parameters_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        WordHistogram(**wrong).fit(near_centres())


def test_round_trip_and_damage() -> None:
    made = WordHistogram(3, random_state=0).fit(near_centres())
    again = WordHistogram.from_arrays(made.to_arrays())
    np.testing.assert_array_equal(again.transform(near_centres()), made.transform(near_centres()))
    with pytest.raises(BundleError, match="words"):
        WordHistogram.from_arrays({})


@pytest.mark.parametrize("algorithm", ["full", "minibatch"])
def test_scikit_learns_contract(algorithm: str) -> None:
    check_estimator(WordHistogram(4, algorithm=algorithm))
