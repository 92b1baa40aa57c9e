"""The network that begins from dlib's face recognition network, and pictures of other sizes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

import emonets
from emonets.errors import BundleError, DataError, ParameterError
from emonets.media.clip import open_clip
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import (
    NETWORKS,
    Dense,
    GlobalPool,
    OvalStandardise,
    Pool,
    Residual,
    Standardise,
    check_side,
    network_from_json,
    network_to_json,
    parameter_shapes,
)
from emonets.specialists.face.network.onnx import ConvNetRunner, onnx_graph
from emonets.specialists.face.network.start import (
    corrected,
    from_state,
    recognition_network,
    recognition_start,
)
from emonets.specialists.face.specialist import FacePreprocessing, FaceSpecialist, resized
from emonets.tubes.detect import load_detector
from emonets.tubes.networks import read_weights
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.recognition import BLOCKS, WEIGHTS, merged, restored
from emonets.tubes.tube import FaceTube

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NETWORK = NETWORKS["residual"]


@pytest.fixture(scope="module")
def tube() -> FaceTube:
    clip = open_clip(EXAMPLES / "1001_DFA_HAP_XX.flv")
    return next(find_tubes(clip, load_detector("auto"), stride=5))


@pytest.fixture(scope="module")
def pictures(tube: FaceTube) -> np.ndarray:
    """Faces of the example clip, (4, 96, 96)."""
    specialist = FaceSpecialist(ConvNetClassifier(), FacePreprocessing(border="edge", size=96))
    return specialist.inputs(tube)[:40:10]


def test_blocks_are_those_of_the_recognition_network_but_the_last() -> None:
    blocks = [(one.filters, one.stride) for one in NETWORK if isinstance(one, Residual)]
    assert blocks == [(out, stride) for _, out, stride in BLOCKS[:-1]]
    numbers = sum(int(np.prod(shape)) for shape in parameter_shapes(NETWORK, 96).values())
    assert numbers == 4_393_223
    assert 2 * numbers < 10_000_000  # bytes in half precision


def test_it_begins_as_the_recognition_network(pictures: np.ndarray) -> None:
    """The same convolutions by another way: numpy's, of the stored weights."""
    theirs = merged(restored(load(read_weights(WEIGHTS))))
    arrays = recognition_start(seed=3)
    x = (pictures[:1].astype(np.float64) - 128) / 55

    def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
        size = weight.shape[2]
        windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))
        windows = windows[:, ::stride, ::stride]
        return np.einsum("chwij,ocij->ohw", windows, weight) + bias[:, None, None]

    stem = conv(x, 0.22 * theirs["conv32_down/weight"].sum(1, keepdims=True),
                theirs["conv32_down/bias"], 2)  # fmt: skip
    stem = np.maximum(stem, 0)
    pooled = np.lib.stride_tricks.sliding_window_view(stem, (3, 3), (1, 2))[:, ::2, ::2]
    pooled = pooled.max(axis=(3, 4))
    inner = np.pad(pooled, ((0, 0), (1, 1), (1, 1)))
    name = BLOCKS[0][0]
    inner = conv(inner, theirs[f"{name}/conv1/weight"], theirs[f"{name}/conv1/bias"], 1)
    inner = np.pad(np.maximum(inner, 0), ((0, 0), (1, 1), (1, 1)))
    inner = conv(inner, theirs[f"{name}/conv2/weight"], theirs[f"{name}/conv2/bias"], 1)
    expected = np.maximum(inner + pooled, 0).mean(axis=(1, 2))
    first = (*NETWORK[1:5], GlobalPool(), NETWORK[-1])
    own = {f"{int(k.split('.')[0]) - 1}.{k.split('.', 1)[1]}": v for k, v in arrays.items()}
    own = {k: v for k, v in own.items() if int(k.split(".")[0]) < 4}
    own |= {"5.weight": np.zeros((7, 32), np.float32), "5.bias": np.zeros(7, np.float32)}
    run = ConvNetRunner(first, own, 96)
    found = run.probabilities_with_embedding(x[:, None].astype(np.float32))[1][0]
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert found.std() > 0.01


def test_onnx_equals_torch_on_faces(pictures: np.ndarray) -> None:
    pytest.importorskip("torch")
    from emonets.specialists.face.network import torch as convnet_torch

    arrays = recognition_start()
    arrays["19.weight"] *= 5
    x = pictures[:, None].astype(np.float32)
    ours, embedding = ConvNetRunner(NETWORK, arrays, 96).probabilities_with_embedding(x)
    theirs = convnet_torch.probabilities(NETWORK, arrays, x)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert embedding.shape == (4, 256)
    assert ours.std() > 0.05  # not merely uniform


