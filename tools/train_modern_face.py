"""Train the face network of the bundle ``modern``: teachers, and pupils that learn from them.

    python tools/train_modern_face.py --data fer2013.npz --work DIR --minutes 9

Five networks of more or less the same kind learn from FER2013's Training part, side by side on one
graphics card; their mean answers to ``VIEWS`` changes of each picture are the targets of the
pupils, networks small enough to ship. Every network keeps its epoch that was the best on
PublicTest; which pupil ships is chosen there, too (``DIR/scores.json``). PrivateTest is not
opened, and need not be in the file.

The number of epochs follows from the minutes and from what one of each network takes. What is
done lies in DIR and is not done again; a run that was cut goes on from there.

    python tools/train_modern_face.py … --earlier DIR/pupils_*.safetensors --work DIR2

begins again: the pupils of before teach new teachers, and with them new pupils.

    python tools/train_modern_face.py --bundle OUT --pupil DIR2/pupils_narrow_deep.safetensors

puts a pupil into a bundle, beside what ``modern`` has for the other specialists.
"""

from __future__ import annotations

import argparse
import io
import json
import platform
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save

from emonets.datasets import open_dataset
from emonets.datasets.readers.fer2013 import vote_shares
from emonets.datasets.still_faces import FaceImages
from emonets.model import EmoNets
from emonets.runtime.files import write_whole
from emonets.runtime.settings import to_table
from emonets.specialists.face.network.augment import FaceAugmentation
from emonets.specialists.face.network.classifier import ConvNetClassifier
from emonets.specialists.face.network.layers import NETWORKS, vgg
from emonets.specialists.face.network.modern import ModernConvNetClassifier
from emonets.specialists.face.specialist import FaceSpecialist
from emonets.training.face_network import mixed_targets
from emonets.training.joined import joined
from emonets.training.preset import face_settings

VIEWS = 30
CHANGED = FaceAugmentation(mixup=0.4)
STRONG = FaceAugmentation(turn=15, scale=0.18, shift=5, erase=0.5, erase_area=(0.02, 0.3))

TEACHERS: dict[str, dict[str, Any]] = {
    "plain": {"network": NETWORKS["vgg"], "votes": 0.35},
    "deep": {
        "network": vgg(0, (64, 128, 256, 384), convolutions=3, dropout=0.4), "votes": 0.2,
    },
    "wide": {
        "network": vgg(0, (64, 128, 256, 512), dropout=0.5), "votes": 0.35,
        "augmentation": STRONG,
    },
    "stem": {
        "network": vgg(64, (128, 256, 512), dropout=0.5), "votes": 0.0, "label_smoothing": 0.1,
    },
    "medium deep": {
        "network": vgg(0, (48, 96, 192, 384), convolutions=3, dropout=0.4), "votes": 0.35,
        "augmentation": replace(STRONG, mixup=0.2),
    },
}  # fmt: skip
"""What differs between them, so that they err differently."""

PUPILS: dict[str, dict[str, Any]] = {
    "medium": {"network": vgg(0, (48, 96, 192, 384), dropout=0.2), "teaching": 0.8},
    "narrow deep": {
        "network": vgg(0, (48, 64, 160, 320), convolutions=3, dropout=0.2), "teaching": 0.8,
    },
    "large": {"network": vgg(0, (64, 128, 256, 384), dropout=0.2), "teaching": 0.8},
}  # fmt: skip

SHARED: dict[str, Any] = {
    "crop": 44, "batch_size": 256, "learning_rate": 0.1, "weight_decay": 5e-4,
    "label_smoothing": 0.05, "averaging": 0.998, "augmentation": CHANGED,
}  # fmt: skip
PUPIL: dict[str, Any] = {
    "label_smoothing": 0.0, "votes": 0.2, "views": VIEWS,
    "augmentation": replace(CHANGED, mixup=0.0),
}  # fmt: skip
MOST = {"teachers": 110, "pupils": 260}
"""Epochs at most."""
EARLIER = 0.4
"""Weight of earlier pupils' answers in the targets of new teachers."""
SHARE = 0.5
"""Of the time for the teachers."""


def settings(name: str, role: str) -> tuple[dict[str, Any], float]:
    """What a network is trained with, and the part of the votes in its targets."""
    own = {**SHARED, **(PUPIL if role == "pupils" else {})}
    own |= (PUPILS if role == "pupils" else TEACHERS)[name]
    return own, own.pop("votes")


def seed_of(name: str) -> int:
    """Another seed for every network."""
    return sorted({**TEACHERS, **PUPILS}).index(name)


def parts(data: Path) -> tuple[FaceImages, FaceImages]:
    """The faces to learn from, and those to choose by."""
    faces = open_dataset(data).still_faces()
    return faces.take("Training"), faces.take("PublicTest")


