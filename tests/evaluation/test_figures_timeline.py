"""Timelines: which bands and curves a result has, and where nothing was found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drawn import ids, overlaps, texts
from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.evaluation.figures import COLOURS, timeline
from emonets.evaluation.figures.bands import story
from emonets.result import FileStatus, PersonSeen, Result, Row

pytest.importorskip("matplotlib", reason="needs emonets[plot]")

UNIFORM = (1 / 7,) * 7


def sure(emotion: str, p: float = 0.7) -> tuple[float, ...]:
    rest = (1 - p) / 6
    return tuple(p if name == emotion else rest for name in EMOTIONS)


def face(start: float, emotion: str, person: int = 0, model: str = "face", **more: object) -> Row:
    return Row(
        "a/talk_1.mp4", person, start, start + 1, True, model, sure(emotion), level="face",
        person=person, speech=0.5, **more,
    )  # fmt: skip


def sound(start: float, emotion: str | None) -> Row:
    p = UNIFORM if emotion is None else sure(emotion)
    return Row(
        "a/talk_1.mp4", None, start, start + 1, None, "audio", p, emotion is not None, "window",
        speech=0.5,
    )  # fmt: skip


def whole(model: str, face_found: bool | None = True) -> Row:
    return Row("a/talk_1.mp4", None, 0.0, 6.0, face_found, model, sure("happy"))


@pytest.fixture
def talk() -> Result:
    """Six seconds; person 0 is not there from 2 to 4; person 1 is there at the end."""
    times = np.array([0, 0.5, 1, 1.5, 4, 4.5, 5, 5.5])
    rows = [
        *(face(t, e) for t, e in ((0, "happy"), (1, "sad"), (4, "sad"), (5, "angry"))),
        face(5, "fear", 1),
        *(sound(t, "neutral" if t < 3 else None) for t in range(6)),
        *(face(t, "happy", model="face+audio", sound_found=True) for t in (0, 1, 4, 5)),
        face(5, "fear", 1, "face+audio"),
        Row("a/talk_1.mp4", None, 2, 3, False, "face", UNIFORM, level="window"),
        whole("face"), whole("audio", None), whole("face+audio"),
    ]  # fmt: skip
    seen = PersonSeen("a/talk_1.mp4", 0, (0,), times, np.ones((8, 4)), 0.66)
    return Result(tuple(rows), (FileStatus("a/talk_1.mp4", "ok"),), {"bundle": "modern"}, (seen,))


def test_bands_by_person_and_source(talk: Result) -> None:
    bands = {band.name: band for band in story(talk, None, None, 6).bands}
    assert [*bands] == [
        "Person 0, face", "Person 1, face", "Audio", "Person 0, combined", "Person 1, combined",
    ]  # fmt: skip
    np.testing.assert_allclose(bands["Person 0, face"].gaps[0], (2, 4))
    np.testing.assert_allclose(bands["Person 1, face"].gaps, [(0, 5)])
    np.testing.assert_allclose(bands["Audio"].gaps, [(3, 6)])
    assert (bands["Audio"].nothing, bands["Person 0, face"].nothing) == ("no speech", "no face")
    assert bands["Person 0, combined"].fused


def test_rows_that_overlap_are_cut_in_the_middle(talk: Result) -> None:
    rows = tuple(replace(face(t, "sad"), end=t + 2) for t in (0.0, 1.0, 2.0))
    (band,) = story(Result(rows), None, None, 6).bands
    np.testing.assert_allclose(band.start, (0, 1.5, 2.5))
    np.testing.assert_allclose(band.end, (1.5, 2.5, 4))
    assert not len(band.gaps)


def test_a_pause_within_a_window_is_a_gap() -> None:
    long = replace(face(0, "sad"), end=20.0)
    times = np.concatenate([np.arange(0, 5, 0.2), np.arange(12, 20, 0.2)])
    seen = PersonSeen("a/talk_1.mp4", 0, (0,), times, np.ones((len(times), 4)), 0.6)
    (band,) = story(Result((long,), persons=(seen,)), None, None, 6).bands
    np.testing.assert_allclose(band.gaps, [(5, 12)])


def test_timeline_has_ribbons_and_curves(talk: Result) -> None:
    figure = timeline(talk)
    ribbons, *curves = figure.axes
    assert len(curves) == 2
    assert [t.get_text() for t in ribbons.get_yticklabels()][:3] == [
        "Person 0, face", "Person 1, face", "Audio",
    ]  # fmt: skip
    for axes in curves:
        assert len([line for line in axes.lines if line.get_marker() != "None"]) == 7
        assert axes.get_ylim() == (0, 1)
    shown = texts(figure)
    assert shown.count("Ha") == 3  # the letters, and not the colour alone
    assert {"talk_1.mp4", "paler: less certain", "no face or no speech"} <= set(shown)
    assert "Person 0, combined; face usable in 66% of the frames" in shown
    assert [text for text in ids(figure) if text != "talk_1.mp4"] == []
    assert not overlaps(figure)


def test_colours_are_paler_where_it_is_less_certain() -> None:
    rows = [replace(face(t, "sad"), probabilities=sure("sad", p)) for t, p in ((0, 0.9), (1, 0.3))]
    ribbons = timeline(Result(tuple(rows))).axes[0]
    strong, pale = ribbons.collections[-1].get_facecolor()[:, :3]
    from matplotlib.colors import to_rgb

    full = np.array(to_rgb(COLOURS["sad"]))
    assert np.linalg.norm(strong - full) < np.linalg.norm(pale - full)
    assert pale.mean() > strong.mean()


def test_curves_are_broken_where_nothing_was_found(talk: Result) -> None:
    line = timeline(talk).axes[1].lines[-1]
    assert np.isnan(line.get_xdata()).sum() == 1


def test_many_windows_are_drawn_as_stated_means() -> None:
    there = [t for t in range(700) if not 100 <= t < 150]
    rows = tuple(face(t, "happy" if t % 2 else "sad") for t in there)
    curves = timeline(Result(rows)).axes[1]
    assert curves.get_title("left") == "Person 0, face; curves: means of 3 windows"
    line = curves.lines[-1]
    assert len(line.get_xdata()) == 34 + 1 + 184  # 100 and 550 windows, and the gap
    sad = curves.lines[1 + EMOTIONS.index("sad")].get_ydata()
    np.testing.assert_allclose(sad[0], (0.7 + 0.05 + 0.7) / 3)
    assert np.isnan(sad[34])


def test_persons_are_chosen_and_what_is_left_out_is_stated(talk: Result) -> None:
    assert "Person 1, face" not in texts(timeline(talk, persons=[0]))
    figure = timeline(talk, most=1)
    assert "not drawn: 1 person who is seen for less time" in " ".join(texts(figure))
    with pytest.raises(ParameterError, match="no person 7; there is 0, 1"):
        timeline(talk, persons=[7])
    with pytest.raises(ParameterError, match="most must be at least 1"):
        timeline(talk, most=0)


def test_sound_alone_and_whole_clips() -> None:
    shown = timeline(Result(tuple(sound(t, "sad") for t in range(3))))
    assert len(shown.axes) == 2
    short = timeline(Result((whole("face"), whole("audio", None), whole("face+audio"))))
    assert [t.get_text() for t in short.axes[0].get_yticklabels()] == ["Face", "Audio", "Combined"]
    nobody = Row("n.mp4", None, 0, 5, False, "face", UNIFORM)
    nothing = timeline(Result((nobody,), (FileStatus("n.mp4", "no face", "no face was found"),)))
    assert len(nothing.axes) == 1
    assert "no face: no face was found" in texts(nothing)


def test_uncertain_labels_are_marked(talk: Result) -> None:
    rows = tuple(replace(row, uncertain=row.start == 0) for row in talk.rows)
    shown = texts(timeline(replace(talk, rows=rows)))
    assert "Ha?" in shown
    assert "uncertain" in shown


@pytest.mark.parametrize(
    ("length", "unit"),
    [(60, "seconds"), (600, "minutes and seconds"), (9000, "hours, minutes and seconds")],
)
def test_clocks(length: int, unit: str) -> None:
    rows = tuple(replace(face(t, "sad"), end=float(t + 10)) for t in range(0, length, 10))
    figure = timeline(Result(rows))
    assert figure.axes[-1].get_xlabel() == unit
    assert not overlaps(figure)


def test_the_file_is_found_or_named(talk: Result) -> None:
    other = replace(whole("face"), file="b/other.mp4")
    two = Result((*talk.rows, other), (*talk.files, FileStatus("c.mp4", "error", "no such file")))
    assert "other.mp4" in texts(timeline(two, "other.mp4"))
    with pytest.raises(ParameterError, match="has 3 files; name one"):
        timeline(two)
    with pytest.raises(ParameterError, match=r"did you mean talk_1\.mp4"):
        timeline(two, "talk_2.mp4")
    with pytest.raises(ParameterError, match=r"c\.mp4: there are no predictions.*no such file"):
        timeline(two, "c.mp4")
    same = Result((whole("face"), replace(whole("face"), file="b/talk_1.mp4")))
    with pytest.raises(ParameterError, match=r"2 files are called talk_1\.mp4"):
        timeline(same, "talk_1.mp4")
    with pytest.raises(ParameterError, match="empty"):
        timeline(Result())
