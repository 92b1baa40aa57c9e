"""How long work takes here: measured on the work that was done."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path
from statistics import median

from emonets.app.jobs import RUNNING, Job
from emonets.runtime.files import write_whole

STAGES = ("starting", "reading", "film")
_KEPT = 30
_OWN = 3.0  # seconds of its clip after which a stage is judged by its own speed


class Speeds:
    """Seconds of work by stage, of the clips that were finished last on this computer.

    Parameters
    ----------
    path : of the file that keeps them.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._done: list[tuple[float, int, dict[str, float]]] = []
        with suppress(OSError, ValueError, TypeError, AttributeError):
            for seconds, size, spent in json.loads(path.read_text("utf-8")):
                own = {name: float(spent.get(name, 0.0)) for name in STAGES}
                self._done.append((float(seconds), int(size), own))
        self._count()

    def add(self, job: Job) -> None:
        """Count a job that is done, if the length of its clip is known."""
        if not job.seconds or job.seconds <= 0:
            return
        with self._lock:
            own = {name: round(job.spent.get(name, 0.0), 3) for name in STAGES}
            self._done = [*self._done, (job.seconds, job.size, own)][-_KEPT:]
            self._count()
            text = json.dumps(self._done)
        with suppress(OSError):
            write_whole(self._path, text.encode())

    def rate(self, stage: str) -> float | None:
        """Seconds of work for a second of a clip; of ``starting``, seconds for a clip."""
        done = self._done
        if not done:
            return None
        if stage == "starting":
            return median(spent[stage] for _, _, spent in done)
        return median(spent[stage] / seconds for seconds, _, spent in done)

    def whole(self, job: Job) -> float | None:
        """Seconds of work on a job that has not begun: by the length of its clip, or its bytes."""
        done = self._done
        if not done:
            return None
        if job.seconds:
            return sum(self._share(name, job.seconds) for name in STAGES)
        return self._for_a_byte * job.size

    def _count(self) -> None:
        work = sum(sum(spent.values()) for _, _, spent in self._done)
        self._for_a_byte = work / max(1, sum(size for _, size, _ in self._done))

    def left(self, job: Job, in_stage: float) -> float | None:
        """Seconds of work that are left of a running job; None: not known.

        Parameters
        ----------
        in_stage : seconds for which its present stage has run.
        """
        total, stage = job.total, job.stage
        if job.state != RUNNING or stage not in STAGES:
            return None
        if not total:
            whole = self.whole(job)
            return None if whole is None else max(0.0, whole - in_stage)
        known = self.rate(stage)
        if stage != "starting" and job.done >= min(_OWN, total / 4) and job.done > 0:
            known = in_stage / job.done
        if known is None:
            return None
        left = max(0.0, known - in_stage) if stage == "starting" else known * (total - job.done)
        later = STAGES[STAGES.index(stage) + 1 :]
        return max(0.0, left) + sum(self._share(name, total) for name in later)

    def _share(self, stage: str, seconds: float) -> float:
        rate = self.rate(stage) or 0.0
        return rate if stage == "starting" else rate * seconds
