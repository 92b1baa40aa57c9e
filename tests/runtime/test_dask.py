"""Clips read by a Dask cluster of which a part is killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from emonets.datasets import open_dataset
from emonets.runtime.store import FeatureStore
from emonets.training.extraction import Extractor, extract_items
from emonets.training.preset import load_preset
from emonets.training.system import Options, System

distributed = pytest.importorskip("distributed")
FAST = Path(__file__).parents[1] / "fast_system.toml"


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    import dask

    # a killed worker is started anew, which may take long on a busy machine
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def items(happy: Path, angry: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    folder = tmp_path_factory.mktemp("data")
    lines = ["path,label,group,start,end"]
    for path, label in ((angry, "angry"), (happy, "happy")):
        lines += [f"{path},{label},p{k % 3},{0.1 * k:.1f},{0.1 * k + 0.8:.1f}" for k in range(6)]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return open_dataset(folder)


def test_one_of_two_workers_is_killed_midway(cluster, items, tmp_path: Path) -> None:
    extractors = [Extractor("sound", {"features": "yaafe"})]
    alone = extract_items(items.items, extractors, FeatureStore(tmp_path / "alone"))
    store = FeatureStore(tmp_path / "shared")
    assert store.folder is not None
    before: dict[str, tuple[int, int]] = {}

    def kept() -> dict[str, tuple[int, int]]:
        found = (store.folder or tmp_path).glob("sound/*/*.safetensors")
        return {f.name: (f.stat().st_ino, f.stat().st_mtime_ns) for f in found}

    def kill() -> None:
        while len(kept()) < 4:
            time.sleep(0.01)
        victim = next(iter(cluster.workers.values()))
        before.update(kept())
        os.kill(victim.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    made = extract_items(items.items, extractors, store, scheduler=cluster.scheduler_address)
    killer.join()
    assert 4 <= len(before) < len(items.items)
    assert len(made.items) == len(items.items)
    assert made.dropped == ()
    after = kept()
    assert len(after) == len(items.items)
    assert all(after[name] == stamp for name, stamp in before.items())  # none was made again
    for name in made.names[extractors[0]]:
        a, b = store.read(name), alone.store.read(name)
        assert all(np.array_equal(a[key], b[key]) for key in a)


def test_models_trained_on_the_cluster_are_the_same(cluster, items, tmp_path: Path) -> None:
    data = replace(items, items=tuple(items.items[k] for k in (0, 1, 2, 6, 7, 8)))
    scored = []
    for name, scheduler in (("here", None), ("there", cluster.scheduler_address)):
        options = Options(models=["audio"], scheduler=scheduler)
        store = FeatureStore(tmp_path / name)
        scored.append(System([data], load_preset(FAST), store, options).score())
    assert np.array_equal(scored[0].predictions.P, scored[1].predictions.P)
