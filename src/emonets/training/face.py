"""Training and scoring the face network on still faces (paper 3.1.1 and 3.1.2)."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.bundle import check_place
from emonets.clip import find_clips, open_clip
from emonets.datasets.faces import FaceImages
from emonets.datasets.load import load_faces
from emonets.datasets.near_duplicates import near_duplicates
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.evaluation.figures import confusion_figure
from emonets.evaluation.metrics import Evaluation, evaluate
from emonets.evaluation.records import score_rows, write_results
from emonets.faces.detect import load_detector
from emonets.faces.landmarks import MAX_ASYMMETRY, FaceLandmarker, asymmetry
from emonets.faces.pipeline import find_tubes
from emonets.faces.registration import (
    FER_LANDMARK_MEAN,
    FER_SIZE,
    MAX_RESIDUAL,
    register,
    shape_residuals,
    similarity,
)
from emonets.files import write_whole
from emonets.learners.convnet import ConvNetClassifier
from emonets.model import EmoNets, bundle_names
from emonets.result import check_writable
from emonets.specialists.face import FacePreprocessing, FaceSpecialist
from emonets.training.preset import load_section

_HELD_OUT = 0.1  # of the faces, where the data names no validation split


@dataclass(frozen=True)
class _Faces:
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    what: str


def _part(data: FaceImages, name: str) -> FaceImages | None:
    """A part under any of its names (`FaceImages.take`), or None where there is none."""
    try:
        return data.take(name)
    except DataError:
        return None


def _split(data: FaceImages, seed: int) -> tuple[_Faces, _Faces]:
    """Faces to train on and faces to choose the epoch by."""
    training, choosing = _part(data, "Training"), _part(data, "PublicTest")
    if training is not None and choosing is not None:
        a, b = training, choosing
        return (
            _Faces(a.images, a.labels, f"{data.name} {', '.join(a.splits)}"),
            _Faces(b.images, b.labels, f"{data.name} {', '.join(b.splits)}"),
        )
    if data.split is not None and training is None:
        raise DataError(
            f"{data.name}: none of its parts, {', '.join(data.splits)}, is for training; "
            "call one train"
        )
    pool = data if training is None else training
    rng = np.random.default_rng(seed)
    held = np.zeros(len(pool.labels), bool)
    if pool.groups is not None:  # whole subjects are held out
        names_ = np.unique(pool.groups)
        chosen = rng.permutation(names_)[: max(1, round(_HELD_OUT * len(names_)))]
        held = np.isin(pool.groups, chosen)
    else:
        for label in np.unique(pool.labels):
            members = rng.permutation(np.flatnonzero(pool.labels == label))
            held[members[: max(1, round(_HELD_OUT * len(members)))]] = True
    if held.all() or not held.any():
        raise DataError(f"{data.name}: too few faces to hold some out for choosing the epoch")
    how = "groups" if pool.groups is not None else "faces"
    return (
        _Faces(pool.images[~held], pool.labels[~held], f"{data.name}, rest"),
        _Faces(pool.images[held], pool.labels[held], f"{data.name}, held-out {how}"),
    )


def _load(path: Path, echo: Callable[[str], Any]) -> FaceImages:
    """The faces at a path; what had to be left out is said."""
    faces = load_faces(path)
    if faces.skipped:
        echo(f"{path}: files left out: {len(faces.skipped)}, first {faces.skipped[0]}")
    return faces


def _check_same_data(checkpoint: Path, arrays: Sequence[NDArray[Any]]) -> None:
    """Refuse to go on from a checkpoint of other pictures; note what a new one is made with."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr((array.shape, str(array.dtype))).encode())
        digest.update(np.ascontiguousarray(array).data)
    note = checkpoint.with_name(checkpoint.name + ".data")
    if checkpoint.exists() and note.exists() and note.read_text("utf-8") != digest.hexdigest():
        raise DataError(
            f"{checkpoint}: made with other pictures or another illumination; delete it to start "
            "anew, or give --checkpoint another place"
        )
    write_whole(note, digest.hexdigest().encode())


