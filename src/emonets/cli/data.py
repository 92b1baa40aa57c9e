"""The commands about labelled data: which corpora are read, and whether data are in order."""

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

from emonets.cli.options import (
    PLAIN,
    GroupPattern,
    Layout,
    Mapped,
    SimilarGroups,
    console,
    example,
    labels_of,
)

if TYPE_CHECKING:
    from emonets.datasets import Dataset, DatasetInfo, Problem

data_app = typer.Typer(
    help="List corpora, and check labelled data.",
    no_args_is_help=True,
    epilog=example("emonets data list", "emonets data check clips/"),
)

_MOST = 20  # problems of a kind that are printed
_WIDE = 200  # columns where output is not a terminal; programs use JSON

Json = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


@data_app.command("list", epilog=example("emonets data list"))
def list_datasets(as_json: Json = False) -> None:
    """List the corpora that are read.

    For each: licence, groups, parts and how to get it.
    """
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


@data_app.command("show", epilog=example("emonets data show ravdess"))
def show_dataset(
    name: Annotated[str, typer.Argument(help="A name of 'emonets data list'.")],
    as_json: Json = False,
) -> None:
    """Print what is known of one corpus.

    Citation, layout, and which emotion each of its labels means.
    """
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


@data_app.command(
    "check",
    epilog=example(
        "emonets data check clips/ --deep",
        "emonets data check clips.csv --map amused=happy --map bored=drop",
    ),
)
def check_dataset(
    path: Annotated[Path, typer.Argument(help="A folder, a manifest, fer2013.npz …")],
    layout: Layout = None,
    deep: Annotated[bool, typer.Option("--deep", help="Decode every file to its end.")] = False,
    mapped: Mapped = None,
    group_pattern: GroupPattern = None,
    similar_groups: SimilarGroups = False,
    as_json: Json = False,
) -> None:
    """Count labelled data and list what is wrong.

    Errors are: missing or damaged files, wrong lines of a manifest, groups in two parts, and copies
    with another class, part or group. Warnings are: other copies, files without a label, classes
    with a single item. The exit status is 1 if there is an error. Nothing is written or changed.
    """
    from emonets.datasets import open_dataset

    dataset = open_dataset(
        path,
        layout,
        strict=False,
        similar_groups=similar_groups,
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
    unknown = "" if dataset.grouped else "; some items have no known group"
    groups = len(set(dataset.groups))
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
    (console if console.is_terminal else Console(width=_WIDE, **PLAIN)).print(table)
