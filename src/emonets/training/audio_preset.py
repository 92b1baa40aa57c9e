"""What a preset's ``audio`` table may hold: all that its model needs, nothing it does not know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emonets.errors import ParameterError
from emonets.learners.pooled_perceptron.classifier import PooledPerceptron
from emonets.specialists.audio.features.front import front
from emonets.specialists.audio.network.augment import Augmentation
from emonets.specialists.audio.network.classifier import SoundNetClassifier
from emonets.specialists.audio.network.onnx import Architecture
from emonets.training.preset import load_section


def audio_settings(preset: str | Path) -> dict[str, Any]:
    """A preset's ``audio`` table, with all that its model needs and nothing that it does not know.

    Raises
    ------
    ParameterError : as :func:`emonets.training.preset.load_section`; no such model; something
        is missing, of another model or out of its range.
    """
    return check_audio(load_section(preset, "audio"), f"preset {preset}: audio")


def check_audio(settings: dict[str, Any], where: str) -> dict[str, Any]:
    """The same of a table that is read already; ``where`` is how errors call it."""
    # how a whole system is trained on clips is no affair of the network
    settings = {key: value for key, value in settings.items() if key != "clips"}
    model = settings.get("model")
    if model not in _KNOWN:
        names = " or ".join(map(repr, _KNOWN))
        raise ParameterError(f"{where}.model must be {names}, got {model!r}")
    known = _KNOWN[model]
    missing = [name for name in ("features", *known) if name not in settings]
    if missing:
        raise ParameterError(f"{where}.{missing[0]} is missing; {model!r} needs it")
    front(settings["features"])
    for table, keys in known.items():
        strange = sorted(set(settings[table]) - keys)
        if strange:
            raise ParameterError(
                f"{where}.{table}.{strange[0]} is nothing that {model!r} knows; "
                f"that knows {', '.join(sorted(keys))}"
            )
    if model == "sound network":
        try:
            sound_network_parts(settings)
        except (TypeError, ValueError) as error:
            raise ParameterError(f"{where}: {error}") from None
    return settings


_KNOWN: dict[str, dict[str, set[str]]] = {
    "pooled perceptron": {"network": set(PooledPerceptron().get_params()) - {"initial"}},
    "sound network": {
        "network": set(Architecture.__dataclass_fields__),
        "training": set(SoundNetClassifier().get_params()) - {"network", "augmentation"},
    },
}
"""The tables that a model cannot do without, and what may stand in them."""


def sound_network_parts(settings: Mapping[str, Any]) -> dict[str, Any]:
    """How a sound network is built and its clips are changed, as its parameters take it."""
    augmentation = settings.get("augmentation", {})
    return {
        "network": Architecture(**{k: _tuple(v) for k, v in settings["network"].items()}),
        "augmentation": Augmentation(**{k: _tuple(v) for k, v in augmentation.items()}),
    }


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
