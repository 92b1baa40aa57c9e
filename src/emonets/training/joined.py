"""A newly trained specialist beside those of a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emonets.contracts import Specialist
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus, Provenance

NOT_THE_FACE = {"audio", "activity", "mouth", "fusion", "data"}
"""Parts of a card; what else stands at its top is of the face."""


def joined(
    base: EmoNets | None,
    name: str,
    part: Specialist,
    card: Mapping[str, Any],
    preset: str,
    corpora: Sequence[Corpus] = (),
) -> EmoNets:
    """A model with a specialist in place of, or beside, those of another.

    It speaks; of the others those that spoke before. A fusion is left behind: it was fitted to
    what the specialists said before.

    Parameters
    ----------
    base : the model to add to; None: nobody else.
    name, part : ``face``, ``audio``, ``activity`` or ``mouth``, and the specialist.
    card : what is to be known of its training; the face's stands at the top of a bundle's card,
        the others' under their names.
    preset : the name of the numbers that it was trained with.
    corpora : what it was trained on.
    """
    parts: dict[str, Any] = {} if base is None else dict(base.specialists)
    whole: dict[str, Any] = {} if base is None else dict(base.about["card"])
    parts[name] = part
    if name == "face":  # nothing stays of what was said of the one before
        whole = {key: value for key, value in whole.items() if key in NOT_THE_FACE} | dict(card)
    else:
        whole[name] = dict(card)
    active = None if base is None else (*base.active, name)
    provenance = Provenance(
        {**({} if base is None else base.provenance.corpora), name: tuple(corpora)}
    )
    return EmoNets(
        **parts, active=active, about={"preset": preset, "card": whole}, provenance=provenance
    )
