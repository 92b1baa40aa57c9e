"""Training the face network on still faces (paper 3.1.1 and 3.1.2)."""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.bundle import check_place
from emonets.datasets import open_dataset
from emonets.datasets.readers.fer2013 import vote_shares
from emonets.datasets.still_faces import FaceImages
from emonets.emotions import EMOTIONS, emotion_index
from emonets.errors import DataError, MissingExtraError, ParameterError
from emonets.evaluation.stills import part
from emonets.media.clip import find_clips, open_clip
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus, make_corpus, united
from emonets.provenance.prints import prints_of_stills
from emonets.result import check_writable
from emonets.runtime.ending import keeps
from emonets.runtime.files import write_whole
from emonets.runtime.settings import to_table
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.start import recognition_network
from emonets.specialists.face.settings import (
    ConvNetFace,
    ModernFace,
    build_face_network,
    face_from_table,
)
from emonets.specialists.face.specialist import FacePreprocessing, FaceSpecialist, resized
from emonets.training.joined import joined
from emonets.training.preset import load_section
from emonets.tubes.detect import load_detector
from emonets.tubes.landmarks import MAX_ASYMMETRY, FaceLandmarker, asymmetry
from emonets.tubes.pipeline import find_tubes
from emonets.tubes.registration import (
    FER_LANDMARK_MEAN,
    FER_SIZE,
    MAX_RESIDUAL,
    register,
    shape_residuals,
    similarity,
)

log = logging.getLogger(__name__)

_HELD_OUT = 0.1  # of the faces, where the data have no validation part


@dataclass(frozen=True)
class _Faces:
    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    what: str
    votes: NDArray[np.float64] | None = None
    """(n, 7) shares of several people's votes, if the data have them."""


def _split(data: FaceImages, seed: int) -> tuple[_Faces, _Faces]:
    """Faces to train on, and faces to choose the epoch with."""
    training, choosing = part(data, "Training"), part(data, "PublicTest")
    if training is not None and choosing is not None:
        a, b = training, choosing
        return (
            _Faces(a.images, a.labels, f"{data.name} {', '.join(a.splits)}", _votes(a)),
            _Faces(b.images, b.labels, f"{data.name} {', '.join(b.splits)}"),
        )
    if data.split is not None and training is None:
        raise DataError(
            f"{data.name}: none of its parts, {', '.join(data.splits)}, is for training; rename "
            "one to train"
        )
    pool = data if training is None else training
    rng = np.random.default_rng(seed)
    held = np.zeros(len(pool.labels), bool)
    if pool.groups is not None:  # whole groups are held out
        names_ = np.unique(pool.groups)
        chosen = rng.permutation(names_)[: max(1, round(_HELD_OUT * len(names_)))]
        held = np.isin(pool.groups, chosen)
    else:
        for label in np.unique(pool.labels):
            members = rng.permutation(np.flatnonzero(pool.labels == label))
            held[members[: max(1, round(_HELD_OUT * len(members)))]] = True
    if held.all() or not held.any():
        raise DataError(
            f"{data.name}: too few faces to hold some out for choosing the epoch; give more"
        )
    how = "groups" if pool.groups is not None else "faces"
    return (
        _Faces(pool.images[~held], pool.labels[~held], f"{data.name}, rest", _votes(pool, ~held)),
        _Faces(pool.images[held], pool.labels[held], f"{data.name}, held-out {how}"),
    )


def _votes(data: FaceImages, rows: NDArray[np.bool_] | None = None) -> NDArray[np.float64] | None:
    if data.ferplus_votes is None:
        return None
    shares = vote_shares(data.ferplus_votes, data.labels)
    return shares if rows is None else shares[rows]


def _load(path: Path, side: int = FER_SIZE) -> FaceImages:
    """The faces at a path; files left out are logged. ``side`` as of `Dataset.still_faces`."""
    faces = open_dataset(path).still_faces(side)
    if faces.skipped and side == FER_SIZE:
        log.info(f"{path}: files left out: {len(faces.skipped)}, first {faces.skipped[0]}")
    return faces


