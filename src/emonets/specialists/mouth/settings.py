"""The ``mouth`` table of a preset: crops, dictionaries, logistic regression (paper 3.4).

The number behind a field is the section of the paper; a field without one is not in the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emonets.errors import ParameterError
from emonets.learners.logistic.frames import FrameLogistic
from emonets.learners.patches.bag import POOLING, BagOfPatches
from emonets.runtime.settings import from_table, setting, to_table
from emonets.specialists.mouth.crops import COLOURS, COLUMNS, REGIONS, ROWS, MouthView
from emonets.specialists.mouth.specialist import STRENGTHS, MouthSpecialist

_CROP = "bundles and stores keep mouth crops of this place and size"


@dataclass(frozen=True, kw_only=True)
class Dictionary:
    """``[mouth.dictionary]``: what is learned of the patches of each region."""

    grid: tuple[int, int] = setting((4, 4), low=1, section="3.4")
    patch_size: int = setting(8, low=1, section="3.4")
    n_clusters: int = setting(400, low=1, section="3.4")
    keep_variance: float = setting(0.9, low=0, low_in=False, high=1, section="3.4")
    floor: float = setting(1e-9, low=0)
    max_iter: int = setting(25, low=1)
    patches_per_picture: int = setting(10, low=1)
    max_patches: int = setting(200_000, low=1)
    pooling: str = setting("mean", choices=POOLING, section="3.4")


@dataclass(frozen=True, kw_only=True)
class Classifier:
    """``[mouth.classifier]``: the regression, and the penalties it is tried with."""

    strengths: tuple[float, ...] = setting(STRENGTHS, low=0, section="3.4")
    standardise: bool = setting(False)
    max_iter: int = setting(200, low=1)
    tol: float = setting(1e-3, low=0, low_in=False)

    def __post_init__(self) -> None:
        if not self.strengths:
            raise ParameterError("strengths is empty; name at least one penalty")


@dataclass(frozen=True, kw_only=True)
class MouthSettings:
    """A ``mouth`` table; of a clip's mouths each ``every``-th is learned from."""

    region: str = setting("fixed", choices=REGIONS, section="3.4")
    colour: str = setting("grey", choices=COLOURS, section="4.4")
    rows: tuple[int, int] = setting((ROWS.start, ROWS.stop), fixed=_CROP)
    columns: tuple[int, int] = setting((COLUMNS.start, COLUMNS.stop), fixed=_CROP)
    every: int = setting(1, low=1)
    dictionary: Dictionary = field(default_factory=Dictionary)
    classifier: Classifier = field(default_factory=Classifier)


def mouth_from_table(
    table: Mapping[str, Any], where: str = "mouth", *, file: str = ""
) -> MouthSettings:
    """A ``mouth`` table, checked.

    Raises
    ------
    ParameterError : as :func:`emonets.runtime.settings.from_table`.
    """
    return from_table(MouthSettings, table, where, file=file)


def build_mouth(settings: MouthSettings, *, seed: int | None = 0) -> MouthSpecialist:
    """The specialist that a ``mouth`` table describes, before it has learned."""
    dictionary, classifier = to_table(settings.dictionary), to_table(settings.classifier)
    del classifier["strengths"]
    return MouthSpecialist(
        MouthView(settings.region, settings.colour),
        bag=BagOfPatches(**{**dictionary, "grid": settings.dictionary.grid}, random_state=seed),
        classifier=FrameLogistic(**classifier),
        strengths=settings.classifier.strengths,
    )
