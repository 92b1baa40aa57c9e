"""The contained process: loads a model, locks itself in, and reads the clips that it is given.

It is started by `emonets.contained.parent`, and ends when that does.
"""

from __future__ import annotations

import json
import math
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from emonets.contained.channel import Channel, PipeEnd, SocketEnd
from emonets.contained.sent import SentOutputs
from emonets.contained.warm import late_imports, scratch_files, warm_up
from emonets.errors import EmoNetsError, MediaError, ParameterError
from emonets.media.clip import Clip
from emonets.media.held import hold_file, hold_folder, only_held, release
from emonets.media.limits import Limits
from emonets.media.parts import Frame
from emonets.media.turned import turns_in
from emonets.report.film import film_of
from emonets.result import FileStatus, Result
from emonets.result_json import text_of
from emonets.runtime.ending import end_with_parent
from emonets.runtime.lock import Locked, limit_processor, lock_process
from emonets.runtime.scratch import use_only

if TYPE_CHECKING:
    from emonets.contained.predicting import Predicts

_EACH = 0.1
"""Seconds from one message of progress to the next."""
_SHORT_OF_MEMORY = re.compile(r"annot allocate memory|bad_alloc|nsufficient memory|MemoryError")
"""What libraries return where memory is short: no damage of the clip."""
_MOST = 2**26
"""Bytes of a request."""

Load = Callable[[Mapping[str, Any]], "Predicts | None"]


def load_model(setup: Mapping[str, Any]) -> Predicts | None:
    """The model of a request; None where only films are made."""
    if setup["bundle"] is None:
        return None
    from emonets.contained.predicting import Predictor

    return Predictor(setup)


def main(arguments: list[str], load: Load = load_model) -> int:
    """Run the process.

    Parameters
    ----------
    arguments : number of the parent, and the descriptor of a socket (or ``-``: pipes).
    """
    parent, place = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the parent who ends it
    if place == "-":
        channel = Channel(PipeEnd(0, os.dup(1)))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    else:
        channel = Channel(SocketEnd(socket.socket(fileno=int(place)), takes=True))
    end_with_parent(int(parent), None if place == "-" else 0)
    try:
        _, content, _ = channel.receive(_MOST)
        setup = json.loads(content)
        by_path = place == "-"
        started = _started(channel, setup, load, by_path=by_path)
        if started is not None:
            _serve(_Worker(channel, *started, by_path=by_path))
    except (EOFError, OSError):  # the parent has gone
        return 0
    return 0


def _started(
    channel: Channel, setup: Mapping[str, Any], load: Load, *, by_path: bool
) -> tuple[Predicts | None, list[IO[bytes]]] | None:
    """The model and temporary files, behind the lock; None where something is wrong."""
    try:
        model = load(setup)
        about = {} if model is None else model.about
        warm_up(model, run=setup["warm"])
        files = scratch_files()
    except EmoNetsError as error:
        channel.send({"kind": "failed", "what": type(error).__name__, "text": str(error)})
        return None
    if setup["device"] != "cpu":
        locked = Locked(missing=("a graphics processor cannot be used from behind the lock",))
    elif by_path and sys.platform != "win32":
        locked = Locked(missing=("it opens files by their path",))
    else:
        locked = lock_process(memory=setup["memory"], scratch=setup["scratch"])
    if locked.calls or locked.landlock:
        only_held()
    else:
        files = []
    late_imports()
    channel.send(
        {"kind": "ready", "locked": locked.sentence, "calls": locked.calls},
        _text(Result((), (), about)),
    )
    return model, files


def _serve(worker: _Worker) -> None:
    while True:
        _, content, descriptors = worker.channel.receive(_MOST)
        try:
            last = worker.answer(json.loads(content), descriptors)
        finally:
            release()
            for descriptor in descriptors:
                os.close(descriptor)
        worker.channel.send(last)  # Windows renames no file that is open


