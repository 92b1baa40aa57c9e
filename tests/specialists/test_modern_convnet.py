"""Networks with batch normalisation, and training on pictures that are changed at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from emonets.errors import BundleError, DataError, ParameterError
from emonets.specialists.face.network.augment import FaceAugmentation
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import Dense, vgg
from emonets.specialists.face.network.modern import ModernConvNetClassifier
from emonets.specialists.face.network.onnx import ConvNetRunner

torch = pytest.importorskip("torch")
from emonets.specialists.face.network import augment_torch as face_changes_torch  # noqa: E402
from emonets.specialists.face.network import modern_torch as modern_convnet_torch  # noqa: E402
from emonets.specialists.face.network import torch as convnet_torch  # noqa: E402
from emonets.specialists.face.network import torch_modules  # noqa: E402

SMALL = vgg(4, (6, 8), convolutions=1, dropout=0.1)
GENTLE = FaceAugmentation(warp=0.3, turn=5, scale=0.05, shift=1, blur=0.1, erase=0.1)


def bars(n: int = 96, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright bar: across (class 3), down (class 5)."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 80, (n, 16, 16)).astype(np.uint8)
    y = np.arange(n) % 2
    X[y == 0, 6:9, :] += 150
    X[y == 1, :, 6:9] += 150
    return X, np.array([3, 5])[y]


def small(**changes: object) -> ModernConvNetClassifier:
    settings = {
        "network": SMALL, "crop": 12, "epochs": 6, "batch_size": 16, "learning_rate": 0.1,
        "averaging": 0.9, "augmentation": GENTLE, "device": "cpu",
    }  # fmt: skip
    return ModernConvNetClassifier(**{**settings, **changes})


def test_it_learns_what_unseen_pictures_show() -> None:
    X, y = bars()
    unseen, truth = bars(40, seed=1)
    model = small(epochs=10).fit(X, y, validation=(X[:20], y[:20]))
    assert (model.predict(unseen) == truth).mean() > 0.9
    assert len(model.history_["score"]) == 10
    np.testing.assert_allclose(model.predict_proba(unseen).sum(axis=1), 1)


def test_the_seed_decides_and_clones_agree() -> None:
    X, y = bars(48)
    model = small(epochs=2)
    a, b = model.fit(X, y).arrays_, clone(model).fit(X, y).arrays_
    c = small(epochs=2, random_state=1).fit(X, y).arrays_
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert not all(np.array_equal(a[k], c[k]) for k in a)


def test_an_interrupted_run_ends_as_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(modern_convnet_torch, "_SAVE_SECONDS", 0.0)
    X, y = bars(48)
    whole = small(epochs=4, augmentation=FaceAugmentation(mixup=0.4, shift=1)).fit(X, y)
    path = tmp_path / "run.safetensors"

    def cut(epoch: int, history: object) -> None:
        if epoch == 1:
            raise KeyboardInterrupt

    broken = small(epochs=4, augmentation=FaceAugmentation(mixup=0.4, shift=1), checkpoint=path)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(X, y, progress=cut)
    again = broken.fit(X, y)
    assert all(np.array_equal(whole.arrays_[k], again.arrays_[k]) for k in whole.arrays_)
    with pytest.raises(DataError, match="other settings or pictures"):
        broken.set_params(learning_rate=0.2).fit(X, y)
    path.write_bytes(b"no checkpoint")
    with pytest.raises(DataError, match="not a training checkpoint"):
        broken.fit(X, y)


def test_folded_normalisation_answers_as_the_trained_network() -> None:
    """Torch in evaluation, with batch normalisation, and onnx without it predict the same."""
    torch.manual_seed(0)
    model = torch_modules.build(SMALL, 12)
    for _ in range(20):  # running means and variances that are no zeros and ones
        model(torch.randn(32, 1, 12, 12) * 40 + 10)
    model.eval()
    x = np.random.default_rng(0).normal(0, 60, (9, 1, 12, 12)).astype(np.float32)
    with torch.inference_mode():
        theirs = model(torch.from_numpy(x)).softmax(1).numpy()
    arrays = torch_modules.arrays(model, SMALL)
    np.testing.assert_allclose(ConvNetRunner(SMALL, arrays, 12).probabilities(x), theirs, atol=1e-5)
    np.testing.assert_allclose(convnet_torch.probabilities(SMALL, arrays, x), theirs, atol=1e-5)


def test_brightness_and_contrast_change_nothing() -> None:
    X, y = bars(64)
    model = small(epochs=3).fit(X, y)
    p = model.predict_proba(X)
    darker = model.predict_proba(X.astype(float) * 0.7 + 5)
    np.testing.assert_allclose(p, darker, atol=0.03)


def test_batches_do_not_change_answers() -> None:
    X, y = bars(150)
    model = small(epochs=2).fit(X, y)
    one = np.concatenate([model.predict_proba(X[i : i + 1]) for i in range(0, 150, 7)])
    np.testing.assert_allclose(one, model.predict_proba(X)[::7], atol=1e-5)


def test_bundles_hold_half_precision_and_give_the_same(tmp_path: Path) -> None:
    X, y = bars(64)
    model = small(epochs=2).fit(X, y)
    settings, arrays = model.to_arrays()
    assert arrays["1.weight"].dtype == np.float16
    again = ConvNetClassifier.from_arrays(settings, arrays)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    with pytest.raises(BundleError, match="another architecture"):
        ConvNetClassifier.from_arrays(settings, {**arrays, "1.weight": arrays["1.weight"][:2]})
    wrong = {**settings, "network": [{"kind": "transformer"}, *settings["network"]]}
    with pytest.raises(BundleError, match="'transformer'"):
        ConvNetClassifier.from_arrays(wrong, arrays)


def test_votes_and_teachers_are_followed() -> None:
    X, y = bars(96)
    swapped = np.eye(2)[(y == 3).astype(int)]  # votes that are the opposite of the labels
    model = small(epochs=8, label_smoothing=0.0).fit(X, y, votes=swapped)
    assert (model.predict(X) != y).mean() > 0.9
    pupil = small(epochs=8, teaching=1.0).fit(X, y, teachers=[model])
    assert (pupil.predict(X) != y).mean() > 0.9
    shared = small(teaching=1.0, views=3).teach(X, [model, model])
    assert shared.shape == (3, 96, 2)
    np.testing.assert_allclose(shared.sum(axis=2), 1, atol=2e-3)
    later = small(teaching=1.0, views=2, first_view=1).teach(X, [model, model])
    np.testing.assert_array_equal(later, shared[1:])
    with pytest.raises(ParameterError, match="first_view"):
        small(first_view=-1).fit(X, y)
    settings = {"epochs": 8, "teaching": 1.0, "views": 3}
    pupil = small(**settings).fit(X, y, teachers=[model, model])
    other = small(**settings).fit(X, y, taught=shared)
    assert (pupil.predict(X) != y).mean() > 0.9
    assert all(np.array_equal(pupil.arrays_[k], other.arrays_[k]) for k in pupil.arrays_)
    late = {"epochs": 2, "teaching": 1.0, "views": 2, "first_view": 1}
    taught = small(**late).fit(X, y, teachers=[model, model])
    given = small(**late).fit(X, y, taught=later)
    assert all(np.array_equal(taught.arrays_[k], given.arrays_[k]) for k in taught.arrays_)
    before = small(**{**late, "first_view": 0}).fit(X, y, taught=later)
    assert not np.array_equal(before.arrays_["1.weight"], given.arrays_["1.weight"])
    with pytest.raises(DataError, match=r"taught: expected \(views"):
        small(**settings).fit(X, y, taught=shared[:2])
    with pytest.raises(ParameterError, match="views more than 0"):
        small().teach(X, [model])
    with pytest.raises(ParameterError, match="another crop"):
        small(crop=14).fit(X, y, teachers=[model])
    with pytest.raises(DataError, match="sum to one"):
        small().fit(X, y, votes=np.ones((96, 2)))


def test_a_start_is_gone_on_from() -> None:
    X, y = bars(64)
    first = small(epochs=6).fit(X, y)
    second = small(epochs=1, learning_rate=1e-5, averaging=0.0).fit(X, y, start=first)
    np.testing.assert_allclose(second.predict_proba(X), first.predict_proba(X), atol=0.2)
    with pytest.raises(ParameterError, match="other layers"):
        small(network=vgg(4, (6, 9), convolutions=1)).fit(X, y, start=first)


def test_a_start_is_normalised_by_what_it_gives() -> None:
    X, y = bars(64)
    fitted = small(epochs=6).fit(X, y)
    network, trained = fitted.network_, fitted.arrays_
    model = torch_modules.build(network, 12)
    # maps of other sizes with the same output: what normalisation would lose
    scaled = {**trained, "1.weight": trained["1.weight"] * 30, "1.bias": trained["1.bias"] * 30}
    scaled["4.weight"] = trained["4.weight"] / 30
    torch_modules.load_arrays(model, network, scaled)
    pictures = torch.from_numpy(X[:, None, 2:14, 2:14].astype(np.float32))
    before = model.eval()(pictures).detach()
    torch_modules.renormalise(model, pictures)
    np.testing.assert_allclose(model(pictures).detach(), before, atol=1e-4)
    again = torch_modules.arrays(model, network)
    for name, value in scaled.items():
        np.testing.assert_allclose(again[name], value, rtol=1e-4, atol=1e-5)
    for module in model.modules():  # with the statistics of a batch it predicts the same, too
        if isinstance(module, torch.nn.BatchNorm2d):
            module.train()
    np.testing.assert_allclose(model(pictures).detach(), before, atol=1e-3)


def test_unwarped_pictures_are_exact_crops_of_whole_pixels() -> None:
    pictures = torch.arange(2 * 16 * 16, dtype=torch.float32).reshape(2, 16, 16)
    plain = FaceAugmentation(warp=0, shift=2, blur=0, erase=0)
    generator = torch.Generator().manual_seed(0)
    seen = set()
    for _ in range(60):
        out = face_changes_torch.change(pictures, 12, plain, generator)[0, 0].numpy()
        found = [
            (i, j, m)
            for i in range(5) for j in range(5) for m in (1, -1)
            if np.abs(out - pictures[0, i : i + 12, j : j + 12].numpy()[:, ::m]).max() < 1e-2
        ]  # fmt: skip
        assert len(found) == 1
        seen.add(found[0])
    assert len(seen) > 25


def test_erasing_takes_a_rectangle_and_turning_turns() -> None:
    flat = torch.zeros(40, 16, 16)
    flat[:, 8:] = 100.0
    erase = FaceAugmentation(warp=0, shift=0, blur=0, erase=1, erase_area=(0.1, 0.2))
    out = face_changes_torch.change(flat, 16, erase, torch.Generator().manual_seed(0))
    gone = ((out != 0) & (out != 100)).float().mean((1, 2, 3))
    assert 0.05 < float(gone.mean()) < 0.3  # whole pixels: a little more than was drawn
    turn = FaceAugmentation(warp=1, turn=45, scale=0, shift=0, blur=0, erase=0)
    out = face_changes_torch.change(flat, 12, turn, torch.Generator().manual_seed(0))
    assert float(out[:, 0, -2, 1].std()) > 1  # a corner that was all white


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "epochs"),
        ({"batch_size": 1}, "batch_size"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"averaging": 1.0}, "averaging"),
        ({"teaching": 2.0}, "teaching"),
        ({"device": "abacus"}, "abacus"),
        ({"network": (Dense(2), SMALL[0])}, "Dense"),
    ],
)
def test_settings_out_of_range(changes: dict[str, object], message: str) -> None:
    X, y = bars(32)
    with pytest.raises(ParameterError, match=message):
        small(**changes).fit(X, y)


@pytest.mark.parametrize(
    "changes", [{"warp": 2}, {"shift": -1}, {"scale": 1}, {"erase_area": (0.5, 0.1)}]
)
def test_augmentation_out_of_range(changes: dict[str, object]) -> None:
    with pytest.raises(ParameterError):
        FaceAugmentation(**changes)


def test_bad_pictures() -> None:
    X, y = bars(32)
    with pytest.raises(DataError, match="one class only"):
        small().fit(X, np.zeros(32, int))
    with pytest.raises(DataError, match="less than a batch"):
        small().fit(X[:8], y[:8])
    with pytest.raises(DataError, match="labels"):
        small().fit(X, y[:5])
    with pytest.raises(ParameterError, match="ModernConvNetClassifier"):
        ConvNetClassifier(network="vgg small", epochs=1).fit(X.repeat(3, 1).repeat(3, 2), y)
