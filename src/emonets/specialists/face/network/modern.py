"""A convolutional network on small grey pictures, trained as it is done today."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from emonets.errors import DataError, ParameterError
from emonets.specialists.face.network.augment import FaceAugmentation
from emonets.specialists.face.network.classifier import (
    ConvNetClassifier,
    check_images,
    with_classes,
)
from emonets.specialists.face.network.layers import Network, OvalStandardise, Standardise


class ModernConvNetClassifier(ConvNetClassifier):
    """A network with batch normalisation, trained on pictures that are changed at random.

    It predicts as a :class:`ConvNetClassifier` does; only the training differs. Its weights are
    kept in half precision, so that what is measured is what a bundle holds. Training needs the
    extra ``[train]`` (torch); predicting does not.

    Parameters
    ----------
    network : a name in ``layers.NETWORKS`` or a tuple of layers whose last one
        is ``Dense``; its units are set to the number of classes.
    crop : side of the square crops that the network is given, in pixels; at test the centre.
    augmentation : how pictures are changed in training.
    epochs : passes over the training pictures.
    batch_size : pictures a step, two at least.
    learning_rate : of gradient descent with Nesterov's momentum, at its peak; it rises over the
        first 4 % of the steps and falls along a cosine.
    momentum, weight_decay : of the gradient descent; biases and normalisations do not decay.
    label_smoothing : probability given to all classes alike.
    averaging : weights are averaged over steps with this factor, and the average is kept.
    teaching : weight of the teachers' predictions in the targets (``fit``).
    views : so many changes of each picture are drawn, the same in every run, and used in turn, so
        that teachers predict each once; 0 draws new ones in every epoch, and teachers predict in
        every step.
    first_view : number of the first of these changes, for teachers that were trained on
        earlier ones.
    mirror : at test, average the probabilities of the picture and of its mirror image.
    autocast : multiply in bfloat16 while training, where the processor or the card can.
    device : where to train: ``auto``, ``cpu`` or ``cuda``.
    checkpoint : file to write after epochs, twice a minute at most, and to go on from.
    random_state : seed; with the same seed, pictures, versions and processor the same network. A
        graphics card chooses among ways to multiply, and gives a similar one.
    verbose : print a line an epoch.

    Attributes
    ----------
    as :class:`ConvNetClassifier`'s.
    """

    def __init__(
        self,
        *,
        network: str | Network = "vgg small",
        crop: int = 44,
        augmentation: FaceAugmentation = FaceAugmentation(),  # noqa: B008 - frozen
        epochs: int = 100,
        batch_size: int = 128,
        learning_rate: float = 0.05,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        label_smoothing: float = 0.1,
        averaging: float = 0.999,
        teaching: float = 0.0,
        views: int = 0,
        first_view: int = 0,
        mirror: bool = False,
        autocast: bool = True,
        device: str = "auto",
        checkpoint: str | Path | None = None,
        random_state: int = 0,
        verbose: bool = False,
    ) -> None:
        self.network = network
        self.crop = crop
        self.augmentation = augmentation
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.label_smoothing = label_smoothing
        self.averaging = averaging
        self.teaching = teaching
        self.views = views
        self.first_view = first_view
        self.mirror = mirror
        self.autocast = autocast
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        votes: ArrayLike | None = None,
        start: ConvNetClassifier | None = None,
        teachers: Sequence[ConvNetClassifier] = (),
        taught: NDArray[np.float16] | None = None,
        validation: tuple[Any, ...] | None = None,
        progress: Callable[[int, Any], None] | None = None,
    ) -> Self:
        """Train on pictures.

        Parameters
        ----------
        X : (n, side, side) grey, 0..255.
        y : (n,) labels.
        votes : (n, classes) probabilities to train on in place of the labels, in the order of the
            sorted labels: the labels of a picture by several people.
        start : a fitted network of the same layers to begin from.
        teachers : fitted networks of the same crop and classes. Their mean prediction of each
            changed picture takes the part ``teaching`` of the target.
        taught : predictions of teachers for each view of each picture, from :meth:`teach`, in place
            of them; several pupils of the same pictures can share it.
        validation, progress : as for :meth:`ConvNetClassifier.fit`.

        Raises
        ------
        DataError : pictures, labels or votes of the wrong shape, or of one class only.
        ParameterError : a setting out of its range; a start or a teacher that does not fit.
        MissingExtraError : torch is not installed.
        """
        from emonets.specialists.face.network import modern_torch as training
        from emonets.specialists.face.network.modern_run import Recipe

        self._check_settings()
        images = check_images(X, self.crop)
        labels = np.asarray(y)
        if labels.shape != (len(images),):
            raise DataError(f"expected {len(images)} labels, one a picture, got {labels.shape}")
        check_classification_targets(labels)
        self.classes_ = unique_labels(labels)
        if len(self.classes_) < 2:
            raise DataError(f"the labels hold one class only, {self.classes_[0]!r}")
        if len(images) < self.batch_size:
            raise DataError(f"{len(images)} pictures are less than a batch of {self.batch_size}")
        self.network_ = with_classes(self.network, len(self.classes_))
        self._set_mean(images)
        if taught is None and teachers and self.views:
            taught = self.teach(images, teachers)
        if taught is not None:
            expected = (self.views, len(images), len(self.classes_))
            if taught.shape != expected:
                raise DataError(
                    f"taught: expected (views, n, classes) {expected}, got {taught.shape}"
                )
            teachers = ()
        self._check_teachers(teachers, self.classes_)
        if start is not None and (start.network_, start.crop) != (self.network_, self.crop):
            raise ParameterError("the network to start from has other layers or another crop")
        recipe = Recipe(
            crop=self.crop, epochs=self.epochs, batch_size=self.batch_size,
            learning_rate=self.learning_rate, momentum=self.momentum,
            weight_decay=self.weight_decay, averaging=self.averaging, teaching=self.teaching,
            views=self.views, first_view=self.first_view, autocast=self.autocast,
            seed=self.random_state,
        )  # fmt: skip
        score = None
        if validation is not None:
            from emonets.specialists.face.network import torch as convnet_torch

            score = self._scorer(convnet_torch, *validation)
        found, history = training.train(
            self.network_,
            images - self.mean_image_,
            self._targets(labels, votes),
            recipe,
            self.augmentation,
            score,
            start=None if start is None else start.arrays_,
            teachers=[(other.network_, other.arrays_) for other in teachers],
            taught=taught,
            device=self.device,
            checkpoint=None if self.checkpoint is None else Path(self.checkpoint),
            progress=progress or (_say if self.verbose else None),
        )
        self.arrays_ = {k: v.astype(np.float16).astype(np.float32) for k, v in found.items()}
        self.history_ = asdict(history)
        self._forget()
        return self

    def teach(self, X: ArrayLike, teachers: Sequence[ConvNetClassifier]) -> NDArray[np.float16]:
        """The mean predictions of fitted networks for each view of pictures (n, side, side).

        Returns
        -------
        (views, n, classes); see ``fit``.

        Raises
        ------
        DataError, ParameterError : as ``fit``; no views, no teacher.
        """
        from emonets.specialists.face.network import modern_torch as training

        self._check_settings()
        images = check_images(X, self.crop)
        if not teachers or not self.views:
            raise ParameterError("teach needs a teacher at least, and views more than 0")
        self._set_mean(images)
        self._check_teachers(teachers, teachers[0].classes_)
        return training.teach(
            [(other.network_, other.arrays_) for other in teachers],
            images - self.mean_image_,
            self.crop,
            self.views,
            self.augmentation,
            first_view=self.first_view,
            device=self.device,
            autocast=self.autocast,
        )

    def _set_mean(self, images: NDArray[np.float32]) -> None:
        # one grey level for all: the pictures are moved about
        mean = images.mean(dtype=np.float64)
        self.mean_image_ = np.full(images.shape[1:], mean, np.float32)
        self.n_features_in_ = int(images.shape[1] * images.shape[2])

    def _check_teachers(self, teachers: Sequence[ConvNetClassifier], classes: ArrayLike) -> None:
        for other in teachers:
            if other.crop != self.crop or list(other.classes_) != list(np.asarray(classes)):
                raise ParameterError("a teacher has another crop or other classes")
            if isinstance(other.network_[0], Standardise | OvalStandardise):
                continue  # it takes the brightness out itself
            if not np.allclose(other.mean_image_, self.mean_image_, atol=2.0):
                raise ParameterError("a teacher was trained on pictures of another brightness")

    def _where(self) -> str:
        from emonets.specialists.face.network.modern_torch import find_device

        return find_device(self.device).type

    def _check_settings(self) -> None:
        # of a single picture batch normalisation cannot make a mean and a variance
        for name, least in (
            ("epochs", 1), ("batch_size", 2), ("crop", 1), ("views", 0), ("first_view", 0),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise ParameterError(
                    f"{name}: expected at least {least}, got {getattr(self, name)}"
                )
        for name in ("label_smoothing", "averaging", "momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise ParameterError(f"{name}: expected 0 to below 1, got {getattr(self, name)}")
        if not 0 <= self.teaching <= 1:
            raise ParameterError(f"teaching: expected 0..1, got {self.teaching}")
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ParameterError("learning_rate, weight_decay: negative or zero rate")

    def _targets(self, labels: NDArray[Any], votes: ArrayLike | None) -> NDArray[np.float32]:
        k = len(self.classes_)
        if votes is None:
            given = (labels[:, None] == self.classes_).astype(np.float32)
        else:
            given = np.asarray(votes, np.float32)
            if given.shape != (len(labels), k) or not (given >= 0).all():
                raise DataError(f"votes: expected ({len(labels)}, {k}), got {given.shape}")
            if not np.allclose(given.sum(axis=1), 1.0, atol=1e-3):
                raise DataError("votes: those of a picture do not sum to one")
        smooth = np.float32(self.label_smoothing)
        smoothed: NDArray[np.float32] = given * (1 - smooth) + smooth / np.float32(k)
        return smoothed


def _say(epoch: int, history: Any) -> None:
    score = f"  validation {history.score[-1]:.4f}" if history.score else ""
    print(f"epoch {epoch + 1:3d}  loss {history.loss[-1]:.4f}{score}  {history.seconds[-1]:.0f} s")
