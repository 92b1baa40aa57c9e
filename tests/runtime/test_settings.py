"""Tables against settings dataclasses: what is built, and every way of being wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest

from emonets.errors import ParameterError
from emonets.runtime.settings import Drawn, check_table, from_table, nearest, setting, to_table


@dataclass(frozen=True, kw_only=True)
class Layer:
    units: int = setting(low=1)
    kind: Literal["relu", "tanh"] = "relu"


@dataclass(frozen=True, kw_only=True)
class Training:
    epochs: int = setting(15, section="3.2", low=1)
    momentum: float = setting(0.9, low=0, high=1, high_in=False)
    bound: float = setting(6.0, low=0, low_in=False, high=math.inf)
    names: tuple[str, ...] = setting(("a",), choices=("a", "b"))
    grid: tuple[int, int] = setting((4, 4), low=1)
    width: int = setting(909, fixed="the features are 909")
    longest: int | None = setting(None, low=1)
    quick: bool = setting(False)
    shares: dict[str, float] = setting({"x": 1.0}, low=0)
    layers: tuple[Layer, ...] = ()

    def __post_init__(self) -> None:
        if self.epochs == 13:
            raise ParameterError("epochs: not 13")


@dataclass(frozen=True, kw_only=True)
class Small:
    model: Literal["small"] = "small"
    training: Training = field(default_factory=Training)


@dataclass(frozen=True, kw_only=True)
class Large:
    model: Literal["large"] = "large"
    depth: int = 3


FULL: dict[str, Any] = {
    "epochs": 3, "momentum": 0, "bound": math.inf, "names": ["b", "a"], "grid": [2, 3],
    "width": 909, "longest": 7, "quick": True, "shares": {"emodb": 1}, "layers": [{"units": 5}],
}  # fmt: skip


def test_a_table_and_back() -> None:
    made = from_table(Training, FULL)
    assert made.layers == (Layer(units=5),)
    assert made.names == ("b", "a")
    assert made.grid == (2, 3)
    assert type(made.momentum) is float
    assert made.shares == {"emodb": 1.0}
    table = to_table(made)
    assert "width" not in table
    assert table["layers"] == [{"units": 5, "kind": "relu"}]
    assert from_table(Training, table) == made
    assert to_table(from_table(Training, {})).keys().isdisjoint({"longest", "width"})
    assert from_table(Training, {}) == Training()


def test_a_model_decides() -> None:
    assert from_table((Small, Large), {"model": "large"}) == Large()
    assert from_table((Small, Large), {}) == Small()
    with pytest.raises(ParameterError, match=r"^f: x.model must be 'small' or 'large', got 'huge'"):
        from_table((Small, Large), {"model": "huge"}, "x", file="f")
    with pytest.raises(
        ParameterError, match=r"unknown key 'depth' in \[x\] \(\[x\] has model = 'small'\); known: "
    ):
        from_table((Small, Large), {"depth": 3}, "x")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"epoch": 3}, r"unknown key 'epoch' in \[t\]; did you mean 'epochs'\?"),
        ({"zzz": 3}, r"unknown key 'zzz' in \[t\]; known: epochs, momentum, .*"),
        ({"share": {"x": 1}}, r"unknown table \[t.share\]; did you mean 'shares'\?"),
        ({"epochs": 0}, "t.epochs must be a whole number from 1, got 0"),
        ({"epochs": 1.0}, "t.epochs must be a whole number from 1, got 1.0"),
        ({"epochs": True}, "t.epochs must be a whole number from 1, got True"),
        ({"epochs": {"a": 1}}, "t.epochs must be a whole number from 1, got {'a': 1}"),
        ({"epochs": 13}, r"\[t\] epochs: not 13"),
        ({"momentum": 1}, "t.momentum must be a number from 0 to below 1, got 1"),
        ({"momentum": math.nan}, "t.momentum must be a number from 0 to below 1, got nan"),
        ({"momentum": "much"}, "t.momentum must be a number from 0 to below 1, got 'much'"),
        ({"bound": 0}, "t.bound must be a number above 0, got 0"),
        ({"bound": math.nan}, "t.bound must be a number above 0, got nan"),
        ({"names": ["c"]}, r"t.names must be a list of texts out of 'a', 'b', got \['c'\]"),
        ({"names": "a"}, "t.names must be a list of texts out of 'a', 'b', got 'a'"),
        ({"grid": [1]}, r"t.grid must be a list of 2 whole numbers from 1, got \[1\]"),
        ({"grid": [1, 0]}, r"t.grid must be a list of 2 whole numbers from 1, got \[1, 0\]"),
        ({"width": 3}, "t.width is fixed at 909 and cannot be 3: the features are 909"),
        ({"width": "909"}, "t.width must be a whole number, got '909'"),
        ({"longest": 0}, "t.longest must be a whole number from 1, got 0"),
        ({"quick": 1}, "t.quick must be true or false, got 1"),
        ({"shares": 3}, r"\[t.shares\] must be a table, got 3"),
        ({"shares": {"emodb": -1}}, "t.shares.emodb must be a number from 0, got -1"),
        ({"layers": 3}, "t.layers must be a list of tables, got 3"),
        ({"layers": [3]}, r"t.layers must be a list of tables, got \[3\]"),
        ({"layers": [{}]}, r"\[t.layers\[0\]\] lacks the key 'units'; give it"),
        ({"layers": [{"unit": 3}]}, r"unknown key 'unit' in \[t.layers\[0\]\]; did you mean 'u.*"),
        (
            {"layers": [{"units": 3, "kind": "x"}]},
            r"t.layers\[0\].kind must be one of 'relu', 'tanh', got 'x'",
        ),
        (3, r"\[t\] must be a table, got 3"),
    ],
)
def test_what_is_wrong(table: Any, message: str) -> None:
    with pytest.raises(ParameterError, match=f"^mine.toml: {message}$"):
        from_table(Training, table, "t", file="mine.toml")
    with pytest.raises(ParameterError, match=f"^mine.toml: {message}$"):
        check_table(Training, table, "t", file="mine.toml")


def test_values_that_are_yet_to_be_drawn() -> None:
    calls: list[str] = []

    def draw(value: Mapping[str, Any], where: str, expected: str) -> Drawn:
        calls.append(f"{where}: {expected}")
        return Drawn(tuple(value["of"]), "of", "; take another")

    check_table(Training, {"epochs": {"of": [1, 2]}, "grid": {"of": [[1, 2]]}}, "t", draw=draw)
    assert calls == [
        "t.epochs: a whole number from 1",
        "t.grid: a list of 2 whole numbers from 1",
    ]
    # what the values have in common cannot be checked yet
    check_table(Small, {"training": {"epochs": {"of": [13]}}}, draw=draw)
    check_table(Training, {"shares": {"x": {"of": [0.5]}}}, draw=draw)
    with pytest.raises(ParameterError, match=r"^t.epochs must be .*, but of can draw 0"):
        check_table(Training, {"epochs": {"of": [1, 0]}}, "t", draw=draw)
    with pytest.raises(ParameterError, match=r"can draw 3; take another$"):
        check_table(Training, {"layers": {"of": [[{"units": 1}], 3]}}, "t", draw=draw)
    with pytest.raises(ParameterError, match="lacks the key 'units'"):
        check_table(Training, {"layers": {"of": [[{}]]}}, "t", draw=draw)


def test_the_nearest_name() -> None:
    assert nearest("epoch", ["momentum", "epochs"]) == "did you mean 'epochs'?"
    assert nearest("zzz", ["momentum", "epochs"]) == "known: momentum, epochs"
