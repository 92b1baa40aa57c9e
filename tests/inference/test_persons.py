"""Whose face and whose voice: rows of persons, listeners, and the clip's own prediction."""

from __future__ import annotations

import numpy as np
import pytest
from people import FakeAudio, FakeFace, FakeSpeakers, FakeSpeech, Span, faces, sharp

from emonets.contracts import Features
from emonets.emotions import EMOTIONS
from emonets.fusion.named import NamedFusion
from emonets.fusion.strategies import make_fusion
from emonets.inference.combine import combine_clip, combine_windows
from emonets.inference.persons import SPEAKER, Scene, speaking_factors
from emonets.inference.rows import ClipRows, rows_of
from emonets.result import Row

SPECIALISTS = {"face": FakeFace(), "audio": FakeAudio()}
WHOLE = {0: [(0.0, 4.0)]}


def made(
    features: Features, scene: Scene, *, window: float | None = None, specialists=SPECIALISTS
) -> ClipRows:
    end = float(features["span"][1])
    spans = [(0.0, end)] if window is None else [
        (a, a + window) for a in np.arange(0, end, window).tolist()
    ]  # fmt: skip
    own = dict.fromkeys(specialists, features)
    return rows_of("a.mp4", specialists, own, spans, (0.0, end), scene=scene)


def fused(rows: ClipRows, fusion: NamedFusion | None = None, names=("face", "audio")) -> list[Row]:
    return combine_windows(rows.by_span, names, fusion)


def scene_of(
    features: Features,
    speaking: dict[int, list[Span] | None] | None = None,
    person_of: dict[int, int] | None = None,
) -> Scene:
    every = [s for own in (speaking or {}).values() for s in own or []]
    return Scene.of(
        [features],
        None if person_of is None else person_of.__getitem__,
        None if speaking is None else FakeSpeech(every),
        None if speaking is None else FakeSpeakers(dict(speaking)),
    )


def fitted() -> NamedFusion:
    """A fusion that was fitted on clips where the audio is always right."""
    rng = np.random.default_rng(0)
    y = np.arange(140) % 7
    p = rng.dirichlet(np.ones(7), (140, 2))
    p[np.arange(140), 1, y] += 3
    p /= p.sum(axis=2, keepdims=True)
    return NamedFusion(make_fusion("recall weights").fit(p, y), ("face", "audio"))


def test_rows_have_their_person_and_speech() -> None:
    features = faces(("happy", 50, (0, 2)), ("sad", 50, (0, 4)), ("happy", 50, (2, 4)))
    scene = scene_of(features, {0: [(0.0, 1.0)], 1: [(3.0, 4.0)]}, {0: 0, 1: 1, 2: 0})
    rows = made(features, scene, window=2.0).rows
    assert [(row.model, row.track, row.person) for row in rows if row.model == "face"] == [
        ("face", 0, 0), ("face", 1, 1), ("face", 1, 1), ("face", 2, 0),
    ]  # fmt: skip
    assert [row.speaks for row in rows if row.model == "face"] == [True, False, True, False]
    heard = [row for row in rows if row.model == "audio"]
    assert [(row.person, row.speaks) for row in heard] == [(None, None)] * 2
    assert [row.speech for row in heard] == pytest.approx([0.5, 0.5])


def test_without_readers_each_track_is_a_person_and_nothing_is_known_of_speech() -> None:
    features = faces(("happy", 50, (0, 2)), ("sad", 50, (0, 4)))
    (a, b) = made(features, scene_of(features), specialists={"face": FakeFace()}).rows
    assert [(r.person, r.speech, r.speaks) for r in (a, b)] == [(0, None, None), (1, None, None)]


@pytest.mark.parametrize("window", [None, 1.0])
@pytest.mark.parametrize("fusion", [None, fitted()])
def test_a_listeners_row_is_the_face_alone(window: float | None, fusion: NamedFusion) -> None:
    features = faces(("happy", 50, (0, 4)), ("sad", 50, (0, 4)))
    found = made(features, scene_of(features, {0: WHOLE[0], 1: []}), window=window)
    rows = fused(found, fusion)
    assert {row.model for row in rows} == {"face+audio"}
    assert len(rows) == 2 * (1 if window is None else 4)
    for row in rows:
        if row.person == 1:
            (face,) = [
                r for r in found.rows
                if (r.model, r.person, r.start) == ("face", 1, row.start)
            ]  # fmt: skip
            assert row.probabilities == face.probabilities  # to the last digit
            assert row.label == "sad"
        else:
            assert row.label == "angry"  # the voice is sharper than the face
            assert row.speaks


