"""The film of a page: put beside it once, with the times of its frames."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import EmoNetsError, MediaError
from emonets.media.container import open_media
from emonets.media.limits import Limits
from emonets.media.streams import Choice
from emonets.report.proxy import FILM, PICTURE, PROXY, Proxy, make_proxy
from emonets.report.spectrogram import spectrogram
from emonets.report.thumbnails import card_picture
from emonets.runtime.files import whole_file, write_whole

_KEPT, _CARD, _SOUND = "film.json", "card.jpg", "sound.png"
_EVEN = 0.0015  # seconds by which frames may differ from an even grid
_STEP = 0.04
NO_FILM: dict[str, Any] = {
    "kind": "none", "src": "", "note": "", "width": 0, "height": 0, "step": _STEP, "times": [],
    "has_sound": False, "sound": None,
}  # fmt: skip
"""A page without a film."""


def place_film(
    path: str | os.PathLike[str], folder: Path, *, options: Mapping[str, Any] = {}
) -> tuple[dict[str, Any], bytes]:
    """Put what a browser can play of a clip into a folder.

    What an earlier run put there for the same file and options is used again.

    Parameters
    ----------
    options : of `emonets.report.proxy.make_proxy`, that decide how the clip is read.

    Returns
    -------
    What a page shows: ``kind`` (``film``, ``sound``, ``picture``, ``thumbnails``, ``none``), the
    address ``src``, ``width`` and ``height`` in pixels of the boxes, ``step``, the seconds of a
    frame, and ``times``, those of the frames where they are uneven, and ``sound``, the picture of
    the sound or None; and a picture of the clip, JPEG. Of a clip
    that is not there any more, a page without a film.

    Raises
    ------
    EmoNetsError : nothing can be written there.
    """
    source = Path(path)
    try:
        stats = source.stat()
    except OSError:
        note = "The film is not where it was when the result was made. Ribbons and values work."
        return {**NO_FILM, "note": note}, b""
    key = [1, stats.st_size, stats.st_mtime_ns, repr(sorted(options.items()))]
    kept = _read(folder, key)
    if kept is not None:
        return kept
    try:
        made = make_proxy(source, folder, name="film", **options)
        film = _described(made, folder)
        if made.has_sound:
            film["sound"] = _sound(source, folder, options.get("audio_stream"))
        card = card_picture(source, turns=options.get("turns", 0))
        write_whole(folder / _CARD, card)
        write_whole(folder / _KEPT, json.dumps({"key": key, "film": film}).encode())
    except OSError as error:
        raise EmoNetsError(
            f"{folder}: cannot be written ({error.strerror or error}); free space or choose "
            "another --out"
        ) from None
    return film, card


def _read(folder: Path, key: list[Any]) -> tuple[dict[str, Any], bytes] | None:
    try:
        kept = json.loads((folder / _KEPT).read_text("utf-8"))
        film = kept["film"]
        if kept["key"] != key or not (not film["src"] or (folder / film["src"]).is_file()):
            return None
        return film, (folder / _CARD).read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _described(made: Proxy, folder: Path) -> dict[str, Any]:
    kind = made.kind if made.has_frames or made.kind == PICTURE else "sound"
    shown = made.path
    if made.kind in (FILM, PICTURE) and shown is not None and shown.parent != folder:
        shown = _beside(shown, folder)
    step, times = _STEP, np.zeros(0)
    if made.kind in (FILM, PROXY) and made.has_frames and shown is not None:
        step, times = frame_times(shown)
    film: dict[str, Any] = {
        **NO_FILM,
        "kind": {PROXY: FILM}.get(kind, kind),
        "src": "" if shown is None else shown.name,
        "note": f"{made.why[:1].upper()}{made.why[1:]}." if made.why else "",
        "width": made.width, "height": made.height, "has_sound": made.has_sound,
        "step": round(step, 6), "times": [round(float(t), 4) for t in times],
    }  # fmt: skip
    strips = made.thumbnails
    if strips is not None:
        film["thumbnails"] = {
            "times": [round(t, 3) for t in strips.times], "columns": strips.columns,
            "rows": strips.rows, "width": strips.width, "height": strips.height,
            "sheets": [sheet.name for sheet in strips.sheets],
        }  # fmt: skip
    return film


def _sound(source: Path, folder: Path, stream: int | None) -> dict[str, Any] | None:
    try:
        made = spectrogram(source, audio_stream=stream)
    except MediaError:
        return None
    if not made.png:
        return None
    write_whole(folder / _SOUND, made.png)
    return {
        "src": _SOUND, "start": round(made.start, 3), "end": round(made.end, 3),
        "low": made.low, "high": made.high,
    }  # fmt: skip


def _beside(film: Path, folder: Path) -> Path:
    """The same file in the folder: a second name of it on one disk, or else a copy."""
    target = folder / f"film{film.suffix.lower()}"
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(target) as partial:
        try:
            os.link(film.resolve(), partial)
        except OSError:
            shutil.copyfile(film, partial)
    return target


def frame_times(path: Path) -> tuple[float, NDArray[np.float64]]:
    """Seconds of one frame, and of each frame where they are uneven, from a film's packets.

    Nothing is decoded.
    """
    pixels = Limits().max_pixels
    with open_media(path, max_pixels=pixels, threads=1, choice=Choice()) as media:
        if media.video is None:
            return _STEP, np.zeros(0)
        stamps = [
            float(packet.pts * packet.time_base - media.origin)
            for packet in media.container.demux(media.video)
            if packet.pts is not None and packet.time_base is not None
        ]
    times = np.unique(np.round(stamps, 6))
    if len(times) < 2:
        return _STEP, np.zeros(0)
    step = float((times[-1] - times[0]) / (len(times) - 1))
    even = np.arange(len(times)) * step
    return step, np.zeros(0) if np.abs(times - even).max() < _EVEN else times
