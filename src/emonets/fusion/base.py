"""The base class of all fusions: fit, predict and storing.

P is (n, m, k), as in ``common``. scikit-learn's tools pass tables of two dimensions: with
``n_models`` a table (n, m·k) is P with its last two axes flattened. Without it, a table (n, d) is d
numbers of any kind, as for scikit-learn. Each column is then a model of its own, whose
probabilities are those of Gaussians with one mean a class (:class:`ColumnModels`). A table that is
evidently P flattened is refused; the error names ``n_models``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from emonets.errors import BundleError, ParameterError
from emonets.fusion.common import (
    SUM_TOLERANCE,
    Arrays,
    Floats,
    FusionDataError,
    Ints,
    check_groups,
    check_labels,
    check_learnable,
    check_models,
    check_probabilities,
)


@dataclass(frozen=True, eq=False)
class ColumnModels:
    """Columns of any numbers as models: Gaussians of one variance and a mean for each class.

    Attributes
    ----------
    mean : (d, k). variance : (d,). log_prior : (k,).
    """

    mean: Floats
    variance: Floats
    log_prior: Floats

    @classmethod
    def fit(cls, x: Floats, target: Ints, k: int) -> Self:
        """From a table (n, d) and labels 0..k-1, all of which occur."""
        # whole columns first: numbers of 1e18 have variances, too
        counts = np.bincount(target, minlength=k)
        mean = np.stack([x[target == c].mean(axis=0) for c in range(k)], axis=1)
        within = ((x - mean[:, target].T) ** 2).mean(axis=0)
        floor = 1e-9 * x.var(axis=0)
        variance = np.maximum(within, np.where(floor > 0, floor, 1.0))
        return cls(mean, variance, np.log(counts / counts.sum()))

    def predict(self, x: Floats) -> Floats:
        """(n, d) → (n, d, k)."""
        away = (x[:, :, None] - self.mean) ** 2 / self.variance[:, None]
        return np.asarray(softmax(self.log_prior - away / 2, axis=2))


_KINDS: dict[str, type[Fusion]] = {}
_DEEPEST = 8  # fusions within fusions


class Fusion(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The base class of all fusions; see the module's text.

    A subclass with a ``kind`` of its own is registered: bundles can hold it. Its parameters include
    ``n_models`` and ``uniform_models``. It defines ``_fit(p, target, groups)`` and ``_fuse(p)``,
    and ``_settings``, ``_arrays`` and ``_restore`` for storing. With ``calibrates_alone`` its
    result for one model alone differs from that model's own probabilities, and takes their place.

    Attributes
    ----------
    classes_ : (k,) labels in the order of P's columns.
    n_models_ : m.
    n_features_in_ : numbers a clip: m·k, or the columns of a table.
    """

    kind: str = ""
    needs_labels: bool = True
    calibrates_alone: bool = False
    n_models: int | None
    uniform_models: Sequence[int]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        kind = cls.__dict__.get("kind")
        if not kind:
            return
        before = _KINDS.get(kind)
        if before is not None and before.__qualname__ != cls.__qualname__:
            raise ParameterError(
                f"a fusion of kind {kind!r} is registered already ({before.__qualname__}); give "
                f"{cls.__qualname__} another kind"
            )
        _KINDS[kind] = cls

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        groups: ArrayLike | None = None,
        found: ArrayLike | None = None,
    ) -> Self:
        """Fit to predictions of models that were *not* trained on these clips.

        Parameters
        ----------
        X : P (n, m, k), or a table (module's text).
        y : (n,) labels.
        groups : (n,) of clips that stay together wherever clips are divided.
        found : (n, m) bool; a model counts as 1/k where it is false.

        Raises
        ------
        DataError : rows that do not sum to one, NaN, labels that do not fit, one clip or one class
            where there is something to learn.
        ParameterError : a parameter out of its range.
        """
        self._check_parameters()
        p, target = self._read_training(X, y, found)
        if self.needs_labels:
            check_learnable(target)
        self._fit(p, target, check_groups(groups, len(p)))
        return self

    def predict_proba(self, X: ArrayLike, *, found: ArrayLike | None = None) -> Floats:
        """Fused probabilities, (n, k) in the order of ``classes_``, rows summing to one."""
        check_is_fitted(self, "n_models_")
        return self._fuse(self._read(X, found))

    def predict(self, X: ArrayLike, *, found: ArrayLike | None = None) -> NDArray[Any]:
        """The most probable class, (n,); of equals the first."""
        best = self.predict_proba(X, found=found).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def to_arrays(self) -> tuple[dict[str, Any], Arrays]:
        """Settings (JSON) and arrays, for `read_fusion`.

        Raises
        ------
        DataError : labels that are not whole numbers, or a fusion of a table's columns.
        """
        check_is_fitted(self, "n_models_")
        if self.classes_.dtype.kind not in "iu":
            raise FusionDataError("only whole-number labels can be stored; train on positions")
        if self._columns is not None:
            raise FusionDataError("a fusion of a table's columns cannot be stored; give P")
        settings = {
            "kind": self.kind,
            "models": self.n_models_,
            "classes": [int(c) for c in self.classes_],
            "uniform_models": [int(j) for j in self.uniform_models],
            **self._settings(),
        }
        return settings, self._arrays()

    @classmethod
    def from_arrays(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A fitted fusion from :meth:`to_arrays`; it predicts, and can be fitted anew.

        Raises
        ------
        BundleError : settings or arrays missing, of other shapes, or not finite.
        """
        try:
            if settings["kind"] != cls.kind:
                raise BundleError(f"a fusion of kind {settings['kind']!r} is not {cls.kind!r}")
            made = cls()
            made._be_fitted(
                int(settings["models"]), np.array(settings["classes"], dtype=np.int64),
                [int(j) for j in settings["uniform_models"]],
            )  # fmt: skip
            made._restore(settings, arrays)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            if isinstance(error, BundleError):
                raise
            raise BundleError(f"the fusion's settings are incomplete: {error!r}") from None
        return made

    def _be_fitted(self, m: int, classes: NDArray[Any], uniform: Sequence[int] = ()) -> None:
        """Set the shape of P without data."""
        if m < 1 or classes.ndim != 1 or len(classes) < 2:
            raise BundleError(f"a fusion of {m} models and {classes.size} classes is not possible")
        self.n_models_, self.classes_ = m, classes
        self.n_features_in_ = m * len(classes)
        self.uniform_models = check_models("uniform_models", uniform, m)
        self._columns: ColumnModels | None = None

    def _read_training(
        self, X: ArrayLike, y: ArrayLike | None, found: ArrayLike | None
    ) -> tuple[Floats, Ints]:
        """P and positions of its labels."""
        self._columns = None
        if _dimensions(X) != 3:
            return self._read_table(X, y, found)
        p = check_probabilities(X, found=found)
        n, m, k = p.shape
        if self.n_models not in (None, m):
            raise FusionDataError(f"P has {m} models, n_models is {self.n_models}")
        if y is None and not self.needs_labels:
            self.classes_, target = np.arange(k), np.zeros(n, dtype=np.intp)
        elif y is None:
            raise FusionDataError("y is missing: this fusion learns from labels")
        else:
            self.classes_, target = check_labels(y, k, n)
        self.n_models_, self.n_features_in_ = m, m * k
        return self._made_uniform(p), target

    def _read_table(
        self, X: ArrayLike, y: ArrayLike | None, found: ArrayLike | None
    ) -> tuple[Floats, Ints]:
        x, labels = validate_data(
            self, X, y, dtype=np.float64, ensure_all_finite=True if found is None else "allow-nan"
        )
        check_classification_targets(labels)
        n, d = x.shape
        m = self.n_models
        if m is not None:
            if d % m or d // m < 2:
                raise FusionDataError(f"{d} columns are not {m} models of two or more classes each")
            p = check_probabilities(x.reshape(n, m, d // m), found=found)
            self.classes_, target = check_labels(labels, d // m, n)
        else:
            if found is not None:
                raise FusionDataError("found needs P, or a table with n_models")
            _refuse_flattened(x)
            self.classes_, position = np.unique(labels, return_inverse=True)
            target, m = position.astype(np.intp), d
            if len(self.classes_) < 2:
                raise FusionDataError("all labels are of one class; a fusion needs two")
            self._columns = ColumnModels.fit(x, target, len(self.classes_))
            p = self._columns.predict(x)
        self.n_models_ = m
        return self._made_uniform(p), target

    def _read(self, X: ArrayLike, found: ArrayLike | None) -> Floats:
        """P of new clips."""
        m, k = self.n_models_, len(self.classes_)
        if _dimensions(X) == 3:
            if np.shape(X)[1:] != (m, k):
                raise FusionDataError(
                    f"P must be (clips, {m}, {k}) as the fusion was trained, not {np.shape(X)}; a "
                    "model that is missing counts as 1/k: give its place any numbers and mark it "
                    "in found"
                )
            return self._made_uniform(check_probabilities(X, found=found))
        x = validate_data(
            self, X, dtype=np.float64, reset=False,
            ensure_all_finite=True if found is None else "allow-nan",
        )  # fmt: skip
        if self._columns is None:
            p = check_probabilities(x.reshape(len(x), m, k), found=found)
        else:
            p = self._columns.predict(x)
        return self._made_uniform(p)

    def _made_uniform(self, p: Floats) -> Floats:
        out = check_models("uniform_models", self.uniform_models, p.shape[1])
        p[:, out] = 1 / p.shape[2]
        return p

    def _check_parameters(self) -> None:
        if self.n_models is not None and (
            not isinstance(self.n_models, int | np.integer) or self.n_models < 1
        ):
            raise ParameterError(f"n_models must be a whole number from 1, not {self.n_models!r}")

    def _fit(self, p: Floats, target: Ints, groups: NDArray[Any] | None) -> None:
        raise NotImplementedError

    def _fuse(self, p: Floats) -> Floats:
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        return {}

    def _arrays(self) -> Arrays:
        return {}

    def _restore(self, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
        raise NotImplementedError


def fusion_kinds() -> dict[str, type[Fusion]]:
    """All registered fusions, by kind."""
    package = importlib.import_module("emonets.fusion")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"emonets.fusion.{module.name}")
    return dict(_KINDS)


def read_fusion(settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Fusion:
    """A fitted fusion from what ``to_arrays`` returned: settings (JSON) and arrays.

    Raises
    ------
    BundleError : no such kind, or settings or arrays that do not fit.
    """
    kind = settings.get("kind") if isinstance(settings, Mapping) else None
    known = fusion_kinds()
    if kind not in known:
        raise BundleError(f"no fusion of kind {kind!r} is registered; there are {', '.join(known)}")
    if _depth(settings) > _DEEPEST:
        raise BundleError(f"more than {_DEEPEST} fusions within each other: the bundle is damaged")
    return known[str(kind)].from_arrays(settings, arrays)


def inner_fusion(
    settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], prefix: str
) -> Fusion:
    """A fusion within another, whose arrays' names begin with ``prefix``."""
    own = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    return read_fusion(settings, own)


def _depth(settings: Any, level: int = 0) -> int:
    if level > _DEEPEST + 1 or not isinstance(settings, Mapping | list):
        return level
    values = settings.values() if isinstance(settings, Mapping) else settings
    down = level + isinstance(settings, Mapping)
    return max([down, *(_depth(v, down) for v in values)])


def _dimensions(X: Any) -> int:
    """Of an array or of nested lists; 0 for anything else, which scikit-learn then refuses."""
    if hasattr(X, "shape"):
        return len(X.shape)
    try:
        return int(np.asarray(X).ndim)
    except (TypeError, ValueError):
        return 0


def _refuse_flattened(x: Floats) -> None:
    """Raise where a table's rows are probabilities of one or several models."""
    total = x.sum(axis=1)
    m = int(np.rint(total[0])) if np.isfinite(total[0]) and abs(total[0]) < x.shape[1] else 0
    flat = m >= 1 and x.shape[1] % m == 0 and x.shape[1] // m > 1 and (x >= 0).all()
    if flat and (np.abs(total - m) <= SUM_TOLERANCE * m).all():
        raise FusionDataError(
            f"a table of {x.shape[1]} columns whose rows sum to {m} seems to hold probabilities "
            f"of {m} model{'s' if m > 1 else ''}; give P (clips, models, classes) or n_models={m}"
        )