def test_other_specialists_do_not_change_a_listeners_row() -> None:
    """A mouth that is closed, and motion of the whole picture, that is the speaker's too."""
    features = faces(("happy", 50, (0, 4)), ("sad", 50, (0, 4)))
    specialists = {
        **SPECIALISTS,
        "activity": FakeAudio("activity", "motion"),
        "mouth": FakeFace("mouth"),
    }
    scene = scene_of(features, {0: WHOLE[0], 1: []})
    found = made(features, scene, specialists=specialists)
    rows = fused(found, None, list(specialists))
    assert rows[1].probabilities == found.rows[1].probabilities
    assert rows[1].label == "sad"
    assert rows[0].label == "angry"


def test_where_it_is_not_known_who_speaks_the_voice_counts_for_each() -> None:
    features = faces(("happy", 50, (0, 4)), ("sad", 50, (0, 4)))
    unknown = FakeSpeakers({0: None, 1: None})
    for scene in (scene_of(features), Scene.of([features], None, FakeSpeech(WHOLE[0]), unknown)):
        assert [row.label for row in fused(made(features, scene))] == ["angry", "angry"]


def test_where_nobody_speaks_there_are_no_listeners() -> None:
    """A silent person's motion counts as ever: it is nobody else's."""
    features = faces(("happy", 50, (0, 4)))
    scene = scene_of(features, {0: []})
    specialists = {"face": FakeFace(), "activity": FakeAudio("activity", "motion")}  # no audio
    found = made(features, scene, window=2.0, specialists=specialists)
    rows = fused(found, None, list(specialists))
    assert [row.speaks for row in rows] == [False, False]
    assert {row.label for row in rows} == {"angry"}


def test_who_is_seen_only_while_nobody_speaks_listens_in_that_window() -> None:
    features = faces(("happy", 50, (0, 4)), ("sad", 50, (3, 4)))
    rows = fused(made(features, scene_of(features, {0: [(0.0, 3.0)], 1: []})))
    assert [row.label for row in rows] == ["angry", "sad"]
    assert rows[1].speech == 0
    assert rows[1].speaks is False


def test_a_lone_face_and_the_voice_of_somebody_who_is_not_seen() -> None:
    features = faces(("happy", 50, (0, 4)))
    heard = FakeSpeech([(0.0, 2.0)])
    outside = Scene.of([features], None, heard, FakeSpeakers({0: []}))
    assert outside.voice_is_unseen(0, 4)
    assert not outside.voice_is_unseen(2, 4)  # nobody speaks there
    found = made(features, outside)
    clip = combine_clip(found.whole, fitted(), alone="face")
    assert clip.probabilities == found.whole[0].probabilities
    assert clip.label == "happy"
    assert clip.model == "face+audio"
    for spans, unseen in (([(1.0, 1.4)], True), ([(1.0, 1.6)], False)):  # of two seconds
        part = Scene.of([features], None, heard, FakeSpeakers({0: spans}))
        assert part.voice_is_unseen(0, 4) == unseen
    assert not Scene.of([features], None, heard, FakeSpeakers({0: None})).voice_is_unseen(0, 4)
    assert not Scene(speech=heard).voice_is_unseen(0, 4)  # nobody is seen at all


def test_alone_without_a_face_is_all_of_them() -> None:
    rows = [
        Row("a.mp4", None, 0, 1, False, "face", (1 / 7,) * 7),
        Row("a.mp4", None, 0, 1, None, "audio", tuple(sharp("sad")), sound_found=True),
    ]
    assert combine_clip(rows, alone="face").label == "sad"


def test_one_person_is_predicted_as_ever() -> None:
    """Of one track, or of several: all pictures together."""
    one = faces(("happy", 50, (0, 4)))
    cut = faces(("happy", 50, (0, 1)), ("sad", 90, (1, 4)))
    for features, person_of in ((one, None), (cut, {0: 0, 1: 0})):
        plain = FakeFace().predict_proba(features)[0]
        scene = scene_of(features, {0: [(0.0, 1.0)]}, person_of)
        (clip,) = [r for r in made(features, scene).whole if r.model == "face"]
        assert clip.probabilities == tuple(plain)


def whole_face(features: Features, scene: Scene) -> np.ndarray:
    (clip,) = [r for r in made(features, scene).whole if r.model == "face"]
    assert sum(clip.probabilities) == pytest.approx(1)
    return np.array(clip.probabilities)


@pytest.mark.parametrize("photographs", [1, 2, 3, 4, 5])
def test_a_speaker_is_not_outvoted_by_photographs(photographs: int) -> None:
    wall = [("sad", 80.0, (0.0, 4.0))] * photographs
    features = faces(("happy", 80, (0, 4)), *wall)
    scene = scene_of(features, {0: [(1.0, 3.0)]})
    assert EMOTIONS[int(whole_face(features, scene).argmax())] == "happy"
    silent = whole_face(features, scene_of(features))
    assert (EMOTIONS[int(silent.argmax())] == "sad") == (photographs > 1)


