"""Formats of results: found by themselves, written whole, read back."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.export import Writer, base, write, writer, writers
from emonets.result import COLUMNS, FileStatus, Result, Row

RESULT = Result(
    (
        Row("a.mp4", 0, 0.0, 1.25, True, "face", (0.1, 0.1, 0.1, 0.4, 0.1, 0.1, 0.1), level="face"),
        Row("a.mp4", None, 0.0, 1.25, False, "face", (1 / 7,) * 7),
    ),
    (FileStatus("a.mp4", "ok"),),
)


def test_formats_are_found() -> None:
    names = {"audformat", "bids", "boris", "csv", "elan", "json", "parquet", "textgrid", "vtt"} | {
        "xlsx"
    }
    assert names <= set(writers())
    assert all(made.about for made in writers().values())
    for wrong, right in (
        ("parket", "parquet"),
        ("eaf", "elan"),
        (".VTT", "vtt"),
        ("webvtt", "vtt"),
    ):
        with pytest.raises(ParameterError, match=rf"'{wrong}': audformat, .* mean '{right}'\?"):
            writer(wrong)


@pytest.mark.parametrize("name", ["csv", "json", "parquet"])
def test_what_is_written_is_read_back(name: str, tmp_path: Path) -> None:
    writer(name).check()
    file = write(RESULT, tmp_path / f"r.{name}", name)
    if name == "json":
        assert Result.from_json(file.read_text("utf-8")) == RESULT
        return
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet}[name]
    table = read(io.BytesIO(file.read_bytes()))
    assert tuple(table.columns) == COLUMNS
    assert table["happy"].round(3).tolist() == [0.4, 0.143]
    assert table["label"].tolist()[0] == EMOTIONS[3]
    assert pd.isna(table["label"].tolist()[1])


def test_a_new_format_is_one_module(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("emonets.export.labels")
    module.WRITER = Writer(  # type: ignore[attr-defined]
        "labels", "one label a line", lambda r: "\n".join(str(x.label) for x in r.rows).encode()
    )
    monkeypatch.setitem(sys.modules, "emonets.export.labels", module)
    found = [*base.pkgutil.iter_modules(sys.modules["emonets.export"].__path__)]
    extra = type(found[0])(found[0].module_finder, "labels", False)
    monkeypatch.setattr(base.pkgutil, "iter_modules", lambda _: [*found, extra])
    base._WRITERS.clear()
    try:
        assert write(RESULT, tmp_path / "x", "labels").read_text() == "happy\nNone"
        module.WRITER = Writer("csv", "again", lambda _: b"")  # type: ignore[attr-defined]
        base._WRITERS.clear()
        with pytest.raises(ParameterError, match="two writers have the name 'csv'"):
            writers()
    finally:
        base._WRITERS.clear()
