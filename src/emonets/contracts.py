"""What a specialist offers: to a pass over a clip, to a model, to a bundle and to training.

A specialist is one package under ``emonets.specialists`` whose module ``kind`` holds a `KIND`.
Nothing else lists the specialists. A specialist from elsewhere is an entry point of its package
(`emonets.runtime.plugins`), or calls `register`.

The way of a clip: `open` gives a `Reader`; a pass pushes face tubes, frames or sound into it;
its `Features` go to `predict`, which returns `Predictions`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import RLock
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from emonets.errors import ParameterError
from emonets.media.clip import Frame, SoundChunk
from emonets.runtime.plugins import SPECIALISTS, Plugins
from emonets.tubes.tube import FaceTube

Floats = NDArray[np.float64]
Features = dict[str, NDArray[Any]]
"""What a reader extracts from a clip: arrays by name; see `Reader.finish`."""
Spans = Sequence[tuple[float, float]]
"""(start, end) in seconds since the clip's start."""
Parts = dict[str, dict[str, NDArray[Any]]]
"""Arrays by part and name, as a bundle keeps them."""

TUBES, FRAMES, SOUND = "tubes", "frames", "sound"
NEEDS = (TUBES, FRAMES, SOUND)
"""What a reader can be given of a clip: face tubes, whole frames, sound."""
FINDS = ("face", "sound", "motion", "other")
"""The evidence of a specialist; results have a column for each of the first three."""

ALL_OF_IT = -1
"""In `Predictions.span`: the prediction is of the whole clip."""
NO_TRACK = -1
"""In `Predictions.track`: no single face is meant."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with the evidence that a reader was given; set at the end.

    Attributes
    ----------
    text : as it follows the file's name in a message. hint : what to do.
    fatal : whether the clip is refused; if not, one with pictures counts as damaged.
    """

    text: str
    hint: str = ""
    fatal: bool = False


class Reader(Protocol):
    """Takes the parts of one clip, and returns its features at the end.

    Only the push methods that its ``needs`` name are called; each from one thread. ``problem`` is
    read after `finish`.
    """

    needs: frozenset[str]
    problem: Problem | None

    def push_tube(self, tube: FaceTube) -> None:
        """Take a piece of a face tube; pieces of one track come in the order of time."""

    def push_frame(self, frame: Frame) -> None:
        """Take a whole frame; frames come in the order of time."""

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take sound. Each chunk begins where the one before ended: gaps are filled with zeros."""

    def finish(self) -> Features:
        """End of the clip: its features. They are empty arrays where it holds no evidence.

        A pass adds ``span`` (2,), start and end of the pictures in seconds, and ``step`` (), the
        mean time between frames, where a reader of pictures does not return them itself.
        """


class BaseReader:
    """A reader that takes nothing; others override what they need."""

    needs: frozenset[str] = frozenset()
    problem: Problem | None = None

    def push_tube(self, tube: FaceTube) -> None:
        """Take a piece of a face tube."""
        raise TypeError(f"{type(self).__name__} takes no face tubes")

    def push_frame(self, frame: Frame) -> None:
        """Take a whole frame."""
        raise TypeError(f"{type(self).__name__} takes no frames")

    def push_sound(self, chunk: SoundChunk) -> None:
        """Take sound."""
        raise TypeError(f"{type(self).__name__} takes no sound")

    def finish(self) -> Features:
        """No features."""
        return {}


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a specialist predicts of a clip, an entry a row of the result.

    Attributes
    ----------
    span : (n,) int, position among the given spans, or `ALL_OF_IT`; of the whole clip there is
        exactly one entry.
    track : (n,) int, number of the face tube, or `NO_TRACK`.
    start, end : (n,) seconds that the entry rests on.
    found : (n,) bool, whether there was anything to predict from.
    p : (n, columns) probabilities; where nothing was found all are equal.
    reason : why nothing was found in the clip, as a status has it; "": no other than that there
        is none.
    """

    span: NDArray[np.int64]
    track: NDArray[np.int64]
    start: Floats
    end: Floats
    found: NDArray[np.bool_]
    p: Floats
    reason: str = ""

    def __post_init__(self) -> None:
        n = len(self.span)
        for name in ("track", "start", "end", "found", "p"):
            if len(getattr(self, name)) != n:
                raise ParameterError(f"predictions: {n} spans, {len(getattr(self, name))} {name}")
        if np.count_nonzero(self.span == ALL_OF_IT) != 1:
            raise ParameterError("predictions: exactly one entry must be of the whole clip")


