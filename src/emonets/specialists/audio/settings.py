"""The ``audio`` table of a preset: features, deep belief net, networks, training (paper 3.2).

The number behind a field is the section of the paper; a field without one is not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from emonets.errors import ParameterError
from emonets.learners.boltzmann.dbn import DBN
from emonets.learners.boltzmann.machine import Hidden, Visible
from emonets.learners.pooled_perceptron.classifier import POOLINGS, PooledPerceptron
from emonets.learners.pooled_perceptron.layers import ACTIVATIONS
from emonets.learners.pooled_perceptron.rmsprop import DENOMINATORS
from emonets.runtime.settings import from_table, nearest, setting, to_table
from emonets.specialists.audio.features import logmel
from emonets.specialists.audio.features.bands import CEPSTRA
from emonets.specialists.audio.features.framing import FRAME, STEP
from emonets.specialists.audio.features.front import FRONTS
from emonets.specialists.audio.features.plan import FEATURES
from emonets.specialists.audio.features.waveform import SOUND_RATE
from emonets.specialists.audio.features.whitening import Whitening
from emonets.specialists.audio.network.augment import Augmentation
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.network.onnx import Architecture

ON = ("sound", "speech")
"""What of a clip's sound is used: all of it, or only where somebody speaks."""
HEADS = ("", "logistic", "none")
"""What a system learns on a network's embeddings; with "" it trains a network from nothing."""

FRAMES: Mapping[str, Mapping[str, float]] = {
    "yaafe": {
        "rate": SOUND_RATE, "length": FRAME / SOUND_RATE, "step": STEP / SOUND_RATE,
        "features": len(FEATURES), "cepstra": CEPSTRA, "width": FRONTS["yaafe"].width,
        "peak": 0.99,
    },
    "logmel": {
        "rate": SOUND_RATE, "length": logmel.WINDOW / SOUND_RATE, "step": logmel.HOP / SOUND_RATE,
        "width": FRONTS["logmel"].width, "lowest": logmel.LOW, "highest": logmel.HIGH,
    },
}  # fmt: skip
"""The numbers of each front end; stored networks and whitenings depend on all of them."""


@dataclass(frozen=True, kw_only=True)
class Frames:
    """The numbers of the feature frames: ``[audio.frames]``.

    The front end, ``audio.features``, fixes them. They may be written down; another value is an
    error.
    """

    rate: float | None = setting(None, section="3.2.1")
    length: float | None = setting(None)
    step: float | None = setting(None)
    features: float | None = setting(None, section="3.2.1")
    cepstra: float | None = setting(None, section="3.2.1")
    width: float | None = setting(None, section="3.2.1")
    peak: float | None = setting(None)
    lowest: float | None = setting(None)
    highest: float | None = setting(None)

    def check(self, front: str) -> None:
        """Raise ParameterError unless the numbers are those of a front end."""
        fixed = FRAMES[front]
        for name, value in to_table(self).items():
            if name not in fixed:
                raise ParameterError(
                    f"frames.{name}: the features {front!r} have no such number; "
                    f"{nearest(name, fixed)}"
                )
            if value != fixed[name]:
                raise ParameterError(
                    f"frames.{name} is fixed at {fixed[name]:g} by features = {front!r} and cannot "
                    f"be {value:g}: networks and whitenings are stored for these frames"
                )


