"""Assemble a shipped bundle of parts of others, with the terms of what each was trained on.

    python tools/make_bundles.py --bundle open --face modern [--audio BUNDLE] [--any-use]
    python tools/make_bundles.py --bundle modern --terms
    python tools/make_bundles.py --bundle open --without-prior 0.6 --fer fer2013.npz

A part is a bundle, by name or folder, whose specialist of that name is used as it is, with its
card and its provenance. With --any-use nothing is written if a corpus of the new bundle has terms
that do not allow any use. --terms adds the terms to the card of a bundle as it stands. The fusion
is chosen afterwards (tools/fit_strangers_fusion.py).

--without-prior takes the class frequencies of FER2013 Training out of the answers of the face: its
probabilities are divided by frequency ^ 0.6, in the biases of its last layer. Disgust is 1.5 % of
those pictures. It also averages each picture with its mirror image from then on.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import emonets
from emonets.bundle import find_bundle, read_bundle, write_bundle
from emonets.datasets import open_dataset
from emonets.emotions import EMOTIONS
from emonets.errors import EmoNetsError
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus, Provenance
from emonets.provenance.terms import in_card, not_for_any_use

OWN = ("format", "version", "classes", "checksums")  # of a manifest; written anew
FER = "fer2013 Training"
PRIOR = "training_frequencies_taken_out"
OTHERS = (
    "audio",
    "activity",
    "mouth",
    "fusion",
    "data",
    "terms",
)  # of a card; the rest is the face's


def assemble(name: str, parts: dict[str, str], *, any_use: bool) -> Path:
    """Write a bundle beside the shipped ones."""
    specialists: dict[str, Any] = {}
    corpora: dict[str, tuple[Corpus, ...]] = {}
    card: dict[str, Any] = {}
    for part, bundle in parts.items():
        source = EmoNets.load(bundle)
        if part not in source.specialists:
            raise EmoNetsError(f"{bundle}: has no {part}; name a bundle that has one")
        specialists[part] = source.specialists[part]
        corpora[part] = source.provenance.of(part)
        own = source.about["card"]
        if part == "face":
            card |= {key: value for key, value in own.items() if key not in OTHERS}
        elif part in own:
            card[part] = own[part]
    provenance = Provenance(corpora)
    if any_use and (wrong := not_for_any_use(provenance)):
        raise EmoNetsError(
            f"{name}: {', '.join(wrong)} may not be put to any use by their terms; give parts that "
            "were trained on others"
        )
    card["terms"] = in_card(provenance)
    model = EmoNets(**specialists, about={"preset": name, "card": card}, provenance=provenance)
    folder = Path(emonets.__file__).parent / "weights" / name
    return model.save(folder)


def add_terms(name: str) -> Path:
    """Write a bundle again with the terms in its card; the rest stays as it was to the last bit."""
    before = read_bundle(find_bundle(name))
    manifest = {key: value for key, value in before.manifest.items() if key not in OWN}
    manifest["card"] = {**manifest["card"], "terms": in_card(EmoNets.load(name).provenance)}
    after = read_bundle(write_bundle(before.path, manifest, before.arrays))
    for part, arrays in before.arrays.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, after.arrays[part][key], f"{part}: {key}")
    return before.path


def take_out_prior(name: str, power: float, fer: Path) -> Path:
    """Divide the face's probabilities by its training frequencies, and average mirror images.

    Raises
    ------
    EmoNetsError : it was done before, or the face was not trained on FER2013 Training alone.
    """
    before = read_bundle(find_bundle(name))
    manifest = {key: value for key, value in before.manifest.items() if key not in OWN}
    card = dict(manifest["card"])
    if PRIOR in card:
        raise EmoNetsError(f"{name}: {PRIOR} is in its card already; it is done once only")
    if [corpus.name for corpus in EmoNets.load(name).provenance.of("face")] != [FER]:
        raise EmoNetsError(f"{name}: its face was not trained on FER2013 Training alone")
    faces = open_dataset(fer).still_faces().take("Training")
    counts = np.bincount(faces.labels, minlength=len(EMOTIONS))
    arrays = {part: dict(own) for part, own in before.arrays.items()}
    last = max((key for key in arrays["face"] if key.endswith(".bias")),
               key=lambda key: int(key.split(".")[0]))  # fmt: skip
    bias = arrays["face"][last]
    if bias.shape != counts.shape:
        raise EmoNetsError(f"{name}: the last layer has {bias.shape} biases, not 7")
    moved = bias.astype(np.float64) - power * np.log(counts / counts.sum())
    arrays["face"][last] = moved.astype(bias.dtype)
    manifest["specialists"]["face"]["network"]["mirror"] = True
    card[PRIOR] = {"power": power, "counts": dict(zip(EMOTIONS, counts.tolist(), strict=True))}
    manifest["card"] = card
    write_bundle(before.path, manifest, arrays)
    face = EmoNets.load(before.path).face
    public = open_dataset(fer).still_faces().take("PublicTest")
    p = face.network.predict_proba(face.preprocessing.normalise(public.images))
    card["public_accuracy"] = round(float(np.mean(p.argmax(axis=1) == public.labels)), 4)
    write_bundle(before.path, manifest, arrays)
    return before.path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", required=True, help="name of the shipped bundle to write")
    for part in ("face", "audio", "activity", "mouth"):
        parser.add_argument(f"--{part}", help=f"bundle whose {part} specialist is used")
    parser.add_argument("--any-use", action="store_true")
    parser.add_argument("--terms", action="store_true")
    parser.add_argument("--without-prior", type=float, metavar="POWER")
    parser.add_argument("--fer", type=Path, help="fer2013.npz or .csv, for --without-prior")
    options = parser.parse_args()
    given = {part: getattr(options, part) for part in ("face", "audio", "activity", "mouth")}
    parts = {part: bundle for part, bundle in given.items() if bundle is not None}
    power = options.without_prior
    if [bool(parts), options.terms, power is not None].count(True) != 1:
        parser.error("give parts such as --face modern, or --terms, or --without-prior")
    if power is not None and (options.fer is None or not 0 < power <= 1):
        parser.error("--without-prior takes a number above 0, at most 1, and needs --fer")
    try:
        if power is not None:
            path = take_out_prior(options.bundle, power, options.fer)
        elif options.terms:
            path = add_terms(options.bundle)
        else:
            path = assemble(options.bundle, parts, any_use=options.any_use)
    except EmoNetsError as error:
        raise SystemExit(f"error: {error}") from None
    size = sum(file.stat().st_size for file in path.iterdir())
    model = EmoNets.load(path)
    print(f"{path}: {size / 1e6:.1f} MB; {', '.join(model.specialists)}")
    for corpus, terms in model.about["card"]["terms"].items():
        print(f"  {corpus}: {terms}")


if __name__ == "__main__":
    main()