def _check_same_data(checkpoint: Path, arrays: Sequence[NDArray[Any]]) -> None:
    """Refuse to continue from a checkpoint of other pictures; write a digest beside a new one."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(repr((array.shape, str(array.dtype))).encode())
        digest.update(np.ascontiguousarray(array).data)
    note = checkpoint.with_name(checkpoint.name + ".data")
    if checkpoint.exists() and note.exists() and note.read_text("utf-8") != digest.hexdigest():
        raise DataError(
            f"{checkpoint}: made with other pictures or another illumination; delete it, or give "
            "--checkpoint another file"
        )
    write_whole(note, digest.hexdigest().encode())


def onto_fer2013(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Register another source of face pictures to FER2013's frame (paper 3.1.1).

    One similarity transform for all pictures maps the mean shape of their landmarks to FER2013's.
    The area outside the pictures becomes noise.

    Parameters
    ----------
    images : (n, side, side) grey uint8, each a face that fills most of it.

    Returns
    -------
    (n, 48, 48) uint8.

    Raises
    ------
    DataError : landmarks of a face are found in fewer than one picture in ten.
    """
    side = 2 * FER_SIZE
    large = np.stack([cv2.resize(image, (side, side)) for image in images])
    landmarker, plain, mirrored = FaceLandmarker(), [], []
    for i in range(0, len(large), 256):
        batch = np.repeat(large[i : i + 256, ..., None], 3, axis=3)
        plain.append(landmarker.points(batch))
        mirrored.append(landmarker.mirrored_points(batch))
    points, others = np.concatenate(plain), np.concatenate(mirrored)
    # landmarks of a picture without a face differ in its mirror image
    frontal = shape_residuals(points) <= MAX_RESIDUAL
    frontal &= asymmetry(points, others, side) <= MAX_ASYMMETRY
    if frontal.mean() < 0.1:
        raise DataError(
            f"only {frontal.sum()} of {len(images)} pictures have a face; give upright faces, "
            "cropped"
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
    teachers: Sequence[str | Path] = (),
    add_to: str | Path | None = None,
    device: str = "auto",
    seed: int = 0,
    checkpoint: Path | None = None,
) -> EmoNets:
    """Train the face network and write a bundle.

    Parameters
    ----------
    data : anything with stills that :func:`emonets.datasets.open_dataset` opens.
    out : folder of the bundle.
    preset : name or file. network, illumination, epochs : replace values of the preset.
    extra : more faces, for training only (the paper's second set, TFD).
    register_extra : register those to FER2013's frame by :func:`onto_fer2013` first.
    stop_on_clips : folder of class folders of clips. The epoch is then chosen by the accuracy of
        the mean over each clip's faces, as in the paper, and not by held-out faces.
    teachers : bundles whose face networks teach, for a ``modern convnet`` only. The preset's
        ``teaching`` is the weight of their predictions.
    add_to : a bundle whose other specialists are copied into the new one.
    device : for the training of a ``modern convnet``: ``auto``, ``cpu`` or ``cuda``.
    checkpoint : default ``OUT.checkpoint.safetensors``. If it exists, the training continues.

    Raises
    ------
    DataError, ParameterError, MissingExtraError : as the functions it calls raise.
    """
    checkpoint = checkpoint or out.with_name(out.name + ".checkpoint.safetensors")
    check_place(out)
    check_writable(checkpoint)
    keeps(f"finished epochs are in {checkpoint}; the same command continues from there")
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("training a network", "train")
    numbers = _changed(preset, network, illumination, epochs)
    if teachers and not isinstance(numbers, ModernFace):
        raise ParameterError(
            "only a preset with face.model = 'modern convnet' can use teachers; leave them out"
        )
    base = None if add_to is None else EmoNets.load(add_to)
    masters = [_teacher(bundle) for bundle in teachers]
    corpora = [EmoNets.load(bundle).provenance.of("face") for bundle in teachers]
    preprocessing = numbers.images.preprocessing()
    first = _load(data)
    train, choose = _split(first, seed)
    corpora.append((_corpus(train.images, train.what, first),))
    if preprocessing.size > FER_SIZE:  # files may have more pixels; fingerprints are of fewer
        train, choose = _split(_load(data, preprocessing.size), seed)
    for path in extra:
        more = _load(path)
        used = more if more.split is None else more.take("Training")
        corpora.append((_corpus(used.images, more.name, more),))
        train = _with_more(train, more, register_extra, preprocessing.size)
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
    model = build_face_network(numbers, checkpoint=checkpoint, seed=seed, device=device)
    log.info(f"{len(train.images)} faces to train on, {len(validation[0])} to choose the epoch")
    pictures = preprocessing.normalise(train.images)
    _check_same_data(checkpoint, (pictures, train.labels, *validation))
    also: dict[str, Any] = {}
    if isinstance(numbers, ModernFace):
        also = {"teachers": masters, "votes": _targets(train, numbers)}
        if numbers.training.start == "recognition":
            side = numbers.network.crop
            also["start"] = recognition_network(numbers.network.network, side, seed=seed)
    model.fit(
        pictures, train.labels, validation=validation, progress=_epoch_logger(model.epochs), **also
    )
    scores = model.history_["score"]
    card = {
        "trained_on": train.what,
        "faces": len(train.images),
        "chosen_by": f"accuracy on {chosen_by}",
        "chosen_accuracy": round(float(max(scores)), 4),
        "chosen_epoch": int(np.argmax(scores)) + 1,
        "epochs": len(scores),
        "seed": seed,
        "settings": {
            key: value
            for key, value in to_table(numbers).items()
            if key in ("model", "network", "training", "augmentation")
        },
        "teachers": [str(bundle) for bundle in teachers],
        "minutes": round(sum(model.history_["seconds"]) / 60, 1),
        "machine": platform.machine(),
    }
    specialist = FaceSpecialist(model, preprocessing, slots=numbers.clips.slots)
    nets = joined(base, "face", specialist, card, preset, united(*corpora))
    nets.save(out)
    log.info(f"bundle: {out}  (accuracy {max(scores):.4f} on {chosen_by})")
    return nets


