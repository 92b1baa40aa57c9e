"""The command ``demo``: the shipped clip, predicted and shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from emonets.cli.options import err
from emonets.cli.report import report
from emonets.errors import DataError

CLIP = "1001_DFA_HAP_XX.flv"
"""Of CREMA-D; NOTICE has its terms."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder of the report.")] = Path("emonets-demo"),
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Predict the clip that ships, and write its report.

    A sentence of an actor, meant to be happy. Open index.html in the folder with a browser.
    """
    report([str(example_clip())], out, window="1", quiet=quiet)
    err.print(f"open it: {(out / 'index.html').resolve().as_uri()}", soft_wrap=True)


def example_clip() -> Path:
    """The shipped clip: in the installed package, or beside the sources of a checkout.

    Raises
    ------
    DataError : it is in neither.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / CLIP).is_file():
            return folder / CLIP
    raise DataError(f"{CLIP}: the example is not in this installation; install emonets again")
