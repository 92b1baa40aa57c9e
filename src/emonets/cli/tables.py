"""Options of the tables of results, and what a command does with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from emonets.cli.options import PLAIN, console, err
from emonets.errors import ParameterError
from emonets.result import Result

if TYPE_CHECKING:
    from emonets.export.tables import TableOptions

TABLE = "table"
"""The format for the terminal; the others are those of :mod:`emonets.export`."""

Wide = Annotated[
    bool,
    typer.Option("--wide", help="A row a second, and a column a person and emotion: p0_angry …"),
]
Every = Annotated[
    float | None, typer.Option(help="Seconds of a row of --wide, which it turns on. Default: 1.")
]
Derived = Annotated[
    bool,
    typer.Option(
        "--derived", help="Add valence and arousal, derived from the seven probabilities."
    ),
]
Separator = Annotated[str, typer.Option(help="Between the cells of CSV: ',' or ';' or '|' or tab.")]
Decimal = Annotated[str, typer.Option(help="Decimal point of CSV: '.' or ','.")]
Bom = Annotated[
    bool, typer.Option("--bom", help="Begin CSV with a byte order mark, for Excel and umlauts.")
]
Events = Annotated[
    Path | None,
    typer.Option(
        help="Table of name,start,end and perhaps file: adds a row an event and person. Events "
        "named skip are left out of the tables of persons, events and seconds."
    ),
]
Clock = Annotated[
    str | None,
    typer.Option(
        help="When the clip began, such as 2026-11-28T10:00:00, or a table of file,clock: adds "
        "times of day."
    ),
]
Session = Annotated[
    Path | None,
    typer.Option(
        help="Table of file,offset: seconds from the session's start to that of each file. Adds "
        "session_time; events without a file are then in it."
    ),
]


def table_options(
    *,
    wide: bool,
    every: float | None,
    derived: bool,
    separator: str,
    decimal: str,
    bom: bool,
    events: Path | None,
    clock: str | None,
    session: Path | None,
) -> TableOptions:
    """The options of a command; the tables that they name are read.

    Raises
    ------
    ParameterError : one is not valid, or a table cannot be read.
    """
    from emonets.export.side_tables import read_clock, read_events, read_session
    from emonets.export.tables import TableOptions

    return TableOptions(
        wide=wide or every is not None,
        every=1.0 if every is None else every,
        derived=derived,
        separator=separator,
        decimal=decimal,
        bom=bom,
        events=() if events is None else tuple(read_events(events)),
        clock=None if clock is None else read_clock(clock),
        session=None if session is None else read_session(session),
    )


def check_tables(format: str, options: TableOptions, out: Path | None) -> None:
    """Raise `ParameterError` where options do not fit the format or the place of the results."""
    from emonets.export.tables import check_format

    if format != TABLE:
        check_format(format, options)
    elif out is None and not options.plain:
        raise ParameterError(
            "--wide, --derived, --clock, --session and the options of CSV are for files: give "
            "--format csv, or --out FOLDER"
        )
    named = any(not event.skip for event in options.events)
    if out is None and named and (options.wide or format not in (TABLE, "csv")):
        raise ParameterError("--events adds a second table: give --out FOLDER")


def print_result(result: Result, format: str, options: TableOptions) -> None:
    """Print results on standard output; with events in CSV, the table of events."""
    from emonets.export import writer
    from emonets.export.tables import csv_of, encode, tables_of

    tables = tables_of(result, options) if options.events and format == "csv" else {}
    if "events" in tables:
        text = csv_of(tables["events"], options).decode()
    elif options.plain:
        text = writer(format).encode(result).decode()
    else:
        text = encode(result, format, options).decode()
    print(text, end="")


def print_events(result: Result, options: TableOptions) -> None:
    """Print the events and what each person shows in them, as a table for the terminal."""
    from emonets.export.events import events_table

    if all(event.skip for event in options.events):
        return
    frame = events_table(result, options.events, options.session)
    names = ["event", "file", "person", "start", "end", "usable", "covered", "label", "certainty"]
    table = Table(
        box=None, title="events", title_justify="left", header_style="bold", pad_edge=False
    )
    for name in names:
        left = name in ("event", "file", "label")
        table.add_column(name, justify="left" if left else "right")
    for row in frame[names].astype(object).where(frame[names].notna(), None).to_dict("records"):
        table.add_row(*(_cell(row[name]) for name in names))
    (console if console.is_terminal else Console(width=240, **PLAIN)).print(table)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def print_problems(problems: Sequence[str]) -> None:
    """Print what is wrong with the events, a line each, on standard error."""
    for text in problems:
        err.print(f"error: {text}", style="red", soft_wrap=True)
