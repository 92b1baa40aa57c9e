"""Labelled clips for the benchmarks: opened, with what was taken out of them in a store."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from emonets.contracts import Extractor
from emonets.datasets import open_dataset
from emonets.runtime.store import FeatureStore
from emonets.specialists.activity.clips import MotionClip
from emonets.specialists.activity.extractor import tubes_extractor
from emonets.training.material import Material, load_material


def material(
    paths: Sequence[Path], extractors: Sequence[Extractor], work: Path, *, workers: int = 1
) -> Material:
    """What extractors take out of the clips of data sets; kept in ``work/store``.

    Raises
    ------
    SystemExit : a clip could not be read.
    """
    data = load_material(
        [open_dataset(path) for path in paths], extractors, FeatureStore(work / "store"),
        scored=len(paths), workers=workers,
    )  # fmt: skip
    known = {str(one.path) for path in paths for one in open_dataset(path).dropped}
    failed = [(file, why) for file, why in data.dropped if file not in known]
    if failed:
        sys.exit(f"{failed[0][0]}: {failed[0][1]}; {len(failed)} clips could not be read")
    return data


def motion_clips(path: Path, on: str, work: Path) -> tuple[Material, list[MotionClip]]:
    """The clips of a data set as the activity specialist takes them, on frames or on tubes."""
    tubes = tubes_extractor()
    data = material([path], [tubes] if on == "tubes" else [], work)
    files = [data.file(tubes, i, work) if on == "tubes" else None for i in range(len(data))]
    return data, [
        MotionClip(item.path, None, file, item.start, item.end)
        for item, file in zip(data.items, files, strict=True)
    ]
