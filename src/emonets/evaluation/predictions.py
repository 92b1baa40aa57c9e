"""Tables of models' predictions for labelled clips, to compare and fit fusions on.

One row for each clip and model, as CSV or Parquet::

    clip,model,angry,disgust,fear,happy,sad,surprise,neutral,label,group
    a.mp4,face,0.04,0.03,0.08,0.58,0.04,0.10,0.13,happy,anna
    a.mp4,audio,0.03,0.04,0.17,0.22,0.12,0.35,0.07,happy,anna

``label`` is the true emotion. ``group`` is optional: clips of one group (such as a person) stay
together in folds. An optional column ``found`` is false where a model had no usable input. The
model then counts as 1/7, and its numbers are ignored. Labels may also be in a separate table (clip,
label, group). With such a table, the output of ``emonets predict`` can be read, too. Each
specialist's own row of each clip is used. A specialist without a row of a clip found nothing there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS, UNIFORM, emotion_index
from emonets.errors import DataError, MissingExtraError

COLUMNS = ("clip", "model", *EMOTIONS)
_TOGETHER = "+"  # between the names of fused models in the output of predict
_FOUND = ("face_found", "sound_found", "motion_found")
_TRUE, _FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")
SUM_TOLERANCE = 0.004
"""How far from one the sum of a row may be: seven rounded numbers. Rows are normalised."""
_LISTED = 3  # examples that an error names


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of m models for n labelled clips.

    Attributes
    ----------
    path : of the table.
    clips : n names, in the table's order. models : m names, in the table's order.
    P : (n, m, 7), 1/7 if a model found nothing. found : (n, m).
    y : (n,) labels 0..6. groups : (n,) names, or None.
    notes : for readers, such as on labelled clips without predictions.
    """

    path: Path
    clips: list[str]
    models: list[str]
    P: NDArray[np.float64]
    found: NDArray[np.bool_]
    y: NDArray[np.intp]
    groups: NDArray[np.str_] | None
    notes: tuple[str, ...] = ()


def read_predictions(path: str | Path, labels: str | Path | None = None) -> Predictions:
    """Read a table of predictions; see the module's docstring.

    Parameters
    ----------
    path : ``.csv`` or ``.parquet``.
    labels : a table with clip, label and, optionally, group; None: the predictions have them.

    Raises
    ------
    DataError : the table cannot be read, a column is missing, a number is NaN, a row does not sum
        to one, a model or label is missing for a clip, a label is unknown, or there is only one
        clip, model or class. The message names the file and the clip.
    MissingExtraError : Parquet without the extra ``[parquet]``.
    """
    path = Path(path)
    table = read_table(path)
    predicted = "file" in table.columns and "level" in table.columns
    if predicted:
        table = _single_models(path, table)
        if labels is None:
            raise DataError(
                f"{path}: its labels are predicted, as emonets predict writes them; give the true "
                "ones in a separate table with --labels (clip, label, group)"
            )
    _require_columns(path, table, COLUMNS)
    places: dict[tuple[str, str], int] = {}
    for i, key in enumerate(zip(table["clip"], table["model"], strict=True)):
        if key in places:
            raise DataError(f"{path}: clip {key[0]!r} has two rows of model {key[1]!r}")
        if not all(key):
            raise DataError(f"{path}: row {i + 1} has no {'model' if key[0] else 'clip'}")
        places[key] = i
    clips, models = list(dict.fromkeys(table["clip"])), list(dict.fromkeys(table["model"]))
    n, m = len(clips), len(models)
    if n < 2:
        raise DataError(
            f"{path}: has one clip only ({clips[0]!r}); a comparison requires at least two"
        )
    if m < 2:
        raise DataError(
            f"{path}: has one model only ({models[0]!r}); a fusion requires at least two"
        )
    values, usable = _values(path, table)
    P, found = np.full((n, m, len(EMOTIONS)), UNIFORM), np.zeros((n, m), dtype=bool)
    for i, clip in enumerate(clips):
        for j, model in enumerate(models):
            row = places.get((clip, model))
            if row is None and not predicted:
                raise DataError(
                    f"{path}: clip {clip!r} has no row of model {model!r}; if it found nothing, "
                    "add a row with found = false"
                )
            if row is not None and usable[row]:
                P[i, j], found[i, j] = values[row], True
    truth = _truths(path, table) if labels is None else _truths(Path(labels), read_table(labels))
    origin = path if labels is None else Path(labels)
    y, groups, notes = _labelled(origin, clips, truth, own=labels is None)
    if (y == y[0]).all():
        raise DataError(
            f"{origin}: all {n} clips have the label {EMOTIONS[y[0]]!r}; give clips of other "
            "emotions, too"
        )
    return Predictions(path, clips, models, P, found, y, groups, notes)