@pytest.mark.parametrize(
    "other", [("sad", 30.0, (0.0, 4.0)), ("sad", 80.0, (0.0, 0.4))], ids=["small", "short"]
)
def test_who_is_small_or_seldom_counts_little(other: tuple[str, float, Span]) -> None:
    features = faces(("happy", 80, (0, 4)), other)
    weights = scene_of(features).weights(0, 4)
    assert weights[0] > 0.85
    p = whole_face(features, scene_of(features))
    np.testing.assert_allclose(
        p, weights[0] * sharp("happy") + weights[1] * sharp("sad"), atol=1e-12
    )


def test_weights() -> None:
    features = faces(("happy", 80, (0, 4)), ("sad", 80, (0, 4)), ("fear", 80, (0, 4)))
    third = pytest.approx(1 / 3)
    assert list(scene_of(features).weights(0, 4).values()) == [third] * 3
    assert list(scene_of(features, {1: []}).weights(0, 4).values()) == [third] * 3
    spoken = scene_of(features, {1: [(0.0, 2.0)]}).weights(0, 4)
    assert spoken == pytest.approx({0: 1 / 103, 1: 101 / 103, 2: 1 / 103})
    assert Scene().weights(0, 4) == {}
    flat = {**features, "boxes": np.zeros_like(features["boxes"])}
    assert list(scene_of(flat).weights(0, 4).values()) == [third] * 3


def test_little_speech_counts_little() -> None:
    word = speaking_factors(np.array([0.1, 0.0]))
    assert word.tolist() == pytest.approx([1 + SPEAKER / 10, 1])
    talk = speaking_factors(np.array([6.0, 2.0]))
    assert talk.tolist() == pytest.approx([1 + SPEAKER * 0.75, 1 + SPEAKER * 0.25])


def test_a_person_of_whom_a_specialist_has_no_picture_does_not_count() -> None:
    features = faces(("happy", 80, (0, 4)), ("sad", 80, (0, 4)))
    known = {**features, "known": features["track"] == 0}
    scene = scene_of(features, {1: WHOLE[0]})
    (clip,) = [r for r in made(known, scene).whole if r.model == "face"]
    np.testing.assert_allclose(clip.probabilities, sharp("happy"), atol=1e-12)


def test_a_still_gives_a_row_a_face() -> None:
    features = faces(("happy", 80, (0, 0.1)), ("sad", 80, (0, 0.1)))
    still = {**features, "span": np.array([0.0, 0.0]), "step": np.array(0.0)}
    found = made(still, scene_of(still))
    assert [(row.level, row.track, row.person, row.label) for row in found.rows] == [
        ("face", 0, 0, "happy"), ("face", 1, 1, "sad"),
    ]  # fmt: skip
    assert [row.level for row in found.whole] == ["clip", "clip"]


def test_each_of_two_who_speak_in_one_window_has_a_voice_of_their_own() -> None:
    features = faces(("happy", 50, (0, 4)), ("sad", 50, (0, 4)), ("surprise", 50, (0, 4)))
    speech = {
        "speech": np.ones(100, np.float32),
        "speech_start": np.array(0.0),
        "speech_step": np.array(0.04),
    }
    own = {"face": features, "audio": {**speech, "span": np.array([0.0, 4.0])}}

    def rows(speaking: dict[int, list[Span] | None], window: float) -> list[Row]:
        spans = [(a, a + window) for a in np.arange(0, 4, window).tolist()]
        scene = Scene.of([features], None, FakeSpeech(WHOLE[0]), FakeSpeakers(dict(speaking)))
        found = rows_of("a.mp4", SPECIALISTS, own, spans, (0.0, 4.0), scene=scene)
        assert [r.track for r in found.rows if r.model == "audio"] in ([], [None] * len(spans))
        return fused(found)

    first, second, third = rows({0: [(0.0, 2.0)], 1: [(2.0, 4.0)], 2: []}, 4.0)
    for row, face, voice in ((first, "happy", "angry"), (second, "sad", "fear")):
        product = sharp(face) * sharp(voice)
        np.testing.assert_allclose(row.probabilities, product / product.sum(), atol=1e-6)
        assert (row.start, row.end) == (0.0, 4.0)
        assert row.sound_found
    assert third.label == "surprise"  # a listener
    # who has nearly all of the speech, or a voice of which nothing is known, has the window's
    product = sharp("happy") * FakeAudio().p
    for speaking in ({0: [(0.0, 3.5)], 1: [(3.5, 4.0)]}, {0: None, 1: [(3.5, 4.0)]}):
        row = rows(speaking, 4.0)[0]
        np.testing.assert_allclose(row.probabilities, product / product.sum(), atol=1e-6)
    # in windows of their own there is nothing to part
    label = [row.label for row in rows({0: [(0.0, 2.0)], 1: [(2.0, 4.0)]}, 2.0)]
    assert label == ["angry", "sad", "surprise", "happy", "angry", "surprise"]
