"""The system as a scikit-learn classifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

import emonets
from emonets import EmoNetsClassifier
from emonets.errors import DataError, ParameterError
from emonets.media.clip import open_clip

FAST = Path(__file__).parents[1] / "fast_system.toml"


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str], list[int]]:
    """Short films of the example clips' pictures, without sound."""
    from media_files import write_media

    folder = tmp_path_factory.mktemp("films")
    examples = Path(__file__).resolve().parents[2] / "examples"
    paths, labels, groups = [], [], []
    for name, label in (("1001_DFA_ANG_XX.flv", "angry"), ("1001_DFA_HAP_XX.flv", "happy")):
        frames = [frame.image for frame in open_clip(examples / name).frames()]
        height, width = frames[0].shape[:2]
        for k in range(4):
            part = frames[k * 14 : k * 14 + 6]
            path = write_media(
                folder / f"{label}{k}.mp4", size=(width, height),
                stamps=tuple(range(0, 40 * len(part), 40)), paint=part.__getitem__,
            )  # fmt: skip
            paths.append(str(path))
            labels.append(label)
            groups.append(k)
    return paths, labels, groups


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What was extracted of the films, for all that trains on them."""
    return tmp_path_factory.mktemp("store") / "s"


def test_fits_answers_and_is_cloned(
    clips: tuple[list[str], list[str], list[int]], store: Path
) -> None:
    paths, labels, groups = clips
    made = EmoNetsClassifier(preset=str(FAST), models=["face"], store=store)
    assert clone(made).get_params() == made.get_params()
    made.fit(paths, labels, groups=groups)
    assert made.classes_.tolist() == ["angry", "happy"]
    p = made.predict_proba(np.array(paths))
    assert p.shape == (8, 2)
    assert np.allclose(p.sum(axis=1), 1)
    assert np.array_equal(made.predict_proba(paths[3:4]), p[3:4])
    assert made.score(paths, labels) == (made.predict(paths) == np.array(labels)).mean()
    assert set(made.scored_.scores) == {"face"}
    numbers = clone(made).fit(paths, [0 if w == "angry" else 3 for w in labels], groups=groups)
    assert numbers.classes_.tolist() == [0, 3]
    assert np.array_equal(numbers.predict_proba(paths), p)


def test_in_a_grid_search_of_groups_and_a_pipeline(
    clips: tuple[list[str], list[str], list[int]], store: Path
) -> None:
    paths, labels, groups = clips
    pipeline = Pipeline(
        [
            ("paths", FunctionTransformer(lambda x: x)),
            ("clips", EmoNetsClassifier(preset=str(FAST), models=["face"], store=store)),
        ]
    )
    space = {"clips__settings": [{"face.clips.slots": 1}, {"face.clips.slots": 4}]}
    search = GridSearchCV(pipeline, space, cv=GroupKFold(2), error_score="raise")
    search.fit(np.array(paths), np.array(labels), groups=np.array(groups))
    assert search.cv_results_["mean_test_score"].shape == (2,)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    model = search.best_estimator_[-1].model_
    assert model.face.slots == search.best_params_["clips__settings"]["face.clips.slots"]


def test_what_cannot_be_fitted(clips: tuple[list[str], list[str], list[int]], store: Path) -> None:
    paths, labels, _ = clips
    made = EmoNetsClassifier(preset=str(FAST), models=["face"], store=store)
    with pytest.raises(DataError, match="8 clips and labels of shape"):
        made.fit(paths, labels[:3])
    with pytest.raises(DataError, match="must be paths"):
        made.fit(np.zeros((8, 2)), labels)
    with pytest.raises(DataError, match="two of them are one emotion"):
        made.fit(paths, ["angry"] * 4 + ["anger"] * 4)
    for missing in (None, np.nan, "NaN", "", "glad", 7, 1.5):
        for kind in (object, None):
            y: Any = np.array(["angry"] * 7 + [missing], dtype=kind)
            if isinstance(missing, int | float) and missing == missing:  # noqa: PLR0124
                y = [0] * 7 + [missing]
            with pytest.raises(DataError, match=r"y\[7\], the label .*\.mp4, (is missing|must be)"):
                made.fit(paths, y)
    with pytest.raises(ParameterError, match="did you mean 'slots'"):
        clone(made).set_params(settings={"face.clips.slot": 1}).fit(paths, labels)
    with pytest.raises(DataError, match=r"none\.mp4"):
        made.fit([*paths[:-1], "none.mp4"], labels, groups=range(8)).predict(["none.mp4"])


def test_a_head_on_what_the_face_network_sees(
    clips: tuple[list[str], list[str], list[int]], store: Path, tmp_path: Path
) -> None:
    paths, labels, groups = clips
    made = EmoNetsClassifier(
        preset=str(FAST), models=["face"], settings={"face.clips.head": "logistic"},
        store=store,
    )  # fmt: skip
    made.fit(paths, labels, groups=groups)
    face = made.model_.face
    assert face is not None
    assert face.head is not None
    assert face.known_classes == (0, 3)
    assert face.head.n_features_in_ == 512
    bundle = made.model_.save(tmp_path / "b")
    again = emonets.load(bundle)
    said, kept = made.model_.predict(paths[0]), again.predict(paths[0])
    assert said.rows == kept.rows  # to the last bit, out of half precision
    p = np.array(kept.rows[-1].probabilities)[[0, 3]]
    assert np.allclose(p / p.sum(), made.predict_proba(paths[:1])[0], atol=1e-9)
    assert "the embedding" in kept.about["decision"]
    nothing = face.empty()
    assert nothing["pooled"].shape == (0, 256)
    with pytest.raises(DataError, match="no embedding was kept"):
        face.summary({"probabilities": np.ones((2, 7)) / 7})
