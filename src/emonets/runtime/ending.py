"""How a program ends before its work is done: signals, worker processes and what is kept.

SIGINT (Ctrl-C), SIGTERM, SIGHUP and, on Windows, Ctrl-Break raise :class:`Stopped` in the main
thread. So files that are being written are removed on the way out. A second thread ends worker
processes at once, and the program itself if the main thread does not return from a long
computation. Workers end when their parent does, also where it was killed.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import current_process
from pathlib import Path
from types import FrameType

GRACE = 3.0
"""Seconds that the main thread has to end by itself after a signal."""
_POLL = 0.2  # seconds between a worker's checks of its parent
_TERM = 2.0  # seconds in which a worker removes its temporary files
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")

_partial: set[Path] = set()
_kept: list[str] = []
_watched, _at_work = threading.Event(), threading.Event()
_stopped, _shown = threading.Event(), threading.Event()


class Stopped(BaseException):
    """A signal ends the program.

    Not an ``Exception``: a clip that fails must not stop the others, but this must.

    Attributes
    ----------
    number : of the signal. status : the exit status, 128 + number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.status = 128 + number

    def __str__(self) -> str:
        name = signal.Signals(self.number).name
        done = "interrupted" if self.number == signal.SIGINT else f"ended by {name}"
        return f"{done}; {_kept[-1]}" if _kept else f"{done}; nothing is kept"


def keeps(text: str | None) -> None:
    """Set what is kept if the program is stopped from now on, and how to resume; None: nothing."""
    _kept.clear()
    if text is not None:
        _kept.append(text)


def being_written(path: Path) -> None:
    """Note a temporary file, which is removed if the program ends while it is written."""
    _partial.add(path)


def is_written(path: Path) -> None:
    """Forget a temporary file."""
    _partial.discard(path)


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise :class:`Stopped` for the signals that end programs.

    Signals that are ignored, as SIGHUP under ``nohup``, stay ignored. Without effect in a thread.
    """
    keeps(None)
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) != signal.SIG_IGN}
    for number in before:
        signal.signal(number, _raise)
    reader, writer = socket.socketpair()  # on Windows only a socket can wake
    writer.setblocking(False)
    fd_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(
        target=_watch, args=(reader, frozenset(before)), name="emonets-ending", daemon=True
    ).start()
    try:
        yield
    finally:
        if not _stopped.is_set():  # else the thread is still needed
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(fd_before)
            writer.close()


def _raise(number: int, frame: FrameType | None) -> None:
    _stopped.set()
    for name in _NAMES:  # one is enough: the way out is not to be interrupted
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    end_workers()  # before joblib kills them, which would leave their temporary files
    raise Stopped(number)


def finish(stopped: Stopped, show: Callable[[str], object]) -> int:
    """End the workers and show what is kept; returns the exit status."""
    _shown.set()
    with suppress(Exception):  # the terminal may be gone
        show(str(stopped))
    end_workers()
    return stopped.status


def _watch(reader: socket.socket, numbers: frozenset[int]) -> None:
    """Wait for a signal, end the workers, and after a while this process."""
    with reader:
        got = reader.recv(1)
        while got and got[0] not in numbers:
            got = reader.recv(1)
    if not got:
        return
    end_workers()
    time.sleep(GRACE)
    _remove_partial()
    if not _shown.is_set():
        with suppress(Exception):
            print(Stopped(got[0]), file=sys.stderr, flush=True)
    os._exit(128 + got[0])


def end_workers() -> None:
    """End the processes that joblib started, without waiting for what they do."""
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    executor = getattr(loky, "_executor", None)
    workers = list((getattr(executor, "_processes", None) or {}).values())
    for worker in workers:
        with suppress(Exception):
            worker.terminate()
    until = time.monotonic() + _TERM
    for worker in workers:
        with suppress(Exception):
            worker.join(max(0.0, until - time.monotonic()))
    for worker in workers:
        with suppress(Exception):
            worker.kill()


@contextmanager
def in_worker() -> Iterator[None]:
    """In a worker process: end at once on SIGTERM, and when the parent ends.

    Temporary files are removed first. Ctrl-C in a terminal reaches workers too. It is left to the
    parent, which ends them. In another process this has no effect.
    """
    if not current_process().name.startswith("LokyProcess"):
        yield
        return
    main = threading.current_thread() is threading.main_thread()
    if main and not _watched.is_set():
        _watched.set()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, _leave)
        threading.Thread(
            target=_end_with, args=(os.getppid(),), name="emonets-parent", daemon=True
        ).start()
    _at_work.set()
    try:
        yield
    except Stopped as stopped:
        _remove_partial()
        os._exit(stopped.status)
    finally:
        _at_work.clear()


def end_with_parent(parent: int, pipe: int | None = None) -> None:
    """Let this process end when its parent does, also where that is killed.

    Parameters
    ----------
    parent : its process number, as the parent knows it.
    pipe : descriptor of a pipe that only the parent holds open, and never writes to. On Linux the
        kernel then ends also a process that hangs in foreign code.
    """
    thread = threading.Thread(target=_end_with, args=(parent,), name="emonets-parent", daemon=True)
    thread.start()
    if sys.platform == "linux" and pipe is not None:
        import fcntl

        with suppress(OSError):
            # SIGIO comes when the other end is closed, and ends a process that has no handler
            fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)


def _leave(number: int, frame: FrameType | None) -> None:
    """End a worker: at work by an exception, which removes temporary folders on its way."""
    if _at_work.is_set():
        _at_work.clear()
        raise Stopped(number)
    _remove_partial()
    os._exit(128 + number)


def _end_with(parent: int) -> None:
    """Wait for the end of the parent process, and end this one."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        handle = kernel.OpenProcess(0x00100000, False, parent)  # the right to wait for it
        if not handle:
            return
        kernel.WaitForSingleObject(handle, 0xFFFFFFFF)
    else:
        while os.getppid() == parent:  # a process without its parent gets another one
            time.sleep(_POLL)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_TERM)
    _remove_partial()
    os._exit(128 + signal.SIGTERM)


def _remove_partial() -> None:
    for path in list(_partial):
        with suppress(OSError):
            path.unlink()
