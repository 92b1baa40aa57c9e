"""What a clip holds for the specialists, taken out in one pass and kept in a feature store."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from emonets.datasets.items import Item
from emonets.errors import DataError, EmoNetsError, MediaError, ParameterError
from emonets.learners.patches.bag import BagOfPatches
from emonets.media.clip import Clip
from emonets.media.piece import open_piece
from emonets.model import EmoNets
from emonets.runtime.parallel import run_each
from emonets.runtime.store import FeatureStore, content_digest, parameter_digest
from emonets.specialists.activity.pictures import grey
from emonets.specialists.audio.specialist import extract as extract_sound
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.specialist import MouthSpecialist
from emonets.tubes.builder import FaceTube
from emonets.tubes.tube_pass import Features, Looker, look_at_tubes

Echo = Callable[[str], Any]

_VERSIONS = {"face": 1, "tubes": 1, "mouths": 1, "sound": 1}
"""Kinds of extractors; the number changes when what they give does."""
_SIDE = 96  # pixels of a face tube's pictures
_EACH = ("crops", "track", "index", "time")  # arrays of tubes with an entry a picture


@dataclass(frozen=True)
class Extractor:
    """What is taken out of each clip.

    Parameters
    ----------
    kind : ``face`` (seven probabilities of every face picture, by a bundle's network), ``tubes``
        (grey face tubes, for motion), ``mouths`` (mouth crops) or ``sound`` (feature frames).
    settings : what decides the numbers: ``face``: its ``network``, a digest, and
        whether what its last layer looks at is kept, ``pooled``; ``mouths``:
        ``region`` and ``colour``; ``sound``: ``features``.
    bundle : for ``face``, where the network is.
    """

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    bundle: str = field(default="", compare=False)

    def __hash__(self) -> int:
        return hash((self.kind, parameter_digest(dict(self.settings))))

    def __post_init__(self) -> None:
        if self.kind not in _VERSIONS:
            raise ParameterError(f"there is no extractor {self.kind!r}: {', '.join(_VERSIONS)}")

    def name(self, content: str, start: float | None = None, end: float | None = None) -> str:
        """Of the file that keeps what it takes out of a clip of that content."""
        key = parameter_digest(_VERSIONS[self.kind], dict(self.settings), start, end)
        return f"{self.kind}/{content[:2]}/{content}-{key}.safetensors"


def face_extractor(bundle: str, *, pooled: bool = False) -> Extractor:
    """The face network of a bundle; ``pooled`` keeps what its last layer looks at, too.

    Raises
    ------
    ParameterError : the bundle has none.
    """
    face = _model(bundle).face
    if face is None:
        raise ParameterError(f"{bundle}: has no face network; name another base (face.clips.base)")
    settings, parts = face.to_arrays()
    arrays = [part for _, part in sorted(parts["face"].items())]
    about = {name: settings[name] for name in ("network", "preprocessing")}
    network = parameter_digest(about, *arrays)
    return Extractor("face", {"network": network} | ({"pooled": True} if pooled else {}), bundle)


@dataclass(frozen=True, eq=False)
class Extracted:
    """What was taken out of labelled clips.

    Attributes
    ----------
    items : those that could be read. names : extractor → file names in the store, as the items.
    dropped : (file, why) of the others.
    made, reused : how many clips were looked at, and found in the store.
    """

    store: FeatureStore
    items: tuple[Item, ...]
    names: dict[Extractor, tuple[str, ...]]
    contents: tuple[str, ...]
    dropped: tuple[tuple[str, str], ...]
    made: int
    reused: int


@dataclass(frozen=True)
class _Job:
    path: Path
    start: float | None
    end: float | None
    wanted: tuple[tuple[Extractor, str], ...]
    store: FeatureStore


def extract_items(
    items: Sequence[Item],
    extractors: Sequence[Extractor],
    store: FeatureStore,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    on_clip: Callable[[int, int], Any] | None = None,
) -> Extracted:
    """Take out of clips what the extractors ask for; what the store has is not made again.

    Parameters
    ----------
    workers : clips looked at side by side, in processes.
    scheduler : address of a Dask cluster that looks at them; it must get at clips and store.
    on_clip : told how many clips are done, and of how many that were to be looked at.

    Raises
    ------
    DataError : none of the clips can be read.
    EmoNetsError : the store cannot be written.
    """
    contents: list[str] = []
    kept: list[Item] = []
    dropped: list[tuple[str, str]] = []
    for item in items:
        if item.row is not None:
            raise DataError(
                f"{item.path}: still faces in one file are no clips; emonets train face, and "
                "emonets train mouth, learn from them"
            )
        try:
            contents.append(content_digest(item.path))
            kept.append(item)
        except DataError as error:
            dropped.append((str(item.path), str(error).removeprefix(f"{item.path}: ")))
    names = {
        e: [e.name(c, i.start, i.end) for c, i in zip(contents, kept, strict=True)]
        for e in extractors
    }
    jobs: dict[tuple[str, ...], _Job] = {}
    for k, item in enumerate(kept):
        wanted = tuple((e, names[e][k]) for e in extractors if not store.has(names[e][k]))
        if wanted:  # copies of a file are looked at once
            key = tuple(name for _, name in wanted)
            jobs.setdefault(key, _Job(item.path, item.start, item.end, wanted, store))
    problems: dict[str, str] = {}
    todo = list(jobs.values())
    for count, (i, problem) in enumerate(
        run_each(_extract, todo, workers=workers, scheduler=scheduler), 1
    ):
        if problem:
            problems |= {name: problem for _, name in todo[i].wanted}
        if on_clip is not None:
            on_clip(count, len(todo))
    whole = []
    for k, item in enumerate(kept):
        own = [names[e][k] for e in extractors]
        why = next((problems[n] for n in own if n in problems), "") or _kept_problem(store, own)
        if why:
            dropped.append((str(item.path), why))
        else:
            whole.append(k)
    if not whole:
        first = f", such as {dropped[0][0]}: {dropped[0][1]}" if dropped else ""
        raise DataError(f"none of {len(items)} clips can be read{first}")
    return Extracted(
        store,
        tuple(kept[k] for k in whole),
        {e: tuple(names[e][k] for k in whole) for e in extractors},
        tuple(contents[k] for k in whole),
        tuple(dropped),
        len(todo),
        len(kept) - len(todo),
    )


def _kept_problem(store: FeatureStore, names: Sequence[str]) -> str:
    for name in names:
        about = store.about(name)
        if isinstance(about, Mapping) and about.get("problem"):
            return str(about["problem"])
    return ""


def _extract(job: _Job) -> str:
    """Write what is wanted of a clip; returns what is wrong with it, or nothing."""
    # another writer may have been faster
    wanted = [(e, name) for e, name in job.wanted if not job.store.has(name)]
    if not wanted:
        return ""
    try:
        clip = open_piece(job.path, job.start, job.end)
        found = dict(taken_out(clip, [e for e, _ in wanted]))
    except MediaError as error:
        problem = error.reason if error.path == str(job.path) else str(error)
        for extractor, name in wanted:  # so that it is not tried again every time
            job.store.write(name, {}, _about(job, extractor, problem))
        return problem
    except EmoNetsError:
        raise
    except Exception as error:  # one clip must never take the others with it
        return f"unexpected: {error!r}"
    for extractor, name in wanted:
        job.store.write(name, found[extractor], _about(job, extractor, ""))
    return ""


def _about(job: _Job, extractor: Extractor, problem: str) -> dict[str, Any]:
    from emonets.version import __version__

    return {
        "clip": job.path.name, "start": job.start, "end": job.end, "kind": extractor.kind,
        "version": _VERSIONS[extractor.kind], "settings": dict(extractor.settings),
        "emonets": __version__, "problem": problem,
    }  # fmt: skip


def taken_out(clip: Clip, extractors: Sequence[Extractor]) -> Iterator[tuple[Extractor, Features]]:
    """What each extractor takes out of a clip; its pictures are decoded once.

    A clip without pictures, or without sound, gives arrays without an entry.

    Raises
    ------
    MediaError : it cannot be decoded.
    """
    lookers = {str(n): _looker(e) for n, e in enumerate(extractors) if e.kind != "sound"}
    looked: dict[str, Features] = {}
    if lookers and clip.info.has_frames:
        looked = look_at_tubes(clip, lookers)
    for n, extractor in enumerate(extractors):
        if extractor.kind == "sound":
            yield extractor, extract_sound(clip, str(extractor.settings["features"]))
        else:
            nothing = {**lookers[str(n)].nothing(), "span": np.zeros(2), "step": np.zeros(())}
            found = looked.get(str(n), nothing)
            if extractor.kind == "tubes":  # one tube after the other, as motion is followed
                order = np.lexsort((found["index"], found["track"]))
                found = {k: v[order] if k in _EACH else v for k, v in found.items()}
            yield extractor, found


class _GreyTubes:
    """Keeps the pictures of face tubes, in grey."""

    def look(self, tube: FaceTube) -> Features:
        return {
            "crops": np.stack([grey(crop) for crop in tube.crops]),
            "track": np.full(len(tube.index), tube.track, np.int64),
            "index": np.asarray(tube.index, np.int64),
            "time": np.asarray(tube.times, np.float64),
        }

    def nothing(self) -> Features:
        return {
            "crops": np.empty((0, _SIDE, _SIDE), np.uint8),
            "track": np.empty(0, np.int64),
            "index": np.empty(0, np.int64),
            "time": np.empty(0),
        }


def _looker(extractor: Extractor) -> Looker:
    if extractor.kind == "tubes":
        return _GreyTubes()
    if extractor.kind == "mouths":
        view = MouthView(extractor.settings["region"], extractor.settings["colour"])
        return MouthSpecialist(view, bag=BagOfPatches()).keeper()
    face = _model(extractor.bundle).face
    if not isinstance(face, FaceSpecialist):
        raise ParameterError(f"{extractor.bundle}: has no face network")
    face.network.use(threads=1)
    keep = bool(extractor.settings.get("pooled"))
    return FaceSpecialist(face.network, face.preprocessing, keep=keep)


@lru_cache(maxsize=2)
def _model(bundle: str) -> EmoNets:
    return EmoNets.load(bundle)