def of_spans(
    spans: Spans,
    found: NDArray[np.bool_],
    p: Floats,
    whole: tuple[float, float],
    whole_found: bool,
    whole_p: Floats,
) -> Predictions:
    """Predictions of a specialist without single faces: an entry a span, then that of the clip.

    Parameters
    ----------
    spans : n spans. found : (n,). p : (n, columns).
    whole : start and end of the clip's evidence, seconds. whole_found, whole_p : of it.
    """
    edges = np.array([*spans, whole], np.float64)
    n = len(spans)
    return Predictions(
        np.array([*range(n), ALL_OF_IT]), np.full(n + 1, NO_TRACK), edges[:, 0], edges[:, 1],
        np.append(found, whole_found), np.concatenate([p.reshape(n, len(whole_p)), whole_p[None]]),
    )  # fmt: skip


@runtime_checkable
class ShowsInputs(Protocol):
    """A specialist of faces whose pictures can be shown beside its predictions."""

    name: str

    def inputs(self, tube: FaceTube) -> NDArray[np.uint8]:
        """What it is given of each picture of a tube: (n, h, w) grey or (n, h, w, 3) RGB uint8."""


@runtime_checkable
class Specialist(Protocol):
    """Predicts from one kind of evidence.

    Attributes
    ----------
    name : under which it is registered; a row's ``model``.
    needs : of `NEEDS`, what its reader is given.
    finds : of `FINDS`, the evidence of its predictions.
    per_face : whether its predictions of a span are of single faces.
    """

    name: str
    finds: str
    per_face: bool

    @property
    def needs(self) -> frozenset[str]: ...

    @property
    def known_classes(self) -> tuple[int, ...]:
        """The emotions, 0..6, that it was trained on; its predictions hold no others."""

    @property
    def decision(self) -> str:
        """A short text: how a clip's evidence becomes one prediction."""

    def open(self, *, device: str = "cpu") -> Reader:
        """A reader for one clip."""

    def predict(self, features: Features, spans: Spans) -> Predictions:
        """Of each span, or of each face in it, and of the whole clip."""

    def predict_proba(self, features: Features | Sequence[Features]) -> Floats:
        """(n, 7) of whole clips; nothing found: 1/7 each."""

    def to_arrays(self) -> tuple[dict[str, Any], Parts]:
        """Settings (JSON) and arrays by part, for a bundle."""


@dataclass(frozen=True)
class Extractor:
    """What is extracted from each labelled clip for training, and kept in a store.

    Parameters
    ----------
    kind : its name, a folder of the store.
    settings : all that decides the numbers; plain, for JSON.
    version : changes when the same settings give different numbers.
    open : makes the reader of one clip; can be sent to another process.
    stills : for data of still faces, (n, height, width) grey uint8 → features with an entry a
        picture; None: nothing can be extracted from still faces.
    """

    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    version: int = 1
    open: Callable[[], Reader] = field(default=BaseReader, compare=False, repr=False)
    stills: Callable[[NDArray[np.uint8]], Features] | None = field(
        default=None, compare=False, repr=False
    )

    def __hash__(self) -> int:
        return hash((self.kind, self.version, str(sorted(self.settings.items()))))


Reference = str | Callable[..., Any]
"""A callable, or ``module:name`` of one that is imported when it is first used."""


