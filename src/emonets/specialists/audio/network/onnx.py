"""The shape of a sound network, and running one without torch: an ONNX graph and its arrays.

A residual convolutional network (He et al. 2016) takes the spectrogram as a picture, with
bands as rows and frames as columns; attentive statistics pooling (Okabe et al. 2018) makes one
vector of however many columns are left: their weighted mean and standard deviation. Batch
normalisation exists in training only; here it is part of the filters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.errors import BundleError, ParameterError
from emonets.learners.stored import check_stored
from emonets.runtime.graph import weight_shapes
from emonets.runtime.onnx import inference_session, run

Arrays = dict[str, NDArray[np.float32]]

LEAST_VARIANCE = 1e-5
"""What a variance over time is raised to before its root is taken."""


@dataclass(frozen=True)
class Architecture:
    """How a sound network is built.

    A 5 × 5 convolution of stride 2, then stages of residual blocks of two 3 × 3 convolutions;
    the first block of each stage but the first halves bands and frames. A dense layer reads all
    bands and channels of a column, attention weighs the columns.
    """

    bands: int = 64
    widths: tuple[int, ...] = (32, 48, 96)
    """Filters of each stage; the first convolution has as many as the first stage."""
    blocks: tuple[int, ...] = (0, 1, 2)
    """Residual blocks of each stage."""
    embedding: int = 192
    attention: int = 64
    every: int = 1
    """Frames whose mean power is one column of the input."""
    equalise: float = 0.0
    """Share of each band's mean over a sound that is taken away from the input
    (``augment.network_input``): 0 nothing, 1 all of it."""

    def __post_init__(self) -> None:
        numbers = (self.bands, *self.widths, self.embedding, self.attention, self.every)
        if min(numbers) < 1 or min(self.blocks, default=-1) < 0:
            raise ParameterError(f"{self}: sizes must be positive")
        if len(self.widths) != len(self.blocks) or min(self.blocks[1:], default=1) < 1:
            raise ParameterError(f"{self}: each stage but the first needs a block and a width")
        if not 0 <= self.equalise <= 1:
            raise ParameterError(f"equalise: expected 0 to 1, got {self.equalise}")

    def residual_blocks(self) -> Iterator[tuple[int, int, int]]:
        """Input channels, output channels and stride of each block, in order."""
        channels = self.widths[0]
        for stage, (width, count) in enumerate(zip(self.widths, self.blocks, strict=True)):
            for block in range(count):
                yield channels, width, 2 if stage and not block else 1
                channels = width

    def rows(self) -> int:
        """Rows that are left of the bands behind the last block."""
        rows = -(-self.bands // 2)
        for _, _, stride in self.residual_blocks():
            rows = -(-rows // stride)
        return rows


def parameter_shapes(network: Architecture, classes: int) -> dict[str, tuple[int, ...]]:
    """Name and shape of every array of a network with its batch normalisation folded in."""
    shapes: dict[str, tuple[int, ...]] = {}

    def add(name: str, outputs: int, *rest: int) -> None:
        shapes[f"{name}.weight"] = (outputs, *rest)
        shapes[f"{name}.bias"] = (outputs,)

    add("stem", network.widths[0], 1, 5, 5)
    channels = network.widths[0]
    for i, (inputs, outputs, stride) in enumerate(network.residual_blocks()):
        add(f"{i}.first", outputs, inputs, 3, 3)
        add(f"{i}.second", outputs, outputs, 3, 3)
        if inputs != outputs or stride != 1:
            add(f"{i}.skip", outputs, inputs, 1, 1)
        channels = outputs
    add("embedding", network.embedding, channels * network.rows())
    add("attention", network.attention, network.embedding)
    shapes["score.weight"] = (1, network.attention)
    add("classes", classes, 2 * network.embedding)
    return shapes


def onnx_graph(network: Architecture, classes: int) -> bytes:
    """The serialised graph without weights, which are named as in :func:`parameter_shapes`.

    Its input is ``spectrogram`` (n, 1, bands, frames), with any number of frames. Its outputs are
    ``logits`` (n, classes) and ``pooled`` (n, 2 embedding). All are float32.

    Raises
    ------
    MissingExtraError : the ``onnx`` package is not installed.
    """
    from emonets.runtime.graph_builder import GraphBuilder

    graph = GraphBuilder("sound")
    add = graph.add
    shapes = _graph_shapes(network, classes)
    for name, shape in shapes.items():
        graph.weight(name, shape)
    graph.constant("join rows", [0, shapes["embedding.weight"][1], -1], np.int64)
    graph.constant("frames", [2], np.int64)
    graph.constant("least", LEAST_VARIANCE, np.float32)

    def convolve(x: str, name: str, stride: int = 1) -> str:
        size = shapes[f"{name}.weight"][2]
        return add(
            "Conv",
            [x, f"{name}.weight", f"{name}.bias"],
            kernel_shape=[size, size],
            pads=[size // 2] * 4,
            strides=[stride, stride],
        )

    x = add("Relu", [convolve("spectrogram", "stem", 2)])
    for i, (_, _, stride) in enumerate(network.residual_blocks()):
        y = add("Relu", [convolve(x, f"{i}.first", stride)])
        y = convolve(y, f"{i}.second")
        if stride != 1:
            x = add("AveragePool", [x], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
        if f"{i}.skip.weight" in shapes:
            x = convolve(x, f"{i}.skip")
        x = add("Relu", [add("Add", [x, y])])
    x = add("Reshape", [x, "join rows"])
    x = add("Relu", [add("Conv", [x, "embedding.weight", "embedding.bias"])])
    hidden = add("Tanh", [add("Conv", [x, "attention.weight", "attention.bias"])])
    weight = add("Softmax", [add("Conv", [hidden, "score.weight"])], axis=2)
    mean = add("ReduceSum", [add("Mul", [x, weight]), "frames"], keepdims=0)
    square = add("ReduceSum", [add("Mul", [add("Mul", [x, x]), weight]), "frames"], keepdims=0)
    variance = add("Sub", [square, add("Mul", [mean, mean])])
    deviation = add("Sqrt", [add("Max", [variance, "least"])])
    add("Concat", [mean, deviation], output="pooled", axis=1)
    add("Gemm", ["pooled", "classes.weight", "classes.bias"], output="logits", transB=1)
    return graph.finish(
        {"spectrogram": ["n", 1, network.bands, "frames"]},
        {"logits": ["n", classes], "pooled": ["n", 2 * network.embedding]},
    )


def check_graph(graph: bytes, network: Architecture, classes: int) -> None:
    """Raise unless a stored graph holds nothing that is not allowed, and takes these weights.

    Raises
    ------
    BundleError : it does not.
    """
    if weight_shapes(graph) != _graph_shapes(network, classes):
        raise BundleError("the graph of the audio network belongs to another architecture")


def _graph_shapes(network: Architecture, classes: int) -> dict[str, tuple[int, ...]]:
    """:func:`parameter_shapes` as the graph has them: layers over columns are convolutions."""
    shapes = parameter_shapes(network, classes)
    for name in ("embedding.weight", "attention.weight", "score.weight"):
        shapes[name] = (*shapes[name], 1)
    return shapes


class SoundNetRunner:
    """Trained networks, ready to predict together: the mean of their log-probabilities.

    Parameters
    ----------
    network : what all members are built like.
    members : their arrays (:func:`parameter_shapes`).
    graph : of each member, from :func:`onnx_graph`; None: it is built, which needs the ``onnx``
        package.
    device, threads : as for ``emonets.runtime.onnx.inference_session``.
    """

    def __init__(
        self,
        network: Architecture,
        members: Sequence[Mapping[str, NDArray[Any]]],
        *,
        graph: bytes | None = None,
        device: str = "cpu",
        threads: int = 0,
    ) -> None:
        self.runs_on = device, threads
        classes = len(members[0].get("classes.bias", ()))
        self._width = {"logits": classes, "pooled": 2 * network.embedding}
        shapes = parameter_shapes(network, classes)
        for arrays in members:
            check_stored("the sound network", arrays, shapes)
        graph = onnx_graph(network, classes) if graph is None else graph
        of_graph = _graph_shapes(network, classes)
        self._sessions = [
            inference_session(
                graph,
                weights={
                    name: np.asarray(arrays[name], np.float32).reshape(shape)
                    for name, shape in of_graph.items()
                },
                device=device,
                threads=threads,
            )
            for arrays in members
        ]

    def log_probabilities(self, spectrogram: NDArray[np.float32]) -> NDArray[np.float64]:
        """(frames, bands) normalised → (classes,), whose exponentials sum to one."""
        members = [_log_softmax(logits) for logits in self._run(spectrogram, "logits")]
        return _log_softmax(np.mean(members, axis=0))

    def pooled(self, spectrogram: NDArray[np.float32]) -> NDArray[np.float64]:
        """(frames, bands) normalised → the embedding, of all members.

        Returns
        -------
        (members × 2 embedding,): mean and deviation over time, by attention.
        """
        return np.concatenate(list(self._run(spectrogram, "pooled"))).astype(np.float64)

    def _run(self, spectrogram: NDArray[np.float32], output: str) -> Iterator[NDArray[np.float32]]:
        """An output of each member: (width,)."""
        x = np.ascontiguousarray(spectrogram.T[None, None])
        for session in self._sessions:
            (found,) = run(session, {"spectrogram": x}, {output: (1, self._width[output])})
            yield found[0]


def _log_softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    shifted = logits.astype(np.float64) - logits.max()
    out: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return out
