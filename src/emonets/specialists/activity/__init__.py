"""Local motion: grey video → spatio-temporal blocks → descriptors of super blocks (paper 3.3).

Functions of arrays and what streams them; what is learned comes in as plain matrices.
"""

from emonets.specialists.activity.blocks import (
    BLOCK,
    SUPERBLOCK,
    mean_contrast,
    normalise_blocks,
    sample_blocks,
)
from emonets.specialists.activity.filters import MotionFilters, Projection
from emonets.specialists.activity.pictures import Affine, Stream, clip_stream, grey, shrink
from emonets.specialists.activity.superblocks import MotionReader, Motions

__all__ = [
    "BLOCK", "SUPERBLOCK", "Affine", "MotionFilters", "MotionReader", "Motions", "Projection",
    "Stream", "clip_stream", "grey", "mean_contrast", "normalise_blocks", "sample_blocks",
    "shrink",
]  # fmt: skip
