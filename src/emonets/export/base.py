"""The class of writers of results, and how writers are found."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from emonets.errors import ParameterError
from emonets.result import Result
from emonets.runtime.files import write_whole


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
    """

    name: str
    about: str
    encode: Callable[[Result], bytes]
    text: bool = True
    check: Callable[[], None] = lambda: None


@cache
def writers() -> dict[str, Writer]:
    """All formats by name.

    Raises
    ------
    ParameterError : two modules have a writer of one name.
    """
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
    ParameterError : there is none of that name; the nearest is named.
    """
    found = writers()
    if name not in found:
        near = difflib.get_close_matches(name, found, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
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
