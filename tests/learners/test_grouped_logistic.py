"""Logistic regression on numbers normalised by the person, and the heads that use it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import emonets
from emonets.errors import ParameterError
from emonets.learners.logistic.grouped import BY_PERSON, GroupedLogistic
from emonets.learners.logistic.scaled import ScaledLogistic
from emonets.runtime.settings import from_table
from emonets.specialists.audio.settings import Clips as AudioClips
from emonets.specialists.face.settings import Clips as FaceClips
from emonets.specialists.face.trainer import FaceTrainer
from emonets.training_contract import Run


def people(seed: int = 0, persons: int = 8, clips: int = 30, width: int = 6):
    """Numbers that differ more between people than between classes."""
    random = np.random.default_rng(seed)
    y = np.tile([0, 3, 6], (persons, clips // 3))
    x = random.normal(size=(persons, clips, width))
    x[..., :3] += 2 * (y[..., None] == [0, 3, 6])
    x += 4 * random.normal(size=(persons, 1, width))
    return x.reshape(-1, width), y.ravel(), np.repeat(np.arange(persons), clips)


def test_people_that_are_new_gain() -> None:
    x, y, who = people()
    train, test = who < 5, who >= 5
    plain = ScaledLogistic(C=0.1).fit(x[train], y[train], groups=who[train])
    grouped = GroupedLogistic(C=0.1).fit(x[train], y[train], groups=who[train])
    before = (plain.predict(x[test]) == y[test]).mean()
    p = grouped.predict_proba(x[test], who[test])
    after = (grouped.classes_[p.argmax(1)] == y[test]).mean()
    assert after > before + 0.1
    np.testing.assert_allclose(p.sum(axis=1), 1)
    seven = grouped.seven(x[test], who[test], 7)
    assert np.array_equal(seven[:, [0, 3, 6]], p)
    assert (seven[:, [1, 2, 4, 5]] == 0).all()


def test_without_groups_numbers_are_taken_as_they_are_and_it_is_stored_so() -> None:
    x, y, who = people()
    grouped = GroupedLogistic(C=0.1).fit(x, y, groups=who)
    stored = ScaledLogistic.from_arrays(grouped.to_arrays())
    assert np.array_equal(stored.predict_proba(x), grouped.predict_proba(x))
    with pytest.raises(ParameterError, match="needs groups"):
        GroupedLogistic().fit(x, y)


@pytest.mark.parametrize("kind", [AudioClips, FaceClips])
def test_a_table_names_it(kind: Any) -> None:
    assert from_table(kind, {"head": "logistic by person"}, "clips").head == BY_PERSON


def test_the_faces_head_is_trained_on_what_differs_within_a_person() -> None:
    x, y, who = people()
    face = emonets.load().face
    clips = [
        {"pooled": np.stack([row, row]), "probabilities": np.full((2, 7), 1 / 7),
         "index": np.arange(2)}
        for row in x
    ]  # fmt: skip
    material: Any = SimpleNamespace(labels=y, groups=who, read=lambda _, i: clips[i])
    rows = np.arange(len(x))
    run: Any = Run.__new__(Run)
    right = {}
    for way in ("logistic", BY_PERSON):
        trainer = FaceTrainer("modern", face, head=way)
        specialist, card = trainer.fit(material, rows[who < 5], run)
        p = trainer.predict(specialist, material, rows[who >= 5], run)
        right[way] = (p.argmax(axis=1) == y[who >= 5]).mean()
        assert ("normalised" in card) == (way == BY_PERSON)
        assert trainer.settings["head"] == way
        # as a bundle, whose clips have no groups
        assert specialist.predict_proba(clips[:2]).shape == (2, 7)
    assert right[BY_PERSON] > right["logistic"] + 0.1
