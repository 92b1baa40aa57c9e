"""Data frames and pages of results that are made up."""

from __future__ import annotations

import json
import pickle
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emonets.emotions import EMOTIONS
from emonets.result import FileStatus, Result, Row
from emonets.result_html import LABEL_COLOURS, ink, result_html, shade
from emonets.result_tables import (
    CLIP_COLUMNS,
    PERSON_COLUMNS,
    WINDOW_COLUMNS,
    persons_table,
    shown_rows,
    union,
    without,
)
from made_results import clip_row, face_row, failed, film, p_of

BOTH = Result.concatenate([film(), failed()])


def test_clips_have_a_row_a_file() -> None:
    table = BOTH.clips()
    assert tuple(table.columns) == CLIP_COLUMNS
    assert table["file"].tolist() == ["film.mp4", "broken.mp4"]
    assert table["model"][0] == "face+audio"
    assert (table["label"][0], table["persons"].tolist()) == ("happy", [2, 0])
    assert pd.isna(table["happy"][1])
    assert table["message"][1] == "is empty"


def test_persons_have_means_by_time_and_shares() -> None:
    table = BOTH.persons()
    assert tuple(table.columns) == PERSON_COLUMNS
    first, second = table.to_dict("records")
    assert (first["usable"], second["usable"]) == (0.9, 0.25)
    assert first["seen"] == pytest.approx(20.0)
    assert second["seen"] == pytest.approx(10.0)
    assert (first["first"], first["last"]) == (0.0, 20.0)
    assert second["last"] == 10.0
    assert first["share_happy"] == 0.5
    assert first["share_sad"] == 0.5
    assert second["share_angry"] == 1.0
    assert sum(first[name] for name in EMOTIONS) == pytest.approx(1)
    assert (first["x"], first["w"], first["speaks"], second["speaks"]) == (10.0, 64.0, 1.0, 0.0)


def test_longer_rows_count_more_and_skipped_ones_do_not() -> None:
    rows = (face_row("a", 0, 0, 9, "happy"), face_row("a", 0, 9, 10, "sad"))
    result = Result((*rows, clip_row("a", 0, 10, "happy")), (FileStatus("a", "ok"),))
    assert result.persons()["share_happy"][0] == pytest.approx(0.9)
    skipped = persons_table(result, {"a": [(0, 8.5)]})
    assert skipped["share_happy"][0] == pytest.approx(1 / 3)
    nothing = persons_table(result, {"a": [(0, 10)]})
    assert nothing["label"].isna().all()


def test_uncertain_rows_have_a_share_of_their_own() -> None:
    rows = (face_row("a", 0, 0, 5, "happy"), face_row("a", 0, 5, 10, "sad", uncertain=True))
    table = Result((*rows, clip_row("a", 0, 10, "happy"))).persons()
    assert (table["share_uncertain"][0], table["share_sad"][0]) == (0.5, 0.0)


def test_windows_are_the_fused_rows() -> None:
    table = film().windows()
    assert tuple(table.columns) == WINDOW_COLUMNS
    assert set(table["model"]) == {"face+audio"}
    assert len(table) == 6
    assert table["usable"].tolist().count(0.5) == 2
    assert table["certainty"].to_numpy() == pytest.approx(0.7)


def test_one_face_in_one_window_is_as_the_clip() -> None:
    face = face_row("a", 0, 0, 3, "sad", model="face")
    rows = [face, clip_row("a", 0, 3, "sad", "face"), clip_row("a", 0, 3, "happy")]
    (only,) = shown_rows(rows)
    assert (only.label, only.model, only.box) == ("happy", "face+audio", face.box)


def test_sound_alone_is_shown_by_windows_or_by_the_clip() -> None:
    clip = Row("a.wav", None, 0, 3, None, "audio", p_of("sad"), True)
    assert shown_rows([clip]) == [clip]
    window = Row("a.wav", None, 0, 2, None, "audio", p_of("sad"), True, "window")
    assert shown_rows([window, clip]) == [window]
    assert shown_rows([]) == []


