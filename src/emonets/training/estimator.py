"""The whole system as a scikit-learn classifier of clips."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from emonets.datasets.base import Dataset
from emonets.datasets.items import DatasetInfo, Item, kind_of
from emonets.datasets.tables import EMPTY
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError, ParameterError
from emonets.runtime.store import FeatureStore
from emonets.training.clip_input import clip_paths, tags_of_clips
from emonets.training.material import load_material
from emonets.training.preset import check_preset, load_preset
from emonets.training.score_bundle import fuse, predict_all
from emonets.training.scores import Scored
from emonets.training.system import Options, System
from emonets.training.trainers import extractors_of, make_scorers
from emonets.version import DEFAULT_BUNDLE

_INFO = DatasetInfo(
    name="folders", citation="", licence="as its owner says", where="", title="clips in memory",
    kinds=("clip", "sound", "still"), words={}, group="groups of fit", splits="none", layout="",
    own=True,
)  # fmt: skip


class EmoNetsClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Train the system on clips and predict others, as a scikit-learn estimator.

    For ``GridSearchCV(EmoNetsClassifier(), …, cv=GroupKFold())`` and the like: give ``groups`` to
    ``fit`` there, and by metadata routing to this one too (``set_fit_request(groups=True)``).

    Parameters
    ----------
    preset : its name or a .toml file.
    settings : that replace some of the preset's, by dotted names: ``{"face.clips.slots": 5}``.
    models : which specialists; None: those of the preset for which the clips have usable input.
    base : the bundle names networks are taken; None: the preset's.
    fusion : a strategy in place of the preset's, such as ``"mean"``.
    store : folder of features and finished stages, which several estimators may share. None: a
        temporary one for each fit, so every fit reads the clips again.
    folds : in which the fusion learns; None: one for each group, ten at most.
    random_state : a whole number. workers : processes.

    Attributes
    ----------
    classes_ : (k,) the labels that were seen in ``fit``, as they were given.
    model_ : the trained :class:`emonets.EmoNets`, to save as a bundle.
    scored_ : scores in the folds that the fusion learned in.

    Examples
    --------
    >>> from sklearn.base import clone
    >>> clone(EmoNetsClassifier(models=["face"], store="features")).models
    ['face']
    """

    def __init__(
        self,
        *,
        preset: str = DEFAULT_BUNDLE,
        settings: Mapping[str, Any] | None = None,
        models: Sequence[str] | None = None,
        base: str | None = None,
        fusion: str | None = None,
        store: str | os.PathLike[str] | None = None,
        folds: int | None = None,
        random_state: int = 0,
        workers: int = 1,
    ) -> None:
        self.preset = preset
        self.settings = settings
        self.models = models
        self.base = base
        self.fusion = fusion
        self.store = store
        self.folds = folds
        self.random_state = random_state
        self.workers = workers

    def __sklearn_tags__(self) -> Any:
        return tags_of_clips(super().__sklearn_tags__())

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Train on clips.

        Parameters
        ----------
        X : (n,) paths. y : (n,) emotions, by name or by their numbers in `emonets.EMOTIONS`.
        groups : (n,) such as the person in each clip. None: every clip is a group of its own;
            ``scored_`` is too high if clips share a person.

        Raises
        ------
        DataError, ParameterError : as training does (`emonets.training.system.System`).

        Examples
        --------
        >>> estimator = EmoNetsClassifier(models=["face"], store="features")
        >>> estimator.fit(paths, labels, groups=persons)  # doctest: +SKIP
        """
        paths, labels = clip_paths(X), np.asarray(y)
        if labels.shape != (len(paths),):
            raise DataError(f"{len(paths)} clips and labels of shape {labels.shape}")
        _check_labels(paths, labels)
        names = [f"clip {i}" for i in range(len(paths))]
        if groups is not None:
            names = [str(group) for group in np.asarray(groups).tolist()]
            if len(names) != len(paths):
                raise DataError(f"{len(paths)} clips and {len(names)} groups")
        self.classes_, first = np.unique(labels, return_index=True)
        self._emotions = np.array([_emotion(labels[i]) for i in first])
        if len(set(self._emotions.tolist())) < len(self._emotions):
            raise DataError(f"labels {self.classes_.tolist()}: two of them are one emotion")
        number = dict(zip(self.classes_.tolist(), self._emotions.tolist(), strict=True))
        items = [
            _item(path, number[label], group)
            for path, label, group in zip(paths, labels.tolist(), names, strict=True)
        ]
        with ExitStack() as stack:
            store = self._store(stack)
            out = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emonets-")))
            options = Options(
                self.models, self.base, self.folds, self.random_state, self.workers, None,
                out / "work" if store.folder is None else None,
            )  # fmt: skip
            system = System([_dataset(items, groups is not None)], self._table(), store, options)
            self.model_, scored = system.train(out / "bundle")
        assert scored is not None
        self.scored_: Scored = scored
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """(n, k) in the order of ``classes_``; equal where a clip has no usable input.

        Raises
        ------
        DataError : a clip that cannot be read.

        Examples
        --------
        >>> estimator.predict_proba(["clip.mp4"]).sum(axis=1)  # doctest: +SKIP
        array([1.])
        """
        check_is_fitted(self, "model_")
        paths = clip_paths(X)
        items = [_item(path, 0, "nobody") for path in paths]
        with ExitStack() as stack:
            store = self._store(stack)
            bundle = stack.enter_context(tempfile.TemporaryDirectory(prefix="emonets-"))
            place = str(self.model_.save(Path(bundle) / "model"))
            scorers = make_scorers(self.model_, place)
            data = load_material(
                [_dataset(items, True)], extractors_of(scorers), store, workers=self.workers
            )
            if data.dropped:
                file, why = data.dropped[0]
                raise DataError(f"{file}: {why}")
            options = replace(Options(), workers=self.workers)
            predictions = predict_all(self.model_, scorers, data, np.arange(len(data)), "", options)
            p, _ = fuse(self.model_, predictions)
        known = p[:, self._emotions]
        total = known.sum(axis=1, keepdims=True)
        return np.where(total > 0, known / np.maximum(total, 1e-300), 1 / len(self.classes_))

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable label of each clip: (n,).

        Examples
        --------
        >>> estimator.predict(["clip.mp4"])  # doctest: +SKIP
        array(['happy'])
        """
        best = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def _table(self) -> dict[str, Any]:
        table = load_preset(self.preset)
        for name, value in dict(self.settings or {}).items():
            *path, key = name.split(".")
            inner = table
            for step in path:
                inner = inner.setdefault(step, {})
                if not isinstance(inner, dict):
                    raise ParameterError(f"settings: {name!r} is not the name of a number")
            inner[key] = value
        check_preset(table, "settings")
        if self.fusion is not None:
            table["fusion"] = {**table.get("fusion", {}), "strategy": self.fusion}
        return table

    def _store(self, stack: ExitStack) -> FeatureStore:
        if self.store is not None:
            return FeatureStore(self.store)
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="emonets-store-"))
        return FeatureStore(folder)


