"""JSON: the whole result, with the status of each file and details of the model."""

from emonets.export.base import Writer
from emonets.result import Result, printable


def encode(result: Result) -> bytes:
    """One object as UTF-8; `Result.from_json` reads it back."""
    return printable(result.to_json()).encode()


WRITER = Writer("json", "the whole result for programs", encode)
