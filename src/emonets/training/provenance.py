"""Which labelled clips networks were trained on, and the corpora that a new bundle keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from emonets.bundle import find_bundle, read_bundle
from emonets.contracts import SOUND as NEEDS_SOUND
from emonets.datasets.base import Dataset
from emonets.datasets.items import Item
from emonets.learners.folds import Indices
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus, Provenance, make_corpus, provenance_of
from emonets.provenance.prints import PICTURES, SOUND, Prints, prints_of
from emonets.provenance.seen import Seen, needed, seen_by
from emonets.runtime.progress import heartbeat
from emonets.runtime.store import FeatureStore
from emonets.training.material import Material
from emonets.training_contract import Trainer


def trained_before(
    name: str,
    model: EmoNets,
    datasets: Sequence[Dataset],
    *,
    store: FeatureStore | None = None,
    decode: bool = False,
    workers: int = 1,
    notes: list[str] | None = None,
) -> str:
    """In words, how many clips of the data a specialist was trained on; empty if none.

    Parameters
    ----------
    store : where fingerprints are kept; None: clips are recognised by content only.
    decode : make fingerprints also where there is no store to keep them.
    notes : list to which a note is added if this cannot be checked.
    """
    corpora = model.provenance.of(name)
    unchecked = [corpus.name for corpus in corpora if not len(corpus)]
    if notes is not None and (unchecked or not corpora):
        notes.append(cannot_check([name], str(model.about.get("bundle", "the model")), unchecked))
    if len(unchecked) == len(corpora):
        return ""
    items = [item for data in datasets for item in data.items]
    kinds = needed(corpora) if store is not None or decode else ()
    prints = _prints(items, kinds, datasets, store, workers, None)
    groups = [f"{n}/{item.group}" for n, data in enumerate(datasets) for item in data.items]
    seen = seen_by(Provenance({name: corpora}), prints, groups)[name]
    return f"{seen.clips.sum()} of these {len(seen)} clips" if seen.clips.any() else ""


def cannot_check(names: Sequence[str], bundle: str, corpora: Sequence[str]) -> str:
    """A note for bundles of older versions, which have no fingerprints."""
    known = f" It names {', '.join(dict.fromkeys(corpora))}." if corpora else ""
    return (
        f"whether {', '.join(names)} of {bundle} was trained on these clips cannot be checked: the "
        f"bundle has no fingerprints of its training clips.{known}"
    )


def base_corpora(trainers: Mapping[str, Trainer]) -> dict[str, tuple[Corpus, ...]]:
    """The corpora that trainers' base networks were trained on, by specialist."""
    found = {}
    for name, trainer in trainers.items():
        base = getattr(trainer, "base", None)
        found[name] = () if base is None else provenance_of(read_bundle(find_bundle(base))).of(name)
    return found


def corpora_of(
    data: Material,
    rows: Indices,
    datasets: Sequence[Dataset],
    trainers: Iterable[Trainer],
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> tuple[Corpus, ...]:
    """The corpora that a bundle keeps of its training clips, one for each data set.

    Parameters
    ----------
    rows : positions of the clips. trainers : of the specialists. If none of them uses pictures,
        no pictures are decoded.
    """
    needs = set().union(*(e.open().needs for one in trainers for e in one.extractors()))
    kinds = (SOUND, PICTURES) if needs - {NEEDS_SOUND} else (SOUND,)
    items = [data.items[i] for i in rows.tolist()]
    prints = _prints(items, kinds, datasets, data.store, workers, scheduler)
    found = []
    for name, info in {d.name: d.info for d in reversed(datasets)}.items():
        mine = np.flatnonzero(data.corpora[rows] == name)
        if len(mine):
            groups = data.groups[rows[mine]].tolist()
            found.append(
                make_corpus(name, prints.take(mine), groups, licence=info.licence,
                            citation=info.citation)
            )  # fmt: skip
    return tuple(found)


def seen_in(
    provenance: Provenance,
    data: Material,
    datasets: Sequence[Dataset],
    *,
    workers: int = 1,
    scheduler: str | None = None,
) -> dict[str, Seen]:
    """For each specialist, which of all clips it was trained on."""
    every = [corpus for corpora in provenance.corpora.values() for corpus in corpora]
    prints = _prints(data.items, needed(every), datasets, data.store, workers, scheduler)
    return seen_by(provenance, prints, data.groups)


def _prints(
    items: Sequence[Item],
    kinds: Iterable[str],
    datasets: Sequence[Dataset],
    store: FeatureStore | None,
    workers: int,
    scheduler: str | None,
) -> Prints:
    images = {
        data.items[0].path: data.faces.images
        for data in datasets
        if data.faces is not None and data.items
    }
    with heartbeat("fingerprints of the clips"):
        return prints_of(
            items, kinds=kinds, images=images, store=store, workers=workers, scheduler=scheduler
        )


def unchecked_note(model: EmoNets, bundle: str, names: Iterable[str]) -> list[str]:
    """A note on the specialists whose training clips are not known, if there are any."""
    corpora: dict[str, Any] = {name: model.provenance.of(name) for name in names}
    old = [name for name, own in corpora.items() if not own or not all(map(len, own))]
    named = [corpus.name for name in old for corpus in corpora[name] if not len(corpus)]
    return [cannot_check(old, bundle, named)] if old else []