def test_frames_are_there_if_asked_for() -> None:
    assert film().frames().empty
    one = Row("a", 3, 0.0, 0.04, True, "face/frame", p_of("fear"), level="frame", person=1,
              box=(1.0, 2.0, 3.0, 4.0), usable=1.0)  # fmt: skip
    table = Result((one,)).frames()
    assert table[["person", "track", "h"]].to_numpy()[0].tolist() == [1, 3, 4.0]


def test_empty_result() -> None:
    empty = Result()
    for table in (empty.clips(), empty.persons(), empty.windows(), empty.frames()):
        assert table.empty
    assert repr(empty) == "Result: 0 files, 0 persons, 0 rows"
    assert "<svg" not in result_html(empty)


def test_persons_stay_a_tuple() -> None:
    result = film()
    again = pickle.loads(pickle.dumps(result))  # noqa: S301
    assert again == result
    assert again.persons().equals(result.persons())
    assert isinstance(result.persons, tuple)
    assert len(result.persons) == 2


def test_repr_is_short() -> None:
    assert repr(BOTH) == (
        "Result: 2 files (1 ok, 1 error), 2 persons, 17 rows (5 face, 5 audio, 7 face+audio)"
    )
    assert len(repr(BOTH.persons[0])) < 100


def test_spans() -> None:
    assert without([(0, 10)], [(0, 1), (4, 5), (8, 20)]) == [(1, 4), (5, 8)]
    assert without([(0, 10)], [(0, 10)]) == []
    assert union([(3, 4), (0, 1), (0.5, 2)]) == [(0, 2), (3, 4)]


def test_html_is_well_formed_and_escaped() -> None:
    name = '<b>"x"&.mp4'
    text = result_html(Result.concatenate([film(name), failed("\udcff.mp4")]))
    assert "<b>" not in text
    assert "<script" not in text
    assert r"\udcff.mp4" in text
    root = ET.fromstring(text)
    ribbons = list(root.iter("svg"))
    assert len(ribbons) == 2
    letters = ["".join(t.text or "" for t in ribbon.iter("text")) for ribbon in ribbons]
    assert letters == ["HHSS", "AA"]
    assert "hatched: no face" in text


def test_a_long_clip_makes_a_short_page() -> None:
    text = result_html(film(seconds=7200, window=2))
    assert len(text) < 200_000
    assert len(list(ET.fromstring(text).iter("g"))) <= 2 * 240


def test_what_is_left_out_is_stated() -> None:
    text = result_html(Result.concatenate([film(f"{i}.mp4") for i in range(23)]))
    assert "and 3 more clips" in text


def test_certain_labels_are_darker_and_letters_readable() -> None:
    def luminance(colour: str) -> float:
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    for name in EMOTIONS:
        assert shade(name, 1.0) == LABEL_COLOURS[name]
        assert luminance(shade(name, 0.3)) > luminance(shade(name, 0.9))
        for certainty in (0.15, 0.5, 1.0):
            fill = shade(name, certainty)
            high, low = sorted((luminance(fill), luminance(ink(fill))), reverse=True)
            assert (high + 0.05) / (low + 0.05) >= 4.5


def test_json_is_as_its_published_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    path = Path(__file__).resolve().parents[1] / "docs" / "result.schema.json"
    if not path.is_file():
        pytest.skip("the schema is beside the source only")
    schema = json.loads(path.read_text("utf-8"))
    other = Row("c", None, 0, 1, None, "pose", p_of("sad"), other_found=True)
    content = json.loads(Result.concatenate([BOTH, Result((other,))]).to_json())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema)
    assert content["models"] == ["face", "audio", "face+audio", "pose"]
    assert content["warnings"] == ["broken.mp4: is empty"]
    content["rows"][0]["happy"] = 1.5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content, schema)
