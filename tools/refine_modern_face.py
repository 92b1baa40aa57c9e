"""Refine a pupil of ``train_modern_face.py`` on a processor: fewer maps, and a last rise.

    python tools/refine_modern_face.py --data fer2013.npz --work DIR --pupil PUPIL --teachers PUPIL…
    python tools/refine_modern_face.py --work DIR --bundle OUT --recipe NAME

First, a third of the maps of the first stage, which sees the most pixels, is taken away: those
that the loss depends on least, and the convolution behind them is fitted anew by least squares to
what it gave before. From there the recipes, which differ in what they call right, go on side by
side on FER2013's Training part with the rate falling again; each keeps its epoch that was the best
on PublicTest.

Of PublicTest every network's accuracy by the labels and by the majority of FER+ voters is written
(``DIR/*.json``), with the mirror image averaged and without: what makes one better can make the
other worse, and the labels alone are a poor guide. Chosen is what has the largest sum of both. The
PrivateTest part is not opened.

What is done lies in DIR and is not done again; a run that was cut goes on from there.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

import train_modern_face as earlier
from emonets.datasets.faces import FaceImages
from emonets.datasets.fer2013 import vote_majority, vote_shares
from emonets.learners.convnet import ConvNetClassifier
from emonets.learners.modern_convnet import ModernConvNetClassifier
from emonets.learners.network import NETWORKS, Conv, Network
from emonets.model import EmoNets
from emonets.specialists.face import FacePreprocessing, FaceSpecialist
from emonets.training.face_preset import face_settings
from emonets.training.joined import joined

NARROW = NETWORKS["vgg deep"]
CUT_FROM = 1500
"""Pictures that tell which maps to keep, and to which the next convolution is fitted."""

OF_THE_PUPIL = (
    "trained_on", "faces", "chosen_by", "chosen_accuracy", "epochs", "seed", "settings",
    "teachers", "minutes", "machine",
)  # fmt: skip
SHARED: dict[str, Any] = {
    "network": NARROW, "crop": 44, "batch_size": 128, "learning_rate": 0.02, "weight_decay": 5e-4,
    "averaging": 0.998, "augmentation": replace(earlier.CHANGED, mixup=0.0),
}  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {
    "labels": {"label": 0.9, "votes": 0.1, "answers": 0.0, "label_smoothing": 0.1},
    "mixed": {"label": 0.3, "votes": 0.2, "answers": 0.5, "learning_rate": 0.01},
    "votes": {"label": 0.35, "votes": 0.4, "answers": 0.25},
}  # fmt: skip
"""Parts of the targets: FER2013's label, FER+ votes, what the teachers answer to the picture as it
is and to its mirror image; and what else differs."""
EPOCHS = {"labels": 8, "mixed": 6, "votes": 6}


def narrowed(
    pupil: ConvNetClassifier, network: Network, faces: FaceImages
) -> dict[str, NDArray[np.float32]]:
    """The arrays of a pupil with fewer maps in some convolutions, as ``network`` has them."""
    import torch
    from torch.nn import functional as F  # noqa: N812

    from emonets.learners.convnet_torch import build, load_arrays
    from emonets.learners.face_changes_torch import change

    generator = torch.Generator().manual_seed(1)
    rows = torch.randperm(len(faces), generator=generator)[:CUT_FROM].numpy()
    pictures = torch.from_numpy(faces.images[rows] - pupil.mean_image_)
    pictures = change(pictures, pupil.crop, SHARED["augmentation"], generator)
    labels = torch.from_numpy(faces.labels[rows])
    values, wide = copy.deepcopy(pupil.arrays_), list(pupil.network_)

    def passed(x: torch.Tensor) -> Iterator[torch.Tensor]:
        """What each layer gives, as the network is now."""
        model = build(tuple(wide), pupil.crop).eval()
        load_arrays(model, tuple(wide), values)
        for module in model:
            x = module(x)
            yield x

    def matters(place: int) -> torch.Tensor:
        """How much the loss would change without each map, to first order (Molchanov 2017)."""
        total = torch.zeros(wide[place].filters)  # type: ignore[union-attr]
        for part, label in zip(pictures.split(50), labels.split(50), strict=True):
            for i, x in enumerate(passed(part)):
                if i == place + 1:  # behind the rectifier
                    maps = x
                    maps.retain_grad()
            F.cross_entropy(x, label, reduction="sum").backward()
            total += (maps.detach() * maps.grad).sum((2, 3)).square().sum(0)
        return total

    few = pictures[:400]
    with torch.no_grad():
        aims = list(passed(few))
    places = [i for i, layer in enumerate(network) if isinstance(layer, Conv)]
    for place, following in itertools.pairwise(places):
        size = network[place].filters  # type: ignore[union-attr]
        if size == wide[place].filters:  # type: ignore[union-attr]
            continue
        keep = matters(place).argsort(descending=True)[:size].sort().values
        with torch.no_grad():
            before = list(passed(few))[following - 1][:, keep]
        columns = F.unfold(before, 3, padding=1).transpose(1, 2).reshape(-1, size * 9)
        aim = aims[following].flatten(2).transpose(1, 2).reshape(len(columns), -1)
        some = torch.randperm(len(columns), generator=generator)[:150_000]
        x = torch.cat([columns[some], torch.ones(len(some), 1)], 1).double()
        gram = x.T @ x
        ridge = 1e-4 * gram.diag().mean() * torch.eye(len(gram))
        found = torch.linalg.solve(gram + ridge, x.T @ aim[some].double()).float().numpy()
        for name in (f"{place}.weight", f"{place}.bias"):
            values[name] = values[name][keep.numpy()]
        values[f"{following}.weight"] = found[:-1].T.reshape(-1, size, 3, 3).copy()
        values[f"{following}.bias"] = found[-1].copy()
        wide[place] = network[place]
    return {name: value.astype(np.float16).astype(np.float32) for name, value in values.items()}


def answers(teachers: list[ConvNetClassifier], images: NDArray[np.uint8]) -> NDArray[np.float16]:
    """The mean of what networks answer to pictures and their mirror images: (n, 7)."""
    asked = [copy.deepcopy(teacher).set_params(mirror=True) for teacher in teachers]
    return np.mean([one.predict_proba(images) for one in asked], axis=0).astype(np.float16)


def wanted(faces: FaceImages, said: NDArray[Any], recipe: dict[str, Any]) -> NDArray[np.float64]:
    """The targets (n, 7) of a recipe."""
    shares = vote_shares(faces.ferplus_votes, faces.labels)
    mixed: NDArray[np.float64] = (
        recipe["label"] * np.eye(7)[faces.labels] + recipe["votes"] * shares
    )
    mixed += recipe["answers"] * said.astype(np.float64)
    return mixed / mixed.sum(axis=1, keepdims=True)


def write(path: Path, network: ConvNetClassifier, faces: FaceImages, **about: Any) -> None:
    """A network, and how it does on PublicTest by labels and by FER+ votes."""
    majority = vote_majority(faces.ferplus_votes, len(faces))
    known = majority >= 0
    for name, mirror in (("", False), (" mirrored", True)):
        said = network.set_params(mirror=mirror).predict(faces.images)
        about["labels" + name] = round(float((said == faces.labels).mean()), 4)
        about["votes" + name] = round(float((said == majority)[known].mean()), 4)
    stored, arrays = network.set_params(mirror=False).to_arrays()
    save_file(arrays, path, {"settings": json.dumps(stored)})
    path.with_suffix(".json").write_text(json.dumps(about, indent=1), "utf-8")
    print(path.stem, about, flush=True)


def one(args: argparse.Namespace) -> None:
    """Go on with one recipe and write the network."""
    import torch

    torch.set_num_threads(1)
    recipe = RECIPES[args.recipe]
    training, choosing = earlier.parts(args.data)
    epochs = args.epochs or EPOCHS[args.recipe]
    numbers = {k: v for k, v in recipe.items() if k not in ("label", "votes", "answers")}
    model = ModernConvNetClassifier(
        **{**SHARED, **numbers}, epochs=epochs, device="cpu",
        checkpoint=args.work / f"{args.recipe}.checkpoint.safetensors",
    )  # fmt: skip

    def tell(epoch: int, history: Any) -> None:
        print(
            f"{args.recipe} {epoch + 1}/{epochs} loss {history.loss[-1]:.4f} PublicTest "
            f"{history.score[-1]:.4f} {history.seconds[-1]:.0f} s", flush=True,
        )  # fmt: skip

    model.fit(
        training.images, training.labels,
        votes=wanted(training, np.load(args.work / "answers.npy"), recipe),
        start=earlier.read(args.work / "start.safetensors"),
        validation=(choosing.images, choosing.labels), progress=tell,
    )  # fmt: skip
    write(
        args.work / f"{args.recipe}.safetensors", model, choosing, epochs=epochs,
        kept=int(np.argmax(model.history_["score"])) + 1,
        seconds=round(sum(model.history_["seconds"]), 1),
    )  # fmt: skip


def side_by_side(args: argparse.Namespace) -> None:
    """Run the recipes that are not done yet, each on a core of its own."""
    left = [name for name in RECIPES if not (args.work / f"{name}.json").exists()]
    cores = os.cpu_count() or 1
    for i in range(0, len(left), cores):
        running = []
        for name in left[i : i + cores]:
            command = [sys.executable, __file__, "--one", "--recipe", name]
            command += ["--data", str(args.data), "--work", str(args.work)]
            command += [] if args.epochs is None else ["--epochs", str(args.epochs)]
            running.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}))
        codes = [process.wait() for process in running]
        if any(codes):
            raise SystemExit("a run failed; see above")


def prepare(args: argparse.Namespace) -> None:
    """Write where to begin, and what the teachers answer."""
    training, choosing = earlier.parts(args.data)
    if not (args.work / "start.safetensors").exists():
        pupil = earlier.read(args.pupil)
        start = copy.deepcopy(pupil)
        start.arrays_ = narrowed(pupil, NARROW, training)
        start.network = start.network_ = NARROW
        write(args.work / "start.safetensors", start, choosing, pupil=args.pupil.stem)
    if not (args.work / "answers.npy").exists():
        teachers = [earlier.read(path) for path in args.teachers]
        np.save(args.work / "answers.npy", answers(teachers, training.images))


def bundle(args: argparse.Namespace) -> None:
    """Write a bundle with a network, its other specialists those of another bundle."""
    path = args.work / f"{args.recipe}.safetensors"
    scores = json.loads(path.with_suffix(".json").read_text("utf-8"))
    base = EmoNets.load(args.add_to)
    before = {k: v for k, v in base.about["card"].items() if k in OF_THE_PUPIL}
    made_of = face_settings("modern")
    card = {
        "trained_on": "fer2013 Training",
        "faces": before["faces"],
        "chosen_by": "accuracy on fer2013 PublicTest, by labels and by FER+ votes",
        "chosen_accuracy": scores["labels"],
        "chosen_accuracy_by_votes": scores["votes"],
        "settings": {"model": made_of["model"], "network": made_of["network"]},
        "narrowed_from": base.about["card"].get("narrowed_from", before),
        "machine": platform.machine(),
    }
    if args.recipe in RECIPES:
        recipe = RECIPES[args.recipe]
        training = {k: v for k, v in SHARED.items() if k not in ("network", "augmentation", "crop")}
        card |= {"epochs": scores["epochs"], "chosen_epoch": scores["kept"], "seed": 0}
        card["minutes"] = round(scores["seconds"] / 60, 1)
        card["settings"] |= {
            "training": training | recipe, "augmentation": asdict(SHARED["augmentation"]),
        }  # fmt: skip
    face = FaceSpecialist(earlier.read(path), FacePreprocessing(**made_of["images"]))
    joined(base, "face", face, card, base.about["preset"]).save(args.bundle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--pupil", type=Path, help="a network of train_modern_face.py")
    parser.add_argument("--teachers", type=Path, nargs="+", help="networks of the same kind")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--bundle", type=Path, help="write a bundle of --recipe and stop")
    parser.add_argument("--recipe", choices=["start", *RECIPES])
    parser.add_argument("--add-to", default="modern")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bundle:
        if args.recipe is None:
            parser.error("--recipe says which network is to ship")
        bundle(args)
        return
    if args.data is None:
        parser.error("--data says what to train on")
    args.work.mkdir(parents=True, exist_ok=True)
    if args.one:
        one(args)
    elif args.pupil is None or not args.teachers:
        parser.error("--pupil and --teachers say what to begin from")
    else:
        prepare(args)
        side_by_side(args)


if __name__ == "__main__":
    main()
