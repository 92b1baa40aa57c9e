"""The record that a bundle keeps of the clips its networks were trained on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.bundle import Bundle
from emonets.errors import BundleError
from emonets.provenance.prints import Prints
from emonets.provenance.stills import WORDS, still_words
from emonets.provenance.words import HOP
from emonets.runtime.store import Arrays, parameter_digest

PART = "provenance"
"""The name of the part of a bundle, and of its entry in the manifest."""
VERSION = 1

_TYPES: Mapping[str, Any] = {
    "content": np.uint64, "pieces": np.float64, "group": np.uint32, "groups": np.uint64,
    "sound": np.uint16, "sound_lengths": np.uint32, "pictures": np.uint64,
    "pictures_lengths": np.uint32, "stills": np.uint32,
}  # fmt: skip


_EMPTY: Mapping[str, Any] = {name: partial(np.zeros, 0, kind) for name, kind in _TYPES.items()}


@dataclass(frozen=True, eq=False)
class Corpus:
    """Clips, or stills, that a network was trained on. Of n clips of g groups:

    Attributes
    ----------
    name, licence, citation : of the corpus; for readers only, they are not compared.
    content : (n,) uint64 as `Prints.content`. Empty if only the name is known, as in bundles of
        older versions.
    pieces : (n, 2) float64 as `Prints.pieces`; empty if all clips are whole files.
    group : (n,) uint32, which of ``groups`` each clip is of; empty if every clip is its own.
    groups : (g,) uint64, a digest of each group's name.
    sound, sound_lengths : uint16 words of all clips, and (n,) how many each has; empty if none.
    pictures, pictures_lengths : the same, uint64.
    stills : (n, 3) uint32 fingerprints of stills; empty if none.
    """

    name: str
    licence: str = ""
    citation: str = ""
    content: NDArray[np.uint64] = field(default_factory=_EMPTY["content"], repr=False)
    pieces: NDArray[np.float64] = field(default_factory=_EMPTY["pieces"], repr=False)
    group: NDArray[np.uint32] = field(default_factory=_EMPTY["group"], repr=False)
    groups: NDArray[np.uint64] = field(default_factory=_EMPTY["groups"], repr=False)
    sound: NDArray[np.uint16] = field(default_factory=_EMPTY["sound"], repr=False)
    sound_lengths: NDArray[np.uint32] = field(default_factory=_EMPTY["sound_lengths"], repr=False)
    pictures: NDArray[np.uint64] = field(default_factory=_EMPTY["pictures"], repr=False)
    pictures_lengths: NDArray[np.uint32] = field(
        default_factory=_EMPTY["pictures_lengths"], repr=False
    )
    stills: NDArray[np.uint32] = field(default_factory=_EMPTY["stills"], repr=False)

    def __post_init__(self) -> None:
        n = len(self.content)
        shapes: dict[str, tuple[int, ...]] = {
            "content": (n,), "pieces": (n, 2), "group": (n,), "groups": (len(self.groups),),
            "sound": (int(self.sound_lengths.sum()),), "sound_lengths": (n,),
            "pictures": (int(self.pictures_lengths.sum()),), "pictures_lengths": (n,),
            "stills": (n, WORDS),
        }  # fmt: skip
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.dtype != _TYPES[name] or (array.size and array.shape != shape):
                raise BundleError(
                    f"its provenance is damaged: corpus {self.name!r} has {name} of shape "
                    f"{array.shape}, type {array.dtype}; copy the bundle again"
                )
        if len(self.group) and int(self.group.max()) >= len(self.groups):
            raise BundleError(
                f"its provenance is damaged: corpus {self.name!r} lacks groups; copy the bundle "
                "again"
            )

    def __len__(self) -> int:
        return len(self.content)

    @property
    def key(self) -> str:
        """A digest, the same for equal corpora."""
        return parameter_digest(self.about(), *self.to_arrays().values())

    def about(self) -> dict[str, Any]:
        """Names and sizes, for readers and for JSON."""
        return {
            "name": self.name, "licence": self.licence, "citation": self.citation,
            "clips": len(self), "groups": len(self.groups) or len(self),
        }  # fmt: skip

    def to_arrays(self) -> Arrays:
        """Those that are not empty, by name."""
        arrays = {name: getattr(self, name) for name in _TYPES}
        return {name: array for name, array in arrays.items() if array.size}


def make_corpus(
    name: str, prints: Prints, groups: Sequence[str], *, licence: str = "", citation: str = ""
) -> Corpus:
    """A corpus of n clips.

    Parameters
    ----------
    groups : (n,) ``corpus/group``. Only digests of these names are kept, as names may be private.
    """
    names, group = np.unique(np.asarray(groups, np.str_), return_inverse=True)
    single = len(names) == len(prints)
    sound = [words[::HOP] for words in prints.sound]
    pictures = [words[::HOP] for words in prints.pictures]
    stills = np.zeros((len(prints), WORDS), np.uint32)
    stills[prints.shown] = still_words(prints.stills)
    whole = bool((prints.pieces == [0, np.inf]).all())
    parts: Arrays = {
        "content": prints.content, "pieces": np.zeros(0) if whole else prints.pieces,
        "group": np.zeros(0) if single else group,
        "groups": np.zeros(0) if single else np.array([_digest(one) for one in names], np.uint64),
        "sound": np.concatenate([np.zeros(0), *sound]), "sound_lengths": _lengths(sound),
        "pictures": np.concatenate([np.zeros(0, np.uint64), *pictures]),
        "pictures_lengths": _lengths(pictures),
        "stills": stills if len(prints.shown) else np.zeros(0),
    }  # fmt: skip
    return Corpus(
        name, licence, citation, **{key: x.astype(_TYPES[key]) for key, x in parts.items()}
    )


def _lengths(words: Sequence[NDArray[Any]]) -> NDArray[np.uint32]:
    lengths = np.array([len(own) for own in words], np.uint32)
    return lengths if lengths.any() else lengths[:0]


def _digest(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Provenance:
    """What the specialists of a model were trained on.

    Attributes
    ----------
    corpora : specialist → its corpora.
    """

    corpora: Mapping[str, tuple[Corpus, ...]] = field(default_factory=dict)

    def of(self, specialist: str) -> tuple[Corpus, ...]:
        """The corpora that a specialist was trained on."""
        return self.corpora.get(specialist, ())

    def only(self, specialists: Sequence[str]) -> Provenance:
        """The provenance of these specialists only."""
        return Provenance({name: self.corpora[name] for name in specialists if self.of(name)})

    def names(self) -> dict[str, list[str]]:
        """Specialist → its corpora in words, such as ``ravdess_speech (1440 clips)``."""
        return {
            name: [in_words(corpus) for corpus in corpora] for name, corpora in self.corpora.items()
        }

    def to_bundle(self) -> tuple[dict[str, Any], Arrays]:
        """An entry for a manifest, and the arrays of a part; each corpus is written once."""
        unique: dict[str, Corpus] = {}
        keys = {id(c): c.key for corpora in self.corpora.values() for c in corpora}
        for corpora in self.corpora.values():
            for corpus in corpora:
                unique.setdefault(keys[id(corpus)], corpus)
        place = {key: number for number, key in enumerate(unique)}
        arrays = {
            f"{number}.{name}": array
            for number, corpus in enumerate(unique.values())
            for name, array in corpus.to_arrays().items()
        }
        specialists = {
            name: [place[keys[id(c)]] for c in corpora] for name, corpora in self.corpora.items()
        }
        about = [corpus.about() for corpus in unique.values()]
        return {"version": VERSION, "corpora": about, "specialists": specialists}, arrays


def united(*several: Sequence[Corpus]) -> tuple[Corpus, ...]:
    """Corpora of several sources, equal ones once."""
    found: dict[str, Corpus] = {}
    for corpora in several:
        for corpus in corpora:
            found.setdefault(corpus.key, corpus)
    return tuple(found.values())


def in_words(corpus: Corpus) -> str:
    """A corpus' name with its size, if that is known."""
    if not len(corpus):
        return corpus.name
    what = "stills" if corpus.stills.size else "clips"
    return f"{corpus.name} ({len(corpus)} {what})"


