"""Training the activity specialist on films of one's own: whole, resumed, left out, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emonets.errors import DataError, ParameterError
from emonets.media.clip import open_clip
from emonets.specialists.activity import Affine
from emonets.training import motion_code
from emonets.training.activity import (
    check_settings,
    cross_validate_activity,
    new_specialist,
    train_activity,
    training_features,
)
from emonets.training.films import Films, load_films, prepare

KINDS = ("angry", "happy", "sad")
PEOPLE = ("ann", "bob", "cid")


def settings(**changes: Any) -> dict[str, Any]:
    return {
        "on": "frames",
        "blocks": {"count": 600, "components": 24, "basis": 16},
        "synchrony": {
            "n_components": 16, "learning_rate": 5e-3, "n_epochs": 4, "batch_size": 32,
            "contraction": 1.0,
        },
        "superblocks": {"count": 500, "components": 8},
        "words": {"n_words": 12, "max_iter": 5},
        "svm": {"C": 10.0},
        **changes,
    }  # fmt: skip


def write_film(path: Path, kind: int, seed: int, frames: int = 24, size: int = 40) -> None:
    """Textures that stand still, drift to the right or fall."""
    random = np.random.default_rng([kind, seed])
    canvas = cv2.GaussianBlur(random.normal(size=(120, 120)), (0, 0), 1.5)
    canvas = ((canvas - canvas.min()) / np.ptp(canvas) * 255).astype(np.uint8)
    step = ((0, 0), (0, 2), (2, 0))[kind]
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (size, size), isColor=False
    )
    for t in range(frames):
        y, x = 60 - t * step[0], 60 - t * step[1]
        writer.write(np.ascontiguousarray(canvas[y : y + size, x : x + size]))
    writer.release()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("films")
    for k, kind in enumerate(KINDS):
        for p, person in enumerate(PEOPLE):
            for n in range(2):
                write_film(root / kind / person / f"{n}.avi", k, 10 * p + n)
    return root


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    work = tmp_path_factory.mktemp("work")
    return *train_activity([folder], settings(), work=work, echo=quiet), work


def test_trains_and_predicts(trained: Any, tmp_path: Path) -> None:
    specialist, card, _ = trained
    for k, name in enumerate((0, 3, 4)):
        write_film(tmp_path / f"{k}.avi", k, 999)
        p = specialist.predict_proba(specialist.extract(open_clip(tmp_path / f"{k}.avi")))
        assert p.argmax() == name
    assert card["films"] == 18
    assert card["subjects"] == 3
    assert 0.5 < card["variance_kept"] < 1
    assert card["epochs"] == 4
    assert len(specialist.code.words.words_) == 12


def test_the_same_call_goes_on_from_what_is_there(
    trained: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _, work = trained
    again, _ = train_activity([folder], settings(), work=work, echo=quiet)
    monkeypatch.setattr(motion_code, "sample_blocks", None)  # nothing is cut any more
    train_activity([folder], settings(), work=work, echo=quiet)
    monkeypatch.undo()

    def stop(text: str) -> None:
        if "epoch 2/4" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_activity([folder], settings(), work=tmp_path, echo=stop)
    said: list[str] = []
    resumed, _ = train_activity([folder], settings(), work=tmp_path, echo=said.append)
    assert any("epoch 3/4" in text for text in said)
    assert not any("epoch 1/4" in text for text in said)
    for other in (again, resumed):
        for part, arrays in whole.to_arrays()[1].items():
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, other.to_arrays()[1][part][name])


def test_cross_validation_leaves_people_out_of_everything(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    fit_code = motion_code.fit_code

    def spy(films: Any, *args: Any, **more: Any) -> Any:
        seen.append({film.path.parent.name for film in films})
        return fit_code(films, *args, **more)

    monkeypatch.setattr("emonets.training.activity.fit_code", spy)
    films = load_films([folder])
    p = cross_validate_activity([folder], settings(), work=tmp_path, echo=quiet)
    assert p.shape == (18, 7)
    assert (p.argmax(axis=1) == films.labels).mean() > 0.6
    assert (p[:, [1, 2, 5, 6]] == 0).all()
    assert seen == [set(PEOPLE) - {person} for person in PEOPLE]
    again = cross_validate_activity([folder], settings(), work=tmp_path, echo=quiet)
    np.testing.assert_array_equal(again, p)
    assert len(seen) == 3


def test_changed_copies_and_a_basis(trained: Any, folder: Path, tmp_path: Path) -> None:
    specialist, _, _ = trained
    films = load_films([folder])
    shown = prepare(films, settings(), tmp_path)[:2]
    asked = {"augmentation": {"copies": 2}}
    features, rows = training_features(specialist, shown, asked, work=tmp_path, echo=quiet)
    assert rows.tolist() == [0, 1, 0, 1, 0, 1]
    assert not np.array_equal(features[0]["words"], features[2]["words"])
    still = shown[0].describe(specialist, Affine())
    np.testing.assert_array_equal(still["words"], features[0]["words"])
    changed = settings(blocks={"count": 300, "components": 16, "basis": 20})
    code, stages = motion_code.fit_code(shown, changed, work=tmp_path, echo=quiet)
    assert code.filters.matrix.shape == (10, 20, 16)
    assert stages["variance_kept"] < 1
    assert new_specialist(code, changed).extract(open_clip(shown[0].path))["found"]


def test_tubes_are_found_once(happy: Path, angry: Path, tmp_path: Path) -> None:
    films = Films(
        "examples", (happy, angry), np.array([3, 0]), np.array(["a", "b"]), np.array(["", ""])
    )
    shown = prepare(films, {"on": "tubes"}, tmp_path)
    pictures = list(shown[0].stream().frames())
    assert pictures[0] is None
    assert {p.shape for p in pictures if p is not None} == {(96, 96)}
    again = prepare(films, {"on": "tubes"}, tmp_path, detector="none of these")
    assert again == shown or [f.tubes for f in again] == [f.tubes for f in shown]
    changed = settings(on="tubes", words={"n_words": 5}, svm={"C": 1.0})
    specialist, _ = train_activity(films, changed, work=tmp_path, echo=quiet)
    direct = specialist.extract(open_clip(happy))
    stored = shown[0].describe(specialist)
    np.testing.assert_array_equal(np.sort(direct["words"]), np.sort(stored["words"]))


@pytest.mark.parametrize(("frames", "size"), [(13, 40), (24, 16)])
def test_films_without_motion_are_named(
    folder: Path, tmp_path: Path, frames: int, size: int
) -> None:
    films = load_films([folder])
    bad = tmp_path / "bad.avi"
    write_film(bad, 1, 0, frames, size)
    more = Films(
        films.name, (*films.paths, bad), np.append(films.labels, 3),
        np.append(films.groups, "x"), np.append(films.splits, ""),
    )  # fmt: skip
    with pytest.raises(DataError, match=r"bad\.avi"):
        train_activity(more, settings(), work=tmp_path, echo=quiet)


def test_one_grey_is_named(trained: Any, tmp_path: Path) -> None:
    specialist, _, _ = trained
    path = tmp_path / "black.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (40, 40))
    for _ in range(20):
        writer.write(np.zeros((40, 40, 3), np.uint8))
    writer.release()
    films = Films("black", (path,), np.array([0]), np.array(["a"]), np.array([""]))
    shown = prepare(films, settings(), tmp_path)
    with pytest.raises(DataError, match=r"black\.avi"):
        training_features(specialist, shown, {}, work=tmp_path, echo=quiet)


def test_settings_are_checked() -> None:
    check_settings(settings())
    with pytest.raises(ParameterError, match=r"activity\.blocks\.count must be a whole number"):
        check_settings(settings(blocks={"count": 0}))
    with pytest.raises(ParameterError, match=r"unknown key 'rate' in \[activity.synchrony\]"):
        check_settings(settings(synchrony={"rate": 3}))
    with pytest.raises(DataError, match="no data"):
        load_films([])
