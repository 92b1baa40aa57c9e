"""Spatio-temporal blocks: cut at random from many clips, and brought to one contrast (paper 3.3).

The contrast of a block is divided by (its standard deviation + the mean one of the training
blocks), as in the authors' code, after its mean was subtracted. Theirs took the mean over the
blocks that happened to be described together; here it is fixed in training, so that a block's
result does not depend on the other blocks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError
from emonets.specialists.activity.pictures import Grey, Stream

BLOCK = (10, 16, 16)
"""Time (frames), rows, columns of the autoencoder's input (paper 3.3)."""
SUPERBLOCK = (14, 20, 20)
"""Of what one descriptor covers (paper 3.3)."""
STRIDE = (7, 10, 10)
"""Frames, rows, columns between neighbouring super blocks: half of them overlaps (paper 3.3)."""

Size = tuple[int, int, int]

_ROWS = 4096  # blocks at a time


@dataclass(frozen=True)
class Geometry:
    """Sizes of blocks and super blocks and the strides of the latter: frames, rows, columns.

    Attributes
    ----------
    block : of what the autoencoder takes. superblock : of what one descriptor covers; it has a
        block in each of its eight corners. stride : between neighbouring super blocks.

    Raises
    ------
    ParameterError : a super block that is not larger than a block along every axis, or that is
        longer by a stride or more: it would begin its last blocks after the next one began.
    """

    block: Size = BLOCK
    superblock: Size = SUPERBLOCK
    stride: Size = STRIDE

    def __post_init__(self) -> None:
        if min(*self.block, *self.stride) < 1 or min(self.inset) < 1:
            raise ParameterError(
                f"super blocks of {self.superblock} must be larger than blocks of {self.block} "
                "along every axis"
            )
        if self.inset[0] >= self.stride[0]:
            raise ParameterError(
                f"super blocks of {self.superblock[0]} frames must be longer than blocks of "
                f"{self.block[0]} by less than the stride of {self.stride[0]} frames"
            )

    @property
    def inset(self) -> Size:
        """From the first corner of a super block to the second along each axis."""
        t, y, x = (s - b for s, b in zip(self.superblock, self.block, strict=True))
        return t, y, x

    @property
    def pixels(self) -> int:
        """Of a frame of a block."""
        return self.block[1] * self.block[2]


def sample_blocks(
    streams: Sequence[Stream],
    count: int,
    *,
    shape: tuple[int, int, int] = BLOCK,
    seed: int = 0,
    on_stream: Callable[[int], object] | None = None,
) -> NDArray[np.uint8]:
    """Cut blocks at random times and places, the same number from each clip.

    Each stream is gone through once; of it only as many frames are held as a block is long, and
    the blocks. All moments of a clip are equally likely, and all places of a picture.

    Parameters
    ----------
    streams : the clips.
    count : blocks in all; where it is no multiple of the clips' number some give one more.
    shape : frames, rows and columns of a block.
    seed : what is cut from a clip depends on this, on its number and on how many are cut.
    on_stream : called with the number of each clip that is done, from 1.

    Returns
    -------
    (count, *shape) uint8, clip by clip.

    Raises
    ------
    DataError : a clip, which is named, that is shorter or smaller than a block.
    ParameterError : no stream, or fewer blocks than one.
    """
    if not streams or count < 1:
        raise ParameterError(f"{count} blocks of {len(streams)} clips: both must be 1 or more")
    blocks = np.empty((count, *shape), np.uint8)
    ends = np.linspace(0, count, len(streams) + 1).round().astype(int)
    for number, stream in enumerate(streams):
        part = blocks[ends[number] : ends[number + 1]]
        _sample_stream(stream, part, np.random.default_rng([seed, number]))
        if on_stream is not None:
            on_stream(number + 1)
    return blocks


def _sample_stream(stream: Stream, blocks: NDArray[np.uint8], random: np.random.Generator) -> None:
    """Fill ``blocks`` by reservoirs: the t-th moment replaces each with probability 1/t."""
    shape = blocks.shape[1:]
    moments = 0
    for window in _windows(stream.frames(), shape):
        moments += 1
        new = np.flatnonzero(random.random(len(blocks)) * moments < 1.0)
        places = [random.integers(n - size + 1, size=len(new))
                  for n, size in zip(window[0].shape, shape[1:], strict=True)]  # fmt: skip
        for i, row, column in zip(new.tolist(), *(p.tolist() for p in places), strict=True):
            for t, image in enumerate(window):
                blocks[i, t] = image[row : row + shape[1], column : column + shape[2]]
    if not moments:
        raise DataError(
            f"{stream.name}: holds no {shape[0]} frames in a row of at least {shape[2]} × "
            f"{shape[1]} pixels, which training on motion needs; leave it out"
        )


def _windows(frames: Iterator[Grey | None], shape: tuple[int, ...]) -> Iterator[deque[Grey]]:
    """Every run of so many frames of one size; always the same deque, which goes on."""
    ring: deque[Grey] = deque(maxlen=shape[0])
    for image in frames:
        if image is None:
            ring.clear()
            continue
        if ring and ring[-1].shape != image.shape:
            ring.clear()
        ring.append(image)
        if len(ring) == shape[0] and image.shape[0] >= shape[1] and image.shape[1] >= shape[2]:
            yield ring


def mean_contrast(blocks: NDArray[np.uint8]) -> float:
    """Mean standard deviation of blocks (n, …) in grey levels: what `normalise_blocks` adds.

    Raises
    ------
    DataError : none has any contrast.
    """
    total = 0.0
    for start in range(0, len(blocks), _ROWS):
        part = blocks[start : start + _ROWS].reshape(-1, int(np.prod(blocks.shape[1:])))
        total += float(part.astype(np.float32).std(axis=1, dtype=np.float64).sum())
    if not total > 0:
        raise DataError("every block is of one grey: there is nothing to learn motion from")
    return total / len(blocks)


def normalise_blocks(blocks: NDArray[np.uint8], contrast: float) -> NDArray[np.float32]:
    """Blocks (n, …) as rows (n, values) of mean 0: (x - mean) / (std + contrast).

    Parameters
    ----------
    contrast : of :func:`mean_contrast`, grey levels.
    """
    flat = np.asarray(blocks).reshape(len(blocks), -1).astype(np.float32)
    # sums of whole numbers below 2^24 are exact in single precision
    flat -= flat.mean(axis=1, dtype=np.float64, keepdims=True).astype(np.float32)
    scale = flat.std(axis=1, dtype=np.float64, keepdims=True) + contrast
    flat /= scale.astype(np.float32)
    return flat
