"""The ``activity`` table of a preset: blocks, filters, super blocks, words, SVM (paper 3.3).

The number behind a field is the section of the paper; a field without one is not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emonets.errors import ParameterError
from emonets.learners.grid_search import EXPONENTS
from emonets.learners.streamed_pca import StreamedPCA
from emonets.learners.svm.chi2 import KERNELS
from emonets.learners.synchrony.autoencoder import SynchronyAutoencoder
from emonets.learners.synchrony.training import SCHEDULES
from emonets.learners.word_histogram import ALGORITHMS, WordHistogram
from emonets.runtime.settings import from_table, setting, to_table
from emonets.specialists.activity.blocks import BLOCK, STRIDE, SUPERBLOCK, Geometry
from emonets.specialists.activity.code import MotionCode
from emonets.specialists.activity.specialist import C_GRID, SEEN_ON, ActivitySpecialist


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """``[activity.blocks]``: what the autoencoder learns from.

    ``basis`` is how many numbers a frame of a block is written in; 0 takes its pixels.
    """

    size: tuple[int, int, int] = setting(BLOCK, low=1, section="3.3")
    count: int = setting(200_000, low=1, section="3.3")
    components: int = setting(300, low=1, section="3.3")
    keep_variance: float = setting(1.0, low=0, low_in=False, high=1)
    basis: int = setting(0, low=0)


@dataclass(frozen=True, kw_only=True)
class Synchrony:
    """``[activity.synchrony]``: the autoencoder."""

    n_components: int = setting(300, low=1, section="3.3")
    contraction: float = setting(0.0, low=0, high=1e6)
    learning_rate: float = setting(1e-4, low=0, low_in=False, high=1e6, section="3.3")
    momentum: float = setting(0.9, low=0, high=1, high_in=False, section="3.3")
    schedule: str = setting("constant", choices=SCHEDULES)
    batch_size: int = setting(128, low=1)
    n_epochs: int = setting(1000, low=1, section="3.3")


@dataclass(frozen=True, kw_only=True)
class SuperBlocks:
    """``[activity.superblocks]``: what one descriptor covers, and where they lie."""

    size: tuple[int, int, int] = setting(SUPERBLOCK, low=1, section="3.3")
    stride: tuple[int, int, int] = setting(STRIDE, low=1, section="3.3")
    count: int = setting(100_000, low=1)
    components: int = setting(100, low=1, section="3.3")


@dataclass(frozen=True, kw_only=True)
class Words:
    """``[activity.words]``: k-means."""

    n_words: int = setting(3000, low=1, section="3.3")
    algorithm: str = setting("full", choices=ALGORITHMS)
    max_iter: int = setting(50, low=1)
    max_rows: int | None = setting(None, low=1)


@dataclass(frozen=True, kw_only=True)
class Copies:
    """``[activity.augmentation]``: copies of each clip that are turned, scaled and moved."""

    copies: int = setting(0, low=0, section="3.3")


@dataclass(frozen=True, kw_only=True)
class Machine:
    """``[activity.svm]``; without ``C`` it is searched for among ``grid``, then near the best."""

    kernel: str = setting("exponential", choices=KERNELS, section="3.3")
    gamma: float = setting(0.5, low=0, low_in=False)
    C: float | None = setting(None, low=0, low_in=False)
    grid: tuple[float, ...] = setting(C_GRID, low=0, low_in=False, section="4.2")
    exponents: tuple[float, ...] = setting(EXPONENTS, section="4.2")
    folds: int = setting(5, low=2)

    def __post_init__(self) -> None:
        for name in ("grid", "exponents"):
            if not getattr(self, name):
                raise ParameterError(f"{name} is empty; name at least one number")


@dataclass(frozen=True, kw_only=True)
class ActivitySettings:
    """An ``activity`` table; pictures longer than ``longest`` pixels are shrunk, 0: none."""

    on: str = setting("frames", choices=SEEN_ON, section="3.3")
    longest: int = setting(0, low=0)
    weighted: bool = setting(False, section="3.3")
    blocks: Blocks = field(default_factory=Blocks)
    synchrony: Synchrony = field(default_factory=Synchrony)
    superblocks: SuperBlocks = field(default_factory=SuperBlocks)
    words: Words = field(default_factory=Words)
    augmentation: Copies = field(default_factory=Copies)
    svm: Machine = field(default_factory=Machine)

    def __post_init__(self) -> None:
        self.geometry()
        pixels = self.blocks.size[1] * self.blocks.size[2]
        if self.blocks.basis > pixels:
            raise ParameterError(f"blocks.basis is at most {pixels}, the pixels of a frame")

    def geometry(self) -> Geometry:
        """Sizes and strides of blocks.

        Raises
        ------
        ParameterError : sizes that do not fit each other.
        """
        return Geometry(self.blocks.size, self.superblocks.size, self.superblocks.stride)


def activity_from_table(
    table: Mapping[str, Any], where: str = "activity", *, file: str = ""
) -> ActivitySettings:
    """An ``activity`` table, checked.

    Raises
    ------
    ParameterError : as :func:`emonets.runtime.settings.from_table`.
    """
    return from_table(ActivitySettings, table, where, file=file)


def build_whitening(settings: ActivitySettings) -> StreamedPCA:
    """The whitening of blocks, not yet fitted."""
    blocks = settings.blocks
    return StreamedPCA(blocks.components, whiten=True, keep_variance=blocks.keep_variance)


def build_autoencoder(
    settings: ActivitySettings, *, checkpoint: Path | None = None, seed: int | None = None
) -> SynchronyAutoencoder:
    """The autoencoder, untrained."""
    numbers = to_table(settings.synchrony)
    return SynchronyAutoencoder(**numbers, checkpoint=checkpoint, random_state=seed)


def build_words(settings: ActivitySettings, *, seed: int | None = None) -> WordHistogram:
    """The words, not yet fitted."""
    return WordHistogram(**to_table(settings.words), random_state=seed)


def build_activity(code: MotionCode, settings: ActivitySettings) -> ActivitySpecialist:
    """The specialist, not yet fitted to labels."""
    return ActivitySpecialist(
        code, on=settings.on, longest=settings.longest or None, weighted=settings.weighted
    )
