"""Presets: that they are whole, that every number decides something, and what is refused."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets.errors import ParameterError
from emonets.fusion.strategies import STRATEGIES, FusionSettings, make_fusion
from emonets.learners.boltzmann.dbn import PAPER_LAYERS
from emonets.learners.boltzmann.rbm import RBM
from emonets.learners.logistic.frames import FrameLogistic
from emonets.learners.patches.bag import BagOfPatches
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
from emonets.learners.synchrony.autoencoder import SynchronyAutoencoder
from emonets.learners.word_histogram import WordHistogram
from emonets.runtime.settings import from_table, to_table
from emonets.specialists.activity import settings as activity
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.specialists.audio import settings as audio
from emonets.specialists.audio.features.whitening import Whitening
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.face import settings as face
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import NETWORKS
from emonets.specialists.face.network.modern import ModernConvNetClassifier
from emonets.specialists.face.specialist import FacePreprocessing, FaceSpecialist
from emonets.specialists.mouth import settings as mouth
from emonets.training import motion_code
from emonets.training.parts import MouthPart
from emonets.training.preset import (
    Preset,
    check_preset,
    load_preset,
    preset_names,
    read_preset,
)
from emonets.training.system import fusion_settings
from emonets.training.trainers import make_parts


def keys(table: Mapping[str, Any], before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value of nested tables, and of tables in lists."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from keys(value, (*before, key))
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for i, inner in enumerate(value):
                yield from keys(inner, (*before, key, i))
        else:
            yield (*before, key)


def dotted(way: tuple[Any, ...]) -> str:
    return ".".join(map(str, way))


def test_paper_numbers() -> None:
    paper = read_preset("paper")
    assert isinstance(paper.face, face.ConvNetFace)
    assert isinstance(paper.audio, audio.PerceptronAudio)
    assert paper.tubes is not None
    assert paper.activity is not None
    assert paper.fusion is not None
    assert paper.face.network.layers() == NETWORKS["convnet1"]
    numbers = paper.face.network
    assert (numbers.weight_rate, numbers.bias_rate, numbers.momentum) == (0.001, 0.002, 0.9)
    assert (numbers.weight_decay, numbers.dense_decay, numbers.flip) == (0.004, 1.0, 0.5)
    assert (paper.face.images.points, paper.face.clips.slots) == (51, 10)
    assert (paper.tubes.window, paper.tubes.scale_threshold) == (11, 1.5)
    rates = [machine.learning_rate for machine in paper.audio.pretraining.layers]
    assert rates == [0.0006, 0.0005, 0.001]
    for machine, of in zip(paper.audio.pretraining.layers, PAPER_LAYERS, strict=True):
        got = to_table(machine)
        assert {key: got[key] for key in of if key != "algorithm"} == {
            key: value for key, value in of.items() if key != "algorithm"
        }
    assert len(paper.audio.pretraining.used) == 2 == len(paper.audio.network.hidden_layer_sizes)
    assert (paper.audio.frames.rate, paper.audio.frames.width) == (48000, 909)
    assert paper.activity.superblocks.size == (14, 20, 20)
    assert paper.activity.superblocks.stride == (7, 10, 10)
    assert paper.fusion.svm.scales == (0, 1, 2, 3)
    assert paper.fusion.bagging.members == 350


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_whole(name: str) -> None:
    table = load_preset(name)
    assert table["name"] == name
    # all that has a default stands in the file, too: nothing is left to be looked up in code
    filled = {dotted(way) for way in keys(to_table(read_preset(name)))}
    written = {dotted(way) for way in keys(table)}
    assert filled <= written
    assert set(table) == set(Preset.__dataclass_fields__)


def test_every_number_of_the_paper_has_its_section_or_a_reason() -> None:
    place = Path(face.__file__).parents[2] / "presets" / "paper.toml"
    lines = place.read_text("utf-8").splitlines()
    silent = [
        line
        for line in lines
        if re.match(r"\w+ = [\[\d]", line) and "#" not in line and "." in line
    ]
    # in a list of machines the first one has the comments
    assert {line.split(" = ")[0] for line in silent} <= {"momentum", "weight_scale"}


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
    arguments(ModernConvNetClassifier, face.ModernTraining(), but={"votes"})
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


OTHERS: dict[str, Any] = {
    "name": "mine", "face.network.network": "convnet2", "face.images.registration": "face",
    "face.images.illumination": "none", "face.images.border": "edge", "face.clips.base": "modern",
    "face.clips.head": "none", "face.network.filters": [64, 64, 96], "face.network.filter_size": 3,
    "audio.features": "logmel", "audio.network.pooling": "mean",
    "audio.network.hidden_layer_sizes": [350, 20], "audio.network.pooled_dropout_by": "update",
    "audio.network.denominator": "unit", "audio.network.shuffle": "epoch",
    "audio.network.train_weights": [1.5, 0.5], "audio.network.test_weights": [1.5, 0.5],
    "audio.pretraining.use": 1, "audio.clips.base": "paper", "audio.clips.head": "none",
    "activity.on": "tubes", "activity.longest": 320, "activity.blocks.size": [11, 16, 16],
    "activity.superblocks.size": [13, 20, 20], "activity.superblocks.stride": [7, 12, 10],
    "activity.synchrony.schedule": "cosine", "activity.words.algorithm": "minibatch",
    "activity.svm.kernel": "additive", "mouth.region": "landmarks", "mouth.colour": "rgb",
    "mouth.dictionary.pooling": "mean+std", "fusion.strategy": "mean", "visible": "bernoulli",
    "algorithm": "sml", "start": "data",
}  # fmt: skip
"""Another value where half of it, or its list the other way round, will not do."""

ALSO: dict[str, dict[str, Any]] = {
    "face.network.network": {"face.network.filters": [64, 64]},
    "audio.network.hidden_layer_sizes": {"audio.pretraining.use": 0},
    "audio.clips.base": {"audio.clips.head": "none"},  # which "paper" has no network for
    "audio.clips.head": {"audio.clips.base": "modern"},
    "audio.features": {"audio.frames": {}},
}
"""What else must be so for that."""

FIXED = {
    "tubes.window", "tubes.scale_threshold", "tubes.crop_size", "face.network.units",
    "face.images.points", "face.images.size", "face.images.border_pixels", "mouth.rows",
    "mouth.columns", *(f"audio.frames.{name}" for name in audio.FRAMES["yaafe"]),
}  # fmt: skip
"""What a preset cannot change."""

MODELS = {"face.model": "modern convnet", "audio.model": "sound network"}
"""What decides which other keys there are."""


def another(way: tuple[Any, ...], value: Any) -> Any:
    """Another value of a key that may stand in its place."""
    name = dotted(way)
    if name in OTHERS or (len(way) > 4 and way[-1] in OTHERS):
        return OTHERS.get(name, OTHERS.get(way[-1]))
    if way[-1] == "hidden":
        return {"relu": "sigmoid", "sigmoid": "relu"}[value]
    if isinstance(value, bool):
        return not value
    if isinstance(value, list):
        return value[::-1] if len(set(value)) > 1 else [2 * part for part in value]
    return value // 2 or value + 1 if isinstance(value, int) else value / 2 or 0.5


class Stopped(Exception):  # noqa: N818
    """A function was reached; its arguments are what it was given."""


def given(function: Callable[[], Any]) -> Any:
    with pytest.raises(Stopped) as stopped:
        function()
    return stopped.value.args


def plain(estimator: Any) -> dict[str, str]:
    """What an estimator was given."""
    return {key: repr(value) for key, value in estimator.get_params().items()}


def of_face(table: Any, patch: Any, tmp_path: Path) -> Any:
    """The network, its pictures, and what the SVM of a system is searched with."""

    class Data:
        name, kinds = "clips", ("clip",)
        info = type("Info", (), {"name": "clips"})()
        labels = groups = np.empty(0)

    settings = face.face_from_table(table["face"])
    made: list[Any] = [plain(face.build_face_network(settings)), settings.images.preprocessing()]
    parts, _ = make_parts(table, [Data()], models=["face"])  # type: ignore[list-item]
    part: Any = parts["face"]

    def search(self: FaceSpecialist, *args: Any, **named: Any) -> None:
        raise Stopped(self.slots, named)

    patch.setattr(FaceSpecialist, "fit", search)
    if part.settings.get("head") == "none":
        return [*made, part.fit(Data, np.empty(0, np.intp), None)[1]]
    searched = given(lambda: part.fit(Data, np.empty(0, np.intp), None))
    return [*made, part.settings["network"], searched]


def of_audio(table: Any, patch: Any, tmp_path: Path) -> Any:
    """Whitening, deep belief net and perceptron, or the network of a bundle."""

    class Data:
        name, kinds = "clips", ("clip",)
        info = type("Info", (), {"name": "clips"})()

    try:
        parts, _ = make_parts(table, [Data()], models=["audio"])  # type: ignore[list-item]
    except ParameterError as error:  # a bundle that has no such network
        return str(error)
    part = parts["audio"]
    settings = audio.audio_from_table(table["audio"])
    assert isinstance(settings, audio.PerceptronAudio)
    net = audio.build_pretraining(settings)
    return [
        type(part).__name__, str(part.extractors()), plain(audio.build_whitening(settings)),
        net and plain(net), settings.pretraining.max_frames,
        plain(audio.build_perceptron(settings)), part.settings.get("network"),
        part.settings.get("head"),
    ]  # fmt: skip


def of_activity(table: Any, patch: Any, tmp_path: Path) -> Any:
    """How many blocks of which size are cut; filters, words, the SVM's search, copies."""
    settings = activity.activity_from_table(table["activity"])

    def cut(streams: Any, count: int, *, shape: Any, seed: int) -> Any:
        raise Stopped(count, shape)

    def search(self: ActivitySpecialist, *args: Any, **named: Any) -> None:
        raise Stopped(self.on, self.longest, self.weighted, named)

    patch.setattr(motion_code, "sample_blocks", cut)
    patch.setattr(ActivitySpecialist, "fit", search)
    reduce: Any = motion_code._reduced
    code: Any = type("Code", (), {})()
    made = [
        given(lambda: motion_code.fit_filters([], table["activity"], work=tmp_path)),
        given(lambda: reduce([], None, settings, 0, print)),
        settings.geometry(), settings.superblocks.components, settings.blocks.basis,
        plain(activity.build_whitening(settings)), plain(activity.build_autoencoder(settings)),
        plain(activity.build_words(settings)), settings.augmentation,
    ]  # fmt: skip
    specialist = activity.build_activity(code, settings)
    return [*made, given(lambda: specialist.fit([], [], **to_table(settings.svm)))]


