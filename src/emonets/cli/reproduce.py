"""The commands that rebuild the paper's own numbers, thin over the library."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emonets.cli.options import Base, Folds, Workers, open_labelled
from emonets.errors import ParameterError

if TYPE_CHECKING:
    from emonets.reproduction.submission_data import SubmissionData

reproduce_app = typer.Typer(help="Rebuild the paper's own numbers.", no_args_is_help=True)


@reproduce_app.command("afew2", epilog="Example: emonets reproduce afew2 --data afew2/")
def reproduce_afew2(
    data: Annotated[Path, typer.Option(help="The folder with the authors' stored files.")],
    json: Annotated[Path | None, typer.Option(help="Write the comparison there.")] = None,
) -> None:
    """Go from the authors' stored frame probabilities to their labels; exits 1 on a difference."""
    from emonets.reproduction.afew2 import run

    code = run(data, json)
    if code:
        raise typer.Exit(code)


@reproduce_app.command(
    "submissions", epilog="Example: emonets reproduce submissions --data clips/ --out report"
)
def reproduce_submissions(
    data: Annotated[
        list[str],
        typer.Option(
            help="Labelled clips; the authors' folder; stored answers (npz, table; audio=my.npz)."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="What the data are called.")] = None,
    recipes: Annotated[
        str | None, typer.Option(help="Names between commas, as '2013-7, 2014-9'. Default: all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table (md, csv) and the picture.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all numbers there.")] = None,
    results: Annotated[
        Path | None, typer.Option(help="Add rows to a table, such as docs/results/submissions.")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Of clips: folder of features and finished stages.")
    ] = None,
    preset: Annotated[
        str, typer.Option(help="What is trained on them: a name or .toml.")
    ] = "modern",
    base: Base = None,
    folds: Folds = None,
    workers: Workers = 1,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
) -> None:
    """Run the paper's submissions (Tables 1 and 2) on data, beside the paper's own numbers.

    DATA is labelled clips, on which the specialists are trained as often as the recipes ask, folds
    of whole groups taking turns as training, validation and test part; or the folder with the
    authors' stored files of AFEW2; or stored answers of models called face, face 2, audio,
    activity, mouth or face+audio, by the folds they were trained on (several files of the same
    clips). A model or a training that the data do not have is left out, with a note.
    """
    from emonets.reproduction.submissions import report_submissions

    clips = None
    if len(data) == 1 and _are_clips(Path(data[0])):
        clips = partial(
            _trained, Path(data[0]), name, store, preset, base, folds, workers, seed,
        )  # fmt: skip
    elif store is not None or base is not None or folds is not None:
        raise ParameterError(
            "--store, --base and --folds go with labelled clips that are trained on"
        )
    text = report_submissions(
        data,
        name=name,
        recipes=recipes,
        out=out,
        json_path=json,
        results=results,
        seed=seed,
        clips=clips,
    )
    print(text)


def _are_clips(path: Path) -> bool:
    """Whether something is labelled clips, and not stored answers to such."""
    from emonets.evaluation.predictions import read_table
    from emonets.reproduction.submission_data import AUTHORS_FILE

    if path.is_dir():
        return not (path / AUTHORS_FILE).is_file()
    table = path.suffix in (".csv", ".parquet") and path.is_file()
    return table and "path" in read_table(path).columns


def _trained(
    path: Path,
    name: str | None,
    store: str | None,
    preset: str,
    base: str | None,
    folds: int | None,
    workers: int,
    seed: int,
    every_pair: bool,
) -> SubmissionData:
    from emonets.reproduction.submission_training import train_for_submissions
    from emonets.runtime.store import FeatureStore
    from emonets.training.preset import load_preset
    from emonets.training.system import Options, System

    options = Options(None, base, folds, seed, workers)
    kept = FeatureStore(store or "submissions.store")
    system = System(open_labelled([path]), load_preset(preset), kept, options)
    made = train_for_submissions(system, folds=folds, every_pair=every_pair)
    return made if name is None else replace(made, name=name)
