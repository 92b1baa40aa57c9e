"""The option ``--annotate``: a film a clip with its result drawn into it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.progress import Progress

from emonets.cli.options import err
from emonets.errors import EmoNetsError
from emonets.inference.options import Options
from emonets.result import Result


def check_annotate(
    folder: Path | None, clips: Sequence[Path], crops: Path | str | None = None
) -> None:
    """Check before long work that films can be written.

    Raises
    ------
    ParameterError : they cannot; clips lie in the same folder, where a film could take the place
        of another one; there are face crops in place of a film.
    """
    from emonets.errors import ParameterError
    from emonets.runtime.files import try_folder

    if folder is None:
        return
    if crops is not None:
        raise ParameterError("--annotate needs faces found in the clip: leave --crops out")
    try:
        try_folder(folder)
    except OSError as error:
        raise ParameterError(
            f"--annotate {folder}: cannot be written ({error.strerror or error}); choose another "
            "folder"
        ) from None
    beside = next((clip for clip in clips if clip.parent.resolve() == folder.resolve()), None)
    if beside is not None:
        raise ParameterError(
            f"--annotate {folder}: is the folder of {beside.name}, which could be "
            "overwritten; choose another folder"
        )


def write_annotated(
    result: Result, folder: Path | None, options: Options, bar: Progress
) -> list[str]:
    """Write the films, named after their clips; two clips never share a name.

    Parameters
    ----------
    folder : of the films; None: there are to be none. options : how the clips were read.
    bar : shows how far each film is.

    Returns
    -------
    A sentence for each clip of which no film could be made.
    """
    from emonets.export.names import names_of
    from emonets.report.annotate import annotate

    if folder is None:
        return []
    files = [own.file for own in result.files if own.status != "error"]
    names = names_of(files)
    made: list[Path] = []
    problems: list[str] = []
    with bar:
        task = bar.add_task("annotated", total=len(files), at="")
        for file in files:
            try:
                made.append(annotate(
                    result, file, folder / f"{names[file]}.mp4", limits=options.limits,
                    frame_rate=options.fps, video_stream=options.video_stream,
                    audio_stream=options.audio_stream,
                    on_frame=lambda frame: bar.update(task, at=f"{frame.time:.0f} s"),
                ))  # fmt: skip
            except EmoNetsError as error:
                problems.append(str(error))
            bar.advance(task)
    if made:
        where = made[0] if len(made) == 1 else f"{len(made)} files in {folder}"
        err.print(f"annotated: {where}", soft_wrap=True)
    return problems
