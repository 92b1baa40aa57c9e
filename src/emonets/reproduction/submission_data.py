"""Data that the paper's submissions can be run on: models, labels, and which clips are for what.

Read are the authors' stored answers of AFEW2 (a folder), and anybody's stored answers, as ``.npz``
files or as a table. A fold is a name or a number. Where the folds are called train, valid and,
where there is one, test, they are the challenge's parts. All others take turns: each is tested on
once, the next is the validation part, the rest is trained on.

An ``.npz`` holds ``clip`` (n names), ``label`` (n, names or 0..6), ``fold`` (n, numbers from 0),
``group`` or ``actor`` (n; may be left out), and nested predictions (``fusion.nested_folds``):
``models`` (m names), ``outer`` (n, m, 7) and ``inner`` (F, n, m, 7), or of one model ``proba``
(n, 7) and ``inner`` (F, n, 7), the model being called as the file is. ``seen`` (F, F, n, m, 7), or
(F, F, n, 7), may add what models said of the clips that they were trained on
(``reproduction.stored_answers``); recipes that learn from that are left out without it.

A table (``.csv``, ``.parquet``) has a row an answer: the columns ``clip, label, group`` (may be
left out), ``fold, model, trained_on`` and the seven classes; ``trained_on`` names folds with ``+``
between them ("train", "train+valid", "0+1+3").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError
from emonets.evaluation.predictions import check_rows, probabilities_of, read_table, true_index
from emonets.fusion.common import FusionDataError, Ints
from emonets.fusion.nested_folds import NestedPredictions
from emonets.fusion.protocols import (
    PROTOCOLS,
    Models,
    Protocol,
    Split,
    Views,
    all_models,
    out_of_fold,
)
from emonets.reproduction.afew2_fusion import stored_predictions
from emonets.reproduction.recipes import (
    ACTIVITY,
    AUDIO,
    FACE,
    FACE_2,
    MOUTH,
    PAIR,
    remembered,
)
from emonets.reproduction.stored_answers import StoredAnswers

PARTS = ("train", "valid", "test")
AUTHORS_FILE = "svm_convnet.npz"
"""What the folder with the authors' stored answers has, and no other."""
KNOWN = (FACE, FACE_2, AUDIO, ACTIVITY, MOUTH, PAIR)
"""What models are called in the recipes."""


@dataclass(frozen=True, eq=False)
class SubmissionData:
    """Models and labelled clips, and how the clips are divided.

    Attributes
    ----------
    name : of the data. models : callables by the names of :data:`KNOWN`. y : (n,) 0..6.
    splits : one for the parts of a challenge, or one a fold that is tested on.
    groups : (n,) or None. group : what they are, such as "actor".
    protocols : by name. readings : what a protocol means on these data, where that is not the
        paper's meaning. note : what a reader must know.
    """

    name: str
    models: Models
    y: Ints
    splits: tuple[Split, ...]
    groups: NDArray[Any] | None = None
    group: str = ""
    protocols: Mapping[str, Protocol] = field(default_factory=lambda: PROTOCOLS)
    readings: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    def __post_init__(self) -> None:
        unknown = [name for name in self.models if name not in KNOWN]
        if unknown:
            raise DataError(
                f"{self.name}: no recipe knows a model {unknown[0]!r}; they are called "
                f"{', '.join(KNOWN)}"
            )

    @classmethod
    def of_folds(
        cls,
        name: str,
        models: Models | StoredAnswers,
        y: Ints,
        fold: NDArray[Any],
        groups: NDArray[Any] | None = None,
        *,
        group: str = "",
        note: str = "",
    ) -> SubmissionData:
        """Of models that can be trained, or of their stored answers, and folds.

        Parameters
        ----------
        models : name → callable ``(train, test)`` → (len(test), 7), each of which is called once
            for each set of training clips, to predict all n clips; or what is stored.
        fold : (n,) names or numbers, as in the module's text.

        Raises
        ------
        DataError : fewer than three folds that could take turns; models of other names.
        """
        names = fold.astype(str)
        if isinstance(models, StoredAnswers):
            known = models.models()
        else:
            known = {key: remembered(model, len(y)) for key, model in models.items()}
        every = sorted(set(names), key=lambda f: (not f.isdigit(), int(f) if f.isdigit() else 0, f))
        where = {f: np.flatnonzero(names == f) for f in every}
        if set(every) <= set(PARTS):
            if not {"train", "valid"} <= set(every):
                raise DataError(f"{name}: has the parts {', '.join(every)}; train and valid needed")
            parts = [where.get(part, np.empty(0, np.intp)) for part in PARTS]
            return cls(name, known, y, (Split(*parts),), groups, group, note=note)
        if len(every) < 3:
            raise DataError(
                f"{name}: {len(every)} folds; three at least are needed to train, to validate and "
                "to test on"
            )
        splits = []
        for i, test in enumerate(every):
            valid = every[(i + 1) % len(every)]
            train = np.flatnonzero(~np.isin(names, [test, valid]))
            splits.append(Split(train, where[valid], where[test]))

        def in_turn(models: Models, split: Split, groups: Any = None) -> Views:
            rows = split.both
            folds = [
                (np.flatnonzero(names[rows] != f), np.flatnonzero(names[rows] == f))
                for f in np.unique(names[rows])
            ]
            fit = out_of_fold(models, folds, groups, rows=rows)
            return Views(rows, fit, split.test, all_models(models, rows, split.test, groups))

        return cls(
            name, known, y, tuple(splits), groups, group,
            {**PROTOCOLS, "swapped": in_turn},
            {"swapped": f"each of {len(every) - 1} folds predicted by models of the others"},
            note,
        )  # fmt: skip


