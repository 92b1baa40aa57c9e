"""The report of a replay: lines of stored against ours, and the comparisons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.learners.svm.coupled import CoupledSVC
from emonets.reproduction.afew2_files import Arrays, ClipFrames, Floats, needed
from emonets.reproduction.afew2_quirks import QUIRKS, tied_counts

Value = float | int | str | None


PROBABILITY = 1e-3
"""Tolerance of probabilities where features differ by print precision. The optimiser stops at a
tolerance of 1e-3."""


@dataclass(frozen=True)
class Check:
    """One line of the report: the authors' stored value and ours.

    ``equal`` is None if there were no files to compare. ``unit`` is "items" for a count of things
    that agree, "%" for an accuracy of ``n`` clips, "difference" for the largest one.
    """

    name: str
    stored: Value
    ours: Value
    tolerance: float = 0.0
    equal: bool | None = None
    note: str = ""
    unit: str = ""
    n: int | None = None


@dataclass(frozen=True)
class ReplayReport:
    """All lines of a replay."""

    folder: str
    checks: list[Check] = field(default_factory=list)

    @property
    def different(self) -> int:
        """Comparisons that failed."""
        return sum(check.equal is False for check in self.checks)

    @property
    def unavailable(self) -> int:
        """Comparisons whose files are missing."""
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
    stored, ours = _shown(check, check.stored), _shown(check, check.ours)
    text = f"{check.name:58} {stored:>13} {ours:>13}  {verdict}"
    return text + (f"  ({check.note})" if check.note else "")


def _shown(check: Check, value: Value) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if check.unit == "%" else f"{value:.6g}"
    return "-" if value is None else str(value)


def count(name: str, fits: NDArray[np.bool_], tolerance: float = 0.0, note: str = "") -> Check:
    """A check of how many items agree, of how many stored ones."""
    good = int(fits.sum())
    return Check(name, int(fits.size), good, tolerance, good == fits.size, note, "items")


def percent(name: str, stored: float, right: NDArray[np.bool_]) -> Check:
    """A check of an accuracy against a stored one, both in per cent with two decimals."""
    ours = 100.0 * float(right.mean())
    return Check(
        name, round(stored, 2), round(ours, 2), 0.005, abs(ours - stored) <= 0.005 + 1e-9,
        f"{int(right.sum())} of {right.size} clips", "%", right.size,
    )  # fmt: skip


def near(name: str, stored: Any, ours: Any, tolerance: float) -> Check:
    """A check of the largest difference of two arrays."""
    a, b = np.asarray(stored, dtype=np.float64), np.asarray(ours, dtype=np.float64)
    if a.shape != b.shape:
        return Check(name, str(a.shape), str(b.shape), tolerance, False, "shapes")
    worst = float(np.abs(a - b).max())
    note = "the largest difference"
    return Check(
        name, 0.0, float(f"{worst:.3g}"), tolerance, worst <= tolerance, note, "difference"
    )


def same(name: str, stored: float | int, ours: float | int, note: str = "") -> Check:
    """A check of two numbers that must be equal."""
    return Check(name, stored, ours, 0.0, stored == ours, note)


def compare_clips(
    name: str, stored: Mapping[int, Floats], ours: Mapping[int, Floats], tolerance: float,
    clips: Mapping[int, ClipFrames],
) -> Check:  # fmt: skip
    """A check of a descriptor file: how many of its clips equal ours within print precision."""
    fits, worst, tied, absent = [], 0.0, [], sorted(set(ours) - set(stored))
    for key, values in stored.items():
        mine = ours.get(key)
        if mine is None or mine.shape != values.shape:
            fits.append(False)
            continue
        difference = float(np.abs(values - mine).max())
        good = difference <= tolerance
        if not good and "count" in name and tied_counts(clips[key].probabilities, values):
            good, difference = True, 0.0
            tied.append(f"{key:09d}")
        fits.append(good)
        worst = max(worst, difference)
    note = f"largest difference {worst:.1e}" if tolerance else ""
    if tied:
        note += f"; a tie in print has the other class in {', '.join(tied)}"
    wrong = [f"{key:09d}" for key, fit in zip(stored, fits, strict=True) if not fit]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        note += f"; not equal: {', '.join(wrong[:3])}{more}"
    if absent:
        note += f"; {len(absent)} clips of ours are not stored, {absent[0]:09d} first"
    check = count(name, np.array(fits), tolerance, note)
    return replace(check, equal=check.equal and not absent)


def result_rows(report: ReplayReport, command: str) -> list[dict[str, Any]]:
    """The comparisons as rows of ``docs/results``: shares that agree, accuracies (0..1), largest
    differences."""
    base = {"data": "afew2 (the authors' stored results)", "command": command}
    rows: list[dict[str, Any]] = [
        base
        | {"what": "replay: comparisons equal", "metric": "share", "n": report.compared,
           "value": (report.compared - report.different) / max(report.compared, 1)}
    ]  # fmt: skip
    for check in report.checks:
        if check.equal is None or not isinstance(check.ours, int | float):
            continue
        row = base | {"what": f"replay: {check.name}", "classes": 7, "note": check.note}
        stored = check.stored if isinstance(check.stored, int | float) else 0
        if check.unit == "items":
            rows.append(row | {"metric": "share", "value": check.ours / stored, "n": int(stored)})
        elif check.unit == "%":
            note = f"the authors: {stored:.2f} %; {check.note}"
            rows.append(
                row | {"metric": "accuracy", "value": check.ours / 100, "n": check.n, "note": note}
            )
        elif check.unit == "difference":
            rows.append(row | {"metric": "difference", "value": check.ours})
    return rows


def same_machine(
    name: str, stored: Arrays, machine: CoupledSVC, order: NDArray[np.intp], path: Path
) -> Iterator[Check]:
    """Compare the SVM trained on our descriptors with the stored one."""
    theirs = " ".join(map(str, needed(stored, "model_label", path)))
    ours = " ".join(map(str, order))
    yield Check(f"{name}: class order", theirs, ours, 0.0, theirs == ours)
    indices = set((needed(stored, "model_sv_indices", path) - 1).tolist())
    shared = len(indices & set(machine.support_.tolist()))
    equal = shared == len(indices) == len(machine.support_)
    yield Check(f"{name}: support vectors", len(indices), shared, 0.0, equal, "the same clips")


def predictions(
    name: str, stored: Arrays, suffix: str, truth: NDArray[np.intp] | None, p: Floats,
    order: NDArray[np.intp],
) -> Iterator[Check]:  # fmt: skip
    """Compare labels, probabilities and, where the true classes are known, accuracy of one part."""
    labels = order[p.argmax(axis=1)]
    theirs = stored.get(f"predict_label_{suffix}")
    if theirs is None:
        yield Check(f"{name}: labels equal", None, None, note="not stored")
        return
    if theirs.shape != labels.shape:
        yield Check(f"{name}: labels equal", len(theirs), len(labels), 0.0, False, "lengths")
        return
    yield count(f"{name}: labels equal", labels == theirs)
    probabilities = stored.get(f"prob_values_{suffix}")
    if probabilities is not None:
        yield near(f"{name}: probabilities", probabilities, p, PROBABILITY)
    accuracy = stored.get(f"accuracy_{suffix}")
    if accuracy is not None and truth is not None:
        yield percent(f"{name}: % right", float(accuracy[0]), labels == truth)
