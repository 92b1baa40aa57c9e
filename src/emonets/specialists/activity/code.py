"""What turns pictures into motion words: filters, projection, words (paper 3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from emonets.errors import BundleError, ParameterError
from emonets.learners.stored import check_stored
from emonets.learners.word_histogram import WordHistogram
from emonets.specialists.activity.blocks import Geometry
from emonets.specialists.activity.filters import MotionFilters, Projection


@dataclass(frozen=True, eq=False)
class MotionCode:
    """What turns pictures into motion words; none of it uses labels.

    Attributes
    ----------
    filters : whitening and synchrony autoencoder.
    projection : PCA of the descriptors of super blocks.
    words : k-means' centres.
    """

    filters: MotionFilters
    projection: Projection
    words: WordHistogram

    def to_arrays(self) -> dict[str, dict[str, NDArray[Any]]]:
        """Arrays by part, for a bundle."""
        motion = {
            "matrix": self.filters.matrix,
            "bias": self.filters.bias,
            "contrast": np.array([self.filters.contrast]),
            "mean": self.projection.mean,
            "components": self.projection.components,
        }
        if self.filters.basis is not None:
            motion["basis"] = self.filters.basis
        geometry = self.filters.geometry
        if geometry != Geometry():
            motion["geometry"] = np.array([geometry.block, geometry.superblock, geometry.stride])
        return {"activity": motion, "activity_words": self.words.to_arrays()}

    @classmethod
    def from_arrays(cls, parts: Mapping[str, Mapping[str, NDArray[Any]]]) -> Self:
        """The inverse of :meth:`to_arrays`; raises :class:`BundleError` where it does not fit."""
        owner = "the activity specialist"
        missing = [name for name in ("activity", "activity_words") if name not in parts]
        if missing:
            raise BundleError(f"{owner} lacks {', '.join(missing)}; store it again")
        a = parts["activity"]
        check_stored(owner, a, {"bias": (None,), "contrast": (1,), "components": (None, None)})
        geometry = _stored_geometry(owner, a)
        count, width = len(a["bias"]), geometry.pixels
        if "basis" in a:
            check_stored(owner, a, {"basis": (width, None)})
            width = a["basis"].shape[1]
        check_stored(
            owner, a,
            {"matrix": (geometry.block[0], width, count), "mean": (8 * count,),
             "components": (None, 8 * count)},
        )  # fmt: skip
        words = WordHistogram.from_arrays(parts["activity_words"])
        if words.n_features_in_ != len(a["components"]):
            raise BundleError(f"{owner}'s words are not of its projection's width")

        def kept(name: str) -> NDArray[np.float32]:
            return np.ascontiguousarray(a[name], np.float32)

        filters = MotionFilters(
            kept("matrix"), kept("bias"), float(a["contrast"][0]),
            kept("basis") if "basis" in a else None, geometry,
        )  # fmt: skip
        return cls(filters, Projection(kept("mean"), kept("components")), words)


def _stored_geometry(owner: str, arrays: Mapping[str, NDArray[Any]]) -> Geometry:
    """Of a stored motion code: the paper's where it names none."""
    if "geometry" not in arrays:
        return Geometry()
    check_stored(owner, arrays, {"geometry": (3, 3)}, kinds="iu")
    block, superblock, stride = (
        (int(t), int(y), int(x)) for t, y, x in arrays["geometry"].tolist()
    )
    try:
        return Geometry(block, superblock, stride)
    except ParameterError as error:
        raise BundleError(f"{owner}: {error}") from None
