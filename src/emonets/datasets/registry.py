"""All readers, found by themselves or as plug-ins, and opening data with the one that fits."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from emonets.datasets import checks, readers
from emonets.datasets.base import Dataset
from emonets.datasets.items import refuse
from emonets.datasets.layouts import Claim, Claims, Place, Reader, choose_reader
from emonets.datasets.reading import summary
from emonets.errors import DataError, ParameterError
from emonets.runtime.plugins import READERS, Plugins, note

_READERS: dict[str, Reader] = {}
PLUGINS = Plugins(READERS, Reader, lambda reader: reader.info.name)
"""Readers of other installed packages."""


class _Datasets(Mapping[str, Reader]):
    """All readers. Plug-ins are loaded when it is used: they import this package themselves."""

    def __getitem__(self, name: str) -> Reader:
        PLUGINS.load(_add_plugin)
        return _READERS[name]

    def __iter__(self) -> Iterator[str]:
        PLUGINS.load(_add_plugin)
        return iter(_READERS)

    def __len__(self) -> int:
        PLUGINS.load(_add_plugin)
        return len(_READERS)


DATASETS: Mapping[str, Reader] = _Datasets()
"""Name → its reader: layouts for one's own data first, then corpora in the order of names."""


def register_reader(reader: Reader) -> Reader:
    """Add a reader, such as one in a file of your own, to those of `open_dataset`.

    Returns
    -------
    The reader.

    Raises
    ------
    ParameterError : it is no `Reader`, or there is one of this name; the message names the
        modules of both.

    Examples
    --------
    ``emonets/datasets/readers/_template.py`` is a reader to copy.

    >>> from emonets.datasets import open_dataset, register_reader
    >>> from my_corpus import READER  # doctest: +SKIP
    >>> register_reader(READER)  # doctest: +SKIP
    >>> data = open_dataset("folder")  # doctest: +SKIP
    """
    if not isinstance(reader, Reader):
        raise ParameterError(f"a reader must be an emonets.datasets.Reader, got {reader!r}")
    PLUGINS.load(_add_plugin)
    return _add(reader)


def _add(reader: Reader) -> Reader:
    name = reader.info.name
    if name in _READERS:
        raise ParameterError(
            f"dataset {name!r} has two readers, in {_READERS[name].module} and in "
            f"{reader.module}; rename one of them"
        )
    _READERS[name] = reader
    ordered = sorted(_READERS.items(), key=lambda pair: (not pair[1].info.own, pair[0]))
    _READERS.clear()
    _READERS.update(ordered)
    return reader


def _add_plugin(reader: Reader, package: str) -> None:
    _add(replace(reader, claims=_guarded(reader, package)))


def _guarded(reader: Reader, package: str) -> Claims:
    """Claims of a plug-in, whose errors must not stop the readers of other data."""

    def claims(place: Place) -> Claim | None:
        try:
            return reader.claims(place)
        except Exception as error:
            note(
                f"{package}: its reader {reader.info.name!r} cannot examine {place.path} "
                f"({type(error).__name__}: {error}); update or uninstall the package"
            )
            return None

    return claims


def find_readers(paths: Iterable[str], package: str) -> list[Reader]:
    """The ``READER`` of every module in a package; names that begin with ``_`` are passed over.

    Parameters
    ----------
    paths : the package's folders (its ``__path__``). package : its name.

    Raises
    ------
    ParameterError : a module without a ``READER``.
    """
    found = []
    for module in iter_modules(paths):
        if module.name.startswith("_"):
            continue
        reader = getattr(import_module(f"{package}.{module.name}"), "READER", None)
        if not isinstance(reader, Reader):
            raise ParameterError(
                f"{package}.{module.name} declares no READER; every module there is the reader of "
                "one dataset (see _template.py), and helpers begin with an underscore"
            )
        found.append(reader)
    return found


def reader_of(name: str) -> Reader:
    """The reader of a dataset, by its name.

    Raises
    ------
    ParameterError : there is none, and the message names the nearest; or it is a plug-in that
        cannot be used.
    """
    if name not in DATASETS:
        fault = PLUGINS.fault_of(name)
        if fault:
            raise ParameterError(fault)
        near = difflib.get_close_matches(name.strip().lower(), DATASETS, 1)
        hint = f", the nearest is {near[0]!r}" if near else ""
        raise ParameterError(
            f"there is no dataset or layout {name!r}{hint}; must be one of {', '.join(DATASETS)}"
        )
    return DATASETS[name]


def open_dataset(
    path: str | Path,
    layout: str | None = None,
    *,
    strict: bool = True,
    shared_groups: bool = False,
    similar_groups: bool = False,
    **options: Any,
) -> Dataset:
    """Open labelled data of any layout there is a reader for.

    Parameters
    ----------
    path : a folder, or a file (a manifest, ``fer2013.npz``, ``TFD_48x48.mat`` …).
    layout : one of `DATASETS`; None: the one that fits (`detect_dataset`).
    strict : refuse data with lines of a manifest that are wrong, or with a group in two splits.
        Otherwise these are left to `Dataset.validate`, and wrong lines left out.
    shared_groups : whether a group may lie in two splits.
    similar_groups : whether groups of one's own data whose names differ only in case, blanks,
        zeros or punctuation (``P1``, ``p01``) are different people.
    options : of the reader: ``labels`` (folders, manifest, iemocap: words of your own → one of
        the seven emotions, or ``drop``), ``group_pattern`` (folders), ``channel`` (ravdess),
        ``kind`` (crema_d, savee), ``votes`` (fer2013), ``fold`` (tfd).

    Raises
    ------
    DataError : nothing is there, or another layout than was expected: the message names what was
        expected and what was found; or an error by ``strict``, with file and line.
    ParameterError : an unknown layout, or an option that belongs to another.

    Examples
    --------
    >>> data = open_dataset("clips.csv")  # doctest: +SKIP
    >>> data.items[0].group, data.counts()["happy"]  # doctest: +SKIP
    """
    path = Path(path)
    if layout is not None:
        reader_of(layout)
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
        if not dataset.items:
            raise DataError(f"{path}: no item of {dataset.name}{summary(dataset.dropped)}")
    except DataError as error:
        if "expected" in str(error) or re.search(r" line \d+: ", str(error)):
            raise
        raise DataError(f"{error}; expected of {layout}: {reader.info.layout}") from error
    if dataset.info.own and not similar_groups:
        alike = checks.similar_groups(str(path), dataset.items)
        dataset = replace(dataset, found=(*dataset.found, *alike))
    if strict:
        refuse(dataset.found)
        refuse([] if shared_groups else checks.groups_in_two_splits(dataset.items))
    return dataset


def detect_dataset(path: str | Path, *, labels: Mapping[str, str] | None = None) -> str:
    """The name of the dataset that lies at a path; nothing is decoded.

    Each reader states how strongly it claims the path (`emonets.datasets.layouts.Strength`). A
    table comes first, then a file that holds a whole set. A folder is a corpus if most of its
    media files are named as that corpus' are and none as another's, also where they lie in class
    folders; else it is class folders, if any file lies in one. Folders named by numbers, which
    differ between corpora, are never guessed: the error names the layouts that they may be.

    Parameters
    ----------
    labels : names of class folders that are the user's own (`emonets.datasets.reading.Words`).

    Raises
    ------
    DataError : none of these, or several; the message names what was expected and what was found.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    try:
        return choose_reader(Place(path, dict(labels or {})), DATASETS)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror})") from error


for _reader in find_readers(readers.__path__, readers.__name__):
    _add(_reader)