def targets(faces: FaceImages, votes: float) -> NDArray[np.float64] | None:
    """Labels, partly replaced by what the voters said; None: the labels."""
    if faces.ferplus_votes is None or not votes:
        return None
    return mixed_targets(faces.labels, vote_shares(faces.ferplus_votes, faces.labels), votes)


def answers(network: ConvNetClassifier, faces: FaceImages, device: str) -> NDArray[np.float16]:
    """What a network says of every view: (views, n, 7)."""
    asked = ModernConvNetClassifier(
        **{**SHARED, "augmentation": PUPIL["augmentation"]}, views=VIEWS, device=device
    )
    return asked.teach(faces.images, [network])


def seconds_an_epoch(
    faces: FaceImages, names: list[str], role: str, device: str
) -> dict[str, float]:
    """What one epoch takes when nothing else runs, by forty steps after others."""
    found = {}
    for name in names:
        numbers, _ = settings(name, role)
        size = numbers["batch_size"] * 40
        n = min(size, len(faces.labels))
        model = ModernConvNetClassifier(**{**numbers, "epochs": 2, "device": device, "views": 0})
        model.fit(faces.images[:n], faces.labels[:n])
        found[name] = model.history_["seconds"][-1] * len(faces.labels) / n
        print(f"{name}: {found[name]:.2f} s an epoch alone", flush=True)
    return found


def one(name: str, role: str, data: Path, work: Path, device: str, epochs: int) -> None:
    """Train one network and write it, its scores and, of a teacher, its answers."""
    import torch

    torch.set_num_threads(2)
    numbers, votes = settings(name, role)
    stem = f"{role}_{name}".replace(" ", "_")
    training, choosing = parts(data)
    if role == "teachers" and list(work.glob("answers_earlier_*.npy")):
        mixed = replace(PUPIL["augmentation"], mixup=numbers["augmentation"].mixup)
        numbers |= {"augmentation": mixed, "teaching": EARLIER, "views": VIEWS}
    model = ModernConvNetClassifier(
        **numbers, epochs=epochs, device=device, random_state=seed_of(name),
        checkpoint=work / f"{stem}.checkpoint.safetensors",
    )  # fmt: skip
    taught = None
    pattern = "answers_*.npy" if role == "pupils" else "answers_earlier_*.npy"
    said = [np.load(path, mmap_mode="r") for path in sorted(work.glob(pattern))]
    if said:
        taught = np.mean([a.astype(np.float32) for a in said], axis=0).astype(np.float16)
    started = time.monotonic()

    def tell(epoch: int, history: Any) -> None:
        if epoch % 10 == 9 or epoch + 1 == epochs:
            print(
                f"{role} {name} {epoch + 1}/{epochs} loss {history.loss[-1]:.4f} "
                f"PublicTest {history.score[-1]:.4f} best {max(history.score):.4f} "
                f"{time.monotonic() - started:.0f} s", flush=True,
            )  # fmt: skip

    model.fit(
        training.images, training.labels, votes=targets(training, votes), taught=taught,
        validation=(choosing.images, choosing.labels), progress=tell,
    )  # fmt: skip
    if role == "teachers":
        keep(work / f"answers_{stem}.npy", answers(model, training, device))
    plain = model.predict_proba(choosing.images)
    both = model.set_params(mirror=True).predict_proba(choosing.images)
    keep(work / f"public_{stem}.npy", both)
    scores = {
        "name": name, "role": role, "epochs": epochs,
        "kept": int(np.argmax(model.history_["score"])) + 1,
        "public": float((plain.argmax(1) == choosing.labels).mean()),
        "public_mirrored": float((both.argmax(1) == choosing.labels).mean()),
        "seconds": round(sum(model.history_["seconds"]), 1),
        "teachers": [path.stem.removeprefix("answers_") for path in sorted(work.glob(pattern))],
        "machine": _machine(),
    }  # fmt: skip
    keep(work / f"{stem}.safetensors", model)
    write_whole(work / f"{stem}.json", json.dumps(scores).encode())


def _machine() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()


def keep(path: Path, what: ConvNetClassifier | NDArray[Any]) -> None:
    """Write a network, as it answers without its mirror image, or an array; whole or not at all."""
    if isinstance(what, ConvNetClassifier):
        stored, arrays = what.set_params(mirror=False).to_arrays()
        write_whole(path, save(arrays, {"settings": json.dumps(stored)}))
        return
    content = io.BytesIO()
    np.save(content, what)
    write_whole(path, content.getvalue())


def read(path: Path) -> ConvNetClassifier:
    """A network that :func:`keep` wrote."""
    from safetensors import safe_open

    with safe_open(path, "np") as file:
        stored = json.loads(file.metadata()["settings"])
    return ConvNetClassifier.from_arrays(stored, load_file(path))


