"""The side of a contained process that starts it, gives it clips, and ends it."""

from __future__ import annotations

import json
import math
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from emonets.contained.channel import BadMessage
from emonets.contained.holding import Holding, held_for
from emonets.contained.parts import Allowance, Cancelled, Progress, Reading
from emonets.contained.process import BY_PATH, COMMAND, Process
from emonets.contained.replies import Replies
from emonets.errors import EmoNetsError, MediaError, ParameterError
from emonets.inference.options import Options, specialist_names
from emonets.inference.rows import status_of
from emonets.media.limits import Limits
from emonets.report.film import NO_FILM, keep_film, known_film
from emonets.result import FileStatus, Result
from emonets.runtime.files import unnamed_file
from emonets.runtime.lock import limit_processor
from emonets.version import DEFAULT_BUNDLE

OnProgress = Callable[[Progress], None]
_EACH = 0.1
"""Seconds between looks at the clock."""
_NO_FILM_NOTE = "The film cannot be read. Ribbons and values work."


class Contained:
    """Reads clips in a process of its own, one at a time. Call it from one thread.

    The process is started with the first clip, or by `start`.

    Parameters
    ----------
    bundle, device, models, fusion : of the model, as for `emonets.batch.predict_many`. Without a
        bundle only films are made. With another device than ``cpu`` the process is not locked.
    allowance : what each clip may use.
    per_process : clips that one process reads. 1: a fresh process a clip, and the next one is
        prepared meanwhile. None: one process, until it ends.

    Examples
    --------
    >>> with Contained("modern") as contained:  # doctest: +SKIP
    ...     contained.read("film.mp4", Options()).result.files[0].status
    'ok'
    """

    command: Sequence[str] = COMMAND
    by_path: bool = BY_PATH
    warm: bool = True

    def __init__(
        self,
        bundle: str | None = DEFAULT_BUNDLE,
        *,
        device: str = "cpu",
        models: str | Sequence[str] | None = None,
        fusion: str = "bundle",
        allowance: Allowance = Allowance(),
        per_process: int | None = None,
    ) -> None:
        if per_process is not None and per_process < 1:
            raise ParameterError(f"per_process={per_process!r}: must be 1 or more, or None")
        self.allowance, self._per_process = allowance, per_process
        self._setup = {
            "bundle": bundle, "device": device, "fusion": fusion,
            "models": None if models is None else specialist_names(models),
            "memory": allowance.memory, "scratch": allowance.scratch, "warm": self.warm,
        }  # fmt: skip
        self._process: Process | None = None
        self._next: Process | None = None
        self._locked = ""
        self._about: dict[str, Any] = {}
        self._starting = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with self._starting:
            for process in (self._process, self._next):
                if process is not None:
                    process.end()
            self._process = self._next = None

    def start(self) -> None:
        """Start the process, without waiting for it."""
        with self._starting:
            if self._process is None or not self._process.alive:
                if self._process is not None:
                    self._process.end()
                self._process, self._next = self._next or self._made(), None

    @property
    def locked(self) -> str:
        """What is in force here, a sentence. The first call waits for the process.

        Raises
        ------
        EmoNetsError : it cannot be started.
        """
        if not self._locked:
            self._ready(None)
        return self._locked

    def _made(self) -> Process:
        reply = self.allowance.reply
        return Process(self._setup, self.command, by_path=self.by_path, reply=reply)

    def _ready(self, cancelled: threading.Event | None) -> Process | None:
        """A process that waits for a clip; None: it was cancelled."""
        self.start()
        process = self._process
        assert process is not None
        try:
            if not process.wait(cancelled):
                return None
        except EmoNetsError:
            self._end()
            raise
        if not self._locked:
            self._about = Result.from_json(process.about.decode("utf-8", "surrogatepass")).about
            self._locked = process.locked
        return process

    def _end(self) -> None:
        with self._starting:
            if self._process is not None:
                self._process.end()
            self._process = None

    def read(
        self,
        path: str | Path,
        options: Options,
        *,
        film: Path | None = None,
        film_options: Mapping[str, Any] = {},
        name: str | None = None,
        on_progress: OnProgress | None = None,
        cancelled: threading.Event | None = None,
    ) -> Reading:
        """Read a clip.

        Parameters
        ----------
        path : of the clip. options : how it is read; its detector is a name.
        film : folder into which what a page shows of the clip is put; None: nothing.
        film_options : of `emonets.report.proxy.make_proxy`, beside those of ``options``.
        name : how the result and its messages call the clip; None: its path. Its ending tells
            FFmpeg of the kind.
        on_progress : called in this thread.
        cancelled : ends the reading when it is set.

        Returns
        -------
        The result. A clip that cannot be read has a result with the status ``error``.

        Raises
        ------
        Cancelled : the event was set.
        EmoNetsError : the film cannot be written where it is to be, or no process can be started.
        ParameterError : the options do not fit the model.
        """
        if not isinstance(options.detector, str):
            raise ParameterError("detector: a contained process takes the name of a detector")
        file = os.fspath(path) if name is None else name
        shown = {
            "limits": options.limits, "frame_rate": options.fps,
            "video_stream": options.video_stream, "audio_stream": options.audio_stream,
            **film_options,
        }  # fmt: skip
        crops = [] if options.crops is None else [Path(options.crops)]
        try:
            replies = self._asked(
                Path(path), file, options, film, None if film is None else shown, crops,
                on_progress, cancelled,
            )  # fmt: skip
        except MediaError as error:
            return Reading(Result((), (_renamed(error, file),), self._about_of(options)))
        if replies.result is None:
            status = FileStatus(file, "error", replies.problem)
            return Reading(Result((), (status,), self._about_of(options)))
        if film is None or replies.result.files[0].status == "error":
            return Reading(replies.result)
        if replies.problem:
            problem = f"{file}: {replies.problem}; its page has no film"
            return Reading(replies.result, {**NO_FILM, "note": _NO_FILM_NOTE}, b"", problem)
        return Reading(replies.result, replies.film, replies.card)

    def film(
        self,
        path: str | os.PathLike[str],
        folder: Path,
        *,
        options: Mapping[str, Any] = {},
        cancelled: threading.Event | None = None,
    ) -> tuple[dict[str, Any], bytes]:
        """`emonets.report.film.place_film`, but the clip is decoded in the contained process.

        Raises
        ------
        MediaError : the clip cannot be decoded. EmoNetsError : nothing can be written there.
        """
        source = Path(path)
        key, known = known_film(source, folder, options)
        if known is not None:
            return known
        replies = self._asked(source, str(source), None, folder, options, (), None, cancelled)
        if replies.film is None or replies.problem:
            raise MediaError(source, replies.problem or "no film of it was made")
        try:
            keep_film(folder, key, replies.film)
        except OSError as error:
            raise _cannot_write(folder, error) from None
        return replies.film, replies.card

    def _about_of(self, options: Options) -> dict[str, Any]:
        return dict(self._about)

    def _asked(
        self,
        path: Path,
        file: str,
        options: Options | None,
        folder: Path | None,
        shown: Mapping[str, Any] | None,
        crops: Sequence[Path],
        on_progress: OnProgress | None,
        cancelled: threading.Event | None,
    ) -> Replies:
        """Give a clip to the process, and take what comes of it."""
        if on_progress is not None and (self._process is None or not self._process.ready):
            on_progress(Progress("starting"))
        limits = (shown or {}).get("limits", Limits()) if options is None else options.limits
        alias = Path(file or ".")
        holding = held_for(path, str(alias), limits.max_bytes, crops)
        process = self._ready(cancelled)
        if process is None:
            raise Cancelled(f"{file}: was cancelled")
        request: dict[str, Any] = {
            "path": str(alias), "folders": holding.folders, "partial": None,
            "cpu_seconds": self.allowance.cpu_seconds,
            "clip": None if holding.clip is None else os.path.abspath(holding.clip),
            "predict": None if options is None else _options_content(options),
            "film": None if shown is None else _film_content(shown),
        }  # fmt: skip
        with ExitStack() as stack:
            partial = None
            try:
                descriptors = [] if process.by_path else holding.open_clip()
                for descriptor in descriptors:
                    stack.callback(os.close, descriptor)
            except OSError as error:
                raise MediaError(path, f"cannot be read ({error.strerror})") from error
            if folder is not None:
                try:
                    partial = stack.enter_context(unnamed_file(folder))
                    request["partial"] = os.path.abspath(partial)
                    if not process.by_path:
                        descriptors.append(os.open(partial, os.O_RDWR))
                        stack.callback(os.close, descriptors[-1])
                except OSError as error:
                    raise _cannot_write(folder, error) from None
            replies = Replies(str(alias), file, self.allowance, on_progress, folder)
            done = False
            try:
                self._read(process, request, descriptors, holding, replies, cancelled)
                done = replies.done
            finally:
                if not done or self._is_used_up(process):
                    self._end()
            if partial is not None and folder is not None and replies.film is not None:
                try:
                    replies.place(partial, folder, path)
                except OSError as error:
                    raise _cannot_write(folder, error) from None
        return replies

    def _is_used_up(self, process: Process) -> bool:
        return self._per_process is not None and process.clips >= self._per_process

    def _read(
        self,
        process: Process,
        request: dict[str, Any],
        descriptors: list[int],
        holding: Holding,
        replies: Replies,
        cancelled: threading.Event | None,
    ) -> None:
        process.begin()
        if self.allowance.cpu_seconds is not None:
            limit_processor(self.allowance.cpu_seconds, process.pid)
        began = time.monotonic()
        process.send({"kind": "read"}, json.dumps(request).encode(), descriptors)
        if self._is_used_up(process) and self._next is None:
            self._next = self._made()
        most = self.allowance.seconds or math.inf
        try:
            while not replies.done:
                if cancelled is not None and cancelled.is_set():
                    raise Cancelled(f"{replies.name}: was cancelled")
                if time.monotonic() - began > most:
                    replies.problem = f"took longer than {most:g} s; cut it, or allow more time"
                    return
                try:
                    head, body, _ = process.take(_EACH)
                except queue.Empty:
                    continue
                if head.get("kind") == "open":
                    _open(process, holding, head.get("number"))
                else:
                    replies.add(head, body)
        except EOFError:
            if not replies.problem:
                replies.end(process.why_ended())
        except BadMessage:
            replies.end("its process gave a reply that is none; re-encode it with a media tool")


def _open(process: Process, holding: Holding, number: Any) -> None:
    """Answer a process that needs one of the files of a folder."""
    try:
        descriptor = holding.open(number)
    except OSError as error:
        process.send({"errno": error.errno or 5, "text": error.strerror or "cannot be read"})
        return
    try:
        process.send({}, b"", [descriptor])
    finally:
        os.close(descriptor)


def _options_content(options: Options) -> dict[str, Any]:
    """Options as JSON has them."""
    crops = None if options.crops is None else os.fspath(options.crops)
    return {**asdict(options), "crops": crops}


def _film_content(shown: Mapping[str, Any]) -> dict[str, Any]:
    content = {key: value for key, value in shown.items() if key != "ways"}
    content["limits"] = asdict(shown.get("limits", Limits()))
    return content


def _renamed(error: MediaError, file: str) -> FileStatus:
    status = status_of(error)
    return FileStatus(file, status.status, status.message)


def _cannot_write(folder: Path, error: OSError) -> EmoNetsError:
    return EmoNetsError(
        f"{folder}: cannot be written ({error.strerror or error}); free space or choose another "
        "folder"
    )
