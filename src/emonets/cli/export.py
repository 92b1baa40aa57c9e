"""The command ``export``: results that were kept, as files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emonets.cli.completing import complete_formats
from emonets.cli.options import err, names_of
from emonets.errors import EmoNetsError, ParameterError

if TYPE_CHECKING:
    from emonets.export import Writer
    from emonets.result import Result


def export(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="What predict keeps: a folder of --out, or a file of --format json; one or more."
        ),
    ],
    format: Annotated[
        list[str],
        typer.Option(
            help="Formats, such as elan or elan,vtt (repeatable): audformat, bids, boris, csv, "
            "elan, json, parquet, textgrid, vtt or xlsx.",
            autocompletion=complete_formats,
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the files; it is made if need be.")],
) -> None:
    """Write kept results for ELAN, Praat, BORIS and others.

    Nothing is predicted again. A label holds for the windows that follow each other with it.
    Windows without a face have no label in a person's tier. Clips of one name in two folders get
    files of two names. The exit status is 1 if a clip has no predictions to write.
    """
    from emonets.export import write_all, writer
    from emonets.export.tiers import without_rows
    from emonets.kept import kept_results
    from emonets.result import Result
    from emonets.runtime.files import try_folder

    names = list(dict.fromkeys(name for text in format for name in names_of(text) or []))
    if not names:
        raise ParameterError("--format is empty: give a name such as elan")
    writers = [writer(name) for name in names]
    for one in writers:
        one.check()
    parts = [kept_results(path) for path in results]
    files = [status.file for part in parts for status in part.files]
    twice = next((file for file in files if files.count(file) > 1), None)
    if twice is not None:
        raise ParameterError(f"{twice}: is in two of the results; give one of them")
    result = Result.concatenate(parts)
    try:
        try_folder(out)
        for one in writers:
            made = write_all(result, out, one.name)
            where = made[0] if len(made) == 1 else out
            err.print(f"{one.name}: {_count(len(made), 'file')}: {where}", soft_wrap=True)
    except OSError as error:
        raise EmoNetsError(
            f"{out}: cannot be written ({error.strerror or error}); free space or choose another "
            "--out"
        ) from None
    for one in writers:
        show_left_out(one, result)
    lost = without_rows(result)
    if lost:
        err.print(
            f"error: there are no predictions to write of: {_some(lost)}",
            style="red",
            soft_wrap=True,
        )
        raise typer.Exit(1)


def show_left_out(writer: Writer, result: Result) -> None:
    """Name the pictures that a format with a time line has no place for."""
    pictures = writer.left_out(result)
    if pictures:
        text = f"note: {writer.name}: pictures have no time and are left out: {_some(pictures)}"
        err.print(text, soft_wrap=True)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _some(files: list[str] | tuple[str, ...]) -> str:
    more = len(files) - 5
    return ", ".join(files[:5]) + (f" and {more} more" if more > 0 else "")
