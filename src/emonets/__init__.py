"""EmoNets: which of seven emotions the people in a video show.

>>> import emonets
>>> result = emonets.predict("clip.mp4")  # doctest: +SKIP
>>> result.to_pandas()  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from emonets.emotions import EMOTIONS
from emonets.errors import EmoNetsError, MediaError
from emonets.version import __version__

if TYPE_CHECKING:
    from emonets.inference.look import Face
    from emonets.live import stream
    from emonets.model import EmoNets, load, look, predict
    from emonets.result import Result
    from emonets.session import Session
    from emonets.training.clip_embeddings import ClipEmbeddings
    from emonets.training.estimator import EmoNetsClassifier

__all__ = [
    "EMOTIONS",
    "ClipEmbeddings",
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
    "predict",
    "stream",
]


_WHERE = {
    "ClipEmbeddings": "emonets.training.clip_embeddings",
    "EmoNets": "emonets.model",
    "EmoNetsClassifier": "emonets.training.estimator",
    "Face": "emonets.inference.look",
    "Result": "emonets.result",
    "Session": "emonets.session",
    "load": "emonets.model",
    "look": "emonets.model",
    "predict": "emonets.model",
    "stream": "emonets.live",
}


def __getattr__(name: str) -> object:
    """The model and what it needs (OpenCV, FFmpeg, scikit-learn …) are imported on first use."""
    if name not in _WHERE:
        raise AttributeError(f"module 'emonets' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
