"""The grey pictures in which motion is described, and streams of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.errors import DataError, ParameterError
from emonets.media.clip import Clip

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Stream:
    """Grey pictures that can be gone through again and again, none of them kept.

    Attributes
    ----------
    name : the clip's, for errors.
    frames : called for each pass; yields (height, width) uint8 in the order of time, and None
        where what follows does not continue what came before.
    """

    name: str
    frames: Callable[[], Iterator[Grey | None]]


def grey(image: NDArray[np.uint8]) -> Grey:
    """(height, width) uint8 of a picture that is grey already or RGB (height, width, 3).

    Luma as in ITU-R BT.601, rounded, which is what OpenCV gives and the authors' code had.

    Raises
    ------
    DataError : not such a picture.
    """
    image = np.asarray(image)
    if image.dtype != np.uint8 or not (
        image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    ):
        raise DataError(
            "a picture must be uint8 of shape (height, width) or (height, width, 3), "
            f"not {image.dtype} of {image.shape}"
        )
    if image.ndim == 2:
        return image
    if not image.size:
        return np.empty(image.shape[:2], np.uint8)
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY), np.uint8)


def shrink(image: Grey, longest: int | None) -> Grey:
    """A picture whose longer side has at most ``longest`` pixels, by area; None: as it is."""
    side = max(image.shape)
    if longest is None or side <= longest:
        return image
    height, width = (max(1, round(n * longest / side)) for n in image.shape)
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def clip_stream(clip: Clip, *, longest: int | None = None, affine: Affine | None = None) -> Stream:
    """The pictures of a clip, grey, at native size unless that is larger than ``longest``.

    Parameters
    ----------
    affine : how all of them are turned, scaled and moved; None: not at all.
    """

    def frames() -> Iterator[Grey | None]:
        for frame in clip.frames():
            image = shrink(grey(frame.image), longest)
            yield image if affine is None else affine(image)

    return Stream(str(clip.info.path), frames)


@dataclass(frozen=True)
class Affine:
    """One affine change of a whole clip, about the centre of its pictures (paper 3.3).

    The same for all frames: a change that varied would be a motion of its own.

    Attributes
    ----------
    angle : degrees, counterclockwise.
    scale : of both sides.
    shear : pixels to the right a pixel downwards.
    shift : right and down, as shares of the picture's width and height.
    mirror : whether left and right are exchanged first.
    """

    angle: float = 0.0
    scale: float = 1.0
    shear: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    mirror: bool = False

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ParameterError(f"scale must be above 0, not {self.scale!r}")

    @classmethod
    def draw(cls, random: np.random.Generator) -> Self:
        """A moderate random one: ±10 degrees, ±10 % in size and shear, ±5 % aside, or mirrored."""
        return cls(
            angle=float(random.uniform(-10, 10)),
            scale=float(np.exp(random.uniform(-0.1, 0.1))),
            shear=float(random.uniform(-0.1, 0.1)),
            shift=(float(random.uniform(-0.05, 0.05)), float(random.uniform(-0.05, 0.05))),
            mirror=bool(random.integers(2)),
        )

    def __call__(self, image: Grey) -> Grey:
        """The picture changed, of the same size; its edge goes on beyond its border."""
        height, width = image.shape
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        turn = np.deg2rad(self.angle)
        linear = self.scale * np.array(
            [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
        )
        linear = linear @ np.array([[-1.0 if self.mirror else 1.0, self.shear], [0.0, 1.0]])
        away = np.array(self.shift) * (width, height) + centre - linear @ centre
        matrix = np.hstack([linear, away[:, None]])
        changed = cv2.warpAffine(
            image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(changed, np.uint8)