_OF_ONE_NETWORK = {
    "network": ("filters", "filter_size", "crop"), "images": ("size",),
    "training": ("start", "learning_rate"), "augmentation": ("shift",),
}  # fmt: skip
"""Values of a preset that do not suit another network; their defaults are used."""


def _changed(
    preset: str, network: str | None, illumination: str | None, epochs: int | None
) -> ConvNetFace | ModernFace:
    """A preset's face settings, some of them replaced."""
    table = load_section(preset, "face")
    place = "training" if isinstance(face_from_table(table), ModernFace) else "network"
    if network is not None and network != table.get("network", {}).get("network"):
        for name, keys in _OF_ONE_NETWORK.items():
            if name in table:
                table[name] = {k: v for k, v in table[name].items() if k not in keys}
    for name, key, value in (
        ("network", "network", network), ("images", "illumination", illumination),
        (place, "epochs", epochs),
    ):  # fmt: skip
        if value is not None:
            table[name] = {**table.get(name, {}), key: value}
    return face_from_table(table, file=f"preset {preset}")


def _with_more(train: _Faces, more: FaceImages, register_: bool, size: int = FER_SIZE) -> _Faces:
    """The faces to train on and those of another source, which may be registered to them."""
    if more.split is not None:
        more = more.take("Training")  # never a validation or test part
    pictures = onto_fer2013(more.images) if register_ else more.images
    if train.images.shape[1:] != pictures.shape[1:]:
        pictures, train = (
            resized(pictures, size),
            replace(train, images=resized(train.images, size)),
        )
    theirs, votes = _votes(more), None
    if (
        train.votes is not None or theirs is not None
    ):  # a picture without votes gets those of its label
        own = np.eye(len(EMOTIONS))
        first = own[train.labels] if train.votes is None else train.votes
        votes = np.concatenate([first, own[more.labels] if theirs is None else theirs])
    return _Faces(
        np.concatenate([train.images, pictures]),
        np.concatenate([train.labels, more.labels]),
        f"{train.what} + {more.name}",
        votes,
    )


def _targets(train: _Faces, numbers: ModernFace) -> NDArray[np.float64] | None:
    """Targets that mix labels and votes, as the preset sets it; None: the labels only."""
    share = numbers.training.votes
    if train.votes is None or not share:
        return None
    return mixed_targets(train.labels, train.votes, share)


def mixed_targets(
    labels: NDArray[np.int64], votes: NDArray[np.float64], share: float
) -> NDArray[np.float64]:
    """(n, 7) targets: labels (n,), of which a share, 0..1, is replaced by votes (n, 7)."""
    mixed: NDArray[np.float64] = (1 - share) * np.eye(len(EMOTIONS))[labels] + share * votes
    return mixed


def _corpus(images: NDArray[np.uint8], name: str, source: FaceImages) -> Corpus:
    """The corpus that a bundle keeps of its training faces; each is a group of its own."""
    single = [str(k) for k in range(len(images))]
    return make_corpus(
        name, prints_of_stills(images), single, licence=source.licence,
        citation=source.citation,
    )  # fmt: skip


def _epoch_logger(total: int) -> Callable[[int, Any], None]:
    def progress(epoch: int, history: Any) -> None:
        left = (total - epoch - 1) * float(np.median(history.seconds[-5:]))
        log.info(
            f"epoch {epoch + 1}/{total}  loss {history.loss[-1]:.4f}  "
            f"accuracy {history.score[-1]:.4f} (best {max(history.score):.4f} in epoch "
            f"{history.best + 1})  {left / 60:.0f} min left"
        )

    return progress


def _teacher(bundle: str | Path) -> ConvNetClassifier:
    face = EmoNets.load(bundle).face
    if face is None:
        raise ParameterError(
            f"{bundle}: has no face network, so it cannot be a teacher; give another bundle"
        )
    network: ConvNetClassifier = face.network
    return network


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
        raise DataError(f"{folder}: no face was found in its clips; give clips with faces")
    return np.concatenate(pictures), np.concatenate(labels), np.concatenate(numbers)
