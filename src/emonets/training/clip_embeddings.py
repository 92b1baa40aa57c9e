"""Clips as rows of numbers for other scikit-learn estimators: the embeddings of the specialists."""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from emonets.contracts import Features, Reader, Specialist
from emonets.errors import DataError, MediaError, ParameterError
from emonets.inference.clip import needs_pictures
from emonets.inference.options import specialist_names
from emonets.media.clip import open_clip
from emonets.model import load
from emonets.one_pass import read_clip
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.specialist import AudioSpecialist
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.training.clip_input import clip_paths, tags_of_clips
from emonets.version import DEFAULT_BUNDLE


class ClipEmbeddings(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turn clips into rows of numbers, for a scikit-learn ``Pipeline``.

    The face gives the mean and the standard deviation of its penultimate-layer embedding over all
    face pictures of the clip. The audio gives the mean of its embedding over the speech. Nothing
    is learned from the clips: ``fit`` loads the bundle.

    Parameters
    ----------
    bundle : name of a shipped bundle, or a folder.
    models : ``"face"``, ``"audio"``, or both, as a list or as one text with a comma.
    stride : faces are detected in every ``stride``-th frame only; 1 or more.

    Attributes
    ----------
    n_features_out_ : width of a row.

    Notes
    -----
    Each model adds a column ``face_found`` or ``audio_found``: 1 or 0. Where nothing was found the
    model's other columns are 0. The embeddings of faces and voices are personal data.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> heads = make_pipeline(ClipEmbeddings(), StandardScaler(), LogisticRegression())
    >>> heads.fit(["a.mp4", "b.mp4"], ["happy", "sad"])  # doctest: +SKIP
    """

    def __init__(
        self,
        bundle: str | os.PathLike[str] = DEFAULT_BUNDLE,
        *,
        models: str | Sequence[str] = ("face", "audio"),
        stride: int = 1,
    ) -> None:
        self.bundle = bundle
        self.models = models
        self.stride = stride

    def __sklearn_tags__(self) -> Any:
        tags = tags_of_clips(super().__sklearn_tags__())
        tags.requires_fit = False
        return tags

    def fit(self, X: ArrayLike = (), y: object = None) -> Self:
        """Load the bundle; ``X`` and ``y`` are not used.

        Raises
        ------
        BundleError : there is no such bundle.
        ParameterError : it lacks a model, or a model has no embedding.

        Examples
        --------
        >>> ClipEmbeddings(models="audio").fit().n_features_out_ > 100
        True
        """
        model = load(self.bundle)
        self._parts: dict[str, Specialist] = {}
        names: list[str] = []
        self._widths: dict[str, int] = {}
        for name in specialist_names(self.models):
            specialist = model.with_models(name).specialists[name]
            self._parts[name], own = _prepared(specialist, str(self.bundle))
            self._widths[name] = len(own)
            names += [*own, f"{name}_found"]
        self._names = np.array(names, dtype=object)
        self.n_features_out_ = len(names)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float64]:
        """The rows of clips.

        Parameters
        ----------
        X : (n,) paths of clips.

        Returns
        -------
        (n, `n_features_out_`) numbers.

        Raises
        ------
        DataError : a clip that cannot be read, or ``X`` holds no paths; the message names it.

        Examples
        --------
        >>> ClipEmbeddings(models="audio").fit().transform(["clip.mp4"]).shape[0]
        1
        """
        check_is_fitted(self, "n_features_out_")
        return np.array([self._row(path) for path in clip_paths(X)]).reshape(
            -1, self.n_features_out_
        )

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the columns: ``face_mean_0``, ``face_deviation_0``, ``audio_0`` and so on.

        Examples
        --------
        >>> ClipEmbeddings(models="audio").fit().get_feature_names_out()[0]
        'audio_0'
        """
        check_is_fitted(self, "n_features_out_")
        return self._names.copy()

    def _row(self, path: Path) -> NDArray[np.float64]:
        try:
            clip = open_clip(path)
            used = {
                name: part for name, part in self._parts.items()
                if (clip.info.has_frames if needs_pictures(part) else clip.info.has_sound)
            }  # fmt: skip
            readers: dict[str, Reader] = {name: part.open() for name, part in used.items()}
            found = read_clip(clip, readers, stride=self.stride).features if readers else {}
        except MediaError as error:
            raise DataError(f"{path}: {error.reason}") from error
        row = np.zeros(self.n_features_out_)
        at = 0
        for name, part in self._parts.items():
            width = self._widths[name]
            vector = _vector(part, found[name]) if name in found else None
            if vector is not None:
                row[at : at + width] = vector
                row[at + width] = 1
            at += width + 1
        return row


def _prepared(specialist: Specialist, bundle: str) -> tuple[Specialist, list[str]]:
    """A specialist that keeps its embedding, and the names of its columns."""
    if isinstance(specialist, FaceSpecialist):
        keeps = copy.copy(specialist)
        keeps.keep = True
        width = keeps.empty()["pooled"].shape[1]
        kinds = ("mean", "deviation")
        return keeps, [f"face_{kind}_{i}" for kind in kinds for i in range(width)]
    if isinstance(specialist, AudioSpecialist):
        if isinstance(specialist.network, SoundNetClassifier):
            network = specialist.network
            width = 2 * network.network.embedding * len(network.arrays_)
            return specialist, [f"audio_{i}" for i in range(width)]
        raise ParameterError(
            f"{bundle}: its audio model has no embedding; use models='face', or another bundle"
        )
    raise ParameterError(f"models: {specialist.name} has no embedding; use face or audio")


def _vector(specialist: Specialist, features: Features) -> NDArray[np.float64] | None:
    if isinstance(specialist, FaceSpecialist):
        return specialist.summary(features) if len(features["pooled"]) else None
    assert isinstance(specialist, AudioSpecialist)
    return specialist.embed(features)
