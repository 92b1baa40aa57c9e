"""All four specialists in `predict`: one pass over the pictures, rows, statuses, bundles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import test_activity
import test_mouth
from test_audio_specialist import speech_like, write_sound
from test_predict import write_clip

import emonets
from emonets import EmoNets, MediaError
from emonets.errors import BundleError, ParameterError
from emonets.fusion.common import neutral_for_unknown
from emonets.media.clip import open_clip
from emonets.one_pass import read_clip
from emonets.result import COLUMNS, Result
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.specialists.mouth.specialist import MouthSpecialist


@pytest.fixture(scope="module")
def activity() -> ActivitySpecialist:
    return test_activity.trained()[0]


@pytest.fixture(scope="module")
def mouth() -> MouthSpecialist:
    return test_mouth.fitted()


@pytest.fixture(scope="module")
def model(activity: ActivitySpecialist, mouth: MouthSpecialist) -> EmoNets:
    modern = emonets.load("modern")
    return EmoNets(modern.face, audio=modern.audio, activity=activity, mouth=mouth)


def test_each_speaks_and_then_all_together(model: EmoNets, happy: Path) -> None:
    result = model.predict(happy)
    whole = [row for row in result.rows if row.level == "clip"]
    assert [row.model for row in whole] == [
        "face", "audio", "activity", "mouth", "face+audio+activity+mouth",
    ]  # fmt: skip
    *single, together = whole
    # motion was shown three emotions and mouths three, one of them the same: no veto on the rest
    said = [
        neutral_for_unknown(r.probabilities, model.specialists[r.model].known_classes)
        for r in single
    ]
    product = np.prod(said, axis=0)
    np.testing.assert_allclose(together.probabilities, product / product.sum(), atol=1e-5)
    assert [row.motion_found for row in whole] == [None, None, True, None, True]
    assert [row.face_found for row in whole] == [True, None, None, True, True]
    assert {(row.model, row.level) for row in result.rows} >= {("face", "face"), ("mouth", "face")}
    assert result.files[0].status == "ok"
    assert "motion words" in result.about["decision"]
    assert result.about["decision"].endswith(
        ", of those that found something; activity was not trained on disgust, fear, sad, "
        "surprise; mouth was not trained on angry, disgust, fear, neutral"
    )
    assert tuple(result.to_pandas().columns) == COLUMNS
    assert Result.from_json(result.to_json()).rows == result.rows


def test_together_they_find_what_each_finds_alone(model: EmoNets, happy: Path) -> None:
    """One decode for all gives each what it finds when it looks by itself."""
    whole = {row.model: row for row in model.predict(happy).rows if row.level == "clip"}
    clip = open_clip(happy)
    for name in ("face", "activity", "mouth"):
        part = model.specialists[name]
        alone = part.predict_proba(part.extract(clip))[0]
        np.testing.assert_allclose(whole[name].probabilities, alone, atol=1e-12)
        (row,) = [r for r in model.predict(happy, models=[name]).rows if r.level == "clip"]
        np.testing.assert_allclose(row.probabilities, alone, atol=1e-12)


def test_motion_of_tubes_shares_the_pass(activity: ActivitySpecialist, happy: Path) -> None:
    tubes = ActivitySpecialist(activity.code, svm=activity.svm, on="tubes")
    readers = {"activity": tubes.open(), "face": emonets.load("paper").face.open()}
    found = read_clip(open_clip(happy), readers).features
    alone = tubes.extract(open_clip(happy))
    assert found["activity"].keys() == alone.keys()
    for key in ("words", "weight", "time"):
        np.testing.assert_array_equal(found["activity"][key], alone[key])
    assert len(found["face"]["index"]) > 0


def test_windows(model: EmoNets, happy: Path) -> None:
    result = model.predict(happy, window=0.7, models=["activity", "mouth"])
    moved = [row for row in result.rows if row.model == "activity" and row.level == "window"]
    assert [row.start for row in moved] == pytest.approx(
        [moved[0].start + 0.7 * i for i in range(3)]
    )
    assert all(row.motion_found for row in moved)
    assert len({row.probabilities for row in moved}) == 3
    mouths = [row for row in result.rows if row.model == "mouth" and row.level == "face"]
    assert len(mouths) == 3
    both = [row for row in result.rows if row.model == "activity+mouth" and row.level == "face"]
    for motion, mouth, row in zip(moved, mouths, both, strict=True):
        # no active specialist was trained on disgust and fear
        a = neutral_for_unknown(motion.probabilities, [0, 3, 6], [0, 3, 4, 5, 6])
        b = neutral_for_unknown(mouth.probabilities, [3, 4, 5], [0, 3, 4, 5, 6])
        np.testing.assert_allclose(row.probabilities, a * b / (a * b).sum(), atol=1e-5)
        assert max(row.probabilities[1:3]) < 1e-8
    frames = model.predict(happy, models=["mouth"], frames=True)
    assert sum(row.model == "mouth/frame" for row in frames.rows) > 20


def test_where_nothing_is_to_be_found(model: EmoNets, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "black.mp4", [np.zeros((64, 64, 3), np.uint8)] * 20)
    result = model.predict([clip])
    assert all(row.probabilities == pytest.approx([1 / 7] * 7) for row in result.rows)
    assert all(row.label is None for row in result.rows)
    assert result.files[0].status == "no face"
    assert "no motion" in result.files[0].message
    alone = model.predict([clip], models=["activity"])
    assert alone.files[0].status == "no motion"
    assert alone.failed
    sound = write_sound(tmp_path / "a.wav", speech_like(1.0))
    assert [row.model for row in model.predict(sound).rows] == ["audio"]
    with pytest.raises(MediaError, match="the activity model requires pictures"):
        model.predict(sound, models=["activity"])


def test_a_bundle_of_all_four(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    again = EmoNets.load(model.save(tmp_path / "bundle"))
    assert list(again.specialists) == ["face", "audio", "activity", "mouth"]
    a, b = model.predict(happy), again.predict(happy)
    assert [row.probabilities for row in a.rows] == [row.probabilities for row in b.rows]
    with pytest.raises(ParameterError, match="it has face, audio, activity, mouth"):
        again.predict(happy, models=["text"])


def test_active_specialists_are_used_by_default(
    model: EmoNets, happy: Path, tmp_path: Path
) -> None:
    quiet = EmoNets(**model.specialists, active=["mouth", "face"])  # type: ignore[arg-type]
    again = EmoNets.load(quiet.save(tmp_path / "bundle"))
    assert again.active == ("face", "mouth")

    def used(**options: object) -> list[str]:
        rows = again.predict(happy, **options).rows  # type: ignore[arg-type]
        return [row.model for row in rows if row.level == "clip"]

    assert used() == ["face", "mouth", "face+mouth"]
    assert used(models=["all"])[-1] == "face+audio+activity+mouth"
    assert used(models=["activity"]) == ["activity"]
    with pytest.raises(ParameterError, match="no specialist 'text'"):
        EmoNets(model.face, active=["text"])
    with pytest.raises(ParameterError, match="active is empty"):
        EmoNets(model.face, active=[])
    file = tmp_path / "bundle" / "bundle.json"
    file.write_text(file.read_text().replace('"mouth"\n ]', '"ears"\n ]'))
    with pytest.raises(BundleError, match=r"active must name some of .*'ears'"):
        EmoNets.load(tmp_path / "bundle")


def test_older_bundles_name_the_active_specialists_speaks(model: EmoNets, tmp_path: Path) -> None:
    folder = EmoNets(**model.specialists, active=["mouth"]).save(tmp_path / "bundle")  # type: ignore[arg-type]
    file = folder / "bundle.json"
    text = file.read_text()
    assert '"speaks"' not in text
    file.write_text(text.replace('"active"', '"speaks"'))
    assert EmoNets.load(folder).active == ("mouth",)


def test_predict_clip_uses_the_same_specialists(model: EmoNets, happy: Path) -> None:
    quiet = EmoNets(**model.specialists, active=["mouth", "face"])  # type: ignore[arg-type]
    assert quiet.predict_clip(happy).rows == quiet.predict(happy).rows
    alone = quiet.predict_clip(happy, models="face")
    assert alone.rows == quiet.predict(happy, models="face").rows
    assert {row.model for row in alone.rows} == {"face"}
    assert alone.about["model"] == "face"
    assert quiet.predict(happy, models="all").rows[-1].model == "face+audio+activity+mouth"


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("face", ["face"]), ("audio,face", ["face", "audio"]),
        (" mouth , face,", ["face", "mouth"]),
        ("all", ["face", "audio", "activity", "mouth"]), (("face", "face"), ["face"]),
    ],
)  # fmt: skip
def test_names_of_specialists(model: EmoNets, names: str, expected: list[str]) -> None:
    chosen = model.with_models(names)
    assert list(chosen.specialists) == expected
    assert chosen.with_models(None) is chosen


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ("", "names no specialist"), ([], "names no specialist"), (",", "names no specialist"),
        (5, "a name or a list of names"), ([5], "a name or a list of names"),
        ("fa ce", "no specialist 'fa ce'"), ("face,all", "no specialist 'all'"),
    ],
)  # fmt: skip
def test_wrong_names_of_specialists(model: EmoNets, names: object, text: str) -> None:
    for call in (model.predict, model.predict_clip):
        with pytest.raises(ParameterError, match=text):
            call("nowhere.mp4", models=names)  # type: ignore[operator]
