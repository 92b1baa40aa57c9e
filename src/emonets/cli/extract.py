"""The command ``extract``: features of labelled clips into a store."""

from __future__ import annotations

from typing import Annotated

import typer

from emonets.cli.options import (
    Base,
    Data,
    GroupPattern,
    Layout,
    Mapped,
    Models,
    Preset,
    Scheduler,
    With,
    Workers,
    drawn,
    keep_in,
    log,
    names_of,
    open_labelled,
    warn_of_reading,
)
from emonets.version import DEFAULT_BUNDLE


def extract(
    data: Data,
    store: Annotated[
        str,
        typer.Option(
            help="Folder of features; or an address such as s3://… (needs emonets[dask])."
        ),
    ],
    preset: Preset = DEFAULT_BUNDLE,
    with_: With = None,
    models: Models = None,
    base: Base = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    layout: Layout = None,
    mapped: Mapped = None,
    group_pattern: GroupPattern = None,
) -> None:
    """Extract features of labelled clips into a store.

    These are the features that a preset's specialists are trained on. Features that are in the
    store already stay. Later, train and evaluate with this store do not decode the clips again. The
    exit status is 1 if a clip cannot be read; the others are extracted.
    """
    from emonets.runtime.store import FeatureStore
    from emonets.training.preset import load_preset
    from emonets.training.system import Options, System

    keep_in(store)
    names = names_of(models)
    datasets = open_labelled(
        [*data, *(with_ or [])], layout, mapped, group_pattern, True, similar_groups=True,
        stills=names == ["mouth"],
    )  # fmt: skip
    warn_of_reading(datasets)
    options = Options(names, base, None, 0, workers, scheduler, None, scored=len(data))
    # no distribution changes the features of a clip: any draw will do
    table = drawn(load_preset(preset, distributions=True), 0)
    system = System(datasets, table, FeatureStore(store), options)
    dropped = system.material().dropped
    known = {str(one.path) for dataset in datasets for one in dataset.dropped}
    failed = [(file, why) for file, why in dropped if file not in known]
    for file, why in failed:
        log.info(f"left out: {file}: {why}")
    if failed:
        raise typer.Exit(1)
