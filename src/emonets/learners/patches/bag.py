"""Pictures as bags of patches: a dictionary in each region of a grid (paper 3.4).

A picture is divided into regions. In each, patches are encoded by a dictionary of that
region's own (:mod:`emonets.learners.patches.triangle_kmeans`), and their activations are averaged:
a picture of 16 regions with 400 centres each becomes 6,400 numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from emonets.errors import DataError, ParameterError
from emonets.learners.checks import check_choice, check_number
from emonets.learners.patches.triangle_kmeans import TriangleKMeans, pooled
from emonets.learners.stored import check_stored

Floats = NDArray[Any]
Pictures = NDArray[Any]

POOLING = ("mean", "mean+std")
_AT_ONCE = 1280  # patches whose distances are in memory together; they should fit a cache


class Region(NamedTuple):
    """Where a region's patches have their upper left corners: rows and columns, start and stop."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def patches(self) -> int:
        """How many there are in a picture."""
        return (self.bottom - self.top) * (self.right - self.left)


class BagOfPatches(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Mean (and deviation) of patches' activations in each region of a picture (paper 3.4).

    The paper draws its training patches from other rows than it encodes later (by one pixel, in
    the authors' code); here both are those of :func:`regions`.

    Parameters
    ----------
    grid : regions down and across.
    patch_size : side of the square patches, in pixels.
    n_clusters, floor, keep_variance, max_iter : of each region's ``TriangleKMeans``.
    patches_per_picture : drawn in each region from every picture of the training data.
    max_patches : of a region, to learn from; if there are more, they are drawn from all pictures.
    pooling : "mean", or "mean+std", twice as many numbers.
    n_jobs : threads of ``transform``; each takes other pictures, with numpy's own beside it.
    random_state : seed of the patches drawn and of k-means.

    Attributes
    ----------
    dictionaries_ : a fitted ``TriangleKMeans`` a region, row by row.
    picture_shape_ : (height, width) or (height, width, channels) of a picture.
    """

    def __init__(
        self,
        *,
        grid: tuple[int, int] = (4, 4),
        patch_size: int = 8,
        n_clusters: int = 400,
        floor: float = 1e-9,
        keep_variance: float = 0.9,
        max_iter: int = 25,
        patches_per_picture: int = 10,
        max_patches: int = 200_000,
        pooling: str = "mean",
        n_jobs: int = 1,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.grid = grid
        self.patch_size = patch_size
        self.n_clusters = n_clusters
        self.floor = floor
        self.keep_variance = keep_variance
        self.max_iter = max_iter
        self.patches_per_picture = patches_per_picture
        self.max_patches = max_patches
        self.pooling = pooling
        self.n_jobs = n_jobs
        self.random_state = random_state

    @property
    def regions_(self) -> list[Region]:
        """The regions, row by row."""
        check_is_fitted(self, "dictionaries_")
        return regions(self.picture_shape_, self.grid, self.patch_size)

    @property
    def n_features_out_(self) -> int:
        """Numbers a picture becomes: region by region its means, then its deviations."""
        check_is_fitted(self, "dictionaries_")
        each = sum(len(dictionary.centres_) for dictionary in self.dictionaries_)
        return each * (2 if self.pooling == "mean+std" else 1)

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Learn a dictionary of each region of pictures X.

        Parameters
        ----------
        X : (n, height, width) or (n, height, width, channels) numbers, finite; a memory map is
            read where patches are drawn.

        Raises
        ------
        DataError : pictures of another shape or type, or smaller than the grid needs.
        ParameterError : a parameter out of its range, or fewer patches than centres.
        """
        self._check_parameters()
        x = _pictures(X)
        random = check_random_state(self.random_state)
        size = self.patch_size
        made = []
        for region in regions(x.shape[1:], self.grid, size):
            patches = draw_patches(
                x, region, size, self.patches_per_picture, self.max_patches, random
            )
            dictionary = TriangleKMeans(
                self.n_clusters, floor=self.floor, keep_variance=self.keep_variance,
                max_iter=self.max_iter, random_state=random.randint(np.iinfo(np.int32).max),
            )  # fmt: skip
            made.append(dictionary.fit(patches))
        self.dictionaries_ = made
        self.picture_shape_ = x.shape[1:]
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Features of pictures X, shaped as in ``fit``: (n, n_features_out_) float32.

        How the pictures are divided into calls changes them by no more than float32's rounding.

        Raises
        ------
        DataError : pictures of another shape, or not finite.
        """
        check_is_fitted(self, "dictionaries_")
        self._check_parameters()
        x = _pictures(X)
        if x.shape[1:] != self.picture_shape_:
            raise DataError(
                f"expected pictures of shape {self.picture_shape_}, got {x.shape[1:]}: the "
                "dictionaries were learned from those"
            )
        places = self.regions_
        learned = [dictionary.dictionary for dictionary in self.dictionaries_]
        deviation = self.pooling == "mean+std"
        widths = [d.table.shape[1] * (2 if deviation else 1) for d in learned]
        ends = np.concatenate([[0], np.cumsum(widths)]).tolist()
        out = np.empty((len(x), ends[-1]), np.float32)
        step = max(1, _AT_ONCE // max(place.patches for place in places))

        def encode(start: int) -> None:
            # pictures innermost: patches of many pictures are then copied in long pieces
            some = np.moveaxis(x[start : start + step], 0, -1).astype(np.float32, order="C")
            for r, place in enumerate(places):
                patches = region_patches(some, place, self.patch_size)
                out[start : start + step, ends[r] : ends[r + 1]] = pooled(
                    patches, learned[r], place.patches, deviation=deviation
                )

        starts = range(0, len(x), step)
        if self.n_jobs > 1 and len(starts) > 1:
            with ThreadPoolExecutor(self.n_jobs, thread_name_prefix="emonets-bag") as pool:
                list(pool.map(encode, starts))
        else:
            for start in starts:
                encode(start)
        return out

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Settings (JSON) and arrays, for a bundle."""
        check_is_fitted(self, "dictionaries_")
        settings = {
            "grid": list(self.grid),
            "patch_size": int(self.patch_size),
            "pooling": self.pooling,
            "picture_shape": list(self.picture_shape_),
        }
        arrays = {
            f"region{r:02d}.{name}": array
            for r, dictionary in enumerate(self.dictionaries_)
            for name, array in dictionary.to_arrays().items()
        }
        return settings, arrays

    @classmethod
    def from_arrays(cls, settings: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Self:
        """A fitted bag from :meth:`to_arrays`.

        Raises
        ------
        BundleError : arrays missing, of shapes that do not fit together, or not finite.
        KeyError, TypeError, ValueError : settings that lack something, or hold something else.
        """
        down, across = settings["grid"]
        shape = tuple(int(n) for n in settings["picture_shape"])
        size = int(settings["patch_size"])
        made = cls(grid=(int(down), int(across)), patch_size=size, pooling=settings["pooling"])
        made._check_parameters()
        depth = size * size * int(np.prod(shape[2:]))
        dictionaries = []
        for r, _ in enumerate(regions(shape, made.grid, size)):
            start = f"region{r:02d}."
            own = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
            owner = f"the dictionary of region {r}"
            check_stored(owner, own, {"components": (None, depth)})
            dictionaries.append(TriangleKMeans.from_arrays(own, owner))
        made.dictionaries_ = dictionaries
        made.picture_shape_ = shape
        first = dictionaries[0]
        made.n_clusters, made.floor = len(first.centres_), first.floor
        return made

    def _check_parameters(self) -> None:
        for name in ("patch_size", "patches_per_picture", "max_patches", "n_jobs"):
            value = getattr(self, name)
            check_number(name, value, 1, np.inf, high_in=False)
            if int(value) != value:
                raise ParameterError(f"{name} must be a whole number, not {value!r}")
        if np.shape(self.grid) != (2,) or not all(int(n) == n and n >= 1 for n in self.grid):
            raise ParameterError(f"grid must be two whole numbers from 1 on, not {self.grid!r}")
        check_choice("pooling", self.pooling, POOLING)


def regions(
    shape: tuple[int, ...], grid: tuple[int, int] = (4, 4), patch_size: int = 8
) -> list[Region]:
    """Equally large regions of a picture, row by row, as the authors' extraction cut them.

    Of the h = height - patch_size steps a patch can take down, region k of g takes
    floor(h / g), from floor(k · h / g) on; likewise across. A 30 × 40 picture in 4 × 4 regions
    with patches of 8 has 5 × 8 patches in each; the regions begin at rows 0, 5, 11, 16.

    Raises
    ------
    DataError : the picture is too small.
    """
    steps = [shape[axis] - patch_size for axis in (0, 1)]
    if min(step - g for step, g in zip(steps, grid, strict=True)) < 0:
        raise DataError(
            f"pictures of {shape[0]} × {shape[1]} are too small for {grid[0]} × {grid[1]} regions "
            f"of patches of {patch_size} × {patch_size}"
        )
    spans = [
        [(k * step // g, k * step // g + step // g) for k in range(g)]
        for step, g in zip(steps, grid, strict=True)
    ]
    return [Region(*down, *across) for down in spans[0] for across in spans[1]]


def region_patches(x: Pictures, region: Region, size: int) -> NDArray[Any]:
    """All patches of a region, as columns.

    Parameters
    ----------
    x : (height, width[, channels], n): pictures last.

    Returns
    -------
    (d, patches · n): the first patch of every picture, then the second of every picture; within a
    patch channel by channel and row by row.
    """
    part = x[region.top : region.bottom + size - 1, region.left : region.right + size - 1]
    view = sliding_window_view(part, (size, size), axis=(0, 1))
    inside = (*range(2, view.ndim - 3), view.ndim - 2, view.ndim - 1)
    patches = np.ascontiguousarray(view.transpose(*inside, 0, 1, view.ndim - 3))
    return patches.reshape(-1, region.patches * x.shape[-1])


def draw_patches(
    x: Pictures,
    region: Region,
    size: int,
    per_picture: int,
    most: int,
    random: np.random.RandomState,
) -> NDArray[np.float32]:
    """Patches at random places of a region: so many a picture, or ``most`` of all pictures."""
    n = len(x)
    pictures = np.repeat(np.arange(n), per_picture)
    if len(pictures) > most:
        whole, rest = divmod(most, n)
        few = random.permutation(n)[:rest]
        pictures = np.sort(np.concatenate([np.repeat(np.arange(n), whole), few]))
    across = region.right - region.left
    place = random.randint(region.patches, size=len(pictures))
    rows, columns = region.top + place // across, region.left + place % across
    view = sliding_window_view(x, (size, size), axis=(1, 2))
    patches = np.asarray(view[pictures, rows, columns], np.float32)
    return patches.reshape(len(pictures), -1)


def _pictures(X: ArrayLike) -> Pictures:
    x = np.asanyarray(X)
    if x.ndim not in (3, 4) or x.dtype.kind not in "uif":
        raise DataError(
            "expected pictures of shape (n, height, width) or (n, height, width, channels), got "
            f"{x.dtype} {x.shape}"
        )
    if x.dtype.kind == "f":
        for start, stop in pairwise([*range(0, len(x), 4096), len(x)]):
            if not np.isfinite(x[start:stop]).all():
                raise DataError("the pictures hold NaN or infinite values")
    return x
