"""The commands that train, score and reproduce, each thin over the library."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from emonets.cli.system import DefaultGroup, evaluate_all, train_all
from emonets.errors import ParameterError

train_app = typer.Typer(
    cls=DefaultGroup, no_args_is_help=True,
    help="Train a model on labelled data: emonets train DATASET --out BUNDLE trains all "
    "specialists and their fusion (the command 'all'), the others a single specialist.",
)  # fmt: skip
evaluate_app = typer.Typer(
    cls=DefaultGroup, no_args_is_help=True,
    help="Score a model on labelled data: emonets evaluate BUNDLE DATASET scores all specialists "
    "and their fusion (the command 'all'), the others a single specialist.",
)  # fmt: skip
train_app.command("all")(train_all)
evaluate_app.command("all")(evaluate_all)
reproduce_app = typer.Typer(help="Rebuild the paper's own numbers.", no_args_is_help=True)

_err = Console(stderr=True, markup=False, emoji=False, highlight=False)

Films = Annotated[
    list[Path], typer.Argument(help="Films in class folders, a manifest, RAVDESS …; several.")
]
Out = Annotated[Path, typer.Option(help="Where the bundle goes.")]
Preset = Annotated[str, typer.Option(help="A preset's name or a .toml file.")]
AddTo = Annotated[str | None, typer.Option(help="A bundle whose other specialists are taken over.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Work = Annotated[Path | None, typer.Option(help="What is made on the way. Default: beside OUT.")]
Workers = Annotated[int, typer.Option(help="Films looked at side by side.")]
Bundle = Annotated[
    str | None, typer.Option(help="A model by name or folder: scored on the test part, or on all.")
]
CrossValidate = Annotated[
    str | None,
    typer.Option(help="In place of a model: a preset, trained for each fold on the others."),
]
Json = Annotated[Path | None, typer.Option(help="Write the figures there.")]
Figure = Annotated[Path | None, typer.Option(help="Write the confusion matrix (PNG).")]
Kept = Annotated[Path, typer.Option(help="Folder of what is made on the way, and finished folds.")]
On = Annotated[str | None, typer.Option(help="Where motion is looked for: frames or tubes.")]
Region = Annotated[str | None, typer.Option(help="Where the mouth is: fixed or landmarks.")]
Colour = Annotated[str | None, typer.Option(help="grey or rgb.")]


@train_app.command("face")
def train_face(
    data: Annotated[Path, typer.Argument(help="fer2013.npz, fer2013.csv, TFD .mat or a folder.")],
    out: Annotated[Path, typer.Option(help="Where the bundle goes.")],
    preset: Annotated[str, typer.Option(help="A preset's name or a .toml file.")] = "paper",
    extra: Annotated[
        list[Path] | None, typer.Option(help="More training faces, in any of these formats.")
    ] = None,
    register_extra: Annotated[
        bool, typer.Option(help="Bring those into FER2013's frame by their mean shape.")
    ] = True,
    network: Annotated[
        str | None, typer.Option(help="convnet1, convnet2; of 'modern': 'vgg small', vgg.")
    ] = None,
    illumination: Annotated[str | None, typer.Option(help="isotropic or none.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Instead of the preset's.")] = None,
    stop_on_clips: Annotated[
        Path | None,
        typer.Option(help="Folder of class folders of clips whose accuracy picks the epoch."),
    ] = None,
    teacher: Annotated[
        list[str] | None, typer.Option(help="A bundle whose face network teaches; several.")
    ] = None,
    add_to: Annotated[
        str | None, typer.Option(help="A bundle whose other specialists are taken over.")
    ] = None,
    device: Annotated[str, typer.Option(help="Where to train: auto, cpu or cuda.")] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    checkpoint: Annotated[
        Path | None, typer.Option(help="Default: beside the bundle; an existing one goes on.")
    ] = None,
) -> None:
    """Train the face network and write a bundle; interrupted, the same command goes on."""
    from emonets.training.face_network import train_face as train

    train(
        data,
        out,
        preset=preset,
        extra=extra or [],
        register_extra=register_extra,
        network=network,
        illumination=illumination,
        epochs=epochs,
        stop_on_clips=stop_on_clips,
        teachers=teacher or [],
        add_to=add_to,
        device=device,
        seed=seed,
        checkpoint=checkpoint,
        echo=partial(_err.print, soft_wrap=True),
    )


@train_app.command("audio")
def train_audio(
    data: Annotated[
        list[Path], typer.Argument(help="RAVDESS, EMO-DB, class folders or a manifest; several.")
    ],
    out: Annotated[Path, typer.Option(help="Where the bundle goes.")],
    preset: Annotated[str, typer.Option(help="A preset's name or a .toml file.")] = "paper",
    add_to: Annotated[
        str | None, typer.Option(help="A bundle whose face specialist is taken over.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    work: Annotated[
        Path | None, typer.Option(help="Features and checkpoints. Default: beside the bundle.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Recordings listened to side by side.")] = 1,
) -> None:
    """Train the audio network and write a bundle; interrupted, the same command goes on."""
    from emonets.training.audio import train_audio as train

    train(
        data,
        out,
        preset=preset,
        add_to=add_to,
        seed=seed,
        work=work,
        workers=workers,
        echo=partial(_err.print, soft_wrap=True),
    )


@evaluate_app.command("audio")
def evaluate_audio(
    data: Annotated[
        list[Path], typer.Argument(help="RAVDESS, EMO-DB, class folders or a manifest; several.")
    ],
    bundle: Annotated[
        str | None,
        typer.Option(help="A model by name or folder: scored on the test part, or else on all."),
    ] = None,
    cross_validate: Annotated[
        str | None,
        typer.Option(help="In place of a model: a preset, trained for each fold on the others."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write the confusion matrix (PNG).")] = None,
    seed: Annotated[int, typer.Option(help="Seed of training and bootstrap.")] = 0,
    work: Annotated[Path, typer.Option(help="Features, and folds that are done.")] = Path(
        "emonets-work"
    ),
    workers: Annotated[int, typer.Option(help="Folds at the same time.")] = 1,
) -> None:
    """Accuracy, UAR and confusion matrix of the audio model, with 95 % intervals over speakers."""
    from emonets.training.audio_report import report_audio as report

    text = report(
        data,
        bundle=bundle,
        preset=cross_validate,
        seed=seed,
        work=work,
        workers=workers,
        json_path=json,
        figure_path=figure,
        echo=partial(_err.print, soft_wrap=True),
    )
    print(text)


@evaluate_app.command("face")
def evaluate_face(
    data: Annotated[Path, typer.Option(help="fer2013.npz, fer2013.csv, TFD .mat or a folder.")],
    split: Annotated[str, typer.Option(help="Which split; 'all': every face there is.")] = (
        "PrivateTest"
    ),
    preset: Annotated[str | None, typer.Option(help="A shipped model by name.")] = None,
    bundle: Annotated[Path | None, typer.Option(help="A bundle of your own.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures there.")] = None,
    figure: Annotated[Path | None, typer.Option(help="Write the confusion matrix (PNG).")] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Average with the mirror image.")
    ] = False,
    duplicates: Annotated[
        bool, typer.Option(help="Also score without copies of what the network learned from.")
    ] = True,
    results: Annotated[
        Path | None, typer.Option(help="Add rows to a table, such as docs/results/face_paper.")
    ] = None,
    what: Annotated[str, typer.Option(help="The system's name in that table.")] = "",
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Accuracy, UAR, 95 % intervals and confusion matrix of the face network on single faces."""
    from emonets.evaluation.stills import evaluate_face as evaluate

    if preset is not None and bundle is not None:
        raise ParameterError("give --preset or --bundle, not both")
    report = evaluate(
        data,
        bundle or preset or "paper",
        split=split,
        mirror=mirror,
        duplicates=duplicates,
        seed=seed,
        json_path=json,
        figure_path=figure,
        results=results,
        what=what,
    )
    print(report)


