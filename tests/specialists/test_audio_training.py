"""Training the audio specialist on made-up people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.specialists.audio.training import (
    Labelled,
    drawn,
    emotions_of,
    even_shares,
    fit_audio,
    fit_pooled_perceptron,
    held_out,
)
from emonets.training.preset import audio_settings, load_section
from listening import listening

SMALL = """
[audio]
model = "pooled perceptron"
features = "logmel"
[audio.pretraining]
max_frames = 20
[[audio.pretraining.layers]]
n_components = 6
hidden = "relu"
algorithm = "cd"
n_epochs = 2
[[audio.pretraining.layers]]
n_components = 5
hidden = "sigmoid"
algorithm = "cd"
n_epochs = 1
[audio.network]
hidden_layer_sizes = [6, 5]
n_epochs = 4
"""
SMALL_NETWORK = """
[audio]
model = "sound network"
features = "logmel"
[audio.network]
widths = [4, 4]
blocks = [0, 1]
embedding = 8
attention = 4
[audio.training]
members = 1
epochs = 3
batch_size = 8
frames = 24
"""


def quiet(_: str) -> None:
    """No messages."""


def labelled(width: int = 12, **changes: Any) -> Labelled:
    """Four people, three emotions whose frames differ, two clips each."""
    random = np.random.default_rng(0)
    labels = np.tile(np.repeat([0, 3, 4], 2), 4)
    frames = [
        random.normal(label, 1.0, (20 + i % 3, width)).astype(np.float32)
        for i, label in enumerate(labels.tolist())
    ]
    data = Labelled(
        ("made-up",), np.zeros(24, np.int64), frames, labels,
        np.array([EMOTIONS[label] for label in labels]),
        np.repeat([f"made-up/{p}" for p in range(4)], 6),
    )  # fmt: skip
    return replace(data, **changes)


def table(text: str, tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "own.toml"
    file.write_text(text)
    return load_section(file, "audio")


def test_groups_are_never_on_both_sides() -> None:
    data = labelled()
    usable = np.flatnonzero(data.groups != "made-up/2")
    for stop in (None, np.flatnonzero(data.groups == "made-up/3"), np.empty(0, np.intp)):
        train, held = held_out(data, usable, stop, seed=0)
        assert set(train.tolist()) | set(held.tolist()) == set(usable.tolist())
        assert not set(data.groups[train]) & set(data.groups[held])
        if stop is not None and len(stop):
            assert held.tolist() == stop.tolist()
    with pytest.raises(DataError, match="1 groups to train on; 2 at least"):
        held_out(data, usable[:6], None, seed=0)
    with pytest.raises(DataError, match="none is left to train on"):
        held_out(data, usable, usable, seed=0)


def test_whitening_and_network_use_no_clip_that_is_not_to_be_trained_on(tmp_path: Path) -> None:
    data, settings = labelled(), table(SMALL, tmp_path)
    train = np.flatnonzero(data.groups != "made-up/0")
    absurd = [f * 1e3 if i < 6 else f for i, f in enumerate(data.frames)]
    other = replace(data, frames=absurd, labels=np.where(np.arange(24) < 6, 6, data.labels))
    made = [fit_audio(one, train, settings) for one in (data, other)]
    assert made[0].whitening is not None
    first, second = (one.network.to_arrays()[1] for one in made)
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name)
    p = made[0].network.predict_proba([made[0].whitening.transform(f) for f in data.frames[:6]])
    assert p.shape == (6, 3)


@pytest.mark.parametrize(
    ("text", "mark"), [(SMALL, "pretraining: 2 epochs left"), (SMALL_NETWORK, "network 1/1")]
)
def test_an_interrupted_training_goes_on(
    tmp_path: Path, text: str, mark: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, data = table(text, tmp_path), labelled(64)
    everything = np.arange(24)

    def fit(work: Path) -> Any:
        messages: list[str] = []
        with listening(messages.append):
            made = fit_audio(data, everything, settings, work=work)
        return made.network.to_arrays()[1], messages

    if text == SMALL:

        def stop(message: str) -> None:
            if mark in message:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt), listening(stop):
            fit(tmp_path / "cut")
    else:
        torch = pytest.importorskip("torch")
        assert torch
        from emonets.specialists.audio.network import torch as network

        real, count = network.write_whole, 0

        def dies(*args: Any) -> None:
            nonlocal count
            real(*args)
            count += 1
            if count == 2:
                raise KeyboardInterrupt

        monkeypatch.setattr(network, "write_whole", dies)
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "cut")
    whole, messages = fit(tmp_path / "whole")
    before = 0 if text == SMALL else count
    resumed, less = fit(tmp_path / "cut")
    if text == SMALL:
        assert mark in messages
        assert mark not in less  # these epochs were not made again
    else:
        assert count - before == 1  # the third of three epochs
    for name, array in whole.items():
        np.testing.assert_array_equal(array, resumed[name], err_msg=name)


def test_what_other_clips_left_is_not_taken(tmp_path: Path) -> None:
    data, settings = labelled(), table(SMALL, tmp_path)
    everything = np.arange(24)
    fit_audio(data, everything, settings, work=tmp_path)
    assert len(list(tmp_path.glob("pretrained-*"))) == 1
    other = {**settings, "network": {**settings["network"], "pooling": "mean"}}
    fit_audio(data, everything, other, work=tmp_path)
    assert len(list(tmp_path.glob("pretrained-*"))) == 1  # pretrained alike
    changed = replace(data, frames=[frames[::-1] * 2 for frames in data.frames])
    fit_audio(changed, everything, settings, work=tmp_path)
    assert len(list(tmp_path.glob("pretrained-*"))) == 2


def test_calm_is_a_class_of_its_own_while_training() -> None:
    one = np.zeros((1, 3), np.float32)
    data = Labelled(
        names=("a", "b"), corpus=np.array([0, 0, 1, 1]), frames=[one] * 4,
        labels=np.array([6, 6, 6, 0]), words=np.array(["calm", "neutral", "neutral", "angry"]),
        groups=np.array(list("wxyz")),
    )  # fmt: skip
    assert data.classes == (*EMOTIONS, "calm")
    targets = data.targets()
    assert targets[0].tolist() == [0] * 7 + [1]
    assert targets[1].tolist() == [0] * 6 + [1, 0]
    assert targets[2].tolist() == [0] * 6 + [0.5, 0.5]
    assert targets[3].tolist() == [1] + [0] * 7
    assert emotions_of(8) == (0, 1, 2, 3, 4, 5, 6, 6)
    assert emotions_of(7) == tuple(range(7))


def test_classes_that_were_never_shown_do_not_choose_the_epoch(tmp_path: Path) -> None:
    data, settings = labelled(), table(SMALL, tmp_path)
    angry, train = np.flatnonzero(data.labels == 0), np.flatnonzero(data.labels != 0)
    of_two = data.groups[train] != data.groups[-1]
    stop = train[~of_two]
    known = fit_pooled_perceptron(data, train[of_two], stop, settings)
    both = np.concatenate([stop, angry])
    more = fit_pooled_perceptron(data, train[of_two], both, settings)
    assert known.classes == more.classes == (3, 4)
    assert known.network.history_ == more.network.history_
    with pytest.raises(DataError, match="no clip to stop by"):
        fit_pooled_perceptron(data, train, angry, settings)


def test_frames_are_drawn_by_seed() -> None:
    clips = [np.arange(30.0, dtype=np.float32)[:, None], np.ones((3, 1), np.float32)]
    some = drawn(clips, 10, 0)
    assert len(some) == 13
    assert len(set(some[:10, 0].tolist())) == 10
    np.testing.assert_array_equal(some, drawn(clips, 10, 0))
    assert len(drawn(clips, None, 0)) == 33


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SMALL.replace("logmel", "mfcc"), "one of 'yaafe', 'logmel', got 'mfcc'"),
        (SMALL + "widths = [3]", r"unknown key 'widths' .* has model = 'pooled perceptron'"),
        (SMALL_NETWORK.replace("[4, 4]", '["a", "b"]'), "must be a list of whole numbers"),
        (SMALL_NETWORK + "[audio.augmentation]\nsnr = [3.0]", "snr"),
        (SMALL.replace("pooled perceptron", "oracle"), "oracle"),
        ('name = "mine"', r"no \[audio\]"),
    ],
)
def test_presets_that_lack_or_mix(tmp_path: Path, text: str, message: str) -> None:
    preset = tmp_path / "own.toml"
    preset.write_text(text)
    with pytest.raises(ParameterError, match=message):
        audio_settings(preset)


@pytest.mark.parametrize("name", ["paper", "modern"])
def test_shipped_presets_fit_their_models(name: str) -> None:
    table = load_section(name, "audio")
    made = audio_settings(name)
    for one in (table, made):
        one.pop("clips", None)  # how a whole system is trained
        one.pop("frames")  # fixed by the features
    assert made == table


def test_even_shares() -> None:
    corpus = np.repeat([0, 1], [90, 10])
    labels = np.r_[np.repeat([0, 1], [60, 30]), np.repeat([0, 2], [8, 2])]
    even = even_shares(corpus, labels, 1.0)
    assert even.mean() == pytest.approx(1)
    assert even[corpus == 0].sum() == pytest.approx(even[corpus == 1].sum())
    for number, classes in ((0, (0, 1)), (1, (0, 2))):
        sums = [even[(corpus == number) & (labels == c)].sum() for c in classes]
        assert sums[0] == pytest.approx(sums[1])
    half = even_shares(corpus, labels, 0.5)
    assert half[corpus == 0].sum() / half[corpus == 1].sum() == pytest.approx(3)
    np.testing.assert_array_equal(even_shares(corpus, labels, 0.0), 1.0)
    with pytest.raises(ParameterError, match="even"):
        even_shares(corpus, labels, 1.1)
