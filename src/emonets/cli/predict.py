"""The command that predicts, and how its results are shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.result import Result

# a file may be called [x] or :dog:, and is shown as it is called
_PLAIN: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
_out = Console(**_PLAIN)
_err = Console(stderr=True, **_PLAIN)


TABLE = "table"
"""In place of a format: a table for the eye."""


def _window(text: str) -> float | str | None:
    if text in ("auto", "none"):
        return "auto" if text == "auto" else None
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"--window takes seconds, auto or none, got {text!r}") from None


def predict(
    files: Annotated[list[str], typer.Argument(help="Clips: files, folders, globs.")],
    bundle: Annotated[str, typer.Option(help="A shipped model's name or a folder.")] = "modern",
    format: Annotated[
        str, typer.Option(help="table for the eye; or csv, json, parquet (emonets.export).")
    ] = TABLE,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results, status and resuming.")
    ] = None,
    window: Annotated[
        str, typer.Option(help="Seconds a row covers; 'none': whole clips; 'auto': 5 s if > 10 s.")
    ] = "auto",
    hop: Annotated[float | None, typer.Option(help="Seconds between windows.")] = None,
    stride: Annotated[int, typer.Option(help="Detect faces in every N-th frame.")] = 1,
    frames: Annotated[bool, typer.Option("--frames", help="A row for every face picture too.")] = (
        False
    ),
    detector: Annotated[str, typer.Option(help="Face detector: auto, centerface, haar.")] = "auto",
    crops: Annotated[
        Path | None, typer.Option(help="Your own face crops of one clip, named by frame from 1.")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Specialists to use, such as face,audio; or all. Default: the model's."),
    ] = None,
    uncertain_below: Annotated[
        float | None,
        typer.Option(help="Label 'uncertain' where no emotion is this probable, 0..1."),
    ] = None,
    abstain: Annotated[
        bool, typer.Option("--abstain", help="The same by the threshold of the model's fusion.")
    ] = False,
    device: Annotated[str, typer.Option(help="cpu, cuda, coreml or directml.")] = "cpu",
    workers: Annotated[int, typer.Option(help="Clips processed at the same time.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Predict emotions of every face and the sound of every clip, over time and for the whole.

    Results go to standard output or to --out; progress and problems to standard error. The exit
    status is 1 if a file is damaged, has no face or gave no result. The others get their results.
    """
    from emonets.batch import Options, predict_many, write_outputs
    from emonets.export import writer
    from emonets.inference.rows import status_of
    from emonets.inference.windows import check_windows
    from emonets.media.clip import find_clips_each

    if format != TABLE:
        form = writer(format)
        form.check()
        if not form.text and out is None:
            raise ParameterError(f"{form.name} is not for the terminal: give --out FOLDER")
    own = None if crops is None else str(crops)
    options = Options(_window(window), hop, stride, detector, frames, own, uncertain_below, abstain)
    check_windows(options.window, options.hop)
    clips, wrong = find_clips_each(files)
    missing = map(status_of, wrong)
    if own is not None and len(clips) > 1:
        raise ParameterError("--crops belong to a single clip: name one file")
    with _progress(quiet) as bar:
        task = bar.add_task("clips", total=len(clips), at="")
        result = predict_many(
            clips,
            bundle=bundle,
            device=device,
            models=None if models is None else [name.strip() for name in models.split(",")],
            options=options,
            workers=workers,
            folder=out,
            on_clip=lambda _: bar.advance(task),
            on_frame=lambda frame: bar.update(task, at=f"{frame.time:.0f} s"),
        )
    result = Result(result.rows, (*missing, *result.files), result.about)
    if out is not None:
        written = write_outputs(out, result, "csv" if format == TABLE else format)
        _err.print(f"results: {written}", soft_wrap=True)
    if format == TABLE:
        _print_table(result)
    elif out is None:
        print(writer(format).encode(result).decode(), end="")
    _print_status(result)
    if result.failed:
        raise typer.Exit(1)


def _progress(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[at]}"),
        console=_err,
        transient=True,
        disable=quiet or not _err.is_terminal,
    )


def _print_table(result: Result) -> None:
    if not result.rows:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("file", "model", "track", "start", "end", *EMOTIONS, "label"):
        left = name in ("file", "model", "label")
        table.add_column(name, justify="left" if left else "right")
    names = {row.file: Path(row.file).name for row in result.rows}
    if len(set(names.values())) < len(names):
        names = {file: file for file in names}
    for row in result.rows:
        whole = row.level == "clip"
        table.add_row(
            names[row.file],
            row.model,
            "clip" if whole else "" if row.track is None else str(row.track),
            f"{row.start:.2f}",
            f"{row.end:.2f}",
            *(f"{p:.2f}" for p in row.probabilities),
            row.label or ("no sound" if row.face_found is None else "no face"),
            style="bold" if whole else "",
        )
    # a pipe has no width: never cut what a program will read
    width = 240 + max(map(cell_len, names.values()))
    console = _out if _out.is_terminal else Console(width=width, **_PLAIN)
    console.print(table)
    console.print(f"model: {result.about.get('bundle')}, {result.about.get('decision')}")
    if "uncertain" in result.about:
        console.print(str(result.about["uncertain"]))


def _print_status(result: Result) -> None:
    """A line for a lone file in trouble; for a batch a table of every file."""
    if len(result.files) == 1:
        only = result.files[0]
        if only.status == "error":
            _err.print(f"error: {only.file}: {only.message}", style="red", soft_wrap=True)
        elif only.message:
            word = "note" if only.status == "ok" else only.status
            _err.print(f"{word}: {only.file}: {only.message}", soft_wrap=True)
        return
    if not any(s.message or s.status != "ok" for s in result.files):
        return
    table = Table(box=None, title="status of files", title_justify="left", header_style="bold")
    for name in ("status", "file", "message"):
        table.add_column(name, overflow="fold")
    for status in result.files:
        table.add_row(status.status, status.file, status.message)
    (_err if _err.is_terminal else Console(stderr=True, width=240, **_PLAIN)).print(table)
