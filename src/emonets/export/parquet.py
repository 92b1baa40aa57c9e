"""Apache Parquet: the table with its column types, for large results."""

import importlib.util

from emonets.errors import MissingExtraError
from emonets.export.base import Writer
from emonets.result import Result


def check() -> None:
    """Raise `MissingExtraError` unless the extra ``[parquet]`` is installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError("writing Parquet", "parquet")


def encode(result: Result) -> bytes:
    """The table as a Parquet file."""
    return result.to_parquet()


WRITER = Writer("parquet", "a compact table with column types", encode, text=False, check=check)
