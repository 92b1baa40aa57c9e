"""What can be wrong with a dataset, as a list to be worked off."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emonets.errors import DataError

LEVELS = ("error", "warning", "note")
"""What keeps the data from being trained on, what makes it worse, and what is good to know."""

_SHOWN = 5  # as many are named in a message


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, or worth to know.

    Attributes
    ----------
    level : one of `LEVELS`.
    kind : ``missing``, ``damaged``, ``unlabelled``, ``duplicate``, ``group`` (in two splits),
        ``single`` (a class with one recording), ``label``, ``split``, ``span`` (start and end that
        make no piece), ``outside`` (none of the seven), ``withheld``, ``channel``, ``copy``,
        ``foreign`` (no recording) or ``incomplete``.
    path : the file, or the table, that it is about.
    message : what is wrong with it.
    line : of the table.
    """

    level: str
    kind: str
    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        at = "" if self.line is None else f" line {self.line}"
        return f"{self.path}{at}: {self.message}"


def refuse(problems: Iterable[Problem]) -> None:
    """Raise if there is an error among the problems.

    Raises
    ------
    DataError : names the first few, each with file and line.
    """
    wrong = [problem for problem in problems if problem.level == "error"]
    if wrong:
        more = len(wrong) - _SHOWN
        raise DataError(
            "; ".join(map(str, wrong[:_SHOWN])) + (f"; and {more} more" if more > 0 else "")
        )
