"""The application: all commands together, and errors as exit statuses."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from emonets.cli.compare_fusion import compare_fusion
from emonets.cli.data import data_app
from emonets.cli.demo import demo
from emonets.cli.evaluate import evaluate_app
from emonets.cli.export import export
from emonets.cli.extract import extract
from emonets.cli.figure import figure
from emonets.cli.options import err, example, show_log
from emonets.cli.plugins import plugins
from emonets.cli.predict import predict
from emonets.cli.report import report
from emonets.cli.reproduce import reproduce_app
from emonets.cli.serve import serve
from emonets.cli.train import train_app
from emonets.errors import EmoNetsError, ParameterError
from emonets.runtime.ending import Stopped, finish, stop_on_signals
from emonets.runtime.environment import mend_environment
from emonets.version import __version__

app = typer.Typer(
    name="emonets",
    no_args_is_help=True,
    epilog=example("emonets predict clip.mp4", "emonets predict --help"),
    rich_markup_mode=None,  # markup would eat [brackets] and break lines
    pretty_exceptions_enable=False,
)
app.add_typer(train_app, name="train")
app.add_typer(evaluate_app, name="evaluate")
app.add_typer(reproduce_app, name="reproduce")
app.add_typer(data_app, name="data")
app.command(
    epilog=example(
        "emonets predict clip.mp4",
        "emonets predict clips/ --format csv > results.csv",
        "emonets predict 'day1/*.mp4' --out results/ --workers 2",
    )
)(predict)
app.command(epilog=example("emonets demo", "emonets demo --out demo/"))(demo)
app.command(
    epilog=example(
        "emonets export results/ --format elan,vtt --out coding/",
        "emonets export results.json --format boris --out coding/",
    )
)(export)
app.command(
    epilog=example(
        "emonets report interview.mp4 --out report/",
        "emonets report interview.mp4 --out report/ --edits interview.edits.json",
        "emonets report results/ --out report/",
    )
)(report)
app.command(epilog=example("emonets serve", "emonets serve --keep 7d --no-open"))(serve)
app.command(epilog=example("emonets extract clips/ --store features/"))(extract)
app.command(
    epilog=example("emonets compare-fusion results.csv --labels labels.csv --out fusions/")
)(compare_fusion)

app.command(epilog=example("emonets figure results.json --file talk.mp4 --out timeline.svg"))(
    figure
)
app.command(epilog=example("emonets plugins"))(plugins)


def _version(given: bool) -> None:
    if given:
        print(f"emonets {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Predict which of seven emotions the people in a video show."""


def main() -> None:
    """Run the command of ``sys.argv``; EmoNets' own errors are one line, not a traceback.

    Exit status (`docs/reference/command_line.md`): 0 done; 1 a file or the data; 2 an argument; 130
    interrupted (Ctrl-C); 143 ended by SIGTERM, and 128 + its number for another signal.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    show_log()
    mend_environment()
    with stop_on_signals():
        _run()


def _run() -> None:
    try:
        app()
    except Stopped as stopped:
        sys.exit(finish(stopped, lambda text: err.print(text, soft_wrap=True)))
    except EmoNetsError as error:
        err.print(f"error: {error}", style="red", soft_wrap=True)
        sys.exit(2 if isinstance(error, ParameterError) else 1)
    except BrokenPipeError:  # nobody reads the output any more, as in `… | head`
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that is gone
        err.print(f"error: {error}", style="red", soft_wrap=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
