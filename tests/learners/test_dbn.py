"""Deep belief nets: greedy stacking, going on, storing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emonets.errors import BundleError, ParameterError
from emonets.learners.boltzmann.dbn import DBN, PAPER_LAYERS
from emonets.learners.boltzmann.machine import mean_rectified, sigmoid
from emonets.learners.boltzmann.rbm import RBM

LAYERS: list[dict[str, Any]] = [
    {"n_components": 5, "learning_rate": 0.01, "n_epochs": 3},
    {"n_components": 4, "hidden": "sigmoid", "learning_rate": 0.02, "n_epochs": 2},
    {"n_components": 3, "hidden": "sigmoid", "n_epochs": 1, "algorithm": "cd"},
]


def rows(n: int = 500, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    hidden = random.normal(size=(n, 2))
    x = hidden @ random.normal(size=(2, 8)) + 0.3 * random.normal(size=(n, 8))
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0), dtype=np.float32)


def test_the_papers_layers() -> None:
    dbn = DBN()
    assert [RBM(**layer).learning_rate for layer in PAPER_LAYERS] == [6e-4, 5e-4, 1e-3]
    assert [RBM(**layer).l2 for layer in PAPER_LAYERS] == [2e-3, 2e-4, 0.0]
    assert [RBM(**layer).hidden for layer in PAPER_LAYERS] == ["relu", "sigmoid", "sigmoid"]
    for layer in PAPER_LAYERS:
        rbm = RBM(**layer)
        assert (rbm.n_components, rbm.n_epochs, rbm.batch_size) == (350, 15, 60)
        assert (rbm.visible, rbm.bound) == ("gaussian", 6.0)
    assert dbn.get_params()["layers"] is PAPER_LAYERS
    dbn.fit(rows(60))
    assert [w.shape for w, _ in dbn.weights] == [(8, 350), (350, 350), (350, 350)]
    assert dbn.epochs_left == 0


def test_each_layer_learns_from_the_means_of_the_one_below() -> None:
    x, held_out = rows(), rows(90, 1)
    dbn = DBN(LAYERS, random_state=0).fit(x, validation=held_out)
    v, w = x, held_out
    for layer, rbm in zip(LAYERS, dbn.rbms_, strict=True):
        alone = RBM(**layer, random_state=rbm.random_state).fit(v, validation=w)
        np.testing.assert_allclose(rbm.weights_, alone.weights_, atol=1e-5)
        np.testing.assert_allclose(rbm.history_["overfit"], alone.history_["overfit"], atol=1e-4)
        v, w = rbm.transform(v), rbm.transform(w)
    np.testing.assert_allclose(dbn.transform(x), v, atol=1e-6)


def test_the_weights_make_the_perceptron_that_transform_is() -> None:
    x = rows()
    dbn = DBN(LAYERS, random_state=0).fit(x)
    (w, b), (w2, b2), (w3, b3) = dbn.weights
    by_hand = sigmoid(sigmoid(mean_rectified(x @ w + b, 6.0) @ w2 + b2) @ w3 + b3)
    np.testing.assert_allclose(dbn.transform(x), by_hand, atol=1e-6)


def test_layers_are_cloned_and_never_changed() -> None:
    given: list[Any] = [RBM(5, n_epochs=1), {"n_components": 4, "hidden": "sigmoid"}]
    dbn = clone(DBN(given, random_state=3)).fit(rows())
    assert not hasattr(given[0], "weights_")
    assert given[0].random_state is None
    assert given[1] == {"n_components": 4, "hidden": "sigmoid"}
    assert not hasattr(dbn.layers[0], "weights_")
    again = clone(dbn).fit(rows())
    np.testing.assert_array_equal(again.weights[1][0], dbn.weights[1][0])
    other = clone(dbn).set_params(random_state=4).fit(rows())
    assert np.abs(other.weights[0][0] - dbn.weights[0][0]).max() > 1e-4


def test_a_layers_own_seed_counts() -> None:
    seeded = [{**LAYERS[0], "random_state": 1}]
    first, second = (DBN(seeded, random_state=seed).fit(rows()) for seed in (0, 1))
    np.testing.assert_array_equal(first.weights[0][0], second.weights[0][0])


@pytest.mark.parametrize("stop", [(0, 2), (0, 3), (1, 1), (2, 1)])
def test_interrupted_training_goes_on_as_if_it_had_not_been(
    stop: tuple[int, int], tmp_path: Path
) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    x, file = rows(), tmp_path / "dbn.safetensors"
    seen: list[tuple[int, int]] = []

    def keep(layer: int, epoch: int, net: DBN) -> None:
        seen.append((layer, epoch))
        if (layer, epoch) == stop:
            safetensors.save_file(net.to_arrays(resume=True), file)

    whole = DBN(LAYERS, random_state=0).fit(x, callback=keep)
    assert seen == [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (2, 1)]
    again = DBN.from_arrays(safetensors.load_file(file), layers=LAYERS)
    assert again.epochs_left == len(seen) - 1 - seen.index(stop)
    while again.epochs_left:
        again.partial_fit(x)
    for a, b in zip(again.rbms_, whole.rbms_, strict=True):
        np.testing.assert_array_equal(a.weights_, b.weights_)
        assert a.history_ == b.history_


def test_partial_fit_from_nothing_is_fit_and_then_goes_on() -> None:
    x = rows()
    whole, part = DBN(LAYERS, random_state=0).fit(x), DBN(LAYERS, random_state=0)
    for _ in range(6):
        part.partial_fit(x)
    np.testing.assert_array_equal(part.transform(x), whole.transform(x))
    part.partial_fit(x)
    assert [rbm.n_iter_ for rbm in part.rbms_] == [4, 3, 2]


def test_arrays_and_back() -> None:
    x = rows()
    dbn = DBN(LAYERS, random_state=0).fit(x)
    arrays = dbn.to_arrays()
    again = DBN.from_arrays(arrays)
    np.testing.assert_array_equal(again.transform(x), dbn.transform(x))
    clone(again).fit(x)
    with pytest.raises(ParameterError, match="2 entries"):
        DBN.from_arrays(arrays, layers=LAYERS[:2])
    with pytest.raises(BundleError, match="numbered"):
        DBN.from_arrays({k: v for k, v in arrays.items() if not k.startswith("1.")})
    with pytest.raises(BundleError, match="none"):
        DBN.from_arrays({})
    with pytest.raises(BundleError, match="weights"):
        DBN.from_arrays({k: v for k, v in arrays.items() if k != "1.weights"})
    other = DBN([{"n_components": 6}, *LAYERS[1:]]).fit(x).to_arrays()
    with pytest.raises(BundleError, match="different nets"):
        DBN.from_arrays({k: (other if k[0] == "0" else arrays)[k] for k in arrays})


def test_a_memory_map_is_never_read_whole_at_once(tmp_path: Path) -> None:
    x = rows(9000)
    x.tofile(tmp_path / "x.f4")
    mapped = np.memmap(tmp_path / "x.f4", dtype=np.float32, mode="r", shape=x.shape)
    dbn, sizes = DBN(LAYERS, random_state=0), []
    upward = dbn._upward

    def watch(v: Any, depth: int) -> Any:
        sizes.append(len(v))
        return upward(v, depth)

    dbn._upward = watch  # type: ignore[method-assign]
    dbn.fit(mapped)
    assert max(sizes) <= 4096
    plain = DBN(LAYERS, random_state=0).fit(x)
    np.testing.assert_array_equal(dbn.transform(mapped), plain.transform(x))


def test_in_a_pipeline_with_names() -> None:
    x = rows()
    pipeline = make_pipeline(StandardScaler(), DBN(LAYERS[:2], random_state=0)).fit(x)
    assert pipeline.transform(x).shape == (500, 4)
    assert list(pipeline.get_feature_names_out()) == ["dbn0", "dbn1", "dbn2", "dbn3"]


def test_batch_size_does_not_change_answers() -> None:
    x = rows(5000)
    dbn = DBN(LAYERS, random_state=0).fit(x)
    alone = np.concatenate([dbn.transform(row[None]) for row in x[::250]])
    np.testing.assert_allclose(dbn.transform(x)[::250], alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([], "empty"), ({"n_components": 3}, "list"), (RBM(3), "list"), (None, "list"),
        ([3], "layer must be"), ([{"units": 3}], "n_components"),
        ([{"n_components": 0}], "n_components"), ("deep", "list"),
    ],
)  # fmt: skip
def test_bad_layers(layers: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        DBN(layers).fit(rows(20))


def test_bad_data() -> None:
    dbn = DBN(LAYERS, random_state=0).fit(rows())
    with pytest.raises(ValueError, match="features"):
        dbn.transform(np.zeros((3, 2)))
    with pytest.raises(ValueError, match="NaN"):
        dbn.transform(np.full((3, 8), np.nan))
