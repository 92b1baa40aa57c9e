"""Flashes and bleeps of made files are found where they were put."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from emonets.media.clip import Frame, GapFiller, SoundChunk, open_clip
from emonets.media.parts import MARGIN
from emonets.media.piece import open_piece
from emonets.media.transport import is_spliced
from emonets.one_pass import Pictures
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.reader import SoundReader
from flashes import WRAP, Plan, error_of, joined, made, read_plan, steady, write_plan

T = TypeVar("T")
CLOSE = 0.02
"""Seconds within which a flash or a bleep is found."""


class Drawn:
    """Choices of hypothesis."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def number(self, low: float, high: float) -> float:
        return self._data.draw(st.floats(low, high))

    def choice(self, of: Sequence[T]) -> T:
        return self._data.draw(st.sampled_from(of))


@given(st.data())
@settings(max_examples=20, deadline=None, derandomize=True, phases=[Phase.generate])
def test_all_is_found_where_it_was_put(data: st.DataObject) -> None:
    with TemporaryDirectory() as folder:
        kind, path, plan = made(Drawn(data), Path(folder))
        clip = open_clip(path)
        found = read_plan(clip)
    assert error_of(found, plan) <= CLOSE
    assert not clip.damaged
    assert bool(clip.warnings) == (kind == "joined.ts")


START = Plan(steady(0, 1), (0.2,), ((0, 1),), (0.5,))


def with_part(pictures: float, sound: float, first: Plan = START) -> Plan:
    """A part of one second that begins so late."""
    return Plan(
        first.frames + steady(pictures, pictures + 1), (*first.flashes, pictures + 0.4),
        (*first.sound, (sound, sound + 1)), (*first.bleeps, sound + 0.6),
    )  # fmt: skip


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "webm", "ts", "flv"])
@pytest.mark.parametrize(
    "plan",
    [
        with_part(700, 700),
        with_part(9000, 9000),
        with_part(1500, 1500, with_part(700, 701)),
        Plan(steady(700, 701), (700.4,), (*START.sound, (700, 701)), (0.5, 700.2)),
        Plan(steady(0, 1) + steady(700, 701), (0.4, 700.4), ((700, 701),), (700.2,)),
    ],
    ids=["pause", "longer pause", "two pauses", "late pictures", "late sound"],
)
def test_pauses_above_600_seconds(tmp_path: Path, suffix: str, plan: Plan) -> None:
    clip = open_clip(write_plan(tmp_path / f"a.{suffix}", plan))
    assert error_of(read_plan(clip), plan) <= CLOSE
    assert clip.warnings == []


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts"])
def test_a_picture_each_300_seconds(tmp_path: Path, suffix: str) -> None:
    plan = Plan((0.0, 300.0, 600.0, 900.0), (300.0,))
    found = read_plan(open_clip(write_plan(tmp_path / f"a.{suffix}", plan)))
    assert found.frames == pytest.approx(plan.frames)
    assert found.warnings == []


def test_pictures_that_begin_behind_all_that_is_probed(tmp_path: Path) -> None:
    # FLV does not list its streams, and FFmpeg looks for them in 5 MB
    plan = Plan(steady(300, 301), (300.4,), ((0, 301),), (0.5, 300.6))
    path = write_plan(tmp_path / "a.flv", plan)
    assert path.stat().st_size > 5_000_000
    assert error_of(read_plan(open_clip(path)), plan) <= CLOSE


@pytest.mark.parametrize("ahead", [WRAP / 90_000 - 2, WRAP / 90_000 - 40])
def test_the_clock_of_a_transport_stream_starts_at_0_again(tmp_path: Path, ahead: float) -> None:
    plan = with_part(60, 60)
    clip = open_clip(write_plan(tmp_path / "a.ts", plan, ahead=ahead))
    assert error_of(read_plan(clip), plan) <= CLOSE
    assert clip.warnings == []