@dataclass(frozen=True)
class SpecialistKind:
    """A specialist's entry in the registry.

    Parameters
    ----------
    name : a word; the name of its table in a preset, its key in a bundle, a row's ``model``.
    order : where it stands among the others in results and models; equal ones by name.
    load : ``(settings, parts) -> Specialist``, the inverse of `Specialist.to_arrays`.
    trainer : ``(request) -> Trainer``, from a preset; see `emonets.training`.
    scorer : ``(specialist, bundle) -> Trainer``, which extracts and predicts for one that is
        trained.
    settings : dataclass that checks its table in a preset (`emonets.runtime.settings`), or several
        that the table's ``model`` decides among; ``module:name`` of these; None: not checked.
    """

    name: str
    load: Reference
    trainer: Reference | None = None
    scorer: Reference | None = None
    settings: str | type[Any] | tuple[type[Any], ...] | None = None
    order: int = 100

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ParameterError(f"a specialist's name must be one word, got {self.name!r}")

    def call(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """Call ``load``, ``trainer`` or ``scorer``.

        Raises
        ------
        ParameterError : this kind has none.
        """
        made = getattr(self, what)
        if made is None:
            raise ParameterError(f"the specialist {self.name!r} has no {what}; register one")
        return self._resolved(made)(*args, **kwargs)

    def settings_kinds(self) -> tuple[type[Any], ...]:
        """The dataclasses of ``settings``; empty where there is none."""
        if self.settings is None:
            return ()
        found: Any = self.settings
        if isinstance(found, str):
            found = self._resolved(found)
        return found if isinstance(found, tuple) else (found,)

    def _resolved(self, reference: Reference) -> Callable[..., Any]:
        package = PLUGINS.package_of(self.name)
        if not package:
            return _resolved(reference)
        try:
            return _resolved(reference)
        except (ImportError, AttributeError, SyntaxError) as error:
            raise ParameterError(
                f"{package}: {reference} of its specialist {self.name!r} cannot be imported "
                f"({error}); update or uninstall the package"
            ) from error


_REGISTERED: dict[str, SpecialistKind] = {}
_FINDING = RLock()
PLUGINS = Plugins(SPECIALISTS, SpecialistKind, lambda kind: kind.name)
"""Specialists of other installed packages."""


def register(kind: SpecialistKind) -> SpecialistKind:
    """Add a specialist to the registry, for models, bundles, presets and training.

    Raises
    ------
    ParameterError : there is one of that name.

    Examples
    --------
    >>> kind = register(SpecialistKind("brightness", load="mypackage.brightness:from_arrays"))
    >>> "brightness" in specialist_kinds()
    True
    >>> unregister("brightness")
    """
    _find_all()
    _add(kind)
    return kind


def unregister(name: str) -> None:
    """Take a specialist out of the registry again."""
    _REGISTERED.pop(name, None)


@contextmanager
def registered(kind: SpecialistKind) -> Iterator[SpecialistKind]:
    """A specialist that is registered within a ``with`` block only."""
    yield register(kind)
    unregister(kind.name)


def specialist_kinds() -> dict[str, SpecialistKind]:
    """All registered specialists by name, in the order of results."""
    _find_all()
    return dict(sorted(_REGISTERED.items(), key=lambda item: (item[1].order, item[0])))


def specialist_kind(name: str) -> SpecialistKind:
    """A registered specialist by name.

    Raises
    ------
    ParameterError : there is none of that name, or it is a plug-in that cannot be used.
    """
    kinds = specialist_kinds()
    if name not in kinds:
        fault = PLUGINS.fault_of(name)
        raise ParameterError(fault or f"there is no specialist {name!r}: {', '.join(kinds)}")
    return kinds[name]


def in_order(names: Sequence[str]) -> list[str]:
    """Names of specialists in the order of results; unknown ones last, in their own order."""
    place = {name: i for i, name in enumerate(specialist_kinds())}
    return sorted(names, key=lambda name: place.get(name, len(place)))


def _add(kind: SpecialistKind) -> None:
    before = _REGISTERED.get(kind.name)
    if before is not None:
        raise ParameterError(
            f"a specialist {kind.name!r} is registered already ({_origin(before)}); "
            f"give the one of {_origin(kind)} another name"
        )
    _REGISTERED[kind.name] = kind


def _origin(kind: SpecialistKind) -> str:
    if isinstance(kind.load, str):
        return kind.load
    return f"{kind.load.__module__}:{getattr(kind.load, '__qualname__', kind.load)}"


def _find_all() -> None:
    with _FINDING:
        _find_shipped()
        PLUGINS.load(lambda kind, package: _add(kind))


@cache
def _find_shipped() -> None:
    package = importlib.import_module("emonets.specialists")
    for module in pkgutil.iter_modules(package.__path__):
        if module.ispkg:
            _add(importlib.import_module(f"emonets.specialists.{module.name}.kind").KIND)


def _resolved(reference: Reference) -> Callable[..., Any]:
    if not isinstance(reference, str):
        return reference
    module, _, name = reference.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    made: Callable[..., Any] = found
    return made
