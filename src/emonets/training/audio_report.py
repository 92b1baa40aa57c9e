"""Scoring the audio specialist: a bundle on new recordings, or a preset by cross-validation."""

from __future__ import annotations

import json
from pathlib import Path

from emonets.emotions import EMOTIONS
from emonets.errors import DataError, ParameterError
from emonets.evaluation.figures import confusion_figure
from emonets.evaluation.metrics import Evaluation, evaluate
from emonets.files import write_whole
from emonets.model import EmoNets
from emonets.result import check_writable
from emonets.training.audio import Trained, audio_settings, cross_validate
from emonets.training.sound_data import Echo, Labelled, load_labelled


def evaluate_audio(
    data: Path,
    *,
    bundle: str | Path | None = None,
    preset: str | None = None,
    fine: bool = False,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    echo: Echo = print,
) -> tuple[Labelled, Evaluation]:
    """Score a bundle on recordings it was not trained on, or a preset by cross-validation.

    Parameters
    ----------
    bundle : a bundle to be scored on all recordings.
    preset : in place of a bundle: for each fold a model is trained on the other subjects.
    fine : the corpus' own classes; by cross-validation only.

    Returns
    -------
    the recordings, and the scores with intervals over subjects.
    """
    if (bundle is None) == (preset is None):
        raise ParameterError("give a bundle to score, or a preset to cross-validate, not both")
    if bundle is not None:
        if fine:
            raise ParameterError("a bundle knows the seven emotions only: leave --fine out")
        audio = EmoNets.load(bundle).audio
        if audio is None:
            raise DataError(f"{bundle}: has no audio specialist")
        labelled = load_labelled(data, audio.front.name, work / "features", workers=workers)
        trained = Trained(audio.whitening, audio.network, {})
        p = trained.predict_proba(labelled.frames, len(EMOTIONS))
    else:
        assert preset is not None
        settings = audio_settings(preset)
        labelled = load_labelled(
            data, settings["features"], work / "features", fine=fine, workers=workers, echo=echo
        )
        p = cross_validate(labelled, settings, seed=seed, work=work, workers=workers, echo=echo)
    return labelled, evaluate(
        labelled.labels, p, groups=labelled.groups, seed=seed, classes=labelled.classes
    )


def report_audio(
    data: Path,
    *,
    bundle: str | Path | None = None,
    preset: str | None = None,
    fine: bool = False,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    json_path: Path | None = None,
    figure_path: Path | None = None,
    echo: Echo = print,
) -> str:
    """:func:`evaluate_audio` as a readable text and, where asked for, as JSON and a picture."""
    for path in (json_path, figure_path):
        if path is not None:
            check_writable(path)
    labelled, scores = evaluate_audio(
        data, bundle=bundle, preset=preset, fine=fine, seed=seed, work=work, workers=workers,
        echo=echo,
    )  # fmt: skip
    how = labelled.split if bundle is None else "all recordings"
    title = f"{labelled.name}, {how}, {bundle or preset}"
    if figure_path is not None:
        confusion_figure(scores, figure_path, title=title)
    if json_path is not None:
        content = {
            "data": labelled.name,
            "split": how,
            "model": str(bundle or preset),
            "group": "subject",
            "dropped": labelled.dropped,
            **scores.to_dict(),
        }
        write_whole(json_path, (json.dumps(content, indent=1) + "\n").encode())
    dropped = f"{len(labelled.dropped)} recordings left out\n" if labelled.dropped else ""
    return f"{title}\n{dropped}\n{scores}"
