"""The Toronto Face Database in its file: what is read, and the errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from emonets.datasets.readers.tfd import read_tfd
from emonets.errors import DataError, ParameterError

RNG = np.random.default_rng(0)
N = 9
IMAGES = RNG.integers(0, 256, size=(N, 48, 48), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 3, 4, 5, 6, 0, 3])
USAGE = np.array([0, 0, 0, 1, 2, 2, 0, 1, 0])
VOTES = RNG.integers(0, 11, size=(N, 10), dtype=np.uint8)


def tfd(path: Path, **changes: Any) -> Path:
    data: dict[str, Any] = {
        "images": IMAGES,
        "labs_ex": np.array([1, 2, 3, 4, 5, 6, 7, -1, -1]),
        "labs_id": np.array([5, 5, 8, -1, -1, 9, 9, -1, 3]),
        "folds": np.array([[1, 2, 3, 1, 1], [1] * 5, [2] * 5, [2] * 5, [3] * 5, [3] * 5, [1] * 5,
                           [0] * 5, [0] * 5]),
    }  # fmt: skip
    data |= changes
    savemat(path, {k: v for k, v in data.items() if v is not None}, oned_as="column")
    return path


def test_tfd(tmp_path: Path) -> None:
    faces = read_tfd(tfd(tmp_path / "TFD_48x48.mat"))
    assert (faces.images == IMAGES[:7]).all()
    assert faces.labels.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert faces.split is not None
    assert faces.split.tolist() == ["train", "train", "valid", "valid", "test", "test", "train"]
    assert faces.name == "tfd"
    assert faces.groups is not None
    g = faces.groups.tolist()
    assert g[0] == g[1] != g[2]
    assert g[5] == g[6]
    assert len(set(g)) == 5  # two unknown people are two, not one
    assert read_tfd(tmp_path / "TFD_48x48.mat", fold=2).split.tolist()[0] == "test"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        {"images": IMAGES.transpose(1, 2, 0)},
        {"images": IMAGES.astype(float)},
        {"labs_id": None},
        {"labs_ex": np.array([[1.0, 2, 3, 4, 5, 6, 7, -1, -1]])},
    ],
    ids=["images last", "floats", "nobody named", "labels in a row"],
)
def test_tfd_in_other_shapes(change: dict[str, Any], tmp_path: Path) -> None:
    faces = read_tfd(tfd(tmp_path / "TFD_48x48.mat", **change))
    assert (faces.images == IMAGES[:7]).all()
    assert faces.labels.tolist() == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labs_ex": None}, "labs_ex missing"),
        ({"labs_ex": np.array([8, 2, 3, 4, 5, 6, 7, -1, -1])}, "label 8 of image 0"),
        ({"labs_ex": np.full(9, -1)}, "not one of its 9 images is labelled"),
        ({"labs_ex": np.full(9, np.nan)}, "whole numbers in labs_ex"),
        ({"labs_ex": np.ones(8)}, r"\(8, side, side\) for 8 labels"),
        ({"images": IMAGES[:, :40]}, "side, side"),
        ({"images": IMAGES.astype(float) / 255}, "whole numbers in images"),
        ({"images": IMAGES.astype(int) * 2}, r"expected 0\.\.255"),
        ({"folds": np.ones((9, 4))}, r"folds of shape \(9, 5\)"),
        ({"folds": np.zeros((9, 5))}, "image 0 is labelled, but its entry in fold 0 is 0"),
        ({"labs_id": np.ones(4)}, "9 labels but 4 labs_id"),
    ],
)
def test_wrong_tfd(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = tfd(tmp_path / "TFD_48x48.mat", **change)
    with pytest.raises(DataError, match=rf"TFD_48x48\.mat: .*{message}"):
        read_tfd(path)


def test_damaged_and_newer_mat_files(tmp_path: Path) -> None:
    whole = tfd(tmp_path / "whole.mat").read_bytes()
    path = tmp_path / "TFD_48x48.mat"
    for k in range(16):
        path.write_bytes(whole[: len(whole) * k // 16])
        with pytest.raises(DataError, match=r"TFD_48x48\.mat"):
            read_tfd(path)
    # what MATLAB writes with -v7.3: its own header of 512 bytes, then HDF5
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM"
    path.write_bytes(head.ljust(512, b"\0") + b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(DataError, match=r"7\.3 .*-v7"):
        read_tfd(path)
    with pytest.raises(ParameterError, match=r"fold must be one of 0\.\.4, got 5"):
        read_tfd(path, fold=5)
    with pytest.raises(DataError, match="no such file"):
        read_tfd(tmp_path / "none.mat")
