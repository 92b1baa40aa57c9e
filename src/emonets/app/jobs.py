"""The jobs of a server: a folder a clip, which survives the process.

A folder has ``job.json``, the clip (``upload`` with its ending), ``result.json``, ``film.json``,
``edits.json`` and ``page``. Clients name jobs by random ids, which are looked up and never made
into a path.
"""

from __future__ import annotations

import errno
import json
import logging
import math
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from emonets.app.settings import Settings
from emonets.errors import EmoNetsError
from emonets.media.find import MEDIA_SUFFIXES
from emonets.result import Result
from emonets.runtime.files import write_whole

WAITING, RUNNING, DONE, FAILED, CANCELLED = "waiting", "running", "done", "failed", "cancelled"
OPEN = (WAITING, RUNNING)
NO_SPACE = (errno.ENOSPC, getattr(errno, "EDQUOT", -1))
"""The errors of a full disk, of the operating system."""
_ID = re.compile(r"[A-Za-z0-9_-]{16}")
_PART = re.compile(r"[A-Za-z0-9_-]{16}\.part")
TRIES = 3
"""Times that a clip may be running when the server is killed, before it is given up."""
RESERVE = 256 * 2**20
"""Bytes of the disk that uploads leave free: for results, and for the rest of the computer."""
log = logging.getLogger("emonets.app")


@dataclass
class Job:
    """One clip, from its upload to its page.

    Attributes
    ----------
    id : random. name : what the client calls it; never a path.
    label, batch : one of the seven emotions, and a text that clips of one upload share; or None.
    size : bytes. created, finished : seconds since 1970; None: not yet.
    upload : name of the clip's file in the folder.
    window, models : of the prediction; models None: the bundle's.
    seconds : length of the clip; None: not known. spent : seconds of work by stage.
    status, message : of the clip, as in `emonets.result.FileStatus`.
    persons, emotion : their number, and the label of the whole clip.
    tries : starts of the work on it that had no end, as of a server that was killed.
    no_voice : whether nobody speaks in it.
    files : names in ``page`` that the page shows.
    stage, done, total : of the work at present, in seconds of the clip; not kept.
    """

    id: str
    name: str
    size: int
    upload: str
    created: float
    label: str | None = None
    batch: str | None = None
    window: float | str | None = "auto"
    models: str | None = None
    state: str = WAITING
    finished: float | None = None
    seconds: float | None = None
    spent: dict[str, float] = field(default_factory=dict)
    status: str | None = None
    message: str = ""
    persons: int | None = None
    no_voice: bool | None = None
    emotion: str | None = None
    tries: int = 0
    files: list[str] = field(default_factory=list)
    stage: str | None = None
    done: float = 0.0
    total: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event, compare=False)
    deleted: bool = False

    def kept(self) -> dict[str, Any]:
        """What ``job.json`` has."""
        left_out = ("cancelled", "stage", "done", "total", "deleted")
        names = [f.name for f in fields(self) if f.name not in left_out]
        return {"version": 1, **{name: getattr(self, name) for name in names}}

    @classmethod
    def of(cls, content: dict[str, Any]) -> Job:
        """The inverse of `kept`; what was running waits again, unless that was often enough."""
        if content.pop("version") != 1 or not _ID.fullmatch(content["id"]):
            raise ValueError("not a job of this version")
        job = cls(**content)
        if job.state == RUNNING and job.tries >= TRIES:
            job.state, job.status, job.finished = FAILED, "error", time.time()
            job.message = f"the server ended {TRIES} times while it worked on this clip"
        elif job.state == RUNNING:
            job.state = WAITING
        return job

    def again(self) -> None:
        """Forget what was made of the clip: it waits."""
        self.state, self.finished, self.status, self.message = WAITING, None, None, ""
        self.tries = 0
        self.persons = self.no_voice = self.emotion = self.stage = self.total = None
        self.done, self.files, self.spent = 0.0, [], {}
        self.cancelled = threading.Event()


