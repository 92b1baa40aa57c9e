"""The commands ``reproduce``: the paper's own numbers again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emonets.cli.options import (
    Base,
    Figures,
    Folds,
    Seed,
    Workers,
    example,
    keep_in,
    open_labelled,
)
from emonets.errors import ParameterError
from emonets.version import DEFAULT_BUNDLE

if TYPE_CHECKING:
    from emonets.reproduction.submission_data import SubmissionData

reproduce_app = typer.Typer(
    help="Reproduce the paper's own numbers.",
    no_args_is_help=True,
    epilog=example("emonets reproduce afew2 --data afew2/"),
)


@reproduce_app.command("afew2", epilog=example("emonets reproduce afew2 --data afew2/"))
def reproduce_afew2(
    data: Annotated[Path, typer.Option(help="Folder with the authors' stored files.")],
    json: Annotated[Path | None, typer.Option(help="File for the comparison.")] = None,
) -> None:
    """Compute the authors' labels again.

    The command starts from the authors' stored frame probabilities and compares every number. The
    exit status is 1 if one differs.
    """
    from emonets.reproduction.afew2 import run

    code = run(data, json)
    if code:
        raise typer.Exit(code)


@reproduce_app.command(
    "submissions",
    epilog=example(
        "emonets reproduce submissions --data clips/ --store features/ --out report/",
        "emonets reproduce submissions --data face.npz --data audio=my.npz",
    ),
)
def reproduce_submissions(
    data: Annotated[
        list[str],
        typer.Option(
            help="Labelled clips; the authors' folder; or stored predictions (npz, csv, "
            "parquet), also as MODEL=FILE (repeatable)."
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the data in the table.")] = None,
    recipes: Annotated[
        str | None, typer.Option(help="Recipes, such as '2013-7, 2014-9'. Default: all.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the table (md, csv) and the figure.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="File for all numbers.")] = None,
    results: Annotated[
        Path | None,
        typer.Option(help="Table to which rows are added, such as docs/results/submissions."),
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Clips: folder of features and finished stages.")
    ] = None,
    preset: Annotated[
        str, typer.Option(help="Clips: preset to train, by name or .toml file.")
    ] = DEFAULT_BUNDLE,
    base: Base = None,
    folds: Folds = None,
    workers: Workers = 1,
    seed: Seed = 0,
    figures: Figures = "png",
) -> None:
    """Run the paper's submissions (Tables 1 and 2) on data.

    The table has the paper's own numbers beside those of the data. --data is one of three:

    1. Labelled clips. The specialists are trained as often as the recipes require. Folds of whole
    groups take turns as training, validation and test part.

    2. The folder with the authors' stored files of AFEW2.

    3. Stored predictions of models, by the folds they were trained on. The models have the names
    face, face 2, audio, activity, mouth or face+audio. Several files of the same clips are joined.

    A model or a training that the data do not have is left out, with a note.
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
        figures=figures,
    )
    print(text)


PaperSources = Annotated[
    list[str] | None,
    typer.Option(
        help="The authors' folder of AFEW2; fer2013.npz; a clip; stored predictions (npz, csv, "
        "parquet), also as MODEL=FILE; or labelled clips (repeatable)."
    ),
]
PaperModels = Annotated[
    str | None, typer.Option(help="Labelled clips: specialists to train. Default: all required.")
]
PaperStore = Annotated[
    str | None, typer.Option(help="Labelled clips: folder of features and finished stages.")
]
PaperPreset = Annotated[
    str, typer.Option(help="Labelled clips: preset to train, by name or .toml file.")
]


