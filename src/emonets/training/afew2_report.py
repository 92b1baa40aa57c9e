"""The report of a replay: lines of stored against ours, and how two things are compared."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.training.afew2_quirks import QUIRKS

Value = float | int | str | None


@dataclass(frozen=True)
class Check:
    """One line of the report: what the authors stored and what came out here.

    ``equal`` is None where the files to compare were not there.
    """

    name: str
    stored: Value
    ours: Value
    tolerance: float = 0.0
    equal: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class ReplayReport:
    """All lines. ``all_equal`` says that something was compared and nothing differed."""

    folder: str
    checks: list[Check] = field(default_factory=list)

    @property
    def different(self) -> int:
        """Comparisons that failed."""
        return sum(check.equal is False for check in self.checks)

    @property
    def unavailable(self) -> int:
        """Comparisons for which the files were not there."""
        return sum(check.equal is None for check in self.checks)

    @property
    def compared(self) -> int:
        """Comparisons made."""
        return len(self.checks) - self.unavailable

    @property
    def all_equal(self) -> bool:
        """Whether something was compared and nothing differed."""
        return self.compared > 0 and self.different == 0

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON types."""
        return {
            "schema": 1,
            "checks": [asdict(check) for check in self.checks],
            "totals": {"compared": self.compared, "equal": self.compared - self.different,
                       "different": self.different, "not_available": self.unavailable},
            "all_equal": self.all_equal,
            "quirks": QUIRKS,
        }  # fmt: skip


def line(check: Check) -> str:
    """One line of the printed report."""
    verdict = {True: "equal", False: "DIFFERENT", None: "not available"}[check.equal]
    text = f"{check.name:58} {_shown(check.stored):>13} {_shown(check.ours):>13}  {verdict}"
    return text + (f"  ({check.note})" if check.note else "")


def _shown(value: Value) -> str:
    return "-" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def count(name: str, fits: NDArray[np.bool_], tolerance: float = 0.0, note: str = "") -> Check:
    """How many items agree, of how many stored ones."""
    good = int(fits.sum())
    return Check(name, int(fits.size), good, tolerance, good == fits.size, note)


def percent(name: str, stored: float, right: NDArray[np.bool_]) -> Check:
    """An accuracy against a stored one, both in per cent with two decimals."""
    ours = 100.0 * float(right.mean())
    return Check(
        name, round(stored, 2), round(ours, 2), 0.005, abs(ours - stored) <= 0.005 + 1e-9,
        f"{int(right.sum())} of {right.size} clips",
    )  # fmt: skip


def near(name: str, stored: Any, ours: Any, tolerance: float) -> Check:
    """The largest difference of two arrays."""
    a, b = np.asarray(stored, dtype=np.float64), np.asarray(ours, dtype=np.float64)
    if a.shape != b.shape:
        return Check(name, str(a.shape), str(b.shape), tolerance, False, "shapes")
    worst = float(np.abs(a - b).max())
    note = "the largest difference"
    return Check(name, 0.0, float(f"{worst:.3g}"), tolerance, worst <= tolerance, note)


def same(name: str, stored: float | int, ours: float | int, note: str = "") -> Check:
    """Two numbers that must be equal."""
    return Check(name, stored, ours, 0.0, stored == ours, note)
