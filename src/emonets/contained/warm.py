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
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import IO, Any

import numpy as np

from emonets.errors import EmoNetsError
from emonets.media.limits import Limits
from emonets.model import EmoNets

_SPOOLS = 4
"""Temporary files: the sound of a clip takes two."""
_OWN = ("media", "inference", "report", "tubes", "voices", "fusion")
_LEFT_OUT = ("torch", "train", "search", "annotate")
"""Words in the names of modules that train or draw."""
_SECONDS = 0.3
"""So much of the example is read."""
_EXAMPLE = "1001_DFA_HAP_XX.flv"


def warm_up(model: EmoNets | None) -> None:
    """Import, open and run once all that reading a clip may need."""
    import av
    from PIL import Image

    for package in (av, importlib.import_module("emonets")):
        _import_all(package, _OWN if package.__name__ == "emonets" else ())
    Image.init()
    with suppress(ImportError):
        importlib.import_module("pi_heif")
    time.localtime()  # the zone is read from a file
    tempfile.gettempdir()
    if model is not None:
        _share_haar()
        with suppress(EmoNetsError):
            model.predict(frames=np.zeros((2, 64, 64, 3), np.uint8), fps=25)
        with suppress(EmoNetsError):
            model.predict(sound=np.zeros(16_000, np.float32), rate=16_000)
    example = _example()
    if example is not None:
        _read(model, example)


def _import_all(package: ModuleType, below: Sequence[str]) -> None:
    """Import a package's modules; of this one those that read clips."""
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        words = found.name.split(".")
        if below and (words[1] not in below or any(w in words[-1] for w in _LEFT_OUT)):
            continue
        with suppress(ImportError):  # of an optional part
            importlib.import_module(found.name)


def _share_haar() -> None:
    """Let the detector of faces that is read from a file be made once."""
    from emonets.tubes.detect import DETECTORS, Haar

    with suppress(EmoNetsError):
        haar = Haar()
        DETECTORS["haar"] = lambda: haar


def _read(model: EmoNets | None, example: Path) -> None:
    from emonets.report.film import film_of
    from emonets.report.outputs import FolderOutputs

    limits = Limits(max_duration=_SECONDS)
    if model is not None:
        with suppress(EmoNetsError):
            model.predict_clip(example, limits=limits)
    with tempfile.TemporaryDirectory(prefix="emonets-") as folder, suppress(EmoNetsError):
        film_of(example, FolderOutputs(folder), {"limits": limits})
        film_of(example, FolderOutputs(folder), {"limits": limits, "ways": []})


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
