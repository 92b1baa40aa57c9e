"""A workbook: sheets of clips, persons, windows and, if asked for, events and a wide table."""

from __future__ import annotations

import importlib.util
import io
from typing import TYPE_CHECKING, Any

from emonets.emotions import EMOTIONS
from emonets.errors import MissingExtraError, ParameterError
from emonets.export.base import Writer
from emonets.export.codebook import codebook_table
from emonets.export.tables import TableOptions, rounded, tables_of
from emonets.result import Result

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS, MOST_COLUMNS, MOST_TEXT = 1_048_576, 16_384, 32_767
"""What a sheet and a cell of a workbook can hold."""
_WIDE = ("file", "message", "meaning", "cannot mean", "clock", "clock_start", "clock_end")


def check() -> None:
    """Raise `MissingExtraError` unless the extra ``[xlsx]`` is installed."""
    if importlib.util.find_spec("xlsxwriter") is None:
        raise MissingExtraError("writing a workbook", "xlsx")


def workbook(result: Result, options: TableOptions) -> bytes:
    """The content of the file: typed cells, a fixed header line, a sheet a table.

    Text stays text: a file that is called ``=1+1`` is no formula.

    Raises
    ------
    MissingExtraError : the extra ``[xlsx]`` is not installed.
    ParameterError : a table is larger than a sheet.
    """
    check()
    import xlsxwriter

    tables = tables_of(result, options)
    tables["codebook"] = codebook_table(tables, result)
    buffer = io.BytesIO()
    texts = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    with xlsxwriter.Workbook(buffer, {"in_memory": True, **texts}) as book:
        head = book.add_format({"bold": True, "bottom": 1})
        for name, frame in tables.items():
            _check_size(name, frame)
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 2 if name == "wide" else 1)
            for k, column in enumerate(frame.columns):
                sheet.write_string(0, k, str(column), head)
            sheet.autofilter(0, 0, len(frame), max(len(frame.columns) - 1, 0))
            for k, column in enumerate(frame.columns):
                form = book.add_format({"num_format": _form(str(column), frame[column])})
                sheet.set_column(k, k, 24 if column in _WIDE else max(9, len(str(column))), form)
                _fill(sheet, k, rounded(frame[[column]])[column], form)
    return buffer.getvalue()


def _fill(sheet: Any, column: int, cells: pd.Series[Any], form: Any) -> None:
    kind = cells.dtype.kind
    there = cells.notna().to_numpy()
    for k, value in enumerate(cells.to_numpy(object)):
        if not there[k]:
            continue
        if kind == "M":
            sheet.write_datetime(k + 1, column, value.to_pydatetime(), form)
        elif isinstance(value, str):
            sheet.write_string(k + 1, column, value[:MOST_TEXT])
        elif kind == "b":
            sheet.write_boolean(k + 1, column, bool(value))
        else:
            sheet.write_number(k + 1, column, float(value), form)


def _form(name: str, cells: pd.Series[Any]) -> str:
    """The number format of a column."""
    if cells.dtype.kind == "M":
        return "yyyy-mm-dd hh:mm:ss.000"
    if cells.dtype.kind in "iu":
        return "0"
    if name.rpartition("_")[2] in (*EMOTIONS, "certainty"):
        return "0.000"
    return "General" if cells.dtype.kind in "bO" else "0.00"


def _check_size(name: str, frame: pd.DataFrame) -> None:
    if len(frame) < MOST_ROWS and len(frame.columns) <= MOST_COLUMNS:
        return
    raise ParameterError(
        f"the table {name} has {len(frame):,} rows and {len(frame.columns):,} columns, and a sheet "
        f"holds {MOST_ROWS - 1:,} and {MOST_COLUMNS:,}; write csv or parquet, or give a larger "
        "--every"
    )


def encode(result: Result) -> bytes:
    """A workbook with the sheets clips, persons, windows and codebook."""
    return workbook(result, TableOptions())


WRITER = Writer(
    "xlsx", "a workbook: clips, persons, windows, codebook", encode, text=False, check=check
)
