"""A filter of system calls: what is not on a list is refused, in all threads and for ever.

The filter is a program of Linux's classic BPF. It reads the number of a call and its arguments,
and returns what is to be done. Pointers cannot be followed, so that names of files are no part of
it: calls that open any are refused.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

from emonets.runtime.lock.syscalls import (
    ARCHITECTURES,
    SECCOMP,
    UNIFIED,
    X32,
    X86_64,
    allowed,
    checked,
    opening,
)

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _SET, _AT_LEAST = 0x15, 0x45, 0x35
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
"""Offsets in ``struct seccomp_data``."""
_FILTER, _ALL_THREADS = 1, 1
_NO_NEW_PRIVS = 38

_CLONE_THREAD = 0x00010000
_EMPTY_PATH = 0x1000
_FCNTL = (0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030)
"""Copies of descriptors, their flags, and locks. Not whom a file sends its signals to."""
_PRCTL = (15, 16, 0x53564D41)
"""The name of a thread or of a piece of memory."""

Instruction = tuple[int, int, int, int]


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _low(argument: int) -> Instruction:
    """The lower half of an argument; both machines store it first."""
    return _load(_ARGUMENTS + 8 * argument)


def _high(argument: int) -> Instruction:
    return _load(_ARGUMENTS + 8 * argument + 4)


def _give(what: int) -> Instruction:
    return (_RETURN, 0, 0, what)


def _refuse(number: int) -> Instruction:
    return _give(_ERRNO | number)


def _only(values: tuple[int, ...], argument: int, otherwise: int) -> list[Instruction]:
    """Allow a call where its argument is one of these, and else refuse it."""
    tests = [(_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [_low(argument), *tests, _refuse(otherwise), _give(_ALLOW)]


def _with(bit: int, argument: int, otherwise: int) -> list[Instruction]:
    """Allow a call where its argument has this bit, and else refuse it."""
    return [_low(argument), (_SET, 1, 0, bit), _refuse(otherwise), _give(_ALLOW)]


def program(arch: int, pid: int) -> list[Instruction]:
    """The filter of a process.

    Parameters
    ----------
    arch : `syscalls.X86_64` or `syscalls.AARCH64`. pid : the only process that may be signalled.
    """
    parts: list[Instruction] = [
        _load(_ARCH), (_EQUAL, 1, 0, arch), _give(_KILL), _load(_NUMBER),
    ]  # fmt: skip
    if arch == X86_64:
        parts += [(_AT_LEAST, 0, 1, X32), _give(_KILL)]
    for number in allowed(arch).values():
        parts += [(_EQUAL, 0, 1, number), _give(_ALLOW)]
    for number in opening(arch).values():
        parts += [(_EQUAL, 0, 1, number), _refuse(errno.EACCES)]
    special = {
        "clone": _with(_CLONE_THREAD, 0, errno.EPERM),
        "kill": _only((pid,), 0, errno.EPERM),
        "tgkill": _only((pid,), 0, errno.EPERM),
        "fcntl": _only(_FCNTL, 1, errno.EPERM),
        "prctl": _only(_PRCTL, 0, errno.EPERM),
        # limits may be read, not set: the pointer to new ones is 0
        "prlimit64": [
            _low(2), (_EQUAL, 0, 2, 0), _high(2), (_EQUAL, 1, 0, 0), _refuse(errno.EPERM),
            _give(_ALLOW),
        ],
        # libraries ask in this way for the size of an open file
        "newfstatat": _with(_EMPTY_PATH, 3, errno.EACCES),
        "statx": _with(_EMPTY_PATH, 2, errno.EACCES),
        "ioctl": [_refuse(errno.ENOTTY)],
    }  # fmt: skip
    for name, number in checked(arch).items():
        own = special[name]
        parts += [(_EQUAL, 0, len(own), number), *own]
    # so that libraries take the older way, as of clone3
    parts += [(_AT_LEAST, 0, 1, UNIFIED), _refuse(errno.ENOSYS), _refuse(errno.EPERM)]
    return parts


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def libc() -> ctypes.CDLL:
    """The C library of this process."""
    return ctypes.CDLL(None, use_errno=True)


def no_new_rights() -> str:
    """Let this process never get rights by starting a program; returns why not, or nothing."""
    if libc().prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return os.strerror(ctypes.get_errno())
    return ""


def refuse_calls() -> str:
    """Filter the system calls of all threads of this process from now on.

    `no_new_rights` comes first.

    Returns
    -------
    Why it did not work; empty: it did.
    """
    arch = ARCHITECTURES.get(platform.machine())
    if arch is None or sys.maxsize < 2**32 or sys.byteorder != "little":
        return f"there is no filter for {platform.machine() or 'this machine'}"
    code = b"".join(struct.pack("<HBBI", *one) for one in program(arch, os.getpid()))
    held = ctypes.create_string_buffer(code, len(code))
    made = _Program(len(code) // 8, ctypes.cast(held, ctypes.c_void_p))
    call = libc().syscall
    call.restype = ctypes.c_long
    # a variadic function: without types, numbers would be passed as int
    arguments = (ctypes.c_long(SECCOMP[arch]), ctypes.c_long(_FILTER), ctypes.c_long(_ALL_THREADS))
    result = call(*arguments, ctypes.byref(made))
    if result < 0:
        return os.strerror(ctypes.get_errno())
    return "" if result == 0 else "a thread has a filter of its own"
