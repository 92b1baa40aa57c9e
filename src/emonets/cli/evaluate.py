"""The commands that score models on labelled data, each thin over the library."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from emonets.cli.options import (
    Base,
    Data,
    DefaultGroup,
    GroupPattern,
    Layout,
    Mapped,
    Models,
    Report,
    Scheduler,
    Seed,
    SharedGroups,
    Store,
    With,
    Workers,
    are_stills,
    command,
    log,
    names_of,
    open_labelled,
    open_store,
)
from emonets.errors import ParameterError

evaluate_app = typer.Typer(
    cls=DefaultGroup, no_args_is_help=True,
    help="Score a model on labelled data: emonets evaluate BUNDLE DATASET scores all specialists "
    "and their fusion (the command 'all'), the others a single specialist.",
)  # fmt: skip


@evaluate_app.command("all")
def evaluate_all(
    model: Annotated[
        str, typer.Argument(help="A bundle; with --cross-validate a preset, trained anew.")
    ],
    data: Data,
    cross_validate: Annotated[
        str | None,
        typer.Option(
            help="'auto': the folds agreed on, or one a group, ten at most; 'each': a group left "
            "out in turn; or how many folds of whole groups."
        ),
    ] = None,
    with_: With = None,
    out: Report = None,
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
    """Score a bundle on labelled clips, or a preset by clips of groups that it was not trained on.

    Accuracy, UAR and F1 of each specialist and of all together, with 95 % intervals over groups;
    of several data sets, of each one, too. A bundle is scored on the part that the data keep for
    testing, if there is one.

    Example: emonets evaluate modern clips/ --cross-validate auto
    """
    evaluate(**locals())


def evaluate(
    *,
    model: str,
    data: list[Path],
    cross_validate: str | None,
    with_: list[Path] | None,
    out: Path | None,
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
) -> None:
    """What the commands do: all specialists of a model, or one."""
    from emonets.bundle import find_bundle
    from emonets.training.preset import load_preset
    from emonets.training.report import check_folder, summary, write_scores
    from emonets.training.score_bundle import score_bundle
    from emonets.training.system import Options, System

    if out is not None:
        check_folder(out)
    if cross_validate is None and with_:
        raise ParameterError("--with is data to train on: it goes with --cross-validate")
    names = names_of(models)
    folds = None if cross_validate is None else _folds(cross_validate)
    if cross_validate is None:
        find_bundle(model)
    else:
        preset = load_preset(model)
    datasets = open_labelled(
        [*data, *(with_ or [])], layout, mapped, group_pattern, shared_groups,
        stills=names == ["mouth"],
    )  # fmt: skip
    kept = open_store(store, out or Path("emonets"))
    assert kept is not None
    options = Options(names, base, folds, seed, workers, scheduler, None, scored=len(data))
    if cross_validate is None:
        scored, notes = score_bundle(model, datasets, kept, options)
        for note in notes:
            log.warning(note)
    else:
        system = System(datasets, preset, kept, options)
        scored = system.score()
        system.clean()
    if out is not None:
        for path in write_scores(scored, out, title=f"{model} on {scored.data.name}", seed=seed):
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


for _name, _what in (
    ("audio", "audio specialist"), ("activity", "activity specialist"),
    ("mouth", "mouth specialist"),
):  # fmt: skip

    def _evaluate_one(_name: str = _name, **given: Any) -> None:
        evaluate(**given, models=_name)

    evaluate_app.command(_name)(
        command(
            _evaluate_one, evaluate_all,
            f"Score the {_what} of a bundle on labelled data, or a preset's by cross-validation; "
            f"as 'all' does.\n\nExample: emonets evaluate {_name} modern clips/ "
            "--cross-validate auto",
            without=("models",),
        )
    )  # fmt: skip


def _still_options(
    model: Annotated[
        str | None,
        typer.Argument(help="A bundle; on clips with --cross-validate a preset, trained anew."),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Argument(help="Labelled clips, or still faces; several clips.")
    ] = None,
    still_data: Annotated[
        Path | None,
        typer.Option("--data", help="Still faces: fer2013.npz, fer2013.csv, TFD .mat, a folder."),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Still faces: which split; 'all': every face there is.")
    ] = "PrivateTest",
    preset: Annotated[
        str | None, typer.Option(help="Still faces: a shipped model by name.")
    ] = None,
    bundle: Annotated[Path | None, typer.Option(help="Still faces: a bundle of your own.")] = None,
    json: Annotated[Path | None, typer.Option(help="Still faces: write the figures there.")] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Still faces: write the confusion matrix (PNG).")
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Still faces: average with the mirror image.")
    ] = False,
    duplicates: Annotated[
        bool,
        typer.Option(help="Still faces: also score without copies of what was learned from."),
    ] = True,
    results: Annotated[
        Path | None,
        typer.Option(help="Still faces: add rows to a table, as docs/results/face_paper."),
    ] = None,
    what: Annotated[str, typer.Option(help="Still faces: the system's name in that table.")] = "",
) -> None:
    """The options of scoring a face network on still faces."""


_OF_STILLS: dict[str, Any] = {
    "split": "PrivateTest", "preset": None, "bundle": None, "json": None, "figure": None,
    "mirror": False, "duplicates": True, "results": None, "what": "",
}  # fmt: skip


def _evaluate_face(**given: Any) -> None:
    from emonets.cli.options import refuse_flags

    own = {name: given.pop(name) for name in _OF_STILLS}
    stills: Path | None = given.pop("still_data")
    if stills is None:
        if not given["data"]:
            raise ParameterError("give a model and data, or still faces by --data")
        first = open_labelled(
            given["data"][:1], given["layout"], given["mapped"], given["group_pattern"], True
        )[0]
        if not are_stills(first):
            refuse_flags(own, _OF_STILLS, f"is for still faces; {given['data'][0]} has clips")
            evaluate(**given, models="face")
            return
        stills = given["data"][0]
        own["bundle"] = own["bundle"] or given["model"]
    elif given["model"] is not None:
        raise ParameterError("give still faces by --data, or a model and data, not both")
    if own["preset"] is not None and own["bundle"] is not None:
        raise ParameterError("give --preset or --bundle, not both")
    from emonets.evaluation.stills import evaluate_face

    report = evaluate_face(
        stills, own["bundle"] or own["preset"] or "paper", split=own["split"],
        mirror=own["mirror"], duplicates=own["duplicates"], seed=given["seed"],
        json_path=own["json"], figure_path=own["figure"], results=own["results"], what=own["what"],
    )  # fmt: skip
    print(report)


evaluate_app.command("face")(
    command(
        _evaluate_face, evaluate_all,
        "Score the face network on still faces (accuracy, UAR, confusion matrix of single "
        "pictures), or the face specialist on clips, as 'all' does.\n\nExample: emonets evaluate "
        "face --data fer2013.npz --split PrivateTest --preset modern",
        without=("models",), more=_still_options,
    )
)  # fmt: skip
