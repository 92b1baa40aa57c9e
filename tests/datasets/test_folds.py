"""Folds of whole groups: the agreed ones where there are any."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from dataset_trees import TREES
from emonets.datasets import Dataset, Item, open_dataset
from emonets.datasets.folds import folds_of_groups
from emonets.datasets.readers import emodb, ravdess
from emonets.errors import DataError
from emonets.learners.folds import Fold, shuffled_folds


def positions(folds: list[Fold]) -> list[list[int]]:
    return [test.tolist() for _, test in folds]


def check(folds: list[Fold], groups: np.ndarray) -> None:
    """Every clip is tested once, by folds that share no group with it."""
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(groups)))
    for train, test in folds:
        assert len(train) + len(test) == len(groups)
        assert not set(groups[train]) & set(groups[test])


def test_one_group_at_a_time() -> None:
    groups = np.array(["b", "a", "b", "c"])
    folds, text = folds_of_groups(groups)
    assert text == "leave one of 3 groups out"
    assert positions(folds) == [[1], [0, 2], [3]]
    check(folds, groups)


def test_ten_folds_at_most() -> None:
    groups = np.array([f"{k:02}" for k in range(13)] * 2)
    folds, text = folds_of_groups(groups)
    assert text == "10 folds of whole groups"
    check(folds, groups)
    dealt = shuffled_folds(26, 10, np.random.RandomState(0), groups)
    assert positions(folds) == positions(dealt)
    other, _ = folds_of_groups(groups, seed=1)
    assert positions(other) != positions(folds)


def test_as_many_as_given() -> None:
    groups = np.array(list("aabbccdd"))
    folds, text = folds_of_groups(groups, count=2)
    assert (len(folds), text) == (2, "2 folds of whole groups")
    check(folds, groups)
    folds, text = folds_of_groups(groups, dict.fromkeys("abcd", 0), count=4)
    assert text == "leave one of 4 groups out, not the agreed ones"
    check(folds, groups)


@pytest.mark.parametrize(("groups", "count"), [("aa", None), ("ab", 3), ("abc", 1), ("", None)])
def test_too_few_groups(groups: str, count: int | None) -> None:
    with pytest.raises(DataError, match=r"mine: \d (groups?|folds) cannot be (divided|made)"):
        folds_of_groups(np.array(list(groups), np.str_), count=count, name="mine")


def test_agreed_folds() -> None:
    groups = np.array(list("abcabd"))
    folds, text = folds_of_groups(groups, {"a": 3, "b": 1, "c": 3, "d": 1, "not here": 0})
    assert text == "the 2 agreed folds of whole groups"
    assert positions(folds) == [[1, 4, 5], [0, 2, 3]]
    check(folds, groups)


def test_agreed_folds_that_leave_one_group_are_replaced() -> None:
    groups = np.array(list("abcab"))
    folds, text = folds_of_groups(groups, {"a": 3, "b": 1, "c": 3})
    assert text == "leave one of 3 groups out, not the agreed ones"
    check(folds, groups)
    folds, text = folds_of_groups(groups, dict.fromkeys("abc", 4))
    assert text == "leave one of 3 groups out, not the agreed ones"
    check(folds, groups)


def test_agreed_folds_that_do_not_fit() -> None:
    groups = np.array(list("abcdefghi"))
    with pytest.raises(DataError) as error:
        folds_of_groups(groups, {"a": 0, "b": 1}, name="mine")
    assert str(error.value) == (
        "mine: the agreed folds do not fit the data: no fold is agreed for group c, d, e, f, g and "
        "2 more; leave these groups out, or give a number of folds"
    )


def test_of_a_dataset(tmp_path: Path) -> None:
    data = open_dataset(TREES["ravdess, speech"].make(tmp_path))
    folds, text = data.folds_for()
    assert text == "the 2 agreed folds of whole groups"
    check(folds, data.groups)
    rows = [0, 5, 9, 15]
    few, _ = data.folds_for(rows)
    assert positions(few) == [[9, 15], [0, 5]]
    assert few[0][0].tolist() == [0, 5]
    assert data.folds_for(count=2)[1] == "leave one of 2 groups out, not the agreed ones"
    with pytest.raises(DataError, match=r"ravdess_speech: .*no fold is agreed for group 12"):
        replace(data, folds={"01": 4}).folds_for()


def test_ravdess_folds_are_the_agreed_ones() -> None:
    parts = [{int(a) for a, k in ravdess.FOLDS.items() if k == fold} for fold in range(5)]
    assert parts == [
        {2, 5, 14, 15, 16}, {3, 6, 7, 13, 18}, {10, 11, 12, 19, 20}, {8, 17, 21, 23, 24},
        {1, 4, 9, 22},
    ]  # fmt: skip
    items = tuple(Item.of(Path(f"{a}.wav"), 0, a, "calm") for a in ravdess.FOLDS)
    folds, text = Dataset(emodb.INFO, "x", Path(), items, folds=ravdess.FOLDS).folds_for()
    assert text == "the 5 agreed folds of whole groups"
    assert [len(test) for _, test in folds] == [5, 5, 5, 5, 4]
