"""Divisions of small and odd data: each trains, or is refused before a clip is read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from command_line import Run, runner
from dataset_trees import sound, text
from emonets.datasets import Dataset, Item
from emonets.datasets.readers import emodb, manifest, ravdess
from emonets.errors import DataError
from emonets.training.division import check_division, division, planned


def data(
    *groups: str, labels: Sequence[int] = (0, 3), splits: Sequence[str] = (), corpus: bool = False
) -> Dataset:
    """A clip of each label for each group; ``splits``: of the groups."""
    items = [
        Item.of(Path(f"{group}-{label}.wav"), label, group, "word", split)
        for group, split in zip(groups, splits or [""] * len(groups), strict=True)
        for label in labels
    ]
    info = ravdess.INFO if corpus else manifest.INFO
    folds = ravdess.FOLDS if corpus else None
    return Dataset(info, "mine", Path("mine"), tuple(items), folds=folds)


ONE = "the clips are of 1 group; to train on them and score them, clips of 3 or more are needed"
TWO = "the clips are of 2 groups; .*or train one specialist with --no-score"


@pytest.mark.parametrize(
    ("groups", "says"),
    [
        ("a", ONE),
        ("ab", TWO),
        ("abc", ""),
        (["01"], ONE),
        (["01", "04"], TWO),  # in one agreed fold
        (["01", "02"], TWO),  # in two
        (["01", "02", "04"], ""),
        (["01", "04", "09"], ""),
        (["01", "02", "03", "04"], ""),
    ],
)
def test_few_groups(groups: Sequence[str], says: str) -> None:
    few = data(*groups, corpus=len(groups[0]) == 2)
    if says:
        with pytest.raises(DataError, match=says):
            check_division([few], official=True)
    else:
        check_division([few], official=True, several=True)
        for train, test in division(planned([few]), official=True)[0]:
            assert len({few.items[i].group for i in train}) > 1
            assert not {few.items[i].group for i in train} & {few.items[i].group for i in test}
    if len(groups) > 1:
        check_division([few], score=False)


@pytest.mark.parametrize(
    ("count", "says"),
    [
        (0, "0 folds cannot be made; the number must be 2 or more"),
        (1, "1 folds cannot be made; the number must be 2 or more"),
        (-3, "-3 folds cannot be made"),
        (4, "3 groups cannot be divided into 4 folds; .*or fewer folds"),
        (50, "3 groups cannot be divided into 50 folds"),
        (3, ""),
        ("each", ""),
    ],
)
def test_numbers_of_folds(count: int | str, says: str) -> None:
    for few in (data(*"abc"), data("01", "02", "03", corpus=True)):
        if says:
            with pytest.raises(DataError, match=says):
                check_division([few], count)
        else:
            check_division([few], count)


def test_emotions() -> None:
    with pytest.raises(DataError, match="the data have no other emotion than angry"):
        check_division([data(*"abc", labels=[0])])
    apart = replace(data(), items=tuple(
        Item.of(Path(f"{g}.wav"), label, g, "w") for g, label in zip("abc", (0, 1, 2), strict=True)
    ))  # fmt: skip
    with pytest.raises(DataError, match="each group has clips of one emotion only"):
        check_division([apart])
    # a class that is missing, or that one group alone has, is no obstacle
    odd = replace(apart, items=(*data(*"abc").items, *apart.items[1:2]))
    check_division([odd])


def test_parts() -> None:
    parts = data(*"abcd", splits=["train", "train", "valid", "test"])
    check_division([parts], official=True)
    with pytest.raises(DataError, match="are of group 'c', and a fusion needs clips of 2"):
        check_division([parts], official=True, several=True)
    with pytest.raises(DataError, match="are of 1 group; to train on them, clips of 2 or more"):
        check_division([data(*"abc", splits=["train", "valid", "test"])], official=True)
    with pytest.raises(DataError, match="all clips are of the test part"):
        check_division([data(*"abc", splits=["test"] * 3)], official=True)


def test_more_data_to_train_on() -> None:
    first, more = data(*"abc"), replace(data("x", "y"), info=emodb.INFO)
    check_division([first, more], 3)
    with pytest.raises(DataError, match="1 group cannot be divided"):
        check_division([data("a"), more])


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.mark.parametrize("dry", [True, False])
def test_refused_at_once_and_nothing_is_written(run: Run, tmp_path: Path, dry: bool) -> None:
    for name in ("a", "b", "c", "d"):
        sound(tmp_path / "in" / f"{name}.wav")
    one = text(tmp_path / "in/one.csv", "path,label,group", "a.wav,sad,s1", "b.wav,joy,s1")
    many = text(
        tmp_path / "in/many.csv", "path,label,group", "a.wav,sad,s1", "b.wav,joy,s1",
        "c.wav,sad,s2", "d.wav,joy,s3",
    )  # fmt: skip
    more = ["--dry-run"] if dry else []
    out = ["--out", tmp_path / "far/away/b", "--report", tmp_path / "scores"]
    for words, says in (
        ([one], "the clips are of 1 group"),
        ([many, "--folds", 1], "1 folds cannot be made"),
        ([many, "--folds", 7], "3 groups cannot be divided into 7 folds"),
    ):
        began = time.process_time()
        code, _, err = run("train", "audio", *words, *out, *more)
        assert (code, says in err) == (1, True), err
        assert len(err.strip().splitlines()) == 1
        assert time.process_time() - began < 1
        assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
    for words, says in (
        ([one, "--cross-validate", "auto"], "the clips are of 1 group"),
        ([many, "--cross-validate", 1], "1 folds cannot be made"),
        ([many, "--cross-validate", 9], "3 groups cannot be divided into 9 folds"),
    ):
        code, _, err = run("evaluate", "modern", *words, "--out", tmp_path / "scores")
        assert (code, says in err) == (1, True), err
        assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
