"""A labelled batch, scored. (A placeholder.)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emonets.app.finished import Clip


def evaluation(clips: Sequence[Clip]) -> dict[str, Any]:
    """What the page of a labelled batch shows."""
    return {"clips": [{"id": clip.id, "label": clip.label} for clip in clips]}
