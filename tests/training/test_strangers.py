"""Training the face network on many corpora: frames, changes, copies, drawing, runs, installing."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from safetensors.numpy import save_file

import emonets
from emonets.datasets.still_faces import FaceImages
from emonets.errors import BundleError, DataError, ParameterError
from emonets.media.clip import open_clip
from emonets.provenance.corpus import make_corpus
from emonets.provenance.prints import prints_of_stills
from emonets.specialists.face.network.layers import residual
from emonets.specialists.face.network.start import recognition_network, recognition_start
from emonets.specialists.face.specialist import FacePreprocessing
from emonets.training.strangers.changes import _mask, changed
from emonets.training.strangers.copies import THRESHOLD, likeness
from emonets.training.strangers.frames import UP, ZOOM, FaceFramer, framed_still, frames_of
from emonets.training.strangers.material import (
    Drawing,
    Faces,
    framed_stills,
    load_faces,
    save_faces,
)
from emonets.training.strangers.offsets import (
    calibration_error,
    fit_offsets,
    fit_temperature,
    probabilities,
    recall_mean,
)
from emonets.training.strangers.prints import read_corpora, write_corpora
from emonets.training.strangers.teachers import taught

ROOT = Path(__file__).resolve().parents[2]


def tool(name: str) -> Any:
    """A program of the folder tools."""
    path = ROOT / "tools" / f"{name}.py"
    if not path.is_file():
        pytest.skip("the tools are not part of this copy")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def blobs(n: int, seed: int = 0, side: int = 128) -> np.ndarray:
    """Pictures of soft random structure, each another one."""
    rng = np.random.default_rng(seed)
    small = rng.integers(0, 256, (n, 16, 16)).astype(np.uint8)
    return np.stack([cv2.resize(x, (side, side), interpolation=cv2.INTER_CUBIC) for x in small])


def faces(n: int, seed: int = 0, labels: np.ndarray | None = None) -> Faces:
    labels = np.arange(n) % 7 if labels is None else labels
    return Faces(
        blobs(n, seed), np.ones((n, 128, 128), bool), labels, np.eye(7, dtype=np.float32)[labels],
        np.arange(n).astype(np.str_), np.ones(n, bool),
    )  # fmt: skip


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    """A frame of the example clip, RGB."""
    return next(iter(open_clip(ROOT / "examples" / "1001_DFA_HAP_XX.flv").frames())).image


def test_a_face_is_framed_wherever_it_lies(picture: np.ndarray) -> None:
    framer = FaceFramer()
    face = framer.frame(picture)
    assert face.found
    assert face.image.shape == face.shown.shape == (128, 128)
    assert face.shown.all()
    edge = cv2.copyMakeBorder(picture, 40, 0, 60, 20, cv2.BORDER_REPLICATE)
    moved = framer.frame(edge)
    apart = np.abs(moved.image.astype(float) - face.image).mean()
    assert apart < 12
    assert moved.scale == pytest.approx(face.scale, rel=0.06)
    again = framer.frame(picture)
    np.testing.assert_array_equal(again.image, face.image)


def test_what_lies_about_an_outline_is_not_shown(picture: np.ndarray) -> None:
    framer = FaceFramer()
    height, width = picture.shape[:2]
    oval = np.zeros((height, width), np.uint8)
    cv2.ellipse(oval, (width // 2, height // 2), (width // 4, height // 2 - 8), 0, 0, 360, 1, -1)
    cut = picture * oval[..., None]
    face = framer.frame(cut, outlined=True)
    assert not face.shown[4, 4]
    assert face.shown[64, 64]
    assert framer.frame(cut).shown.mean() > face.shown.mean()


def test_a_picture_without_a_face_is_taken_from_its_middle() -> None:
    plain = np.full((60, 80, 3), 90, np.uint8)
    face = FaceFramer().frame(plain)
    assert not face.found
    np.testing.assert_array_equal(face.image, 90)


def test_stills_lie_in_the_frame_with_half_of_their_votes() -> None:
    small = blobs(2, side=48)
    image, shown = framed_still(small[0])
    assert shown.sum() == 96 * 96
    as_predicted = FacePreprocessing(size=96, zoom=ZOOM, up=UP).normalise(small[:1])[0]
    apart = np.abs(frames_of(image[None])[0].astype(float) - as_predicted)
    assert apart.mean() < 2
    votes = np.zeros((2, 10), np.uint8)
    votes[0, 1], votes[0, 5] = 6, 2  # happiness and disgust
    stills = FaceImages(small, np.array([3, 0]), None, None, "x", "", "", ferplus_votes=votes)
    found = framed_stills(stills)
    np.testing.assert_allclose(found.targets[0], [0, 0.125, 0, 0.875, 0, 0, 0])
    np.testing.assert_allclose(found.targets[1], np.eye(7)[0])


def test_changes_are_drawn_by_the_generator() -> None:
    image, shown, other = blobs(1)[0], np.ones((128, 128), bool), blobs(1, seed=5)[0]

    def drawn(seed: int, outlined: bool = False) -> np.ndarray:
        return changed(image, shown, other, np.random.default_rng(seed), outlined=outlined)

    first = drawn(0)
    assert (first.shape, first.dtype) == ((96, 96), np.uint8)
    np.testing.assert_array_equal(first, drawn(0))
    assert len({drawn(seed).tobytes() for seed in range(20)}) == 20


def test_the_background_of_an_outline_is_never_always_black() -> None:
    """Else black would tell the source."""
    shown = np.zeros((128, 128), bool)
    cv2.ellipse(mask := np.zeros((128, 128), np.uint8), (64, 64), (34, 44), 0, 0, 360, 1, -1)
    shown |= mask > 0
    image = np.where(shown, 120, 0).astype(np.uint8)
    corners = np.array([
        changed(image, shown, blobs(1)[0], np.random.default_rng(seed), outlined=True)[2, 2]
        for seed in range(60)
    ])  # fmt: skip
    assert (corners < 20).mean() < 0.5
    whole = np.ones((128, 128), bool)
    cut = [_mask(whole, False, np.random.default_rng(seed)) is not None for seed in range(200)]
    assert 0.2 < np.mean(cut) < 0.4  # other corpora are cut out, too


def test_copies_are_known_moved_mirrored_and_in_other_light() -> None:
    train, test = blobs(12), blobs(5, seed=9)
    shift = np.array([[1, 0, 3.0], [0, 1, 0]])
    test = np.concatenate([
        test,
        [train[0]],
        [train[1][:, ::-1]],
        [cv2.warpAffine(train[2], shift, (128, 128), borderMode=cv2.BORDER_REPLICATE)],
        [(train[3] * 0.6 + 30).astype(np.uint8)],
    ])  # fmt: skip
    found = likeness(train, test)
    assert (found[:4] > 0.9).all()
    assert (found[4:] < THRESHOLD).all()
    assert (likeness(train, test[:0]) == -1).all()


def test_classes_are_drawn_evenly_and_sources_by_their_shares() -> None:
    many, few = faces(70), faces(14, seed=1, labels=np.repeat([0, 3], 7))
    drawing = Drawing({"many": many, "few": few}, {"many": 1.0, "few": 1.0}, seed=4)
    np.testing.assert_allclose(drawing.shares.sum(axis=0), 1)
    np.testing.assert_allclose(drawing.shares[1, [1, 2, 4, 5, 6]], 0)
    assert drawing.shares[1, 0] == pytest.approx(7**0.5 / (10**0.5 + 7**0.5))
    x, y = drawing.batch(3, 21)
    np.testing.assert_array_equal(y.sum(axis=0), 3)
    again = Drawing({"many": many, "few": few}, {"many": 1.0, "few": 1.0}, seed=4).batch(3, 21)
    np.testing.assert_array_equal(x, again[0])
    assert not np.array_equal(x, drawing.batch(4, 21)[0])
    with pytest.raises(DataError, match="labelled disgust, fear"):
        Drawing({"few": few}, {"few": 1.0})


def test_faces_are_kept_in_a_file(tmp_path: Path) -> None:
    some = faces(9)
    some = replace(some, shown=some.images > 99, found=np.arange(9) > 2)
    save_faces(tmp_path / "a.npz", some)
    again = load_faces(tmp_path / "a.npz")
    for name in ("images", "shown", "labels", "names", "found", "targets"):
        np.testing.assert_array_equal(getattr(again, name), getattr(some, name))
    (tmp_path / "b.npz").write_bytes(b"no")
    with pytest.raises(DataError, match=r"b\.npz: not a file of framed faces"):
        load_faces(tmp_path / "b.npz")


SHORT = residual([(32, 1), (32, 1), (32, 1), (64, 2)])


def test_a_resumed_run_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from emonets.training.strangers.run import Recipe, StrangersRun

    drawing = Drawing({"a": faces(14)}, {"a": 1.0})
    recipe = Recipe(faces=28, batch_size=7, learning_rate=0.01)
    whole = StrangersRun(recipe, SHORT)
    start = {k: v.copy() for k, v in whole.averaged().items()}
    for step in range(4):
        whole.step(*drawing.batch(step, 7))
    path = tmp_path / "run.safetensors"
    broken = StrangersRun(recipe, SHORT)
    for step in range(2):
        broken.step(*drawing.batch(step, 7))
    broken.save(path)
    other = StrangersRun(recipe, SHORT)
    other.resume(path)
    assert other.done == 2
    for step in range(2, 4):
        other.step(*drawing.batch(step, 7))
    ends = whole.averaged(), other.averaged()
    assert all(np.array_equal(ends[0][name], ends[1][name]) for name in start)
    same = {name for name in start if np.array_equal(start[name], ends[0][name])}
    frozen = {name for name in start if int(name.split(".")[0]) < 7}
    assert same == frozen
    views = frames_of(faces(4).images)
    z = whole.logits(views)
    assert z.shape == (2, 4, 7)
    np.testing.assert_allclose(z[1], whole.logits(views[:, :, ::-1])[0], atol=1e-5)
    with pytest.raises(DataError, match="made with other numbers"):
        StrangersRun(replace(recipe, seed=1), SHORT).resume(path)
    path.write_bytes(b"no")
    with pytest.raises(DataError, match="not a checkpoint"):
        other.resume(path)


def test_the_rate_rises_stays_and_falls() -> None:
    pytest.importorskip("torch")
    from emonets.training.strangers.run import Recipe, StrangersRun

    run = StrangersRun(Recipe(faces=10_000, batch_size=10), SHORT)
    assert run.rate(0) < 0.01
    assert run.rate(300) == 1
    assert 0.4 < run.rate(700) < 0.6
    assert run.rate(999) < 0.01


def test_targets_are_mixed_with_answers_of_networks() -> None:
    some = faces(3)
    teachers = [emonets.load(name).face for name in ("modern", "open")]
    alone = taught(some, teachers[:1], 1.0)
    both = taught(some, teachers, 0.5)
    np.testing.assert_allclose(both.targets.sum(axis=1), 1, atol=1e-5)
    own = teachers[0].network.predict_proba(frames_of(some.images))
    np.testing.assert_allclose(alone.targets, own, atol=1e-4)
    assert (both.targets[np.arange(3), some.labels] >= 0.5).all()
    assert some.targets.max() == 1
    with pytest.raises(ParameterError, match="share from 0 to 1"):
        taught(some, teachers, 1.5)


def test_a_run_begins_from_the_weights_of_a_bundle() -> None:
    pytest.importorskip("torch")
    from emonets.training.strangers.run import Recipe, StrangersRun

    start = emonets.load("modern").face.network.arrays_
    run = StrangersRun(Recipe(faces=96), start=start)
    x = frames_of(blobs(2))
    z = run.logits(x).astype(np.float64)
    p = np.exp(z) / np.exp(z).sum(axis=2, keepdims=True)
    own = emonets.load("modern").face.network.predict_proba(x)
    np.testing.assert_allclose(p.mean(axis=0), own, atol=1e-3)


def test_offsets_and_temperature_undo_what_leans() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 1400)
    z = rng.normal(0, 1, (1, 1400, 7)) + 2.0 * np.eye(7)[labels]  # 2 z is as sure as it is right
    lean = np.array([0.4, -0.4, 0, 0, 0, 0, 0])
    plain = {"a": (z, labels)}
    leaning = {"a": (4 * (z + lean), labels)}
    zero = np.zeros(7)
    before = recall_mean(probabilities(leaning["a"][0], zero, 1.0), labels)
    offsets = fit_offsets(leaning)
    after = recall_mean(probabilities(leaning["a"][0], offsets, 1.0), labels)
    assert offsets.mean() == pytest.approx(0)
    assert offsets[1] - offsets[0] > 1
    assert after > before + 0.01
    sure = probabilities(leaning["a"][0], offsets, 1.0)
    temperature = fit_temperature(leaning, offsets)
    calm = probabilities(leaning["a"][0], offsets, temperature)
    assert 1.5 < temperature < 2.5
    assert calibration_error(calm, labels) < calibration_error(sure, labels) / 2
    assert np.abs(fit_offsets(plain)).max() < 0.5
    only = np.array([3, 3, 4])  # classes that are absent are never right or wrong
    p = np.eye(7)[[6, 3, 4]] * 0.9 + 0.01
    assert recall_mean(p, only) == pytest.approx(1.0)


def test_the_record_of_pictures_is_read_again(tmp_path: Path) -> None:
    images = blobs(5, side=48)
    corpora = [
        make_corpus(name, prints_of_stills(part), [str(k) for k in range(len(part))], licence="x")
        for name, part in (("one", images[:3]), ("two", images[3:]))
    ]
    write_corpora(tmp_path / "prints.safetensors", corpora)
    again = read_corpora(tmp_path / "prints.safetensors")
    assert [one.key for one in again] == [one.key for one in corpora]
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    with pytest.raises(BundleError, match=r"bad\.safetensors: not a record"):
        read_corpora(tmp_path / "bad.safetensors")


def test_pictures_of_folders_and_of_a_table_are_listed(tmp_path: Path) -> None:
    module = tool("strangers_material")
    for place in ("moodme/fear/b.jpg", "moodme/Disgust/a.JPG", "moodme/contempt/c.jpg",
                  "press/images/x_1.jpg"):  # fmt: skip
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"-")
    (tmp_path / "press" / "data").mkdir()
    (tmp_path / "press" / "data" / "legend.csv").write_text(
        "user,image,emotion\nm,x_1.jpg,Happiness\nm,absent_1.jpg,fear\nm,x_1.jpg,contempt\n"
    )
    found = [(path.name, label, name) for path, label, name in module.listing(tmp_path, "moodme")]
    assert found == [("a.JPG", 1, "Disgust/a.JPG"), ("b.jpg", 2, "fear/b.jpg")]
    assert [row[1:] for row in module.listing(tmp_path, "press")] == [(3, "x")]
    with pytest.raises(DataError, match="there is no such folder"):
        module.listing(tmp_path, "ethiopian")


def test_a_checkpoint_is_installed(tmp_path: Path) -> None:
    module = tool("install_face")
    arrays = recognition_start(seed=2)
    arrays["19.weight"] *= 5
    checkpoint = tmp_path / "face.safetensors"
    save_file(arrays, checkpoint)
    about: dict[str, Any] = {
        "size": 96, "offsets": [0.5, 0, 0, 0, 0, 0, -0.5], "temperature": 2.0, "mirror": True,
        "card": {"chosen_uar": 0.7},
    }  # fmt: skip
    record = tmp_path / "face.json"
    record.write_text(json.dumps(about))
    images = blobs(3, side=48)
    write_corpora(
        tmp_path / "prints.safetensors",
        [make_corpus("mine", prints_of_stills(images), ["0", "1", "2"])],
    )
    made = module.install(
        checkpoint, "paper", pictures=tmp_path / "prints.safetensors", out=tmp_path / "bundle"
    )
    faces = frames_of(blobs(3))
    plain = recognition_network("residual", 96, seed=2)
    plain.arrays_["19.weight"] *= 5
    both = []
    for view in (faces, faces[:, :, ::-1]):
        z = (np.log(plain.predict_proba(view)) + np.array(about["offsets"])) / 2
        both.append(np.exp(z) / np.exp(z).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(
        made.face.network.predict_proba(faces), np.mean(both, axis=0), atol=2e-3
    )
    assert made.face.preprocessing.size == 96
    assert made.about["card"]["chosen_uar"] == 0.7
    assert made.about["card"]["trained_on"] == "mine"
    assert [one.name for one in made.provenance.of("face")] == ["mine"]
    assert made.provenance.of("audio") != ()
    assert set(made.specialists) == set(emonets.load("paper").specialists)
    for change, message in (
        ({"size": 48}, "size is 48"), ({"offsets": [1, 2]}, "expected 7 finite numbers"),
        ({"temperature": 0}, "temperature"), ({"mirror": 1}, "mirror must be true or false"),
        ({"more": 1}, "expected a JSON object"),
    ):  # fmt: skip
        record.write_text(json.dumps(about | change))
        with pytest.raises(BundleError, match=message):
            module.install(checkpoint, "paper", out=tmp_path / "bundle")
    record.write_text(json.dumps(about))
    with pytest.raises(BundleError, match="the record has mine; got yours"):
        module.install(
            checkpoint, "paper", pictures=tmp_path / "prints.safetensors", only=["yours"],
            out=tmp_path / "bundle",
        )  # fmt: skip
    checkpoint.write_bytes(b"no")
    with pytest.raises(BundleError, match="not a safetensors file"):
        module.install(checkpoint, "paper", out=tmp_path / "bundle")
