"""The command that takes features out of labelled clips."""

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
    log,
    names_of,
    open_labelled,
)


def extract(
    data: Data,
    store: Annotated[
        str, typer.Option(help="Folder of features; or an address, with the extra 'dask'.")
    ],
    preset: Preset = "modern",
    with_: With = None,
    models: Models = None,
    base: Base = None,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    layout: Layout = None,
    mapped: Mapped = None,
    group_pattern: GroupPattern = None,
) -> None:
    """Take out of labelled clips what a preset's specialists learn from; what is there stays.

    Later trainings and scorings from the same store do not decode the clips again. Exits with 1
    when a clip could not be read; the others are done.
    """
    from emonets.runtime.store import FeatureStore
    from emonets.training.preset import load_preset
    from emonets.training.system import Options, System

    names = names_of(models)
    datasets = open_labelled(
        [*data, *(with_ or [])], layout, mapped, group_pattern, True, stills=names == ["mouth"]
    )
    options = Options(names, base, None, 0, workers, scheduler, None, scored=len(data))
    # no distribution decides what is taken out of a clip: any draw will do
    table = drawn(load_preset(preset, distributions=True), 0)
    system = System(datasets, table, FeatureStore(store), options)
    dropped = system.material().dropped
    known = {str(one.path) for dataset in datasets for one in dataset.dropped}
    failed = [(file, why) for file, why in dropped if file not in known]
    for file, why in failed:
        log.info(f"left out: {file}: {why}")
    if failed:
        raise typer.Exit(1)
