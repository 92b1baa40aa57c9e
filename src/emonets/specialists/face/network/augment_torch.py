"""Changing faces at random while a network is trained on them. Imported only where one trains."""

from __future__ import annotations

import math
from dataclasses import dataclass

from emonets.errors import MissingExtraError
from emonets.specialists.face.network.augment import FaceAugmentation

try:
    import torch
    from torch import Tensor
    from torch.nn import functional as F  # noqa: N812
except ImportError as error:  # pragma: no cover - depends on the installation
    raise MissingExtraError("training a network", "train") from error


@dataclass(frozen=True)
class Changes:
    """What is to happen to n pictures; see :func:`draw_changes`. On one device, all of them."""

    theta: Tensor
    """(n, 2, 3) where each crop lies in its picture, which is -1..1 wide."""
    smooth: Tensor
    """(n,) part of the mean of 3 × 3 pixels; below zero it sharpens."""
    gone: Tensor
    """(n, 4) middle row and column of what is erased and half its size, in pixels; a negative
    size erases nothing."""

    def to(self, device: torch.device) -> Changes:
        """The same on another device."""
        return Changes(self.theta.to(device), self.smooth.to(device), self.gone.to(device))

    def of(self, index: Tensor) -> Changes:
        """Those of some pictures."""
        return Changes(self.theta[index], self.smooth[index], self.gone[index])


def draw_changes(
    n: int, side: int, crop: int, augmentation: FaceAugmentation, generator: torch.Generator
) -> Changes:
    """Draw how n pictures of a side are changed.

    The processor's generator draws, wherever the pictures are, so that the changes are the
    same on a graphics card.
    """

    def draw(*shape: int) -> Tensor:
        return torch.rand((n, *shape), generator=generator)

    def either(width: float) -> Tensor:
        return (draw() * 2 - 1) * width

    warped = draw() < augmentation.warp
    angle = torch.deg2rad(either(augmentation.turn)) * warped
    scale = 1 + either(augmentation.scale) * warped
    stretch = 1 + either(augmentation.scale / 4) * warped
    mirrored = torch.where(draw() < augmentation.flip, -1.0, 1.0)
    moved = torch.stack([either(augmentation.shift), either(augmentation.shift)], dim=1)
    # with whole pixels nothing is interpolated
    moved = torch.where(warped[:, None], moved, moved.round())
    if (side - crop) % 2:
        moved = moved + torch.where(warped[:, None], 0.0, 0.5)
    # Output pixel p of a crop around 0 comes from the picture's pixel middle + M p + moved.
    cos, sin = angle.cos() / scale, angle.sin() / scale
    half = (crop - 1) / (side - 1)  # grid_sample counts from -1 to 1 over the picture
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = cos * stretch * mirrored * half, sin * half
    theta[:, 1, 0], theta[:, 1, 1] = -sin * mirrored * half, cos / stretch * half
    theta[:, :, 2] = moved * 2 / (side - 1)
    smooth = torch.where(draw() < augmentation.blur, draw() * 1.5 - 0.5, 0.0)
    low, high = augmentation.erase_area
    area = low + (high - low) * draw()
    shape = torch.exp(either(math.log(2.0)))
    rows, columns = (area * shape).sqrt() * crop / 2, (area / shape).sqrt() * crop / 2
    row, column = draw() * crop, draw() * crop
    rows = torch.where(draw() < augmentation.erase, rows, -1.0)
    return Changes(theta, smooth, torch.stack([row, column, rows, columns], dim=1))


def changed(pictures: Tensor, crop: int, changes: Changes) -> Tensor:
    """Pictures (n, side, side) → (n, 1, crop, crop), each changed as was drawn for it."""
    n = len(pictures)
    grid = F.affine_grid(changes.theta, [n, 1, crop, crop], align_corners=True)
    out = F.grid_sample(pictures[:, None].float(), grid, padding_mode="border", align_corners=True)
    mean3 = F.avg_pool2d(F.pad(out, (1, 1, 1, 1), mode="replicate"), 3, 1)
    out = torch.lerp(out, mean3, changes.smooth[:, None, None, None])
    row, column, rows, columns = (c[:, None] for c in changes.gone.unbind(1))
    line = torch.arange(crop, device=out.device) + 0.5
    gone = ((line - row).abs() < rows)[:, :, None] & ((line - column).abs() < columns)[:, None, :]
    return torch.where(gone[:, None], out.mean((2, 3), keepdim=True), out)


def change(
    pictures: Tensor, crop: int, augmentation: FaceAugmentation, generator: torch.Generator
) -> Tensor:
    """Pictures (n, side, side) → (n, 1, crop, crop), each changed by chance."""
    drawn = draw_changes(len(pictures), pictures.shape[-1], crop, augmentation, generator)
    return changed(pictures, crop, drawn.to(pictures.device))
