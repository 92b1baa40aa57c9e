"""A locked process can open nothing, from any thread; where a part is missing, it says so."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from emonets.runtime.lock import Locked
from emonets.runtime.lock.landlock import rules
from emonets.runtime.lock.limits import _top
from emonets.runtime.lock.seccomp import program
from emonets.runtime.lock.syscalls import AARCH64, X86_64, allowed, checked, opening

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these locks")
PROBES = Path(__file__).parents[1] / "probes.py"


def after_lock(*words: str) -> list[str]:
    """What a process writes that locks itself, probes, and aborts."""
    done = subprocess.run(
        [sys.executable, str(PROBES), *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == -6, done.stderr  # its own signals still reach it
    return done.stdout.splitlines()


@linux
def test_nothing_can_be_opened_from_any_thread():
    sentence, went_through, thread = after_lock()
    assert sentence.startswith("the decoder can open no file, no connection and no process (secc")
    assert went_through == ""
    assert thread == "a new thread"


@linux
def test_the_filter_alone_refuses_everything():
    sentence, went_through, _ = after_lock("no-landlock")
    assert sentence == (
        "the decoder can open no file, no connection and no process (seccomp); Landlock is not in "
        "force (this kernel has no Landlock, or it is turned off)"
    )
    assert went_through == ""


@linux
def test_without_the_filter_the_sentence_promises_less():
    sentence = after_lock("no-filter")[0]
    if "no Landlock" in sentence:
        pytest.skip("this kernel has no Landlock")
    assert "can open no file (Landlock" in sentence
    assert "connections and processes are not refused" in sentence
    assert "(Operation not permitted)" in sentence


def test_without_any_lock_the_sentence_promises_nothing():
    sentence = Locked(missing=("macOS has no lock that is used here",)).sentence
    assert "which is not locked; macOS" in sentence
    assert "no file" not in sentence


def verdict(arch: int, number: int, *arguments: int, told: int | None = None, pid: int = 77) -> int:
    """What the kernel would do: 0 allow, an errno, or -1: end the process."""
    data = bytearray(64)
    data[0:4] = number.to_bytes(4, "little")
    data[4:8] = (arch if told is None else told).to_bytes(4, "little")
    for i, value in enumerate(arguments):
        data[16 + 8 * i : 24 + 8 * i] = (value % 2**64).to_bytes(8, "little")
    code, at, held = program(arch, pid), 0, 0
    while True:
        kind, true, false, k = code[at]
        at += 1
        if kind == 0x20:
            held = int.from_bytes(data[k : k + 4], "little")
        elif kind == 0x06:
            return {0x7FFF0000: 0, 0x80000000: -1}.get(k, k & 0xFFFF)
        else:
            holds = {0x15: held == k, 0x35: held >= k, 0x45: bool(held & k)}[kind]
            at += true if holds else false


@pytest.mark.parametrize("arch", [X86_64, AARCH64])
def test_the_filter_of_each_machine(arch):
    named = {**checked(arch), **opening(arch), **allowed(arch)}
    assert len(set(named.values())) == len(named)
    assert len(program(arch, 1)) < 4096
    for number in allowed(arch).values():
        assert verdict(arch, number) == 0
    for number in opening(arch).values():
        assert verdict(arch, number) == errno.EACCES
    assert verdict(arch, named["clone"], 0x3D0F00) == 0
    assert verdict(arch, named["clone"], 0x1200011) == errno.EPERM
    assert verdict(arch, 435) == errno.ENOSYS  # clone3
    assert verdict(arch, 425) == errno.ENOSYS  # io_uring_setup
    assert verdict(arch, named["kill"], 77, 9) == 0
    for other in (0, 1, 78, -1, -77):
        assert verdict(arch, named["kill"], other, 9) == errno.EPERM
        assert verdict(arch, named["tgkill"], other, 77, 9) == errno.EPERM
    for command, what in ((1, 0), (4, 0), (1030, 0), (8, 1), (10, 1), (15, 1)):
        assert bool(verdict(arch, named["fcntl"], 0, command)) == bool(what)
    assert verdict(arch, named["prlimit64"], 0, 7, 0, 4096) == 0
    assert verdict(arch, named["prlimit64"], 0, 7, 4096) == errno.EPERM
    assert verdict(arch, named["prlimit64"], 0, 7, 2**40) == errno.EPERM
    assert verdict(arch, named["newfstatat"], 3, 0, 0, 0x1000) == 0
    assert verdict(arch, named["newfstatat"], 3, 0, 0, 0) == errno.EACCES
    assert verdict(arch, named["ioctl"], 0, 0x5412) == errno.ENOTTY
    assert verdict(arch, named["prctl"], 15) == 0
    assert verdict(arch, named["prctl"], 22) == errno.EPERM
    assert verdict(arch, named["read"], told=1) == -1


def test_numbers_that_matter():
    refused = {
        X86_64: {"socket": 41, "connect": 42, "bind": 49, "execve": 59, "fork": 57, "ptrace": 101,
                 "mount": 165, "tkill": 200, "process_vm_readv": 310, "bpf": 321, "keyctl": 250,
                 "userfaultfd": 323, "memfd_create": 319, "unlink": 87, "chmod": 90},
        AARCH64: {"socket": 198, "connect": 203, "bind": 200, "execve": 221, "ptrace": 117,
                  "mount": 40, "tkill": 130, "process_vm_readv": 270, "bpf": 280, "keyctl": 219,
                  "userfaultfd": 282, "memfd_create": 279, "unlinkat": 35, "fchmodat": 53},
    }  # fmt: skip
    for arch, calls in refused.items():
        for name, number in calls.items():
            assert verdict(arch, number) == errno.EPERM, name
    assert verdict(X86_64, 0x40000000) == -1


def test_rules_of_each_version_of_landlock():
    assert [len(rules(abi)) for abi in range(1, 8)] == [8, 8, 8, 16, 16, 24, 24]
    assert int.from_bytes(rules(7)[:8], "little") == 2**16 - 1
    assert int.from_bytes(rules(1), "little") == 2**13 - 1


def test_processor_time_keeps_to_what_the_system_allows():
    assert (_top(2.5, -1), _top(2.5, 2)) == (3, 2)


@linux
def test_a_process_ends_with_its_parent_even_where_nothing_runs_in_it():
    script = (
        "import ctypes, os, sys; from emonets.runtime.ending import end_with_parent;"
        "end_with_parent(os.getppid(), 0); print('ready', flush=True);"
        "ctypes.PyDLL(None).sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout.readline() == b"ready\n"
        process.stdin.close()  # as the kernel does for a parent that was killed
        assert process.wait(30) < 0
