"""Add to a shipped bundle what its networks were trained on, with fingerprints of the clips.

    python tools/add_provenance.py --data DATA [--bundles modern paper] [--workers 2]
        [--pictures FILE]

DATA holds fer2013.npz, ravdess_speech, emodb, javanese_speech and javanese_av. Each bundle is
replaced whole; what it held before stays as it was to the last bit. Run it again after the tools
that train a network of a shipped bundle, as these leave its provenance out.

The audio network of ``paper`` was trained on 2,792 of these 3,238 clips and stopped by the other
446. All are in its provenance: a network is no fair judge of clips that it was chosen by.

The face of ``modern`` was trained on other corpora, too. FILE is their record
(``tools/strangers_material.py prints``). Without it, the bundle keeps what it has of the face.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from emonets.bundle import find_bundle, read_bundle, write_bundle
from emonets.datasets import open_dataset
from emonets.provenance.corpus import PART, Corpus, Provenance, make_corpus, provenance_of
from emonets.provenance.prints import BOTH, SOUND, prints_of, prints_of_stills
from emonets.training.strangers.prints import read_corpora

SPEECH = ("ravdess_speech", "emodb", "javanese_speech")
TRAINED_ON: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "modern": {
        "audio": SPEECH, "activity": ("javanese_av",), "mouth": ("javanese_av",),
    },
    "paper": {"face": ("fer2013.npz",), "audio": SPEECH},
}  # fmt: skip
PART_OF = {"fer2013.npz": "Training"}
"""Where not everything was trained on, the part that was."""


def corpus_of(path: Path, workers: int) -> Corpus:
    """What a bundle keeps of a corpus."""
    data = open_dataset(path)
    about = {"licence": data.info.licence, "citation": data.info.citation}
    if path.name in PART_OF:
        faces = data.still_faces().take(PART_OF[path.name])
        single = [str(k) for k in range(len(faces))]
        name = f"{data.name} {PART_OF[path.name]}"
        return make_corpus(name, prints_of_stills(faces.images), single, **about)
    wanted = (SOUND,) if data.kinds == ("sound",) else BOTH
    groups = [f"{data.info.name}/{item.group}" for item in data.items]
    return make_corpus(
        data.name, prints_of(data.items, kinds=wanted, workers=workers), groups, **about
    )


def add(name: str, corpora: Mapping[str, Corpus], pictures: Path | None = None) -> None:
    """Write one shipped bundle again, with its provenance; ``pictures`` of its face."""
    before = read_bundle(find_bundle(name))
    of = {part: tuple(corpora[c] for c in some) for part, some in TRAINED_ON[name].items()}
    if "face" not in of:
        faces = provenance_of(before).of("face") if pictures is None else read_corpora(pictures)
        of = {"face": faces, **of}
    manifest = {
        key: value for key, value in before.manifest.items()
        if key not in ("format", "version", "classes", "checksums", PART)
    }  # fmt: skip
    arrays = {part: some for part, some in before.arrays.items() if part != PART}
    manifest[PART], arrays[PART] = Provenance(of).to_bundle()
    after = read_bundle(write_bundle(before.path, manifest, arrays))
    for part, some in before.arrays.items():
        for key, array in some.items():
            if part != PART:
                np.testing.assert_array_equal(array, after.arrays[part][key])
    size = (before.path / f"{PART}.safetensors").stat().st_size
    print(f"{name}: {size / 1000:.0f} kB; {provenance_of(after).names()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--bundles", nargs="+", default=list(TRAINED_ON), choices=list(TRAINED_ON))
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--pictures", type=Path)
    args = parser.parse_args()
    wanted = {c for name in args.bundles for some in TRAINED_ON[name].values() for c in some}
    corpora = {name: corpus_of(args.data / name, args.workers) for name in sorted(wanted)}
    for name in args.bundles:
        add(name, corpora, args.pictures)


if __name__ == "__main__":
    main()
