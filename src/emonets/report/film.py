"""The film of a page: put beside it once, with the times of its frames."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import EmoNetsError, MediaError
from emonets.media.container import open_media
from emonets.media.limits import Limits
from emonets.media.parts import Frame
from emonets.media.streams import Choice
from emonets.report.outputs import FolderOutputs, Outputs
from emonets.report.proxy import FILM, PICTURE, PROXY, Proxy, make_proxy
from emonets.report.spectrogram import spectrogram
from emonets.report.thumbnails import card_picture
from emonets.runtime.files import write_whole

CARD, SOUND_PICTURE = "card.jpg", "sound.png"
_KEPT = "film.json"
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
    key, known = known_film(source, folder, options)
    if known is not None:
        return known
    try:
        film, card = film_of(source, FolderOutputs(folder), options)
        keep_film(folder, key, film)
    except OSError as error:
        raise EmoNetsError(
            f"{folder}: cannot be written ({error.strerror or error}); free space or choose "
            "another --out"
        ) from None
    return film, card


def film_of(
    source: Path,
    outputs: Outputs,
    options: Mapping[str, Any] = {},
    *,
    on_frame: Callable[[Frame], None] | None = None,
) -> tuple[dict[str, Any], bytes]:
    """Make what a page shows of a clip, as `place_film` returns it.

    Parameters
    ----------
    outputs : takes the film and the pictures. options : as for `place_film`.
    on_frame : called for each picture of a copy.

    Raises
    ------
    MediaError : the clip cannot be decoded. EmoNetsError, OSError : nothing can be written.
    """
    made = make_proxy(source, outputs, name="film", on_frame=on_frame, **options)
    film = _described(made, source, outputs)
    if made.has_sound:
        film["sound"] = _sound(source, outputs, options.get("audio_stream"))
    card = card_picture(source, turns=options.get("turns", 0))
    outputs.write(CARD, card)
    return film, card


def known_film(
    source: Path, folder: Path, options: Mapping[str, Any]
) -> tuple[list[Any], tuple[dict[str, Any], bytes] | None]:
    """The key of a clip's film, and what `place_film` returns without decoding; None: decode it.

    That is what an earlier run put there, or, of a clip that is gone, a page without a film.
    """
    try:
        stats = source.stat()
    except OSError:
        note = "The film is not where it was when the result was made. Ribbons and values work."
        return [], ({**NO_FILM, "note": note}, b"")
    key = key_of(stats, options)
    return key, read_film(folder, key)


def key_of(stats: os.stat_result, options: Mapping[str, Any]) -> list[Any]:
    """What a film depends on: the clip's size and time, and how it is read."""
    return [1, stats.st_size, stats.st_mtime_ns, repr(sorted(options.items()))]


def keep_film(folder: Path, key: list[Any], film: Mapping[str, Any]) -> None:
    """Note what was made in a folder, for `read_film`."""
    write_whole(folder / _KEPT, json.dumps({"key": key, "film": film}).encode())


def read_film(folder: Path, key: list[Any]) -> tuple[dict[str, Any], bytes] | None:
    """What an earlier run made with the same key; None if there is nothing, or not all of it."""
    try:
        kept = json.loads((folder / _KEPT).read_text("utf-8"))
        film = kept["film"]
        if kept["key"] != key or not (not film["src"] or (folder / film["src"]).is_file()):
            return None
        return film, (folder / CARD).read_bytes()
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _described(made: Proxy, clip: Path, outputs: Outputs) -> dict[str, Any]:
    kind = made.kind if made.has_frames or made.kind == PICTURE else "sound"
    shown = "" if made.path is None else made.path.name
    if made.path is not None and made.path == clip:
        shown = f"film{clip.suffix.lower()}"
        outputs.use_clip(clip, shown)
    step, times = _STEP, np.zeros(0)
    if made.kind in (FILM, PROXY) and made.has_frames and made.path is not None:
        step, times = frame_times(made.path)
    film: dict[str, Any] = {
        **NO_FILM,
        "kind": {PROXY: FILM}.get(kind, kind),
        "src": shown,
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


def _sound(source: Path, outputs: Outputs, stream: int | None) -> dict[str, Any] | None:
    try:
        made = spectrogram(source, audio_stream=stream)
    except MediaError:
        return None
    if not made.png:
        return None
    outputs.write(SOUND_PICTURE, made.png)
    return {
        "src": SOUND_PICTURE, "start": round(made.start, 3), "end": round(made.end, 3),
        "low": made.low, "high": made.high,
    }  # fmt: skip


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