def provenance_of(bundle: Bundle) -> Provenance:
    """What a bundle's networks were trained on; of an older bundle, the names in its card only.

    Raises
    ------
    BundleError : its provenance is damaged, or of a newer version.
    """
    entry = bundle.manifest.get(PART)
    if entry is None:
        return _named(bundle.manifest)
    try:
        if entry["version"] != VERSION:
            raise BundleError(
                f"its provenance is of version {entry['version']!r}; this version of emonets reads "
                f"{VERSION}; update emonets"
            )
        parts: list[Arrays] = [{} for _ in entry["corpora"]]
        for name, array in bundle.arrays.get(PART, {}).items():
            number, _, kind = name.partition(".")
            parts[int(number)][kind] = array
        corpora = [
            Corpus(str(about["name"]), str(about["licence"]), str(about["citation"]), **arrays)
            for about, arrays in zip(entry["corpora"], parts, strict=True)
        ]
        return Provenance(
            {
                str(name): tuple(corpora[number] for number in numbers)
                for name, numbers in entry["specialists"].items()
            }
        )
    except BundleError as error:
        raise BundleError(f"{bundle.path}: {error}") from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise BundleError(
            f"{bundle.path}: its provenance is damaged ({json.dumps(str(error))}); copy the "
            "bundle again"
        ) from None


def _named(manifest: Mapping[str, Any]) -> Provenance:
    """The names of corpora in a card without provenance."""
    whole = manifest.get("card", {})
    found = {}
    for name in manifest.get("specialists", {}):
        own = whole.get(
            name, whole if name == "face" else {}
        )  # the oldest cards have the face's entries at the top
        text = own.get("trained_on") if isinstance(own, Mapping) else None
        if text:
            found[name] = tuple(Corpus(part.strip()) for part in str(text).split(" + "))
    return Provenance(found)
