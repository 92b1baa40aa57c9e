"""Pictures that specialists were given, as a page shows them."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emonets.inference.input_pictures import InputReader, with_inputs
from emonets.model import EmoNets, load
from emonets.person_seen import InputPictures, PersonSeen
from emonets.tubes.tube import FaceTube

EXAMPLE = Path(__file__).parents[2] / "examples" / "1001_DFA_HAP_XX.flv"


class Plain:
    """Is given the crops as they are, and counts how often it is asked."""

    name = "face"

    def __init__(self) -> None:
        self.asked = 0

    def inputs(self, tube: FaceTube) -> np.ndarray:
        self.asked += 1
        return tube.crops[..., 0]


def tube(times: np.ndarray, track: int = 0, side: int = 8) -> FaceTube:
    """A tube whose crops have the number of their frame as their colour."""
    n = len(times)
    crops = np.broadcast_to(
        (np.round(times * 10).astype(int) % 256).astype(np.uint8)[:, None, None, None],
        (n, side, side, 3),
    )
    box = np.tile([0.0, 0.0, 8.0, 8.0], (n, 1))
    return FaceTube(
        track, np.arange(n), times, box, box, np.ones(n, bool), np.ones(n), crops.copy()
    )


def seen(tracks: tuple[int, ...]) -> PersonSeen:
    return PersonSeen("a.mp4", 0, tracks, np.zeros(0), np.zeros((0, 4)), 1.0)


def test_one_picture_an_interval_across_the_pieces_of_a_tube() -> None:
    part = Plain()
    reader = InputReader(part, every=1.0)
    for start in (0.0, 2.0, 4.0):
        reader.push_tube(tube(start + np.arange(20) / 10))
    features = reader.finish()
    assert features["time"].tolist() == [0, 1, 2, 3, 4, 5]
    assert features["picture"][:, 0, 0].tolist() == [0, 10, 20, 30, 40, 50]
    reader.push_tube(tube(np.array([5.5, 5.6])))
    assert part.asked == 3  # nothing new: nothing is made


def test_long_clips_keep_fewer_and_all_of_the_clip() -> None:
    reader = InputReader(Plain(), every=1.0, most=30)
    for start in range(0, 200, 10):
        reader.push_tube(tube(start + np.arange(40) / 4))
    times = reader.finish()["time"]
    assert 15 < len(times) <= 30
    assert (np.diff(times) == np.diff(times)[0]).all()
    assert times[0] == 0
    assert times[-1] > 180


def test_many_short_tracks_stay_within_the_bound() -> None:
    reader = InputReader(Plain(), every=1.0, most=30)
    for track in range(100):
        reader.push_tube(tube(np.array([track * 1.0]), track))
    assert 0 < len(reader.finish()["time"]) <= 30


def test_a_sheet_holds_the_pictures_of_the_persons_tracks_in_the_order_of_time() -> None:
    reader = InputReader(Plain(), every=1.0)
    reader.push_tube(tube(np.arange(40, 80) * 1.0 / 1, 3))
    reader.push_tube(tube(np.arange(0, 40) * 1.0, 1))
    reader.push_tube(tube(np.arange(5) * 1.0, 2))
    one, other = with_inputs(
        (seen((1, 3)), seen((9,))), {"inputs of face": reader.finish(), "face": {}}
    )
    assert other.inputs == ()
    (kept,) = one.inputs
    assert kept.source == "face"
    assert kept.times == tuple(np.arange(80.0))
    sheet = np.asarray(Image.open(io.BytesIO(kept.sheet)), np.float64)
    assert sheet.shape == (3 * 8, 30 * 8)
    for i in (0, 7, 41, 79):
        at = sheet[i // 30 * 8 + 4, i % 30 * 8 + 4]
        assert abs(at - (i * 10) % 256) < 12  # JPEG


def test_kept_pictures_survive_json() -> None:
    kept = InputPictures("mouth", (0.0, 0.5), 40, 30, 2, b"\xff\xd8x")
    one = PersonSeen("a", 0, (0,), np.zeros(0), np.zeros((0, 4)), 1.0, inputs=(kept,))
    again = PersonSeen.from_dict(json.loads(json.dumps(one.to_dict())))
    assert again == one
    assert again.inputs == (kept,)


@pytest.fixture(scope="module")
def model() -> EmoNets:
    return load("modern").with_models("face,mouth")


def test_they_are_kept_on_request_and_change_no_number(model: EmoNets) -> None:
    plain = model.predict_clip(EXAMPLE)
    kept = model.predict_clip(EXAMPLE, inputs=True)
    assert kept.rows == plain.rows
    assert plain.persons[0].inputs == ()
    sources = {own.source: own for own in kept.persons[0].inputs}
    assert set(sources) == {"face", "mouth"}
    assert (sources["mouth"].width, sources["mouth"].height) == (40, 30)
    assert len(sources["face"].times) == pytest.approx(1.83 / 0.2, abs=2)
    # a face fills the picture: no blank sheet
    assert np.asarray(Image.open(io.BytesIO(sources["face"].sheet))).std() > 20
