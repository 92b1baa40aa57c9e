"""Random search over a preset's numbers, as the paper's audio network was tuned (3.2).

In place of a value, a preset's TOML may have a distribution, a table with one key::

    learning_rate = { log_uniform = [1e-4, 1e-2] }
    pooled_dropout = { uniform = [0.0, 0.6] }
    patience = { integers = [5, 30] }          # both ends included
    hidden_layer_sizes = { choice = [[350, 350], [500, 250]] }

Each trial draws every one of them anew (Bergstra and Bengio 2012).
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from emonets.errors import DataError, EmoNetsError, ParameterError
from emonets.learners.checks import check_number

_MOST = math.log(sys.float_info.max)
KINDS = ("uniform", "log_uniform", "integers", "log_integers", "choice")
"""The names of distributions."""
_LARGEST = 2**52  # of integers: up to here a double in 0..1 separates neighbours


@dataclass(frozen=True)
class Distribution:
    """The distribution from which one value of a preset is drawn.

    Attributes
    ----------
    kind : one of :data:`KINDS`.
    values : the lowest and the highest value, both included; for a choice, all values.
    """

    kind: str
    values: tuple[Any, ...]

    def at(self, u: float) -> Any:
        """The value below which a share u, 0..1, of the distribution lies."""
        if self.kind == "choice":
            return copy.deepcopy(self.values[min(int(u * len(self.values)), len(self.values) - 1)])
        low, high = self.values
        if self.kind == "integers":
            return min(low + int(u * (high - low + 1)), high)
        if self.kind == "uniform":
            # Not low + u (high - low): that difference may be too large for a double
            value = (1 - u) * low + u * high
        else:
            # Of integers each has the half below and above it: P(k) is nearly 1/k
            half = 0.5 if self.kind == "log_integers" else 0.0
            at = (1 - u) * math.log(low - half) + u * math.log(high + half)
            value = math.exp(min(at, _MOST))  # rounding may lead beyond the largest number
        if self.kind == "log_integers":
            return min(max(math.floor(value + 0.5), low), high)
        return float(min(max(value, low), high))

    def __str__(self) -> str:
        if self.kind == "choice":
            return f"one of {', '.join(map(repr, self.values))}"
        name = {
            "uniform": "uniform", "log_uniform": "log-uniform",
            "integers": "whole numbers", "log_integers": "log-uniform whole numbers",
        }[self.kind]  # fmt: skip
        return f"{name} from {self.values[0]!r} to {self.values[1]!r}"


def is_distribution(value: Any) -> bool:
    """Whether a preset's value is a table with nothing but the name of a distribution.

    Its content may still be wrong; :func:`parse_distribution` checks it.
    """
    if not isinstance(value, Mapping) or len(value) != 1:
        return False
    ((kind, content),) = value.items()
    # A plain number is an ordinary value: a corpus may be called "choice"
    return kind in KINDS and not isinstance(content, int | float)


def parse_distribution(value: Any, where: str, file: str = "preset") -> Distribution:
    """The distribution that a table of a preset describes.

    Parameters
    ----------
    value : such as ``{"uniform": [0.0, 0.6]}``.
    where : its dotted key, for messages. file : the preset's name, for messages.

    Raises
    ------
    ParameterError : there is not exactly one key; the kind is unknown, and the message names the
        nearest one; the ends are no numbers, not in order or not positive; a choice is empty or
        has tables.
    """
    place = f"{file}: {where}"
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ParameterError(
            f"{place} must be a value or a table with one of {', '.join(KINDS)}, got {value!r}"
        )
    ((kind, content),) = value.items()
    if kind not in KINDS:
        near = difflib.get_close_matches(str(kind), KINDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KINDS)}"
        raise ParameterError(f"{place}: {kind!r} is no distribution; {hint}")
    if kind == "choice":
        return Distribution(kind, _options(content, place))
    whole = kind.endswith("integers")
    what = "whole numbers" if whole else "finite numbers"
    if not isinstance(content, list) or len(content) != 2:
        raise ParameterError(f"{place}: {kind} must be [low, high], got {content!r}")
    if not all(_is_whole(x) if whole else _is_finite(x) for x in content):
        size = f" of at most {_LARGEST}" if whole else ""
        raise ParameterError(f"{place}: {kind} must be two {what}{size}, got {content!r}")
    low, high = content if whole else map(float, content)
    if kind.startswith("log_") and low <= 0:
        raise ParameterError(f"{place}: {kind} must be of numbers above 0, got {content!r}")
    if low >= high:
        raise ParameterError(f"{place}: {kind} must go from low to high, got {content!r}")
    return Distribution(kind, (low, high))


def _options(content: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(content, list) or not content:
        raise ParameterError(f"{place}: choice must be a list of one or more, got {content!r}")
    for option in content:
        if not isinstance(option, str | bool | int | float | list):
            raise ParameterError(
                f"{place}: a choice is of strings, numbers, true, false or lists, got {option!r}"
            )
    refuse_within(content, place)
    return tuple(copy.deepcopy(content))


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_finite(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # TOML's integers have no end
        return False


def refuse_within(values: list[Any], place: str) -> None:
    """Raise ParameterError if there is a distribution anywhere within a list.

    It has no dotted key, so it cannot be drawn.
    """
    for value in values:
        if is_distribution(value):
            raise ParameterError(
                f"{place}: a list holds the distribution {value!r}, which cannot be drawn; "
                "give a choice of whole lists"
            )
        if isinstance(value, Mapping):
            refuse_within(list(value.values()), place)
        elif isinstance(value, list):
            refuse_within(value, place)


def distributions(preset: Mapping[str, Any], *, file: str = "preset") -> dict[str, Distribution]:
    """All distributions of a preset by their dotted keys, such as ``audio.network.rho``, sorted.

    Raises
    ------
    ParameterError : as :func:`parse_distribution`; a distribution within a list.
    """
    return dict(sorted(_found(preset, "", file)))


def _found(table: Mapping[str, Any], prefix: str, file: str) -> Iterator[tuple[str, Distribution]]:
    for key, value in table.items():
        where = f"{prefix}{key}"
        if is_distribution(value):
            yield where, parse_distribution(value, where, file)
        elif isinstance(value, Mapping):
            yield from _found(value, f"{where}.", file)
        elif isinstance(value, list):
            refuse_within(value, f"{file}: {where}")


def has_distributions(preset: Mapping[str, Any]) -> bool:
    """Whether the preset has a distribution."""
    return bool(distributions(preset))


def describe(preset: Mapping[str, Any]) -> str:
    """One line a distribution: its dotted key and what it draws from; sorted by key."""
    return "\n".join(f"{where}: {found}" for where, found in distributions(preset).items())


def draw_values(preset: Mapping[str, Any], seed: int, trial: int) -> dict[str, Any]:
    """The values of a trial, by dotted key, sorted.

    Each key has its own random numbers. A drawn value depends on seed, trial and key only. Keys
    are those of a whole preset; the keys of one of its tables alone give other values.

    Raises
    ------
    ParameterError : as :func:`distributions`; seed or trial is negative or no whole number.
    """
    for name, number in (("seed", seed), ("trial", trial)):
        if not _is_whole(number) or number < 0:
            raise ParameterError(f"{name} must be a whole number from 0 on, not {number!r}")
    return {
        where: found.at(_share(seed, trial, where))
        for where, found in distributions(preset).items()
    }


def _share(seed: int, trial: int, where: str) -> float:
    # Not hash(): that differs from process to process
    key = int.from_bytes(hashlib.sha256(where.encode()).digest(), "big")
    return float(np.random.default_rng((seed, trial, key)).random())


def draw(preset: Mapping[str, Any], seed: int, trial: int) -> dict[str, Any]:
    """A copy of the preset with a value for each distribution; see :func:`draw_values`.

    Raises
    ------
    ParameterError : as :func:`draw_values`.
    """
    return _filled(preset, "", draw_values(preset, seed, trial))


def _filled(table: Mapping[str, Any], prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in table.items():
        where = f"{prefix}{key}"
        if is_distribution(value):
            result[key] = copy.deepcopy(values[where])
        elif isinstance(value, Mapping):
            result[key] = _filled(value, f"{where}.", values)
        else:
            result[key] = copy.deepcopy(value)
    return result


@dataclass(frozen=True)
class Trial:
    """One draw and its score.

    Attributes
    ----------
    number : 0, 1, …; with the seed it determines the draw.
    values : the drawn values, by dotted key.
    score : the larger the better; -inf where the trial failed.
    seconds : duration.
    problem : why it failed; empty if it did not.
    """

    number: int
    values: dict[str, Any]
    score: float
    seconds: float
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, which has no infinity: the score of a failed trial is None."""
        return {
            "number": self.number, "values": copy.deepcopy(self.values),
            "score": None if self.problem else self.score,
            "seconds": self.seconds, "problem": self.problem,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: Any) -> Trial:
        """A trial from the result of :meth:`to_dict`.

        Raises
        ------
        DataError : ``content`` is not such a result.
        """
        if not isinstance(content, Mapping):
            raise DataError(f"a trial must be a table, got {content!r}")
        plain: dict[str, Any] = {name: content.get(name) for name in cls.__dataclass_fields__}
        score, values, problem = plain["score"], plain["values"], plain["problem"]
        right = {
            "number": _is_whole(plain["number"]) and plain["number"] >= 0,
            "values": isinstance(values, Mapping) and all(isinstance(k, str) for k in values),
            "seconds": _is_finite(plain["seconds"]) and plain["seconds"] >= 0,
            "problem": isinstance(problem, str),
            "score": score is None if problem else _is_finite(score),
        }
        for name, fits in right.items():
            if not fits:
                raise DataError(f"a trial's {name} cannot be {plain[name]!r}: {content!r}")
        return cls(
            number=plain["number"],
            values=copy.deepcopy(dict(values)),
            score=-math.inf if problem else float(score),
            seconds=float(plain["seconds"]),
            problem=problem,
        )


