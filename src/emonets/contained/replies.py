"""What a contained process sends for one clip, collected and checked."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emonets.contained.channel import BadMessage
from emonets.contained.checks import (
    CLIP_NAME,
    FILM_NAME,
    SMALL_NAME,
    checked_film,
    checked_picture,
    checked_result,
    is_number,
)
from emonets.contained.parts import Allowance, Progress
from emonets.errors import EmoNetsError, ParameterError
from emonets.report.film import CARD
from emonets.report.outputs import FolderOutputs
from emonets.result import Result

_STAGES = ("reading", "film")
_TEXT = 2000
_MOST_FILES = 2000


class Replies:
    """Takes messages one by one.

    Parameters
    ----------
    alias : as the process calls the clip. name : as messages call it here.
    on_progress : is told of the progress. folder : of the film.

    Attributes
    ----------
    done : whether the process is ready for the next clip.
    problem : why there is no result, or, where there is one, no film; else empty.
    """

    def __init__(
        self,
        alias: str,
        name: str,
        allowance: Allowance,
        on_progress: Callable[[Progress], None] | None,
        folder: Path | None,
    ) -> None:
        self.name, self.done, self.problem = name, False, ""
        self.result: Result | None = None
        self.film: dict[str, Any] | None = None
        self.card = b""
        self._alias, self._allowance, self._on_progress = alias, allowance, on_progress
        self._folder = folder
        self._files: dict[str, bytes] = {}
        self._made = self._clip = ""

    def add(self, head: dict[str, Any], body: bytes) -> None:
        """Take a message.

        Raises
        ------
        BadMessage : it is none that is expected.
        ParameterError, EmoNetsError : what the process raised; it is no matter of the clip.
        """
        kind, name = head.get("kind"), head.get("name")
        if kind == "progress":
            self._progress(head)
        elif kind == "result" and self.result is None:
            self.result = checked_result(body, self._alias, self.name)
        elif kind == "film":
            self.film = checked_film(body)
        elif kind == "card":
            self.card = checked_picture(CARD, body)
        elif kind == "file" and _is(SMALL_NAME, name) and len(self._files) < _MOST_FILES:
            self._files[str(name)] = checked_picture(str(name), body)
        elif kind == "made" and _is(FILM_NAME, name):
            self._made = str(name)
        elif kind == "clip" and _is(CLIP_NAME, name):
            self._clip = str(name)
        elif kind == "error":
            self._error(head)
        elif kind == "done":
            self.done = True
        else:
            raise BadMessage(f"of the kind {kind!r}")

    def _progress(self, head: dict[str, Any]) -> None:
        stage: Any = head.get("stage")
        done: Any = head.get("done")
        total: Any = head.get("total")
        if stage not in _STAGES or not is_number(done):
            raise BadMessage("no progress")
        if self._on_progress is not None:
            whole = float(total) if is_number(total) else math.nan
            self._on_progress(Progress(str(stage), float(done), whole))

    def _error(self, head: dict[str, Any]) -> None:
        what, text = head.get("what"), str(head.get("text"))[:_TEXT]
        if what == "memory":
            self.end("memory")
            raise EOFError  # what is left of its memory is of no use
        self.done = True
        if what == "parameter":
            raise ParameterError(text)
        if what == "write":
            raise EmoNetsError(f"{self._folder}: {text}")
        self.problem = text.removeprefix(f"{self._alias}: ") or "cannot be read"

    def end(self, why: str) -> None:
        """The process ended: of what it sent only a result counts."""
        allowance = self._allowance
        self.film = None
        if self.problem:
            return
        if why == "memory":
            why = (
                f"needs more memory than the {allowance.memory / 2**30:.3g} GiB that it may use; "
                "scale it down, or allow more"
            )
        elif why == "processor":
            why = (
                f"took more than {allowance.cpu_seconds:g} s of processor time; cut it, or allow "
                "more"
            )
        self.problem = why

    def place(self, partial: Path, folder: Path, clip: Path) -> None:
        """Put what the process made into a folder.

        Parameters
        ----------
        partial : the file into which the film was written.

        Raises
        ------
        OSError : it cannot be written. ParameterError : it would take the clip's place.
        """
        outputs = FolderOutputs(folder)
        for name in (*self._files, *filter(None, [self._made])):
            outputs.refuse(name, clip)
        for name, data in self._files.items():
            outputs.write(name, data)
        if self._made:
            os.replace(partial, folder / self._made)
        if self._clip:
            suffix = Path(self.name).suffix.lower()
            if self._clip != f"film{suffix}":
                raise ParameterError(f"{self.name}: has another ending than its film")
            outputs.use_clip(clip, self._clip)


def _is(pattern: Any, name: Any) -> bool:
    return isinstance(name, str) and pattern.fullmatch(name) is not None