@reproduce_app.command(
    "figure",
    epilog=example(
        "emonets reproduce figure 4 --out paper/",
        "emonets reproduce figure 7a --data afew2/ --out paper/",
        "emonets reproduce figure all --data afew2/ --data fer2013.npz --out paper/",
    ),
)
def reproduce_figure(
    name: Annotated[str, typer.Argument(help="2 to 9; a panel, such as 7a; or all.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    data: PaperSources = None,
    bundle: Annotated[
        str | None,
        typer.Option(help="Bundle of faces (default: paper) or of motion filters (modern)."),
    ] = None,
    models: PaperModels = None,
    store: PaperStore = None,
    preset: PaperPreset = DEFAULT_BUNDLE,
    base: Base = None,
    folds: Folds = None,
    workers: Workers = 1,
    seed: Seed = 0,
    figures: Figures = "png",
) -> None:
    """Draw a figure of the paper.

    Figures 2, 4 and 5 are of a clip: by default the one that ships. Figures 3 and 6 have the layers
    and the motion filters of a bundle. Figures 7 to 9 require predictions of labelled clips. If the
    data are labelled clips alone, the specialists are trained first. The picture names the data.

    With 'all', and for a figure of several panels, what the data do not allow is left out with a
    note.
    """
    from emonets.cli.demo import example_clip
    from emonets.cli.options import err
    from emonets.reproduction.paper_data import sort_data
    from emonets.reproduction.paper_figures import draw_paper_figures

    train = partial(_trained_for_paper, store, preset, base, folds, workers, seed)
    given = sort_data(data or [], train=train, models=_words(models))
    bundles = {} if bundle is None else {"faces": bundle} | {"motion": bundle}
    drawn = draw_paper_figures(
        name, out, given, clip=example_clip(), seed=seed, figures=figures, **bundles
    )
    for one, why in drawn.left_out.items():
        err.print(f"left out: figure {one}: {why}", soft_wrap=True)


@reproduce_app.command(
    "table",
    epilog=example(
        "emonets reproduce table 3",
        "emonets reproduce table 1 --data afew2/ --out paper/",
    ),
)
def reproduce_table(
    number: Annotated[str, typer.Argument(help="1, 2 or 3.")],
    data: PaperSources = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the table (md).")] = None,
    models: PaperModels = None,
    store: PaperStore = None,
    preset: PaperPreset = DEFAULT_BUNDLE,
    base: Base = None,
    folds: Folds = None,
    workers: Workers = 1,
    seed: Seed = 0,
) -> None:
    """Print a table of the paper.

    Our numbers on the named data stand beside the paper's. Tables 1 and 2 are the submissions of
    2013 and 2014. Table 3 has the systems of others. Without --data, the numbers are the paper's
    only.
    """
    from emonets.reproduction.paper_data import sort_data
    from emonets.reproduction.paper_tables import paper_table

    train = partial(_trained_for_paper, store, preset, base, folds, workers, seed)
    given = sort_data(data or [], train=train, models=_words(models))
    print(paper_table(number, given, out=out, seed=seed))


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def _trained_for_paper(
    store: str | None,
    preset: str,
    base: str | None,
    folds: int | None,
    workers: int,
    seed: int,
    path: Path,
    models: Sequence[str],
    alone: bool,
    every_pair: bool,
) -> SubmissionData:
    return _trained(
        path, path.resolve().name, store, preset, base, folds, workers, seed, every_pair,
        models=models, alone=alone,
    )  # fmt: skip


def _are_clips(path: Path) -> bool:
    """Whether a path holds labelled clips, and not stored predictions."""
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
    *,
    models: Sequence[str] | None = None,
    alone: bool = False,
) -> SubmissionData:
    from emonets.reproduction.submission_training import train_for_submissions
    from emonets.runtime.store import FeatureStore
    from emonets.training.preset import load_preset
    from emonets.training.system import Options, System

    options = Options(models, base, folds, seed, workers)
    kept = FeatureStore(store or "submissions.store")
    keep_in(kept.place)
    system = System(open_labelled([path]), load_preset(preset), kept, options)
    made = train_for_submissions(system, folds=folds, every_pair=every_pair, alone=alone)
    return made if name is None else replace(made, name=name)
