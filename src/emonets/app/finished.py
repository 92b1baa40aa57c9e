"""What comparisons and evaluations are computed from: the clips of a server, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emonets.result import Result


@dataclass(frozen=True)
class Clip:
    """One clip of the server.

    Attributes
    ----------
    id, name : of the job. label, batch : that the upload gave, or None.
    state : of the job: waiting, running, done, failed or cancelled.
    result : of a clip that is done; of any other None.
    edits : what a reader corrected (`emonets.report.edits.read_edits`), or None.
    """

    id: str
    name: str
    label: str | None
    batch: str | None
    state: str
    result: Result | None
    edits: Mapping[str, Any] | None
