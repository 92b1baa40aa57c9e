"""Passes over clips and pictures that are kept on disk, so that new weights are scored quickly.

What decoding, finding faces and following them gives does not depend on the weights of the face
network: the tubes are kept, and given again to the face specialist that is scored. What the other
readers return is kept as it is, under the settings that decide it. Benchmarks import this file; it
is no command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.contracts import TUBES, BaseReader, Features, Reader
from emonets.datasets.items import kind_of
from emonets.inference.scene import IDENTITY
from emonets.media.clip import Clip, Frame
from emonets.model import EmoNets
from emonets.one_pass import Pass, Pictures, read_clip
from emonets.runtime.store import Arrays, FeatureStore, content_digest, parameter_digest
from emonets.training.trainers import make_scorers
from emonets.tubes.boxes import Detections
from emonets.tubes.centerface import CenterFace
from emonets.tubes.registration import TUBE_TO_FER, invert
from emonets.tubes.tube import FaceTube

KEEPER, TIMES = "tubes", "times"
VERSION = 1
FACE = "face"
"""The specialist that is run anew, from kept tubes."""

_PIECE = ("index", "times", "boxes", "raw_boxes", "detected", "scores", "crops")
_LEFT, _TOP = np.round(invert(TUBE_TO_FER) @ [0, 0, 1]).astype(int)
_SIDE = round(48 / TUBE_TO_FER[0, 0])


class TubeKeeper(BaseReader):
    """Keeps the pieces of face tubes as they come."""

    needs = frozenset({TUBES})

    def __init__(self) -> None:
        self.tubes: list[FaceTube] = []

    def push_tube(self, tube: FaceTube) -> None:
        self.tubes.append(tube)

    def finish(self) -> Features:
        return {}


class OneDetection(CenterFace):
    """CenterFace for one picture, which is not searched a second time."""

    _last: tuple[NDArray[np.uint8], Detections] | None = None

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        if self._last is None or not np.array_equal(self._last[0], image):
            self._last = (image, super().detect(image))
        return self._last[1]


def to_arrays(tubes: list[FaceTube]) -> Arrays:
    """Pieces of tubes as arrays, one behind the other."""
    arrays: Arrays = {
        "track": np.array([tube.track for tube in tubes], np.int64),
        "length": np.array([len(tube) for tube in tubes], np.int64),
    }
    if tubes:
        arrays |= {key: np.concatenate([getattr(t, key) for t in tubes]) for key in _PIECE}
    return arrays


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Iterator[FaceTube]:
    """The inverse of `to_arrays`; embeddings are not kept."""
    ends = np.cumsum(arrays["length"])
    for track, length, end in zip(
        arrays["track"].tolist(), arrays["length"].tolist(), ends.tolist(), strict=True
    ):
        yield FaceTube(track, *(arrays[key][end - length : end] for key in _PIECE))


def framed(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, 80, 80, 3): the part of tube crops that FER2013's pictures show, in their own pixels."""
    return np.ascontiguousarray(crops[:, _TOP : _TOP + _SIDE, _LEFT : _LEFT + _SIDE])


class KeptPasses:
    """`emonets.one_pass.read_clip`, with what it found kept in a folder.

    Parameters
    ----------
    folder : of the store. bundle, model : whose readers are used.
    """

    def __init__(self, folder: Path, bundle: str = "", model: EmoNets | None = None) -> None:
        self.store = FeatureStore(folder)
        self._keys: dict[str, str] = {}
        if model is not None:
            for name, scorer in make_scorers(model, bundle).items():
                if name != FACE:
                    (one, *_) = scorer.extractors()
                    self._keys[name] = parameter_digest(one.kind, one.version, dict(one.settings))

    def name(self, reader: str, digest: str) -> str:
        """Where in the store a reader's features of a file are."""
        key = self._keys.get(reader, f"v{VERSION}")
        return f"{reader.replace(' ', '_')}/{digest[:2]}/{digest}-{key}.safetensors"

    def tubes(self, clip: Clip) -> list[FaceTube]:
        """The tubes of a clip or picture, found once."""
        keeper = TubeKeeper()
        self(clip, {KEEPER: keeper})
        return keeper.tubes

    def __call__(
        self,
        clip: Clip,
        readers: Mapping[str, Reader],
        *,
        detector: Any = "auto",
        stride: int = 1,
        crops: Any = None,
        on_frame: Callable[[Frame], None] | None = None,
    ) -> Pass:
        """See `emonets.one_pass.read_clip`; whole files only, with the default detector."""
        digest, store = content_digest(Path(clip.info.path)), self.store
        if kind_of(Path(clip.info.path)) == "still":  # who is shown in a still decides nothing
            readers = {name: reader for name, reader in readers.items() if name != IDENTITY}
            detector = OneDetection()
        again = [name for name in readers if name in (FACE, KEEPER)]
        self._find(clip, digest, readers, again, detector)
        about = store.read(self.name(TIMES, digest))
        pictures = Pictures()
        for time, duration in about["shown"].tolist():
            pictures.add(time, duration)
        pieces = list(from_arrays(store.read(self.name(KEEPER, digest)))) if again else []
        features: dict[str, Features] = {}
        for name, reader in readers.items():
            if name in again:
                for tube in pieces:
                    reader.push_tube(tube)
            own = reader.finish() if name in again else store.read(self.name(name, digest))
            if "span" not in own and TUBES in reader.needs:
                own = {**own, **pictures.about()}
            features[name] = own
        return Pass(features, pictures, [(a, b) for a, b in about["pauses"].tolist()])

    def _find(
        self, clip: Clip, digest: str, readers: Mapping[str, Reader], again: Sequence[str],
        detector: Any,
    ) -> None:  # fmt: skip
        """Read a clip for what is not kept yet: tubes, the times of frames, other features."""
        store, keeper = self.store, TubeKeeper()
        run = {
            name: reader for name, reader in readers.items()
            if name not in again and not store.has(self.name(name, digest))
        }  # fmt: skip
        missing = list(run)
        if again and not store.has(self.name(KEEPER, digest)):
            run[KEEPER] = keeper
        if not run and store.has(self.name(TIMES, digest)):
            return
        if again:  # the frames' times come with the pictures
            run[KEEPER] = keeper
        shown: list[tuple[float, float]] = []
        made = read_clip(
            clip, run, detector=detector,
            on_frame=lambda frame: shown.append((frame.time, frame.duration)),
        )  # fmt: skip
        for name in missing:
            store.write(self.name(name, digest), made.features[name])
        if KEEPER in run:
            store.write(self.name(KEEPER, digest), to_arrays(keeper.tubes))
        kept = {
            "shown": np.array(shown, np.float64).reshape(-1, 2),
            "pauses": np.array(made.pauses, np.float64).reshape(-1, 2),
        }
        store.write(self.name(TIMES, digest), kept)
