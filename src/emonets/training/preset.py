"""Presets: every number of a training run in one TOML file.

In place of a number there may be a distribution, see :mod:`emonets.training.search_space`.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from emonets.errors import ParameterError
from emonets.training.search_space import KINDS, parse_distribution, refuse_within

_ANY = "*"  # whatever the key is called
_Kind = type | tuple[type, ...]
_SCHEMA: dict[str, dict[str, _Kind]] = {
    "": {"name": str},
    "face.network": {
        "network": str, "crop": int, "weight_rate": float, "bias_rate": float,
        "momentum": float, "batch_size": int, "epochs": int, "rate_drops": list,
        "patience": int, "mirror": bool, "autocast": bool,
    },
    "face": {"model": str},
    "face.training": {
        "epochs": int, "batch_size": int, "learning_rate": float, "momentum": float,
        "weight_decay": float, "label_smoothing": float, "averaging": float, "votes": float,
        "teaching": float, "views": int, "autocast": bool,
    },
    "face.augmentation": {
        "warp": float, "turn": float, "scale": float, "shift": float, "blur": float,
        "erase": float, "erase_area": list, "mixup": float, "mixed": float,
    },
    "face.images": {
        "registration": str, "illumination": str, "smoothness": float, "border": str,
    },
    "face.clips": {"slots": int, "base": str, "head": str},
    "audio": {"model": str, "features": str},
    "audio.whitening": {"rotate": bool, "ridge": float, "keep_variance": float},
    "audio.pretraining": {"layers": list, "max_frames": int},
    "audio.network": {
        "hidden_layer_sizes": list, "activations": list, "pooling": str, "train_weights": list,
        "test_weights": list, "distinct": bool, "unit_dropout": float, "pooled_dropout": float,
        "pooled_dropout_by": str, "max_frames": int, "batch_size": int, "n_epochs": int,
        "patience": int, "learning_rate": float, "momentum": float, "rho": float,
        "denominator": str, "l2": float, "max_norm": float, "class_weight": str,
        "rate_decay": float, "decay_after": int, "shuffle": str,
        "widths": list, "blocks": list, "embedding": int, "attention": int,
    },
    "audio.training": {
        "members": int, "epochs": int, "batch_size": int, "frames": int, "learning_rate": float,
        "weight_decay": float, "dropout": float, "mixup": float, "label_smoothing": float,
        "averaging": float, "autocast": bool, "silence": int,
    },
    "audio.augmentation": {
        "warp": float, "tempo": float, "tilt": float, "noise": float, "snr": list,
        "level": float, "masks": int, "mask_bands": int, "mask_frames": int,
    },
    "audio.corpora": {_ANY: float},
    "audio.clips": {"base": str, "head": str},
    "activity": {"on": str, "longest": int, "weighted": bool},
    "activity.blocks": {"count": int, "components": int, "keep_variance": float, "basis": int},
    "activity.synchrony": {
        "n_components": int, "contraction": float, "learning_rate": float, "schedule": str,
        "momentum": float, "batch_size": int, "n_epochs": int,
    },
    "activity.superblocks": {"count": int, "components": int},
    "activity.words": {"n_words": int, "max_iter": int},
    "activity.augmentation": {"copies": int},
    "activity.svm": {"kernel": str, "gamma": float, "C": float},
    "mouth": {"region": str, "colour": str, "every": int},
    "mouth.dictionary": {
        "grid": list, "patch_size": int, "n_clusters": int, "keep_variance": float,
        "floor": float, "max_iter": int, "patches_per_picture": int, "max_patches": int,
        "pooling": str,
    },
    "mouth.classifier": {"strengths": list, "standardise": bool, "max_iter": int},
    "fusion": {"strategy": str, "folds": int, "coverage": float, "models": list},
}  # fmt: skip


def preset_names() -> list[str]:
    """The presets that come with the package."""
    folder = resources.files("emonets") / "presets"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith("toml"))


def load_preset(name: str | Path, *, distributions: bool = False) -> dict[str, Any]:
    """A preset by its name, or from a TOML file of one's own.

    Parameters
    ----------
    name : of a preset or a file.
    distributions : whether a distribution may stand where a value belongs; it stays as it is, and
        :func:`emonets.training.search_space.draw` puts a value in its place.

    Returns
    -------
    nested dict: ``{"name": …, "face": {"network": {…}, "images": {…}, "clips": {…}}}``.

    Raises
    ------
    ParameterError : no such preset, not TOML, an unknown key (with the nearest known one), a
        value of the wrong type, or a distribution that is wrong, gives such values or is not
        asked for.
    """
    if str(name) in preset_names():
        text = (resources.files("emonets") / "presets" / f"{name}.toml").read_text("utf-8")
    elif str(name).endswith(".toml") and Path(name).is_file():
        text = Path(name).read_text("utf-8")
    else:
        raise ParameterError(
            f"preset {str(name)!r} is neither one of {', '.join(preset_names())} nor a .toml file"
        )
    try:
        preset = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"{name}: not TOML ({error})") from None
    _check(preset, "", str(name), distributions)
    return preset


def check_preset(preset: Mapping[str, Any], name: str, *, distributions: bool = False) -> None:
    """Raise ParameterError, as :func:`load_preset` does, for tables that are read already."""
    _check(preset, "", name, distributions)


def load_section(name: str | Path, section: str, *, distributions: bool = False) -> dict[str, Any]:
    """One table of a preset, such as ``face`` or ``audio``; see :func:`load_preset`.

    Raises
    ------
    ParameterError : as :func:`load_preset`, or the preset has no such table.
    """
    preset = load_preset(name, distributions=distributions)
    if section not in preset:
        raise ParameterError(f"preset {name}: has no [{section}] table")
    return dict(preset[section])


def _check(table: Mapping[str, Any], place: str, file: str, distributions: bool) -> None:
    known = dict(_SCHEMA.get(place, {}))
    below = {
        path.removeprefix(place + "." if place else "").split(".")[0]
        for path in _SCHEMA
        if path and path.startswith(place + "." if place else "")
    }
    for key, value in table.items():
        where = f"{place}.{key}" if place else key
        if isinstance(value, Mapping) and key in below:
            _check(value, where, file, distributions)
        elif key not in known and _ANY not in known:
            near = difflib.get_close_matches(key, [*known, *below], n=1)
            hint = (
                f"; did you mean {near[0]!r}?"
                if near
                else f"; known: {', '.join([*known, *below])}"
            )
            raise ParameterError(f"{file}: unknown key {where!r}{hint}")
        else:
            kind = known.get(key, known.get(_ANY))
            assert kind is not None
            if isinstance(value, Mapping):
                _check_distribution(value, kind, where, file, distributions)
                continue
            if not _fits(value, kind):
                raise ParameterError(f"{file}: {where} must be {kind}, got {value!r}")
            if isinstance(value, list):
                refuse_within(value, f"{file}: {where}")


def _fits(value: Any, kind: _Kind) -> bool:
    fits = isinstance(value, (int, float) if kind is float else kind)
    return fits and (kind is bool or not isinstance(value, bool))


def _check_distribution(
    value: Mapping[str, Any], kind: _Kind, where: str, file: str, wanted: bool
) -> None:
    if not wanted:
        if not any(name in KINDS for name in value):
            raise ParameterError(f"{file}: {where} must be {kind}, got {value!r}")
        raise ParameterError(
            f"{file}: {where} must be {kind}, got the distribution {value!r}; "
            "distributions are for `emonets train ... --trials N`"
        )
    found = parse_distribution(value, where, file)
    # One number of a distribution is of the type of all of them
    for example in found.values if found.kind == "choice" else [found.at(0.5)]:
        if not _fits(example, kind):
            hint = ""
            if found.kind != "choice":
                hint = f"; take {'integers or log_integers' if kind is int else 'a choice'}"
            raise ParameterError(
                f"{file}: {where} must be {kind}, which {found.kind} does not give it: "
                f"{example!r} is none{hint}"
            )
