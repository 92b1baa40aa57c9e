"""What a preset's ``face`` table may hold, and the network that it describes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emonets.errors import ParameterError
from emonets.specialists.face.network.augment import FaceAugmentation
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.modern import ModernConvNetClassifier
from emonets.training.preset import load_section

_NOT_NUMBERS = {"checkpoint", "random_state", "verbose", "augmentation", "device"}
_MODERN = set(ModernConvNetClassifier().get_params()) - _NOT_NUMBERS
_IN_NETWORK = {"network", "crop", "mirror"}
MODELS: dict[str, dict[str, set[str]]] = {
    "convnet": {"network": set(ConvNetClassifier().get_params()) - _NOT_NUMBERS},
    "modern convnet": {
        "network": _IN_NETWORK,
        "training": (_MODERN - _IN_NETWORK) | {"votes"},
        "augmentation": set(FaceAugmentation.__dataclass_fields__),
    },
}
"""What may stand in the tables of each kind of network."""


def face_settings(preset: str | Path) -> dict[str, Any]:
    """A preset's ``face`` table, with nothing in it that its model does not know.

    Raises
    ------
    ParameterError : as :func:`emonets.training.preset.load_section`; no such model; a number of
        another model.
    """
    settings = load_section(preset, "face")
    model = settings.setdefault("model", "convnet")
    if model not in MODELS:
        names = " or ".join(map(repr, MODELS))
        raise ParameterError(f"preset {preset}: face.model must be {names}, got {model!r}")
    for table in ("network", "training", "augmentation"):
        known = MODELS[model].get(table, set())
        strange = sorted(set(settings.get(table, {})) - known)
        if strange:
            raise ParameterError(
                f"preset {preset}: face.{table}.{strange[0]} is nothing that {model!r} knows"
                + (f"; that knows {', '.join(sorted(known))}" if known else "")
            )
    return settings


def face_network(
    settings: Mapping[str, Any],
    *,
    checkpoint: Path | None = None,
    seed: int = 0,
    device: str = "auto",
) -> ConvNetClassifier:
    """The untrained network that a ``face`` table describes.

    Raises
    ------
    ParameterError : a number out of its range.
    """
    numbers = dict(settings.get("network", {}))
    if settings.get("model", "convnet") == "convnet":
        return ConvNetClassifier(**numbers, checkpoint=checkpoint, random_state=seed)
    numbers |= {k: v for k, v in settings.get("training", {}).items() if k != "votes"}
    changes = dict(settings.get("augmentation", {}))
    if "erase_area" in changes:
        changes["erase_area"] = tuple(changes["erase_area"])
    try:
        augmentation = FaceAugmentation(**changes)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"face.augmentation: {error}") from None
    return ModernConvNetClassifier(
        **numbers,
        augmentation=augmentation,
        checkpoint=checkpoint,
        random_state=seed,
        device=device,
    )
