"""From names, patterns and folders to a list of clips."""

from __future__ import annotations

import glob
import math
import os
import re
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emonets.errors import MediaError, ParameterError
from emonets.media.held import status_of_path
from emonets.media.images import IMAGE_SUFFIXES, natural_key
from emonets.media.series import numbered_images, photographs

_SUFFIXES = """
    .mp4 .m4v .mov .qt .mqv .3gp .3gpp .3g2 .3gp2 .mj2 .psp .ism .ismv .isma .mp4v .insv
    .mkv .mk3d .webm .avi .divx .xvid .flv .f4v .f4p .wmv .asf .dvr-ms .wtv .ogv .ogm .ogx .gif
    .apng .dv .dif .mxf .mpg .mpeg .mpe .mpv .m1v .m2v .m2p .vob .vro .mod .tod
    .ts .m2t .m2ts .mts .trp .tp .rm .rmvb .nut .ivf .obu
    .264 .h264 .avc .h26l .265 .h265 .hevc .mjpg .mjpeg
    .wav .wave .bwf .rf64 .w64 .mp3 .mp2 .mp1 .mpa .mpga .m1a .m2a .flac .ogg .oga .opus .spx
    .m4a .m4b .m4r .f4a .f4b .mka .weba .aac .adts .ac3 .eac3 .ec3 .aif .aiff .aifc .afc
    .amr .awb .au .snd .caf .wma .wv .tta .ape .ra
"""
MEDIA_SUFFIXES = IMAGE_SUFFIXES | frozenset(_SUFFIXES.split())
"""Endings of the files that are read from a folder: images, videos, sound files.

Those that FFmpeg knows for the containers that are read, and others in use. Left out are ``.lrv``
and ``.thm``, which cameras write beside each clip as a small copy of it.
"""

PASSED_OVER = "passed_over"
"""Key of `Found.passed_over` in ``Result.about``."""

_FRAMES = 8
"""So many numbered images of one kind, with other media beside them, may be frames."""

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
        mode, size = status_of_path(found)
    except OSError as error:
        if _ADDRESS.match(text):
            raise _address(text) from error
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise MediaError(text, "does not exist", "check the name") from error
        raise MediaError(text, f"cannot be read ({error.strerror})") from error
    if stat.S_ISDIR(mode):
        return found
    # a pipe or a device could be waited for, or read, for ever
    if not stat.S_ISREG(mode):
        raise MediaError(text, "is not a regular file", "save it to a file first")
    if size == 0:
        raise MediaError(text, "is empty", "copy or download it again")
    if size > max_bytes:
        raise MediaError(
            text,
            f"has {size} bytes, more than the limit of {max_bytes}",
            "cut it, or raise the limit (Limits(max_bytes=...), --limit bytes=...)",
        )
    return found


@dataclass(frozen=True)
class Found:
    """The clips that paths stand for.

    Attributes
    ----------
    clips : files, and folders of frames; nothing twice.
    wrong : what is wrong with the paths that name no clip.
    passed_over : for each folder that was searched, how many files of which kind were left out, by
        suffix, ``hidden``, ``without suffix`` and ``linked folder``.
    notes : what else there is to know, a sentence each.
    """

    clips: tuple[Path, ...] = ()
    wrong: tuple[MediaError, ...] = ()
    passed_over: dict[str, dict[str, int]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def messages(self) -> list[str]:
        """The notes, and a sentence for each folder with files that were passed over."""
        out = list(self.notes)
        for folder, kinds in self.passed_over.items():
            total = sum(kinds.values())
            out.append(f"{folder}: passed over {total} file{'s' * (total > 1)}: {_listed(kinds)}")
        return out


def _listed(kinds: Mapping[str, int]) -> str:
    """Such as ``3 .txt, 1 hidden``, the most frequent first."""
    return ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items(), key=lambda k: (-k[1], k)))


