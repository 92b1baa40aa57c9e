"""The tables of a result, in the shape, time and spelling that a user chooses."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from emonets.emotions import EMOTIONS
from emonets.errors import MissingExtraError, ParameterError
from emonets.export.derived import with_derived
from emonets.export.events import event_problems, events_table, skips_of
from emonets.export.side_tables import Event, Files
from emonets.export.wide import check_every, wide_table
from emonets.result import BOX, Result, printable
from emonets.result_tables import clips_table, persons_table, windows_table

if TYPE_CHECKING:
    import pandas as pd

SEPARATORS = {"tab": "\t", "comma": ",", "semicolon": ";"}
"""Words for separators, which are hard to type."""
FORMATS = ("csv", "parquet", "xlsx")
"""The formats that are tables."""
_TIMES = ("start", "end", "time", "seen", "first", "last", "session_time")


@dataclass(frozen=True)
class TableOptions:
    """How tables are written.

    Attributes
    ----------
    wide : a row a second, and a column a person and emotion, in place of a row a face and window.
    every : seconds of such a row.
    derived : whether valence and arousal are added (`emonets.export.derived`).
    separator, decimal : of CSV: one of ``, ; |`` and a tab, or ``tab``; and ``.`` or ``,``.
    bom : whether CSV begins with a byte order mark, by which Excel knows UTF-8.
    events : stretches that have a row of their own, or that are left out.
    clock : when the clips began: all of them, or each by name; None: it is not known.
    session : seconds from a session's start to that of each file, by name; None: no session.

    Raises
    ------
    ParameterError : a value that is not valid, or two that do not fit.
    """

    wide: bool = False
    every: float = 1.0
    derived: bool = False
    separator: str = ","
    decimal: str = "."
    bom: bool = False
    events: tuple[Event, ...] = ()
    clock: datetime | Mapping[str, datetime] | None = None
    session: Mapping[str, float] | None = None

    def __post_init__(self) -> None:
        check_every(self.every)
        object.__setattr__(self, "separator", SEPARATORS.get(self.separator, self.separator))
        if self.separator not in (",", ";", "\t", "|"):
            raise ParameterError(f"separator must be one of , ; | or tab, got {self.separator!r}")
        if self.decimal not in (".", ","):
            raise ParameterError(f"decimal must be . or , got {self.decimal!r}")
        if self.decimal == self.separator:
            raise ParameterError(
                "separator and decimal are both a comma; give --separator ';' for a decimal comma"
            )

    @property
    def plain(self) -> bool:
        """Whether the table of results is as without options."""
        return self == replace(TableOptions(), events=self.events)

    def of(self, files: Sequence[str]) -> TableOptions:
        """These options for the clips of a run: with their names in place of the user's.

        Raises
        ------
        ParameterError : a table names a file that is not among them, or lacks one; or one start
            time is given for several clips that are no session.
        """
        known = Files(files)
        events = tuple(
            replace(own, file=known.find(own.file, f"event {own.name!r}")) if own.file else own
            for own in self.events
        )
        session = None
        if self.session is not None:
            session = {known.find(n, "session"): value for n, value in self.session.items()}
            lacks = next((file for file in known.files if file not in session), None)
            if lacks is not None:
                raise ParameterError(f"{lacks}: the session has no offset for it; add a line")
        clock = self.clock
        if isinstance(clock, Mapping):
            clock = {known.find(n, "clock"): value for n, value in clock.items()}
        elif clock is not None and session is None and len(known.files) > 1:
            raise ParameterError(
                f"one clock for {len(known.files)} files; give a table with the columns file and "
                "clock, or --session with their offsets"
            )
        return replace(self, events=events, session=session, clock=clock)

    def problems(self, result: Result) -> list[str]:
        """A sentence for each event that does not fit the clips."""
        return event_problems(self.events, result, self.session)


def results_table(result: Result, options: TableOptions) -> pd.DataFrame:
    """The main table: a row a face and window and model, or wide."""
    if not options.wide:
        return _complete(result.to_pandas(), options)
    skips = skips_of(options.events, result, options.session)
    frame = wide_table(result, options.every, skips or None)
    if options.derived:
        ends = "_" + EMOTIONS[-1]
        for name in [n for n in frame.columns if n.endswith(ends)]:
            frame = with_derived(frame, name.removesuffix(EMOTIONS[-1]))
    return _timed(frame, options)


def tables_of(result: Result, options: TableOptions) -> dict[str, pd.DataFrame]:
    """All tables of a workbook by name: clips, persons, windows; events and wide if asked for."""
    skips = skips_of(options.events, result, options.session)
    out = {
        "clips": _complete(clips_table(result), options),
        "persons": _complete(persons_table(result, skips), options),
        "windows": _complete(windows_table(result), options),
    }
    if any(not event.skip for event in options.events):
        made = events_table(result, options.events, options.session)
        out["events"] = _complete(made, options)
    if options.wide:
        out["wide"] = results_table(result, options)
    return out


def _complete(frame: pd.DataFrame, options: TableOptions) -> pd.DataFrame:
    return _timed(with_derived(frame) if options.derived else frame, options)


def _timed(frame: pd.DataFrame, options: TableOptions) -> pd.DataFrame:
    """With the time of the session and of the clock behind the seconds of the clip."""
    import pandas as pd

    begin, end = ("time", None) if "time" in frame else ("start", "end")
    if begin not in frame:
        return frame
    frame = frame.copy()
    files = frame["file"].astype(object)
    place = list(frame.columns).index(end or begin) + 1
    offsets = None
    if options.session is not None:
        offsets = files.map({printable(k): v for k, v in options.session.items()}).astype("float64")
        frame.insert(place, "session_time", offsets + frame[begin])
        place += 1
    if options.clock is not None:
        if isinstance(options.clock, Mapping):
            zero = pd.to_datetime(files.map({printable(k): v for k, v in options.clock.items()}))
        else:
            zero = pd.Series(pd.Timestamp(options.clock), index=frame.index)
            if offsets is not None:
                zero = zero + pd.to_timedelta(offsets, unit="s")
        names = {begin: "clock"} if end is None else {begin: "clock_start", end: "clock_end"}
        for k, (seconds, name) in enumerate(names.items()):
            made = zero + pd.to_timedelta(frame[seconds].astype("float64"), unit="s")
            frame.insert(place + k, name, made.dt.round("ms"))
    return frame


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """Times to the millisecond, boxes to 0.1 pixels, probabilities to 6 digits, the rest to 4."""
    digits = {}
    for name in frame.columns:
        if frame[name].dtype.kind == "f":
            digits[name] = 4
            if name.rpartition("_")[2] in EMOTIONS and not name.startswith("share_"):
                digits[name] = 6
            elif name in BOX:
                digits[name] = 1
            elif name in _TIMES:
                digits[name] = 3
    return frame.round(digits)


def csv_of(frame: pd.DataFrame, options: TableOptions) -> bytes:
    """A table as UTF-8 text; times of day as ``2026-11-28T10:00:00.000``."""
    made = rounded(frame)
    for name in made.columns:
        if made[name].dtype.kind == "M":
            made[name] = made[name].dt.strftime("%Y-%m-%dT%H:%M:%S.%f").str[:-3]
    text = made.to_csv(
        index=False, lineterminator="\n", sep=options.separator, decimal=options.decimal
    )
    return printable(text).encode("utf-8-sig" if options.bom else "utf-8")


def parquet_of(frame: pd.DataFrame, options: TableOptions) -> bytes:
    """A table as Apache Parquet; needs the extra ``[parquet]``."""
    buffer = io.BytesIO()
    try:
        rounded(frame).to_parquet(buffer, index=False, engine="pyarrow")
    except ImportError:
        raise MissingExtraError("writing Parquet", "parquet") from None
    return buffer.getvalue()


ENCODERS: dict[str, Callable[[pd.DataFrame, TableOptions], bytes]] = {
    "csv": csv_of,
    "parquet": parquet_of,
}
"""How a single table is written, by format."""


def encode(result: Result, name: str, options: TableOptions) -> bytes:
    """The content of the file of results, in a format of :data:`FORMATS`.

    Raises
    ------
    ParameterError : the format is no table.
    MissingExtraError : it needs a package that is not installed.
    """
    check_format(name, options)
    if name == "xlsx":
        from emonets.export.xlsx import workbook

        return workbook(result, options)
    return ENCODERS[name](results_table(result, options), options)


def check_format(name: str, options: TableOptions) -> None:
    """Raise `ParameterError` where options of tables are given for a format that is none."""
    if name in FORMATS or options.plain:
        return
    raise ParameterError(
        f"--wide, --derived, --clock, --session and the options of CSV need a table: give --format "
        f"csv, parquet or xlsx, not {name}"
    )
