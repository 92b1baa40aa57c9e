"""The command line: a function a command, each thin over the library."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from emonets import __version__
from emonets.emotions import EMOTIONS
from emonets.errors import EmoNetsError, ParameterError
from emonets.result import Result

app = typer.Typer(
    name="emonets",
    help="Which of seven emotions the people in a video show.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train_app = typer.Typer(help="Train a model on labelled data.", no_args_is_help=True)
evaluate_app = typer.Typer(help="Score a model on labelled data.", no_args_is_help=True)
reproduce_app = typer.Typer(help="Rebuild the paper's own numbers.", no_args_is_help=True)
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(reproduce_app, name="reproduce")

# a file may be called [x] or :dog:, and is shown as it is called
_PLAIN: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
_out = Console(**_PLAIN)
_err = Console(stderr=True, **_PLAIN)


class Format(StrEnum):
    """How results are written."""

    table = "table"
    csv = "csv"
    json = "json"
    parquet = "parquet"


def _version(wanted: bool) -> None:
    if wanted:
        print(f"emonets {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Which of seven emotions the people in a video show."""


def _window(text: str) -> float | str | None:
    if text in ("auto", "none"):
        return "auto" if text == "auto" else None
    try:
        return float(text)
    except ValueError:
        raise ParameterError(f"--window takes seconds, auto or none, got {text!r}") from None


