"""Results as files: one writer a format, found by itself.

A module of this package with a `WRITER` is a format. It uses a
:class:`~emonets.result.Result` and nothing else.
"""

from emonets.export.base import Writer, write, write_all, writer, writers

__all__ = ["Writer", "write", "write_all", "writer", "writers"]
