"""The command ``figure``: a timeline of kept results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emonets.errors import ParameterError


def figure(
    results: Annotated[
        Path, typer.Argument(help="Results of predict in JSON: --format json, or of --out.")
    ],
    out: Annotated[Path, typer.Option(help="File of the figure: .png, .svg or .pdf.")],
    file: Annotated[
        str | None,
        typer.Option(help="The clip, with or without its folder. Default: the only one there."),
    ] = None,
    person: Annotated[
        list[int] | None,
        typer.Option(help="Number of a person (repeatable). Default: those seen longest."),
    ] = None,
    most: Annotated[int, typer.Option(help="Number of persons at most.")] = 6,
    title: Annotated[str | None, typer.Option(help="Default: the name of the file.")] = None,
) -> None:
    """Draw the timeline of a clip from kept results.

    A ribbon for each person and source has the colour of the label. It is paler where the label is
    less certain, and hatched where no face or no speech was found. Below are the seven
    probabilities of each person.
    """
    from emonets.cli.options import err
    from emonets.evaluation.figures import format_of, save, timeline
    from emonets.result import Result, check_writable

    format_of(out)
    check_writable(out)
    if not results.is_file():
        raise ParameterError(f"{results}: there is no such file; give results of predict in JSON")
    try:
        kept = Result.from_json(results.read_text(encoding="utf-8"))
    except (ParameterError, UnicodeDecodeError) as error:
        raise ParameterError(
            f"{results}: {error}; give results of 'predict --format json'"
        ) from None
    try:
        drawn = timeline(kept, file, persons=person or None, most=most, title=title)
    except ParameterError as error:
        raise ParameterError(f"{results}: {error}") from None
    err.print(f"written: {save(drawn, out)}", soft_wrap=True)