PART = Plan(steady(0, 2), (0.04, 1.2), ((0, 1.9),), (0.04, 1.2))


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
@pytest.mark.parametrize("clocks", [(0, 0, 0), (500, 0, 40)])
def test_joined_files(tmp_path: Path, suffix: str, clocks: tuple[float, ...]) -> None:
    if suffix == "mpg":
        clocks = (clocks[0], 0, 0)  # FFmpeg makes the first times behind a leap up
    files = [write_plan(tmp_path / f"{i}.{suffix}", PART, ahead=c) for i, c in enumerate(clocks)]
    clip = open_clip(joined(tmp_path / f"joined.{suffix}", files))
    found = read_plan(clip)
    parts = [PART.later(2.0 * i) for i in range(3)]
    whole = Plan(
        sum((p.frames for p in parts), ()), sum((p.flashes for p in parts), ()), (),
        sum((p.bleeps for p in parts), ()),
    )  # fmt: skip
    assert error_of(found, whole) <= CLOSE
    assert len(found.frames) == 150
    assert not clip.damaged
    (warning,) = clip.warnings
    assert warning.startswith("2 times: the clock of the file starts anew")
    assert "the clip goes on at" in warning
    # one stream alone is read on the same clock
    alone = list(open_clip(tmp_path / f"joined.{suffix}").sound())
    chunks = [c for c in clip.decode() if isinstance(c, SoundChunk)]
    assert alone[-1].end == pytest.approx(chunks[-1].end)


def test_the_bytes_of_a_joint(tmp_path: Path) -> None:
    one = write_plan(tmp_path / "a.ts", PART)
    size = one.stat().st_size
    both = joined(tmp_path / "b.ts", [one, write_plan(tmp_path / "c.ts", PART, ahead=700)])
    assert is_spliced(both, "mpegts", size - 188, size + 188) is True
    assert is_spliced(one, "mpegts", 188, size - 188) is False
    assert is_spliced(one, "mpegts", None, 0) is None
    assert is_spliced(one, "matroska,webm", 0, size) is None
    text = tmp_path / "text"
    text.write_bytes(b"no packets" * 100)
    assert is_spliced(text, "mpegts", 0, 500) is None


class Broken:
    """Moves the time stamps of one stream from a time on."""

    def __init__(self, kind: str, after: float, by: float) -> None:
        self.kind, self.after, self.by = kind, after, by

    def __call__(self, packet: Any) -> None:
        if packet.stream.type == self.kind and packet.dts * packet.time_base >= self.after:
            packet.pts += round(self.by / packet.time_base)
            packet.dts += round(self.by / packet.time_base)


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts", "flv"])
@pytest.mark.parametrize("kind", ["video", "audio"])
@pytest.mark.parametrize("in_order", [False, True])
def test_broken_time_stamps_of_one_stream(
    tmp_path: Path, suffix: str, kind: str, in_order: bool
) -> None:
    plan = Plan(steady(0, 10), (0.4, 6.0, 9.0), ((0, 10),), (0.4, 6.0, 9.0))
    # without the option the muxer puts the packets in the order of their broken stamps
    options = {} if in_order else {"max_interleave_delta": "1"}
    change = Broken(kind, 5.0, 5000.0)
    path = write_plan(tmp_path / f"a.{suffix}", plan, change=change, options=options)
    clip = open_clip(path)
    assert error_of(read_plan(clip), plan) <= CLOSE
    assert clip.damaged
    (warning,) = clip.warnings
    assert ("pictures" if kind == "video" else "sound") in warning
    assert "is broken and was not followed (it goes from" in warning
    # a part that could be entered by the file's index has the same times
    part = open_piece(path, 8.0, 9.5)
    flash = next(f for f in part.frames() if f.image.mean() > 128)
    assert flash.time == pytest.approx(9.0, abs=0.05)


CASES = {
    "joined.ts": ([0.01, 1.93, 3.85], [0.01, 1.93, 3.85]),
    "gap_pictures.mkv": (None, [0.42, 0.69, 0.96, 700.44, 700.91, 701.22]),
    "gap_sound.mkv": (None, [0.42, 0.69, 0.96, 700.44, 700.91, 701.22]),
}


