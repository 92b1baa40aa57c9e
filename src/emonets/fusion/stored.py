"""Fusions out of a bundle: which class a stored kind is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from emonets.errors import BundleError
from emonets.fusion.average import MeanFusion, ProductFusion, RecallWeightedMean
from emonets.fusion.bagging import BaggedFusion
from emonets.fusion.base import Fusion
from emonets.fusion.calibration import CalibratedFusion
from emonets.fusion.logistic import LogisticFusion
from emonets.fusion.mlp import MlpFusion
from emonets.fusion.nested import NestedFusion
from emonets.fusion.search import RandomSearch
from emonets.fusion.stacked import ScaledSvmFusion, SvmFusion

KINDS: dict[str, type[Fusion]] = {
    kind.kind: kind
    for kind in (
        MeanFusion, ProductFusion, RecallWeightedMean, RandomSearch, BaggedFusion, LogisticFusion,
        CalibratedFusion, SvmFusion, ScaledSvmFusion, MlpFusion, NestedFusion,
    )
}  # fmt: skip
_DEEPEST = 8  # fusions within fusions


def read_fusion(settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Fusion:
    """A fitted fusion from what ``to_arrays`` gave: settings (JSON) and arrays.

    Raises
    ------
    BundleError : no such kind, or settings or arrays that do not fit.
    """
    kind = settings.get("kind") if isinstance(settings, Mapping) else None
    if kind not in KINDS:
        raise BundleError(f"no fusion of kind {kind!r} is known here; there are {', '.join(KINDS)}")
    if _depth(settings) > _DEEPEST:
        raise BundleError(f"more than {_DEEPEST} fusions within each other: the bundle is damaged")
    return KINDS[str(kind)].from_arrays(settings, arrays)


def inner_fusion(
    settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], prefix: str
) -> Fusion:
    """A fusion within another, whose arrays' names begin with ``prefix``."""
    own = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
    return read_fusion(settings, own)


def _depth(settings: Any, level: int = 0) -> int:
    if level > _DEEPEST + 1 or not isinstance(settings, Mapping | list):
        return level
    values = settings.values() if isinstance(settings, Mapping) else settings
    down = level + isinstance(settings, Mapping)
    return max([down, *(_depth(v, down) for v in values)])
