"""What the library logs, as a test reads it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class _Handler(logging.Handler):
    def __init__(self, on_message: Callable[[str], object]) -> None:
        super().__init__()
        self._on_message = on_message

    def emit(self, record: logging.LogRecord) -> None:
        self._on_message(record.getMessage())


@contextmanager
def listening(on_message: Callable[[str], object]) -> Iterator[None]:
    """Call ``on_message`` with each message; an exception that it raises ends the work."""
    logger, handler = logging.getLogger("emonets"), _Handler(on_message)
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
