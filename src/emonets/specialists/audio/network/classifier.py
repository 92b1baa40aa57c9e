"""A convolutional network on log-mel spectrograms of any length, as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import asdict
from numbers import Integral
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.stored import check_stored
from emonets.specialists.audio.network.augment import Augmentation, network_input
from emonets.specialists.audio.network.onnx import (
    Architecture,
    SoundNetRunner,
    check_graph,
    onnx_graph,
    parameter_shapes,
)

_LAST = ("classes.weight", "classes.bias")


class SoundNetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifies a sound by its spectrogram, whatever its length and its gain.

    One or several small residual networks with attentive statistics pooling over time (see
    ``sound_network_onnx``), trained from random weights on random, randomly changed stretches of
    the clips (``sound_augment``). Each clip is processed alone and whole, so that neither its
    neighbours in a batch nor their number change a prediction. Training needs the extra ``[train]``
    (torch); predicting does not.

    Parameters
    ----------
    network : how the networks are built; ``bands`` must be the spectrograms'.
    members : networks, trained from different random numbers; their log-probabilities are
        averaged.
    centres : Hz of the bands' middles, ascending, for the changes of pitch in training; None:
        the bands are equally spaced on the mel scale between 50 and 7,600 Hz.
    augmentation : how clips are changed in training.
    epochs : passes over the clips.
    batch_size : clips a step, two at least.
    frames : length of the stretches that are trained on.
    learning_rate : of AdamW at its peak; it rises and falls along cosines.
    weight_decay : of all filters.
    dropout : before the last layer; half of it before the embedding.
    mixup : parameter of the beta distribution from which the parts are drawn in which two clips
        are mixed; 0 mixes none.
    label_smoothing : probability given to all classes alike.
    averaging : weights are averaged over steps with this factor, and the average is kept.
    silence : frames of silence at either end of a clip that are kept when predicting, at
        most (:func:`trim_silence`); 80 frames of 12.5 ms are what acted clips have before them.
    autocast : multiply in bfloat16 while training, where the processor can.
    checkpoint : file name, written after every epoch of each member with the member's number
        behind it; where such files exist, training goes on from them.
    random_state : seed; with the same seed, clips, versions and processor the same networks.
    verbose : print the loss of every epoch.

    Attributes
    ----------
    classes_ : (k,) labels, ascending.
    arrays_ : for each member, name → float16 array (``sound_network_onnx.parameter_shapes``).
    history_ : for each member the mean loss of each epoch.
    """

    def __init__(
        self,
        *,
        network: Architecture = Architecture(),  # noqa: B008 - frozen
        members: int = 1,
        centres: Sequence[float] | None = None,
        augmentation: Augmentation = Augmentation(),  # noqa: B008 - frozen
        epochs: int = 40,
        batch_size: int = 32,
        frames: int = 200,
        learning_rate: float = 2e-3,
        weight_decay: float = 0.05,
        dropout: float = 0.3,
        mixup: float = 0.3,
        label_smoothing: float = 0.1,
        averaging: float = 0.99,
        silence: int = 80,
        autocast: bool = True,
        checkpoint: str | Path | None = None,
        random_state: int | np.random.RandomState | None = 0,
        verbose: bool = False,
    ) -> None:
        self.network = network
        self.members = members
        self.centres = centres
        self.augmentation = augmentation
        self.epochs = epochs
        self.batch_size = batch_size
        self.frames = frames
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.dropout = dropout
        self.mixup = mixup
        self.label_smoothing = label_smoothing
        self.averaging = averaging
        self.silence = silence
        self.autocast = autocast
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags

    def fit(
        self,
        X: Sequence[ArrayLike],
        y: ArrayLike,
        *,
        share: ArrayLike | None = None,
        start: Sequence[Mapping[str, NDArray[Any]]] | None = None,
        on_epoch: Callable[[int, int, float], None] | None = None,
    ) -> Self:
        """Train on clips.

        Parameters
        ----------
        X : n spectrograms (T_i, bands) in dB, T_i at least one.
        y : (n,) labels, or (n, k) probabilities of the classes 0 … k-1.
        share : (n,) how often each clip is part of an epoch, on the mean; None: once. Of 0.3 the
            clip is part of three epochs in ten, of 2.5 it is there twice or three times.
        start : ``arrays_`` of a network of the same architecture and classes, whose training is
            continued; None: random weights.
        on_epoch : called with the member and the epoch, both from 0, and the mean loss.

        Raises
        ------
        DataError : spectrograms, labels or shares that do not fit together; one class only; a
            checkpoint of another run.
        ParameterError : a setting out of its range.
        MissingExtraError : torch is not installed.
        """
        from emonets.specialists.audio.network import torch as training

        self._check_settings()
        clips = _check_clips(X, self.network.bands)
        targets = self._targets(y, len(clips))
        often = np.ones(len(clips)) if share is None else np.asarray(share, np.float64)
        if often.shape != (len(clips),) or not ((often >= 0) & (often < np.inf)).all():
            raise DataError(f"share: expected {len(clips)} numbers of 0 or more, one a clip")
        if not often.any():
            raise DataError("share: no clip is ever drawn")
        centres = self._centres()
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = check_random_state(seed).randint(2**31)
        self.arrays_, self.history_ = [], []
        for member in range(self.members):

            def report(epoch: int, loss: float, member: int = member) -> None:
                if self.verbose:
                    print(f"network {member + 1}  epoch {epoch + 1:3d}  loss {loss:.4f}")
                if on_epoch is not None:
                    on_epoch(member, epoch, loss)

            recipe = training.Recipe(
                epochs=self.epochs,
                batch_size=self.batch_size,
                frames=self.frames,
                learning_rate=self.learning_rate,
                weight_decay=self.weight_decay,
                dropout=self.dropout,
                mixup=self.mixup,
                averaging=self.averaging,
                autocast=self.autocast,
                seed=int(seed) * 1000 + member,
            )
            arrays, losses = training.train(
                self.network,
                clips,
                targets,
                often,
                centres,
                recipe,
                self.augmentation,
                start=None if start is None else start[member],
                checkpoint=None if self.checkpoint is None else Path(f"{self.checkpoint}.{member}"),
                progress=report,
            )
            # half precision is what a bundle holds, so that what is measured is what ships
            self.arrays_.append({k: v.astype(np.float16) for k, v in arrays.items()})
            self.history_.append(losses)
        self.n_features_in_ = self.network.bands
        for name in ("_runner", "_graph"):  # of the networks before
            self.__dict__.pop(name, None)
        return self

    def _check_settings(self) -> None:
        # of a single clip batch normalisation cannot make a mean and a variance
        for name, least in (("members", 1), ("epochs", 1), ("batch_size", 2), ("frames", 1)):
            if getattr(self, name) < least:
                raise ParameterError(
                    f"{name}: expected at least {least}, got {getattr(self, name)}"
                )
        for name in ("dropout", "label_smoothing", "averaging"):
            if not 0 <= getattr(self, name) < 1:
                raise ParameterError(f"{name}: expected 0 to below 1, got {getattr(self, name)}")
        if self.silence < 0:
            raise ParameterError(f"silence: expected 0 or more frames, got {self.silence}")
        if self.mixup < 0 or self.learning_rate <= 0 or self.weight_decay < 0:
            raise ParameterError("mixup, learning_rate, weight_decay: negative or zero rate")

    def _targets(self, y: ArrayLike, n: int) -> NDArray[np.float32]:
        labels = np.asarray(y)
        if labels.ndim == 2 and labels.dtype.kind == "f":
            if len(labels) != n or not (labels >= 0).all():
                raise DataError(f"y: expected ({n}, classes) probabilities, got {labels.shape}")
            if not np.allclose(labels.sum(axis=1), 1.0, atol=1e-4):
                raise DataError("y: the probabilities of a clip do not sum to one")
            self.classes_ = np.arange(labels.shape[1])
            hard = labels.astype(np.float32)
        else:
            if labels.shape != (n,):
                raise DataError(f"y: expected {n} labels, one a clip, got {labels.shape}")
            check_classification_targets(labels)
            self.classes_ = unique_labels(labels)
            hard = (labels[:, None] == self.classes_).astype(np.float32)
        if len(self.classes_) < 2:
            raise DataError("y: the labels hold one class only")
        smooth = np.float32(self.label_smoothing)
        return hard * (1 - smooth) + smooth / len(self.classes_)

    def _centres(self) -> NDArray[np.float64]:
        bands = self.network.bands
        if self.centres is None:
            low, high = np.log1p(np.array([50.0, 7600.0]) / 700.0)
            return 700.0 * np.expm1(np.linspace(low, high, bands + 2)[1:-1])
        centres = np.asarray(self.centres, np.float64)
        if centres.shape != (bands,) or not (np.diff(centres, prepend=0.0) > 0).all():
            raise ParameterError(f"centres: expected {bands} frequencies, ascending from above 0")
        return centres

    def predict_proba(self, X: Sequence[ArrayLike]) -> NDArray[np.float64]:
        """Probabilities (n, classes) of n clips (T_i, bands) in dB, in the order of ``classes_``.

        Raises
        ------
        DataError : a clip without frames, with another number of bands, or with NaN.
        """
        check_is_fitted(self)
        clips = _check_clips(X, self.network.bands)
        p = np.empty((len(clips), len(self.classes_)))
        for row, clip in zip(p, clips, strict=True):
            seen = self._input(clip)
            row[:] = np.exp(self.runner().log_probabilities(seen))
        return p

    def embed(self, X: Sequence[ArrayLike]) -> NDArray[np.float64]:
        """The embedding (n, members × 2 embedding) of n clips (T_i, bands) in dB.

        Another classifier can be trained on it where there are too few clips to train a network.

        Raises
        ------
        DataError : as :meth:`predict_proba`.
        """
        check_is_fitted(self)
        clips = _check_clips(X, self.network.bands)
        rows = [self.runner().pooled(self._input(clip)) for clip in clips]
        width = 2 * self.network.embedding * len(self.arrays_)
        return np.array(rows).reshape(len(clips), width)

    def _input(self, clip: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the networks take of a clip (T, bands) in dB: (T', bands)."""
        return network_input(
            trim_silence(clip, self.silence), self.network.equalise, self.network.every
        )

    def tempered(self, temperature: float) -> Self:
        """The same networks with log-probabilities divided by a temperature, then normalised.

        The last layer of each network is divided by it. Stored bundles need no field for it.

        Parameters
        ----------
        temperature : above 0; above 1 makes predictions less certain.

        Raises
        ------
        ParameterError : a temperature of 0, below, or not finite.
        """
        check_is_fitted(self)
        if not 0 < temperature < np.inf:
            raise ParameterError(f"temperature: expected a number above 0, got {temperature}")
        made = copy(self)
        made.__dict__.pop("_runner", None)
        made.arrays_ = [
            {
                name: (array / temperature).astype(array.dtype) if name in _LAST else array
                for name, array in member.items()
            }
            for member in self.arrays_
        ]
        return made

    def predict(self, X: Sequence[ArrayLike]) -> NDArray[Any]:
        """The most probable label of each clip: (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_[best]
        return labels

    def runner(self) -> SoundNetRunner:
        """The networks, opened once: on the processor until :meth:`use` is called."""
        if "_runner" not in self.__dict__:
            self.use()
        runner: SoundNetRunner = self.__dict__["_runner"]
        return runner

    def use(self, *, device: str = "cpu", threads: int = 0) -> None:
        """Choose where the networks run (``emonets.runtime.onnx.inference_session``)."""
        check_is_fitted(self)
        kept: SoundNetRunner | None = self.__dict__.get("_runner")
        if kept is None or kept.runs_on != (device, threads):
            self._runner = SoundNetRunner(
                self.network, self.arrays_, graph=self.graph(), device=device, threads=threads
            )

    def graph(self) -> bytes:
        """The graph of each member without weights, stored or built (``onnx.onnx_graph``)."""
        check_is_fitted(self)
        if "_graph" not in self.__dict__:
            self._graph: bytes = onnx_graph(self.network, len(self.classes_))
        return self._graph

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_runner", None)
        return state

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What a bundle stores: plain settings (JSON) and arrays; see :meth:`from_arrays`.

        Raises
        ------
        ParameterError : labels that are no whole numbers.
        """
        check_is_fitted(self)
        if self.classes_.dtype.kind not in "iu":
            raise ParameterError(
                "only whole-number labels can be stored; train on the classes' numbers"
            )
        settings = {
            "network": asdict(self.network),
            "silence": self.silence,
            "members": len(self.arrays_),
            "classes": [int(c) for c in self.classes_],
        }
        arrays = {f"{m}.{k}": v for m, member in enumerate(self.arrays_) for k, v in member.items()}
        return settings, arrays

    @classmethod
    def from_arrays(
        cls,
        settings: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
        *,
        graph: bytes | None = None,
    ) -> Self:
        """The inverse of :meth:`to_arrays`.

        Parameters
        ----------
        graph : what :meth:`graph` returned. None: it is built, which needs the ``onnx`` package.

        Raises
        ------
        BundleError : settings or arrays are missing or of the wrong shape; another graph.
        """
        try:
            fields = dict(settings["network"])
            fields["widths"] = tuple(int(v) for v in fields["widths"])
            fields["blocks"] = tuple(int(v) for v in fields["blocks"])
            network, members = Architecture(**fields), int(settings["members"])
            silence = int(settings["silence"])
            classes = np.asarray(settings["classes"], np.int64)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"the sound network's settings are incomplete or wrong: {error}"
            ) from None
        if members < 1 or classes.ndim != 1 or len(classes) < 2:
            raise BundleError(f"the sound network has {members} members and {classes} as classes")
        shapes = parameter_shapes(network, len(classes))
        every = {f"{m}.{k}": s for m in range(members) for k, s in shapes.items()}
        check_stored("the sound network", arrays, every)
        model = cls(network=network, members=members, silence=max(0, silence))
        if graph is not None:
            check_graph(graph, network, len(classes))
            model._graph = graph
        model.classes_, model.n_features_in_ = classes, network.bands
        model.arrays_ = [
            {k: np.asarray(arrays[f"{m}.{k}"], np.float16) for k in shapes} for m in range(members)
        ]
        return model


def trim_silence(levels: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Leave at most so many frames of silence at either end of a clip: a view of (T, bands) dB.

    Silence is what lies 35 dB below the loudest frame and deeper. Speech does not change with
    the length of the silence around it, but the pooled statistics of a network do: two
    seconds of it at either end cost five to eight points of UAR on RAVDESS.
    """
    power = np.power(10.0, levels.astype(np.float64) / 10.0).mean(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10.0**-3.5)
    return levels[max(0, loud[0] - most) : loud[-1] + 1 + most]


def _check_clips(X: Sequence[ArrayLike], bands: int) -> list[NDArray[np.float32]]:
    clips = [np.asarray(clip) for clip in X]
    for i, clip in enumerate(clips):
        if clip.ndim != 2 or clip.shape[1] != bands or clip.dtype.kind not in "fiu":
            raise DataError(
                f"clip {i}: expected a spectrogram (frames, {bands}), got {clip.dtype} {clip.shape}"
            )
        if len(clip) == 0:
            raise DataError(f"clip {i} has no frames")
        if not np.isfinite(clip).all():
            raise DataError(f"clip {i} holds NaN or infinite values")
    return [clip.astype(np.float32, copy=False) for clip in clips]
