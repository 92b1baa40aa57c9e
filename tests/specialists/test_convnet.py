from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from emonets.errors import BundleError, DataError, ParameterError
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import (
    NETWORKS,
    Conv,
    Dense,
    Pool,
    ReLU,
    ResponseNorm,
    network_from_json,
    network_to_json,
    parameter_shapes,
)
from emonets.specialists.face.network.onnx import ConvNetRunner

torch = pytest.importorskip("torch")
from emonets.specialists.face.network import torch as convnet_torch  # noqa: E402
from emonets.specialists.face.network import torch_modules  # noqa: E402

SMALL = (
    Conv(4, 5, 2, initial_std=0.1), Pool("max"), ReLU(), ResponseNorm(scale=0.1),
    Conv(6, 3, 1, initial_std=0.1), ReLU(), Pool("average"), Dense(7, decay=0.01),
)  # fmt: skip


def pictures(n: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright bar: across (class 0), down (1)."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 80, (n, 16, 16)).astype(np.uint8)
    y = np.arange(n) % 2
    X[y == 0, 6:9, :] += 150
    X[y == 1, :, 6:9] += 150
    return X, y


def small(**changes: object) -> ConvNetClassifier:
    settings = {
        "network": SMALL, "crop": 12, "epochs": 6, "batch_size": 8, "weight_rate": 0.005,
        "bias_rate": 0.01, "autocast": False,
    }  # fmt: skip
    return ConvNetClassifier(**{**settings, **changes})


def test_geometry_is_the_papers() -> None:
    shapes = parameter_shapes(NETWORKS["convnet1"], 40)
    assert shapes["0.weight"] == (64, 1, 5, 5)
    assert shapes["4.weight"] == (64, 64, 5, 5)
    assert shapes["8.weight"] == (128, 64, 5, 5)
    assert shapes["11.weight"] == (7, 128 * 5 * 5)  # 40 → 20 → 10 → 5
    assert parameter_shapes(NETWORKS["convnet2"], 40)["8.weight"] == (7, 64 * 10 * 10)


@pytest.mark.parametrize("name", [*NETWORKS, "small"])
@pytest.mark.parametrize("side", [40, 43])
def test_onnx_equals_torch(name: str, side: int) -> None:
    network = SMALL if name == "small" else NETWORKS[name]
    side = 2 * side if name == "residual" else side
    rng = np.random.default_rng(0)
    arrays = {
        k: rng.normal(0, 0.03, s).astype(np.float32)
        for k, s in parameter_shapes(network, side).items()
    }
    x = rng.normal(0, 60, (5, 1, side, side)).astype(np.float32)
    ours = ConvNetRunner(network, arrays, side).probabilities(x)
    theirs = convnet_torch.probabilities(network, arrays, x)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert ours.std() > 0.001  # not merely uniform


def test_response_norm_is_the_formula_and_its_gradient() -> None:
    layer = ResponseNorm(size=3, scale=0.7, power=0.75)
    x = torch.randn(2, 3, 6, 6, dtype=torch.float32, requires_grad=True)
    y = torch_modules.ResponseNormModule(layer)(x)
    squares = torch.nn.functional.pad(x.detach() ** 2, (1, 1, 1, 1))
    total = sum(squares[..., i : i + 6, j : j + 6] for i in range(3) for j in range(3))
    expected = x.detach() / (1 + 0.7 / 9 * total) ** 0.75
    torch.testing.assert_close(y.detach(), expected, atol=1e-6, rtol=1e-5)
    direction = torch.randn_like(x)
    y.backward(direction)
    step = 1e-3
    with torch.no_grad():
        for _ in range(5):
            probe = torch.randn_like(x)
            forward = torch_modules.ResponseNormModule(layer)
            slope = ((forward(x + step * probe) - forward(x - step * probe)) * direction).sum()
            assert float((x.grad * probe).sum()) == pytest.approx(
                float(slope) / (2 * step), abs=0.02
            )


def test_update_is_cuda_convnets() -> None:
    """One step by hand: v = -rate (gradient + decay w); the second adds momentum."""
    X, y = pictures(8)
    recipe = convnet_torch.Recipe(
        crop=16, epochs=2, batch_size=8, weight_rate=0.01, bias_rate=0.02, autocast=False
    )
    network = (Dense(2, initial_std=0.1, decay=0.5),)
    x = (X - X.mean(0)).astype(np.float32) / 100
    got, _ = convnet_torch.train(network, x, y.astype(np.int64), recipe)
    w = torch_modules.build(network, 16)
    torch_modules.initialise(w, network, 0)
    start = torch_modules.arrays(w, network)
    weight, bias = start["0.weight"].astype(float), start["0.bias"].astype(float)
    vw, vb = np.zeros_like(weight), np.zeros_like(bias)
    for epoch in range(2):
        generator = torch.Generator().manual_seed(epoch + 1)
        order = torch.randperm(8, generator=generator)
        batch = convnet_torch._random_crops(torch.from_numpy(x), order, 16, generator)
        flat = batch.numpy().reshape(8, -1).astype(float)
        logits = flat @ weight.T + bias
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        error = (p - np.eye(2)[y[order.numpy()]]) / 8
        vw = 0.9 * vw - 0.01 * (error.T @ flat) - 0.01 * 0.5 * weight
        vb = 0.9 * vb - 0.02 * error.sum(0)
        weight, bias = weight + vw, bias + vb
    np.testing.assert_allclose(got["0.weight"], weight, atol=1e-5)
    np.testing.assert_allclose(got["0.bias"], bias, atol=1e-5)


def test_random_crops_are_crops_or_mirrored_crops() -> None:
    images = torch.arange(2 * 100, dtype=torch.float32).reshape(2, 10, 10)
    index = torch.zeros(200, dtype=torch.int64)
    draws = torch.Generator().manual_seed(0)
    crops = convnet_torch._random_crops(images, index, 7, draws)
    possible = {
        tuple(c.flatten().tolist())
        for i in range(4) for j in range(4)
        for c in (images[0, i : i + 7, j : j + 7], images[0, i : i + 7, j : j + 7].flip(1))
    }  # fmt: skip
    seen = {tuple(c.flatten().tolist()) for c in crops}
    assert seen <= possible
    assert len(seen) > 28  # of 32


def test_learns_and_the_seed_decides() -> None:
    X, y = pictures()
    labels = np.array([3, 5])[y]
    model = small().fit(X, labels, validation=(X[:20], labels[:20]))
    assert set(model.classes_) == {3, 5}
    held_out, truth = pictures(40, seed=1)
    assert model.score(held_out, np.array([3, 5])[truth]) > 0.9
    again = small().fit(X, labels, validation=(X[:20], labels[:20]))
    np.testing.assert_array_equal(model.predict_proba(held_out), again.predict_proba(held_out))
    other = small(random_state=1).fit(X, labels)
    assert np.abs(model.predict_proba(held_out) - other.predict_proba(held_out)).max() > 1e-4


def test_keeps_the_best_epoch_by_clips() -> None:
    X, y = pictures()
    clip = np.arange(len(y)) // 2 * 2 + y  # two pictures of one class share a clip
    model = small().fit(X, y, validation=(X, y, clip))
    assert len(model.history_["score"]) == 6
    assert max(model.history_["score"]) <= 1


def test_resumes_with_the_same_numbers(tmp_path: Path) -> None:
    X, y = pictures()
    whole = small(epochs=4).fit(X, y, validation=(X, y))
    file = tmp_path / "run.safetensors"
    small(epochs=2, checkpoint=file).fit(X, y, validation=(X, y))
    resumed = small(epochs=4, checkpoint=file).fit(X, y, validation=(X, y))
    assert len(resumed.history_["loss"]) == 4
    assert resumed.history_["loss"] == pytest.approx(whole.history_["loss"], rel=1e-6)
    np.testing.assert_allclose(resumed.predict_proba(X), whole.predict_proba(X), atol=1e-6)
    assert list(tmp_path.iterdir()) == [file]


def test_foreign_checkpoints_are_refused(tmp_path: Path) -> None:
    X, y = pictures()
    file = tmp_path / "run.safetensors"
    small(epochs=1, checkpoint=file).fit(X, y)
    with pytest.raises(DataError, match="other settings"):
        small(epochs=2, checkpoint=file, momentum=0.5).fit(X, y)
    with pytest.raises(DataError, match="another network"):
        small(epochs=2, checkpoint=file, network=(Dense(2),)).fit(X, y)
    file.write_bytes(b"nonsense")
    with pytest.raises(DataError, match="not a training checkpoint"):
        small(checkpoint=file).fit(X, y)


def test_batch_size_does_not_change_answers() -> None:
    X, y = pictures(150)
    model = small(epochs=1).fit(X, y)
    together = model.predict_proba(X)
    alone = np.concatenate([model.predict_proba(x[None]) for x in X])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert model.predict_proba(X[:0]).shape == (0, 2)


def test_mirror_average() -> None:
    X, y = pictures()
    model = small(epochs=1).fit(X, y)
    plain = model.predict_proba(X)
    mirrored = model._prepare(X)[..., ::-1]  # mirrored after the mean is gone, as in training
    flipped = model.runner().probabilities(np.ascontiguousarray(mirrored))
    model.set_params(mirror=True)
    np.testing.assert_allclose(model.predict_proba(X), (plain + flipped) / 2, atol=1e-6)
    assert np.abs(plain - flipped).max() > 1e-4


def test_arrays_there_and_back() -> None:
    X, y = pictures()
    model = small(epochs=1).fit(X, y)
    settings, arrays = model.to_arrays()
    again = ConvNetClassifier.from_arrays(settings, arrays)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    with pytest.raises(BundleError, match="another architecture"):
        ConvNetClassifier.from_arrays(settings, {**arrays, "0.weight": arrays["0.weight"][:2]})
    with pytest.raises(BundleError, match="missing"):
        ConvNetClassifier.from_arrays(settings, {k: v for k, v in arrays.items() if k != "4.bias"})
    with pytest.raises(BundleError, match="NaN"):
        ConvNetClassifier.from_arrays(
            settings, {**arrays, "0.bias": np.full(4, np.nan, np.float32)}
        )
    with pytest.raises(BundleError, match="outputs for 3 classes"):
        ConvNetClassifier.from_arrays({**settings, "classes": [0, 1, 2]}, arrays)
    with pytest.raises(BundleError, match="incomplete"):
        ConvNetClassifier.from_arrays({}, arrays)


def test_network_json() -> None:
    assert network_from_json(network_to_json(SMALL)) == SMALL
    with pytest.raises(BundleError, match="'lambda'"):
        network_from_json([{"kind": "lambda"}])
    with pytest.raises(BundleError, match="layer 0"):
        network_from_json([{"kind": "conv", "filters": 3}])


def test_scikit_learn_manners() -> None:
    model = small()
    assert clone(model).get_params() == model.get_params()
    assert not vars(clone(model)).keys() - model.get_params().keys()


@pytest.mark.parametrize(
    ("X", "y", "text"),
    [
        (np.zeros((4, 16)), [0, 1, 0, 1], "shape"),
        (np.zeros((4, 16, 15)), [0, 1, 0, 1], "square"),
        (np.zeros((4, 8, 8)), [0, 1, 0, 1], "at least 12"),
        (np.zeros((4, 16, 16)), [0, 1], "one a picture"),
        (np.zeros((4, 16, 16)), [1, 1, 1, 1], "one class"),
        (np.full((4, 16, 16), np.nan), [0, 1, 0, 1], "NaN"),
    ],
)
def test_bad_input(X: np.ndarray, y: list[int], text: str) -> None:
    with pytest.raises(DataError, match=text):
        small().fit(X, y)


def test_unknown_network_and_size() -> None:
    X, y = pictures(8)
    with pytest.raises(ParameterError, match="convnet1, convnet2"):
        small(network="alexnet").fit(X, y)
    model = small(epochs=1).fit(X, y)
    with pytest.raises(DataError, match="trained on pictures of"):
        model.predict_proba(np.zeros((1, 20, 20)))
