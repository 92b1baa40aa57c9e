"""Every dataset there is a reader for, and telling which of them lies at a path."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from emonets.datasets import speech
from emonets.datasets.base import Dataset, from_faces, from_recordings
from emonets.datasets.checks import groups_in_two_splits
from emonets.datasets.info import DatasetInfo
from emonets.datasets.kinds import STILL_SUFFIXES, is_media
from emonets.datasets.problems import refuse
from emonets.datasets.readers import (
    afew,
    ckplus,
    crema_d,
    emodb,
    fer2013,
    javanese,
    manifest,
    ravdess,
    savee,
    tess,
    tfd,
)
from emonets.datasets.readers import class_folders as sound_folder
from emonets.datasets.readers.manifest_table import PARQUET
from emonets.datasets.reading import Recordings
from emonets.errors import DataError, ParameterError

_PACKED = ("fer2013.npz", "fer2013.csv", "icml_face_data.csv")


@dataclass(frozen=True)
class Reader:
    """How one dataset is opened.

    Attributes
    ----------
    info : what it declares.
    read : path and options → the dataset.
    options : names of those options.
    """

    info: DatasetInfo
    read: Callable[..., Dataset]
    options: tuple[str, ...] = ()


def _plain(
    info: DatasetInfo, reader: Callable[..., Recordings], *options: str
) -> tuple[str, Reader]:
    def read(path: Path, **given: Any) -> Dataset:
        return from_recordings(info, path, reader(path, **given))

    return info.name, Reader(info, read, options)


def _ravdess(path: Path, **options: Any) -> Dataset:
    recordings = ravdess.read_ravdess(path, **options)
    song = recordings.name == ravdess.SONG.name
    info = replace(ravdess.INFO, per_group={}) if song else ravdess.INFO
    return from_recordings(info, path, recordings)


def _manifest(path: Path, **options: Any) -> Dataset:
    file = manifest.manifest_in(path) or path
    if file.is_dir():
        shown = ", ".join(sorted(entry.name for entry in path.iterdir())[:8])
        raise DataError(
            f"{path}: expected {manifest.INFO.layout}; found no {manifest.MANIFESTS[0]} in it, but "
            f"{shown or 'nothing'}"
        )
    recordings, problems = manifest.open_manifest(file, **options)
    words = _own_words(manifest.INFO, **options)
    return from_recordings(words, path, recordings, problems)


def _folders(path: Path, **options: Any) -> Dataset:
    recordings = sound_folder.read_sound_folder(path, suffixes=sound_folder.EVERYTHING, **options)
    return from_recordings(_own_words(sound_folder.INFO, **options), path, recordings)


def _own_words(
    info: DatasetInfo, labels: Mapping[str, str] | None = None, **_: object
) -> DatasetInfo:
    """With the user's own words in its map."""
    own = {key.strip().lower(): value for key, value in (labels or {}).items()}
    gone = {word: "left out, as was asked for" for word, meant in own.items() if meant == "drop"}
    named = {word: meant for word, meant in own.items() if word not in gone}
    words = {word: meant for word, meant in info.words.items() if word not in gone}
    return replace(info, words={**words, **named}, outside={**info.outside, **gone})


def _fer2013(path: Path, **options: Any) -> Dataset:
    file = _inside(path, _PACKED)
    if file is None and path.is_dir() and not options:
        return from_recordings(fer2013.INFO, path, fer2013.read_fer2013_folder(path))
    file = file or path
    return from_faces(fer2013.INFO, path, file, fer2013.read_fer2013(file, **options))


def _tfd(path: Path, **options: Any) -> Dataset:
    file = _mat_in(path) if path.is_dir() else path
    if file is None and not options:
        recordings = sound_folder.read_sound_folder(path, suffixes=frozenset(STILL_SUFFIXES))
        return from_recordings(tfd.INFO, path, replace(recordings, name=tfd.NAME))
    file = file or path
    return from_faces(tfd.INFO, path, file, tfd.read_tfd(file, **options))


DATASETS: Mapping[str, Reader] = MappingProxyType(
    dict(
        (
            (
                sound_folder.INFO.name,
                Reader(sound_folder.INFO, _folders, ("group_pattern", "labels")),
            ),
            (manifest.INFO.name, Reader(manifest.INFO, _manifest, ("labels",))),
            _plain(afew.INFO, afew.read_afew),
            (fer2013.INFO.name, Reader(fer2013.INFO, _fer2013, ("votes",))),
            (tfd.INFO.name, Reader(tfd.INFO, _tfd, ("fold",))),
            _plain(ckplus.INFO, ckplus.read_ckplus),
            (ravdess.INFO.name, Reader(ravdess.INFO, _ravdess, ("channel",))),
            _plain(crema_d.INFO, crema_d.read_crema_d, "kind"),
            _plain(emodb.ABOUT, emodb.read_emodb),
            _plain(savee.INFO, savee.read_savee, "kind"),
            _plain(tess.INFO, tess.read_tess),
            _plain(javanese.INFO, javanese.read_javanese),
        )
    )
)
"""Name → how it is opened, in the order in which they are listed."""

