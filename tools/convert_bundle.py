"""Write bundles of an older format in the format of this version. Needs the extra ``[train]``.

    python tools/convert_bundle.py BUNDLE…

Each folder is replaced whole. Before that, a copy is written elsewhere and loaded. It must hold
the same arrays, and its networks must give the same numbers to the last bit.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from emonets.bundle import read_bundle
from emonets.model import EmoNets
from emonets.specialists.audio.network.classifier import SoundNetClassifier


def outputs(model: EmoNets) -> list[NDArray[np.floating]]:
    """What the networks of a model give for made-up pictures and spectrograms."""
    rng = np.random.default_rng(0)
    found: list[NDArray[np.floating]] = []
    if model.face is not None:
        side = model.face.network.mean_image_.shape[0]
        found += model.face.network.predict_with_embedding(rng.integers(0, 256, (100, side, side)))
    if model.audio is not None and isinstance(model.audio.network, SoundNetClassifier):
        network = model.audio.network
        clips = [rng.normal(-40, 10, (frames, network.network.bands)) for frames in (1, 50, 400)]
        found += [network.predict_proba(clips), network.embed(clips)]
    return found


def convert(bundle: Path) -> None:
    """Convert one bundle in place; stop with an error where the copy differs."""
    model = EmoNets.load(bundle)
    with tempfile.TemporaryDirectory() as scratch:
        copy = model.save(Path(scratch) / "copy")
        new = read_bundle(copy).arrays
        for part, arrays in read_bundle(bundle).arrays.items():
            for name, array in arrays.items():
                assert array.dtype == new[part][name].dtype, f"{part}: {name}"
                np.testing.assert_array_equal(array, new[part][name], f"{part}: {name}")
        for before, after in zip(outputs(model), outputs(EmoNets.load(copy)), strict=True):
            np.testing.assert_array_equal(before, after)
    model.save(bundle)
    print(f"{bundle}: converted; arrays and outputs are the same to the last bit")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("bundle", type=Path, nargs="+")
    for path in parser.parse_args().bundle:
        convert(path)
