"""Refine a pupil of ``train_modern_face.py`` on a processor: fewer maps, and a last rise.

    python tools/refine_modern_face.py --data fer2013.npz --work DIR --pupil PUPIL --teachers PUPIL…
    python tools/refine_modern_face.py --work DIR --bundle OUT --network NAME

First, a third of the maps of the first stage, which sees the most pixels, is taken away: those
that the loss depends on least, and the convolution behind them is fitted anew by least squares to
what it gave before. From there it learns FER2013's labels and what its teachers answer to changed
pictures, with seven offsets and a temperature on their logarithms that were fitted to the labels of
PublicTest, because people who label pictures and networks that learned from voters do not say
"neutral" equally often.

It does so on the Training part (``training``), and is judged on PublicTest, by the labels and by
the majority of FER+ voters; and once more, with the same numbers, on Training and PublicTest
together (``both``), of which nothing can be said but by pictures that it never met. The last epoch
is kept. The PrivateTest part is not opened. What ships is ``start``: the others gained labels, but
no better sight (docs/notes/face.md).

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
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import train_modern_face as earlier
from emonets.datasets.readers.fer2013 import vote_majority
from emonets.datasets.still_faces import FaceImages
from emonets.fusion.logistic import LogisticFusion
from emonets.model import EmoNets
from emonets.runtime.files import write_whole
from emonets.runtime.settings import to_table
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import NETWORKS, Conv, Network
from emonets.specialists.face.network.modern import ModernConvNetClassifier
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.training.joined import joined
from emonets.training.preset import face_settings

NARROW = NETWORKS["vgg deep"]
CUT_FROM = 1500
"""Pictures that tell which maps to keep, and to which the next convolution is fitted."""

OF_THE_PUPIL = (
    "trained_on", "faces", "chosen_by", "chosen_accuracy", "epochs", "seed", "settings",
    "teachers", "minutes", "machine",
)  # fmt: skip
SHARED: dict[str, Any] = {
    "network": NARROW, "crop": 44, "batch_size": 128, "learning_rate": 0.02, "weight_decay": 5e-4,
    "averaging": 0.998, "augmentation": replace(earlier.CHANGED, mixup=0.0), "epochs": 8,
    "teaching": 0.6, "label_smoothing": 0.0, "views": 6, "first_view": 1000,
}  # fmt: skip
SEED = 1
PARTS = {"training": ["Training"], "both": ["Training", "PublicTest"]}


def narrowed(
    pupil: ConvNetClassifier, network: Network, faces: FaceImages
) -> dict[str, NDArray[np.float32]]:
    """The arrays of a pupil with fewer maps in some convolutions, as ``network`` has them."""
    import torch
    from torch.nn import functional as F  # noqa: N812

    from emonets.specialists.face.network.augment_torch import change
    from emonets.specialists.face.network.torch_modules import build, load_arrays

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


def asked(teachers: list[ConvNetClassifier], images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The mean of what networks answer to pictures and their mirror images: (n, 7)."""
    both = [copy.deepcopy(teacher).set_params(mirror=True) for teacher in teachers]
    return np.mean([one.predict_proba(images) for one in both], axis=0)


def pictures(name: str, faces: Sequence[FaceImages]) -> NDArray[np.uint8]:
    """Those of one of ``PARTS``, of Training and PublicTest."""
    return np.concatenate([part.images for part in faces[: len(PARTS[name])]])


def write(
    path: Path, network: ConvNetClassifier, choosing: FaceImages | None, **about: Any
) -> None:
    """A network, and how it does on PublicTest, where it has not met it, by labels and votes."""
    if choosing is not None:
        majority = vote_majority(choosing.ferplus_votes, len(choosing))
        known = majority >= 0
        for name, mirror in (("", False), (" mirrored", True)):
            said = network.set_params(mirror=mirror).predict(choosing.images)
            about["labels" + name] = round(float((said == choosing.labels).mean()), 4)
            about["votes" + name] = round(float((said == majority)[known].mean()), 4)
    earlier.keep(path, network)
    write_whole(path.with_suffix(".json"), json.dumps(about, indent=1).encode())
    print(path.stem, about, flush=True)


