"""The ``face`` table of a preset: pictures, networks and their training, the SVM (paper 3.1).

The number behind a field is the section of the paper; a field without one is not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from emonets.errors import ParameterError
from emonets.learners.grid_search import COARSE, EXPONENTS
from emonets.learners.logistic.grouped import BY_PERSON
from emonets.runtime.settings import from_table, setting, to_table
from emonets.specialists.face.network.augment import FaceAugmentation
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import NETWORKS, Conv, Dense, Network, check_side
from emonets.specialists.face.network.modern import ModernConvNetClassifier
from emonets.specialists.face.specialist import FacePreprocessing
from emonets.tubes.registration import FER_LANDMARK_MEAN, FER_SIZE, NOISE_BORDER

LARGEST = 224
"""Largest side of a face network's pictures, pixels; a tube's crops have 96."""
HEADS = ("svm", "logistic", "none", BY_PERSON)
"""What a system learns of a clip's faces: the paper's SVM, a regression, or nothing."""


@dataclass(frozen=True, kw_only=True)
class Images:
    """How a face becomes the network's picture: ``[face.images]``."""

    registration: str = setting("source", choices=("source", "face"), section="3.1.1")
    illumination: str = setting("none", choices=("isotropic", "none"), section="3.1.1")
    smoothness: float = setting(7.0, low=0, low_in=False, section="3.1.1")
    border: Literal["noise", "edge"] = setting("noise", section="3.1.1")
    border_pixels: int = setting(
        NOISE_BORDER, fixed="the shipped networks were trained with this noise around faces"
    )
    size: int = setting(FER_SIZE, section="3.1.1", low=16, high=LARGEST)
    zoom: float = setting(1.0, section="3.1.1", low=0.5, high=2)
    up: float = setting(0.0, section="3.1.1", low=-12, high=12)
    points: int = setting(
        len(FER_LANDMARK_MEAN),
        section="3.1.1",
        fixed="the mean shape has the points inside the face; the 17 of its contour are ignored",
    )

    def preprocessing(self) -> FacePreprocessing:
        """What makes the pictures."""
        return FacePreprocessing(
            registration=self.registration, illumination=self.illumination,
            smoothness=self.smoothness, border=self.border, size=self.size,
            zoom=self.zoom, up=self.up,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class ConvNetNumbers:
    """``[face.network]`` of the model ``convnet``, trained as cuda-convnet did.

    Where ``filters``, ``filter_size``, ``weight_decay`` and ``dense_decay`` are left out, the
    layers of the named network keep their own.
    """

    network: str = setting("convnet1", choices=NETWORKS, section="3.1.2")
    filters: tuple[int, ...] | None = setting(None, low=1, section="3.1.2")
    filter_size: int | None = setting(None, low=1, section="3.1.2")
    units: int = setting(7, section="3.1.2", fixed="there are seven emotions")
    crop: int = setting(40, low=1, high=LARGEST, section="3.1.2")
    flip: float = setting(0.5, low=0, high=1, section="3.1.2")
    weight_rate: float = setting(0.001, low=0, low_in=False, section="3.1.2")
    bias_rate: float = setting(0.002, low=0, low_in=False, section="3.1.2")
    momentum: float = setting(0.9, low=0, high=1, high_in=False, section="3.1.2")
    weight_decay: float | None = setting(None, low=0, section="3.1.2")
    dense_decay: float | None = setting(None, low=0, section="3.1.2")
    epochs: int = setting(453, low=1, section="3.1.2")
    batch_size: int = setting(128, low=1)
    rate_drops: tuple[int, ...] = setting((), low=1)
    patience: int = setting(0, low=0)
    mirror: bool = setting(False, section="3.1.2")
    autocast: bool = setting(True)

    def __post_init__(self) -> None:
        if self.filter_size is not None and self.filter_size % 2 == 0:
            raise ParameterError(f"filter_size must be odd, got {self.filter_size}")
        self.layers()

    def layers(self) -> Network:
        """The network with the numbers that are given in place of its own.

        Raises
        ------
        ParameterError : not one number of filters for each convolution.
        """
        network = NETWORKS[self.network]
        count = sum(isinstance(layer, Conv) for layer in network)
        if self.filters is not None and len(self.filters) != count:
            raise ParameterError(
                f"filters must have an entry for each of the {count} convolutions of "
                f"{self.network!r}, got {list(self.filters)}"
            )
        filters = iter(self.filters or [None] * count)
        return tuple(
            self._changed(layer, next(filters) if isinstance(layer, Conv) else None)
            for layer in network
        )

    def _changed(self, layer: Any, filters: int | None) -> Any:
        changes: dict[str, Any] = {}
        if isinstance(layer, Conv):
            if filters is not None:
                changes["filters"] = filters
            if self.filter_size is not None and not layer.norm:
                changes |= {"size": self.filter_size, "pad": self.filter_size // 2}
            if self.weight_decay is not None:
                changes["decay"] = self.weight_decay
        elif isinstance(layer, Dense) and self.dense_decay is not None:
            changes["decay"] = self.dense_decay
        return replace(layer, **changes)


@dataclass(frozen=True, kw_only=True)
class ModernNumbers:
    """``[face.network]`` of the model ``modern convnet``."""

    network: str = setting("vgg small", choices=NETWORKS)
    crop: int = setting(44, low=1, high=LARGEST)
    mirror: bool = setting(False)

    def __post_init__(self) -> None:
        check_side(NETWORKS[self.network], self.crop)


@dataclass(frozen=True, kw_only=True)
class ModernTraining:
    """``[face.training]`` of the model ``modern convnet``."""

    epochs: int = setting(100, low=1)
    batch_size: int = setting(128, low=2)
    learning_rate: float = setting(0.05, low=0, low_in=False)
    momentum: float = setting(0.9, low=0, high=1, high_in=False)
    weight_decay: float = setting(5e-4, low=0)
    label_smoothing: float = setting(0.1, low=0, high=1, high_in=False)
    averaging: float = setting(0.999, low=0, high=1, high_in=False)
    votes: float = setting(0.0, low=0, high=1)
    teaching: float = setting(0.0, low=0, high=1)
    views: int = setting(0, low=0)
    start: str = setting("none", choices=("none", "recognition"))
    """The weights that training begins from: random ones, or those of the recognition network."""
    autocast: bool = setting(True)


@dataclass(frozen=True, kw_only=True)
class Clips:
    """How a whole system uses the face network: ``[face.clips]``."""

    base: str = setting("")
    head: str = setting("svm", choices=HEADS, section="3.1.4")
    slots: int = setting(10, low=1, section="3.1.4")


@dataclass(frozen=True, kw_only=True)
class Search:
    """Where the SVM's two numbers are searched for: ``[face.svm]``.

    First all powers of ten, then the best times powers of two (4.2). The paper gives no ends.
    """

    C: tuple[float, ...] = setting(COARSE["C"], low=0, low_in=False, section="3.1.4, 4.2")
    gamma: tuple[float, ...] = setting(COARSE["gamma"], low=0, low_in=False, section="3.1.4, 4.2")
    exponents: tuple[float, ...] = setting(EXPONENTS, section="4.2")
    folds: int = setting(5, low=2)

    def __post_init__(self) -> None:
        for name in ("C", "gamma", "exponents"):
            if not getattr(self, name):
                raise ParameterError(f"{name} is empty; name at least one number")


@dataclass(frozen=True, kw_only=True)
class FaceSettings:
    """What the tables of both models have in common."""

    images: Images = field(default_factory=Images)
    clips: Clips = field(default_factory=Clips)
    svm: Search = field(default_factory=Search)

    def _check_crop(self, crop: int) -> None:
        if crop > self.images.size:
            raise ParameterError(
                f"network.crop is {crop}, larger than the pictures (images.size is "
                f"{self.images.size}); lower it, or raise images.size"
            )


@dataclass(frozen=True, kw_only=True)
class ConvNetFace(FaceSettings):
    """A ``face`` table of the paper's ConvNets."""

    model: Literal["convnet"] = "convnet"
    network: ConvNetNumbers = field(default_factory=ConvNetNumbers)

    def __post_init__(self) -> None:
        self._check_crop(self.network.crop)


@dataclass(frozen=True, kw_only=True)
class ModernFace(FaceSettings):
    """A ``face`` table of a network with batch normalisation."""

    model: Literal["modern convnet"] = "modern convnet"
    network: ModernNumbers = field(default_factory=ModernNumbers)
    training: ModernTraining = field(default_factory=ModernTraining)
    augmentation: FaceAugmentation = field(default_factory=FaceAugmentation)

    def __post_init__(self) -> None:
        self._check_crop(self.network.crop)


FACE_MODELS = (ConvNetFace, ModernFace)


def face_from_table(
    table: Mapping[str, Any], where: str = "face", *, file: str = ""
) -> ConvNetFace | ModernFace:
    """A ``face`` table, checked.

    Raises
    ------
    ParameterError : as :func:`emonets.runtime.settings.from_table`.
    """
    made = from_table(FACE_MODELS, table, where, file=file)
    assert isinstance(made, ConvNetFace | ModernFace)
    return made


def build_face_network(
    settings: ConvNetFace | ModernFace,
    *,
    checkpoint: Path | None = None,
    seed: int = 0,
    device: str = "auto",
) -> ConvNetClassifier:
    """The untrained network that a ``face`` table describes.

    Parameters
    ----------
    checkpoint : file that training goes on from. seed : of all random numbers.
    device : where a ``modern convnet`` is trained, ``auto``, ``cpu`` or ``cuda``.
    """
    numbers = to_table(settings.network)
    if isinstance(settings, ConvNetFace):
        for name in ("filters", "filter_size", "weight_decay", "dense_decay"):
            numbers.pop(name, None)
        numbers["network"] = settings.network.layers()
        return ConvNetClassifier(**numbers, checkpoint=checkpoint, random_state=seed)
    training = to_table(settings.training)
    for name in ("votes", "start"):  # of the targets and of `fit`, not of the network
        del training[name]
    return ModernConvNetClassifier(
        **numbers, **training, augmentation=settings.augmentation, checkpoint=checkpoint,
        random_state=seed, device=device,
    )  # fmt: skip
