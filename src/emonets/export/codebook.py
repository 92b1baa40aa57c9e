"""The codebook of results: what each column means, and how often it is right on strangers."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

from emonets.emotions import EMOTIONS
from emonets.export.derived import SOURCE
from emonets.result import Result, printable

if TYPE_CHECKING:
    import pandas as pd

FEW = 100
"""A measurement on fewer clips is not stated."""


class Entry(NamedTuple):
    """What a column is. ``not_meant``: what it cannot mean."""

    meaning: str
    unit: str = ""
    range: str = ""
    not_meant: str = ""


_FEELS = (
    "not what the person feels, and not how strongly it is shown; a small number is no proof of "
    "absence"
)
_ENTRIES = {
    "file": Entry("the clip, as it was given", "text"),
    "event": Entry("the name of the event, as the table of events has it", "text"),
    "track": Entry(
        "number of a face that is followed without a break", "number", "0 and up",
        "not the same person in another clip",
    ),
    "person": Entry(
        "number of a person in the clip, in order of appearance; empty: no single face is meant",
        "number", "0 and up",
        "not the same person in another clip, unless --same-people was given; not a name",
    ),
    "persons": Entry("how many persons are seen in the clip", "number", "0 and up"),
    "tracks": Entry("how many tracks are this person's", "number", "1 and up"),
    "start": Entry("where the row begins, from the clip's own beginning", "seconds", "0 and up"),
    "end": Entry("where the row ends", "seconds", "start and up"),
    "time": Entry("where the row begins, from the clip's own beginning", "seconds", "0 and up"),
    "session_time": Entry("where the row begins, from the beginning of the session", "seconds"),
    "clock": Entry("the time of day at which the row begins, as given by --clock", "date and time"),
    "clock_start": Entry("the time of day at which the row begins", "date and time"),
    "clock_end": Entry("the time of day at which the row ends", "date and time"),
    "skip": Entry("whether the user left this stretch out; its cells are empty", "true, false"),
    "usable": Entry(
        "share of the frames in which the face was found and is at least 32 pixels wide; of a "
        "person: of all frames of the clip; of an event: of its time", "share", "0 to 1",
        "not how often the prediction is right",
    ),
    "covered": Entry("share of the event's time with a row of this person", "share", "0 to 1"),
    "seen": Entry("how long the face is seen, to 0.2 seconds", "seconds", "0 and up"),
    "first": Entry("when the person is seen first", "seconds", "0 and up"),
    "last": Entry("when the person is seen last", "seconds", "first and up"),
    "x": Entry("left edge of the face in the shown picture; of a window the median", "pixels"),
    "y": Entry("upper edge of the face in the shown picture; of a window the median", "pixels"),
    "w": Entry("width of the face; of a window the median", "pixels", "above 0"),
    "h": Entry("height of the face; of a window the median", "pixels", "above 0"),
    "model": Entry(
        "what predicts: face, audio, activity, mouth, or several fused, as face+audio", "text"
    ),
    "label": Entry(
        "the most probable of seven emotions; 'uncertain' below a threshold that the user chose; "
        "empty where nothing was found", "text", ", ".join(EMOTIONS),
        "not what the person feels; a face or voice that fits none of the seven gets one too",
    ),
    "certainty": Entry(
        "the largest of the seven probabilities", "probability", "0.143 to 1",
        "not the chance that the label is right, unless the model is calibrated on such clips",
    ),
    "level": Entry("what the row covers: frame, face, window or clip", "text"),
    "face_found": Entry("whether a face was found; empty: the model uses none", "true, false"),
    "sound_found": Entry("whether sound was found; empty: the model uses none", "true, false"),
    "motion_found": Entry("whether motion was found; empty: the model uses none", "true, false"),
    "speech": Entry("share of the row's time in which somebody speaks", "share", "0 to 1"),
    "speaks": Entry(
        "whether this person speaks; of a person or an event the share of the time", "true, false",
        "0 to 1", "not what is spoken",
    ),
    "normalised": Entry("whether the row is compared with the person's other rows", "true, false"),
    "status": Entry("ok, damaged, no face, no sound, no speech, no motion or error", "text"),
    "message": Entry("what was wrong or in doubt with the file", "text"),
    "share_uncertain": Entry("share of the time with the label 'uncertain'", "share", "0 to 1"),
    "valence_derived": Entry(
        f"unpleasant to pleasant, {SOURCE}", "none", "-0.64 to 0.81",
        "not measured: it holds nothing that the seven probabilities do not",
    ),
    "arousal_derived": Entry(
        f"calm to aroused, {SOURCE}", "none", "-0.27 to 0.67",
        "not measured: it holds nothing that the seven probabilities do not",
    ),
}  # fmt: skip


def entry_of(column: str) -> Entry:
    """What a column of any table is.

    Raises
    ------
    KeyError : it is not in the codebook.
    """
    if column in _ENTRIES:
        return _ENTRIES[column]
    if column in EMOTIONS:
        return Entry(
            f"how probable '{column}' is for the time of the row, among seven emotions that sum to "
            "1; where nothing was found all are 0.143, or the cell is empty",
            "probability", "0 to 1", _FEELS,
        )  # fmt: skip
    if column.startswith("share_"):
        name = column.removeprefix("share_")
        return Entry(f"share of the person's time with the label '{name}'", "share", "0 to 1")
    who, _, rest = column.partition("_")
    if rest in _ENTRIES or rest in EMOTIONS:
        own = entry_of(rest)
        names = {"sound": "of the sound", "clip": "of the whole clip, the same in all its rows"}
        person = re.fullmatch(r"p(\d+)", who)
        if person or who in names:
            of = f"of person {person[1]}" if person else names[who]
            return own._replace(meaning=f"{of}: {own.meaning}")
    raise KeyError(column)


def codebook_table(tables: Mapping[str, pd.DataFrame], result: Result) -> pd.DataFrame:
    """A row a column of these tables, and below them a row a measurement."""
    import pandas as pd

    rows = [
        (name, str(column), *entry_of(str(column)))
        for name, frame in tables.items() for column in frame.columns
    ]  # fmt: skip
    rows += [("accuracy", "", line, "", "", "") for line in accuracy(result)]
    columns = ["table", "column", "meaning", "unit", "range", "cannot mean"]
    return pd.DataFrame(rows, columns=columns).astype("string")


def codebook_text(columns: Mapping[str, Iterable[str]], result: Result) -> str:
    """The codebook of some tables as plain text, lines of at most 90 characters.

    Parameters
    ----------
    columns : names of the columns by table. The columns of persons of a wide table are described
        once, and so are those of the seven emotions.
    """
    about = result.about
    out = ["Codebook of these results", "========================="]
    for name, key in (("EmoNets", "emonets"), ("bundle", "bundle"), ("digest", "bundle_digest"),
                      ("models", "model"), ("decision", "decision"),
                      ("trained on", "trained_on"), ("normalised", "normalised")):  # fmt: skip
        if about.get(key):
            value = about[key]
            out += _wrapped(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
    for table, names in columns.items():
        out += ["", table, "-" * len(table)]
        done: set[str] = set()
        for column in names:
            shown, meaning = _for_all(column)
            if shown in done:
                continue
            done.add(shown)
            own = entry_of(column)
            limits = "; ".join(filter(None, (own.unit, own.range)))
            out += _wrapped(f"{shown}: {meaning}" + (f" [{limits}]" if limits else ""))
            if own.not_meant:
                out += _wrapped(f"cannot mean: {own.not_meant}", "    ")
    out += ["", "How often it is right on strangers", "-" * 34]
    for line in accuracy(result):
        out += _wrapped(line)
    return printable("\n".join(out) + "\n")


def _for_all(column: str) -> tuple[str, str]:
    """The name and the meaning of a column, put for all persons and all emotions."""
    shown = re.sub(r"^p\d+_", "pN_", column)
    meaning = re.sub(r"^of person \d+", "of person N", entry_of(column).meaning)
    before, _, emotion = shown.rpartition("_")
    if emotion in EMOTIONS:
        start = f"{before}_" if before else ""
        shown = f"{start}{EMOTIONS[0]} … {start}{EMOTIONS[-1]}"
        meaning = meaning.replace(f"'{emotion}'", "the emotion")
    return shown, meaning


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, 90, initial_indent=indent, subsequent_indent=indent + "    ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def accuracy(result: Result) -> list[str]:
    """Sentences: how often each model of a result is right on people it was not trained on.

    They are the measurements of `docs/results/strangers.md` for a shipped bundle. Of another
    bundle, and of models that were not measured, it is not known.
    """
    bundle = result.about.get("bundle")
    measured = _measured().get(str(bundle))
    models = list(dict.fromkeys(row.model for row in result.rows if "/" not in row.model))
    if measured is None:
        name = "the model" if bundle is None else f"the bundle {bundle}"
        return [
            f"Not known: {name} was not measured on strangers. Measure it on your own labelled "
            "clips with 'emonets evaluate'."
        ]
    out = [
        f"Measured for the bundle {bundle}, on people it was not trained on: the share that is "
        "right, as the mean over the emotions that the data have, with its 95 % interval; by "
        "chance it is 14 %. Most of the data are posed. Your clips may give less."
    ]
    for model in models:
        for line in measured.get(model, ()):
            out.append(_line(model, line))
        if model not in measured:
            out.append(f"{model}: not measured on strangers.")
    return out


def _line(model: str, line: Mapping[str, Any]) -> str:
    start = f"{model}, {line['data']}: "
    if line["n"] < FEW:
        return start + f"measured on {line['n']} clips, too few to state a share."
    kinds = f", {line['classes']} emotions" if line.get("classes") else ""
    known = [f"{name} {line[name]:.0%}" for name in EMOTIONS if name in line]
    return (
        f"{start}{line['right']:.0%} [{line['low']:.0%} to {line['high']:.0%}] of "
        f"{line['n']:,} pictures or clips{kinds}"
        + (f"; of single emotions, as far as stated: {', '.join(known)}" if known else "") + "."
    )  # fmt: skip


@cache
def _measured() -> dict[str, Any]:
    text = resources.files("emonets.export").joinpath("strangers.json").read_text("utf-8")
    made: dict[str, Any] = json.loads(text)
    return made
