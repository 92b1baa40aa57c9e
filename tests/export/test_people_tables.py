"""Wide tables, events, clocks, workbooks and the codebook, of results that are made up."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from emonets.batch import write_outputs
from emonets.emotions import EMOTIONS
from emonets.errors import EmoNetsError, MissingExtraError, ParameterError
from emonets.export import xlsx
from emonets.export.codebook import accuracy, codebook_text, entry_of
from emonets.export.derived import AROUSAL, COLUMNS, VALENCE, valence_arousal, with_derived
from emonets.export.events import EVENT_COLUMNS, event_problems, events_table
from emonets.export.side_tables import Event
from emonets.export.tables import TableOptions, csv_of, encode, results_table, tables_of
from emonets.export.wide import wide_table
from emonets.result import FileStatus, Result, Row
from made_results import clip_row, face_row, failed, film, p_of

FILM = film()
BOTH = Result.concatenate([FILM, failed()])
TEN = datetime(2026, 11, 28, 10)


# wide


def test_a_row_a_second_and_a_column_a_person_and_emotion() -> None:
    table = wide_table(FILM)
    assert len(table) == 20
    assert table["time"].tolist() == list(range(20))
    assert list(table.columns)[:4] == ["file", "time", "p0_usable", "p0_angry"]
    assert [n for n in table.columns if n.endswith("_label")] == [
        "p0_label", "p1_label", "sound_label", "clip_label",
    ]  # fmt: skip
    assert table["p0_label"].tolist() == ["happy"] * 10 + ["sad"] * 10
    assert table["p1_label"].tolist()[:10] == ["angry"] * 10
    assert table["p1_angry"][10:].isna().all()
    assert table["p1_usable"][0] == 0.5
    assert (table["clip_happy"] == 0.7).all()


def test_rows_of_a_wide_table_are_means_by_overlap() -> None:
    rows = (face_row("a", 0, 0, 3, "happy"), face_row("a", 0, 3, 4, "sad"))
    table = wide_table(Result((*rows, clip_row("a", 0, 4, "sad"))), every=2)
    assert table["p0_happy"][1] == pytest.approx((0.7 + 0.05) / 2)
    assert table["p0_usable"].tolist() == [1.0, 1.0]
    half = wide_table(Result((face_row("a", 0, 0, 1, "sad"), clip_row("a", 0, 2, "sad"))), every=2)
    assert half["p0_usable"].tolist() == [0.5]  # seen for half of it


def test_overlapping_windows_of_a_wide_table() -> None:
    rows = [face_row("a", 0, k, k + 2, "happy") for k in range(9)]
    table = wide_table(Result((*rows, clip_row("a", 0, 10, "happy"))))
    np.testing.assert_allclose(table["p0_happy"], 0.7)
    np.testing.assert_allclose(table["p0_usable"], 1.0)


def test_persons_of_several_files_have_their_columns() -> None:
    one = film("a.mp4")
    other = Result((face_row("b.mp4", 11, 0, 1, "sad"), clip_row("b.mp4", 0, 1, "sad")))
    table = wide_table(Result.concatenate([one, other]))
    names = [n.split("_")[0] for n in table.columns if n.endswith("_label")]
    assert names == ["p0", "p1", "p11", "sound", "clip"]
    assert len(table) == 21
    assert pd.isna(table["p0_happy"][20])


def test_skipped_stretches_have_no_values() -> None:
    table = wide_table(FILM, skips={"film.mp4": [(2, 4)]})
    assert table["skip"].tolist()[:5] == [False, False, True, True, False]
    assert table["p0_label"].isna().tolist()[:5] == [False, False, True, True, False]


def test_rows_of_a_wide_table_begin_at_whole_seconds() -> None:
    rows = (face_row("a", 0, 0.02, 1.52, "sad"), clip_row("a", 0.02, 1.52, "sad"))
    table = wide_table(Result(rows))
    assert table["time"].tolist() == [0.0, 1.0]
    assert table["p0_usable"].tolist() == pytest.approx([1.0, 1.0])


def test_wide_of_nothing_and_of_too_much() -> None:
    assert wide_table(Result()).empty
    for every in (0, -1, float("nan"), 1e-9):
        with pytest.raises(ParameterError, match=r"every must be 0\.01 seconds"):
            wide_table(FILM, every=every)
    with pytest.raises(ParameterError, match="makes 10,000,000 rows; give a larger number"):
        wide_table(Result((clip_row("a", 0, 1e5, "sad"),)), every=0.01)


def test_a_wide_table_of_an_hour_opens_in_a_spreadsheet() -> None:
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("xlsxwriter")
    hour = film(seconds=3600, window=60)
    hour = replace(hour, rows=tuple(r for r in hour.rows if r.person == 0 or r.level == "clip"))
    book = openpyxl.load_workbook(
        io.BytesIO(encode(hour, "xlsx", TableOptions(wide=True))), read_only=True
    )
    assert book.sheetnames == ["clips", "persons", "windows", "wide", "codebook"]
    rows = list(book["wide"].iter_rows(values_only=True))
    assert len(rows) == 3601
    assert rows[0][:3] == ("file", "time", "p0_usable")
    assert rows[3600][1] == 3599


# events


def test_a_row_an_event_and_person() -> None:
    table = events_table(FILM, [Event("song", 0, 20), Event("end", 12, 15)])
    assert tuple(table.columns) == EVENT_COLUMNS
    assert table["event"].tolist() == ["song", "song", "end"]
    assert table["person"].tolist() == [0, 1, 0]
    assert table["covered"].tolist() == [1.0, 0.5, 1.0]
    assert table["usable"].tolist() == [1.0, 0.25, 1.0]
    assert table["share_happy"][0] == 0.5
    assert table["label"][2] == "sad"


def test_an_event_weighs_rows_by_the_time_in_it() -> None:
    table = events_table(FILM, [Event("x", 9, 11)])
    assert table["happy"][0] == pytest.approx((0.7 + 0.05) / 2)


def test_skipped_time_does_not_count_for_events() -> None:
    table = events_table(FILM, [Event("song", 0, 20), Event("skip", 0, 10, skip=True)])
    assert table["event"].tolist() == ["song"]
    assert (table["label"][0], table["covered"][0]) == ("sad", 1.0)
    gone = events_table(FILM, [Event("song", 0, 5), Event("", 0, 10, skip=True)])
    assert (gone["covered"].tolist(), gone["person"].isna().tolist()) == ([0.0], [True])


def test_an_event_in_which_nobody_is_seen_has_a_row() -> None:
    sound = Row("a.wav", None, 0, 4, None, "audio", p_of("sad"), True)
    table = events_table(Result((sound,)), [Event("x", 1, 2)])
    assert (table["label"][0], table["covered"][0]) == ("sad", 1.0)
    assert pd.isna(table["person"][0])
    assert pd.isna(table["usable"][0])


def test_events_beyond_the_end_are_named_and_left_out() -> None:
    events = [Event("ok", 0, 20.3), Event("late", 5, 40), Event("ms", 1000, 2000)]
    late, unit = event_problems(events, FILM)
    assert late == ("event 'late' ends at 40 s, and film.mp4 at 20.0 s; correct its times")
    assert "(are these milliseconds? give seconds)" in unit
    table = events_table(FILM, [Event("ok", 0, 5), Event("late", 5, 40)])
    assert set(table["event"]) == {"ok"}


def test_events_of_a_session_are_in_the_files_that_they_overlap() -> None:
    two = Result.concatenate([film("a.mp4"), film("b.mp4")])
    offsets = {"a.mp4": 0.0, "b.mp4": 30.0}
    table = events_table(two, [Event("x", 15, 35), Event("y", 5, 10, "b.mp4")], offsets)
    first = table[table["person"] == 0]
    assert first["file"].tolist() == ["a.mp4", "b.mp4", "b.mp4"]
    assert first["start"].tolist() == [15.0, 0.0, 5.0]
    assert first["end"].tolist() == [20.0, 5.0, 10.0]
    (problem,) = event_problems([Event("z", 100, 110)], two, offsets)
    assert "lies in no file of the session" in problem


# options


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"separator": "x"}, "separator must be one of"),
        ({"decimal": "'"}, "decimal must be"),
        ({"decimal": ","}, "separator and decimal are both a comma"),
        ({"every": 0}, "every must be"),
    ],
)
def test_bad_options(given: dict[str, object], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        TableOptions(**given)  # type: ignore[arg-type]


def test_options_take_the_names_of_clips() -> None:
    options = TableOptions(
        events=(Event("x", 0, 1, "film"),), session={"film.mp4": 5.0}, clock={"film": TEN}
    ).of(["day/film.mp4"])
    assert options.events[0].file == "day/film.mp4"
    assert options.session == {"day/film.mp4": 5.0}
    assert options.clock == {"day/film.mp4": TEN}
    with pytest.raises(ParameterError, match="one clock for 2 files"):
        TableOptions(clock=TEN).of(["a", "b"])
    TableOptions(clock=TEN, session={"a": 0, "b": 1}).of(["a", "b"])
    with pytest.raises(ParameterError, match="b: the session has no offset for it"):
        TableOptions(session={"a": 0}).of(["a", "b"])
    with pytest.raises(ParameterError, match="event 'x': file 'c' is not among the clips"):
        TableOptions(events=(Event("x", 0, 1, "c"),)).of(["a", "b"])


def test_csv_as_a_german_spreadsheet_reads_it() -> None:
    options = TableOptions(separator=";", decimal=",", bom=True)
    raw = csv_of(results_table(FILM, options), options)
    assert raw.startswith(b"\xef\xbb\xbffile;track;")
    again = pd.read_csv(io.BytesIO(raw), sep=";", decimal=",", encoding="utf-8-sig")
    np.testing.assert_allclose(again["happy"], FILM.to_pandas()["happy"], atol=1e-6)
    tab = csv_of(FILM.persons(), TableOptions(separator="tab"))
    assert tab.startswith(b"file\tperson\tusable")


def test_without_options_csv_is_as_ever() -> None:
    assert encode(FILM, "csv", TableOptions()).decode() == FILM.to_csv()


def test_clocks_and_sessions_add_columns() -> None:
    options = TableOptions(clock=TEN, session={"film.mp4": 3600.5}).of(["film.mp4"])
    table = results_table(FILM, options)
    place = list(table.columns).index("end")
    assert list(table.columns)[place + 1 : place + 4] == [
        "session_time", "clock_start", "clock_end",
    ]  # fmt: skip
    assert table["session_time"][1] == 3600.5
    assert table["clock_end"].max() == pd.Timestamp("2026-11-28 11:00:20.5")
    wide = results_table(FILM, replace(options, wide=True, session=None))
    assert list(wide.columns)[:3] == ["file", "time", "clock"]
    text = csv_of(wide, options).decode()
    assert "film.mp4,1.0,2026-11-28T10:00:01.000," in text
    own = TableOptions(clock={"film.mp4": TEN}).of(["film.mp4"])
    assert results_table(FILM, own)["clock_start"][0] == pd.Timestamp(TEN)


# derived


def test_derived_columns_are_named_so_and_follow_the_coordinates() -> None:
    table = with_derived(FILM.windows())
    assert set(COLUMNS) <= set(table.columns)
    assert table["valence_derived"][0] == pytest.approx(
        sum(VALENCE[n] * table[n][0] for n in EMOTIONS)
    )
    valence, arousal = valence_arousal(np.eye(7))
    assert valence.tolist() == [VALENCE[name] for name in EMOTIONS]
    assert arousal.tolist() == [AROUSAL[name] for name in EMOTIONS]
    assert (VALENCE["neutral"], AROUSAL["neutral"]) == (0, 0)
    plain = results_table(FILM, TableOptions())
    assert not [name for name in plain.columns if "valence" in name]
    wide = results_table(FILM, TableOptions(wide=True, derived=True))
    assert {"p0_valence_derived", "sound_arousal_derived"} <= set(wide.columns)
    assert np.isnan(wide["p1_valence_derived"][19])
    clips = tables_of(BOTH, TableOptions(derived=True))["clips"]
    assert np.isnan(clips["valence_derived"][1])


def test_the_page_has_the_same_coordinates() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "howto" / "result_tables.md"
    if not page.is_file():
        pytest.skip("the page is beside the source only")
    lines = page.read_text("utf-8").splitlines()
    for name, numbers in (("valence", VALENCE), ("arousal", AROUSAL)):
        (line,) = [line for line in lines if line.startswith(f"| {name} |")]
        assert [float(cell) for cell in line.split("|")[2:-1]] == list(numbers.values())


# workbooks


def test_a_workbook_has_typed_cells_and_a_fixed_header() -> None:
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("xlsxwriter")
    odd = Result.concatenate([film("=1+1"), failed("http://x\udcff")])
    options = TableOptions(clock={"=1+1": TEN}, events=(Event("song", 0, 5, "=1+1"),))
    book = openpyxl.load_workbook(io.BytesIO(encode(odd, "xlsx", options)))
    assert book.sheetnames == ["clips", "persons", "windows", "events", "codebook"]
    clips = book["clips"]
    assert clips.freeze_panes == "B2"
    head = [cell.value for cell in clips[1]]
    values = dict(zip(head, clips[2], strict=True))
    assert (values["file"].value, values["file"].data_type) == ("=1+1", "s")
    assert values["clock_start"].value == TEN
    assert values["happy"].data_type == "n"
    assert clips.cell(3, 1).value == r"http://x\udcff"
    assert clips.cell(3, head.index("happy") + 1).value is None
    windows = book["windows"]
    speaks = [cell.value for cell in windows[1]].index("speaks")
    assert windows.cell(2, speaks + 1).value is True
    assert book["codebook"].max_row > 40
    assert pd.read_excel(io.BytesIO(encode(odd, "xlsx", options)), "persons")["usable"][0] == 0.9


def test_a_table_larger_than_a_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("xlsxwriter")
    monkeypatch.setattr(xlsx, "MOST_ROWS", 20)
    with pytest.raises(ParameterError, match=r"the table wide has 20 rows .* a larger --every"):
        encode(FILM, "xlsx", TableOptions(wide=True))


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="xlsx"):
        xlsx.WRITER.check()


# files of a run


def test_what_is_written_into_a_folder(tmp_path: Path) -> None:
    options = TableOptions(wide=True, events=(Event("x", 0, 5, "film.mp4"),))
    assert write_outputs(tmp_path, BOTH, "csv", options).name == "results.csv"
    assert {path.name for path in tmp_path.iterdir()} == {
        "results.csv", "persons.csv", "events.csv", "status.csv", "codebook.txt",
    }  # fmt: skip
    assert len(pd.read_csv(tmp_path / "results.csv")) == 20
    assert pd.read_csv(tmp_path / "persons.csv")["share_happy"].tolist() == [0.5, 0.0]
    text = (tmp_path / "codebook.txt").read_text("utf-8")
    assert "pN_angry … pN_neutral: of person N: how probable the emotion is" in text
    assert "events.csv\n----------" in text
    assert max(map(len, text.splitlines())) <= 100
    with pytest.raises(ParameterError, match="give --format csv, parquet or xlsx, not json"):
        write_outputs(tmp_path, BOTH, "json", options)


def test_a_workbook_and_json_in_a_folder(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    write_outputs(tmp_path / "x", BOTH, "xlsx", TableOptions(wide=True))
    assert {path.name for path in (tmp_path / "x").iterdir()} == {
        "results.xlsx", "status.csv", "codebook.txt",
    }  # fmt: skip
    assert zipfile.is_zipfile(tmp_path / "x" / "results.xlsx")
    assert "sheet wide" in (tmp_path / "x" / "codebook.txt").read_text("utf-8")
    write_outputs(tmp_path / "j", BOTH, "json")
    assert (tmp_path / "j" / "persons.csv").is_file()


def test_a_full_disk_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("emonets.batch.write_whole", full)
    with pytest.raises(EmoNetsError, match=r"cannot write results there \(No space left"):
        write_outputs(tmp_path, BOTH, "csv", TableOptions(wide=True))


# codebook


def test_every_column_is_in_the_codebook() -> None:
    options = TableOptions(
        wide=True, derived=True, clock={"film.mp4": TEN}, session={"film.mp4": 0.0},
        events=(Event("x", 0, 5), Event("skip", 5, 6, skip=True)),
    )  # fmt: skip
    tables = tables_of(FILM, options) | {"long": results_table(FILM, replace(options, wide=False))}
    for frame in tables.values():
        for column in frame.columns:
            assert entry_of(column).meaning
    with pytest.raises(KeyError):
        entry_of("p0_nothing")
    with pytest.raises(KeyError):
        entry_of("happiness")


def test_the_codebook_states_how_often_it_is_right() -> None:
    face = replace(FILM, rows=tuple(row for row in FILM.rows if row.model == "face"))
    lines = accuracy(face)
    (mean,) = [line for line in lines if line.startswith("face, mean of faces: ")]
    assert re.search(r": \d\d% \[\d\d% to \d\d%\] of 1,\d+ pictures or clips; of single", mean)
    assert not any("affectnet_subset" in line for line in lines)  # it was trained on these
    few = [line for line in accuracy(FILM) if "crema_d" in line]
    assert few
    assert all(line.endswith("measured on 6 clips, too few to state a share.") for line in few)


def test_what_was_not_measured_is_not_stated() -> None:
    (only,) = accuracy(replace(FILM, about={"bundle": "my/bundle"}))
    assert only.startswith("Not known: the bundle my/bundle was not measured")
    unmeasured = Result((clip_row("a", 0, 1, "sad", "mouth"),), (), {"bundle": "modern"})
    assert "mouth: not measured on strangers." in accuracy(unmeasured)
    assert "Not known" in codebook_text({"t": ["file"]}, Result((), (FileStatus("a", "ok"),)))


def test_the_numbers_of_the_codebook_are_those_that_were_measured() -> None:
    root = Path(__file__).resolve().parents[2]
    measured = root / "docs" / "results" / "strangers.json"
    if not measured.is_file():
        pytest.skip("the measurements are beside the source only")
    kept = json.loads((root / "src/emonets/export/strangers.json").read_text("utf-8"))
    found = 0
    for row in json.loads(measured.read_text("utf-8")):
        bundle, _, model = row["what"].partition(", ")
        lines = {line["data"]: line for line in kept.get(bundle, {}).get(model, ())}
        if row["metric"] == "uar" and row["split"].endswith("predicted") and row["data"] in lines:
            line = lines[row["data"]]
            assert line["right"] == round(row["value"], 3), "run tools/codebook_numbers.py"
            assert line["n"] == row["n"]
            found += 1
    assert found == sum(len(lines) for models in kept.values() for lines in models.values())


def test_nothing_at_all_makes_files_too(tmp_path: Path) -> None:
    pytest.importorskip("xlsxwriter")
    for name in ("csv", "xlsx", "json"):
        write_outputs(tmp_path, Result(), name)
    assert zipfile.is_zipfile(tmp_path / "results.xlsx")
    assert encode(Result(), "csv", TableOptions(wide=True)).decode() == "file,time\n"
