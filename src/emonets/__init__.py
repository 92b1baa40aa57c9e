"""EmoNets: which of seven emotions the people in a video show."""

from __future__ import annotations

from emonets.emotions import EMOTIONS

__version__ = "0.1.0"

__all__ = ["EMOTIONS", "__version__"]
