"""The faces of one picture: the numbers of its file, and no state between pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

import emonets
from emonets import EMOTIONS, EmoNets, Face, MediaError
from emonets.errors import ParameterError
from emonets.media.clip import open_clip


@pytest.fixture(scope="module")
def model() -> EmoNets:
    return emonets.load()


@pytest.fixture(scope="module")
def picture(happy: Path) -> np.ndarray:
    return next(open_clip(happy).frames()).image


@pytest.fixture(scope="module")
def file(picture: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "face.png"
    path.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
    return path


@pytest.fixture(scope="module")
def face(model: EmoNets, picture: np.ndarray) -> Face:
    (face,) = model.look(picture)
    return face


def test_the_numbers_of_the_pictures_file(model: EmoNets, face: Face, file: Path) -> None:
    result = model.predict(file, models="face")
    row = result.rows[0]
    assert (row.level, row.label, row.probabilities) == ("face", face.label, face.probabilities)
    left, top, right, bottom = result.persons[0].boxes[0]
    assert face.box == pytest.approx((left, top, right - left, bottom - top))
    assert 0.4 < face.score <= 1
    assert face.turned == 0


def test_every_form_of_a_picture(
    model: EmoNets, face: Face, picture: np.ndarray, file: Path
) -> None:
    every: list[Any] = [str(file), file, Image.fromarray(picture), picture / 255]
    assert model.look(every) == [[face]] * 4
    assert model.look(picture[..., ::-1], bgr=True) == [face]
    assert emonets.look(picture, model=model) == [face]


def test_a_picture_has_the_same_faces_after_another(
    model: EmoNets, face: Face, picture: np.ndarray
) -> None:
    small = np.zeros_like(picture)
    small[:90, :120] = cv2.resize(picture, (120, 90), interpolation=cv2.INTER_AREA)
    first = model.look(small)
    assert model.look([picture, small, picture, small]) == [[face], first, [face], first]


def test_several_faces_and_none(model: EmoNets, face: Face, picture: np.ndarray) -> None:
    two = model.look(np.concatenate([picture, picture[:, ::-1]], axis=1))
    assert len(two) == 2
    # mirrored, the one box is the other's
    assert sum(f.box[0] + f.box[2] / 2 for f in two) == pytest.approx(2 * 480, abs=4)
    assert model.look(np.full((80, 90), 128, np.uint8)) == []


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_picture_on_its_side_has_the_box_where_the_face_is(
    model: EmoNets, face: Face, picture: np.ndarray, turns: int
) -> None:
    (turned,) = model.look(np.rot90(picture, turns))
    assert turned.probabilities == pytest.approx(face.probabilities)
    assert turned.turned == 90 * turns
    x, y, side, _ = face.box
    height, width = picture.shape[:2]
    places = {
        1: (y, width - x - side), 2: (width - x - side, height - y - side),
        3: (height - y - side, x),
    }  # fmt: skip
    assert turned.box == pytest.approx((*places[turns], side, side))


def test_a_face_is_a_row(face: Face) -> None:
    row = face.to_dict()
    assert list(row) == ["x", "y", "w", "h", "label", "score", *EMOTIONS]
    assert sum(row[name] for name in EMOTIONS) == pytest.approx(1)
    assert row["label"] == max(EMOTIONS, key=lambda name: row[name])


def test_ones_own_detector(model: EmoNets, picture: np.ndarray, face: Face) -> None:
    (own,) = model.look(picture, detector=lambda image: np.array([[150, 60, 300, 210]]))
    assert own.score == 1
    assert own.box[2] == pytest.approx(171)


def test_what_is_refused(model: EmoNets, picture: np.ndarray, happy: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=r"image\[1\]: is no picture but NoneType"):
        model.look([picture, None])
    with pytest.raises(MediaError, match=r"is no picture .* to predict"):
        model.look(happy)
    with pytest.raises(MediaError, match="is a folder"):
        model.look(tmp_path)
    with pytest.raises(MediaError, match="does not exist"):
        model.look(tmp_path / "nowhere.png")
    with pytest.raises(ParameterError, match=r"needs the face model.* has audio"):
        model.with_models("audio").look(picture)


def test_the_default_model_is_loaded_once(
    picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    monkeypatch.setattr(EmoNets, "load", lambda bundle: loaded.append(bundle) or _Nobody())
    for _ in range(2):
        assert emonets.look(picture, bundle="paper") == []
    assert loaded == ["paper"]
    from emonets.model import _kept

    _kept.cache_clear()


class _Nobody:
    def look(self, image: Any, **_: Any) -> list[Any]:
        return []
