"""Faces that lie on their side or head: the note of a turned clip, and its turns from the note.

The note is all that a kept result has of it. Boxes of such a result are in pixels of the turned
pictures, so that whoever draws them must turn the pictures too.
"""

from __future__ import annotations

import re

_WAYS = {1: "their side", 2: "their head", 3: "their side"}
_NOTE = re.compile(
    r"the pictures are turned by (90|180|270) degrees clockwise before they are read"
)


def note_of(turns: int) -> str:
    """The note of a clip whose pictures are turned clockwise by 1, 2 or 3 quarters."""
    return (
        f"its faces lie on {_WAYS[turns]}: the pictures are turned by {turns * 90} degrees "
        "clockwise before they are read"
    )


def turns_in(message: str) -> int:
    """The clockwise quarter turns, 0..3, that the message of a file's status states.

    Examples
    --------
    >>> turns_in(note_of(3)), turns_in("")
    (3, 0)
    """
    found = _NOTE.search(message)
    return int(found[1]) // 90 if found else 0
