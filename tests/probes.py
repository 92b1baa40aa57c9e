"""What a locked process must not be able to do."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import av

PARENT = os.getppid()
FILE = "/etc/passwd"
NEW = f"/tmp/emonets-probe-{os.getpid()}"


def _limit():
    import resource

    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))


def _signals():
    import fcntl

    fcntl.fcntl(0, 8, PARENT)  # whom a file sends its signals to


PROBES = {
    "read": lambda: Path(FILE).read_bytes(),
    "write": lambda: Path(NEW).write_bytes(b""),
    "socket": socket.socket,
    "program": lambda: subprocess.run(["/bin/true"], check=True),
    "fork": os.fork,
    "kill": lambda: os.kill(PARENT, 0),
    "av": lambda: av.open(FILE),
    # beyond the seven
    "list": lambda: os.listdir("/"),
    "size": lambda: os.stat(FILE),
    "mode": lambda: os.chmod(NEW, 0o777),
    "limit": _limit,
    "signals": _signals,
    "memory": lambda: os.memfd_create("probe"),
}


def probed() -> list[str]:
    """Names of the probes that went through."""
    done = []
    for name, probe in PROBES.items():
        try:
            probe()
        except av.error.InvalidDataError:  # it was opened, and is no film
            done.append(name)
        except (OSError, ValueError):
            continue
        else:
            done.append(name)
    return done


class Prober:
    """Probes from a thread that is there before the lock."""

    def __init__(self) -> None:
        self._go, self._done = threading.Event(), []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._go.wait()
        self._done += probed()

    def all(self) -> list[str]:
        """What went through here, and in the other thread."""
        self._go.set()
        here = probed()
        self._thread.join(60)
        return [*here, *(f"{name} (thread)" for name in self._done)]


if __name__ == "__main__":
    from emonets.runtime import lock
    from emonets.runtime.lock import landlock, seccomp

    prober = Prober()
    if "no-landlock" in sys.argv:
        landlock.version = lambda: 0
    if "no-filter" in sys.argv:
        seccomp.refuse_calls = lambda: "Operation not permitted"
    locked = lock.lock_process(memory=2**30, scratch=2**20)
    print(locked.sentence)
    print(",".join(prober.all()))
    started = threading.Thread(target=lambda: print("a new thread"))
    started.start()
    started.join()
    sys.stdout.flush()
    os.abort()
