from __future__ import annotations

from pathlib import Path

import pytest

from emonets.errors import ParameterError
from emonets.training.preset import load_preset, preset_names


def test_paper_numbers() -> None:
    face = load_preset("paper")["face"]
    assert face["network"]["network"] == "convnet1"
    assert face["network"]["crop"] == 40
    assert (face["network"]["weight_rate"], face["network"]["bias_rate"]) == (0.001, 0.002)
    assert face["network"]["momentum"] == 0.9
    assert face["clips"]["slots"] == 10
    assert face["images"]["smoothness"] == 7.0


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_loads(name: str) -> None:
    assert load_preset(name)["name"] == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[face.network]\nepoch = 3", "did you mean 'epochs'"),
        ("[face.netwrok]\nepochs = 3", "did you mean 'network'"),
        ("[face.network]\nepochs = 'many'", "must be"),
        ("[face.network]\nepochs = true", "must be"),
        ("zzz = 1", "known: name, .*face"),
        ("= 3", "not TOML"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=message):
        load_preset(file)


def test_unknown_name() -> None:
    with pytest.raises(ParameterError, match="paper"):
        load_preset("papr")
