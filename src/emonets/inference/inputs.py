"""What is predicted: the files that paths name, or a clip from memory."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emonets.errors import ParameterError
from emonets.inference.rows import status_of
from emonets.media.clip import Clip
from emonets.media.find import PASSED_OVER, search_clips
from emonets.media.limits import Limits
from emonets.media.memory import open_memory
from emonets.result import FileStatus


@dataclass(frozen=True)
class Inputs:
    """The clips of a run.

    Attributes
    ----------
    clips : paths, or the one clip from memory.
    single : whether one path was given, or a clip from memory: its errors are raised.
    missing : a status for each path that names none.
    about : what was passed over in folders, for the result's ``about``.
    """

    clips: Sequence[Path | Clip]
    single: bool
    missing: tuple[FileStatus, ...] = ()
    about: dict[str, Any] = field(default_factory=dict)


def inputs_of(
    paths: Any,
    memory: Mapping[str, Any],
    *,
    errors: str = "auto",
    fps: float | None = None,
    limits: Limits | None = None,
) -> Inputs:
    """The clips that paths name, or that arrays are.

    Parameters
    ----------
    paths : a path, a list of paths, or None.
    memory : ``frames``, ``times``, ``sound``, ``rate``, ``bgr`` and ``name`` of
        `emonets.media.memory.open_memory`.
    errors : ``auto``, ``raise`` or ``report``: a wrong path hides no other unless errors are
        raised. fps, limits : of either.

    Raises
    ------
    ParameterError : both are given, or neither.
    """
    if errors not in ("auto", "raise", "report"):
        raise ParameterError(f"errors must be auto, raise or report, got {errors!r}")
    given = [name for name in ("frames", "sound") if memory.get(name) is not None]
    if paths is None and given:
        clip = open_memory(**memory, fps=fps, limits=limits or Limits())
        return Inputs([clip], True)
    if given:
        raise ParameterError(f"paths and {given[0]} are given; give files or arrays, not both")
    for name, of in (("times", "frames"), ("rate", "sound"), ("bgr", "frames"), ("name", "frames")):
        value = memory.get(name)
        if value is not None and value is not False:
            raise ParameterError(f"{name} belongs to {of}; give {of}, or leave {name} out")
    single = isinstance(paths, str | os.PathLike)
    several = [paths] if single else paths
    if not isinstance(several, Sequence) or not all(
        isinstance(p, str | os.PathLike) for p in several
    ):
        raise ParameterError(f"paths must be a path or a list of paths, got {_short(paths)}")
    found = search_clips([p if isinstance(p, str) else Path(p) for p in several], fps=fps)
    if found.wrong and (errors == "raise" or (errors == "auto" and single)):
        raise found.wrong[0]
    over = {PASSED_OVER: found.passed_over} if found.passed_over else {}
    return Inputs(list(found.clips), single, tuple(map(status_of, found.wrong)), over)


def _short(value: Any) -> str:
    """A value as a message names it."""
    if hasattr(value, "shape"):
        return f"an array of shape {value.shape}; give arrays as frames or sound"
    return repr(value)
