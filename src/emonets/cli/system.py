"""The commands that take features out of labelled clips, and train and score whole systems."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from emonets.cli.data import labels_of
from emonets.errors import DataError, ParameterError

if TYPE_CHECKING:
    from emonets.datasets import Dataset

_err = Console(stderr=True, markup=False, emoji=False, highlight=False)
_echo = partial(_err.print, soft_wrap=True)

Data = Annotated[
    Path, typer.Argument(help="Labelled clips: class folders, a manifest, RAVDESS, AFEW …")
]
Preset = Annotated[str, typer.Option(help="A preset's name or a .toml file.")]
Store = Annotated[
    str | None,
    typer.Option(help="Folder (or address, with [dask]) of features and finished stages."),
]
With = Annotated[
    list[Path] | None,
    typer.Option("--with", help="More data to train on only, such as speech; several."),
]
Models = Annotated[
    str | None, typer.Option(help="Which specialists, such as face,audio. Default: all.")
]
Base = Annotated[
    str | None, typer.Option(help="The bundle whose networks are taken. Default: the preset's.")
]
Folds = Annotated[
    int | None, typer.Option(help="Of whole groups. Default: one a group, ten at most.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Workers = Annotated[int, typer.Option(help="Processes side by side.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a Dask cluster that does the work, tcp://HOST:PORT.")
]
Layout = Annotated[
    str | None, typer.Option(help="A name of 'emonets data list'. Default: found out.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", help="WORD=EMOTION, or WORD=drop: words of your own; several."),
]
GroupPattern = Annotated[
    str | None, typer.Option(help="Class folders: where a file name says who it is.")
]
SharedGroups = Annotated[
    bool, typer.Option("--shared-groups", help="Take data that has a group in two parts.")
]


class DefaultGroup(TyperGroup):
    """A group of commands; what names none of them is given to one called ``all``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``all`` in front where no command is named."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["all", *args]
        return super().parse_args(ctx, args)