def of_mouth(table: Any, patch: Any, tmp_path: Path) -> Any:
    """View, dictionaries, regression and its penalties, the step through a clip."""
    made = mouth.build_mouth(mouth.mouth_from_table(table["mouth"]))
    part: Any = MouthPart(to_table(mouth.mouth_from_table(table["mouth"])))
    return made.view, plain(made.bag), plain(made.classifier), made.strengths, part._every


def of_fusion(table: Any, patch: Any, tmp_path: Path) -> Any:
    """Every strategy."""
    settings = fusion_settings(table)
    made = {name: plain(make_fusion(name, numbers=settings)) for name in STRATEGIES}
    return settings.strategy, settings.coverage, made


def of_name(table: Any, patch: Any, tmp_path: Path) -> Any:
    return from_table(Preset, table).name


MADE = {
    "name": of_name, "face": of_face, "audio": of_audio, "activity": of_activity,
    "mouth": of_mouth, "fusion": of_fusion,
}  # fmt: skip
PAPER = load_preset("paper")


def with_(table: dict[str, Any], way: tuple[Any, ...], value: Any) -> dict[str, Any]:
    new = copy.deepcopy(table)
    inner = new
    for key in way[:-1]:
        inner = inner[key]
    inner[way[-1]] = value
    return new


