"""Names of files that are made for clips, and where a clip lies beside them."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from emonets.result import printable

_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")  # on Windows
_MOST = 150  # bytes; file systems allow 255, and the name gets an ending


def names_of(files: Iterable[str]) -> dict[str, str]:
    """A name without an ending for each clip; no two are the same, in whatever case.

    The clip's own name, without its ending, where that is enough. Else the ending is kept, and
    then the folders are put before it.

    Examples
    --------
    >>> names_of(["day1/a.mp4", "day1/b.mp4", "day2/b.mp4"])
    {'day1/a.mp4': 'a', 'day1/b.mp4': 'day1_b.mp4', 'day2/b.mp4': 'day2_b.mp4'}
    """
    every = list(dict.fromkeys(files))
    open_ = every
    made: dict[str, str] = {}
    depth = 0
    while open_:
        names = {file: _name(file, depth) for file in open_}
        taken = Counter(name.casefold() for name in (*names.values(), *made.values()))
        for file, name in names.items():
            if taken[name.casefold()] == 1:
                made[file] = name
        open_ = [file for file in open_ if file not in made]
        depth += 1
        if depth > 1 + max((len(Path(file).parts) for file in open_), default=0):
            break
    for file in open_:  # `a.mp4` and `./a.mp4`, or names that differ in what is forbidden
        digest = hashlib.sha256(file.encode("utf-8", "surrogatepass")).hexdigest()
        made[file] = f"{_name(file, 0)}-{digest[:10]}"
    return {file: made[file] for file in every}


def _name(file: str, depth: int) -> str:
    path = Path(file)
    parts = [part for part in path.parts if part not in (path.anchor, "..")]
    text = path.stem if depth == 0 else "_".join(parts[-depth:])
    text = _FORBIDDEN.sub("_", printable(text)).strip(" .") or "clip"
    if _RESERVED.match(text):
        text = f"_{text}"
    return text.encode()[-_MOST:].decode("utf-8", "ignore").strip(" .")


def beside(file: str, folder: Path) -> str:
    """The path of a clip from a folder, with ``/``; the whole path where there is none.

    Bytes of the name that are no UTF-8 are written as ``\\udcXX``.
    """
    whole = os.path.abspath(file)
    try:
        path = os.path.relpath(whole, os.path.abspath(folder))
    except ValueError:  # another drive of Windows
        path = whole
    return printable(Path(path).as_posix())
