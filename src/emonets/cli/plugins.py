"""The command ``plugins``: which parts of other packages are used."""

from __future__ import annotations

import json
from dataclasses import asdict

import typer
from rich.table import Table

from emonets.cli.data import Json
from emonets.cli.options import console


def plugins(as_json: Json = False) -> None:
    """List the plug-ins: parts of other installed packages.

    A plug-in is a specialist, a reader of a corpus, or an export.

    The exit status is 1 if one of them cannot be used; a note on standard error has the reason.
    With the environment variable EMONETS_PLUGINS=off none is used.
    """
    from emonets import contracts
    from emonets.datasets import registry
    from emonets.export import base

    contracts.specialist_kinds()
    len(registry.DATASETS)
    base.writers()
    groups = (contracts.PLUGINS, registry.PLUGINS, base.PLUGINS)
    found = [plugin for group in groups for plugin in group.found]
    if as_json:
        print(json.dumps([asdict(plugin) for plugin in found], ensure_ascii=False))
    elif not found:
        console.print("no plug-ins")
    else:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("group", "name", "package", "used"):
            table.add_column(name, overflow="fold")
        for plugin in found:
            table.add_row(
                plugin.group, plugin.name, plugin.package, "no" if plugin.fault else "yes"
            )
        console.print(table)
    if any(plugin.fault for plugin in found):
        raise typer.Exit(1)