def together(role: str, args: argparse.Namespace, epochs: int, until: float) -> None:
    """Train all of a role side by side; what is not ready in time is stopped."""
    running = []
    for name in getattr(args, role):
        stem = f"{role}_{name}".replace(" ", "_")
        if (args.work / f"{stem}.json").exists():
            continue
        command = [sys.executable, __file__, "--one", name, "--role", role, "--epochs", str(epochs)]
        command += ["--data", str(args.data), "--work", str(args.work), "--device", args.device]
        running.append(subprocess.Popen(command))
    for process in running:
        try:
            process.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            print("stopped: too late", flush=True)


def bundle(pupil: Path, add_to: str, out: Path) -> None:
    """Write a bundle whose face network is a pupil, its other specialists those of another."""
    scores = json.loads(pupil.with_suffix(".json").read_text("utf-8"))
    numbers, votes = settings(scores["name"], "pupils")
    base = EmoNets.load(add_to)
    made_of = face_settings("modern")
    card = {
        "trained_on": "fer2013 Training",
        "faces": 28709,
        "chosen_by": "accuracy on fer2013 PublicTest",
        "chosen_accuracy": round(scores["public"], 4),
        "chosen_epoch": scores["kept"],
        "epochs": scores["epochs"],
        "seed": seed_of(scores["name"]),
        "settings": {
            "model": made_of.model,
            "network": to_table(made_of.network),
            "training": {
                **{
                    k: v for k, v in numbers.items() if k not in ("network", "augmentation", "crop")
                },
                "votes": votes,
            },
            "augmentation": asdict(numbers["augmentation"]),
        },
        "teachers": scores["teachers"],
        "minutes": round(scores["seconds"] / 60, 1),
        "machine": scores["machine"],
    }
    face = FaceSpecialist(read(pupil), made_of.images.preprocessing())
    joined(base, "face", face, card, base.about["preset"]).save(out)


def _names(text: str) -> list[str]:
    return text.split(",")


def ask_earlier(args: argparse.Namespace, faces: FaceImages) -> None:
    """Write what pupils of an earlier run answer."""
    for number, path in enumerate(args.earlier):
        place = args.work / f"answers_earlier_{number}.npy"
        if not place.exists():
            keep(place, answers(read(path), faces, args.device))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--bundle", type=Path, help="write a bundle of --pupil and stop")
    parser.add_argument("--pupil", type=Path)
    parser.add_argument("--add-to", default="modern")
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--teachers", type=_names, default=list(TEACHERS))
    parser.add_argument("--pupils", type=_names, default=list(PUPILS))
    parser.add_argument("--earlier", type=Path, nargs="*", default=[])
    parser.add_argument("--role", choices=("teachers", "pupils"))
    parser.add_argument("--one")
    parser.add_argument("--epochs", type=int)
    args = parser.parse_args()
    if args.bundle:
        bundle(args.pupil, args.add_to, args.bundle)
        return
    if args.data is None or args.work is None:
        parser.error("--data and --work say what to train on and where")
    args.work.mkdir(parents=True, exist_ok=True)
    if args.one:
        one(args.one, args.role, args.data, args.work, args.device, args.epochs)
        return
    started = time.monotonic()
    end = started + args.minutes * 60
    training, choosing = parts(args.data)
    ask_earlier(args, training)
    plan = args.work / "plan.json"
    if plan.exists():
        alone = json.loads(plan.read_text("utf-8"))
    else:
        alone = {
            role: seconds_an_epoch(training, getattr(args, role), role, args.device)
            for role in ("teachers", "pupils")
        }
    slower = 1.25  # side by side than one after another, as seen on one card; teachers also answer
    for role in ("teachers", "pupils"):
        left = end - time.monotonic()
        budget = (SHARE * left - 15) if role == "teachers" else left - 20
        fit = int(budget / sum(alone[role].values()) / slower)
        epochs = alone.setdefault("epochs", {}).setdefault(
            role, max(1, min(args.epochs or MOST[role], fit))
        )
        plan.write_text(json.dumps(alone), "utf-8")
        print(f"{role}: {epochs} epochs, {left:.0f} s left", flush=True)
        together(role, args, epochs, end - (0.2 * args.minutes * 60 if role == "teachers" else 3))
        taken = left - (end - time.monotonic())
        slower = min(2.0, max(0.6, taken / (epochs * sum(alone[role].values()))))
        print(f"{role}: {taken:.0f} s, {slower:.2f} of what was expected", flush=True)
    scores = [json.loads(path.read_text("utf-8")) for path in sorted(args.work.glob("*s_*.json"))]
    for role in ("teachers", "pupils"):
        public = [np.load(path) for path in sorted(args.work.glob(f"public_{role}_*.npy"))]
        if public:
            right = float((np.mean(public, axis=0).argmax(1) == choosing.labels).mean())
            scores.append({"role": role, "name": "all together", "public_mirrored": right})
    (args.work / "scores.json").write_text(json.dumps(scores, indent=1), "utf-8")
    for line in scores:
        print(line)
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
