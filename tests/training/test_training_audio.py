"""Training and scoring the audio specialist on made-up speakers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_audio_specialist import speech_like, write_sound

from emonets.cli.main import main
from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.fusion.common import neutral_where_unknown
from emonets.model import EmoNets
from emonets.training.audio import (
    cross_validate,
    drawn,
    fit_pooled_perceptron,
    train_audio,
)
from emonets.training.audio_report import _answers, evaluate_audio, report_audio
from emonets.training.preset import audio_settings, load_section
from emonets.training.sound_data import Labelled, emotions_of, held_out, load_labelled

SMALL = """
[audio]
model = "pooled perceptron"
features = "yaafe"
[audio.pretraining]
max_frames = 20
[[audio.pretraining.layers]]
n_components = 6
hidden = "relu"
algorithm = "cd"
n_epochs = 1
[[audio.pretraining.layers]]
n_components = 5
hidden = "sigmoid"
algorithm = "cd"
n_epochs = 1
[audio.network]
hidden_layer_sizes = [6, 5]
n_epochs = 4
"""
SMALL_NETWORK = """
[audio]
model = "sound network"
features = "logmel"
[audio.network]
widths = [4, 4]
blocks = [0, 1]
embedding = 8
attention = 4
[audio.training]
members = 1
epochs = 1
batch_size = 8
frames = 24
"""


def quiet(_: str) -> None:
    """Nothing is said."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four speakers, three emotions that differ in pitch and level, two takes; one is silent."""
    root = tmp_path_factory.mktemp("corpus")
    for speaker in range(4):
        for number, emotion in enumerate(("angry", "happy", "sad")):
            folder = root / emotion / f"speaker{speaker}"
            folder.mkdir(parents=True)
            for take in range(2):
                sound = speech_like(0.4, seed=take + 7 * speaker) ** (number + 1)
                write_sound(folder / f"{take}.wav", sound[: 14_000 + 1000 * speaker])
    write_sound(root / "sad" / "speaker1" / "silent.wav", np.zeros(9000))
    return root


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    file = tmp_path / "small.toml"
    file.write_text(SMALL)
    return file


def labelled(corpus: Path, work: Path) -> Labelled:
    return load_labelled([corpus], "yaafe", work / "features", echo=quiet)


def test_what_is_loaded(corpus: Path, work: Path) -> None:
    data = labelled(corpus, work)
    assert len(data.frames) == len(data.labels) == 24
    assert data.classes == EMOTIONS
    assert sorted(set(data.labels.tolist())) == [0, 3, 4]
    assert data.split == "leave one of 4 subjects out"
    assert [why for _, why in data.dropped] == ["silent or unreadable"]
    assert data.frames[0].shape[1] == 909
    again = labelled(corpus, work)  # from the folder
    np.testing.assert_array_equal(again.frames[5], data.frames[5])


