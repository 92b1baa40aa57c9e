"""Checks of estimators' parameters that several learners share."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

from emonets.errors import ParameterError


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Raise ParameterError unless the value is one of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ParameterError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def check_number(
    name: str,
    value: Any,
    low: float,
    high: float,
    *,
    low_in: bool = True,
    high_in: bool = True,
) -> None:
    """Raise ParameterError unless the value is a number from low to high, the ends in or out."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    # Not "value < low": that would let NaN pass
    inside = (
        number
        and low <= float(value) <= high
        and (low_in or float(value) > low)
        and (high_in or float(value) < high)
    )
    if not inside:
        start, end = "from" if low_in else "above", "to" if high_in else "to below"
        raise ParameterError(
            f"{name} must be a number {start} {low:g} {end} {high:g}, not {value!r}"
        )
