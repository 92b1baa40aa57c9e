"""Presets: all settings of a training in one TOML file.

Each table is checked by the dataclass of its specialist (``emonets.specialists.*.settings``). A
value may be replaced by a distribution, see :mod:`emonets.training.search_space`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from emonets.contracts import specialist_kinds
from emonets.errors import ParameterError
from emonets.fusion.strategies import FusionSettings
from emonets.runtime.settings import Drawn, check_table, from_table, nearest, to_table
from emonets.specialists.audio.settings import audio_from_table
from emonets.specialists.face.settings import ConvNetFace, ModernFace, face_from_table
from emonets.training.search_space import KINDS, parse_distribution, refuse_within
from emonets.tubes.settings import TubeSettings


@dataclass(frozen=True)
class Preset:
    """A preset as its dataclasses: ``read_preset("paper")["activity"].words.n_words``.

    Attributes
    ----------
    name : of the preset. tables : its tables by name.
    """

    name: str
    tables: Mapping[str, Any]

    def __getitem__(self, table: str) -> Any:
        return self.tables[table]


def table_kinds() -> dict[str, tuple[type[Any], ...]]:
    """The tables of a preset, and the dataclasses of each: those of all registered specialists.

    Several dataclasses are distinguished by the table's ``model``. A specialist without dataclasses
    is not checked.
    """
    specialists = {name: kind.settings_kinds() for name, kind in specialist_kinds().items()}
    return {"tubes": (TubeSettings,), **specialists, "fusion": (FusionSettings,)}


def preset_names() -> list[str]:
    """The presets that come with the package."""
    folder = resources.files("emonets") / "presets"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith("toml"))


def load_preset(name: str | Path, *, distributions: bool = False) -> dict[str, Any]:
    """The tables of a preset by its name, or of a TOML file, checked.

    Parameters
    ----------
    name : of a preset or a file.
    distributions : whether a distribution may replace a value. It stays as it is;
        :func:`emonets.training.search_space.draw` replaces it by a value.

    Returns
    -------
    nested dict, as in the file: ``{"name": …, "face": {"network": {…}, "images": {…}}}``.

    Raises
    ------
    ParameterError : the preset is unknown or not TOML; a key or table is unknown, and the message
        names the nearest one; a value is of the wrong type or out of range; a distribution is
        wrong, has such values or is not allowed.
    """
    if str(name) in preset_names():
        text = (resources.files("emonets") / "presets" / f"{name}.toml").read_text("utf-8")
    elif str(name).endswith(".toml") and Path(name).is_file():
        try:
            text = Path(name).read_text("utf-8")
        except UnicodeDecodeError:
            raise ParameterError(f"{name}: not TOML (it is not text in UTF-8)") from None
    else:
        raise ParameterError(
            f"preset {str(name)!r} is neither one of {', '.join(preset_names())} nor a .toml file"
        )
    try:
        preset = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"{name}: not TOML ({error})") from None
    check_preset(preset, str(name), distributions=distributions)
    return preset


def check_preset(preset: Mapping[str, Any], name: str, *, distributions: bool = False) -> None:
    """Raise ParameterError, as :func:`load_preset` does, for tables in memory."""

    def drawn(value: Mapping[str, Any], where: str, expected: str) -> Drawn:
        return _drawn(value, where, expected, name, distributions)

    _refuse_in_lists(preset, "", name)
    kinds = table_kinds()
    for key, table in preset.items():
        if key == "name":
            if not isinstance(table, str):
                raise ParameterError(f"{name}: name must be text, got {table!r}")
        elif key not in kinds:
            what = f"table [{key}]" if isinstance(table, Mapping) else f"key {key!r}"
            raise ParameterError(f"{name}: unknown {what}; {nearest(key, ['name', *kinds])}")
        elif kinds[key]:
            check_table(kinds[key], table, key, file=name, draw=drawn)


def read_preset(name: str | Path) -> Preset:
    """A preset as its dataclasses; see :func:`load_preset`."""
    preset, kinds = load_preset(name), table_kinds()
    tables = {
        key: from_table(kinds[key], table, key, file=str(name)) if kinds[key] else table
        for key, table in preset.items()
        if key != "name"
    }
    return Preset(preset.get("name", ""), tables)


def load_section(name: str | Path, section: str, *, distributions: bool = False) -> dict[str, Any]:
    """One table of a preset, such as ``face`` or ``audio``; see :func:`load_preset`.

    Raises
    ------
    ParameterError : as :func:`load_preset`, or the preset has no such table.
    """
    preset = load_preset(name, distributions=distributions)
    if section not in preset:
        raise ParameterError(f"preset {name}: has no [{section}] table; {nearest(section, preset)}")
    return dict(preset[section])


def face_settings(preset: str | Path) -> ConvNetFace | ModernFace:
    """A preset's ``face`` table; errors are those of :func:`load_section`."""
    return face_from_table(load_section(preset, "face"), file=str(preset))


def audio_settings(preset: str | Path) -> dict[str, Any]:
    """The network settings of a preset's ``audio`` table, with all defaults.

    Errors are those of :func:`load_section`.
    """
    made = audio_from_table(load_section(preset, "audio"), file=str(preset))
    return {key: value for key, value in to_table(made).items() if key != "clips"}


def _refuse_in_lists(table: Mapping[str, Any], prefix: str, file: str) -> None:
    for key, value in table.items():
        if isinstance(value, Mapping):
            _refuse_in_lists(value, f"{prefix}{key}.", file)
        elif isinstance(value, list):
            refuse_within(value, f"{file}: {prefix}{key}")


def _drawn(value: Mapping[str, Any], where: str, expected: str, file: str, allowed: bool) -> Drawn:
    """A placeholder for a value that is not drawn yet, for checks."""
    if not allowed:
        if not any(name in KINDS for name in value):
            raise ParameterError(f"{file}: {where} must be {expected}, got {value!r}")
        raise ParameterError(
            f"{file}: {where} must be {expected}, got the distribution {value!r}; "
            "distributions are for `emonets train ... --trials N`"
        )
    found = parse_distribution(value, where, file)
    if found.kind == "choice":
        return Drawn(found.values, found.kind)
    whole = expected.startswith("a whole number")
    hint = f"; take {'integers or log_integers' if whole else 'a choice'}"
    ends = found.at(0.0), found.at(0.5), found.at(1.0)
    if expected.startswith("a number") or (whole and isinstance(ends[0], int)):
        hint = ""  # the type is right, and an end is out of the range
    return Drawn(ends, found.kind, hint)
