"""Adding a newly trained specialist to those of a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emonets.contracts import Specialist
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus, Provenance

NOT_THE_FACE = {"audio", "activity", "mouth", "fusion", "data"}
"""Parts of a card that are not the face's; all other keys at its top are."""


def joined(
    base: EmoNets | None,
    name: str,
    part: Specialist,
    card: Mapping[str, Any],
    preset: str,
    corpora: Sequence[Corpus] = (),
) -> EmoNets:
    """A model with a specialist in place of, or beside, those of another.

    It is active, and so are the others that were before. The fusion is dropped: it was
    fitted to the predictions of the old specialists.

    Parameters
    ----------
    base : the model to add to; None: a model of this specialist only.
    name, part : ``face``, ``audio``, ``activity`` or ``mouth``, and the specialist.
    card : a record of its training. The face's is at the top of a bundle's card, the others' are
        under their names.
    preset : name of the preset that it was trained with.
    corpora : the corpora that it was trained on.
    """
    parts: dict[str, Any] = {} if base is None else dict(base.specialists)
    whole: dict[str, Any] = {} if base is None else dict(base.about["card"])
    parts[name] = part
    if name == "face":  # the entries of the old face are removed
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