@dataclass(frozen=True, kw_only=True)
class WhiteningNumbers:
    """``[audio.whitening]``."""

    rotate: bool = setting(False, section="3.2.1")
    ridge: float = setting(1e-7, low=0, low_in=False)
    keep_variance: float = setting(1.0, low=0, low_in=False, high=1)


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One restricted Boltzmann machine: an entry of ``[[audio.pretraining.layers]]``."""

    n_components: int = setting(350, low=1, section="3.2.2")
    visible: Visible = setting("gaussian", section="3.2.2")
    hidden: Hidden = setting("relu", section="3.2.2")
    bound: float = setting(6.0, low=0, low_in=False, high=float("inf"), section="3.2.2")
    algorithm: Literal["sml", "cd"] = setting("sml", section="3.2.2")
    n_steps: int = setting(1, low=1, section="3.2.2")
    n_particles: int | None = setting(None, low=1)
    start: Literal["zero", "data"] = setting("zero")
    sample_visible: bool = setting(True)
    learning_rate: float = setting(6e-4, low=0, low_in=False, high=1e6, section="3.2.2")
    momentum: float = setting(0.0, low=0, high=1, high_in=False)
    l2: float = setting(0.0, low=0, high=1e6, section="3.2.2")
    batch_size: int = setting(60, low=1)
    n_epochs: int = setting(15, low=1, section="3.2.2")
    weight_scale: float = setting(0.005, low=0, low_in=False, high=1e6)


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """``[audio.pretraining]``; ``use`` is how many machines are trained, from the bottom."""

    max_frames: int | None = setting(None, low=1)
    use: int | None = setting(None, low=0)
    layers: tuple[Machine, ...] = ()

    def __post_init__(self) -> None:
        if self.use is not None and self.use > len(self.layers):
            raise ParameterError(f"use is {self.use}, of {len(self.layers)} layers")

    @property
    def used(self) -> tuple[Machine, ...]:
        """The machines that are trained."""
        return self.layers[: self.use]


@dataclass(frozen=True, kw_only=True)
class Perceptron:
    """``[audio.network]`` of the model ``pooled perceptron``."""

    hidden_layer_sizes: tuple[int, ...] = setting((350, 350), low=1, section="3.2.2")
    activations: tuple[str, ...] = setting(
        ("relu", "sigmoid"), choices=ACTIVATIONS, section="3.2.2"
    )
    pooling: str = setting("top", choices=POOLINGS, section="3.2.3")
    train_weights: tuple[float, ...] = setting((1.4, 0.6), section="3.2.3")
    test_weights: tuple[float, ...] = setting((1.3, 0.7), section="3.2.3")
    distinct: bool = setting(False)
    unit_dropout: float = setting(0.121, low=0, high=1, high_in=False, section="3.2.4")
    pooled_dropout: float = setting(0.4, low=0, high=1, high_in=False, section="3.2.4")
    pooled_dropout_by: Literal["feature", "update"] = setting("feature")
    max_frames: int = setting(98, low=1, section="3.2.4")
    batch_size: int = setting(1, low=1, section="3.2.4")
    n_epochs: int = setting(240, low=1)
    patience: int | None = setting(None, low=1, section="3.2.4")
    learning_rate: float = setting(0.0005, low=0, section="3.2.4")
    momentum: float = setting(0.46, low=0, high=1, high_in=False, section="3.2.4")
    rho: float = setting(0.92, low=0, high=1, high_in=False, section="3.2.4")
    denominator: str = setting("weight", choices=DENOMINATORS)
    l2: float = setting(1e-5, low=0, section="3.2.4")
    max_norm: float = setting(1.2875, low=0, low_in=False, section="3.2.4")
    class_weight: Literal["balanced"] | None = setting(None)
    rate_decay: float = setting(0.99, low=0, section="3.2.4")
    decay_after: int = setting(50, low=0, section="3.2.4")
    shuffle: Literal["once", "epoch"] = setting("once", section="3.2.4")

    def __post_init__(self) -> None:
        if len(self.activations) != len(self.hidden_layer_sizes):
            raise ParameterError(
                "activations and hidden_layer_sizes must have an entry for each hidden layer, got "
                f"{len(self.activations)} and {len(self.hidden_layer_sizes)}"
            )
        for name in ("train_weights", "test_weights"):
            weights = getattr(self, name)
            if not weights or abs(sum(weights) - len(weights)) > 1e-6 * len(weights):
                raise ParameterError(
                    f"{name}: the weights of the N highest must sum to N (equation 1), got "
                    f"{list(weights)}"
                )


@dataclass(frozen=True, kw_only=True)
class NetworkTraining:
    """``[audio.training]`` of the model ``sound network``."""

    members: int = setting(1, low=1)
    epochs: int = setting(40, low=1)
    batch_size: int = setting(32, low=2)
    frames: int = setting(200, low=1)
    learning_rate: float = setting(2e-3, low=0, low_in=False)
    weight_decay: float = setting(0.05, low=0)
    dropout: float = setting(0.3, low=0, high=1, high_in=False)
    mixup: float = setting(0.3, low=0)
    label_smoothing: float = setting(0.1, low=0, high=1, high_in=False)
    averaging: float = setting(0.99, low=0, high=1, high_in=False)
    silence: int = setting(80, low=0)
    autocast: bool = setting(True)


@dataclass(frozen=True, kw_only=True)
class Clips:
    """How a whole system uses the audio network: ``[audio.clips]``."""

    base: str = setting("")
    head: str = setting("", choices=HEADS)


@dataclass(frozen=True, kw_only=True)
class AudioSettings:
    """What the tables of both models have in common.

    ``on`` is what of a clip's sound is used: all of it, as in the paper, or only where somebody
    speaks. ``corpora`` is the share of each corpus that an epoch draws; all of those that are not
    named.
    """

    on: str = setting("sound", choices=ON, section="3.2")

    frames: Frames = field(default_factory=Frames)
    corpora: dict[str, float] = setting({}, low=0)
    clips: Clips = field(default_factory=Clips)


@dataclass(frozen=True, kw_only=True)
class PerceptronAudio(AudioSettings):
    """An ``audio`` table of the paper's network."""

    model: Literal["pooled perceptron"] = "pooled perceptron"
    features: str = setting("yaafe", choices=FRONTS, section="3.2.1")
    whitening: WhiteningNumbers = field(default_factory=WhiteningNumbers)
    pretraining: Pretraining = field(default_factory=Pretraining)
    network: Perceptron = field(default_factory=Perceptron)

    def __post_init__(self) -> None:
        self.frames.check(self.features)
        sizes = self.network.hidden_layer_sizes
        used = tuple(machine.n_components for machine in self.pretraining.used)
        if used != sizes[: len(used)]:
            raise ParameterError(
                f"pretraining.layers of {list(used)} units cannot start the hidden layers "
                f"{list(sizes)}; give each hidden layer its machine's size, or a smaller "
                "pretraining.use"
            )


