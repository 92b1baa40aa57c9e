"""One clock for pictures and sound: pauses are kept, joins and broken stamps are put right."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.media.stamps import Stamp
from emonets.media.timeline import MAX_AHEAD, Timeline

PICTURES, SOUND = 0, 1
BOTH = {PICTURES: "pictures", SOUND: "sound"}


def steady(stream: int, start: float, end: float, step: float = 0.04) -> list[Stamp]:
    count = round((end - start) / step)
    times = [start + step * i for i in range(count)]
    return [Stamp(stream, t, t, step, size=100) for t in times]


def merged(*runs: list[Stamp]) -> list[Stamp]:
    """In the order of time, as they lie in a file."""
    return sorted((s for run in runs for s in run), key=lambda s: s.due or 0.0)


class Result:
    """The times by stream, and what was warned of: kinds, numbers, times, broken or not."""

    def __init__(self, stamps: list[Stamp], streams: dict[int, str] = BOTH, **options: Any) -> None:
        self.warnings: list[tuple[str, str, float, bool]] = []
        line = Timeline(streams, warn=lambda *found: self.warnings.append(found), **options)
        self.order = list(line.follow(iter(stamps)))
        assert [id(s) for s in self.order] == [id(s) for s in stamps]

    def times(self, stream: int) -> list[float]:
        return [s.due + s.shift for s in self.order if s.stream == stream and s.due is not None]


@pytest.mark.parametrize("stated", [None, 1003.0])
@pytest.mark.parametrize("pause", [30.0, 599.0, 700.0, 1000.0])
def test_a_pause_of_both_is_kept(pause: float, stated: float | None) -> None:
    runs = [steady(s, a, a + 2) for s in BOTH for a in (0.0, pause)]
    result = Result(merged(*runs), stated=stated)
    assert result.warnings == []
    assert result.times(PICTURES)[50] == result.times(SOUND)[50] == pause


@pytest.mark.parametrize("paused", BOTH)
@pytest.mark.parametrize("stated", [None, 703.0])
def test_a_pause_of_one_is_kept_where_the_other_goes_on(paused: int, stated: float | None) -> None:
    other = 1 - paused
    runs = [steady(paused, 0, 2), steady(paused, 700, 702), steady(other, 0, 703, 0.5)]
    result = Result(merged(*runs), stated=stated)
    assert result.warnings == []
    assert result.times(paused)[50] == 700


@pytest.mark.parametrize("late", BOTH)
def test_a_late_start_is_kept(late: int) -> None:
    result = Result(merged(steady(late, 700, 702), steady(1 - late, 0, 703, 0.5)), stated=703.0)
    assert result.warnings == []
    assert result.times(late)[0] == 700


def test_pictures_each_700_seconds() -> None:
    slides = [Stamp(PICTURES, 700.0 * i, 700.0 * i, 0.04, size=10) for i in range(4)]
    result = Result(slides, {PICTURES: "pictures"}, stated=2100.04)
    assert result.warnings == []
    assert result.times(PICTURES) == [0, 700, 1400, 2100]


def test_without_any_evidence_a_large_step_is_closed_and_warned_of() -> None:
    stamps = steady(PICTURES, 0, 2) + steady(PICTURES, 5000, 5002)
    result = Result(stamps, {PICTURES: "pictures"})
    ((kind, numbers, at, broken),) = result.warnings
    assert kind == "a time stamp is broken and was not followed"
    assert numbers == "it goes from 1.96 to 5000.00 s"
    assert at == pytest.approx(2)
    assert broken
    assert result.times(PICTURES) == pytest.approx([0.04 * i for i in range(100)])


def test_a_step_behind_the_stated_end_is_broken_for_both() -> None:
    runs = [steady(s, a, a + 2) for s in BOTH for a in (0.0, 5000.0)]
    result = Result(merged(*runs), stated=4.0)
    assert [broken for *_, broken in result.warnings] == [True]
    for stream in BOTH:
        assert result.times(stream) == pytest.approx([0.04 * i for i in range(100)])


@pytest.mark.parametrize("broken", BOTH)
@pytest.mark.parametrize("by", [5000.0, 30.0, -4.0])
def test_a_broken_stamp_of_one_stream(broken: int, by: float) -> None:
    stamps = merged(steady(0, 0, 20), steady(1, 0, 20))
    for stamp in stamps:
        if stamp.stream == broken and stamp.due is not None and stamp.due >= 10:
            stamp.due += by
            stamp.shown = stamp.due
    result = Result(stamps, stated=20.0 + max(by, 0.0))
    ((kind, numbers, _, damage),) = result.warnings
    assert BOTH[broken] in kind
    assert f"from 9.96 to {10 + by:.2f} s" in numbers
    assert damage
    for stream in BOTH:
        assert result.times(stream) == pytest.approx([0.04 * i for i in range(500)])


def test_a_broken_stamp_in_a_file_that_is_in_order_of_time() -> None:
    # a muxer puts all of the sound before pictures that claim to come later
    stamps = merged(steady(0, 0, 10), steady(0, 5010, 5020), steady(1, 0, 20))
    result = Result(stamps, stated=5020.0, about=5020.0)
    assert [damage for *_, damage in result.warnings] == [True]
    assert result.times(PICTURES) == pytest.approx([0.04 * i for i in range(500)])


def test_single_broken_stamps_do_not_move_what_follows() -> None:
    stamps = steady(PICTURES, 0, 4)
    for stamp in stamps[20:22]:
        stamp.due = stamp.shown = 1e7
    result = Result(stamps, {PICTURES: "pictures"})
    times = result.times(PICTURES)
    assert times[:20] + times[22:] == pytest.approx(
        [0.04 * i for i in range(100) if i not in (20, 21)]
    )
    assert result.warnings


@pytest.mark.parametrize("starts", [(0.0, 0.0, 0.0), (50.0, 0.0, 300.0)])
def test_joined_files_stay_in_step(starts: tuple[float, ...]) -> None:
    stamps: list[Stamp] = []
    for start in starts:
        stamps += merged(steady(0, start, start + 2), steady(1, start, start + 1.2))
    for stamp in stamps:
        if stamp.due is not None:
            stamp.due = stamp.shown = stamp.due - starts[0]
    result = Result(stamps, wrap=95_443.7, spliced=lambda _a, _b: True)
    assert len(result.warnings) == 2
    assert not any(broken for *_, broken in result.warnings)
    assert result.times(PICTURES) == pytest.approx([0.04 * i for i in range(150)])
    assert result.times(SOUND)[30::30] == pytest.approx([2, 4])


def test_a_pause_in_a_transport_stream_is_no_join() -> None:
    runs = [steady(s, a, a + 2) for s in BOTH for a in (0.0, 700.0)]
    result = Result(merged(*runs), wrap=95_443.7, spliced=lambda _a, _b: False)
    assert result.warnings == []
    assert result.times(SOUND)[50] == 700


def test_a_clock_that_starts_at_0_again() -> None:
    wrap = 2**33 / 90_000
    stamps = merged(steady(0, 0, 4), steady(1, 0, 4))
    for stamp in stamps:
        assert stamp.due is not None
        if stamp.due >= 2:
            stamp.due -= wrap
            stamp.shown = stamp.due
    result = Result(stamps, wrap=wrap)
    assert result.warnings == []
    for stream in BOTH:
        assert result.times(stream) == pytest.approx([0.04 * i for i in range(100)])


def test_packets_ahead_are_bounded() -> None:
    read = 0

    def source() -> Any:
        nonlocal read
        for stamp in steady(0, 0, 2) + steady(0, 5000, 5400):
            read += 1
            yield stamp

    line = Timeline(BOTH).follow(source())
    for _ in range(51):
        next(line)
    assert read <= 51 + MAX_AHEAD


stamps_of_any_kind = st.builds(
    lambda stream, due, late, duration: Stamp(
        stream, due, None if due is None else due + late, duration, size=1
    ),
    st.sampled_from([0, 1]),
    st.none() | st.floats(-1e6, 1e6) | st.floats(0, 5),
    st.floats(0, 1),
    st.floats(0, 10),
)


@given(st.lists(stamps_of_any_kind, max_size=40), st.sampled_from([None, 10.0, 95_443.7]))
@settings(max_examples=150, deadline=None)
def test_whatever_the_stamps_time_does_not_go_far_back(
    stamps: list[Stamp], wrap: float | None
) -> None:
    result = Result(stamps, wrap=wrap)
    for stream in BOTH:
        for before, after in pairwise(result.times(stream)):
            assert after > before - 10.0
