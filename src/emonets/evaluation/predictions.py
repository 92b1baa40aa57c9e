"""Tables of what models said of labelled clips, to compare and fit fusions on.

A row a clip and model, as CSV or Parquet::

    clip,model,angry,disgust,fear,happy,sad,surprise,neutral,label,group
    a.mp4,face,0.04,0.03,0.08,0.58,0.04,0.10,0.13,happy,anna
    a.mp4,audio,0.03,0.04,0.17,0.22,0.12,0.35,0.07,happy,anna

``label`` is the truth, ``group`` (may be left out) what must stay together where clips are divided:
the actor, the film. A column ``found`` may say false where a model had nothing to go by: it counts
as 1/7 there, and its numbers are not looked at. Labels may also stand in a table of their own
(clip, label, group). What ``emonets predict`` writes is read, too, with such a table: each
specialist's own row of each clip; a specialist without one in a clip found nothing there.
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
_TOGETHER = "+"  # between the names of models that speak together, in what predict writes
_FOUND = ("face_found", "sound_found", "motion_found")
_TRUE, _FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")
SUM_TOLERANCE = 0.004
"""How far from one a row may sum: seven numbers rounded to three decimals. It is normalised."""
_LISTED = 3  # examples that an error names


@dataclass(frozen=True, eq=False)
class Predictions:
    """What m models said of n labelled clips.

    Attributes
    ----------
    path : of the table.
    clips : n names, in the table's order. models : m names, in the table's order.
    P : (n, m, 7), 1/7 where a model found nothing. found : (n, m).
    y : (n,) labels 0..6. groups : (n,) names, or None.
    notes : what a reader should know, such as labelled clips that nobody predicted.
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
    """Read a table of predictions; see the module's text.

    Parameters
    ----------
    path : ``.csv`` or ``.parquet``.
    labels : a table clip, label and, where wanted, group; None: the predictions have them.

    Raises
    ------
    DataError : the table, or one row of it, is not what it should be: not readable, a column
        missing, NaN, numbers that do not sum to one, a model or label missing for a clip, an
        unknown label, one clip or model or class only. The message names the file and the clip.
    MissingExtraError : Parquet without the extra ``[parquet]``.
    """
    path = Path(path)
    table = read_table(path)
    predicted = "file" in table.columns and "level" in table.columns
    if predicted:
        table = _single_answers(path, table)
        if labels is None:
            raise DataError(
                f"{path}: its labels are the models', as emonets predict writes them; give the "
                "true ones in a table of their own with --labels (clip, label, group)"
            )
    _need(path, table, COLUMNS)
    places: dict[tuple[str, str], int] = {}
    for i, key in enumerate(zip(table["clip"], table["model"], strict=True)):
        if key in places:
            raise DataError(f"{path}: clip {key[0]!r} has two rows of model {key[1]!r}")
        if not all(key):
            raise DataError(f"{path}: row {i + 1} names no {'model' if key[0] else 'clip'}")
        places[key] = i
    clips, models = list(dict.fromkeys(table["clip"])), list(dict.fromkeys(table["model"]))
    n, m = len(clips), len(models)
    if n < 2:
        raise DataError(f"{path}: one clip only ({clips[0]!r}); there is nothing to learn from")
    if m < 2:
        raise DataError(f"{path}: one model only ({models[0]!r}); there is nothing to combine")
    values, spoke = _values(path, table)
    P, found = np.full((n, m, len(EMOTIONS)), UNIFORM), np.zeros((n, m), dtype=bool)
    for i, clip in enumerate(clips):
        for j, model in enumerate(models):
            row = places.get((clip, model))
            if row is None and not predicted:
                raise DataError(
                    f"{path}: clip {clip!r} has no row of model {model!r}; if it found nothing, "
                    "give a row with found = false"
                )
            if row is not None and spoke[row]:
                P[i, j], found[i, j] = values[row], True
    truth = _truths(path, table) if labels is None else _truths(Path(labels), read_table(labels))
    origin = path if labels is None else Path(labels)
    y, groups, notes = _labelled(origin, clips, truth, own=labels is None)
    if (y == y[0]).all():
        raise DataError(
            f"{origin}: all {n} clips have the label {EMOTIONS[y[0]]!r}: nothing tells the models "
            "apart"
        )
    return Predictions(path, clips, models, P, found, y, groups, notes)


