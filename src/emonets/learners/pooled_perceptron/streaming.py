"""A trained pooled perceptron that predicts: whole clips in batches, or one piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emonets.learners.pooled_perceptron.clips import checked_clips, clip_bounds
from emonets.learners.pooled_perceptron.layers import hidden_layer, log_softmax
from emonets.learners.pooled_perceptron.pooling import StreamingPool, pool

Floats = NDArray[np.floating[Any]]

_ROWS = 4096  # frames that go through the layers at a time


@dataclass(frozen=True, eq=False)
class PooledNetwork:
    """The layers of a pooled perceptron. Float32 frames are computed in float32, others in float64.

    Attributes
    ----------
    coefs, intercepts : (inputs, units) and (units,) of the hidden layers and the softmax.
    activations : of the hidden layers (``perceptron_layers.ACTIVATIONS``).
    weights : of the ranks that are pooled (``temporal_pooling``); None for the mean.
    """

    coefs: Sequence[Floats]
    intercepts: Sequence[Floats]
    activations: Sequence[str]
    weights: Sequence[float] | None

    def hidden(self, clip: Floats) -> Iterator[Floats]:
        """The last hidden layer on a clip (t, inputs): some (frames, units) at a time."""
        for start in range(0, len(clip), _ROWS):
            part = clip[start : start + _ROWS]
            if part.dtype != np.float32:
                part = part.astype(np.float64)
            yield hidden_layer(part, self.coefs[:-1], self.intercepts[:-1], self.activations)

    def log_proba(self, clips: Sequence[Floats]) -> NDArray[np.float64]:
        """Logarithms (n, classes) of the probabilities of clips, each (frames, inputs)."""
        pooled = np.empty((len(clips), len(self.coefs[-1])))
        start = 0
        while start < len(clips):
            end, rows = start + 1, len(clips[start])
            while end < len(clips) and rows + len(clips[end]) <= _ROWS:
                rows += len(clips[end])
                end += 1
            if rows > _ROWS:
                stream = StreamingPool(self.weights)
                for part in self.hidden(clips[start]):
                    stream.add(part)
                pooled[start] = stream.value()
            else:
                frames = clips[start] if end == start + 1 else np.concatenate(clips[start:end])
                h = next(self.hidden(frames))
                pooled[start:end] = pool(h, clip_bounds(clips[start:end]), self.weights)
            start = end
        return self.softmax(pooled)

    def softmax(self, pooled: Floats) -> NDArray[np.float64]:
        """Logarithms (n, classes) of the probabilities of pooled vectors (n, units)."""
        W, b = self.coefs[-1].astype(np.float64), self.intercepts[-1]
        return log_softmax(pooled.astype(np.float64) @ W + b).astype(np.float64, copy=False)


class ClipState:
    """One clip taken in piece by piece, of any length; ``PooledPerceptron.pool_state`` makes it."""

    def __init__(self, network: PooledNetwork) -> None:
        self._network = network
        self._pool = StreamingPool(network.weights)

    @property
    def frames(self) -> int:
        """How many frames came so far."""
        return self._pool.frames

    def add(self, frames: ArrayLike) -> None:
        """Take in the next (t, features) frames, possibly none.

        Raises
        ------
        DataError : frames of another number of features, or not finite.
        """
        if len(np.asarray(frames)):
            clip = checked_clips([np.atleast_2d(frames)], len(self._network.coefs[0]))[0]
            for part in self._network.hidden(clip):
                self._pool.add(part)

    def predict_proba(self) -> NDArray[np.float64]:
        """Probabilities (classes,) of the frames so far.

        Raises
        ------
        DataError : no frame came yet.
        """
        p: NDArray[np.float64] = np.exp(self._network.softmax(self._pool.value()[None]))[0]
        return p
