"""`emonets train` and `emonets evaluate` of one specialist: the system, with one."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_activity_training import write_clips
from test_audio_specialist import speech_like, write_sound
from test_audio_training import SMALL, SMALL_NETWORK
from test_mouth_training import faces as made_up_faces

import emonets
from command_line import Run, runner
from emonets.datasets import open_dataset
from emonets.errors import DataError
from emonets.runtime.store import FeatureStore
from emonets.training.division import folds_of
from emonets.training.preset import load_preset
from emonets.training.system import Options, System
from listening import listening

ACTIVITY = """
[activity]
on = "frames"
[activity.blocks]
count = 600
components = 24
basis = 16
[activity.synchrony]
n_components = 16
learning_rate = 0.005
n_epochs = 4
batch_size = 32
[activity.superblocks]
count = 500
components = 8
[activity.words]
n_words = 12
max_iter = 5
[activity.svm]
C = 10.0
"""
MOUTH = """
[mouth]
region = "fixed"
colour = "grey"
[mouth.dictionary]
grid = [2, 2]
n_clusters = 6
patches_per_picture = 2
[mouth.classifier]
strengths = [0.01]
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(monkeypatch, capsys)


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(SMALL_NETWORK + ACTIVITY + MOUTH)
    return file


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people, three emotions that differ in pitch and level, two takes; one is silent."""
    root = tmp_path_factory.mktemp("speech")
    for person in range(4):
        for number, emotion in enumerate(("angry", "happy", "sad")):
            (root / emotion / f"p{person}").mkdir(parents=True)
            for take in range(2):
                sound = speech_like(0.4, seed=take + 7 * person) ** (number + 1)
                write_sound(root / emotion / f"p{person}" / f"{take}.wav", sound)
    write_sound(root / "sad" / "p1" / "silent.wav", np.zeros(9000))
    return root


@pytest.fixture(scope="module")
def ravdess(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six actors of three agreed folds, all eight emotions once."""
    root = tmp_path_factory.mktemp("made") / "speech"
    root.mkdir()
    for actor in (2, 5, 3, 6, 10, 11):
        for emotion in range(1, 9):
            sound = speech_like(0.3, seed=emotion + 10 * actor)
            write_sound(root / f"03-01-0{emotion}-01-01-01-{actor:02d}.wav", sound)
    return root


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store") / "s"


def test_audio_from_recordings_to_scores(
    run: Run, speech: Path, store: Path, preset: Path, tmp_path: Path, happy: Path
) -> None:
    pytest.importorskip("torch")
    out = tmp_path / "b"
    common = ("--store", store)
    code, text, err = run(
        "train", "audio", speech, "--out", out, "--preset", preset, "--add-to", "modern", *common
    )
    assert code == 0, err
    assert "leave one of 4 groups out" in text
    assert "no usable input in 1 clips" in text  # the silent one
    model = emonets.load(out)
    assert tuple(model.specialists) == ("face", "audio", "activity", "mouth")
    assert model.active == ("face", "audio")
    card = model.about["card"]
    assert (card["audio"]["clips"], card["audio"]["groups"]) == (24, 4)
    assert card["activity"]  # of the bundle that it was added to
    assert "fusion" not in card
    (row,) = model.predict(happy, models=["audio"]).rows
    assert row.probabilities[1] < 1e-6  # disgust was not among the recordings
    code, text, err = run("evaluate", "audio", out, speech, *common, "--out", tmp_path / "r")
    assert code == 0, err
    assert "25 clips of 4 groups, 3 classes, all clips" in text
    scores = json.loads((tmp_path / "r" / "scores.json").read_text())
    assert list(scores["models"]) == ["audio"]
    assert scores["found_nothing"] == {"audio": 1}
    assert (tmp_path / "r" / "confusion_audio.png").stat().st_size > 1000
    code, text, err = run(
        "evaluate", "audio", preset, speech, "--cross-validate", "2", *common,
    )  # fmt: skip
    assert code == 0, err
    assert "2 folds of whole groups" in text