def random_search(
    preset: Mapping[str, Any],
    score: Callable[[dict[str, Any]], float],
    *,
    trials: int,
    seed: int = 0,
    seconds: float | None = None,
    progress: Callable[[Trial], None] | None = None,
    done: Mapping[int, Trial] | None = None,
) -> list[Trial]:
    """Draw, score, and draw again (Bergstra and Bengio 2012).

    Parameters
    ----------
    preset : with distributions.
    score : of a drawn preset; the larger the better. If it raises an EmoNets error or returns no
        finite number, the trial failed and the search continues.
    trials : how many; their numbers are 0 to trials - 1.
    seed : of the draws.
    seconds : after which no further trial begins; the first always runs. The time of the trials
        in ``done`` counts, so an interrupted search ends where an uninterrupted one would.
    progress : called with each trial that was run.
    done : number → trial of an earlier run of this search; these are not run again.

    Returns
    -------
    the trials, new and old, by number; :func:`best` finds the best of them.

    Raises
    ------
    ParameterError : as :func:`draw`; nothing to draw; a budget out of its range.
    DataError : a trial in ``done`` has other values, so it is of another search.
    """
    if not _is_whole(trials) or trials < 1:
        raise ParameterError(f"trials must be a whole number from 1 on, not {trials!r}")
    if seconds is not None:
        check_number("seconds", seconds, 0.0, math.inf)
    if not has_distributions(preset):
        raise ParameterError(
            "the preset has no distribution, so all trials would be equal; add one"
        )
    old = {number: trial for number, trial in (done or {}).items() if number < trials}
    for number, trial in old.items():
        if trial.number != number or trial.values != draw_values(preset, seed, number):
            raise DataError(
                f"trial {number} in the store has other values than this search: it was made with "
                "another preset or seed; use those, or begin a new search"
            )
    result: list[Trial] = []
    spent, begun = sum(trial.seconds for trial in old.values()), time.perf_counter()
    started = bool(old)
    for number in range(trials):
        if number in old:
            result.append(old[number])
            continue
        if started and seconds is not None and spent + time.perf_counter() - begun >= seconds:
            continue  # not break: later ones may be done
        started = True
        result.append(_run(preset, score, seed, number))
        if progress is not None:
            progress(result[-1])
    return result


def _run(
    preset: Mapping[str, Any], score: Callable[[dict[str, Any]], float], seed: int, number: int
) -> Trial:
    values, drawn = draw_values(preset, seed, number), draw(preset, seed, number)
    begun, problem, value = time.perf_counter(), "", -math.inf
    try:
        value = float(score(drawn))
    except EmoNetsError as error:
        problem = str(error) or type(error).__name__
    else:
        if not math.isfinite(value):
            value, problem = -math.inf, f"the score is {value}"
    return Trial(number, values, value, time.perf_counter() - begun, problem)


def best(trials: Iterable[Trial]) -> Trial:
    """The trial with the largest score; of equal ones the first by number.

    Raises
    ------
    DataError : there is none, or all failed; the message has the problem of the first one.
    """
    ordered = sorted(trials, key=lambda trial: trial.number)
    if not ordered:
        raise DataError("there is no trial to choose from")
    fine = [trial for trial in ordered if not trial.problem]
    if not fine:
        first = ordered[0]
        raise DataError(f"all {len(ordered)} trials failed; trial {first.number}: {first.problem}")
    return max(fine, key=lambda trial: trial.score)
