"""The commands ``evaluate``: scores of a bundle, or of a preset by cross-validation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from emonets.cli.options import (
    Base,
    Data,
    DefaultGroup,
    Figures,
    GroupPattern,
    Layout,
    Mapped,
    Models,
    Report,
    Scheduler,
    Seed,
    SharedGroups,
    SimilarGroups,
    Store,
    With,
    Workers,
    begins_with_stills,
    command,
    example,
    log,
    names_of,
    open_labelled,
    open_store,
    refuse_flags,
    warn_of_reading,
)
from emonets.errors import ParameterError
from emonets.learners.checks import check_choice

evaluate_app = typer.Typer(
    cls=DefaultGroup,
    no_args_is_help=True,
    help="Score a model on labelled data.\n\n"
    "Without the name of a command, 'all' is run: all specialists and their fusion. Each other "
    "command scores one specialist.",
    epilog=example(
        "emonets evaluate my-bundle clips/ --out scores/",
        "emonets evaluate modern clips/ --cross-validate auto",
    ),
)


@evaluate_app.command(
    "all",
    epilog=example(
        "emonets evaluate my-bundle clips/ --out scores/",
        "emonets evaluate modern clips/ --cross-validate auto",
    ),
)
def evaluate_all(
    model: Annotated[
        str,
        typer.Argument(
            help="A bundle; with --cross-validate a preset, which is trained on the data."
        ),
    ],
    data: Data,
    cross_validate: Annotated[
        str | None,
        typer.Option(
            help="Score by cross-validation. 'auto': the corpus's agreed folds, or one for each "
            "group, ten at most. 'each': each group is left out once. Or a number of folds."
        ),
    ] = None,
    with_: With = None,
    normalise: Annotated[
        str,
        typer.Option(
            help="'person': of a bundle, each clip compared with its group's others, as 'predict "
            "--normalise person' does; scores of their own kind. Default: none."
        ),
    ] = "none",
    out: Report = None,
    figures: Figures = "png",
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
    similar_groups: SimilarGroups = False,
) -> None:
    """Score all specialists and their fusion.

    A bundle is scored on the test part of the data, or on all clips if there is no test part. The
    report names the clips and groups that the bundle was trained on. With --cross-validate a preset
    is trained, and scored on groups that it was not trained on.

    The scores are accuracy, UAR and F1, with 95 % intervals over groups. Several data sets are
    scored together and each by itself.
    """
    evaluate(**locals())


def evaluate(
    *,
    model: str,
    data: list[Path],
    cross_validate: str | None,
    with_: list[Path] | None,
    normalise: str,
    out: Path | None,
    figures: str,
    store: str | None,
    models: str | None,
    base: str | None,
    seed: int,
    workers: int,
    scheduler: str | None,
    layout: str | None,
    mapped: list[str] | None,
    group_pattern: str | None,
    shared_groups: bool,
    similar_groups: bool,
) -> None:
    """Score all specialists of a model, or one; print and write the scores."""
    from emonets.evaluation.figures import check_format
    from emonets.training.division import check_division

    if cross_validate is None and with_:
        raise ParameterError("--with is data to train on: it goes with --cross-validate")
    figures = check_format(figures)
    check_choice("--normalise", normalise, ("none", "person"))
    if cross_validate is not None and normalise != "none":
        raise ParameterError("--normalise is for a bundle: leave out --cross-validate")
    names = names_of(models)
    folds = None if cross_validate is None else _folds(cross_validate)
    datasets = open_labelled(
        [*data, *(with_ or [])], layout, mapped, group_pattern, shared_groups,
        similar_groups=similar_groups, stills=names == ["mouth"],
    )  # fmt: skip
    if cross_validate is not None:
        check_division(datasets, folds, scored=len(data))  # before what takes seconds to import

    from emonets.bundle import find_bundle
    from emonets.training.preset import load_preset
    from emonets.training.report import check_folder, summary, write_scores
    from emonets.training.score_bundle import score_bundle
    from emonets.training.system import Options, System

    if out is not None:
        check_folder(out)
    if cross_validate is None:
        find_bundle(model)
    else:
        preset = load_preset(model)
    warn_of_reading(datasets)
    kept = open_store(store, out or Path("emonets"))
    assert kept is not None
    options = Options(names, base, folds, seed, workers, scheduler, None, scored=len(data))
    if cross_validate is None:
        scored, notes = score_bundle(
            model, datasets, kept, options, by_person=normalise == "person"
        )
        for note in notes:
            log.warning(note)
    else:
        system = System(datasets, preset, kept, options)
        scored = system.score()
        system.clean()
    if out is not None:
        title = f"{model} on {scored.data.name}"
        for path in write_scores(scored, out, title=title, seed=seed, figures=figures):
            log.info(f"written: {path}")
    print(summary(scored))


def _folds(text: str) -> int | str | None:
    if text in ("auto", "each"):
        return None if text == "auto" else text
    try:
        return int(text)
    except ValueError:
        raise ParameterError(
            f"--cross-validate takes 'auto', 'each' or a number of folds, got {text!r}"
        ) from None


for _name in ("audio", "activity", "mouth"):

    def _evaluate_one(_name: str = _name, **given: Any) -> None:
        evaluate(**given, models=_name)

    evaluate_app.command(
        _name,
        epilog=example(
            f"emonets evaluate {_name} my-bundle clips/",
            f"emonets evaluate {_name} modern clips/ --cross-validate auto",
        ),
    )(
        command(
            _evaluate_one,
            evaluate_all,
            f"Score the {_name} specialist.\n\nOf a bundle, or of a preset by cross-validation; "
            "as 'all' does.",
            without=("models",),
        )
    )


@evaluate_app.command(
    "corpora",
    epilog=example(
        "emonets evaluate corpora modern pictures/ clips/ speech/",
        "emonets evaluate corpora my-bundle clips/ speech/ --out scores/",
    ),
)
def evaluate_corpora(
    model: Annotated[str, typer.Argument(help="A bundle.")],
    data: Annotated[
        list[Path], typer.Argument(help="Labelled stills, clips or sounds; one path or more.")
    ],
    split: Annotated[
        str, typer.Option(help="Part that is scored: train, valid, test or all. Default: test.")
    ] = "",
    framed: Annotated[
        bool, typer.Option("--framed", help="Stills are framed as FER2013's: no face is detected.")
    ] = False,
    out: Report = None,
    store: Store = None,
    seed: Seed = 0,
) -> None:
    """Score a bundle on several corpora, each by itself, in one table.

    The faces of stills are found and framed as predict does it. UAR is given among the classes
    present and as predicted. What the bundle was trained on is marked, and is not in the mean. A
    corpus that cannot be scored is named in the table, and does not stop the others; the exit
    status is then 1.
    """
    from emonets.errors import EmoNetsError
    from emonets.evaluation.corpora import CorpusScore, score_model
    from emonets.evaluation.corpora_table import plain, table
    from emonets.model import EmoNets
    from emonets.runtime.files import write_whole
    from emonets.training.report import check_folder

    if out is not None:
        check_folder(out)
    loaded = EmoNets.load(model)
    kept = open_store(store, Path("emonets")) if store else None
    scores: list[CorpusScore] = []
    for path in data:
        try:
            corpus = open_labelled([path])[0]
            warn_of_reading([corpus])
            log.info(f"{path}: {len(corpus)} items")
            scores += score_model(
                loaded, corpus, name=path.name, split=split, framed=framed, store=kept, seed=seed
            )
        except EmoNetsError as error:
            scores.append(CorpusScore(path.name, model, problem=str(error)))
            log.warning(str(error))
    print(table(scores))
    if out is not None:
        text = json.dumps(plain(scores), indent=1, ensure_ascii=False) + "\n"
        title = f"# {model} on {len(data)} corpora\n\n"
        for name, content in (
            ("corpora.json", text),
            ("corpora.md", title + table(scores, markdown=True)),
        ):
            write_whole(out / name, content.encode())
            log.info(f"written: {out / name}")
    if any(one.problem for one in scores):
        raise typer.Exit(1)


def _still_options(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A bundle; on clips with --cross-validate a preset, which is trained on the data."
        ),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Argument(help="Labelled clips, one path or more; or still faces.")
    ] = None,
    still_data: Annotated[
        Path | None,
        typer.Option("--data", help="Still faces: fer2013.npz, fer2013.csv, TFD .mat, a folder."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Still faces: name of the split; 'all': every face.")
    ] = "PrivateTest",
    preset: Annotated[
        str | None, typer.Option(help="Still faces: name of a shipped bundle. Default: paper.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="Still faces: folder of a bundle.")] = None,
    json: Annotated[Path | None, typer.Option(help="Still faces: file for the scores.")] = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Still faces: file for the confusion matrix, .png, .svg or .pdf."),
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Still faces: average with the mirror image.")
    ] = False,
    duplicates: Annotated[
        bool,
        typer.Option(help="Still faces: score without copies of training pictures, too."),
    ] = True,
    results: Annotated[
        Path | None,
        typer.Option(
            help="Still faces: table to which rows are added, such as docs/results/face_paper."
        ),
    ] = None,
    what: Annotated[str, typer.Option(help="Still faces: name of the system in that table.")] = "",
) -> None:
    """The options of scoring a face network on still faces."""


_OF_STILLS: dict[str, Any] = {
    "split": "PrivateTest", "preset": None, "bundle": None, "json": None, "figure": None,
    "mirror": False, "duplicates": True, "results": None, "what": "",
}  # fmt: skip


def _evaluate_face(**given: Any) -> None:
    own = {name: given.pop(name) for name in _OF_STILLS}
    stills: Path | None = given.pop("still_data")
    if stills is None:
        if not given["data"]:
            raise ParameterError("give a model and data, or still faces by --data")
        if not begins_with_stills(given):
            refuse_flags(own, _OF_STILLS, f"is for still faces; {given['data'][0]} has clips")
            evaluate(**given, models="face")
            return
        stills = given["data"][0]
        own["bundle"] = own["bundle"] or given["model"]
    elif given["model"] is not None:
        raise ParameterError("give still faces by --data, or a model and data, not both")
    if own["preset"] is not None and own["bundle"] is not None:
        raise ParameterError("give --preset or --bundle, not both")
    if given["normalise"] != "none":
        raise ParameterError("--normalise is for clips: still faces have no windows of a person")
    if given["figures"] != "png":
        raise ParameterError("--figures is for clips; for still faces give --figure FILE.svg")
    from emonets.evaluation.stills import evaluate_face

    report = evaluate_face(
        stills, own["bundle"] or own["preset"] or "paper", split=own["split"],
        mirror=own["mirror"], duplicates=own["duplicates"], seed=given["seed"],
        json_path=own["json"], figure_path=own["figure"], results=own["results"], what=own["what"],
    )  # fmt: skip
    print(report)


evaluate_app.command(
    "face",
    epilog=example(
        "emonets evaluate face --data fer2013.npz --split PrivateTest --preset modern",
        "emonets evaluate face my-bundle clips/",
    ),
)(
    command(
        _evaluate_face,
        evaluate_all,
        "Score the face specialist.\n\nOn still faces its network is scored, by single pictures: "
        "accuracy, UAR, confusion matrix. On clips the specialist is scored, as 'all' does.",
        without=("models",),
        more=_still_options,
    )
)
