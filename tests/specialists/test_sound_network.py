from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from emonets.errors import BundleError, DataError, ParameterError
from emonets.specialists.audio.network.augment import Augmentation, normalise_level
from emonets.specialists.audio.network.classifier import SoundNetClassifier, trim_silence
from emonets.specialists.audio.network.onnx import (
    Architecture,
    SoundNetRunner,
    parameter_shapes,
)

torch = pytest.importorskip("torch")
from emonets.specialists.audio.network import torch as training  # noqa: E402

SMALL = Architecture(bands=16, widths=(4, 6), blocks=(1, 1), embedding=12, attention=8)


def clips(n: int = 48, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Noise of 30 to 60 frames, with a rising (0) or falling (1) tone somewhere in it."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 2
    X = []
    for label in y:
        x = rng.normal(-50, 3, (rng.integers(30, 60), 16)).astype(np.float32)
        first = rng.integers(0, len(x) - 12)
        for t in range(12):
            band = 2 + t if label == 0 else 13 - t
            x[first + t, band - 1 : band + 2] = -10 + rng.normal(0, 2)
        X.append(x + np.float32(rng.normal(0, 10)))
    return X, y


def small(**changes: object) -> SoundNetClassifier:
    settings = {
        "network": SMALL, "epochs": 2, "batch_size": 8, "frames": 32, "autocast": False,
        "learning_rate": 0.01, "averaging": 0.9,
        "augmentation": Augmentation(masks=1, mask_bands=4, mask_frames=6),
    }  # fmt: skip
    return SoundNetClassifier(**{**settings, **changes})


@pytest.fixture(scope="module")
def fitted() -> SoundNetClassifier:
    X, y = clips()
    return small(epochs=10, members=2, mixup=0.0, dropout=0.0).fit(X, y)


def test_it_learns_and_its_level_does_not_matter(fitted: SoundNetClassifier) -> None:
    X, y = clips(seed=1)
    assert fitted.score(X, y) >= 0.9
    p = fitted.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(fitted.predict_proba([x - 20 for x in X]), p, atol=1e-4)
    assert len(fitted.history_) == 2
    assert fitted.history_[0] != fitted.history_[1]
    assert fitted.history_[0][-1] < fitted.history_[0][0]


def test_training_goes_on_from_a_trained_network(fitted: SoundNetClassifier) -> None:
    """At a rate of nearly nothing it answers as before; one of other classes is refused."""
    X, y = clips()
    targets = np.eye(2)[y]
    still = small(epochs=1, learning_rate=1e-9, mixup=0.0, dropout=0.0, batch_size=48)
    still.fit(X, targets, start=fitted.arrays_[:1])
    one = small().fit(X[:8], targets[:8])
    one.arrays_ = fitted.arrays_[:1]
    for name in ("_runner", "_graph"):
        one.__dict__.pop(name, None)
    # normalisation is measured anew on changed clips, so it is not equal to the last bit
    assert np.abs(still.predict_proba(X) - one.predict_proba(X)).mean() < 0.1
    random = small(epochs=1, learning_rate=1e-9, mixup=0.0, dropout=0.0).fit(X, targets)
    assert np.abs(random.predict_proba(X) - one.predict_proba(X)).mean() > 0.2


def test_a_batch_does_not_change_answers(fitted: SoundNetClassifier) -> None:
    X, _ = clips(6, seed=2)
    together = fitted.predict_proba(X)
    for x, p in zip(X, together, strict=True):
        np.testing.assert_array_equal(fitted.predict_proba([x])[0], p)
    assert fitted.predict_proba([]).shape == (0, 2)


@pytest.mark.parametrize("n", [2, 6, 12])
def test_few_clips_of_a_corpus_with_a_small_share_are_trained_on(n: int) -> None:
    X, y = clips(n)
    model = small(epochs=12).fit(X, y, share=np.full(n, 0.05))
    assert len(model.history_[0]) == 12
    # as if the share had been 1, for there is no other corpus to balance
    whole = small(epochs=12).fit(X, y)
    assert model.history_ == whole.history_
    # a corpus that is left out stays out
    some = small(epochs=3).fit(X, y, share=np.where(np.arange(n) < 2, 0.05, 0.0))
    assert len(some.history_[0]) == 3


@pytest.mark.parametrize("frames", [1, 2, 3, 5, 8, 31, 700])
def test_any_length(fitted: SoundNetClassifier, frames: int) -> None:
    x = np.random.default_rng(0).normal(-40, 10, (frames, 16))
    p = fitted.predict_proba([x])
    assert np.isfinite(p).all()
    assert p.sum() == pytest.approx(1)
    silent = fitted.predict_proba([np.full((frames, 16), -140.0)])
    assert np.isfinite(silent).all()


@pytest.mark.parametrize("frames", [1, 2, 7, 40, 201])
@pytest.mark.parametrize(
    "network", [SMALL, Architecture(), Architecture(bands=15, blocks=(1,), widths=(3,))]
)
def test_onnx_equals_torch(network: Architecture, frames: int) -> None:
    """With normalisations that have seen something, so that folding them in matters."""
    torch.manual_seed(0)
    model = training.SoundNet(network, 5, 0.2)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2)
                module.weight.normal_(1, 0.3)
                module.bias.normal_(0, 0.3)
    model.eval()
    arrays = training.folded(model.state_dict())
    shapes = parameter_shapes(network, 5)
    assert {k: v.shape for k, v in arrays.items()} == shapes
    x = np.random.default_rng(0).normal(0, 1, (frames, network.bands)).astype(np.float32)
    ours = SoundNetRunner(network, [arrays]).log_probabilities(x)
    with torch.inference_mode():
        theirs = model(torch.from_numpy(x.T.copy())[None, None]).log_softmax(1).numpy()[0]
    np.testing.assert_allclose(ours, theirs, atol=2e-4)
    assert ours.std() > 0.01


