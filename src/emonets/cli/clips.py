"""What the commands on clips share: their options, a progress bar and the status of files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from emonets.cli.completing import complete_bundle
from emonets.cli.options import PLAIN, err
from emonets.errors import ParameterError
from emonets.result import Result

if TYPE_CHECKING:
    from emonets.contained import Contained

Bundle = Annotated[
    str,
    typer.Option(help="Bundle: modern, open, paper or a folder.", autocompletion=complete_bundle),
]
Window = Annotated[
    str,
    typer.Option(
        help="Length of windows in seconds. 'none': whole clips only. 'auto': 5 s for clips "
        "longer than 10 s."
    ),
]
Hop = Annotated[
    float | None, typer.Option(help="Seconds from one window to the next. Default: no overlap.")
]
Models = Annotated[
    str | None,
    typer.Option(help="Specialists, such as face,audio; or all. Default: the bundle's."),
]
UncertainBelow = Annotated[
    float | None,
    typer.Option(help="Label 'uncertain' if no emotion has this probability, 0 to 1."),
]
Abstain = Annotated[
    bool,
    typer.Option("--abstain", help="Label 'uncertain' by the threshold of the bundle's fusion."),
]
VideoStream = Annotated[
    int | None,
    typer.Option(help="Number, from 0, of the picture stream. Default: the file's default."),
]
AudioStream = Annotated[
    int | None,
    typer.Option(help="Number, from 0, of the sound stream. Default: the file's default."),
]
LimitOption = Annotated[
    list[str] | None,
    typer.Option(
        help="NAME=NUMBER, beyond which a clip is refused or no longer read: pixels (of a "
        "picture), duration (seconds), frames, bytes (repeatable)."
    ),
]
Device = Annotated[str, typer.Option(help="Processor: cpu, cuda, coreml or directml.")]
Workers = Annotated[int, typer.Option(help="Number of clips at the same time.")]
Contain = Annotated[
    bool | None,
    typer.Option(
        "--contain/--no-contain",
        help="Read clips in a locked process, so that one that ends the decoder costs no other. "
        "Default: where that is possible.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def window_of(text: str) -> float | str | None:
    """The value of --window: seconds, ``"auto"``, or None for ``none``."""
    if text in ("auto", "none"):
        return "auto" if text == "auto" else None
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"--window takes seconds, auto or none, got {text!r}") from None


def contains(count: int, workers: int, device: str) -> bool:
    """Whether clips are read in a process of their own where the user does not decide.

    On Linux it is locked, which one clip is worth. Elsewhere it saves the other clips of a batch
    from one that ends the decoder. Several workers are processes already, and a graphics processor
    cannot be used from behind the lock.

    Parameters
    ----------
    count : of clips.
    """
    return workers == 1 and device == "cpu" and count > (0 if sys.platform == "linux" else 1)


@contextmanager
def contained_for(
    contain: bool | None, count: int, workers: int, device: str, **model: Any
) -> Iterator[Contained | None]:
    """The process that reads the clips of a command; None: this one does.

    Parameters
    ----------
    contain : what the user wants; None: `contains` decides. count : of clips.
    model : ``bundle``, ``models`` and ``fusion``.
    """
    wanted = contains(count, workers, device) if contain is None else contain
    if not wanted or workers > 1:
        yield None
        return
    from emonets.contained import Contained

    with Contained(device=device, **model) as contained:
        yield contained


def progress(quiet: bool) -> Progress:
    """A progress bar of clips; none with --quiet, and none where nobody can see it."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[at]}"),
        console=err,
        transient=True,
        disable=quiet or not err.is_terminal,
    )


def print_status(result: Result) -> None:
    """A line for a lone file in trouble; for a batch a table of every file."""
    if len(result.files) == 1:
        only = result.files[0]
        if only.status == "error":
            err.print(f"error: {only.file}: {only.message}", style="red", soft_wrap=True)
        elif only.message:
            word = "note" if only.status == "ok" else only.status
            err.print(f"{word}: {only.file}: {only.message}", soft_wrap=True)
        return
    if not any(s.message or s.status != "ok" for s in result.files):
        return
    table = Table(box=None, title="status of files", title_justify="left", header_style="bold")
    for name in ("status", "file", "message"):
        table.add_column(name, overflow="fold")
    for status in result.files:
        table.add_row(status.status, status.file, status.message)
    (err if err.is_terminal else Console(stderr=True, width=240, **PLAIN)).print(table)
