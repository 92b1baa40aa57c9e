"""Store in a bundle how other people score: what normalising by the person compares with.

    python tools/fit_person_reference.py BUNDLE ckplus48 nemo ased \\
        [--only nemo=MK0,WR0 --only ased=51,52,53] [--most 40] [--out FOLDER]

BUNDLE is the name of a shipped bundle, or a folder; it is replaced, or written to FOLDER. Each
corpus is a folder or table as `emonets data check` reads it, whose groups are people. Use people
whom no network of the bundle was trained on: on others a network is surer than it will be.

For each specialist it keeps the mean over people of each one's mean log probabilities, their
spread around it, and the mean of the neutral clips (`emonets.learners.group_scaling.Reference`).
Stills go to the face network as they are; clips and sounds go the way of `emonets predict`. All
else in the bundle stays as it was to the last bit.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.batch import Options, predict_many
from emonets.bundle import find_bundle, read_bundle, write_bundle
from emonets.datasets import open_dataset
from emonets.emotions import EMOTIONS
from emonets.learners.group_scaling import log_scores, reference_of
from emonets.model import EmoNets
from emonets.model_bundle import pack_references

Parts = list[tuple[NDArray[np.float64], NDArray[np.str_], NDArray[np.intp]]]
NOT_STORED = ("format", "version", "classes", "checksums")


def chosen(labels: NDArray[np.intp], groups: NDArray[np.str_], only: Sequence[str], most: int
           ) -> NDArray[np.intp]:  # fmt: skip
    """Clips of the named people, at most so many a person, its classes in turn."""
    random = np.random.default_rng(0)
    out: list[int] = []
    for name in np.unique(groups):
        if only and name.split("/")[-1] not in only:
            continue
        own = random.permutation(np.flatnonzero(groups == name))
        turn = np.array([np.count_nonzero(labels[own[:i]] == labels[own[i]])
                         for i in range(len(own))])  # fmt: skip
        out += own[np.argsort(turn, kind="stable")][:most].tolist()
    return np.array(sorted(out), np.intp)


def scores_of(
    model: EmoNets, bundle: str, corpus: Path, only: Sequence[str], most: int, workers: int
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.str_], NDArray[np.intp]]]:
    """Of each specialist that finds something: probabilities, persons and classes."""
    data = open_dataset(corpus)
    if data.kinds == ("still",):
        faces = data.still_faces()
        if faces.groups is None:
            raise SystemExit(f"{corpus}: its groups are not known; name the person of each picture")
        groups = np.asarray(faces.groups, np.str_)
        take = chosen(faces.labels, groups, only, most)
        face = model.face
        p = face.network.predict_proba(face.preprocessing.normalise(faces.images[take]))
        return {"face": (p, groups[take], faces.labels[take])}
    take = chosen(data.labels, data.groups, only, most)
    paths = [data.items[i].path for i in take]
    place = {str(path): i for path, i in zip(paths, take, strict=True)}
    names = ["audio"] if data.kinds == ("sound",) else None
    result = predict_many(
        paths, bundle=bundle, models=names, options=Options(window=None), workers=workers
    )
    found: dict[str, list[tuple[tuple[float, ...], int]]] = {}
    for row in result.rows:
        if row.level == "clip" and row.found and row.model in model.specialists:
            found.setdefault(row.model, []).append((row.probabilities, place[row.file]))
    return {
        name: (
            np.array([p for p, _ in rows]), data.groups[[i for _, i in rows]],
            data.labels[[i for _, i in rows]],
        )
        for name, rows in found.items()
    }  # fmt: skip


def fit(
    bundle: str, corpora: Sequence[Path], only: Mapping[str, Sequence[str]], most: int,
    out: Path | None, workers: int,
) -> None:  # fmt: skip
    """Fit the references of a bundle, and write it."""
    model = EmoNets.load(bundle)
    parts: dict[str, Parts] = {}
    for corpus in corpora:
        made = scores_of(model, bundle, corpus, only.get(corpus.name, ()), most, workers)
        for name, (p, groups, labels) in made.items():
            named = np.array([f"{corpus.name}/{group}" for group in groups])
            parts.setdefault(name, []).append((p, named, labels))
    references = {}
    cards = {}
    for name, several in parts.items():
        p, groups, labels = (np.concatenate(own) for own in zip(*several, strict=True))
        references[name] = reference_of(log_scores(p), groups, labels == EMOTIONS.index("neutral"))
        persons = len(np.unique(groups))
        names = sorted({group.split("/")[0] for group in groups.tolist()})
        cards[name] = f"{len(p)} clips of {persons} persons: {', '.join(names)}"
        print(f"{name}: {cards[name]}; mean {references[name].mean.round(2).tolist()}")
    before = read_bundle(find_bundle(bundle))
    manifest = {key: value for key, value in before.manifest.items() if key not in NOT_STORED}
    manifest["references"] = {**manifest.get("references", {}), **cards}
    arrays = {**before.arrays, **pack_references(references)}
    print(write_bundle(before.path if out is None else out, manifest, arrays))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bundle")
    parser.add_argument("corpora", type=Path, nargs="+")
    parser.add_argument("--only", action="append", default=[], help="CORPUS=PERSON,PERSON")
    parser.add_argument("--most", type=int, default=40, help="clips of a person")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    only = {}
    for text in options.only:
        corpus, _, people = text.partition("=")
        only[corpus] = [name.strip() for name in people.split(",")]
    fit(options.bundle, options.corpora, only, options.most, options.out, options.workers)


if __name__ == "__main__":
    main()
