"""Against what the original tools gave, where that lies beside the checkout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emonets.learners.svm.coupled import CoupledSVC
from emonets.reproduction import afew2
from emonets.reproduction.afew2 import reproduce_afew2
from emonets.reproduction.afew2_quirks import MicrosoftFolds, first_appearance

REFERENCE = Path(__file__).resolve().parents[1].parent / "shared" / "reference"


def afew2_folder() -> Path:
    folder = REFERENCE / "afew2"
    if not folder.is_dir():
        pytest.skip("the authors' AFEW2 results do not lie beside this checkout")
    return folder


def test_afew2_replay_is_equal_in_every_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the grid around the best point; the command searches all of it."""
    monkeypatch.setattr(afew2, "GRID", afew2.GRID[2:9])
    report = reproduce_afew2(afew2_folder(), n_jobs=1)
    different = [check for check in report.checks if check.equal is False]
    assert different == []
    shown = {check.name: check.ours for check in report.checks}
    assert shown["ConvNet SVM, train: labels equal"] == 367
    assert shown["ConvNet SVM, validation: labels equal"] == 385
    assert shown["ConvNet + audio SVM, train: labels equal"] == 380
    assert shown["ConvNet + audio SVM, validation: labels equal"] == 396
    assert report.compared >= 39


@pytest.mark.parametrize(
    ("file", "features", "labels", "probabilities", "C", "gamma"),
    [
        ("svm_convnet", "feature{}", "labelTrain", "prob_values_{}", 18.1, 1 / 70),
        ("svm_convnet_audio", "feature{}All", "labelTrainAudio", "prob_values_{}f", 2.2974, 1.7411),
    ],
)
def test_afew2_coupled_svm_is_libsvms_to_the_last_digit(
    file: str, features: str, labels: str, probabilities: str, C: float, gamma: float
) -> None:
    with np.load(afew2_folder() / f"{file}.npz") as stored:
        _, y = first_appearance(stored[labels].ravel())
        machine = CoupledSVC(C=C, gamma=gamma, cv=MicrosoftFolds())
        machine.fit(stored[features.format("Train")], y)
        np.testing.assert_allclose(machine.probA_, stored["model_ProbA"].ravel(), atol=1e-9)
        np.testing.assert_allclose(machine.probB_, stored["model_ProbB"].ravel(), atol=1e-9)
        for part in ("Train", "Val"):
            np.testing.assert_allclose(
                machine.predict_proba(stored[features.format(part)]),
                stored[probabilities.format(part.lower())],
                atol=1e-9,
            )
