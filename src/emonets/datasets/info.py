"""What a dataset declares of itself, beside its reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from emonets.datasets.reading import About

OUTSIDE: Mapping[str, str] = MappingProxyType(
    {
        "contempt": "contempt is none of the seven emotions",
        "boredom": "boredom is none of the seven emotions",
        "bored": "boredom is none of the seven emotions",
        "other": "names no emotion",
        "unknown": "names no emotion",
        "mixed": "names no single emotion",
    }
)
"""Words for what people label beside the seven emotions → why that is dropped, not refused."""


@dataclass(frozen=True, kw_only=True)
class DatasetInfo(About):
    """What to know of a dataset before it is opened; nothing here needs the data.

    Attributes
    ----------
    name : what the command line calls it.
    citation : BibTeX entry, empty where there is none.
    licence : its terms, or who says them.
    where : how to get it.
    title : what it is, in a line.
    kinds : of ``still``, ``clip`` (a film, with sound or without) and ``sound``, those it has.
    words : its own words for emotions → those of `emonets.EMOTIONS`.
    outside : its own words that are none of the seven → why recordings under them are dropped.
    group : what a group is: recordings of one must not be torn apart into training and test.
    splits : its official parts, in words.
    layout : what is expected to lie at its path.
    per_group : kind → how many recordings every group has as published, where that is one number.
    known : kind of problem → why it is no news of this set, and therefore a note only.
    """

    title: str
    kinds: tuple[str, ...]
    words: Mapping[str, str]
    group: str
    splits: str
    layout: str
    outside: Mapping[str, str] = field(default_factory=dict)
    per_group: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
