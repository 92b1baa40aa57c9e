"""EmoNets: which of seven emotions the people in a video show.

>>> import emonets
>>> result = emonets.load().predict("clip.mp4")  # doctest: +SKIP
>>> result.to_pandas()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emonets.emotions import EMOTIONS
from emonets.errors import EmoNetsError, MediaError
from emonets.version import __version__

if TYPE_CHECKING:
    from emonets.live import Session, stream
    from emonets.model import EmoNets, load
    from emonets.result import Result
    from emonets.training.estimator import EmoNetsClassifier

__all__ = [
    "EMOTIONS",
    "EmoNets",
    "EmoNetsClassifier",
    "EmoNetsError",
    "MediaError",
    "Result",
    "Session",
    "__version__",
    "load",
    "stream",
]


def __getattr__(name: str) -> object:
    """The model and what it needs (OpenCV, FFmpeg, scikit-learn …) are imported on first use."""
    if name in ("EmoNets", "load"):
        from emonets import model

        return getattr(model, name)
    if name in ("Session", "stream"):
        from emonets import live

        return getattr(live, name)
    if name == "Result":
        from emonets.result import Result

        return Result
    if name == "EmoNetsClassifier":
        from emonets.training.estimator import EmoNetsClassifier

        return EmoNetsClassifier
    raise AttributeError(f"module 'emonets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
