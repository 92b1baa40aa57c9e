"""How faces are changed while a network is trained on them: numbers only, see
``modern_convnet_torch`` for the work."""

from __future__ import annotations

from dataclasses import dataclass

from emonets.errors import ParameterError


@dataclass(frozen=True)
class FaceAugmentation:
    """Ranges from which the change of each picture is drawn, evenly unless stated otherwise.

    Parameters
    ----------
    flip : part of the pictures that are mirrored.
    warp : part of the pictures that are turned, scaled and moved by parts of pixels; the others
        are moved by whole pixels, so that unblurred pictures occur as well. A network
        that was shown only one of the two kinds is ten points worse on the other.
    turn : degrees, to either side.
    scale : part by which a face is larger or smaller; height and width differ by up to a quarter
        of it.
    shift : pixels, to either side, across and down.
    blur : part of the pictures that are blurred, or sharpened.
    erase : part of the pictures from which a rectangle is taken away.
    erase_area : (low, high) part of the picture that is taken.
    mixup : parameter of the beta distribution of the parts in which two pictures are mixed; 0
        mixes none.
    mixed : part of the batches that are mixed.
    """

    flip: float = 0.5
    warp: float = 0.6
    turn: float = 12.0
    scale: float = 0.15
    shift: float = 4.0
    blur: float = 0.2
    erase: float = 0.25
    erase_area: tuple[float, float] = (0.02, 0.2)
    mixup: float = 0.0
    mixed: float = 0.5

    def __post_init__(self) -> None:
        for name in ("flip", "warp", "blur", "erase", "mixed"):
            if not 0 <= getattr(self, name) <= 1:
                raise ParameterError(f"{name}: expected 0..1, got {getattr(self, name)!r}")
        if min(self.turn, self.shift, self.mixup) < 0 or not 0 <= self.scale < 1:
            raise ParameterError(f"{self}: a range is negative, or scale is 1 or more")
        low, high = self.erase_area
        if not 0 < low <= high < 1:
            raise ParameterError(f"erase_area: expected 0 < low <= high < 1, got {low}, {high}")
