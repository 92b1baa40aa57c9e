"""Arrays that grow: the same rows from memory and from a temporary file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emonets.errors import EmoNetsError
from emonets.runtime import spool as module
from emonets.runtime.spool import Spool


@given(st.lists(st.integers(0, 9), max_size=8), st.integers(1, 200))
def test_rows_come_back_however_they_were_pushed(sizes: list[int], most: int) -> None:
    rows = np.arange(sum(sizes) * 3, dtype=np.float32).reshape(-1, 3)
    spool = Spool(3, most=most)
    start = 0
    for size in sizes:
        spool.push(rows[start : start + size])
        start += size
    np.testing.assert_array_equal(spool.finish(), rows)


def test_what_is_large_lies_in_a_file() -> None:
    small, large = Spool(2), Spool(2, most=64)
    for spool in (small, large):
        spool.push(np.ones((100, 2)))
    assert not isinstance(small.finish(), np.memmap)
    assert isinstance(large.finish(), np.memmap)


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.tempfile, "TemporaryFile", full)
    with pytest.raises(EmoNetsError, match=r"No space left on device.*TMPDIR"):
        Spool(2, most=1).push(np.ones((9, 2)))
