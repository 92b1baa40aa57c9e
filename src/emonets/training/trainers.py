"""The trainers of a preset's system, and the bundles from which networks are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emonets.bundle import bundle_names
from emonets.contracts import SOUND, Extractor, specialist_kind, specialist_kinds
from emonets.datasets.base import Dataset
from emonets.errors import ParameterError
from emonets.model import EmoNets
from emonets.runtime.store import FeatureStore
from emonets.training.provenance import trained_before
from emonets.training_contract import Trainer, TrainerRequest
from emonets.version import DEFAULT_BUNDLE


def make_trainers(
    preset: Mapping[str, Any],
    datasets: Sequence[Dataset],
    *,
    models: Sequence[str] | None = None,
    base: str | None = None,
    store: FeatureStore | None = None,
    decode: bool = False,
    workers: int = 1,
) -> tuple[dict[str, Trainer], list[str]]:
    """The trainers of the system that a preset describes.

    Parameters
    ----------
    preset : nested tables, as `emonets.training.preset.load_preset` returns.
    datasets : to train on. For each base network, the notes report which of these clips it was
        trained on.
    models : which specialists; None: those with a table in the preset and usable input in the
        data.
    base : the bundle whose networks are taken; None: the one that the preset names, or of its name.
    store : where fingerprints of the clips are kept. None: clips that a network was trained on are
        recognised by their content only, and nothing is decoded.
    decode : decode the clips for their fingerprints also where there is no store.
    workers : processes that decode.

    Returns
    -------
    The trainers by name, in the order of results, and notes on the choice.

    Raises
    ------
    ParameterError : a specialist is unknown; a table is missing or wrong; a base has no network.
    """

    def seen_in_training(name: str, model: EmoNets) -> str:
        return trained_before(
            name, model, datasets, store=store, decode=decode, workers=workers, notes=notes
        )

    pictures = {"clip", "still"} & {kind for data in datasets for kind in data.kinds}
    notes: list[str] = []
    made: dict[str, Trainer] = {}
    for name in specialist_kinds() if models is None else models:
        kind = specialist_kind(name)
        if name not in preset:
            if models is not None:
                raise ParameterError(f"the preset has no [{name}] table")
            continue
        trainer: Trainer = kind.call(
            "trainer", _request(name, preset, base, notes, seen_in_training)
        )
        if not pictures and not any(SOUND in e.open().needs for e in trainer.extractors()):
            if models is not None:
                raise ParameterError(
                    f"{name} requires pictures, and the data have sound only; leave it out"
                )
            continue
        made[name] = trainer
    if not made:
        names = specialist_kinds() if models is None else models
        raise ParameterError(
            f"no specialist is left of {', '.join(names)}: the preset has no table of one, or the "
            "data have no input for it"
        )
    return {name: made[name] for name in specialist_kinds() if name in made}, notes


def _request(
    name: str,
    preset: Mapping[str, Any],
    base: str | None,
    notes: list[str],
    trained_before: Callable[[str, EmoNets], str],
) -> TrainerRequest:
    def open_base(named: str | None) -> tuple[str, Any, str]:
        bundle = base or _base(named or "", preset)
        model = EmoNets.load(bundle)
        return bundle, model.specialists.get(name), trained_before(name, model)

    return TrainerRequest(preset[name], open_base, base, notes)


def make_scorers(model: EmoNets, bundle: str) -> dict[str, Trainer]:
    """Trainers that extract and predict for the trained specialists of a bundle, by name."""
    return {
        name: specialist_kind(name).call("scorer", specialist, bundle)
        for name, specialist in model.specialists.items()
    }


def load_specialist(name: str, settings: Mapping[str, Any], parts: Mapping[str, Any]) -> Any:
    """A specialist from its settings and arrays; the inverse of its ``to_arrays``."""
    return specialist_kind(name).call("load", settings, parts)


def extractors_of(trainers: Mapping[str, Trainer]) -> list[Extractor]:
    """The extractors of all trainers, each once."""
    return list(dict.fromkeys(e for trainer in trainers.values() for e in trainer.extractors()))


def _base(named: str, preset: Mapping[str, Any]) -> str:
    if named:
        return named
    return str(preset["name"]) if preset.get("name") in bundle_names() else DEFAULT_BUNDLE
