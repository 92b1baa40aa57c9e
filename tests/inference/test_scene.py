"""Persons and speech in `predict`, from a real clip to the rows, the table and the files."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest
from people import FakeSpeakers, FakeSpeech
from test_audio_specialist import speech_like

import emonets
from emonets import EmoNets, Result
from emonets.batch import predict_many
from emonets.cli.main import main
from emonets.contracts import Features
from emonets.inference.persons import Scene
from emonets.inference.scene import IDENTITY, SPEAKERS, readers_for, relabelled
from emonets.media.clip import open_clip
from emonets.one_pass import Pass

SPEAKS = [(0.0, 2.0)]


@pytest.fixture(scope="module")
def model() -> EmoNets:
    return emonets.load().with_models("face,audio")


@pytest.fixture(scope="module")
def every_sound(model: EmoNets) -> EmoNets:
    """The same, and made-up sound counts as speech."""
    return EmoNets(model.face, audio=model.audio.used_on("sound"))


@pytest.fixture(scope="module")
def pair(happy: Path, angry: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people side by side, with a voice."""
    path = tmp_path_factory.mktemp("pair") / "pair.mkv"
    left, right = ([f.image for f in open_clip(p).frames()][:40] for p in (happy, angry))
    images = [np.hstack([a, b]) for a, b in zip(left, right, strict=False)]
    return write_both(path, images, speech_like(1.6))


