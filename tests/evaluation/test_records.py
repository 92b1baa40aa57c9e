"""Results survive writing, merging and reading, and wrong ones never get that far."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from emonets.errors import DataError, ParameterError
from emonets.evaluation.metrics import evaluate
from emonets.evaluation.records import Evidence, markdown, read_results, score_rows, write_results

UAR = Evidence(
    what="audio modern",
    data="ravdess_speech",
    classes=7,
    split="5 actor-independent folds",
    group="actor",
    n=1440,
    metric="uar",
    value=0.62,
    low=0.59,
    high=0.65,
    seed=0,
    command="python benchmarks/audio_ravdess.py",
)
SPEED = Evidence(
    what="face path / fer", data="crema_d", metric="ratio", value=2.5, command="python speed.py"
)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    write_results("audio", [UAR, SPEED], tmp_path)
    assert read_results("audio", tmp_path) == [UAR, SPEED]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["audio.json", "audio.md"]


def test_file_is_a_list_of_rows_with_keys_in_the_agreed_order(tmp_path: Path) -> None:
    write_results("audio", [UAR, SPEED], tmp_path)
    text = (tmp_path / "audio.json").read_text(encoding="utf-8")
    rows = json.loads(text)
    assert list(rows[0]) == [
        "what", "data", "classes", "split", "group", "n", "dropped",
        "metric", "value", "low", "high", "seed", "command",
    ]  # fmt: skip
    assert rows[0]["value"] == 0.62
    assert rows[1]["low"] is None
    assert len(text.splitlines()) == 4  # one line a row
    write_results("audio", [UAR], tmp_path)
    assert (tmp_path / "audio.json").read_text(encoding="utf-8") == text


def test_merging_replaces_in_place_and_keeps_the_rest(tmp_path: Path) -> None:
    other = replace(UAR, metric="accuracy")
    write_results("audio", [UAR, other, SPEED], tmp_path)
    newer = replace(other, value=0.7, high=0.8, seed=5, n=7)
    added = replace(UAR, split="another")
    rows = write_results("audio", [added, newer], tmp_path)
    assert rows == [UAR, newer, SPEED, added]
    assert read_results("audio", tmp_path) == rows
    assert "70.0 %" in (tmp_path / "audio.md").read_text(encoding="utf-8")


def test_mappings_and_numpy_numbers_are_rows_too(tmp_path: Path) -> None:
    row = asdict(UAR) | {
        "value": np.float32(0.5),
        "n": np.int64(3),
        "low": 0,
        "high": np.float64(1),
    }
    (read,) = write_results("audio", [row], tmp_path)
    assert (read.value, read.n, read.low, read.high) == (0.5, 3, 0.0, 1.0)
    assert read_results("audio", tmp_path) == [read]


def test_numbers_are_kept_to_six_digits(tmp_path: Path) -> None:
    write_results("audio", [replace(UAR, value=0.6123456789)], tmp_path)
    assert read_results("audio", tmp_path)[0].value == 0.612346


def test_notes_are_stored_only_where_there_is_one(tmp_path: Path) -> None:
    noted = replace(UAR, split="x", note="chosen on the test set")
    write_results("audio", [UAR, noted], tmp_path)
    first, second = json.loads((tmp_path / "audio.json").read_text(encoding="utf-8"))
    assert "note" not in first
    assert second["note"] == noted.note
    assert read_results("audio", tmp_path)[1] == noted
    assert "chosen on the test set" in markdown([noted])


def test_markdown_has_a_line_a_system_and_a_column_a_metric() -> None:
    accuracy = replace(UAR, metric="accuracy", value=0.6, low=0.5, high=0.7)
    text = markdown([accuracy, UAR, SPEED, replace(SPEED, what="a|b\nc", value=123456.7)])
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "| 60.0 % [50.0, 70.0] | 62.0 % [59.0, 65.0] |" in lines[2]
    assert "dropped" not in lines[0]
    assert "| 2.5 |" in lines[3]
    assert "a\\|b c" in lines[4]
    assert "123,457" in lines[4]
    assert text.count("python benchmarks/audio_ravdess.py") == 1
    assert "over groups where one is named" in text
    assert "bootstrap" not in markdown([SPEED])
    assert markdown([]) == "No results yet.\n"


def test_rows_of_an_evaluation() -> None:
    y = np.array([0, 0, 3, 3, 6, 6, 6, 2])
    e = evaluate(y, np.array([0, 1, 3, 3, 6, 6, 0, 2]), seed=4)
    rows = score_rows(e, what="net", data="set", split="test", command="c", per_class=True)
    assert [r.metric for r in rows] == [
        "accuracy", "uar", "recall angry", "recall fear", "recall happy", "recall neutral",
    ]  # fmt: skip
    assert rows[0].value == pytest.approx(6 / 8)
    assert (rows[1].low, rows[1].high) == (e.uar.low, e.uar.high)
    assert {(r.classes, r.n, r.seed) for r in rows} == {(4, 8, 4)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"value": 62.0}, "value must lie in 0..1, not in per cent"),
        ({"high": 1.2}, "high must lie in 0..1"),
        ({"metric": "recall angry", "value": -0.1}, "0..1"),
        ({"value": float("nan")}, "value must be a finite number"),
        ({"value": "0.5"}, "value must be a finite number"),
        ({"value": None}, "value must be a finite number"),
        ({"value": True}, "value must be a finite number"),
        ({"low": None}, "other end"),
        ({"low": 0.7}, "not lie above high"),
        ({"n": -1}, "n must be a whole number"),
        ({"n": 1.5}, "n must be a whole number"),
        ({"dropped": None}, "dropped must be a whole number"),
        ({"what": " "}, "what must not be empty"),
        ({"command": ""}, "command must not be empty"),
        ({"split": None}, "split must be text"),
    ],
)
def test_wrong_rows_are_refused(change: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        replace(UAR, **change)
    with pytest.raises(DataError, match=f"new row 1: .*{message}"):
        write_results("audio", [SPEED, asdict(UAR) | change], tmp_path)
    assert not list(tmp_path.iterdir())


def test_rows_with_other_keys_are_refused(tmp_path: Path) -> None:
    row = asdict(UAR)
    del row["command"]
    with pytest.raises(DataError, match="missing command; unknown colour"):
        write_results("audio", [row | {"colour": 1}], tmp_path)
    with pytest.raises(DataError, match="expected a row, found a int"):
        write_results("audio", [5], tmp_path)  # type: ignore[list-item]
    with pytest.raises(DataError, match="two rows for audio modern"):
        write_results("audio", [UAR, replace(UAR, value=0.6)], tmp_path)
    with pytest.raises(DataError, match="no rows"):
        write_results("audio", [], tmp_path)


@pytest.mark.parametrize("name", ["../audio", "Audio", "a b", "", "audio.json"])
def test_names_stay_in_their_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="small letters"):
        write_results(name, [UAR], tmp_path)
    with pytest.raises(ParameterError, match="small letters"):
        read_results(name, tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not readable as JSON"),
        ("[{", "not readable as JSON"),
        ("{}", "expected a list of rows, found a dict"),
        ("[3]", "row 0: expected a row"),
        ('[{"what": "x"}]', "row 0: missing data, metric, value, command"),
        ("[" * 100_000, "not readable as JSON"),
    ],
)
def test_damaged_files_are_named_and_kept(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "audio.json"
    path.write_text(text)
    with pytest.raises(DataError, match=f"audio.json: .*{message}"):
        read_results("audio", tmp_path)
    with pytest.raises(DataError, match=message):
        write_results("audio", [UAR], tmp_path)
    assert path.read_text() == text


def test_missing_results_say_what_there_is(tmp_path: Path) -> None:
    write_results("speed", [SPEED], tmp_path)
    with pytest.raises(DataError, match="there are speed"):
        read_results("audio", tmp_path)


def test_results_in_the_project_are_sound() -> None:
    folder = Path(__file__).resolve().parents[2] / "docs" / "results"
    for path in sorted(folder.glob("*.json")):
        rows = read_results(path.stem, folder)
        twin = path.with_suffix(".md").read_text(encoding="utf-8")
        assert twin.endswith(markdown(rows)), f"{path.stem}.md is not made from {path.name}"


def test_the_table_has_the_numbers_of_the_file(tmp_path: Path) -> None:
    about = {"what": "x", "data": "d", "metric": "ratio", "n": 1, "command": "c"}
    for value in (72.4449996, 4.4750000000001, 0.12344999):
        rows = write_results("twice", [Evidence(value=value, **about)], tmp_path)
        assert rows == read_results("twice", tmp_path)
        twin = (tmp_path / "twice.md").read_text(encoding="utf-8")
        assert twin.endswith(markdown(read_results("twice", tmp_path)))
