"""Train the face network of ``modern`` on many corpora, to be right on people of none of them.

    python tools/train_strangers_face.py --corpora CORPORA --fer FER2013.npz --work WORK RUN

It begins from the face recognition network that ships (NOTICE). Classes are drawn evenly, sources
by the shares of ``strangers_material.py``. Faces are changed at random so that nothing tells their
source (`emonets.training.strangers.changes`). Near copies of test faces are not trained on.

``--start BUNDLE`` begins from that bundle's face instead. ``--teachers BUNDLE …`` makes the answers
of finished faces a part (``--taught``) of the targets, and less of the rest is smoothed. ``modern``
was made in two runs, the second with ``--start FIRST --teachers FIRST open --rate 3e-4 --head 2
--flat 0.2 --smoothing 0.05 --faces 500000``, where FIRST is a bundle with the face of the first.

Every ``--every`` faces a checkpoint is written to WORK/RUN, and the averaged weights are scored by
mean UAR on the corpora to choose by: CK+48, CK+ and web, Ethiopian, and the own test part of the
AffectNet subset. The same command continues from the checkpoint. At its end offsets on the classes
and a temperature are fitted on these sets, and WORK/RUN holds ``face.safetensors`` and
``face.json`` for ``install_face.py``. FER2013's PrivateTest is not scored.
"""

from __future__ import annotations

import argparse
import json
import platform
import queue
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from emonets.emotions import EMOTIONS
from emonets.errors import EmoNetsError
from emonets.model import EmoNets
from emonets.runtime.files import write_whole
from emonets.training.strangers.frames import SIZE, frames_of
from emonets.training.strangers.material import Drawing, Faces
from emonets.training.strangers.offsets import (
    calibration_error,
    fit_offsets,
    fit_temperature,
    probabilities,
    recall_mean,
)
from emonets.training.strangers.run import Recipe, StrangersRun
from emonets.training.strangers.teachers import taught
from strangers_material import CORPORA, SHARES, TRAINED, material

WAITING = 8
"""Batches that are drawn ahead."""
Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]


def batches(drawing: Drawing, first: int, last: int, size: int) -> Iterator[Batch]:
    """Batches of steps ``first`` to before ``last``, drawn by a thread ahead of time."""
    waiting: queue.Queue[Batch] = queue.Queue(WAITING)

    def draw() -> None:
        for step in range(first, last):
            waiting.put(drawing.batch(step, size))

    threading.Thread(target=draw, daemon=True).start()
    for _ in range(first, last):
        yield waiting.get()


def answers(run: StrangersRun, choose: dict[str, Faces], thin: int = 1) -> dict[str, Any]:
    """Test set → logits (2, n, 7) and labels (n,); every ``thin``-th face, but of CK+48."""
    found = {}
    for name, faces in choose.items():
        some = faces.select(np.arange(0, len(faces), 1 if name == "ckplus48" else thin))
        found[name] = run.logits(frames_of(some.images)), some.labels
    return found


def scores(
    found: dict[str, Any], offsets: NDArray[np.float64], temperature: float
) -> dict[str, Any]:
    """UAR and recalls, among the classes that are present, of each set; and their mean UAR."""
    about: dict[str, Any] = {}
    for name, (logits, labels) in found.items():
        p = probabilities(logits, offsets, temperature)
        classes = np.unique(labels)
        best = classes[p[:, classes].argmax(axis=1)]
        about[name] = {
            "n": len(labels), "uar": recall_mean(p, labels),
            "accuracy": float((p.argmax(axis=1) == labels).mean()),
            "calibration_error": calibration_error(p, labels),
            "recall": {
                EMOTIONS[c]: round(float((best[labels == c] == c).mean()), 4) for c in classes
            },
        }  # fmt: skip
    about["mean_uar"] = float(np.mean([v["uar"] for k, v in about.items() if k != "public"]))
    return about


