"""Numbers of threads in the environment that no library can read."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from emonets.runtime.environment import mend_environment, thread_count
from emonets.runtime.parallel import asked_threads, cores


@pytest.mark.parametrize("text", ["²", "", " ", "-1", "abc", "0", "1.5", "٣", "1e3", "9" * 40])
def test_what_is_no_number_counts_as_not_set(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", text)
    assert asked_threads() == 0
    environment = {"OMP_NUM_THREADS": text, "HOME": "²"}
    assert mend_environment(environment) == [f"OMP_NUM_THREADS={text!r}"]
    assert environment == {"HOME": "²"}
    assert mend_environment(environment) == []


def test_numbers_and_lists() -> None:
    environment = {"OMP_NUM_THREADS": "4,2", "MKL_NUM_THREADS": " 8 ", "NUMEXPR_NUM_THREADS": "02"}
    assert mend_environment(environment) == ["OMP_NUM_THREADS='4,2' (its first number, 4, is used)"]
    assert environment["OMP_NUM_THREADS"] == "4"
    assert environment["MKL_NUM_THREADS"] == " 8 "
    assert thread_count("4, 2") == 4


def test_more_threads_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1000000")
    assert asked_threads() == cores() >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert asked_threads() == 1


def test_a_command_prints_one_note(tmp_path: object) -> None:
    wrong = {"OMP_NUM_THREADS": "²", "OPENBLAS_NUM_THREADS": "", "LOKY_MAX_CPU_COUNT": "abc"}
    done = subprocess.run(
        [sys.executable, "-m", "emonets.cli.main", "data", "list"],
        env={**os.environ, **wrong}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("note:") == 1
    for name, text in wrong.items():
        assert f"{name}={text!r}" in done.stderr
