"""A stand-in for `emonets.contained` until it is there: predicts in this process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonets.inference.options import Options
from emonets.result import Result


@dataclass(frozen=True)
class Progress:
    stage: str
    done: float
    total: float


@dataclass(frozen=True)
class Reading:
    result: Result
    film: dict[str, Any] | None
    card: bytes


class Cancelled(Exception):
    pass


class InProcess:
    locked = "nothing is locked yet"

    def __init__(self, bundle: str, *, device: str = "cpu", models: Any = None) -> None:
        self.bundle, self.device, self.models, self._model = bundle, device, models, None

    def read(
        self, path: Path, options: Options, *, film: Path | None = None,
        film_options: Mapping[str, Any] = {}, name: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> Reading:  # fmt: skip
        from dataclasses import replace

        from emonets.media.turned import turns_in
        from emonets.model import EmoNets
        from emonets.report.film import place_film

        def tell(stage: str, at: float, total: float = float("nan")) -> None:
            if cancelled is not None and cancelled.is_set():
                raise Cancelled
            if on_progress is not None:
                on_progress(Progress(stage, at, total))

        tell("starting", 0)
        if self._model is None:
            self._model = EmoNets.load(self.bundle, device=self.device).with_models(self.models)
        result = self._model.predict_clip(
            path, **options.keywords(), on_frame=lambda f: tell("reading", f.time)
        )
        made, card = None, b""
        if result.rows and film is not None:
            tell("film", 0)
            own = {"turns": turns_in(result.files[0].message), **film_options}
            made, card = place_film(path, film, options=own)
        called = name or str(path)
        return Reading(
            Result(
                tuple(replace(row, file=called) for row in result.rows),
                tuple(replace(s, file=called, message=s.message) for s in result.files),
                result.about,
                tuple(replace(p, file=called) for p in result.persons),
            ),
            made,
            card,
        )

    def close(self) -> None:
        pass
