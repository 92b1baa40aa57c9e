"""The synchrony autoencoder: that it encodes motion, what its filters look like, how it learns.

    python benchmarks/synchrony.py --data ../shared/data --work WORK --what direction
    python benchmarks/synchrony.py --data ../shared/data --work WORK --what curves

``direction``: patches of single film frames are shifted in one of eight directions by one or two
pixels a frame, and gratings drift; blocks of 10 × 16 × 16, whitened to 300 components. A linear
classifier reads the direction from the features of an autoencoder that was trained on the shifted
patches, from one that was trained without contraction, and from the whitened components
themselves; it is scored on patches of other people and gratings of other frequencies and phases.
How much contraction there is is chosen on patches of a third group of people. Draws the filters
and the scores.

``curves``: the blocks and the autoencoder of the preset `paper` on the Javanese films, by its
schedule and by that of `modern`: loss against passes over the blocks, and the filters as in the
paper's Figure 6. Hours; interrupted, it goes on from what lies in WORK.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.linear_model import RidgeClassifierCV

from emonets.datasets import open_dataset
from emonets.evaluation.figures import filters, save
from emonets.evaluation.records import Evidence, write_results
from emonets.learners.streamed_pca import StreamedPCA
from emonets.learners.synchrony.autoencoder import SynchronyAutoencoder
from emonets.media.clip import open_clip
from emonets.specialists.activity import BLOCK, grey
from emonets.specialists.activity.motion_code import fit_filters
from emonets.training.preset import load_section
from labelled_clips import motion_clips

FIGURES = Path("docs/figures")
DIRECTIONS = 8
CONTRACTIONS = (0.0, 3.0, 8.0, 16.0)
SYNCHRONY, PLAIN, COMPONENTS = (
    "synchrony features", "the same without contraction", "PCA of the same size",
)  # fmt: skip
INK, FIRST, SECOND, THIRD = "#1a1a1a", "#1f6fb2", "#c4560a", "#6b6b6b"


def shifted(images: list[np.ndarray], n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches of pictures that move by 1 or 2 pixels a frame, and their directions."""
    random = np.random.default_rng(seed)
    size_t, size, _ = BLOCK
    reach = 2 * size_t
    which = random.integers(DIRECTIONS, size=n)
    blocks = np.empty((n, *BLOCK), np.float32)
    for i, direction in enumerate(which):
        image = images[random.integers(len(images))]
        y, x = (random.integers(reach, s - size - reach) for s in image.shape)
        angle = 2 * np.pi * direction / DIRECTIONS
        step = random.uniform(1, 2) * np.array([np.sin(angle), np.cos(angle)])
        for t in range(size_t):
            dy, dx = np.round(t * step).astype(int)
            blocks[i, t] = image[y + dy : y + dy + size, x + dx : x + dx + size]
    return normalised(blocks), which


def gratings(n: int, seed: int, odd: bool) -> tuple[np.ndarray, np.ndarray]:
    """Drifting sines; even or odd frequencies of 20, phases at random."""
    random = np.random.default_rng(seed)
    which = random.integers(DIRECTIONS, size=n)
    t, y, x = np.indices(BLOCK)
    blocks = np.empty((n, *BLOCK), np.float32)
    for i, direction in enumerate(which):
        frequency = 0.05 + 0.0075 * (2 * random.integers(10) + odd)
        angle = 2 * np.pi * direction / DIRECTIONS + random.uniform(-0.3, 0.3)
        along = np.cos(angle) * x + np.sin(angle) * y
        phase = random.uniform(0, 2 * np.pi)
        speed = random.uniform(1, 2)
        blocks[i] = np.sin(2 * np.pi * frequency * (along - speed * t) + phase)
    return normalised(blocks), which


def normalised(blocks: np.ndarray) -> np.ndarray:
    x = blocks.reshape(len(blocks), -1)
    x = x - x.mean(axis=1, keepdims=True)
    return x / (x.std(axis=1, keepdims=True) + 1e-3)


