"""The record of the pictures that a face network was trained on, as a file beside its checkpoint.

A safetensors file: the arrays of `emonets.provenance.corpus.Provenance.to_bundle`, and its entry as
metadata. It holds fingerprints, no pictures.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from emonets.bundle import Bundle
from emonets.errors import BundleError
from emonets.provenance.corpus import PART, Corpus, Provenance, provenance_of
from emonets.runtime.files import write_whole


def write_corpora(path: Path, corpora: Sequence[Corpus]) -> None:
    """Write what a face network was trained on."""
    entry, arrays = Provenance({"face": tuple(corpora)}).to_bundle()
    packed = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    write_whole(path, save(packed, {PART: json.dumps(entry)}))


def read_corpora(path: Path) -> tuple[Corpus, ...]:
    """What `write_corpora` wrote.

    Raises
    ------
    BundleError : the file is missing, damaged or another one.
    """
    try:
        with safe_open(path, "np") as file:
            entry: Any = json.loads((file.metadata() or {})[PART])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise BundleError(
            f"{path}: not a record of training pictures ({error}); make it again with "
            "tools/strangers_material.py prints"
        ) from None
    return provenance_of(Bundle({PART: entry}, {PART: arrays}, path, "")).of("face")
