"""Locking this process in: it keeps what it has open, and can open nothing more.

Everything that it will need is imported and opened before. There is no way back.

On Linux, a filter of system calls (seccomp) and Landlock; both by ``ctypes`` alone. On other
systems, and where Linux forbids them, only limits: `Locked.sentence` states what is in force.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from emonets.runtime.lock.limits import limit_processor, set_limits

__all__ = ["Locked", "limit_processor", "lock_process"]


@dataclass(frozen=True)
class Locked:
    """What is in force in a process.

    Attributes
    ----------
    calls : whether system calls are filtered: no file, connection or process can be opened.
    landlock : version of Landlock's interface; 0: none.
    limits : names of the limits that are set.
    missing : why a part is not in force, a text for each.
    """

    calls: bool = False
    landlock: int = 0
    limits: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """One sentence for users."""
        if self.calls:
            walls = f"seccomp and Landlock {self.landlock}" if self.landlock else "seccomp"
            text = f"the decoder can open no file, no connection and no process ({walls})"
        elif self.landlock:
            text = (
                f"the decoder can open no file (Landlock {self.landlock}), but connections and "
                "processes are not refused"
            )
        else:
            text = "the decoder has a process of its own, which is not locked"
        return text + (f"; {'; '.join(self.missing)}" if self.missing else "")


def lock_process(*, memory: int | None = None, scratch: int | None = None) -> Locked:
    """Lock this process in, with all of its threads, for ever.

    Parameters
    ----------
    memory : bytes of address space that it may take beyond what it has; None: any.
    scratch : bytes of a file that it may write; None: any.

    Examples
    --------
    >>> lock_process(memory=2**30).calls  # doctest: +SKIP
    True
    """
    limits = tuple(set_limits(memory=memory, scratch=scratch))
    if sys.platform != "linux":
        system = {"darwin": "macOS", "win32": "Windows"}.get(sys.platform, sys.platform)
        return Locked(limits=limits, missing=(f"{system} has no lock that is used here",))
    from emonets.runtime.lock.landlock import refuse_files
    from emonets.runtime.lock.seccomp import no_new_rights, refuse_calls

    why = no_new_rights()
    if why:
        return Locked(limits=limits, missing=(f"this system forbids locks ({why})",))
    abi, no_landlock = refuse_files()
    no_filter = refuse_calls()
    missing = []
    if no_landlock:
        missing.append(f"Landlock is not in force ({no_landlock})")
    if no_filter:
        missing.append(f"the filter of system calls is not in force ({no_filter})")
    return Locked(not no_filter, abi, limits, tuple(missing))
