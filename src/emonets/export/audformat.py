"""A database in audformat: a folder with a header in YAML and a table in CSV for each tier.

By https://audeering.github.io/audformat/ (data header and data tables of 1.x). The table ``files``
has the label of each clip. A table such as ``person-0`` or ``audio`` has stretches of time. A row
of such a table is named by its file, start and end alone, so two persons need two tables.
"""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.export.base import Writer
from emonets.export.names import beside
from emonets.export.tiers import LABELS, Stretch, tiers_of
from emonets.result import Result, printable

FOLDER = "audformat"
"""The folder of the database, which other files may not lie in."""
_VALUES = ("emotion", "probability", "model", *EMOTIONS)
_Rows = list[tuple[str, int | None, int | None, str, Stretch]]  # file, start, end, model, values


def files(result: Result, folder: Path) -> dict[str, bytes]:
    """``audformat/db.yaml`` and a table a tier; files are named as they lie from that folder."""
    tables: dict[str, _Rows] = {"files": []}
    models: set[str] = set()
    for clip in tiers_of(result):
        path = beside(clip.file, folder / FOLDER)
        for tier in clip.tiers:
            rows = tables.setdefault(_id(tier.name), [])
            rows += [(path, s.start, s.end, tier.model, s) for s in tier.stretches]
            models.add(tier.model)
        if clip.whole is not None and clip.whole.windows:
            # the clip's own row has one window
            own = clip.whole.windows[0]
            tables["files"].append((path, None, None, clip.whole.model, own))
            models.add(clip.whole.model)
    made = {f"{FOLDER}/db.{name}.csv": _table(rows, name) for name, rows in tables.items()}
    header = _header(result, tables, sorted(models))
    # each JSON text is YAML, and names of any kind are safe in it
    text = json.dumps(header, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return {f"{FOLDER}/db.yaml": text.encode(), **made}


def _id(tier: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", tier.lower()).strip("-") or "tier"


def _header(result: Result, tables: dict[str, _Rows], models: list[str]) -> dict[str, Any]:
    about = printable(f"{result.about.get('bundle', '')} {result.about.get('emonets', '')}".strip())
    columns = {
        name: {"scheme_id": "probability" if name in EMOTIONS else name, "rater_id": "emonets"}
        for name in _VALUES
    }
    return {
        "name": "emonets",
        "source": "EmoNets",
        "usage": "other",
        "languages": [],
        "description": "Labels of EmoNets: what a face shows or a voice sounds like, by a model. "
        "A person's number holds within one file.",
        "raters": {"emonets": {"type": "machine", "description": f"EmoNets {about}".strip()}},
        "schemes": {
            "emotion": {
                "description": f"The most probable emotion, or {LABELS[-1]}",
                "dtype": "str",
                "labels": list(LABELS),
            },
            "probability": {
                "description": "Of the label, or of one emotion; the mean over the stretch",
                "dtype": "float",
                "minimum": 0,
                "maximum": 1,
            },
            "model": {
                "description": "The specialist, or the specialists that are fused",
                "dtype": "str",
                "labels": [printable(model) for model in models],
            },
        },
        "tables": {
            name: {
                "type": "filewise" if name == "files" else "segmented",
                "description": "The whole clips" if name == "files" else f"Stretches of {name}",
                "columns": columns,
            }
            for name in tables
        },
    }


def _table(rows: _Rows, name: str) -> bytes:
    times = [] if name == "files" else ["start", "end"]
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["file", *times, *_VALUES])
    for file, start, end, model, s in rows:
        span = [] if start is None or end is None else [_time(start), _time(end)]
        numbers = [f"{p:.6f}" for p in (s.probability, *s.probabilities)]
        out.writerow([file, *span, s.label, numbers[0], printable(model), *numbers[1:]])
    return text.getvalue().encode()


def _time(ms: int) -> str:
    """As pandas writes a time delta: ``0 days 00:00:01.250000``."""
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours // 24} days {hours % 24:02d}:{minutes:02d}:{seconds:02d}.{ms:03d}000"


def encode(result: Result) -> bytes:
    """Refused: a database is a folder."""
    raise ParameterError("audformat is a folder of tables: use emonets.export.write_all")


WRITER = Writer(
    "audformat", "a database for audformat and audb, a folder", encode, text=False, files=files
)
