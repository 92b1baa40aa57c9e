"""Measured results on disk: ``NAME.json``, a list of rows, and ``NAME.md``, made from it.

Every number of the project comes from such a file. Every row names the command that wrote it.
Writing merges: a row replaces the one with the same what, data, split and metric. The others stay,
so a benchmark can be run in parts.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from emonets.errors import DataError, ParameterError
from emonets.evaluation.metrics import Evaluation, Score
from emonets.runtime.files import write_whole

FOLDER = Path("docs/results")
"""The folder of results, from the project's root."""
SCORES = ("accuracy", "uar", "recall", "precision", "f1", "calibration_error", "share")
"""Metrics between 0 and 1, shown in per cent; one of one class is ``"recall angry"``."""

_DIGITS = 6
_TEXTS = ("what", "data", "metric", "command", "split", "group", "note")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One measured number.

    Attributes
    ----------
    what : the measured system; a benchmark's row also names its baseline here.
    data : the data set.
    metric : one of `SCORES`, or ratio, realtime, seconds, megabytes …
    value : between 0 and 1 for a score, any finite number otherwise.
    command : the shell command that measures it again, from the project's root.
    classes : how many there are; None if the number is not about classes.
    split : the part of the data, or how they were divided.
    group : the unit of intervals (and folds), such as a person; empty for none.
    n, dropped : items measured, and items left out of the data.
    low, high : the ends of the 95 % interval, or None.
    seed : or None if nothing is random.
    note : a caveat for readers, such as a leak; left out of the file if empty.

    Raises
    ------
    DataError : a value is out of range or of the wrong type; the message names the row.
    """

    what: str
    data: str
    metric: str
    value: float
    command: str
    classes: int | None = None
    split: str = ""
    group: str = ""
    n: int | None = None
    dropped: int = 0
    low: float | None = None
    high: float | None = None
    seed: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        def wrong(key: str, rule: str) -> DataError:
            here = f"row {self.what!r}, {self.data!r}, {self.metric!r}"
            return DataError(f"{here}: {key} must {rule}, got {getattr(self, key)!r}")

        for key in _TEXTS:
            if not isinstance(getattr(self, key), str):
                raise wrong(key, "be text")
        for key in ("what", "data", "metric", "command"):
            if not getattr(self, key).strip():
                raise wrong(key, "not be empty")
        for key in ("classes", "n", "dropped", "seed"):
            count = _number(getattr(self, key), optional=key != "dropped")
            if count is not None and not (count >= 0 and count.is_integer()):
                raise wrong(key, "be a whole number from 0 on")
            # numpy's numbers are accepted, plain ones are stored
            object.__setattr__(self, key, None if count is None else int(count))
        for key in ("value", "low", "high"):
            x = _number(getattr(self, key), optional=key != "value")
            if x is not None and not math.isfinite(x):
                raise wrong(key, "be a finite number")
            if x is not None and self.is_score and not 0 <= x <= 1:
                raise wrong(key, "lie in 0..1, not in per cent")
            object.__setattr__(self, key, x)
        if (self.low is None) != (self.high is None):
            raise wrong("low" if self.low is None else "high", "come with the interval's other end")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise wrong("low", f"not lie above high, {self.high}")

    @property
    def is_score(self) -> bool:
        """Whether the metric is one of `SCORES`, of all classes or of one."""
        return self.metric.split(" ")[0] in SCORES

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The identity of a number: what, data, split and metric."""
        return (self.what, self.data, self.split, self.metric)

    def to_dict(self) -> dict[str, Any]:
        """As stored: keys in a fixed order, numbers to six digits."""
        row = {key: asdict(self)[key] for key in _KEYS}
        for key in ("value", "low", "high"):
            if isinstance(row[key], float):
                row[key] = float(f"{row[key]:.{_DIGITS}g}")
        if not row["note"]:
            del row["note"]
        return row


_KEYS = (
    "what", "data", "classes", "split", "group", "n", "dropped",
    "metric", "value", "low", "high", "seed", "command", "note",
)  # fmt: skip


def score_rows(
    evaluation: Evaluation,
    *,
    what: str,
    data: str,
    command: str,
    split: str = "",
    group: str = "",
    dropped: int = 0,
    note: str = "",
    per_class: bool = False,
) -> list[Evidence]:
    """The rows of an evaluation: accuracy and UAR and, on request, the recall of each class."""
    scores: list[tuple[str, Score]] = [
        ("accuracy", evaluation.accuracy),
        ("uar", evaluation.uar),
    ]
    support = evaluation.confusion.sum(axis=1)
    note = "; ".join(text for text in (note, _few(evaluation)) if text)
    if per_class:
        scores += [
            (f"recall {name}", evaluation.recall[k])
            for k, name in enumerate(evaluation.classes)
            if support[k]
        ]
    return [
        Evidence(
            what=what,
            data=data,
            classes=int((support > 0).sum()),
            split=split,
            group=group,
            n=evaluation.n,
            dropped=dropped,
            metric=metric,
            value=score.value,
            low=score.low,
            high=score.high,
            seed=evaluation.seed,
            command=command,
            note=note,
        )
        for metric, score in scores
    ]


def _few(evaluation: Evaluation) -> str:
    """A note on intervals over few groups; "" for none."""
    return f"interval over {evaluation.n_groups} groups only" if evaluation.warning else ""