def test_silence_around_a_clip_does_not_count(fitted: SoundNetClassifier) -> None:
    x = clips(1)[0][0]
    x[[0, -1]] = -10
    quiet = np.full((90, 16), -80, np.float32)
    around = np.concatenate([quiet, x, quiet])
    np.testing.assert_array_equal(trim_silence(around, 7), around[83 : 97 + len(x)])
    np.testing.assert_array_equal(trim_silence(around, 200), around)
    np.testing.assert_array_equal(trim_silence(quiet, 0), quiet)
    longer = np.concatenate([quiet, around, quiet])
    p = fitted.predict_proba([around, longer])
    np.testing.assert_array_equal(p[0], p[1])


def test_members_are_averaged_as_logarithms(fitted: SoundNetClassifier) -> None:
    X, _ = clips(2, seed=3)
    single = [
        SoundNetRunner(SMALL, [a]).log_probabilities(normalise_level(X[0])) for a in fitted.arrays_
    ]
    mean = np.exp(np.mean(single, axis=0))
    np.testing.assert_allclose(fitted.predict_proba(X)[0], mean / mean.sum(), atol=1e-6)
    assert abs(single[0] - single[1]).max() > 1e-3


def test_a_bundle_gives_the_same_answers(fitted: SoundNetClassifier) -> None:
    X, _ = clips(4, seed=4)
    settings, arrays = fitted.to_arrays()
    again = SoundNetClassifier.from_arrays(settings, arrays)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    assert all(a.dtype == np.float16 for a in arrays.values())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s, a: s.pop("classes"), "settings"),
        (lambda s, a: s.update(network={"bands": 16}), "settings"),
        (lambda s, a: s["network"].update(widths=[4]), "settings"),
        (lambda s, a: s.update(members=0), "members"),
        (lambda s, a: s.update(members=3), "missing"),
        (lambda s, a: s.update(classes=[0, 1, 2]), "shape"),
        (lambda s, a: a.pop("1.stem.bias"), "1.stem.bias"),
        (lambda s, a: a.update({"0.stem.bias": np.full(4, np.nan)}), "NaN"),
    ],
)
def test_damaged_bundles(fitted: SoundNetClassifier, change: object, message: str) -> None:
    settings, arrays = fitted.to_arrays()
    settings = {**settings, "network": dict(settings["network"])}
    change(settings, arrays)  # type: ignore[operator]
    with pytest.raises(BundleError, match=message):
        SoundNetClassifier.from_arrays(settings, arrays)
    with pytest.raises(BundleError, match="missing"):
        SoundNetRunner(SMALL, [{}])


