"""Time left by cost, and a sign of life."""

from __future__ import annotations

import logging
import time

import pytest

from emonets.runtime.progress import TimeLeft, duration, heartbeat


def test_a_dear_kind_does_not_count_as_a_cheap_one() -> None:
    left = TimeLeft(["audio"] * 10 + ["activity"] * 10)
    for _ in range(9):
        left.done("audio", 6.0)
    assert left.seconds == pytest.approx(6.0)
    assert left.text() == "about 6 s left, and 10 activity"
    left.done("activity", 600.0)
    assert left.seconds == pytest.approx(6.0 + 9 * 600.0)
    assert left.text() == "about 1.5 h left"
    assert TimeLeft(["a", "a", "a"], workers=2).unknown == {"a": 3}


def test_workers_share_what_is_left() -> None:
    left = TimeLeft(["a"] * 5, workers=2)
    left.done("a", 10.0)
    assert left.seconds == pytest.approx(20.0)


def test_durations() -> None:
    assert [duration(s) for s in (3, 61, 5399, 9000)] == ["3 s", "1 min", "90 min", "2.5 h"]


def test_a_long_step_gives_a_sign_of_life(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "emonets"), heartbeat("fit of activity", every=0.01):
        time.sleep(0.1)
    assert "still at fit of activity, 0 s so far" in caplog.text
    count = len(caplog.records)
    time.sleep(0.05)
    assert len(caplog.records) == count
