"""Isotropic smoothing of 48 × 48 faces: the sine transform against a sparse direct solve.

    python benchmarks/isotropic_smoothing.py

The baseline is what the definition says and the toolbox does: one sparse linear system a picture,
solved directly; its matrix is built once, outside the timing.
"""

from __future__ import annotations

import time

import numpy as np
from scipy.sparse import csc_array, diags_array, eye_array, kron
from scipy.sparse.linalg import spsolve

from emonets.evaluation.records import Evidence, write_results
from emonets.specialists.face.illumination import isotropic_smoothing

SIDE, PAD, SMOOTHNESS = 48, 3, 7.0


def system() -> csc_array:
    n = SIDE + 2 * PAD
    shift = diags_array([np.ones(n - 1), np.ones(n - 1)], offsets=[-1, 1])
    neighbours = kron(shift, eye_array(n)) + kron(eye_array(n), shift)
    return csc_array((1 + 4 * SMOOTHNESS) * eye_array(n * n) - SMOOTHNESS * neighbours)


def direct(image: np.ndarray, matrix: csc_array) -> tuple[np.ndarray, np.ndarray]:
    x = image.astype(float)
    v = np.ceil((x - x.min()) / (x.max() - x.min()) * 255)
    f = np.pad(v, PAD, mode="symmetric") / 255 + 0.001
    luminance = spsolve(matrix, f.ravel()).reshape(f.shape)
    inside = slice(PAD, -PAD), slice(PAD, -PAD)
    return (f / luminance)[inside], luminance[inside]


def main() -> None:
    rng = np.random.default_rng(0)
    smooth = rng.random((256, 8, 8)).repeat(6, axis=1).repeat(6, axis=2)
    images = np.clip(smooth * 200 + rng.normal(0, 12, (256, SIDE, SIDE)), 0, 255).astype(np.uint8)
    matrix = system()
    ours, theirs, worst = [], [], 0.0
    isotropic_smoothing(images[:2])
    for _ in range(5):
        start = time.perf_counter()
        r, luminance = isotropic_smoothing(images, return_luminance=True)
        ours.append((time.perf_counter() - start) / len(images))
        start = time.perf_counter()
        some = [direct(image, matrix) for image in images[:20]]
        theirs.append((time.perf_counter() - start) / 20)
        for i, (a, b) in enumerate(some):
            worst = max(worst, np.abs(r[i] - a).max(), np.abs(luminance[i] - b).max())
    fast, slow = np.median(ours), np.median(theirs)
    print(f"sine transform {fast * 1e3:.3f} ms, sparse direct solve {slow * 1e3:.3f} ms a picture")
    print(f"ratio {slow / fast:.1f}, largest difference of R and L {worst:.1e}")
    row = Evidence(
        what="isotropic smoothing, sine transform against a sparse direct solve",
        data="made-up pictures 48x48", split="none", n=len(images), metric="ratio",
        value=float(slow / fast), seed=0, command="python benchmarks/isotropic_smoothing.py",
    )  # fmt: skip
    write_results("speed", [row])


if __name__ == "__main__":
    main()
