"""Comma separated values: a header line and a line a row, times to the millisecond."""

from emonets.export.base import Writer
from emonets.result import Result, printable


def encode(result: Result) -> bytes:
    """The table as UTF-8."""
    return printable(result.to_csv()).encode()


WRITER = Writer("csv", "a table for R, Python and spreadsheets", encode)
