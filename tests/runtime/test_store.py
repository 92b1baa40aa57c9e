"""The feature store: whole files under names made of content, and what can be wrong with it."""

from __future__ import annotations

import errno
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from emonets.errors import DataError, EmoNetsError
from emonets.runtime.store import MARK, FeatureStore, content_digest, parameter_digest


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "store")


def test_keeps_arrays_and_what_they_are(store: FeatureStore) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "n": np.array(3), "b": np.array([True, False])}
    store.write("kind/ab/x.safetensors", arrays, {"clip": "x.mp4"})
    assert store.has("kind/ab/x.safetensors")
    assert not store.has("kind/ab/y.safetensors")
    kept = store.read("kind/ab/x.safetensors")
    assert all(np.array_equal(kept[k], v) and kept[k].dtype == v.dtype for k, v in arrays.items())
    assert store.about("kind/ab/x.safetensors") == {"clip": "x.mp4"}


def test_nothing_but_what_was_found_wrong(store: FeatureStore) -> None:
    store.write("x.safetensors", {}, {"problem": "is damaged"})
    assert store.read("x.safetensors") == {}
    assert store.about("x.safetensors")["problem"] == "is damaged"


def test_a_damaged_file_is_named(store: FeatureStore) -> None:
    store.write("x.safetensors", {"a": np.zeros(100)}, {})
    assert store.folder is not None
    file = store.folder / "x.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DataError, match=r"x\.safetensors: damaged .* delete it"):
        store.read("x.safetensors")
    file.write_bytes(b"no such file at all")
    with pytest.raises(DataError, match="damaged"):
        store.about("x.safetensors")
    with pytest.raises(DataError, match="cannot be read"):
        store.read("y.safetensors")


def test_another_version_and_other_folders_are_refused(tmp_path: Path) -> None:
    FeatureStore(tmp_path / "s")
    (tmp_path / "s" / MARK).write_text(json.dumps({"format": "emonets-store", "version": 99}))
    with pytest.raises(DataError, match="store of version 99; this version of emonets reads 1"):
        FeatureStore(tmp_path / "s")
    (tmp_path / "s" / MARK).write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        FeatureStore(tmp_path / "s")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "thesis.doc").write_text("mine")
    with pytest.raises(DataError, match="holds files and is no feature store"):
        FeatureStore(tmp_path / "own")
    with pytest.raises(DataError, match="is a file"):
        FeatureStore(tmp_path / "own" / "thesis.doc")


def test_a_full_disk_leaves_nothing_half_written(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        with open(self, "wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        with pytest.raises(EmoNetsError, match=r"No space left on device.*free space"):
            store.write("k/x.safetensors", {"a": np.zeros(10)}, {})
    assert not store.has("k/x.safetensors")
    assert store.folder is not None
    assert [p.name for p in (store.folder / "k").iterdir()] == []


def test_many_writers_of_one_file(store: FeatureStore) -> None:
    arrays = {"a": np.arange(50_000)}

    def write(_: int) -> bool:
        store.write("k/x.safetensors", arrays, {})
        return bool(np.array_equal(store.read("k/x.safetensors")["a"], arrays["a"]))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write, range(40)))
    assert store.folder is not None
    assert [p.name for p in (store.folder / "k").iterdir()] == ["x.safetensors"]


def test_a_store_elsewhere() -> None:
    pytest.importorskip("fsspec")
    store = FeatureStore("memory://emonets-test/store")
    store.write("k/x.safetensors", {"a": np.arange(3)}, {"n": 1})
    again = FeatureStore("memory://emonets-test/store")
    assert again.folder is None
    assert again.has("k/x.safetensors")
    assert np.array_equal(again.read("k/x.safetensors")["a"], np.arange(3))
    assert again.about("k/x.safetensors") == {"n": 1}
    with pytest.raises(DataError, match="no such store can be opened"):
        FeatureStore("nosuchprotocol://place")


def test_content_names_a_file_wherever_it_lies(tmp_path: Path) -> None:
    one, other = tmp_path / "a.bin", tmp_path / "b.bin"
    one.write_bytes(b"x" * 3_000_000)
    shutil.copyfile(one, other)
    os.utime(other, (1, 1))
    assert content_digest(one) == content_digest(other)
    other.write_bytes(b"x" * 2_999_999 + b"y")
    assert content_digest(one) != content_digest(other)
    with pytest.raises(DataError, match="cannot be read"):
        content_digest(tmp_path / "none")
    folder = tmp_path / "frames"
    folder.mkdir()
    (folder / "1.png").write_bytes(b"ab")
    (folder / "2.png").write_bytes(b"c")
    before = content_digest(folder)
    (folder / "1.png").write_bytes(b"a")
    (folder / "2.png").write_bytes(b"bc")
    assert content_digest(folder) != before


def test_parameters_name_what_they_decide() -> None:
    assert parameter_digest({"a": 1, "b": 2}) == parameter_digest({"b": 2, "a": 1})
    assert parameter_digest({"a": 1}) != parameter_digest({"a": 2})
    assert parameter_digest(np.zeros(3)) != parameter_digest(np.zeros(3, np.float32))
