"""Splitting, and bringing another source of faces into FER2013's frame."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

import emonets
from emonets.datasets import open_dataset
from emonets.datasets.readers.fer2013 import vote_majority, vote_shares
from emonets.datasets.still_faces import FaceImages
from emonets.errors import BundleError, DataError, ParameterError
from emonets.evaluation.stills import (
    BY_COPIES,
    BY_VOTES,
    UNSEEN,
    evaluate_face,
    learned_from,
)
from emonets.media.clip import open_clip
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus, Provenance, make_corpus
from emonets.provenance.prints import prints_of_stills
from emonets.specialists.face.network.start import recognition_start
from emonets.specialists.face.settings import ModernFace, ModernTraining
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.training.face_network import (
    _changed,
    _split,
    _targets,
    onto_fer2013,
    train_face,
)
from emonets.tubes.detect import load_detector
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.registration import FER_LANDMARK_MEAN, to_grey
from listening import listening


def faces(n: int, split: list[str] | None = None, groups: list[int] | None = None) -> FaceImages:
    return FaceImages(
        images=np.arange(n, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2),
        labels=np.arange(n) % 7,
        split=None if split is None else np.array(split),
        groups=None if groups is None else np.array(groups),
        name="made up",
        citation="",
        licence="",
    )


def test_named_splits_are_kept_apart() -> None:
    names = ["Training"] * 14 + ["PublicTest"] * 7 + ["PrivateTest"] * 7
    train, choose = _split(faces(28, names), 0)
    assert train.images[:, 0, 0].tolist() == list(range(14))
    assert choose.images[:, 0, 0].tolist() == list(range(14, 21))


def test_subjects_are_never_torn_apart() -> None:
    groups = [i // 7 for i in range(140)]
    train, choose = _split(faces(140, groups=groups), 3)
    a = {int(i) // 7 for i in train.images[:, 0, 0]}
    b = {int(i) // 7 for i in choose.images[:, 0, 0]}
    assert not a & b
    assert len(b) == 2
    again = _split(faces(140, groups=groups), 3)[1]
    np.testing.assert_array_equal(choose.images, again.images)


def test_held_out_faces_have_every_class() -> None:
    train, choose = _split(faces(70), 0)
    assert set(choose.labels) == set(train.labels) == set(range(7))
    assert len(train.labels) + len(choose.labels) == 70


def test_too_few_to_hold_out() -> None:
    with pytest.raises(DataError, match="too few"):
        _split(faces(7, groups=[0] * 7), 0)


def test_a_tighter_source_lands_on_fer2013(happy: Path) -> None:
    tubes = list(find_tubes(open_clip(happy), load_detector(), stride=4))
    crops = np.concatenate([tube.crops for tube in tubes])[::4]
    tight = [cv2.resize(c[12:84, 12:84], (48, 48), interpolation=3) for c in to_grey(crops)]
    out = onto_fer2013(np.stack(tight))
    assert out.shape == (len(crops), 48, 48)
    again = np.stack([cv2.resize(i, (96, 96)) for i in out])
    points = FaceLandmarker().points(np.repeat(again[..., None], 3, axis=3))
    mean = points[:, 17:].mean(axis=0) / 2
    # near FER2013's mean shape; where the unregistered pictures are not
    away = np.sqrt(((mean - FER_LANDMARK_MEAN) ** 2).sum(axis=1).mean())
    before = np.stack([cv2.resize(i, (96, 96)) for i in tight])
    was = FaceLandmarker().points(np.repeat(before[..., None], 3, axis=3))[:, 17:].mean(axis=0) / 2
    far = np.sqrt(((was - FER_LANDMARK_MEAN) ** 2).sum(axis=1).mean())
    assert away < 2.5
    assert away < far / 1.5


def test_pictures_of_no_face_are_refused() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 48, 48)).astype(np.uint8)
    with pytest.raises(DataError, match="have a face"):
        onto_fer2013(noise)


@pytest.mark.parametrize("names", [("Train", "Val", "Test"), ("TRAINING", "valid", "test")])
def test_the_test_part_is_never_trained_on(names: tuple[str, str, str]) -> None:
    parts = [name for name in names for _ in range(14)]
    train, choose = _split(faces(42, parts), 0)
    assert train.images[:, 0, 0].tolist() == list(range(14))
    assert choose.images[:, 0, 0].tolist() == list(range(14, 28))
    train, choose = _split(faces(28, [names[0]] * 14 + [names[2]] * 14), 0)
    used = {*train.images[:, 0, 0].tolist(), *choose.images[:, 0, 0].tolist()}
    assert used == set(range(14))
    with pytest.raises(DataError, match="for training"):
        _split(faces(14, [names[2]] * 14), 0)


def fer(folder: Path, *, votes: bool = True) -> Path:
    """A small set in FER2013's form: noise, brighter on top the higher the class."""
    rng = np.random.default_rng(0)
    labels = np.arange(105) % 7
    images = rng.integers(0, 60, (105, 48, 48)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[: 6 * (label + 1)] += 120
    ballots = np.zeros((105, 10), np.uint8)
    ballots[:, 0] = 10  # everybody said neutral
    arrays = {"images": images, "label": labels, "usage": np.repeat([0, 1, 2], 35)}
    if votes:
        arrays["ferplus_votes"] = ballots
    np.savez(folder / "fer2013.npz", **arrays)
    return folder / "fer2013.npz"


MODERN = """
[face]
model = "modern convnet"
[face.network]
network = "vgg small"
crop = 16
[face.training]
epochs = 2
batch_size = 8
votes = {votes}
[face.images]
illumination = "none"
border = "edge"
"""


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(MODERN.format(votes=0.5))
    return file


def test_a_modern_network_is_trained_and_keeps_the_other_specialists(
    tmp_path: Path, preset: Path
) -> None:
    pytest.importorskip("torch")
    said: list[str] = []
    data, out = fer(tmp_path), tmp_path / "bundle"
    with listening(said.append):
        made = train_face(data, out, preset=str(preset), add_to="modern", device="cpu")
    assert any("epoch 2/2" in line for line in said)
    again = emonets.load(out)
    assert set(again.specialists) == {"face", "audio", "activity", "mouth"}
    assert again.active == ("face", "audio")
    assert again.face.preprocessing.border == "edge"
    assert again.about["card"]["settings"]["training"]["votes"] == 0.5
    assert "recordings" in again.about["card"]["audio"]
    pictures = np.random.default_rng(1).integers(0, 255, (9, 48, 48)).astype(np.uint8)
    p = again.face.network.predict_proba(pictures)
    np.testing.assert_array_equal(p, made.face.network.predict_proba(pictures))
    assert all(file.stat().st_size < 10e6 for file in out.iterdir())
    # the same command finds its checkpoint and has nothing left to do
    train_face(data, tmp_path / "twin", preset=str(preset), device="cpu",
               checkpoint=tmp_path / "bundle.checkpoint.safetensors")  # fmt: skip
    np.testing.assert_array_equal(
        emonets.load(tmp_path / "twin").face.network.predict_proba(pictures), p
    )


RESIDUAL = """
[face]
model = "modern convnet"
[face.network]
network = "residual"
crop = 64
mirror = true
[face.training]
epochs = 1
batch_size = 16
learning_rate = 1e-6
start = "recognition"
[face.images]
size = 72
border = "edge"
"""


def test_a_network_begins_from_the_recognition_weights_at_its_own_size(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    file = tmp_path / "residual.toml"
    file.write_text(RESIDUAL)
    train_face(fer(tmp_path), tmp_path / "bundle", preset=str(file), device="cpu")
    face = emonets.load(tmp_path / "bundle").face
    assert face.preprocessing.size == 72
    assert face.network.mean_image_.shape == (72, 72)
    assert face.network.mirror
    start = recognition_start()["5.first.weight"]  # hardly moved at this rate
    np.testing.assert_allclose(face.network.arrays_["5.first.weight"], start, atol=1e-3)
    stills = np.random.default_rng(1).integers(0, 255, (2, 48, 48)).astype(np.uint8)
    assert face.network.predict_proba(face.preprocessing.normalise(stills)).shape == (2, 7)


def test_another_network_than_the_presets_has_its_own_numbers() -> None:
    own = _changed("modern", None, None, None)
    assert (own.network.network, own.network.crop, own.images.size) == ("residual", 96, 96)
    other = _changed("modern", "vgg small", None, 3)
    assert (other.network.crop, other.images.size, other.training.start) == (44, 48, "none")
    assert other.training.epochs == 3
    assert other.network.mirror == own.network.mirror


def test_votes_are_mixed_with_the_labels(tmp_path: Path) -> None:
    train, _ = _split(open_dataset(fer(tmp_path)).still_faces(), 0)
    quarter = ModernFace(training=ModernTraining(votes=0.25))
    targets = _targets(train, quarter)
    assert targets is not None
    np.testing.assert_allclose(targets.sum(axis=1), 1)
    assert targets[0] == pytest.approx([0.75, 0, 0, 0, 0, 0, 0.25])  # angry, said to be neutral
    assert targets[6, 6] == pytest.approx(1)
    assert _targets(train, ModernFace()) is None
    train, _ = _split(open_dataset(fer(tmp_path, votes=False)).still_faces(), 0)
    assert _targets(train, quarter) is None


def test_votes_for_none_of_the_seven_leave_the_label() -> None:
    votes = np.zeros((3, 10), np.uint8)
    votes[0, 7:] = 3  # contempt, unknown, no face
    votes[1, [4, 6]] = 4, 6  # anger and fear
    shares = vote_shares(votes, np.array([3, 2, 5]))
    np.testing.assert_allclose(shares[0], np.eye(7)[3])
    np.testing.assert_allclose(shares[1], [0.4, 0, 0.6, 0, 0, 0, 0])
    np.testing.assert_allclose(shares[2], np.eye(7)[5])
    assert vote_majority(votes).tolist() == [-1, 2, -1]
    assert vote_majority(None, 2).tolist() == [-1, -1]


def test_faces_are_scored_by_votes_too(tmp_path: Path) -> None:
    data, out = fer(tmp_path), tmp_path / "scores.json"
    text = evaluate_face(data, "paper", split="PublicTest", duplicates=False, json_path=out)
    assert BY_VOTES in text
    scores = json.loads(out.read_text("utf-8"))["scores"]
    majority = vote_majority(open_dataset(data).still_faces().take("PublicTest").ferplus_votes)
    assert scores[BY_VOTES]["n"] == (majority >= 0).sum() > 0
    assert BY_VOTES not in evaluate_face(
        fer(tmp_path, votes=False), "paper", split="PublicTest", duplicates=False
    )


def test_what_the_labels_of_copies_would_get_right(tmp_path: Path) -> None:
    data, out = fer(tmp_path, votes=False), tmp_path / "scores.json"
    with np.load(data) as stored:
        arrays = dict(stored)
    arrays["images"][35:45] = arrays["images"][:10]  # Training's first, in PublicTest
    arrays["label"][35:45] = arrays["label"][:10]
    arrays["label"][35:38] = (arrays["label"][:3] + 1) % 7  # three of them called something else
    np.savez(data, **arrays)
    text = evaluate_face(data, "paper", split="PublicTest", json_path=out)
    scores = json.loads(out.read_text("utf-8"))["scores"]
    assert scores["all copies only"]["n"] >= 10
    known = scores[BY_COPIES]
    assert known["n"] == scores["all copies only"]["n"]
    right = known["accuracy"]["value"] * known["n"]
    assert 7 <= right <= known["n"] - 3
    assert BY_COPIES in text


def bundle_of(tmp_path: Path, corpora: list[Corpus]) -> Path:
    model = EmoNets.load("paper").with_models(["face"])
    model.provenance = Provenance({"face": tuple(corpora)})
    return model.save(tmp_path / "b")


def test_what_a_network_was_trained_on_is_known_by_the_stills(tmp_path: Path) -> None:
    """Whatever the corpus is called, and whatever its parts are."""
    data, out = fer(tmp_path), tmp_path / "scores.json"
    faces = open_dataset(data).still_faces()
    trained = faces.take("PublicTest")
    single = [str(k) for k in range(len(trained))]
    corpus = make_corpus("holiday", prints_of_stills(trained.images), single)
    bundle = bundle_of(tmp_path, [corpus])
    text = evaluate_face(data, bundle, split="PublicTest", json_path=out)
    assert "the network was trained on PublicTest: these are no test scores" in text
    assert f"the network was trained on holiday ({len(trained)} stills)" in text
    assert json.loads(out.read_text("utf-8"))["seen"]["by_content"] == len(trained)
    learned = learned_from(faces, [corpus])
    assert learned is not None
    assert learned.splits == trained.splits
    mixed = evaluate_face(data, bundle, split="all", duplicates=False, json_path=out)
    assert f"{len(trained)} of {len(faces)} stills were trained on" in mixed
    scores = json.loads(out.read_text("utf-8"))["scores"]
    assert scores[UNSEEN]["n"] == len(faces) - len(trained)


def test_other_stills_of_a_known_corpus_are_unseen(tmp_path: Path) -> None:
    data = fer(tmp_path)
    rng = np.random.default_rng(5)
    others = rng.integers(0, 256, (10, 48, 48)).astype(np.uint8)
    corpus = make_corpus("fer2013 PublicTest", prints_of_stills(others), list("abcdefghij"))
    text = evaluate_face(data, bundle_of(tmp_path, [corpus]), split="PublicTest")
    assert "no test" not in text
    assert "were trained on" not in text


def test_of_an_older_bundle_the_names_count(tmp_path: Path) -> None:
    bundle = bundle_of(tmp_path, [Corpus("fer2013 PublicTest")])
    text = evaluate_face(fer(tmp_path), bundle, split="PublicTest", duplicates=False)
    assert "the network was trained on PublicTest: these are no test scores" in text
    assert "cannot be checked" in text
    bundle = bundle_of(tmp_path, [])
    text = evaluate_face(fer(tmp_path), bundle, split="PublicTest", duplicates=False)
    assert "faces that its bundle does not name" in text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[face]\nmodel = "transformer"', "must be 'convnet' or 'modern convnet'"),
        ('[face]\nmodel = "modern convnet"\n[face.network]\nweight_rate = 0.1', "weight_rate"),
        ("[face.training]\nepochs = 3", r"unknown table \[face.training\].*model = 'convnet'"),
        (
            '[face]\nmodel = "modern convnet"\n[face.augmentation]\nwarp = 3.0',
            "warp",
        ),
    ],
)
def test_presets_of_another_model_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=message):
        train_face(fer(tmp_path), tmp_path / "out", preset=str(file))


def test_only_a_modern_network_is_taught(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="can use teachers"):
        train_face(fer(tmp_path), tmp_path / "out", preset="paper", teachers=["paper"])


def test_a_network_for_other_pictures_is_refused() -> None:
    face = emonets.load("paper").face
    settings, parts = face.to_arrays()
    settings["network"]["side"] = 64
    parts["face"]["mean_image"] = np.zeros((64, 64), np.float32)
    with pytest.raises(BundleError, match="pictures of 64 pixels"):
        FaceSpecialist.from_arrays(settings, parts)
    settings, parts = face.to_arrays()
    settings["network"]["classes"] = [6, 5, 4, 3, 2, 1, 0]
    with pytest.raises(BundleError, match="not the seven emotions"):
        FaceSpecialist.from_arrays(settings, parts)
