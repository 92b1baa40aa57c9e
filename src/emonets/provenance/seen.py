"""Which clips of labelled data, and which groups, a model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.provenance.corpus import Corpus, Provenance
from emonets.provenance.pictures import RULE as PICTURES_RULE
from emonets.provenance.prints import PICTURES, SOUND, Prints
from emonets.provenance.sound import RULE as SOUND_RULE
from emonets.provenance.stills import find_stills
from emonets.provenance.words import Rule, WordIndex

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Seen:
    """Of n clips, which a specialist was trained on.

    Attributes
    ----------
    content : (n,) the same file, or a piece of it that overlaps one that was trained on.
    fingerprint : (n,) a copy in another encoding, or a part; never where ``content`` is True.
    group : (n,) not the clip, but another one of its group, or another piece of its file.
    unchecked : names of the corpora it was trained on that have no fingerprints.
    """

    content: Bools
    fingerprint: Bools
    group: Bools
    unchecked: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.content)

    @property
    def clips(self) -> Bools:
        """(n,) whether it was trained on the clip."""
        return self.content | self.fingerprint

    @property
    def any(self) -> Bools:
        """(n,) whether it was trained on the clip or on its group."""
        return self.clips | self.group

    @property
    def everything(self) -> bool:
        """Whether all clips are of groups it was trained on, so none can be scored as unseen."""
        return len(self) > 0 and bool(self.any.all())

    def in_words(self) -> str:
        """A sentence without its full stop; empty if all clips are unseen."""
        if not self.any.any():
            return ""
        text = (
            f"{self.clips.sum()} of {len(self)} clips were trained on ({self.content.sum()} by "
            f"content, {self.fingerprint.sum()} by fingerprint)"
        )
        if self.group.any():
            text += f"; a further {self.group.sum()} are of groups it was trained on"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "clips": len(self), "trained_on": int(self.clips.sum()),
            "by_content": int(self.content.sum()), "by_fingerprint": int(self.fingerprint.sum()),
            "of_known_groups": int(self.group.sum()), "unchecked": list(self.unchecked),
        }  # fmt: skip

    def take(self, rows: NDArray[np.integer[Any]]) -> Seen:
        """The clips at these positions."""
        return Seen(self.content[rows], self.fingerprint[rows], self.group[rows], self.unchecked)


def seen_by(
    provenance: Provenance, prints: Prints, groups: Sequence[str] | NDArray[np.str_]
) -> dict[str, Seen]:
    """For each specialist, which of n clips it was trained on.

    One training clip of a group makes the whole group known: its other clips show the same
    person. Names of corpora, groups and files are not compared.

    Parameters
    ----------
    prints : of the n clips. groups : (n,) names; a clip of an unknown group has a unique one.
    """
    cache: dict[int, tuple[Bools, Bools, Bools]] = {}
    found = {}
    for name, corpora in provenance.corpora.items():
        content, printed, file = (np.zeros(len(prints), bool) for _ in range(3))
        for corpus in corpora:
            if id(corpus) not in cache:
                cache[id(corpus)] = _matches(corpus, prints)
            by = cache[id(corpus)]
            content, printed, file = content | by[0], printed | by[1], file | by[2]
        known = content | printed
        names = np.asarray(groups, np.str_)
        of_known = np.isin(names, np.unique(names[known])) | file
        unchecked = tuple(corpus.name for corpus in corpora if not len(corpus))
        found[name] = Seen(content, printed & ~content, of_known & ~known, unchecked)
    return found


def needed(corpora: Sequence[Corpus]) -> tuple[str, ...]:
    """The fingerprints, of ``sound`` and ``pictures``, that some of the corpora have."""
    kinds = {SOUND: "sound", PICTURES: "pictures"}
    return tuple(
        kind for kind, array in kinds.items() if any(getattr(c, array).size for c in corpora)
    )


def together(seen: Mapping[str, Seen]) -> Seen | None:
    """Several specialists as one: a clip is known if one of them was trained on it."""
    each = list(seen.values())
    if not each:
        return None
    content = np.logical_or.reduce([s.content for s in each])
    known = np.logical_or.reduce([s.clips for s in each])
    group = np.logical_or.reduce([s.group for s in each])
    unchecked = tuple(dict.fromkeys(name for s in each for name in s.unchecked))
    return Seen(content, known & ~content, group & ~known, unchecked)


def _matches(corpus: Corpus, prints: Prints) -> tuple[Bools, Bools, Bools]:
    """(n,) clips known by content, by fingerprint, and those whose file alone is known."""
    n = len(prints)
    if not len(corpus):
        return np.zeros(n, bool), np.zeros(n, bool), np.zeros(n, bool)
    file = np.isin(prints.content, corpus.content)
    # any piece is known of a whole file that was trained on
    content = _overlaps(corpus, prints, file) if corpus.pieces.size else file
    printed = np.zeros(n, bool)
    todo = np.flatnonzero(~content)
    for words, lengths, queries, rule in (
        (corpus.sound, corpus.sound_lengths, prints.sound, SOUND_RULE),
        (corpus.pictures, corpus.pictures_lengths, prints.pictures, PICTURES_RULE),
    ):
        todo = todo[~printed[todo]]
        printed[todo] |= _copies(words, lengths, [queries[i] for i in todo.tolist()], rule)
    if corpus.stills.size:
        unknown = np.flatnonzero(~content[prints.shown])
        copies = find_stills(prints.stills[unknown], corpus.stills)
        printed[prints.shown[unknown[copies]]] = True
    return content, printed, file & ~content & ~printed


def _copies(
    words: NDArray[Any], lengths: NDArray[Any], queries: Sequence[Any], rule: Rule
) -> Bools:
    if not words.size or not any(len(query) for query in queries):
        return np.zeros(len(queries), bool)
    index = WordIndex(words, lengths, rule)
    return np.array([index.find(query).copy for query in queries], bool)


def _overlaps(corpus: Corpus, prints: Prints, file: Bools) -> Bools:
    """Which clips overlap a piece of the same file that was trained on."""
    order = np.argsort(corpus.content, kind="stable")
    ordered = corpus.content[order]
    found = np.zeros(len(prints), bool)
    for i in np.flatnonzero(file).tolist():
        low = np.searchsorted(ordered, prints.content[i])
        high = np.searchsorted(ordered, prints.content[i], side="right")
        pieces = corpus.pieces[order[low:high]]
        start, end = prints.pieces[i]
        found[i] = bool(((pieces[:, 0] < end) & (start < pieces[:, 1])).any())
    return found
