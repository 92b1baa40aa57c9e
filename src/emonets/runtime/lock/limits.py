"""Limits of this process, as far as the system has them: memory, file size, descriptors."""

from __future__ import annotations

import sys
from pathlib import Path

DESCRIPTORS = 256


def set_limits(*, memory: int | None, scratch: int | None) -> list[str]:
    """Set limits that this process cannot raise again.

    Parameters
    ----------
    memory : bytes of address space beyond what is taken now. scratch : bytes of a file.

    Returns
    -------
    The names of the limits that are in force.
    """
    if sys.platform == "win32":
        return []
    import resource

    wanted = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": DESCRIPTORS}
    taken = _address_space()
    if memory is not None and taken is not None:
        wanted["RLIMIT_AS"] = taken + int(memory)
    if scratch is not None:
        wanted["RLIMIT_FSIZE"] = int(scratch)
    done = []
    for name, value in wanted.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        try:
            hard = resource.getrlimit(kind)[1]
            top = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (top, top))
        except (OSError, ValueError):
            continue
        done.append(name)
    return done


def limit_processor(seconds: float, pid: int = 0) -> bool:
    """Let a process end by SIGXCPU after so many more seconds of processor time than it has used.

    Parameters
    ----------
    pid : of a child, on Linux; 0: this process.

    Returns
    -------
    Whether that is possible here.
    """
    if sys.platform == "win32":
        return False
    import resource

    if pid == 0:
        own = resource.getrusage(resource.RUSAGE_SELF)
        used = own.ru_utime + own.ru_stime
        set_limit = resource.setrlimit
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        set_limit(resource.RLIMIT_CPU, (_top(used + seconds, hard), hard))
        return True
    if not hasattr(resource, "prlimit"):
        return False
    try:
        used = _used(pid)
        hard = resource.prlimit(pid, resource.RLIMIT_CPU)[1]
        resource.prlimit(pid, resource.RLIMIT_CPU, (_top(used + seconds, hard), hard))
    except OSError:  # it has ended
        return False
    return True


def _top(seconds: float, hard: int) -> int:
    whole = int(seconds) + 1
    return whole if hard < 0 else min(whole, hard)


def _used(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    import os

    # the name, in brackets, may hold anything
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def _address_space() -> int | None:
    """Bytes of address space of this process; None where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except (OSError, ValueError):
        return None
    import os

    return pages * int(os.sysconf("SC_PAGE_SIZE"))
