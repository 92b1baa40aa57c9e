"""Checks of what comes out of a bundle before a learner is made of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import BundleError


def check_stored(
    owner: str,
    arrays: Mapping[str, NDArray[Any]],
    shapes: Mapping[str, tuple[int | None, ...]],
    *,
    kinds: str = "f",
    may_be_infinite: Collection[str] = (),
) -> None:
    """Raise BundleError unless all stored arrays are there, of their shapes, and finite numbers.

    Parameters
    ----------
    owner : whose arrays they are, as the error calls it: "the network".
    arrays : by name; those that ``shapes`` does not name are ignored.
    shapes : of each array; None stands for any length.
    kinds : numpy's kinds of numbers that will do: "f" floating, "i" and "u" whole.
    may_be_infinite : names of arrays that may hold infinite values, and NaN.
    """
    missing = [name for name in shapes if name not in arrays]
    if missing:
        raise BundleError(f"{owner} is missing the arrays {', '.join(missing)}; store it again")
    for name, shape in shapes.items():
        array = np.asarray(arrays[name])
        if array.ndim != len(shape) or any(
            expected not in (None, got) for expected, got in zip(shape, array.shape, strict=True)
        ):
            expected = " × ".join("any" if n is None else str(n) for n in shape)
            raise BundleError(
                f"{owner}'s array {name!r} has shape {array.shape}, expected {expected}: it is "
                "damaged or belongs to another architecture"
            )
        if array.dtype.kind not in kinds:
            raise BundleError(f"{owner}'s array {name!r} holds {array.dtype}, no such numbers")
        if name not in may_be_infinite and not np.isfinite(array).all():
            raise BundleError(f"{owner}'s array {name!r} holds NaN or infinite values")
