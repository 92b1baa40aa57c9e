"""Clips looked at by two Dask workers against one, each with a thread, into empty stores.

    OMP_NUM_THREADS=1 python benchmarks/dask_workers.py --data ../shared/data --clips 48

Both clusters run on this machine, warmed up by two clips that do not count. What they make is
compared, byte by byte. Seconds are of the clock: run it on an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from distributed import LocalCluster

from emonets.datasets import open_dataset
from emonets.evaluation.records import Evidence, write_results
from emonets.runtime.store import FeatureStore
from emonets.specialists.activity.extractor import tubes_extractor
from emonets.specialists.audio.extractor import sound_extractor
from emonets.specialists.face.extractor import face_extractor
from emonets.specialists.mouth.crops import MouthView
from emonets.specialists.mouth.extractor import mouths_extractor
from emonets.training.extraction import extract_items

COMMAND = "OMP_NUM_THREADS=1 python benchmarks/dask_workers.py --data DATA"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--clips", type=int, default=48)
    options = parser.parse_args()
    # tasks of one kind are decoded in one thread each: workers, not threads, are compared
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    items = open_dataset(options.data / "javanese_av").items
    chosen, warm = items[: options.clips], items[-2:]
    wanted = [
        face_extractor("modern"),
        tubes_extractor(),
        mouths_extractor(MouthView()),
        sound_extractor("logmel"),
    ]
    seconds: dict[int, float] = {}
    made: dict[int, dict[str, bytes]] = {}
    for workers in (1, 2):
        with (
            tempfile.TemporaryDirectory() as folder,
            LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
        ):
            address = cluster.scheduler_address
            for k in range(workers):
                extract_items(warm, wanted, FeatureStore(f"{folder}/w{k}"), scheduler=address)
            store = FeatureStore(f"{folder}/s")
            began = time.monotonic()
            found = extract_items(chosen, wanted, store, scheduler=address)
            seconds[workers] = time.monotonic() - began
            names = [name for of in found.names.values() for name in of]
            made[workers] = {name: store.raw(name) for name in names}
        print(f"{workers} workers: {len(chosen)} clips in {seconds[workers]:.1f} s", flush=True)
    if made[1] != made[2]:
        raise SystemExit("the two clusters made different features")
    ratio = seconds[1] / seconds[2]
    print(f"{ratio:.2f} x, the same features")
    about = {"data": "javanese_av", "command": COMMAND, "n": len(chosen), "seed": 0}
    write_results(
        "speed",
        [
            Evidence(
                what="clips looked at (face, tubes, mouths, sound) by two Dask workers against one",
                metric="ratio", value=ratio, note="equal, byte by byte", **about,
            ),
            Evidence(
                what="clips looked at by two Dask workers", metric="clips a second",
                value=len(chosen) / seconds[2], **about,
            ),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
