"""The annotated film, from a made-up result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emonets.errors import MediaError, ParameterError
from emonets.media.clip import Frame, open_clip
from emonets.media.turned import note_of
from emonets.person_seen import PersonSeen
from emonets.report.annotate import Annotator, Boxes, annotate, drawn_size, rgb
from emonets.result import FileStatus, Result
from made_results import clip_row, face_row, film
from media_files import tone, write_media

STAMPS = (0, 33, 67, 100, 140, 200, 333, 400, 1033, 1101)


def grey(i: int) -> np.ndarray:
    return np.full((120, 160, 3), 60, np.uint8)


def seen(times: list[float], boxes: list[list[float]], person: int = 0) -> PersonSeen:
    return PersonSeen("a.mkv", person, (person,), np.array(times), np.array(boxes), 1.0)


def near(image: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    """(h, w) where the picture has a colour, as far as the encoder keeps it."""
    return np.abs(image.astype(int) - colour).max(axis=-1) < 40


def test_film_keeps_times_and_sound(tmp_path: Path) -> None:
    clip = write_media(
        tmp_path / "a.mkv", stamps=STAMPS, audio="aac", sound=tone(1.2), size=(160, 120), paint=grey
    )
    made = annotate(film(str(clip), 2.0, 0.5), clip, tmp_path / "out" / "a.mp4")
    own, drawn = list(open_clip(clip).frames()), list(open_clip(made).frames())
    np.testing.assert_allclose([f.time for f in drawn], [f.time for f in own], atol=1e-3)
    assert open_clip(made).read_sound().samples.std() > 0.2
    assert [path.name for path in made.parent.iterdir()] == ["a.mp4"]
    # box of person 0, three times as large; its left edge is the colour of happy
    edge = drawn[0].image[150:240, 24:36].astype(int)
    assert ((edge[..., 0] - edge[..., 2]) > 40).any(axis=1).mean() > 0.9
    panel = drawn[0].image[:, 480:]
    assert near(panel, rgb("happy")).sum() > 10 * near(panel, rgb("surprise")).sum()


def test_boxes_move_between_their_times() -> None:
    boxes = Boxes(seen([0.0, 0.5, 3.0], [[0, 0, 10, 10], [10, 0, 20, 10], [50, 0, 60, 10]]))
    np.testing.assert_allclose(boxes.at(0.25), [5, 0, 15, 10])
    np.testing.assert_allclose(boxes.at(0.7), [10, 0, 20, 10])
    assert boxes.at(1.5) is None
    np.testing.assert_allclose(boxes.at(3.1), [50, 0, 60, 10])
    assert boxes.at(9.0) is None
    assert Boxes(seen([], [])).at(0.0) is None


def test_bars_are_of_the_window_around() -> None:
    result = film("a.mkv", 4.0, 1.0)
    drawing = Annotator(result.rows, result.persons, drawn_size(160, 120))
    early, late = (drawing.draw(Frame(0, t, grey(0)))[:, 480:] for t in (0.5, 3.5))
    assert near(early, rgb("happy")).sum() > 3 * near(late, rgb("happy")).sum()
    assert near(late, rgb("sad")).sum() > 3 * near(early, rgb("sad")).sum()


@pytest.mark.parametrize(
    "name",
    ["李小龙", "مريم", "<img src=x onerror=alert(1)>", "a\nb\x00\ud800", "x" * 500, " "],
)
def test_any_name(name: str) -> None:
    result = film("a.mkv", 2.0, 1.0)
    drawing = Annotator(result.rows, result.persons, drawn_size(64, 48), {0: name})
    out = drawing.draw(Frame(0, 0.5, np.zeros((48, 64, 3), np.uint8)))
    assert out.shape == (*drawing.size[::-1], 3)
    assert out.shape[0] == 360


@pytest.mark.parametrize("size", [(64, 48), (48, 640), (640, 48), (1920, 1080)])
def test_any_size_and_many_persons(size: tuple[int, int]) -> None:
    rows = [face_row("a", k, 0, 1, "sad") for k in range(30)]
    persons = [seen([0.0], [[-50, -50, 5000, 5000]], k) for k in range(30)]
    drawing = Annotator(rows, persons, drawn_size(*size))
    out = drawing.draw(Frame(0, 0.0, np.zeros((size[1], size[0], 3), np.uint8)))
    assert out.shape == (*drawing.size[::-1], 3)
    assert all(side % 2 == 0 for side in drawing.size)


def test_no_face_is_a_film_without_boxes(tmp_path: Path) -> None:
    clip = write_media(tmp_path / "a.mp4", stamps=[0, 40], size=(160, 120), paint=grey)
    result = Result((clip_row(str(clip), 0, 1, "sad"),), (FileStatus(str(clip), "no face"),))
    made = annotate(result, clip, tmp_path / "b.mp4")
    picture = next(open_clip(made).frames()).image
    assert np.ptp(picture[10:350, 10:470].astype(int)) < 12
    assert np.ptp(picture[:, 480:].astype(int)) > 100  # "no face" is written there


def test_turned_clip_is_drawn_turned(tmp_path: Path) -> None:
    clip = write_media(tmp_path / "a.mp4", stamps=[0, 40], size=(160, 120), paint=grey)
    result = film(str(clip), 2.0, 1.0)
    result = replace(result, files=(FileStatus(str(clip), "ok", note_of(1)),))
    made = annotate(result, clip, tmp_path / "b.mp4")
    picture = next(open_clip(made).frames()).image
    assert picture.shape == (360, 270 + 168, 3)  # and the panel


def test_refusals(tmp_path: Path) -> None:
    clip = write_media(tmp_path / "a.mp4", stamps=[0, 40])
    result = film(str(clip), 2.0, 1.0)
    with pytest.raises(ParameterError, match="is the clip itself"):
        annotate(result, clip, clip)
    with pytest.raises(ParameterError, match=r"must end in \.mp4"):
        annotate(result, clip, tmp_path / "a.avi")
    with pytest.raises(ParameterError, match="is not in the result"):
        annotate(film("b.mp4"), clip, tmp_path / "b.mp4")
    wav = write_media(tmp_path / "a.wav", video=None, audio="pcm_s16le")
    with pytest.raises(MediaError, match=r"a\.wav: has no pictures"):
        annotate(film(str(wav)), wav, tmp_path / "b.mp4")
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "a.wav"}
