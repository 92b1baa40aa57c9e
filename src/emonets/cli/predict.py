"""The command ``predict``: its options, its progress bar, its table and the status of files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from emonets.cli.annotated import check_annotate, write_annotated
from emonets.cli.clips import (
    Abstain,
    AudioStream,
    Bundle,
    Contain,
    Device,
    Hop,
    LimitOption,
    Models,
    Quiet,
    UncertainBelow,
    VideoStream,
    Window,
    Workers,
    contained_for,
    print_status,
    progress,
    window_of,
)
from emonets.cli.completing import complete_format
from emonets.cli.export import show_left_out
from emonets.cli.options import PLAIN, console, err
from emonets.cli.tables import (
    TABLE,
    Bom,
    Clock,
    Decimal,
    Derived,
    Events,
    Every,
    Separator,
    Session,
    Wide,
    check_tables,
    print_events,
    print_problems,
    print_result,
    table_options,
)
from emonets.emotions import EMOTIONS
from emonets.errors import ParameterError
from emonets.result import Result, Row
from emonets.version import DEFAULT_BUNDLE


def predict(
    files: Annotated[list[str], typer.Argument(help="Clips: files, folders or globs.")],
    bundle: Bundle = DEFAULT_BUNDLE,
    format: Annotated[
        str,
        typer.Option(
            help="Format of the results: table, csv or json for the terminal or --out; with --out "
            "also audformat, bids, boris, elan, parquet, textgrid, vtt or xlsx.",
            autocompletion=complete_format,
        ),
    ] = TABLE,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the results; the same command later resumes there."),
    ] = None,
    annotate: Annotated[
        Path | None,
        typer.Option(
            help="Folder for an mp4 of each clip with boxes, names, labels, bars and its sound."
        ),
    ] = None,
    window: Window = "auto",
    hop: Hop = None,
    stride: Annotated[int, typer.Option(help="Detect faces in each N-th frame only.")] = 1,
    frames: Annotated[bool, typer.Option("--frames", help="Add a row for each face picture.")] = (
        False
    ),
    detector: Annotated[
        str, typer.Option(help="Face detector: auto, centerface or haar.")
    ] = "auto",
    crops: Annotated[
        Path | None,
        typer.Option(help="Folder of your own face crops of one clip, named by frame from 1."),
    ] = None,
    models: Models = None,
    fusion: Annotated[
        str,
        typer.Option(
            help="How specialists are fused: 'bundle' (by the bundle's fitted fusion, if it has "
            "one) or 'product' (nothing fitted)."
        ),
    ] = "bundle",
    same_people: Annotated[
        bool,
        typer.Option("--same-people", help="Give a person the same number in all clips."),
    ] = False,
    normalise: Annotated[
        str,
        typer.Option(
            help="'person': compare each window with the person's others, which takes out what is "
            "always in this face or voice. Default: none."
        ),
    ] = "none",
    baseline: Annotated[
        str | None,
        typer.Option(
            help="Where the person is neutral, in place of that: a clip, or seconds of each file, "
            "such as 0-15."
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(help="Table of file,person: whose each file is, for these two."),
    ] = None,
    uncertain_below: UncertainBelow = None,
    abstain: Abstain = False,
    fps: Annotated[
        float | None,
        typer.Option(
            help="Frames a second of folders of numbered images, by their numbers. Photographs "
            "are then frames too. Default: 25 (names such as sec_0010: 1), and photographs are "
            "stills."
        ),
    ] = None,
    video_stream: VideoStream = None,
    audio_stream: AudioStream = None,
    limit: LimitOption = None,
    device: Device = "cpu",
    workers: Workers = 1,
    wide: Wide = False,
    every: Every = None,
    derived: Derived = False,
    separator: Separator = ",",
    decimal: Decimal = ".",
    bom: Bom = False,
    events: Events = None,
    clock: Clock = None,
    session: Session = None,
    contain: Contain = None,
    quiet: Quiet = False,
) -> None:
    """Predict emotions of faces and sound in clips.

    A row for each face and window, and for the whole clip. Results go to standard output or to
    --out. Progress and problems go to standard error. The exit status is 1 if a file is damaged,
    has no face or cannot be read; the others still get their results.
    """
    from emonets.batch import Options, predict_many, write_outputs
    from emonets.export import writer
    from emonets.inference.normalise import normalising
    from emonets.inference.rows import status_of
    from emonets.inference.windows import check_windows
    from emonets.media.find import PASSED_OVER, search_clips
    from emonets.media.limits import Limits
    from emonets.media.streams import Choice

    if format != TABLE:
        form = writer(format)
        form.check()
        if out is None:
            form.refuse_terminal()
    tables = table_options(
        wide=wide, every=every, derived=derived, separator=separator, decimal=decimal, bom=bom,
        events=events, clock=clock, session=session,
    )  # fmt: skip
    check_tables(format, tables, out)
    own = None if crops is None else str(crops)
    options = Options(
        window_of(window), hop, stride, detector, frames, own, uncertain_below, abstain, fps=fps,
        limits=Limits.parse(limit or []), video_stream=video_stream, audio_stream=audio_stream,
    )  # fmt: skip
    check_windows(options.window, options.hop)
    how = normalising(normalise, baseline, groups)
    Choice(video_stream, audio_stream)
    found = search_clips(files, fps=fps)
    clips, missing = found.clips, map(status_of, found.wrong)
    for note in found.messages():
        err.print(f"note: {note}", soft_wrap=True)
    if own is not None and len(clips) > 1:
        raise ParameterError("--crops belong to a single clip: name one file")
    check_annotate(annotate, clips, own)
    tables = tables.of([str(clip) for clip in clips])
    reader = contained_for(
        contain, len(clips), workers, device, bundle=bundle, models=models, fusion=fusion
    )
    with progress(quiet) as bar, reader as contained:
        task = bar.add_task("clips", total=len(clips), at="")
        result = predict_many(
            clips,
            bundle=bundle,
            device=device,
            models=models,
            fusion=fusion,
            options=options,
            workers=workers,
            folder=out,
            same_people=same_people,
            how=how,
            on_clip=lambda _: bar.advance(task),
            on_frame=lambda frame: bar.update(task, at=f"{frame.time:.0f} s"),
            contained=contained,
        )
    about = result.about | ({PASSED_OVER: found.passed_over} if found.passed_over else {})
    result = Result(result.rows, (*missing, *result.files), about, result.persons)
    if out is not None:
        written = write_outputs(out, result, "csv" if format == TABLE else format, tables)
        err.print(f"results: {written}", soft_wrap=True)
        if format != TABLE:
            show_left_out(form, result)
    if format == TABLE:
        _print_table(result)
        print_events(result, tables)
    elif out is None:
        print_result(result, format, tables)
    print_status(result)
    films = write_annotated(result, annotate, options, progress(quiet))
    problems = [*tables.problems(result), *films]
    print_problems(problems)
    if result.failed or problems:
        raise typer.Exit(1)


def _print_table(result: Result) -> None:
    if not result.rows:
        return
    columns = _columns(result)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        left = name in ("file", "model", "label")
        table.add_column(name, justify="left" if left else "right")
    names = {row.file: Path(row.file).name for row in result.rows}
    if len(set(names.values())) < len(names):
        names = {file: file for file in names}
    for row in result.rows:
        whole = row.level == "clip"
        cells = {
            "file": names[row.file],
            "model": row.model,
            "person": "clip" if whole else "" if row.person is None else str(row.person),
            "track": "" if row.track is None else str(row.track),
            "start": f"{row.start:.2f}",
            "end": f"{row.end:.2f}",
            **{name: f"{p:.2f}" for name, p in zip(EMOTIONS, row.probabilities, strict=True)},
            "label": row.label or _nothing(row),
            "speaks": {True: "yes", False: "no", None: ""}[row.speaks],
            "normalised": "yes" if row.normalised else "no",
        }
        table.add_row(*(cells[name] for name in columns), style="bold" if whole else "")
    # a pipe has no width: never cut what a program will read
    width = 240 + max(map(cell_len, names.values()))
    screen = console if console.is_terminal else Console(width=width, **PLAIN)
    screen.print(table)
    screen.print(f"model: {result.about.get('bundle')}, {result.about.get('decision')}")
    if "uncertain" in result.about:
        screen.print(str(result.about["uncertain"]))
    if "normalised" in result.about:
        screen.print(f"normalised {result.about['normalised']}")


def _columns(result: Result) -> list[str]:
    """The table's columns. Some are there only where they add something."""
    tracks = any(row.track != row.person for row in result.rows)
    speaks = any(row.speaks is not None for row in result.rows)
    return [
        "file", "model", "person", *(["track"] if tracks else []), "start", "end", *EMOTIONS,
        "label", *(["speaks"] if speaks else []),
        *(["normalised"] if any(row.normalised for row in result.rows) else []),
    ]  # fmt: skip


def _nothing(row: Row) -> str:
    """In place of the label of a row for which nothing was found."""
    if row.face_found is not None:
        return "no face"
    return "no sound" if row.speech is None else "no speech"
