"""A model's fusion: fitted, kept in its bundle, over time, and too unsure to answer."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import test_mouth
from test_audio_specialist import speech_like, write_sound

import emonets
from command_line import Run, runner
from emonets import EMOTIONS, EmoNets, Result
from emonets.batch import Options, predict_many
from emonets.bundle import read_bundle, write_bundle
from emonets.errors import BundleError, ParameterError
from emonets.fusion.average import MeanFusion
from emonets.fusion.base import Fusion
from emonets.fusion.calibration import Abstainer
from emonets.fusion.common import neutral_for_unknown, neutral_where_unknown
from emonets.fusion.logistic import LogisticFusion
from emonets.fusion.named import NamedFusion, fuse_unfitted
from emonets.fusion.search import RandomSearch
from emonets.fusion.stacked import SvmFusion
from emonets.inference.combine import about_unknown, combine_clip, combine_windows, mark_uncertain
from emonets.result import Row
from fusion_data import predictions

RULE = Abstainer(0.9, 0.5, 0.75, 0.6, 140)


def fitted(fusion: Fusion | None = None, models: tuple[str, ...] = ("face", "audio")) -> Fusion:
    p, y, groups = predictions(140, len(models))
    return (fusion or LogisticFusion(random_state=0)).fit(p, y, groups=groups)


def named(*models: str, abstainer: Abstainer | None = None) -> NamedFusion:
    return NamedFusion(fitted(models=models), models, "logistic", abstainer)


@pytest.fixture(scope="module")
def parts() -> EmoNets:
    return emonets.load("modern").with_fusion("product")


@pytest.fixture(scope="module")
def model(parts: EmoNets) -> EmoNets:
    return EmoNets(parts.face, audio=parts.audio, fusion=named("audio", "face", abstainer=RULE))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def whole(result: Result) -> dict[str, Row]:
    return {row.model: row for row in result.rows if row.level == "clip"}


def test_the_last_row_is_the_fusion_of_the_specialists(model: EmoNets, happy: Path) -> None:
    result = model.predict(happy)
    rows = whole(result)
    assert list(rows) == ["face", "audio", "face+audio"]
    assert model.fusion is not None
    # in the order of the fusion, not of the model
    p = np.array([[rows["audio"].probabilities, rows["face"].probabilities]])
    np.testing.assert_allclose(
        rows["face+audio"].probabilities, model.fusion.fusion.predict_proba(p)[0]
    )
    assert "face+audio: logistic, fitted on audio, face" in result.about["decision"]


def test_what_is_left_out_or_finds_nothing_counts_as_a_seventh(
    parts: EmoNets, happy: Path, tmp_path: Path
) -> None:
    fusion = named("face", "audio", "mouth")
    full = EmoNets(parts.face, audio=parts.audio, mouth=test_mouth.fitted(), fusion=fusion)
    some = full.predict(happy, models=["face", "audio"])
    rows = whole(some)
    p = np.array([[rows["face"].probabilities, rows["audio"].probabilities, [1 / 7] * 7]])
    np.testing.assert_allclose(rows["face+audio"].probabilities, fusion.fusion.predict_proba(p)[0])
    assert "mouth left out and counted as 1/7" in some.about["decision"]
    (alone,) = [r for r in full.predict(happy, models=["face"]).rows if r.level == "clip"]
    assert alone.probabilities == rows["face"].probabilities  # a single model is not fused
    sound = write_sound(tmp_path / "a.wav", speech_like(0.6))
    assert [row.model for row in full.predict(sound).rows] == ["audio"]
    with pytest.raises(BundleError, match="fitted on face, audio, mouth, and the model has face"):
        full.with_models(["face"]).save(tmp_path / "some")


def test_nothing_found_stays_nothing() -> None:
    silent = [
        Row("f", None, 0.0, 1.0, False, "face", (1 / 7,) * 7),
        Row("f", None, 0.0, 1.0, None, "audio", (1 / 7,) * 7, False),
    ]
    for fusion in (None, named("face", "audio")):
        row = combine_clip(silent, fusion)
        assert row.probabilities == pytest.approx((1 / 7,) * 7)
        assert row.label is None
        assert (row.face_found, row.sound_found) == (False, False)


def test_without_a_fitted_fusion_those_that_found_something_are_multiplied() -> None:
    a, b = np.array([0.4, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]), np.array([0.1] * 6 + [0.4])
    p = fuse_unfitted([{"face": a, "audio": b}, {"face": a}, {}])
    np.testing.assert_allclose(p[0], a * b / (a * b).sum(), atol=1e-9)
    np.testing.assert_array_equal(p[1], a)
    np.testing.assert_allclose(p[2], 1 / 7)


DISGUSTED = (0.05, 0.7, 0.05, 0.05, 0.05, 0.05, 0.05)
NO_DISGUST = (0.3, 0.0, 0.14, 0.14, 0.14, 0.14, 0.14)
KNOWN = {"face": tuple(range(7)), "audio": (0, 2, 3, 4, 5, 6)}


def test_a_model_not_trained_on_a_class_cannot_exclude_it() -> None:
    by_model = [{"face": DISGUSTED, "audio": NO_DISGUST}]
    assert fuse_unfitted(by_model)[0].argmax() == 0
    (p,) = fuse_unfitted(by_model, KNOWN)
    assert p.argmax() == 1
    product = np.array(DISGUSTED) * neutral_for_unknown(NO_DISGUST, KNOWN["audio"])
    np.testing.assert_allclose(p, product / product.sum())
    # a class that no model was trained on stays out; equal classes change nothing
    np.testing.assert_array_equal(
        fuse_unfitted([{"audio": NO_DISGUST}, {}], KNOWN), [NO_DISGUST, [1 / 7] * 7]
    )
    both = {"face": NO_DISGUST, "audio": NO_DISGUST}
    same = dict.fromkeys(both, KNOWN["audio"])
    np.testing.assert_array_equal(fuse_unfitted([both], same), fuse_unfitted([both]))
    assert fuse_unfitted([both], same)[0, 1] < 1e-8
    np.testing.assert_array_equal(fuse_unfitted(by_model, {"audio": KNOWN["audio"]})[0], p)


def test_a_fitted_fusion_is_given_what_it_was_fitted_on() -> None:
    P, y, groups = predictions(140, 2)
    P[:, 1, 1] = 0
    P /= P.sum(axis=2, keepdims=True)
    known = [KNOWN["face"], KNOWN["audio"]]
    neutral = neutral_where_unknown(P, known)
    fusion = LogisticFusion(random_state=0).fit(neutral, y, groups=groups)
    made = NamedFusion(fusion, ("face", "audio"))
    by_model = [{"face": p[0], "audio": p[1]} for p in P]
    fused = made.fuse(by_model, KNOWN)
    np.testing.assert_array_equal(fused, fusion.predict_proba(neutral))
    disgusted = y == 1
    assert (fused[disgusted].argmax(axis=1) == 1).any()
    assert (made.fuse(by_model)[disgusted].argmax(axis=1) != 1).all()
    alone = np.stack([np.full(7, 1 / 7), P[0, 1]])[None]
    np.testing.assert_array_equal(
        made.fuse([{"audio": P[0, 1]}], KNOWN), fusion.predict_proba(alone)
    )


@pytest.mark.parametrize("fusion", [None, NamedFusion(MeanFusion.untrained(2), ("face", "audio"))])
def test_fused_rows_exclude_no_unknown_class(fusion: NamedFusion | None) -> None:
    face = Row("f", None, 0.0, 1.0, True, "face", DISGUSTED)
    sound = Row("f", None, 0.0, 1.0, None, "audio", NO_DISGUST, True)
    p = np.array(combine_clip([face, sound], fusion, KNOWN).probabilities)
    level = neutral_for_unknown(NO_DISGUST, KNOWN["audio"])
    plain = (
        fuse_unfitted([{"face": DISGUSTED, "audio": level}])
        if fusion is None
        else fusion.fuse([{"face": DISGUSTED, "audio": level}])
    )
    np.testing.assert_allclose(p, plain[0])
    assert combine_clip([face, sound], fusion) == combine_clip([face, sound], fusion, {})
    window = Row("f", None, 0.0, 1.0, None, "audio", NO_DISGUST, True, "window")
    look = Row("f", 0, 0.0, 1.0, True, "face", DISGUSTED, level="face")
    rows = combine_windows([[look, window], [window]], ["face", "audio"], fusion, KNOWN)
    np.testing.assert_allclose(rows[0].probabilities, p)
    assert [row.label for row in rows] == ["disgust", "angry"]
    assert window.probabilities == NO_DISGUST  # its own prediction stays as it is


def test_a_model_that_lacks_a_class_is_named(parts: EmoNets) -> None:
    assert "not trained on" not in parts.with_models(None).describe()["decision"]
    assert about_unknown({}) == about_unknown({"face": range(7)}) == ""
    assert about_unknown(KNOWN) == "audio was not trained on disgust"
    assert about_unknown({**KNOWN, "mouth": (3, 4, 5, 6)}) == (
        "audio was not trained on disgust; mouth was not trained on angry, disgust, fear"
    )


@pytest.mark.parametrize(
    "fusion",
    [
        LogisticFusion(weights="full", random_state=0), MeanFusion(),
        RandomSearch(n_uniform=50, n_local=50, random_state=0),
        SvmFusion(exponents=(0.0,), cv=2, random_state=0),
    ],
)  # fmt: skip
def test_a_bundle_keeps_it(parts: EmoNets, fusion: Fusion, tmp_path: Path) -> None:
    given = NamedFusion(fitted(fusion), ("face", "audio"), "mine", RULE)
    path = EmoNets(parts.face, audio=parts.audio, fusion=given).save(tmp_path / "bundle")
    again = EmoNets.load(path).fusion
    assert again is not None
    assert (again.models, again.strategy, again.abstainer) == (("face", "audio"), "mine", RULE)
    p = predictions(30, 2, seed=1)[0]
    by_model = [{"face": x[0], "audio": x[1]} for x in p] + [{"audio": p[0, 1]}, {}]
    np.testing.assert_allclose(again.fuse(by_model), given.fuse(by_model), atol=1e-12)
    assert NamedFusion.from_file(given.to_file(tmp_path / "fusion.safetensors")).models == (
        "face", "audio",
    )  # fmt: skip


def test_a_bare_fusion_is_of_the_specialists_in_their_order(parts: EmoNets) -> None:
    model = EmoNets(parts.face, audio=parts.audio, fusion=fitted())
    assert model.fusion is not None
    assert model.fusion.models == ("face", "audio")
    with pytest.raises(ParameterError, match="fitted on 3 models"):
        EmoNets(parts.face, audio=parts.audio, fusion=fitted(models=("a", "b", "c")))
    with pytest.raises(ParameterError, match="fitted on face, mouth, and the model has face, au"):
        EmoNets(parts.face, audio=parts.audio, fusion=named("face", "mouth"))
    with pytest.raises(ParameterError, match="expected a fitted fusion"):
        EmoNets(parts.face, audio=parts.audio, fusion=MeanFusion())
    p, y, _ = predictions(60, 2, k=3)
    with pytest.raises(ParameterError, match="fitted on the labels"):
        NamedFusion(MeanFusion().fit(p, y), ("face", "audio"))
    with pytest.raises(ParameterError, match="not fitted on a model 'nose'"):
        named("face", "audio").fuse([{"nose": p[0, 0]}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"models": ["face", "mouth"]}, "fitted on face, mouth, and the model has face, audio"),
        ({"models": ["face"]}, "fitted on 2 models"),
        ({"models": "face"}, "do not name its models"),
        ({"fusion": {"kind": "oracle"}}, "no fusion of kind 'oracle'"),
        ({"fusion": None}, "no fusion of kind None"),
        ({"abstainer": {"threshold": 3}}, "abstainer's settings"),
        ({"abstainer": 3}, "threshold is damaged"),
    ],
)
def test_a_foreign_or_damaged_fusion_is_refused_by_name(
    model: EmoNets, tmp_path: Path, change: dict[str, object], message: str
) -> None:
    content = read_bundle(model.save(tmp_path / "bundle"))
    manifest = {
        "specialists": content.manifest["specialists"],
        "fusion": {**content.manifest["fusion"], **change},
    }
    write_bundle(tmp_path / "other", manifest, content.arrays)
    with pytest.raises(BundleError, match=message) as caught:
        EmoNets.load(tmp_path / "other")
    assert str(tmp_path / "other") in str(caught.value)
    assert "its fusion" in str(caught.value)


def test_damaged_arrays_and_files(model: EmoNets, tmp_path: Path) -> None:
    content = read_bundle(model.save(tmp_path / "bundle"))
    for arrays in ({}, {"cross": np.zeros((3, 7, 7)), "intercept": np.zeros(7)}):
        parts = {**content.arrays, "fusion": arrays}
        keep = {k: content.manifest[k] for k in ("specialists", "fusion")}
        write_bundle(tmp_path / "other", keep, {k: v for k, v in parts.items() if v})
        with pytest.raises(BundleError, match="its fusion: the logistic fusion"):
            EmoNets.load(tmp_path / "other")
    file = named("face", "audio").to_file(tmp_path / "f.safetensors")
    whole = file.read_bytes()
    for data in (b"", whole[:50], whole[:-8], b"\x80\x04N."):
        file.write_bytes(data)
        with pytest.raises(BundleError, match=r"f\.safetensors"):
            NamedFusion.from_file(file)
    with pytest.raises(BundleError, match=r"gone\.safetensors"):
        NamedFusion.from_file(tmp_path / "gone.safetensors")
    with pytest.raises(BundleError, match="not a fusion"):
        NamedFusion.from_file(tmp_path / "bundle" / "fusion.safetensors")


def test_windows_are_fused_by_face(model: EmoNets, happy: Path) -> None:
    result = model.predict(happy, window=0.7)
    faces = [row for row in result.rows if row.model == "face" and row.level == "face"]
    sounds = [row for row in result.rows if row.model == "audio" and row.level == "window"]
    both = [row for row in result.rows if row.model == "face+audio" and row.level != "clip"]
    assert len(faces) == len(sounds) == len(both) == 3
    assert model.fusion is not None
    for face, sound, row in zip(faces, sounds, both, strict=True):
        assert (row.level, row.track, row.start, row.end) == ("face", 0, face.start, face.end)
        assert (row.face_found, row.sound_found) == (True, sound.sound_found)
        (p,) = model.fusion.fuse([{"face": face.probabilities, "audio": sound.probabilities}])
        np.testing.assert_allclose(row.probabilities, p)
    assert Result.from_json(result.to_json()).rows == result.rows


def test_windows_without_a_face_and_with_two() -> None:
    def face(track: int, happy: float) -> Row:
        p = [(1 - happy) / 6] * 7
        p[3] = happy
        return Row("f", track, 0.1, 0.9, True, "face", tuple(p), level="face")

    sound = Row("f", None, 0.0, 1.0, None, "audio", (0.4, *(0.1,) * 6), True, "window")
    silent = Row("f", None, 1.0, 2.0, None, "audio", (1 / 7,) * 7, False, "window")
    rows = combine_windows(
        [[face(0, 0.9), face(1, 0.2), sound], [sound], [silent], []], ["face", "audio"]
    )
    assert [(r.track, r.level, r.face_found) for r in rows] == [
        (0, "face", True), (1, "face", True), (None, "window", False), (None, "window", False),
    ]  # fmt: skip
    assert [r.label for r in rows] == ["happy", "angry", "angry", None]
    assert rows[2].probabilities == sound.probabilities
    assert {r.model for r in rows} == {"face+audio"}


def test_uncertain_below(model: EmoNets, happy: Path) -> None:
    plain = model.predict(happy)
    result = model.predict(happy, uncertain_below=0.5)
    for before, row in zip(plain.rows, result.rows, strict=True):
        assert row.probabilities == before.probabilities
        assert row.uncertain == (max(row.probabilities) < 0.5)
        assert row.label == ("uncertain" if row.uncertain else before.label)
    assert {row.uncertain for row in result.rows} == {True, False}
    assert result.about["uncertain_below"] == 0.5
    assert "uncertain" not in plain.about
    assert Result.from_json(result.to_json()).rows == result.rows
    assert "uncertain" in result.to_csv()
    for bad in (-0.1, 1.5, float("nan"), "half", True):
        with pytest.raises(ParameterError, match="uncertain_below must be a number"):
            model.predict(happy, uncertain_below=bad)  # type: ignore[arg-type]


def test_abstaining_by_the_fusions_own_threshold(
    parts: EmoNets, model: EmoNets, happy: Path
) -> None:
    result = model.predict(happy, abstain=True)
    for row in result.rows:
        assert row.uncertain == (row.model == "face+audio" and max(row.probabilities) < 0.9)
    assert "50% kept a label, 75.0% of these were right" in result.about["uncertain"]
    with pytest.raises(ParameterError, match="not both"):
        model.predict(happy, abstain=True, uncertain_below=0.5)
    for other in (parts, EmoNets(parts.face, audio=parts.audio, fusion=fitted())):
        with pytest.raises(ParameterError, match="no threshold to abstain by"):
            other.predict(happy, abstain=True)
    assert mark_uncertain(result.rows, None, False, model.fusion) == list(result.rows)


def test_on_the_command_line(run: Run, model: EmoNets, happy: Path, tmp_path: Path) -> None:
    bundle = model.save(tmp_path / "bundle")
    code, out, _ = run("predict", happy, "--bundle", bundle, "--uncertain-below", 0.99)
    assert code == 0
    assert "uncertain" in out
    assert "labels with a probability below 0.99 are uncertain" in out
    code, _, err = run("predict", happy, "--bundle", bundle, "--uncertain-below", 2)
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = run("predict", happy, "--abstain", "--fusion", "product")
    assert code == 2
    assert "no threshold to abstain by" in err


def test_what_was_kept_is_of_the_same_threshold(
    model: EmoNets, happy: Path, tmp_path: Path
) -> None:
    bundle = str(model.save(tmp_path / "bundle"))
    labels = []
    for options in (Options(), Options(uncertain_below=0.99), Options(abstain=True), Options()):
        result = predict_many([happy], bundle=bundle, options=options, folder=tmp_path / "out")
        labels.append(result.clip_rows()[0].label)
    assert labels[0] == labels[3] in EMOTIONS
    assert labels[1] == "uncertain"
    kept = json.loads(next((tmp_path / "out" / "clips").iterdir()).read_text())
    assert "uncertain" not in kept["about"]
