"""The side of a contained process that starts it, gives it clips, and ends it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from emonets.contained.parts import Allowance, Cancelled, Progress, Reading
from emonets.errors import MediaError
from emonets.inference.options import Options
from emonets.inference.rows import status_of
from emonets.media.turned import turns_in
from emonets.model import EmoNets
from emonets.report.film import NO_FILM, place_film
from emonets.result import Result
from emonets.version import DEFAULT_BUNDLE

OnProgress = Callable[[Progress], None]


class Contained:
    """Reads clips in a process of its own, one at a time. Call it from one thread.

    Parameters
    ----------
    bundle, device, models, fusion : of the model, as for `emonets.batch.predict_many`.
    allowance : what each clip may use.
    per_process : clips that one process reads. 1: a fresh process a clip, and the next one is
        prepared meanwhile. None: one process, until it ends.

    Examples
    --------
    >>> with Contained("modern") as contained:  # doctest: +SKIP
    ...     contained.read("film.mp4", Options()).result.files[0].status
    'ok'
    """

    def __init__(
        self,
        bundle: str = DEFAULT_BUNDLE,
        *,
        device: str = "cpu",
        models: str | Sequence[str] | None = None,
        fusion: str = "bundle",
        allowance: Allowance = Allowance(),
        per_process: int | None = None,
    ) -> None:
        self.allowance, self._per_process = allowance, per_process
        self._about = (bundle, device, models, fusion)
        self._model: EmoNets | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._model = None

    @property
    def locked(self) -> str:
        """What is in force here, a sentence."""
        return "the decoder is not locked yet"

    def read(
        self,
        path: str | Path,
        options: Options,
        *,
        film: Path | None = None,
        film_options: Mapping[str, Any] = {},
        name: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> Reading:
        """Read a clip.

        Parameters
        ----------
        path : of the clip. options : how it is read.
        film : folder into which what a page shows of the clip is put; None: nothing.
        film_options : of `emonets.report.proxy.make_proxy`, beside those of ``options``.
        name : how the result and its messages call the clip; None: its path.
        on_progress : called in this thread.
        cancelled : ends the reading when it is set.

        Returns
        -------
        The result. A clip that cannot be read has a result with the status ``error``.

        Raises
        ------
        Cancelled : the event was set.
        EmoNetsError : the film cannot be written where it is to be.
        ParameterError : the options do not fit the model.
        """
        bundle, device, models, fusion = self._about
        call = on_progress or (lambda _: None)
        if self._model is None:
            call(Progress("starting"))
            self._model = EmoNets.load(bundle, device=device)
            self._model = self._model.with_models(models).with_fusion(fusion)
        file = str(path) if name is None else name

        def on_frame(frame: Any) -> None:
            if cancelled is not None and cancelled.is_set():
                raise Cancelled(f"{file}: cancelled")
            call(Progress("reading", frame.time))

        try:
            result = self._model.predict_clip(
                Path(path), **options.keywords(), raise_errors=True, on_frame=on_frame
            )
        except MediaError as error:
            about = self._model.describe()
            return Reading(Result((), (replace(status_of(error), file=file),), about))
        result = _named(result, file)
        if film is None or not result.rows:
            return Reading(result)
        (status,) = result.files
        own = {
            "turns": turns_in(status.message), "always": status.status == "damaged",
            "limits": options.limits, "frame_rate": options.fps,
            "video_stream": options.video_stream, "audio_stream": options.audio_stream,
            **film_options,
        }  # fmt: skip
        call(Progress("film"))
        try:
            made, card = place_film(path, film, options=own)
        except MediaError as error:
            note = "The film cannot be read. Ribbons and values work."
            return Reading(result, {**NO_FILM, "note": note}, b"", str(error))
        return Reading(result, made, card)


def _named(result: Result, file: str) -> Result:
    return Result(
        tuple(replace(row, file=file) for row in result.rows),
        tuple(replace(status, file=file) for status in result.files),
        result.about,
        tuple(replace(person, file=file) for person in result.persons),
    )
