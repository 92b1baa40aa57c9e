"""What a server is started with: its limits, and where its clips are kept."""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from emonets.errors import ParameterError
from emonets.version import DEFAULT_BUNDLE

PORT = 8471
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a server is started with.

    Attributes
    ----------
    folder : of its clips and results; only the user can read it.
    token : the secret that every request gives.
    port : of 127.0.0.1; 0 chooses a free one.
    bundle, device : of the model.
    keep_seconds : that a clip and its result are kept after the last work on it.
    max_bytes : of one clip.
    max_jobs : clips that wait at most.
    max_disk : bytes of all clips and results together.
    max_seconds : that the work on one clip may last.
    max_memory : bytes that it may take, beside the model.
    forget : whether everything is deleted when the server ends.

    Raises
    ------
    ParameterError : a value is out of its range.
    """

    folder: Path
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    port: int = PORT
    bundle: str = DEFAULT_BUNDLE
    device: str = "cpu"
    keep_seconds: float = 24 * 3600.0
    max_bytes: int = 2 * 10**9
    max_jobs: int = 200
    max_disk: int = 20 * 10**9
    max_seconds: float = 3600.0
    max_memory: int = 4 * 10**9
    forget: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ParameterError(f"--port {self.port}: must be 0 to 65535")
        for name in ("keep_seconds", "max_bytes", "max_jobs", "max_disk", "max_seconds",
                     "max_memory"):  # fmt: skip
            if not getattr(self, name) > 0:
                option = name.removesuffix("_seconds").replace("_", "-")
                raise ParameterError(f"--{option} {getattr(self, name)}: must be above 0")


def seconds_of(text: str, option: str = "--keep") -> float:
    """Seconds of a time such as ``24h``, ``90min`` or ``2d``; a plain number is seconds.

    Raises
    ------
    ParameterError : no such time.

    Examples
    --------
    >>> seconds_of("24h")
    86400.0
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(s|m|min|h|d|)\s*", text.lower())
    seconds = float(match[1]) * _UNITS[match[2] or "s"] if match else 0.0
    if not seconds > 0:
        raise ParameterError(f"{option} takes a time such as 24h, 90min or 2d, got {text!r}")
    return seconds


def bytes_of(text: str, option: str) -> int:
    """A number of bytes such as ``2e9``, ``500M`` or ``2G`` (10^9).

    Raises
    ------
    ParameterError : no such number.

    Examples
    --------
    >>> bytes_of("1.5G", "--max-bytes")
    1500000000
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*([kmgt]?)b?\s*", text.lower())
    number = float(match[1]) * 1000 ** " kmgt".index(match[2] or " ") if match else 0.0
    if not 1 <= number < 1e18:
        raise ParameterError(f"{option} takes bytes such as 500M, 2G or 2e9, got {text!r}")
    return int(number)


def default_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of clips in the user's cache: of Linux, macOS or Windows."""
    home = Path.home()
    if sys.platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        given = environ.get("XDG_CACHE_HOME", "")
        base = Path(given) if os.path.isabs(given) else home / ".cache"
    return base / "emonets" / "serve"