def test_features_are_computed_once(
    corpus: Path, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled(corpus, work)

    def never(*_: object) -> None:
        raise AssertionError("computed anew")

    monkeypatch.setattr("emonets.training.sound_frames.extract", never)
    said: list[str] = []
    data = load_labelled([corpus], "yaafe", work / "features", echo=said.append)
    assert len(data.frames) == 24
    assert not any("computed anew" in text for text in said)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no list of open files here")
def test_no_file_stays_open(corpus: Path, work: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    data = labelled(corpus, work)
    kept = [data.frames[i] for i in range(len(data.frames))]
    assert len(kept) == 24
    assert len(os.listdir("/proc/self/fd")) <= before + 2  # systems allow 1,024, or 256


@pytest.mark.parametrize("fold", [None, 0, 1, 2, 3])
def test_subjects_are_never_on_both_sides(corpus: Path, work: Path, fold: int | None) -> None:
    data = labelled(corpus, work)
    usable = np.flatnonzero(data.folds != (-1 if fold is None else fold))
    train, stop = held_out(data, usable, fold, seed=0)
    assert len(train)
    assert len(stop)
    assert set(train.tolist()) | set(stop.tolist()) == set(usable.tolist())
    assert not set(data.groups[train]) & set(data.groups[stop])
    if fold is not None:
        test = np.flatnonzero(data.folds == fold)
        assert not set(data.groups[test]) & (set(data.groups[train]) | set(data.groups[stop]))


def test_whitening_and_network_never_meet_the_test_fold(
    corpus: Path, work: Path, preset: Path, tmp_path: Path
) -> None:
    data = labelled(corpus, work)
    settings = load_section(preset, "audio")
    p = cross_validate(data, settings, work=tmp_path / "a", echo=quiet)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    # what the speaker of fold 0 says changes no answer about fold 0's training: make it absurd
    frames = [
        part * 1e3 if fold == 0 else part
        for part, fold in zip(data.frames, data.folds, strict=True)
    ]
    other = Labelled(**{**data.__dict__, "frames": frames})
    q = cross_validate(other, settings, work=tmp_path / "b", echo=quiet)
    assert np.abs(p - q)[data.folds != 0].max() > 1e-6  # the others' training did meet it
    labels = data.labels.copy()
    labels[data.folds == 0] = 6
    blind = Labelled(**{**data.__dict__, "labels": labels})
    r = cross_validate(blind, settings, work=tmp_path / "c", echo=quiet)
    np.testing.assert_allclose(r[data.folds == 0], p[data.folds == 0], atol=1e-7)


def test_cross_validation_goes_on(
    corpus: Path, work: Path, preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, settings = labelled(corpus, work), load_section(preset, "audio")
    p = cross_validate(data, settings, work=tmp_path, echo=quiet)
    folds = sorted(tmp_path.glob("fold-*.npy"))
    assert len(folds) == 4
    folds[2].unlink()
    said: list[str] = []
    q = cross_validate(data, settings, work=tmp_path, echo=said.append)
    np.testing.assert_array_equal(p, q)
    assert sum("done" in text for text in said) == 1
    pretrained = sorted(tmp_path.rglob("pretrained-*.safetensors"))
    assert pretrained
    other = {**settings, "network": {**settings["network"], "pooling": "mean"}}
    r = cross_validate(data, other, work=tmp_path, echo=said.append)
    assert np.abs(p - r).max() > 1e-9  # another model is not taken for this one
    assert sorted(tmp_path.rglob("pretrained-*.safetensors")) == pretrained  # but alike


@pytest.mark.parametrize("what", ["labels", "frames"])
def test_what_other_recordings_left_is_not_taken(
    corpus: Path, work: Path, preset: Path, tmp_path: Path, what: str
) -> None:
    data, settings = labelled(corpus, work), load_section(preset, "audio")
    cross_validate(data, settings, work=tmp_path / "a", echo=quiet)
    if what == "labels":  # the same files, sorted into other folders since
        changed = {"labels": np.roll(data.labels, 3)}
    else:  # another corpus of the same name, size and speakers
        changed = {"frames": [frames[::-1] * 2 for frames in data.frames]}
    other = Labelled(**{**data.__dict__, **changed})
    expected = cross_validate(other, settings, work=tmp_path / "b", echo=quiet)
    found = cross_validate(other, settings, work=tmp_path / "a", echo=quiet)
    np.testing.assert_array_equal(found, expected)


def test_calm_is_a_class_of_its_own_while_training() -> None:
    one = np.zeros((1, 3), np.float32)
    data = Labelled(
        names=("a", "b"), corpus=np.array([0, 0, 1, 1]), frames=[one] * 4,
        labels=np.array([6, 6, 6, 0]), words=np.array(["calm", "neutral", "neutral", "angry"]),
        groups=np.array(list("wxyz")), folds=np.arange(4), splits=np.array([""] * 4), dropped=(),
    )  # fmt: skip
    assert data.classes == (*EMOTIONS, "calm")
    targets = data.targets()
    assert targets[0].tolist() == [0] * 7 + [1]
    assert targets[1].tolist() == [0] * 6 + [1, 0]
    assert targets[2].tolist() == [0] * 6 + [0.5, 0.5]
    assert targets[3].tolist() == [1] + [0] * 7
    assert emotions_of(8) == (0, 1, 2, 3, 4, 5, 6, 6)
    assert emotions_of(7) == tuple(range(7))


def test_classes_that_were_never_shown_do_not_choose_the_epoch(
    corpus: Path, work: Path, preset: Path
) -> None:
    data, settings = labelled(corpus, work), load_section(preset, "audio")
    angry, train = np.flatnonzero(data.labels == 0), np.flatnonzero(data.labels != 0)
    of_two = data.groups[train] != data.groups[-1]
    stop = train[~of_two]
    known = fit_pooled_perceptron(data, train[of_two], stop, settings, echo=quiet)
    both = np.concatenate([stop, angry])
    more = fit_pooled_perceptron(data, train[of_two], both, settings, echo=quiet)
    assert known.classes == more.classes == (3, 4)
    assert known.network.history_ == more.network.history_
    with pytest.raises(DataError, match="no recording to stop by"):
        fit_pooled_perceptron(data, train, angry, settings, echo=quiet)


def test_frames_are_drawn_by_seed() -> None:
    clips = [np.arange(30.0, dtype=np.float32)[:, None], np.ones((3, 1), np.float32)]
    some = drawn(clips, 10, 0)
    assert len(some) == 13
    assert len(set(some[:10, 0].tolist())) == 10
    np.testing.assert_array_equal(some, drawn(clips, 10, 0))
    assert len(drawn(clips, None, 0)) == 33


@pytest.mark.parametrize("text", [SMALL, SMALL_NETWORK])
def test_from_recordings_to_a_bundle_that_predicts(
    corpus: Path, tmp_path: Path, text: str, happy: Path
) -> None:
    if "sound network" in text:
        pytest.importorskip("torch")
    preset = tmp_path / "mine.toml"
    preset.write_text(text)
    out = tmp_path / "bundle"
    made = train_audio([corpus], out, preset=str(preset), add_to="paper", echo=quiet)
    loaded = EmoNets.load(out)
    assert list(loaded.specialists) == ["face", "audio"]
    assert loaded.about["card"]["audio"]["trained_on"]
    a, b = (model.predict(happy, models=["audio"]) for model in (made, loaded))
    assert a.rows == b.rows
    (row,) = a.rows
    assert (row.model, row.level, row.sound_found, row.face_found) == ("audio", "clip", True, None)
    assert sum(row.probabilities) == pytest.approx(1)
    assert row.probabilities[EMOTIONS.index("disgust")] < 1e-6  # was not among the recordings
    both = loaded.predict(happy)
    assert [row.model for row in both.rows] == ["face", "face", "audio", "face+audio"]
    # of four emotions the sound was never shown it says nothing, and leaves them to the face
    known = [loaded.specialists[name].known_classes for name in ("face", "audio")]
    said = np.array([[row.probabilities for row in both.rows[1:3]]])
    product = neutral_where_unknown(said, known)[0].prod(axis=0)
    product /= product.sum()
    found = both.clip_rows()[0].probabilities
    np.testing.assert_allclose(found, product, rtol=1e-3, atol=1e-6)


def test_report(corpus: Path, work: Path, preset: Path, tmp_path: Path) -> None:
    text = report_audio(
        [corpus], preset=str(preset), work=work, json_path=tmp_path / "a.json",
        figure_path=tmp_path / "a.png", echo=quiet,
    )  # fmt: skip
    assert "leave one of 4 subjects out" in text
    assert "3 classes, without disgust, fear, surprise, neutral" in text
    assert "left out: 1 files" in text
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["scores"][0]["n"] == 24
    assert content["scores"][0]["n_groups"] == 4
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_a_bundle_is_scored(corpus: Path, work: Path, preset: Path, tmp_path: Path) -> None:
    train_audio([corpus], tmp_path / "b", preset=str(preset), work=work, echo=quiet)
    _, (score,) = evaluate_audio([corpus], bundle=tmp_path / "b", work=work, echo=quiet)
    assert score.split == "all recordings"
    assert score.scores.n == 24


def test_one_speaker_is_refused(corpus: Path, tmp_path: Path, preset: Path) -> None:
    for emotion in ("angry", "sad"):
        folder = tmp_path / "lone" / emotion / "anna"
        folder.mkdir(parents=True)
        write_sound(folder / "a.wav", speech_like(0.3))
    with pytest.raises(DataError, match="1 subjects to train on; 2 at least"):
        train_audio([tmp_path / "lone"], tmp_path / "out", preset=str(preset), echo=quiet)
    assert not (tmp_path / "out").exists()


def manifest(corpus: Path, place: Path, part: Callable[[Path], str]) -> Path:
    """A table of all recordings of the made-up corpus that sound."""
    lines = [
        f"{file},{file.parent.parent.name},{file.parent.name},{part(file)}"
        for file in sorted(corpus.rglob("?.wav"))
    ]
    place.write_text("\n".join(["path,label,group,split", *lines]) + "\n")
    return place


def test_a_split_of_ones_own(corpus: Path, work: Path, preset: Path, tmp_path: Path) -> None:
    def train(part: Callable[[Path], str]) -> list[str]:
        said: list[str] = []
        table = manifest(corpus, tmp_path / "a.csv", part)
        out = tmp_path / "out"
        train_audio([table], out, preset=str(preset), work=work, echo=said.append)
        return said

    parts = {"speaker0": "train", "speaker1": "train", "speaker2": "dev", "speaker3": "test"}
    said = train(lambda file: parts[file.parent.name])
    assert "12 recordings of 2 speakers to train on, 6 of 1 to stop by" in said
    assert not any("too good" in text for text in said)
    said = train(lambda file: "valid" if file.stem == "1" else "train")  # one take of everybody's
    assert any("too good" in text and "4, such as a/speaker0" in text for text in said)
    with pytest.raises(DataError, match="none is left to train on"):
        train(lambda file: "valid")
    with pytest.raises(DataError, match="no recording is left to train on"):
        train(lambda file: "test")


def test_a_bundle_is_scored_on_the_part_for_testing(
    corpus: Path, work: Path, preset: Path, tmp_path: Path
) -> None:
    table = manifest(
        corpus, tmp_path / "a.csv", lambda f: "test" if f.parent.name == "speaker3" else "train"
    )
    train_audio([table], tmp_path / "b", preset=str(preset), work=work, echo=quiet)
    data, (score,) = evaluate_audio([table], bundle=tmp_path / "b", work=work, echo=quiet)
    assert set(data.groups) == {"a/speaker3"}
    assert score.scores.n == 6
    assert score.split == "what the split keeps for testing"
    both = evaluate_audio([table, corpus], bundle=tmp_path / "b", work=work, echo=quiet)[1]
    assert [(one.corpus, one.scores.n) for one in both] == [("a", 6)]


def test_one_speaker_cannot_be_scored_by_others(tmp_path: Path, work: Path) -> None:
    pytest.importorskip("torch")
    for emotion in ("angry", "sad"):
        (tmp_path / "lone" / emotion / "anna").mkdir(parents=True)
        write_sound(tmp_path / "lone" / emotion / "anna" / "a.wav", speech_like(0.3))
    preset = tmp_path / "small.toml"
    preset.write_text(SMALL_NETWORK)
    with pytest.raises(DataError, match="no recording is left to train on"):
        evaluate_audio([tmp_path / "lone"], preset=str(preset), work=tmp_path, echo=quiet)


def test_nobody_is_in_two_folds_of_two_corpora_of_one_name(
    corpus: Path, work: Path, tmp_path: Path
) -> None:
    def some(speakers: str, place: Path) -> Path:
        place.parent.mkdir()
        manifest(corpus, place, lambda file: "")
        lines = place.read_text().splitlines()
        kept = [line for line in lines[1:] if line.split(",")[2][-1] in speakers]
        place.write_text("\n".join([lines[0], *kept]) + "\n")
        return place

    tables = [some("012", tmp_path / "a" / "own.csv"), some("23", tmp_path / "b" / "own.csv")]
    data = load_labelled(tables, "yaafe", work / "features", echo=quiet)
    assert len(data.labels) == 6 * 5
    for group in np.unique(data.groups):
        assert len(np.unique(data.folds[data.groups == group])) == 1


def test_wrong_words(corpus: Path, work: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SMALL.replace("pooled perceptron", "oracle"))
    with pytest.raises(ParameterError, match="oracle"):
        train_audio([corpus], tmp_path / "out", preset=str(wrong), work=work, echo=quiet)
    wrong.write_text('name = "mine"')
    with pytest.raises(ParameterError, match=r"no \[audio\]"):
        train_audio([corpus], tmp_path / "out", preset=str(wrong), echo=quiet)
    with pytest.raises(ParameterError, match="not both"):
        evaluate_audio([corpus], bundle="paper", preset="paper", work=work)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL.replace("yaafe", "mfcc"), "one of 'yaafe', 'logmel', got 'mfcc'"),
        (SMALL + "widths = [3]", r"unknown key 'widths' .* has model = 'pooled perceptron'"),
        (SMALL_NETWORK.replace("[4, 4]", '["a", "b"]'), "must be a list of whole numbers"),
        (SMALL_NETWORK + "[audio.augmentation]\nsnr = [3.0]", "snr"),
    ],
)
def test_presets_that_lack_or_mix(tmp_path: Path, text: str, message: str) -> None:
    preset = tmp_path / "own.toml"
    preset.write_text(text)
    with pytest.raises(ParameterError, match=message):
        audio_settings(preset)


