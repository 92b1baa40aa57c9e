"""A convolutional network on small grey pictures, as a scikit-learn classifier (paper 3.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.stored import check_stored
from emonets.specialists.face.network.layers import (
    NETWORKS,
    Conv,
    Dense,
    Network,
    network_from_json,
    network_to_json,
    parameter_shapes,
)
from emonets.specialists.face.network.onnx import ConvNetRunner, check_graph, onnx_graph


class ConvNetClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A ConvNet trained by stochastic gradient descent on random crops and mirror images.

    The numbers of the constructor are the paper's (3.1.2) with cuda-convnet's meaning of them.
    Training needs the extra ``[train]`` (torch); predicting does not.

    Parameters
    ----------
    network : a name in ``layers.NETWORKS`` or a tuple of layers whose last
        one is ``Dense``; its units are set to the number of classes.
    crop : side of the square crops that the network is given, in pixels; at test the centre.
    flip : probability with which a crop is mirrored in training.
    epochs : passes over the training pictures at most.
    batch_size : pictures a step.
    weight_rate, bias_rate : learning rates of filters and biases.
    momentum : of the gradient descent.
    rate_drops : epochs after which both rates are divided by ten.
    patience : stop after so many epochs without a better validation score; 0 never stops.
    mirror : at test, average the probabilities of the picture and of its mirror image.
    autocast : multiply in bfloat16 while training, where the processor can.
    checkpoint : file to write after each epoch and to go on from.
    random_state : seed of initial weights, order, crops and mirrors.
    verbose : print a line an epoch.

    Attributes
    ----------
    classes_ : (k,) the labels in column order.
    mean_image_ : (side, side) float32, subtracted from every picture.
    arrays_ : the network's parameters by name (``network.parameter_shapes``).
    network_ : the layers as trained.
    history_ : loss, score and seconds an epoch.
    """

    def __init__(
        self,
        *,
        network: str | Network = "convnet1",
        crop: int = 40,
        flip: float = 0.5,
        epochs: int = 453,
        batch_size: int = 128,
        weight_rate: float = 0.001,
        bias_rate: float = 0.002,
        momentum: float = 0.9,
        rate_drops: Sequence[int] = (),
        patience: int = 0,
        mirror: bool = False,
        autocast: bool = True,
        checkpoint: str | Path | None = None,
        random_state: int = 0,
        verbose: bool = False,
    ) -> None:
        self.network = network
        self.crop = crop
        self.flip = flip
        self.epochs = epochs
        self.batch_size = batch_size
        self.weight_rate = weight_rate
        self.bias_rate = bias_rate
        self.momentum = momentum
        self.rate_drops = rate_drops
        self.patience = patience
        self.mirror = mirror
        self.autocast = autocast
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.non_deterministic = False
        return tags

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        validation: tuple[Any, ...] | None = None,
        progress: Callable[[int, Any], None] | None = None,
    ) -> Self:
        """Train on pictures.

        Parameters
        ----------
        X : (n, side, side) grey, 0..255.
        y : (n,) labels.
        validation : ``(X, y)`` of held-out pictures, or ``(X, y, clip)`` of the faces of
            labelled clips, with a clip number for each picture: then a clip is right when the
            mean of its faces' probabilities is. The epoch with the best accuracy is kept.
        progress : called with the epoch (from 0) and the history so far.

        Raises
        ------
        DataError : pictures or labels of the wrong shape, or of one class only.
        MissingExtraError : torch is not installed.
        """
        from emonets.specialists.face.network import torch as training

        images = check_images(X, self.crop)
        labels = np.asarray(y)
        if labels.shape != (len(images),):
            raise DataError(f"expected {len(images)} labels, one a picture, got {labels.shape}")
        check_classification_targets(labels)
        self.classes_ = unique_labels(labels)
        if len(self.classes_) < 2:
            raise DataError(f"the labels hold one class only, {self.classes_[0]!r}")
        self.network_ = with_classes(self.network, len(self.classes_))
        if any(isinstance(layer, Conv) and layer.norm for layer in self.network_):
            raise ParameterError(
                "a network with batch normalisation is trained by ModernConvNetClassifier "
                '(in a preset: face.model = "modern convnet")'
            )
        self.mean_image_ = images.mean(axis=0, dtype=np.float64).astype(np.float32)
        self.n_features_in_ = int(images.shape[1] * images.shape[2])
        recipe = training.Recipe(
            crop=self.crop,
            epochs=self.epochs,
            batch_size=self.batch_size,
            weight_rate=self.weight_rate,
            bias_rate=self.bias_rate,
            momentum=self.momentum,
            rate_drops=tuple(self.rate_drops),
            patience=self.patience,
            autocast=self.autocast,
            seed=self.random_state,
            flip=self.flip,
        )
        score = None
        if validation is not None:
            score = self._scorer(training, *validation)
        if progress is None and self.verbose:
            progress = _print_epoch
        self.arrays_, history = training.train(
            self.network_,
            images - self.mean_image_,
            np.searchsorted(self.classes_, labels).astype(np.int64),
            recipe,
            score,
            checkpoint=None if self.checkpoint is None else Path(self.checkpoint),
            progress=progress,
        )
        self.history_ = asdict(history)
        self._forget()
        return self

    def _scorer(
        self, training: Any, X: ArrayLike, y: ArrayLike, clip: ArrayLike | None = None
    ) -> Callable[[dict[str, NDArray[np.float32]]], float]:
        pictures = self._prepare(X)
        truth = np.asarray(y)
        group = np.arange(len(truth)) if clip is None else np.asarray(clip)
        if not len(pictures) == len(truth) == len(group) > 0:
            raise DataError("validation pictures, labels and clips differ in number or are none")
        _, first, member = np.unique(group, return_index=True, return_inverse=True)

        def score(arrays: dict[str, NDArray[np.float32]]) -> float:
            p = training.probabilities(
                self.network_, arrays, pictures, autocast=self.autocast, device=self._where()
            )
            summed = np.zeros((len(first), p.shape[1]))
            np.add.at(summed, member, p)
            return float(np.mean(self.classes_[summed.argmax(axis=1)] == truth[first]))

        return score

    def _where(self) -> str:
        """Where training scores."""
        return "cpu"

    def _prepare(self, X: ArrayLike) -> NDArray[np.float32]:
        images = check_images(X, self.crop, self.mean_image_.shape)
        edge = [(s - self.crop) // 2 for s in self.mean_image_.shape]
        middle = tuple(slice(e, e + self.crop) for e in edge)
        centred: NDArray[np.float32] = images[(slice(None), *middle)] - self.mean_image_[middle]
        return centred[:, None]

    def _views(self, X: ArrayLike) -> NDArray[np.float32]:
        """What the network is shown: of each picture its centre, with ``mirror`` followed by its
        mirror image, so that a single picture's two views go through it together."""
        pictures = self._prepare(X)
        if not self.mirror:
            return pictures
        both = np.stack([pictures, pictures[..., ::-1]], axis=1)
        return both.reshape(-1, *pictures.shape[1:])

    def _of_views(self, p: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean of the views' probabilities: (n, classes)."""
        total = p.reshape(-1, 1 + self.mirror, p.shape[1]).sum(axis=1)
        mean: NDArray[np.float64] = total / total.sum(axis=1, keepdims=True)
        return mean

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probabilities (n, classes) of pictures (n, side, side), in the order of ``classes_``."""
        check_is_fitted(self)
        pictures = self._views(X)
        p = self.runner().probabilities(pictures).astype(np.float64)
        return self._of_views(p)

    def predict_with_embedding(
        self, X: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """:meth:`predict_proba`, and the penultimate-layer embedding (n, width) of n ≥ 1 pictures.

        Another classifier can be trained on it where there are too few pictures to train a network.
        With ``mirror`` it is the mean of both views, as the probabilities are.
        """
        check_is_fitted(self)
        probabilities, pooled = self.runner().probabilities_with_embedding(self._views(X))
        embedding = pooled.reshape(-1, 1 + self.mirror, pooled.shape[1]).mean(axis=1)
        return self._of_views(probabilities.astype(np.float64)), embedding

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable label of each picture: (n,)."""
        labels: NDArray[Any] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels

    def runner(self) -> ConvNetRunner:
        """The network, opened once: on the processor until :meth:`use` is called."""
        if "_runner" not in self.__dict__:
            self.use()
        runner: ConvNetRunner = self.__dict__["_runner"]
        return runner

    def use(self, *, device: str = "cpu", threads: int = 0) -> None:
        """Choose where the network runs (``emonets.runtime.onnx.inference_session``)."""
        check_is_fitted(self)
        kept: ConvNetRunner | None = self.__dict__.get("_runner")
        if kept is not None and kept.runs_on == (device, threads):
            return  # a loaded model predicts many clips
        self._runner = ConvNetRunner(
            self.network_, self.arrays_, self.crop, graph=self.graph(), device=device,
            threads=threads,
        )  # fmt: skip

    def graph(self) -> bytes:
        """The network's graph without weights, for a bundle (``onnx.onnx_graph``).

        Raises
        ------
        MissingExtraError : it was not stored, and the ``onnx`` package is not installed.
        """
        check_is_fitted(self)
        if "_graph" not in self.__dict__:
            self._graph: bytes = onnx_graph(self.network_, self.crop)
        return self._graph

    def _forget(self) -> None:
        """What belongs to the network as it was before it was trained again."""
        for name in ("_runner", "_graph"):
            self.__dict__.pop(name, None)

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_runner", None)
        return state

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """What a bundle stores: plain settings (JSON) and arrays; see :meth:`from_arrays`.

        Weights that are numbers of half precision are stored as such.
        """
        check_is_fitted(self)
        settings = {
            "network": network_to_json(self.network_),
            "crop": self.crop,
            "side": self.mean_image_.shape[0],
            "mirror": self.mirror,
            "classes": [int(c) for c in self.classes_],
        }
        return settings, {
            **{name: _shortest(values) for name, values in self.arrays_.items()},
            "mean_image": self.mean_image_,
        }

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
            network = network_from_json(settings["network"])
            crop, side = int(settings["crop"]), int(settings["side"])
            mirror, classes = bool(settings["mirror"]), np.asarray(settings["classes"], np.int64)
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(f"the network's settings are incomplete or wrong: {error}") from None
        shapes = {**parameter_shapes(network, crop), "mean_image": (side, side)}
        check_stored("the network", arrays, shapes)
        if crop > side or not network or not isinstance(network[-1], Dense):
            raise BundleError("the network has no dense layer at its end, or too large a crop")
        if network[-1].units != len(classes):
            raise BundleError(
                f"the network has {network[-1].units} outputs for {len(classes)} classes"
            )
        model = cls(network=network, crop=crop, mirror=mirror)
        if graph is not None:
            check_graph(graph, network, crop)
            model._graph = graph
        model.network_, model.classes_ = network, classes
        model.mean_image_ = np.asarray(arrays["mean_image"], np.float32)
        model.n_features_in_ = side * side
        model.arrays_ = {k: np.asarray(arrays[k], np.float32) for k in shapes if k != "mean_image"}
        return model


def _shortest(values: NDArray[np.float32]) -> NDArray[np.floating]:
    """The same numbers in half precision, if that holds them."""
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.array_equal(half, values) else values


def with_classes(network: str | Network, classes: int) -> Network:
    if isinstance(network, str):
        if network not in NETWORKS:
            raise ParameterError(f"network {network!r} is unknown; known: {', '.join(NETWORKS)}")
        network = NETWORKS[network]
    last = network[-1]
    if not isinstance(last, Dense):
        raise ParameterError("a network's last layer must be Dense")
    return (*network[:-1], replace(last, units=classes))


def check_images(
    X: ArrayLike, crop: int, shape: tuple[int, ...] | None = None
) -> NDArray[np.float32]:
    images = np.asarray(X)
    if images.ndim != 3 or not np.isrealobj(images) or images.dtype == object:
        raise DataError(
            f"expected grey pictures of shape (n, side, side), got {images.shape} {images.dtype}"
        )
    if shape is not None and images.shape[1:] != shape:
        raise DataError(f"this network was trained on pictures of {shape}, got {images.shape[1:]}")
    if images.shape[1] != images.shape[2] or images.shape[1] < crop:
        raise DataError(
            f"expected square pictures of at least {crop} pixels, got {images.shape[1:]}"
        )
    images = images.astype(np.float32)
    if not np.isfinite(images).all():
        raise DataError("the pictures hold NaN or infinite values")
    return images


def _print_epoch(epoch: int, history: Any) -> None:
    score = f"  validation {history.score[-1]:.4f}" if history.score else ""
    print(f"epoch {epoch + 1:3d}  loss {history.loss[-1]:.4f}{score}  {history.seconds[-1]:.0f} s")
