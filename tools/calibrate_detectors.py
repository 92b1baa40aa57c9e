"""Measure how faces lie: in FER2013's frame, and in the boxes of each detector.

    python tools/calibrate_detectors.py [--data ../shared/data] [--faces 4000]

Prints the constants of ``emonets.tubes``: ``FER_LANDMARK_MEAN`` of registration (from the Training
part of FER2013), the ``Framing`` of every detector (from one frame in each third clip of the
Javanese set and every RAVDESS clip), and what faces and random background patches of the same
frames score in ``shape_residuals`` and in symmetry. Nothing is written; no validation or test
pictures of FER2013 are looked at.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from emonets.media.clip import open_clip
from emonets.tubes.boxes import Framing
from emonets.tubes.centerface import CenterFace
from emonets.tubes.detect import Haar
from emonets.tubes.landmarks import MIRRORED, FaceLandmarker, asymmetry
from emonets.tubes.neighbourhood import cut_crop, neighbourhood
from emonets.tubes.registration import (
    FER_LANDMARK_MEAN,
    FER_MEAN_SHAPE,
    FER_SIZE,
    TUBE_SIZE,
    TUBE_TO_FER,
    apply,
    invert,
    shape_residuals,
    similarity,
)

RAW = Framing(1.0)
INNER_MIRRORED = MIRRORED[17:] - 17
PERCENTILES = (1, 5, 50, 95, 99)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--faces", type=int, default=4000, help="FER2013 pictures to look at")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    landmarker = FaceLandmarker(threads=2)
    mean = fer_mean(options.data / "fer2013.npz", landmarker, options.faces, options.seed)
    frames = sample_frames(options.data)
    framing = {}
    for detector in (
        CenterFace(coarse=640, finest=640, framing=RAW),
        CenterFace(coarse=160, finest=160, framing=RAW),
        Haar(framing=RAW),
    ):
        name = detector.name + (f" {detector.finest}" if isinstance(detector, CenterFace) else "")
        framing[name] = calibrate(name, detector, frames, landmarker, mean)
    look_at_patches(frames, framing["centerface 640"], landmarker, options.seed)


def symmetric_points(landmarker: FaceLandmarker, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The 51 inner points, (n, 51, 2): mean of those in the crops and in their mirror images."""
    both = landmarker.points(crops).astype(np.float64) + landmarker.mirrored_points(crops)
    return both[:, 17:] / 2


