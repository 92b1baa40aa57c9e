"""TFD in one file, and as class folders of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.io import savemat

from dataset_trees._made import SEVEN, Tree, stray_picture
from dataset_trees.class_folders import pictures


def tfd_mat(root: Path) -> Path:
    n = 28
    savemat(
        root / "TFD_48x48.mat",
        {
            "images": np.random.default_rng(1).integers(0, 256, (n, 48, 48), dtype=np.uint8),
            "labs_ex": np.array([*np.tile(np.arange(1, 8), 3), *[-1] * 7])[:, None],
            "labs_id": np.repeat([1, 2, 3, 4], 7)[:, None],
            "folds": np.repeat([1, 2, 3, 0], 7)[:, None].repeat(5, axis=1),
        },
    )
    return root / "TFD_48x48.mat"


TREES = {
    "tfd, mat": Tree(
        "tfd",
        tfd_mat,
        SEVEN,
        21,
        3,
        examples={"row 0": ("angry", "1", "train", "still")},
        splits="train valid test",
    ),
    "tfd, folders": Tree(
        "tfd",
        pictures,
        SEVEN,
        14,
        14,
        examples={"sad/0.png": ("sad", "sad/0.png", "", "still")},
        stray=stray_picture,
        options={"layout": "tfd"},
    ),
}
