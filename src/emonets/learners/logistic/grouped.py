"""Logistic regression on numbers normalised by the group, which is a person.

Each person's numbers, such as the embeddings of clips, lose what that person's clips have in
common. Numbers are matched to the training people's mean and spread, so those of a clip of which no
group is known can be taken as they are.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from emonets.errors import ParameterError
from emonets.learners.group_scaling import Reference, moments_of, reference_of, scale_groups
from emonets.learners.logistic.scaled import Floats, ScaledLogistic

BY_PERSON = "logistic by person"
"""The name of such a head in presets."""
TRANSDUCTIVE = (
    "by the person: the score of a clip depends on the other clips of its group; a clip without "
    "known groups is taken as it is"
)
"""What a card states of such a head."""


class GroupedLogistic(ScaledLogistic):
    """`ScaledLogistic`, trained on numbers that are normalised by the group.

    Where the groups of new clips are given, these are normalised too; the prediction of one then
    depends on the others of its group (transductive). It is stored as a `ScaledLogistic`.

    Attributes
    ----------
    reference_ : mean and spread (d,) of the training groups, towards which a group's own are
        shrunk with the weight of 20 clips.
    """

    def fit(self, X: ArrayLike, y: ArrayLike, *, groups: ArrayLike | None = None) -> Self:
        """Learn from (n, d) numbers, (n,) labels and (n,) groups.

        Raises
        ------
        ParameterError : no groups; or as `ScaledLogistic.fit`.
        """
        if groups is None:
            raise ParameterError("a head that is normalised by the person needs groups")
        x = np.asarray(X, np.float64)
        self.reference_: Reference = reference_of(x, groups)
        return super().fit(self._normalised(x, groups), y, groups=groups)

    def predict_proba(self, X: ArrayLike, groups: ArrayLike | None = None) -> Floats:
        """(n, k) in the order of ``classes_``; without groups the numbers are taken as they are."""
        x: Any = X if groups is None else self._normalised(np.asarray(X, np.float64), groups)
        return super().predict_proba(x)

    def seven(self, X: ArrayLike, groups: ArrayLike, count: int) -> Floats:
        """(n, count): `predict_proba` in columns 0 to count - 1, for classes that are numbers."""
        p = self.predict_proba(X, groups)
        full = np.zeros((len(p), count))
        full[:, np.asarray(self.classes_, np.int64)] = p
        return full

    def _normalised(self, x: Floats, groups: ArrayLike) -> Floats:
        names, place = np.unique(np.asarray(groups), return_inverse=True)
        return scale_groups(x, place, moments_of(x, place, len(names)), self.reference_)
