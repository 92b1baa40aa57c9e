"""The command that compares ways to combine models, thin over the library."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

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
    from emonets.training.fusion_report import report_fusion

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
        typer.Option(help="The authors' folder, or stored answers (npz, table); audio=my.npz."),
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
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
) -> None:
    """Run the paper's submissions (Tables 1 and 2) on data, beside the paper's own numbers.

    DATA is the folder with the authors' stored files of AFEW2, or stored answers of models called
    face, face 2, audio, activity, mouth or face+audio, by the folds they were trained on; several
    files of the same clips may be given. A model or a training that the data do not have is left
    out, which is said.
    """
    from emonets.training.submissions import report_submissions

    text = report_submissions(
        data,
        name=name,
        recipes=recipes,
        out=out,
        json_path=json,
        results=results,
        seed=seed,
        echo=partial(_err.print, soft_wrap=True),
    )
    print(text)
