"""Which labelled clips networks were trained on, and what a new bundle keeps of its own."""

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
    workers: int = 1,
    notes: list[str] | None = None,
) -> str:
    """In words, which clips of the data a specialist of a model was trained on; or nothing.

    Parameters
    ----------
    store : where fingerprints are kept; None: clips are recognised by content alone.
    notes : is told where this cannot be checked.
    """
    corpora = model.provenance.of(name)
    unchecked = [corpus.name for corpus in corpora if not len(corpus)]
    if notes is not None and (unchecked or not corpora):
        notes.append(cannot_check([name], str(model.about.get("bundle", "the model")), unchecked))
    if len(unchecked) == len(corpora):
        return ""
    items = [item for data in datasets for item in data.items]
    wanted = needed(corpora) if store is not None else ()
    prints = _prints(items, wanted, datasets, store, workers, None)
    groups = [f"{n}/{item.group}" for n, data in enumerate(datasets) for item in data.items]
    seen = seen_by(Provenance({name: corpora}), prints, groups)[name]
    return f"{seen.clips.sum()} of these {len(seen)} clips" if seen.clips.any() else ""


def cannot_check(names: Sequence[str], bundle: str, corpora: Sequence[str]) -> str:
    """A sentence for bundles of older versions."""
    known = f" It names {', '.join(dict.fromkeys(corpora))}." if corpora else ""
    return (
        f"whether these clips were used to train {', '.join(names)} of {bundle} cannot be checked: "
        f"the bundle has no fingerprints of what it was trained on.{known}"
    )


def base_corpora(trainers: Mapping[str, Trainer]) -> dict[str, tuple[Corpus, ...]]:
    """What the networks that trainers take from bundles were trained on, by specialist."""
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
    """What a bundle keeps of clips that its specialists were trained on, by data set.

    Parameters
    ----------
    rows : positions of the clips. trainers : of the specialists; without one that uses pictures
        no pictures are decoded.
    """
    needs = set().union(*(e.open().needs for one in trainers for e in one.extractors()))
    wanted = (SOUND, PICTURES) if needs - {NEEDS_SOUND} else (SOUND,)
    items = [data.items[i] for i in rows.tolist()]
    prints = _prints(items, wanted, datasets, data.store, workers, scheduler)
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
    wanted: Iterable[str],
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
            items, wanted=wanted, images=images, store=store, workers=workers, scheduler=scheduler
        )


def unchecked_note(model: EmoNets, bundle: str, names: Iterable[str]) -> list[str]:
    """One note on the specialists of which it is not known what they were trained on, if any."""
    corpora: dict[str, Any] = {name: model.provenance.of(name) for name in names}
    old = [name for name, some in corpora.items() if not some or not all(map(len, some))]
    named = [corpus.name for name in old for corpus in corpora[name] if not len(corpus)]
    return [cannot_check(old, bundle, named)] if old else []
