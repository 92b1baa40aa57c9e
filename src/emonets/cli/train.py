"""The commands ``train``: the system of all specialists, or with one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from emonets.cli.options import (
    AddTo,
    Base,
    Data,
    DefaultGroup,
    Folds,
    GroupPattern,
    Layout,
    Mapped,
    Models,
    Out,
    Preset,
    Report,
    Scheduler,
    Seed,
    SharedGroups,
    SimilarGroups,
    Store,
    With,
    Workers,
    begins_with_stills,
    changed,
    command,
    drawn,
    example,
    log,
    names_of,
    open_labelled,
    open_store,
    refuse_flags,
)
from emonets.errors import ParameterError
from emonets.version import DEFAULT_BUNDLE

train_app = typer.Typer(
    cls=DefaultGroup,
    no_args_is_help=True,
    help="Train a model on labelled data.\n\n"
    "Without the name of a command, 'all' is run: all specialists and their fusion. Each other "
    "command trains one specialist.",
    epilog=example(
        "emonets train clips/ --out my-bundle",
        "emonets train audio clips/ --out my-bundle --add-to modern",
    ),
)


@train_app.command(
    "all",
    epilog=example(
        "emonets train clips/ --out my-bundle --dry-run",
        "emonets train clips/ --out my-bundle --report scores/ --workers 2",
    ),
)
def train_all(
    data: Data,
    out: Out,
    preset: Preset = DEFAULT_BUNDLE,
    with_: With = None,
    store: Store = None,
    models: Models = None,
    base: Base = None,
    folds: Folds = None,
    trials: Annotated[
        int, typer.Option(help="Number of draws from a preset's distributions that are compared.")
    ] = 0,
    report: Report = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the plan, its time and its size; train nothing."),
    ] = False,
    add_to: AddTo = None,
    score: Annotated[
        bool,
        typer.Option(help="Cross-validate, too. Only a single specialist can be trained without."),
    ] = True,
    seed: Seed = 0,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    layout: Layout = None,
    mapped: Mapped = None,
    group_pattern: GroupPattern = None,
    shared_groups: SharedGroups = False,
    similar_groups: SimilarGroups = False,
) -> None:
    """Train all specialists and their fusion.

    Prints their scores. The fusion is fitted on predictions of groups that were not trained on; the
    scores are of such predictions, too. After an interruption, run the same command again: it
    resumes.
    """
    train(**locals())


def train(
    *,
    data: list[Path],
    out: Path,
    preset: str,
    with_: list[Path] | None,
    store: str | None,
    models: str | None,
    base: str | None,
    folds: int | None,
    trials: int,
    report: Path | None,
    dry_run: bool,
    add_to: str | None,
    score: bool,
    seed: int,
    workers: int,
    scheduler: str | None,
    layout: str | None,
    mapped: list[str] | None,
    group_pattern: str | None,
    shared_groups: bool,
    similar_groups: bool,
    changes: Mapping[str, Any] | None = None,
) -> None:
    """Train a system of all specialists, or of one; print and write its scores.

    Parameters
    ----------
    models : comma-separated names of specialists; None: all of the preset.
    changes : settings of the one specialist that replace the preset's; None values replace nothing.
    """
    from emonets.training.division import check_division

    if report is not None and not score:
        raise ParameterError("--report is for scores: leave it out, or --no-score")
    names = names_of(models)
    datasets = open_labelled(
        [*data, *(with_ or [])], layout, mapped, group_pattern, shared_groups,
        similar_groups=similar_groups, stills=names == ["mouth"],
    )  # fmt: skip
    divided = partial(check_division, datasets, folds, scored=len(data), score=score, official=True)
    divided()  # before what takes seconds to import

    from emonets.bundle import check_place
    from emonets.model import EmoNets
    from emonets.training.estimate import estimate
    from emonets.training.preset import load_preset
    from emonets.training.report import check_folder, summary, write_scores
    from emonets.training.system import Options, System, check_datasets
    from emonets.training.trainers import make_trainers
    from emonets.training.tuning import tuned

    check_place(out, make=not dry_run)
    if report is not None and not dry_run:
        check_folder(report)
    for note in check_datasets(datasets, shared_groups=shared_groups):
        log.warning(note)
    table = changed(load_preset(preset, distributions=trials > 0), models, changes)
    options = Options(names, base, folds, seed, workers, scheduler, None, scored=len(data))
    one = drawn(table, seed)
    # errors before anything is written
    trainers, _ = make_trainers(one, datasets, models=names, base=base)
    divided(several=len(trainers) > 1)
    others = None if add_to is None else EmoNets.load(add_to)
    kept = open_store(store, out, dry_run)
    if dry_run:
        print(estimate(datasets, one, kept, options, trials=trials, score=score))
        return
    assert kept is not None
    chosen = tuned(datasets, table, kept, options, trials=trials)
    system = System(datasets, chosen, kept, options)
    _, scored = system.train(out, add_to=others, score=score)
    if scored is None:
        return
    if report is not None:
        title = f"{preset} on {scored.data.name}"
        for path in write_scores(scored, report, title=title, seed=seed):
            log.info(f"written: {path}")
    print(summary(scored))


def _face_options(
    data: Annotated[
        list[Path],
        typer.Argument(help="Still faces: fer2013.npz, TFD, class folders. Or labelled clips."),
    ],
    preset: Annotated[
        str | None,
        typer.Option(help="A preset's name or a .toml file. Default: modern; still faces: paper."),
    ] = None,
    extra: Annotated[
        list[Path] | None, typer.Option(help="Still faces: more data to train on (repeatable).")
    ] = None,
    register_extra: Annotated[
        bool,
        typer.Option(help="Still faces: align those of --extra to FER2013 by their mean shape."),
    ] = True,
    network: Annotated[
        str | None,
        typer.Option(
            help="Still faces: convnet1 or convnet2; of 'modern': 'vgg small', vgg or 'vgg deep'."
        ),
    ] = None,
    illumination: Annotated[
        str | None, typer.Option(help="Still faces: smoothing, isotropic or none.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Still faces: number of epochs. Default: the preset's.")
    ] = None,
    stop_on_clips: Annotated[
        Path | None,
        typer.Option(help="Still faces: class folders of clips; accuracy on them picks the epoch."),
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(help="Still faces: bundle whose face network is a teacher (repeatable)."),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Still faces: processor, auto, cpu or cuda.")
    ] = "auto",
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="Still faces: checkpoint file; an existing one is resumed. "
            "Default: beside the bundle."
        ),
    ] = None,
) -> None:
    """The options of training a face network."""


_OF_STILLS: dict[str, Any] = {
    "extra": None, "register_extra": True, "network": None, "illumination": None, "epochs": None,
    "stop_on_clips": None, "teacher": None, "device": "auto", "checkpoint": None,
}  # fmt: skip
_OF_CLIPS: dict[str, Any] = {
    "with_": None, "store": None, "base": None, "folds": None, "trials": 0, "report": None,
    "dry_run": False, "score": True, "workers": 1, "scheduler": None, "mapped": None,
    "group_pattern": None, "shared_groups": False, "similar_groups": False, "layout": None,
}  # fmt: skip


def _train_face(**given: Any) -> None:
    """Train a face network on still faces; on clips a classifier on a bundle's network."""
    from emonets.bundle import check_place

    of_stills = {name: given.pop(name) for name in _OF_STILLS}
    preset = given.pop("preset")
    check_place(given["out"], make=not given["dry_run"])
    if given["data"][0].exists() and not begins_with_stills(given):
        refuse_flags(of_stills, _OF_STILLS, f"is for still faces; {given['data'][0]} has clips")
        train(**given, preset=preset or DEFAULT_BUNDLE, models="face")
        return
    of_clips = {name: given[name] for name in _OF_CLIPS}
    refuse_flags(of_clips, _OF_CLIPS, f"is for clips; {given['data'][0]} has still faces")
    if len(given["data"]) > 1:
        raise ParameterError("give more still faces by --extra")
    from emonets.training.face_network import train_face

    train_face(
        given["data"][0], given["out"], preset=preset or "paper", extra=of_stills["extra"] or [],
        register_extra=of_stills["register_extra"], network=of_stills["network"],
        illumination=of_stills["illumination"], epochs=of_stills["epochs"],
        stop_on_clips=of_stills["stop_on_clips"], teachers=of_stills["teacher"] or [],
        add_to=given["add_to"], device=of_stills["device"], seed=given["seed"],
        checkpoint=of_stills["checkpoint"],
    )  # fmt: skip


