"""Clips as rows of numbers for scikit-learn pipelines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import emonets
from emonets.errors import DataError, ParameterError

EXAMPLES = Path(__file__).parents[2] / "examples"
CLIPS = [EXAMPLES / "1001_DFA_ANG_XX.flv", EXAMPLES / "1001_DFA_HAP_XX.flv"]


@pytest.fixture(scope="module")
def rows() -> tuple[emonets.ClipEmbeddings, np.ndarray]:
    made = emonets.ClipEmbeddings(stride=6).fit()
    return made, made.transform(CLIPS)


def test_rows_have_the_named_columns(rows: tuple[emonets.ClipEmbeddings, np.ndarray]) -> None:
    made, x = rows
    names = made.get_feature_names_out()
    assert x.shape == (2, len(names)) == (2, made.n_features_out_)
    assert len(set(names)) == len(names)
    columns = dict(zip(names, x.T, strict=True))
    assert columns["face_found"].tolist() == [1, 1]
    assert columns["audio_found"].tolist() == [1, 1]
    assert np.isfinite(x).all()
    assert (x[0] != x[1]).mean() > 0.5


def test_the_face_is_the_embedding_of_its_specialist(
    rows: tuple[emonets.ClipEmbeddings, np.ndarray],
) -> None:
    _, x = rows
    face = emonets.load().face
    face.keep = True
    own = face.summary(face.extract(emonets.media.clip.open_clip(CLIPS[1]), stride=6))
    np.testing.assert_allclose(x[1, : len(own)], own)


def test_a_pipeline_with_a_head(rows: tuple[emonets.ClipEmbeddings, np.ndarray]) -> None:
    face = clone(rows[0]).set_params(models="face", stride=12)
    heads = make_pipeline(face, StandardScaler(), LogisticRegression())
    heads.fit([str(path) for path in CLIPS], ["angry", "happy"])
    assert heads.predict(CLIPS).tolist() == ["angry", "happy"]


def test_nothing_found_is_zeros_and_a_flag(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (64, 64), "grey").save(tmp_path / "grey.png")
    made = emonets.ClipEmbeddings(models="face").fit()
    assert made.transform([tmp_path / "grey.png"]).tolist() == [[0.0] * made.n_features_out_]


def test_wrong_input_is_one_sentence(tmp_path: Path) -> None:
    made = emonets.ClipEmbeddings(models="face").fit()
    with pytest.raises(DataError, match=r"missing\.mp4: "):
        made.transform([tmp_path / "missing.mp4"])
    with pytest.raises(DataError, match="must be paths"):
        made.transform([3])
    with pytest.raises(ParameterError, match="its audio model has no embedding"):
        emonets.ClipEmbeddings("paper").fit()
    with pytest.raises(ParameterError, match="activity has no embedding"):
        emonets.ClipEmbeddings(models="activity").fit()
