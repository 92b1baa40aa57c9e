"""The command ``compare-fusion``: ways to combine models, scored out of fold."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emonets.cli.options import Figures


def compare_fusion(
    predictions: Annotated[
        Path,
        typer.Argument(
            help="CSV or Parquet with a row for each clip and model; or a results file of predict."
        ),
    ],
    labels: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet with the columns clip, label and, optionally, group."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table (md, csv) and the figures.")
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            help="Number of folds of whole groups. Default: 5, or fewer if there are fewer."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 0,
    strategies: Annotated[
        str | None, typer.Option(help="Names between commas, as 'mean, product'. Default: all.")
    ] = None,
    coverage: Annotated[
        float,
        typer.Option(help="Share of clips that the threshold of predict --abstain keeps, 0 to 1."),
    ] = 0.8,
    save_fusion: Annotated[
        Path | None, typer.Option(help="File for the recommended fusion, fitted on all clips.")
    ] = None,
    add_to: Annotated[
        str | None, typer.Option(help="Bundle of these models that gets this fusion.")
    ] = None,
    save_bundle: Annotated[Path | None, typer.Option(help="Folder for that new bundle.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Number of processes. Default: one for each core.")
    ] = None,
    figures: Figures = "png",
) -> None:
    """Compare ways to combine models, and recommend one.

    Each way is scored on clips that it was not fitted on. The columns of PREDICTIONS are clip,
    model, angry, disgust, fear, happy, sad, surprise, neutral, label, group and found. label is
    the truth. Clips of one group are never on both sides of a fold. Where a model found nothing to
    use, found is false, and the row counts as 1/7. The columns group and found are optional. The
    models must not have been trained on these clips.

    With --out each way's row is written when it is done, and the same command later resumes there.
    With more than 2,500 clips some ways use a part of them; the result names them.
    """
    from emonets.evaluation.fusion_report import report_fusion
    from emonets.runtime.parallel import cores

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
        workers=cores() if workers is None else workers,
        figures=figures,
    )
    print(text)