def _dataset(items: Sequence[Item], grouped: bool) -> Dataset:
    return Dataset(_INFO, "clips", Path("clips"), tuple(items), grouped=grouped)


def _item(path: Path, label: int, group: str) -> Item:
    return Item(path, label, group, "", kind_of(path), EMOTIONS[label])


def _check_labels(paths: Sequence[Path], labels: NDArray[Any]) -> None:
    """Raise DataError for a label that is missing or no emotion; the message names its clip."""
    for i, (path, label) in enumerate(zip(paths, labels.tolist(), strict=True)):
        missing = label is None or label != label or str(label).lower() in EMPTY  # noqa: PLR0124
        try:
            if missing:
                raise DataError("is missing; give an emotion, or leave the clip out")
            _emotion(label)
        except DataError as error:
            raise DataError(f"y[{i}], the label {label!r} of {path}, {error}") from None


def _emotion(label: Any) -> int:
    if isinstance(label, str | np.str_):
        try:
            return emotion_index(str(label))
        except KeyError:
            raise DataError(f"must be one of {', '.join(EMOTIONS)}") from None
    try:
        number = int(label)
    except (TypeError, ValueError, OverflowError):
        raise DataError("must be an emotion, or its number 0 to 6") from None
    if number != label or not 0 <= number < len(EMOTIONS):
        raise DataError("must be an emotion, or its number 0 to 6")
    return number