def pictures(paths: list[Path], each: int = 6) -> list[np.ndarray]:
    """Some grey frames of each film."""
    found = []
    for path in paths:
        frames = [grey(frame.image) for frame in open_clip(path).frames()]
        found += [frames[i] for i in np.linspace(0, len(frames) - 1, each).astype(int)]
    return found


def read_out(a: np.ndarray, y: np.ndarray, b: np.ndarray, z: np.ndarray) -> float:
    centre, scale = a.mean(axis=0), a.std(axis=0) + 1e-6
    reader = RidgeClassifierCV(10.0 ** np.arange(-1, 5)).fit((a - centre) / scale, y)
    return float(reader.score((b - centre) / scale, z))


def direction(options: argparse.Namespace) -> None:
    films = open_dataset(options.data / "javanese_av")
    names = np.unique(films.groups)
    n, new = options.blocks, 4000
    learned, chosen, tested = (
        pictures([item.path for item in films.items if item.group in some])
        for some in (names[:-4], names[-4:-2], names[-2:])
    )
    x, y = shifted(learned, n, 0)
    pca = StreamedPCA(300, whiten=True).fit(x)
    white = pca.transform(x)
    del x
    recipe = load_section("modern", "activity")["synchrony"]
    tried: dict[float, tuple[float, SynchronyAutoencoder]] = {}
    look, truth = shifted(chosen, new, 4)
    for contraction in CONTRACTIONS:
        began = time.monotonic()
        made = SynchronyAutoencoder(**{**recipe, "contraction": contraction}, random_state=0)
        made.fit(white)
        score = read_out(made.transform(white), y, made.transform(pca.transform(look)), truth)
        tried[contraction] = score, made
        print(f"contraction {contraction:g}: {score:.1%}, loss {made.history_['loss'][-1]:.2f}, "
              f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    best = max(tried, key=lambda contraction: tried[contraction][0])
    coders: dict[str, Any] = {
        SYNCHRONY: tried[best][1], PLAIN: tried[0.0][1], COMPONENTS: None,
    }  # fmt: skip
    sets = {
        "shifted patches": ((white, y), shifted(tested, new, 1)),
        "gratings": (gratings(new, 2, False), gratings(new, 3, True)),
    }
    scores: dict[str, list[float]] = {}
    rows: list[Evidence] = []
    command = "python benchmarks/synchrony.py --data DATA --work WORK --what direction"
    for what, coder in coders.items():
        for data, ((a, of_a), (b, of_b)) in sets.items():
            parts = [part if part.shape[1] == 300 else pca.transform(part) for part in (a, b)]
            if coder is not None:
                parts = [coder.transform(part) for part in parts]
            value = read_out(parts[0], of_a, parts[1], of_b)
            scores.setdefault(what, []).append(value)
            print(f"{what:30s} {data:16s} {value:.1%}", flush=True)
            rows.append(
                Evidence(what=f"direction of motion read linearly from {what}", data=data,
                    classes=DIRECTIONS, split="other people, frequencies and phases", n=new,
                    metric="accuracy", value=value, seed=0, command=command,
                    note=f"contraction {best:g}, chosen on two other people"
                    if what == SYNCHRONY else "")
            )  # fmt: skip
    shown = tried[best][1].weights_ @ pca.components_
    write_results("activity", rows)
    bars(list(sets), scores, FIGURES / "synchrony_direction.png")
    title = "Filters learned from shifted patches"
    save(filters(shown.reshape(-1, *BLOCK), title=title), FIGURES / "synchrony_filters_shifts.png")


def curves(options: argparse.Namespace) -> None:
    _, shown = motion_clips(options.data / "javanese_av", "frames", options.work)
    found: dict[str, Any] = {}
    for preset in ("modern", "paper"):
        settings = {**load_section("paper", "activity"), "longest": 0, "on": "frames"}
        settings["synchrony"] = load_section(preset, "activity")["synchrony"]
        found[preset] = fit_filters(shown, settings, work=options.work)
        draw_curves(found, FIGURES / "synchrony_curves.png")
        if preset == "paper":
            title = "Filters learned from the Javanese films, as in the paper's Figure 6"
            save(filters(found[preset], title=title), FIGURES / "synchrony_filters.png")
    rows = []
    command = "python benchmarks/synchrony.py --data DATA --work WORK --what curves"
    goal = found["paper"].autoencoder.history_["loss"][-1]
    for preset, made in found.items():
        loss = np.array(made.autoencoder.history_["loss"])
        reached = np.flatnonzero(loss <= goal * 1.001)
        about = {"data": "javanese_av", "split": "200,000 blocks", "command": command, "seed": 0}
        what = f"autoencoder, schedule of {preset}"
        rows.append(Evidence(what=what, metric="squared error a block", value=loss[-1], **about))
        if len(reached):
            epochs = int(reached[0]) + 1
            rows.append(
                Evidence(what=what, metric="epochs to the paper's last loss", value=epochs, **about)
            )
    for row in write_results("activity", rows):
        print(row)


def figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=150, facecolor="white")


