"""Reading labelled faces by what lies at a path."""

from __future__ import annotations

from pathlib import Path

from emonets.datasets.readers.face_folders import read_face_folder
from emonets.datasets.readers.fer2013 import read_fer2013
from emonets.datasets.readers.tfd import read_tfd
from emonets.datasets.still_faces import FaceImages
from emonets.errors import DataError

EXPECTED = (
    "expected fer2013.npz, fer2013.csv (or icml_face_data.csv), a .mat file of the Toronto Face "
    "Database, or a folder of class folders"
)


def load_faces(path: str | Path) -> FaceImages:
    """Read labelled faces from whatever lies at a path.

    =====================  ======================================================
    what lies there        reader
    =====================  ======================================================
    ``*.npz``, ``*.csv``   `emonets.datasets.readers.fer2013.read_fer2013`
    ``*.mat``              `emonets.datasets.readers.tfd.read_tfd`
    a folder that holds    the same, for ``fer2013.npz``, ``fer2013.csv``,
    one of these           ``icml_face_data.csv`` or one ``.mat`` file
    any other folder       `emonets.datasets.readers.face_folders.read_face_folder`
    =====================  ======================================================

    Raises
    ------
    DataError : nothing is there, or none of these; or the reader's own complaint.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder; {EXPECTED}")
    if path.is_dir():
        inside = {p.name.lower(): p for p in sorted(path.iterdir()) if p.is_file()}
        known = [
            inside[name]
            for name in ("fer2013.npz", "fer2013.csv", "icml_face_data.csv")
            if name in inside
        ] + [p for name, p in inside.items() if name.endswith(".mat")]
        if not known:
            return read_face_folder(path)
        path = known[0]
    kind = path.suffix.lower()
    if kind in (".npz", ".csv"):
        return read_fer2013(path)
    if kind == ".mat":
        return read_tfd(path)
    raise DataError(f"{path}: {EXPECTED}; found a file ending in {kind or 'nothing'!r}")