def read_table(path: str | Path) -> pd.DataFrame:
    """A CSV or Parquet file; the numbers of a CSV file stay text.

    Raises
    ------
    DataError : it cannot be read or has no row.
    MissingExtraError : Parquet without the extra ``[parquet]``.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".parquet":
            table = pd.read_parquet(path, engine="pyarrow")
        else:
            table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except ImportError:
        raise MissingExtraError("reading Parquet", "parquet") from None
    except (OSError, ValueError) as error:  # the errors of pandas and Arrow are ValueErrors
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read as a table ({text})") from None
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    if not len(table):
        raise DataError(f"{path}: has no row")
    for name in ("clip", "file", "model", "label", "group", "fold", "trained_on", "level"):
        if name in table.columns:
            table[name] = [_text(value) for value in table[name]]
    return table


def true_index(path: Path, clip: str, label: str) -> int:
    """The class of a true label; DataError with file and clip if it is not an emotion."""
    try:
        return emotion_index(label)
    except KeyError:
        what = f"the label {label!r}, which is not one of" if label else "no label; give one of"
        raise DataError(f"{path}: clip {clip!r} has {what} {', '.join(EMOTIONS)}") from None


def probabilities_of(path: Path, table: pd.DataFrame, name: Callable[[int], str]) -> Any:
    """The seven columns as numbers (rows, 7); ``name`` gives the name of a row for messages.

    Texts must be numbers; nothing else is checked. An empty field is NaN.
    """
    columns = []
    for emotion in EMOTIONS:
        text = table[emotion]
        numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        wrong = [
            i for i in np.flatnonzero(np.isnan(numbers))
            if _text(text.iloc[i]).lower() not in ("", "nan", "na", "none")
        ]  # fmt: skip
        if wrong:
            raise DataError(
                f"{path}: {name(int(wrong[0]))}: {emotion} is {text.iloc[wrong[0]]!r}, no number"
            )
        columns.append(numbers)
    return np.stack(columns, axis=1)


def check_rows(path: Path, values: NDArray[np.float64], name: Callable[[int], str]) -> None:
    """Raise DataError for the first row that is not seven probabilities; ``name`` names a row."""
    bad = ~np.isfinite(values).all(axis=1)
    off = np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE
    for wrong, what in (
        (bad, "has no number (NaN) for {}; if nothing was found, set found = false"),
        ((values < 0).any(axis=1), "has negative numbers; give probabilities"),
        (off, "sums to {}, not to one; give probabilities"),
    ):
        if wrong.any():
            i = int(np.flatnonzero(wrong)[0])
            missing = [e for e, x in zip(EMOTIONS, values[i], strict=True) if not np.isfinite(x)]
            detail = ", ".join(missing) if missing else f"{values[i].sum():.4g}"
            more = f" ({wrong.sum()} such rows)" if wrong.sum() > 1 else ""
            raise DataError(f"{path}: {name(i)} {what.format(detail)}{more}")


def _values(path: Path, table: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probabilities (rows, 7), 1/7 if nothing was found; and (rows,) whether something was."""
    clips, models = list(table["clip"]), list(table["model"])

    def name(i: int) -> str:
        return f"clip {clips[i]!r}, model {models[i]!r}"

    values = np.asarray(probabilities_of(path, table, name), dtype=np.float64)
    usable = np.ones(len(table), dtype=bool)
    if "found" in table.columns:
        for i, text in enumerate(map(_text, table["found"])):
            if text.lower() not in (*_TRUE, *_FALSE, ""):
                raise DataError(f"{path}: {name(i)}: found is {text!r}, neither true nor false")
            usable[i] = text.lower() not in _FALSE
    values[~usable] = UNIFORM
    check_rows(path, values, name)
    return values / values.sum(axis=1, keepdims=True), usable


