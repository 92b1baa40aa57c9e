"""Round the weights of a shipped bundle to fewer binary digits, so that the wheel is smaller.

    python tools/round_weights.py --bundle modern open

A wheel is compressed. Digits that do not change an answer are noise, which does not compress.
Convolutions of the face keep 5 binary digits after the first, those with 1,000 inputs or more
keep 4. The principal components, blocks, words and support vectors of the activity keep 8. Other
arrays stay as they are. The card gets the numbers; a bundle is rounded once only.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emonets.bundle import find_bundle, read_bundle, write_bundle
from emonets.errors import EmoNetsError

OWN = ("format", "version", "classes", "checksums")  # of a manifest; written anew
CARD = "weights_rounded"
ACTIVITY = {
    "activity": ("components", "matrix", "basis"),
    "activity_words": ("words",),
    "activity_svm": ("support_vectors",),
}
DIGITS = {np.dtype(np.float16): (10, np.uint16), np.dtype(np.float32): (23, np.uint32)}
WIDE = 1000


def rounded(values: NDArray[Any], digits: int) -> NDArray[Any]:
    """Numbers to so many binary digits after the first, in the same type.

    Ties go away from zero. A number that would become infinite stays as it is.
    """
    own, kind = DIGITS[values.dtype]
    drop = own - digits
    if drop <= 0:
        return values
    bits = values.view(kind).astype(np.uint64)
    kept = ((bits + (1 << (drop - 1))) >> drop) << drop
    made = kept.astype(kind).view(values.dtype)
    return np.where(np.isfinite(made), made, values)


def digits_of(part: str, name: str, values: NDArray[Any]) -> int | None:
    """How many binary digits an array keeps; None: all."""
    if name in ACTIVITY.get(part, ()) and values.dtype == np.float32:
        return 8
    if part == "face" and values.dtype == np.float16 and values.ndim == 4:
        return 4 if np.prod(values.shape[1:]) >= WIDE else 5
    return None


def round_bundle(name: str) -> Path:
    """Write a bundle again with rounded weights.

    Raises
    ------
    EmoNetsError : it was done before.
    """
    before = read_bundle(find_bundle(name))
    manifest = {key: value for key, value in before.manifest.items() if key not in OWN}
    card = dict(manifest["card"])
    if CARD in card:
        raise EmoNetsError(f"{name}: {CARD} is in its card already; it is done once only")
    arrays = {part: dict(own) for part, own in before.arrays.items()}
    done: dict[str, int] = {}
    for part, own in arrays.items():
        for key, values in own.items():
            digits = digits_of(part, key, values)
            if digits is not None:
                own[key] = rounded(values, digits)
                done[f"{part} to {digits}"] = done.get(f"{part} to {digits}", 0) + 1
    manifest["card"] = {**card, CARD: done}
    return write_bundle(before.path, manifest, arrays)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", nargs="+", required=True, help="names of shipped bundles")
    try:
        for name in parser.parse_args().bundle:
            print(round_bundle(name))
    except EmoNetsError as error:
        parser.exit(1, f"error: {error}\n")


if __name__ == "__main__":
    main()