class _Search:
    """Collects what the arguments stand for."""

    def __init__(self, forced: bool) -> None:
        self.forced = forced
        self.passed_over: dict[str, dict[str, int]] = {}
        self.notes: list[str] = []

    def _is_series(self, folder: Path, names: Sequence[str]) -> bool:
        """Whether a folder holds one series of numbered frames and no other media."""
        media = [n for n in names if Path(n).suffix.lower() in MEDIA_SUFFIXES]
        images = [n for n in media if Path(n).suffix.lower() in IMAGE_SUFFIXES]
        # one image alone is a still, not a series
        if len(images) < 2:
            return False
        series = numbered_images(folder)
        longest = max(series.values(), key=len, default=[])
        if len(series) == 1 and len(longest) == len(media):
            if self.forced or (why := photographs(longest)) is None:
                return True
            more = "; give --fps (fps=) to read them as a film"
        else:
            # frames of a clip, and its sound or another clip's frames beside them
            if len(longest) < _FRAMES or photographs(longest) is not None:
                return False
            why = "other media lie beside them"
            more = "; give the frames of a film a folder of their own"
        self.notes.append(
            f"{folder}: its {len(longest)} numbered pictures are read as stills: {why}{more}"
        )
        return False

    def walk(self, folder: Path) -> Iterator[Path]:
        """The clips in a folder and the folders in it."""

        def unreadable(error: OSError) -> None:
            raise MediaError(error.filename or folder, f"cannot be read ({error.strerror})")

        over: Counter[str] = Counter()
        # links are not followed, for they may lead round in a circle
        for here, folders, files in os.walk(folder, onerror=unreadable):
            over["hidden folder"] += sum(f.startswith(".") for f in folders)
            folders[:] = [f for f in folders if not f.startswith(".")]
            over["linked folder"] += sum(os.path.islink(os.path.join(here, f)) for f in folders)
            names = [n for n in files if not n.startswith(".")]
            over["hidden"] += len(files) - len(names)
            series = self._is_series(Path(here), names)
            if series:
                yield Path(here)
            for name in names:
                suffix = Path(name).suffix.lower()
                if suffix not in MEDIA_SUFFIXES:
                    over[suffix or "without suffix"] += 1
                elif not series:
                    yield Path(here, name)
        if +over:
            self.passed_over[str(folder)] = dict(+over)

    def matches(self, argument: str | Path) -> list[Path]:
        """What one argument stands for, in any order."""
        text, path = str(argument), Path(argument)
        if not text:
            # an empty variable of a shell; as a path it would be the current folder
            raise MediaError(repr(argument), "is no file name", "name a file")
        if path.is_dir():
            found = list(self.walk(path))
            if not found:
                kinds = self.passed_over.pop(str(path), None)
                held = f" (it holds {_listed(kinds)})" if kinds else ""
                raise MediaError(
                    path, f"holds no video, sound or image file{held}", "name another folder"
                )
            return found
        if path.exists():
            return [path]
        if glob.has_magic(text):
            found = []
            for name in glob.glob(text, recursive=True):
                found += self.walk(Path(name)) if Path(name).is_dir() else [Path(name)]
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
        that directly holds one series of numbered frames, and no other media, is one clip; the
        files of a folder of photographs are a clip each (`emonets.media.series`).

    Returns
    -------
    What each argument stands for in natural order (``clip9`` before ``clip10``), the arguments
    in theirs; nothing twice.

    Raises
    ------
    MediaError : a file that does not exist, or a pattern or folder with no clip in it.
    """
    found = search_clips([paths] if isinstance(paths, (str, Path)) else paths)
    if found.wrong:
        raise found.wrong[0]
    return list(found.clips)


def find_clips_each(paths: Sequence[str | Path]) -> tuple[list[Path], list[MediaError]]:
    """`find_clips` of each argument on its own, so that a wrong one does not hide the others.

    Returns
    -------
    The clips, nothing twice, and what was wrong with the arguments that name none.
    """
    found = search_clips(paths)
    return list(found.clips), list(found.wrong)


def search_clips(paths: Sequence[str | Path], *, fps: float | None = None) -> Found:
    """The clips that paths stand for, and what was passed over; see `find_clips`.

    Parameters
    ----------
    fps : frames a second, if the user gave it. A folder with one series of numbered images is
        then a clip even where the images seem to be photographs.

    Raises
    ------
    ParameterError : ``fps`` is not above 0, or no path is a folder of numbered images.
    """
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise ParameterError(f"fps={fps!r}: must be above 0")
    search = _Search(fps is not None)
    clips: dict[Path, Path] = {}
    wrong: list[MediaError] = []
    for argument in paths:
        try:
            matches = search.matches(argument)
        except MediaError as error:
            wrong.append(error)
            continue
        except OSError as error:  # a name too long, a folder one may not enter
            wrong.append(MediaError(argument, f"cannot be read ({error.strerror})"))
            continue
        for match in sorted(matches, key=lambda m: natural_key(str(m))):
            clips.setdefault(Path(os.path.abspath(match)), match)
    if fps is not None and clips and not any(clip.is_dir() for clip in clips):
        raise ParameterError(
            f"fps={fps:g} is for folders of numbered images, and no path is one; leave it out"
        )
    return Found(tuple(clips.values()), tuple(wrong), search.passed_over, tuple(search.notes))
