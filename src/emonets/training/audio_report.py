"""Scoring the audio specialist: a bundle on new recordings, or a preset by cross-validation."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.emotions import EMOTIONS
from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.evaluation.figures import confusion_figure
from emonets.evaluation.metrics import Evaluation, evaluate
from emonets.model import EmoNets
from emonets.result import check_writable
from emonets.runtime.files import write_whole
from emonets.specialists.audio.specialist import AudioSpecialist
from emonets.training.audio import cross_validate
from emonets.training.preset import audio_settings
from emonets.training.sound_data import (
    Echo,
    Labelled,
    check_run,
    emotions_of,
    load_labelled,
)


@dataclass(frozen=True)
class CorpusScore:
    """How one corpus' recordings were told apart.

    Attributes
    ----------
    corpus : its name.
    split : in words, what was trained on and what was tested.
    scores : intervals are over speakers.
    masked : emotions that the corpus does not have, and that were therefore no answer.
    """

    corpus: str
    split: str
    scores: Evaluation
    masked: tuple[str, ...] = ()


def present_only(
    p: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Probabilities (n, 7) among the emotions that some label names, and the names of the others.

    Who has only others left has the same for each that there is.
    """
    present = np.isin(np.arange(len(EMOTIONS)), labels)
    part = np.where(present, p, 0.0)
    total = part.sum(axis=1, keepdims=True)
    part = np.where(total > 0, part / np.maximum(total, 1e-300), present / present.sum())
    return part, tuple(e for e, there in zip(EMOTIONS, present, strict=True) if not there)


def score_corpora(
    data: Labelled, p: NDArray[np.float64], split: str, *, seed: int = 0
) -> Iterator[CorpusScore]:
    """Score each corpus by the seven and, where it parts calm from neutral, by its own eight.

    Parameters
    ----------
    p : (n, classes) probabilities, in the order of ``data.classes``, or (n, 7).
    """
    seven = np.zeros((len(p), len(EMOTIONS)))
    for emotion, column in zip(emotions_of(p.shape[1]), p.T, strict=True):
        seven[:, emotion] += column
    for number, name in enumerate(data.names):
        mine = data.corpus == number
        if not mine.any():
            continue
        part, masked = present_only(seven[mine], data.labels[mine])
        groups = data.groups[mine]
        several = groups if len(np.unique(groups)) > 1 else None
        scores = evaluate(data.labels[mine], part, groups=several, seed=seed)
        yield CorpusScore(name, split, scores, masked)
        if p.shape[1] > len(EMOTIONS) and len(np.unique(data.fine_labels[mine])) > len(EMOTIONS):
            scores = evaluate(
                data.fine_labels[mine], p[mine], groups=several, seed=seed, classes=data.classes
            )
            yield CorpusScore(name, split, scores)


def evaluate_audio(
    data: Sequence[Path],
    *,
    bundle: str | Path | None = None,
    preset: str | None = None,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    echo: Echo = print,
) -> tuple[Labelled, list[CorpusScore]]:
    """Score a bundle on recordings it was not trained on, or a preset by cross-validation.

    Parameters
    ----------
    data : corpora; a preset is trained on all of them together.
    bundle : a bundle to be scored on all recordings; where the data's own split keeps some for
        testing, on these: `train_audio` leaves them out and takes the others.
    preset : in place of a bundle: for each fold a model is trained on the other subjects.

    Returns
    -------
    the recordings, and the scores of each corpus.
    """
    check_run(seed, workers)
    if (bundle is None) == (preset is None):
        raise ParameterError(
            "give a bundle to score or a preset to cross-validate: one of the two, not both"
        )
    if bundle is not None:
        audio = EmoNets.load(bundle).audio
        if audio is None:
            raise DataError(f"{bundle}: has no audio specialist")
        labelled = load_labelled(
            data, audio.front.name, work / "features", workers=workers, echo=echo
        )
        split = "all recordings"
        if (labelled.splits == "test").any():
            labelled = labelled.part(np.flatnonzero(labelled.splits == "test"))
            split = "what the split keeps for testing"
        p = _answers(audio, labelled)
    else:
        assert preset is not None
        settings = audio_settings(preset)
        labelled = load_labelled(
            data, settings["features"], work / "features", workers=workers, echo=echo
        )
        p = cross_validate(labelled, settings, seed=seed, work=work, workers=workers, echo=echo)
        split = labelled.split
    return labelled, list(score_corpora(labelled, p, split, seed=seed))


def _answers(audio: AudioSpecialist, data: Labelled) -> NDArray[np.float64]:
    clips = (
        {
            "frames": frames,
            "found": np.array(True),
            "span": np.array([0.0, audio.front.first + len(frames) * audio.front.step]),
        }
        for frames in data.frames
    )
    return np.concatenate([audio.predict_proba(clip) for clip in clips])


def report_audio(
    data: Sequence[Path],
    *,
    bundle: str | Path | None = None,
    preset: str | None = None,
    seed: int = 0,
    work: Path,
    workers: int = 1,
    json_path: Path | None = None,
    figure_path: Path | None = None,
    echo: Echo = print,
) -> str:
    """:func:`evaluate_audio` as a readable text and, where asked for, as JSON and a picture.

    The picture is of the first corpus, in the seven classes.
    """
    for path in (json_path, figure_path):
        if path is not None:
            check_writable(path)
    if figure_path is not None and importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("drawing figures", "plot")
    labelled, found = evaluate_audio(
        data, bundle=bundle, preset=preset, seed=seed, work=work, workers=workers, echo=echo
    )
    model = str(bundle or preset)
    if figure_path is not None:
        title = f"{found[0].corpus}, {found[0].split}, {model}"
        confusion_figure(found[0].scores, figure_path, title=title)
    if json_path is not None:
        content = {
            "model": model,
            "group": "speaker",
            "dropped": labelled.dropped,
            "scores": [
                {
                    "data": one.corpus,
                    "split": one.split,
                    "masked": one.masked,
                    **one.scores.to_dict(),
                }
                for one in found
            ],
        }
        write_whole(json_path, (json.dumps(content, indent=1) + "\n").encode())
    lines = []
    for one in found:
        without = f", without {', '.join(one.masked)}" if one.masked else ""
        classes = len(one.scores.classes) - len(one.masked)
        lines += [f"{one.corpus}, {classes} classes{without}, {one.split}, {model}", ""]
        lines += [str(one.scores), ""]
    if labelled.dropped:
        file, why = labelled.dropped[0]
        lines.append(f"left out: {len(labelled.dropped)} files, such as {file}: {why}")
    return "\n".join(lines)
