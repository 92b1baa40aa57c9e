"""The commands that train, each thin over the library."""

from __future__ import annotations

from collections.abc import Mapping
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
    Store,
    With,
    Workers,
    are_stills,
    changed,
    command,
    drawn,
    log,
    names_of,
    open_labelled,
    open_store,
    refuse_flags,
)
from emonets.errors import ParameterError

train_app = typer.Typer(
    cls=DefaultGroup, no_args_is_help=True,
    help="Train a model on labelled data: emonets train DATASET --out BUNDLE trains all "
    "specialists and their fusion (the command 'all'), the others a single specialist.",
)  # fmt: skip


@train_app.command("all")
def train_all(
    data: Data,
    out: Out,
    preset: Preset = "modern",
    with_: With = None,
    store: Store = None,
    models: Models = None,
    base: Base = None,
    folds: Folds = None,
    trials: Annotated[
        int, typer.Option(help="Draws of a preset's distributions that are tried.")
    ] = 0,
    report: Report = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would run, how long and how large.")
    ] = False,
    add_to: AddTo = None,
    score: Annotated[
        bool, typer.Option(help="One specialist may be trained without scores, which is faster.")
    ] = True,
    seed: Seed = 0,
    workers: Workers = 1,
    scheduler: Scheduler = None,
    layout: Layout = None,
    mapped: Mapped = None,
    group_pattern: GroupPattern = None,
    shared_groups: SharedGroups = False,
) -> None:
    """Train all specialists and their fusion on labelled clips, and print how good they are.

    The fusion learns from, and the scores are of, predictions of groups that were not trained on.
    Interrupted, the same command goes on.

    Example: emonets train clips/ --out my-bundle
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
    changes: Mapping[str, Any] | None = None,
) -> None:
    """What the commands do: a system of all specialists, or of one.

    Parameters
    ----------
    changes : in place of what the preset's table of the one specialist has.
    """
    from emonets.bundle import check_place
    from emonets.model import EmoNets
    from emonets.training.estimate import estimate
    from emonets.training.preset import load_preset
    from emonets.training.report import check_folder, summary, write_scores
    from emonets.training.system import Options, System, check_datasets
    from emonets.training.trainers import make_trainers
    from emonets.training.tuning import tuned

    check_place(out)
    if report is not None:
        check_folder(report)
        if not score:
            raise ParameterError("--report is of scores: it does not go with --no-score")
    names = names_of(models)
    datasets = open_labelled(
        [*data, *(with_ or [])], layout, mapped, group_pattern, shared_groups,
        stills=names == ["mouth"],
    )  # fmt: skip
    for note in check_datasets(datasets):
        log.warning(note)
    table = changed(load_preset(preset, distributions=trials > 0), models, changes)
    options = Options(names, base, folds, seed, workers, scheduler, None, scored=len(data))
    one = drawn(table, seed)
    make_trainers(one, datasets, models=names, base=base)  # errors before anything is made
    others = None if add_to is None else EmoNets.load(add_to)
    kept = open_store(store, out, dry_run)
    if dry_run:
        print(estimate(datasets, one, kept, options, trials=trials))
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
    preset: Annotated[
        str | None,
        typer.Option(help="A preset's name or a .toml file. Default: modern; still faces: paper."),
    ] = None,
    extra: Annotated[
        list[Path] | None, typer.Option(help="Still faces: more of them to train on.")
    ] = None,
    register_extra: Annotated[
        bool, typer.Option(help="Bring those into FER2013's frame by their mean shape.")
    ] = True,
    network: Annotated[
        str | None,
        typer.Option(help="Still faces: convnet1, convnet2; of 'modern': 'vgg small', vgg."),
    ] = None,
    illumination: Annotated[
        str | None, typer.Option(help="Still faces: isotropic or none.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Still faces: instead of the preset's.")
    ] = None,
    stop_on_clips: Annotated[
        Path | None,
        typer.Option(help="Still faces: class folders of clips whose accuracy picks the epoch."),
    ] = None,
    teacher: Annotated[
        list[str] | None,
        typer.Option(help="Still faces: a bundle whose face network teaches; several."),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Still faces: where to train, auto, cpu or cuda.")
    ] = "auto",
    checkpoint: Annotated[
        Path | None,
        typer.Option(help="Still faces. Default: beside the bundle; an existing one goes on."),
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
    "group_pattern": None, "shared_groups": False, "layout": None,
}  # fmt: skip


def _train_face(**given: Any) -> None:
    """A face network on still faces, or on clips a classifier on the network of a bundle."""
    from emonets.bundle import check_place

    of_stills = {name: given.pop(name) for name in _OF_STILLS}
    preset = given.pop("preset")
    check_place(given["out"])
    if given["data"][0].exists() and not are_stills(
        open_labelled(
            given["data"][:1], given["layout"], given["mapped"], given["group_pattern"], True
        )[0]
    ):
        refuse_flags(of_stills, _OF_STILLS, f"is for still faces; {given['data'][0]} has clips")
        train(**given, preset=preset or "modern", models="face")
        return
    of_clips = {name: given[name] for name in _OF_CLIPS}
    refuse_flags(of_clips, _OF_CLIPS, f"is for clips; {given['data'][0]} has still faces")
    if len(given["data"]) > 1:
        raise ParameterError("more still faces are given by --extra")
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
        str | None, typer.Option(help="Where motion is described: frames or tubes.")
    ] = None,
) -> None:
    """The options of training the activity specialist."""


def _mouth_options(
    region: Annotated[
        str | None, typer.Option(help="Where the mouth is: fixed or landmarks.")
    ] = None,
    colour: Annotated[str | None, typer.Option(help="grey or rgb.")] = None,
) -> None:
    """The options of training the mouth specialist."""


_LATER = "Interrupted, the same command goes on."

train_app.command("face")(
    command(
        _train_face, train_all,
        "Train the face: its network on still faces (FER2013, TFD, folders), or its classifier "
        f"on clips. {_LATER}\n\nExample: emonets train face fer2013.npz --out my-bundle",
        without=("models",), more=_face_options,
    )
)  # fmt: skip
train_app.command("audio")(
    command(
        _train_audio, train_all,
        f"Train the audio specialist on labelled sound or clips. {_LATER}\n\nExample: emonets "
        "train audio clips/ --out my-bundle --add-to modern",
        without=("models",),
    )
)  # fmt: skip
train_app.command("activity")(
    command(
        _train_activity, train_all,
        f"Train the activity specialist on labelled clips. {_LATER}\n\nExample: emonets train "
        "activity clips/ --out my-bundle --add-to modern",
        without=("models",), more=_activity_options,
    )
)  # fmt: skip
train_app.command("mouth")(
    command(
        _train_mouth, train_all,
        f"Train the mouth specialist on labelled clips, still faces, or both. {_LATER}\n\nExample: "
        "emonets train mouth fer2013.npz --out my-bundle",
        without=("models",), more=_mouth_options,
    )
)  # fmt: skip
