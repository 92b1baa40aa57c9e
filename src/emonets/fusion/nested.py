"""Combinations of combinations (paper 4.3, 4.4.2): a fused pair as one model among others.

In 2013 the machine on ConvNet 1 and audio was the fifth model of the search; in 2014 (submission 8)
the models that overfit were combined first, and their pool then with the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import MetaEstimatorMixin, clone
from sklearn.utils import check_random_state

from emonets.errors import BundleError, ParameterError
from emonets.fusion.average import MeanFusion
from emonets.fusion.base import Fusion, inner_fusion
from emonets.fusion.common import Arrays, Floats, Ints, check_models
from emonets.fusion.protocols import inner_folds
from emonets.learners.checks import check_number

Stage = tuple[Sequence[int], Fusion]


class NestedFusion(MetaEstimatorMixin, Fusion):  # type: ignore[misc]
    """Stages that each fuse several models to one more, and a last fusion of all models then.

    Parameters
    ----------
    stages : of (models, fusion): positions of models, and how they are fused. Stage i's prediction
        is model m + i, which later stages may name, too.
    final : the last fusion; None: the mean.
    keep : whether models of a stage are also used in the last fusion (2013), or only the stage's
        prediction (2014).
    cv : None: the last fusion learns from the stages' predictions of their own training clips, as
        in the paper; harmless for means, not for machines. A number: from their out-of-fold
        predictions, with that many folds of whole groups.
    random_state : of the folds.
    n_models, uniform_models : see ``base``.

    Attributes
    ----------
    stages_ : list of (models, fitted fusion). final_ : fitted.
    final_models_ : positions of the models of the last fusion.
    """

    kind = "nested"

    def __init__(
        self,
        stages: Sequence[Stage] = (),
        final: Fusion | None = None,
        *,
        keep: bool = True,
        cv: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        n_models: int | None = None,
        uniform_models: Sequence[int] = (),
    ) -> None:
        self.stages = stages
        self.final = final
        self.keep = keep
        self.cv = cv
        self.random_state = random_state
        self.n_models = n_models
        self.uniform_models = uniform_models

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        folds = []
        if self.cv is not None and self.stages:
            seed = int(check_random_state(self.random_state).randint(2**31))
            folds = inner_folds(target, groups, self.cv, seed)
        self.stages_: list[tuple[list[int], Fusion]] = []
        used: set[int] = set()
        known = p
        for i, (models, fusion) in enumerate(self.stages):
            own = check_models(f"stage {i}", models, known.shape[1])
            if not own:
                raise ParameterError(f"stage {i} names no model")
            x = known[:, own]
            fitted = clone(fusion).fit(x, target, groups=groups)
            predicted = fitted.predict_proba(x)
            for train, test in folds:
                among = None if groups is None else groups[train]
                one = clone(fusion).fit(x[train], target[train], groups=among)
                predicted[test] = one.predict_proba(x[test])
            known = np.concatenate([known, predicted[:, None]], axis=1)
            self.stages_.append((own, fitted))
            used |= set(own)
        self.final_models_ = [j for j in range(known.shape[1]) if self.keep or j not in used]
        final = MeanFusion() if self.final is None else self.final
        self.final_ = clone(final).fit(known[:, self.final_models_], target, groups=groups)

    def _fuse(self, p: Floats) -> Floats:
        for models, fusion in self.stages_:
            predicted = fusion.predict_proba(p[:, models])
            p = np.concatenate([p, predicted[:, None]], axis=1)
        return np.asarray(self.final_.predict_proba(p[:, self.final_models_]))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.cv is not None:
            check_number("cv", self.cv, 2, np.inf, high_in=False)
        try:
            parts = [fusion for _, fusion in self.stages]
        except (TypeError, ValueError):
            raise ParameterError("stages must be a list of (models, fusion)") from None
        for part in [*parts, *([] if self.final is None else [self.final])]:
            if not isinstance(part, Fusion):
                raise ParameterError(f"stages and final must be fusions, not {part!r}")

    def _settings(self) -> dict[str, Any]:
        return {
            "stages": [
                {"models": list(models), "inner": fusion.to_arrays()[0]}
                for models, fusion in self.stages_
            ],
            "final_models": list(self.final_models_),
            "final": self.final_.to_arrays()[0],
        }

    def _arrays(self) -> Arrays:
        parts = {f"stage{i}.": fusion for i, (_, fusion) in enumerate(self.stages_)}
        return {
            prefix + name: array
            for prefix, fusion in {**parts, "final.": self.final_}.items()
            for name, array in fusion.to_arrays()[1].items()
        }

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        self.stages_ = []
        for i, stage in enumerate(settings["stages"]):
            models = check_models(f"stage {i}", stage["models"], self.n_models_ + i)
            fusion = inner_fusion(stage["inner"], arrays, f"stage{i}.")
            self.stages_.append((models, fusion))
        every = self.n_models_ + len(self.stages_)
        self.final_models_ = check_models("final_models", settings["final_models"], every)
        self.final_ = inner_fusion(settings["final"], arrays, "final.")
        named = {j for models, _ in self.stages_ for j in models} | set(self.final_models_)
        if named != set(range(every)):
            raise BundleError("the nested fusion's stages do not name every model")
        for models, fusion in [*self.stages_, (self.final_models_, self.final_)]:
            if fusion.n_models_ != len(models) or len(fusion.classes_) != len(self.classes_):
                raise BundleError("the parts of the nested fusion do not fit each other")
