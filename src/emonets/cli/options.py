"""Options and examples that several commands share; opening the data that options name."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from rich.console import Console
from typer.core import TyperGroup

from emonets.errors import ParameterError

if TYPE_CHECKING:
    from emonets.datasets import Dataset
    from emonets.runtime.store import FeatureStore

# a file may be called [x] or :dog:, and is printed as it is called
PLAIN: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
console = Console(**PLAIN)
err = Console(stderr=True, **PLAIN)
log = logging.getLogger("emonets.cli")


class LinesToError(logging.Handler):
    """Prints the log of the library on standard error, a line for each record."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record; a warning becomes a note."""
        note = record.levelno >= logging.WARNING
        text = f"note: {record.getMessage()}" if note else record.getMessage()
        err.print(text, style="yellow" if note else "", soft_wrap=True)


def show_log() -> None:
    """Print the log of the library from now on; a second call changes nothing."""
    logger = logging.getLogger("emonets")
    if not any(isinstance(handler, LinesToError) for handler in logger.handlers):
        logger.addHandler(LinesToError())
    logger.setLevel(logging.INFO)


Data = Annotated[
    list[Path],
    typer.Argument(
        help="Labelled clips: class folders, a manifest, RAVDESS, AFEW …; one path or more."
    ),
]
Out = Annotated[Path, typer.Option(help="Folder of the new bundle.")]
Preset = Annotated[str, typer.Option(help="A preset's name or a .toml file.")]
Store = Annotated[
    str | None,
    typer.Option(
        help="Folder of features and finished stages; or an address such as s3://… "
        "(needs emonets[dask])."
    ),
]
With = Annotated[
    list[Path] | None,
    typer.Option("--with", help="More data, only to train on, such as speech (repeatable)."),
]
Models = Annotated[str | None, typer.Option(help="Specialists, such as face,audio. Default: all.")]
Base = Annotated[
    str | None,
    typer.Option(
        help="Bundle whose networks are used. 'none': train the audio network from nothing. "
        "Default: the preset's."
    ),
]
Folds = Annotated[
    int | None,
    typer.Option(
        help="Number of folds of whole groups. Default: the corpus's agreed folds, or one for each "
        "group, ten at most."
    ),
]
Report = Annotated[
    Path | None, typer.Option(help="Folder for the scores: report.md, CSV, JSON, pictures.")
]
Figures = Annotated[str, typer.Option(help="Format of the figures: png, svg or pdf.")]
AddTo = Annotated[
    str | None, typer.Option(help="Bundle whose other specialists the new bundle keeps.")
]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
Workers = Annotated[int, typer.Option(help="Number of processes.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        help="Address of a Dask cluster that does the work, tcp://HOST:PORT (needs emonets[dask])."
    ),
]
Layout = Annotated[
    str | None, typer.Option(help="Layout, by a name of 'emonets data list'. Default: detected.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", help="WORD=EMOTION or WORD=drop, for labels of your own (repeatable)."),
]
GroupPattern = Annotated[
    str | None,
    typer.Option(
        help="Class folders: regular expression for the part of a file name that names the group."
    ),
]
SharedGroups = Annotated[
    bool, typer.Option("--shared-groups", help="Accept data that has one group in two parts.")
]

SimilarGroups = Annotated[
    bool,
    typer.Option(
        "--similar-groups",
        help="Groups whose names differ only in case, blanks or zeros are different people.",
    ),
]


def example(*commands: str) -> str:
    """The end of a command's help: real commands, each on a line of its own.

    Examples
    --------
    >>> print(example("emonets data list").replace("\\b", "").strip())
    Example:
      emonets data list
    """
    title = "Example:" if len(commands) == 1 else "Examples:"
    return "\n".join(["\b", title, *(f"  {one}" for one in commands)])  # \b keeps the lines


