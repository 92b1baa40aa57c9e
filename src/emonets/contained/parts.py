"""What a contained process may use, what it tells of its progress, and what it returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from emonets.errors import EmoNetsError, ParameterError
from emonets.result import Result


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What the reading of one clip may use.

    Parameters
    ----------
    seconds : from the beginning of reading to its end, with its film; None: any.
    memory : bytes of address space beyond what the process holds with its model. Each thread
        takes 72 MiB of it, used or not.
    cpu_seconds : of all threads together; None: any.
    scratch : bytes of each temporary file, and of a film.
    reply : bytes of a result, and of all the small files of a film together.

    Examples
    --------
    >>> Allowance(seconds=300).memory // 2**30
    4
    """

    seconds: float | None = None
    memory: int = 4 * 2**30
    cpu_seconds: float | None = None
    scratch: int = 8 * 2**30
    reply: int = 256 * 2**20

    def __post_init__(self) -> None:
        for name in ("seconds", "memory", "cpu_seconds", "scratch", "reply"):
            value = getattr(self, name)
            optional = value is None and name.endswith("seconds")
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not optional and not (number and math.isfinite(value) and value > 0):
                raise ParameterError(f"Allowance({name}={value!r}): must be a number above 0")


@dataclass(frozen=True)
class Progress:
    """How far the reading of a clip is.

    Attributes
    ----------
    stage : ``starting``, ``reading`` or ``film``.
    done : seconds of the clip that this stage has read.
    total : seconds of the clip by its header; nan: unknown.
    """

    stage: str
    done: float = 0.0
    total: float = math.nan

    @property
    def time(self) -> float:
        """The same as ``done``."""
        return self.done


@dataclass(frozen=True)
class Reading:
    """What was read of a clip.

    Attributes
    ----------
    result : of this clip alone. A clip that could not be read has the status ``error``.
    film : what a page shows of the clip, as `emonets.report.film.place_film` returns it; None
        where no film was asked for.
    card : a picture of the clip, JPEG; empty where there is none.
    problem : a sentence where the film could not be made; else empty.
    """

    result: Result
    film: dict[str, Any] | None = None
    card: bytes = b""
    problem: str = ""


class Cancelled(EmoNetsError):  # noqa: N818 - it is nobody's error
    """The reading of a clip was cancelled on request."""
