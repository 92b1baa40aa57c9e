"""Training the activity specialist on clips: whole, resumed, with changed copies, refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from emonets.errors import DataError
from emonets.media.clip import open_clip
from emonets.specialists.activity import Affine, motion_code
from emonets.specialists.activity.clips import MotionClip
from emonets.specialists.activity.training import (
    fit_specialist,
    new_specialist,
    training_features,
)
from listening import listening

KINDS = {"angry": 0, "happy": 3, "sad": 4}
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


def write_clip(path: Path, kind: int, seed: int, frames: int = 24, size: int = 40) -> None:
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


def write_clips(root: Path) -> Path:
    """Class folders: three kinds of motion of three people, two clips each."""
    for k, kind in enumerate(KINDS):
        for p, person in enumerate(PEOPLE):
            for n in range(2):
                write_clip(root / kind / person / f"{n}.avi", k, 10 * p + n)
    return root


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips"))


def fit(folder: Path, work: Path, more: tuple[Path, ...] = ()) -> Any:
    files = [*sorted(folder.rglob("*.avi")), *more]
    labels = np.array([KINDS.get(file.parent.parent.name, 3) for file in files])
    groups = np.array([file.parent.name for file in files])
    return fit_specialist(
        [MotionClip(file) for file in files], labels, groups, settings(), work=work
    )


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    work = tmp_path_factory.mktemp("work")
    return *fit(folder, work), work


def test_trains_and_predicts(trained: Any, tmp_path: Path) -> None:
    specialist, card, _ = trained
    for k, name in enumerate((0, 3, 4)):
        write_clip(tmp_path / f"{k}.avi", k, 999)
        p = specialist.predict_proba(specialist.extract(open_clip(tmp_path / f"{k}.avi")))
        assert p.argmax() == name
    assert 0.5 < card["variance_kept"] < 1
    assert card["epochs"] == 4
    assert len(specialist.code.words.words_) == 12


def test_the_same_call_goes_on_from_what_is_there(
    trained: Any, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _, work = trained
    monkeypatch.setattr(motion_code, "sample_blocks", None)  # nothing is cut any more
    again, _ = fit(folder, work)
    monkeypatch.undo()

    def stop(text: str) -> None:
        if "epoch 2/4" in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), listening(stop):
        fit(folder, tmp_path)
    messages: list[str] = []
    with listening(messages.append):
        resumed, _ = fit(folder, tmp_path)
    assert any("epoch 3/4" in text for text in messages)
    assert not any("epoch 1/4" in text for text in messages)
    for other in (again, resumed):
        for part, arrays in whole.to_arrays()[1].items():
            for name, array in arrays.items():
                np.testing.assert_array_equal(array, other.to_arrays()[1][part][name])


def test_changed_copies_and_a_basis(trained: Any, folder: Path, tmp_path: Path) -> None:
    specialist, _, _ = trained
    shown = [MotionClip(file) for file in sorted(folder.rglob("*.avi"))[:2]]
    requested = {"augmentation": {"copies": 2}}
    features, rows = training_features(specialist, shown, requested, work=tmp_path)
    assert rows.tolist() == [0, 1, 0, 1, 0, 1]
    assert not np.array_equal(features[0]["words"], features[2]["words"])
    still = shown[0].describe(specialist, Affine())
    np.testing.assert_array_equal(still["words"], features[0]["words"])
    changed = settings(blocks={"count": 300, "components": 16, "basis": 20})
    code, stages = motion_code.fit_code(shown, changed, work=tmp_path)
    assert code.filters.matrix.shape == (10, 20, 16)
    assert stages["variance_kept"] < 1
    assert new_specialist(code, changed).extract(open_clip(shown[0].path))["found"]


@pytest.mark.parametrize(("frames", "size"), [(13, 40), (24, 16)])
def test_clips_without_motion_are_named(
    folder: Path, tmp_path: Path, frames: int, size: int
) -> None:
    bad = tmp_path / "bad.avi"
    write_clip(bad, 1, 0, frames, size)
    with pytest.raises(DataError, match=r"bad\.avi"):
        fit(folder, tmp_path, (bad,))
