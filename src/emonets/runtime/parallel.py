"""One function, many items: in this process, in several, or on a Dask cluster."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Generator, Iterable, Mapping, Sized
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from itertools import islice
from typing import Any, TypeVar
from warnings import catch_warnings, simplefilter

from emonets.errors import DataError, EmoNetsError, MissingExtraError, ParameterError
from emonets.runtime.ending import in_worker
from emonets.runtime.environment import thread_count

T = TypeVar("T")
R = TypeVar("R")

_IN_FLIGHT = 300
"""Futures that a scheduler is given at once: a million of them would overload it."""

_PATIENCE = 10.0
"""Seconds in which a scheduler must respond."""


def asked_threads() -> int:
    """The number in ``OMP_NUM_THREADS``, which joblib and Dask set in parallel processes.

    0 where it is not set or no number, and no more than there are cores: FFmpeg would start every
    thread that it is asked for.
    """
    return min(thread_count(os.environ.get("OMP_NUM_THREADS")), cores())


def cores() -> int:
    """Cores that this process may use, 1 or more."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def run_each(
    function: Callable[[T], R],
    items: Iterable[T],
    *,
    workers: int = 1,
    scheduler: str | None = None,
    on_done: Callable[[int], None] | None = None,
) -> Generator[tuple[int, R], None, None]:
    """Call a function for each item; yield (position, result) as they are finished.

    Nothing begins before the first result is requested. Items are read as they are needed. A
    cluster is given a few hundred at once, and so many results at most wait to be yielded. To stop
    early, close the generator: items that have not begun are cancelled.

    Parameters
    ----------
    function : with several processes or a cluster it is sent to them: at best one that the workers
        can import. On a cluster it may be called again for an item, as the results of a worker
        that is killed are lost. So it should store its results, and find them when called again.
    workers : processes on this machine; 1 works in this one, in the items' order. Not used with
        a scheduler.
    scheduler : a Dask scheduler's address, such as ``tcp://host:8786``. Its workers may come, go
        and be killed meanwhile: no item is lost. While there are none, this waits for some.
    on_done : called with an item's position before its result is yielded.

    Raises
    ------
    ParameterError : fewer than one worker, or no scheduler responds at the address.
    MissingExtraError : a scheduler without the extra ``[dask]``.
    DataError : workers ended because of an item.
    EmoNetsError : the scheduler stopped meanwhile.
    Exception : what the function raises, as it is; the items not begun are cancelled then.
    """
    if workers < 1:
        raise ParameterError(f"workers must be 1 or more, got {workers}")
    if isinstance(items, Sized):
        workers = min(workers, max(1, len(items)))
    if scheduler is not None:
        try:
            import distributed  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("a Dask cluster", "dask") from error
        results = _on_cluster(function, items, scheduler)
    elif workers > 1:
        results = _in_processes(function, items, workers)
    else:
        results = _here(function, items)
    return results if on_done is None else _with_callback(results, on_done)


def _with_callback(
    results: Generator[tuple[int, R], None, None], on_done: Callable[[int], None]
) -> Generator[tuple[int, R], None, None]:
    with closing(results):
        for i, result in results:
            on_done(i)
            yield i, result


def _here(function: Callable[[T], R], items: Iterable[T]) -> Generator[tuple[int, R], None, None]:
    for i, item in enumerate(items):
        yield i, function(item)


def _in_processes(
    function: Callable[[T], R], items: Iterable[T], workers: int
) -> Generator[tuple[int, R], None, None]:
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    open_: dict[int, T] = {}

    def jobs() -> Generator[Any, None, None]:
        for i, item in enumerate(items):
            open_[i] = item
            yield delayed(_numbered)(function, i, item)

    results = Parallel(workers, return_as="generator_unordered")(jobs())
    try:
        for i, result in results:
            del open_[i]
            yield i, result
    except TerminatedWorkerError as error:
        first = [_name(open_[i]) for i in sorted(open_)[:3]]
        raise DataError(
            f"a process ended while it worked on one of {len(open_)} items, such as "
            f"{', '.join(first)}; if memory ran out, give fewer workers, "
            "else try them one by one and leave out the one that causes it"
        ) from error
    finally:
        with catch_warnings():
            simplefilter("ignore")  # joblib warns at length that it was closed early
            results.close()


def _numbered(function: Callable[[T], R], i: int, item: T) -> tuple[int, R]:
    with in_worker():
        return i, function(item)


def _on_cluster(
    function: Callable[[T], R], items: Iterable[T], address: str
) -> Generator[tuple[int, R], None, None]:
    from distributed import as_completed

    client = _connect(address)
    finished = as_completed(loop=client.loop)
    todo = enumerate(items)
    open_: dict[Any, tuple[int, T]] = {}

    def submit(count: int) -> None:
        next_items = list(islice(todo, count))
        if next_items:
            # not pure: keys are not made of the items, so that equal ones are two tasks
            futures = client.map(function, [item for _, item in next_items], pure=False)
            open_.update(zip(futures, next_items, strict=True))
            finished.update(futures)

    try:
        submit(_IN_FLIGHT)
        for batch in finished.batches():
            failed = [future for future in batch if future.status == "error"]
            done = [future for future in batch if future not in failed]
            results: list[R] = _gather(client, done, open_, address)
            positions = [open_.pop(future)[0] for future in done]
            for future in done:
                future.release()
            if not failed:
                submit(len(done))
            yield from zip(positions, results, strict=True)
            _gather(client, failed, open_, address)
    finally:
        with suppress(Exception):  # a scheduler that is gone has nothing to cancel
            client.cancel(list(open_))
        client.close()


def _connect(address: str) -> Any:
    from distributed import Client

    try:
        # in a thread, as a notebook has a loop of its own running in this one
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _greet(address)).result()
        return Client(address, timeout=_PATIENCE, set_as_default=False)
    except Exception as error:  # of many kinds
        # the first bytes of another program are read as a size
        foreign = isinstance(error, MemoryError)
        reason = "another program responds" if foreign else str(error) or "no response"
        raise ParameterError(
            f"{address}: no Dask scheduler responds there ({reason}); "
            "check that `dask scheduler` is running, and give the address that it prints"
        ) from error


async def _greet(address: str) -> None:
    """Connect to a scheduler once: a client would wait for ever for another program."""
    from distributed import Security
    from distributed.comm import connect

    arguments = Security().get_connection_args("client")
    async with asyncio.timeout(1.1 * _PATIENCE):  # connect's own ends with the connection
        comm = await connect(address, timeout=_PATIENCE, **arguments)
    await comm.close()


def _gather(
    client: Any, futures: list[Any], open_: Mapping[Any, tuple[int, object]], address: str
) -> list[Any]:
    """The results; those that were lost with their workers are computed again."""
    from distributed import CancelledError, KilledWorker

    try:
        return list(client.gather(futures))
    except KilledWorker as error:
        (item,) = (item for future, (_, item) in open_.items() if future.key == error.task)
        raise DataError(
            f"{_name(item)}: {error.allowed_failures + 1} workers ended one after the other while "
            "they worked on it; give workers more memory or leave it out"
        ) from error
    except (CancelledError, OSError) as error:
        if any(future.status == "error" for future in futures):
            raise  # the function's own
        raise EmoNetsError(
            f"{address}: the Dask scheduler stopped or dropped the work ({error}); "
            "read its log, and start again"
        ) from error


def _name(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 300 else text[:297] + "..."
