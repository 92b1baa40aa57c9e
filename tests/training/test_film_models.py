"""`emonets train` and `emonets evaluate` of motion and mouths: from films to scores."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from test_cli import Run, run
from test_training_activity import folder, quiet

import emonets
from emonets.errors import DataError, ParameterError
from emonets.training.film_models import film_settings, report_film_model, train_film_model

__all__ = ["folder", "run"]  # fixtures

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
n_clusters = 6
patches_per_picture = 2
[mouth.classifier]
strengths = [0.01]
"""


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(ACTIVITY + MOUTH)
    return file


@pytest.fixture
def faces(happy: Path, angry: Path, tmp_path: Path) -> Path:
    root = tmp_path / "faces"
    for kind, film in (("happy", happy), ("angry", angry)):
        for person in ("ann", "bob", "cid"):
            place = root / kind / person / f"0{film.suffix}"
            place.parent.mkdir(parents=True)
            shutil.copy(film, place)
    return root


def test_motion_from_films_to_a_score(run: Run, folder: Path, preset: Path, tmp_path: Path) -> None:
    out, work = tmp_path / "bundle", tmp_path / "work"
    code, _, err = run(
        "train", "activity", folder, "--out", out, "--preset", preset, "--work", work,
        "--add-to", "modern",
    )  # fmt: skip
    assert code == 0, err
    model = emonets.load(out)
    assert list(model.specialists) == ["face", "audio", "activity", "mouth"]
    assert model.speaks == ("face", "audio", "activity")  # what is learned here speaks
    card = model.about["card"]
    assert (card["activity"]["films"], card["activity"]["subjects"]) == (18, 3)
    assert card["audio"]
    code, printed, _ = run("evaluate", "activity", folder, "--bundle", out, "--work", work)
    assert code == 0
    assert "all films" in printed
    table = tmp_path / "scores.json"
    code, printed, _ = run(
        "evaluate", "activity", folder, "--cross-validate", preset, "--work", work, "--json", table
    )
    assert code == 0
    assert "leave one of 3 subjects out" in printed
    scores = json.loads(table.read_text())
    assert scores["masked"] == ["disgust", "fear", "surprise", "neutral"]
    assert scores["n"] == 18
    assert scores["accuracy"]["value"] > 0.8  # three kinds of motion of unseen people
    film = next(folder.rglob("*.avi"))
    code, printed, _ = run("predict", film, "--bundle", out)
    assert "activity" not in printed  # the face alone was asked for


def test_mouths_from_films_to_a_score(run: Run, faces: Path, preset: Path, tmp_path: Path) -> None:
    out, work = tmp_path / "bundle", tmp_path / "work"
    code, _, err = run(
        "train", "mouth", faces, "--out", out, "--preset", preset, "--work", work,
        "--region", "landmarks",
    )  # fmt: skip
    assert code == 0, err
    model = emonets.load(out)
    assert model.mouth is not None
    assert model.mouth.view.region == "landmarks"
    result = model.predict(next(faces.rglob("happy/*/*")))
    assert result.clip_rows()[0].label == "happy"  # it was trained on this very film
    code, printed, _ = run("evaluate", "mouth", faces, "--cross-validate", preset, "--work", work)
    assert code == 0
    assert "2 classes" in printed
    with pytest.raises(DataError, match="has no activity specialist"):
        report_film_model("activity", [faces], bundle=out, work=work, echo=quiet)


def test_what_cannot_be(folder: Path, preset: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="one of the two"):
        report_film_model("mouth", [folder], work=tmp_path, echo=quiet)
    with pytest.raises(ParameterError, match="on must be one of"):
        train_film_model(
            "activity", [folder], tmp_path / "b", preset=str(preset), changes={"on": "mars"},
            echo=quiet,
        )  # fmt: skip
    with pytest.raises(ParameterError, match="region"):
        film_settings("mouth", preset, {"region": "nose"})
    with pytest.raises(DataError, match="nothing"):
        train_film_model("mouth", [tmp_path / "nothing"], tmp_path / "b", echo=quiet)


def test_a_film_that_cannot_be_read_is_left_out_and_said(
    run: Run, folder: Path, preset: Path, tmp_path: Path
) -> None:
    out = tmp_path / "bundle"
    assert run("train", "activity", folder, "--out", out, "--preset", preset)[0] == 0
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    broken = next(other.rglob("*.avi"))
    broken.write_bytes(np.random.default_rng(0).bytes(5000))
    code, printed, _ = run("evaluate", "activity", other, "--bundle", out)
    assert code == 0
    assert "left out: 1 files" in printed
    assert broken.name in printed
