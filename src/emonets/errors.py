"""The errors of EmoNets, with messages that a user can act on."""

from __future__ import annotations

from pathlib import Path


class EmoNetsError(Exception):
    """The root of every error that EmoNets raises on purpose.

    Examples
    --------
    >>> try:
    ...     emonets.load("no-such-bundle")
    ... except emonets.EmoNetsError as error:
    ...     print(type(error).__name__)
    BundleError
    """


class MediaError(EmoNetsError):
    """A media file that cannot be read: its message names the file, the fault and what to do.

    Parameters
    ----------
    path : the file.
    reason : what is wrong with it, without its name.
    hint : what the user can do about it.

    Examples
    --------
    >>> print(emonets.MediaError("a.mp4", "is empty", "copy it again"))
    a.mp4: is empty; copy it again
    """

    def __init__(self, path: str | Path, reason: str, hint: str = "") -> None:
        self.path = str(path)
        self.reason = reason
        self.hint = hint
        super().__init__(f"{self.path}: {reason}" + (f"; {hint}" if hint else ""))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.path, self.reason, self.hint)


class BundleError(EmoNetsError):
    """A model bundle that is damaged, foreign, or made for something else."""


class DataError(EmoNetsError):
    """Labelled data (a dataset, an array, a table) that is not what it should be."""


class ParameterError(EmoNetsError, ValueError):
    """An argument out of its range or of the wrong type."""


class MissingExtraError(EmoNetsError, ImportError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        self.what = what
        self.extra = extra
        super().__init__(f"{what} needs an optional part: pip install 'emonets[{extra}]'")

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.what, self.extra)  # to be sent from worker processes