class NoRoomError(EmoNetsError):
    """There is no room for a clip: too many wait, or the disk is full.

    Attributes
    ----------
    status : of HTTP.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class Jobs:
    """All jobs of a folder, oldest first. Every method may be called from any thread.

    Parameters
    ----------
    settings : its folder and limits.
    on_change : called after every change.
    """

    def __init__(self, settings: Settings, on_change: Callable[[], None] = lambda: None) -> None:
        self.settings = settings
        self.changed = on_change
        self.lock = threading.RLock()
        self._jobs: dict[str, Job] = {}
        self._coming: dict[str, int] = {}
        self._sizes: dict[str, int] = {}
        self._half, self._folder = settings.folder / "half", settings.folder / "jobs"
        for folder in (settings.folder, self._half, self._folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(OSError):
                folder.chmod(0o700)
        self._read()

    def _read(self) -> None:
        for part in self._half.iterdir():
            if _PART.fullmatch(part.name):  # of a server that was killed
                part.unlink(missing_ok=True)
        found = []
        for folder in self._folder.iterdir():
            if not _ID.fullmatch(folder.name):
                continue
            try:
                job = Job.of(json.loads((folder / "job.json").read_text("utf-8")))
                if job.id != folder.name:
                    raise ValueError("the id is another")
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                log.warning("%s: is no job that can be read (%s); it is left as it is", folder,
                            error)  # fmt: skip
                continue
            found.append(job)
        for job in sorted(found, key=lambda job: job.created):
            self._jobs[job.id] = job
            self._sizes[job.id] = size_of(self.folder(job))

    def folder(self, job: Job) -> Path:
        """Of a job's files."""
        return self._folder / job.id

    def clip(self, job: Job) -> Path:
        """The file of the clip."""
        return self.folder(job) / job.upload

    def page(self, job: Job) -> Path:
        """Folder of the page and its film."""
        return self.folder(job) / "page"

    def get(self, key: str) -> Job | None:
        """The job of an id, if there is one."""
        with self.lock:
            return self._jobs.get(key)

    def all(self) -> list[Job]:
        """Every job, oldest first."""
        with self.lock:
            return list(self._jobs.values())

    def waiting(self) -> list[Job]:
        """Those that wait, in the order in which they come up."""
        return [job for job in self.all() if job.state == WAITING]

    def used(self) -> int:
        """Bytes of all clips, results and uploads that are coming."""
        with self.lock:
            return sum(self._sizes.values()) + sum(self._coming.values())

    @contextmanager
    def receiving(self, size: int) -> Iterator[tuple[str, Path]]:
        """Room for an upload: an id, and the path of a file, which is gone at the end.

        Raises
        ------
        NoRoomError : too many clips wait, or there is no room on the disk.
        """
        key = secrets.token_urlsafe(12)
        with self.lock:
            self._make_room(size)
            self._coming[key] = size
        part = self._half / f"{key}.part"
        try:
            yield key, part
        finally:
            part.unlink(missing_ok=True)
            with self.lock:
                self._coming.pop(key, None)

    def _make_room(self, size: int) -> None:
        limits = self.settings
        if len(self.waiting()) + len(self._coming) >= limits.max_jobs:
            raise NoRoomError(
                f"{limits.max_jobs} clips are waiting, which is the most; send this one when some "
                "are done", 429,
            )  # fmt: skip
        if self.used() + size > limits.max_disk:
            raise NoRoomError(
                f"the clips and results here would need more than {shown_bytes(limits.max_disk)}, "
                "which is the most; delete some, or start emonets serve with a higher --max-disk",
                507,
            )  # fmt: skip
        free = shutil.disk_usage(limits.folder).free - sum(self._coming.values())
        if size + RESERVE > free:
            raise no_room()

    def add(self, job: Job, part: Path) -> None:
        """Take in a whole upload."""
        folder = self.folder(job)
        folder.mkdir(mode=0o700)
        try:
            os.replace(part, folder / job.upload)
            self._keep(job)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self.lock:
            self._jobs[job.id] = job
            self._sizes[job.id] = job.size
        self.changed()

    def keep(self, job: Job) -> None:
        """Write what changed of a job, unless it is deleted."""
        with self.lock:
            if not job.deleted:
                self._keep(job)
        self.changed()

    def _keep(self, job: Job) -> None:
        write_whole(self.folder(job) / "job.json", json.dumps(job.kept()).encode())

    def measure(self, job: Job) -> None:
        """Count the bytes of a job anew."""
        size = size_of(self.folder(job))
        with self.lock:
            if job.id in self._jobs:
                self._sizes[job.id] = size

    def delete(self, job: Job) -> None:
        """Delete clip, result and page. Of one that is running, when its work has ended."""
        with self.lock:
            job.deleted = True
            job.cancelled.set()
            self._jobs.pop(job.id, None)
            running = job.state == RUNNING
            if not running:
                self._sizes.pop(job.id, None)
        if not running:
            shutil.rmtree(self.folder(job), ignore_errors=True)
        self.changed()

    def clear(self, job: Job) -> None:
        """Remove what was made of the clip, but no edits. All, if it was deleted meanwhile."""
        folder = self.folder(job)
        if job.deleted:
            with self.lock:
                self._sizes.pop(job.id, None)
            shutil.rmtree(folder, ignore_errors=True)
            return
        shutil.rmtree(folder / "page", ignore_errors=True)
        for name in ("result.json", "film.json"):
            (folder / name).unlink(missing_ok=True)

    def sweep(self, now: float | None = None) -> int:
        """Delete those that are past their time; returns how many."""
        at = time.time() if now is None else now
        old = [job for job in self.all() if job.state not in OPEN and self.expires(job) <= at]
        for job in old:
            self.delete(job)
        return len(old)

    def expires(self, job: Job) -> float:
        """When a job is deleted, in seconds since 1970; one that waits has the time after it."""
        return max(job.created, job.finished or 0.0) + self.settings.keep_seconds

    def forget(self) -> None:
        """Delete everything."""
        for job in self.all():
            self.delete(job)
            shutil.rmtree(self.folder(job), ignore_errors=True)

    def result(self, job: Job) -> Result | None:
        """What was predicted, or None."""
        try:
            return Result.from_json((self.folder(job) / "result.json").read_text("utf-8"))
        except (OSError, EmoNetsError):
            return None

    def edits(self, job: Job) -> dict[str, Any] | None:
        """What a reader corrected in the page, or None."""
        try:
            return dict(json.loads((self.folder(job) / "edits.json").read_text("utf-8")))
        except (OSError, ValueError):
            return None


def new_job(key: str, *, name: str, size: int, **about: Any) -> Job:
    """A job of a whole upload. Of the name only a known ending is used, for the file."""
    suffix = os.path.splitext(name)[1].lower()
    upload = f"upload{suffix}" if suffix in MEDIA_SUFFIXES else "upload.bin"
    return Job(key, name, size, upload, time.time(), **about)


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder; a file with two names counts once."""
    found: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        with suppress(OSError):
            stats = path.lstat()
            if path.is_file():
                found[stats.st_dev, stats.st_ino] = stats.st_size
    return sum(found.values())


def no_room() -> NoRoomError:
    """The error of a full disk."""
    return NoRoomError(
        "the disk is full: free some space on it, or delete clips here, and try again", 507
    )


def shown_bytes(n: float) -> str:
    """Bytes for a person.

    Examples
    --------
    >>> shown_bytes(2e9)
    '2 GB'
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= size:
            return f"{n / size:.3g} {unit}"
    return f"{n:.0f} bytes"


def finite(value: float | None) -> float | None:
    """The number, or None of NaN and infinity, which JSON has not."""
    return value if value is not None and math.isfinite(value) else None