def _train_audio(**given: Any) -> None:
    train(**given, models="audio")


def _train_activity(on: str | None, **given: Any) -> None:
    train(**given, models="activity", changes={"on": on})


def _train_mouth(region: str | None, colour: str | None, **given: Any) -> None:
    train(**given, models="mouth", changes={"region": region, "colour": colour})


def _activity_options(
    on: Annotated[
        str | None,
        typer.Option(
            help="Where motion is described: whole frames, or face tubes (frames, tubes)."
        ),
    ] = None,
) -> None:
    """The options of training the activity specialist."""


def _mouth_options(
    data: Annotated[
        list[Path], typer.Argument(help="Labelled clips or still faces; one path or more.")
    ],
    region: Annotated[
        str | None, typer.Option(help="How the mouth is found: fixed or landmarks.")
    ] = None,
    colour: Annotated[
        str | None, typer.Option(help="Colour of the mouth pictures: grey or rgb.")
    ] = None,
) -> None:
    """The options of training the mouth specialist."""


_RESUMES = "After an interruption, run the same command again: it resumes."

train_app.command(
    "face",
    epilog=example(
        "emonets train face fer2013.npz --out my-bundle",
        "emonets train face clips/ --out my-bundle --add-to modern",
    ),
)(
    command(
        _train_face,
        train_all,
        "Train the face specialist.\n\nOn still faces (FER2013, TFD, class folders) its network is "
        "trained. On clips its classifier is trained, and the network of a bundle is used. "
        f"{_RESUMES}",
        without=("models",),
        more=_face_options,
    )
)
train_app.command(
    "audio", epilog=example("emonets train audio clips/ --out my-bundle --add-to modern")
)(
    command(
        _train_audio,
        train_all,
        f"Train the audio specialist.\n\nThe data are labelled sound files or clips. {_RESUMES}",
        without=("models",),
    )
)
train_app.command(
    "activity", epilog=example("emonets train activity clips/ --out my-bundle --add-to modern")
)(
    command(
        _train_activity,
        train_all,
        f"Train the activity specialist.\n\nThe data are labelled clips. {_RESUMES}",
        without=("models",),
        more=_activity_options,
    )
)
train_app.command(
    "mouth", epilog=example("emonets train mouth fer2013.npz --with clips/ --out my-bundle")
)(
    command(
        _train_mouth,
        train_all,
        "Train the mouth specialist.\n\nThe data are labelled clips, still faces, or both. "
        f"{_RESUMES}",
        without=("models",),
        more=_mouth_options,
    )
)
