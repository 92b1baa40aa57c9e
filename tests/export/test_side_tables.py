"""Tables of events, clocks and sessions, as spreadsheets and other programs write them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from emonets.errors import ParameterError
from emonets.export.side_tables import (
    Event,
    Files,
    read_clock,
    read_events,
    read_session,
    seconds_of,
)


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        "name,start,end\nsong,1.5,62\n",
        "name;start;end\nsong;1,5;62\n",
        "sep=;\nEvent;Begin;Stop\nsong;1,5;00:01:02\n",
        "trial_type\tonset\tduration\nsong\t1.5\t60.5\n",
        "Start Time,End Time,Label\n0:01.5,1:02,song\n",
        "\ufeffname,start,end\nsong,1.5 s,62 sec\n",
        'name,start,end\n"song","1,5",62\n',
    ],
)
def test_events_in_many_spellings(text: str, tmp_path: Path) -> None:
    assert read_events(written(tmp_path, text)) == [Event("song", 1.5, 62.0)]


def test_events_in_other_encodings(tmp_path: Path) -> None:
    text = "name,start,end\nGrüße,1,2\n"
    for encoding in ("utf-16", "cp1252", "utf-8-sig"):
        assert read_events(written(tmp_path, text.encode(encoding)))[0].name == "Grüße"


def test_events_of_files_and_skips(tmp_path: Path) -> None:
    text = "file,name,start,end,skip\na.mp4,x,0,1,\n,Skip,1,2,\nb.mp4,break,0,1,yes\n"
    first, second, third = read_events(written(tmp_path, text))
    assert (first.file, first.skip) == ("a.mp4", False)
    assert (second.file, second.skip) == ("", True)
    assert third.skip


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("name,start,end\nx,5,4\n", r"line 2: the event ends at 4 s and starts at 5 s"),
        ("name,start,end\nx,5,5\n", "end must be after start"),
        ("name,start,end\nx,500 ms,900 ms\n", "milliseconds are not read"),
        ("name,start,end\nx,soon,4\n", "start is 'soon'; give seconds, such as 62.5"),
        ("name,start,end\nx,-1,4\n", "before the beginning"),
        ("name,start,end\nx,,4\n", "start is ''"),
        ("name,onset_ms,end\nx,1,2\n", "no column start in seconds; milliseconds are not read"),
        ("name,start\nx,1\n", "no column end"),
        ("start,end\n1,2\n", "no column name; expected name, start, found 'start', 'end'"),
        ("name,start,end\n", "has no lines"),
        ("", "has no lines"),
        ("name,start,begin,end\nx,1,2,3\n", "more than one column for 'start'"),
        ("name,start,end\na,b,1,2\n", "line 2: has 4 cells, the first line 3"),
        ("name,start,end,skip\nx,1,2,perhaps\n", "skip is 'perhaps'; give yes or no"),
        (b"PK\x03\x04rest", "is a workbook"),
    ],
)
def test_bad_events_get_one_sentence(text: str | bytes, match: str, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match=match) as caught:
        read_events(written(tmp_path, text))
    assert "table.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_table(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="cannot be read"):
        read_events(tmp_path / "none.csv")


def test_clocks(tmp_path: Path) -> None:
    noon = datetime(2026, 11, 28, 12)
    assert read_clock("2026-11-28T12:00:00") == noon
    assert read_clock("2026-11-28 12:00") == noon
    table = written(tmp_path, "file,clock\na.mp4,2026-11-28T12:00\n")
    assert read_clock(str(table)) == {"a.mp4": noon}
    with pytest.raises(ParameterError, match="has a time zone"):
        read_clock("2026-11-28T12:00:00+01:00")
    with pytest.raises(ParameterError, match="neither a time such as"):
        read_clock("at noon")
    with pytest.raises(ParameterError, match=r"'a\.mp4' is there twice"):
        read_clock(str(written(tmp_path, "file,clock\na.mp4,2026-11-28\na.mp4,2026-11-28\n")))


def test_sessions(tmp_path: Path) -> None:
    table = written(tmp_path, "file;offset\na.mp4;-1,5\nb.mp4;1:00\n")
    assert read_session(table) == {"a.mp4": -1.5, "b.mp4": 60.0}
    with pytest.raises(ParameterError, match="names no file"):
        read_session(written(tmp_path, "file,offset\n,1\n"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5), ("1:02:03", 3723), ("90:00", 5400), (".5", 0.5), ("5.", 5), ("-0:10", -10)],
)
def test_seconds(text: str, seconds: float) -> None:
    assert seconds_of(text, "t", "start") == seconds


def test_files_are_found_by_path_name_or_stem() -> None:
    files = Files(["day1/a.mp4", "day2/a.mp4", "day2/b.mp4"])
    assert files.find("day1/a.mp4", "t") == "day1/a.mp4"
    assert files.find("day1\\a.mp4", "t") == "day1/a.mp4"
    assert files.find("b.mp4", "t") == "day2/b.mp4"
    assert files.find("b", "t") == "day2/b.mp4"
    assert files.find("/elsewhere/b.mp4", "t") == "day2/b.mp4"
    with pytest.raises(ParameterError, match=r"fits 2 files \(day1/a.mp4, day2/a.mp4\)"):
        files.find("a.mp4", "t")
    with pytest.raises(ParameterError, match=r"t: file 'bb\.mp4' .* did you mean 'b\.mp4'\?"):
        files.find("bb.mp4", "t")
    with pytest.raises(ParameterError, match=r"there are a\.mp4"):
        files.find("zzz", "t")
