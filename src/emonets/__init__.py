"""EmoNets: which of seven emotions the people in a video show.

>>> import emonets
>>> result = emonets.load().predict("clip.mp4")  # doctest: +SKIP
>>> result.to_pandas()  # doctest: +SKIP
"""

from __future__ import annotations

from emonets.emotions import EMOTIONS

__version__ = "0.1.0"

from emonets.errors import EmoNetsError, MediaError
from emonets.model import EmoNets, load
from emonets.result import Result

__all__ = [
    "EMOTIONS",
    "EmoNets",
    "EmoNetsError",
    "MediaError",
    "Result",
    "__version__",
    "load",
]
