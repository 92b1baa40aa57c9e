"""What decides a clip's numbers, beside the clip and the model."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from emonets.errors import ParameterError
from emonets.fusion.named import NamedFusion
from emonets.inference.combine import check_uncertain
from emonets.inference.windows import Windows, check_windows
from emonets.media.limits import Limits
from emonets.tubes.detect import DetectorLike


@dataclass(frozen=True)
class Options:
    """The options of `emonets.model.EmoNets.predict_clip`; most are those of ``predict``.

    Attributes
    ----------
    frames : whether to add a row for every single face picture.
    embeddings : whether persons keep their embedding, which is biometric data.
    inputs : whether persons keep some of the pictures that specialists were given.
    unfused : whether rows are those of single specialists, to be normalised by the person.
    stretch : start and end, in seconds, of the baseline.
    """

    window: Windows = "auto"
    hop: float | None = None
    stride: int = 1
    detector: DetectorLike = "auto"
    frames: bool = False
    crops: str | os.PathLike[str] | None = None
    uncertain_below: float | None = None
    abstain: bool = False
    embeddings: bool = False
    fps: float | None = None
    limits: Limits = Limits()
    video_stream: int | None = None
    audio_stream: int | None = None
    unfused: bool = False
    stretch: tuple[float, float] | None = None
    inputs: bool = False

    @classmethod
    def of(cls, given: dict[str, Any]) -> Self:
        """The options of these names.

        Raises
        ------
        ParameterError : there is none of a name.
        """
        names = [f.name for f in fields(cls)]
        for name in given:
            if name not in names:
                raise ParameterError(f"there is no option {name!r}; there are {', '.join(names)}")
        return cls(**given)

    def keywords(self) -> dict[str, Any]:
        """All options by name, as ``EmoNets.predict_clip`` takes them."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def check(self, fusion: NamedFusion | None) -> None:
        """Raise ParameterError where they do not fit each other or the model's fusion."""
        check_windows(self.window, self.hop)
        check_uncertain(self.uncertain_below, self.abstain, fusion)


def specialist_names(names: str | Sequence[str]) -> tuple[str, ...]:
    """Names of specialists, of a list or of one text with commas.

    Raises
    ------
    ParameterError : neither of these, or no name.

    Examples
    --------
    >>> specialist_names("face, audio")
    ('face', 'audio')
    """
    given: Any = names.split(",") if isinstance(names, str) else names
    if not isinstance(given, Sequence) or not all(isinstance(name, str) for name in given):
        raise ParameterError(f"models must be a name or a list of names, got {names!r}")
    found = tuple(name.strip() for name in given if name.strip())
    if not found:
        raise ParameterError(f"models names no specialist, got {names!r}; give face, or all")
    return found
