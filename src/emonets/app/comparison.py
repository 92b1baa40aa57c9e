"""Clips beside each other. (A placeholder.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emonets.app.finished import Clip


def comparison(clips: Sequence[Clip]) -> dict[str, Any]:
    """What the page of comparisons shows."""
    return {"clips": [{"id": clip.id, "name": clip.name} for clip in clips]}
