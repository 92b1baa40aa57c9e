"""What a shell completes beside commands, options and files: names of bundles and of formats."""

from __future__ import annotations


def complete_bundle(incomplete: str) -> list[str]:
    """The shipped bundles that begin as given. Where none does, shells complete folders."""
    from emonets.bundle import bundle_names

    return [name for name in bundle_names() if name.startswith(incomplete)]


def complete_format(incomplete: str) -> list[tuple[str, str]]:
    """The formats of ``predict`` that begin as given, and what they are for."""
    table = [("table", "for the terminal")] if "table".startswith(incomplete) else []
    return table + complete_formats(incomplete)


def complete_formats(incomplete: str) -> list[tuple[str, str]]:
    """The formats that the last of several names between commas may become."""
    from emonets.export import writers

    before, comma, begun = incomplete.rpartition(",")
    given = before.split(",")
    return [
        (f"{before}{comma}{one.name}", one.about)
        for one in writers().values()
        if one.name.startswith(begun) and one.name not in given
    ]
