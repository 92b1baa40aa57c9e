"""What comparisons and evaluations are computed from: the clips of a server, as they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonets.result import Result, printable


@dataclass(frozen=True)
class Clip:
    """One clip of the server.

    Attributes
    ----------
    id, name : of the job. label, batch : that the upload gave, or None.
    state : of the job: waiting, running, done, failed or cancelled.
    result : of a clip that is done; of any other None.
    edits : what a reader corrected (`emonets.report.edits.read_edits`), or None.
    message : of the job: why it failed.
    upload : the clip's file; None: not known.
    """

    id: str
    name: str
    label: str | None
    batch: str | None
    state: str
    result: Result | None
    edits: Mapping[str, Any] | None
    message: str = ""
    upload: Path | None = None

    @property
    def page(self) -> str | None:
        """Address of its page; None: it has none."""
        return f"/clips/{self.id}/" if self.result is not None else None

    @property
    def without(self) -> str:
        """Why it has no result, as the end of a sentence; empty: it has one."""
        if self.result is not None and self.result.rows:
            return ""
        if self.result is not None and self.result.files:
            status = self.result.files[0]
            return printable(status.message) or status.status
        if self.state in ("waiting", "running"):
            return "is not done yet"
        return self.message or ("is cancelled" if self.state == "cancelled" else "has no result")
