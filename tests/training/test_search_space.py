"""Presets that give distributions, what is drawn from them, and the search over them."""

from __future__ import annotations

import copy
import json
import math
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emonets.errors import DataError, MediaError, ParameterError
from emonets.training import search_space
from emonets.training.preset import load_preset, load_section
from emonets.training.search_space import (
    Trial,
    best,
    describe,
    distributions,
    draw,
    draw_values,
    has_distributions,
    is_distribution,
    parse_distribution,
    random_search,
)

SPACE = """
name = "mine"

[audio]
model = "pooled perceptron"

[audio.network]
hidden_layer_sizes = { choice = [[350, 350], [500, 250]] }
pooling = { choice = ["top", "mean"] }
learning_rate = { log_uniform = [1e-4, 1e-2] }
pooled_dropout = { uniform = [0, 0.6] }
momentum = 0.46
l2 = { choice = [0, 1e-5] }
patience = { integers = [5, 7] }
n_epochs = { log_integers = [1, 1000] }
train_weights = [1.4, 0.6]

[audio.corpora]
emodb = { uniform = [0.0, 1.0] }
choice = 1.0
"""


def space(tmp_path: Path, text: str = SPACE) -> Path:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return file


@pytest.fixture
def preset(tmp_path: Path) -> dict[str, Any]:
    return load_preset(space(tmp_path), distributions=True)


whole = st.integers(-(2**52), 2**52)
finite = st.floats(allow_nan=False, allow_infinity=False)
above_0 = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
pairs: dict[str, st.SearchStrategy[Any]] = {
    "uniform": st.one_of(finite, whole),
    "log_uniform": above_0,
    "integers": whole,
    "log_integers": st.integers(1, 2**52),
}


@st.composite
def ranges(draws: st.DrawFn) -> dict[str, list[Any]]:
    kind = draws(st.sampled_from(sorted(pairs)))
    ends = draws(st.lists(pairs[kind], min_size=2, max_size=2, unique_by=float))
    return {kind: sorted(ends)}


@settings(max_examples=200, deadline=None)
@given(ranges(), st.floats(0, 1), st.floats(0, 1))
@example({"log_uniform": [1.7976931348621712e308, 1.7976931348621714e308]}, 0.0, 0.36)
def test_values_lie_within_and_in_order(table: dict[str, list[Any]], u: float, v: float) -> None:
    ((kind, (low, high)),) = table.items()
    found = parse_distribution(table, "x")
    first, second = found.at(min(u, v)), found.at(max(u, v))
    assert low <= first <= high
    # A logarithm's last digit may turn neighbours round
    assert first <= second or math.isclose(first, second, rel_tol=1e-12)
    assert type(first) is (int if "integers" in kind else float)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.text(), whole, finite, st.booleans()), min_size=1), st.floats(0, 1))
def test_a_choice_is_one_of_them(options: list[Any], u: float) -> None:
    assert parse_distribution({"choice": options}, "x").at(u) in options


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(st.text("abc", min_size=1), ranges(), min_size=1),
    ranges(),
    st.integers(0, 2**40),
    st.integers(0, 1000),
    st.randoms(use_true_random=False),
)
def test_draws_depend_on_nothing_else(
    tables: dict[str, Any], another: dict[str, Any], seed: int, trial: int, random: Any
) -> None:
    expected = draw_values({"net": tables}, seed, trial)
    names = list(tables)
    random.shuffle(names)
    larger = {"zzz": another, "net": {"new": another, **{name: tables[name] for name in names}}}
    values = draw_values(larger, seed, trial)
    assert {key: values[key] for key in expected} == expected
    assert list(values) == sorted(values)
    assert set(values) - set(expected) == {"zzz", "net.new"}


def test_draws_are_those_of_every_process() -> None:
    # Written down: a search that was interrupted goes on elsewhere, and after an update
    drawn = draw_values({"a": {"b": {"uniform": [0, 1]}}}, 3, 4)
    assert drawn == {"a.b": pytest.approx(0.3402101021041418, abs=1e-15)}


