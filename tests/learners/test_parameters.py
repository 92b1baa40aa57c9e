"""Checks of parameters that learners share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from emonets.errors import ParameterError
from emonets.learners.checks import check_choice, check_number


@pytest.mark.parametrize("value", [0, 0.5, 1.0, np.float32(0.25), np.int64(1)])
def test_numbers_inside_pass(value: Any) -> None:
    check_number("rho", value, 0.0, 1.0)


@pytest.mark.parametrize("value", [-1e-9, 1.1, np.nan, np.inf, "0.5", None, True, 1j, [0.5]])
def test_anything_else_is_refused(value: Any) -> None:
    with pytest.raises(ParameterError, match="rho must be a number from 0 to 1, not"):
        check_number("rho", value, 0.0, 1.0)


def test_ends_may_be_out() -> None:
    check_number("bound", np.inf, 0.0, np.inf, low_in=False)
    with pytest.raises(ParameterError, match="above 0 to inf"):
        check_number("bound", 0.0, 0.0, np.inf, low_in=False)
    with pytest.raises(ParameterError, match="from 0 to below 1,"):
        check_number("momentum", 1.0, 0.0, 1.0, high_in=False)


@pytest.mark.parametrize("value", ["tops", "", None, 0, ["top"]])
def test_choices(value: Any) -> None:
    check_choice("pooling", "top", ("top", "mean"))
    with pytest.raises(ParameterError, match="pooling must be one of top, mean, not"):
        check_choice("pooling", value, ("top", "mean"))
