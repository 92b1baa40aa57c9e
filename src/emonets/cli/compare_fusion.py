"""The command that compares ways to combine models, thin over the library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    )
    print(text)
