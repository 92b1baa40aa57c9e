"""A calibrated pool in a model and its bundle: the default, and `--fusion product`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_audio_specialist import speech_like, write_sound

import emonets
from command_line import Run, runner
from emonets import EmoNets
from emonets.bundle import read_bundle, write_bundle
from emonets.errors import ParameterError
from emonets.fusion.calibrated_pool import CalibratedPool
from emonets.fusion.calibration import Abstainer, with_temperature
from emonets.fusion.named import NamedFusion, fuse_unfitted
from emonets.inference.combine import combine_clip, combine_windows
from emonets.result import Row

HEAT = (2.0, 3.0)
RULE = Abstainer(0.4, 0.8, 0.6, 0.5, 100)
POOL = NamedFusion(CalibratedPool.of(HEAT, [1.2, 0.4]), ("face", "audio"), "calibrated pool", RULE)


@pytest.fixture(scope="module")
def model() -> EmoNets:
    shipped = emonets.load("modern")
    return EmoNets(shipped.face, audio=shipped.audio, fusion=POOL)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


def test_a_clip_is_fused_by_the_pool_or_by_the_product(model: EmoNets, happy: Path) -> None:
    plain = model.with_fusion("product")
    face, audio, product = (row for row in plain.predict(happy).rows if row.level == "clip")
    by_model = {"face": face.probabilities, "audio": audio.probabilities}
    np.testing.assert_allclose(product.probabilities, fuse_unfitted([by_model])[0])
    result = model.predict(happy, abstain=True)
    *single, both = (row for row in result.rows if row.level == "clip")
    np.testing.assert_allclose(both.probabilities, POOL.fuse([by_model])[0])
    # what is not fused is what a fusion is fitted on
    assert [row.probabilities for row in single] == [face.probabilities, audio.probabilities]
    alone = model.predict(happy, models="face", frames=True).rows
    expected = with_temperature(face.probabilities, HEAT[0])
    np.testing.assert_allclose(alone[-1].probabilities, expected)
    frames = [row.probabilities for row in alone if row.level == "frame"]
    np.testing.assert_allclose(np.mean(frames, axis=0), face.probabilities)
    assert "face at the temperature 2 with the weight 1.2" in result.about["decision"]
    assert result.about["uncertain_below"] == 0.4
    assert plain.specialists == model.specialists
    assert model.with_fusion("bundle") is model
    assert plain.with_fusion("product") is plain
    with pytest.raises(ParameterError, match="no fusion 'sum'; there are bundle, product"):
        model.with_fusion("sum")
    with pytest.raises(ParameterError, match="no threshold to abstain by"):
        plain.predict(happy, abstain=True)


def test_a_specialist_that_is_alone_is_at_its_temperature(model: EmoNets, tmp_path: Path) -> None:
    sound = write_sound(tmp_path / "a.wav", speech_like(0.6))
    for name in ("bundle", "product"):
        result = model.with_fusion(name).predict(sound)
        raw = model.specialists["audio"].predict_proba(
            model.audio.extract(emonets.media.clip.open_clip(sound))
        )
        expected = with_temperature(raw[0], HEAT[1]) if name == "bundle" else raw[0]
        (row,) = result.rows
        np.testing.assert_allclose(row.probabilities, expected, atol=1e-6)
        assert ("audio at the temperature 3" in result.about["decision"]) == (name == "bundle")


def face_row(track: int | None, p: tuple[float, ...], **more: object) -> Row:
    level = "clip" if track is None else "face"
    return Row("f", track, 0.0, 1.0, True, "face", p, level=level, **more)  # type: ignore[arg-type]


SAD = (0.02, 0.02, 0.02, 0.02, 0.88, 0.02, 0.02)
ANGRY = (0.94, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01)


def test_a_listener_and_an_unseen_speaker_leave_the_face_at_its_temperature() -> None:
    expected = with_temperature(SAD, HEAT[0])
    voice = Row("f", None, 0.0, 1.0, None, "audio", ANGRY, True, "window")
    listener = face_row(0, SAD, speaks=False, speech=0.9)
    (row,) = combine_windows([[listener, voice]], ["face", "audio"], POOL)
    np.testing.assert_allclose(row.probabilities, expected, atol=1e-9)
    unseen = combine_clip([face_row(None, SAD), voice], POOL, alone="face")
    np.testing.assert_allclose(unseen.probabilities, expected, atol=1e-9)
    # without a pool they stay as they are
    assert combine_windows([[listener, voice]], ["face", "audio"])[0].probabilities == SAD
    assert combine_clip([face_row(None, SAD), voice], alone="face").probabilities == SAD


def test_silence_leaves_the_face_at_its_temperature() -> None:
    silent = Row("f", None, 0.0, 1.0, None, "audio", (1 / 7,) * 7, False)
    row = combine_clip([face_row(None, SAD), silent], POOL)
    np.testing.assert_allclose(row.probabilities, with_temperature(SAD, HEAT[0]), atol=1e-9)
    nothing = combine_clip([silent], POOL)
    assert nothing.probabilities == pytest.approx((1 / 7,) * 7)


def test_in_bundles(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    """A pool is kept; a bundle from before, without any fusion, is loaded as ever."""
    kept = EmoNets.load(model.save(tmp_path / "pool"))
    assert kept.fusion is not None
    assert kept.fusion.to_arrays()[0] == POOL.to_arrays()[0]
    assert kept.describe() | {"bundle_digest": 0, "bundle": 0} == model.describe() | {
        key: kept.about[key] for key in ("emonets", "preset")
    } | {"bundle_digest": 0, "bundle": 0}
    content = read_bundle(tmp_path / "pool")
    own = ("format", "version", "classes", "checksums", "fusion")
    manifest = {key: value for key, value in content.manifest.items() if key not in own}
    arrays = {part: some for part, some in content.arrays.items() if part != "fusion"}
    before = EmoNets.load(write_bundle(tmp_path / "before", manifest, arrays))
    assert before.fusion is None
    assert "product of the models' probabilities" in before.describe()["decision"]


def test_on_the_command_line(run: Run, model: EmoNets, happy: Path, tmp_path: Path) -> None:
    bundle, out = model.save(tmp_path / "bundle"), tmp_path / "out"
    words = ("predict", happy, "--bundle", bundle, "--out", out)
    code, pool, err = run(*words)
    assert code == 0, err
    assert "with the weight 1.2" in pool
    code, product, err = run(*words, "--fusion", "product")  # the kept result is not used again
    assert code == 0, err
    assert "product of the models' probabilities" in product
    code, _, err = run(*words, "--fusion", "sum")
    assert (code, err.count("\n")) == (2, 1)
    assert "no fusion 'sum'; there are bundle, product" in err
