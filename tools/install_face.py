"""Put a trained face network into a bundle.

    python tools/install_face.py CHECKPOINT [--about FILE] [--pictures FILE] [--fer FER2013.npz]
        [--bundle modern] [--only fer2013 press]

CHECKPOINT is a safetensors file of averaged weights of the network ``residual``, as
``tools/train_strangers_face.py`` writes it. FILE, by default CHECKPOINT with the ending ``.json``,
holds:

    {"size": 96, "zoom": 1.25, "up": 2.0, "offsets": [7 numbers], "temperature": 1.0,
     "mirror": true, "card": {…}}

The answer is ``softmax((z + offsets) / temperature)`` of the network's output ``z``: the last layer
takes both up. With ``mirror``, answers to a picture and to its mirror image are averaged. ``card``
is the record of the training. ``--pictures`` is the record of the training pictures
(``tools/strangers_material.py prints``), which becomes the bundle's provenance; ``--only`` names
the corpora of it that this network was trained on, where these are not all. ``--fer`` adds the
accuracy on PublicTest, as the bundle answers, to the card; a test of the package checks it.

The weights are stored in half precision, without the training pictures. The bundle is replaced
whole; its other specialists stay as they were to the last bit. A fitted fusion is dropped: it was
fitted to the predictions of the old face.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from emonets.bundle import find_bundle, read_bundle
from emonets.datasets import open_dataset
from emonets.emotions import EMOTIONS
from emonets.errors import BundleError, EmoNetsError
from emonets.model import EmoNets
from emonets.provenance.corpus import Corpus
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import NETWORKS, network_to_json
from emonets.specialists.face.network.onnx import onnx_graph
from emonets.specialists.face.network.start import SIDE, corrected, from_state
from emonets.specialists.face.specialist import FacePreprocessing, FaceSpecialist
from emonets.training.joined import joined
from emonets.training.strangers.prints import read_corpora

NAME = "residual"
LARGEST = 10_000_000
"""Bytes of the weights at most."""
KEYS = {"size", "zoom", "up", "offsets", "temperature", "mirror", "card"}


def read_about(path: Path) -> dict[str, Any]:
    """The record of a checkpoint, checked."""
    try:
        about = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(about, dict) or not set(about) <= KEYS:
        raise BundleError(f"{path}: expected a JSON object with {', '.join(sorted(KEYS))} only")
    usual = {"size": SIDE, "zoom": 1.0, "up": 0.0, "offsets": 0.0, "temperature": 1.0}
    about = {**usual, "mirror": False, "card": {}} | about
    if about["size"] != SIDE:
        raise BundleError(f"{path}: size is {about['size']!r}; the network takes {SIDE} pixels")
    if not isinstance(about["mirror"], bool) or not isinstance(about["card"], dict):
        raise BundleError(f"{path}: mirror must be true or false, and card an object")
    return about


def network_of(checkpoint: Path, about: dict[str, Any]) -> ConvNetClassifier:
    """The network of a checkpoint, in half precision, with its offsets and temperature."""
    try:
        state = load(checkpoint.read_bytes())
    except (OSError, SafetensorError) as error:
        raise BundleError(f"{checkpoint}: not a safetensors file ({error})") from None
    try:
        arrays = corrected(
            from_state(state), offsets=about["offsets"], temperature=about["temperature"]
        )
    except EmoNetsError as error:
        raise BundleError(f"{checkpoint}: {error}") from None
    halves = {name: values.astype(np.float16) for name, values in arrays.items()}
    size = sum(values.nbytes for values in halves.values())
    if size > LARGEST or not all(np.isfinite(values).all() for values in halves.values()):
        raise BundleError(
            f"{checkpoint}: {size} bytes in half precision, at most {LARGEST} are allowed; or a "
            "number is too large for it"
        )
    settings = {
        "network": network_to_json(NETWORKS[NAME]), "crop": SIDE, "side": SIDE,
        "mirror": about["mirror"], "classes": list(range(len(EMOTIONS))),
    }  # fmt: skip
    mean = {"mean_image": np.zeros((SIDE, SIDE), np.float32)}  # each picture is standardised
    return ConvNetClassifier.from_arrays(
        settings, {**halves, **mean}, graph=onnx_graph(NETWORKS[NAME], SIDE)
    )


def install(
    checkpoint: Path,
    bundle: str,
    *,
    about: Path | None = None,
    pictures: Path | None = None,
    only: Sequence[str] = (),
    fer: Path | None = None,
    out: Path | None = None,
) -> EmoNets:
    """Write the bundle with the network of a checkpoint; returns it as it is read again."""
    record = read_about(about or checkpoint.with_suffix(".json"))
    base = EmoNets.load(bundle)
    before = read_bundle(find_bundle(bundle))
    border = "edge" if base.face is None else base.face.preprocessing.border
    slots = 10 if base.face is None else base.face.slots
    face = FaceSpecialist(
        network_of(checkpoint, record), FacePreprocessing(
            border=border, size=SIDE, zoom=float(record["zoom"]), up=float(record["up"])
        ), slots=slots,
    )  # fmt: skip
    corpora: tuple[Corpus, ...] = () if pictures is None else read_corpora(pictures)
    known = [corpus.name.split()[0] for corpus in corpora]
    if not set(only) <= set(known):
        raise BundleError(f"--only: the record has {', '.join(known)}; got {', '.join(only)}")
    corpora = tuple(c for c, name in zip(corpora, known, strict=True) if not only or name in only)
    card = {
        **record["card"],
        "settings": {
            "model": "modern convnet",
            "network": {"network": NAME, "crop": SIDE, "mirror": record["mirror"]},
            "images": {
                "size": SIDE,
                "zoom": record["zoom"],
                "up": record["up"],
                "border": border,
            },
        },
        "temperature": record["temperature"],
        "offsets": record["offsets"],
    }
    if fer is not None:
        public = open_dataset(fer).still_faces().take("PublicTest")
        p = face.network.predict_proba(face.preprocessing.normalise(public.images))
        card["public_accuracy"] = round(float((p.argmax(axis=1) == public.labels).mean()), 4)
    if corpora:
        card.setdefault("trained_on", " + ".join(corpus.name for corpus in corpora))
        card.setdefault("faces", sum(map(len, corpora)))
    made = joined(base, "face", face, card, base.about["preset"], corpora)
    place = before.path if out is None else out
    made.save(place)
    after = read_bundle(place)
    for part, arrays in before.arrays.items():
        for key, array in arrays.items():
            if part.split("_")[0] not in ("face", "provenance", "fusion"):
                np.testing.assert_array_equal(array, after.arrays[part][key], f"{part}: {key}")
    return EmoNets.load(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--about", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--fer", type=Path)
    parser.add_argument("--bundle", default="modern")
    parser.add_argument("--out", type=Path, help="write another bundle")
    args = parser.parse_args()
    try:
        made = install(
            args.checkpoint,
            args.bundle,
            about=args.about,
            pictures=args.pictures,
            only=args.only,
            fer=args.fer,
            out=args.out,
        )
    except EmoNetsError as error:
        sys.exit(f"error: {error}")
    face = made.face
    assert face is not None
    size = sum(x.nbytes for x in face.network.to_arrays()[1].values())
    print(f"face: {size / 1e6:.2f} MB, {face.preprocessing.size} pixels; active {made.active}")
    print(f"accuracy on PublicTest: {made.about['card'].get('public_accuracy', 'not measured')}")
    print(f"trained on: {made.provenance.only(['face']).names() or 'not known; run --pictures'}")
    if not made.provenance.of("face"):
        print("run tools/strangers_material.py prints, and this again with --pictures")


if __name__ == "__main__":
    main()
