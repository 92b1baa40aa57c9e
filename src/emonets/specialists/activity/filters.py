"""The two maps of a block: filters on whitened pixels, and the reduction of descriptors (3.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.specialists.activity.blocks import Geometry, normalise_blocks

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MotionFilters:
    """Whitening and filters as one affine map of a block: h = sigmoid((x · matrix + bias)²).

    x is the block as `normalise_blocks` makes it, and with a basis its pixels in that.

    Attributes
    ----------
    matrix : (10, 256, F) or, with a basis, (10, R, F).
    bias : (F,).
    contrast : grey levels, of `mean_contrast`.
    basis : (256, R), or None.
    geometry : sizes of blocks; the shapes here are those of the paper's.
    """

    matrix: Floats
    bias: Floats
    contrast: float
    basis: Floats | None = None
    geometry: Geometry = field(default_factory=Geometry)

    @classmethod
    def join(
        cls,
        mean: ArrayLike,
        whitening: ArrayLike,
        weights: ArrayLike,
        contrast: float,
        basis: ArrayLike | None = None,
        geometry: Geometry = Geometry(),  # noqa: B008 - frozen
    ) -> MotionFilters:
        """Of the mean (d,) and whitening (k, d) of blocks and filters (F, k) of what is whitened.

        d is 2560, or 10 × R with a basis (256, R).
        """
        matrix = np.asarray(whitening, np.float64).T @ np.asarray(weights, np.float64).T
        bias = -(np.asarray(mean, np.float64) @ matrix)
        return cls(
            np.ascontiguousarray(
                matrix.reshape(geometry.block[0], -1, matrix.shape[1]), np.float32
            ),
            bias.astype(np.float32),
            float(contrast),
            None if basis is None else np.ascontiguousarray(basis, np.float32),
            geometry,
        )

    @property
    def count(self) -> int:
        """F, how many filters there are."""
        return len(self.bias)

    def features(self, blocks: NDArray[np.uint8]) -> Floats:
        """h (n, F) of blocks (n, 10, 16, 16)."""
        x = normalise_blocks(blocks, self.contrast)
        if self.basis is not None:
            x = (x.reshape(-1, self.geometry.pixels) @ self.basis).reshape(len(x), -1)
        return squashed(x @ self.matrix.reshape(-1, self.count) + self.bias)

    def describe(self, superblocks: NDArray[np.uint8]) -> Floats:
        """h of the eight corners of super blocks (n, 14, 20, 20), one after the other: (n, 8 F).

        The corner changes fastest by column, then by row, then by time.
        """
        size_t, size_y, size_x = self.geometry.block
        inset = self.geometry.inset
        return np.concatenate(
            [
                self.features(superblocks[:, t : t + size_t, y : y + size_y, x : x + size_x])
                for t in (0, inset[0])
                for y in (0, inset[1])
                for x in (0, inset[2])
            ],
            axis=1,
        )


@dataclass(frozen=True, eq=False)
class Projection:
    """A reduction of descriptors: (x - mean) · components.T (PCA in paper 3.3).

    Attributes
    ----------
    mean : (8 F,).
    components : (D, 8 F).
    """

    mean: Floats
    components: Floats

    def __call__(self, descriptors: ArrayLike) -> Floats:
        """(n, 8 F) → (n, D)."""
        centred = np.asarray(descriptors, np.float32) - self.mean
        return np.asarray(centred @ self.components.T, np.float32)


def squashed(f: Floats) -> Floats:
    """sigmoid(f²), in place."""
    np.multiply(f, f, out=f)
    np.negative(f, out=f)
    np.exp(f, out=f)
    f += np.float32(1)
    return np.reciprocal(f, out=f)