def test_seeds_trials_and_keys_draw_differently() -> None:
    table = {"uniform": [0.0, 1.0]}
    drawn = [
        value
        for seed in range(3)
        for trial in range(3)
        for value in draw_values({"a": table, "b": table}, seed, trial).values()
    ]
    assert len(set(drawn)) == len(drawn)


def drawn_often(table: dict[str, Any]) -> list[Any]:
    return [draw({"x": table}, 0, trial)["x"] for trial in range(3000)]


def test_how_often_what_is_drawn() -> None:
    n = 3000
    counts = Counter(drawn_often({"integers": [1, 3]}))
    assert set(counts) == {1, 2, 3}
    assert all(abs(count / n - 1 / 3) < 0.04 for count in counts.values())
    below = sum(x < 1e-3 for x in drawn_often({"log_uniform": [1e-4, 1e-2]}))
    assert abs(below / n - 0.5) < 0.04
    counts = Counter(drawn_often({"log_integers": [1, 100]}))
    assert min(counts) == 1
    assert max(counts) > 90
    assert 1.7 < counts[1] / counts[2] < 2.7  # 1/k would be 2


def test_a_draw_is_a_plain_preset(preset: dict[str, Any], tmp_path: Path) -> None:
    before = copy.deepcopy(preset)
    drawn = draw(preset, 0, 1)
    assert preset == before
    assert not has_distributions(drawn)
    assert has_distributions(preset)
    network = drawn["audio"]["network"]
    assert network["momentum"] == 0.46
    assert network["hidden_layer_sizes"] in ([350, 350], [500, 250])
    assert drawn["audio"]["corpora"]["choice"] == 1.0
    for where, value in draw_values(preset, 0, 1).items():
        table: Any = drawn
        for key in where.split("."):
            table = table[key]
        assert table == value
    # Nothing of it is the preset's own
    network["train_weights"].append(3)
    network["hidden_layer_sizes"].append(3)
    assert preset == before
    assert len(draw(preset, 0, 1)["audio"]["network"]["hidden_layer_sizes"]) == 2


def test_described(preset: dict[str, Any]) -> None:
    assert describe(preset).splitlines() == [
        "audio.corpora.emodb: uniform from 0.0 to 1.0",
        "audio.network.hidden_layer_sizes: one of [350, 350], [500, 250]",
        "audio.network.l2: one of 0, 1e-05",
        "audio.network.learning_rate: log-uniform from 0.0001 to 0.01",
        "audio.network.n_epochs: log-uniform whole numbers from 1 to 1000",
        "audio.network.patience: whole numbers from 5 to 7",
        "audio.network.pooled_dropout: uniform from 0.0 to 0.6",
        "audio.network.pooling: one of 'top', 'mean'",
    ]
    assert list(distributions(preset)) == [x.split(":")[0] for x in describe(preset).splitlines()]


