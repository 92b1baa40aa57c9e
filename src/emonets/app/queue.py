"""The work on the jobs: one clip at a time, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from emonets.app.clip_pages import shown_files, write_page
from emonets.app.jobs import (
    CANCELLED,
    DONE,
    FAILED,
    NO_SPACE,
    OPEN,
    RUNNING,
    WAITING,
    Job,
    Jobs,
    finite,
    no_room,
)
from emonets.app.speed import Speeds
from emonets.contained import Cancelled, Progress, Reading
from emonets.errors import EmoNetsError
from emonets.inference.options import Options
from emonets.report.data import has_no_voice
from emonets.result import Result
from emonets.result_tables import clip_row, span_of
from emonets.runtime.files import write_whole

_STEP = 0.25  # seconds between two news of progress
log = logging.getLogger("emonets.app")


class Reader(Protocol):
    """What reads clips: `emonets.contained.Contained`, or a stub of a test."""

    @property
    def locked(self) -> str:
        """What the process that decodes cannot do, in a sentence."""
        ...

    def read(
        self, path: Path, options: Options, *, film: Path | None = None,
        film_options: Mapping[str, Any] = {}, name: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        cancelled: threading.Event | None = None,
    ) -> Reading:  # fmt: skip
        """Predict a clip, and make its film."""
        ...

    def close(self) -> None:
        """End its processes."""
        ...


class News:
    """A number that grows with every change, for which requests can wait."""

    def __init__(self) -> None:
        self.version = int(time.time() * 10)  # a client of an earlier server must not wait
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}
        self._closed = False

    def tell(self) -> None:
        """Something changed. May be called from any thread."""
        with self._lock:
            self.version += 1
            waiting = list(self._waiting.items())
        for event, loop in waiting:
            loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """Let nobody wait any more."""
        self._closed = True
        self.tell()

    async def after(self, version: int, seconds: float) -> None:
        """Wait until the version is another one, for some seconds at most."""
        event = asyncio.Event()
        with self._lock:
            if self._closed or self.version != version:
                return
            self._waiting[event] = asyncio.get_running_loop()
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting.pop(event, None)


class Queue:
    """Works on the jobs that wait, oldest first, until it is stopped.

    Parameters
    ----------
    open_reader : makes what reads clips, for the specialists of a job (None: the bundle's).
    """

    def __init__(
        self, jobs: Jobs, speeds: Speeds, open_reader: Callable[[str | None], Reader]
    ) -> None:
        self.jobs, self.speeds, self._open = jobs, speeds, open_reader
        self._reader: Reader | None = None
        self._models: str | None = None
        self.locked = ""
        self._wake, self._stop = threading.Event(), threading.Event()
        self._current: Job | None = None
        self._since = self._told = 0.0
        self._thread = threading.Thread(target=self._run, name="emonets-queue", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """A job waits."""
        self._wake.set()

    def stop(self, seconds: float = 1.5) -> None:
        """End; what is running waits for the next start."""
        self._stop.set()
        current = self._current
        if current is not None:
            current.cancelled.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def cancel(self, job: Job) -> bool:
        """Cancel a job; False if it is over already."""
        with self.jobs.lock:
            if job.state not in OPEN:
                return False
            job.cancelled.set()
            if job.state == WAITING:
                job.state, job.finished = CANCELLED, time.time()
                self.jobs.keep(job)
        return True

    def again(self, job: Job) -> bool:
        """Let a job that is over wait again; False if it is not over."""
        with self.jobs.lock:
            if job.state in OPEN:
                return False
            job.again()
            self.jobs.clear(job)
            self.jobs.keep(job)
        self.wake()
        return True

    def outlook(self) -> dict[str, tuple[int | None, float | None]]:
        """Of each open job its place in the queue, from 1, and the seconds until it is done.

        None: it is running; not known. The seconds count the jobs before it.
        """
        made: dict[str, tuple[int | None, float | None]] = {}
        seconds: float | None = 0.0
        current = self._current
        if current is not None:
            seconds = self.speeds.left(current, time.monotonic() - self._since)
            made[current.id] = None, _rounded(seconds)
        for place, job in enumerate(self.jobs.waiting(), 1):
            own = self.speeds.whole(job)
            seconds = None if seconds is None or own is None else seconds + own
            made[job.id] = place, _rounded(seconds)
        return made

    def _run(self) -> None:
        try:
            self._reader_for(None)  # warm, before the first clip comes
        except Exception as error:
            log.error("the model cannot be used: %s", error)
        while not self._stop.is_set():
            job = next(iter(self.jobs.waiting()), None)
            if job is None:
                self._wake.wait(1.0)
                self._wake.clear()
                continue
            try:
                self._work(job)
            except Exception:  # such as a full disk: the next clip must still have its turn
                log.exception("%s: unexpected", job.id)
                job.state, job.message = FAILED, "unexpected; the terminal has the details"
        if self._reader is not None:
            self._reader.close()

    def _reader_for(self, models: str | None) -> Reader:
        if self._reader is None or self._models != models:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            self._reader, self._models = self._open(models), models
            self.locked = self._reader.locked
        return self._reader

    def _work(self, job: Job) -> None:
        jobs = self.jobs
        with jobs.lock:
            if job.state != WAITING or jobs.get(job.id) is None:
                return
            job.state, job.stage, job.done, job.total = RUNNING, "starting", 0.0, None
            job.spent, job.tries = {}, job.tries + 1
            self._current, self._since = job, time.monotonic()
        try:
            jobs.keep(job)
            jobs.clear(job)
            reading = self._reader_for(job.models).read(
                jobs.clip(job), Options(window=job.window, inputs=True),
                film=jobs.page(job), name=job.name, on_progress=lambda p: self._progress(job, p),
                cancelled=job.cancelled,
            )  # fmt: skip
            self._spend(job)
            if not job.cancelled.is_set():
                self._finish(job, reading)
            else:
                self._cancelled(job)
        except Cancelled:
            self._cancelled(job)
        except Exception as error:  # one clip must never stop the others
            if not isinstance(error, EmoNetsError):
                log.exception("%s: unexpected", job.id)
            self._fail(job, _sentence(error))
        finally:
            with jobs.lock:
                self._current = None
                job.stage, job.done, job.total = None, 0.0, None
            if job.deleted:
                jobs.clear(job)
            else:
                jobs.measure(job)
            jobs.changed()

    def _progress(self, job: Job, now: Progress) -> None:
        if now.stage != job.stage:
            self._spend(job)
            job.stage, self._told = now.stage, 0.0
        job.done, job.total = finite(now.done) or 0.0, finite(now.total) or job.total
        if time.monotonic() - self._told >= _STEP:
            self._told = time.monotonic()
            self.jobs.changed()

    def _spend(self, job: Job) -> None:
        """Count the time of the present stage."""
        now = time.monotonic()
        if job.stage is not None:
            job.spent[job.stage] = job.spent.get(job.stage, 0.0) + now - self._since
        self._since = now

    def _finish(self, job: Job, reading: Reading) -> None:
        result, folder = reading.result, self.jobs.folder(job)
        (status,) = result.files
        job.status, job.message = status.status, status.message or reading.problem
        if not result.rows:
            self._fail(job, status.message, status.status)
            return
        write_whole(folder / "result.json", result.to_json().encode("utf-8", "backslashreplace"))
        if reading.film is not None:
            write_whole(folder / "film.json", json.dumps(reading.film).encode())
        edits = self.jobs.edits(job)
        write_page(self.jobs.page(job), result, reading.film, edits, key=job.id)
        about_result(job, result)
        job.files = shown_files(self.jobs.page(job))
        job.state, job.finished, job.tries = DONE, time.time(), 0
        self.jobs.keep(job)
        self.speeds.add(job)

    def _cancelled(self, job: Job) -> None:
        if self._stop.is_set():  # it waits for the next start
            job.state, job.tries = WAITING, 0
        else:
            self.jobs.clear(job)
            job.state, job.finished = CANCELLED, time.time()
        self.jobs.keep(job)

    def _fail(self, job: Job, message: str, status: str = "error") -> None:
        job.state, job.finished = FAILED, time.time()
        job.status, job.message = status, message
        try:
            self.jobs.keep(job)
        except OSError:
            log.error("%s: cannot be kept, for the disk is full", job.id)


def about_result(job: Job, result: Result) -> None:
    """Set what a list shows of a result."""
    row = clip_row(result.rows)
    start, end = span_of(result.rows)
    job.seconds = round(end - start, 3)
    job.persons = len(result.persons)
    job.no_voice = has_no_voice(result.rows)
    job.emotion = None if row is None else row.label


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)


def _sentence(error: Exception) -> str:
    if isinstance(error, EmoNetsError):
        return str(error)
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return str(no_room())
    return f"unexpected: {error!r}; please report it"
