"""Extracted features are stored once: a folder with a file per clip and extractor.

A file's name is made of the clip's content and of the extractor's parameters. So experiments that
need the same features share it, wherever the clip lies and whenever it was copied there. Files are
written whole or not at all; two processes may write the same one. The folder may lie on this
machine, on a disk that several machines share, or, with the extra ``dask``, at any address of
fsspec (``s3://…``).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from emonets.errors import DataError, EmoNetsError, MissingExtraError
from emonets.runtime.files import try_folder, write_whole

FORMAT = "emonets-store"
VERSION = 1
MARK = "emonets-store.json"
_LONGEST_HEADER = 16 * 1024 * 1024  # bytes; a longer one is no header of ours

Arrays = dict[str, NDArray[Any]]


class FeatureStore:
    """Arrays under names, in a folder or at an address.

    Parameters
    ----------
    place : a folder, made where there is none; or an address of fsspec.

    Raises
    ------
    DataError : another folder with files of its own, or a store of another version.
    EmoNetsError : nothing can be written there.
    """

    def __init__(self, place: str | os.PathLike[str]) -> None:
        self.place = str(place)
        self._files = _Remote(self.place) if "://" in self.place else _Local(Path(self.place))
        self._files.check_mark()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.place,)

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one of a file system."""
        return self._files.folder if isinstance(self._files, _Local) else None

    def has(self, name: str) -> bool:
        """Whether there is a file of that name (whole, as all are)."""
        return self._files.has(name)

    def write(self, name: str, arrays: Mapping[str, NDArray[Any]], about: Any = None) -> None:
        """Keep arrays and, as JSON, what they are.

        Raises
        ------
        EmoNetsError : they cannot be written; the message names the place and what to do.
        """
        # not ascontiguousarray, which makes a row of a single number
        plain = {key: np.asarray(x, order="C") for key, x in arrays.items()}
        data = save(plain, {"about": json.dumps(about, default=str)})
        try:
            self._files.write(name, data)
        except OSError as error:
            raise _cannot(self.place, error) from None

    def read(self, name: str) -> Arrays:
        """The arrays of a file.

        Raises
        ------
        DataError : it is not there, or damaged; the message names the file to delete.
        """
        data = self._data(name)
        try:
            return {key: np.asarray(x) for key, x in load(data).items()}
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise self._damaged(name, error) from None

    def raw(self, name: str) -> bytes:
        """A whole file, as it is kept."""
        return self._data(name)

    def about(self, name: str) -> Any:
        """The ``about`` of :meth:`write`."""
        try:
            size = int.from_bytes(self._data(name, 0, 8), "little")
            if not 0 < size < _LONGEST_HEADER:
                raise ValueError("no header")
            header = json.loads(self._data(name, 8, 8 + size))
            return json.loads(header["__metadata__"]["about"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(name, error) from None

    def _data(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        try:
            return self._files.read(name, start, end)
        except OSError as error:
            raise DataError(
                f"{self.place}/{name}: cannot be read ({error.strerror or error}); run the same "
                "command again to make it anew"
            ) from None

    def _damaged(self, name: str, error: Exception) -> DataError:
        return DataError(
            f"{self.place}/{name}: damaged ({error}); delete it and run the same command again"
        )


class _Local:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check_mark(self) -> None:
        mark = self.folder / MARK
        try:
            if self.folder.exists() and not self.folder.is_dir():
                raise DataError(f"{self.folder}: is a file; choose a folder for the store")
            if not mark.exists():
                if self.folder.exists() and any(self.folder.iterdir()):
                    raise DataError(
                        f"{self.folder}: holds files and is no feature store; choose an empty or "
                        "a new folder"
                    )
                try_folder(self.folder)
                write_whole(mark, _mark())
            _check_mark(self.folder, mark.read_bytes())
        except OSError as error:
            raise _cannot(str(self.folder), error) from None

    def has(self, name: str) -> bool:
        return (self.folder / name).is_file()

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        with (self.folder / name).open("rb") as file:
            file.seek(start)
            return file.read(-1 if end is None else end - start)

    def write(self, name: str, data: bytes) -> None:
        write_whole(self.folder / name, data)


class _Remote:
    def __init__(self, address: str) -> None:
        try:
            import fsspec
        except ImportError:
            raise MissingExtraError(f"a store at {address}", "dask") from None
        try:
            self._system, root = fsspec.core.url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise DataError(f"{address}: no such store can be opened ({error})") from None
        self._root = root.rstrip("/")
        self.address = address

    def check_mark(self) -> None:
        try:
            if not self.has(MARK):
                self.write(MARK, _mark())
            _check_mark(self.address, self.read(MARK))
        except OSError as error:
            raise _cannot(self.address, error) from None

    def has(self, name: str) -> bool:
        return bool(self._system.isfile(f"{self._root}/{name}"))

    def read(self, name: str, start: int = 0, end: int | None = None) -> bytes:
        return bytes(self._system.cat_file(f"{self._root}/{name}", start=start, end=end))

    def write(self, name: str, data: bytes) -> None:
        # object stores show an object when all of it is there; of others the move is the whole
        target = f"{self._root}/{name}"
        self._system.makedirs(target.rsplit("/", 1)[0], exist_ok=True)
        partial = f"{target}.{os.urandom(6).hex()}.part"
        self._system.pipe_file(partial, data)
        self._system.mv(partial, target)


def _mark() -> bytes:
    return (json.dumps({"format": FORMAT, "version": VERSION}) + "\n").encode()


def _check_mark(place: str | Path, data: bytes) -> None:
    try:
        mark = json.loads(data)
        known = mark["format"] == FORMAT
    except (ValueError, KeyError, TypeError):
        known, mark = False, {}
    if not known:
        raise DataError(f"{place}: its {MARK} is damaged; choose another folder for the store")
    if mark.get("version") != VERSION:
        raise DataError(
            f"{place}: a store of version {mark.get('version')}; this version of emonets reads "
            f"{VERSION}; choose another folder, or update emonets"
        )


def _cannot(place: str, error: OSError) -> EmoNetsError:
    return EmoNetsError(
        f"{place}: cannot be written ({error.strerror or error}); free space or choose another "
        "folder"
    )


def content_digest(path: str | os.PathLike[str]) -> str:
    """SHA-256 of what is in a file, or in a folder of pictures; a word of 32 letters.

    Raises
    ------
    DataError : it cannot be read.
    """
    target = Path(path)
    try:
        files = sorted(target.iterdir()) if target.is_dir() else [target]
        stats = tuple((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files)
        return _digest(tuple(map(str, files)), stats)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


@lru_cache(maxsize=100_000)
def _digest(files: tuple[str, ...], stats: tuple[Any, ...]) -> str:
    whole = hashlib.sha256()
    for number, file in enumerate(files):
        if number:
            whole.update(f"\n{stats[number][0]} {stats[number][1]}\n".encode())
        with open(file, "rb") as content:
            while block := content.read(1 << 20):
                whole.update(block)
    return whole.hexdigest()[:32]


def parameter_digest(*parts: Any) -> str:
    """A word of 16 letters for whatever decides what a file holds (JSON, and arrays' content)."""
    whole = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            whole.update(f"{part.dtype} {part.shape}".encode())
            whole.update(np.ascontiguousarray(part).tobytes())
        else:
            whole.update(json.dumps(part, sort_keys=True, default=str).encode())
        whole.update(b"\n")
    return whole.hexdigest()[:16]
