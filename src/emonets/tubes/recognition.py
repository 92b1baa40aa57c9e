"""Who a face is: 128 numbers that lie close together for one person and far apart for two.

The network is dlib's face recognition network as face-api carries it (NOTICE): a residual network
of 29 layers, run by onnxruntime. Its graph is stored without weights; they lie beside it in
safetensors, most of them as the published bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.errors import BundleError, DataError
from emonets.tubes.landmarks import FaceLandmarker
from emonets.tubes.networks import default_threads, read_weights
from emonets.tubes.registration import FER_LANDMARK_MEAN, shape_residuals, similarity

GRAPH, WEIGHTS = "face_recognition.onnx", "face_recognition.safetensors"
SIDE = 150
"""Pixels of the network's input."""
WIDTH = 128
"""Numbers of an embedding."""
MEAN_RGB = np.array([122.782, 117.001, 104.298], np.float32)
"""Subtracted from the input, which is then divided by 256 (face-api's ``FaceRecognitionNet``)."""

BLOCKS: tuple[tuple[str, int, int], ...] = (
    ("conv32_1", 32, 1), ("conv32_2", 32, 1), ("conv32_3", 32, 1),
    ("conv64_down", 64, 2), ("conv64_1", 64, 1), ("conv64_2", 64, 1), ("conv64_3", 64, 1),
    ("conv128_down", 128, 2), ("conv128_1", 128, 1), ("conv128_2", 128, 1),
    ("conv256_down", 256, 2), ("conv256_1", 256, 1), ("conv256_2", 256, 1),
    ("conv256_down_out", 256, 2),
)  # fmt: skip
"""Residual blocks in order: name, channels, stride."""

_BATCH = 16
"""Faces put through the network at once: bounds the memory."""


def layer_shapes() -> dict[str, tuple[int, int, int, int]]:
    """Shape (out, in, height, width) of each convolution's filters, by the layer's name."""
    shapes, channels = {"conv32_down": (32, 3, 7, 7)}, 32
    for name, out, _ in BLOCKS:
        shapes[f"{name}/conv1"] = (out, channels, 3, 3)
        shapes[f"{name}/conv2"] = (out, out, 3, 3)
        channels = out
    return shapes


def recognition_graph() -> bytes:
    """The serialised graph: ``faces`` (n, 3, 150, 150) to ``embeddings`` (n, 128), float32.

    Each convolution is followed by an affine layer, which its weights contain already. Where a
    block halves the picture, the shortcut is its 2x2 means, with zeros for new channels; the block
    itself gets zeros below and at the right where it is one pixel smaller than these.

    Raises
    ------
    MissingExtraError : the ``onnx`` package is not installed.
    """
    from emonets.runtime.graph_builder import GraphBuilder

    graph = GraphBuilder("face_recognition")
    add = graph.add

    def conv(x: str, layer: str, stride: int) -> str:
        shape = layer_shapes()[layer]
        weight = graph.weight(f"{layer}/weight", shape)
        bias = graph.weight(f"{layer}/bias", shape[:1])
        pads = [0 if stride == 2 else shape[2] // 2] * 4
        return add("Conv", [x, weight, bias], strides=[stride] * 2, pads=pads)

    zero = graph.constant("zero", 0.0, np.float32)
    below = graph.constant("below", [0, 0, 0, 0, 0, 0, 1, 1], np.int64)
    x = add("Relu", [conv("faces", "conv32_down", 2)])
    x = add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2])
    side, channels = ((SIDE - 7) // 2 + 1 - 3) // 2 + 1, 32
    for name, out, stride in BLOCKS:
        y = add("Relu", [conv(x, f"{name}/conv1", stride)])
        y = conv(y, f"{name}/conv2", 1)
        if stride == 2:
            x = add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2])
            if side // 2 > (side - 3) // 2 + 1:
                y = add("Pad", [y, below, zero])
            side //= 2
        if out > channels:  # always twice as many
            x = add("Concat", [x, add("Mul", [x, zero])], axis=1)
        x, channels = add("Relu", [add("Add", [y, x])]), out
    x = add("Flatten", [add("GlobalAveragePool", [x])])
    weight = graph.weight("fc/weight", (WIDTH, channels))
    add("Gemm", [x, weight], transB=1, output="embeddings")
    return graph.finish({"faces": ["n", 3, SIDE, SIDE]}, {"embeddings": ["n", WIDTH]})


