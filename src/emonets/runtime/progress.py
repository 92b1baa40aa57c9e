"""Progress of long work: a callback, time left by cost, and a regular log line.

Messages go to ``logging.getLogger("emonets")``; nothing is printed here.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

OnProgress = Callable[[str, int, int], None]
"""Called with the stage, how many steps of it are done, and of how many."""

log = logging.getLogger("emonets.progress")


def no_progress(stage: str, done: int, total: int) -> None:
    """An `OnProgress` that does nothing."""


class TimeLeft:
    """Estimates what is left of tasks whose kinds differ in cost.

    A task of a kind counts as the mean of those of its kind that are done. A mean over all tasks
    would be wrong by far: one fit of activity takes as long as a hundred of audio.

    Parameters
    ----------
    kinds : the kind of each task that is to be done.
    workers : tasks at the same time.

    Examples
    --------
    >>> left = TimeLeft(["audio", "audio", "activity"])
    >>> left.done("audio", 60.0)
    >>> left.text()
    'about 1 min left, and 1 activity'
    """

    def __init__(self, kinds: Iterable[str], *, workers: int = 1) -> None:
        self._todo = Counter(kinds)
        self._spent: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}
        self._workers = max(workers, 1)

    def done(self, kind: str, seconds: float) -> None:
        """A task of a kind is done and took that long."""
        self._todo[kind] -= 1
        self._spent[kind] += 1
        self._seconds[kind] = self._seconds.get(kind, 0.0) + seconds

    @property
    def seconds(self) -> float:
        """Left for the kinds of which a task is done."""
        known = (k for k in self._todo if self._spent[k])
        total = sum(self._todo[k] * self._seconds[k] / self._spent[k] for k in known)
        return total / self._workers

    @property
    def unknown(self) -> dict[str, int]:
        """Tasks left of kinds of which none is done, by kind."""
        return {k: n for k, n in self._todo.items() if n > 0 and not self._spent[k]}

    def text(self) -> str:
        """What is left, as a text."""
        out = f"about {duration(self.seconds)} left"
        rest = ", ".join(f"{n} {kind}" for kind, n in self.unknown.items())
        return f"{out}, and {rest}" if rest else out


def duration(seconds: float) -> str:
    """Seconds as a text: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


@contextmanager
def heartbeat(what: str, *, every: float = 60.0) -> Iterator[None]:
    """Log a line from time to time while a long step runs.

    Parameters
    ----------
    what : the step. every : seconds between two lines.
    """
    stop, began = threading.Event(), time.monotonic()

    def beat() -> None:
        while not stop.wait(every):
            log.info("still at %s, %s so far", what, duration(time.monotonic() - began))

    thread = threading.Thread(target=beat, name="emonets-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


@contextmanager
def quiet_details() -> Iterator[None]:
    """Hold back what single specialists log, such as epochs, while many models are trained."""
    details = logging.getLogger("emonets.specialists")
    before = details.level
    details.setLevel(logging.WARNING)
    try:
        yield
    finally:
        details.setLevel(before)
