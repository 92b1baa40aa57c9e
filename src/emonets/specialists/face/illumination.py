"""Illumination normalisation by isotropic smoothing (paper 3.1.1; INface toolbox 2.0).

A picture is taken to be reflectance times luminance. The luminance ``L`` is the picture blurred
by a diffusion, ``(1 + 4 λ) L[p] - λ Σ L[q] = X[p]`` over the four neighbours *q* of each pixel
*p*, those outside the padded picture counting as zero; the reflectance is ``R = X / L``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dstn, idstn

from emonets.errors import DataError, ParameterError

PADDING = 3
"""Pixels mirrored onto each side before the diffusion, and cut off after it."""


@overload
def isotropic_smoothing(
    images: ArrayLike, smoothness: float = ..., *, return_luminance: Literal[False] = ...
) -> NDArray[np.float64]: ...


@overload
def isotropic_smoothing(
    images: ArrayLike, smoothness: float = ..., *, return_luminance: Literal[True]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...


def isotropic_smoothing(
    images: ArrayLike, smoothness: float = 7.0, *, return_luminance: bool = False
) -> NDArray[np.float64] | tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Remove slow changes of lighting from grey pictures.

    The contrast of each picture is first stretched to 0..255, rounding up, as the toolbox does.
    The linear system has constant coefficients and a zero boundary, so the discrete sine
    transform of type I diagonalises it and the solution is exact.

    Parameters
    ----------
    images : (height, width) or (n, height, width), any real type, finite.
    smoothness : λ > 0; 7 is the toolbox' default and the paper's.
    return_luminance : also return ``L``.

    Returns
    -------
    reflectance : float64 of the same shape, about 1 in even areas and mostly in 0..4. A picture
        without any contrast has no defined reflectance and gives ones (the toolbox gives NaN).
    luminance : only if requested: the same shape, about 0..1; zeros for a picture without contrast.

    Raises
    ------
    DataError : not two or three dimensions, an empty picture, or values that are not finite.
    ParameterError : smoothness is not a positive number.
    """
    x = np.asarray(images)
    if x.ndim not in (2, 3) or 0 in x.shape[-2:] or not np.isrealobj(x):
        raise DataError(
            f"expected grey pictures of shape (height, width) or (n, height, width), got {x.shape}"
        )
    if not (np.isfinite(smoothness) and smoothness > 0):
        raise ParameterError(f"smoothness must be a positive number, got {smoothness}")
    x = x.astype(np.float64)
    if not np.isfinite(x).all():
        raise DataError("the pictures hold NaN or infinite values")
    low = x.min(axis=(-2, -1), keepdims=True, initial=np.inf)
    span = x.max(axis=(-2, -1), keepdims=True, initial=-np.inf) - low
    flat = span == 0
    stretched = np.ceil((x - low) / np.where(flat, 1.0, span) * 255.0)
    p = PADDING
    padded = np.pad(stretched, [(0, 0)] * (x.ndim - 2) + [(p, p), (p, p)], mode="symmetric")
    # after stretching every picture runs from 0 to 255
    field = padded / 255.0 + 0.001
    spectrum = dstn(field, type=1, axes=(-2, -1))
    spectrum /= _eigenvalues(field.shape[-2], field.shape[-1], float(smoothness))
    luminance = idstn(spectrum, type=1, axes=(-2, -1), overwrite_x=True)
    inside = (..., slice(p, -p), slice(p, -p))
    luminance = luminance[inside]
    reflectance = field[inside] / luminance
    if flat.any():
        reflectance = np.where(flat, 1.0, reflectance)
        luminance = np.where(flat, 0.0, luminance)
    return (reflectance, luminance) if return_luminance else reflectance


@lru_cache(maxsize=8)
def _eigenvalues(height: int, width: int, smoothness: float) -> NDArray[np.float64]:
    rows = np.cos(np.pi * np.arange(1, height + 1) / (height + 1))
    columns = np.cos(np.pi * np.arange(1, width + 1) / (width + 1))
    values = 1.0 + 4.0 * smoothness - 2.0 * smoothness * (rows[:, None] + columns[None, :])
    values.setflags(write=False)
    return values


def reflectance_to_pixels(reflectance: ArrayLike) -> NDArray[np.uint8]:
    """Reflectance as 8-bit grey: 0 → 0, 1 → 128, 2 and above → 255.

    The authors' code stored ``255 R``, at which most of a face saturates to white
    (53-71 % of the pixels); half the gain keeps the picture.
    """
    r = np.asarray(reflectance, dtype=np.float64)
    return np.clip(np.rint(r * 127.5), 0, 255).astype(np.uint8)