def test_what_is_a_distribution() -> None:
    assert is_distribution({"uniform": [0, 1]})
    assert is_distribution({"choice": "wrong, but meant as one"})
    assert not is_distribution({"uniform": [0, 1], "choice": [1]})
    assert not is_distribution({"choice": 1.0})
    assert not is_distribution({"rho": [0, 1]})
    assert not is_distribution([0, 1])
    assert not is_distribution({})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("{ unifrom = [0, 1] }", "'unifrom' is no distribution; did you mean 'uniform'"),
        ("{ zzz = [0, 1] }", "known: uniform, log_uniform"),
        ("{ }", "a value or a table with one of uniform"),
        ("{ uniform = [0, 1], choice = [1] }", "a value or a table with one of uniform"),
        ("{ uniform = [1, 1] }", "from low to high"),
        ("{ uniform = [2, 1] }", "from low to high"),
        ("{ uniform = 1 }", r"must be \[low, high\]"),
        ("{ uniform = [0, 1, 2] }", r"must be \[low, high\]"),
        ("{ uniform = ['0', 1] }", "two finite numbers"),
        ("{ uniform = [false, true] }", "two finite numbers"),
        ("{ uniform = [0, inf] }", "two finite numbers"),
        ("{ uniform = [nan, 1] }", "two finite numbers"),
        (f"{{ uniform = [0, 1{'0' * 400}] }}", "two finite numbers"),
        ("{ log_uniform = [0, 1] }", "above 0"),
        ("{ log_integers = [0, 4] }", "above 0"),
        ("{ integers = [1.0, 4] }", "two whole numbers"),
        ("{ integers = [0, 9007199254740993] }", "two whole numbers of at most"),
        ("{ choice = [] }", "one or more"),
        ("{ choice = 'top' }", "one or more"),
        ("{ choice = [{ a = 1 }] }", "strings, numbers, true, false or lists"),
        ("{ choice = [[{ uniform = [0, 1] }]] }", "a choice of whole lists"),
        ("{ choice = ['top', 1.0] }", "must be a number .*choice can draw 'top'"),
        ("{ choice = [true] }", "choice can draw True$"),
    ],
)
def test_wrong_distributions(tmp_path: Path, value: str, message: str) -> None:
    file = space(tmp_path, f"[audio.network]\nrho = {value}")
    with pytest.raises(ParameterError, match=message) as error:
        load_preset(file, distributions=True)
    assert str(error.value).startswith(f"{file}: audio.network.rho")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("patience = { uniform = [1, 4] }", "patience must be .*take integers or log_integers"),
        ("patience = { log_uniform = [1, 4] }", "take integers or log_integers"),
        ("patience = { choice = [1, 2.5] }", "can draw 2.5"),
        ("pooling = { integers = [1, 4] }", "pooling must be .*take a choice"),
        ("distinct = { integers = [0, 1] }", "distinct must be .*take a choice"),
        ("activations = { choice = ['relu'] }", "activations must be .*can draw 'relu'"),
        ("activations = [{ choice = ['relu'] }]", "network.activations: a list holds the dist"),
        ("activations = [[{ a = { uniform = [0, 1] } }]]", "activations: a list holds the dist"),
        ("rho = { uniform = [0, 1] }", "rho must be a number from 0 to below 1, .* can draw 1.0$"),
        ("patience = { integers = [0, 4] }", "patience must be .* from 1, .* can draw 0$"),
        ("learning_rat = { uniform = [0, 1] }", "did you mean 'learning_rate'"),
        ("choice = [{ rho = 0.9 }]", r"unknown key 'choice' in \[audio.network\]"),
    ],
)
def test_wrong_types(tmp_path: Path, line: str, message: str) -> None:
    file = space(tmp_path, f"[audio.network]\n{line}")
    with pytest.raises(ParameterError, match=message) as error:
        load_preset(file, distributions=True)
    assert str(error.value).startswith(f"{file}: ")


@pytest.mark.parametrize(
    "line",
    [
        "l2 = { integers = [0, 1] }",
        "l2 = { log_integers = [1, 4] }",
        "rho = { choice = [0, 0.5] }",
        "distinct = { choice = [true, false] }",
        "activations = { choice = [['relu'], ['sigmoid', 'relu']] }",
    ],
)
def test_types_that_fit(tmp_path: Path, line: str) -> None:
    file = space(tmp_path, f"[audio.network]\n{line}")
    section = load_section(file, "audio", distributions=True)
    assert is_distribution(next(iter(section["network"].values())))
    with pytest.raises(ParameterError, match="--trials N"):
        load_section(file, "audio")


def test_layers_may_be_chosen_whole_only(tmp_path: Path) -> None:
    layers = "[[{ n_components = 350 }, { n_components = 100 }], [{ n_components = 10 }]]"
    text = f"[audio.pretraining]\nlayers = {{ choice = {layers} }}"
    preset = load_preset(space(tmp_path, text), distributions=True)
    assert len(distributions(preset)["audio.pretraining.layers"].values) == 2
    text = "[[audio.pretraining.layers]]\nlearning_rate = { log_uniform = [1e-4, 1e-3] }"
    for wanted in (False, True):
        with pytest.raises(ParameterError, match=r"mine.toml: audio.pretraining.layers: a list"):
            load_preset(space(tmp_path, text), distributions=wanted)


