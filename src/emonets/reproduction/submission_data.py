"""Data for the paper's submissions: models, labels, and the division of the clips.

Input is the authors' stored predictions of AFEW2 (a folder), or other stored predictions, as
``.npz`` files or as a table. A fold is a name or a number. Folds called train, valid and,
optionally, test are the challenge's parts. Other folds take turns: each is the test part once, the
next is then the validation part, and the rest is trained on.

An ``.npz`` has ``clip`` (n names), ``label`` (n, names or 0..6), ``fold`` (n, numbers from 0), and
optionally ``group`` or ``actor`` (n). It also has nested predictions (``fusion.nested_folds``):
``models`` (m names), ``outer`` (n, m, 7) and ``inner`` (F, n, m, 7). With one model these are
``proba`` (n, 7) and ``inner`` (F, n, 7), and the model has the name of the file. Optionally,
``seen`` (F, F, n, m, 7), or (F, F, n, 7), has predictions for training clips
(``reproduction.stored_models``). Without it, recipes that learn from these are left out.

A table (``.csv``, ``.parquet``) has one row for each prediction. Its columns are ``clip, label``,
optionally ``group``, ``fold, model, trained_on`` and the seven classes. ``trained_on`` names folds,
separated by ``+`` ("train", "train+valid", "0+1+3").
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
from emonets.reproduction.stored_models import StoredModels

PARTS = ("train", "valid", "test")
AUTHORS_FILE = "svm_convnet.npz"
"""A file that only the folder with the authors' stored predictions has."""
KNOWN = (FACE, FACE_2, AUDIO, ACTIVITY, MOUTH, PAIR)
"""The names of models in the recipes."""


@dataclass(frozen=True, eq=False)
class SubmissionData:
    """Models and labelled clips, and how the clips are divided.

    Attributes
    ----------
    name : of the data. models : callables by the names of :data:`KNOWN`. y : (n,) 0..6.
    splits : one for the parts of a challenge, or one for each test fold.
    groups : (n,) or None. group : the kind of group, such as "person".
    protocols : by name. readings : the meaning of a protocol on these data, if it differs from the
        paper's. note : a caveat for readers.
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
                f"{self.name}: no recipe has a model {unknown[0]!r}; known: {', '.join(KNOWN)}"
            )

    @classmethod
    def of_folds(
        cls,
        name: str,
        models: Models | StoredModels,
        y: Ints,
        fold: NDArray[Any],
        groups: NDArray[Any] | None = None,
        *,
        group: str = "",
        note: str = "",
    ) -> SubmissionData:
        """Make data from folds and from models that can be trained or have stored predictions.

        Parameters
        ----------
        models : name → callable ``(train, test)`` → (len(test), 7), called once for each set of
            training clips, to predict all n clips; or the stored predictions.
        fold : (n,) names or numbers, as in the module's docstring.

        Raises
        ------
        DataError : there are fewer than three folds to take turns; a model has another name.
        """
        names = fold.astype(str)
        if isinstance(models, StoredModels):
            known = models.models()
        else:
            known = {key: remembered(model, len(y)) for key, model in models.items()}
        every = sorted(set(names), key=lambda f: (not f.isdigit(), int(f) if f.isdigit() else 0, f))
        where = {f: np.flatnonzero(names == f) for f in every}
        if set(every) <= set(PARTS):
            if not {"train", "valid"} <= set(every):
                raise DataError(
                    f"{name}: has the parts {', '.join(every)}; train and valid are required"
                )
            parts = [where.get(part, np.empty(0, np.intp)) for part in PARTS]
            return cls(name, known, y, (Split(*parts),), groups, group, note=note)
        if len(every) < 3:
            raise DataError(
                f"{name}: has {len(every)} folds; at least three are required, to train, validate "
                "and test on"
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
    """Read a folder of AFEW2, or files of stored predictions for the same clips.

    Parameters
    ----------
    paths : one folder, or one or several files; ``audio=my.npz`` names the one model in a file
        ``audio``.
    name : of the data; None: that of the first path.

    Raises
    ------
    DataError : a file is not as in the module's docstring; the message names the file.
    """
    first = Path(paths[0])
    if len(paths) == 1 and first.is_dir():
        return _afew2(first, name)
    parts = [_read(str(path)) for path in paths]
    whole = parts[0]
    for part in parts[1:]:
        whole = whole.beside(part)
    return SubmissionData.of_folds(
        name or whole.path.stem, whole.stored, whole.y, whole.stored.fold, whole.groups,
        group="" if whole.groups is None else "group",
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _StoredClips:
    path: Path
    clips: list[str]
    y: Ints
    groups: NDArray[Any] | None
    stored: StoredModels

    def beside(self, other: _StoredClips) -> _StoredClips:
        if self.clips != other.clips or not np.array_equal(self.y, other.y):
            raise DataError(
                f"{other.path}: has other clips or labels than {self.path}; give files of the "
                "same clips"
            )
        try:
            both = self.stored.beside(other.stored)
        except FusionDataError as error:
            raise DataError(f"{other.path}: {error}") from None
        groups = self.groups if self.groups is not None else other.groups
        return _StoredClips(self.path, self.clips, self.y, groups, both)


def _afew2(folder: Path, name: str | None) -> SubmissionData:
    if not (folder / AUTHORS_FILE).is_file():
        raise DataError(
            f"{folder}: not the authors' stored files of AFEW2 (no {AUTHORS_FILE}); give their "
            "folder, or files of stored predictions"
        )
    train, valid = (stored_predictions(folder, part) for part in ("train", "valid"))
    fold = np.array(["train"] * len(train.names) + ["valid"] * len(valid.names))
    p = np.concatenate([train.P, valid.P])
    on = frozenset({"train"})
    stored = {model: {on: p[:, j]} for j, model in enumerate((FACE, AUDIO, PAIR))}
    return SubmissionData.of_folds(
        name or "AFEW2", StoredModels(fold, stored),
        np.concatenate([train.labels, valid.labels]), fold,
        note="the authors left ConvNet 1, audio and the SVM on both only, and no predictions for "
        "the test clips",
    )  # fmt: skip


def _read(text: str) -> _StoredClips:
    """Read one file, whose name may follow a model's name and ``=``."""
    model, sign, rest = text.partition("=")
    if not sign or Path(text).exists():
        model, rest = "", text
    path = Path(rest)
    if not path.is_file():
        raise DataError(f"{path}: no such file; give another")
    try:
        return _read_npz(path, model) if path.suffix == ".npz" else _read_table(path)
    except FusionDataError as error:
        raise DataError(f"{path}: {error}") from None