def _single_models(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Each specialist's own row of each clip, from the output of predict."""
    _require_columns(path, table, ("model", *EMOTIONS))
    single = ~table["model"].str.contains(_TOGETHER, regex=False)
    kept = table[(table["level"] == "clip") & single].reset_index(drop=True)
    if not len(kept):
        raise DataError(f"{path}: has no row of a single model for a whole clip")
    known = [name for name in _FOUND if name in kept.columns]
    found = [[_text(value).lower() in _TRUE for value in kept[name]] for name in known]
    kept = kept.drop(columns=["label", "group"], errors="ignore")
    return kept.assign(
        clip=kept["file"], found=np.any(found, axis=0).astype(str) if found else "true"
    )


@dataclass(frozen=True)
class _Truth:
    label: str
    group: str | None


def _truths(path: Path, table: pd.DataFrame) -> dict[str, _Truth]:
    """Label and group of each clip."""
    if "clip" not in table.columns and "file" in table.columns:
        table = table.assign(clip=table["file"])
    _require_columns(path, table, ("clip", "label"))
    groups = table["group"] if "group" in table.columns else [None] * len(table)
    known: dict[str, _Truth] = {}
    for clip, label, group in zip(table["clip"], table["label"], groups, strict=True):
        truth = _Truth(label, group)
        before = known.setdefault(clip, truth)
        if before != truth:
            what = "labels" if before.label != label else "groups"
            old, new = (before.label, label) if before.label != label else (before.group, group)
            raise DataError(f"{path}: clip {clip!r} has two {what}, {old!r} and {new!r}")
    return known


def _labelled(
    path: Path, clips: list[str], truth: Mapping[str, _Truth], *, own: bool
) -> tuple[NDArray[np.intp], NDArray[np.str_] | None, tuple[str, ...]]:
    """Labels and groups of the clips; a clip may also be named without its folders."""
    used: dict[Hashable, str] = {}
    found: list[_Truth] = []
    missing: list[str] = []
    for clip in clips:
        key = clip if clip in truth else Path(clip).name
        if key not in truth:
            missing.append(clip)
            continue
        if used.setdefault(key, clip) != clip:
            raise DataError(
                f"{path}: {key!r} could be {used[key]!r} or {clip!r}; name clips as predict does"
            )
        found.append(truth[key])
    if missing:
        first = ", ".join(map(repr, missing[:_LISTED]))
        raise DataError(f"{path}: no label for {first} ({len(missing)} of {len(clips)} clips)")
    y = np.array([true_index(path, c, t.label) for c, t in zip(clips, found, strict=True)])
    notes = []
    if not own and len(truth) > len(used):
        notes.append(f"{len(truth) - len(used)} labelled clips have no predictions")
    without = [c for c, t in zip(clips, found, strict=True) if not t.group]
    if len(without) == len(clips):
        notes.append(
            "no groups are given: clips of one person may be in training and test, so scores may "
            "be too high"
        )
        return y.astype(np.intp), None, tuple(notes)
    if without:
        raise DataError(f"{path}: clip {without[0]!r} has no group, others have one; give it one")
    groups = np.array([str(t.group) for t in found])
    return y.astype(np.intp), groups, tuple(notes)


def _require_columns(path: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(
            f"{path}: has no column {', '.join(missing)}; it has "
            f"{', '.join(map(str, table.columns[:20]))}"
        )


def _text(value: Any) -> str:
    """A stripped text; empty for a missing value."""
    return "" if pd.isna(value) else str(value).strip()
