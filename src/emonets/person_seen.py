"""Where one person of a clip is seen."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class InputPictures:
    """What a specialist was given of a person: some of its pictures, on one sheet.

    Attributes
    ----------
    source : name of the specialist.
    times : seconds of the pictures, rising.
    width, height : of a picture, pixels.
    columns : pictures in a row of the sheet.
    sheet : JPEG; the pictures from left to right and from top to bottom.
    """

    source: str
    times: tuple[float, ...]
    width: int
    height: int
    columns: int
    sheet: bytes

    def to_dict(self) -> dict[str, Any]:
        """JSON's values; the sheet as base64."""
        return {
            "source": self.source, "times": [round(t, 3) for t in self.times],
            "width": self.width, "height": self.height, "columns": self.columns,
            "sheet": base64.b64encode(self.sheet).decode("ascii"),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> InputPictures:
        """The inverse of :meth:`to_dict`."""
        return cls(
            content["source"], tuple(content["times"]), content["width"], content["height"],
            content["columns"], base64.b64decode(content["sheet"], validate=True),
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class PersonSeen:
    """Where one person of a clip is seen.

    Attributes
    ----------
    file : the clip, as it was given.
    person : as in the rows.
    tracks : numbers of the face tubes that are this person's.
    times : (n,) seconds, a few a second.
    boxes : (n, 4) pixels of the frame: left, top, right, bottom.
    usable : 0..1, share of the clip's frames in which this face can be used.
    picture : a small picture of the face, JPEG.
    embedding : (128,) numbers that tell people apart; None unless they are kept on request.
    embedded : how many pictures the embedding is the mean of.
    inputs : what the specialists were given of this face; empty unless it is kept on request.
    """

    file: str
    person: int
    tracks: tuple[int, ...]
    times: NDArray[np.float64]
    boxes: NDArray[np.float64]
    usable: float
    picture: bytes = b""
    embedding: NDArray[np.float32] | None = None
    embedded: int = 0
    inputs: tuple[InputPictures, ...] = ()

    def __eq__(self, other: object) -> bool:
        """Whether both have the same values, to the digits of JSON."""
        return isinstance(other, PersonSeen) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Without the boxes, the picture and the embedding."""
        return (
            f"PersonSeen({self.file!r}, person={self.person}, tracks={self.tracks}, "
            f"usable={self.usable:.2f}, boxes={len(self.boxes)})"
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON's values; the picture as base64."""
        return {
            "file": self.file,
            "person": self.person,
            "tracks": list(self.tracks),
            "times": [round(float(t), 3) for t in self.times],
            "boxes": [[round(float(v), 1) for v in box] for box in self.boxes],
            "usable": self.usable,
            "picture": base64.b64encode(self.picture).decode("ascii"),
            "embedding": None if self.embedding is None else [float(v) for v in self.embedding],
            "embedded": self.embedded,
            **({"inputs": [own.to_dict() for own in self.inputs]} if self.inputs else {}),
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PersonSeen:
        """The inverse of :meth:`to_dict`."""
        embedding = content["embedding"]
        return cls(
            content["file"], content["person"], tuple(content["tracks"]),
            np.array(content["times"], np.float64),
            np.array(content["boxes"], np.float64).reshape(-1, 4), content["usable"],
            base64.b64decode(content["picture"], validate=True),
            None if embedding is None else np.array(embedding, np.float32), content["embedded"],
            tuple(map(InputPictures.from_dict, content.get("inputs", ()))),
        )  # fmt: skip
