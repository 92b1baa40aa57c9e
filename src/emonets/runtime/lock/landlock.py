"""Landlock: no file may be opened, no port reached, no other process signalled, by this process.

It knows files by where they are, not by a number, and so is a second wall behind the filter of
system calls. Threads that exist already are not covered; the filter covers them.
"""

from __future__ import annotations

import ctypes
import os
import struct

from emonets.runtime.lock.seccomp import libc
from emonets.runtime.lock.syscalls import LANDLOCK_CREATE, LANDLOCK_RESTRICT

_VERSION = 1

# the first version of the kernel's interface that knows so many rights on files
_FILES = {1: 13, 2: 14, 3: 15, 5: 16}
_PORTS, _SCOPES = (4, 0b11), (6, 0b11)
"""To bind and connect TCP ports; abstract sockets and signals. Each with its first version."""


def _call(number: int, *arguments: object) -> int:
    call = libc().syscall
    call.restype = ctypes.c_long
    return int(call(ctypes.c_long(number), *arguments))


def version() -> int:
    """The version of the kernel's interface; 0: it has none, or it is turned off."""
    found = _call(
        LANDLOCK_CREATE, ctypes.c_void_p(None), ctypes.c_size_t(0), ctypes.c_uint(_VERSION)
    )
    return max(found, 0)


def rules(abi: int) -> bytes:
    """``struct landlock_ruleset_attr`` that handles everything which this version can handle."""
    rights = max(bits for first, bits in _FILES.items() if first <= abi)
    values = [2**rights - 1]
    values += [_PORTS[1]] * (abi >= _PORTS[0]) + [_SCOPES[1]] * (abi >= _SCOPES[0])
    return struct.pack(f"<{len(values)}Q", *values)


def refuse_files() -> tuple[int, str]:
    """Refuse this thread, and those that it starts, all files that are not open yet.

    `seccomp.no_new_rights` comes first.

    Returns
    -------
    The version of the interface that was used, 0 if none, and then why.
    """
    abi = version()
    if abi == 0:
        return 0, "this kernel has no Landlock, or it is turned off"
    content = rules(abi)
    held = ctypes.create_string_buffer(content, len(content))
    made = _call(LANDLOCK_CREATE, held, ctypes.c_size_t(len(content)), ctypes.c_uint(0))
    if made < 0:
        return 0, os.strerror(ctypes.get_errno())
    try:
        if _call(LANDLOCK_RESTRICT, ctypes.c_int(made), ctypes.c_uint(0)) != 0:
            return 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(made)
    return abi, ""
