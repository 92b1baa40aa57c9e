"""Presets: that they are whole, and that every number decides something or is fixed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets.errors import ParameterError
from emonets.fusion.strategies import STRATEGIES, make_fusion
from emonets.runtime.settings import to_table
from emonets.specialists.activity import motion_code
from emonets.specialists.activity import settings as activity
from emonets.specialists.activity.specialist import ActivitySpecialist
from emonets.specialists.audio import settings as audio
from emonets.specialists.face import settings as face
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.specialists.mouth import settings as mouth
from emonets.specialists.mouth.trainer import MouthTrainer
from emonets.training import trainers
from emonets.training.preset import (
    check_preset,
    load_preset,
    preset_names,
    read_preset,
    table_kinds,
)
from emonets.training.system import fusion_settings
from emonets.training.trainers import make_trainers


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


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_whole(name: str) -> None:
    table = load_preset(name)
    assert table["name"] == name
    # all that has a default stands in the file, too: nothing is left to be looked up in code
    filled = {
        dotted(way) for way in keys({k: to_table(v) for k, v in read_preset(name).tables.items()})
    }
    written = {dotted(way) for way in keys(table)}
    assert filled <= written
    assert set(table) == {"name", *table_kinds()}


OTHERS: dict[str, Any] = {
    "name": "mine", "face.network.network": "convnet2", "face.images.registration": "face",
    "face.images.illumination": "none", "face.images.border": "edge", "face.images.size": 96,
    "face.clips.base": "modern",
    "face.clips.head": "none", "face.network.filters": [64, 64, 96], "face.network.filter_size": 3,
    "audio.features": "logmel", "audio.on": "speech", "audio.network.pooling": "mean",
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
    "face.images.points", "face.images.border_pixels", "mouth.rows", "mouth.columns",
    *(f"audio.frames.{name}" for name in audio.FRAMES["yaafe"]),
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
        name, kinds, items, faces = "clips", ("clip",), (), None
        info = type("Info", (), {"name": "clips"})()
        labels = groups = np.empty(0)

    settings = face.face_from_table(table["face"])
    made: list[Any] = [plain(face.build_face_network(settings)), settings.images.preprocessing()]
    parts, _ = make_trainers(table, [Data()], models=["face"])  # type: ignore[list-item]
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
        name, kinds, items, faces = "clips", ("clip",), (), None
        info = type("Info", (), {"name": "clips"})()

    try:
        parts, _ = make_trainers(table, [Data()], models=["audio"])  # type: ignore[list-item]
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
        given(lambda: reduce([], None, settings, 0)),
        settings.geometry(), settings.superblocks.components, settings.blocks.basis,
        plain(activity.build_whitening(settings)), plain(activity.build_autoencoder(settings)),
        plain(activity.build_words(settings)), settings.augmentation,
    ]  # fmt: skip
    specialist = activity.build_activity(code, settings)
    return [*made, given(lambda: specialist.fit([], [], **to_table(settings.svm)))]


def of_mouth(table: Any, patch: Any, tmp_path: Path) -> Any:
    """View, dictionaries, regression and its penalties, the step through a clip."""
    made = mouth.build_mouth(mouth.mouth_from_table(table["mouth"]))
    part: Any = MouthTrainer(to_table(mouth.mouth_from_table(table["mouth"])))
    return made.view, plain(made.bag), plain(made.classifier), made.strengths, part._every


def of_fusion(table: Any, patch: Any, tmp_path: Path) -> Any:
    """Every strategy."""
    settings = fusion_settings(table)
    made = {name: plain(make_fusion(name, numbers=settings)) for name in STRATEGIES}
    return settings.strategy, settings.coverage, made


def of_name(table: Any, patch: Any, tmp_path: Path) -> Any:
    """The bundle whose networks are taken where the preset names none."""
    return trainers._base("", table)


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
        ("face.images", "size", 39, "network.crop is 40, larger than the pictures"),
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
        ("face.clips", "head", "nose", "one of 'svm', 'logistic', 'none', .*, got 'nose'"),
        ("activity", "on", "hands", "one of 'frames', 'tubes', got 'hands'"),
    ],
)
def test_numbers_that_cannot_be(table: str, key: str, value: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=f"^mine: .*{message}"):
        check_preset(with_(PAPER, (*table.split("."), key), value), "mine")
