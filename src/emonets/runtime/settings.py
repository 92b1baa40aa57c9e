"""Settings: one frozen dataclass for one table of a preset.

A dataclass declares the names, types, defaults and ranges of a table, and the section of the paper
that each number is from. This module checks a plain table against it::

    @dataclass(frozen=True, kw_only=True)
    class Training:
        epochs: int = setting(15, section="3.2.2", low=1)
        momentum: float = setting(0.9, low=0, high=1, high_in=False)

    from_table(Training, {"epochs": 3}, "audio.training", file="mine.toml")

Types may be ``int``, ``float``, ``str``, ``bool``, ``Literal``, tuples of these (lists in a table),
``dict[str, …]``, other such dataclasses, and any of them or ``None`` (a key that may be left out).
A union of dataclasses is told apart by their ``model``, a ``Literal``.
"""

from __future__ import annotations

import difflib
import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from emonets.errors import ParameterError

T = TypeVar("T")

_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
_PLURALS = {int: "whole numbers", float: "numbers", str: "texts", bool: "true or false"}
_NOT_BUILT: Any = object()  # stands for a table in which a value is yet to be drawn


@dataclass(frozen=True)
class Drawn:
    """Values that stand for one that is yet to be drawn; all of them are checked.

    Attributes
    ----------
    examples : such as the two ends of a range.
    kind : the name of the distribution. hint : what to do where an example does not fit.
    """

    examples: tuple[Any, ...]
    kind: str
    hint: str = ""


Draw = Callable[[Mapping[str, Any], str, str], Drawn]
"""(a table in place of a value, its dotted key, what is expected there) → `Drawn`."""


@dataclass(frozen=True)
class _Context:
    """Values that all steps of a check share."""

    file: str
    draw: Draw | None
    note: str = ""

    def error(self, text: str) -> ParameterError:
        return ParameterError(f"{self.file}: {text}" if self.file else text)


def setting(
    default: Any = MISSING,
    *,
    section: str = "",
    low: float | None = None,
    high: float | None = None,
    low_in: bool = True,
    high_in: bool = True,
    choices: Iterable[str] = (),
    fixed: str = "",
) -> Any:
    """A field of a settings dataclass.

    Parameters
    ----------
    default : without one the key is required.
    section : of the paper that names the number; empty where the paper does not.
    low, high, low_in, high_in : range of a number, or of each in a list; whether its ends belong
        to it. Infinity is allowed only where ``high`` is infinite.
    choices : allowed texts, or texts of a list.
    fixed : why the value cannot be another one; any other is then an error with this sentence.
    """
    about = {
        "section": section, "low": low, "high": high, "low_in": low_in, "high_in": high_in,
        "choices": tuple(choices), "fixed": fixed, "value": default,
    }  # fmt: skip
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=about)
    return field(default=default, metadata=about)


def from_table(
    kinds: type[T] | Sequence[type[T]],
    table: Any,
    where: str = "",
    *,
    file: str = "",
) -> T:
    """The settings that a plain table holds, checked.

    Parameters
    ----------
    kinds : a settings dataclass, or several that the table's ``model`` decides among.
    table : of plain values, as TOML has them.
    where : dotted name of the table, such as ``face.network``.
    file : what the table was read from. Both are for messages.

    Raises
    ------
    ParameterError : an unknown key or table, with the nearest known one; a value of the wrong type
        or out of its range; a missing key. Each message names file, table and key.
    """
    several = (kinds,) if isinstance(kinds, type) else tuple(kinds)
    return cast(T, _read_table(several, table, where, _Context(file, None)))


def check_table(
    kinds: type[Any] | Sequence[type[Any]],
    table: Any,
    where: str = "",
    *,
    file: str = "",
    draw: Draw | None = None,
) -> None:
    """Check a table as :func:`from_table` does; ``draw`` allows values that are yet to be drawn."""
    several = (kinds,) if isinstance(kinds, type) else tuple(kinds)
    _read_table(several, table, where, _Context(file, draw))


