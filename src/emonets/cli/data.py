"""The commands about labelled data: what is known, how it must lie, and whether it is in order."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from emonets.errors import ParameterError

if TYPE_CHECKING:
    from emonets.datasets import Dataset, DatasetInfo, Problem

data_app = typer.Typer(help="Labelled data: what there is, and whether it is in order.",
                       no_args_is_help=True)  # fmt: skip

_PLAIN: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
_MOST = 20  # problems of a kind that are shown
_WIDE = 200  # of what is no terminal; for programs there is JSON

Json = Annotated[bool, typer.Option("--json", help="As JSON, with everything there is.")]


@data_app.command("list", epilog="Example: emonets data list")
def list_datasets(as_json: Json = False) -> None:
    """List the datasets there are readers for: terms, groups, parts and how to get them."""
    from emonets.datasets import DATASETS

    if as_json:
        print(json.dumps([_described(r.info) for r in DATASETS.values()], ensure_ascii=False))
        return
    table = Table(box=None, header_style="bold", pad_edge=False, leading=1)
    for name in ("name", "what it is", "licence", "a group is", "parts", "how to get it"):
        table.add_column(name, overflow="fold", no_wrap=name == "name")
    for reader in DATASETS.values():
        info = reader.info
        table.add_row(info.name, info.title, info.licence, info.group, info.splits, info.where)
    _print(table)


@data_app.command("show", epilog="Example: emonets data show ravdess")
def show_dataset(
    name: Annotated[str, typer.Argument(help="A name of 'emonets data list'.")],
    as_json: Json = False,
) -> None:
    """Show all that is known of a dataset: citation, layout, what its words for emotions mean."""
    from emonets.datasets.registry import reader_of

    reader = reader_of(name)
    if as_json:
        print(json.dumps(_described(reader.info), ensure_ascii=False))
        return
    info = reader.info
    means = "; ".join(f"{word} = {emotion}" for word, emotion in info.words.items())
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for what, text in (
        ("name", info.name),
        ("what it is", info.title),
        ("kinds", ", ".join(info.kinds)),
        ("licence", info.licence),
        ("how to get it", info.where),
        ("how it lies", info.layout),
        ("a group is", info.group),
        ("parts", info.splits),
        ("its words", means),
        ("dropped", "; ".join(f"{word}: {why}" for word, why in info.outside.items()) or "nothing"),
        ("known of it", "; ".join(f"{what}: {why}" for what, why in info.known.items())),
        ("options", ", ".join(reader.options)),
    ):
        if text:
            table.add_row(what, text)
    _print(table)
    if info.citation:
        print(f"\n{info.citation}")


@data_app.command("check", epilog="Example: emonets data check clips/ --deep")
def check_dataset(
    path: Annotated[Path, typer.Argument(help="A folder, a manifest, fer2013.npz …")],
    layout: Annotated[
        str | None, typer.Option(help="A name of 'emonets data list'. Default: found out.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every file to its end.")] = False,
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help="WORD=EMOTION, or WORD=drop: words of your own; several."),
    ] = None,
    group_pattern: Annotated[
        str | None, typer.Option(help="Class folders: part of a file name that names the group.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count what lies at a path and list what is wrong with it; exits with 1 if there is an error.

    Errors are files that are missing or damaged, wrong lines of a manifest, groups in two parts,
    and copies with another class, part or group. Warnings are other copies, files without a
    label, classes with a single item. Nothing is written and nothing is changed.
    """
    from emonets.datasets import open_dataset

    dataset = open_dataset(
        path,
        layout,
        strict=False,
        labels=labels_of(mapped or []) or None,
        group_pattern=group_pattern,
    )
    problems = dataset.validate(deep=deep)
    if as_json:
        print(json.dumps(_report(dataset, problems), ensure_ascii=False))
    else:
        _print_counts(dataset)
        _print_problems(problems)
    if any(problem.level == "error" for problem in problems):
        raise typer.Exit(1)


def labels_of(pairs: list[str]) -> dict[str, str]:
    """The ``--map`` options: word → emotion, or ``drop``."""
    labels: dict[str, str] = {}
    for pair in pairs:
        word, equals, emotion = pair.rpartition("=")
        if not (word.strip() and equals and emotion.strip()):
            raise ParameterError(f"--map takes WORD=EMOTION or WORD=drop, got {pair!r}")
        labels[word.strip()] = emotion.strip().lower()
    return labels


def _described(info: DatasetInfo) -> dict[str, Any]:
    return {
        key: dict(value) if isinstance(value, Mapping) else value
        for key, value in vars(info).items()
        if key not in ("per_group",)
    }


def _report(dataset: Dataset, problems: tuple[Problem, ...]) -> dict[str, Any]:
    levels = Counter(problem.level for problem in problems)
    return {
        "path": str(dataset.root),
        "dataset": dataset.info.name,
        "name": dataset.name,
        "licence": dataset.info.licence,
        "n": len(dataset),
        "kinds": list(dataset.kinds),
        "groups": len(set(dataset.groups)),
        "grouped": dataset.grouped,
        "counts": dataset.counts(),
        "dropped": len(dataset.dropped),
        "errors": levels["error"],
        "warnings": levels["warning"],
        "notes": levels["note"],
        "problems": [asdict(problem) for problem in problems],
    }


def _print_counts(dataset: Dataset) -> None:
    n = Counter(item.kind for item in dataset.items)
    what = ", ".join(f"{n[kind]} {kind}{'s' if n[kind] > 1 else ''}" for kind in dataset.kinds)
    unknown = "" if dataset.grouped else "; not of every item is the group known"
    groups = len(set(dataset.groups))
    console = Console(**_PLAIN)
    console.print(
        f"{dataset.root}: {dataset.name} ({dataset.info.name}), {what}, "
        f"{groups} group{'' if groups == 1 else 's'}{unknown}; licence: {dataset.info.licence}",
        soft_wrap=True,
    )
    counts = dataset.counts()
    splits = list(next(iter(counts.values())))
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("class")
    for split in (*splits, "all") if splits != [""] else ("all",):
        table.add_column(split or "(no part)", justify="right")
    rows = {**counts, "all": {s: sum(row[s] for row in counts.values()) for s in splits}}
    for name, row in rows.items():
        cells = [*row.values(), sum(row.values())] if splits != [""] else row.values()
        table.add_row(name, *map(str, cells))
    console.print(table)


def _print_problems(problems: tuple[Problem, ...]) -> None:
    console = Console(**_PLAIN)
    shown: Counter[tuple[str, str]] = Counter()
    for problem in problems:
        key = (problem.level, problem.kind)
        shown[key] += 1
        if shown[key] <= _MOST:
            console.print(f"{problem.level}: {problem.kind}: {problem}", soft_wrap=True)
    for (level, kind), n in shown.items():
        if n > _MOST:
            console.print(f"{level}: {kind}: {n - _MOST} more; --json lists all", soft_wrap=True)
    levels = Counter(problem.level for problem in problems)
    console.print(", ".join(
        f"{levels[level]} {level}{'' if levels[level] == 1 else 's'}"
        for level in ("error", "warning", "note")
    ))  # fmt: skip


def _print(table: Table) -> None:
    console = Console(**_PLAIN)
    (console if console.is_terminal else Console(width=_WIDE, **_PLAIN)).print(table)
