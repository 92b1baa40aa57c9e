"""JSON schemas of what the server answers, each with an example."""

from __future__ import annotations

from typing import Any

from emonets.emotions import EMOTIONS

_TEXT, _NUMBER, _WHOLE = {"type": "string"}, {"type": "number"}, {"type": "integer", "minimum": 0}
_LIST, _TEXTS = {"type": "array"}, {"type": "array", "items": {"type": "string"}}
_LABELS = [*EMOTIONS, "uncertain"]
ERROR = {"error": "there is no such clip; it may have been deleted, by hand or after its time"}

_JOB_EXAMPLE = {
    "id": "0B5J1i3dvGMt9jD4", "name": "interview.mp4", "label": None, "batch": None,
    "size": 23327800, "created": 1795960244.4, "expires": 1796046644.4, "state": "running",
    "stage": "reading", "done": 12.5, "total": 60.0, "seconds": None, "seconds_left": 31.5,
    "place": None, "status": None, "message": "", "persons": None, "no_voice": None,
    "emotion": None, "page": None, "card": None,
}  # fmt: skip
_DONE_EXAMPLE = {
    **_JOB_EXAMPLE, "state": "done", "stage": None, "done": 60.0, "total": 60.0, "seconds": 60.0,
    "seconds_left": None, "status": "ok", "persons": 2, "no_voice": False, "emotion": "happy",
    "page": "/clips/0B5J1i3dvGMt9jD4/", "card": "/clips/0B5J1i3dvGMt9jD4/card.jpg",
}  # fmt: skip