def test_seeds_and_checkpoints(tmp_path: Path) -> None:
    """A run that stops after two epochs of three and goes on ends where an unbroken one does."""
    X, y = clips(16)
    whole = small(epochs=3).fit(X, y)
    for name, value in small(epochs=3).fit(X, y).arrays_[0].items():
        np.testing.assert_array_equal(value, whole.arrays_[0][name])
    assert small(epochs=3, random_state=1).fit(X, y).history_ != whole.history_

    class StopError(Exception):
        pass

    def stop(member: int, epoch: int, loss: float) -> None:
        if epoch == 1:
            raise StopError

    broken = small(epochs=3, checkpoint=tmp_path / "run")
    with pytest.raises(StopError):
        broken.fit(X, y, on_epoch=stop)
    reported: list[tuple[int, int]] = []
    broken.fit(X, y, on_epoch=lambda member, epoch, loss: reported.append((member, epoch)))
    assert reported == [(0, 2)]
    assert broken.history_ == whole.history_
    for name, value in broken.arrays_[0].items():
        np.testing.assert_allclose(value, whole.arrays_[0][name], atol=1e-3)
    with pytest.raises(DataError, match="other settings"):
        small(epochs=4, checkpoint=tmp_path / "run").fit(X, y)
    (tmp_path / "run.0").write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a training checkpoint"):
        small(epochs=3, checkpoint=tmp_path / "run").fit(X, y)


def test_learning_rate_rises_and_falls() -> None:
    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    seen = []
    for step in range(100):
        training._schedule(optimiser, step, 100, 0.5)
        seen.append(optimiser.param_groups[0]["lr"])
    assert np.argmax(seen) == 14
    np.testing.assert_allclose([seen[0], max(seen), seen[-1]], [0.05, 0.5, 0.0005])


def test_soft_targets_and_shares() -> None:
    X, y = clips(16)
    soft = np.eye(3)[y] * 0.8 + 0.2 / 3
    model = small(epochs=1).fit(X, soft, share=np.where(y == 0, 1.0, 0.5))
    np.testing.assert_array_equal(model.classes_, [0, 1, 2])
    assert model.predict_proba(X).shape == (16, 3)
    named = small(epochs=1).fit(X, np.array(["down", "up"])[y])
    assert set(named.predict(X)) <= {"down", "up"}


@pytest.mark.parametrize(
    ("X", "y", "more", "message"),
    [
        ([np.zeros((5, 15))], [0], {}, "clip 0"),
        ([np.zeros((5, 16)), np.zeros(16)], [0, 1], {}, "clip 1"),
        ([np.zeros((0, 16)), np.zeros((5, 16))], [0, 1], {}, "no frames"),
        ([np.full((5, 16), np.nan), np.zeros((5, 16))], [0, 1], {}, "NaN"),
        ([np.zeros((5, 16))] * 2, [0, 1, 1], {}, "2 labels"),
        ([np.zeros((5, 16))] * 2, [1, 1], {}, "one class"),
        ([np.zeros((5, 16))] * 2, [[0.5, 0.6], [1.0, 0.0]], {}, "sum to one"),
        ([np.zeros((5, 16))] * 2, [[1.5, -0.5], [1.0, 0.0]], {}, "probabilities"),
        ([np.zeros((5, 16))] * 2, [0, 1], {"share": [1.0]}, "share"),
        ([np.zeros((5, 16))] * 2, [0, 1], {"share": [1.0, -0.5]}, "share"),
        ([np.zeros((5, 16))] * 2, [0, 1], {"share": [0.0, 0.0]}, "ever drawn"),
    ],
)
def test_bad_data(X: list, y: list, more: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        small().fit(X, y, **more)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"members": 0}, "members"),
        ({"epochs": 0}, "epochs"),
        ({"dropout": 1.0}, "dropout"),
        ({"batch_size": 1}, "batch_size: expected at least 2"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"centres": [100.0, 200.0]}, "centres"),
        ({"silence": -1}, "silence"),
        ({"centres": np.arange(16.0, 0, -1)}, "ascending"),
    ],
)
def test_bad_settings(settings: dict, message: str) -> None:
    X, y = clips(4)
    with pytest.raises(ParameterError, match=message):
        small(**settings).fit(X, y)


