"""Descriptors of super blocks, of a whole clip as matrix products (paper 3.3).

A super block of 14 × 20 × 20 (frames, rows, columns) has a sub-block of 10 × 16 × 16 in each of
its eight corners. Super blocks lie every 7 frames and every 10 pixels, so that sub-blocks begin at
0, 4, 10, 14, 20 … pixels and 0, 4, 7, 11, 14 … frames: no two super blocks have one in common, and
there is none to be saved. What is shared is this: all sub-blocks that begin in one frame are rows
of one matrix, and whitening and filters are one other. With a ``basis`` the 16 × 16 pixels of a
frame are first written in fewer numbers; that is done once for the three sub-blocks of which a
frame is part, and makes the large product as many times smaller.

Pixels go in as they are: subtracting a block's mean and dividing by its contrast are, after a
linear map, a subtraction and a division of its result. A block's descriptor never depends on the
blocks that are described with it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from emonets.errors import DataError
from emonets.specialists.activity.blocks import Geometry
from emonets.specialists.activity.filters import Floats, MotionFilters, Projection, squashed
from emonets.specialists.activity.pictures import Grey, grey

Integers = NDArray[np.intp]

FLAT = 0.5
"""Grey levels: a block whose standard deviation is no larger shows nothing."""

_GREY = 128.0  # taken off all pixels: the products round less
_CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))
_AT_ONCE = 512  # sub-blocks that are multiplied together, about: they stay in the cache


@dataclass(frozen=True, eq=False)
class Motions:
    """The super blocks that begin in one frame.

    Those without any contrast are left out. Without a projection D is 8 F.
    """

    time: float
    """Seconds: the middle of their 14 frames."""
    descriptors: Floats
    """(n, D)."""
    energy: Floats
    """(n,) mean of 2 h - 1 over the eight sub-blocks, 0..1: how much of motion there is."""
    place: Integers
    """(n, 2) first row and column, pixels."""


class MotionReader:
    """Describes the super blocks of pictures that come one after the other.

    Memory does not grow with their number: ten frames are held and half a layer of descriptors.

    Parameters
    ----------
    filters : of sub-blocks.
    projection : of descriptors; None leaves them as they are.
    """

    def __init__(self, filters: MotionFilters, projection: Projection | None = None) -> None:
        if projection is not None and projection.mean.shape != (8 * filters.count,):
            raise DataError(
                f"the projection is of {projection.mean.size} values, the filters give "
                f"{8 * filters.count}"
            )
        self.filters = filters
        self.projection = projection
        self._geometry = filters.geometry
        count = filters.count
        matrix = filters.matrix.reshape(-1, count)
        # two further rows: what a block's mean adds, to be taken off, and the bias
        one = np.ones(self._geometry.pixels)
        if filters.basis is not None:
            one = filters.basis.sum(axis=0, dtype=float)
        of_one = np.tile(one, self._geometry.block[0]) @ matrix.astype(np.float64)
        self._matrix = np.vstack([matrix, -of_one, filters.bias]).astype(np.float32)
        # a further column: the mean over all filters of the four corners
        mean = np.full((4 * count, 1), 1 / (4 * count), np.float32)
        self._halves: list[Floats] = []
        self._away: list[Floats] = []
        for half in (slice(0, 4 * count), slice(4 * count, 8 * count)):
            if projection is not None:
                components = projection.components[:, half].T
                self._halves.append(np.ascontiguousarray(np.hstack([components, mean])))
                self._away.append(np.asarray(projection.mean[half] @ components, np.float32))
        self.restart()

    def restart(self) -> None:
        """What follows does not continue what came before."""
        self._frames: deque[_Frame] = deque(maxlen=self._geometry.block[0])
        self._times: deque[float] = deque(maxlen=self._geometry.superblock[0])
        self._count = 0
        self._grid: _Grid | None = None
        self._begun: _Layer | None = None

    def push(self, image: NDArray[np.uint8], time: float) -> Motions | None:
        """Take the next picture; a change of size begins anew.

        Parameters
        ----------
        image : (height, width) or RGB (height, width, 3) uint8.
        time : seconds.

        Returns
        -------
        The super blocks that end with this picture, if any do: none do in pictures smaller than
        20 pixels, and not before the 14th.

        Raises
        ------
        DataError : not such a picture.
        """
        picture = grey(image)
        if self._grid is None or self._grid.shape != picture.shape:
            self.restart()
            self._grid = _Grid(picture.shape, self._geometry)
        self._times.append(float(time))
        self._count += 1
        if not all(self._grid.size):
            return None
        self._frames.append(_Frame.of(picture, self._grid, self.filters.basis))
        start = self._count - self._geometry.block[0]
        if start < 0:
            return None
        at = start % self._geometry.stride[0]
        if at == 0:
            self._begun = self._layer(0)
        elif self._begun is not None and at == self._geometry.inset[0]:
            first, second = self._begun, self._layer(1)
            self._begun = None
            return self._joined(first, second)
        return None

    def finish(self) -> None:
        """End of the pictures: whatever has no end of its own is forgotten."""
        self.restart()

    def _joined(self, first: _Layer, second: _Layer) -> Motions:
        assert self._grid is not None
        if self.projection is None:
            descriptors = np.concatenate([first.part, second.part], axis=1)
        else:
            descriptors = first.part + second.part
        use = np.maximum(first.contrast, second.contrast) > FLAT
        energy: Floats = (first.energy + second.energy) / np.float32(2)
        middle = (self._times[0] + self._times[-1]) / 2
        return Motions(middle, descriptors[use], energy[use], self._grid.places[use])

    def _layer(self, half: int) -> _Layer:
        """The four sub-blocks of each super block that begin in the oldest frame held."""
        grid, frames, count = self._grid, list(self._frames), self.filters.count
        assert grid is not None
        total = np.sum([frame.total for frame in frames], axis=0, dtype=np.float64)
        square = np.sum([frame.square for frame in frames], axis=0)
        values = float(np.prod(self._geometry.block))
        mean = total / values
        deviation = np.sqrt(np.maximum(square / values - mean**2, 0.0))
        scale = np.asarray(1.0 / (deviation + self.filters.contrast), np.float32)
        shift = np.asarray(mean - _GREY, np.float32)
        parts, energies = [], []
        for band in grid.bands():
            f = (
                _gathered(frames, grid, band, shift[band], np.reciprocal(scale[band]))
                @ self._matrix
            )
            f *= scale[band].reshape(-1, 1)
            h = squashed(f).reshape(-1, 4 * count)
            if self.projection is None:
                parts.append(h)
                energies.append(2 * h.mean(axis=1) - 1)
            else:
                reduced = h @ self._halves[half]
                parts.append(reduced[:, :-1] - self._away[half])
                energies.append(2 * reduced[:, -1] - 1)
        contrast = deviation.max(axis=(2, 3)).ravel()
        return _Layer(np.concatenate(parts), np.concatenate(energies), contrast)


@dataclass(frozen=True, eq=False)
class _Layer:
    """Half of the descriptors of the super blocks of one frame, or what that adds to them."""

    part: Floats
    energy: Floats
    contrast: NDArray[np.float64]


class _Grid:
    """Where super blocks and their sub-blocks lie in pictures of one size."""

    def __init__(self, shape: tuple[int, ...], geometry: Geometry) -> None:
        self.shape = shape
        self.block, self.inset = geometry.block[1:], geometry.inset[1:]
        self.stride = geometry.stride[1:]
        lengths = [
            max(0, (n - size) // step + 1)
            for n, size, step in zip(shape, geometry.superblock[1:], self.stride, strict=True)
        ]
        rows, columns = lengths if all(lengths) else (0, 0)
        self.size = rows, columns
        places = np.indices((rows, columns)).reshape(2, -1).T * self.stride
        self.places: Integers = places.astype(np.intp)

    def bands(self) -> list[slice]:
        """Rows of super blocks that are described together."""
        rows, columns = self.size
        step = max(1, _AT_ONCE // (4 * columns))
        return [slice(i, min(i + step, rows)) for i in range(0, rows, step)]

    def corner(self, band: slice, y: int, x: int) -> tuple[slice, slice]:
        """Rows and columns of a picture in which one corner's sub-blocks begin."""
        (down, right), (inset_y, inset_x) = self.stride, self.inset
        first, last = band.start * down + y * inset_y, (band.stop - 1) * down + inset_y
        left, end = x * inset_x, (self.size[1] - 1) * right + inset_x
        return slice(first, last + 1, down), slice(left, end + 1, right)

    def cut(self, patches: Floats, band: slice, out: Floats, less: Floats | None = None) -> None:
        """Copy the 16 × 16 pixels of sub-blocks to (rows, columns, 2, 2, 16, 16).

        Parameters
        ----------
        patches : those of all places of a picture.
        band : the rows of super blocks whose they are.
        less : (rows, columns, 2, 2), what is taken off all pixels of each.
        """
        for y, x in _CORNERS:
            pixels = patches[self.corner(band, y, x)]
            if less is None:
                out[:, :, y, x] = pixels
            else:
                np.subtract(pixels, less[:, :, y, x, None, None], out=out[:, :, y, x])

    def sums(self, integral: NDArray[Any]) -> NDArray[np.float64]:
        """Of an integral image: sums over the pixels of sub-blocks, (rows, columns, 2, 2)."""
        down, right = self.block
        ends = integral[down:], integral[:-down]
        out = np.empty((*self.size, 2, 2))
        for y, x in _CORNERS:
            rows, columns = self.corner(slice(0, self.size[0]), y, x)
            lower, upper = (part[rows, right:] - part[rows, :-right] for part in ends)
            out[:, :, y, x] = (lower - upper)[:, columns]
        return out


