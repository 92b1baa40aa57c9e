"""The numbers of the fusions in a preset's ``fusion`` table (paper 4).

The number behind a field is the section of the paper; a field without one is not in the paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emonets.errors import ParameterError
from emonets.fusion.stacked import SCALES
from emonets.runtime.settings import setting


@dataclass(frozen=True, kw_only=True)
class Search:
    """``[fusion.search]``: weightings drawn at random, then around the best.

    ``scale`` is the deviation of a step, ``decimals`` what its weights are rounded to.
    """

    uniform: int = setting(20_000, low=0, section="4.3")
    local: int = setting(20_000, low=0, section="4.3")
    restarts: int = setting(1, low=1, section="4.4")
    scale: float = setting(0.1, low=0, low_in=False, section="4.3")
    decimals: int = setting(2, low=1, section="4.3")

    def __post_init__(self) -> None:
        if not self.uniform and not self.local:
            raise ParameterError("uniform and local are both 0: nothing would be drawn")

    @property
    def steps(self) -> dict[str, Any]:
        """Parameters of the estimator that all searches share."""
        return {"scale": self.scale, "decimals": self.decimals}

    @property
    def whole(self) -> dict[str, Any]:
        """The numbers of the strategies ``search`` and ``search, log``."""
        return {
            "n_uniform": self.uniform, "n_local": self.local, "n_restarts": self.restarts,
            **self.steps,
        }  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Bagging:
    """``[fusion.bagging]``: how many searches are averaged."""

    members: int = setting(350, low=1, section="4.4.2")


@dataclass(frozen=True, kw_only=True)
class Svm:
    """``[fusion.svm]``: the scales of ``scaled svm``, and how many are drawn."""

    scales: tuple[float, ...] = setting(SCALES, low=0, section="4.2")
    trials: int = setting(60, low=0)

    def __post_init__(self) -> None:
        if not self.scales:
            raise ParameterError("scales is empty; name at least one")


@dataclass(frozen=True, kw_only=True)
class Mlp:
    """``[fusion.mlp]``: units of its hidden layers and clips an update."""

    units: tuple[int, ...] = setting((350,), low=1)
    batch_size: int = setting(20, low=1)


@dataclass(frozen=True, kw_only=True)
class FusionNumbers:
    """All numbers of a ``fusion`` table."""

    search: Search = field(default_factory=Search)
    bagging: Bagging = field(default_factory=Bagging)
    svm: Svm = field(default_factory=Svm)
    mlp: Mlp = field(default_factory=Mlp)
