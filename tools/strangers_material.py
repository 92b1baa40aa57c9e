"""The faces that ``train_strangers_face.py`` uses: framed pictures of corpora, and their record.

    python tools/strangers_material.py faces --corpora CORPORA --work WORK [--workers 2] [NAME …]
    python tools/strangers_material.py prints --corpora CORPORA --work WORK --fer FER2013.npz OUT

CORPORA holds a folder for each name of ``CORPORA`` below. ``faces`` finds each picture's face by
the project's detector and frames it as ``emonets predict`` does; the frames go to WORK/NAME.npz,
and what is there is not made again. ``prints`` writes the record of the pictures that are trained
on, without those that are near copies of test pictures; ``install_face.py`` puts it into a bundle.

Nothing here is committed or shipped but the record, which holds fingerprints and no pictures.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.datasets import open_dataset
from emonets.datasets.still_faces import FaceImages, read_face
from emonets.emotions import WORDS, emotion_index
from emonets.errors import DataError, EmoNetsError
from emonets.provenance.corpus import Corpus, make_corpus
from emonets.provenance.prints import prints_of_stills
from emonets.provenance.stills import SIDE as PRINT_SIDE
from emonets.training.strangers.copies import THRESHOLD, likeness
from emonets.training.strangers.frames import FaceFramer, FramedFace
from emonets.training.strangers.material import (
    Faces,
    faces_of,
    framed_stills,
    load_faces,
    save_faces,
)
from emonets.training.strangers.prints import write_corpora

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_MORE_WORDS = {"fears": "fear", "hapines": "happy", "normal": "neutral"}
Row = tuple[Path, int, str]
"""File, label, name within its corpus."""


@dataclass(frozen=True)
class Source:
    """A corpus of pictures.

    Attributes
    ----------
    licence, citation : its terms and its origin.
    folder : of the pictures, below the corpus' own. table : a CSV file of file names and emotions
        in its second and third columns; else the folders are named after emotions.
    share : of training; 0: for choosing only. outlined : cut out along the outline, on black.
    framed : the pictures are framed as FER2013's are; the detector is not used.
    tests : beginning of the names of its pictures that are not trained on.
    """

    licence: str
    citation: str
    folder: str = ""
    table: str = ""
    share: float = 0.0
    outlined: bool = False
    framed: bool = False
    tests: str = ""


NONE = "none stated"
FER = "fer2013"
FER_SHARE = 1.3
CORPORA: dict[str, Source] = {
    "affectnet_subset": Source(
        "non-commercial research; no redistribution of pictures (AffectNet)",
        "Mollahosseini, Hasani, Mahoor: AffectNet. IEEE Transactions on Affective Computing, 2017; "
        "a subset from github.com/quanbk2512/effectnet at b01f8890",
        share=1.0, outlined=True, tests="test/",
    ),
    "press": Source(
        "repository: Apache-2.0; photographs of third parties",
        "github.com/muxspace/facial_expressions at 5fb9c13a",
        folder="images", table="data/legend.csv", share=0.35,
    ),
    "stock_portraits": Source(
        NONE, "github.com/YuXuan1216/Emotions_Recognition at 5f2f49bd", share=0.12
    ),
    "moodme": Source(
        NONE, "github.com/vinhyard/moodme-fear-disgust-contempt at 3ffa42a5", share=0.12
    ),
    "three_web": Source(
        NONE, "github.com/MaxQuantaIndustries/Fine-Tuned_Facial_Emotion_Recognition at 992cbc6b",
        folder="dataset", share=0.3,
    ),
    "ckplus48": Source(
        "research (CK+)", "github.com/WuJie1010/Facial-Expression-Recognition.Pytorch at fefe6653",
        folder="CK+48", framed=True,
    ),
    "ckplus_web": Source(
        "research (CK+); none stated", "github.com/katstudz/emotion_reco at 013ea25a",
        folder="dataset",
    ),
    "ethiopian": Source(
        NONE,
        "github.com/behredin/DSA_14_type_Habehsa_Face_IMAGE_CLASSIFIER_Projects at 5378dd67",
    ),
}  # fmt: skip
"""The corpora beside FER2013, in the order of training."""
TRAINED = (FER, "affectnet_subset", "press", "stock_portraits", "moodme", "three_web")
SHARES = {name: FER_SHARE if name == FER else CORPORA[name].share for name in TRAINED}
ANGRY = emotion_index("angry")
CHOOSING = ("ckplus48", "ckplus_web", "ethiopian")


def listing(corpora: Path, name: str) -> list[Row]:
    """The labelled pictures of a corpus, in a fixed order."""
    source, root = CORPORA[name], corpora / name
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder; --corpora must hold {name}")
    if source.table:
        with (root / source.table).open(encoding="utf-8", newline="") as file:
            rows = [(row[1], row[2]) for row in list(csv.reader(file))[1:]]
        found = [
            (root / source.folder / image, label, image.rsplit("_", 1)[0])
            for image, word in rows
            if (label := _label(word)) is not None and (root / source.folder / image).exists()
        ]
    else:
        found = [
            (path, label, path.relative_to(root).as_posix())
            for path in sorted((root / source.folder).rglob("*"))
            if path.suffix.lower() in PICTURES and not path.name.startswith(".")
            and (label := _label(path.parent.name)) is not None
            # of three_web: angry faces that were put into the folder Sad, too
            and not ("~angry" in path.name and label != ANGRY)
        ]  # fmt: skip
    if not found:
        raise DataError(f"{root}: no labelled picture in it; unpack the corpus anew")
    return found


def _label(word: str) -> int | None:
    word = _MORE_WORDS.get(word.lower(), word.lower())
    return emotion_index(word) if word in WORDS else None


def read_picture(path: Path) -> NDArray[np.uint8] | None:
    """RGB, or None of a file that is not a picture."""
    data = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    return None if data is None else np.asarray(cv2.cvtColor(data, cv2.COLOR_BGR2RGB), np.uint8)


_framer: list[FaceFramer] = []


def _framed(row: Row, outlined: bool) -> FramedFace | None:
    if not _framer:
        cv2.setNumThreads(1)
        _framer.append(FaceFramer())
    picture = read_picture(row[0])
    return None if picture is None else _framer[0].frame(picture, outlined=outlined)


def make_faces(corpora: Path, work: Path, name: str, workers: int = 1) -> Faces:
    """The framed faces of a corpus; those of an earlier call are read again."""
    place = work / f"{name}.npz"
    if place.exists():
        return load_faces(place)
    rows, source = listing(corpora, name), CORPORA[name]
    if source.framed:
        read = {row: read_face(row[0], PRINT_SIDE) for row in rows}
        rows = [row for row in rows if not isinstance(read[row], str)]
        images = np.stack([np.asarray(read[row]) for row in rows])
        labels = np.array([row[1] for row in rows], np.int64)
        stills = FaceImages(images, labels, None, None, name, source.citation, source.licence)
        faces = framed_stills(stills)
        faces = Faces(faces.images, faces.shown, labels, faces.targets, _names(rows), faces.found)
    else:
        with Pool(workers) as pool:
            found = pool.map(partial(_framed, outlined=source.outlined), rows, chunksize=64)
        rows = [row for row, face in zip(rows, found, strict=True) if face is not None]
        labels = np.array([row[1] for row in rows], np.int64)
        faces = faces_of([face for face in found if face is not None], labels, _names(rows))
    save_faces(place, faces)
    print(f"{name}: {len(faces)} faces, {(~faces.found).sum()} not detected", flush=True)
    return faces


def _names(rows: Sequence[Row]) -> NDArray[np.str_]:
    return np.array([row[2] for row in rows], np.str_)


@dataclass(frozen=True, eq=False)
class Material:
    """What is trained on, by source, and what is chosen by, by test set."""

    train: dict[str, Faces]
    kept: dict[str, NDArray[np.bool_]]
    """Of each source, the rows of its whole corpus that are trained on."""
    choose: dict[str, Faces]


def material(
    corpora: Path, work: Path, fer: Path, names: Sequence[str] = TRAINED, workers: int = 1
) -> Material:
    """All faces, without near copies of any test face.

    Test faces are those of `CHOOSING`, of the AffectNet subset's own test part, and of FER2013's
    PublicTest and PrivateTest. PrivateTest is used for that only.
    """
    work.mkdir(parents=True, exist_ok=True)
    stills = open_dataset(fer).still_faces()
    cached = partial(make_faces, corpora, work, workers=workers)
    choose = {name: cached(name) for name in CHOOSING}
    affectnet = cached("affectnet_subset")
    own_test = np.char.startswith(affectnet.names, CORPORA["affectnet_subset"].tests)
    choose["affectnet_subset"] = affectnet.select(own_test)
    choose["public"] = framed_stills(stills.take("PublicTest"))
    tests = partial(_all_tests, choose, stills)
    train, kept = {}, {}
    for name in names:
        if name == FER:
            faces = framed_stills(stills.take("Training"))
            usable = np.ones(len(faces), bool)
        elif name == "affectnet_subset":  # a face fills each picture, detected or not
            faces, usable = affectnet, ~own_test
        else:
            faces = cached(name)
            usable = faces.found
        like = np.full(len(faces), -1, np.float32)
        rows = np.flatnonzero(~own_test) if name == "affectnet_subset" else np.arange(len(faces))
        like[rows] = _likeness(work / f"near_{name}.npy", faces.select(rows), tests)
        kept[name] = usable & (like < THRESHOLD)
        train[name] = faces.select(kept[name])
    return Material(train, kept, choose)


def _all_tests(choose: dict[str, Faces], stills: FaceImages) -> NDArray[np.uint8]:
    private = framed_stills(stills.take("PrivateTest"))
    return np.concatenate([faces.images for faces in [*choose.values(), private]])


def _likeness(
    place: Path, faces: Faces, tests: Callable[[], NDArray[np.uint8]]
) -> NDArray[np.float32]:
    """`likeness` to the test faces; of an earlier call it is read again."""
    if place.exists():
        found = np.load(place, allow_pickle=False)
        if found.shape == (len(faces),):
            return np.asarray(found, np.float32)
        raise DataError(f"{place}: of {len(found)} faces, there are {len(faces)}; delete it")
    found = likeness(faces.images, tests())
    with place.with_suffix(".partial").open("wb") as file:
        np.save(file, found)
    place.with_suffix(".partial").replace(place)
    print(f"{place.stem}: {(found >= THRESHOLD).sum()} of {len(found)} are dropped", flush=True)
    return found


def corpora_of(
    corpora: Path, fer: Path, kept: dict[str, NDArray[np.bool_]], workers: int = 1
) -> Iterator[Corpus]:
    """The record of the pictures that are trained on, corpus by corpus."""
    for name, rows in kept.items():
        if name == FER:
            data = open_dataset(fer)
            images = data.still_faces().take("Training").images[rows]
            named, licence, citation = (
                f"{data.name} Training",
                data.info.licence,
                (data.info.citation),
            )
        else:
            files = [row[0] for row in listing(corpora, name)]
            if len(files) != len(rows):  # files that are no pictures have no row
                files = [path for path in files if read_picture(path) is not None]
            with Pool(workers) as pool:
                read = pool.map(
                    partial(read_face, side=PRINT_SIDE),
                    [path for path, keep in zip(files, rows, strict=True) if keep], chunksize=64,
                )  # fmt: skip
            images = np.stack([image for image in read if not isinstance(image, str)])
            named, licence, citation = name, CORPORA[name].licence, CORPORA[name].citation
        single = [str(k) for k in range(len(images))]
        yield make_corpus(
            named, prints_of_stills(images), single, licence=licence, citation=citation
        )
        print(f"{named}: {len(images)} pictures", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("faces", "prints"):
        one = commands.add_parser(name)
        one.add_argument("--corpora", type=Path, required=True)
        one.add_argument("--work", type=Path, required=True)
        one.add_argument("--workers", type=int, default=1)
        if name == "faces":
            one.add_argument("names", nargs="*", default=list(CORPORA))
        else:
            one.add_argument("--fer", type=Path, required=True)
            one.add_argument("out", type=Path)
    args = parser.parse_args()
    try:
        if args.command == "faces":
            args.work.mkdir(parents=True, exist_ok=True)
            for name in args.names:
                make_faces(args.corpora, args.work, name, args.workers)
            return
        kept = material(args.corpora, args.work, args.fer, workers=args.workers).kept
        write_corpora(args.out, list(corpora_of(args.corpora, args.fer, kept, args.workers)))
    except EmoNetsError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
