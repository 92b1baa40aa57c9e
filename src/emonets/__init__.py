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
    from emonets.inference.look import Face
    from emonets.live import stream
    from emonets.model import EmoNets, load, look
    from emonets.result import Result
    from emonets.session import Session
    from emonets.training.estimator import EmoNetsClassifier

__all__ = [
    "EMOTIONS",
    "EmoNets",
    "EmoNetsClassifier",
    "EmoNetsError",
    "Face",
    "MediaError",
    "Result",
    "Session",
    "__version__",
    "load",
    "look",
    "stream",
]


def __getattr__(name: str) -> object:
    """The model and what it needs (OpenCV, FFmpeg, scikit-learn …) are imported on first use."""
    if name in ("EmoNets", "load", "look"):
        from emonets import model

        return getattr(model, name)
    if name == "Session":
        from emonets.session import Session

        return Session
    if name == "stream":
        from emonets.live import stream

        return stream
    if name == "Face":
        from emonets.inference.look import Face

        return Face
    if name == "Result":
        from emonets.result import Result

        return Result
    if name == "EmoNetsClassifier":
        from emonets.training.estimator import EmoNetsClassifier

        return EmoNetsClassifier
    raise AttributeError(f"module 'emonets' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
