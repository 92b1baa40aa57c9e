"""Presets: their numbers, defaults and comments, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from emonets.contracts import SpecialistKind, registered
from emonets.errors import ParameterError
from emonets.fusion.strategies import STRATEGIES, FusionSettings, make_fusion
from emonets.learners.boltzmann.dbn import PAPER_LAYERS
from emonets.learners.boltzmann.rbm import RBM
from emonets.learners.logistic.frames import FrameLogistic
from emonets.learners.patches.bag import BagOfPatches
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
from emonets.learners.synchrony.autoencoder import SynchronyAutoencoder
from emonets.learners.word_histogram import WordHistogram
from emonets.runtime.settings import setting, to_table
from emonets.specialists.activity import settings as activity
from emonets.specialists.audio import settings as audio
from emonets.specialists.audio.features.whitening import Whitening
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.face import settings as face
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import NETWORKS
from emonets.specialists.face.network.modern import ModernConvNetClassifier
from emonets.specialists.face.specialist import FacePreprocessing
from emonets.specialists.mouth import settings as mouth
from emonets.training.preset import (
    load_preset,
    read_preset,
    table_kinds,
)


def test_paper_numbers() -> None:
    paper = read_preset("paper")
    assert isinstance(paper["face"], face.ConvNetFace)
    assert isinstance(paper["audio"], audio.PerceptronAudio)
    assert paper["face"].network.layers() == NETWORKS["convnet1"]
    numbers = paper["face"].network
    assert (numbers.weight_rate, numbers.bias_rate, numbers.momentum) == (0.001, 0.002, 0.9)
    assert (numbers.weight_decay, numbers.dense_decay, numbers.flip) == (0.004, 1.0, 0.5)
    assert (paper["face"].images.points, paper["face"].clips.slots) == (51, 10)
    assert (paper["tubes"].window, paper["tubes"].scale_threshold) == (11, 1.5)
    rates = [machine.learning_rate for machine in paper["audio"].pretraining.layers]
    assert rates == [0.0006, 0.0005, 0.001]
    for machine, of in zip(paper["audio"].pretraining.layers, PAPER_LAYERS, strict=True):
        got = to_table(machine)
        assert {key: got[key] for key in of if key != "algorithm"} == {
            key: value for key, value in of.items() if key != "algorithm"
        }
    assert (
        len(paper["audio"].pretraining.used) == 2 == len(paper["audio"].network.hidden_layer_sizes)
    )
    assert (paper["audio"].frames.rate, paper["audio"].frames.width) == (48000, 909)
    assert paper["activity"].superblocks.size == (14, 20, 20)
    assert paper["activity"].superblocks.stride == (7, 10, 10)
    assert paper["fusion"].svm.scales == (0, 1, 2, 3)
    assert paper["fusion"].bagging.members == 350


def commented() -> Iterator[tuple[str, str, str]]:
    """Table, key and comment of each line of paper.toml."""
    place = Path(face.__file__).parents[2] / "presets" / "paper.toml"
    table = ""
    for line in place.read_text("utf-8").splitlines():
        if found := re.match(r"\[+([\w.]+)\]+", line):
            table = found[1]
        elif found := re.match(r"(\w+) = [^#]*(?:# *(.*))?", line):
            yield table, found[1], found[2] or ""


def section_of(settings: Any, table: str, key: str) -> str:
    """The section that a settings dataclass names for a key."""
    for step in table.split(".")[1:]:
        settings = getattr(settings, step)
        settings = settings[0] if isinstance(settings, tuple) else settings
    about = type(settings).__dataclass_fields__[key].metadata
    return str(about.get("section", ""))


def test_the_section_of_each_number_stands_beside_it() -> None:
    paper, seen = read_preset("paper"), 0
    for table, key, comment in commented():
        if not table:
            continue
        section = section_of(paper[table.split(".")[0]], table, key)
        if section and "only" not in comment and comment:
            assert any(part in comment for part in section.split(", ")), (table, key, comment)
            seen += 1
        elif "layers" not in table:  # in a list of machines the first has the comments
            assert comment or section == "", (table, key)
    assert seen > 90


def arguments(kind: type, settings: Any, *, but: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """Assert that settings have the defaults of an estimator's or dataclass' constructor."""
    of = kind().get_params() if hasattr(kind, "get_params") else vars(kind())
    for name, value in to_table(settings).items():
        if name not in but:
            mine = of[name]
            mine = list(mine) if isinstance(mine, tuple) else mine
            assert mine == value, f"{kind.__name__}.{name}"


def test_defaults_are_those_of_the_code() -> None:
    arguments(ConvNetClassifier, face.ConvNetNumbers())
    arguments(ModernConvNetClassifier, face.ModernNumbers())
    arguments(ModernConvNetClassifier, face.ModernTraining(), but={"votes", "start"})
    arguments(FacePreprocessing, face.Images())
    arguments(Whitening, audio.WhiteningNumbers())
    arguments(RBM, audio.Machine())
    arguments(PooledPerceptron, audio.Perceptron())
    arguments(SoundNetClassifier, audio.NetworkTraining())
    arguments(SynchronyAutoencoder, activity.Synchrony())
    arguments(WordHistogram, activity.Words())
    arguments(BagOfPatches, mouth.Dictionary())
    arguments(FrameLogistic, mouth.Classifier(), but={"strengths"})
    assert activity.Blocks().size == activity.ActivitySettings().geometry().block
    for name in STRATEGIES:
        assert type(make_fusion(name)) is type(make_fusion(name, numbers=FusionSettings()))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[face.network]\nepoch = 3", r"unknown key 'epoch' in \[face.network\] .*mean 'epochs'"),
        ("[face.netwrok]\nepochs = 3", r"unknown table \[face.netwrok\] .*did you mean 'network'"),
        ("[facee]\nmodel = 'convnet'", r"unknown table \[facee\]; did you mean 'face'"),
        ("[face.network]\nepochs = 'many'", "face.network.epochs must be a whole number from 1"),
        ("[face.network]\nepochs = true", "must be a whole number from 1, got True"),
        ("[face.network]\nepochs = 0", "must be a whole number from 1, got 0"),
        ("face = 3", r"\[face\] must be a table, got 3"),
        ("[fusion]\nfolds = 3", r"unknown key 'folds' in \[fusion\]"),
        ("zzz = 1", "unknown key 'zzz'; known: name, tubes, face"),
        ("= 3", "not TOML"),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(ParameterError, match=message) as error:
        load_preset(file)
    assert str(error.value).startswith(f"{file}: ")
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(ParameterError, match=r"mine.toml: not TOML \(it is not text"):
        load_preset(file)


def test_unknown_name() -> None:
    with pytest.raises(ParameterError, match="paper"):
        load_preset("papr")


def test_a_small_preset_has_the_rest_by_default(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[activity.words]\nn_words = 30\n[audio]\n[face.network]\nnetwork = 'convnet2'")
    made = read_preset(file)
    assert made["activity"] == activity.ActivitySettings(words=activity.Words(n_words=30))
    assert made["audio"] == audio.PerceptronAudio()
    assert isinstance(made["face"], face.ConvNetFace)
    assert made["face"].network.layers() == NETWORKS["convnet2"]
    assert set(made.tables) == {"activity", "audio", "face"}


def test_layers_are_changed_where_a_preset_says_so() -> None:
    numbers = face.ConvNetNumbers(
        filters=(8, 16, 32), filter_size=3, weight_decay=0.1, dense_decay=0.2
    )
    convolutions = [layer for layer in numbers.layers() if type(layer).__name__ == "Conv"]
    assert [(c.filters, c.size, c.pad, c.decay) for c in convolutions] == [  # type: ignore[union-attr]
        (8, 3, 1, 0.1), (16, 3, 1, 0.1), (32, 3, 1, 0.1),
    ]  # fmt: skip
    assert [c.initial_std for c in convolutions] == [1e-4, 0.01, 0.01]  # type: ignore[union-attr]
    assert numbers.layers()[-1].decay == 0.2  # type: ignore[union-attr]


@dataclass(frozen=True, kw_only=True)
class Brightness:
    bins: int = setting(7, low=2)


def test_a_registered_specialist_has_a_table_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[brightness]\nbin = 3")
    with pytest.raises(ParameterError, match=r"unknown table \[brightness\]; known: name, tubes"):
        load_preset(file)
    load = dict  # never called
    with registered(SpecialistKind("brightness", load, settings=Brightness)):
        with pytest.raises(ParameterError, match=r"unknown key 'bin' in \[brightness\]; .*'bins'"):
            load_preset(file)
        file.write_text("[brightness]\nbins = 3")
        assert read_preset(file)["brightness"] == Brightness(bins=3)
        assert "brightness" in table_kinds()
    with registered(SpecialistKind("brightness", load)):
        file.write_text("[brightness]\nwhatever = 3")
        assert read_preset(file)["brightness"] == {"whatever": 3}