class _Worker:
    """Answers requests.

    Parameters
    ----------
    scratch : the temporary files that there are; none: they can be made.
    by_path : whether files are opened by their path: descriptors cannot be sent.
    """

    def __init__(
        self,
        channel: Channel,
        model: Predicts | None,
        scratch: Sequence[IO[bytes]] = (),
        *,
        by_path: bool,
    ) -> None:
        self._scratch = scratch
        self.channel, self._model, self._by_path = channel, model, by_path
        self._asking = threading.Lock()
        self._sent, self._seconds = 0.0, math.nan

    def answer(self, request: Mapping[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Read the clip of a request, and send what came of it; returns the last message."""
        late_imports().clear()
        self._seconds = math.nan
        if self._scratch:
            use_only(map(_emptied, self._scratch))
        if request["cpu_seconds"] is not None and sys.platform != "linux":
            limit_processor(request["cpu_seconds"])  # on Linux the parent does
        path = Path(request["path"])
        self._hold(request, descriptors)
        try:
            status = FileStatus(str(path), "ok")
            if request["predict"] is not None:
                result = self._predict(path, request["predict"])
                if _SHORT_OF_MEMORY.search(result.files[0].message):
                    raise MemoryError
                self.channel.send({"kind": "result"}, _text(result))
                status = result.files[0] if result.rows else replace(status, status="error")
            if request["film"] is not None and status.status != "error":
                self._film(path, request, status, descriptors)
        except MemoryError:
            return {"kind": "error", "what": "memory", "text": ""}
        except EmoNetsError as error:
            what = {MediaError: "media", ParameterError: "parameter"}.get(type(error), "write")
            return {"kind": "error", "what": what, "text": str(error)}
        return {"kind": "done", "late": late_imports()}

    def _hold(self, request: Mapping[str, Any], descriptors: list[int]) -> None:
        for name, files in request["folders"].items():
            hold_folder(Path(name), [(own, self._opener(i, real)) for own, i, real in files])
        if request["clip"] is not None:
            real = request["clip"] if self._by_path else None
            if real is not None:
                hold_file(Path(request["path"]), lambda: os.open(real, _READING))
            else:
                hold_file(Path(request["path"]), lambda: os.dup(descriptors[0]))

    def _opener(self, number: int, real: str) -> Callable[[], int]:
        if self._by_path:
            return lambda: os.open(real, _READING)

        def ask() -> int:
            with self._asking:
                self.channel.send({"kind": "open", "number": number})
                answer, _, descriptors = self.channel.receive(0)
            if not descriptors:
                raise OSError(answer["errno"], answer["text"])
            return descriptors[0]

        return ask

    def _predict(self, path: Path, content: Mapping[str, Any]) -> Result:
        if self._model is None:
            raise ParameterError("this process has no model")

        def teller(clip: Clip) -> Callable[[Frame | None], None]:
            self._seconds = clip.info.duration
            return self._teller("reading", self._seconds)

        return self._model.predict(path, content, teller)

    def _film(
        self, path: Path, request: Mapping[str, Any], status: FileStatus, descriptors: list[int]
    ) -> None:
        options = dict(request["film"])
        options["limits"] = Limits(**options["limits"])
        if request["predict"] is not None:
            # the boxes are those of the pictures as they were turned for the prediction
            options.setdefault("turns", turns_in(status.message))
            options.setdefault("always", status.status == "damaged")
        if self._by_path:
            descriptors.append(os.open(request["partial"], os.O_RDWR | getattr(os, "O_BINARY", 0)))
        outputs = SentOutputs(self.channel, descriptors[-1])
        tell = self._teller("film", self._seconds)
        tell(None)
        try:
            film, card = film_of(path, outputs, options, on_frame=tell)
        except OSError as error:
            raise EmoNetsError(f"cannot be written ({error.strerror or error})") from None
        except (EmoNetsError, MemoryError):
            raise
        except Exception as error:  # the numbers are there, and the page works without
            raise MediaError(path, f"unexpected: {error!r}") from None
        self.channel.send({"kind": "film"}, _json(film))
        self.channel.send({"kind": "card"}, card)

    def _teller(self, stage: str, total: float) -> Callable[[Frame | None], None]:
        known = total if math.isfinite(total) else None

        def tell(frame: Frame | None) -> None:
            now = time.monotonic()
            if frame is None or now - self._sent >= _EACH:
                self._sent = now
                done = 0.0 if frame is None else frame.time
                self.channel.send(
                    {"kind": "progress", "stage": stage, "done": done, "total": known}
                )

        return tell


_READING = os.O_RDONLY | getattr(os, "O_BINARY", 0)


def _emptied(file: IO[bytes]) -> IO[bytes]:
    """The same temporary file anew, which may be closed."""
    os.ftruncate(file.fileno(), 0)
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    return os.fdopen(os.dup(file.fileno()), "w+b")


def _text(result: Result) -> bytes:
    """The result as JSON, its boxes and times with all of their digits."""
    content = json.loads(text_of(result))
    for own, person in zip(content["persons"], result.persons, strict=True):
        own["times"], own["boxes"] = person.times.tolist(), person.boxes.tolist()
    return _json(content)


def _json(value: Any) -> bytes:
    return json.dumps(value, allow_nan=False).encode()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
