"""From names, patterns and folders to a list of clips."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from emonets.errors import MediaError
from emonets.media.images import IMAGE_SUFFIXES, natural_key, numbered_images

_SUFFIXES = """
    .mp4 .m4v .mov .3gp .3g2 .mkv .webm .avi .flv .f4v .mpg .mpeg .vob .ts .m2ts .mts .wmv .asf
    .ogv .gif .dv
    .wav .w64 .mp3 .flac .ogg .oga .opus .m4a .aac .ac3 .aif .aiff .amr .au .caf .wma .wv
"""
MEDIA_SUFFIXES = IMAGE_SUFFIXES | frozenset(_SUFFIXES.split())
"""Endings of the files that are read from a folder: images, videos, sound files."""

_ADDRESS = re.compile(r"[a-z][a-z0-9+.\-]+:", re.IGNORECASE)
"""``http:``, ``concat:``, ``file:`` …; one letter alone is a drive of Windows."""


def _address(text: str) -> MediaError:
    return MediaError(text, "is an address, and only local files are read", "download it first")


def check_path(path: str | Path, *, max_bytes: int) -> Path:
    """Return the path of a file or folder that is there and may be opened.

    Raises
    ------
    MediaError : it is missing, an address, neither a regular file nor a folder, empty, or larger
        than ``max_bytes``.
    """
    text = os.fspath(path)
    if not text or "\0" in text:
        raise MediaError(repr(text), "is no file name", "name a file")
    found = Path(text)
    try:
        status = found.stat()
    except OSError as error:
        if _ADDRESS.match(text):
            raise _address(text) from error
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise MediaError(text, "does not exist", "check the name") from error
        raise MediaError(text, f"cannot be read ({error.strerror})") from error
    if stat.S_ISDIR(status.st_mode):
        return found
    # a pipe or a device could be waited for, or read, for ever
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(text, "is not a regular file", "save it to a file first")
    if status.st_size == 0:
        raise MediaError(text, "is empty", "copy or download it again")
    if status.st_size > max_bytes:
        raise MediaError(
            text,
            f"has {status.st_size} bytes, more than the limit of {max_bytes}",
            "cut it into pieces, or raise Limits(max_bytes=...)",
        )
    return found


def _series(folder: Path, names: Sequence[str]) -> bool:
    """Whether a folder holds one series of numbered frames and no other media."""
    media = [n for n in names if Path(n).suffix.lower() in MEDIA_SUFFIXES]
    # one image alone is a still, not a series
    if len(media) < 2 or any(Path(n).suffix.lower() not in IMAGE_SUFFIXES for n in media):
        return False
    series = numbered_images(folder)
    return len(series) == 1 and len(next(iter(series.values()))) == len(media)


def _walk(folder: Path) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        raise MediaError(error.filename or folder, f"cannot be read ({error.strerror})")

    # links are not followed, for they may lead round in a circle
    for here, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [f for f in folders if not f.startswith(".")]
        names = [n for n in files if not n.startswith(".")]
        if _series(Path(here), names):
            yield Path(here)
        else:
            for name in names:
                if Path(name).suffix.lower() in MEDIA_SUFFIXES:
                    yield Path(here, name)


def _matches(argument: str | Path) -> list[Path]:
    """What one argument stands for, in any order."""
    text, path = str(argument), Path(argument)
    if not text:
        # an empty variable of a shell; as a path it would be the current folder
        raise MediaError(repr(argument), "is no file name", "name a file")
    if path.is_dir():
        found = list(_walk(path))
        if not found:
            raise MediaError(path, "holds no video, sound or image file", "name another folder")
        return found
    if path.exists():
        return [path]
    if glob.has_magic(text):
        found = []
        for name in glob.glob(text, recursive=True):
            found += _walk(Path(name)) if Path(name).is_dir() else [Path(name)]
        if found:
            return found
    if _ADDRESS.match(text):
        raise _address(text)
    if glob.has_magic(text):
        raise MediaError(argument, "matches no file", "check the pattern")
    raise MediaError(argument, "does not exist", "check the name")


def find_clips(paths: Sequence[str | Path]) -> list[Path]:
    """Turn files, patterns and folders into the clips they stand for.

    Parameters
    ----------
    paths : files (taken as they are, whatever their suffix), patterns such as ``clips/*.mp4`` or
        ``clips/**/*.mp4`` (in case the shell did not expand them), and folders. Folders and the
        folders in them are searched for names with a media suffix, hidden ones left out. A folder
        that directly holds one series of numbered images, and no other media, is one clip.

    Returns
    -------
    What each argument stands for in natural order (``clip9`` before ``clip10``), the arguments
    in theirs; nothing twice.

    Raises
    ------
    MediaError : a file that does not exist, or a pattern or folder with no clip in it.
    """
    found, wrong = find_clips_each([paths] if isinstance(paths, (str, Path)) else paths)
    if wrong:
        raise wrong[0]
    return found


def find_clips_each(paths: Sequence[str | Path]) -> tuple[list[Path], list[MediaError]]:
    """`find_clips` of each argument on its own, so that a wrong one does not hide the others.

    Returns
    -------
    The clips, nothing twice, and what was wrong with the arguments that name none.
    """
    found: dict[Path, Path] = {}
    wrong: list[MediaError] = []
    for argument in paths:
        try:
            matches = _matches(argument)
        except MediaError as error:
            wrong.append(error)
            continue
        except OSError as error:  # a name too long, a folder one may not enter
            wrong.append(MediaError(argument, f"cannot be read ({error.strerror})"))
            continue
        for match in sorted(matches, key=lambda m: natural_key(str(m))):
            found.setdefault(Path(os.path.abspath(match)), match)
    return list(found.values()), wrong