def write_results(
    name: str, rows: Iterable[Evidence | Mapping[str, Any]], folder: str | Path = FOLDER
) -> list[Evidence]:
    """Merge rows into ``NAME.json`` and make ``NAME.md`` from it.

    An existing row (same what, data, split and metric) is replaced in its place; new ones follow.
    Each file is written whole or not at all.

    Parameters
    ----------
    name : small letters, digits and underscores, such as ``face_paper``.
    rows : at least one.
    folder : made if it does not exist.

    Returns
    -------
    All rows of the file.

    Raises
    ------
    DataError : a row is wrong, two rows have one key, or the existing file is damaged.
    ParameterError : the name has other characters.
    """
    folder = Path(folder)
    path = _path(name, folder)
    new = [_row(row, f"new row {k}") for k, row in enumerate(rows)]
    if not new:
        raise DataError(f"{name}: no rows to write")
    merged = {row.key: row for row in read_results(name, folder)} if path.exists() else {}
    for row in _distinct(new, name):
        merged[row.key] = row
    result = list(merged.values())
    lines = ",\n".join(" " + json.dumps(row.to_dict(), ensure_ascii=False) for row in result)
    write_whole(path, f"[\n{lines}\n]\n".encode())
    title = f"# {name}\n\nMade from `{name}.json` by the commands below; not to be edited.\n\n"
    # made from the numbers in the file: rounded twice, some would differ
    kept = read_results(name, folder)
    write_whole(path.with_suffix(".md"), (title + markdown(kept)).encode())
    return kept


def read_results(name: str, folder: str | Path = FOLDER) -> list[Evidence]:
    """The rows of ``NAME.json``.

    Raises
    ------
    DataError : the file does not exist, is damaged, or has something else than rows.
    ParameterError : the name has other characters than small letters, digits and underscores.
    """
    path = _path(name, Path(folder))
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        there = ", ".join(sorted(p.stem for p in path.parent.glob("*.json"))) or "none"
        raise DataError(f"{path}: no such results; there are {there}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: not readable as JSON ({error}); delete it and measure again"
        ) from error
    if not isinstance(content, list):
        raise DataError(f"{path}: expected a list of rows, found a {type(content).__name__}")
    return _distinct([_row(row, f"{path}: row {k}") for k, row in enumerate(content)], str(path))


def markdown(rows: Sequence[Evidence]) -> str:
    """Rows as a Markdown table: a line for each thing measured, a column for each metric.

    Scores are in per cent, with their 95 % intervals in brackets. Empty columns are left out.
    The commands follow the table.
    """
    if not rows:
        return "No results yet.\n"
    metrics = list(dict.fromkeys(row.metric for row in rows))
    lines: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in rows:
        about = (
            row.what, row.data, row.classes, row.split, row.group, row.n, row.dropped, row.seed,
            row.note,
        )  # fmt: skip
        lines.setdefault(about, {})[row.metric] = _value(row)
    names = ("what", "data", "classes", "split", "group", "n", "dropped", "seed", "note")
    used = [k for k, _ in enumerate(names) if any(about[k] not in ("", None, 0) for about in lines)]
    left = [k for k in used if names[k] not in ("seed", "note")]
    right = [k for k in used if names[k] in ("seed", "note")]
    head = [names[k] for k in left] + metrics + [names[k] for k in right]
    table = [head, ["---:" if x in metrics or x in _NUMBERS else "---" for x in head]]
    for about, values in lines.items():
        cells = [_text(about[k]) for k in left]
        cells += [values.get(metric, "") for metric in metrics]
        cells += [_text(about[k]) for k in right]
        table.append(cells)
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in table)
    if any(row.low is not None for row in rows):
        text += "\n\nIn brackets: 95 % bootstrap intervals, over "
        text += "groups where one is named." if any(row.group for row in rows) else "items."
    commands = "\n".join(dict.fromkeys(row.command for row in rows))
    return f"{text}\n\n```sh\n{commands}\n```\n"


_NUMBERS = ("classes", "n", "dropped", "seed")


def _value(row: Evidence) -> str:
    def shown(x: float) -> str:
        if row.is_score:
            return f"{100 * x:.1f}"
        return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}"

    text = shown(row.value) + (" %" if row.is_score else "")
    if row.low is not None and row.high is not None:
        text += f" [{shown(row.low)}, {shown(row.high)}]"
    return text


def _text(x: object) -> str:
    if x is None:
        return ""
    if isinstance(x, int):
        return f"{x:,}"
    return " ".join(str(x).split()).replace("|", "\\|")


def _number(x: object, *, optional: bool) -> float | None:
    """A number as float; None if it is optional; NaN for anything else, which fails every check."""
    if x is None and optional:
        return None
    if isinstance(x, bool) or not isinstance(x, int | float | np.integer | np.floating):
        return math.nan
    return float(x)


def _row(row: Any, where: str) -> Evidence:
    if isinstance(row, Evidence):
        return row
    if not isinstance(row, Mapping):
        raise DataError(f"{where}: expected a row, found a {type(row).__name__}")
    known = {field.name for field in fields(Evidence)}
    missing = [k for k in ("what", "data", "metric", "value", "command") if k not in row]
    unknown = [str(k) for k in row if k not in known]
    if missing or unknown:
        raise DataError(
            f"{where}: "
            + "; ".join(
                f"{label} {', '.join(keys)}"
                for label, keys in (("missing", missing), ("unknown", unknown))
                if keys
            )
            + f"; a row has {', '.join(_KEYS)}"
        )
    try:
        return Evidence(**row)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error


def _distinct(rows: list[Evidence], where: str) -> list[Evidence]:
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        if row.key in seen:
            raise DataError(f"{where}: two rows for {', '.join(row.key)}; give them different what")
        seen.add(row.key)
    return rows


def _path(name: str, folder: Path) -> Path:
    if not re.fullmatch(r"[a-z0-9_]+", name):
        raise ParameterError(
            f"a name of results has small letters, digits and underscores only, got {name!r}"
        )
    return folder / f"{name}.json"
