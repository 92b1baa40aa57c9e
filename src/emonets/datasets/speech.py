"""Reading labelled recordings, sound or film, by what lies at a path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from emonets.datasets.readers.afew import is_afew, read_afew
from emonets.datasets.readers.class_folders import has_class_folders, read_sound_folder
from emonets.datasets.readers.crema_d import is_crema_d, read_crema_d
from emonets.datasets.readers.emodb import is_emodb, read_emodb
from emonets.datasets.readers.javanese import is_javanese, read_javanese
from emonets.datasets.readers.manifest import MANIFESTS, manifest_in, read_manifest
from emonets.datasets.readers.ravdess import is_ravdess, read_ravdess
from emonets.datasets.readers.savee import is_savee, read_savee
from emonets.datasets.readers.tess import is_tess, read_tess
from emonets.datasets.reading import About, Recording, Recordings, media_files
from emonets.errors import DataError, ParameterError

__all__ = ["LAYOUTS", "About", "Recording", "Recordings", "detect_layout", "load_recordings"]

LAYOUTS = (
    "auto", "ravdess", "emodb", "javanese", "crema_d", "savee", "tess", "afew", "folders",
    "manifest",
)  # fmt: skip

NAMED: dict[str, Callable[[Path], bool]] = {
    "ravdess": is_ravdess,
    "emodb": is_emodb,
    "javanese": is_javanese,
    "crema_d": is_crema_d,
    "savee": is_savee,
    "tess": is_tess,
    "afew": is_afew,
}
_READERS: dict[str, Callable[[Path], Recordings]] = {
    "emodb": read_emodb,
    "javanese": read_javanese,
    "crema_d": read_crema_d,
    "savee": read_savee,
    "tess": read_tess,
    "afew": read_afew,
}


def load_recordings(
    path: str | Path,
    *,
    layout: str = "auto",
    channel: str | None = None,
    group_pattern: str | None = None,
) -> Recordings:
    """Read labelled recordings from whatever lies at a path.

    ============  ==========================================================================
    layout        what lies there, and its reader
    ============  ==========================================================================
    ``ravdess``   files named as 03-01-05-01-02-01-12: `emonets.datasets.readers.ravdess`
    ``emodb``     files named as 03a01Wa: `emonets.datasets.readers.emodb`
    ``javanese``  files named as 01-02-03_01: `emonets.datasets.readers.javanese`
    ``crema_d``   files named as 1001_DFA_ANG_XX: `emonets.datasets.readers.crema_d`
    ``savee``     files named as DC_a01 or DC/a01: `emonets.datasets.readers.savee`
    ``tess``      files named as OAF_back_angry: `emonets.datasets.readers.tess`
    ``afew``      Train, Val, Test with 000046280 in them: `emonets.datasets.readers.afew`
    ``folders``   class folders: `emonets.datasets.readers.class_folders`
    ``manifest``  a CSV file, or a folder with ``manifest.csv``: `emonets.datasets.readers.manifest`
    ``auto``      whichever of these it looks like (`detect_layout`)
    ============  ==========================================================================

    No file is opened but the manifest. Suffixes are those of any sound file or film.

    Parameters
    ----------
    path : a folder, searched through and through, or a manifest.
    layout : see above.
    channel : RAVDESS only: which modality and vocal channel (`read_ravdess`).
    group_pattern : class folders only: where a file name says who speaks (`read_sound_folder`).

    Raises
    ------
    DataError : nothing is there, or nothing that is understood; or the reader's own complaint.
    ParameterError : a layout that is none, or an option that belongs to another layout.
    """
    path = Path(path)
    if layout not in LAYOUTS:
        raise ParameterError(f"layout={layout!r}: must be one of {', '.join(LAYOUTS)}")
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    if layout == "auto":
        layout = detect_layout(path)
    for name, value, whose in (
        ("channel", channel, "ravdess"),
        ("group_pattern", group_pattern, "folders"),
    ):
        if value is not None and layout != whose:
            raise ParameterError(f"{name} goes with layout {whose!r}, but {path} is {layout!r}")
    if layout == "manifest":
        return read_manifest((manifest_in(path) if path.is_dir() else None) or path)
    if layout == "ravdess":
        return read_ravdess(path, channel=channel)
    if layout in _READERS:
        return _READERS[layout](path)
    return read_sound_folder(path, group_pattern=group_pattern)


def detect_layout(path: str | Path) -> str:
    """Tell from names which of the layouts lies at a path.

    A file is a manifest, and so is a folder that holds one (``manifest.csv``). A folder is a
    corpus if most of its sound files and films are named as that corpus' are and none as
    another's, also where they lie in class folders, which say less. Else it is class folders, if
    any recording lies in one.

    Raises
    ------
    DataError : none of these, or several; the message says what was found.
    """
    path = Path(path)
    if path.is_file():
        if manifest_in(path):
            return "manifest"
        raise DataError(
            f"{path}: expected a folder of recordings, or a table whose first line has the columns "
            "path, label, group"
        )
    if manifest_in(path):
        return "manifest"
    files = [file for file, problem in media_files(path) if not problem]
    counts = {name: sum(map(is_one, files)) for name, is_one in NAMED.items()}
    found = chosen(path, counts, len(files))
    if found:
        return found
    if has_class_folders(path):
        return "folders"
    few = "".join(f", of which {n} are named as {name}'s" for name, n in counts.items() if n)
    raise DataError(
        f"{path}: holds {len(files)} sound files and films{few}, and nothing says what they show; "
        f"expected names as {', '.join(NAMED)} have, class folders (angry, happy …), or a "
        f"{MANIFESTS[0]} with the columns path, label, group"
    )


def chosen(path: Path, counts: Mapping[str, int], total: int) -> str:
    """The corpus whose names most of the files have; nothing where none has.

    Parameters
    ----------
    counts : corpus → how many files are named as its are.
    total : files in all.

    Raises
    ------
    DataError : there are files of several.
    """
    found = [name for name, n in counts.items() if n]
    if len(found) > 1:
        raise DataError(
            f"{path}: holds files of {' and '.join(f'{k} ({counts[k]})' for k in found)}; give one "
            "corpus' folder at a time, or name the layout"
        )
    return found[0] if found and 2 * counts[found[0]] > total else ""
