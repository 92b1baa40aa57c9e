"""Scores of predictions: of each specialist and of their fusion, for each corpus and class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.evaluation.compare_fusion import Compared
from emonets.evaluation.metrics import Evaluation, evaluate
from emonets.evaluation.strangers import present_only
from emonets.provenance.seen import Seen, together
from emonets.training.material import Material
from emonets.training.out_of_fold import OutOfFold

FUSED = "fused"
"""The name of the fusion of all specialists."""


@dataclass(frozen=True, eq=False)
class Scored:
    """A system's predictions for clips and their scores.

    The models were trained on neither a clip nor its group.

    Attributes
    ----------
    data : the clips. predictions : of each specialist.
    fused : (n, 7) of a fusion that was not fitted on the clip. strategy : its name.
    scores : by model, the fusion last; among the emotions that the data have.
    as_predicted : the same among all seven emotions, as predict returns the labels. A label that
        the data do not have counts as wrong.
    masked : the emotions that the data do not have.
    compared : the strategies compared; empty if none was chosen.
    minutes : duration.
    corpora : if several are scored: corpus → model → score, among that corpus' emotions.
    corpora_as_predicted : the same among all seven.
    fine : corpus → model → score by more classes than the seven, of corpora that have them all.
    trained_on : specialist → in words, the corpora that it, or its base network, was trained on.
    seen : specialist → which of the clips it was trained on; only if a bundle is scored.
    unseen : model → score of the clips of groups it was not trained on; only if these are some of
        the clips and not all.
    """

    data: Material
    predictions: OutOfFold
    fused: NDArray[np.float64]
    strategy: str
    scores: dict[str, Evaluation]
    masked: tuple[str, ...]
    compared: tuple[Compared, ...]
    minutes: float
    as_predicted: Mapping[str, Evaluation] = field(default_factory=dict)
    corpora: Mapping[str, Mapping[str, Evaluation]] = field(default_factory=dict)
    corpora_as_predicted: Mapping[str, Mapping[str, Evaluation]] = field(default_factory=dict)
    fine: Mapping[str, Mapping[str, Evaluation]] = field(default_factory=dict)
    trained_on: Mapping[str, Sequence[str]] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    unseen: Mapping[str, Evaluation] = field(default_factory=dict)

    @property
    def labels(self) -> NDArray[np.int64]:
        """(n,) labels of the scored clips."""
        return self.data.labels[self.predictions.rows]

    @property
    def groups(self) -> NDArray[np.str_]:
        """(n,) groups of the scored clips."""
        return self.data.groups[self.predictions.rows]


def scored(
    data: Material,
    predictions: OutOfFold,
    fused: NDArray[np.float64],
    strategy: str,
    compared: Sequence[Compared] = (),
    *,
    seed: int,
    minutes: float,
    trained_on: Mapping[str, Sequence[str]] | None = None,
    seen: Mapping[str, Seen] | None = None,
) -> Scored:
    """The scores of predictions, among the emotions of the data; intervals are over groups."""
    models = {name: predictions.P[:, j] for j, name in enumerate(predictions.models)}
    if len(models) > 1:
        models[FUSED] = fused
    everything = np.ones(len(predictions.rows), bool)
    scores, masked = _scores(data, predictions, models, everything, seed)
    of = data.corpora[predictions.rows]
    names = list(dict.fromkeys(of.tolist()))
    several = names if len(names) > 1 else []
    fine = {name: _fine(data, predictions, of == name, seed) for name in names}

    def of_seven(mine: NDArray[np.bool_]) -> dict[str, Evaluation]:
        return _scores(data, predictions, models, mine, seed, seven=True)[0]

    return Scored(
        data, predictions, fused, strategy, scores, masked, tuple(compared), minutes,
        of_seven(everything),
        {name: _scores(data, predictions, models, of == name, seed)[0] for name in several},
        {name: of_seven(of == name) for name in several},
        {name: by_model for name, by_model in fine.items() if by_model}, trained_on or {},
        seen or {}, _unseen(data, predictions, models, seen or {}, seed),
    )  # fmt: skip


def _unseen(
    data: Material,
    predictions: OutOfFold,
    models: Mapping[str, NDArray[np.float64]],
    seen: Mapping[str, Seen],
    seed: int,
) -> dict[str, Evaluation]:
    found = {}
    for name, p in models.items():
        one = together(seen) if name == FUSED else seen.get(name)
        if one is not None and one.any.any() and not one.everything:
            found[name] = _scores(data, predictions, {name: p}, ~one.any, seed)[0][name]
    return found


def _scores(
    data: Material,
    predictions: OutOfFold,
    models: Mapping[str, NDArray[np.float64]],
    mine: NDArray[np.bool_],
    seed: int,
    *,
    seven: bool = False,
) -> tuple[dict[str, Evaluation], tuple[str, ...]]:
    """Scores by model, and the emotions that are left out because the data do not have them.

    ``seven``: none is left out of the predictions.
    """
    y, groups = data.labels[predictions.rows[mine]], _several(data.groups[predictions.rows[mine]])
    scores: dict[str, Evaluation] = {}
    masked: tuple[str, ...] = ()
    for name, p in models.items():
        present, masked = present_only(p[mine], y)
        scores[name] = evaluate(y, p[mine] if seven else present, groups=groups, seed=seed)
    return scores, masked


def _fine(
    data: Material, predictions: OutOfFold, mine: NDArray[np.bool_], seed: int
) -> dict[str, Evaluation]:
    """Scores by fine classes, of models that have them, if the clips have them all."""
    scores = {}
    for name, (classes, p) in predictions.fine.items():
        y, words = data.labels[predictions.rows[mine]].copy(), data.words[predictions.rows[mine]]
        for k in range(len(EMOTIONS), len(classes)):
            y[words == classes[k]] = k
        if len(np.unique(y)) == len(classes):
            groups = _several(data.groups[predictions.rows[mine]])
            scores[name] = evaluate(y, p[mine], groups=groups, seed=seed, classes=classes)
    return scores


def _several(groups: NDArray[np.str_]) -> NDArray[np.str_] | None:
    return groups if len(np.unique(groups)) > 1 else None
