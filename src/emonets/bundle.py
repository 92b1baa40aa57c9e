"""A trained model on disk: a folder of ``bundle.json``, ``*.safetensors`` and ``*.onnx``.

Nothing in it can run code: JSON holds names and numbers, safetensors hold arrays, and the code
that makes a model of them is this package's own. The graph of a network (``*.onnx``) holds
structure only: its weights are arrays, it can name no file, and only operators of
``runtime.graph.OPERATORS`` are allowed. Every file's SHA-256 stands in the JSON and is checked
before a number of it is used.

Format 1 had no graphs. It is still read where the ``onnx`` package can build them.
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
from emonets.errors import BundleError, MissingExtraError
from emonets.runtime.files import try_folder
from emonets.runtime.graph import LARGEST, weight_shapes

FORMAT = "emonets-bundle"
VERSION = 2
MANIFEST = "bundle.json"
GRAPH = "graph"
"""The only array of a part that is written as ``PART.onnx``: the bytes of a graph."""
_KINDS = {1: ("safetensors",), VERSION: ("safetensors", "onnx")}
"""Endings of the files of each format that is read."""
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


def check_place(folder: str | os.PathLike[str], *, make: bool = True) -> None:
    """Raise unless a bundle can be written there. Call it before hours of training.

    ``make``: folders above it that are missing are made. False: nothing is written.

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
        if make:
            try_folder(target.parent)
    except OSError as error:
        raise BundleError(f"{target}: cannot be written ({error.strerror or error})") from None


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays of any strides as the content of a safetensors file."""
    # safetensors writes the memory as it lies and ignores the strides
    return save({name: np.ascontiguousarray(x) for name, x in arrays.items()})


def graph_part(graph: bytes) -> Arrays:
    """A serialised graph as a part of a bundle, which is written as ``PART.onnx``."""
    return {GRAPH: np.frombuffer(graph, np.uint8)}


def stored_graph(parts: Mapping[str, Mapping[str, NDArray[Any]]], name: str) -> bytes | None:
    """The graph in a part of that name; None where there is none and it can be built.

    Raises
    ------
    BundleError : there is none, and the ``onnx`` package is not installed.
    """
    if name in parts:
        return np.asarray(parts[name][GRAPH], np.uint8).tobytes()
    try:
        import emonets.runtime.graph_builder  # noqa: F401
    except MissingExtraError:
        raise BundleError(
            "it holds no graphs of its networks (bundle format 1); to build them: "
            "pip install 'emonets[train]'"
        ) from None
    return None


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
    files = dict(_file(part, values) for part, values in sorted(arrays.items()))
    full = {
        "format": FORMAT,
        "version": VERSION,
        "classes": list(EMOTIONS),
        **manifest,
        "checksums": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    full["version"] = VERSION  # the manifest may come from a bundle of format 1
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
    version = manifest.get("version")
    if version not in tuple(_KINDS):  # a tuple, for the version may be unhashable
        raise BundleError(
            f"{path}: bundle format {version!r}; this version reads "
            f"{' and '.join(map(str, _KINDS))}; update emonets"
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
        part, _, kind = name.rpartition(".")
        if Path(name).name != name or kind not in _KINDS[version]:
            raise BundleError(f"{path / MANIFEST}: names a file that no bundle holds, {name!r}")
        arrays[part] = _part(path / name, expected)
    return Bundle(manifest, arrays, path, hashlib.sha256(raw).hexdigest())


def _part(file: Path, checksum: str) -> Arrays:
    """The arrays in one file of a bundle; of a graph its bytes (:func:`graph_part`)."""
    if not file.is_file():
        raise BundleError(f"{file}: missing; copy the bundle again")
    is_graph = file.suffix == ".onnx"
    data = _read(file, LARGEST if is_graph else _LARGEST)
    if hashlib.sha256(data).hexdigest() != checksum:
        raise BundleError(f"{file}: damaged (its checksum differs); copy it again")
    try:
        if is_graph:
            weight_shapes(data)
            return graph_part(data)
        return {k: np.asarray(v) for k, v in load(data).items()}
    except BundleError as error:
        raise BundleError(f"{file}: {error}") from None
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise BundleError(f"{file}: not a safetensors file ({error})") from None


def _file(part: str, arrays: Arrays) -> tuple[str, bytes]:
    """Name and content of the file that holds a part."""
    if set(arrays) == {GRAPH}:
        return f"{part}.onnx", np.asarray(arrays[GRAPH], np.uint8).tobytes()
    return f"{part}.safetensors", packed(arrays)


def _read(path: Path, largest: int = _LARGEST) -> bytes:
    try:
        if path.stat().st_size > largest:
            raise BundleError(f"{path}: larger than a file of a bundle can be")
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