def write_result(
    folder: Path, run: StrangersRun, train: dict[str, Faces], found: dict[str, Any],
    minutes: float, start: str,
) -> None:  # fmt: skip
    """The averaged weights, and their record for ``install_face.py``."""
    write_whole(folder / "face.safetensors", save(run.averaged()))
    choosing = {name: found[name] for name in found if name != "public"}
    offsets = fit_offsets(choosing)
    temperature = fit_temperature(choosing, offsets)
    about = scores(found, offsets, temperature)
    card = {
        "trained_on": " + ".join(train),
        "faces": sum(map(len, train.values())),
        "sources": {
            name: {"faces": len(faces), "share": SHARES[name]} for name, faces in train.items()
        },
        "start": start or "dlib's face recognition network (CC0), @vladmandic/face-api 1.7.15",
        "chosen_by": "mean UAR on ckplus48, ckplus_web, ethiopian, affectnet_subset's test part",
        "chosen_uar": round(about["mean_uar"], 4),
        "scores": {name: value for name, value in about.items() if name != "mean_uar"},
        "recipe": asdict(run.recipe),
        "seed": run.recipe.seed,
        "minutes": round(minutes, 1),
        "machine": platform.machine(),
    }
    record = {
        "size": SIZE, "offsets": offsets.round(4).tolist(), "temperature": temperature,
        "mirror": True, "card": card,
    }  # fmt: skip
    write_whole(folder / "face.json", (json.dumps(record, indent=1) + "\n").encode())
    print(json.dumps(about, indent=1))


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    folder: Path = args.work / args.run
    folder.mkdir(parents=True, exist_ok=True)
    recipe = Recipe(
        faces=args.faces, batch_size=args.batch, learning_rate=args.rate, seed=args.seed,
        head=args.head, flat=args.flat, smoothing=args.smoothing,
    )  # fmt: skip
    start = None if args.start is None else EmoNets.load(args.start).face.network.arrays_
    found = material(args.corpora, args.work, args.fer, args.only, args.workers)
    if args.teachers:
        teachers = [EmoNets.load(bundle).face for bundle in args.teachers]
        for name, faces in found.train.items():
            found.train[name] = taught(faces, teachers, args.taught)
            print(f"{name}: taught", flush=True)
    outlined = [name for name in found.train if name != "fer2013" and CORPORA[name].outlined]
    drawing = Drawing(found.train, SHARES, outlined=outlined, seed=args.seed)
    for name, faces in found.train.items():
        print(f"{name}: {len(faces)} faces, {faces.counts()}", flush=True)
    run, checkpoint = StrangersRun(recipe, start=start), folder / "checkpoint.safetensors"
    if checkpoint.exists():
        run.resume(checkpoint)
        print(f"continues after {run.done * recipe.batch_size} faces", flush=True)
    every = max(1, args.every // recipe.batch_size)
    started, first, loss = time.monotonic(), run.done, float("nan")
    for batch in batches(drawing, run.done, recipe.steps, recipe.batch_size):
        value = run.step(*batch)
        loss = value if np.isnan(loss) else 0.98 * loss + 0.02 * value
        if run.done % 50 == 0:
            rate = (run.done - first) * recipe.batch_size / (time.monotonic() - started)
            print(f"{run.done * recipe.batch_size} loss {loss:.3f}, {rate:.0f}/s", flush=True)
        if run.done % every == 0 and run.done < recipe.steps:
            run.save(checkpoint)
            now = scores(answers(run, found.choose, thin=4), np.zeros(7), 1.0)
            print(f"{run.done * recipe.batch_size} mean UAR {now['mean_uar']:.4f}", flush=True)
            with (folder / "log.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"faces": run.done * recipe.batch_size, **now}) + "\n")
    run.save(checkpoint)
    minutes = (time.monotonic() - started) / 60
    start_of = " taught by ".join(filter(None, [args.start, " and ".join(args.teachers)]))
    write_result(folder, run, found.train, answers(run, found.choose), minutes, start_of)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", help="name of the run")
    parser.add_argument("--corpora", type=Path, required=True)
    parser.add_argument("--fer", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--faces", type=int, default=Recipe.faces)
    parser.add_argument("--batch", type=int, default=Recipe.batch_size)
    parser.add_argument("--rate", type=float, default=Recipe.learning_rate)
    parser.add_argument("--head", type=float, default=Recipe.head)
    parser.add_argument("--flat", type=float, default=Recipe.flat)
    parser.add_argument("--smoothing", type=float, default=Recipe.smoothing)
    parser.add_argument("--start", help="bundle whose face is trained further")
    parser.add_argument("--teachers", nargs="+", default=[], help="bundles")
    parser.add_argument("--taught", type=float, default=0.5, help="part of the targets, 0 to 1")
    parser.add_argument("--every", type=int, default=40_000, help="faces between two checkpoints")
    parser.add_argument("--only", nargs="+", default=list(TRAINED), choices=list(TRAINED))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    try:
        train(parser.parse_args())
    except EmoNetsError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
