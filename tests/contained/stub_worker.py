"""A contained process for tests: a model that costs nothing, and clips that do harm by their name.

The real decoder reads the clip. Its name tells what happens then, as if the decoder did it.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from emonets.contained import worker
from emonets.errors import BundleError, MediaError
from emonets.inference.rows import status_of
from emonets.media.clip import open_clip
from emonets.media.limits import Limits
from emonets.result import FileStatus, Result, Row
from emonets.runtime.spool import Spool
from probes import Prober


class Stub:
    """Predicts the mean of the pictures."""

    about: ClassVar = {"bundle": "stub"}
    packages = ()

    def __init__(self):
        self._prober = Prober()  # before the lock

    def warm_up(self, example, limits):
        """Nothing."""

    def predict(self, path, content, teller):
        """The rows of a clip, or harm."""
        file = str(path)
        try:
            limits = Limits(**content["limits"])
            clip = open_clip(path, limits=limits, frame_rate=content["fps"])
            tell = teller(clip)
            mean = 0.0
            for frame in clip.frames():
                mean = float(frame.image.mean())
                tell(frame)
            message = self._harm(path.stem) or ""
        except MediaError as error:
            return Result((), (status_of(error, file),), self.about)
        row = Row(file, None, 0.0, mean, None, "audio", (1 / 7,) * 7, True)
        return Result((row,), (FileStatus(file, "ok", message),), self.about)

    def _harm(self, name):
        return {**HARM, "probes": self._probes}.get(name, str)()

    def _probes(self):
        return ",".join(self._prober.all()) or "none"


def spool():
    """Sound of a long clip goes into a temporary file."""
    made = Spool(1, np.uint8, most=0)
    for _ in range(64):
        made.push(np.ones(2**20, np.uint8))
    return str(made.finish().sum())


def spin():
    """Never ends."""
    while True:
        pass


def flood():
    """Asks, and takes no answer."""
    while True:
        CHANNEL[0].send({"kind": "open", "number": 0})


def late():
    """The copy of the clip for a page ends the encoder."""
    worker.film_of = lambda *_, **__: os.abort()


HARM = {
    "abort": os.abort,
    "segv": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(3),
    "hang": lambda: ctypes.PyDLL(None).sleep(600),  # no other thread runs meanwhile
    "memory": lambda: np.ones(2**33, np.uint8),
    "pid": lambda: str(os.getpid()),
    "spool": spool,
    "spin": spin,
    "flood": flood,
    "late": late,
}

CHANNEL = []


class Noted(worker.Channel):
    """The channel of this process."""

    def __init__(self, end):
        super().__init__(end)
        CHANNEL.append(self)


worker.Channel = Noted


def load(setup):
    """The stub, or the error of a bundle."""
    if "broken" in sys.argv:
        raise BundleError("the bundle is damaged")
    return Stub()


if __name__ == "__main__":
    if "lies" in sys.argv:
        worker._text = lambda result: b'{"schema": "emonets.result", "rows": 7}'
    sys.exit(worker.main(sys.argv[-2:], load))
