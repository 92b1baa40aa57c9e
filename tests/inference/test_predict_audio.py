"""From sound files and videos with sound to rows: what the audio specialist adds to `predict`."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from test_audio_specialist import specialist, speech_like, write_sound
from test_predict import write_clip

import emonets
from emonets import EmoNets, MediaError
from emonets.batch import Options, predict_many
from emonets.cli.main import main
from emonets.errors import ParameterError
from emonets.media.clip import open_clip
from emonets.specialists.audio.specialist import AudioSpecialist

__all__ = ["specialist"]  # the fixture


@pytest.fixture(scope="module")
def model(specialist: AudioSpecialist) -> EmoNets:
    return EmoNets(emonets.load("paper").face, audio=specialist)


def test_a_sound_file(model: EmoNets, tmp_path: Path) -> None:
    file = write_sound(tmp_path / "a.wav", speech_like(2.0))
    result = model.predict(file)
    assert [(row.model, row.level) for row in result.rows] == [("audio", "clip")]
    (row,) = result.rows
    assert (row.start, row.end) == (0.0, pytest.approx(2.0))
    assert row.label in emonets.EMOTIONS
    assert row.face_found is None
    assert row.sound_found
    assert result.files[0].status == "ok"
    assert not result.failed


def test_a_clip_with_both(model: EmoNets, happy: Path) -> None:
    result = model.predict(happy)
    assert [(row.model, row.level) for row in result.rows] == [
        ("face", "face"), ("face", "clip"), ("audio", "clip"), ("face+audio", "clip"),
    ]  # fmt: skip
    face, audio, both = result.rows[1:]
    product = np.prod([face.probabilities, audio.probabilities], axis=0)
    np.testing.assert_allclose(both.probabilities, product / product.sum(), atol=1e-6)
    assert result.clip_rows() == (both,)
    assert result.clip_rows("audio") == (audio,)
    assert both.face_found
    assert both.sound_found
    assert face.sound_found is None
    assert (
        "product of the models' probabilities, of those that found something"
        in (result.about["decision"])
    )


def test_windows_have_rows_of_their_own(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    result = model.predict(happy, window=0.5)
    heard = [row for row in result.rows if row.level == "window"]
    assert [row.model for row in heard] == ["audio"] * 4
    assert [row.start for row in heard] == pytest.approx(
        [heard[0].start + 0.5 * i for i in range(4)]
    )
    assert heard[-1].end <= result.clip_rows()[0].end + 1e-9
    assert len({row.probabilities for row in heard}) > 1
    half = np.concatenate([speech_like(6.0), np.zeros(6 * 48_000)])
    long = model.predict(write_sound(tmp_path / "half.wav", half))
    rows = [row for row in long.rows if row.level == "window"]
    assert [row.sound_found for row in rows] == [True, True, False]
    assert rows[2].probabilities == pytest.approx([1 / 7] * 7)
    assert rows[2].label is None
    clip = long.clip_rows()[0]
    assert clip.sound_found
    assert clip.end == pytest.approx(12.0)


def test_sound_that_goes_on_behind_the_pictures(model: EmoNets, tmp_path: Path) -> None:
    clip = tmp_path / "title.mkv"
    voice = speech_like(12.0).astype(np.float32)
    with av.open(str(clip), "w") as out:
        picture = out.add_stream("mpeg4", rate=25)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        sound = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for i in range(10):
            still = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), "rgb24")
            still.pts = i
            out.mux(picture.encode(still))
        out.mux(picture.encode())
        pcm = np.round(voice * 32767).astype(np.int16)
        heard = av.AudioFrame.from_ndarray(pcm[None], "s16", "mono")
        heard.sample_rate, heard.pts = 48_000, 0
        out.mux(sound.encode(heard))
        out.mux(sound.encode())
    rows = model.predict(clip).rows
    for model_name in ("audio", "face+audio"):
        windows = [row for row in rows if row.level == "window" and row.model == model_name]
        assert [row.start for row in windows] == pytest.approx([0.0, 5.0, 10.0])
        assert all(row.sound_found for row in windows)
    assert windows[0].face_found is False
    spans = {row.model: (row.start, row.end) for row in rows if row.level == "clip"}
    assert spans["face"] == pytest.approx((0.0, 0.4))
    assert spans["audio"] == spans["face+audio"] == pytest.approx((0.0, 12.0))


def test_silence(model: EmoNets, tmp_path: Path) -> None:
    file = write_sound(tmp_path / "silent.wav", np.zeros(48_000))
    result = model.predict(file)
    (row,) = result.rows
    assert row.sound_found is False
    assert row.label is None
    assert row.probabilities == pytest.approx([1 / 7] * 7)
    assert result.files[0].status == "no sound"
    assert "the sound is silent" in result.files[0].message
    assert result.failed


def test_a_clip_without_sound(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    images = [frame.image for frame in open_clip(happy).frames()][:12]
    clip = write_clip(tmp_path / "mute.mp4", images)
    result = model.predict(clip)
    face, audio, both = result.rows[1:]
    assert audio.sound_found is False
    assert audio.label is None
    assert both.probabilities == face.probabilities  # silence has no say
    assert result.files[0].status == "ok"
    assert not result.failed
    with pytest.raises(MediaError, match="has no sound"):
        model.predict(clip, models=["audio"])


def test_a_clip_without_a_face_still_uses_its_sound(
    model: EmoNets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import av

    path = tmp_path / "grey.mkv"
    sound = (speech_like(1.0) * 32767).astype(np.int16)
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 120, 160, "yuv420p"
        audio = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for _ in range(25):
            image = np.full((120, 160, 3), 90, np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(video.encode())
        frame = av.AudioFrame.from_ndarray(sound[None], "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(audio.encode(frame))
        out.mux(audio.encode())
    result = model.predict(path)
    face, heard, both = result.rows
    assert not face.face_found
    assert face.label is None
    assert heard.sound_found
    assert both.probabilities == heard.probabilities
    assert both.label == heard.label
    assert result.files[0].status == "no face"


def test_only_some_of_the_specialists(model: EmoNets, happy: Path) -> None:
    for names, models in ((["face"], {"face"}), (["audio"], {"audio"})):
        assert {row.model for row in model.predict(happy, models=names).rows} == models
    with pytest.raises(ParameterError, match="it has face, audio"):
        model.predict(happy, models=["mouth"])
    with pytest.raises(ParameterError, match="needs a specialist"):
        EmoNets()


def test_the_table_of_all(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    file = write_sound(tmp_path / "a.wav", speech_like(0.5))
    result = model.predict([happy, file])
    frame = result.to_pandas()
    assert frame["face_found"].isna().sum() == 2
    assert frame["sound_found"].isna().sum() == 2
    assert frame["level"].tolist() == ["face", "clip", "clip", "clip", "clip"]
    assert len(result.clip_rows()) == 2
    again = emonets.Result.from_json(result.to_json())
    assert again.rows == result.rows


def test_on_the_command_line(
    model: EmoNets, happy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    model.save(tmp_path / "bundle")
    file = write_sound(tmp_path / "a.wav", speech_like(0.5))
    out = str(tmp_path / "out")
    argv = ["emonets", "predict", str(file), str(happy), "--bundle", str(tmp_path / "bundle")]

    def call(*more: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", [*argv, *more])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0), capsys.readouterr().out
        return 0, capsys.readouterr().out

    code, text = call()
    assert code == 0
    assert "face+audio" in text
    assert text.splitlines()[0].split()[:2] == ["file", "model"]
    code, text = call("--models", "audio", "--format", "json", "--out", out)
    assert code == 0
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {row["model"] for row in content["rows"]} == {"audio"}
    code, text = call("--models", "face, audio", "--format", "json", "--out", out)
    content = json.loads((tmp_path / "out" / "results.json").read_text())
    assert {row["model"] for row in content["rows"]} == {"face", "audio", "face+audio"}
    code, text = call("--models", "nose")
    assert code == 2


def test_workers_agree(model: EmoNets, happy: Path, angry: Path, tmp_path: Path) -> None:
    bundle = str(model.save(tmp_path / "bundle"))
    options = Options()
    one = predict_many([happy, angry], bundle=bundle, models=["audio"], options=options)
    two = predict_many([happy, angry], bundle=bundle, models=["audio"], workers=2)
    # matrix products of other numbers of threads add up in another order
    for a, b in zip(one.rows, two.rows, strict=True):
        assert (a.file, a.start, a.label) == (b.file, b.start, b.label)
        assert a.probabilities == pytest.approx(b.probabilities, abs=1e-6)


def test_the_device_reaches_the_sound_network(happy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = emonets.load("modern").with_models(["audio"])
    assert loaded.audio is not None
    used: list[str] = []
    use = loaded.audio.network.use  # type: ignore[attr-defined]

    def noted(*, device: str = "cpu", threads: int = 0) -> None:
        used.append(device)
        use(device="cpu", threads=threads)

    monkeypatch.setattr(loaded.audio.network, "use", noted)
    loaded.device = "cuda"  # as if onnxruntime had it
    loaded.predict(happy)
    assert set(used) == {"cuda"}
