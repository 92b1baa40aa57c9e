"""The registry, and a fifth specialist, that of examples/plugin, which no file here names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import emonets
from command_line import Run, runner
from emonets.contracts import (
    Predictions,
    SpecialistKind,
    register,
    registered,
    specialist_kind,
    specialist_kinds,
    unregister,
)
from emonets.errors import BundleError, ParameterError
from emonets.model import EmoNets
from emonets_example.brightness import Brightness, BrightnessReader
from emonets_example.kind import KIND

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PRESET = """
name = "five"
[face.clips]
base = "modern"
head = "none"
[brightness]
sharpness = 10.0
[fusion]
strategy = "mean"
"""


@pytest.fixture
def kind() -> Iterator[SpecialistKind]:
    with registered(KIND) as kind:
        yield kind


def test_the_shipped_ones_are_found_in_order() -> None:
    assert list(specialist_kinds()) == ["face", "audio", "activity", "mouth"]
    with pytest.raises(ParameterError, match=r"'gait': face, audio, activity, mouth"):
        specialist_kind("gait")


def test_a_name_is_given_once(kind: SpecialistKind) -> None:
    assert list(specialist_kinds())[-1] == "brightness"
    with pytest.raises(ParameterError, match=r"'brightness' is registered already"):
        register(SpecialistKind("brightness", load="elsewhere:load"))
    with pytest.raises(ParameterError, match=r"'face' is registered already .*FaceSpecialist"):
        register(SpecialistKind("face", load="elsewhere:load"))
    with pytest.raises(ParameterError, match="one word"):
        SpecialistKind("two words", load="x:y")


def test_a_kind_without_a_trainer_fails_when_it_is_called() -> None:
    with pytest.raises(ParameterError, match="'gait' has no trainer"):
        SpecialistKind("gait", load="x:y").call("trainer")


def test_a_fifth_specialist_predicts_with_the_others(
    kind: SpecialistKind, happy: Path, tmp_path: Path
) -> None:
    shipped = emonets.load()
    model = EmoNets(shipped.specialists["face"], brightness=Brightness(np.linspace(0.1, 0.9, 7)))
    assert list(model.specialists) == ["face", "brightness"]
    assert model.brightness.finds == "other"
    result = model.predict(happy, window=0.7, stride=6)
    models = [row.model for row in result.clip_rows()]
    assert models == ["face+brightness"]
    own = [row for row in result.rows if row.model == "brightness"]
    assert [row.level for row in own].count("window") == 3
    assert own[-1].other_found
    assert own[-1].label is not None
    assert emonets.Result.from_json(result.to_json()).rows == result.rows
    alone = model.predict(happy, models=["face"], stride=6).clip_rows()[0]
    plain = emonets.load().with_fusion("product")
    expected = plain.predict(happy, models=["face"], stride=6).clip_rows()[0]
    assert alone.probabilities == expected.probabilities

    again = EmoNets.load(model.save(tmp_path / "five"))
    assert again.predict(happy, window=0.7, stride=6).rows == result.rows
    unregister("brightness")
    with pytest.raises(BundleError, match="'brightness' that is not registered"):
        EmoNets.load(tmp_path / "five")
    register(KIND)


def test_a_fifth_specialist_goes_the_whole_way(
    kind: SpecialistKind,
    tmp_path: Path,
    happy: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Extract, train, evaluate, fusion, save, load, predict and the table, by the commands."""
    run: Run = runner(monkeypatch, capsys)
    lines = ["path,label,group,start,end"]
    for name, label in (("1001_DFA_ANG_XX.flv", "angry"), ("1001_DFA_HAP_XX.flv", "happy")):
        lines += [f"{EXAMPLES / name},{label},p{k},{k * 0.6},{k * 0.6 + 0.6:.1f}" for k in range(3)]
    data, preset, store, out = (
        tmp_path / name for name in ("manifest.csv", "five.toml", "store", "bundle")
    )
    data.write_text("\n".join(lines) + "\n")
    preset.write_text(PRESET)
    code, _, err = run("extract", data, "--store", store, "--preset", preset)
    assert code == 0, err
    assert len([*store.glob("brightness/*/*.safetensors")]) == 6
    code, shown, err = run(
        "train",
        data,
        "--out",
        out,
        "--preset",
        preset,
        "--store",
        store,
        "--report",
        tmp_path / "r",
    )
    assert code == 0, err
    assert "brightness" in shown
    card = json.loads((out / "bundle.json").read_text())["card"]
    assert card["brightness"]["clips"] == 6
    assert card["fusion"]["strategy"] == "mean"
    code, shown, err = run("evaluate", out, data, "--store", store)
    assert code == 0, err
    assert "brightness" in shown
    code, shown, err = run("predict", happy, "--bundle", out, "--format", "csv", "--stride", 6)
    assert code == 0, err
    assert ",face+brightness," in shown
    result = emonets.load(out).predict(happy, stride=6)
    assert set(result.to_pandas()["model"]) == {"face", "brightness", "face+brightness"}

    preset.write_text(PRESET.replace("sharpness", "sharpnes"))
    code, _, err = run("train", data, "--out", tmp_path / "b2", "--preset", preset)
    assert code == 2
    assert "sharpness" in err  # the nearest known key


def test_a_model_takes_registered_specialists_only() -> None:
    with pytest.raises(ParameterError, match="no specialist 'brightness'"):
        EmoNets(brightness=Brightness(np.zeros(7)))
    with pytest.raises(AttributeError, match="'gait'"):
        _ = emonets.load().gait
    assert EmoNets(emonets.load().face).audio is None


def test_readers_name_what_they_cannot_take() -> None:
    with pytest.raises(TypeError, match="takes no sound"):
        BrightnessReader().push_sound(None)  # type: ignore[arg-type]


def test_predictions_have_one_entry_of_the_whole() -> None:
    one = np.zeros(1)
    with pytest.raises(ParameterError, match="exactly one"):
        Predictions(np.array([0]), np.array([-1]), one, one, np.array([True]), np.ones((1, 7)))
    with pytest.raises(ParameterError, match="2 track"):
        Predictions(np.array([-1]), np.array([-1, 0]), one, one, np.array([True]), np.ones((1, 7)))