def restored(stored: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """The float32 arrays of stored ones, of which some are bytes: ``step * q + low``.

    The two numbers are stored as ``NAME/range``.
    """
    out = {}
    for name, values in stored.items():
        if values.dtype == np.uint8:
            step, low = stored[f"{name}/range"]
            out[name] = np.asarray(values * np.float32(step) + np.float32(low), np.float32)
        elif not name.endswith("/range"):
            out[name] = np.asarray(values, np.float32)
    return out


def merged(layers: Mapping[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """The graph's weights: each affine layer merged into the convolution before it.

    Parameters
    ----------
    layers : by layer ``conv/filters`` (out, in, height, width), ``conv/bias``, ``scale/weights``
        and ``scale/biases`` (out,); and ``fc`` (256, 128).

    Raises
    ------
    BundleError : an array is missing or has another shape.
    """
    out = {}
    try:
        for layer, shape in layer_shapes().items():
            kernel = layers[f"{layer}/conv/filters"]
            bias, gain, shift = (
                layers[f"{layer}/{part}"] for part in ("conv/bias", "scale/weights", "scale/biases")
            )
            if kernel.shape != shape or not bias.shape == gain.shape == shift.shape == shape[:1]:
                raise BundleError(f"{WEIGHTS}: {layer} has another shape; install emonets again")
            out[f"{layer}/weight"] = kernel * gain[:, None, None, None]
            out[f"{layer}/bias"] = bias * gain + shift
        out["fc/weight"] = np.ascontiguousarray(layers["fc"].T)
    except KeyError as error:
        raise BundleError(f"{WEIGHTS}: {error} is missing; install emonets again") from None
    return out


@lru_cache(maxsize=4)
def _open(threads: int) -> Any:
    from safetensors.numpy import load

    from emonets.runtime.onnx import inference_session

    weights = merged(restored(load(read_weights(WEIGHTS))))
    return inference_session(read_weights(GRAPH), weights=weights, threads=threads)


class FaceRecogniser:
    """Embeds pictures of faces.

    Parameters
    ----------
    threads : for onnxruntime; see ``emonets.tubes.networks.open_network``.

    Raises
    ------
    BundleError : the network's files are missing or damaged.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        self._session = _open(threads or default_threads())

    def embed(self, faces: ArrayLike) -> NDArray[np.float32]:
        """The embeddings of registered faces.

        Parameters
        ----------
        faces : (n, 150, 150, 3) uint8 RGB, from :func:`register_faces`.

        Returns
        -------
        (n, 128) : the Euclidean distance of two is about 0.3 for two pictures of one person and
            0.8 for two persons. A face's numbers do not depend on the others of the call.

        Raises
        ------
        DataError : another type or shape.
        """
        x = np.asarray(faces)
        if x.dtype != np.uint8 or x.ndim != 4 or x.shape[1:] != (SIDE, SIDE, 3):
            raise DataError(
                f"expected uint8 RGB faces of shape (n, {SIDE}, {SIDE}, 3), got {x.dtype} {x.shape}"
            )
        parts = [self._session.run(["embeddings"], {"faces": b})[0] for b in _batches(x)]
        return np.concatenate(parts) if parts else np.zeros((0, WIDTH), np.float32)


def _batches(faces: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(faces), _BATCH):
        batch = faces[start : start + _BATCH].astype(np.float32)
        yield np.ascontiguousarray(((batch - MEAN_RGB) / np.float32(256)).transpose(0, 3, 1, 2))


# the bridge of the nose and the eyes: brows and mouth move with expressions
_STEADY = np.array([*range(27, 31), *range(36, 48)]) - 17
# chosen on 120 named people of press pictures, by the rate of pairs that are told apart
_SCALE, _RISE = 3.1, -12.0
# from FER2013's frame to the network's
_TARGET = (FER_LANDMARK_MEAN - 24.0) * _SCALE + [SIDE / 2, SIDE / 2 + _RISE]


def register_faces(crops: ArrayLike, points: ArrayLike) -> NDArray[np.uint8]:
    """Faces upright and of one size, as the network was trained on them.

    Parameters
    ----------
    crops : (n, S, S, 3) uint8 RGB.
    points : (n, 68, 2) landmarks in pixels of the crops.

    Returns
    -------
    (n, 150, 150, 3) uint8
    """
    x, p = np.asarray(crops), np.asarray(points, np.float64)
    out = np.empty((len(x), SIDE, SIDE, 3), np.uint8)
    for k in range(len(x)):
        m = similarity(p[k, 17:][_STEADY], _TARGET[_STEADY])
        m[:, 2] += m[:, :2] @ [0.5, 0.5] - 0.5  # OpenCV counts from pixel centres
        cv2.warpAffine(
            x[k], m, (SIDE, SIDE), dst=out[k], flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
    return out


BLUR = 0.0125
"""Spread of the blur before a face is embedded, in sides of the crop.

A face of 40 pixels and one of 200 then look alike to the network: of four actors at sizes from 36
to 96 pixels, pairs of one person and of two are told apart with an AUC of 0.982, without it 0.972.
"""
MAX_RESIDUAL = 3.0
"""In FER2013 pixels: see ``registration.shape_residuals``."""
MAX_TURN = 0.22
"""Largest shift of the nose's tip from the middle of the eyes, in distances of the eyes."""
MIN_SIDE = 28.0
"""Least side of the tube's box in the frame, pixels."""


class FaceEmbedder:
    """Embeds crops of a face tube, and judges whether they show enough of the face.

    Parameters
    ----------
    threads : for onnxruntime; see ``emonets.tubes.networks.open_network``.

    Raises
    ------
    BundleError : a network's file is missing or damaged.
    """

    def __init__(self, *, threads: int | None = None) -> None:
        self._landmarker = FaceLandmarker(threads=threads)
        self._recogniser = FaceRecogniser(threads=threads)

    def embed(self, crop: NDArray[np.uint8], side: float) -> tuple[NDArray[np.float32], bool]:
        """The embedding (128,) of a crop (S, S, 3) uint8 RGB, and whether it is sure.

        ``side`` is that of the box in the frame, pixels. Turned, small and hidden faces are not
        sure: their embeddings are far from those of the same person's other pictures.
        """
        soft = cv2.GaussianBlur(crop, (0, 0), BLUR * crop.shape[0])[None]
        points = self._landmarker.points(soft)
        p = points[0]
        eyes = float(np.linalg.norm(p[45] - p[36])) or 1.0
        across = (p[45] - p[36]) / eyes
        turn = abs(float((p[30] - (p[36] + p[45]) / 2) @ across)) / eyes
        sure = float(shape_residuals(points)[0]) <= MAX_RESIDUAL and turn <= MAX_TURN
        try:
            face = register_faces(soft, points)
        except DataError:  # all points in one place
            return np.zeros(WIDTH, np.float32), False
        return self._recogniser.embed(face)[0], sure and side >= MIN_SIDE


def distance(a: ArrayLike, b: ArrayLike) -> float:
    """Euclidean distance of two embeddings (128,)."""
    return float(np.linalg.norm(np.asarray(a, np.float64) - np.asarray(b, np.float64)))
