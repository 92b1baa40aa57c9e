"""What is taken out of labelled clips for motion on faces: their tubes, in grey."""

from __future__ import annotations

import numpy as np

from emonets.contracts import Extractor, Features
from emonets.one_pass import TubeReader
from emonets.specialists.activity.pictures import grey
from emonets.tubes.registration import TUBE_SIZE
from emonets.tubes.tube import FaceTube


class GreyTubes:
    """Keeps the pictures of face tubes: ``crops`` (n, 96, 96) uint8, ``track``, ``index``,
    ``time`` (s).
    """

    def describe(self, tube: FaceTube) -> Features:
        """The pictures of a piece of a tube."""
        return {
            "crops": np.stack([grey(crop) for crop in tube.crops]),
            "track": np.full(len(tube.index), tube.track, np.int64),
            "index": np.asarray(tube.index, np.int64),
            "time": np.asarray(tube.times, np.float64),
        }

    def empty(self) -> Features:
        """No pictures."""
        return {
            "crops": np.empty((0, TUBE_SIZE, TUBE_SIZE), np.uint8),
            "track": np.empty(0, np.int64),
            "index": np.empty(0, np.int64),
            "time": np.empty(0),
        }


def tubes_extractor() -> Extractor:
    """Grey face tubes, one track after the other, as motion is followed in them."""
    return Extractor("tubes", open=_open)


def _open() -> TubeReader:
    return TubeReader(GreyTubes(), by_track=True)
