"""Random search over a preset's distributions, each trial scored on unseen groups."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from emonets.contracts import specialist_kinds
from emonets.datasets.base import Dataset
from emonets.errors import ParameterError
from emonets.runtime.store import FeatureStore
from emonets.training.search_space import Trial, best, draw, has_distributions, random_search
from emonets.training.system import Options, System

log = logging.getLogger(__name__)


def tuned(
    datasets: Sequence[Dataset],
    preset: Mapping[str, Any],
    store: FeatureStore,
    options: Options,
    *,
    trials: int,
) -> dict[str, Any]:
    """The preset with its distributions replaced by the best draws.

    Each specialist's table is searched separately, by its UAR in the folds of groups. Predictions
    of earlier trials of the same seed are in the store, so an interrupted search continues.

    Raises
    ------
    ParameterError : trials without distributions, or distributions outside the specialists'
        tables.
    DataError : all trials failed.
    """
    whole = dict(preset)
    tables = [name for name in preset if has_distributions({name: preset[name]})]
    strange = [name for name in tables if name not in specialist_kinds()]
    if strange:
        raise ParameterError(
            f"{strange[0]}: distributions belong in {', '.join(specialist_kinds())}"
        )
    if trials and not tables:
        raise ParameterError(
            "--trials: the preset has no distribution; add one, or leave --trials out"
        )
    for name in tables:
        if options.models is not None and name not in options.models:
            continue
        alone = replace(options, models=[name])

        def score(drawn: dict[str, Any], name: str = name, alone: Options = alone) -> float:
            system = System(datasets, {**whole, name: drawn[name]}, store, alone)
            return system.score(official=True).scores[name].uar.value

        def on_trial(trial: Trial, name: str = name) -> None:
            values = ", ".join(f"{key} {value}" for key, value in trial.values.items())
            result = trial.problem or f"UAR {trial.score:.1%}"
            log.info(f"{name}, trial {trial.number + 1} of {trials}: {values}: {result}")

        space = {name: preset[name]}
        found = best(
            random_search(space, score, trials=trials, seed=options.seed, progress=on_trial)
        )
        log.info(f"{name}: the best of {trials} trials is {found.number + 1}: {found.values}")
        whole[name] = draw(space, options.seed, found.number)[name]
    return whole
