"""Scores of predictions that are normalised by the person."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from command_line import runner
from emonets.training.out_of_fold import OutOfFold
from emonets.training.score_bundle import normalised


def test_each_specialist_is_normalised_by_the_group() -> None:
    random = np.random.default_rng(0)
    P = random.dirichlet(np.ones(7), size=(12, 2))
    found = np.ones((12, 2), bool)
    found[:3, 1] = False
    P[:3, 1] = 1 / 7
    groups = np.array(["ann"] * 6 + ["bob"] * 5 + ["lone"])
    made = OutOfFold(
        np.arange(12), np.zeros(12, int), ("face", "audio"), P, found, np.ones((12, 2, 7), bool),
        "all clips",
    )  # fmt: skip
    model: Any = SimpleNamespace(references={})
    after = normalised(model, made, groups)
    assert after.split == "all clips, normalised by the person"
    changed = np.abs(after.P - P).max(axis=2) > 1e-9
    assert changed[:11, 0].all()
    assert changed[3:11, 1].all()
    assert not changed[11].any()  # one clip of a person
    assert not changed[:3, 1].any()  # nothing found
    np.testing.assert_allclose(after.P.sum(axis=2), 1)


def test_it_is_of_a_bundle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runner(monkeypatch, capsys)
    words = ("evaluate", "modern", "clips", "--cross-validate", "auto", "--normalise", "person")
    code, _, err = run(*words)
    assert code == 2
    assert "--normalise is for a bundle: leave out --cross-validate" in " ".join(err.split())
    code, _, err = run("evaluate", "modern", "clips", "--normalise", "actor")
    assert code == 2
    assert "--normalise must be one of none, person" in " ".join(err.split())
