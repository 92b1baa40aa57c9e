"""Have the audio specialist of a bundle use speech only, or the whole sound track.

    python tools/use_speech.py [--on speech] [--bundle modern]

Only the setting ``on`` of the bundle's audio specialist changes. The bundle is replaced whole. What
it held before stays as it was to the last bit.
"""

from __future__ import annotations

import argparse

import numpy as np

from emonets.bundle import find_bundle, read_bundle, write_bundle
from emonets.model import EmoNets
from emonets.specialists.audio.settings import ON

OWN = ("format", "version", "classes", "checksums")  # of the format; written anew


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--on", default="speech", choices=ON)
    parser.add_argument("--bundle", default="modern")
    options = parser.parse_args()
    before = read_bundle(find_bundle(options.bundle))
    manifest = {key: value for key, value in before.manifest.items() if key not in OWN}
    audio = {**manifest["specialists"]["audio"], "on": options.on}
    manifest["specialists"] = {**manifest["specialists"], "audio": audio}
    after = read_bundle(write_bundle(before.path, manifest, before.arrays))
    for part, arrays in before.arrays.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, after.arrays[part][name], f"{part}: {name}")
    print(f"{before.path}: {EmoNets.load(before.path).describe()['decision']}")


if __name__ == "__main__":
    main()
