"""A reader for the tests of pages: results of all kinds, by the first word of a clip's content."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from made_report import no_face, no_voice, two_persons
from served import StubReader

import made_results
from emonets.contained import Cancelled, Progress, Reading
from emonets.emotions import EMOTIONS
from emonets.report.film import NO_FILM
from emonets.report.thumbnails import jpeg_of
from emonets.result import FileStatus, Result
from made_results import p_of

KINDS: dict[str, Callable[[str], Result]] = {
    "two": two_persons, "slow": two_persons, "damaged": two_persons, "noface": no_face,
    "novoice": no_voice, "long": made_results.film,
}  # fmt: skip


class MadeReader(StubReader):
    """Predicts ``two`` persons, ``noface``, an emotion such as ``happy`` …; others are no media.

    ``slow`` lasts until it is cancelled, or until `go` is set.
    """

    locked = "The process that reads clips can open no file, socket or process."

    def read(
        self, path: Path, options: Any, *, film: Path | None = None, name: str | None = None,
        on_progress: Any = None, cancelled: threading.Event | None = None, **_: Any,
    ) -> Reading:  # fmt: skip
        assert name is not None
        assert film is not None
        word = Path(path).read_bytes()[:40].decode("ascii", "replace").split(" ")[0]
        on_progress(Progress("starting"))
        on_progress(Progress("reading", 1.0, 4.0))
        while word == "slow" and not self.go.is_set():
            assert cancelled is not None
            if cancelled.wait(0.01):
                raise Cancelled(name)
        result = result_of(word, name)
        if not result.rows:
            return Reading(result)
        film.mkdir(parents=True, exist_ok=True)
        card = jpeg_of(np.full((90, 160, 3), 120, np.uint8))
        (film / "card.jpg").write_bytes(card)
        return Reading(result, dict(NO_FILM), card)


def result_of(word: str, name: str) -> Result:
    """A result of that kind."""
    if word in EMOTIONS:
        made = two_persons(name)
        return replace(made, rows=tuple(
            replace(row, probabilities=p_of(word)) if row.level == "clip" else row
            for row in made.rows
        ))  # fmt: skip
    if word not in KINDS:
        text = "is text, not media; give a video"
        return Result((), (FileStatus(name, "error", text),))
    made = KINDS[word](name)
    if word == "damaged":
        made = replace(made, files=(FileStatus(name, "damaged", "ends in the middle"),))
    return made


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