def test_refused_where_nothing_is_searched(tmp_path: Path) -> None:
    file = space(tmp_path)
    with pytest.raises(
        ParameterError, match=r"distribution .*emonets train \.\.\. --trials N"
    ) as e:
        load_preset(file)
    assert str(e.value).startswith(f"{file}: audio.network.hidden_layer_sizes ")
    # A table that means nothing is what it was
    with pytest.raises(ParameterError, match=r"rho must be .*, got \{'a': 1\}"):
        load_preset(space(tmp_path, "[audio.network]\nrho = { a = 1 }"))


def test_presets_of_the_package_have_none() -> None:
    for name in ("paper", "modern"):
        assert load_preset(name, distributions=True) == load_preset(name)
        assert not has_distributions(load_preset(name))


def test_new_keys(tmp_path: Path) -> None:
    text = """
    fusion = { strategy = "mean", coverage = 0.9 }
    audio.clips = { base = "a", head = "none" }
    face.clips = { base = "a", slots = 10 }
    mouth.every = 2
    """
    preset = load_preset(space(tmp_path, text))
    assert preset["fusion"]["coverage"] == 0.9


def test_programmes_are_told_too() -> None:
    wrong = {"audio": {"network": {"rho": {"uniform": "x"}}}}
    with pytest.raises(ParameterError, match=r"^mine.toml: audio.network.rho: uniform must be"):
        distributions(wrong, file="mine.toml")
    with pytest.raises(ParameterError, match=r"audio\.network\.rho"):
        draw(wrong, 0, 0)
    for seed, trial in ((-1, 0), (0, -1), (0.5, 0), (True, 0)):
        with pytest.raises(ParameterError, match="must be a whole number from 0 on"):
            draw({"x": {"uniform": [0, 1]}}, seed, trial)  # type: ignore[arg-type]


# --- the search


def rho(preset: dict[str, Any]) -> float:
    return float(preset["network"]["rho"])


RHO = {"network": {"rho": {"uniform": [0.0, 1.0]}, "l2": 0.1}}


def test_search_finds_the_best_it_drew() -> None:
    told: list[Trial] = []
    trials = random_search(RHO, rho, trials=20, seed=3, progress=told.append)
    assert told == trials
    assert [t.number for t in trials] == list(range(20))
    assert all(t.score == t.values["network.rho"] and t.seconds >= 0 for t in trials)
    top = best(trials)
    assert top.score == max(t.score for t in trials)
    assert draw(RHO, 3, top.number)["network"] == {"rho": top.score, "l2": 0.1}


def test_a_score_may_change_its_preset() -> None:
    def score(preset: dict[str, Any]) -> float:
        preset["x"].append(1)
        return 1.0

    options = {"x": {"choice": [[2], [3]]}}
    for trial in random_search(options, score, trials=3):
        assert trial.values["x"] in ([2], [3])


def test_of_equals_the_first() -> None:
    trials = [Trial(number, {}, score, 0.0) for number, score in ((3, 1.0), (0, 0.5), (2, 1.0))]
    assert best(trials).number == 2
    with pytest.raises(DataError, match="no trial"):
        best([])


def test_failures_are_kept_and_searched_past() -> None:
    def score(preset: dict[str, Any]) -> float:
        if rho(preset) < 0.5:
            raise MediaError("a.mp4", "too short")
        return math.nan if rho(preset) < 0.6 else rho(preset)

    trials = random_search(RHO, score, trials=30)
    assert {t.problem for t in trials} == {"", "a.mp4: too short", "the score is nan"}
    assert all((t.score == -math.inf) == bool(t.problem) for t in trials)
    assert best(trials).score > 0.6
    failed = [t for t in trials if t.problem]
    with pytest.raises(DataError, match=f"all {len(failed)} trials failed; trial .*: a.mp"):
        best(failed)


