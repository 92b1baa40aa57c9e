"""Folders of numbered images: the frames of one clip, or photographs that are stills.

A folder is a clip if its images are one series of numbered names, without large gaps, have one
size, and show no sign of a camera in their names or EXIF data. Otherwise each image is a still. A
frame rate that the user gives makes any one series a clip. Times follow from the numbers: a missing
one leaves a gap.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emonets.errors import MediaError
from emonets.media.held import files_in, is_file
from emonets.media.images import IMAGE_SUFFIXES, image_header

FRAME_RATE = 25.0
"""Frames a second of a folder of images, unless the user gives another."""

_SAMPLE = 48
"""Of so many images, evenly spaced, the headers are read."""

_GAP = 4
"""Steps between numbers differ by more than this factor where photographs were picked out, ..."""
_USUAL = 0.6
"""... and no single step makes up this share of them, as it does where a frame is missing."""

# DCIM (DCF): four characters and four digits; phones: the date and the time; senders: own names
_CAMERA = re.compile(
    r"(?=.*[A-Z_])[A-Z0-9_]{4}\d{4}"
    r"|(IMG|DSC|PXL|DJI|MVIMG|PANO|SAM|GOPR)_?\d{3,}"
    r"|([A-Za-z]+[-_ ])?(19|20)\d\d-?[01]\d-?[0-3]\d[-_ T]\d\d[.:-]?\d\d[.:-]?\d{2,5}.*"
    r"|IMG-\d{8}-WA\d+|(FB_IMG|received|signal)[-_]\d+|(PXL|MVIMG|Screenshot|WhatsApp Image).*"
)


_UNITS = {1.0: ("sec", "secs", "second", "seconds"), 1000.0: ("ms", "msec", "millis")}
"""Numbers a second by the word before them: ``sec_0010.jpg`` is at 10 s."""


def rate_of_name(prefix: str) -> float:
    """Numbers a second of a series by the text before its numbers; 25 unless it names a unit.

    Examples
    --------
    >>> rate_of_name("cam1_sec_"), rate_of_name("frame_")
    (1.0, 25.0)
    """
    words = re.findall(r"[a-z]+", prefix.casefold())
    for rate, units in _UNITS.items():
        if words and words[-1] in units:
            return rate
    return FRAME_RATE


@dataclass(frozen=True)
class Series:
    """The frames of a folder that is a clip.

    Attributes
    ----------
    images : files, in the order of their numbers.
    numbers : of each file, from 0 and strictly increasing. Frame *i* is at ``numbers[i] / rate``.
    repeated : how many files were left out because their number was there already.
    rate : numbers a second where the user gives none.
    """

    images: tuple[Path, ...]
    numbers: tuple[int, ...]
    repeated: int = 0
    rate: float = FRAME_RATE

    def notes(self, rate: float, *, given: bool) -> list[str]:
        """How the folder is read, one sentence a fact; nothing where nothing is in doubt.

        Parameters
        ----------
        rate : frames a second. given : whether the user gave it.
        """
        out = []
        steps = np.diff(self.numbers)
        if not given:
            own = "" if not len(steps) or steps.min() == 1 else f" in steps of {steps.min()}"
            pattern = self.images[0].parent / f"*{self.images[0].suffix}"
            out.append(
                f"its {len(self.images)} images, numbered{own}, are read as a film at {rate:g} "
                f"number{'s' * (rate != 1)} a second; give another rate with --fps (fps=), or "
                f"read each as a still with {str(pattern)!r}"
            )
        if len(steps) and (missing := int((steps // steps.min() - 1).sum())):
            out.append(f"{missing} of its numbers are missing; the times of the others stay")
        if self.repeated:
            out.append(f"{self.repeated} images were left out: their number is there twice")
        return out


def numbered_images(folder: Path) -> dict[str, list[tuple[int, Path]]]:
    """Find the series of numbered images that lie directly in a folder.

    Returns
    -------
    The series by the text before the number (``frame_0012.png`` → ``frame_``), each in the order
    of its numbers. Hidden files and images whose name does not end in a number are left out.

    Raises
    ------
    MediaError : the folder cannot be read.
    """
    series: dict[str, list[tuple[int, str, Path]]] = defaultdict(list)
    try:
        entries = list(files_in(folder))
    except OSError as error:
        raise MediaError(folder, f"cannot be read ({error.strerror})") from error
    for entry in entries:
        numbered = re.fullmatch(r"(.*?)([0-9]{1,18})", entry.stem)
        if (
            numbered
            and entry.suffix.lower() in IMAGE_SUFFIXES
            and not entry.name.startswith(".")
            and is_file(entry)
        ):
            series[numbered[1]].append((int(numbered[2]), entry.name, entry))
    return {prefix: [(n, path) for n, _, path in sorted(all_)] for prefix, all_ in series.items()}


def photographs(series: Sequence[tuple[int, Path]]) -> str | None:
    """Why numbered images are photographs and not frames; None if they may be frames.

    Parameters
    ----------
    series : number and file of each, in order. Of many, evenly spaced ones are examined.

    Returns
    -------
    A reason that completes "they are photographs: ".
    """
    images = [path for _, path in series]
    chosen = sorted({round(i) for i in np.linspace(0, len(images) - 1, min(_SAMPLE, len(images)))})
    sample = [images[i] for i in chosen]
    headers = [header for path in sample if (header := image_header(path)) is not None]
    sizes = {header.size for header in headers}
    if len(sizes) > 1:
        (w, h), (other_w, other_h) = sorted(sizes)[:2]
        return f"their sizes differ ({w}x{h}, {other_w}x{other_h})"
    if any(header.camera for header in headers):
        return "they state a camera or the time they were taken"
    if all(_CAMERA.fullmatch(path.stem) for path in sample):
        return "they have names as a camera gives them"
    if _has_gaps([number for number, _ in series]):
        listed = ", ".join(str(number) for number, _ in series[:4])
        return f"their numbers have large gaps ({listed}{', ...' * (len(series) > 4)})"
    return None


def _has_gaps(numbers: Sequence[int]) -> bool:
    """Whether numbers are further apart here than there, and no step is the usual one."""
    steps = np.diff(sorted(set(numbers)))
    if not len(steps):
        return False
    usual = np.unique(steps, return_counts=True)[1].max() / len(steps)
    return bool(steps.max() > _GAP * steps.min() and usual < _USUAL)


def frame_folder(path: Path, *, forced: bool = False) -> Series:
    """The frames of a folder that is a clip, in order.

    Parameters
    ----------
    forced : whether photographs are frames too, as the user gave a rate.

    Raises
    ------
    MediaError : it holds no numbered images, several series, or photographs; or it cannot be read.
    """
    series = numbered_images(path)
    if not series:
        raise MediaError(
            path,
            "is a folder without numbered images",
            "name its frames like 0001.png, or give the media files in it",
        )
    if len(series) > 1:
        names = ", ".join(sorted(f"{prefix}*" for prefix in series)[:4])
        raise MediaError(
            path, f"holds {len(series)} series of images ({names})", "give each its own folder"
        )
    ((prefix, found),) = series.items()
    if not forced and len(found) > 1 and (why := photographs(found)):
        raise MediaError(
            path,
            f"holds photographs and no frames: {why}",
            "give the pictures themselves, or the rate of a film (frame_rate=, fps=, --fps)",
        )
    first = found[0][0]
    numbers: dict[int, Path] = {}
    for number, image in found:
        numbers.setdefault(number - first, image)
    repeated = len(found) - len(numbers)
    return Series(tuple(numbers.values()), tuple(numbers), repeated, rate_of_name(prefix))