def read_submission_data(paths: Sequence[str | Path], name: str | None = None) -> SubmissionData:
    """Read a folder of AFEW2, or files of stored answers of the same clips.

    Parameters
    ----------
    paths : one folder, or one or several files; ``audio=my.npz`` calls the one model in a file
        ``audio``.
    name : of the data; None: the first path's.

    Raises
    ------
    DataError : not what the module's text says; the message names the file.
    """
    first = Path(paths[0])
    if len(paths) == 1 and first.is_dir():
        return _afew2(first, name)
    parts = [_read(str(path)) for path in paths]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.beside(part)
    return SubmissionData.of_folds(
        name or whole.path.stem, whole.answers, whole.y, whole.answers.fold, whole.groups,
        group="" if whole.groups is None else "group",
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Stored:
    path: Path
    clips: list[str]
    y: Ints
    groups: NDArray[Any] | None
    answers: StoredAnswers

    def beside(self, other: _Stored) -> _Stored:
        if self.clips != other.clips or not np.array_equal(self.y, other.y):
            raise DataError(f"{other.path}: not of the same labelled clips as {self.path}")
        try:
            both = self.answers.beside(other.answers)
        except FusionDataError as error:
            raise DataError(f"{other.path}: {error}") from None
        groups = self.groups if self.groups is not None else other.groups
        return _Stored(self.path, self.clips, self.y, groups, both)


def _afew2(folder: Path, name: str | None) -> SubmissionData:
    if not (folder / AUTHORS_FILE).is_file():
        raise DataError(
            f"{folder}: not the authors' stored files of AFEW2 (no {AUTHORS_FILE}); give their "
            "folder, or files of stored answers"
        )
    train, valid = (stored_predictions(folder, part) for part in ("train", "valid"))
    fold = np.array(["train"] * len(train.names) + ["valid"] * len(valid.names))
    p = np.concatenate([train.P, valid.P])
    on = frozenset({"train"})
    answers = {model: {on: p[:, j]} for j, model in enumerate((FACE, AUDIO, PAIR))}
    return SubmissionData.of_folds(
        name or "AFEW2", StoredAnswers(fold, answers),
        np.concatenate([train.labels, valid.labels]), fold,
        note="ConvNet 1, audio and the machine on both are all that the authors left; none of "
        "their answers to the test clips",
    )  # fmt: skip


def _read(text: str) -> _Stored:
    """One file, perhaps with the model's name and ``=`` before it."""
    model, sign, rest = text.partition("=")
    if not sign or Path(text).exists():
        model, rest = "", text
    path = Path(rest)
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    try:
        return _read_npz(path, model) if path.suffix == ".npz" else _read_table(path)
    except FusionDataError as error:
        raise DataError(f"{path}: {error}") from None


def _read_npz(path: Path, model: str) -> _Stored:
    try:
        with np.load(path, allow_pickle=False) as file:
            z = {name: file[name] for name in file.files}
    except Exception as error:  # zip, zlib and numpy each raise their own
        raise DataError(f"{path}: is not a readable npz file ({error})") from None

    def need(name: str) -> NDArray[Any]:
        if name not in z:
            raise DataError(f"{path}: holds no array {name}; it has {', '.join(z)}")
        return np.asarray(z[name])

    clips = [str(c).rsplit(".", 1)[0] for c in need("clip")]
    n = len(clips)
    if len(set(clips)) < n or not n:
        raise DataError(f"{path}: {n} clips, {len(set(clips))} of them different")
    order = np.argsort(clips)
    one = "proba" in z
    outer, inner, seen = need("proba" if one else "outer"), need("inner"), z.get("seen")
    if one:
        outer, inner = outer[:, None], inner[:, :, None]
        seen = None if seen is None else seen[:, :, :, None]
    models = [model or path.stem] if one else [str(m) for m in need("models")]
    k = len(EMOTIONS)
    if outer.shape != (n, len(models), k):
        raise DataError(f"{path}: probabilities {outer.shape}, expected {(n, len(models), k)}")
    y = _labels(path, clips, need("label"))
    fold = need("fold")
    group = z.get("group", z.get("actor"))
    for what, array in (("fold", fold), ("group", group)):
        if array is not None and array.shape != (n,):
            raise DataError(f"{path}: {what} is {array.shape}, one a clip is wanted: ({n},)")
    if fold.dtype.kind not in "iu" or fold.min() < 0:
        raise DataError(f"{path}: fold must be whole numbers from 0")
    nested = NestedPredictions(
        fold[order].astype(np.intp), outer[order].astype(float), inner[:, order].astype(float)
    )
    answers = StoredAnswers.from_nested(
        models, nested, None if seen is None else seen[:, :, order].astype(float)
    )
    clips = [clips[i] for i in order]
    _check(path, clips, answers)
    groups = None if group is None else group[order].astype(str)
    return _Stored(path, clips, y[order], groups, answers)


def _labels(path: Path, clips: list[str], labels: NDArray[Any]) -> Ints:
    if labels.shape != (len(clips),):
        raise DataError(f"{path}: label is {labels.shape}, one a clip is wanted")
    if labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < len(EMOTIONS):
        return np.asarray(labels, dtype=np.intp)
    pairs = zip(clips, labels, strict=True)
    return np.array([true_index(path, clip, str(label)) for clip, label in pairs], dtype=np.intp)


def _read_table(path: Path) -> _Stored:
    table = read_table(path)
    needed = ("clip", "label", "fold", "model", "trained_on", *EMOTIONS)
    missing = [name for name in needed if name not in table.columns]
    if missing:
        raise DataError(f"{path}: has no column {', '.join(missing)}")
    table = table.sort_values("clip", kind="stable").reset_index(drop=True)

    def name(i: int) -> str:
        return f"clip {table['clip'][i]!r}, model {table['model'][i]!r}"

    values = np.asarray(probabilities_of(path, table, name), dtype=np.float64)
    check_rows(path, values, name)
    clips = list(dict.fromkeys(table["clip"]))
    place = {clip: i for i, clip in enumerate(clips)}
    about: dict[str, list[str]] = {}
    for column in ("label", "fold", *(["group"] if "group" in table.columns else [])):
        of = dict(zip(table["clip"], table[column], strict=True))
        for clip, text in zip(table["clip"], table[column], strict=True):
            if of[clip] != text or not text:
                raise DataError(f"{path}: clip {clip!r} has no {column}, or two")
        about[column] = [of[clip] for clip in clips]
    answers: dict[str, dict[frozenset[str], NDArray[np.float64]]] = {}
    folds = set(about["fold"])
    for i, (clip, model, on) in enumerate(
        zip(table["clip"], table["model"], table["trained_on"], strict=True)
    ):
        trained = frozenset(part.strip() for part in on.split("+"))
        if not trained <= folds:
            raise DataError(f"{path}: {name(i)}: trained on {on!r}, folds are {sorted(folds)}")
        p = answers.setdefault(model, {}).setdefault(
            trained, np.full((len(clips), len(EMOTIONS)), np.nan)
        )
        if not np.isnan(p[place[clip], 0]):
            raise DataError(f"{path}: {name(i)}, trained on {on!r}: two rows")
        p[place[clip]] = values[i]
    y = np.array([true_index(path, c, t) for c, t in zip(clips, about["label"], strict=True)])
    groups = np.array(about["group"]) if "group" in about else None
    return _Stored(path, clips, y, groups, StoredAnswers(np.array(about["fold"]), answers))


def _check(path: Path, clips: list[str], answers: StoredAnswers) -> None:
    """Probabilities wherever there are answers."""
    for model, of in answers.answers.items():
        for p in of.values():
            known = np.flatnonzero(~np.isnan(p).all(axis=1))

            def name(i: int, known: Any = known, model: str = model) -> str:
                return f"clip {clips[known[i]]!r}, model {model!r}"

            check_rows(path, p[known], name)
