"""What ships in the wheel is what its card says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emonets.bundle import bundle_names, find_bundle, read_bundle
from emonets.datasets import open_dataset
from emonets.model import EmoNets


@pytest.mark.parametrize("name", bundle_names())
def test_small_and_with_a_card(name: str) -> None:
    folder = find_bundle(name)
    assert all(f.stat().st_size < 10e6 for f in folder.iterdir())
    card = read_bundle(folder).manifest["card"]
    assert card["trained_on"]
    assert card["chosen_by"]
    page = Path(__file__).resolve().parents[1] / "docs" / "models" / f"{name}.md"
    assert page.exists()


def test_all_weights_together_are_small() -> None:
    weights = find_bundle("modern").parent
    assert sum(f.stat().st_size for f in weights.rglob("*") if f.is_file()) < 25e6


def test_motion_and_mouths_are_there_and_speak_when_asked() -> None:
    model = EmoNets.load()
    assert model.speaks == ("face", "audio")
    assert tuple(model.specialists) == ("face", "audio", "activity", "mouth")
    card = model.about["card"]
    for name in ("activity", "mouth"):
        assert "leave one of 8 groups out" in card[name]["split"]
        assert "javanese" in card[name]["trained_on"]
    assert model.with_models(["all"]).speaks == tuple(model.specialists)


@pytest.mark.parametrize("name", bundle_names())
def test_torch_gives_the_same(name: str) -> None:
    pytest.importorskip("torch")
    from emonets.specialists.face.network import torch as convnet_torch

    network = EmoNets.load(name).face.network
    pictures = np.random.default_rng(0).integers(0, 256, (50, 48, 48)).astype(np.uint8)
    ours = network.predict_proba(pictures)
    theirs = convnet_torch.probabilities(
        network.network_, network.arrays_, network._prepare(pictures)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("name", bundle_names())
def test_the_cards_accuracy_holds(name: str, shared: Path) -> None:
    """On PublicTest, by which the epoch was chosen. Training scored in bfloat16."""
    data = shared / "data" / "fer2013.npz"
    if not data.exists():
        pytest.skip("FER2013 is not there")
    model = EmoNets.load(name)
    faces = open_dataset(data).still_faces().take("PublicTest")
    p = model.face.network.predict_proba(model.face.preprocessing.normalise(faces.images))
    accuracy = float(np.mean(p.argmax(axis=1) == faces.labels))
    assert accuracy == pytest.approx(model.about["card"]["chosen_accuracy"], abs=0.003)


def test_the_sound_of_an_example(happy: Path) -> None:
    """It is wrong about it, as its card says of this corpus; what ships must not drift."""
    (row,) = EmoNets.load("modern").predict(happy, models=["audio"]).rows
    assert row.probabilities == pytest.approx((0.03, 0.04, 0.17, 0.22, 0.12, 0.35, 0.07), abs=0.01)
