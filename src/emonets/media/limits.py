"""How large a clip may be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from emonets.errors import ParameterError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits beyond which a clip is refused or no longer read.

    Parameters
    ----------
    max_pixels : pixels of a picture, 67,108,864 (8192 x 8192) by default. Larger ones are
        refused by their header, before memory is taken for them.
    max_duration : seconds, 12 hours by default; what comes later is not read, with a warning.
    max_frames : pictures, 5 million by default (12 hours at 115 a second); likewise.
    max_bytes : size of the file, 64 GiB by default; larger ones are refused.

    Examples
    --------
    >>> Limits(max_duration=60).max_frames
    5000000
    """

    max_pixels: int = 2**26
    max_duration: float = 12 * 3600.0
    max_frames: int = 5_000_000
    max_bytes: int = 64 * 2**30

    def __post_init__(self) -> None:
        for name in ("max_pixels", "max_duration", "max_frames", "max_bytes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
                raise ParameterError(f"Limits({name}={value!r}): must be a number above 0")
        if self.max_pixels > 2**31 - 1:
            raise ParameterError("Limits(max_pixels=...): at most 2147483647")

    @classmethod
    def parse(cls, pairs: Iterable[str]) -> Limits:
        """The limits that texts such as ``pixels=1e6`` or ``duration=60`` set; others stay.

        Raises
        ------
        ParameterError : no such limit, or no number above 0.

        Examples
        --------
        >>> Limits.parse(["duration=60", "frames=100"]).max_frames
        100
        """
        kinds = {f.name.removeprefix("max_"): f.name for f in fields(cls)}
        given: dict[str, int | float] = {}
        for pair in pairs:
            name, _, text = pair.partition("=")
            key = kinds.get(name.strip().removeprefix("max_").removeprefix("max-"))
            if key is None:
                raise ParameterError(
                    f"--limit takes NAME=NUMBER with one of {', '.join(kinds)}, got {pair!r}"
                )
            try:
                value = float(text)
                given[key] = value if key == "max_duration" else int(value)
            except (ValueError, OverflowError):
                raise ParameterError(
                    f"--limit {name}: needs a number above 0, got {text!r}"
                ) from None
        return cls(**given)  # type: ignore[arg-type]