def to_table(settings: Any) -> dict[str, Any]:
    """Settings as a plain table that :func:`from_table` reads back, every default in its place.

    Keys without a value, and those that cannot have another one (``fixed``), are left out.
    """
    return {
        f.name: _plain(value)
        for f in fields(settings)
        if (value := getattr(settings, f.name)) is not None and not f.metadata.get("fixed")
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return to_table(value)
    if isinstance(value, tuple | list):
        return [_plain(part) for part in value]
    return dict(value) if isinstance(value, dict) else value


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like another one, to be named in an error; or all of them."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known: {', '.join(names)}"


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _read_table(kinds: Sequence[type], table: Any, where: str, context: _Context) -> Any:
    if not isinstance(table, Mapping):
        raise context.error(f"[{where}] must be a table, got {table!r}")
    kind = kinds[0]
    if len(kinds) > 1:
        kind = _model(kinds, table, where, context)
        note = f" ([{where}] has model = {table.get('model', _models(kinds)[0])!r})"
        context = _Context(context.file, context.draw, note)
    hints, values, built = _hints(kind), {}, True
    known = {f.name: f for f in fields(cast(Any, kind)) if f.init}
    for key, value in table.items():
        place = f"{where}.{key}" if where else str(key)
        if key not in known:
            what, table_name = f"key {key!r}", f" in [{where}]" if where else ""
            if isinstance(value, Mapping) and not _is_leaf(value):
                what, table_name = f"table [{place}]", ""
            raise context.error(f"unknown {what}{table_name}{context.note}; {nearest(key, known)}")
        values[key] = _read(value, hints[key], known[key].metadata, place, context)
        built = built and values[key] is not _NOT_BUILT
    for key, f in known.items():
        if key not in values and f.default is MISSING and f.default_factory is MISSING:
            inside = f"[{where}]" if where else "the settings"
            raise context.error(f"{inside} lacks the key {key!r}; give it")
    if not built:
        return _NOT_BUILT
    try:
        return kind(**values)
    except ParameterError as error:
        raise context.error(f"[{where}] {error}" if where else str(error)) from None


def _is_leaf(value: Mapping[str, Any]) -> bool:
    """Whether an unknown key's table looks like a distribution, not like a table of settings."""
    return len(value) == 1 and isinstance(next(iter(value.values())), list)


def _models(kinds: Sequence[type]) -> list[str]:
    return [get_args(_hints(kind)["model"])[0] for kind in kinds]


def _model(kinds: Sequence[type], table: Mapping[str, Any], where: str, context: _Context) -> type:
    names = _models(kinds)
    model = table.get("model", names[0])
    if model not in names:
        known = " or ".join(map(repr, names))
        raise context.error(f"{where}.model must be {known}, got {model!r}")
    return kinds[names.index(model)]


def _read(value: Any, hint: Any, about: Mapping[str, Any], where: str, context: _Context) -> Any:
    """A value of a table as its field takes it."""
    options = [part for part in _options(hint) if part is not type(None)]
    tables = [part for part in options if is_dataclass(part)]
    if tables:
        return _read_table(cast("list[type]", tables), value, where, context)
    (hint,) = options
    if get_origin(hint) is dict:
        if not isinstance(value, Mapping):
            raise context.error(f"[{where}] must be a table, got {value!r}")
        inner = get_args(hint)[1]
        read = {k: _read(v, inner, about, f"{where}.{k}", context) for k, v in value.items()}
        return _NOT_BUILT if _NOT_BUILT in read.values() else read
    expected = _expected(hint, about)
    if isinstance(value, Mapping) and context.draw is not None:
        drawn = context.draw(value, where, expected)
        for example in drawn.examples:
            if not _fits(example, hint, about):
                raise context.error(
                    f"{where} must be {expected}, but {drawn.kind} can draw {example!r}{drawn.hint}"
                )
            _typed(example, hint, about, where, context)
        return _NOT_BUILT
    if not _fits(value, hint, about):
        raise context.error(f"{where} must be {expected}, got {value!r}")
    read = _typed(value, hint, about, where, context)
    if about.get("fixed") and read != about["value"]:
        raise context.error(
            f"{where} is fixed at {_plain(about['value'])!r} and cannot be {value!r}: "
            f"{about['fixed']}"
        )
    return read


def _options(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)


def _fits(value: Any, hint: Any, about: Mapping[str, Any]) -> bool:
    """Whether a plain value is of a type, and in its range."""
    if get_origin(hint) is tuple:
        kinds = _kinds(hint, value) if isinstance(value, list | tuple) else None
        return kinds is not None and all(
            _fits(v, of, about) for v, of in zip(value, kinds, strict=True)
        )
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if is_dataclass(hint) or hint is bool:
        return isinstance(value, bool if hint is bool else Mapping)
    if isinstance(value, bool) or not isinstance(value, (int, float) if hint is float else hint):
        return False
    if hint is str:
        return not about.get("choices") or value in about["choices"]
    return _in_range(value, about)


def _kinds(hint: Any, value: Sequence[Any]) -> Sequence[Any] | None:
    """The type of each entry of a list; None where there are too many or too few."""
    kinds = get_args(hint)
    if kinds[-1] is Ellipsis:
        return [kinds[0]] * len(value)
    return kinds if len(kinds) == len(value) else None


def _in_range(value: float, about: Mapping[str, Any]) -> bool:
    low, high = about.get("low"), about.get("high")
    if not math.isfinite(value) and not (high == math.inf and value == math.inf):
        return False
    if low is not None and not (value > low or (value == low and about["low_in"])):
        return False
    return high is None or value < high or (value == high and about["high_in"])


def _typed(value: Any, hint: Any, about: Mapping[str, Any], where: str, context: _Context) -> Any:
    """A value that fits, as the field holds it."""
    if get_origin(hint) is tuple:
        kinds = _kinds(hint, value) or ()
        return tuple(
            _typed(v, kind, about, f"{where}[{i}]", context)
            for i, (v, kind) in enumerate(zip(value, kinds, strict=True))
        )
    if is_dataclass(hint):
        return _read_table([cast(type, hint)], value, where, context)
    return float(value) if hint is float else value


def _expected(hint: Any, about: Mapping[str, Any]) -> str:
    """The values of a field, as a text."""
    if get_origin(hint) is tuple:
        inner = get_args(hint)
        many = "" if inner[-1] is Ellipsis else f"{len(inner)} "
        of = inner[0]
        if is_dataclass(of):
            return f"a list of {many}tables"
        rest = _range(about) if of is not str else _choices(about)
        return f"a list of {many}{_PLURALS[of]}{rest}"
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    if hint is str and about.get("choices"):
        return "one of " + ", ".join(map(repr, about["choices"]))
    return _WORDS[hint] + (_range(about) if hint in (int, float) else "")


def _choices(about: Mapping[str, Any]) -> str:
    choices = about.get("choices")
    return f" out of {', '.join(map(repr, choices))}" if choices else ""


def _range(about: Mapping[str, Any]) -> str:
    low, high = about.get("low"), about.get("high")
    parts = []
    if low is not None:
        parts.append(f" {'from' if about['low_in'] else 'above'} {low:g}")
    if high is not None and high != math.inf:
        parts.append(f" {'to' if about['high_in'] else 'to below'} {high:g}")
    return "".join(parts)
