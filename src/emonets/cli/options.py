"""The options that several commands share, and how what they name is opened."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from rich.console import Console
from typer.core import TyperGroup

from emonets.cli.data import labels_of
from emonets.errors import ParameterError

if TYPE_CHECKING:
    from emonets.datasets import Dataset
    from emonets.runtime.store import FeatureStore

err = Console(stderr=True, markup=False, emoji=False, highlight=False)
log = logging.getLogger("emonets.cli")


class LinesToError(logging.Handler):
    """Shows what the library logs on standard error, a line a record."""

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record; warnings are marked as notes."""
        note = record.levelno >= logging.WARNING
        text = f"note: {record.getMessage()}" if note else record.getMessage()
        err.print(text, style="yellow" if note else "", soft_wrap=True)


def show_log() -> None:
    """Show the log of the library from now on; calling it again changes nothing."""
    logger = logging.getLogger("emonets")
    if not any(isinstance(handler, LinesToError) for handler in logger.handlers):
        logger.addHandler(LinesToError())
    logger.setLevel(logging.INFO)


Data = Annotated[
    list[Path],
    typer.Argument(help="Labelled clips: class folders, a manifest, RAVDESS, AFEW …; several."),
]
Out = Annotated[Path, typer.Option(help="Where the bundle goes.")]
Preset = Annotated[str, typer.Option(help="A preset's name or a .toml file.")]
Store = Annotated[
    str | None,
    typer.Option(
        help="Folder of features and finished stages; or an address, with the extra 'dask'."
    ),
]
With = Annotated[
    list[Path] | None,
    typer.Option("--with", help="More data to train on only, such as speech; several."),
]
Models = Annotated[
    str | None, typer.Option(help="Which specialists, such as face,audio. Default: all.")
]
Base = Annotated[
    str | None,
    typer.Option(help="Bundle whose networks are taken ('none': audio). Default: the preset's."),
]  # fmt: skip
Folds = Annotated[
    int | None,
    typer.Option(help="Of whole groups. Default: agreed ones; or one a group, ten at most."),
]
Report = Annotated[
    Path | None, typer.Option(help="Folder for report.md, CSV, JSON and pictures of the scores.")
]
AddTo = Annotated[str | None, typer.Option(help="A bundle whose other specialists are taken over.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Workers = Annotated[int, typer.Option(help="Processes side by side.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Address of a Dask cluster that does the work, tcp://HOST:PORT.")
]
Layout = Annotated[
    str | None, typer.Option(help="A name of 'emonets data list'. Default: found out.")
]
Mapped = Annotated[
    list[str] | None,
    typer.Option("--map", help="WORD=EMOTION, or WORD=drop: words of your own; several."),
]
GroupPattern = Annotated[
    str | None, typer.Option(help="Class folders: part of a file name that names the group.")
]
SharedGroups = Annotated[
    bool, typer.Option("--shared-groups", help="Take data that has a group in two parts.")
]


class DefaultGroup(TyperGroup):
    """A group of commands; what names none of them is given to one called ``all``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``all`` in front where no command is named."""
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
    """A command that takes the options of another one and gives them to a function.

    Parameters
    ----------
    run : called with all options by name.
    like : whose options are taken. without : names of those that are not.
    more : a function whose options are taken, too, in place of others of the same name.
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
    stills: bool = False,
) -> list[Dataset]:
    """Labelled data, in the layout that they have.

    Parameters
    ----------
    layout, mapped, group_pattern : of the first.
    stills : whether pictures alone are still faces, framed as FER2013's, and no clips.

    Raises
    ------
    DataError, ParameterError : as ``open_dataset``.
    """
    from emonets.datasets import open_dataset

    words = labels_of(mapped or []) or None
    first = open_dataset(
        paths[0], layout, labels=words, group_pattern=group_pattern, shared_groups=shared_groups
    )
    rest = [open_dataset(path, shared_groups=shared_groups) for path in paths[1:]]
    return [with_faces(data) if stills else data for data in (first, *rest)]


def are_stills(data: Dataset) -> bool:
    """Whether data are still faces alone, and no clips."""
    return data.faces is not None or data.kinds == ("still",)


def with_faces(data: Dataset) -> Dataset:
    """Data with their pictures read as still faces, where they are pictures alone."""
    from emonets.datasets.reading import from_faces

    if data.faces is not None or not are_stills(data):
        return data
    return from_faces(data.info, data.root, data.root, data.still_faces())


def open_store(store: str | None, beside: Path, dry: bool = False) -> FeatureStore | None:
    """The store that was named, or one beside what is to be written; None: nothing is written."""
    from emonets.runtime.store import FeatureStore

    place = store or str(beside.with_name(beside.name + ".store"))
    if dry and "://" not in place and not Path(place).exists():
        return None
    if store is None:
        log.info(f"store: {place} (features and finished stages, for the next run; or --store)")
    return FeatureStore(place)


def names_of(text: str | None) -> list[str] | None:
    """Names between commas; None for nothing."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def drawn(table: dict[str, Any], seed: int) -> dict[str, Any]:
    """The preset with the first draw of its distributions, if it has any."""
    from emonets.training.search_space import draw, has_distributions

    return draw(table, seed, 0) if has_distributions(table) else table


def changed(
    preset: dict[str, Any], models: str | None, changes: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A preset with what was asked for in place of some of one specialist's table."""
    given = {key: value for key, value in (changes or {}).items() if value is not None}
    if given and models in preset:
        preset[str(models)] = {**preset[str(models)], **given}
    return preset


def refuse_flags(given: Mapping[str, Any], allowed: Mapping[str, Any], why: str) -> None:
    """Raise ParameterError for options that were given and do not belong here.

    Parameters
    ----------
    given : by name. allowed : the values by which they count as not given.
    """
    for name, value in given.items():
        if value != allowed[name]:
            raise ParameterError(f"--{name.strip('_').replace('_', '-')} {why}")
