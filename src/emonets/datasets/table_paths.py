"""Finding the files that a table names, also where it was written on another machine."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath

_ABSOLUTE = re.compile(r"[A-Za-z]:[\\/]|\\\\|/|~")


class Paths:
    """The paths of a table.

    A path is relative to the table's folder, or absolute. Backslashes divide folders where no file
    has one in its name. Accents may be written in either form of Unicode. Of absolute paths that
    are not there, such as ``C:\\data\\clips\\a.wav``, the common beginning is dropped if all of
    them then lie in the table's folder.

    Parameters
    ----------
    folder : of the table. cells : all of its paths.

    Attributes
    ----------
    dropped : the common beginning that was dropped, or "".
    """

    def __init__(self, folder: Path, cells: Iterable[str]) -> None:
        self._folder = folder
        self.dropped = ""
        self._cut = 0
        self._names: dict[Path, tuple[str, ...]] = {}
        absent = [c for c in dict.fromkeys(cells) if _ABSOLUTE.match(c) and not self._direct(c)]
        parts = [_parts(cell) for cell in absent]
        most = min((len(p) for p in parts), default=0)
        for cut in range(1, most):
            if len({p[:cut] for p in parts}) > 1:
                break
            if all(is_there(folder.joinpath(*p[cut:])) for p in parts):
                self._cut, self.dropped = cut, _text(absent[0], parts[0][:cut])
                break

    def file(self, cell: str) -> Path:
        """The file that a cell names, whether it is there or not."""
        direct = self._direct(cell)
        if direct is not None:
            return direct
        if self._cut and _ABSOLUTE.match(cell):
            return self._folder.joinpath(*_parts(cell)[self._cut :])
        return self._folder / cell.replace("\\", "/")

    def _direct(self, cell: str) -> Path | None:
        names = [cell, cell.replace("\\", "/")]
        names += [unicodedata.normalize(form, name) for form in ("NFC", "NFD") for name in names]
        for name in dict.fromkeys(names):
            if is_there(self._folder / name):
                return self._folder / name
        return None

    def why_missing(self, cell: str) -> str:
        """The message of a cell whose file is not there."""
        if not cell:
            return "(no path) is not there; paths are relative to the table's folder"
        if re.match(r"[A-Za-z]:[\\/]|\\\\", cell):
            return (
                f"{cell} is not there: it is a path of another machine (Windows); give paths "
                "relative to the table's folder"
            )
        near = self._near(cell)
        there = f" (there is {near})" if near else ""
        return f"{cell} is not there{there}; paths are relative to the table's folder"

    def _near(self, cell: str) -> str:
        """A file with the same name in other case or with another ending, or a similar one."""
        file = self._folder / cell.replace("\\", "/")
        names = self._names_in(file.parent)
        for alike in (lambda n: n.lower(), lambda n: Path(n).stem.lower()):
            same = [n for n in names if alike(n) in (file.name.lower(), file.stem.lower())]
            if same:
                return same[0]
        return (difflib.get_close_matches(file.name, names, 1, cutoff=0.85) or [""])[0]

    def _names_in(self, folder: Path) -> tuple[str, ...]:
        if folder not in self._names:
            try:
                self._names[folder] = tuple(sorted(entry.name for entry in folder.iterdir()))
            except (OSError, ValueError):
                self._names[folder] = ()
        return self._names[folder]


def is_there(file: Path) -> bool:
    """Whether a file is there; False for names that no file can have."""
    try:
        return file.is_file()
    except (OSError, ValueError):  # longer than a name can be, or with a zero byte
        return False


def _parts(cell: str) -> tuple[str, ...]:
    return PureWindowsPath(cell.lstrip("~")).parts


def _text(cell: str, parts: tuple[str, ...]) -> str:
    """The beginning of a path, with the slashes of the path."""
    path = PureWindowsPath(*parts)
    return str(path) if "\\" in cell else path.as_posix()
