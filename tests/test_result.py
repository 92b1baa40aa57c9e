from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import ParameterError
from emonets.inference.windows import windows
from emonets.result import COLUMNS, FileStatus, PersonSeen, Result, Row, write_whole

P = (0.1, 0.0, 0.05, 0.6, 0.05, 0.1, 0.1)
U = (1 / 7,) * 7
RESULT = Result(
    (
        Row("a, b.mp4", 0, 0.0, 1.25, True, "face", P),
        Row("a, b.mp4", None, 0.0, 2.0, True, "face", P),
        Row("ünï.mp4", None, 0.0, 3.0, False, "face", U),
    ),
    (FileStatus("a, b.mp4", "ok"), FileStatus("ünï.mp4", "no face", "none")),
    {"bundle": "paper"},
)


def test_columns_and_types() -> None:
    frame = RESULT.to_pandas()
    assert tuple(frame.columns) == COLUMNS
    assert frame["label"].tolist()[:2] == ["happy", "happy"]
    assert pd.isna(frame["label"][2])
    assert pd.isna(frame["track"][1])
    assert frame["track"][0] == 0
    assert frame["face_found"].tolist() == [True, True, False]
    np.testing.assert_allclose(frame[list(EMOTIONS)].sum(axis=1), 1)


def test_empty_has_the_same_columns() -> None:
    frame = Result().to_pandas()
    assert tuple(frame.columns) == COLUMNS
    assert Result().to_csv().strip() == ",".join(COLUMNS)
    assert not Result().failed


def test_csv(tmp_path: Path) -> None:
    text = RESULT.to_csv(tmp_path / "r.csv")
    again = pd.read_csv(io.StringIO((tmp_path / "r.csv").read_text("utf-8")))
    assert list(again["file"]) == ["a, b.mp4", "a, b.mp4", "ünï.mp4"]
    assert text.splitlines()[0] == ",".join(COLUMNS)
    np.testing.assert_allclose(again[list(EMOTIONS)].to_numpy()[0], P)


def test_json_there_and_back() -> None:
    content = json.loads(RESULT.to_json())
    assert content["schema_version"] == 2
    assert content["rows"][2]["label"] is None
    assert Result.from_json(RESULT.to_json()) == RESULT


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": "x", "schema_version": 1}'])
def test_foreign_json(text: str) -> None:
    with pytest.raises(ParameterError):
        Result.from_json(text)


def test_parquet(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    RESULT.to_parquet(tmp_path / "r.parquet")
    again = pd.read_parquet(tmp_path / "r.parquet")
    assert tuple(again.columns) == COLUMNS
    assert again["file"].tolist() == RESULT.to_pandas()["file"].tolist()


def test_write_whole_leaves_nothing_behind(tmp_path: Path) -> None:
    write_whole(tmp_path / "deep" / "x", b"1")
    write_whole(tmp_path / "deep" / "x", b"2")
    assert (tmp_path / "deep" / "x").read_bytes() == b"2"
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_failed() -> None:
    assert RESULT.failed
    assert not Result((), (FileStatus("a", "ok"),)).failed


@settings(deadline=None)  # a busy machine is no failure
@given(st.floats(0, 100), st.floats(0, 500), st.floats(0.1, 20), st.none() | st.floats(0.1, 20))
def test_windows_cover_everything(
    start: float, length: float, window: float, hop: float | None
) -> None:
    end = start + length
    found = windows(start, end, window, hop)
    step = window if hop is None else hop
    assert found[0][0] == start
    assert found[-1][1] >= end - 1e-6
    assert all(b - a == pytest.approx(window) for a, b in found)
    assert all(y[0] - x[0] == pytest.approx(step) for x, y in itertools.pairwise(found))
    if len(found) > 1:
        assert found[-2][1] < end + 1e-6  # the last one is needed


def test_one_window_without_length() -> None:
    assert windows(1.0, 3.0, None, None) == [(1.0, 3.0)]


@pytest.mark.parametrize(
    ("window", "hop"), [(0, 1), (-1, None), (1, 0), (float("nan"), 1), (1e-9, 1)]
)
def test_bad_windows(window: float, hop: float | None) -> None:
    with pytest.raises(ParameterError, match="seconds or more"):
        windows(0, 1, window, hop)


def test_emotion_names() -> None:
    assert [emotion_index(name) for name in EMOTIONS] == list(range(7))
    assert emotion_index(" Anger ") == 0
    assert emotion_index("calm") == 6
    with pytest.raises(KeyError, match="angry, disgust"):
        emotion_index("boredom")


def test_boxes_there_and_back(tmp_path: Path) -> None:
    box = (10.0, -2.5, 40.0, 41.5)
    face = Row("a.mp4", 0, 0.0, 1.0, True, "face", P, level="face", box=box, usable=0.75)
    result = Result((face, Row("a.mp4", None, 0.0, 1.0, True, "face", P)))
    assert Result.from_json(result.to_json()) == result
    table = pd.read_csv(io.StringIO(result.to_csv()))
    assert table[["x", "y", "w", "h", "usable"]].to_numpy()[0].tolist() == [*box, 0.75]
    assert table[["x", "usable"]].isna().to_numpy()[1].all()


def test_version_1_of_json_is_read() -> None:
    content = json.loads(RESULT.to_json())
    content["schema_version"] = 1
    for row in content["rows"]:
        for name in ("x", "y", "w", "h", "usable"):
            del row[name]
    assert Result.from_json(json.dumps(content)) == RESULT
    content["schema_version"] = 3
    with pytest.raises(ParameterError, match=r"version 3, expected emonets\.result version 1 or 2"):
        Result.from_json(json.dumps(content))


def test_persons_survive_json() -> None:
    person = PersonSeen(
        "a.mp4", 0, (0, 2), np.array([0.04, 0.24]), np.array([[1, 2, 3, 4.5], [1, 2, 3, 5]]), 0.5,
        b"\xff\xd8picture", np.arange(128, dtype=np.float32),
    )  # fmt: skip
    row = Row("a.mp4", 2, 0.0, 1.0, True, "face", P, person=0, speech=0.25, speaks=True)
    result = Result((row,), (FileStatus("a.mp4", "ok"),), {}, (person,))
    again = Result.from_json(result.to_json())
    assert again == result
    assert again.persons[0].boxes.shape == (2, 4)
    assert Result.concatenate([result, again]).persons == (person, person)
    assert again != Result(result.rows, result.files, {}, ())
    table = result.to_pandas()
    assert (table["person"][0], table["speech"][0], table["speaks"][0]) == (0, 0.25, True)