def extract(
    data: Data,
    store: Annotated[str, typer.Option(help="Folder (or address, with [dask]) of features.")],
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

    Later trainings and scorings from the same store do not look at the clips again. Exits with 1
    when a clip could not be read; the others are done.
    """
    from emonets.runtime.store import FeatureStore
    from emonets.training.preset import load_preset
    from emonets.training.system import Options, System

    datasets = _open([data, *(with_ or [])], layout, mapped, group_pattern, True)
    options = Options(_models(models), base, None, 0, workers, scheduler, None, _echo)
    # no distribution decides what is taken out of a clip: any draw will do
    table = _drawn(load_preset(preset, distributions=True), 0)
    system = System(datasets, table, FeatureStore(store), options)
    dropped = system.material().dropped
    known = {str(one.path) for dataset in datasets for one in dataset.dropped}
    failed = [(file, why) for file, why in dropped if file not in known]
    for file, why in failed:
        _echo(f"left out: {file}: {why}")
    if failed:
        raise typer.Exit(1)


def train_all(
    data: Data,
    out: Annotated[Path, typer.Option(help="Where the bundle goes.")],
    preset: Preset = "modern",
    with_: With = None,
    store: Store = None,
    models: Models = None,
    base: Base = None,
    folds: Folds = None,
    trials: Annotated[
        int, typer.Option(help="Draws of a preset's distributions that are tried.")
    ] = 0,
    report: Annotated[Path | None, typer.Option(help="Folder for the scores.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would run, how long and how large.")
    ] = False,
    seed: Seed = 0,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    layout: Layout = None,
    mapped: Mapped = None,
    group_pattern: GroupPattern = None,
    shared_groups: SharedGroups = False,
) -> None:
    """Train all specialists and their fusion on labelled clips, and say how good they are.

    The fusion learns from, and the scores are of, what models say of people that they did not
    know. Interrupted, the same command goes on.
    """
    from emonets.bundle import check_place
    from emonets.training.estimate import estimate
    from emonets.training.preset import load_preset
    from emonets.training.report import check_folder, summary, write_scores
    from emonets.training.system import Options, System, check_datasets
    from emonets.training.trainers import make_parts
    from emonets.training.tuning import tuned

    check_place(out)
    if report is not None:
        check_folder(report)
    datasets = _open([data, *(with_ or [])], layout, mapped, group_pattern, shared_groups)
    for note in check_datasets(datasets):
        _echo(f"note: {note}")
    table = load_preset(preset, distributions=trials > 0)
    options = Options(_models(models), base, folds, seed, workers, scheduler, None, _echo)
    one = _drawn(table, seed)
    make_parts(one, datasets, models=options.models, base=base)  # errors before anything is made
    kept = _store(store, out, dry_run)
    if dry_run:
        print(estimate(datasets, one, kept, options, trials=trials))
        return
    chosen = tuned(datasets, table, kept, options, trials=trials)
    system = System(datasets, chosen, kept, options)
    _, scored = system.train(out)
    title = f"{preset} on {scored.data.name}"
    if report is not None:
        for path in write_scores(scored, report, title=title, seed=seed):
            _echo(f"written: {path}")
    print(summary(scored))


def evaluate_all(
    model: Annotated[
        str, typer.Argument(help="A bundle; with --cross-validate a preset, trained anew.")
    ],
    data: Data,
    cross_validate: Annotated[
        str | None,
        typer.Option(help="'each' group left out in turn, or how many folds of whole groups."),
    ] = None,
    with_: With = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for report.md, CSV, JSON and pictures.")
    ] = None,
    store: Store = None,
    models: Models = None,
    base: Base = None,
    seed: Seed = 0,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    layout: Layout = None,
    mapped: Mapped = None,
    group_pattern: GroupPattern = None,
    shared_groups: SharedGroups = False,
) -> None:
    """Score a bundle on labelled clips, or a preset by clips of people that it did not know.

    Accuracy, UAR and F1 of each specialist and of all together, with 95 % intervals over groups.
    A bundle is scored on the part that the data keep for testing, if there is one.
    """
    from emonets.bundle import find_bundle
    from emonets.training.preset import load_preset
    from emonets.training.report import check_folder, summary, write_scores
    from emonets.training.score_bundle import score_bundle
    from emonets.training.system import Options, System

    if out is not None:
        check_folder(out)
    if cross_validate is None and with_:
        raise ParameterError("--with is data to train on: it goes with --cross-validate")
    datasets = _open([data, *(with_ or [])], layout, mapped, group_pattern, shared_groups)
    if cross_validate is None:
        find_bundle(model)
    else:
        preset = load_preset(model)
    kept = _store(store, out or Path("emonets"), False)
    options = Options(
        _models(models), base, _folds(cross_validate, datasets[0]), seed, workers, scheduler,
        None, _echo,
    )  # fmt: skip
    if cross_validate is None:
        scored, notes = score_bundle(model, datasets[0], kept, options)
        for note in notes:
            _err.print(f"note: {note}", style="yellow", soft_wrap=True)
    else:
        scored = System(datasets, preset, kept, options).score()
    if out is not None:
        for path in write_scores(scored, out, title=f"{model} on {scored.data.name}", seed=seed):
            _echo(f"written: {path}")
    print(summary(scored))


def open_labelled(path: Path) -> Dataset:
    """Labelled clips, in the layout that they have.

    Raises
    ------
    DataError : as ``open_dataset``; still faces in one file.
    """
    return _open([path], None, None, None, False)[0]


def _open(
    paths: list[Path], layout: str | None, mapped: list[str] | None, pattern: str | None,
    shared: bool,
) -> list[Dataset]:  # fmt: skip
    from emonets.datasets import open_dataset

    words = labels_of(mapped or []) or None
    first = open_dataset(
        paths[0], layout, labels=words, group_pattern=pattern, shared_groups=shared
    )
    opened = [first, *(open_dataset(path, shared_groups=shared) for path in paths[1:])]
    for path, dataset in zip(paths, opened, strict=True):
        if dataset.faces is not None:
            raise DataError(
                f"{path}: still faces in one file are no clips; emonets train face, and emonets "
                "train mouth, learn from them"
            )
    return opened


def _store(store: str | None, beside: Path, dry: bool) -> Any:
    from emonets.runtime.store import FeatureStore

    place = store or str(beside.with_name(beside.name + ".store"))
    if dry and "://" not in place and not Path(place).exists():
        return None  # nothing is written
    return FeatureStore(place)


def _drawn(table: dict[str, Any], seed: int) -> dict[str, Any]:
    """The preset with the first draw of its distributions, if it has any."""
    from emonets.training.search_space import draw, has_distributions

    return draw(table, seed, 0) if has_distributions(table) else table


def _models(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _folds(text: str | None, dataset: Dataset) -> int | None:
    if text is None:
        return None
    if text == "each":
        return len(set(dataset.groups[dataset.splits != "test"].tolist()))
    try:
        return int(text)
    except ValueError:
        raise ParameterError(
            f"--cross-validate takes 'each' or a number of folds, got {text!r}"
        ) from None
