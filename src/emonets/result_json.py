"""A result as JSON. `docs/result.schema.json` describes its version 2."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.person_seen import PersonSeen
from emonets.result import BOX, UNCERTAIN, Box, FileStatus, Result, Row

SCHEMA = "emonets.result"
SCHEMA_VERSION = 2
READ_VERSIONS = (1, 2)
"""Those that are read; rows of version 1 have no boxes."""


def text_of(result: Result) -> str:
    """One object; rows, files and persons are lists in the order of the result.

    ``models``: the names in the rows. ``warnings``: the messages of files. Both follow from the
    rest, and are not read back.
    """
    content = {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "about": result.about,
        "emotions": list(EMOTIONS),
        "models": list(dict.fromkeys(row.model for row in result.rows)),
        "files": [status.__dict__ for status in result.files],
        "warnings": [f"{own.file}: {own.message}" for own in result.files if own.message],
        "rows": [_row_content(row) for row in result.rows],
        "persons": [person.to_dict() for person in result.persons],
    }
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def result_of(text: str) -> Result:
    """The inverse of `text_of`.

    Raises
    ------
    ParameterError : not JSON of this schema and of one of its versions.
    """
    try:
        content = json.loads(text)
        schema, version = content["schema"], content["schema_version"]
        if schema != SCHEMA or version not in READ_VERSIONS:
            raise ParameterError(
                f"schema {schema!r} version {version!r}, expected {SCHEMA} version "
                f"{' or '.join(map(str, READ_VERSIONS))}"
            )
        rows = tuple(map(_row_of, content["rows"]))
        files = tuple(FileStatus(**status) for status in content["files"])
        persons = tuple(PersonSeen.from_dict(own) for own in content.get("persons", ()))
        return Result(rows, files, content["about"], persons)
    except ParameterError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise ParameterError(f"not a result in JSON: {error!r}") from None


def _row_content(row: Row) -> dict[str, Any]:
    """A row, with ``other_found`` where a specialist beyond the shipped ones needs it."""
    content = row.to_dict()
    if row.other_found is not None:
        content["other_found"] = row.other_found
    return content


def _row_of(row: Mapping[str, Any]) -> Row:
    return Row(
        row["file"], row["track"], row["start"], row["end"], row["face_found"],
        row["model"], tuple(row[name] for name in EMOTIONS),
        row.get("sound_found"), row.get("level", "clip"), row.get("motion_found"),
        row.get("label") == UNCERTAIN, row.get("other_found"), row.get("person"),
        row.get("speech"), row.get("speaks"), row.get("normalised", False),
        _box_of(row), row.get("usable"),
    )  # fmt: skip


def _box_of(row: Mapping[str, Any]) -> Box | None:
    """The box of a row; rows of version 1 have none."""
    x, y, w, h = (row.get(name) for name in BOX)
    if x is None or y is None or w is None or h is None:
        return None
    return float(x), float(y), float(w), float(h)