@pytest.mark.parametrize("name", CASES)
def test_files_that_were_read_wrongly(shared: Path, name: str) -> None:
    path = shared / "cases" / name
    if not path.exists():
        pytest.skip("the cases are not there")
    flashes, bleeps = CASES[name]
    clip = open_clip(path)
    found = read_plan(clip)
    assert found.bleeps == pytest.approx(bleeps, abs=0.01)
    assert not clip.damaged
    if flashes is not None:
        assert found.flashes == pytest.approx(flashes, abs=0.01)
    else:
        assert found.frames[-1] == pytest.approx(702.23, abs=0.01)


# --- the end of a clip, and long gaps ----------------------------------------------------------


def test_the_end_is_that_of_the_last_picture() -> None:
    pictures = Pictures()
    for time in (*np.arange(50) / 25, 300.0, *700 + np.arange(50) / 25):
        pictures.add(float(time), 0.04)
    assert pictures.span == pytest.approx((0, 702))
    assert pictures.step == pytest.approx(0.04)
    assert pictures.pauses == [pytest.approx((2, 300)), pytest.approx((300.04, 700))]


@pytest.mark.parametrize(("shown", "end"), [(0.0, 1200.0), (0.04, 900.04), (300.0, 1200.0)])
def test_the_end_of_slides(shown: float, end: float) -> None:
    pictures = Pictures()
    for time in (0.0, 300.0, 600.0, 900.0):
        pictures.add(time, shown)
    assert pictures.span == pytest.approx((0, end))


def test_a_clip_at_a_constant_rate_ends_a_step_behind_its_last_picture() -> None:
    pictures = Pictures()
    for time in range(0, 1000, 40):
        pictures.add(time / 1000, 0.0333)
    assert pictures.span == (0.0, 0.96 + 0.96 / 24)
    assert Pictures().span == (0.0, 0.0)


def tone(seconds: float) -> np.ndarray:
    return np.sin(np.arange(round(seconds * 48_000)) / 7).astype(np.float32)


@pytest.mark.parametrize("name", ["logmel", "yaafe"])
def test_three_hours_without_sound_cost_nothing(name: str) -> None:
    def read(gap: float, *, all_of_it: bool = False) -> dict[str, np.ndarray]:
        reader, gaps = SoundReader(front(name)), GapFiller()
        for at in (0.0, 2.0 + gap):
            for chunk in gaps.fill(SoundChunk(at, tone(2))):
                assert chunk.time == pytest.approx(reader._count / 48_000, abs=1e-6)
                reader.push_sound(SoundChunk(chunk.time, chunk.samples) if all_of_it else chunk)
        assert gaps.gaps == [(2.0, 2.0 + gap)]
        return reader.finish()

    long = read(3 * 3600.0)
    assert sum(array.nbytes for array in long.values()) < 20e6
    assert len(long["frames"]) < (2 * MARGIN + 5) * 100
    assert long["span"] == pytest.approx([0, 3 * 3600 + 4])
    # the frames that are left are those of all the zeros
    gap = 40.0
    some, all_ = read(gap), read(gap, all_of_it=True)
    assert len(some["time"]) < len(all_["time"]) - 10 * 60
    rows = np.searchsorted(all_["time"], some["time"] - 1e-6)
    np.testing.assert_allclose(all_["time"][rows], some["time"], atol=1e-9)
    np.testing.assert_allclose(all_["frames"][rows], some["frames"], atol=1e-4)


def test_a_gap_of_hours_in_a_file(tmp_path: Path) -> None:
    path = write_plan(tmp_path / "a.mkv", with_part(3 * 3600, 3 * 3600))
    gaps = GapFiller()
    frames, silent = 0, 0.0
    for part in open_clip(path).decode():
        if isinstance(part, Frame):
            frames += 1
            continue
        for chunk in gaps.fill(part):
            silent += chunk.samples.size / 48_000 if chunk.gap else 0.0
    assert frames == 50
    assert silent == pytest.approx(3 * 3600 - 1 - 2 * MARGIN, abs=0.2)