@dataclass(frozen=True, eq=False)
class _Frame:
    """What is kept of a picture: its patches at all places (a view), or those of the grid in the
    basis; and sums over the latter's pixels."""

    patches: Floats
    total: NDArray[np.float64]
    square: NDArray[np.float64]

    @classmethod
    def of(cls, picture: Grey, grid: _Grid, basis: Floats | None) -> _Frame:
        total, square = cv2.integral2(picture)
        kept = sliding_window_view(picture.astype(np.float32) - np.float32(_GREY), grid.block)
        if basis is not None:
            written = np.empty((*grid.size, 2, 2, basis.shape[1]), np.float32)
            for band in grid.bands():
                x = np.empty((*written[band].shape[:-1], *grid.block), np.float32)
                grid.cut(kept, band, x)
                written[band] = (x.reshape(-1, len(basis)) @ basis).reshape(written[band].shape)
            kept = written
        return cls(kept, grid.sums(total), grid.sums(square))


def _gathered(
    frames: list[_Frame], grid: _Grid, band: slice, shift: Floats, unit: Floats
) -> Floats:
    """Sub-blocks of some rows of super blocks as rows of a matrix, corner by corner.

    Parameters
    ----------
    shift, unit : (rows, columns, 2, 2) the mean of each, and what is divided by.

    Returns
    -------
    (n, 10 × 256 + 2 or 10 × R + 2): pixels less their mean, 0 and the unit; or pixels in the
    basis, the mean, which is yet to be taken off, and the unit.
    """
    written = frames[0].patches.ndim == 5
    values = frames[0].patches.shape[4:] if written else grid.block
    width = len(frames) * int(np.prod(values))
    out = np.empty((shift.size, width + 2), np.float32)
    out[:, -2] = shift.ravel() if written else 0.0
    out[:, -1] = unit.ravel()
    part = out[:, :width].reshape(*shift.shape, len(frames), *values)  # a view
    for t, frame in enumerate(frames):
        if written:
            part[:, :, :, :, t] = frame.patches[band]
        else:
            grid.cut(frame.patches, band, part[:, :, :, :, t], shift)
    return out