@app.command()
def predict(
    files: Annotated[list[str], typer.Argument(help="Clips: files, folders, globs.")],
    bundle: Annotated[str, typer.Option(help="A shipped model's name or a folder.")] = "modern",
    format: Annotated[Format, typer.Option(help="How results are written.")] = Format.table,
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
        str | None, typer.Option(help="Which specialists speak: face, audio or face,audio.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, coreml or directml.")] = "cpu",
    workers: Annotated[int, typer.Option(help="Clips looked at side by side.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Say what every face and the sound of every clip show, over time and for the whole clip.

    Results go to standard output (or --out), progress and trouble to standard error. Exits with
    1 when any file is damaged, is a film without a face or gave no answer; all that could be
    said is said.
    """
    from emonets.answers import status_of
    from emonets.batch import Options, predict_many, write_outputs
    from emonets.clip import find_clips_each
    from emonets.model import check_windows

    if format is Format.parquet and out is None:
        raise ParameterError("Parquet is not for the terminal: give --out FOLDER")
    Result.check_format(format.value)
    own = None if crops is None else str(crops)
    options = Options(_window(window), hop, stride, detector, frames, own)
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
        written = write_outputs(out, result, "csv" if format is Format.table else format.value)
        _err.print(f"results: {written}", soft_wrap=True)
    if format is Format.table:
        _print_table(result)
    elif out is None:
        print(result.to_csv() if format is Format.csv else result.to_json(), end="")
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


@train_app.command("face")
def train_face(
    data: Annotated[Path, typer.Argument(help="fer2013.npz, fer2013.csv, TFD .mat or a folder.")],
    out: Annotated[Path, typer.Option(help="Where the bundle goes.")],
    preset: Annotated[str, typer.Option(help="A preset's name or a .toml file.")] = "paper",
    extra: Annotated[
        list[Path] | None, typer.Option(help="More training faces, in any of these formats.")
    ] = None,
    register_extra: Annotated[
        bool, typer.Option(help="Bring those into FER2013's frame by their mean shape.")
    ] = True,
    network: Annotated[
        str | None, typer.Option(help="convnet1, convnet2; of 'modern': 'vgg small', vgg.")
    ] = None,
    illumination: Annotated[str | None, typer.Option(help="isotropic or none.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the preset's.")] = None,
    stop_on_clips: Annotated[
        Path | None,
        typer.Option(help="Folder of class folders of clips whose accuracy picks the epoch."),
    ] = None,
    teacher: Annotated[
        list[str] | None, typer.Option(help="A bundle whose face network teaches; several.")
    ] = None,
    add_to: Annotated[
        str | None, typer.Option(help="A bundle whose other specialists are taken over.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where to train: auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Default: beside the bundle; an existing one goes on.")
    ] = None,
) -> None:
    """Train the face network and write a bundle; interrupted, the same command goes on."""
    from emonets.training.face import train_face as train

    train(
        data,
        out,
        preset=preset,
        extra=extra or [],
        register_extra=register_extra,
        network=network,
        illumination=illumination,
        epochs=epochs,
        stop_on_clips=stop_on_clips,
        teachers=teacher or [],
        add_to=add_to,
        device=device,
        seed=seed,
        checkpoint=checkpoint,
        echo=partial(_err.print, soft_wrap=True),
    )


@train_app.command("audio")
def train_audio(
    data: Annotated[
        list[Path], typer.Argument(help="RAVDESS, EMO-DB, class folders or a manifest; several.")
    ],
    out: Annotated[Path, typer.Option(help="Where the bundle goes.")],
    preset: Annotated[str, typer.Option(help="A preset's name or a .toml file.")] = "paper",
    add_to: Annotated[
        str | None, typer.Option(help="A bundle whose face specialist is taken over.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    work: Annotated[
        Path | None, typer.Option(help="Features and checkpoints. Default: beside the bundle.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Recordings listened to side by side.")] = 1,
) -> None:
    """Train the audio network and write a bundle; interrupted, the same command goes on."""
    from emonets.training.audio import train_audio as train

    train(
        data,
        out,
        preset=preset,
        add_to=add_to,
        seed=seed,
        work=work,
        workers=workers,
        echo=partial(_err.print, soft_wrap=True),
    )


@evaluate_app.command("audio")
def evaluate_audio(
    data: Annotated[
        list[Path], typer.Argument(help="RAVDESS, EMO-DB, class folders or a manifest; several.")
    ],
    bundle: Annotated[
        str | None,
        typer.Option(help="A model by name or folder: scored on the test part, or else on all."),
    ] = None,
    cross_validate: Annotated[
        str | None,
        typer.Option(help="In place of a model: a preset, trained for each fold on the others."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write the confusion matrix (PNG).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of training and bootstrap.")] = 0,
    work: Annotated[Path, typer.Option(help="Features, and folds that are done.")] = Path(
        "emonets-work"
    ),
    workers: Annotated[int, typer.Option(help="Folds at the same time.")] = 1,
) -> None:
    """Accuracy, UAR and confusion matrix of the audio model, with 95 % intervals over speakers."""
    from emonets.training.audio_report import report_audio as report

    text = report(
        data,
        bundle=bundle,
        preset=cross_validate,
        seed=seed,
        work=work,
        workers=workers,
        json_path=json,
        figure_path=figure,
        echo=partial(_err.print, soft_wrap=True),
    )
    print(text)


@evaluate_app.command("face")
def evaluate_face(
    data: Annotated[Path, typer.Option(help="fer2013.npz, fer2013.csv, TFD .mat or a folder.")],
    split: Annotated[str, typer.Option(help="Which split; 'all': every face there is.")] = (
        "PrivateTest"
    ),
    preset: Annotated[str | None, typer.Option(help="A shipped model by name.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="A bundle of your own.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write the confusion matrix (PNG).")] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Average with the mirror image.")
    ] = False,
    duplicates: Annotated[
        bool, typer.Option(help="Also score without copies of Training pictures.")
    ] = True,
    results: Annotated[
        Path | None, typer.Option(help="Add rows to a table, such as docs/results/face_paper.")
    ] = None,
    what: Annotated[str, typer.Option(help="The system's name in that table.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Accuracy, UAR, 95 % intervals and confusion matrix of the face network on single faces."""
    from emonets.training.face_report import evaluate_face as evaluate

    if preset is not None and bundle is not None:
        raise ParameterError("give --preset or --bundle, not both")
    report = evaluate(
        data,
        bundle or preset or "paper",
        split=split,
        mirror=mirror,
        duplicates=duplicates,
        seed=seed,
        json_path=json,
        figure_path=figure,
        results=results,
        what=what,
    )
    print(report)


@reproduce_app.command("afew2")
def reproduce_afew2(
    data: Annotated[Path, typer.Option(help="The folder with the authors' stored files.")],
    json: Annotated[Path | None, typer.Option(help="Write the comparison there.")] = None,
) -> None:
    """Go from the authors' stored frame probabilities to their labels; exits 1 on a difference."""
    from emonets.training.reproduce_afew2 import run

    code = run(data, json)
    if code:
        raise typer.Exit(code)


def main() -> None:
    """The entry point: EmoNets' own errors are one line, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except EmoNetsError as error:
        _err.print(f"error: {error}", style="red", soft_wrap=True)
        sys.exit(2 if isinstance(error, ParameterError) else 1)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:  # a full disk, a folder that is gone
        _err.print(f"error: {error}", style="red", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        _err.print("interrupted; the same command goes on where it can")
        sys.exit(130)


if __name__ == "__main__":
    main()