class DefaultGroup(TyperGroup):
    """A group of commands; without a command's name it runs the command ``all``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``all`` first where no command is named."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["all", *args]
        return super().parse_args(ctx, args)


def command(
    run: Callable[..., None],
    like: Callable[..., None],
    doc: str,
    *,
    without: Sequence[str] = (),
    more: Callable[..., None] | None = None,
) -> Callable[..., None]:
    """A command with the options of another one, which it passes to a function.

    Parameters
    ----------
    run : called with all options by name.
    like : the command with these options. without : names of options that are left out.
    doc : its help.
    more : a function with further options; they replace others of the same name.
    """
    hints = get_type_hints(like, include_extras=True)
    every = {name: p for name, p in inspect.signature(like).parameters.items()
             if name not in without}  # fmt: skip
    if more is not None:
        hints |= get_type_hints(more, include_extras=True)
        every |= inspect.signature(more).parameters
    parameters = [
        p.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY)
        for name, p in every.items()
    ]

    def called(**given: Any) -> None:
        run(**given)

    called.__doc__ = doc
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {p.name: p.annotation for p in parameters}
    return called


def open_labelled(
    paths: Sequence[Path],
    layout: str | None = None,
    mapped: list[str] | None = None,
    group_pattern: str | None = None,
    shared_groups: bool = False,
    *,
    similar_groups: bool = False,
    stills: bool = False,
) -> list[Dataset]:
    """Labelled data, each in its own layout.

    Parameters
    ----------
    layout, mapped, group_pattern : of the first path only.
    stills : whether pictures alone are still faces, framed as FER2013's, and no clips.

    Raises
    ------
    DataError, ParameterError : as ``open_dataset``.
    """
    from emonets.datasets import open_dataset
    from emonets.datasets.checks import similar_groups as checks_of_groups
    from emonets.datasets.items import refuse

    words = labels_of(mapped or []) or None
    accepted: dict[str, Any] = {"shared_groups": shared_groups, "similar_groups": similar_groups}
    first = open_dataset(paths[0], layout, labels=words, group_pattern=group_pattern, **accepted)
    rest = [open_dataset(path, **accepted) for path in paths[1:]]
    own = [data for data in (first, *rest) if data.info.own]
    if len(own) > 1 and not similar_groups:  # a group in two of them is one person
        every = [item for data in own for item in data.items]
        refuse(checks_of_groups(" and ".join(str(data.root) for data in own), every))
    return [with_faces(data) if stills else data for data in (first, *rest)]


def warn_of_reading(datasets: Sequence[Dataset]) -> None:
    """Log the warnings of reading the data, such as cells of NaN."""
    for data in datasets:
        for problem in data.found:
            if problem.level == "warning":
                log.warning(str(problem))


def are_stills(data: Dataset) -> bool:
    """Whether data are still faces only."""
    return data.faces is not None or data.kinds == ("still",)


def begins_with_stills(given: Mapping[str, Any]) -> bool:
    """Whether the first data set of a command holds still faces only.

    Groups are not checked here. The command checks them when it reads all of its data.
    """
    layout, mapped, pattern = (given[name] for name in ("layout", "mapped", "group_pattern"))
    return are_stills(
        open_labelled(given["data"][:1], layout, mapped, pattern, True, similar_groups=True)[0]
    )


def with_faces(data: Dataset) -> Dataset:
    """The data; if they are pictures alone, read as still faces."""
    from emonets.datasets.reading import from_faces

    if data.faces is not None or not are_stills(data):
        return data
    return from_faces(data.info, data.root, data.root, data.still_faces())


def open_store(store: str | None, beside: Path, dry: bool = False) -> FeatureStore | None:
    """The named store, or one beside the output; None if a dry run would create it."""
    from emonets.runtime.store import MARK, FeatureStore

    place = store or str(beside.with_name(beside.name + ".store"))
    if dry and "://" not in place and not Path(place, MARK).is_file():
        return None
    keep_in(place)
    if store is None:
        log.info(f"store: {place} (features and finished stages, for the next run; or --store)")
    return FeatureStore(place)


def keep_in(store: str) -> None:
    """Name the store in the message of a command that is stopped."""
    from emonets.runtime.ending import keeps

    keeps(f"features and finished stages are in {store}; the same command continues with the rest")


def labels_of(pairs: list[str]) -> dict[str, str]:
    """The ``--map`` options: word → emotion, or ``drop``."""
    labels: dict[str, str] = {}
    for pair in pairs:
        word, equals, emotion = pair.rpartition("=")
        if not (word.strip() and equals and emotion.strip()):
            raise ParameterError(f"--map takes WORD=EMOTION or WORD=drop, got {pair!r}")
        labels[word.strip()] = emotion.strip().lower()
    return labels


def names_of(text: str | None) -> list[str] | None:
    """The names of a comma-separated list; None for None."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def drawn(table: dict[str, Any], seed: int) -> dict[str, Any]:
    """The preset with the first draw of its distributions, if it has any."""
    from emonets.training.search_space import draw, has_distributions

    return draw(table, seed, 0) if has_distributions(table) else table


def changed(
    preset: dict[str, Any], models: str | None, changes: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A preset with some settings of one specialist replaced; None replaces nothing."""
    given = {key: value for key, value in (changes or {}).items() if value is not None}
    if given and models in preset:
        preset[str(models)] = {**preset[str(models)], **given}
    return preset


def refuse_flags(given: Mapping[str, Any], allowed: Mapping[str, Any], why: str) -> None:
    """Raise ParameterError for options that were given and do not apply.

    Parameters
    ----------
    given : values by name. allowed : defaults, which count as not given.
    """
    for name, value in given.items():
        if value != allowed[name]:
            raise ParameterError(f"--{name.strip('_').replace('_', '-')} {why}")