@reproduce_app.command("afew2")
def reproduce_afew2(
    data: Annotated[Path, typer.Option(help="The folder with the authors' stored files.")],
    json: Annotated[Path | None, typer.Option(help="Write the comparison there.")] = None,
) -> None:
    """Go from the authors' stored frame probabilities to their labels; exits 1 on a difference."""
    from emonets.reproduction.afew2 import run

    code = run(data, json)
    if code:
        raise typer.Exit(code)


@train_app.command("activity")
def train_activity(
    data: Films,
    out: Out,
    preset: Preset = "paper",
    on: On = None,
    add_to: AddTo = None,
    seed: Seed = 0,
    work: Work = None,
    workers: Workers = 1,
) -> None:
    """Train the model of motion and write a bundle; interrupted, the same command goes on."""
    from emonets.training.film_models import train_film_model

    train_film_model(
        "activity", data, out, preset=preset, changes={"on": on}, add_to=add_to, seed=seed,
        work=work, workers=workers, echo=partial(_err.print, soft_wrap=True),
    )  # fmt: skip


@train_app.command("mouth")
def train_mouth(
    data: Films,
    out: Out,
    preset: Preset = "paper",
    region: Region = None,
    colour: Colour = None,
    add_to: AddTo = None,
    seed: Seed = 0,
    work: Work = None,
    workers: Workers = 1,
) -> None:
    """Train the bag of mouths and write a bundle; interrupted, the same command goes on."""
    from emonets.training.film_models import train_film_model

    train_film_model(
        "mouth", data, out, preset=preset, changes={"region": region, "colour": colour},
        add_to=add_to, seed=seed, work=work, workers=workers,
        echo=partial(_err.print, soft_wrap=True),
    )  # fmt: skip


@evaluate_app.command("activity")
def evaluate_activity(
    data: Films,
    bundle: Bundle = None,
    cross_validate: CrossValidate = None,
    on: On = None,
    json: Json = None,
    figure: Figure = None,
    seed: Seed = 0,
    work: Kept = Path("emonets-work"),
    workers: Workers = 1,
) -> None:
    """Accuracy, UAR and confusion matrix of the model of motion, with intervals over subjects."""
    from emonets.training.film_models import report_film_model

    text = report_film_model(
        "activity",
        data,
        bundle=bundle,
        preset=cross_validate,
        changes={"on": on},
        seed=seed,
        work=work,
        workers=workers,
        json_path=json,
        figure_path=figure,
        echo=partial(_err.print, soft_wrap=True),
    )  # fmt: skip
    print(text)


@evaluate_app.command("mouth")
def evaluate_mouth(
    data: Films,
    bundle: Bundle = None,
    cross_validate: CrossValidate = None,
    region: Region = None,
    colour: Colour = None,
    json: Json = None,
    figure: Figure = None,
    seed: Seed = 0,
    work: Kept = Path("emonets-work"),
    workers: Workers = 1,
) -> None:
    """Accuracy, UAR and confusion matrix of the bag of mouths, with intervals over subjects."""
    from emonets.training.film_models import report_film_model

    text = report_film_model(
        "mouth",
        data,
        bundle=bundle,
        preset=cross_validate,
        changes={"region": region, "colour": colour},
        seed=seed,
        work=work,
        workers=workers,
        json_path=json,
        figure_path=figure,
        echo=partial(_err.print, soft_wrap=True),
    )  # fmt: skip
    print(text)
