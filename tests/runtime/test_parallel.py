"""One function for many items: here, in processes, on a cluster whose workers get killed."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emonets.errors import DataError, EmoNetsError, MissingExtraError, ParameterError
from emonets.runtime import parallel
from emonets.runtime.parallel import run_each


def square(number: int) -> int:
    return number * number


def refuse_three(number: int) -> int:
    if number == 3:
        raise FileNotFoundError(2, "three is missing")
    return number


def die_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def make(folder: Path, number: int, *, slow: int = -1) -> int:
    """Makes a product as the feature store does; the slow one waits, the first time, to be killed.

    Each start of real work adds a line, the process's id, to a marker file.
    """
    product, started = folder / f"{number}.product", folder / f"{number}.started"
    if product.exists():
        return int(product.read_text())
    with started.open("a") as file:
        file.write(f"{os.getpid()}\n")
    first_time = len(started.read_text().split()) == 1
    time.sleep(10 if number == slow and first_time else 0.02)
    partial_ = folder / f"{number}.{os.getpid()}.part"
    partial_.write_text(str(number * number))
    os.replace(partial_, product)
    return number * number


def began(folder: Path, number: int) -> list[int]:
    """The processes that began an item, in their order."""
    return [int(line) for line in (folder / f"{number}.started").read_text().split()]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    # a worker that was killed may take longer to come back, on a busy machine, than is the default
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "5 minutes"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
    ):
        yield cluster


def test_here_it_goes_in_order_and_only_as_far_as_asked() -> None:
    taken: list[int] = []
    seen: list[int] = []
    results = run_each(square, (taken.append(i) or i for i in range(9)), on_done=seen.append)
    assert taken == []
    assert next(results) == (0, 0)
    assert next(results) == (1, 1)
    results.close()
    assert taken == seen == [0, 1]
    assert list(run_each(square, [3, 2])) == [(0, 9), (1, 4)]
    assert list(run_each(square, [])) == []


def test_processes_give_what_one_gives() -> None:
    seen: list[int] = []
    results = list(run_each(square, iter(range(40)), workers=2, on_done=seen.append))
    assert sorted(results) == list(run_each(square, range(40)))
    assert seen == [i for i, _ in results]
    assert list(run_each(square, [], workers=2)) == []
    assert list(run_each(lambda text: text * 2, ["a"], workers=2)) == [(0, "aa")]


def test_processes_stop_when_it_is_closed(tmp_path: Path) -> None:
    results = run_each(partial(make, tmp_path), range(5000), workers=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with closing(results):
            next(results)
    left = len(list(tmp_path.glob("*.started")))
    time.sleep(0.2)
    assert len(list(tmp_path.glob("*.started"))) == left < 500


@pytest.mark.parametrize("workers", [1, 2])
def test_the_functions_own_error_comes_as_it_is(workers: int) -> None:
    with pytest.raises(FileNotFoundError, match="three is missing") as caught:
        list(run_each(refuse_three, range(6), workers=workers))
    assert caught.value.errno == 2


def test_a_process_that_dies_gives_an_error() -> None:
    with pytest.raises(DataError, match=r"a process ended while it worked on one of \d items"):
        list(run_each(die_at_three, range(6), workers=2))


@pytest.mark.parametrize("workers", [0, -2])
def test_workers_are_one_or_more(workers: int) -> None:
    with pytest.raises(ParameterError, match=f"workers must be 1 or more, got {workers}"):
        run_each(square, [1], workers=workers)


def test_without_dask_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtraError, match=r"a Dask cluster needs .*emonets\[dask\]"):
        run_each(square, [1], scheduler="tcp://127.0.0.1:8786")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("tcp://127.0.0.1:1", "(Timed out|no response)"),
        ("carrier-pigeon://roof", "unknown"),
        ("", "no response"),
    ],
)
def test_a_scheduler_that_does_not_respond(
    address: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "_PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as other:  # accepts connections, and sends nothing
        address = address or f"tcp://127.0.0.1:{other.getsockname()[1]}"
        message = rf"{address}: no Dask scheduler responds there \(.*{reason}.*`dask scheduler`"
        with pytest.raises(ParameterError, match=message):
            list(run_each(square, [1], scheduler=address))


def test_a_killed_worker_loses_nothing(cluster: Any, tmp_path: Path) -> None:
    slow, killed = 5, 0
    results = []
    work = partial(make, tmp_path, slow=slow)
    for pair in run_each(work, range(40), scheduler=cluster.scheduler_address):
        results.append(pair)
        if not killed and (tmp_path / f"{slow}.started").exists():
            (killed,) = began(tmp_path, slow)
            os.kill(killed, signal.SIGKILL)
    assert killed
    assert sorted(results) == list(run_each(square, range(40)))
    for number in range(40):
        first, *again = began(tmp_path, number)
        # one thread: the killed worker was at nothing else, and what it had made is found
        assert len(again) == (number == slow)
        assert killed not in again
        assert number != slow or first == killed
        assert (tmp_path / f"{number}.product").read_text() == str(number**2)


def test_an_item_that_kills_its_workers_is_named(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)
    monkeypatch.setattr(parallel, "_IN_FLIGHT", 1)  # else its neighbour on the worker is blamed too
    with pytest.raises(DataError, match=r"^3: 1 workers ended.*leave it out"):
        list(run_each(die_at_three, range(6), scheduler=cluster.scheduler_address))


def test_a_cluster_gives_what_one_process_gives(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "_IN_FLIGHT", 4)
    address = cluster.scheduler_address
    most = 0

    def items() -> Iterator[int]:
        nonlocal most
        for i in range(40):
            most = max(most, i - len(seen))
            yield i // 2  # equal items are two tasks

    seen: list[int] = []
    results = list(run_each(square, items(), scheduler=address, on_done=seen.append))
    assert sorted(results) == [(i, (i // 2) ** 2) for i in range(40)]
    assert seen == [i for i, _ in results]
    assert most < 2 * 4  # at the cluster, and fetched
    assert list(run_each(square, [], scheduler=address)) == []
    # no item is taken for a task or a key, whatever it looks like
    odd: list[Any] = [(len, "ab"), {"a": [1]}, "x"]
    assert sorted(run_each(repr, odd, scheduler=address)) == list(run_each(repr, odd))


def test_a_clusters_error_comes_as_it_is_and_cancels_the_rest(cluster: Any) -> None:
    with pytest.raises(FileNotFoundError, match="three is missing"):
        list(run_each(refuse_three, range(6), scheduler=cluster.scheduler_address))
    idle(cluster)


def test_a_cluster_is_left_when_it_is_closed(cluster: Any, tmp_path: Path) -> None:
    work = partial(make, tmp_path)
    with closing(run_each(work, range(5000), scheduler=cluster.scheduler_address)) as results:
        next(results)
    idle(cluster)
    assert len(list(tmp_path.glob("*.started"))) < 100


def idle(cluster: Any) -> None:
    """Nothing is left to do, and no client is connected, within five seconds."""
    end = time.monotonic() + 5
    while cluster.scheduler.tasks or any(c != "fire-and-forget" for c in cluster.scheduler.clients):
        assert time.monotonic() < end, (cluster.scheduler.tasks, cluster.scheduler.clients)
        time.sleep(0.05)


def test_a_scheduler_that_stops_gives_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(parallel, "_PATIENCE", 1.0)
    monkeypatch.setattr(parallel, "_IN_FLIGHT", 2)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as gone:
        results = run_each(square, range(10**6), scheduler=gone.scheduler_address)
        next(results)
        gone.close()
        with pytest.raises(EmoNetsError, match="the Dask scheduler stopped"):
            list(results)
