"""The pooled perceptron: training, and predictions that no batch or chunk changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.pooled_perceptron import streaming as pooled_network
from emonets.learners.pooled_perceptron.classifier import AUTHORS, PooledPerceptron
from emonets.learners.pooled_perceptron.layers import loss_and_gradients

Clips = list[NDArray[np.float32]]
PLAIN: dict[str, Any] = {"unit_dropout": 0.0, "pooled_dropout": 0.0}


def noise(n: int = 12, d: int = 5, seed: int = 0, longest: int = 30) -> tuple[Clips, NDArray[Any]]:
    random = np.random.default_rng(seed)
    clips = [random.normal(size=(t, d)).astype(np.float32) for t in random.integers(1, longest, n)]
    return clips, np.arange(n) % 3


def events(n: int, seed: int, frames: int = 80) -> tuple[Clips, NDArray[Any]]:
    """Long clips of noise whose class shows in two frames only."""
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, n)
    clips = [random.normal(size=(frames, 6)).astype(np.float32) for _ in y]
    for clip, label in zip(clips, y, strict=True):
        clip[random.choice(frames, 2, replace=False), label] += 5.0
    return clips, y


def small(**options: Any) -> PooledPerceptron:
    standard: dict[str, Any] = {
        "hidden_layer_sizes": (8, 6), "n_epochs": 4, "learning_rate": 0.005, "random_state": 0,
    }  # fmt: skip
    return PooledPerceptron(**(standard | options))


class TestTraining:
    def test_overfits_a_few_clips(self) -> None:
        clips, y = noise()
        model = small(hidden_layer_sizes=(30, 30), n_epochs=120, max_norm=None, **PLAIN)
        model.fit(clips, y)
        assert model.score(clips, y) == 1.0
        assert model.history_["loss"][-1] < 0.1 < model.history_["loss"][0]
        assert set(model.history_) == {"loss", "error", "rate"}

    def test_a_short_event_in_a_long_clip_needs_the_highest(self) -> None:
        train, test = events(90, 0), events(150, 1)
        scores = {
            pooling: small(
                hidden_layer_sizes=(16, 16), pooling=pooling, n_epochs=12, learning_rate=0.003
            ).fit(*train).score(*test)
            for pooling in ("top", "mean")
        }  # fmt: skip
        assert scores["top"] > 0.9
        assert scores["top"] > scores["mean"] + 0.15

    @pytest.mark.parametrize("denominator", ["weight", "unit"])
    def test_norms_stay_in_their_limit(self, denominator: str) -> None:
        model = small(max_norm=0.5, denominator=denominator).fit(*noise())
        for W in model.coefs_:
            assert np.linalg.norm(W, axis=0).max() <= 0.5 * (1 + 1e-6)
        free = small(max_norm=None, denominator=denominator).fit(*noise())
        assert np.linalg.norm(free.coefs_[0], axis=0).max() > 0.5

    def test_the_best_epoch_is_kept(self) -> None:
        held = events(40, 1)
        seen: list[NDArray[Any]] = []

        def note(epoch: int, model: PooledPerceptron) -> None:
            assert len(model.history_["loss"]) == epoch + 1
            seen.append(model.predict_proba(held[0]))

        model = small(n_epochs=9, learning_rate=0.02)
        model.fit(*events(30, 0), validation=held, on_epoch=note)
        found = list(zip(model.history_["validation_error"], model.history_["validation_loss"],
                         strict=True))  # fmt: skip
        assert len(found) == len(seen) == 9
        assert model.best_epoch_ == found.index(min(found))
        np.testing.assert_array_equal(model.predict_proba(held[0]), seen[model.best_epoch_])
        truth = held[1]
        for p, (error, loss) in zip(seen, found, strict=True):
            assert error == pytest.approx((p.argmax(axis=1) != truth).mean())
            assert loss == pytest.approx(-np.log(p[np.arange(40), truth]).mean())

    def test_patience_ends_it(self) -> None:
        clips, y = noise(30)
        model = small(n_epochs=60, patience=3, learning_rate=0.02, validation_fraction=0.3)
        model.fit(clips, y)
        epochs = len(model.history_["loss"])
        assert epochs < 60
        assert model.best_epoch_ == epochs - 4

    def test_the_rate_decays_while_nothing_improves_and_is_obeyed(self) -> None:
        clips, y = noise()
        model = small(n_epochs=8, decay_after=3, rate_decay=0.5, learning_rate=0.01)
        model.fit(clips, y, validation=(clips[:3], y[[2, 0, 1]]))
        errors, rates = model.history_["validation_error"], model.history_["rate"]
        expected = [0.01]
        for epoch, error in enumerate(errors[:-1]):
            stuck = epoch >= 3 and error >= min(errors[:epoch])
            expected.append(expected[-1] * (0.5 if stuck else 1.0))
        np.testing.assert_allclose(rates, expected)
        assert rates[-1] < 0.01
        # Unlike the authors' decay it changes what is learned
        stopped = small(n_epochs=8, decay_after=0, rate_decay=0.0, momentum=0.0, max_norm=None)
        ends: list[NDArray[Any]] = []
        stopped.fit(clips, y, on_epoch=lambda _, m: ends.append(m.coefs_[0].copy()))
        off = stopped.history_["rate"].index(0.0)
        assert 0 < off < 7
        np.testing.assert_array_equal(ends[off - 1], ends[-1])

    def test_clips_in_batches_average_their_gradients(self) -> None:
        clips, y = noise(4)
        model = small(n_epochs=1, batch_size=4, **PLAIN, max_norm=None, l2=0.0)
        start = clone(model).set_params(learning_rate=0.0).fit(clips, y)
        model.fit(clips, y)
        names, top = ("relu", "sigmoid"), (1.4, 0.6)
        alone = [
            loss_and_gradients(c, np.array([0, len(c)]), np.eye(3, dtype=np.float32)[[t]],
                               start.coefs_, start.intercepts_, names, weights=top)[2]
            for c, t in zip(clips, y, strict=True)
        ]  # fmt: skip
        mean = np.mean([g[0] for g in alone], axis=0)
        # The first step: -ε (1 + μ) g / √((1 - ρ) g²)
        size = 0.005 * 1.46 / np.sqrt(0.08)
        sure = np.abs(mean) > 1e-5
        moved = model.coefs_[0] - start.coefs_[0]
        np.testing.assert_allclose(moved[sure], -size * np.sign(mean[sure]), rtol=1e-3)

    def test_initial_weights_are_those_of_the_belief_net(self) -> None:
        random = np.random.default_rng(0)
        pairs = [(random.normal(size=(5, 8)), random.normal(size=8)),
                 (random.normal(size=(8, 6)), random.normal(size=6))]  # fmt: skip
        model = clone(small(initial=pairs, learning_rate=0.0, max_norm=None, n_epochs=1))
        assert model.get_params()["initial"][0][0].shape == (5, 8)
        clips, y = noise()
        model.fit(clips, y)
        for i, (W, b) in enumerate(pairs):
            np.testing.assert_array_equal(model.coefs_[i], W.astype(np.float32))
            np.testing.assert_array_equal(model.intercepts_[i], b.astype(np.float32))
        limit = np.sqrt(6 / (6 + 3))
        assert 0.5 * limit < np.abs(model.coefs_[2]).max() <= limit
        model.set_params(initial=pairs[:1]).fit(clips, y)
        assert np.abs(model.coefs_[1]).max() <= np.sqrt(6 / 14)
        np.testing.assert_array_equal(model.coefs_[0], pairs[0][0].astype(np.float32))

    def test_probabilities_may_be_the_targets(self) -> None:
        clips, y = noise()
        hard = small().fit(clips, y)
        soft = small().fit(clips, np.eye(3)[y])
        np.testing.assert_array_equal(soft.predict_proba(clips), hard.predict_proba(clips))
        even = small(n_epochs=60, **PLAIN).fit(clips, np.full((12, 3), 1 / 3))
        np.testing.assert_allclose(even.predict_proba(clips), 1 / 3, atol=0.06)

    def test_class_weights_balance(self) -> None:
        clips, y = [np.ones((3, 2), np.float32)] * 40, np.repeat([0, 1], [32, 8])
        options: dict[str, Any] = {"batch_size": 40, "n_epochs": 300, "learning_rate": 0.002}
        plain = small(**options, **PLAIN).fit(clips, y).predict_proba(clips[:1])[0, 1]
        even = small(**options, **PLAIN, class_weight="balanced").fit(clips, y)
        given = small(**options, **PLAIN, class_weight={1: 4.0}).fit(clips, y)
        assert plain == pytest.approx(0.2, abs=0.03)
        assert even.predict_proba(clips[:1])[0, 1] == pytest.approx(0.5, abs=0.03)
        assert given.predict_proba(clips[:1])[0, 1] == pytest.approx(0.5, abs=0.03)

    def test_a_seed_gives_the_same_again_and_warm_start_goes_on(self) -> None:
        clips, y = noise()
        one, two = small().fit(clips, y), small().fit(clips, y)
        np.testing.assert_array_equal(one.predict_proba(clips), two.predict_proba(clips))
        other = small(random_state=1).fit(clips, y)
        assert np.abs(other.predict_proba(clips) - one.predict_proba(clips)).max() > 1e-3
        before = [W.copy() for W in one.coefs_]
        one.set_params(warm_start=True, learning_rate=0.0).fit(clips, y)
        for W, old in zip(one.coefs_, before, strict=True):
            np.testing.assert_allclose(W, old, rtol=1e-6)
        with pytest.raises(ParameterError, match="warm_start"):
            one.fit(clips, y % 2)

    @pytest.mark.parametrize("change", [AUTHORS, {"shuffle": "epoch"}, {"max_frames": None},
                                        {"hidden_layer_sizes": (), "activations": ()},
                                        {"activations": "tanh"}, {"pooling": "max"}])  # fmt: skip
    def test_variants_learn(self, change: dict[str, Any]) -> None:
        clips, y = events(60, 0, frames=10)
        rate = 0.05 if change is AUTHORS else 0.005
        model = small(**{**change, "learning_rate": rate, "n_epochs": 10})
        assert model.fit(clips, y).score(clips, y) > 0.6


class TestPredicting:
    @pytest.mark.parametrize("pooling", ["top", "mean", "max"])
    def test_batches_and_pieces_change_nothing(
        self, pooling: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clips, y = noise(20)
        clips[0] = np.tile(clips[0], (50, 1)) + np.float32(0.1)
        model = small(pooling=pooling).fit(clips, y)
        whole = model.predict_proba(clips)
        assert whole.dtype == np.float64
        np.testing.assert_allclose(whole.sum(axis=1), 1.0, atol=1e-12)
        alone = np.concatenate([model.predict_proba([clip]) for clip in clips])
        np.testing.assert_allclose(alone, whole, rtol=0, atol=1e-6)
        doubled = model.predict_proba([clip.astype(np.float64) for clip in clips])
        np.testing.assert_allclose(doubled, whole, rtol=0, atol=1e-5)
        monkeypatch.setattr(pooled_network, "_ROWS", 16)
        np.testing.assert_allclose(model.predict_proba(clips), whole, rtol=0, atol=1e-6)
        state = model.pool_state()
        for start in range(0, len(clips[0]), 7):
            state.add(clips[0][start : start + 7])
            state.add(np.empty((0, 5), np.float32))
        assert state.frames == len(clips[0])
        np.testing.assert_allclose(state.predict_proba(), whole[0], rtol=0, atol=1e-6)

    def test_the_hidden_layer_is_what_is_pooled(self) -> None:
        clips, y = noise()
        model = small().fit(clips, y)
        h = model.hidden(clips[0])
        assert h.shape == (len(clips[0]), 6)
        assert h.dtype == np.float32
        assert ((h > 0) & (h < 1)).all()
        x = np.maximum(clips[0] @ model.coefs_[0] + model.intercepts_[0], 0)
        z = x @ model.coefs_[1] + model.intercepts_[1]
        np.testing.assert_allclose(h, 1 / (1 + np.exp(-z)), rtol=1e-5)
        top = np.sort(h, axis=0)[::-1]
        logits = (1.3 * top[0] + 0.7 * top[1]) / 2 @ model.coefs_[2] + model.intercepts_[2]
        p = np.exp(logits) / np.exp(logits).sum()
        np.testing.assert_allclose(model.predict_proba(clips[:1])[0], p, rtol=1e-5)

    def test_shapes_of_clips(self) -> None:
        x = np.random.default_rng(0).normal(size=(12, 4, 5)).astype(np.float32)
        y = np.arange(12) % 2
        block, listed = small().fit(x, y), small().fit(list(x), y)
        np.testing.assert_array_equal(block.predict_proba(x), listed.predict_proba(x))
        flat = small().fit(x[:, 0], y)
        np.testing.assert_allclose(
            flat.predict_proba(x[:, 0]), flat.predict_proba(x[:, :1]), rtol=1e-6
        )

    def test_views_of_a_mapped_file(self, tmp_path: Path) -> None:
        clips, y = noise()
        np.save(tmp_path / "frames.npy", np.concatenate(clips))
        mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")
        views = np.split(mapped, np.cumsum([len(c) for c in clips])[:-1])
        np.testing.assert_array_equal(
            small().fit(views, y).predict_proba(views), small().fit(clips, y).predict_proba(clips)
        )

    def test_arrays_and_back(self, tmp_path: Path) -> None:
        safetensors = pytest.importorskip("safetensors.numpy")
        clips, y = noise()
        model = small(test_weights=(1.2, 0.8), activations=("relu6", "tanh")).fit(clips, y + 4)
        settings, arrays = model.to_arrays()
        safetensors.save_file(arrays, tmp_path / "net.safetensors")
        again = PooledPerceptron.from_arrays(
            json.loads(json.dumps(settings)), safetensors.load_file(tmp_path / "net.safetensors")
        )
        np.testing.assert_array_equal(again.predict_proba(clips), model.predict_proba(clips))
        np.testing.assert_array_equal(again.classes_, [4, 5, 6])
        again.set_params(warm_start=True, n_epochs=1).fit(clips, y + 4)
        # What was stored does not change with the model
        np.testing.assert_array_equal(arrays["0.weight"], model.coefs_[0])

    def test_damaged_bundles_are_refused(self) -> None:
        settings, arrays = small().fit(*noise()).to_arrays()
        for name in arrays:
            with pytest.raises(BundleError, match=name):
                PooledPerceptron.from_arrays(
                    settings, {k: v for k, v in arrays.items() if k != name}
                )
        bad_arrays: list[tuple[str, Any]] = [
            ("0.weight", arrays["0.weight"].T), ("1.bias", np.full(6, np.nan, np.float32)),
            ("2.weight", np.array([["x"]])),
        ]  # fmt: skip
        for name, array in bad_arrays:
            with pytest.raises(BundleError, match=name):
                PooledPerceptron.from_arrays(settings, {**arrays, name: array})
        bad_settings: list[tuple[str, Any]] = [
            ("activations", ["relu", "swish"]), ("pooling", "median"), ("hidden", [8]),
            ("test_weights", [2.0, 2.0]), ("classes", [0]), ("classes", [0, 1, 1]),
            ("classes", [[0, 1, 2]]), ("hidden", None), ("n_features", "many"),
        ]  # fmt: skip
        for key, value in bad_settings:
            with pytest.raises(BundleError):
                PooledPerceptron.from_arrays({**settings, key: value}, arrays)
        for key in settings:
            with pytest.raises(BundleError):
                PooledPerceptron.from_arrays(
                    {k: v for k, v in settings.items() if k != key}, arrays
                )

    def test_a_bundle_of_one_class_is_refused(self) -> None:
        settings, arrays = small().fit(*noise()).to_arrays()
        one = {"2.weight": arrays["2.weight"][:, :1], "2.bias": arrays["2.bias"][:1]}
        with pytest.raises(BundleError, match="two different"):
            PooledPerceptron.from_arrays({**settings, "classes": [0]}, arrays | one)

    def test_only_numbers_are_stored_of_labels(self) -> None:
        clips, y = noise()
        model = small(n_epochs=1).fit(clips, np.array(["a", "b", "c"])[y])
        assert set(model.predict(clips)) <= {"a", "b", "c"}
        with pytest.raises(DataError, match="whole-number"):
            model.to_arrays()


@pytest.mark.parametrize(
    "options",
    [{"pooling": "median"}, {"pooled_dropout_by": "clip"}, {"denominator": "layer"},
     {"class_weight": "equal"}, {"shuffle": "never"}, {"unit_dropout": 1.0},
     {"pooled_dropout": -0.1}, {"momentum": 1.0}, {"learning_rate": float("nan")},
     {"batch_size": 0}, {"n_epochs": 2.5}, {"max_frames": 0}, {"max_norm": 0.0},
     {"train_weights": (1.0, 0.6)}, {"test_weights": ()}, {"activations": ("relu",)},
     {"activations": "swish"}, {"hidden_layer_sizes": (0, 3)}, {"patience": 0},
     {"initial": [(np.zeros((4, 8)), np.zeros(8))]},
     {"initial": [(np.full((5, 8), np.nan), np.zeros(8))]},
     {"initial": [(np.zeros((5, 8)), np.zeros(8))] * 3}],
)  # fmt: skip
def test_bad_parameters(options: dict[str, Any]) -> None:
    with pytest.raises(ParameterError):
        small(**options).fit(*noise())


def test_bad_data() -> None:
    clips, y = noise()
    model = small(n_epochs=1).fit(clips, y)
    bad: list[tuple[Any, str]] = [
        ([clips[0], clips[1][:, :4]], "clip 1 has 4 features"),
        ([clips[0], np.empty((0, 5))], "clip 1 has no frame"),
        ([clips[0], np.full((2, 5), np.nan)], "clip 1 holds NaN"),
        ([clips[0], np.array([[np.inf, -np.inf, 0, 0, 0]])], "clip 1 holds NaN"),
        ([clips[0], np.zeros(5)], "clip 1 must be"),
        ([clips[0], np.full((2, 5), "x")], "clip 1 must be"),
    ]
    for X, message in bad:
        with pytest.raises(DataError, match=message):
            model.predict_proba(X)
        with pytest.raises(DataError, match=message):
            small().fit(X, [0, 1])
    with pytest.raises(ParameterError, match="labels"):
        small().fit(clips, y[:-1])
    with pytest.raises(ParameterError, match="one class"):
        small().fit(clips, np.zeros(12))
    with pytest.raises(ParameterError, match="sum"):
        small().fit(clips, np.ones((12, 3)))
    with pytest.raises(ParameterError, match="validation labels"):
        small().fit(clips, y, validation=(clips[:2], [0, 9]))
    with pytest.raises(ParameterError, match="groups"):
        small(validation_fraction=0.5).fit(clips, y, groups=[1, 2])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict_proba(np.empty((0, 5)))
    with pytest.raises(DataError, match="at least one frame"):
        model.pool_state().predict_proba()
    with pytest.raises(NotFittedError):
        small().pool_state()


def test_a_loss_that_runs_away_is_an_error() -> None:
    clips, y = noise()
    huge = [clip.astype(np.float64) * 1e39 for clip in clips]
    with np.errstate(all="ignore"), pytest.raises(DataError, match="no longer finite"):
        small(n_epochs=2).fit(huge, y)
