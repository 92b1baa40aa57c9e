"""The mouth specialist: tubes in, probabilities out."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.patches.bag import BagOfPatches
from emonets.media.clip import open_clip
from emonets.one_pass import TubeReader, read_clip
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.tubes.detect import load_detector
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.tube import FaceTube

KINDS = {3: 0.0, 4: np.pi / 2, 5: np.pi / 4}
"""Happy, sad and surprised mouths are stripes of three directions."""


def mouths(emotion: int, n: int = 6, seed: int = 0, channels: int = 1) -> np.ndarray:
    random = np.random.default_rng((seed, emotion))
    y, x = np.mgrid[0:30, 0:40]
    along = x * np.sin(KINDS[emotion]) + y * np.cos(KINDS[emotion])
    phase = random.uniform(0, 6, (n, 1, 1))
    plain = 120 + 70 * np.sin(0.9 * along + phase) + random.normal(0, 10, (n, 30, 40))
    if channels == 3:
        plain = plain[..., None] * np.array([1.0, 0.7, 0.5])
    return np.clip(plain, 0, 255).astype(np.uint8)


def tube(pictures: np.ndarray, track: int = 0, first: int = 0) -> FaceTube:
    """A tube that shows mouths (n, 30, 40[, 3]) at the fixed place."""
    n = len(pictures)
    crops = np.full((n, 96, 96, 3), 90, np.uint8)
    crops[:, 55:85, 30:70] = pictures if pictures.ndim == 4 else pictures[..., None]
    index = np.arange(first, first + n)
    return FaceTube(
        track=track, index=index, times=index / 25, boxes=np.ones((n, 4)),
        raw_boxes=np.ones((n, 4)), detected=np.ones(n, bool), scores=np.ones(n), crops=crops,
    )  # fmt: skip


def fitted(view: MouthView | None = None, **parameters: Any) -> MouthSpecialist:
    view = view or MouthView()
    channels = 3 if view.colour == "rgb" else 1
    specialist = MouthSpecialist(
        view,
        bag=BagOfPatches(n_clusters=8, patches_per_picture=3, random_state=0, **parameters),
        strengths=(1e-2, 1e-3),
    )
    parts = [(e, s) for e in KINDS for s in range(4)]
    pictures = np.concatenate([mouths(e, seed=s, channels=channels) for e, s in parts])
    labels = np.repeat([e for e, _ in parts], 6)
    groups = np.repeat([s for _, s in parts], 6)
    clips = np.repeat(np.arange(len(parts)), 6)
    return specialist.fit_pictures(pictures, labels, clips, groups)


@pytest.fixture(scope="module")
def specialist() -> MouthSpecialist:
    return fitted()


def test_it_learns_what_mouths_show(specialist: MouthSpecialist) -> None:
    assert specialist.scores_[specialist.classifier.l2] == 1
    assert specialist.known_classes == tuple(KINDS)
    assert MouthSpecialist().known_classes == tuple(range(7))
    for emotion in KINDS:
        features = specialist.describe(tube(mouths(emotion, seed=9)))
        p = specialist.predict_proba(features)
        assert p.shape == (1, 7)
        assert p[0].argmax() == emotion
        np.testing.assert_allclose(p.sum(), 1)
        np.testing.assert_allclose(features["probabilities"].mean(axis=0), p[0])
        np.testing.assert_array_equal(p[0, [0, 1, 2, 6]], 0)  # it was never shown these


def test_what_is_said_of_each_picture(specialist: MouthSpecialist) -> None:
    features = specialist.describe(tube(mouths(3, 5), track=2, first=7))
    assert set(features) == {
        "probabilities", "known", "track", "index", "time", "boxes", "detected", "score",
    }  # fmt: skip
    assert {len(value) for value in features.values()} == {5}
    np.testing.assert_array_equal(features["track"], 2)
    np.testing.assert_array_equal(features["index"], np.arange(7, 12))
    nothing = specialist.empty()
    assert set(nothing) == set(features)
    for key, value in nothing.items():
        assert value.shape[1:] == features[key].shape[1:]
        assert value.dtype == features[key].dtype


def test_a_batch_says_what_single_pictures_say(specialist: MouthSpecialist) -> None:
    pictures = np.concatenate([mouths(e, 5, seed=11) for e in KINDS])
    alone = np.concatenate([specialist.picture_probabilities(p[None]) for p in pictures])
    np.testing.assert_allclose(specialist.picture_probabilities(pictures), alone, atol=1e-5)


def test_constant_crops_are_flagged(specialist: MouthSpecialist) -> None:
    pictures = mouths(3, 4)
    pictures[1] = 90
    features = specialist.describe(tube(pictures))
    np.testing.assert_array_equal(features["known"], [True, False, True, True])
    np.testing.assert_allclose(features["probabilities"][1], 1 / 7)
    seen = features["probabilities"][features["known"]].mean(axis=0)
    np.testing.assert_allclose(specialist.predict_proba(features)[0], seen)
    blank = specialist.describe(tube(np.full((3, 30, 40), 90, np.uint8)))
    np.testing.assert_allclose(specialist.predict_proba(blank), 1 / 7)
    assert specialist.predict_frames(blank)[1].shape == (0, 7)


def test_no_face_is_one_seventh(specialist: MouthSpecialist) -> None:
    np.testing.assert_allclose(specialist.predict_proba(specialist.empty()), 1 / 7)
    empty = specialist.describe(tube(np.zeros((0, 30, 40), np.uint8)))
    assert len(empty["probabilities"]) == 0
    both = specialist.predict_proba([empty, specialist.describe(tube(mouths(4)))])
    np.testing.assert_allclose(both[0], 1 / 7)
    assert both[1].argmax() == 4


def test_faces_at_one_time_are_averaged(specialist: MouthSpecialist) -> None:
    one, two = (
        specialist.describe(tube(mouths(3, 3), 0)),
        specialist.describe(tube(mouths(4, 3), 1, 1)),
    )
    whole = {key: np.concatenate([one[key], two[key]]) for key in one}
    order = np.lexsort((whole["track"], whole["index"]))
    times, p = specialist.predict_frames({key: value[order] for key, value in whole.items()})
    np.testing.assert_allclose(times, np.arange(4) / 25)
    np.testing.assert_allclose(p[1], (one["probabilities"][1] + two["probabilities"][0]) / 2)
    np.testing.assert_allclose(p[0], one["probabilities"][0])


def test_black_and_white_is_nothing_to_a_model_of_colours() -> None:
    coloured = fitted(MouthView(colour="rgb"), grid=(2, 2), max_iter=3)
    grey = coloured.describe(tube(mouths(3)))
    assert not grey["known"].any()
    np.testing.assert_allclose(coloured.predict_proba(grey), 1 / 7)
    assert coloured.predict_proba(coloured.describe(tube(mouths(3, channels=3))))[0].argmax() == 3


@pytest.mark.parametrize("shape", [(2, 64, 64, 3), (2, 96, 96)])
def test_tubes_of_another_kind(shape: tuple[int, ...]) -> None:
    model = MouthSpecialist(MouthView(colour="rgb"))
    wrong = tube(mouths(3, 2))
    object.__setattr__(wrong, "crops", np.zeros(shape, np.uint8))
    with pytest.raises(DataError, match="96 × 96 in RGB, got"):
        model.inputs(wrong)


def test_stored_and_read(specialist: MouthSpecialist) -> None:
    settings, parts = specialist.to_arrays()
    assert settings["view"] == {"region": "fixed", "colour": "grey", "tube_size": 96}
    again = MouthSpecialist.from_arrays(settings, parts)
    one = tube(mouths(5))
    np.testing.assert_allclose(
        again.describe(one)["probabilities"], specialist.describe(one)["probabilities"], atol=1e-5
    )
    assert "128 patch features" in again.decision
    sent: MouthSpecialist = pickle.loads(pickle.dumps(again))  # noqa: S301  to a worker process
    assert sent.view == again.view


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"view": {"region": "fixed", "colour": "grey", "tube_size": 64}}, "64 pixels, not of 96"),
        ({"view": {"region": "fixed", "colour": "rgb", "tube_size": 96}}, "but its view is"),
        ({"view": {"region": "nose", "colour": "rgb", "tube_size": 96}}, "incomplete"),
        ({"bag": {}}, "incomplete"),
    ],
)
def test_settings_that_do_not_fit(
    specialist: MouthSpecialist, change: dict[str, Any], words: str
) -> None:
    settings, parts = specialist.to_arrays()
    with pytest.raises(BundleError, match=words):
        MouthSpecialist.from_arrays({**settings, **change}, parts)


def test_a_classifier_of_other_features(specialist: MouthSpecialist) -> None:
    settings, parts = specialist.to_arrays()
    classifier = parts["mouth_classifier"]
    lacking = {**classifier, "coef": classifier["coef"][:, 1:]}
    with pytest.raises(BundleError, match="takes 127 features"):
        MouthSpecialist.from_arrays(settings, {**parts, "mouth_classifier": lacking})
    strange = {**classifier, "classes": np.array([3, 4, 9])}
    with pytest.raises(BundleError, match="not among the seven"):
        MouthSpecialist.from_arrays(settings, {**parts, "mouth_classifier": strange})


def test_learning_from_features_of_clips() -> None:
    model = MouthSpecialist(bag=BagOfPatches(n_clusters=6, random_state=0), strengths=[1e-2])
    looker = model.keeper()
    clips = [looker.describe(tube(mouths(e, seed=s))) for e in (3, 4) for s in range(3)]
    clips.append(looker.empty())
    model.fit(clips, [3, 3, 3, 4, 4, 4, 6], groups=[0, 1, 2, 0, 1, 2, 0])
    assert list(model.classifier.classes_) == [3, 4]
    assert model.predict_proba(model.describe(tube(mouths(4, seed=8))))[0].argmax() == 4


def test_what_cannot_be_learned_from(specialist: MouthSpecialist) -> None:
    model = MouthSpecialist(bag=BagOfPatches(n_clusters=4), strengths=[1e-2])
    described = specialist.describe(tube(mouths(3)))
    with pytest.raises(DataError, match="extract_mouths"):
        model.fit([described], [3])
    kept = model.keeper().describe(tube(mouths(3)))
    with pytest.raises(DataError, match="all pictures are of one"):
        model.fit([kept], [3])
    with pytest.raises(DataError, match="0 with mouths"):
        model.fit([model.keeper().empty()], [3])
    with pytest.raises(DataError, match="expected mouth crops"):
        model.fit_pictures(
            np.zeros((4, 20, 20), np.uint8), np.zeros(4, np.int64), np.arange(4), np.arange(4)
        )
    with pytest.raises(ParameterError, match="strengths is empty"):
        MouthSpecialist(strengths=())


def test_what_is_for_choosing_is_not_learned_from() -> None:
    pictures = np.concatenate([mouths(e, 12) for e in KINDS])
    labels = np.repeat(list(KINDS), 12)
    choosing = np.tile(np.arange(12) >= 9, 3)
    made = []
    for other in (pictures, np.where(choosing[:, None, None], pictures // 2, pictures)):
        model = MouthSpecialist(bag=BagOfPatches(n_clusters=4, random_state=0), strengths=[1e-2])
        model.fit_pictures(other, labels, np.arange(36), np.zeros(36), choosing=choosing)
        made.append(model)
    one, two = (m.bag.dictionaries_[5].centres_ for m in made)
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(made[0].classifier.coef_, made[1].classifier.coef_)


def test_a_film(specialist: MouthSpecialist, happy: Path) -> None:
    around = fitted(MouthView("landmarks"))
    times: list[float] = []
    readers = {"mouth": specialist.open(), "other": TubeReader(around.keeper())}
    found = read_clip(
        open_clip(happy), readers, stride=4, on_frame=lambda frame: times.append(frame.time)
    ).features
    expected = list(find_tubes(open_clip(happy), load_detector(), stride=4))
    index = np.concatenate([t.index for t in expected])
    for features in found.values():
        np.testing.assert_array_equal(features["index"], index)
        assert features["known"].all()
        step = (times[-1] - times[0]) / (len(times) - 1)
        np.testing.assert_allclose(features["step"], step)
        np.testing.assert_allclose(features["span"], [times[0], times[-1] + step])
    crops = np.concatenate([t.crops for t in expected])
    np.testing.assert_allclose(
        found["mouth"]["probabilities"],
        specialist.picture_probabilities(specialist.view.cut(crops)),
        atol=1e-5,
    )
    assert found["other"]["mouths"].shape == (len(index), 30, 40)
    np.testing.assert_allclose(specialist.predict_proba(found["mouth"]).sum(), 1)