def _read_npz(path: Path, model: str) -> _StoredClips:
    try:
        with np.load(path, allow_pickle=False) as file:
            z = {name: file[name] for name in file.files}
    except Exception as error:  # zip, zlib and numpy each raise their own
        raise DataError(f"{path}: is not a readable npz file ({error})") from None

    def need(name: str) -> NDArray[Any]:
        if name not in z:
            raise DataError(f"{path}: has no array {name}; it has {', '.join(z)}")
        return np.asarray(z[name])

    clips = [str(c).rsplit(".", 1)[0] for c in need("clip")]
    n = len(clips)
    if len(set(clips)) < n or not n:
        raise DataError(
            f"{path}: has {n} clips, {len(set(clips))} of them different; give each clip once"
        )
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
            raise DataError(
                f"{path}: {what} has shape {array.shape}; one for each clip is required: ({n},)"
            )
    if fold.dtype.kind not in "iu" or fold.min() < 0:
        raise DataError(f"{path}: fold must be whole numbers from 0")
    nested = NestedPredictions(
        fold[order].astype(np.intp), outer[order].astype(float), inner[:, order].astype(float)
    )
    stored = StoredModels.from_nested(
        models, nested, None if seen is None else seen[:, :, order].astype(float)
    )
    clips = [clips[i] for i in order]
    _check(path, clips, stored)
    groups = None if group is None else group[order].astype(str)
    return _StoredClips(path, clips, y[order], groups, stored)


def _labels(path: Path, clips: list[str], labels: NDArray[Any]) -> Ints:
    if labels.shape != (len(clips),):
        raise DataError(f"{path}: label has shape {labels.shape}; one for each clip is required")
    if labels.dtype.kind in "iu" and labels.min() >= 0 and labels.max() < len(EMOTIONS):
        return np.asarray(labels, dtype=np.intp)
    pairs = zip(clips, labels, strict=True)
    return np.array([true_index(path, clip, str(label)) for clip, label in pairs], dtype=np.intp)


def _read_table(path: Path) -> _StoredClips:
    table = read_table(path)
    columns = ("clip", "label", "fold", "model", "trained_on", *EMOTIONS)
    missing = [name for name in columns if name not in table.columns]
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
                raise DataError(f"{path}: clip {clip!r} has no {column}, or two; give it one")
        about[column] = [of[clip] for clip in clips]
    stored: dict[str, dict[frozenset[str], NDArray[np.float64]]] = {}
    folds = set(about["fold"])
    for i, (clip, model, on) in enumerate(
        zip(table["clip"], table["model"], table["trained_on"], strict=True)
    ):
        trained = frozenset(part.strip() for part in on.split("+"))
        if not trained <= folds:
            raise DataError(
                f"{path}: {name(i)}: trained on {on!r}, but the folds are {sorted(folds)}"
            )
        p = stored.setdefault(model, {}).setdefault(
            trained, np.full((len(clips), len(EMOTIONS)), np.nan)
        )
        if not np.isnan(p[place[clip], 0]):
            raise DataError(f"{path}: {name(i)}, trained on {on!r}: has two rows")
        p[place[clip]] = values[i]
    y = np.array([true_index(path, c, t) for c, t in zip(clips, about["label"], strict=True)])
    groups = np.array(about["group"]) if "group" in about else None
    return _StoredClips(path, clips, y, groups, StoredModels(np.array(about["fold"]), stored))


def _check(path: Path, clips: list[str], stored: StoredModels) -> None:
    """Check that all stored predictions are probabilities."""
    for model, of in stored.predictions.items():
        for p in of.values():
            known = np.flatnonzero(~np.isnan(p).all(axis=1))

            def name(i: int, known: Any = known, model: str = model) -> str:
                return f"clip {clips[known[i]]!r}, model {model!r}"

            check_rows(path, p[known], name)
