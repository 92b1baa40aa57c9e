"""The command that compares ways to combine models, thin over the library."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from emonets.cli.system import Base, Folds, Workers, open_labelled
from emonets.errors import ParameterError

if TYPE_CHECKING:
    from emonets.reproduction.submission_data import SubmissionData

_err = Console(stderr=True, markup=False, emoji=False, highlight=False)


def compare_fusion(
    predictions: Annotated[
        Path, typer.Argument(help="CSV or Parquet, a row a clip and model; or what predict wrote.")
    ],
    labels: Annotated[
        Path | None, typer.Option(help="Table clip, label and, where wanted, group.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table (md, csv) and the pictures.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Folds of whole groups. Default: 5, or the groups there are.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    strategies: Annotated[
        str | None, typer.Option(help="Names between commas, as 'mean, product'. Default: all.")
    ] = None,
    coverage: Annotated[
        float, typer.Option(help="Share of clips that the fusion's threshold answers (--abstain).")
    ] = 0.8,
    save_fusion: Annotated[
        Path | None, typer.Option(help="Write the recommended fusion there, fitted on all clips.")
    ] = None,
    add_to: Annotated[
        str | None, typer.Option(help="A bundle of these models that is to fuse by it.")
    ] = None,
    save_bundle: Annotated[Path | None, typer.Option(help="Where that new bundle goes.")] = None,
) -> None:
    """Which combination of models holds on clips it was not fitted on, and which is recommended.

    The columns of PREDICTIONS are clip, model, angry, disgust, fear, happy, sad, surprise,
    neutral, label (the truth), group (who or what must not be fitted on and tested on) and found
    (false: counts as 1/7); the last two may be left out. The models must not have been trained on
    these clips.
    """
    from emonets.evaluation.fusion_report import report_fusion

    text = report_fusion(
        predictions,
        labels=labels,
        out=out,
        folds=folds,
        seed=seed,
        strategies=strategies,
        coverage=coverage,
        save_fusion=save_fusion,
        add_to=add_to,
        save_bundle=save_bundle,
        echo=partial(_err.print, soft_wrap=True),
    )
    print(text)


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
    clips). A model or a training that the data do not have is left out, which is said.
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
        echo=partial(_err.print, soft_wrap=True),
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

    options = Options(None, base, folds, seed, workers, echo=partial(_err.print, soft_wrap=True))
    kept = FeatureStore(store or "submissions.store")
    system = System([open_labelled(path)], load_preset(preset), kept, options)
    made = train_for_submissions(system, folds=folds, every_pair=every_pair)
    return made if name is None else replace(made, name=name)