def test_folds_that_the_field_has_agreed_on_and_calm(
    run: Run, ravdess: Path, speech: Path, store: Path, preset: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    words = ("evaluate", "audio", preset, ravdess)
    more = ("--cross-validate", "auto", "--store", store)
    code, text, err = run(*words, *more, "--out", tmp_path / "r")
    assert code == 0, err
    assert "the 3 agreed folds" in text
    assert "ravdess_speech, 8 classes, including calm" in text
    scores = json.loads((tmp_path / "r" / "scores.json").read_text())
    fine = scores["fine"]["ravdess_speech"]["audio"]
    assert list(fine["classes"])[-1] == "calm"
    assert fine["classes"]["calm"]["n"] == 6
    assert scores["models"]["audio"]["classes"]["neutral"]["n"] == 12  # calm counts as neutral
    code, text, err = run("train", "audio", ravdess, "--out", tmp_path / "b", "--preset", preset,
                          "--store", store)  # fmt: skip
    assert code == 0, err
    assert "the 3 agreed folds" in text
    assert emonets.load(tmp_path / "b").audio.emotions == (*range(7), 6)  # type: ignore[union-attr]
    code, text, err = run(*words, "--cross-validate", "each", "--store", store)
    assert "leave one of 6 groups out" in text
    code, text, err = run(*words, speech, *more)  # several corpora: each is scored
    assert code == 0, err
    assert "the 4 agreed folds" in text
    assert f"{speech.name} alone, among its emotions:" in text
    assert "ravdess_speech alone, among all seven emotions, as predict returns them:" in text


def test_agreed_folds_that_do_not_fit(ravdess: Path, store: Path, preset: Path) -> None:
    data = open_dataset(ravdess)
    assert data.folds is not None
    options = Options(["audio"])
    some = {group: fold for group, fold in data.folds.items() if group != "02"}
    system = System([replace(data, folds=some)], load_preset(preset), FeatureStore(store), options)
    with pytest.raises(DataError, match="ravdess/02"):
        system.score()
    whole = System([data], load_preset(preset), FeatureStore(store), options).material()
    folds, _ = folds_of(whole)
    tested = [sorted({g[-2:] for g in whole.groups[test].tolist()}) for _, test in folds]
    assert tested == [["02", "05"], ["03", "06"], ["10", "11"]]


def test_the_papers_network_stops_by_the_next_fold_and_its_pretraining_goes_on(
    ravdess: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "paper.toml"
    file.write_text(SMALL)
    seen: list[tuple[set[str], set[str]]] = []
    from emonets.specialists.audio import training

    real = training.fit_pooled_perceptron

    def watched(data: Any, train: Any, stop: Any, *args: Any, **more: Any) -> Any:
        seen.append(tuple({g[-2:] for g in data.groups[k]} for k in (train, stop)))  # type: ignore[arg-type]
        return real(data, train, stop, *args, **more)

    monkeypatch.setattr(training, "fit_pooled_perceptron", watched)
    kept = FeatureStore(store)

    def system() -> System:
        options = Options(["audio"], work=tmp_path / "work")
        return System([open_dataset(ravdess)], load_preset(file), kept, options)

    scored = system().score()
    # neither whitening, pretraining nor stopping by clips that are tested
    assert seen == [({"10", "11"}, {"03", "06"}), ({"02", "05"}, {"10", "11"}),
                    ({"03", "06"}, {"02", "05"})]  # fmt: skip
    assert scored.fine["ravdess_speech"]["audio"].n == 48

    def stop(text: str) -> None:
        if "pretraining: 1 epochs left" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), listening(stop):
        system().train(tmp_path / "b", score=False)
    said: list[str] = []
    with listening(said.append):
        system().train(tmp_path / "b", score=False)
    assert "pretraining: 0 epochs left" in said
    assert "pretraining: 1 epochs left" not in said


def test_activity_from_clips_to_scores(run: Run, preset: Path, tmp_path: Path) -> None:
    clips = write_clips(tmp_path / "clips")
    out, kept = tmp_path / "bundle", ("--store", tmp_path / "store")
    report = tmp_path / "r"
    code, text, err = run(
        "train", "activity", clips, "--out", out, "--preset", preset, "--add-to", "modern",
        "--report", report, *kept,
    )  # fmt: skip
    assert code == 0, err
    assert "leave one of 3 groups out" in text
    model = emonets.load(out)
    assert model.active == ("face", "audio", "activity")  # what is learned here speaks
    assert model.about["card"]["activity"]["clips"] == 18
    scores = json.loads((report / "scores.json").read_text())
    assert scores["masked"] == ["disgust", "fear", "surprise", "neutral"]
    assert scores["models"]["activity"]["accuracy"]["value"] > 0.8  # three motions, unseen people
    broken = next(clips.rglob("*.avi"))
    broken.write_bytes(np.random.default_rng(0).bytes(5000))
    code, text, err = run("evaluate", "activity", out, clips, *kept)
    assert code == 0, err
    assert "Left out: 1 files" in text
    assert broken.name in text
    code, _, err = run("train", "activity", clips, "--out", out, "--preset", preset, "--on", "mars")
    assert code == 2
    assert "on must be one of" in err


def stills(place: Path) -> Path:
    made = made_up_faces()
    np.savez(place, images=made.images, label=made.labels, usage=np.repeat([0, 1, 2], [24, 6, 6]))
    return place


def test_mouths_of_still_faces_and_of_clips(
    run: Run, preset: Path, tmp_path: Path, happy: Path, angry: Path
) -> None:
    faces, kept = stills(tmp_path / "faces.npz"), ("--store", tmp_path / "store")
    out = tmp_path / "b"
    code, text, err = run("train", "mouth", faces, "--out", out, "--preset", preset, *kept)
    assert code == 0, err
    assert "6 clips of 6 groups, 3 classes, trained on train, scored on valid" in text
    card = emonets.load(out).about["card"]["mouth"]
    assert (card["clips"], card["pictures"]) == (30, 30)  # what is for testing is left alone
    code, text, err = run("evaluate", "mouth", out, faces, *kept)
    assert code == 0, err
    assert "6 clips of 6 groups, 3 classes, test part of the data" in text
    clips = tmp_path / "clips"
    for kind, clip in (("happy", happy), ("angry", angry)):
        for person in ("ann", "bob", "cid"):
            place = clips / kind / person / f"0{clip.suffix}"
            place.parent.mkdir(parents=True)
            place.write_bytes(clip.read_bytes() + person.encode())  # copies are refused
    words = ("train", "mouth", clips, "--out", out, "--preset", preset, *kept)
    code, text, err = run(*words, "--with", faces)
    assert code == 0, err
    assert "6 clips of 3 groups, 2 classes, leave one of 3 groups out" in text
    both = emonets.load(out)
    assert both.about["card"]["mouth"]["trained_on"] == "clips + fer2013"
    assert both.mouth is not None and both.mouth.known_classes == (0, 3, 4, 5)  # noqa: PT018
    code, _, err = run(*words, "--with", faces, "--colour", "rgb")
    assert code == 1
    assert "still faces are grey" in err
    code, _, err = run(
        *words[:3], "--out", out, "--preset", preset, "--with", faces, "--models", "audio"
    )
    assert code == 2  # of a single specialist there is no choice
    code, _, err = run("train", clips, "--out", out, "--preset", preset, "--with", faces, *kept)
    assert code == 1
    assert "still faces cannot be used for sound" in err


def test_the_face_on_clips_and_its_options(
    run: Run, preset: Path, tmp_path: Path, happy: Path, angry: Path
) -> None:
    clips = tmp_path / "clips"
    for kind, clip in (("happy", happy), ("angry", angry)):
        for person in ("ann", "bob", "cid"):
            place = clips / kind / person / f"0{clip.suffix}"
            place.parent.mkdir(parents=True)
            place.write_bytes(clip.read_bytes() + person.encode())
    own = tmp_path / "face.toml"
    own.write_text('[face.clips]\nbase = "modern"\nhead = "none"\n')
    words = ("--preset", own, "--store", tmp_path / "store")
    out = tmp_path / "b"
    code, text, err = run("train", "face", clips, "--out", out, *words)
    assert code == 0, err
    assert "6 clips of 3 groups, 2 classes, leave one of 3 groups out" in text
    code, text, err = run("evaluate", "face", out, clips, "--store", tmp_path / "store")
    assert code == 0, err
    assert "face                         accuracy 100.0%" in text
    for words, message in (
        (("train", "face", clips, "--out", out, "--epochs", "3"), "--epochs is for still faces"),
        (("train", "face", stills(tmp_path / "f.npz"), "--out", out, "--folds", "3"),
         "--folds is for clips"),
        (("evaluate", "face", out, clips, "--mirror"), "--mirror is for still faces"),
        (("evaluate", "face"), "give a model and data"),
        (("train", "audio", clips, "--out", out, "--no-score", "--report", tmp_path / "r"),
         "--report is for scores"),
        (("train", clips, "--out", out, "--no-score", "--store", tmp_path / "s"),
         "several specialists requires scores"),
    ):  # fmt: skip
        code, _, err = run(*words)
        assert code == 2, err
        assert message in err, err


@pytest.mark.parametrize("words", [("--seed", -1), ("--seed", 2**32), ("--workers", 0)])
def test_seeds_and_workers(
    run: Run, speech: Path, preset: Path, tmp_path: Path, words: tuple[str, int]
) -> None:
    out = tmp_path / "o"
    code, _, err = run("train", "audio", speech, "--out", out, "--preset", preset, *words)
    assert (code, words[0][2:] in err) == (2, True)
    assert not out.exists()
    shutil.rmtree(tmp_path / "o.store", ignore_errors=True)
