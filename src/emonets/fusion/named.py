"""A fitted fusion with the names of its models: as a model uses it and a bundle keeps it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from emonets.emotions import EMOTIONS, UNIFORM
from emonets.errors import BundleError, ParameterError
from emonets.fusion.average import PooledFusion
from emonets.fusion.base import Fusion, read_fusion
from emonets.fusion.calibration import Abstainer
from emonets.fusion.common import Arrays, Floats, neutral_where_unknown
from emonets.fusion.strategies import DEFAULT, make_fusion
from emonets.runtime.files import write_whole

FORMAT = "emonets-fusion"
VERSION = 1
_LARGEST = 64 * 1024 * 1024  # bytes of a fusion's file
_EQUAL = 1e-9  # probabilities nearer to each other than this count as equal

ByModel = Mapping[str, ArrayLike]
"""Predictions of a clip: model → (7,) probabilities. A model that found nothing is not in it."""
Known = Mapping[str, Sequence[int]]
"""Model → the classes, 0..6, that it was trained on. A model that is not in it: on all seven."""


@dataclass(frozen=True, eq=False)
class NamedFusion:
    """A fitted fusion, and the names of its models in the order in which it was fitted on them.

    Attributes
    ----------
    fusion : fitted, of the seven classes.
    models : m names.
    strategy : its name; of ``fusion.strategies``, or any other.
    abstainer : below which probability its labels are uncertain; None: not chosen.

    Raises
    ------
    ParameterError : not a fitted fusion, or names that do not fit it.
    """

    fusion: Fusion
    models: tuple[str, ...]
    strategy: str = ""
    abstainer: Abstainer | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "models", tuple(self.models))
        m = getattr(self.fusion, "n_models_", None)
        if not isinstance(self.fusion, Fusion) or m is None:
            raise ParameterError(f"expected a fitted fusion, got {self.fusion!r}")
        named = ", ".join(map(str, self.models))
        if len(self.models) != m or len(set(self.models)) != m:
            raise ParameterError(f"the fusion was fitted on {m} models, got the names {named}")
        if list(self.fusion.classes_) != list(range(len(EMOTIONS))):
            raise ParameterError(
                f"the fusion was fitted on the labels {list(self.fusion.classes_)}; a model's are "
                f"0..{len(EMOTIONS) - 1}"
            )
        object.__setattr__(self, "strategy", self.strategy or self.fusion.kind)

    def fuse(self, predictions: Sequence[ByModel], known: Known | None = None) -> Floats:
        """Fused probabilities (n, 7) of n clips, or windows.

        A model without predictions counts as 1/7 (paper 4). Where no model has any, the result is
        1/7 each. Where the fusion weighs none of the models that have some, its result would be
        1/7 each, too; these are then fused as by :func:`fuse_unfitted`.

        A model is neutral on a class that it was not trained on and another of these models was
        (``common.neutral_where_unknown``). To fit a fusion of such models, first make P neutral in
        the same way: the fusion learns the weight of neutral entries only from such P.

        Parameters
        ----------
        predictions : of each clip.
        known : the classes of each model; None: all models were trained on all classes.

        Raises
        ------
        ParameterError : a model that the fusion was not fitted on.
        """
        p = np.full((len(predictions), len(self.models), len(EMOTIONS)), UNIFORM)
        found = np.zeros(p.shape[:2], dtype=bool)
        for i, by_model in enumerate(predictions):
            for name, row in by_model.items():
                if name not in self.models:
                    raise ParameterError(
                        f"the fusion was not fitted on a model {name!r}, only on "
                        f"{', '.join(self.models)}"
                    )
                j = self.models.index(name)
                p[i, j], found[i, j] = row, True
        if not len(p):
            return np.empty((0, len(EMOTIONS)))
        fused = np.array(self.fusion.predict_proba(_neutral(p, self.models, known, found)))
        for row, by_model in zip(fused, predictions, strict=True):
            if not by_model or np.ptp(row) < _EQUAL:
                row[:] = fuse_unfitted([by_model], known)[0]
        return fused

    def alone(self, name: str, p: ArrayLike) -> Floats:
        """Probabilities (7,) of a model that found something and is used alone.

        They stay as they are, unless the fusion calibrates them (``Fusion.calibrates_alone``).

        Raises
        ------
        ParameterError : a model that the fusion was not fitted on.
        """
        if not self.fusion.calibrates_alone:
            return np.asarray(p, dtype=np.float64)
        return np.asarray(self.fuse([{name: p}])[0])

    def to_arrays(self) -> tuple[dict[str, Any], Arrays]:
        """Settings (JSON) and arrays, for :meth:`from_arrays`."""
        settings, arrays = self.fusion.to_arrays()
        return {
            "models": list(self.models),
            "strategy": self.strategy,
            "fusion": settings,
            "abstainer": None if self.abstainer is None else self.abstainer.to_settings(),
        }, arrays

    @classmethod
    def from_arrays(cls, settings: Any, arrays: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_arrays`.

        Raises
        ------
        BundleError : settings or arrays that are missing, damaged or do not fit each other.
        """
        if not isinstance(settings, Mapping):
            raise BundleError("the fusion's settings are damaged")
        models, strategy = settings.get("models"), settings.get("strategy", "")
        if (
            not isinstance(models, list)
            or not all(isinstance(name, str) for name in models)
            or not isinstance(strategy, str)
        ):
            raise BundleError("the fusion's settings do not name its models")
        rule = settings.get("abstainer")
        if rule is not None and not isinstance(rule, Mapping):
            raise BundleError("the fusion's threshold is damaged")
        fusion = read_fusion(settings.get("fusion", {}), arrays)
        try:
            return cls(
                fusion, tuple(models), strategy,
                None if rule is None else Abstainer.from_settings(rule),
            )  # fmt: skip
        except ParameterError as error:
            raise BundleError(f"damaged or foreign: {error}") from None

    def to_file(self, path: str | os.PathLike[str]) -> Path:
        """Write it as one safetensors file, whose metadata hold the settings as JSON."""
        settings, arrays = self.to_arrays()
        about = {"format": FORMAT, "version": VERSION, "classes": list(EMOTIONS), **settings}
        # safetensors writes the memory as it lies and ignores the strides
        data = {name: np.ascontiguousarray(x) for name, x in arrays.items()}
        write_whole(path, save(data, {FORMAT: json.dumps(about)}))
        return Path(path)

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`to_file` wrote. Nothing in the file can run code.

        Raises
        ------
        BundleError : not such a file, damaged, of a newer version or of other classes; the message
            names it.
        """
        target = Path(path)
        try:
            if target.stat().st_size > _LARGEST:
                raise BundleError(f"{target}: larger than a fusion can be")
            with safe_open(target, framework="numpy") as file:
                text = (file.metadata() or {}).get(FORMAT)
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            settings = json.loads(text or "null")
        except OSError as error:
            raise BundleError(f"{target}: cannot be read ({error.strerror or error})") from None
        except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise BundleError(f"{target}: damaged, or not a fusion's file ({error})") from None
        if not isinstance(settings, Mapping) or settings.get("format") != FORMAT:
            raise BundleError(f"{target}: not a fusion's file")
        if settings.get("version") != VERSION or settings.get("classes") != list(EMOTIONS):
            raise BundleError(f"{target}: made by another version, or for other classes")
        try:
            return cls.from_arrays(settings, arrays)
        except BundleError as error:
            raise BundleError(f"{target}: {error}") from None


def fuse_unfitted(predictions: Sequence[ByModel], known: Known | None = None) -> Floats:
    """(n, 7) where nothing was fitted: ``strategies.DEFAULT`` of the models that found something.

    Predictions of one model alone stay as they are; without any the result is 1/7 each. A model is
    neutral on a class that it was not trained on and another was
    (``common.neutral_where_unknown``).
    """
    out = np.full((len(predictions), len(EMOTIONS)), UNIFORM)
    for row, by_model in zip(out, predictions, strict=True):
        p = np.array(list(by_model.values()), dtype=np.float64)
        if len(p) == 1:
            row[:] = p[0]
        elif len(p):
            weighed = _neutral(p[None], list(by_model), known)
            row[:] = _unfitted(len(p)).predict_proba(weighed)[0]
    return out


def _neutral(
    p: Floats, models: Sequence[str], known: Known | None, found: NDArray[np.bool_] | None = None
) -> Floats:
    if known is None:
        return p
    every = range(len(EMOTIONS))
    return neutral_where_unknown(p, [known.get(name, every) for name in models], found)


@lru_cache(maxsize=8)
def _unfitted(n_models: int) -> Fusion:
    kind = type(make_fusion(DEFAULT))
    assert issubclass(kind, PooledFusion)
    return kind.untrained(n_models)
