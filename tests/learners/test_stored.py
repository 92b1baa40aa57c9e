"""What comes out of a bundle is checked before it is used."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emonets.errors import BundleError
from emonets.learners.stored import check_stored

SHAPES: dict[str, tuple[int | None, ...]] = {"weight": (2, None), "bias": (3,)}
GOOD: dict[str, Any] = {
    "weight": np.ones((2, 5)), "bias": np.zeros(3, np.float32), "other": np.array(["x"]),
}  # fmt: skip


def test_whole_arrays_pass() -> None:
    check_stored("the net", GOOD, SHAPES)
    whole = {**GOOD, "bias": np.arange(3)}
    check_stored("the net", whole, SHAPES, kinds="iuf")
    infinite = {**GOOD, "bias": np.array([1.0, np.inf, 0.0])}
    check_stored("the net", infinite, SHAPES, may_be_infinite=("bias",))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": np.ones((3, 5))}, r"'weight' has shape \(3, 5\), expected 2 × any"),
        ({"weight": np.ones(2)}, "'weight' has shape"), ({"bias": np.zeros((3, 1))}, "'bias' has"),
        ({"bias": np.array([0.0, np.nan, 0.0])}, "'bias' holds NaN"),
        ({"bias": np.array([0.0, np.inf, 0.0])}, "'bias' holds NaN or infinite"),
        ({"bias": np.arange(3)}, "'bias' holds int64"), ({"bias": np.array(["x"] * 3)}, "'bias'"),
        ({"bias": np.array([{}] * 3)}, "'bias' holds object"),
    ],
)  # fmt: skip
def test_damaged_arrays_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=f"the net's array {message}"):
        check_stored("the net", {**GOOD, **change}, SHAPES)


def test_all_that_is_missing_is_said() -> None:
    with pytest.raises(BundleError, match="the net is missing the arrays weight, bias"):
        check_stored("the net", {"other": GOOD["other"]}, SHAPES)