def onto_fer2013(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring another source of face pictures into FER2013's frame (paper 3.1.1).

    One similarity transform for all of them, from the mean shape of their landmarks to FER2013's;
    what lies outside the pictures becomes noise.

    Parameters
    ----------
    images : (n, side, side) grey uint8, each a face that fills most of it.

    Returns
    -------
    (n, 48, 48) uint8.

    Raises
    ------
    DataError : in fewer than one picture in ten a face's shape is found.
    """
    side = 2 * FER_SIZE
    large = np.stack([cv2.resize(image, (side, side)) for image in images])
    landmarker, plain, mirrored = FaceLandmarker(), [], []
    for i in range(0, len(large), 256):
        batch = np.repeat(large[i : i + 256, ..., None], 3, axis=3)
        plain.append(landmarker.points(batch))
        mirrored.append(landmarker.mirrored_points(batch))
    points, others = np.concatenate(plain), np.concatenate(mirrored)
    # what is no face has other points in the mirror
    frontal = shape_residuals(points) <= MAX_RESIDUAL
    frontal &= asymmetry(points, others, side) <= MAX_ASYMMETRY
    if frontal.mean() < 0.1:
        raise DataError(
            f"only {frontal.sum()} of {len(images)} pictures look like a face; are they faces, "
            "cropped and upright?"
        )
    transform = similarity(points[frontal, 17:].mean(axis=0), FER_LANDMARK_MEAN)
    return register(large, transform)


def train_face(
    data: Path,
    out: Path,
    *,
    preset: str = "paper",
    extra: Sequence[Path] = (),
    network: str | None = None,
    illumination: str | None = None,
    epochs: int | None = None,
    register_extra: bool = True,
    stop_on_clips: Path | None = None,
    seed: int = 0,
    checkpoint: Path | None = None,
    echo: Callable[[str], Any] = print,
) -> EmoNets:
    """Train the face network and write a bundle.

    Parameters
    ----------
    data : anything :func:`emonets.datasets.load.load_faces` reads.
    out : folder of the bundle.
    preset, network, illumination, epochs : the numbers, and what to change in them.
    extra : more faces that are only trained on (the paper's second set, TFD).
    register_extra : bring those into FER2013's frame by :func:`onto_fer2013` first.
    stop_on_clips : folder of class folders of clips; the epoch is then chosen by the accuracy
        of the mean over each clip's faces, as the paper did, and not by held-out faces.
    checkpoint : default ``OUT.checkpoint.safetensors``; where it exists the run goes on.

    Raises
    ------
    DataError, ParameterError, MissingExtraError : as the parts say.
    """
    checkpoint = checkpoint or out.with_name(out.name + ".checkpoint.safetensors")
    check_place(out)
    check_writable(checkpoint)
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("training a network", "train")
    numbers = load_section(preset, "face")
    settings = dict(numbers.get("network", {}))
    if network is not None:
        settings["network"] = network
    if epochs is not None:
        settings["epochs"] = epochs
    if settings.get("epochs", 1) < 1:
        raise ParameterError(f"epochs must be 1 or more, got {settings['epochs']}")
    images = dict(numbers.get("images", {}))
    if illumination is not None:
        images["illumination"] = illumination
    preprocessing = FacePreprocessing(**images)
    train, choose = _split(_load(data, echo), seed)
    for path in extra:
        more = _load(path, echo)
        if more.split is not None:
            more = more.take("Training")  # never what is kept for choosing or testing
        pictures = onto_fer2013(more.images) if register_extra else more.images
        train = _Faces(
            np.concatenate([train.images, pictures]),
            np.concatenate([train.labels, more.labels]),
            f"{train.what} + {more.name}",
        )
    if set(np.unique(train.labels)) != set(range(len(EMOTIONS))):
        absent = [e for i, e in enumerate(EMOTIONS) if i not in train.labels]
        raise DataError(f"{data}: no training face is labelled {', '.join(absent)}")
    validation: tuple[Any, ...]
    if stop_on_clips is None:
        validation = preprocessing.normalise(choose.images), choose.labels
        chosen_by = choose.what
    else:
        validation = _clip_faces(stop_on_clips, preprocessing)
        chosen_by = f"clips of {stop_on_clips.name}"
    model = ConvNetClassifier(**settings, checkpoint=checkpoint, random_state=seed)
    echo(f"{len(train.images)} faces to train on, {len(validation[0])} to choose the epoch by")
    total = model.epochs

    def progress(epoch: int, history: Any) -> None:
        left = (total - epoch - 1) * float(np.median(history.seconds[-5:]))
        echo(
            f"epoch {epoch + 1}/{total}  loss {history.loss[-1]:.4f}  "
            f"accuracy {history.score[-1]:.4f} (best {max(history.score):.4f} in epoch "
            f"{history.best + 1})  {left / 60:.0f} min left"
        )

    pictures = preprocessing.normalise(train.images)
    _check_same_data(checkpoint, (pictures, train.labels, *validation))
    model.fit(pictures, train.labels, validation=validation, progress=progress)
    scores = model.history_["score"]
    card = {
        "trained_on": train.what,
        "faces": len(train.images),
        "chosen_by": f"accuracy on {chosen_by}",
        "chosen_accuracy": round(float(max(scores)), 4),
        "chosen_epoch": int(np.argmax(scores)) + 1,
        "epochs": len(scores),
        "seed": seed,
        "settings": settings,
        "minutes": round(sum(model.history_["seconds"]) / 60, 1),
        "machine": platform.machine(),
    }
    slots = numbers.get("clips", {}).get("slots", 10)
    specialist = FaceSpecialist(model, preprocessing, slots=slots)
    nets = EmoNets(specialist, about={"preset": preset, "card": card})
    nets.save(out)
    echo(f"bundle: {out}  (accuracy {max(scores):.4f} on {chosen_by})")
    return nets


def _clip_faces(
    folder: Path, preprocessing: FacePreprocessing
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """The network's pictures of all clips in class folders, their labels and clip numbers."""
    eyes, detector = FaceSpecialist(ConvNetClassifier(), preprocessing), load_detector("auto")
    pictures, labels, numbers = [], [], []
    for number, path in enumerate(find_clips([folder])):
        try:
            label = emotion_index(path.parent.name)
        except KeyError as error:
            raise DataError(f"{path}: its folder is not an emotion; {error.args[0]}") from None
        for tube in find_tubes(open_clip(path), detector):
            pictures.append(eyes.inputs(tube))
            labels.append(np.full(len(pictures[-1]), label))
            numbers.append(np.full(len(pictures[-1]), number))
    if not pictures:
        raise DataError(f"{folder}: no face in any clip there")
    return np.concatenate(pictures), np.concatenate(labels), np.concatenate(numbers)


def evaluate_face(
    data: Path,
    bundle: str | Path,
    *,
    split: str = "PrivateTest",
    mirror: bool = False,
    duplicates: bool = True,
    seed: int = 0,
    json_path: Path | None = None,
    figure_path: Path | None = None,
    results: Path | None = None,
    what: str = "",
) -> str:
    """Score a bundle's face network on one split of still faces; returns a readable report.

    ``split`` is a name, or ``all`` for every face there is.

    ``results`` (such as ``docs/results/face_paper``) takes the scores as rows of evidence, under
    the name ``what``.

    With ``duplicates``, also without the faces that are copies of training pictures (exact ones,
    and near ones), where the data has a training split.
    """
    for path in (json_path, figure_path):
        if path is not None:
            check_writable(path)
    if results is not None:
        check_writable(results.with_suffix(".json"))
    if figure_path is not None and importlib.util.find_spec("matplotlib") is None:
        raise MissingExtraError("drawing figures", "plot")
    model = EmoNets.load(bundle)
    if model.face is None:
        raise DataError(f"{bundle}: has no face specialist")
    faces = load_faces(data)
    part = faces if split == "all" else faces.take(split)
    network = model.face.network
    network.set_params(mirror=mirror or network.mirror)
    p = network.predict_proba(model.face.preprocessing.normalise(part.images))
    scores: dict[str, Evaluation] = {"all": evaluate(part.labels, p, seed=seed)}
    training = _part(faces, "Training") if duplicates else None
    if training is not None and set(part.splits).isdisjoint(training.splits):
        trained = ", ".join(training.splits)
        copies = near_duplicates(part.images, training.images)
        for name, mask in (("exact copies", copies.exact), ("all copies", copies.found)):
            if mask.any() and not mask.all():
                scores[f"without {name} of {trained}"] = evaluate(
                    part.labels[~mask], p[~mask], seed=seed
                )
                scores[f"{name} only"] = evaluate(part.labels[mask], p[mask], seed=seed)
    title = f"{faces.name} {split}, {bundle}" + (", mirror averaged" if network.mirror else "")
    if figure_path is not None:
        confusion_figure(scores["all"], figure_path, title=title)
    if json_path is not None:
        content = {
            "data": faces.name,
            "split": split,
            "n": len(part.labels),
            "bundle": str(bundle),
            "bundle_digest": model.about["bundle_digest"],
            "mirror": network.mirror,
            "seed": seed,
            "accuracy": scores["all"].accuracy.value,
            "uar": scores["all"].uar.value,
            "scores": {name: score.to_dict() for name, score in scores.items()},
        }
        write_whole(json_path, (json.dumps(content, indent=1) + "\n").encode())
    if results is not None:
        rows = []
        for name, score in scores.items():
            part_name = split if name == "all" else f"{split}, {name}"
            rows += score_rows(
                score,
                what=what or f"face {bundle}" + (", mirror averaged" if network.mirror else ""),
                data=faces.name,
                split=part_name,
                dropped=len(part.labels) - score.n,
                command=f"emonets evaluate face --data {data.name} --split {split} "
                f"--{'preset' if str(bundle) in bundle_names() else 'bundle'} {bundle}",
            )
        write_results(results.name, rows, results.parent)
    return _report(title, scores)


def _report(title: str, scores: dict[str, Evaluation]) -> str:
    lines = [title, ""]
    for name, score in scores.items():
        a, u = score.accuracy, score.uar
        lines.append(
            f"{name:38s} n {score.n:5d}  accuracy {a.value:.4f} [{a.low:.4f}, {a.high:.4f}]  "
            f"UAR {u.value:.4f} [{u.low:.4f}, {u.high:.4f}]"
        )
    return "\n".join([*lines, "", str(scores["all"])])
