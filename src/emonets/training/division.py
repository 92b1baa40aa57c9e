"""How labelled clips are divided for scoring: known before any clip is read, and checked then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from emonets.datasets.base import Dataset
from emonets.datasets.folds import folds_of_groups
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.learners.folds import Fold, Indices, choosing_folds

_SHARED_FOLDS = 5  # corpora without agreed folds, beside one with: as many at least
_FEWEST = 2  # groups that a model is trained on: its numbers are chosen on one, trained on another

_ALL_TESTED = "all clips are of the test part; give clips of other parts to train on"


class Divisible(Protocol):
    """What a division depends on; `emonets.training.material.Material` describes it."""

    @property
    def name(self) -> str: ...
    @property
    def corpora(self) -> NDArray[np.str_]: ...
    @property
    def main(self) -> NDArray[np.bool_]: ...
    @property
    def labels(self) -> NDArray[np.int64]: ...
    @property
    def groups(self) -> NDArray[np.str_]: ...
    @property
    def splits(self) -> NDArray[np.str_]: ...
    @property
    def agreed(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, eq=False)
class Planned:
    """Labelled clips of which none was read yet; attributes as those of `Material`."""

    name: str
    corpora: NDArray[np.str_]
    main: NDArray[np.bool_]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    splits: NDArray[np.str_]
    agreed: Mapping[str, int]


def planned(datasets: Sequence[Dataset], scored: int = 1) -> Planned:
    """The clips of data sets, of which the first ``scored`` are scored."""
    items = [(n, item) for n, data in enumerate(datasets) for item in data.items]
    of = np.array([n for n, _ in items], np.int64)
    return Planned(
        " + ".join(data.name for data in datasets),
        np.array([datasets[n].name for n in of], np.str_),
        of < scored,
        np.array([item.label for _, item in items], np.int64),
        np.array([f"{owner_of(datasets[n])}/{item.group}" for n, item in items], np.str_),
        np.array([item.split for _, item in items], np.str_),
        agreed_folds(datasets[:scored]),
    )


def check_division(
    datasets: Sequence[Dataset],
    count: int | str | None = None,
    *,
    scored: int = 1,
    score: bool = True,
    official: bool = False,
    several: bool = False,
) -> None:
    """Require, before any clip is read, that the data can be divided as a training needs them.

    Parameters
    ----------
    count, official : see `folds_of` and `division`.
    scored : how many of the data sets are scored.
    score : whether there are scores at all; else only the final model is trained.
    several : whether a fusion of several specialists is scored.

    Raises
    ------
    DataError : too few groups or emotions; the message states what is needed.
    """
    data = planned(datasets, scored)
    everything = np.flatnonzero(data.splits != "test")
    if not len(everything):
        raise DataError(f"{data.name}: {_ALL_TESTED}")
    parts = official and validation_fold(data) is not None
    need = _FEWEST + (score and not parts)
    _check_part(data, everything, need, "the data have")
    if not score:
        return
    folds, _ = division(data, count, official=official)
    for train, _ in folds:
        _check_part(data, train, need, "beside the clips that are tested, there is")
    tested = np.unique(np.concatenate([data.groups[test] for _, test in folds]))
    if several and len(tested) < _FEWEST:
        only = str(tested[0]).partition("/")[2]
        raise DataError(
            f"{data.name}: all clips that are scored are of group {only!r}, and a fusion "
            f"needs clips of {_FEWEST}; add a group to the part valid, or train one specialist"
        )


def _check_part(data: Divisible, rows: Indices, need: int, where: str) -> None:
    groups, labels = data.groups[rows], data.labels[rows]
    whole = len(np.unique(data.groups[data.splits != "test"]))
    if len(np.unique(groups)) < _FEWEST:
        scores = need > _FEWEST
        if not scores:
            whole = len(np.unique(groups))
        raise DataError(
            f"{data.name}: the clips are of {whole} group{'' if whole == 1 else 's'}; to train on "
            f"them{' and score them' if scores else ''}, clips of {need} or more are needed: add "
            "other people" + (", or train one specialist with --no-score" if whole > 1 else "")
        )
    emotions = np.unique(labels)
    if len(emotions) < _FEWEST:
        only = EMOTIONS[emotions[0]]
        raise DataError(
            f"{data.name}: {where} no other emotion than {only} to train on; add clips of other "
            "emotions, by several people"
        )
    try:
        choosing_folds(labels, groups)
    except ParameterError:
        raise DataError(
            f"{data.name}: each group has clips of one emotion only, so that none is left to learn "
            "from when a group is left out; add clips of several emotions for each group"
        ) from None


def division(
    data: Divisible, count: int | str | None = None, *, official: bool = False
) -> tuple[list[Fold], str]:
    """The folds in which clips are scored, and in words how they divide the clips.

    Parameters
    ----------
    count : see `folds_of`.
    official : use the data's own train and valid parts in place of folds, if they exist.

    Raises
    ------
    DataError : as `folds_of`.
    """
    return (validation_fold(data) if official else None) or folds_of(data, count)


def folds_of(data: Divisible, count: int | str | None = None) -> tuple[list[Fold], str]:
    """(train, test) positions in all clips, and in words how that divides them.

    The clips of the scored data sets are tested, in the corpus' published folds. Without such
    folds one group at a time is tested. Of more than ten groups, a tenth is tested at a time.
    No training clip, of any set, shares a group with a test clip. Clips of a test part are left
    out.

    Parameters
    ----------
    count : how many folds; None: as above; ``each``: one for each group.

    Raises
    ------
    DataError : fewer groups than folds, or than two; published folds that do not fit the data.
    """
    usable = np.flatnonzero(data.splits != "test")
    tested = usable[data.main[usable]]
    if not len(tested):
        raise DataError(f"{data.name}: {_ALL_TESTED}")
    if isinstance(count, str):
        count = len(np.unique(data.groups[tested]))
    folds, split = folds_of_groups(
        data.groups[tested], _agreed(data, tested), count, name=data.name
    )
    made = []
    for _, test in folds:
        others = ~np.isin(data.groups[usable], np.unique(data.groups[tested[test]]))
        made.append((usable[others], tested[test]))
    return made, split


def _agreed(data: Divisible, tested: Indices) -> dict[str, int] | None:
    """Group → published fold. Groups of a corpus without such folds are distributed over them.

    A corpus with published folds is left as it is. A group without a fold in it is an error later.
    """
    if not data.agreed:
        return None
    with_folds = {group.partition("/")[0] for group in data.agreed}
    agreed = dict(data.agreed)
    most = max(_SHARED_FOLDS, len(set(agreed.values())))
    for corpus in dict.fromkeys(data.corpora[tested].tolist()):
        names = np.unique(data.groups[tested[data.corpora[tested] == corpus]]).tolist()
        if not {name.partition("/")[0] for name in names} & with_folds:
            for number, name in enumerate(names):
                agreed.setdefault(name, number % most)
    return agreed


def validation_fold(data: Divisible) -> tuple[list[Fold], str] | None:
    """One fold: train on train, score on valid, as in the paper. None without these parts."""
    train = np.flatnonzero((data.splits == "train") | ((data.splits == "") & ~data.main))
    valid = np.flatnonzero((data.splits == "valid") & data.main)
    if not len(valid) or not (data.splits[data.main] == "train").any():
        return None
    shared = np.isin(data.groups[train], np.unique(data.groups[valid])) & ~data.main[train]
    return [(train[~shared], valid)], "trained on train, scored on valid"


def agreed_folds(datasets: Sequence[Dataset]) -> dict[str, int]:
    """``owner/group`` → published fold, of the data sets that have such folds."""
    agreed: dict[str, int] = {}
    for data in datasets:
        for group, fold in (data.folds or {}).items():
            agreed.setdefault(f"{owner_of(data)}/{group}", fold)
    return agreed


def owner_of(data: Dataset) -> str:
    """The name before a group's: two data sets with one owner are of the same people."""
    # clips and utterances of one corpus are; in own sets an equal name may be the same person
    return "own" if data.info.own else data.info.name