def one(args: argparse.Namespace) -> None:
    """Go on with one set of pictures, and write the network."""
    import torch

    torch.set_num_threads(1)
    name = args.one
    faces = earlier.parts(args.data)
    images = pictures(name, faces)
    labels = np.concatenate([part.labels for part in faces])[: len(images)]
    # makes the teachers' answers as frequent, and as sure, as the labels of PublicTest
    lean = LogisticFusion(weights="model", spread=100.0)
    lean.fit(np.load(args.work / "public.npy")[:, None], faces[1].labels)
    views = range(SHARED["views"])
    said = [np.load(args.work / f"{name}_{view}.npy").astype(np.float64) for view in views]
    taught = np.stack([lean.predict_proba(a[:, None]) for a in said]).astype(np.float16)
    model = ModernConvNetClassifier(
        **SHARED, device="cpu", random_state=SEED,
        checkpoint=args.work / f"{name}.checkpoint.safetensors",
    )  # fmt: skip

    def tell(epoch: int, history: Any) -> None:
        print(
            f"{name}: {epoch + 1}/{model.epochs} loss {history.loss[-1]:.4f} "
            f"{history.seconds[-1]:.0f} s", flush=True,
        )  # fmt: skip

    start = earlier.read(args.work / "start.safetensors")
    model.fit(images, labels, taught=taught, start=start, progress=tell)
    write(
        args.work / f"{name}.safetensors", model, faces[1] if name == "training" else None,
        faces=len(images), seconds=round(sum(model.history_["seconds"]), 1),
    )  # fmt: skip


def side_by_side(args: argparse.Namespace) -> None:
    """Do the runs that are not done yet, each on a core of its own."""
    left = [name for name in PARTS if not (args.work / f"{name}.json").exists()]
    cores = os.cpu_count() or 1
    for i in range(0, len(left), cores):
        running = []
        for name in left[i : i + cores]:
            command = [sys.executable, __file__, "--one", name]
            command += ["--data", str(args.data), "--work", str(args.work)]
            running.append(subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}))
        codes = [process.wait() for process in running]
        if any(codes):
            raise SystemExit("a run failed; see above")


def prepare(args: argparse.Namespace) -> None:
    """Write where to begin, and what the teachers answer."""
    faces = training, choosing = earlier.parts(args.data)
    if not (args.work / "start.safetensors").exists():
        pupil = earlier.read(args.pupil)
        start = copy.deepcopy(pupil)
        start.arrays_ = narrowed(pupil, NARROW, training)
        start.network = start.network_ = NARROW
        write(
            args.work / "start.safetensors", start, choosing,
            pupil=args.pupil.stem, faces=len(training),
        )  # fmt: skip
    teachers = [earlier.read(path) for path in args.teachers]
    if not (args.work / "public.npy").exists():
        earlier.keep(args.work / "public.npy", asked(teachers, choosing.images))
    for name in PARTS:
        images = pictures(name, faces)
        for view in range(SHARED["views"]):
            if (args.work / f"{name}_{view}.npy").exists():
                continue
            settings = {**SHARED, "views": 1, "first_view": SHARED["first_view"] + view}
            said = ModernConvNetClassifier(**settings, device="cpu").teach(images, teachers)
            earlier.keep(args.work / f"{name}_{view}.npy", said[0])
            print(f"{name}: the teachers have seen view {view + 1}", flush=True)


def bundle(args: argparse.Namespace) -> None:
    """Write a bundle with a network, its other specialists those of another bundle."""
    path = args.work / f"{args.network}.safetensors"
    own = json.loads(path.with_suffix(".json").read_text("utf-8"))
    judged = args.work / ("training.json" if args.network == "both" else f"{args.network}.json")
    scores = json.loads(judged.read_text("utf-8"))
    base = EmoNets.load(args.add_to)
    before = {k: v for k, v in base.about["card"].items() if k in OF_THE_PUPIL}
    made_of = face_settings("modern")
    card = {
        "trained_on": "fer2013 " + " and ".join(PARTS.get(args.network, ["Training"])),
        "faces": own["faces"],
        "chosen_by": "accuracy on fer2013 PublicTest of what was trained on Training alone",
        "chosen_accuracy": scores["labels"],
        "chosen_accuracy_by_votes": scores["votes"],
        "settings": {"model": made_of.model, "network": to_table(made_of.network)},
        "narrowed_from": base.about["card"].get("narrowed_from", before),
        "machine": platform.machine(),
    }
    if args.network in PARTS:
        training = {k: v for k, v in SHARED.items() if k not in ("network", "augmentation", "crop")}
        card |= {"epochs": SHARED["epochs"], "seed": SEED, "minutes": round(own["seconds"] / 60, 1)}
        card["settings"] |= {
            "training": training, "augmentation": asdict(SHARED["augmentation"]),
        }  # fmt: skip
    face = FaceSpecialist(earlier.read(path), made_of.images.preprocessing())
    joined(base, "face", face, card, base.about["preset"]).save(args.bundle)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--pupil", type=Path, help="a network of train_modern_face.py")
    parser.add_argument("--teachers", type=Path, nargs="+", help="networks of the same kind")
    parser.add_argument("--bundle", type=Path, help="write a bundle of --network and stop")
    parser.add_argument("--network", choices=["start", *PARTS])
    parser.add_argument("--add-to", default="modern")
    parser.add_argument("--one", choices=PARTS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.bundle:
        if args.network is None:
            parser.error("--network says which network is to ship")
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