def test_weights_return_from_torch_as_they_were() -> None:
    pytest.importorskip("torch")
    from emonets.specialists.face.network import torch_modules

    arrays = recognition_start()
    model = torch_modules.build(NETWORK, 96)
    torch_modules.load_arrays(model, NETWORK, arrays)
    again = torch_modules.arrays(model, NETWORK)
    assert set(again) == set(arrays)
    assert all(np.array_equal(again[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("side", [48, 96])
def test_the_oval_lies_about_the_face(side: int) -> None:
    weights = OvalStandardise().weights(side)
    assert weights.shape == (side, side)
    assert weights.mean() == pytest.approx(1)
    assert weights[side // 2, side // 2] > 1.5
    assert weights[0, 0] < 0.01
    np.testing.assert_allclose(weights, weights[:, ::-1], rtol=1e-5)
    assert weights[-side // 10].sum() > weights[side // 10].sum()  # lower than the middle


def standardised(layer: OvalStandardise | Standardise, pictures: np.ndarray) -> np.ndarray:
    """The pixels (n, 96, 96) that a first layer gives."""
    network = (layer, Dense(7))
    arrays = {"1.weight": np.zeros((7, 96 * 96), np.float32), "1.bias": np.zeros(7, np.float32)}
    run = ConvNetRunner(network, arrays, 96)
    x = pictures[:, None].astype(np.float32)
    return run.probabilities_with_embedding(x)[1].reshape(-1, 96, 96)


def test_brightness_contrast_and_background_change_little(pictures: np.ndarray) -> None:
    layer = OvalStandardise()
    plain = standardised(layer, pictures)
    weights = layer.weights(96)
    np.testing.assert_allclose((plain * weights).mean(axis=(1, 2)), 0, atol=0.05)
    np.testing.assert_allclose((plain**2 * weights).mean(axis=(1, 2)), 1, atol=0.15)
    darker = standardised(layer, 0.7 * pictures + 10.0)
    np.testing.assert_allclose(darker, plain, atol=0.05)
    white = pictures.copy()
    white[:, weights < 0.05] = 255
    spot = np.full_like(pictures, 100)
    spot[:, 40, 40] = 255
    assert standardised(layer, spot).max() == 4  # it is cut there
    inside = weights > 1
    by_oval, by_all = (
        np.abs(standardised(one, white) - standardised(one, pictures))[:, inside].mean()
        for one in (layer, Standardise())
    )
    assert by_oval < 0.1
    assert by_all > 5 * by_oval


def test_names_of_both_kinds_of_state_are_read() -> None:
    arrays = recognition_start(seed=1)
    assert all(np.array_equal(v, arrays[k]) for k, v in from_state(arrays).items())
    places = [i for i, layer in enumerate(NETWORK) if isinstance(layer, Residual)]
    state = {"first.weight": arrays["1.weight"], "first.bias": arrays["1.bias"]}
    state |= {"fc.weight": arrays["19.weight"], "fc.bias": arrays["19.bias"]}
    for (name, _, _), place in zip(BLOCKS, places, strict=False):
        for ours, theirs in (("first", "1"), ("second", "2")):
            for kind in ("weight", "bias"):
                state[f"convs.{name}_{theirs}.{kind}"] = arrays[f"{place}.{ours}.{kind}"]
    oval = OvalStandardise().weights(96)
    found = from_state({**state, "oval": oval / oval.sum()})
    assert set(found) == set(arrays)
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    with pytest.raises(BundleError, match="another oval"):
        from_state({**state, "oval": np.ones((96, 96), np.float32) / 96**2})
    with pytest.raises(BundleError, match=r"no array 'fc\.bias'"):
        from_state({k: v for k, v in state.items() if k != "fc.bias"})
    with pytest.raises(BundleError, match="such as 'more'"):
        from_state({**state, "more": np.zeros(1)})
    with pytest.raises(BundleError, match="not finite"):
        from_state({**state, "fc.bias": np.full(7, np.nan, np.float32)})


def test_offsets_and_temperature_are_part_of_the_last_layer(pictures: np.ndarray) -> None:
    arrays = recognition_start()
    arrays["19.weight"] *= 5
    x = pictures[:, None].astype(np.float32)
    offsets = np.array([0.5, -1, 0, 0.2, 0.1, 2, -0.3])
    z = (np.log(ConvNetRunner(NETWORK, arrays, 96).probabilities(x)) + offsets) / 1.7
    expected = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    changed = corrected(arrays, offsets=offsets, temperature=1.7)
    found = ConvNetRunner(NETWORK, changed, 96).probabilities(x)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    with pytest.raises(DataError, match="expected 7 finite numbers"):
        corrected(arrays, offsets=[1, 2])
    with pytest.raises(DataError, match="temperature"):
        corrected(arrays, temperature=0)


def test_the_graph_has_no_more_than_a_bundle_may_hold() -> None:
    from emonets.runtime.graph import weight_shapes

    assert weight_shapes(onnx_graph(NETWORK, 96)) == parameter_shapes(NETWORK, 96)


def test_json_gives_the_same_network() -> None:
    stored = json.loads(json.dumps(network_to_json(NETWORK)))
    assert network_from_json(stored) == NETWORK
    for layer in stored:  # as older bundles have it
        layer.pop("stride", None)
    older = network_from_json(stored)
    assert older[4] == Residual(32)


def test_pictures_that_are_too_small() -> None:
    check_side(NETWORK, 64)
    with pytest.raises(ParameterError, match="40 pixels are too small"):
        check_side(NETWORK, 40)
    with pytest.raises(ParameterError, match="too small"):
        check_side((Pool("max", 3, 2), Residual(4, 2)), 4)


def test_pictures_of_twice_the_size_show_the_same(tube: FaceTube) -> None:
    small, large = (
        FaceSpecialist(ConvNetClassifier(), FacePreprocessing(border="edge", size=size)).inputs(
            tube
        )
        for size in (48, 96)
    )
    assert large.shape == (len(small), 96, 96)
    halved = resized(large, 48)
    apart = np.abs(halved.astype(float) - small)
    moved = np.abs(np.roll(halved, 1, axis=2).astype(float) - small)
    assert apart.mean() < 3
    assert apart.mean() < moved.mean() / 2


def test_zoomed_pictures_of_tubes_and_of_stills_show_the_same() -> None:
    """A still in FER2013's frame is zoomed as a tube is."""
    rows, columns = np.mgrid[:96, :96]
    waves = (127 + 100 * np.sin(columns / 9) * np.cos(rows / 7)).astype(np.uint8)[None]
    plain = FacePreprocessing(border="edge", size=240)
    zoomed = FacePreprocessing(border="edge", size=96, zoom=1.25, up=2.0)
    of_tube, stills = (how.register(waves, how.transform) for how in (zoomed, plain))
    inner = np.s_[:, 4:-4, 4:-4]
    apart = np.abs(of_tube[inner].astype(float) - zoomed.normalise(stills)[inner])
    assert apart.mean() < 1
    one, box = np.ones(1), np.array([[0.0, 0.0, 96.0, 96.0]])
    tube = FaceTube(
        track=0, index=np.zeros(1, np.int64), times=one, boxes=box, raw_boxes=box,
        detected=np.ones(1, bool), scores=one, crops=np.repeat(waves[..., None], 3, axis=3),
    )  # fmt: skip
    of_specialist = FaceSpecialist(ConvNetClassifier(), zoomed).inputs(tube)
    np.testing.assert_array_equal(of_specialist, of_tube)
    # 12 rows above the middle of FER2013's frame: zoomed, then 2 rows higher
    dot = np.zeros((1, 48, 48), np.uint8)
    dot[0, 11:13, 23:25] = 255
    seen = zoomed.normalise(dot)[0].astype(float)
    places = np.arange(96) + 0.5
    assert places @ seen.sum(0) / seen.sum() == pytest.approx(48, abs=0.3)
    assert places @ seen.sum(1) / seen.sum() == pytest.approx(48 - 2 * (12 * 1.25 + 2), abs=0.3)
    with pytest.raises(ParameterError, match="zoom must be above 0"):
        FacePreprocessing(zoom=0)


def test_landmarks_place_faces_of_both_sizes_alike(tube: FaceTube) -> None:
    small, large = (
        FaceSpecialist(
            ConvNetClassifier(), FacePreprocessing(registration="face", border="edge", size=size)
        ).inputs(tube)
        for size in (48, 96)
    )
    assert np.abs(resized(large, 48).astype(float) - small).mean() < 3


def test_stills_are_brought_to_the_size() -> None:
    rng = np.random.default_rng(0)
    stills = rng.integers(0, 256, (3, 48, 48)).astype(np.uint8)
    assert FacePreprocessing(size=96).normalise(stills).shape == (3, 96, 96)
    np.testing.assert_array_equal(FacePreprocessing().normalise(stills), stills)
    isotropic = FacePreprocessing(size=96, illumination="isotropic").normalise(stills)
    assert isotropic.shape == (3, 96, 96)
    with pytest.raises(ParameterError, match="at least 1 pixel"):
        FacePreprocessing(size=0)


def test_bundles_keep_size_and_mirror_and_older_ones_have_48(
    tmp_path: Path, pictures: np.ndarray
) -> None:
    network = recognition_network("residual", 96).set_params(mirror=True)
    face = FaceSpecialist(network, FacePreprocessing(border="edge", size=96))
    emonets.EmoNets(face).save(tmp_path / "bundle")
    again = emonets.load(tmp_path / "bundle").face
    assert again is not None
    assert again.preprocessing == face.preprocessing
    assert again.network.mirror
    np.testing.assert_allclose(
        again.network.predict_proba(pictures), network.predict_proba(pictures), atol=1e-6
    )
    both = network.set_params(mirror=False)
    one, other = both.predict_proba(pictures), both.predict_proba(pictures[:, :, ::-1])
    np.testing.assert_allclose(again.network.predict_proba(pictures), (one + other) / 2, atol=1e-6)
    settings, parts = face.to_arrays()
    del settings["preprocessing"]["size"]
    with pytest.raises(BundleError, match=r"made for pictures of 96 pixels; .* 48 x 48"):
        FaceSpecialist.from_arrays(settings, parts)
    paper = emonets.load("paper").face
    assert paper is not None
    assert paper.preprocessing.size == 48
