"""The result of one clip as a file to download."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from emonets.errors import EmoNetsError, ParameterError
from emonets.export import writer, writers
from emonets.export.names import names_of
from emonets.result import Result

_TYPES = {
    "json": "application/json", "csv": "text/csv", "vtt": "text/vtt", "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "eaf": "application/xml",
}  # fmt: skip


@dataclass(frozen=True)
class File:
    """A file: its name, its content and its type."""

    name: str
    content: bytes
    media_type: str


@cache
def _usable() -> dict[str, str]:
    made = {}
    for one in writers().values():
        try:
            one.check()
        except EmoNetsError:
            continue  # its package is not installed
        made[one.name] = one.about
    return made


def formats() -> list[dict[str, str]]:
    """The formats that can be written here, each with ``name`` and ``about``."""
    return [{"name": name, "about": about} for name, about in _usable().items()]


def export(result: Result, name: str) -> File:
    """The result of one clip in a format; a format with several files is a zip of these.

    Raises
    ------
    ParameterError : there is no such format, or the clip does not fit it.
    MissingExtraError : the format needs a package that is not installed.
    """
    form = writer(name)
    form.check()
    (status,) = result.files
    stem = names_of([status.file])[status.file]
    if form.files is None:
        made = {f"{stem}.{form.ending or name}": form.encode(result)}
    else:
        made = dict(form.files(result, Path()))
    if not made:
        raise ParameterError(f"{name} has a time line, and a picture has none; choose csv or json")
    if len(made) == 1:
        ((file, content),) = made.items()
        ending = file.rpartition(".")[2]
        return File(Path(file).name, content, _TYPES.get(ending, "application/octet-stream"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, content in made.items():
            archive.writestr(file, content)
    return File(f"{stem}.{name}.zip", packed.getvalue(), _TYPES["zip"])
