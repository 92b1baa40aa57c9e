"""The synchrony autoencoder: its gradient, its training, and that it encodes motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import RidgeClassifier
from sklearn.utils.estimator_checks import check_estimator

from emonets.errors import BundleError, DataError, ParameterError
from emonets.learners.streamed_pca import StreamedPCA
from emonets.learners.synchrony.autoencoder import SynchronyAutoencoder
from emonets.learners.synchrony.training import loss_and_gradient, rate_at

Floats = NDArray[np.floating[Any]]


def rows(n: int = 300, d: int = 12, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return random.laplace(size=(n, d)).astype(np.float32) / np.float32(np.sqrt(2))


def slow_loss(W: Floats, x: Floats, contraction: float) -> float:
    """As the paper writes it, one block at a time, the Jacobian by its entries."""
    total = 0.0
    for v in x:
        f = W @ v
        h = 1 / (1 + np.exp(-(f**2)))
        error = W.T @ (h * f) - v
        jacobian = (h * (1 - h) * 2 * f)[:, None] * W
        total += error @ error + contraction * (jacobian**2).sum()
    return float(total / len(x))


@pytest.mark.parametrize("contraction", [0.0, 0.7])
def test_loss_and_gradient(contraction: float) -> None:
    random = np.random.default_rng(0)
    W, x = 0.6 * random.normal(size=(5, 7)), random.normal(size=(9, 7))
    loss, penalty, gradient = loss_and_gradient(W, x, contraction)
    assert loss / len(x) + penalty == pytest.approx(slow_loss(W, x, contraction), rel=1e-12)
    for place in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[place] = 1e-5
        up, down = (slow_loss(W + s * step, x, contraction) for s in (1, -1))
        assert gradient[place] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-7)


def test_one_update_by_hand() -> None:
    x = rows(40)
    made = SynchronyAutoencoder(4, n_epochs=1, batch_size=40, dtype="float64", random_state=0)
    seed = np.random.RandomState(0).randint(np.iinfo(np.int32).max)
    W = np.random.default_rng(seed).normal(size=(4, 12))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    made.set_params(learning_rate=0.01).fit(x)
    loss, _, gradient = loss_and_gradient(W, x.astype(float))
    np.testing.assert_allclose(made.weights_, W - 0.01 * gradient, rtol=1e-12)
    assert made.history_["loss"] == [pytest.approx(loss / 40)]


def test_training_lowers_the_loss_and_reconstructs() -> None:
    x = rows(2000)
    made = SynchronyAutoencoder(12, learning_rate=0.005, n_epochs=30, random_state=0).fit(x)
    loss = made.history_["loss"]
    assert loss[-1] < 0.1 * loss[0]
    error = ((made.reconstruct(x) - x) ** 2).sum(axis=1).mean()
    assert error == pytest.approx(loss[-1], rel=0.1)
    h = made.transform(x)
    assert h.dtype == np.float32
    assert h.min() >= 0.5
    assert h.max() <= 1
    np.testing.assert_allclose(h, 1 / (1 + np.exp(-((x @ made.weights_.T) ** 2))), rtol=1e-5)


def test_contraction_makes_features_flatter() -> None:
    x = rows(1000)
    recipe: dict[str, Any] = {"learning_rate": 0.003, "n_epochs": 20, "random_state": 0}
    plain = SynchronyAutoencoder(12, **recipe).fit(x)
    flat = SynchronyAutoencoder(12, contraction=10.0, **recipe).fit(x)
    steep = [loss_and_gradient(m.weights_, x, 1.0)[1] for m in (plain, flat)]
    assert steep[1] < 0.8 * steep[0]
    assert plain.history_["penalty"][-1] == 0


def test_goes_on_from_a_checkpoint_bit_for_bit(tmp_path: Path) -> None:
    x = rows()
    recipe: dict[str, Any] = {"n_components": 6, "learning_rate": 0.01, "random_state": 3}
    whole = SynchronyAutoencoder(**recipe, n_epochs=6).fit(x)
    place = tmp_path / "run.safetensors"

    def stop(epoch: int, _: SynchronyAutoencoder) -> None:
        if epoch == 3:
            raise KeyboardInterrupt

    made = SynchronyAutoencoder(**recipe, n_epochs=6, checkpoint=place)
    with pytest.raises(KeyboardInterrupt):
        made.fit(x, on_epoch=stop)
    epochs: list[int] = []
    again = clone(made).fit(x, on_epoch=lambda epoch, _: epochs.append(epoch))
    assert epochs == [4, 5, 6]
    np.testing.assert_array_equal(again.weights_, whole.weights_)
    assert again.history_ == whole.history_
    # more epochs go on, other data or settings do not
    longer = SynchronyAutoencoder(**recipe, n_epochs=8, checkpoint=place).fit(x)
    np.testing.assert_array_equal(
        longer.weights_, SynchronyAutoencoder(**recipe, n_epochs=8).fit(x).weights_
    )
    with pytest.raises(DataError, match="other data or settings"):
        clone(made).fit(rows(seed=1))
    with pytest.raises(DataError, match="other data or settings"):
        clone(made).set_params(momentum=0.5).fit(x)
    place.write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a training checkpoint"):
        clone(made).fit(x)


def test_cosine_rises_and_falls() -> None:
    assert rate_at(0.5, 0.1, "constant") == 0.1
    rates = [rate_at(done, 1.0, "cosine") for done in (0.0, 0.025, 0.05, 0.525, 1.0)]
    assert rates == pytest.approx([0.0, 0.5, 1.0, 0.5, 0.0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_components": 0},
        {"learning_rate": 0.0},
        {"momentum": 1.0},
        {"contraction": -1.0},
        {"schedule": "linear"},
        {"dtype": "float16"},
        {"batch_size": 1.5},
        {"n_epochs": True},
        {"checkpoint": 3},
    ],
)
def test_parameters_out_of_range_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        SynchronyAutoencoder(2).set_params(**wrong).fit(rows(20))


def test_divergence_is_told() -> None:
    with pytest.raises(ParameterError, match="diverged"):
        SynchronyAutoencoder(12, learning_rate=10.0, n_epochs=3).fit(100 * rows())


def test_round_trip() -> None:
    x = rows()
    made = SynchronyAutoencoder(5, learning_rate=0.01, n_epochs=2, random_state=0).fit(x)
    again = SynchronyAutoencoder.from_arrays(made.to_arrays())
    np.testing.assert_array_equal(again.transform(x), made.transform(x))
    with pytest.raises(BundleError, match="weights"):
        SynchronyAutoencoder.from_arrays({})
    with pytest.raises(BundleError, match="NaN"):
        SynchronyAutoencoder.from_arrays({"weights": np.full((2, 3), np.nan)})


@pytest.mark.parametrize(
    "made",
    [
        SynchronyAutoencoder(4, n_epochs=3),
        SynchronyAutoencoder(3, n_epochs=3, dtype="float64", schedule="cosine", contraction=0.1),
    ],
)
def test_scikit_learns_contract(made: SynchronyAutoencoder) -> None:
    check_estimator(made)


# --- motion and not content ---


def moving(n: int, seed: int, directions: int = 4) -> tuple[Floats, NDArray[np.int64]]:
    """Noise with a natural spectrum, shifted a pixel a frame in one of four directions.

    Blocks of 6 frames of 8 x 8; another seed has other content.
    """
    random = np.random.default_rng(seed)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(32), np.fft.fftfreq(32)))
    frequency[0, 0] = np.inf
    noise = random.normal(size=(n, 32, 32))
    images = np.fft.ifft2(np.fft.fft2(noise) / frequency).real
    which = random.integers(directions, size=n)
    steps = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])
    t = np.arange(6)
    blocks = np.empty((n, 6, 8, 8))
    for i in range(n):
        for k in t:
            y, x = 12 + k * steps[which[i]]
            blocks[i, k] = images[i, y : y + 8, x : x + 8]
    blocks -= blocks.mean(axis=(1, 2, 3), keepdims=True)
    blocks /= blocks.std(axis=(1, 2, 3), keepdims=True)
    return blocks.reshape(n, -1), which


def test_encodes_motion_and_not_content() -> None:
    """Direction is read out linearly on unseen content; from PCA of the same size it is not."""
    (x, y), (x_new, y_new) = moving(5000, 0), moving(1500, 1)
    pca = StreamedPCA(60, whiten=True).fit(x)
    white, white_new = (pca.transform(part).astype(np.float32) for part in (x, x_new))
    made = SynchronyAutoencoder(
        60, learning_rate=4e-3, contraction=3.0, schedule="cosine", n_epochs=15, batch_size=64,
        random_state=0,
    ).fit(white)  # fmt: skip
    read = RidgeClassifier(1.0).fit(made.transform(white), y)
    plain = RidgeClassifier(1.0).fit(white, y)
    right, by_pca = read.score(made.transform(white_new), y_new), plain.score(white_new, y_new)
    assert right > 0.9
    assert by_pca < 0.45