def fer_mean(path: Path, landmarker: FaceLandmarker, number: int, seed: int) -> NDArray[np.float64]:
    """Mean of the 51 points over frontal Training faces and their mirror images."""
    with np.load(path) as data:
        images = data["images"][data["usage"] == 0]
    images = images[np.random.default_rng(seed).permutation(len(images))[:number]]
    # shown to the landmarker as it will see tubes: through the inverse of the fixed transform
    centre = invert(TUBE_TO_FER)
    centre[:, 2] += centre[:, :2] @ [0.5, 0.5] - 0.5
    size = (TUBE_SIZE, TUBE_SIZE)
    tubes = np.stack(
        [
            cv2.warpAffine(
                image, centre, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
            for image in images
        ]
    )
    points = apply(
        TUBE_TO_FER, symmetric_points(landmarker, np.repeat(tubes[..., None], 3, axis=3))
    )
    nose, left, right = points[:, 13, 0], points[:, 19, 0], points[:, 28, 0]
    turned = np.abs((nose - left) - (right - nose)) / (right - left)
    chosen = points[(turned < 0.15) & (shape_residuals(points) < 2.2)]
    mean: NDArray[np.float64] = chosen.mean(axis=0)
    mirrored = mean[INNER_MIRRORED] * [-1, 1] + [FER_SIZE, 0]
    mean = (mean + mirrored) / 2
    for name, shape in (
        ("FER_LANDMARK_MEAN", FER_LANDMARK_MEAN),
        ("FER_MEAN_SHAPE", FER_MEAN_SHAPE),
    ):
        fit = similarity(shape, mean)
        away = mean - shape
        rest = mean - apply(fit, shape)
        print(
            f"FER2013: {len(chosen)} of {len(images)} faces; from {name} of the code: RMS "
            f"{rms(away):.3f} px, shift {away.mean(axis=0).round(3)}, scale "
            f"{np.hypot(fit[0, 0], fit[1, 0]):.4f}, RMS after a similarity {rms(rest):.3f} px"
        )
    pairs = [f"[{x:.3f}, {y:.3f}]" for x, y in mean]
    print("FER_LANDMARK_MEAN = [")
    for k in range(0, len(pairs), 5):
        print("        " + ", ".join(pairs[k : k + 5]) + ",")
    print("]")
    return mean


def rms(difference: NDArray[np.float64]) -> float:
    return float(np.sqrt((difference**2).sum(axis=-1).mean()))


def sample_frames(data: Path) -> list[NDArray[np.uint8]]:
    """A frame from the middle of each chosen clip, and its mirror image."""
    frames = []
    clips = sorted((data / "javanese_av").glob("*.mp4"))[1::3]
    for path in [*clips, *sorted((data / "ravdess_av").glob("*.mp4"))]:
        clip = open_clip(path)
        middle = (clip.info.duration or 2.0) / 2
        image = next(f.image for f in clip.frames() if f.time >= middle)
        frames += [image, np.ascontiguousarray(image[:, ::-1])]
    return frames


def calibrate(
    name: str,
    detector: CenterFace | Haar,
    frames: list[NDArray[np.uint8]],
    landmarker: FaceLandmarker,
    mean: NDArray[np.float64],
) -> Framing:
    """The framing under which the mean of the faces' shapes is that of FER2013's faces.

    ``detector`` has the framing of its raw boxes' longer side, centred. Landmarks move a little
    with the square they are looked for in, so this is repeated until it stands still.
    """
    raw, used = [], []
    for frame in frames:
        if isinstance(detector, CenterFace):
            detector.reset()
        found = detector.detect(frame)
        if len(found) == 1:
            raw.append(found.boxes[0].astype(np.float64))
            used.append(frame)
    boxes = np.array(raw)
    target = apply(invert(TUBE_TO_FER), mean)
    framing = Framing(1.2, 0.0, 0.0)
    for _ in range(4):
        squares = framing.apply(boxes).astype(np.float64)
        crops = np.stack(
            [
                cut_crop(neighbourhood(f, s), s, TUBE_SIZE)
                for f, s in zip(used, squares, strict=True)
            ]
        )
        shapes = symmetric_points(landmarker, crops)
        fit = similarity(target, shapes.mean(axis=0))  # the wanted tube, in the present one
        scale = float(np.hypot(fit[0, 0], fit[1, 0]))
        centre = apply(fit, np.full((1, 2), TUBE_SIZE / 2))[0] / TUBE_SIZE - 0.5
        framing = Framing(
            framing.side * scale,
            (framing.dx + float(centre[0])) / scale,
            (framing.dy + float(centre[1])) / scale,
        )
    placed = apply(TUBE_TO_FER, shapes)
    scales = np.array([np.hypot(*similarity(target, s)[:, 0]) for s in shapes])
    print(
        f"{name}: {len(boxes)} of {len(frames)} frames with one face; Framing(side="
        f"{framing.side:.3f}, dx={framing.dx:.3f}, dy={framing.dy:.3f}); mean shape in FER2013's "
        f"frame RMS {rms(placed.mean(axis=0) - mean):.2f} px from its mean; scale varies by "
        f"{scales.std() / scales.mean():.3f}, centres by "
        f"{placed.mean(axis=1).std(axis=0).round(2)} px"
    )
    return framing


def look_at_patches(
    frames: list[NDArray[np.uint8]], framing: Framing, landmarker: FaceLandmarker, seed: int
) -> None:
    """Residuals and asymmetry of faces (moved at random by 4 %) and of patches without a face."""
    rng = np.random.default_rng(seed)
    detector = CenterFace(coarse=640, finest=640, framing=framing)
    crops: dict[str, list[NDArray[np.uint8]]] = {"faces": [], "patches": []}
    for frame in frames:
        detector.reset()
        found = detector.detect(frame).boxes.astype(np.float64)
        if len(found) != 1:
            continue
        face = found[0]
        side = face[2] - face[0]
        size = side * np.exp(rng.normal(0, 0.04))
        corner = (face[:2] + face[2:] - size) / 2 + rng.normal(0, 0.04, 2) * side
        square = np.concatenate([corner, corner + size])
        crops["faces"].append(cut_crop(neighbourhood(frame, square), square, TUBE_SIZE))
        height, width = frame.shape[:2]
        kept = 0
        for _ in range(200):
            size = rng.uniform(30, 150)
            corner = rng.uniform((0, 0), (width - size, height - size))
            shared = np.maximum(
                np.minimum(corner + size, face[2:]) - np.maximum(corner, face[:2]), 0
            ).prod()
            square = np.concatenate([corner, corner + size])
            crop = cut_crop(neighbourhood(frame, square), square, TUBE_SIZE)
            # a patch of plain wall would be no test
            if shared < 0.2 * min(size, side) ** 2 and crop.std() > 15:
                crops["patches"].append(crop)
                kept += 1
            if kept == 3:
                break
    for name, pictures in crops.items():
        stack = np.stack(pictures)
        plain, mirrored = landmarker.points(stack), landmarker.mirrored_points(stack)
        residual = shape_residuals((plain + mirrored) / 2)
        alone = shape_residuals(plain)
        for what, values in (
            ("residual, px", residual),
            ("residual without mirroring, px", alone),
            ("asymmetry, part of the side", asymmetry(plain, mirrored, TUBE_SIZE)),
        ):
            numbers = np.percentile(values, PERCENTILES).round(3)
            print(f"{len(stack)} {name}: {what} at {PERCENTILES} %: {numbers}")


if __name__ == "__main__":
    main()
