"""The ``tubes`` table of a preset: how faces are followed (paper 3.1.3).

A preset may write these numbers down and cannot change them: a bundle does not store how its tubes
were built, so every prediction and every training must build them alike. Programs that build tubes
of their own change :class:`emonets.tubes.tube.TubeOptions`.
"""

from __future__ import annotations

from dataclasses import dataclass

from emonets.runtime.settings import setting
from emonets.tubes.tube import TubeOptions

_OPTIONS = TubeOptions()
_WHY = "a bundle does not store how its tubes were built, so all of EmoNets builds them alike"


@dataclass(frozen=True, kw_only=True)
class TubeSettings:
    """``[tubes]``: the moving averages of boxes, when sides follow a line, the side of a crop."""

    window: int = setting(_OPTIONS.window, section="3.1.3", fixed=_WHY)
    scale_threshold: float = setting(_OPTIONS.scale_threshold, section="3.1.3", fixed=_WHY)
    crop_size: int = setting(_OPTIONS.crop_size, section="3.4", fixed=_WHY)
