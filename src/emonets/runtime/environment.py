"""Environment variables of numeric libraries: a number that cannot be read is ignored, once noted.

OpenMP itself ignores what it cannot read. Other libraries raise an error for it, some of them for
each file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import MutableMapping

log = logging.getLogger("emonets.environment")

COUNTS = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OPENBLAS_NUM_THREADS",
    "GOTO_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
"""Variables that hold a number of threads or cores."""
_MOST = 1_000_000


def thread_count(text: str | None) -> int:
    """A number of threads as a variable has it; 0 if there is none, or no whole number from 1.

    Of a list, which OpenMP allows for nested loops, the first counts.

    Examples
    --------
    >>> thread_count("4"), thread_count("4,2"), thread_count("²"), thread_count(None)
    (4, 4, 0, 0)
    """
    first = (text or "").split(",")[0].strip()
    if not (first.isascii() and first.isdigit() and len(first) < 10):
        return 0
    number = int(first)
    return number if 1 <= number <= _MOST else 0


def mend_environment(environment: MutableMapping[str, str] = os.environ) -> list[str]:
    """Correct or remove numbers of threads that libraries cannot read; one warning names them.

    Returns
    -------
    What was wrong, a text for each variable.
    """
    wrong = []
    for name in COUNTS:
        text = environment.get(name)
        if text is None:
            continue
        number = thread_count(text)
        if number and text.strip().lstrip("0") == str(number):
            continue
        used = f" (its first number, {number}, is used)" if number else ""
        wrong.append(f"{name}={text!r}{used}")
        if number:
            environment[name] = str(number)
        else:
            del environment[name]
    if wrong:
        log.warning(
            f"ignored, because a whole number from 1 is expected: {', '.join(wrong)}; "
            "unset it or give such a number"
        )
    return wrong
