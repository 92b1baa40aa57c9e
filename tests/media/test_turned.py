"""The note of a turned clip, and its turns from the note."""

from __future__ import annotations

import pytest

from emonets.media.turned import note_of, turns_in


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_note_is_read_back(turns: int) -> None:
    assert turns_in(f"a first note; {note_of(turns)}; another") == turns


def test_other_notes_turn_nothing() -> None:
    assert turns_in("") == 0
    assert turns_in("its faces lie on their side in some pictures only") == 0
