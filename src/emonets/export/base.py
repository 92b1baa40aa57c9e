"""The class of writers of results, and how writers are found."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from threading import RLock
from typing import ParamSpec, TypeVar

from emonets.errors import EmoNetsError, ParameterError
from emonets.export.names import names_of
from emonets.export.tiers import ClipTiers, tiers_of
from emonets.result import Result
from emonets.runtime.files import write_whole
from emonets.runtime.plugins import EXPORTS, Plugins

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Writer:
    """A format of results.

    Parameters
    ----------
    name : its name for ``--format``, and the ending of its files.
    about : what the file is for, in one line.
    encode : the content of the file.
    text : whether the content can be shown in a terminal.
    check : raises where an optional package is missing; called before the work is done.
    files : of a format with several files, or one a clip: the names of the files in a folder, and
        their content. None: there is one file, ``results.NAME``, which `encode` makes.
    ending : of its files, where that is not the name.
    timed : whether it has a time line only, so that pictures are left out.
    """

    name: str
    about: str
    encode: Callable[[Result], bytes]
    text: bool = True
    check: Callable[[], None] = lambda: None
    files: Callable[[Result, Path], Mapping[str, bytes]] | None = None
    ending: str = ""
    timed: bool = False

    @property
    def file(self) -> str:
        """Name of its file, where it is one."""
        return f"results.{self.ending or self.name}"

    def left_out(self, result: Result) -> list[str]:
        """Files that have predictions, but none that this format can hold."""
        return [clip.file for clip in tiers_of(result) if clip.end == 0] if self.timed else []

    def refuse_terminal(self) -> None:
        """Raise `ParameterError` unless the whole format can be shown in a terminal."""
        if self.files is not None:
            raise ParameterError(f"{self.name} makes files: give --out FOLDER")
        if not self.text:
            raise ParameterError(f"{self.name} is not for the terminal: give --out FOLDER")


_WRITERS: dict[str, Writer] = {}
_FINDING = RLock()
PLUGINS = Plugins(EXPORTS, Writer, lambda made: made.name)
"""Formats of other installed packages."""


def writers() -> dict[str, Writer]:
    """All formats by name; those of plug-ins are last.

    Raises
    ------
    ParameterError : two modules have a writer of one name.
    """
    with _FINDING:
        if not _WRITERS:
            _WRITERS.update(_shipped())
        PLUGINS.load(_add)
    return _WRITERS


def _add(made: Writer, package: str) -> None:
    """Take the format of a plug-in; one that EmoNets has is never replaced."""
    if made.name.casefold() in {*_WRITERS, "table"}:
        raise ParameterError("EmoNets has a format of this name")
    for other in _WRITERS.values():
        if made.files is None and other.files is None and made.file == other.file:
            raise ParameterError(f"the format {other.name!r} has the same file, {made.file}")
    _WRITERS[made.name] = replace(
        made,
        encode=_guarded(made.encode, made.name, package),
        check=_guarded(made.check, made.name, package),
        files=None if made.files is None else _guarded(made.files, made.name, package),
    )


def _guarded(function: Callable[P, T], name: str, package: str) -> Callable[P, T]:
    """Code of others, whose errors name its package."""

    @wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (EmoNetsError, OSError):
            raise
        except Exception as error:
            raise EmoNetsError(
                f"{package}: its format {name!r} cannot be written "
                f"({type(error).__name__}: {error}); update the package"
            ) from error

    return guarded


def _shipped() -> dict[str, Writer]:
    package = importlib.import_module("emonets.export")
    found: dict[str, Writer] = {}
    for module in sorted(info.name for info in pkgutil.iter_modules(package.__path__)):
        made = getattr(importlib.import_module(f"emonets.export.{module}"), "WRITER", None)
        if made is None:
            continue
        if made.name in found:
            raise ParameterError(f"two writers have the name {made.name!r}; rename one of them")
        found[made.name] = made
    return found


def writer(name: str) -> Writer:
    """A format by name.

    Raises
    ------
    ParameterError : there is none of that name, and the nearest is named; or it is a plug-in that
        cannot be used.
    """
    found = writers()
    if name not in found:
        fault = PLUGINS.fault_of(name)
        if fault:
            raise ParameterError(fault)
        endings = {made.ending.casefold(): made.name for made in found.values() if made.ending}
        known = {other.casefold(): other for other in found} | endings
        near = difflib.get_close_matches(name.casefold().lstrip("."), known, 1)
        hint = f"; did you mean {known[near[0]]!r}?" if near else ""
        raise ParameterError(f"there is no format {name!r}: {', '.join(found)}{hint}")
    return found[name]


def write(result: Result, path: str | os.PathLike[str], name: str) -> Path:
    """Write a result whole, or not at all.

    Parameters
    ----------
    path : of the file. name : of the format.

    Raises
    ------
    ParameterError : there is no such format.
    MissingExtraError : the format needs a package that is not installed.

    Examples
    --------
    >>> from emonets import Result
    >>> import tempfile
    >>> folder = tempfile.mkdtemp()
    >>> write(Result(), f"{folder}/none.csv", "csv").name
    'none.csv'
    """
    content = writer(name).encode(result)
    write_whole(path, content)
    return Path(path)


def write_all(result: Result, folder: str | os.PathLike[str], name: str) -> list[Path]:
    """Write all files of a format into a folder, each whole or not at all.

    Parameters
    ----------
    folder : is made if it is not there. name : of the format.

    Returns
    -------
    The files: one a clip, several, or ``results.NAME``, as the format has it.

    Raises
    ------
    ParameterError : there is no such format.
    MissingExtraError : the format needs a package that is not installed.

    Examples
    --------
    >>> from emonets import Result
    >>> import tempfile
    >>> [file.name for file in write_all(Result(), tempfile.mkdtemp(), "boris")]
    ['results.boris']
    """
    made = writer(name)
    made.check()
    if made.files is None:
        return [write(result, Path(folder) / made.file, name)]
    contents = made.files(result, Path(folder))
    for file, content in contents.items():
        write_whole(Path(folder) / file, content)
    return [Path(folder) / file for file in contents]


def clip_writer(
    name: str, about: str, ending: str, encode: Callable[[ClipTiers, Path], bytes]
) -> Writer:
    """A format with a time line and a file for each clip.

    Parameters
    ----------
    ending : of its files.
    encode : the content of a clip's file, and the folder that it is written to.

    Returns
    -------
    Writer. Clips without rows, and pictures, which have no time, get no file. Its `encode` takes a
    result of one clip, for a file in the present folder.
    """

    def files(result: Result, folder: Path) -> dict[str, bytes]:
        clips = [clip for clip in tiers_of(result) if clip.end > 0]
        names = names_of(clip.file for clip in clips)
        return {f"{names[clip.file]}.{ending}": encode(clip, folder) for clip in clips}

    def one(result: Result) -> bytes:
        contents = list(files(result, Path()).values())
        if len(contents) != 1:
            raise ParameterError(
                f"{name} is for one clip of some length, and the result has {len(contents)}; "
                "use emonets.export.write_all, which makes a file for each"
            )
        return contents[0]

    return Writer(name, about, one, files=files, ending=ending, timed=True)