@dataclass(frozen=True, kw_only=True)
class NetworkAudio(AudioSettings):
    """An ``audio`` table of a residual network on spectrograms.

    ``even`` is how evenly an epoch draws over corpora and their classes (`training.even_shares`).
    """

    model: Literal["sound network"] = "sound network"
    features: str = setting("logmel", choices=FRONTS)
    even: float = setting(0.0, low=0, high=1)
    network: Architecture = field(default_factory=Architecture)
    training: NetworkTraining = field(default_factory=NetworkTraining)
    augmentation: Augmentation = field(default_factory=Augmentation)

    def __post_init__(self) -> None:
        self.frames.check(self.features)
        width = FRONTS[self.features].width
        if self.network.bands != width:
            raise ParameterError(
                f"network.bands must be {width}, the numbers of a frame of features = "
                f"{self.features!r}, got {self.network.bands}"
            )


AUDIO_MODELS = (PerceptronAudio, NetworkAudio)


def audio_from_table(
    table: Mapping[str, Any], where: str = "audio", *, file: str = ""
) -> PerceptronAudio | NetworkAudio:
    """An ``audio`` table, checked.

    Raises
    ------
    ParameterError : as :func:`emonets.runtime.settings.from_table`.
    """
    made = from_table(AUDIO_MODELS, table, where, file=file)
    assert isinstance(made, PerceptronAudio | NetworkAudio)
    return made


def build_whitening(settings: PerceptronAudio) -> Whitening:
    """The whitening, not yet fitted."""
    return Whitening(dtype="float32", **to_table(settings.whitening))


def build_pretraining(settings: PerceptronAudio, *, seed: int | None = None) -> DBN | None:
    """The deep belief net that the perceptron starts from, untrained; None: it has none."""
    layers = [to_table(machine) for machine in settings.pretraining.used]
    return DBN(layers, random_state=seed) if layers else None


def build_perceptron(
    settings: PerceptronAudio, *, initial: Any = None, seed: int | None = None
) -> PooledPerceptron:
    """The paper's network, untrained; ``initial`` are the weights of a deep belief net."""
    numbers = to_table(settings.network)
    return PooledPerceptron(**numbers, initial=initial, random_state=seed)


def build_network(
    settings: NetworkAudio, *, checkpoint: Any = None, seed: int | None = 0
) -> SoundNetClassifier:
    """The network on spectrograms, untrained."""
    return SoundNetClassifier(
        network=settings.network, augmentation=settings.augmentation,
        **to_table(settings.training), checkpoint=checkpoint, random_state=seed,
    )  # fmt: skip
