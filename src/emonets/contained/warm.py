"""What a process does before it is locked: afterwards nothing can be imported or opened.

Libraries import parts of themselves only where they are needed. The lists here name them, and a
short reading of a clip finds the rest; `late_imports` shows what was forgotten.
"""

from __future__ import annotations

import encodings.cp1252
import encodings.idna
import encodings.latin_1
import encodings.shift_jis
import encodings.utf_16
import encodings.utf_32  # noqa: F401 - texts in files are in any of these
import importlib
import pkgutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from emonets.errors import EmoNetsError
from emonets.media.limits import Limits
from emonets.report.film import film_of
from emonets.report.outputs import FolderOutputs

if TYPE_CHECKING:
    from emonets.contained.predicting import Predicts

_SPOOLS = 4
"""Temporary files: the sound of a clip takes two."""
_PACKAGES = ("av", "emonets.media", "emonets.report")
_LEFT_OUT = ("torch", "train", "search", "annotate")
"""Words in the names of modules that train, or draw into films."""
_SECONDS = 0.3
"""So much of the example is read."""
_EXAMPLE = "1001_DFA_HAP_XX.flv"


def warm_up(model: Predicts | None, *, run: bool = True) -> None:
    """Import, open and run once all that reading a clip may need.

    Parameters
    ----------
    run : False: only import.
    """
    from PIL import Image

    for package in (*_PACKAGES, *(() if model is None else model.packages)):
        _import_all(package)
    Image.init()
    with suppress(ImportError):
        importlib.import_module("pi_heif")
    time.localtime()  # the zone is read from a file
    tempfile.gettempdir()
    if not run:
        return
    example, limits = _example(), Limits(max_duration=_SECONDS)
    if model is not None:
        model.warm_up(example, limits)
    if example is not None:
        with tempfile.TemporaryDirectory(prefix="emonets-") as folder, suppress(EmoNetsError):
            film_of(example, FolderOutputs(folder), {"limits": limits})
            film_of(example, FolderOutputs(folder), {"limits": limits, "ways": []})


def _import_all(name: str) -> None:
    """Import the modules of a package, but for those of optional parts."""
    package = importlib.import_module(name)
    for found in pkgutil.walk_packages(package.__path__, f"{name}."):
        if not any(word in found.name for word in _LEFT_OUT):
            with suppress(ImportError):
                importlib.import_module(found.name)


def _example() -> Path | None:
    """The clip that ships: in the installed package, or beside the sources of a checkout."""
    package = Path(__file__).parents[1]
    places = (package / "examples", package.parents[1] / "examples")
    return next((p / _EXAMPLE for p in places if (p / _EXAMPLE).is_file()), None)


def scratch_files() -> list[IO[bytes]]:
    """Temporary files for a process that can make none."""
    return [tempfile.TemporaryFile(prefix="emonets-") for _ in range(_SPOOLS)]


class _Finder:
    """Finds nothing, and notes what was asked for."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        self.names.append(name)


_finder = _Finder()


def late_imports() -> list[str]:
    """Names of modules that were asked for since the first call, and are not there."""
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    return _finder.names
