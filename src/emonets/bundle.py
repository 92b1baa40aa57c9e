"""A trained model on disk: a folder of ``bundle.json`` and ``*.safetensors``.

Nothing in it can run code: JSON holds names and numbers, safetensors hold arrays, and the code
that makes a model of them is this package's own. Every file's SHA-256 stands in the JSON and is
checked before a number of it is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from emonets.emotions import EMOTIONS
from emonets.errors import BundleError
from emonets.runtime.files import try_folder

FORMAT = "emonets-bundle"
VERSION = 1
MANIFEST = "bundle.json"
_LARGEST = 512 * 1024 * 1024  # bytes of one file; a bundle is small

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Bundle:
    """What a bundle holds.

    Attributes
    ----------
    manifest : the JSON: ``preset``, ``specialists`` (settings by name), ``card`` …
    arrays : arrays by part (``face`` …) and name.
    path : where it was read from.
    digest : SHA-256 of the manifest, which covers all files; names this very model.
    """

    manifest: dict[str, Any]
    arrays: dict[str, Arrays]
    path: Path
    digest: str


def check_place(folder: str | os.PathLike[str]) -> None:
    """Raise unless a bundle can be written there: to be asked before hours of training.

    Raises
    ------
    BundleError : what is there is not a bundle, or nothing can be made there.
    """
    target = Path(folder)
    try:
        if target.exists() and not target.is_dir():
            raise BundleError(f"{target}: is a file; choose another place")
        if target.exists() and any(target.iterdir()) and not (target / MANIFEST).exists():
            raise BundleError(f"{target}: exists and is not a bundle; choose another place")
        try_folder(target.parent)
    except OSError as error:
        raise BundleError(f"{target}: cannot be written ({error.strerror or error})") from None


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays of any strides as the content of a safetensors file."""
    # safetensors writes the memory as it lies, whatever the strides say
    return save({name: np.ascontiguousarray(x) for name, x in arrays.items()})


def write_bundle(
    folder: str | os.PathLike[str],
    manifest: Mapping[str, Any],
    arrays: Mapping[str, Arrays],
) -> Path:
    """Write a bundle, whole or not at all; an older one at the same place is replaced.

    Raises
    ------
    BundleError : the folder exists and is not a bundle, or cannot be written.
    """
    target = Path(folder)
    check_place(target)
    files = {f"{part}.safetensors": packed(a) for part, a in sorted(arrays.items())}
    full = {
        "format": FORMAT,
        "version": VERSION,
        "classes": list(EMOTIONS),
        **manifest,
        "checksums": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    files[MANIFEST] = (json.dumps(full, indent=1, ensure_ascii=False) + "\n").encode()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=target.name + ".", dir=target.parent))
        try:
            for name, data in files.items():
                (partial / name).write_bytes(data)
            partial.chmod(0o755)
            if target.exists():
                old = Path(tempfile.mkdtemp(prefix=target.name + ".", dir=target.parent))
                os.replace(target, old / "old")
                os.replace(partial, target)
                shutil.rmtree(old)
            else:
                os.replace(partial, target)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise BundleError(f"{target}: cannot be written ({error.strerror or error})") from None
    return target


def read_bundle(folder: str | os.PathLike[str]) -> Bundle:
    """Read a bundle and verify it.

    Raises
    ------
    BundleError : no bundle there, damaged, of a newer format, or with other classes.
    """
    path = Path(folder)
    if not path.exists():
        raise BundleError(f"{path}: there is no such bundle")
    if not path.is_dir() or not (path / MANIFEST).is_file():
        raise BundleError(f"{path}: not a bundle (a bundle is a folder with a {MANIFEST})")
    raw = _read(path / MANIFEST)
    try:
        manifest = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"{path / MANIFEST}: damaged, not JSON ({error})") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BundleError(f"{path / MANIFEST}: not the manifest of an EmoNets bundle")
    if manifest.get("version") != VERSION:
        raise BundleError(
            f"{path}: bundle format {manifest.get('version')!r}; this version reads {VERSION}; "
            "update emonets"
        )
    if manifest.get("classes") != list(EMOTIONS):
        raise BundleError(
            f"{path}: made for the classes {manifest.get('classes')}, not {list(EMOTIONS)}"
        )
    checksums = manifest.get("checksums")
    if not isinstance(checksums, dict) or not isinstance(manifest.get("specialists"), dict):
        raise BundleError(f"{path / MANIFEST}: incomplete, no checksums or no specialists")
    arrays: dict[str, Arrays] = {}
    for name, expected in checksums.items():
        if Path(name).name != name or not name.endswith(".safetensors"):
            raise BundleError(f"{path / MANIFEST}: names a file that no bundle holds, {name!r}")
        if not (path / name).is_file():
            raise BundleError(f"{path / name}: missing; copy the bundle again")
        data = _read(path / name)
        if hashlib.sha256(data).hexdigest() != expected:
            raise BundleError(f"{path / name}: damaged (its checksum differs); copy it again")
        try:
            loaded = load(data)
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{path / name}: not a safetensors file ({error})") from None
        arrays[name.removesuffix(".safetensors")] = {k: np.asarray(v) for k, v in loaded.items()}
    return Bundle(manifest, arrays, path, hashlib.sha256(raw).hexdigest())


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise BundleError(f"{path}: larger than any file of a bundle can be")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror or error})") from None


def bundle_names() -> list[str]:
    """The bundles that come with the package."""
    folder = resources.files("emonets") / "weights"
    return sorted(f.name for f in folder.iterdir() if (f / "bundle.json").is_file())


def find_bundle(name: str | os.PathLike[str]) -> Path:
    """The folder of a bundle given by name (of a shipped one) or by path.

    Raises
    ------
    BundleError : there is neither.
    """
    if str(name) in bundle_names():
        return Path(str(resources.files("emonets") / "weights" / str(name)))
    path = Path(name)
    if not path.exists():
        raise BundleError(
            f"{path}: there is no such bundle; shipped ones: {', '.join(bundle_names())}"
        )
    return path