@pytest.mark.parametrize(
    "settings",
    [{"snr": (3.0,)}, {"snr": (9.0, 8.0)}, {"noise": 1.5}, {"warp": -0.1}, {"masks": -1}],
)
def test_bad_augmentation(settings: dict) -> None:
    with pytest.raises(ParameterError, match=next(iter(settings))):
        Augmentation(**settings)


def test_random_states_as_scikit_learn_has_them() -> None:
    X, y = clips(8)
    one, other = (
        small(epochs=1, random_state=np.random.RandomState(seed)).fit(X, y).arrays_[0]
        for seed in (1, 1)
    )
    np.testing.assert_array_equal(one["classes.weight"], other["classes.weight"])
    assert len(small(epochs=1, random_state=None).fit(X, y).predict(X)) == len(X)


def test_labels_that_are_words_cannot_be_stored() -> None:
    X, y = clips(8)
    model = small(epochs=1).fit(X, np.where(np.asarray(y) > 0, "loud", "soft"))
    assert set(model.predict(X)) <= {"loud", "soft"}
    with pytest.raises(ParameterError, match="whole-number labels"):
        model.to_arrays()


@pytest.mark.parametrize(
    "fields",
    [{"bands": 0}, {"widths": (8, 8)}, {"blocks": (0, 0, 1)}, {"blocks": (0, 1, -1)}],
)
def test_bad_architectures(fields: dict) -> None:
    with pytest.raises(ParameterError):
        Architecture(**fields)


def test_unfitted_and_cloned(fitted: SoundNetClassifier) -> None:
    with pytest.raises(NotFittedError):
        small().predict([np.zeros((5, 16))])
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "arrays_")
    with pytest.raises(DataError, match="clip 0"):
        fitted.predict([np.zeros((5, 64))])


def test_augmentation_is_part_of_the_settings() -> None:
    X, y = clips(8)
    plain = Augmentation(warp=0, tempo=0, noise=0)
    changed = small(epochs=1).fit(X, y).history_
    assert small(epochs=1, augmentation=plain).fit(X, y).history_ != changed


def test_shares_above_one_draw_a_clip_more_than_once() -> None:
    X, y = clips(16)
    twice = small(epochs=2, batch_size=8).fit(X, y, share=np.full(16, 2.0))
    once = small(epochs=2, batch_size=8).fit(X, y)
    assert twice.history_ != once.history_
    with pytest.raises(DataError, match="share"):
        small().fit(X, y, share=np.full(16, np.inf))


def test_equalised_bands_make_a_microphone_matter_less() -> None:
    X, y = clips(24)
    network = replace(SMALL, equalise=1.0, every=2)
    microphone = np.linspace(-8, 8, 16, dtype=np.float32)
    moved = {}
    for which in (SMALL, network):
        model = small(network=which, epochs=4).fit(X, y)
        there = model.predict_proba([x + microphone for x in X])
        moved[which.equalise] = abs(there - model.predict_proba(X)).mean()
        settings, arrays = model.to_arrays()
        again = SoundNetClassifier.from_arrays(settings, arrays)
        assert again.network == which
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert moved[1.0] < moved[0.0]
    with pytest.raises(ParameterError, match="equalise"):
        Architecture(equalise=1.5)


def test_a_network_stored_before_there_were_these_is_as_it_was(
    fitted: SoundNetClassifier,
) -> None:
    settings, arrays = fitted.to_arrays()
    new = ("equalise", "every")
    before = {k: v for k, v in settings["network"].items() if k not in new}
    again = SoundNetClassifier.from_arrays({**settings, "network": before}, arrays)
    assert again.network == fitted.network


def test_a_temperature_divides_the_log_probabilities(fitted: SoundNetClassifier) -> None:
    X, _ = clips(6, seed=3)
    p = fitted.predict_proba(X)
    mild = fitted.tempered(2.0)
    expected = np.sqrt(p) / np.sqrt(p).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mild.predict_proba(X), expected, atol=0.01)
    np.testing.assert_array_equal(fitted.predict_proba(X), p)
    assert mild.arrays_[0]["classes.weight"].dtype == np.float16
    for wrong in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(ParameterError, match="temperature"):
            fitted.tempered(wrong)