def _maybe(schema: dict[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    made = {**schema, "type": [schema["type"], "null"]}
    return {**made, "enum": [*schema["enum"], None]} if "enum" in schema else made


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An object with just these properties."""
    return {
        "type": "object", "properties": properties, "required": list(properties),
        "additionalProperties": False, **more,
    }  # fmt: skip


def _open(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with these properties and others."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _about(text: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {**schema, "description": text}


JOB = _object(
    {
        "id": _TEXT,
        "name": _about("As the client called it: show it as text.", _TEXT),
        "label": _maybe({"type": "string", "enum": list(EMOTIONS)}),
        "batch": _maybe(_TEXT),
        "size": _about("Bytes of the clip.", _WHOLE),
        "created": _about("Seconds since 1970.", _NUMBER),
        "expires": _about("When it is deleted, in seconds since 1970.", _NUMBER),
        "state": {"type": "string", "enum": ["waiting", "running", "done", "failed", "cancelled"]},
        "stage": _maybe({"type": "string", "enum": ["starting", "reading", "film"]}),
        "done": _about("Seconds of the clip that the stage has done.", _NUMBER),
        "total": _about("Seconds of the clip by its header; null: unknown.", _maybe(_NUMBER)),
        "seconds": _about("Length of the clip, when it is done.", _maybe(_NUMBER)),
        "seconds_left": _about(
            "Until it is done, as fast as this computer was before; null: unknown.",
            _maybe(_NUMBER),
        ),
        "place": _about("In the queue, from 1.", _maybe(_WHOLE)),
        "status": _about(
            "Of the clip: ok, damaged, no face, no sound, no speech, no motion, error.",
            _maybe(_TEXT),
        ),
        "message": _TEXT,
        "persons": _maybe(_WHOLE),
        "no_voice": _about("Whether nobody speaks in it.", _maybe({"type": "boolean"})),
        "emotion": _maybe({"type": "string", "enum": _LABELS}),
        "page": _about("Address of its page.", _maybe(_TEXT)),
        "card": _about("Address of a small picture.", _maybe(_TEXT)),
    },
    examples=[_JOB_EXAMPLE, _DONE_EXAMPLE],
)
STATUS = _object(
    {
        "version": _TEXT,
        "bundle": _about("The one that predicts.", _TEXT),
        "bundles": {"type": "array", "items": _TEXT},
        "models": _about("Specialists of the bundle.", {"type": "array", "items": _TEXT}),
        "active": _about(
            "Those that predict unless others are named.", {"type": "array", "items": _TEXT}
        ),
        "queue": _object({"waiting": _WHOLE, "running": _WHOLE}),
        "limits": _about(
            "Bytes of a clip, seconds of the work on one, clips that wait, bytes of all.",
            _object({"bytes": _WHOLE, "seconds": _NUMBER, "jobs": _WHOLE, "disk": _WHOLE}),
        ),
        "used": _about("Bytes of all clips and results.", _WHOLE),
        "folder": _about("Where clips and results are kept.", _TEXT),
        "keep_seconds": _about("After the last work on a clip it is deleted.", _NUMBER),
        "forget": _about("Whether all is deleted when the server ends.", {"type": "boolean"}),
        "locked": _about("What the process that decodes clips cannot do.", _TEXT),
        "formats": {"type": "array", "items": _object({"name": _TEXT, "about": _TEXT})},
    },
    examples=[{
        "version": "0.1.0", "bundle": "modern", "bundles": ["modern", "open", "paper"],
        "models": ["face", "audio", "activity", "mouth"], "active": ["face", "audio"],
        "queue": {"waiting": 2, "running": 1},
        "limits": {"bytes": 2000000000, "seconds": 3600.0, "jobs": 200, "disk": 20000000000},
        "used": 51234567, "folder": "/home/ann/.cache/emonets/serve",
        "keep_seconds": 86400.0, "forget": False,
        "locked": "no file, connection or process can be opened",
        "formats": [{"name": "csv", "about": "a table for R, Python and spreadsheets"}],
    }],
)  # fmt: skip
EDITS = {
    "type": "object",
    "description": "Names, merges and splits of persons, excluded stretches, events.",
    "properties": {
        "schema": {"const": "emonets.edits"}, "version": {"const": 1}, "file": _TEXT,
        "result": _about("Digest of the result that they are of.", _TEXT),
        "names": {"type": "object", "additionalProperties": _TEXT},
        "people": {"type": "array", "items": {"type": "object"}},
        "excluded": {
            "type": "array", "items": _object({"start": _NUMBER, "end": _NUMBER}),
        },
        "events": {"type": "array", "items": _object({"time": _NUMBER, "name": _TEXT})},
    },
    "required": ["schema", "version", "file", "result", "names", "people", "excluded", "events"],
    "additionalProperties": False,
    "examples": [{
        "schema": "emonets.edits", "version": 1, "file": "interview.mp4", "result": "ab" * 32,
        "names": {"0": "Ann"}, "people": [{"op": "merge", "from": 1, "into": 0}],
        "excluded": [{"start": 0.0, "end": 2.5}], "events": [{"time": 4.0, "name": "laughs"}],
    }],
}  # fmt: skip

SCHEMAS: dict[str, Any] = {
    "Error": _object({"error": _TEXT}, examples=[ERROR]),
    "Job": JOB,
    "Jobs": _object(
        {
            "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}},
            "version": _about("Grows with every change.", _WHOLE),
        },
        examples=[{"jobs": [_JOB_EXAMPLE], "version": 17959602449}],
    ),
    "Status": STATUS,
    "Edits": EDITS,
    "MaybeEdits": {"anyOf": [{"$ref": "#/components/schemas/Edits"}, {"type": "null"}]},
    "Comparison": _open(
        {
            "emotions": _TEXTS,
            "labels": _about("The emotions and uncertain.", _TEXTS),
            "span": _about("Start and end in seconds, over all clips.", _LIST),
            "fields": _about("Of the rows of a ribbon.", _TEXTS),
            "clips": {
                "type": "array",
                "items": _open(
                    {
                        "id": _TEXT,
                        "name": _TEXT,
                        "status": _TEXT,
                        "start": _NUMBER,
                        "end": _NUMBER,
                        "label": _maybe(_TEXT),
                        "certainty": _about("0 to 1: the largest probability.", _maybe(_NUMBER)),
                        "probabilities": _about(
                            "0 to 1, by emotion.", {"type": ["object", "null"]}
                        ),
                        "shares": _about("Of the time, by label: 0 to 1.", {"type": "object"}),
                        "persons": _about("Each with numbers as the clip's.", _LIST),
                    }
                ),
            },
            "missing": _about("Clips without predictions, each with why.", _LIST),
        }
    ),
    "Evaluation": _open(
        {
            "batch": _maybe(_TEXT),
            "emotions": _TEXTS,
            "n": _about("Clips in all.", _WHOLE),
            "scored": _about("Clips with a label and a prediction.", _WHOLE),
            "unfinished": _WHOLE,
            "missing": _about("Clips that are not scored, each with why.", _LIST),
            "clips": _LIST,
            "sources": _about(
                "Scores of all together, and of each specialist.",
                {
                    "type": "array",
                    "items": _open(
                        {
                            "source": _TEXT,
                            "n": _WHOLE,
                            "right": _WHOLE,
                            "accuracy": _about("With its 95 % interval.", {}),
                        }
                    ),
                },
            ),
            "trained_on": _about("What the bundle knows of these clips.", {}),
        }
    ),
}
"""By their names in the description."""