def read_table(path: str | Path) -> pd.DataFrame:
    """A CSV or Parquet file; numbers of a CSV are still texts.

    Raises
    ------
    DataError : it cannot be read or holds no row.
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
    except (OSError, ValueError) as error:  # pandas' and Arrow's own are ValueErrors
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read as a table ({text})") from None
    table.columns = pd.Index([str(name).strip() for name in table.columns])
    if not len(table):
        raise DataError(f"{path}: holds no row")
    for name in ("clip", "file", "model", "label", "group", "fold", "trained_on", "level"):
        if name in table.columns:
            table[name] = [_text(value) for value in table[name]]
    return table


def true_index(path: Path, clip: str, label: str) -> int:
    """The class of a true label; DataError, naming file and clip, where it is none."""
    try:
        return emotion_index(label)
    except KeyError:
        what = f"the label {label!r}, which is none of" if label else "no label; one is wanted of"
        raise DataError(f"{path}: clip {clip!r} has {what} {', '.join(EMOTIONS)}") from None


def probabilities_of(path: Path, table: pd.DataFrame, name: Callable[[int], str]) -> Any:
    """The seven columns as (rows, 7) numbers; ``name`` says which row an error is about.

    What is checked is only that texts are numbers; an empty field is NaN.
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
    """DataError for the first row that is no seven probabilities; ``name`` says which it is."""
    bad = ~np.isfinite(values).all(axis=1)
    off = np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE
    for wrong, what in (
        (bad, "holds no number (NaN) for {}; if nothing was found, say found = false"),
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
    """Probabilities (rows, 7), 1/7 where nothing was found, and whether something was."""
    clips, models = list(table["clip"]), list(table["model"])

    def name(i: int) -> str:
        return f"clip {clips[i]!r}, model {models[i]!r}"

    values = np.asarray(probabilities_of(path, table, name), dtype=np.float64)
    spoke = np.ones(len(table), dtype=bool)
    if "found" in table.columns:
        for i, text in enumerate(map(_text, table["found"])):
            if text.lower() not in (*_TRUE, *_FALSE, ""):
                raise DataError(f"{path}: {name(i)}: found is {text!r}, neither true nor false")
            spoke[i] = text.lower() not in _FALSE
    values[~spoke] = UNIFORM
    check_rows(path, values, name)
    return values / values.sum(axis=1, keepdims=True), spoke


def _single_answers(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Of what predict wrote: each specialist's own row of each clip."""
    _need(path, table, ("model", *EMOTIONS))
    single = ~table["model"].str.contains(_TOGETHER, regex=False)
    kept = table[(table["level"] == "clip") & single].reset_index(drop=True)
    if not len(kept):
        raise DataError(f"{path}: holds no row of a clip by one model")
    known = [name for name in _FOUND if name in kept.columns]
    said = [[_text(value).lower() in _TRUE for value in kept[name]] for name in known]
    kept = kept.drop(columns=["label", "group"], errors="ignore")
    return kept.assign(
        clip=kept["file"], found=np.any(said, axis=0).astype(str) if said else "true"
    )


@dataclass(frozen=True)
class _Truth:
    label: str
    group: str | None


def _truths(path: Path, table: pd.DataFrame) -> dict[str, _Truth]:
    """Label and group of each clip."""
    if "clip" not in table.columns and "file" in table.columns:
        table = table.assign(clip=table["file"])
    _need(path, table, ("clip", "label"))
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
    """Labels and groups of the clips; a clip is known by its name without folders, too."""
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
                f"{path}: {key!r} could be {used[key]!r} and {clip!r}; name clips as predict does"
            )
        found.append(truth[key])
    if missing:
        some = ", ".join(map(repr, missing[:_LISTED]))
        raise DataError(f"{path}: no label for {some} ({len(missing)} of {len(clips)} clips)")
    y = np.array([true_index(path, c, t.label) for c, t in zip(clips, found, strict=True)])
    notes = []
    if not own and len(truth) > len(used):
        notes.append(f"{len(truth) - len(used)} labelled clips have no predictions")
    without = [c for c, t in zip(clips, found, strict=True) if not t.group]
    if len(without) == len(clips):
        notes.append(
            "no groups are given: clips of one person may be fitted on and tested on, which looks "
            "better than it is"
        )
        return y.astype(np.intp), None, tuple(notes)
    if without:
        raise DataError(f"{path}: clip {without[0]!r} has no group, others have one")
    groups = np.array([str(t.group) for t in found])
    return y.astype(np.intp), groups, tuple(notes)


def _need(path: Path, table: pd.DataFrame, columns: tuple[str, ...]) -> None:
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(
            f"{path}: has no column {', '.join(missing)}; it has "
            f"{', '.join(map(str, table.columns[:20]))}"
        )


def _text(value: Any) -> str:
    """As a text without blanks around it; nothing for what is missing."""
    return "" if pd.isna(value) else str(value).strip()