def write_both(path: Path, images: list[np.ndarray], sound: np.ndarray) -> Path:
    """A clip of pictures, 25 a second, and sound of 48 kHz."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=25)
        video.height, video.width = images[0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio = out.add_stream("pcm_s16le", rate=48_000, layout="mono")
        for image in images:
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, "rgb24")))
        out.mux(video.encode())
        pcm = np.round(sound * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], "s16", "mono")
        frame.sample_rate, frame.pts = 48_000, 0
        out.mux(audio.encode(frame))
        out.mux(audio.encode())
    return path


def with_scene(monkeypatch: pytest.MonkeyPatch, speaking: dict[int, object] | None) -> None:
    """Make up who speaks: a side of the picture (0 left, 1 right) → spans."""

    def made(
        file: str, clip: object, specialists: object, found: Pass, **options: object
    ) -> tuple[Scene, tuple[()]]:
        own = found.features["face"]
        if speaking is None:
            return Scene.of([own]), ()
        spans = {track: speaking[side(own, track)] for track in np.unique(own["track"]).tolist()}
        return Scene.of([own], None, FakeSpeech(SPEAKS), FakeSpeakers(spans)), ()  # type: ignore[arg-type]

    monkeypatch.setattr("emonets.inference.clip.scene_of", made)


def side(features: Features, track: int) -> int:
    middle = features["boxes"][features["track"] == track][:, [0, 2]].mean()
    return int(middle > 480)


def by_kind(result: Result) -> dict[tuple[str, str, int | None], tuple[float, ...]]:
    return {(row.model, row.level, row.person): row.probabilities for row in result.rows}


@pytest.mark.parametrize("window", ["auto", 2.0])
def test_a_speaker_and_a_listener(
    every_sound: EmoNets, pair: Path, window: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_scene(monkeypatch, {0: SPEAKS, 1: []})
    result = every_sound.predict(pair, window=window)  # type: ignore[arg-type]
    rows = by_kind(result)
    (speaker,) = {r.person for r in result.rows if r.speaks}
    (listener,) = {r.person for r in result.rows if r.speaks is False}
    face, voice = rows["face", "face", speaker], rows["audio", "clip", None]
    product = np.multiply(face, voice)
    np.testing.assert_allclose(
        rows["face+audio", "face", speaker], product / product.sum(), atol=1e-6
    )
    assert rows["face+audio", "face", listener] == rows["face", "face", listener]
    assert {row.speech for row in result.rows} == {1.0}
    # the clip: next to nothing of the listener, although both faces are of one size
    whole = np.array(rows["face", "clip", None])
    other = rows["face", "face", listener]
    assert np.abs(whole - face).max() < 0.1 * np.abs(np.subtract(other, face)).max()


def test_both_listen_to_somebody_who_is_not_seen(
    every_sound: EmoNets, pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_scene(monkeypatch, {0: [], 1: []})
    result = every_sound.predict(pair)
    rows = by_kind(result)
    assert rows["face+audio", "clip", None] == rows["face", "clip", None]
    assert rows["audio", "clip", None] != rows["face", "clip", None]
    assert result.clip_rows()[0].model == "face+audio"


def test_the_columns_in_every_format(
    every_sound: EmoNets, pair: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_scene(monkeypatch, {0: SPEAKS, 1: []})
    result = every_sound.predict(pair)
    assert Result.from_json(result.to_json()).rows == result.rows
    table = pd.read_csv(io.StringIO(result.to_csv()))
    fused = table[(table["model"] == "face+audio") & (table["level"] == "face")]
    assert sorted(fused["person"]) == [0, 1]
    assert sorted(fused["speaks"].map(str)) == ["False", "True"]
    assert table["person"].isna().tolist() == (table["level"] == "clip").tolist()
    pytest.importorskip("pyarrow")
    result.to_parquet(tmp_path / "r.parquet")
    again = pd.read_parquet(tmp_path / "r.parquet")
    assert again["speaks"].tolist() == result.to_pandas()["speaks"].tolist()


def test_the_table_shows_persons(
    pair: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def header() -> list[str]:
        monkeypatch.setattr("sys.argv", ["emonets", "predict", str(pair)])
        with suppress(SystemExit):
            main()
        return capsys.readouterr().out.splitlines()[0].split()

    with_scene(monkeypatch, {0: SPEAKS, 1: []})
    assert header()[:4] == ["file", "model", "person", "start"]
    assert header()[-1] == "speaks"
    with_scene(monkeypatch, None)
    assert header()[-1] == "label"  # nothing is known of speech


def test_readers_are_opened_only_where_they_are_needed(happy: Path, tmp_path: Path) -> None:
    modern, paper = emonets.load(), emonets.load("paper")
    with_sound = open_clip(happy)
    still = tmp_path / "still.png"
    av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24").to_image().save(still)

    def opened(model: EmoNets, names: str, path: Path = happy) -> set[str]:
        parts = model.with_models(names).specialists
        return set(readers_for(parts, with_sound if path == happy else open_clip(path)))

    assert opened(modern, "face,audio") == {IDENTITY, SPEAKERS}
    assert opened(modern, "face") == {IDENTITY}
    assert opened(modern, "audio") == set()
    assert opened(modern, "activity,audio") == set()
    assert opened(modern, "mouth,audio") == {IDENTITY, SPEAKERS}
    assert opened(modern, "face,audio", still) == {IDENTITY}
    assert opened(paper, "face,audio") == {IDENTITY}  # the voice is everybody's, as in the paper


def test_a_person_who_speaks(model: EmoNets, angry: Path) -> None:
    result = model.predict(angry)
    face, *_, both = result.rows
    assert (face.person, face.speaks, both.speaks) == (0, True, None)
    assert 0.3 < both.speech < 1  # type: ignore[operator]
    (person,) = result.persons
    assert (person.file, person.person, person.tracks) == (str(angry), 0, (0,))
    assert person.usable > 0.9
    assert person.picture.startswith(b"\xff\xd8")
    assert person.embedding is None
    assert Result.from_json(result.to_json()).persons == result.persons


def test_hum_has_no_part(model: EmoNets, happy: Path, tmp_path: Path) -> None:
    """The clip's prediction is the face's, whatever a network predicts from hum."""
    clip = tmp_path / "hum.mkv"
    images = [frame.image for frame in open_clip(happy).frames()][:20]
    hum = np.sin(2 * np.pi * 50 * np.arange(38_400) / 48_000) * 10 ** (-48 / 20)
    write_both(clip, images, hum)
    result = model.with_fusion("product").predict(clip)
    face, audio, both = (row for row in result.rows if row.level == "clip")
    assert audio.sound_found is False
    assert (audio.label, audio.speech) == (None, 0.0)
    assert both.probabilities == face.probabilities
    pooled = model.predict(clip).rows[-1]
    assert both.label == pooled.label == face.label
    assert pooled.probabilities == pytest.approx(face.probabilities, abs=0.03)  # its temperature
    assert "no speech was found" in result.files[0].message


def test_the_same_people_in_all_clips(happy: Path, angry: Path) -> None:
    model = emonets.load().with_models("face")
    pieces = [happy, angry]
    result = model.predict(pieces, same_people=True)  # of one actor
    assert {row.person for row in result.rows if row.track is not None} == {0}
    assert [(own.file, own.person) for own in result.persons] == [(str(p), 0) for p in pieces]
    assert all(own.embedding is None for own in result.persons)
    many = predict_many(pieces, bundle="modern", models="face", same_people=True)
    assert [row.person for row in many.rows] == [row.person for row in result.rows]
    kept = model.predict_clip(happy, embeddings=True).persons
    assert kept[0].embedding is not None
    assert kept[0].embedding.shape == (128,)


def test_joined_tracks_have_one_number_and_stay_in_order() -> None:
    by_track = {
        "track": np.array([0, 0, 1, 1, 2]), "index": np.array([0, 1, 0, 1, 2]),
        "step": np.array(0.04), "boxes": np.arange(20.0).reshape(5, 4),
    }  # fmt: skip
    made = relabelled(by_track, {0: 0, 1: 1, 2: 0}, "track")
    assert made["track"].tolist() == [0, 0, 0, 1, 1]
    assert made["index"].tolist() == [0, 1, 2, 0, 1]
    assert made["boxes"][:, 0].tolist() == [0, 4, 16, 8, 12]
    by_frame = {"track": np.array([0, 1, 0, 1, 2]), "index": np.array([0, 0, 1, 1, 2])}
    made = relabelled(by_frame, {0: 0, 1: 1, 2: 0}, "track")
    assert made["track"].tolist() == [0, 1, 0, 1, 0]
    assert made["index"].tolist() == [0, 0, 1, 1, 2]
    assert relabelled(by_frame, {0: 0, 1: 1, 2: 2}, "track") is by_frame
