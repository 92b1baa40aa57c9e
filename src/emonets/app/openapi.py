"""The description of the REST interface."""

from __future__ import annotations

from typing import Any


def openapi() -> dict[str, Any]:
    """An OpenAPI 3.1 description."""
    return {"openapi": "3.1.0"}
