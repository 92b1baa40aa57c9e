"""The command line: a function a command, each thin over the library."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from emonets.cli.compare_fusion import compare_fusion
from emonets.cli.data import data_app
from emonets.cli.evaluate import evaluate_app
from emonets.cli.extract import extract
from emonets.cli.options import err, show_log
from emonets.cli.predict import predict
from emonets.cli.reproduce import reproduce_app
from emonets.cli.train import train_app
from emonets.errors import EmoNetsError, ParameterError
from emonets.version import __version__

app = typer.Typer(
    name="emonets",
    help="Which of seven emotions the people in a video show.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(reproduce_app, name="reproduce")
app.add_typer(data_app, name="data")
app.command(epilog="Example: emonets predict clips/ --out results --format csv")(predict)
app.command(epilog="Example: emonets extract clips/ --store features")(extract)
app.command(epilog="Example: emonets compare-fusion predictions.csv --out report")(compare_fusion)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"emonets {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Which of seven emotions the people in a video show."""


def main() -> None:
    """The entry point: EmoNets' own errors are one line, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    show_log()
    try:
        app()
    except EmoNetsError as error:
        err.print(f"error: {error}", style="red", soft_wrap=True)
        sys.exit(2 if isinstance(error, ParameterError) else 1)
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:  # a full disk, a folder that is gone
        err.print(f"error: {error}", style="red", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        err.print("interrupted; the same command goes on where it can")
        sys.exit(130)


if __name__ == "__main__":
    main()