def bars(sets: list[str], scores: dict[str, list[float]], path: Path) -> None:
    picture = figure(6.4, 3.4)
    axes = picture.add_axes((0.11, 0.12, 0.86, 0.66))
    colours = {SYNCHRONY: FIRST, PLAIN: SECOND, COMPONENTS: THIRD}
    for k, (what, values) in enumerate(scores.items()):
        places = np.arange(len(values)) + 0.26 * (k - 1)
        axes.bar(places, values, 0.24, color=colours[what], label=what)
        for place, value in zip(places, values, strict=True):
            axes.text(place, value + 0.015, f"{value:.0%}", ha="center", fontsize=8, color=INK)
    axes.axhline(1 / DIRECTIONS, color=INK, linewidth=0.8, linestyle=":")
    axes.text(0.5, 1 / DIRECTIONS + 0.012, "chance", fontsize=8, color=INK, ha="center")
    axes.set_xticks(range(len(sets)), sets)
    axes.set_ylim(0, 1.1)
    axes.set_yticks(np.linspace(0, 1, 6), [f"{x:.0%}" for x in np.linspace(0, 1, 6)])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.0))
    picture.text(0.02, 0.93, "Direction of motion read linearly, on unseen content", fontsize=10,
                 color=INK)  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, metadata={"Software": None})


def draw_curves(found: dict[str, Any], path: Path) -> None:
    picture = figure(6.4, 3.6)
    axes = picture.add_axes((0.11, 0.14, 0.86, 0.7))
    for (preset, made), colour in zip(found.items(), (FIRST, SECOND), strict=False):
        loss = made.autoencoder.history_["loss"]
        axes.plot(np.arange(1, len(loss) + 1), loss, color=colour, label=preset)
        axes.annotate(
            f"{preset}: {loss[-1]:.2f} after {len(loss):,}", (len(loss), loss[-1]), color=colour,
            xytext=(0, -11), fontsize=8, textcoords="offset points", ha="right",
        )  # fmt: skip
        axes.plot(len(loss), loss[-1], "o", color=colour, markersize=4)
    axes.set_xscale("log")
    axes.set_ylim(4, 9)  # the first pass, far above, is left out
    axes.tick_params(labelsize=8)
    axes.set_xlabel("passes over 200,000 blocks", fontsize=9)
    axes.set_ylabel("squared error a block", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    picture.text(0.02, 0.93, "The synchrony autoencoder by the paper's schedule and by modern's",
                 fontsize=10, color=INK)  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.savefig(path, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("emonets-work"))
    parser.add_argument("--what", choices=("direction", "curves"), required=True)
    parser.add_argument("--blocks", type=int, default=40_000)
    options = parser.parse_args()
    (direction if options.what == "direction" else curves)(options)


if __name__ == "__main__":
    main()
