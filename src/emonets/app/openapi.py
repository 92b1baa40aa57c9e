"""The description of the REST interface, as ``/openapi.json`` has it.

Tests hold it to the routes, and its examples to its schemas.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emonets.app.schemas import ERROR, SCHEMAS
from emonets.emotions import EMOTIONS
from emonets.version import __version__

_TEXT = {"type": "string"}
_ID = {"name": "id", "in": "path", "required": True, "schema": _TEXT, "description": "Of the job."}
_NAME = {"name": "name", "in": "path", "required": True, "schema": _TEXT}
_REASONS = {
    400: "A parameter or the body is not as it should be.",
    401: "The token is missing or wrong.",
    403: "The host or the origin is another.",
    404: "There is nothing of this name.",
    408: "The upload stood still.",
    409: "The clip is not in a state for this.",
    411: "Content-Length is missing.",
    413: "It is too large.",
    422: "The result cannot be had in this way.",
    429: "Too many clips are waiting.",
    501: "An optional package is not installed.",
    507: "There is no room on the disk.",
}


def openapi() -> dict[str, Any]:
    """An OpenAPI 3.1 description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "EmoNets on this computer", "version": __version__,
            "description": "Clips go in, emotions come out. Every answer that is no file is JSON; "
            "an error is {\"error\": \"a sentence\"}. Nothing leaves this computer.",
        },
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": {path: dict(operations) for path, operations in _PATHS.items()},
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "The token in the address that emonets serve prints.",
                },
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": "emonets-PORT",
                    "description": "Of browsers, which opened that address. Requests that change "
                    "something need the header Origin of this server too.",
                },
            },
        },
    }  # fmt: skip


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _query(name: str, about: str, schema: Any = None, *, required: bool = False) -> dict[str, Any]:
    return {
        "name": name, "in": "query", "required": required, "schema": schema or _TEXT,
        "description": about,
    }  # fmt: skip


def _json(about: str, schema: str) -> dict[str, Any]:
    return {"description": about, "content": {"application/json": {"schema": _ref(schema)}}}


def _other(about: str, media_type: str) -> dict[str, Any]:
    return {"description": about, "content": {media_type: {"schema": {"type": "string"}}}}


def _operation(
    summary: str,
    answers: dict[int, dict[str, Any]],
    errors: Sequence[int] = (),
    parameters: Sequence[dict[str, Any]] = (),
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    refused = {
        str(status): {
            "description": _REASONS[status],
            "content": {"application/json": {"schema": _ref("Error"), "example": ERROR}},
        }
        for status in (401, 403, *errors)
    }
    made: dict[str, Any] = {
        "summary": summary,
        "parameters": list(parameters),
        "responses": {**{str(status): answer for status, answer in answers.items()}, **refused},
    }
    return made if body is None else {**made, "requestBody": body}


def _page(summary: str, *parameters: dict[str, Any]) -> dict[str, Any]:
    return {"get": _operation(summary, {200: _other("The page.", "text/html")}, (), parameters)}


_SINCE = _query(
    "since", "Version of the list that is known: the answer comes when there is another, after "
    "20 s at most.", {"type": "integer", "minimum": 0},
)  # fmt: skip
_UPLOAD = (
    _query("name", "What the clip is called; never a path.", required=True),
    _query("label", "The emotion that it shows, for an evaluation.",
           {"type": "string", "enum": list(EMOTIONS)}),
    _query("batch", "A text that the clips of one evaluation share."),
    _query("window", "Length of windows in seconds, auto or none. Default: auto."),
    _query("models", "Specialists, such as face,audio; or all. Default: the bundle's."),
)  # fmt: skip
_CLIP = {
    "required": True, "description": "The clip itself.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}  # fmt: skip
_EDITS = {
    "required": True, "description": "What the report page saves, 1 MB at most.",
    "content": {"application/json": {"schema": _ref("Edits")}},
}  # fmt: skip

_PATHS: dict[str, dict[str, Any]] = {
    "/": _page("The page with the clips", _query("token", "Sets the cookie of the browser.")),
    "/live": _page("The page with camera and microphone"),
    "/compare": _page("The page that compares clips", _query("ids", "Of jobs, with commas.")),
    "/evaluate": _page("The page of a labelled batch", _query("batch", "Of the clips.")),
    "/help": _page("Keys, REST, and what is kept"),
    "/assets/{name}": {
        "get": _operation(
            "A file of these pages", {200: _other("The file.", "text/css")}, (404,), (_NAME,)
        )
    },
    "/favicon.ico": {
        "get": _operation("The icon", {200: _other("The icon.", "image/svg+xml")})
    },
    "/openapi.json": {
        "get": _operation("This description", {200: {
            "description": "OpenAPI 3.1.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        }})
    },
    "/api/status": {"get": _operation("Version and limits", {200: _json("Now.", "Status")})},
    "/api/jobs": {
        "get": _operation("All jobs", {200: _json("Oldest first.", "Jobs")}, (400,), (_SINCE,)),
        "post": _operation(
            "A new clip", {201: _json("It waits.", "Job")}, (400, 408, 411, 413, 429, 507),
            _UPLOAD, _CLIP,
        ),
    },
    "/api/jobs/{id}": {
        "get": _operation("One job", {200: _json("As it is.", "Job")}, (404,), (_ID,)),
        "delete": _operation(
            "Delete clip and result", {204: {"description": "Deleted."}}, (404,), (_ID,)
        ),
    },
    "/api/jobs/{id}/cancel": {
        "post": _operation(
            "Stop the work, or take it out of the queue", {202: _json("It ends.", "Job")},
            (404, 409), (_ID,),
        )
    },
    "/api/jobs/{id}/again": {
        "post": _operation(
            "Predict it again", {202: _json("It waits.", "Job")}, (404, 409), (_ID,)
        )
    },
    "/api/jobs/{id}/result": {
        "get": _operation(
            "The result as a file", {200: _other("The file.", "application/octet-stream")},
            (400, 404, 409, 422, 501),
            (_ID, _query("format", "Of /api/status. Default: json (docs/result.schema.json).")),
        )
    },
    "/api/jobs/{id}/edits": {
        "get": _operation(
            "What a reader corrected; null: nothing", {200: _json("As saved.", "MaybeEdits")},
            (404, 409), (_ID,),
        ),
        "put": _operation(
            "Keep corrections; the page is made anew", {200: _json("As kept.", "Edits")},
            (400, 404, 409, 413, 507), (_ID,), _EDITS,
        ),
    },
    "/clips/{id}/": {
        "get": _operation(
            "The page that plays a clip with its result", {200: _other("The page.", "text/html")},
            (404, 409), (_ID,),
        )
    },
    "/clips/{id}/{name}": {
        "get": _operation(
            "A film, picture or sound of that page; Range is understood",
            {200: _other("The file.", "video/mp4"), 206: _other("A part.", "video/mp4")},
            (404, 409), (_ID, _NAME),
        )
    },
    "/api/comparison": {
        "get": _operation(
            "Clips beside each other", {200: _json("A clip each.", "Comparison")}, (400, 404),
            (_query("ids", "Of jobs, with commas.", required=True),),
        )
    },
    "/api/evaluation": {
        "get": _operation(
            "A labelled batch, scored", {200: _json("The scores.", "Evaluation")}, (404,),
            (_query("batch", "Of the clips.", required=True),),
        )
    },
    "/api/live": {
        "get": {
            **_operation(
                "Camera and microphone: a WebSocket, described in docs/howto/live.md",
                {101: {"description": "The protocol changes."}},
            ),
            "x-websocket": True,
        }
    },
}  # fmt: skip