_NAMED: Mapping[str, Callable[[Path], bool]] = MappingProxyType(
    {**speech.NAMED, "ckplus": ckplus.is_ckplus, "fer2013": fer2013.is_fer2013}
)


def open_dataset(
    path: str | Path,
    layout: str | None = None,
    *,
    strict: bool = True,
    shared_groups: bool = False,
    **options: Any,
) -> Dataset:
    """Open labelled data of any layout there is a reader for.

    Parameters
    ----------
    path : a folder, or a file (a manifest, ``fer2013.npz``, ``TFD_48x48.mat`` …).
    layout : one of `DATASETS`; None finds out (`detect_dataset`).
    strict : refuse data with lines of a manifest that are wrong, or with a group in two splits.
        Otherwise these are left to `Dataset.validate`, and wrong lines left out.
    shared_groups : whether a group may lie in two splits all the same.
    options : of the reader: ``labels`` (folders, manifest: words of your own → one of the seven
        emotions, or ``drop``), ``group_pattern`` (folders), ``channel`` (ravdess), ``kind``
        (crema_d, savee), ``votes`` (fer2013), ``fold`` (tfd).

    Raises
    ------
    DataError : nothing is there, or another layout than was expected: the message says what was
        expected and what was found; or as ``strict`` says, with file and line.
    ParameterError : a layout that is none, or an option that belongs to another.
    """
    path = Path(path)
    if layout is not None and layout not in DATASETS:
        raise ParameterError(f"layout={layout!r}: must be one of {', '.join(DATASETS)}")
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    layout = layout or detect_dataset(path, labels=options.get("labels"))
    reader = DATASETS[layout]
    options = {name: value for name, value in options.items() if value is not None}
    for name in options:
        if name not in reader.options:
            whose = [other for other, its in DATASETS.items() if name in its.options]
            raise ParameterError(
                f"{name} goes with {' and '.join(whose) or 'no layout'}, but {path} is {layout!r}"
            )
    try:
        dataset = reader.read(path, **options)
    except DataError as error:
        if "expected" in str(error):
            raise
        raise DataError(f"{error}; expected of {layout}: {reader.info.layout}") from error
    if strict:
        refuse(dataset.found)
        refuse([] if shared_groups else groups_in_two_splits(dataset.items))
    return dataset


def detect_dataset(path: str | Path, *, labels: Mapping[str, str] | None = None) -> str:
    """Tell from names, and the first line of a table, which dataset lies at a path.

    A manifest comes first, then files that hold a whole set. A folder is a corpus if most of its
    media files are named as that corpus' are and none as another's, also where they lie in class
    folders, which say less; else it is class folders, if any file lies in one.

    Parameters
    ----------
    labels : names of class folders that are the user's own: see `Words`.

    Raises
    ------
    DataError : none of these, or several; the message says what was expected and what was found.
    """
    path = Path(path)
    if manifest.manifest_in(path):
        return manifest.INFO.name
    if path.is_file():
        return _of_file(path)
    if _inside(path, _PACKED):
        return fer2013.INFO.name
    if _mat_in(path):
        return tfd.INFO.name
    files = _media(path)
    counts = {name: sum(map(is_one, files)) for name, is_one in _NAMED.items()}
    found = speech.chosen(path, counts, len(files))
    if found:
        return found
    if sound_folder.has_class_folders(path, labels=labels, suffixes=sound_folder.EVERYTHING):
        return sound_folder.INFO.name
    few = "".join(f", {n} of them named as {name}'s" for name, n in counts.items() if n)
    shown = ", ".join(sorted(entry.name for entry in path.iterdir())[:8])
    raise DataError(
        f"{path}: expected class folders (angry, happy …), a {manifest.MANIFESTS[0]} with the "
        f"columns path, label, group, or one of {', '.join(DATASETS)} (emonets data show NAME says "
        f"how it must lie); found {len(files)} films, sound files and pictures{few}, in: "
        f"{shown or 'an empty folder'}"
    )


def _of_file(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix in PARQUET:  # it says itself what it lacks
        return manifest.INFO.name
    if suffix == ".mat":
        return tfd.INFO.name
    if suffix in (".npz", ".csv"):
        return fer2013.INFO.name
    raise DataError(
        f"{path}: expected a folder, a manifest (a table whose first line has the columns path, "
        f"label, group), {', '.join(_PACKED)} or a .mat file of TFD; found a file ending in "
        f"{suffix or 'nothing'!r}"
    )


def _media(folder: Path) -> list[Path]:
    """The media files in a folder and the folders in it; hidden ones aside."""
    found: list[Path] = []
    for here, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name[:2] != "__"]
        files = (Path(here, name) for name in names if name[0] != ".")
        found += [file for file in files if is_media(file)]
    return found


def _inside(path: Path, names: tuple[str, ...]) -> Path | None:
    """The first of these files in a folder."""
    if not path.is_dir():
        return None
    inside = {entry.name.lower(): entry for entry in sorted(path.iterdir()) if entry.is_file()}
    return next((inside[name] for name in names if name in inside), None)


def _mat_in(path: Path) -> Path | None:
    """The first MATLAB file in a folder."""
    return next((p for p in sorted(path.iterdir()) if p.suffix.lower() == ".mat"), None)
