"""Under which terms the corpora are published that the shipped networks were trained on.

What their publishers state, as far as it is known. Whether the terms of a corpus bind what is
learned from it is not settled; nothing here is legal advice. ``NOTICE`` has the same list in words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emonets.provenance.corpus import Provenance


@dataclass(frozen=True)
class Terms:
    """The published terms of a corpus.

    Attributes
    ----------
    corpus : how its names begin in the provenance of a bundle.
    title : for readers.
    terms : as published.
    any_use : whether they allow any use, commercial use included.
    """

    corpus: str
    title: str
    terms: str
    any_use: bool = False


TERMS = (
    Terms("fer2013", "FER2013", "Database Contents License (DbCL) 1.0; pictures found on the web, "
          "whose rights are not documented; the FER+ votes used with it: MIT", any_use=True),
    Terms("ferplus", "FER+ votes", "MIT", any_use=True),
    Terms("press", "press photographs (muxspace/facial_expressions)", "repository Apache-2.0; "
          "photographs of third parties, whose rights are not documented", any_use=True),
    Terms("emodb", "EMO-DB", "CC0 1.0, as published by audEERING with its first author; its own "
          "site states no licence and requests a citation", any_use=True),
    Terms("javanese", "Javanese emotional speech", "sound: MIT; the films lie in a repository "
          "without a statement", any_use=True),
    Terms("ravdess", "RAVDESS", "CC BY-NC-SA 4.0"),
    Terms("affectnet", "AffectNet subset", "non-commercial research; no redistribution of "
          "pictures"),
    Terms("stock", "stock portraits", "none stated"),
    Terms("moodme", "MoodMe stock", "none stated"),
    Terms("three", "three classes, web", "none stated"),
    Terms("nemo", "nEMO", "CC BY-NC-SA 4.0"),
    Terms("ased", "ASED", "none stated"),
    Terms("urdu", "URDU talk shows", "research"),
    Terms("korean", "Korean emotional speech (emotiontts)", "CC BY-NC-SA"),
    Terms("banglaser", "BanglaSER extended", "none stated"),
    Terms("emotale", "EmoTale", "none stated"),
)  # fmt: skip
"""All corpora that a shipped network was trained on."""

FILMS = ("activity", "mouth")
"""Specialists that learn from the films of the Javanese corpus, and not from its sound alone."""


def terms_of(name: str) -> Terms | None:
    """The terms of a corpus, by its name in a provenance; None where they are not listed.

    Examples
    --------
    >>> terms_of("emodb").any_use
    True
    >>> terms_of("a corpus of your own") is None
    True
    """
    plain = name.lower().replace("-", "").replace("+", "plus")
    return next((one for one in TERMS if plain.startswith(one.corpus)), None)


def in_card(provenance: Provenance) -> dict[str, str]:
    """Name → terms of each corpus of a provenance, for the card of a bundle."""
    return {name: one.terms if (one := terms_of(name)) else "not listed" for name in _names(
        corpus.name for corpora in provenance.corpora.values() for corpus in corpora
    )}  # fmt: skip


def not_for_any_use(provenance: Provenance) -> list[str]:
    """Names of the corpora whose terms do not allow any use, or are not listed.

    Films of the Javanese corpus are among these: the statement about it is of its sound.
    """
    out = []
    for specialist, corpora in provenance.corpora.items():
        for corpus in corpora:
            found = terms_of(corpus.name)
            if found is None or not found.any_use or specialist in FILMS:
                out.append(corpus.name)
    return _names(out)


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