@pytest.mark.parametrize("name", ["paper", "modern"])
def test_shipped_presets_fit_their_models(name: str) -> None:
    table = load_section(name, "audio")
    table.pop("clips", None)  # how a whole system is trained
    table.pop("frames")  # fixed by the features
    made = audio_settings(name)
    made.pop("frames")
    assert made == table


def test_a_bundle_is_scored_on_all_frames_and_tells_where_it_is_told_to(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    preset = tmp_path / "small.toml"
    preset.write_text(SMALL_NETWORK)
    model = train_audio([corpus], tmp_path / "b", preset=str(preset), echo=quiet)
    assert model.audio is not None
    capsys.readouterr()
    said: list[str] = []
    evaluate_audio([corpus], bundle=tmp_path / "b", work=tmp_path / "w", echo=said.append)
    assert any("silent" in text for text in said)
    assert not capsys.readouterr().out  # that is where the scores go
    data = load_labelled([corpus], "logmel", tmp_path / "w" / "features", echo=quiet)
    expected = model.audio.network.predict_proba(list(data.frames))
    np.testing.assert_allclose(_answers(model.audio, data)[:, [0, 3, 4]], expected, atol=1e-6)


@pytest.mark.parametrize("options", [{"seed": -1}, {"seed": 2**32}, {"workers": 0}])
def test_seeds_and_workers(corpus: Path, preset: Path, tmp_path: Path, options: dict) -> None:
    with pytest.raises(ParameterError, match=next(iter(options))):
        train_audio([corpus], tmp_path / "out", preset=str(preset), echo=quiet, **options)
    with pytest.raises(ParameterError, match=next(iter(options))):
        evaluate_audio([corpus], preset=str(preset), work=tmp_path, echo=quiet, **options)


def test_command_line(
    corpus: Path, preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "made"
    argv = ["emonets", "train", "audio", str(corpus), "--out", str(out), "--preset", str(preset)]
    monkeypatch.setattr("sys.argv", argv)
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code in (0, None)
    assert (out / "bundle.json").is_file()
    monkeypatch.setattr("sys.argv", ["emonets", "train", "audio", str(tmp_path / "no"), *argv[4:]])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "there is no such file or folder" in capsys.readouterr().err
