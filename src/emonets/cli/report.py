"""The command ``report``: pages on which a result plays, is checked and corrected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
from emonets.cli.options import err
from emonets.errors import DataError, ParameterError
from emonets.version import DEFAULT_BUNDLE

if TYPE_CHECKING:
    from emonets.contained import Contained
    from emonets.result import Result


def report(
    clips: Annotated[
        list[str],
        typer.Argument(
            help="Clips: files, folders or globs. Or results that predict kept: a folder of --out, "
            "or a file of --format json."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the report; the same command resumes.")],
    edits: Annotated[
        list[Path] | None,
        typer.Option(help="File of edits that a page saved (repeatable)."),
    ] = None,
    bundle: Bundle = DEFAULT_BUNDLE,
    window: Window = "auto",
    hop: Hop = None,
    models: Models = None,
    uncertain_below: UncertainBelow = None,
    abstain: Abstain = False,
    video_stream: VideoStream = None,
    audio_stream: AudioStream = None,
    limit: LimitOption = None,
    device: Device = "cpu",
    workers: Workers = 1,
    contain: Contain = None,
    quiet: Quiet = False,
) -> None:
    """Write pages that play the clips with their results.

    Open index.html in the folder with a browser. Pages load nothing from the network. Names,
    merged persons, excluded stretches and events are saved by the page, and read with --edits.
    The exit status is 1 if a file is damaged, has no face or cannot be read; the others still
    get their pages.
    """
    from emonets.media.limits import Limits
    from emonets.media.streams import Choice
    from emonets.report.edits import read_edits
    from emonets.report.film import place_film
    from emonets.report.write import write_report

    corrected = {str(path): read_edits(path) for path in edits or []}
    Choice(video_stream, audio_stream)
    limits = Limits.parse(limit or [])
    reading: dict[str, Any] = {
        "limits": limits, "video_stream": video_stream, "audio_stream": audio_stream
    }  # fmt: skip
    kept = _kept(clips) if any(map(_is_kept, clips)) else None
    model = {"bundle": bundle if kept is None else None, "models": models, "fusion": "bundle"}
    # films are made one after the other, however many workers predict
    with contained_for(contain, len(clips), 1, device, **model) as contained:
        result = kept or _predicted(
            clips, out, quiet=quiet, bundle=bundle, models=models, device=device, workers=workers,
            options={
                "window": window_of(window), "hop": hop, "uncertain_below": uncertain_below,
                "abstain": abstain, "inputs": True, **reading,
            },
            contained=contained,
        )  # fmt: skip
        with progress(quiet) as bar:
            task = bar.add_task("pages", total=len(result.files), at="")
            index, problems = write_report(
                result, out, edits=corrected, options=reading,
                on_clip=lambda _: bar.advance(task),
                make_film=place_film if contained is None else contained.film,
            )  # fmt: skip
    err.print(f"report: {index}", soft_wrap=True)
    print_status(result)
    for problem in problems:
        err.print(f"error: {problem}", style="red", soft_wrap=True)
    if result.failed or problems:
        raise typer.Exit(1)


def _is_kept(text: str) -> bool:
    """Whether this is what ``predict`` keeps, and no clip."""
    path = Path(text)
    if path.suffix.lower() == ".json":
        return True
    return path.is_dir() and any((path / name).exists() for name in ("status.csv", "results.json"))


def _kept(paths: list[str]) -> Result:
    from emonets.kept import kept_results
    from emonets.result import Result

    other = next((path for path in paths if not _is_kept(path)), None)
    if other is not None:
        raise ParameterError(f"{other}: clips and kept results do not mix; give one kind")
    parts = [kept_results(path) for path in paths]
    files = [status.file for part in parts for status in part.files]
    twice = next((file for file in files if files.count(file) > 1), None)
    if twice is not None:
        raise ParameterError(f"{twice}: is in two of the results; give one of them")
    if not files:
        raise DataError(f"{paths[0]}: has no results of any clip")
    return Result.concatenate(parts)


def _predicted(
    clips: list[str],
    out: Path,
    *,
    quiet: bool,
    bundle: str,
    models: str | None,
    device: str,
    workers: int,
    options: dict[str, Any],
    contained: Contained | None,
) -> Result:
    from emonets.batch import Options, predict_many
    from emonets.inference.rows import status_of
    from emonets.inference.windows import check_windows
    from emonets.media.find import search_clips
    from emonets.result import Result

    own = Options.of(options)
    check_windows(own.window, own.hop)
    found = search_clips(clips)
    for note in found.messages():
        err.print(f"note: {note}", soft_wrap=True)
    with progress(quiet) as bar:
        task = bar.add_task("clips", total=len(found.clips), at="")
        result = predict_many(
            found.clips, bundle=bundle, device=device, models=models, options=own,
            workers=workers, folder=out / "results",
            on_clip=lambda _: bar.advance(task),
            on_frame=lambda frame: bar.update(task, at=f"{frame.time:.0f} s"),
            contained=contained,
        )  # fmt: skip
    missing = map(status_of, found.wrong)
    return Result(result.rows, (*missing, *result.files), result.about, result.persons)