def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        random_search(RHO, lambda _: 1 / 0, trials=2)


class Clock:
    """A clock that only a score moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def score(self, preset: dict[str, Any]) -> float:
        self.now += 10.0
        return rho(preset)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(search_space, "time", SimpleNamespace(perf_counter=lambda: clock.now))
    return clock


@pytest.mark.parametrize(("seconds", "ran"), [(0, 1), (10, 1), (11, 2), (30, 3), (1000, 5)])
def test_time_is_over(clock: Clock, seconds: float, ran: int) -> None:
    trials = random_search(RHO, clock.score, trials=5, seconds=seconds)
    assert len(trials) == ran
    assert {t.seconds for t in trials} == {10.0}


def test_gone_on(clock: Clock) -> None:
    whole = random_search(RHO, clock.score, trials=6, seed=1)
    done = {t.number: Trial.from_dict(json.loads(json.dumps(t.to_dict()))) for t in whole}
    told: list[Trial] = []
    some = {number: done[number] for number in (0, 1, 4)}
    assert random_search(RHO, clock.score, trials=6, seed=1, done=some, progress=told.append) == (
        whole
    )
    assert [t.number for t in told] == [2, 3, 5]
    # What was done counts, and is kept beyond the time
    short = random_search(RHO, clock.score, trials=6, seed=1, done=some, seconds=35)
    assert [t.number for t in short] == [0, 1, 2, 4]
    over = random_search(RHO, clock.score, trials=6, seed=1, done=some, seconds=30)
    assert [t.number for t in over] == [0, 1, 4]
    # Nor is more looked at than was asked for
    assert random_search(RHO, clock.score, trials=3, seed=1, done=done) == whole[:3]
    with pytest.raises(DataError, match=r"trial 0 in the store has other values"):
        random_search(RHO, clock.score, trials=6, seed=2, done=done)


def test_wrong_budgets() -> None:
    for trials in (0, -1, 1.5, True):
        with pytest.raises(ParameterError, match="trials must be"):
            random_search(RHO, rho, trials=trials)  # type: ignore[arg-type]
    for seconds in (-1.0, math.nan, "1"):
        with pytest.raises(ParameterError, match="seconds must be"):
            random_search(RHO, rho, trials=1, seconds=seconds)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="no distribution"):
        random_search({"network": {"rho": 0.5}}, rho, trials=2)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 100),
    st.dictionaries(st.text(), st.one_of(finite, whole, st.text(), st.lists(finite))),
    st.one_of(st.none(), finite),
    st.floats(0, 1e9),
)
def test_there_and_back(
    number: int, values: dict[str, Any], score: float | None, seconds: float
) -> None:
    trial = (
        Trial(number, values, -math.inf, seconds, "broken")
        if score is None
        else Trial(number, values, score, seconds)
    )
    text = json.dumps(trial.to_dict(), allow_nan=False)
    assert Trial.from_dict(json.loads(text)) == trial


@pytest.mark.parametrize(
    "change",
    [
        {"number": -1}, {"number": "1"}, {"values": [1]}, {"score": None}, {"score": "1"},
        {"score": math.inf}, {"seconds": -1}, {"seconds": None}, {"problem": None},
        {"problem": "but it has a score"},
    ],
)  # fmt: skip
def test_no_trials(change: dict[str, Any]) -> None:
    plain = Trial(1, {"a": 1}, 0.5, 2.0).to_dict()
    assert Trial.from_dict(plain).score == 0.5
    with pytest.raises(DataError, match="a trial's"):
        Trial.from_dict(plain | change)
    with pytest.raises(DataError, match="must be a table"):
        Trial.from_dict([plain])


def test_seconds_are_those_of_the_score() -> None:
    def slow(preset: dict[str, Any]) -> float:
        time.sleep(0.02)
        return 1.0

    assert 0.02 <= random_search(RHO, slow, trials=1)[0].seconds < 5