def three_machines() -> dict[str, Any]:
    """The paper's preset with a perceptron of three hidden layers, which uses all machines."""
    table = copy.deepcopy(PAPER)
    table["audio"]["pretraining"]["use"] = 3
    table["audio"]["network"] |= {
        "hidden_layer_sizes": [350] * 3, "activations": ["relu", "sigmoid", "sigmoid"],
    }  # fmt: skip
    return table


@pytest.mark.parametrize(
    "way", [way for way in keys(PAPER) if dotted(way) not in MODELS], ids=dotted
)
def test_every_number_decides_something_or_says_why_not(
    way: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    machine = "layers" in way
    table, name = three_machines() if machine else PAPER, dotted(way)
    value = table
    for key in way:
        value = value[key]
    changed = with_(table, way, another(way, value))
    if name in FIXED:
        with pytest.raises(ParameterError, match=rf"{way[-1]} is fixed at .*: \w+ \w+"):
            check_preset(changed, "mine")
        return
    for where, other in ALSO.get(name, {}).items():
        changed = with_(changed, tuple(where.split(".")), other)
    if way[-1] == "n_components" and machine:  # the perceptron must be as wide
        changed["audio"]["network"]["hidden_layer_sizes"][way[3]] = another(way, value)
    check_preset(changed, "mine")
    made = []
    for one in (table, changed):
        with monkeypatch.context() as patch:
            made.append(MADE[way[0]](one, patch, tmp_path))
    assert repr(made[0]) != repr(made[1]), f"{name} = {another(way, value)!r} changes nothing"


@pytest.mark.parametrize(
    ("table", "key", "value", "message"),
    [
        ("tubes", "window", 13, "tubes.window is fixed at 11 .* a bundle does not store"),
        ("face.network", "units", 8, "there are seven emotions"),
        ("face.images", "points", 68, "the 17 of its contour are ignored"),
        ("mouth", "rows", [50, 80], r"fixed at \[55, 85\] .* keep mouth crops"),
        ("audio.frames", "width", 900, "width is fixed at 909 by features = 'yaafe'"),
        ("audio.frames", "highest", 8000.0, "the features 'yaafe' have no such number"),
        ("face.network", "filters", [64, 64], "an entry for each of the 3 convolutions"),
        ("face.network", "filter_size", 4, "filter_size must be odd"),
        ("audio.pretraining", "use", 4, "use is 4, of 3 layers"),
        ("audio.pretraining", "use", 3, "cannot start the hidden layers"),
        ("audio.network", "train_weights", [1.4, 0.7], "must sum to N"),
        ("audio.network", "activations", ["relu"], "an entry for each hidden layer"),
        ("activity.superblocks", "stride", [4, 10, 10], "less than the stride of 4 frames"),
        ("activity.blocks", "basis", 257, "at most 256"),
        ("fusion", "strategy", "magic", "fusion.strategy must be one of 'mean', .*'recommended'"),
        ("fusion", "coverage", 0, "coverage must be a number above 0 to 1"),
        ("face.clips", "head", "nose", "one of 'svm', 'logistic', 'none', got 'nose'"),
        ("activity", "on", "hands", "one of 'frames', 'tubes', got 'hands'"),
    ],
)
def test_numbers_that_cannot_be(table: str, key: str, value: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=f"^mine: .*{message}"):
        check_preset(with_(PAPER, (*table.split("."), key), value), "mine")


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
    assert made.activity == activity.ActivitySettings(words=activity.Words(n_words=30))
    assert made.audio == audio.PerceptronAudio()
    assert isinstance(made.face, face.ConvNetFace)
    assert made.face.network.layers() == NETWORKS["convnet2"]
    assert made.mouth is None


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
