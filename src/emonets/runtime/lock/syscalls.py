"""System calls by number, on x86-64 and on aarch64, and which of them a locked process may use.

Numbers are those of Linux's ``unistd.h``; those from 424 on are the same on both.
"""

from __future__ import annotations

X86_64, AARCH64 = 0xC000003E, 0xC00000B7
"""How seccomp calls them: ``AUDIT_ARCH_X86_64`` and ``AUDIT_ARCH_AARCH64``."""
ARCHITECTURES = {"x86_64": X86_64, "AMD64": X86_64, "aarch64": AARCH64, "arm64": AARCH64}
"""By the name that the machine gives itself."""
X32 = 0x40000000
"""Bit of the numbers of x86-64's other set of calls."""
UNIFIED = 424
"""From here on calls are so new that libraries have another way where there is none."""

# name: (x86-64, aarch64); None: there is no such call
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    # files that are open already
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66),
    "pread64": (17, 67), "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70),
    "preadv2": (327, 286), "pwritev2": (328, 287), "close": (3, 57), "close_range": (436, 436),
    "fstat": (5, 80), "lseek": (8, 62), "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24),
    "flock": (73, 32), "fsync": (74, 82), "fdatasync": (75, 83), "ftruncate": (77, 46),
    "fallocate": (285, 47), "pipe2": (293, 59), "eventfd2": (290, 19),
    # sockets that are open already
    "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "shutdown": (48, 210), "getsockopt": (55, 209), "getsockname": (51, 204),
    "getpeername": (52, 205),
    # waiting
    "select": (23, None), "pselect6": (270, 72), "poll": (7, None), "ppoll": (271, 73),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None),
    "epoll_pwait": (281, 22), "nanosleep": (35, 101), "clock_nanosleep": (230, 115),
    "pause": (34, None), "restart_syscall": (219, 128),
    # memory
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214),
    "mremap": (25, 216), "msync": (26, 227), "mincore": (27, 232), "madvise": (28, 233),
    # threads
    "futex": (202, 98), "futex_waitv": (449, 449), "sched_yield": (24, 124),
    "set_robust_list": (273, 99), "get_robust_list": (274, 100), "set_tid_address": (218, 96),
    "rseq": (334, 293), "membarrier": (324, 283), "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121), "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
    "getpriority": (140, 141), "getcpu": (309, 168), "arch_prctl": (158, None),
    # its own signals
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132), "exit": (60, 93), "exit_group": (231, 94),
    # what it is, and what time it is
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getpgrp": (111, None),
    "getpgid": (121, 155), "getsid": (124, 156), "getgroups": (115, 158),
    "getresuid": (118, 148), "getresgid": (120, 150), "uname": (63, 160), "getcwd": (79, 17),
    "getrlimit": (97, 163), "getrusage": (98, 165), "sysinfo": (99, 179), "times": (100, 153),
    "gettimeofday": (96, 169), "time": (201, None), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "getrandom": (318, 278),
}  # fmt: skip

_OPENING: dict[str, tuple[int | None, int | None]] = {
    "open": (2, None), "openat": (257, 56), "openat2": (437, 437), "creat": (85, None),
    "stat": (4, None), "lstat": (6, None), "access": (21, None), "faccessat": (269, 48),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents": (78, None),
    "getdents64": (217, 61),
}  # fmt: skip

# allowed for some values of their arguments only
_CHECKED: dict[str, tuple[int | None, int | None]] = {
    "clone": (56, 220), "kill": (62, 129), "tgkill": (234, 131), "fcntl": (72, 25),
    "prctl": (157, 167), "prlimit64": (302, 261), "newfstatat": (262, 79), "statx": (332, 291),
    "ioctl": (16, 29),
}  # fmt: skip

SECCOMP = {X86_64: 317, AARCH64: 277}
"""The number of the call that locks."""
LANDLOCK_CREATE, LANDLOCK_RESTRICT = 444, 446


def _numbers(table: dict[str, tuple[int | None, int | None]], arch: int) -> dict[str, int]:
    column = 0 if arch == X86_64 else 1
    return {name: n for name, both in table.items() if (n := both[column]) is not None}


def allowed(arch: int) -> dict[str, int]:
    """Calls that a locked process may use, by name."""
    return _numbers(_ALLOWED, arch)


def opening(arch: int) -> dict[str, int]:
    """Calls that open files or tell of them by name: refused as where a user has no right to."""
    return _numbers(_OPENING, arch)


def checked(arch: int) -> dict[str, int]:
    """Calls that are allowed for some values of their arguments."""
    return _numbers(_CHECKED, arch)
