"""The face recognition network: its port, its stored files, and whether it tells people apart."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load

from emonets.errors import BundleError, DataError
from emonets.media.clip import open_clip
from emonets.runtime.graph import weight_shapes
from emonets.tubes import recognition
from emonets.tubes.detect import load_detector
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.neighbourhood import cut_crop, neighbourhood
from emonets.tubes.networks import read_weights
from emonets.tubes.recognition import (
    BLOCKS,
    FaceEmbedder,
    FaceRecogniser,
    distance,
    merged,
    recognition_graph,
    register_faces,
    restored,
)


def faces_of(path, times):
    """Tube crops (96 pixels) of the best face at some seconds."""
    detector, found, wanted = load_detector(), [], list(times)
    for frame in open_clip(path).frames():
        if wanted and frame.time >= wanted[0] and len(boxes := detector.detect(frame.image).boxes):
            wanted.pop(0)
            box = boxes[0]
            found.append(cut_crop(neighbourhood(frame.image, box), box, 96))
    return np.stack(found)


def embeddings(crops):
    embedder = FaceEmbedder(threads=1)
    found = [embedder.embed(crop, 96.0) for crop in crops]
    assert all(sure for _, sure in found)
    return np.stack([own for own, _ in found])


def test_the_port_equals_the_published_layers():
    """In torch, float64, each affine layer by itself, as face-api computes it."""
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    layers = {
        name: torch.tensor(values.astype(np.float64))
        for name, values in restored(load(read_weights(recognition.WEIGHTS))).items()
    }

    def conv(x, layer, stride):
        kernel = layers[f"{layer}/conv/filters"]
        pad = 0 if stride == 2 else kernel.shape[2] // 2
        x = functional.conv2d(x, kernel, layers[f"{layer}/conv/bias"], stride, pad)
        gain, shift = (layers[f"{layer}/scale/{part}"] for part in ("weights", "biases"))
        return x * gain[:, None, None] + shift[:, None, None]

    faces = np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3)).astype(np.uint8)
    x = torch.tensor((faces - np.array([122.782, 117.001, 104.298])) / 256).permute(0, 3, 1, 2)
    x = functional.max_pool2d(functional.relu(conv(x, "conv32_down", 2)), 3, 2)
    for name, _, stride in BLOCKS:
        y = conv(functional.relu(conv(x, f"{name}/conv1", stride)), f"{name}/conv2", 1)
        if stride == 2:
            x = functional.avg_pool2d(x, 2, 2)
            missing = x.shape[2] - y.shape[2]
            y = functional.pad(y, (0, missing, 0, missing))
            x = torch.cat([x, torch.zeros(3, y.shape[1] - x.shape[1], *x.shape[2:])], 1)
        x = functional.relu(x + y)
    expected = (x.mean((2, 3)) @ layers["fc"]).numpy()
    assert np.abs(expected).max() > 0.2
    np.testing.assert_allclose(FaceRecogniser(threads=1).embed(faces), expected, atol=2e-5)


def test_the_stored_graph_is_the_one_that_is_built_and_needs_the_stored_weights():
    pytest.importorskip("onnx")
    stored = read_weights(recognition.GRAPH)
    assert stored == recognition_graph()
    weights = merged(restored(load(read_weights(recognition.WEIGHTS))))
    assert weight_shapes(stored) == {name: w.shape for name, w in weights.items()}
    sizes = [len(read_weights(n)) for n in (recognition.GRAPH, recognition.WEIGHTS)]
    assert sum(sizes) < 10_000_000


def test_a_face_does_not_depend_on_the_others_of_the_call():
    faces = np.random.default_rng(1).integers(0, 256, (18, 150, 150, 3)).astype(np.uint8)
    recogniser = FaceRecogniser(threads=1)
    together = recogniser.embed(faces)
    assert together.shape == (18, 128)
    np.testing.assert_allclose(together[17:], recogniser.embed(faces[17:]), atol=1e-6)
    assert recogniser.embed(faces[:0]).shape == (0, 128)


@pytest.mark.parametrize("faces", [np.zeros((1, 96, 96, 3), np.uint8), np.zeros((1, 150, 150, 3))])
def test_wrong_pictures_are_refused(faces):
    with pytest.raises(DataError, match=r"expected uint8 RGB faces of shape \(n, 150, 150, 3\)"):
        FaceRecogniser(threads=1).embed(faces)


def test_incomplete_weights_are_refused():
    layers = restored(load(read_weights(recognition.WEIGHTS)))
    missing = {name: w for name, w in layers.items() if name != "fc"}
    with pytest.raises(BundleError, match="fc"):
        merged(missing)
    with pytest.raises(BundleError, match="conv64_1/conv2 has another shape"):
        merged({**layers, "conv64_1/conv2/conv/bias": np.zeros(3, np.float32)})


def test_faces_are_registered_upright_and_of_one_size(happy: Path):
    crop = faces_of(happy, [0.5])[0]
    smaller = np.zeros_like(crop)
    smaller[24:72, 20:68] = crop[::2, ::2]
    landmarker = FaceLandmarker(threads=1)
    registered = [
        register_faces(c[None], landmarker.points(c[None]))[0] for c in (crop, crop[:, ::-1])
    ]
    points = [landmarker.points(r[None])[0] for r in registered]
    for found in points:  # eyes level, in the upper half, as far apart as ever
        left, right = found[36:42].mean(axis=0), found[42:48].mean(axis=0)
        assert abs(left[1] - right[1]) < 4
        assert 40 < right[0] - left[0] < 65
        assert 35 < left[1] < 60


def test_one_person_is_near_in_two_clips_and_small_or_large(happy: Path, angry: Path):
    own = embeddings(np.concatenate([faces_of(happy, [0.2, 1.0]), faces_of(angry, [0.2, 1.0])]))
    assert max(distance(a, b) for a, b in combinations(own, 2)) < 0.58


def test_turned_and_small_faces_and_what_is_no_face_are_not_sure(happy: Path):
    crop = faces_of(happy, [0.5])[0]
    embedder = FaceEmbedder(threads=1)
    assert embedder.embed(crop, 40.0)[1]
    assert not embedder.embed(crop, 20.0)[1]
    noise = np.random.default_rng(3).integers(0, 256, crop.shape).astype(np.uint8)
    assert not embedder.embed(noise, 96.0)[1]
    flat, sure = embedder.embed(np.full_like(crop, 128), 96.0)
    assert not sure
    assert np.isfinite(flat).all()


def test_people_are_told_apart(shared: Path):
    folder = shared / "data" / "javanese_av"
    if not folder.is_dir():
        pytest.skip("the shared data are not here")
    own = {}
    for actor in ("01", "05", "08"):
        crops = [faces_of(folder / f"{actor}-0{s}-03_01.mp4", [0.5, 1.5]) for s in (1, 2)]
        own[actor] = embeddings(np.concatenate(crops))
    within = [distance(a, b) for e in own.values() for a, b in combinations(e, 2)]
    across = [distance(a, b) for x, y in combinations(own.values(), 2) for a in x for b in y]
    assert max(within) < min(across)
